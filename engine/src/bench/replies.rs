//! Whole replies through the engine's own path (template, prefill, decode loop, parser, masks), with
//! prescribed tokens.

use std::time::{Duration, Instant};

use super::stopwatch::{Lap, Stopwatch};
use super::workbench::Workbench;
use crate::engine::encoding::EncodedImage;
use crate::error::EngineError;
use crate::job::{Answer, Increment, Question};
use crate::protocol::Turn;
use crate::text::conversation::GROUNDED_CAPTION;

/// What a mask takes of a reply.
const PHRASE: &str = "<p> A red house </p> [SEG]";
/// What stands between masks, as often as there is room.
const FILLER: &str = "and beside it on the green grass";
/// Every later question and its reply.
const QUESTION: &str = "What is to the left of the house, and which color does it have?";
const REPLY: &str = "There is a tall green tree to the left of it.";

/// Where the image is when the question comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// It was encoded before.
    Encoded,
    /// It is just being opened: its grounding encoder is run for the first mask.
    WordsFirst,
    /// It is just being opened, and both encoders are run before the first word.
    EncodersFirst,
}

/// A grounded caption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroundedTurn {
    /// All of it.
    pub lap: Lap,
    /// Positions of the prompt, image included.
    pub prompt_tokens: usize,
    /// Tokens of the reply.
    pub new_tokens: usize,
    /// Masks that came.
    pub masks: usize,
    /// From the question to the first token.
    pub first_token: Duration,
    /// From the question to the last mask.
    pub last_mask: Duration,
}

/// The beginning of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FollowUp {
    /// From the question to the first token of the reply.
    pub lap: Lap,
    /// Positions of the prompt, image included.
    pub prompt_tokens: usize,
    /// Of these, positions that were remembered.
    pub cached_tokens: usize,
}

impl Workbench<'_> {
    /// The first question about an image, answered by `tokens` tokens, of which `masks` are `[SEG]`
    /// (fewer of both where the vocabulary takes more room for the words).
    ///
    /// # Errors
    /// The model's context is too short; else the tensor library's.
    pub fn grounded_turn(
        &self,
        opening: Opening,
        (tokens, masks): (usize, usize),
    ) -> Result<GroundedTurn, EngineError> {
        let turns = [asked(GROUNDED_CAPTION)];
        let script = self.grounded_script(tokens, masks);
        let noise = if opening == Opening::Encoded { Some(self.image()?) } else { None };
        let (mut masks, mut last_mask) = (0, Duration::ZERO);
        let begin = Instant::now();
        let watch = Stopwatch::start();
        let mut image = match noise {
            Some(image) => image,
            None => self.engine.begin_encoding(self.picture, &|| false)?,
        };
        if opening == Opening::EncodersFirst {
            self.engine.finish_encoding(&mut image, &|| false)?;
        }
        let opened = begin.elapsed();
        let answer = self.reply(&mut image, &turns, &script, &mut |piece| {
            if matches!(piece, Increment::Mask { .. }) {
                (masks, last_mask) = (masks + 1, begin.elapsed());
            }
        })?;
        let lap = watch.lap();
        let stats = answer.stats;
        Ok(GroundedTurn {
            lap,
            prompt_tokens: stats.prompt_tokens,
            new_tokens: stats.new_tokens,
            masks,
            first_token: opened + stats.time_to_first_token,
            last_mask,
        })
    }

    /// `turns` questions in one conversation, one after the other, each answered by a short sentence;
    /// how long the first token of each takes. `done` is called behind each.
    ///
    /// # Errors
    /// The model's context is too short; else the tensor library's.
    pub fn follow_ups(&self, turns: usize, done: &mut dyn FnMut()) -> Result<Vec<FollowUp>, EngineError> {
        let mut image = self.image()?;
        let tokenizer = &self.engine.tokenizer;
        let mut script = tokenizer.encode_bare(REPLY);
        script.push(tokenizer.markers().eos);
        let mut conversation: Vec<Turn> = Vec::new();
        let mut found = Vec::with_capacity(turns);
        for _ in 0..turns {
            conversation.push(asked(if conversation.is_empty() { GROUNDED_CAPTION } else { QUESTION }));
            let watch = Stopwatch::start();
            let begun = self.reply(&mut image, &conversation, &script[..1], &mut |_| {})?;
            let lap = watch.lap();
            let (prompt_tokens, cached_tokens) = (begun.stats.prompt_tokens, begun.stats.cached_tokens);
            found.push(FollowUp { lap, prompt_tokens, cached_tokens });
            let answer = self.reply(&mut image, &conversation, &script, &mut |_| {})?;
            if let Some(turn) = conversation.last_mut() {
                turn.reply = Some(answer.reply.raw);
            }
            done();
        }
        Ok(found)
    }

    /// Exactly the tokens of `script`.
    fn reply(
        &self,
        image: &mut EncodedImage,
        turns: &[Turn],
        script: &[u32],
        report: &mut dyn FnMut(Increment),
    ) -> Result<Answer, EngineError> {
        self.engine.answer(image, (Question::greedy(turns, script.len()), script), &|| false, report)
    }

    /// `tokens` tokens in which `masks` phrases stand at equal distances.
    fn grounded_script(&self, tokens: usize, masks: usize) -> Vec<u32> {
        let (phrase, filler) =
            (self.engine.tokenizer.encode_bare(PHRASE), self.engine.tokenizer.encode_bare(FILLER));
        let mut script = Vec::with_capacity(tokens + phrase.len());
        for mask in 1..=masks {
            script.extend_from_slice(&phrase);
            let room = (tokens * mask / masks).saturating_sub(script.len());
            script.extend(filler.iter().cycle().take(room));
        }
        script.truncate(tokens);
        script
    }
}

fn asked(question: &str) -> Turn {
    Turn { user: question.to_owned(), ..Turn::default() }
}
