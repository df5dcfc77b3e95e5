//! A loaded GLaMM, used from the thread that calls it: load, encode an image, converse about it.
//!
//! The engine thread ([`crate::handle::EngineHandle`]) is a loop around this; headless programs
//! may use either. Nothing of the tensor library shows through.
//!
//! [`encoding`]: an image on its way into the model. `answer`: a question into it, and the reply piece by
//! piece. `inspect`: masks of clicks and boxes, all candidates, features and attention as maps.

mod answer;
pub mod encoding;
mod inspect;

use std::fmt;
use std::time::Instant;

use candle_core::{DType, Device};
use image::RgbImage;
use tracing::trace_span;

use crate::checkpoint::Checkpoint;
use crate::device;
use crate::error::EngineError;
use crate::images::cache_budget;
use crate::job::{Answer, Increment, Question, StopCheck};
use crate::loaded_model::{LoadedModel, ReportLoading, Variant};
use crate::memory::Machine;
use crate::model::backend::Backend;
use crate::model::config::GlammConfig;
use crate::model::glamm::Glamm;
use crate::precision::Precision;
use crate::protocol::{EncodeTimings, EncoderSides, LoadProgress, ModelInfo, ModelSource, ModelSpec};
use crate::text::tokenizer::Tokenizer;
use crate::vision::{Click, FeatureMaps, MaskCandidates, MaskPrompt, PixelBox};
use encoding::EncodedImage;

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
    cache_budget: usize,
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
        let (dtype, backend) = (dtype_of(&device, precision), Backend::of(&device));
        let weights = checkpoint.weights(&device, (dtype, precision), progress);
        let variant = Variant {
            device: device::name(&device),
            precision: checkpoint.kept_as(precision),
            smaller: checkpoint.next_smaller(precision, backend),
        };
        let model = device::drained(&device, || Glamm::new(&config, &weights.glamm, &weights.clip))
            .map_err(|error| variant.explain(weights.explain(error)))?;
        let info = ModelInfo {
            name: name_of(&spec.source, &checkpoint),
            device: variant.device.clone(),
            source: spec.source.clone(),
            parameters: weights.parameters(),
            has_random_weights: config.has_random_weights,
            precision: variant.precision,
            held: checkpoint.held(precision, backend),
            context_length: config.llm.max_position_embeddings,
            encoder_sides: EncoderSides {
                global: config.global_encoder.image_size,
                grounding: config.grounding.image_size,
            },
            load_time: start.elapsed(),
        };
        let free = Machine::look().and_then(|machine| machine.free_bytes(backend));
        let computing = checkpoint.memory_plan(precision, backend).computing_bytes();
        let cache_budget = cache_budget(free, computing);
        Ok(Self { model, config, tokenizer, device, dtype, variant, info, cache_budget })
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
}

/// Opens the files of a model; their tensors are not read yet.
///
/// # Errors
/// A file of the checkpoint is missing or wrong.
pub fn open_checkpoint(source: &ModelSource) -> Result<Checkpoint, EngineError> {
    Ok(Checkpoint::of(source)?)
}

/// For people.
fn name_of(source: &ModelSource, checkpoint: &Checkpoint) -> String {
    match source {
        ModelSource::Demo => "Demo model".to_owned(),
        ModelSource::Path(_) => checkpoint.name(),
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("info", &self.info).finish_non_exhaustive()
    }
}

impl LoadedModel for Engine {
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

    fn cache_budget(&self) -> usize {
        self.cache_budget
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
