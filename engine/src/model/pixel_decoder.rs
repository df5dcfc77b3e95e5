//! Pixel decoder: SAM's prompt encoder and mask decoder. From the image embedding and the
//! projected hidden state of a `[SEG]` to mask logits; called once for every `[SEG]`, while text
//! goes on.

use candle_core::{IndexOp, Module, Result, Tensor};
use candle_nn::{LayerNorm, VarBuilder};

use super::backend::Backend;
use super::config::GroundingConfig;
use super::elementwise;
use super::layers::ReluMlp;
use super::norms;
use super::prompt_encoder::PromptEncoder;
use super::two_way_transformer::{Transformed, TwoWayTransformer};

/// Of the norm inside the upscaling.
const UPSCALING_NORM_EPS: f64 = 1e-6;

/// Layers of the networks that turn mask tokens into the weights of the last product.
const HYPERNETWORK_DEPTH: usize = 3;

/// Logits and quality estimates of all mask tokens, for each of `n` prompts.
#[derive(Debug, Clone)]
pub struct DecodedMasks {
    /// `[n, mask tokens, side, side]`, `side` being four times that of the image embedding; > 0 is
    /// inside. They cover the padded frame. GLaMM uses token 0.
    pub logits: Tensor,
    /// Estimated IoU with the truth, `[n, mask tokens]`.
    pub iou: Tensor,
    /// What each mask token looked at: the weights `[n, mask tokens, heads, cells]` of every attention
    /// of tokens to the image, one in each block and a last one.
    pub looks: Vec<Tensor>,
}

impl DecodedMasks {
    /// Those of all prompts, of which there is at least one.
    fn together(of_prompts: &[Self]) -> Result<Self> {
        let all =
            |part: &dyn Fn(&Self) -> Tensor| Tensor::cat(&of_prompts.iter().map(part).collect::<Vec<_>>(), 0);
        let looks = of_prompts.first().map_or(0, |masks| masks.looks.len());
        Ok(Self {
            logits: all(&|masks| masks.logits.clone())?,
            iou: all(&|masks| masks.iou.clone())?,
            looks: (0..looks).map(|i| all(&|masks| masks.looks[i].clone())).collect::<Result<_>>()?,
        })
    }
}

/// Prompts and an image embedding to masks.
#[derive(Debug, Clone)]
pub struct PixelDecoder {
    /// What masks are asked for with.
    pub prompt_encoder: PromptEncoder,
    mask_decoder: MaskDecoder,
}

impl PixelDecoder {
    /// `vb` is at `model.grounding_encoder`.
    ///
    /// # Errors
    /// A tensor is missing or of another shape.
    pub fn new(config: &GroundingConfig, vb: &VarBuilder) -> Result<Self> {
        Ok(Self {
            prompt_encoder: PromptEncoder::new(config, &vb.pp("prompt_encoder"))?,
            mask_decoder: MaskDecoder::new(config, &vb.pp("mask_decoder"))?,
        })
    }

    /// Masks for projected `[SEG]` states `[n, width]` on one image, whose embedding is
    /// `[1, width, grid, grid]`. The states do not see each other.
    ///
    /// # Errors
    /// The tensor library's.
    pub fn forward(&self, image_embedding: &Tensor, states: &Tensor) -> Result<DecodedMasks> {
        let sparse = self.prompt_encoder.embed_text(states)?;
        self.decode(image_embedding, &sparse, &self.prompt_encoder.no_mask()?)
    }

    /// Masks for any prompts: sparse part `[n, tokens, width]`, dense part `[1 or n, width, grid,
    /// grid]`.
    ///
    /// # Errors
    /// The tensor library's.
    pub fn decode(&self, image_embedding: &Tensor, sparse: &Tensor, dense: &Tensor) -> Result<DecodedMasks> {
        // Channels last: the encoder leaves them so, and a cell is a row.
        let channels_last = |x: &Tensor| x.permute((0, 2, 3, 1));
        let image = channels_last(image_embedding)?.broadcast_add(&channels_last(dense)?)?;
        let positions = channels_last(&self.prompt_encoder.dense_positions()?)?;
        let (n, images) = (sparse.dim(0)?, image.dim(0)?);
        if n <= 1 || !Backend::of(image.device()).takes_parts() {
            return self.mask_decoder.forward(&image, &positions, sparse);
        }
        let masks = (0..n).map(|i| {
            let image = image.narrow(0, i.min(images - 1), 1)?;
            self.mask_decoder.forward(&image, &positions, &sparse.narrow(0, i, 1)?)
        });
        DecodedMasks::together(&masks.collect::<Result<Vec<_>>>()?)
    }
}

