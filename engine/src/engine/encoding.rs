//! An image on its way into the model. Words need the global encoder's part alone, which comes first and
//! is soon done; masks need the grounding encoder's too, which takes ten times as long, can wait between
//! two blocks, and is made at the latest when a reply comes to its first `[SEG]`.

use std::fmt;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use candle_core::{Device, Tensor};
use image::RgbImage;
use tracing::{Span, trace_span};

use super::Engine;
use crate::device;
use crate::error::EngineError;
use crate::generate::Context;
use crate::images::ImageCache;
use crate::job::StopCheck;
use crate::model::glamm::ImageTokens;
use crate::model::grounding_encoder::Passage;
use crate::model::layers::Progress;
use crate::model::llm::Llama;
use crate::protocol::EncodeTimings;
use crate::vision::FrameGeometry;
use crate::vision::preprocess::{Planes, prepare_global, prepare_grounding};

/// All that is computed once for an image, and the conversation that the language model remembers
/// of it. Belongs to the [`Engine`] that made it.
pub struct EncodedImage {
    pub(crate) tokens: ImageTokens,
    /// Made when the first region is asked about.
    pub(crate) region_maps: Option<Vec<Tensor>>,
    pub(crate) frame: EncodedFrame,
    pub(crate) context: Context,
    /// What was spent on words; that on masks is the frame's.
    timings: EncodeTimings,
}

/// What masks are made from.
pub(crate) struct EncodedFrame {
    pub(crate) geometry: FrameGeometry,
    state: FrameState,
    /// Time in the grounding encoder so far.
    time: Duration,
}

enum FrameState {
    /// In the grounding encoder.
    Begun(Passage),
    /// The grounding encoder's output, `[1, channels, grid, grid]`.
    Done(Tensor),
}

/// What the encoders take.
pub(crate) struct PreparedImage {
    /// Normalised pixels of the global encoder, `[1, 3, side, side]`.
    pub(crate) crop: Tensor,
    /// Normalised, padded pixels of the grounding encoder, `[1, 3, side, side]`.
    pub(crate) frame: Tensor,
    pub(crate) geometry: FrameGeometry,
}

impl EncodedImage {
    /// An image that nothing was asked about yet.
    pub(crate) fn new(tokens: ImageTokens, frame: EncodedFrame, llm: &Llama) -> Self {
        let timings = EncodeTimings::default();
        Self { tokens, region_maps: None, frame, context: Context::new(llm), timings }
    }

    /// Time spent in the encoders so far.
    pub fn timings(&self) -> EncodeTimings {
        self.frame.added_to(self.timings)
    }
}

impl EncodedFrame {
    /// A frame with the grounding encoder's output.
    pub(crate) fn done(embedding: Tensor, geometry: FrameGeometry) -> Self {
        Self { geometry, state: FrameState::Done(embedding), time: Duration::ZERO }
    }

    /// Whether masks can be made.
    pub(crate) fn is_done(&self) -> bool {
        matches!(self.state, FrameState::Done(_))
    }

    /// All that was spent on an image, of which `timings` says what its words took.
    pub(crate) fn added_to(&self, timings: EncodeTimings) -> EncodeTimings {
        EncodeTimings { grounding_encoder: self.time, ..timings }
    }

    /// The grounding encoder's output, `[1, channels, grid, grid]`.
    ///
    /// # Errors
    /// It is not done.
    pub(crate) fn embedding(&self) -> candle_core::Result<&Tensor> {
        match &self.state {
            FrameState::Done(embedding) => Ok(embedding),
            FrameState::Begun(_) => candle_core::bail!("the image is not through the grounding encoder"),
        }
    }
}

impl Engine {
    /// Runs both encoders on an image (RGB, upright).
    ///
    /// # Errors
    /// [`EngineError::Cancelled`] where `stop` said so; else the tensor library's.
    pub fn encode(
        &self,
        pixels: &RgbImage,
        stop: StopCheck<'_>,
    ) -> Result<(EncodedImage, EncodeTimings), EngineError> {
        let mut image = self.begin_encoding(pixels, stop)?;
        let timings = self.finish_encoding(&mut image, stop)?;
        Ok((image, timings))
    }

