//! How much there is to do, counted from the model's sizes: a lower bound that knows nothing of how
//! the engine does it. A multiplication and an addition are two operations. Norms, softmax,
//! activations and positions are left out.

use crate::manifest::{TensorSpec, expected_tensors};
use crate::memory::keys_and_values;
use crate::model::config::GlammConfig;
use crate::precision::Precision;

/// A part of the model at some size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// One token behind so many positions.
    Decode {
        /// Positions before it.
        depth: usize,
    },
    /// A prompt of so many positions, and the logits of the last one.
    Prefill {
        /// Positions.
        positions: usize,
    },
    /// CLIP, up to the hidden states in use, and the projector.
    GlobalEncoder,
    /// SAM's image encoder.
    GroundingEncoder,
    /// Feature maps, and so many boxes.
    RegionEncoder {
        /// Boxes.
        boxes: usize,
    },
    /// So many masks.
    PixelDecoder {
        /// Masks.
        masks: usize,
    },
}

/// What bounds a part from below.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Reading the weights.
    Memory,
    /// Products of single-precision numbers.
    Floats,
    /// Products of bytes, which matrices in blocks are multiplied with.
    Bytes,
}

/// What a part has to do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Work {
    /// Multiplications and additions.
    pub operations: f64,
    /// Bytes of the language model's matrices, and of the keys and values of earlier positions; `None` for
    /// the other parts, where reading is little beside computing, and where it is not known how precisely
    /// matrices are kept.
    pub bytes: Option<f64>,
    /// What it is bounded by.
    pub limit: Limit,
}

impl Work {
    /// `precision` is that of the loaded weights, where it is one of those known by name.
    pub(super) fn of(part: Part, config: &GlammConfig, precision: Option<Precision>) -> Self {
        let blocks =
            if precision.is_some_and(Precision::is_quantised) { Limit::Bytes } else { Limit::Floats };
        let (operations, limit) = match part {
            Part::Decode { depth } => (language(config, 1, depth), Limit::Memory),
            Part::Prefill { positions } => (language(config, positions, 0), blocks),
            Part::GlobalEncoder => (global_encoder(config), blocks),
            Part::GroundingEncoder => (grounding_encoder(config), blocks),
            Part::RegionEncoder { boxes } => (region_encoder(config, boxes as f64), Limit::Floats),
            Part::PixelDecoder { masks } => (pixel_decoder(config) * masks as f64, Limit::Floats),
        };
        let past = match part {
            Part::Decode { depth } => Some(depth),
            Part::Prefill { .. } => Some(0),
            _ => None,
        };
        let bytes = past.zip(precision).and_then(|(past, precision)| {
            let number = if precision == Precision::F32 { 4 } else { 2 };
            Some(language_bytes(config, precision)? + keys_and_values(config, past as u64, number) as f64)
        });
        Self { operations, bytes, limit }
    }
}

/// `n` new positions behind `past`: matrices, then causal attention; logits of one.
fn language(config: &GlammConfig, n: usize, past: usize) -> f64 {
    let llm = &config.llm;
    let width = llm.hidden_size as f64;
    let (heads, kv_heads) = (llm.num_attention_heads as f64, llm.kv_heads() as f64);
    let projections = 2.0 * width * width * (1.0 + kv_heads / heads);
    let block = projections + 3.0 * width * llm.intermediate_size as f64;
    let (n, past) = (n as f64, past as f64);
    let seen = n * past + n * (n + 1.0) / 2.0;
    let layers = llm.num_hidden_layers as f64;
    2.0 * (layers * (n * block + 2.0 * seen * width) + width * llm.vocab_size as f64)
}

/// Matrices of the blocks and of the output layer.
fn language_bytes(config: &GlammConfig, precision: Precision) -> Option<f64> {
    let manifest = expected_tensors(config).ok()?;
    let read = |name: &str| name.starts_with("model.layers.") || name.starts_with("lm_head.");
    let bytes = |spec: &TensorSpec| match spec.shape[..] {
        [rows, columns] if spec.is_matrix() && read(&spec.name) => {
            precision.format_of(&spec.name, columns).bytes(rows * columns)
        }
        _ => 0,
    };
    Some(manifest.glamm.iter().map(bytes).sum::<usize>() as f64)
}

/// A pre-norm block over `tokens`: four projections, an MLP, and attention to `seen` places each.
fn vision_block(tokens: f64, width: f64, inner: f64, seen: f64) -> f64 {
    2.0 * tokens * (4.0 * width * width + 2.0 * width * inner + 2.0 * seen * width)
}

fn global_encoder(config: &GlammConfig) -> f64 {
    let clip = &config.global_encoder;
    let (width, patches) = (clip.hidden_size as f64, clip.patches() as f64);
    let depth = config.blocks_in_use();
    let tokens = patches + 1.0;
    let block = vision_block(tokens, width, clip.intermediate_size as f64, tokens);
    let language = config.llm.hidden_size as f64;
    let projector = 2.0 * patches * (width * language + language * language);
    let embedding = 2.0 * patches * 3.0 * (clip.patch_size * clip.patch_size) as f64 * width;
    depth as f64 * block + projector + embedding
}

