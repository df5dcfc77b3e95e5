//! A loaded GLaMM, used from the thread that calls it: load, encode an image, converse about it.
//!
//! The engine thread ([`crate::handle::EngineHandle`]) is a loop around this; headless programs
//! may use either. Nothing of the tensor library shows through.

use std::fmt;
use std::time::{Duration, Instant};

use candle_core::{DType, Device};
use image::RgbImage;
use tracing::trace_span;

use crate::checkpoint::Checkpoint;
use crate::encoding::{EncodedImage, between};
use crate::error::{DeviceError, EngineError, PromptError};
use crate::generate::{Generation, ImageInput, Odds, Policy, Step};
use crate::job::{Answer, Increment, Question, StopCheck};
use crate::model::backend;
use crate::model::config::GlammConfig;
use crate::model::glamm::{Glamm, Slot};
use crate::precision::Precision;
use crate::protocol::{
    EncodeTimings, EncoderSides, FinishReason, JobStats, LoadProgress, ModelInfo, ModelSource, ModelSpec,
    TokenChoice, TokenRecord,
};
use crate::text::conversation::{Prompt, PromptToken, SYSTEM, reply_text};
use crate::text::grounded::{ReplyEvent, ReplyParser};
use crate::text::tokenizer::Tokenizer;
use crate::vision::{Click, FeatureMaps, MaskCandidates, MaskPrompt, PixelBox};
use crate::worker::{Backend, ReportLoading};
use crate::{demo_model, device};

/// A model, its tokenizer and the processor it runs on.
pub struct Engine {
    pub(crate) model: Glamm,
    pub(crate) config: GlammConfig,
    pub(crate) tokenizer: Tokenizer,
    pub(crate) device: Device,
    /// The number format of all but what is computed in single precision everywhere.
    pub(crate) dtype: DType,
    variant: Variant,
    info: ModelInfo,
}

/// Which of the forms of a model is loaded, and the next smaller one: what a user needs to know when it
/// does not fit.
#[derive(Debug, Clone)]
pub(crate) struct Variant {
    /// For people.
    pub(crate) device: String,
    /// How precisely its matrices are kept.
    pub(crate) precision: String,
    /// The next smaller choice, and the bytes of its weights.
    pub(crate) smaller: Option<(&'static str, u64)>,
}

impl Variant {
    /// The same failure; one for want of memory says what to do.
    pub(crate) fn explain(&self, error: EngineError) -> EngineError {
        match error {
            EngineError::Compute(error) if device::is_out_of_memory(&error) => DeviceError::OutOfMemory {
                device: self.device.clone(),
                precision: self.precision.clone(),
                smaller: self.smaller,
            }
            .into(),
            other => other,
        }
    }
}

impl Engine {
    /// Loads a model. `progress` is told how far it is, and answers whether to go on.
    ///
    /// # Errors
    /// The processor is not there; a file of the checkpoint is missing or wrong;
    /// [`EngineError::Cancelled`] where `progress` said so.
    pub fn load(
        spec: &ModelSpec,
        progress: impl FnMut(&LoadProgress) -> bool + Send + 'static,
    ) -> Result<Self, EngineError> {
        Self::load_in(spec, device::compute_dtype, progress)
    }

    /// Loads a model that computes in the number format that `dtype_of` says.
    pub(crate) fn load_in(
        spec: &ModelSpec,
        dtype_of: impl Fn(&Device, Option<Precision>) -> DType,
        progress: impl FnMut(&LoadProgress) -> bool + Send + 'static,
    ) -> Result<Self, EngineError> {
        let _span = trace_span!("load model").entered();
        let start = Instant::now();
        let device = device::open(spec.device)?;
        let checkpoint = open_checkpoint(&spec.source)?;
        let tokenizer = checkpoint.tokenizer()?;
        let config = checkpoint.config().clone();
        let precision = spec.precision.or_else(|| checkpoint.choose_precision(&device));
        checkpoint.check_memory(&device, precision)?;
        let dtype = dtype_of(&device, precision);
        let weights = checkpoint.weights(&device, (dtype, precision), progress);
        let variant = Variant {
            device: device::name(&device),
            precision: checkpoint.named(precision),
            smaller: checkpoint.next_smaller(precision, backend::Backend::of(&device)),
        };
        let model = Glamm::new(&config, &weights.glamm, &weights.clip)
            .map_err(|error| variant.explain(weights.explain(error)))?;
        let info = ModelInfo {
            name: name_of(&spec.source, &checkpoint),
            device: variant.device.clone(),
            source: spec.source.clone(),
            parameters: weights.parameters(),
            precision: variant.precision.clone(),
            context_length: config.llm.max_position_embeddings,
            encoder_sides: EncoderSides {
                global: config.global_encoder.image_size,
                grounding: config.grounding.image_size,
            },
            load_time: start.elapsed(),
        };
        Ok(Self { model, config, tokenizer, device, dtype, variant, info })
    }

    /// What is loaded.
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// Answers the last turn of a conversation about an image, reporting every piece of the reply
    /// as soon as it is known. A stopped reply is not an error: it ends with
    /// [`crate::protocol::FinishReason::Cancelled`].
    ///
    /// # Errors
    /// The question cannot be put to the model; else the tensor library's.
    pub fn converse(
        &self,
        image: &mut EncodedImage,
        question: Question<'_>,
        stop: StopCheck<'_>,
        report: &mut dyn FnMut(Increment),
    ) -> Result<Answer, EngineError> {
        match self.answer(image, (question, &[]), stop, report) {
            Err(EngineError::Cancelled) => Ok(Answer::cancelled()),
            result => result,
        }
    }

