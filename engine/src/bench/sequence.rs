//! The language model alone: prompts of chosen length, and steps behind them.

use candle_core::Tensor;

use super::stopwatch::{Lap, Stopwatch};
use crate::device;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::generate::{Context, Generation, ImageInput, Policy, Step};
use crate::model::glamm::Slot;
use crate::model::layers::uninterrupted;
use crate::protocol::Sampling;

/// Logits over the vocabulary behind each of these tokens, which follow each other from the first
/// position on, without template or image: for comparison with other programs.
///
/// # Errors
/// The tensor library's, also where a token is not in the vocabulary or there are too many.
pub fn logits(engine: &Engine, tokens: &[u32]) -> Result<Vec<Vec<f32>>, EngineError> {
    let llm = &engine.model.llm;
    device::compute(&engine.device, || {
        let hidden = llm.forward(&llm.embed(tokens)?, &mut llm.new_cache(), &mut uninterrupted)?;
        Ok(llm.logits(&hidden)?.to_vec2()?)
    })
}

/// No token: sequences end by their length alone.
const NO_END: u32 = u32::MAX;
/// Ids of the words behind the image; any will do that every vocabulary has.
const WORDS: std::ops::Range<u32> = 3..259;

/// One sequence: an image's positions first, words behind them.
pub struct Sequence<'a> {
    engine: &'a Engine,
    image: Tensor,
    context: Context,
}

impl<'a> Sequence<'a> {
    /// `image` is `[patches, width]`.
    pub(super) fn new(engine: &'a Engine, image: Tensor) -> Self {
        Self { engine, image, context: Context::new(&engine.model.llm) }
    }

    /// Positions that it can have.
    pub fn limit(&self) -> usize {
        self.engine.info().context_length
    }

    /// Computes a prompt of `positions` from nothing, up to the first token of the reply.
    ///
    /// # Errors
    /// The prompt is longer than the model's context; else the tensor library's.
    pub fn prefill(&mut self, positions: usize) -> Result<Lap, EngineError> {
        self.context.clear();
        let prompt = self.prompt(positions);
        let watch = Stopwatch::start();
        let mut generation = self.start(&prompt, 1)?;
        expect_token(&generation.next(&|| false)?)?;
        Ok(watch.lap())
    }

    /// Decodes `tokens` tokens, one at a time, each fed back, behind `depth` positions. These are
    /// computed before, so far as they are not there yet; the lap is of the steps alone.
    ///
    /// # Errors
    /// The model's context is too short; else the tensor library's.
    pub fn decode(&mut self, depth: usize, tokens: usize) -> Result<Lap, EngineError> {
        let prompt = self.prompt(depth);
        let mut generation = self.start(&prompt, tokens + 1)?;
        // The first token comes out of the prompt's last state.
        expect_token(&generation.next(&|| false)?)?;
        let watch = Stopwatch::start();
        for _ in 0..tokens {
            expect_token(&generation.next(&|| false)?)?;
        }
        Ok(watch.lap())
    }

    fn start<'b>(
        &'b mut self,
        prompt: &[Slot],
        max_new_tokens: usize,
    ) -> Result<Generation<'b>, EngineError> {
        let policy =
            Policy { end_of_sequence: NO_END, max_new_tokens, sampling: &Sampling::Greedy, script: &[] };
        let input = ImageInput { tokens: &self.image, maps: None };
        Generation::start(&self.engine.model, &mut self.context, (prompt, input), policy, &|| false)
    }

    /// A longer prompt begins with the shorter ones.
    fn prompt(&self, positions: usize) -> Vec<Slot> {
        let patches = self.engine.config.global_encoder.patches() as u32;
        let vocabulary = self.engine.config.llm.vocab_size as u32;
        let words = WORDS.cycle().map(|id| Slot::Token(id % vocabulary));
        (0..patches).map(Slot::Image).chain(words).take(positions).collect()
    }
}

fn expect_token(step: &Step) -> Result<(), EngineError> {
    match step {
        Step::Token { .. } => Ok(()),
        Step::End(_) => Err(EngineError::from(candle_core::Error::Msg(
            "the model's context is too short for what is measured".to_owned(),
        ))),
    }
}