#[derive(Debug, Clone)]
struct MaskDecoder {
    iou_token: Tensor,
    mask_tokens: Tensor,
    transformer: TwoWayTransformer,
    upscale_first: Doubling,
    upscale_norm: LayerNorm,
    upscale_second: Doubling,
    output_hypernetworks_mlps: Vec<ReluMlp>,
    iou_prediction_head: ReluMlp,
}

impl MaskDecoder {
    fn new(config: &GroundingConfig, vb: &VarBuilder) -> Result<Self> {
        let width = config.prompt_embed_dim;
        let masks = config.num_multimask_outputs + 1;
        let upscaling = vb.pp("output_upscaling");
        let mut hyper_widths = vec![width; HYPERNETWORK_DEPTH];
        hyper_widths.push(width / 8);
        let mut iou_widths = vec![width];
        iou_widths.extend(std::iter::repeat_n(config.iou_head_hidden_dim, config.iou_head_depth - 1));
        iou_widths.push(masks);
        Ok(Self {
            iou_token: vb.get((1, width), "iou_token.weight")?,
            mask_tokens: vb.get((masks, width), "mask_tokens.weight")?,
            transformer: TwoWayTransformer::new(config, &vb.pp("transformer"))?,
            upscale_first: Doubling::new(width, width / 4, &upscaling.pp(0))?,
            upscale_norm: candle_nn::layer_norm(width / 4, UPSCALING_NORM_EPS, upscaling.pp(1))?,
            upscale_second: Doubling::new(width / 4, width / 8, &upscaling.pp(3))?,
            output_hypernetworks_mlps: (0..masks)
                .map(|i| ReluMlp::new(&hyper_widths, &vb.pp("output_hypernetworks_mlps").pp(i)))
                .collect::<Result<_>>()?,
            iou_prediction_head: ReluMlp::new(&iou_widths, &vb.pp("iou_prediction_head"))?,
        })
    }

    /// `image` and `positions` are `[1 or n, h, w, width]`, `sparse` `[n, tokens, width]`.
    fn forward(&self, image: &Tensor, positions: &Tensor, sparse: &Tensor) -> Result<DecodedMasks> {
        let (n, _, width) = sparse.dims3()?;
        let (images, h, w, _) = image.dims4()?;
        let masks = self.mask_tokens.dim(0)?;
        let own = Tensor::cat(&[&self.iou_token, &self.mask_tokens], 0)?;
        let own = own.unsqueeze(0)?.broadcast_as((n, masks + 1, width))?;
        let tokens = Tensor::cat(&[&own, sparse], 1)?;
        let mut cells = image.flatten(1, 2)?;
        if images != n {
            cells = cells.broadcast_as((n, h * w, width))?.contiguous()?;
        }
        let Transformed { tokens, cells, looks } =
            self.transformer.forward(&tokens, &cells, &positions.flatten(1, 2)?)?;

        let pixels = self.upscale(&cells)?;
        let weights = self
            .output_hypernetworks_mlps
            .iter()
            .enumerate()
            .map(|(i, mlp)| mlp.forward(&tokens.i((.., 1 + i, ..))?.contiguous()?))
            .collect::<Result<Vec<_>>>()?;
        let weights = Tensor::stack(&weights, 1)?;
        let logits = weights.matmul(&pixels.transpose(1, 2)?)?;
        // Each cell has become four, and each of these four: rows and columns in them come behind one another.
        let logits = logits.reshape(&[n * masks, h, w, 2, 2, 2, 2])?.permute(vec![0, 1, 3, 5, 2, 4, 6])?;
        Ok(DecodedMasks {
            logits: logits.contiguous()?.reshape((n, masks, 4 * h, 4 * w))?,
            iou: self.iou_prediction_head.forward(&tokens.i((.., 0, ..))?.contiguous()?)?,
            // The IoU token comes first.
            looks: looks
                .iter()
                .map(|look| look.narrow(2, 1, masks)?.transpose(1, 2))
                .collect::<Result<_>>()?,
        })
    }

