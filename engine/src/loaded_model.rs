//! What the engine thread needs of a model: load, encode, converse. It is the seam between the loop
//! (`worker`) and the model behind it ([`crate::engine`], or a stand-in in tests).

use image::RgbImage;

use crate::device;
use crate::error::{DeviceError, EngineError};
use crate::images::ImageCache;
use crate::job::{Answer, Increment, Question, StopCheck};
use crate::precision::{KeptAs, Precision};
use crate::protocol::{EncodeTimings, LoadProgress, ModelInfo, ModelSpec};
use crate::vision::{Click, FeatureMaps, MaskCandidates, MaskPrompt, PixelBox};

/// Told how far a model is while it is loaded; answers whether to go on.
pub(crate) type ReportLoading = Box<dyn FnMut(&LoadProgress) -> bool + Send>;

/// What the loop needs of a model: [`crate::engine::Engine`], and stand-ins in tests.
pub(crate) trait LoadedModel: Sized {
    /// Encodings and context of one image.
    type Image: ImageCache;

    /// Loads the weights; [`EngineError::Cancelled`] where `progress` said so.
    fn load(spec: &ModelSpec, progress: ReportLoading) -> Result<Self, EngineError>;

    /// What is loaded.
    fn info(&self) -> &ModelInfo;

    /// In which form.
    fn variant(&self) -> &Variant;

    /// The most that caches of images may take, in bytes.
    fn cache_budget(&self) -> usize;

    /// Encodes an image as far as words need it; [`EngineError::Cancelled`] where `stop` said so.
    fn begin_encoding(&self, pixels: &RgbImage, stop: StopCheck<'_>) -> Result<Self::Image, EngineError>;

    /// Encodes it as masks need it, from where that was left; [`EngineError::Cancelled`] where `stop`
    /// said so.
    fn finish_encoding(
        &self,
        image: &mut Self::Image,
        stop: StopCheck<'_>,
    ) -> Result<EncodeTimings, EngineError>;

    /// Answers a question; a stopped answer is [`crate::protocol::FinishReason::Cancelled`].
    fn converse(
        &self,
        image: &mut Self::Image,
        question: Question<'_>,
        stop: StopCheck<'_>,
        report: &mut dyn FnMut(Increment),
    ) -> Result<Answer, EngineError>;

    /// Masks of clicks and a box.
    fn segment(
        &self,
        image: &Self::Image,
        points: &[Click],
        region: Option<PixelBox>,
    ) -> Result<MaskCandidates, EngineError>;

    /// Maps of the encoders' features, and of what a candidate of a prompt looked at.
    fn feature_maps(
        &self,
        image: &Self::Image,
        mask: Option<(&MaskPrompt, usize)>,
    ) -> Result<FeatureMaps, EngineError>;
}

/// Which of the forms of a model is loaded, and the next smaller one: what a user needs to know when it
/// does not fit.
#[derive(Debug, Clone)]
pub(crate) struct Variant {
    /// For people.
    pub(crate) device: String,
    /// How precisely its matrices are kept.
    pub(crate) precision: KeptAs,
    /// The next smaller choice, and the bytes of its weights.
    pub(crate) smaller: Option<(Precision, u64)>,
}

impl Variant {
    /// The same failure; one for want of memory says what to do.
    pub(crate) fn explain(&self, error: EngineError) -> EngineError {
        match error {
            EngineError::Compute(error) if device::is_out_of_memory(&error) => DeviceError::OutOfMemory {
                device: self.device.clone(),
                precision: self.precision,
                smaller: self.smaller,
            }
            .into(),
            other => other,
        }
    }
}
