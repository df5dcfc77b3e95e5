//! Engine.

use std::convert::Infallible;

use image::RgbImage;

use crate::error::{CheckpointError, EngineError};
use crate::images::ImageCache;
use crate::job::{Answer, Increment, Question, StopCheck};
use crate::protocol::{EncodeTimings, ModelInfo, ModelSource, ModelSpec};
use crate::worker::Backend;

/// A loaded model.
pub struct Engine(Infallible);

/// Encodings.
pub struct EncodedImage(Infallible);

impl ImageCache for EncodedImage {
    fn bytes(&self) -> usize {
        match self.0 {}
    }

    fn drop_context(&mut self) {
        match self.0 {}
    }
}

impl Backend for Engine {
    type Image = EncodedImage;

    fn load(spec: &ModelSpec, _: &mut dyn FnMut(u64, u64)) -> Result<Self, EngineError> {
        crate::device::open(spec.device)?;
        let path = match &spec.source {
            ModelSource::Demo => "demo model".into(),
            ModelSource::Directory(path) => path.clone(),
        };
        let reason = "this build cannot read checkpoints".to_owned();
        Err(CheckpointError::Config { path, reason }.into())
    }

    fn info(&self) -> &ModelInfo {
        match self.0 {}
    }

    fn encode(&self, _: &RgbImage, _: StopCheck<'_>) -> Result<(EncodedImage, EncodeTimings), EngineError> {
        match self.0 {}
    }

    fn converse(
        &self,
        _: &mut EncodedImage,
        _: Question<'_>,
        _: StopCheck<'_>,
        _: &mut dyn FnMut(Increment),
    ) -> Result<Answer, EngineError> {
        match self.0 {}
    }
}
