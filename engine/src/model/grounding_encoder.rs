//! Grounding image encoder: the vision transformer of SAM (Kirillov et al., 2023; a plain ViT with
//! windows and decomposed relative positions after Li et al., 2022). Called once for every image;
//! by far the longest single computation on it.
//!
//! Inside the encoder tensors are channels-last, `[batch, h, w, channels]`.

use candle_core::{D, Device, Module, Result, Tensor};
use candle_nn::{LayerNorm, VarBuilder};
use tracing::trace_span;

use super::backend::Backend;
use super::config::GroundingConfig;
use super::elementwise::{self, Activation};
use super::layers::{BetweenBlocks, Interruptible, go_on};
use super::norms;
use super::projection::Projection;
use super::source::Source;
use super::tiled_attention::{Factors, Square, attend_in_windows};
use super::winograd::Winograd;

const NORM_EPS: f64 = 1e-6;

/// Rows of the grid that go through an MLP together.
const STRIP: usize = 14;

/// The image encoder of SAM.
#[derive(Debug, Clone)]
pub struct GroundingEncoder {
    patch_size: usize,
    patch_weight: Tensor,
    patch_bias: Tensor,
    pos_embed: Tensor,
    blocks: Vec<Block>,
    neck: Neck,
}

/// An image on its way through the encoder: it can wait between two blocks.
#[derive(Debug, Clone)]
pub struct Passage {
    /// `[batch, grid, grid, width]`.
    pub(crate) state: Tensor,
    /// The block that it comes to next.
    next: usize,
}

impl GroundingEncoder {
    /// `source` is at `model.grounding_encoder.image_encoder`.
    ///
    /// # Errors
    /// A tensor is missing or of another shape.
    pub fn new(config: &GroundingConfig, source: &Source) -> Result<Self> {
        let vb = source.tensors();
        let (width, patch, grid) = (config.encoder_embed_dim, config.patch_size, config.grid());
        let patch_embed = vb.pp("patch_embed.proj");
        Ok(Self {
            patch_size: patch,
            patch_weight: patch_embed.get((width, 3, patch, patch), "weight")?,
            patch_bias: patch_embed.get(width, "bias")?,
            pos_embed: vb.get((1, grid, grid, width), "pos_embed")?,
            blocks: (0..config.encoder_depth)
                .map(|i| Block::new(config, i, &source.pp("blocks").pp(i)))
                .collect::<Result<_>>()?,
            neck: Neck::new(width, config.prompt_embed_dim, &vb.pp("neck"))?,
        })
    }

    /// Image embedding `[batch, prompt width, grid, grid]` of normalised, padded pixels
    /// `[batch, 3, size, size]`.
    ///
    /// # Errors
    /// [`super::layers::Interrupted::Cancelled`] where `between` ends the work; else the tensor library's.
    pub fn forward(&self, pixels: &Tensor, between: BetweenBlocks<'_>) -> Interruptible<Tensor> {
        self.resume(&mut self.begin(pixels)?, between)
    }

    /// An image before the first block; `pixels` as in [`Self::forward`].
    ///
    /// # Errors
    /// The tensor library's.
    pub fn begin(&self, pixels: &Tensor) -> Result<Passage> {
        let _span = trace_span!("patches").entered();
        let state = self.add_positions(&self.patch_embed(pixels)?)?;
        Ok(Passage { state, next: 0 })
    }

    /// The image embedding of what was begun. Where the work is ended, `passage` is as far as it came, and
    /// the next call goes on from there.
    ///
    /// # Errors
    /// As [`Self::forward`].
    pub fn resume(&self, passage: &mut Passage, between: BetweenBlocks<'_>) -> Interruptible<Tensor> {
        while let Some(block) = self.blocks.get(passage.next) {
            go_on(&mut *between, passage.next, self.blocks.len())?;
            let _span = trace_span!("grounding encoder block", index = passage.next).entered();
            passage.state = block.forward(&passage.state)?;
            passage.next += 1;
        }
        Ok(trace_span!("neck").in_scope(|| self.neck(&passage.state))?)
    }

    /// Number of transformer blocks.
    pub fn depth(&self) -> usize {
        self.blocks.len()
    }

    /// Patches as vectors, before positions are added: `[batch, grid, grid, width]`.
    ///
    /// # Errors
    /// The tensor library's.
    pub fn patch_embed(&self, pixels: &Tensor) -> Result<Tensor> {
        let x = pixels.conv2d(&self.patch_weight, 0, self.patch_size, 1, 1)?;
        x.permute((0, 2, 3, 1))?.broadcast_add(&self.patch_bias)
    }