    /// Answers with the tokens of `script` first, whatever the model would say.
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
        if slots.iter().any(|slot| matches!(slot, Slot::Region(_))) && image.region_maps.is_none() {
            let levels = &image.tokens.levels;
            let _span = trace_span!("region maps").entered();
            let maps = device::compute(&self.device, || {
                self.model.region_encoder.feature_maps(levels, &mut between(stop))
            })?;
            image.region_maps = Some(maps);
        }
        let policy = Policy {
            end_of_sequence: self.tokenizer.markers().eos,
            max_new_tokens: question.max_new_tokens,
            sampling: question.sampling,
            script,
        };
        let input = ImageInput { tokens: &image.tokens.tokens, maps: image.region_maps.as_deref() };
        let begun = image.timings();
        let context = &mut image.context;
        let mut generation = Generation::start(&self.model, context, (&slots, input), policy, stop)?;
        let mut stats = JobStats {
            prompt_tokens: slots.len(),
            cached_tokens: generation.reused(),
            ..JobStats::default()
        };
        let mut parser = ReplyParser::new(&self.tokenizer);
        // What the reply begins with was told before.
        for &id in &prompt.begun {
            parser.push(id);
        }
        let mut tokens = Vec::new();
        let mut waited = Duration::ZERO;
        let reason = loop {
            let (id, predicted_by, mut token) = match generation.next(stop)? {
                Step::End(reason) => break reason,
                Step::Token { id, predicted_by, predicted_at, odds } => {
                    (id, predicted_by, self.record(id, predicted_at, odds))
                }
            };
            if tokens.is_empty() {
                stats.time_to_first_token = start.elapsed();
            }
            if id == self.tokenizer.markers().seg && !image.frame.is_done() {
                waited += match self.finish_frame(&mut image.frame, stop) {
                    Err(EngineError::Cancelled) => break FinishReason::Cancelled,
                    result => result?,
                };
                report(Increment::ImageEncoded(image.frame.added_to(begun)));
            }
            for event in parser.push(id) {
                let mask_start = Instant::now();
                if let ReplyEvent::Grounded { index, .. } = event {
                    token.grounding = Some(index);
                    report(increment(event, || self.masks_of_seg(&image.frame, &predicted_by))?);
                    stats.mask_time += mask_start.elapsed();
                } else {
                    report(increment(event, || Err(EngineError::Cancelled))?);
                }
            }
            tokens.push(token);
        };
        stats.new_tokens = tokens.len();
        stats.decode_time = start.elapsed().saturating_sub(stats.time_to_first_token + waited);
        for event in parser.finish() {
            // The end closes phrases; masks come with tokens.
            report(increment(event, || Err(EngineError::Cancelled))?);
        }
        let new = tokens.iter().map(|token: &TokenRecord| token.id);
        let ids: Vec<u32> = prompt.begun.iter().copied().chain(new).collect();
        let raw = reply_text(&self.tokenizer, &prompt.tokens, &ids);
        Ok(Answer { reason, reply: parser.into_reply(raw), tokens: tokens.into(), stats })
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

/// Opens the files of a model; their tensors are not read yet.
///
/// # Errors
/// A file of the checkpoint is missing or wrong.
pub fn open_checkpoint(source: &ModelSource) -> Result<Checkpoint, EngineError> {
    Ok(match source {
        ModelSource::Demo => demo_model::checkpoint()?,
        ModelSource::Path(path) => Checkpoint::open(path)?,
    })
}

/// For people.
fn name_of(source: &ModelSource, checkpoint: &Checkpoint) -> String {
    match source {
        ModelSource::Demo => "Demo model".to_owned(),
        ModelSource::Path(_) => checkpoint.name(),
    }
}

/// The box as fractions of the image's width and height, neither clipped nor put in order: so the
/// model was trained.
fn normalised(region: PixelBox, (width, height): (u32, u32)) -> Result<[f32; 4], PromptError> {
    let PixelBox { x0, y0, x1, y1 } = region;
    let finite = [x0, y0, x1, y1].iter().all(|side| side.is_finite());
    if !finite || region.clipped(width, height).area() <= 0.0 {
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

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("info", &self.info).finish_non_exhaustive()
    }
}

impl Backend for Engine {
    type Image = EncodedImage;

    fn load(spec: &ModelSpec, progress: ReportLoading) -> Result<Self, EngineError> {
        Engine::load(spec, progress)
    }

    fn info(&self) -> &ModelInfo {
        Engine::info(self)
    }

    fn variant(&self) -> &Variant {
        &self.variant
    }

    fn begin_encoding(&self, pixels: &RgbImage, stop: StopCheck<'_>) -> Result<EncodedImage, EngineError> {
        Engine::begin_encoding(self, pixels, stop)
    }

    fn finish_encoding(
        &self,
        image: &mut EncodedImage,
        stop: StopCheck<'_>,
    ) -> Result<EncodeTimings, EngineError> {
        Engine::finish_encoding(self, image, stop)
    }

    fn converse(
        &self,
        image: &mut EncodedImage,
        question: Question<'_>,
        stop: StopCheck<'_>,
        report: &mut dyn FnMut(Increment),
    ) -> Result<Answer, EngineError> {
        Engine::converse(self, image, question, stop, report)
    }

    fn segment(
        &self,
        image: &EncodedImage,
        points: &[Click],
        region: Option<PixelBox>,
    ) -> Result<MaskCandidates, EngineError> {
        Engine::segment(self, image, points, region)
    }

    fn feature_maps(
        &self,
        image: &EncodedImage,
        mask: Option<(&MaskPrompt, usize)>,
    ) -> Result<FeatureMaps, EngineError> {
        Engine::feature_maps(self, image, mask)
    }
}
