//! One turn of a conversation: a question into the model, and the reply to it, piece by piece.

use std::time::{Duration, Instant};

use candle_core::Tensor;
use tracing::trace_span;

use super::Engine;
use super::encoding::{EncodedFrame, EncodedImage, between};
use crate::device;
use crate::error::{EngineError, PromptError};
use crate::generate::{Generation, ImageInput, Odds, Policy, Step};
use crate::job::{Answer, Increment, Question, StopCheck};
use crate::model::glamm::Slot;
use crate::protocol::{EncodeTimings, FinishReason, JobStats, TokenChoice, TokenRecord};
use crate::text::conversation::{Prompt, PromptToken, SYSTEM, reply_text};
use crate::text::grounded::{ReplyEvent, ReplyParser};
use crate::vision::{MaskCandidates, PixelBox};

impl Engine {
    /// Answers with the tokens of `script` first, whatever the model would say.
    ///
    /// # Errors
    /// The question cannot be put to the model; else the tensor library's.
    pub(crate) fn answer(
        &self,
        image: &mut EncodedImage,
        (question, script): (Question<'_>, &[u32]),
        stop: StopCheck<'_>,
        report: &mut dyn FnMut(Increment),
    ) -> Result<Answer, EngineError> {
        let _span = trace_span!("turn").entered();
        let start = Instant::now();
        let system = question.system.unwrap_or(SYSTEM);
        let prompt = Prompt::with_system(&self.tokenizer, system, question.turns)?;
        let mut slots = self.slots(&prompt, image.frame.geometry.image_size)?;
        slots.extend(prompt.begun.iter().map(|&id| Slot::Token(id)));
        if slots.iter().any(|slot| matches!(slot, Slot::Region(_))) {
            self.prepare_regions(image, stop)?;
        }
        let policy = Policy {
            end_of_sequence: self.tokenizer.markers().eos,
            max_new_tokens: question.max_new_tokens,
            sampling: question.sampling,
            script,
        };
        let encoded_in = image.timings();
        let input = ImageInput { tokens: &image.tokens.tokens, maps: image.region_maps.as_deref() };
        let mut generation =
            Generation::start(&self.model, &mut image.context, (&slots, input), policy, stop)?;
        let stats = JobStats {
            prompt_tokens: slots.len(),
            cached_tokens: generation.reused(),
            ..JobStats::default()
        };
        let mut reply =
            Unfolding::new((self, &mut image.frame, encoded_in), (start, stats), &prompt, (stop, report));
        let reason = loop {
            match generation.next(stop)? {
                Step::End(reason) => break reason,
                Step::Token { id, predicted_by, predicted_at, odds } => {
                    match reply.push(self.record(id, predicted_at, odds), &predicted_by) {
                        // The grounding encoder was stopped; what was said stays said.
                        Err(EngineError::Cancelled) => break FinishReason::Cancelled,
                        result => result?,
                    }
                }
            }
        };
        reply.finish(reason, &prompt)
    }

    /// Makes the maps that regions are cut from, if that was not done before.
    fn prepare_regions(&self, image: &mut EncodedImage, stop: StopCheck<'_>) -> Result<(), EngineError> {
        if image.region_maps.is_none() {
            let levels = &image.tokens.levels;
            let _span = trace_span!("region maps").entered();
            let maps = device::compute(&self.device, || {
                self.model.region_encoder.feature_maps(levels, &mut between(stop))
            })?;
            image.region_maps = Some(maps);
        }
        Ok(())
    }

    fn record(&self, id: u32, predicted_at: usize, odds: Odds) -> TokenRecord {
        let text = |id| self.tokenizer.token_text(id);
        let choice = |(id, probability)| TokenChoice { id, text: text(id), probability };
        let likeliest = odds.likeliest.into_iter().map(choice).collect();
        TokenRecord { id, text: text(id), probability: odds.chosen, likeliest, predicted_at, grounding: None }
    }

    /// What stands at every position of the language model's input.
    fn slots(&self, prompt: &Prompt, image_size: (u32, u32)) -> Result<Vec<Slot>, PromptError> {
        let boxes = prompt.regions.iter().map(|&region| normalised(region, image_size));
        let boxes = boxes.collect::<Result<Vec<_>, _>>()?;
        let patches = self.config.global_encoder.patches() as u32;
        let mut slots = Vec::with_capacity(prompt.tokens.len() + patches as usize);
        for token in &prompt.tokens {
            match *token {
                PromptToken::Text(id) => slots.push(Slot::Token(id)),
                PromptToken::Image => slots.extend((0..patches).map(Slot::Image)),
                PromptToken::Region { token, index } => {
                    slots.push(boxes.get(index).map_or(Slot::Token(token), |&sides| Slot::Region(sides)));
                }
            }
        }
        Ok(slots)
    }
}

/// A reply while it is decoded: tokens come in, text and masks are reported.
struct Unfolding<'a> {
    engine: &'a Engine,
    frame: &'a mut EncodedFrame,
    /// What the image took before the question.
    encoded_in: EncodeTimings,
    start: Instant,
    /// Time in the grounding encoder.
    waited: Duration,
    stats: JobStats,
    parser: ReplyParser<'a>,
    tokens: Vec<TokenRecord>,
    stop: StopCheck<'a>,
    report: &'a mut dyn FnMut(Increment),
}