    /// Adds the absolute positions to the patches `[batch, grid, grid, width]`: input of the first block.
    ///
    /// # Errors
    /// The tensor library's.
    pub fn add_positions(&self, patches: &Tensor) -> Result<Tensor> {
        patches.broadcast_add(&self.pos_embed)
    }

    /// One block alone, `[batch, grid, grid, width]` to the same, for comparison with recorded states.
    ///
    /// # Errors
    /// The tensor library's, or no such block.
    pub fn block(&self, index: usize, x: &Tensor) -> Result<Tensor> {
        match self.blocks.get(index) {
            Some(block) => block.forward(x),
            None => candle_core::bail!("the grounding encoder has no block {index}"),
        }
    }

    /// From the last block's output `[batch, grid, grid, width]` to the image embedding
    /// `[batch, prompt width, grid, grid]`.
    ///
    /// # Errors
    /// The tensor library's.
    pub fn neck(&self, x: &Tensor) -> Result<Tensor> {
        self.neck.forward(x)
    }
}

/// A pre-norm transformer block that attends in windows or over the whole grid.
#[derive(Debug, Clone)]
struct Block {
    window: Option<usize>,
    norm1: LayerNorm,
    attn: Attention,
    norm2: LayerNorm,
    lin1: Projection,
    lin2: Projection,
}

