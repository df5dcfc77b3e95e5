//! The encoders and the pixel decoder, one at a time; the language model is in [`super::sequence`],
//! whole replies in [`super::replies`].

use candle_core::{Device, Tensor};
use image::RgbImage;

use super::sequence::Sequence;
use super::stopwatch::{Lap, Stopwatch};
use super::work::{Part, Work};
use crate::device;
use crate::engine::Engine;
use crate::engine::encoding::{EncodedFrame, EncodedImage, PreparedImage};
use crate::error::EngineError;
use crate::model::glamm::ImageTokens;
use crate::model::layers::uninterrupted;

/// A loaded model and prepared input for it.
pub struct Workbench<'a> {
    pub(super) engine: &'a Engine,
    pub(super) picture: &'a RgbImage,
    prepared: PreparedImage,
}

impl<'a> Workbench<'a> {
    /// Prepares `picture` for both encoders; nothing is computed yet.
    ///
    /// # Errors
    /// The tensor library's.
    pub fn new(engine: &'a Engine, picture: &'a RgbImage) -> Result<Self, EngineError> {
        Ok(Self { engine, picture, prepared: engine.prepare(picture)? })
    }

    /// What `part` has to do.
    pub fn work(&self, part: Part) -> Work {
        Work::of(part, &self.engine.config, self.engine.info().precision.precision())
    }

    /// CLIP and the projector.
    ///
    /// # Errors
    /// The tensor library's.
    pub fn global_encoder(&self) -> Result<Lap, EngineError> {
        self.lap(|| Ok(self.engine.model.encode_global(&self.prepared.crop, &mut uninterrupted)?))
    }

    /// SAM's image encoder.
    ///
    /// # Errors
    /// The tensor library's.
    pub fn grounding_encoder(&self) -> Result<Lap, EngineError> {
        self.lap(|| {
            Ok(self.engine.model.grounding_encoder.forward(&self.prepared.frame, &mut uninterrupted)?)
        })
    }

    /// All that the first question about `boxes` regions of an image needs: the feature maps, then an
    /// embedding for each box.
    ///
    /// # Errors
    /// The tensor library's.
    pub fn region_encoder(&self, boxes: usize) -> Result<Lap, EngineError> {
        let encoder = &self.engine.model.region_encoder;
        let levels = self.levels()?;
        let boxes: Vec<[f32; 4]> = (0..boxes)
            .map(|i| {
                let corner = 0.1 + 0.5 * i as f32 / boxes as f32;
                [corner, corner, corner + 0.3, corner + 0.25]
            })
            .collect();
        self.lap(|| Ok(encoder.forward(&encoder.feature_maps(&levels, &mut uninterrupted)?, &boxes)?))
    }

    /// Masks of `masks` projected hidden states at once, with all candidates of each.
    ///
    /// # Errors
    /// The tensor library's.
    pub fn pixel_decoder(&self, masks: usize) -> Result<Lap, EngineError> {
        let (model, frame) = (&self.engine.model, self.frame()?);
        let states = self.noise(&[masks, self.engine.config.grounding.prompt_embed_dim])?;
        self.lap(|| Ok(model.pixel_decoder.forward(frame.embedding()?, &states)?))
    }

    /// The language model alone, behind the tokens of an image.
    ///
    /// # Errors
    /// The tensor library's.
    pub fn sequence(&self) -> Result<Sequence<'a>, EngineError> {
        Ok(Sequence::new(self.engine, self.image_tokens()?))
    }

    /// An opened image: noise where the encoders' output would be.
    pub(super) fn image(&self) -> Result<EncodedImage, EngineError> {
        let tokens = ImageTokens { tokens: self.image_tokens()?, levels: self.levels()? };
        Ok(EncodedImage::new(tokens, self.frame()?, &self.engine.model.llm))
    }

    fn image_tokens(&self) -> Result<Tensor, EngineError> {
        let config = &self.engine.config;
        let tokens = self.noise(&[config.global_encoder.patches(), config.llm.hidden_size])?;
        Ok(tokens.to_dtype(self.engine.dtype)?)
    }

    fn levels(&self) -> Result<Vec<Tensor>, EngineError> {
        let (clip, region) = (&self.engine.config.global_encoder, &self.engine.config.region_encoder);
        let shape = [1, clip.hidden_size, clip.grid(), clip.grid()];
        let level = |_| Ok(self.noise(&shape)?.to_dtype(self.engine.dtype)?);
        region.level_layers.iter().map(level).collect()
    }

    fn frame(&self) -> Result<EncodedFrame, EngineError> {
        let sam = &self.engine.config.grounding;
        let embedding = self.noise(&[1, sam.prompt_embed_dim, sam.grid(), sam.grid()])?;
        Ok(EncodedFrame::done(embedding, self.prepared.geometry))
    }

    /// In single precision, as all that belongs to masks is.
    fn noise(&self, shape: &[usize]) -> Result<Tensor, EngineError> {
        Ok(Tensor::randn(0f32, 1.0, shape, &Device::Cpu)?.to_device(&self.engine.device)?)
    }

    /// Does it once, on the threads that the engine computes on.
    fn lap<T: Send>(&self, pass: impl FnOnce() -> Result<T, EngineError> + Send) -> Result<Lap, EngineError> {
        let device = &self.engine.device;
        let watch = Stopwatch::start();
        // What was computed is freed behind the lap.
        let _computed = device::compute(device, pass)?;
        device.synchronize()?;
        Ok(watch.lap())
    }
}