impl<'a> Unfolding<'a> {
    fn new(
        (engine, frame, encoded_in): (&'a Engine, &'a mut EncodedFrame, EncodeTimings),
        (start, stats): (Instant, JobStats),
        prompt: &Prompt,
        (stop, report): (StopCheck<'a>, &'a mut dyn FnMut(Increment)),
    ) -> Self {
        let mut parser = ReplyParser::new(&engine.tokenizer);
        // What the reply begins with was told before.
        for &id in &prompt.begun {
            parser.push(id);
        }
        let (waited, tokens) = (Duration::ZERO, Vec::new());
        Self { engine, frame, encoded_in, start, waited, stats, parser, tokens, stop, report }
    }

    /// Takes the next token. `predicted_by` `[1, width]` is the hidden state that it was chosen from, which
    /// prompts the pixel decoder if it is a `[SEG]`.
    ///
    /// # Errors
    /// [`EngineError::Cancelled`] where the grounding encoder was stopped; else the tensor library's.
    fn push(&mut self, mut token: TokenRecord, predicted_by: &Tensor) -> Result<(), EngineError> {
        if self.tokens.is_empty() {
            self.stats.time_to_first_token = self.start.elapsed();
        }
        if token.id == self.engine.tokenizer.markers().seg && !self.frame.is_done() {
            self.waited += self.engine.finish_frame(self.frame, self.stop)?;
            (self.report)(Increment::ImageEncoded(self.frame.added_to(self.encoded_in)));
        }
        for event in self.parser.push(token.id) {
            if let ReplyEvent::Grounded { index, .. } = event {
                token.grounding = Some(index);
            }
            let decode = || {
                let start = Instant::now();
                let masks = self.engine.masks_of_seg(self.frame, predicted_by);
                self.stats.mask_time += start.elapsed();
                masks
            };
            (self.report)(increment(event, decode)?);
        }
        self.tokens.push(token);
        Ok(())
    }

    /// The whole reply.
    fn finish(mut self, reason: FinishReason, prompt: &Prompt) -> Result<Answer, EngineError> {
        self.stats.new_tokens = self.tokens.len();
        let before = self.stats.time_to_first_token + self.waited;
        self.stats.decode_time = self.start.elapsed().saturating_sub(before);
        for event in self.parser.finish() {
            // The end closes phrases; masks come with tokens.
            (self.report)(increment(event, || Err(EngineError::Cancelled))?);
        }
        let ids: Vec<u32> =
            prompt.begun.iter().copied().chain(self.tokens.iter().map(|token| token.id)).collect();
        let raw = reply_text(&self.engine.tokenizer, &prompt.tokens, &ids);
        let (reply, tokens) = (self.parser.into_reply(raw), self.tokens.into());
        Ok(Answer { reason, reply, tokens, stats: self.stats })
    }
}

/// The box as fractions of the image's width and height, neither clipped nor put in order: so the
/// model was trained.
fn normalised(region: PixelBox, (width, height): (u32, u32)) -> Result<[f32; 4], PromptError> {
    let PixelBox { x0, y0, x1, y1 } = region;
    if region.within(width, height).is_none() {
        return Err(PromptError::BoxOutside { x0, y0, x1, y1, width, height });
    }
    let (w, h) = (width as f32, height as f32);
    Ok([x0 / w, y0 / h, x1 / w, y1 / h])
}

/// The same news with the masks that are due.
fn increment(
    event: ReplyEvent,
    decode: impl FnOnce() -> Result<MaskCandidates, EngineError>,
) -> Result<Increment, EngineError> {
    Ok(match event {
        ReplyEvent::Text(text) => Increment::Text(text),
        ReplyEvent::PhraseOpened => Increment::PhraseOpened,
        ReplyEvent::PhraseClosed(span) => Increment::PhraseClosed(span),
        ReplyEvent::Grounded { index, grounding } => Increment::Mask { index, grounding, masks: decode()? },
    })
}