impl Block {
    fn new(config: &GroundingConfig, index: usize, source: &Source) -> Result<Self> {
        let vb = source.tensors();
        let width = config.encoder_embed_dim;
        let inner = (width as f64 * config.mlp_ratio) as usize;
        let window = (!config.global_attn_indexes.contains(&index)).then_some(config.window_size);
        let side = window.unwrap_or(config.grid());
        Ok(Self {
            window,
            norm1: candle_nn::layer_norm(width, NORM_EPS, vb.pp("norm1"))?,
            attn: Attention::new(width, config.encoder_num_heads, side, &source.pp("attn"))?,
            norm2: candle_nn::layer_norm(width, NORM_EPS, vb.pp("norm2"))?,
            lin1: source.pp("mlp.lin1").linear(width, inner)?,
            lin2: source.pp("mlp.lin2").linear(inner, width)?,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        if !Backend::of(x.device()).takes_parts() {
            return self.transform(&self.attend(x)?);
        }
        let images = (0..x.dim(0)?).map(|image| self.forward_in_parts(&x.narrow(0, image, 1)?));
        match images.collect::<Result<Vec<_>>>()?.as_slice() {
            [image] => Ok(image.clone()),
            images => Tensor::cat(images, 0),
        }
    }

    fn forward_in_parts(&self, x: &Tensor) -> Result<Tensor> {
        match self.window {
            // Windows side by side do not see others: they pass through the whole block before the next.
            Some(side) => in_strips(x, side, |x| self.transform(&self.attend(x)?)),
            None => in_strips(&self.attend(x)?, STRIP, |x| self.transform(x)),
        }
    }

    fn attend(&self, x: &Tensor) -> Result<Tensor> {
        elementwise::add(self.attn.forward(&norms::layer_norm(&self.norm1, x)?)?, x)
    }

    fn transform(&self, x: &Tensor) -> Result<Tensor> {
        let hidden = norms::layer_norm(&self.norm2, x)?;
        let hidden = self.lin1.forward_then(&hidden, Some(Activation::Gelu))?;
        elementwise::add(self.lin2.forward(&hidden)?, x)
    }
}

/// `f` of so many rows of `[batch, h, w, c]` at a time.
fn in_strips(x: &Tensor, rows: usize, f: impl Fn(&Tensor) -> Result<Tensor>) -> Result<Tensor> {
    let h = x.dim(1)?;
    if rows >= h {
        return f(x);
    }
    let strip = |first: usize| f(&x.narrow(1, first, rows.min(h - first))?.contiguous()?);
    Tensor::cat(&(0..h).step_by(rows).map(strip).collect::<Result<Vec<_>>>()?, 1)
}

/// `[batch, h, w, c]` → `[batch · windows, side, side, c]`, padded with `padding` `[c]` at the right and
/// bottom where the grid is not a multiple of the window. The padding takes part in attention.
fn split_windows(x: &Tensor, side: usize, padding: &Tensor) -> Result<Tensor> {
    let (batch, h, w, channels) = x.dims4()?;
    let (down, across) = (h.div_ceil(side), w.div_ceil(side));
    let pad = |x: &Tensor, axis: usize, more: usize| {
        let mut shape = x.dims().to_vec();
        shape[axis] = more;
        if more == 0 { Ok(x.clone()) } else { Tensor::cat(&[x, &padding.broadcast_as(shape)?], axis) }
    };
    let x = pad(&pad(x, 1, down * side - h)?, 2, across * side - w)?;
    x.reshape(&[batch, down, side, across, side, channels])?.transpose(2, 3)?.reshape((
        batch * down * across,
        side,
        side,
        channels,
    ))
}

/// Undoes [`split_windows`] for a grid of `h × w`.
fn join_windows(x: &Tensor, h: usize, w: usize) -> Result<Tensor> {
    let (windows, side, _, channels) = x.dims4()?;
    let (down, across) = (h.div_ceil(side), w.div_ceil(side));
    let batch = windows / (down * across);
    x.reshape(&[batch, down, across, side, side, channels])?
        .transpose(2, 3)?
        .reshape((batch, down * side, across * side, channels))?
        .narrow(1, 0, h)?
        .narrow(2, 0, w)
}

/// Multi-head attention over a square with decomposed relative positions: the logit of a query and
/// a key gains the query's products with one vector for their vertical distance and one for their
/// horizontal distance.
#[derive(Debug, Clone)]
struct Attention {
    heads: usize,
    /// Of the squares attended in.
    side: usize,
    qkv: Projection,
    qkv_bias: Tensor,
    proj: Projection,
    rel_pos_h: Tensor,
    rel_pos_w: Tensor,
}

impl Attention {
    /// `side` is that of the squares attended in: of windows, or of the grid.
    fn new(width: usize, heads: usize, side: usize, source: &Source) -> Result<Self> {
        let vb = source.tensors();
        let table = (2 * side - 1, width / heads);
        let qkv = source.pp("qkv").linear(width, 3 * width)?;
        let Some(qkv_bias) = qkv.bias().cloned() else { candle_core::bail!("a linear layer without bias") };
        Ok(Self {
            heads,
            side,
            qkv,
            qkv_bias,
            proj: source.pp("proj").linear(width, width)?,
            rel_pos_h: vb.get(table, "rel_pos_h")?,
            rel_pos_w: vb.get(table, "rel_pos_w")?,
        })
    }

    /// `x` is `[batch, h, w, width]`. Windows that reach beyond meet zeros there, of which queries, keys
    /// and values are the biases.
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let qkv = self.qkv.forward(x)?;
        let mixed = match self.attend_in_tiles(&qkv)? {
            Some(mixed) => mixed,
            None => self.attend_by_library(&qkv)?,
        };
        self.proj.forward(&mixed)
    }

    /// `[1, h, w, width]` of queries, keys and values `[1, h, w, 3 · width]`; `None` where only the tensor
    /// library can.
    fn attend_in_tiles(&self, qkv: &Tensor) -> Result<Option<Tensor>> {
        let square = Square {
            side: self.side,
            rel_pos_h: &self.rel_pos_h,
            rel_pos_w: &self.rel_pos_w,
            factors: Factors::of(&self.qkv),
            padding: &self.qkv_bias,
        };
        attend_in_windows(qkv, self.heads, square)
    }

    /// What [`Self::attend_in_tiles`] does, of any batch, in operations of the tensor library.
    fn attend_by_library(&self, qkv: &Tensor) -> Result<Tensor> {
        let (_, grid_h, grid_w, _) = qkv.dims4()?;
        let qkv = split_windows(qkv, self.side, &self.qkv_bias)?;
        let (batch, h, w, all) = qkv.dims4()?;
        let (tokens, width) = (h * w, all / 3);
        let head = width / self.heads;
        let qkv = qkv.reshape((batch, tokens, 3, self.heads, head))?.permute((2, 0, 3, 1, 4))?;
        let part = |i: usize| qkv.get(i)?.contiguous()?.reshape((batch * self.heads, tokens, head));
        let (q, k, v) = (part(0)?, part(1)?, part(2)?);
        let (q, k) = self.with_positions(&q, &k, h, w)?;
        let mixed = attend(&q, &k, &v, Backend::of(q.device()).attention_elements())?;
        let mixed = mixed.reshape((batch, self.heads, tokens, head))?.transpose(1, 2)?;
        join_windows(&mixed.reshape((batch, h, w, width))?, grid_h, grid_w)?.contiguous()
    }

    /// Queries and keys whose plain products are the complete logits: a query is lengthened by its
    /// position term for each row and each column of the square, and a key by two one-hot vectors
    /// that say which row and column it is in. So the logits come out of one matrix product, and
    /// nothing of the size of all pairs is ever broadcast or added. The position terms use the
    /// query unscaled, as SAM does.
    fn with_positions(&self, q: &Tensor, k: &Tensor, h: usize, w: usize) -> Result<(Tensor, Tensor)> {
        let (batch, tokens, head) = q.dims3()?;
        let grid = q.reshape((batch, h, w, head))?;
        let table = |rel_pos: &Tensor, side| distances(rel_pos, side)?.transpose(1, 2)?.contiguous();
        // Each row of queries meets its own table [head, rows]; so rows come first.
        let by_row = grid.transpose(0, 1)?.contiguous()?.reshape((h, batch * w, head))?;
        let vertical = by_row.matmul(&table(&self.rel_pos_h, h)?)?;
        let vertical = vertical.reshape((h, batch, w, h))?.transpose(0, 1)?.reshape((batch, tokens, h))?;
        let by_column = grid.permute((2, 0, 1, 3))?.contiguous()?.reshape((w, batch * h, head))?;
        let horizontal = by_column.matmul(&table(&self.rel_pos_w, w)?)?;
        let horizontal = horizontal.reshape((w, batch, h, w))?.permute((1, 2, 0, 3))?;
        let horizontal = horizontal.reshape((batch, tokens, w))?;

        let scaled = (q * (head as f64).powf(-0.5))?;
        let q = Tensor::cat(&[&scaled, &vertical, &horizontal], D::Minus1)?;
        let places = one_hot_places(h, w, k.device())?.to_dtype(k.dtype())?;
        let places = places.unsqueeze(0)?.broadcast_as((batch, tokens, h + w))?;
        Ok((q, Tensor::cat(&[k, &places], D::Minus1)?))
    }
}

/// `softmax(q kᵀ) v` for `[heads, tokens, width]`, so many heads at a time, or so many queries of one
/// head, that their weights have about `elements` elements.
fn attend(q: &Tensor, k: &Tensor, v: &Tensor, elements: usize) -> Result<Tensor> {
    let (batch, tokens, _) = q.dims3()?;
    let heads = (elements / (tokens * tokens)).clamp(1, batch);
    let queries = (elements / (heads * tokens)).clamp(1, tokens);
    let mut mixed = Vec::with_capacity(batch.div_ceil(heads));
    for head in (0..batch).step_by(heads) {
        let count = heads.min(batch - head);
        let part = |x: &Tensor| x.narrow(0, head, count);
        let (q, k, v) = (part(q)?, part(k)?.t()?, part(v)?);
        let stretches = (0..tokens).step_by(queries).map(|query| {
            let q = q.narrow(1, query, queries.min(tokens - query))?;
            elementwise::softmax(q.matmul(&k)?)?.matmul(&v)
        });
        let stretches = stretches.collect::<Result<Vec<_>>>()?;
        mixed.push(Tensor::cat(&stretches, 1)?);
    }
    Tensor::cat(&mixed, 0)
}

/// `[side, side, head]`: the vector of the table for query place i and key place j, which is row
/// `i - j + side - 1`.
fn distances(rel_pos: &Tensor, side: usize) -> Result<Tensor> {
    let rows: Vec<u32> = (0..side).flat_map(|q| (0..side).map(move |k| (q + side - 1 - k) as u32)).collect();
    let rows = Tensor::from_vec(rows, side * side, rel_pos.device())?;
    rel_pos.index_select(&rows, 0)?.reshape((side, side, ()))
}

/// `[h · w, h + w]`: each place's row, then its column, as one-hot vectors.
fn one_hot_places(h: usize, w: usize, device: &Device) -> Result<Tensor> {
    let mut places = vec![0f32; h * w * (h + w)];
    for (place, hot) in places.chunks_exact_mut(h + w).enumerate() {
        hot[place / w] = 1.0;
        hot[h + place % w] = 1.0;
    }
    Tensor::from_vec(places, (h * w, h + w), device)
}

/// Brings the transformer's output to the width of prompts.
#[derive(Debug, Clone)]
struct Neck {
    narrow: Tensor,
    norm1: LayerNorm,
    smooth: Tensor,
    norm2: LayerNorm,
}

impl Neck {
    fn new(width: usize, out: usize, vb: &VarBuilder) -> Result<Self> {
        Ok(Self {
            narrow: vb.get((out, width, 1, 1), "0.weight")?,
            norm1: candle_nn::layer_norm(out, NORM_EPS, vb.pp(1))?,
            smooth: vb.get((out, out, 3, 3), "2.weight")?,
            norm2: candle_nn::layer_norm(out, NORM_EPS, vb.pp(3))?,
        })
    }
}

impl Module for Neck {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (batch, h, w, width) = x.dims4()?;
        // The 1 × 1 convolution is a product of the channels alone.
        let weight = self.narrow.reshape(((), width))?;
        let x = x.reshape((batch * h * w, width))?.matmul(&weight.t()?)?;
        let x = self.norm1.forward(&x)?.reshape((batch, h, w, ()))?;
        let x = x.permute((0, 3, 1, 2))?.contiguous()?;
        let x = match Winograd::new(&self.smooth, None)? {
            Some(transformed) => transformed.convolve(&x)?,
            None => x.conv2d(&self.smooth, 1, 1, 1, 1)?,
        };
        // Channels stay together in memory, as the pixel decoder reads them.
        self.norm2.forward(&x.permute((0, 2, 3, 1))?.contiguous()?)?.permute((0, 3, 1, 2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::{distance, noise};

    #[test]
    fn windows_join_back_whatever_the_padding() {
        for (h, w, side) in [(4, 4, 2), (5, 7, 3), (2, 3, 4)] {
            let x = Tensor::arange(0f32, (2 * h * w * 3) as f32, &Device::Cpu).unwrap();
            let x = x.reshape((2, h, w, 3)).unwrap();
            let padding = Tensor::zeros(3, candle_core::DType::F32, &Device::Cpu).unwrap();
            let windows = split_windows(&x, side, &padding).unwrap();
            assert_eq!(windows.dims(), [2 * h.div_ceil(side) * w.div_ceil(side), side, side, 3]);
            let back = join_windows(&windows, h, w).unwrap();
            let (want, got) = (x.flatten_all().unwrap(), back.flatten_all().unwrap());
            assert_eq!(want.to_vec1::<f32>().unwrap(), got.to_vec1::<f32>().unwrap());
        }
    }

    #[test]
    fn heads_attended_a_few_at_a_time_equal_all_at_once() {
        let random = |n| Tensor::randn(0f32, 1.0, (3, n, 4), &Device::Cpu).unwrap();
        let (q, k, v) = (random(5), random(5), random(5));
        let all = attend(&q, &k, &v, 1000).unwrap();
        for elements in [1, 15, 60] {
            let parts = attend(&q, &k, &v, elements).unwrap();
            assert_eq!(parts.dims(), all.dims());
            let difference = (&all - parts).unwrap().abs().unwrap().max_all().unwrap();
            assert!(difference.to_scalar::<f32>().unwrap() < 1e-6);
        }
    }

    #[test]
    fn tiles_attend_as_the_library_does() {
        // Windows that end with the grid and reach beyond it; the whole grid.
        for (h, w, side) in [(6, 6, 3), (7, 5, 4), (5, 5, 5)] {
            let source = crate::model::testing::weights().pp(side);
            let attention = Attention::new(32, 2, side, &source).unwrap();
            let qkv = noise("qkv", (1, h, w, 96)).affine(2.0, 0.0).unwrap();
            let wanted = attention.attend_by_library(&qkv).unwrap();
            attention.proj.forward(&wanted).unwrap();
            let Some(got) = attention.attend_in_tiles(&qkv).unwrap() else { return };
            assert!(distance(&got, &wanted) < 1e-5, "{h} {w} {side}: {}", distance(&got, &wanted));
        }
    }

    #[test]
    fn blocks_in_parts_are_blocks_at_once() {
        // Windows that end with the grid and reach beyond it, and the whole of a grid of several strips.
        for (window, (h, w)) in [(3, (6, 6)), (4, (7, 5)), (0, (STRIP + 3, STRIP + 3))] {
            let config = GroundingConfig {
                image_size: w.max(h),
                patch_size: 1,
                encoder_embed_dim: 32,
                encoder_num_heads: 2,
                window_size: window,
                global_attn_indexes: if window == 0 { vec![0] } else { Vec::new() },
                ..GroundingConfig::default()
            };
            let block = Block::new(&config, 0, &crate::model::testing::weights().pp(window)).unwrap();
            let x = noise("x", (2, h, w, 32));
            let at_once = block.transform(&block.attend(&x).unwrap()).unwrap();
            let in_parts = block.forward(&x).unwrap();
            assert_eq!(in_parts.dims(), at_once.dims());
            assert!(distance(&in_parts, &at_once) < 1e-5, "{window}: {}", distance(&in_parts, &at_once));
        }
    }

    #[test]
    fn distance_rows_grow_from_last_key_to_last_query() {
        let table = Tensor::arange(0f32, 5.0, &Device::Cpu).unwrap().reshape((5, 1)).unwrap();
        let rows: Vec<Vec<Vec<f32>>> = distances(&table, 3).unwrap().to_vec3().unwrap();
        assert_eq!(rows.concat().concat(), [2.0, 1.0, 0.0, 3.0, 2.0, 1.0, 4.0, 3.0, 2.0]);
    }
}
