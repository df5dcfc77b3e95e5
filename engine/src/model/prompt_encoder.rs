//! Prompt encoder of SAM, with the text prompts that LISA and GLaMM add: what the pixel decoder is
//! asked for. A `[SEG]` is one sparse token, the projected hidden state itself; clicks and boxes
//! become sparse tokens by their places; a mask drawn before becomes the dense part.

use std::f64::consts::PI;
use std::sync::OnceLock;

use candle_core::{D, DType, Device, Module, Result, Tensor};
use candle_nn::{LayerNorm, VarBuilder};

use super::config::GroundingConfig;
use super::elementwise;

const NORM_EPS: f64 = 1e-6;

/// What a point prompt says of its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PointKind {
    /// Not part of the mask.
    Background,
    /// Part of the mask.
    Foreground,
    /// Upper left corner of a box around the mask.
    BoxStart,
    /// Lower right corner of a box around the mask.
    BoxEnd,
}

/// A click or a corner of a box, in pixels of the grounding encoder's frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PointPrompt {
    /// From the left.
    pub x: f32,
    /// From the top.
    pub y: f32,
    /// Its meaning.
    pub kind: PointKind,
}

/// Prompts to tokens and maps.
#[derive(Debug, Clone)]
pub struct PromptEncoder {
    image_size: usize,
    grid: usize,
    /// Frequencies of the positional encoding, `[2, width / 2]`.
    gaussian: Tensor,
    /// In the order of [`PointKind`], each `[1, width]`.
    point_embeddings: Vec<Tensor>,
    not_a_point_embed: Tensor,
    no_mask_embed: Tensor,
    mask_downscaling: MaskDownscaling,
    dense_positions: OnceLock<Tensor>,
}

impl PromptEncoder {
    /// `vb` is at `model.grounding_encoder.prompt_encoder`.
    ///
    /// # Errors
    /// A tensor is missing or of another shape.
    pub fn new(config: &GroundingConfig, vb: &VarBuilder) -> Result<Self> {
        let width = config.prompt_embed_dim;
        Ok(Self {
            image_size: config.image_size,
            grid: config.grid(),
            gaussian: vb.get((2, width / 2), "pe_layer.positional_encoding_gaussian_matrix")?,
            point_embeddings: (0..4)
                .map(|i| vb.pp("point_embeddings").pp(i).get((1, width), "weight"))
                .collect::<Result<_>>()?,
            not_a_point_embed: vb.get((1, width), "not_a_point_embed.weight")?,
            no_mask_embed: vb.get((1, width), "no_mask_embed.weight")?,
            mask_downscaling: MaskDownscaling::new(config, &vb.pp("mask_downscaling"))?,
            dense_positions: OnceLock::new(),
        })
    }

    /// Sparse part of projected `[SEG]` states: `[n, width]` → `[n, 1, width]`. Nothing is added.
    ///
    /// # Errors
    /// The tensor library's.
    pub fn embed_text(&self, states: &Tensor) -> Result<Tensor> {
        states.unsqueeze(1)
    }

    /// Sparse part of clicks and box corners: `[1, points, width]`. As in SAM, clicks without a box
    /// are followed by a token that stands for no point.
    ///
    /// # Errors
    /// The tensor library's.
    pub fn embed_points(&self, points: &[PointPrompt]) -> Result<Tensor> {
        let size = self.image_size as f32;
        // Points are shifted to the centres of their pixels.
        let places = points.iter().flat_map(|p| [(p.x + 0.5) / size, (p.y + 0.5) / size]).collect();
        let places = Tensor::from_vec(places, (points.len(), 2), self.gaussian.device())?;
        let kinds: Vec<_> = points.iter().map(|p| &self.point_embeddings[p.kind as usize]).collect();
        let mut tokens = (self.encode_places(&places)? + Tensor::cat(&kinds, 0)?)?;
        let boxed = |p: &PointPrompt| matches!(p.kind, PointKind::BoxStart | PointKind::BoxEnd);
        if !points.iter().any(boxed) {
            tokens = Tensor::cat(&[&tokens, &self.not_a_point_embed], 0)?;
        }
        tokens.unsqueeze(0)
    }

