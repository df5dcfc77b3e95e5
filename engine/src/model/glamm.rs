//! GLaMM (Rasheed et al. 2024), all of it: an image becomes tokens for the language model, feature
//! maps for user regions and an embedding for masks; a sequence of slots becomes hidden states;
//! the hidden state that predicts `[SEG]` becomes a mask.
//!
//! Called by [`crate::engine`] and [`crate::generate`]. Weights never change: all that grows with
//! a conversation is in the arguments.

use candle_core::{DType, Module, Result, Tensor};
use tracing::trace_span;

use super::config::GlammConfig;
use super::global_encoder::GlobalEncoder;
use super::grounding_encoder::GroundingEncoder;
use super::layers::{BetweenBlocks, Interruptible};
use super::llm::Llama;
use super::pixel_decoder::PixelDecoder;
use super::projection::Projection;
use super::projector::Projector;
use super::region_encoder::RegionEncoder;
use super::source::Source;

/// One position of the language model's input.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Slot {
    /// An ordinary token.
    Token(u32),
    /// Row of the projected image, in row-major order of its patches.
    Image(u32),
    /// A region: a box `x0 y0 x1 y1` as fractions of the whole image's width and height.
    Region([f32; 4]),
}

/// What the global encoder says of an image.
#[derive(Debug)]
pub struct ImageTokens {
    /// Input embeddings of the language model, `[patches, language width]`.
    pub tokens: Tensor,
    /// Levels for the region encoder, shallow first, each `[1, channels, grid, grid]`.
    pub levels: Vec<Tensor>,
}

/// The model.
#[derive(Debug)]
pub struct Glamm {
    /// CLIP.
    pub global_encoder: GlobalEncoder,
    /// From CLIP to the language model.
    pub projector: Projector,
    /// From CLIP and boxes to the language model.
    pub region_encoder: RegionEncoder,
    /// SAM's image encoder.
    pub grounding_encoder: GroundingEncoder,
    /// SAM's prompt encoder and mask decoder.
    pub pixel_decoder: PixelDecoder,
    /// LLaMA.
    pub llm: Llama,
    /// From the language model to the pixel decoder.
    pub text_projection: TextProjection,
}

impl Glamm {
    /// `glamm` is at the root of GLaMM's own checkpoint, `clip` at `vision_model` of CLIP's.
    ///
    /// # Errors
    /// A tensor is missing or of another shape.
    pub fn new(config: &GlammConfig, glamm: &Source, clip: &Source) -> Result<Self> {
        let (vision, language) = (config.global_encoder.hidden_size, config.llm.hidden_size);
        let model = glamm.pp("model");
        // See `ModelPart::is_in_single_precision`.
        let grounding = model.pp("grounding_encoder").in_single_precision();
        Ok(Self {
            global_encoder: GlobalEncoder::new(config, clip)?,
            projector: Projector::new(vision, language, &model.pp("mm_projector"))?,
            region_encoder: RegionEncoder::new(&config.region_encoder, &model.pp("region_encoder"))?,
            grounding_encoder: GroundingEncoder::new(&config.grounding, &grounding.pp("image_encoder"))?,
            pixel_decoder: PixelDecoder::new(&config.grounding, grounding.tensors())?,
            llm: Llama::new(&config.llm, glamm)?,
            text_projection: TextProjection::new(
                language,
                config.grounding.text_embed_dim,
                &model.pp("text_hidden_fcs").pp(0).in_single_precision(),
            )?,
        })
    }

    /// Tokens and levels of normalised pixels `[1, 3, size, size]` of the global encoder's size.
    ///
    /// # Errors
    /// [`super::layers::Interrupted::Cancelled`] where `between` ends the work; else the tensor library's.
    pub fn encode_global(&self, pixels: &Tensor, between: BetweenBlocks<'_>) -> Interruptible<ImageTokens> {
        let features = self.global_encoder.forward(pixels, between)?;
        let tokens = trace_span!("projector").in_scope(|| self.projector.forward(&features.patches))?;
        let tokens = tokens.squeeze(0)?;
        Ok(ImageTokens { tokens, levels: features.levels })
    }

    /// Input embeddings `[slots, language width]`. `image` are the projected image's rows, `maps`
    /// the region encoder's feature maps, needed where there are regions.
    ///
    /// # Errors
    /// The tensor library's, also for a region without maps or a row that the image lacks.
    pub fn embed(&self, slots: &[Slot], image: &Tensor, maps: Option<&[Tensor]>) -> Result<Tensor> {
        let regions = self.embed_regions(slots, maps)?;
        let mut regions_done = 0;
        let same_kind = |a: &Slot, b: &Slot| std::mem::discriminant(a) == std::mem::discriminant(b);
        let mut runs = Vec::new();
        for run in slots.chunk_by(same_kind) {
            runs.push(match (run.first(), &regions) {
                (Some(Slot::Image(_)), _) => {
                    image.index_select(&Tensor::new(rows_of(run), image.device())?, 0)?
                }
                (Some(Slot::Region(_)), Some(regions)) => {
                    regions_done += run.len();
                    regions.narrow(0, regions_done - run.len(), run.len())?
                }
                _ => self.llm.embed(&tokens_of(run))?,
            });
        }
        Tensor::cat(&runs, 0)
    }

    /// All regions at once, `[regions, language width]`; `None` where there are none.
    fn embed_regions(&self, slots: &[Slot], maps: Option<&[Tensor]>) -> Result<Option<Tensor>> {
        let boxes = boxes_of(slots);
        match maps {
            _ if boxes.is_empty() => Ok(None),
            Some(maps) => self.region_encoder.forward(maps, &boxes).map(Some),
            None => candle_core::bail!("a region came before its feature maps"),
        }
    }
}

fn tokens_of(run: &[Slot]) -> Vec<u32> {
    run.iter().filter_map(|slot| if let Slot::Token(id) = slot { Some(*id) } else { None }).collect()
}

fn rows_of(run: &[Slot]) -> Vec<u32> {
    run.iter().filter_map(|slot| if let Slot::Image(row) = slot { Some(*row) } else { None }).collect()
}

fn boxes_of(run: &[Slot]) -> Vec<[f32; 4]> {
    run.iter().filter_map(|slot| if let Slot::Region(sides) = slot { Some(*sides) } else { None }).collect()
}

/// `text_hidden_fcs`: hidden states of the language model to prompts of the pixel decoder.
#[derive(Debug)]
pub struct TextProjection {
    first: Projection,
    second: Projection,
}

impl TextProjection {
    fn new(language: usize, prompt: usize, source: &Source) -> Result<Self> {
        Ok(Self {
            first: source.pp(0).linear(language, language)?,
            second: source.pp(2).linear(language, prompt)?,
        })
    }

    /// `[n, language width]` → `[n, prompt width]` in f32.
    ///
    /// # Errors
    /// The tensor library's.
    pub fn forward(&self, hidden: &Tensor) -> Result<Tensor> {
        self.second.forward(&self.first.forward(&hidden.to_dtype(DType::F32)?)?.relu()?)
    }
}