fn grounding_encoder(config: &GlammConfig) -> f64 {
    let sam = &config.grounding;
    let (width, out) = (sam.encoder_embed_dim as f64, sam.prompt_embed_dim as f64);
    let cells = (sam.grid() * sam.grid()) as f64;
    let inner = width * sam.mlp_ratio;
    let everywhere =
        sam.global_attn_indexes.iter().filter(|&&index| index < sam.encoder_depth).count() as f64;
    let windowed = sam.encoder_depth as f64 - everywhere;
    let window = (sam.window_size * sam.window_size) as f64;
    let embedding = 2.0 * cells * 3.0 * (sam.patch_size * sam.patch_size) as f64 * width;
    let neck = 2.0 * cells * (width * out + 9.0 * out * out);
    everywhere * vision_block(cells, width, inner, cells)
        + windowed * vision_block(cells, width, inner, window)
        + embedding
        + neck
}

fn region_encoder(config: &GlammConfig, boxes: f64) -> f64 {
    let (region, grid) = (&config.region_encoder, config.global_encoder.grid());
    let (width, inner) = (region.embed_dims as f64, region.inner_dims as f64);
    let levels = region.strides.len();
    let cells: usize = (0..levels).map(|level| (grid << level).pow(2)).sum();
    let maps = 2.0 * levels as f64 * (grid * grid) as f64 * width * width;
    let convolution = 2.0 * 9.0 * width * width;
    let fusion = region.num_fuse as f64 * cells as f64 * convolution;
    let places = (region.roi_output_size * region.roi_output_size) as f64;
    let pooling = levels as f64 * places * convolution + 2.0 * places * width * inner;
    maps + fusion + boxes * (pooling + 2.0 * inner * region.out_dims as f64)
}

/// One mask. Only what is done for every cell of the image; the few tokens are left out.
fn pixel_decoder(config: &GlammConfig) -> f64 {
    let sam = &config.grounding;
    let (width, cells) = (sam.prompt_embed_dim as f64, (sam.grid() * sam.grid()) as f64);
    // Keys and values for the tokens, queries and output for the image, in half the width; the last
    // attention is of the tokens alone.
    let projection = 2.0 * cells * width * width / 2.0;
    let attention = (4.0 * sam.decoder_depth as f64 + 2.0) * projection;
    let upscaling = 2.0 * cells * width * width + 2.0 * 4.0 * cells * (width / 4.0) * (width / 2.0);
    let masks = (sam.num_multimask_outputs + 1) as f64;
    attention + upscaling + 2.0 * 16.0 * cells * width / 8.0 * masks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fullscope() -> GlammConfig {
        GlammConfig::from_json(
            include_str!("../fabricate/fullscope/config.json"),
            include_str!("../fabricate/fullscope/clip_config.json"),
            None,
        )
        .unwrap()
    }

    /// Of the real model, against what is known of LLaMA 7B, SAM ViT-H (2.97 · 10¹² products) and CLIP
    /// ViT-L/14 at 336 pixels (0.19 · 10¹² for all 24 blocks).
    #[test]
    fn the_real_sizes_are_as_published() {
        let config = fullscope();
        let operations = |part| Work::of(part, &config, Some(Precision::Q4K)).operations;
        let near = |found: f64, wanted: f64| (found / wanted - 1.0).abs() < 0.06;
        assert!(near(operations(Part::Decode { depth: 0 }), 2.0 * 6.6e9));
        assert!(near(operations(Part::GroundingEncoder), 2.0 * 2.9e12));
        let projector = 2.0 * 576.0 * (1024.0 * 4096.0 + 4096.0 * 4096.0);
        assert!(near(operations(Part::GlobalEncoder) - projector, 2.0 * 0.19e12 * 23.0 / 24.0));
        let both = operations(Part::Prefill { positions: 2 });
        let one_by_one = operations(Part::Prefill { positions: 1 }) + operations(Part::Decode { depth: 1 });
        let output = 2.0 * 4096.0 * config.llm.vocab_size as f64;
        assert!(near(both + output, one_by_one));
    }

    #[test]
    fn four_bits_are_read_faster_than_eight() {
        let config = fullscope();
        let bytes =
            |depth, precision| Work::of(Part::Decode { depth }, &config, Some(precision)).bytes.unwrap();
        let cache = bytes(700, Precision::Q4K) - bytes(0, Precision::Q4K);
        assert!((cache - 700.0 * 2.0 * 32.0 * 4096.0 * 2.0).abs() < 1.0, "{cache}");
        let bytes = |precision| bytes(0, precision);
        let (q4k, q8, half) = (bytes(Precision::Q4K), bytes(Precision::Q8_0), bytes(Precision::F16));
        assert!((3.7e9..3.8e9).contains(&q4k), "{q4k}");
        assert!((half / q8 - 32.0 / 17.0).abs() < 1e-6);
    }
}