    /// Dense part where no mask is given: `[1, width, grid, grid]`, the same vector everywhere.
    ///
    /// # Errors
    /// The tensor library's.
    pub fn no_mask(&self) -> Result<Tensor> {
        let width = self.no_mask_embed.dim(1)?;
        self.no_mask_embed.reshape((1, width, 1, 1))?.broadcast_as((1, width, self.grid, self.grid))
    }

    /// Dense part of a mask's logits `[n, 1, 4 · grid, 4 · grid]`: `[n, width, grid, grid]`. No part of the
    /// product gives a mask as prompt; it is here because checkpoints have its weights, and parity covers it.
    ///
    /// # Errors
    /// The tensor library's.
    pub fn embed_mask(&self, logits: &Tensor) -> Result<Tensor> {
        self.mask_downscaling.forward(logits)
    }

    /// Positional encoding of the image embedding's cells, `[1, width, grid, grid]`; computed on
    /// first use.
    ///
    /// # Errors
    /// The tensor library's.
    pub fn dense_positions(&self) -> Result<Tensor> {
        if let Some(known) = self.dense_positions.get() {
            return Ok(known.clone());
        }
        let n = self.grid;
        let centre = |i: usize| (i as f32 + 0.5) / n as f32;
        let places = (0..n * n).flat_map(|i| [centre(i % n), centre(i / n)]).collect();
        let places = Tensor::from_vec(places, (n * n, 2), self.gaussian.device())?;
        let positions = self.encode_places(&places)?.reshape((1, n, n, ()))?.permute((0, 3, 1, 2))?;
        Ok(self.dense_positions.get_or_init(|| positions).clone())
    }

    /// Random Fourier features of places `[n, 2]`, x before y, in 0..1 over the frame:
    /// `[n, width]`. Phases are computed in f32 whatever the weights are.
    fn encode_places(&self, places: &Tensor) -> Result<Tensor> {
        let phases = ((places * 2.0)? - 1.0)?.matmul(&self.gaussian.to_dtype(DType::F32)?)?;
        let phases = (phases * (2.0 * PI))?;
        Tensor::cat(&[phases.sin()?, phases.cos()?], D::Minus1)?.to_dtype(self.gaussian.dtype())
    }

    /// Where the weights are.
    pub fn device(&self) -> &Device {
        self.gaussian.device()
    }
}

/// Two halvings of a mask, each with channel norm and GELU, and a 1 × 1 convolution.
#[derive(Debug, Clone)]
struct MaskDownscaling {
    halvings: [(Tensor, Tensor, LayerNorm); 2],
    out_weight: Tensor,
    out_bias: Tensor,
}

impl MaskDownscaling {
    fn new(config: &GroundingConfig, vb: &VarBuilder) -> Result<Self> {
        let (inner, out) = (config.mask_in_chans, config.prompt_embed_dim);
        let halving = |from, to, index: usize| {
            let conv = vb.pp(index);
            let norm = candle_nn::layer_norm(to, NORM_EPS, vb.pp(index + 1))?;
            Ok::<_, candle_core::Error>((conv.get((to, from, 2, 2), "weight")?, conv.get(to, "bias")?, norm))
        };
        Ok(Self {
            halvings: [halving(1, inner / 4, 0)?, halving(inner / 4, inner, 3)?],
            out_weight: vb.get((out, inner, 1, 1), "6.weight")?,
            out_bias: vb.get(out, "6.bias")?,
        })
    }
}

impl Module for MaskDownscaling {
    fn forward(&self, mask: &Tensor) -> Result<Tensor> {
        let mut x = mask.clone();
        for (weight, bias, norm) in &self.halvings {
            // The norm is over channels, so they come last for it.
            let y = x.conv2d(weight, 0, 2, 1, 1)?.permute((0, 2, 3, 1))?.broadcast_add(bias)?;
            let y = elementwise::gelu(norm.forward(&y.contiguous()?)?)?;
            x = y.permute((0, 3, 1, 2))?.contiguous()?;
        }
        x.conv2d(&self.out_weight, 0, 1, 1, 1)?.broadcast_add(&self.out_bias.reshape((1, (), 1, 1))?)
    }
}