    /// Runs the global encoder on an image (RGB, upright): enough to ask about it. The grounding encoder is
    /// run by [`Self::finish_encoding`], else when a reply comes to its first mask.
    ///
    /// # Errors
    /// As [`Self::encode`].
    pub fn begin_encoding(
        &self,
        pixels: &RgbImage,
        stop: StopCheck<'_>,
    ) -> Result<EncodedImage, EngineError> {
        let (PreparedImage { crop, frame, geometry }, preprocess) =
            timed(&self.device, trace_span!("preprocess"), || self.prepare(pixels))?;
        let (tokens, global_encoder) = timed(&self.device, trace_span!("global encoder"), || {
            Ok(self.model.encode_global(&crop, &mut between(stop))?)
        })?;
        let (passage, time) = timed(&self.device, trace_span!("grounding encoder"), || {
            Ok(self.model.grounding_encoder.begin(&frame)?)
        })?;
        let frame = EncodedFrame { geometry, state: FrameState::Begun(passage), time };
        let timings = EncodeTimings { preprocess, global_encoder, ..EncodeTimings::default() };
        Ok(EncodedImage { timings, ..EncodedImage::new(tokens, frame, &self.model.llm) })
    }

    /// Runs the grounding encoder to its end, from where it was left; nothing if it is there. Returns the time
    /// spent on the image in all.
    ///
    /// # Errors
    /// As [`Self::encode`]. What was computed until then is kept.
    pub fn finish_encoding(
        &self,
        image: &mut EncodedImage,
        stop: StopCheck<'_>,
    ) -> Result<EncodeTimings, EngineError> {
        self.finish_frame(&mut image.frame, stop)?;
        Ok(image.timings())
    }

    /// See [`Self::finish_encoding`]. Returns the time that it took now.
    pub(crate) fn finish_frame(
        &self,
        frame: &mut EncodedFrame,
        stop: StopCheck<'_>,
    ) -> Result<Duration, EngineError> {
        let FrameState::Begun(passage) = &mut frame.state else { return Ok(Duration::ZERO) };
        let start = Instant::now();
        let result = timed(&self.device, trace_span!("grounding encoder"), || {
            Ok(self.model.grounding_encoder.resume(passage, &mut between(stop))?)
        });
        let took = start.elapsed();
        frame.time += took;
        frame.state = FrameState::Done(result?.0);
        Ok(took)
    }

    /// Resizes and normalises for both encoders.
    pub(crate) fn prepare(&self, pixels: &RgbImage) -> Result<PreparedImage, EngineError> {
        let clip = &self.config.global_encoder;
        let crop = prepare_global(pixels, clip.image_size, clip.image_mean, clip.image_std);
        let (frame, geometry) = prepare_grounding(pixels, self.config.grounding.image_size);
        let crop = self.upload(crop)?.to_dtype(self.dtype)?;
        Ok(PreparedImage { crop, frame: self.upload(frame)?, geometry })
    }

    fn upload(&self, planes: Planes) -> Result<Tensor, EngineError> {
        let shape = (1, 3, planes.side, planes.side);
        Ok(Tensor::from_vec(planes.values, shape, &self.device)?)
    }
}

/// Runs one pass as `span`, and says how long it took.
fn timed<T: Send>(
    device: &Device,
    span: Span,
    pass: impl FnOnce() -> Result<T, EngineError> + Send,
) -> Result<(T, Duration), EngineError> {
    let start = Instant::now();
    let _span = span.entered();
    let result = device::compute(device, pass)?;
    device::drained(device, || device.synchronize())?;
    Ok((result, start.elapsed()))
}

/// Asks `stop` between the blocks of an encoder.
pub(crate) fn between(stop: StopCheck<'_>) -> impl FnMut(Progress) -> ControlFlow<()> {
    move |_| if stop() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

impl fmt::Debug for EncodedImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncodedImage").field("geometry", &self.frame.geometry).finish_non_exhaustive()
    }
}

impl ImageCache for EncodedImage {
    fn bytes(&self) -> usize {
        let maps = self.region_maps.iter().flatten();
        let frame = match &self.frame.state {
            FrameState::Begun(passage) => &passage.state,
            FrameState::Done(embedding) => embedding,
        };
        let tensors = self.tokens.levels.iter().chain(maps).chain([&self.tokens.tokens, frame]);
        let encodings: usize = tensors.map(|t| t.elem_count() * t.dtype().size_in_bytes()).sum();
        encodings + self.context.bytes()
    }

    fn is_complete(&self) -> bool {
        self.frame.is_done()
    }

    fn drop_context(&mut self) {
        self.context.clear();
    }
}