    /// `[n, cells, width]` → `[n, cells · 16, width / 8]`: pixels cell by cell, in the order of the doublings.
    fn upscale(&self, cells: &Tensor) -> Result<Tensor> {
        let x = self.upscale_first.forward(cells)?;
        let x = elementwise::gelu(norms::layer_norm(&self.upscale_norm, &x)?)?;
        elementwise::gelu(self.upscale_second.forward(&x)?)
    }
}

/// A transposed convolution of size 2 and stride 2: every cell becomes four, by a plain matrix product.
/// They are left together, the upper two first.
#[derive(Debug, Clone)]
struct Doubling {
    /// `[from, 4 · to]`.
    weight: Tensor,
    /// `[4 · to]`, the same four times.
    bias: Tensor,
}

impl Doubling {
    fn new(from: usize, to: usize, vb: &VarBuilder) -> Result<Self> {
        Self::of(&vb.get((from, to, 2, 2), "weight")?, &vb.get(to, "bias")?)
    }

    /// `weight` is `[from, to, 2, 2]`, `bias` `[to]`.
    fn of(weight: &Tensor, bias: &Tensor) -> Result<Self> {
        let (from, to, ..) = weight.dims4()?;
        let weight = weight.permute((0, 2, 3, 1))?.contiguous()?.reshape((from, 4 * to))?;
        Ok(Self { weight, bias: bias.repeat(4)? })
    }
}

impl Module for Doubling {
    /// `[n, cells, from]` → `[n, 4 · cells, to]`.
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (n, cells, from) = x.dims3()?;
        let x = x.reshape((n * cells, from))?.matmul(&self.weight)?;
        elementwise::add_bias(x, &self.bias)?.reshape((n, 4 * cells, ()))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::model::testing::{config, distance, noise, weights};

    #[test]
    fn masks_one_by_one_are_masks_together() {
        let decoder = PixelDecoder::new(&config().grounding, weights().tensors()).unwrap();
        let embedding = noise("embedding", (1, 16, 4, 4));
        let sparse = decoder.prompt_encoder.embed_text(&noise("states", (3, 16))).unwrap();
        let dense = decoder.prompt_encoder.no_mask().unwrap();
        let one_by_one = decoder.decode(&embedding, &sparse, &dense).unwrap();

        let channels_last = |x: &Tensor| x.permute((0, 2, 3, 1)).unwrap();
        let image = channels_last(&embedding).broadcast_add(&channels_last(&dense)).unwrap();
        let positions = channels_last(&decoder.prompt_encoder.dense_positions().unwrap());
        let together = decoder.mask_decoder.forward(&image, &positions, &sparse).unwrap();
        assert!(distance(&one_by_one.logits, &together.logits) < 1e-5);
        assert!(distance(&one_by_one.iou, &together.iou) < 1e-5);
        assert_eq!(one_by_one.looks.len(), together.looks.len());
        for (one, other) in one_by_one.looks.iter().zip(&together.looks) {
            assert!(distance(one, other) < 1e-5);
        }
    }

    #[test]
    fn doubling_is_the_transposed_convolution() {
        let random = |shape: &[usize]| Tensor::randn(0f32, 1.0, shape, &Device::Cpu).unwrap();
        let (weight, bias) = (random(&[3, 5, 2, 2]), random(&[5]));
        let x = random(&[2, 3, 4, 6]);
        let want = x.conv_transpose2d(&weight, 0, 0, 2, 1).unwrap();
        let want = want.permute((0, 2, 3, 1)).unwrap().broadcast_add(&bias).unwrap();
        let cells = x.permute((0, 2, 3, 1)).unwrap().flatten(1, 2).unwrap();
        let got = Doubling::of(&weight, &bias).unwrap().forward(&cells).unwrap();
        let got = got.reshape(&[2, 4, 6, 2, 2, 5]).unwrap().transpose(2, 3).unwrap();
        let got = got.reshape((2, 8, 12, 5)).unwrap();
        let difference = (got - want).unwrap().abs().unwrap().max_all().unwrap();
        assert!(difference.to_scalar::<f32>().unwrap() < 1e-5);
    }
}
