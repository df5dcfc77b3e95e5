//! Which tensors a fabricated checkpoint holds: names, shapes and stored types of the released one,
//! in the order in which PyTorch lists them, and what fills each.
//!
//! GLaMM and CLIP's vision tower come from the model itself ([`crate::manifest`]); CLIP's
//! text tower, which no part of this program uses, is listed here.

use std::collections::VecDeque;

use candle_core::DType;
use serde::Deserialize;

use crate::manifest::{Manifest, TensorSpec};

/// Released checkpoints were cut in files of at most this size.
const SHARD_BYTES: u64 = 10_000_000_000;

/// What a tensor is filled with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Filling {
    /// Normally distributed numbers.
    Normal { mean: f32, deviation: f32 },
    /// Frequencies of the rotary embedding with this base.
    Frequencies { base: f64 },
    /// 0, 1, 2, …
    Positions,
}

/// A tensor to be written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PlannedTensor {
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
    /// [`DType::F32`], [`DType::BF16`] or [`DType::I64`].
    pub(super) dtype: DType,
    pub(super) filling: Filling,
}

impl PlannedTensor {
    fn new(name: &str, shape: &[usize], dtype: DType) -> Self {
        let filling = filling(name, shape);
        let dtype = if filling == Filling::Positions { DType::I64 } else { dtype };
        Self { name: name.to_owned(), shape: shape.to_vec(), dtype, filling }
    }

    /// Numbers in it.
    pub(super) fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// Its bytes in the file.
    pub(super) fn bytes(&self) -> u64 {
        (self.elements() * self.dtype.size_in_bytes()) as u64
    }
}

/// GLaMM's own tensors: bfloat16, but for the grounding encoder and the text projection.
pub(super) fn of_glamm(manifest: &Manifest, rope_theta: f64) -> Vec<PlannedTensor> {
    let single = ["model.grounding_encoder.", "model.text_hidden_fcs."];
    let mut specs: Vec<&TensorSpec> = manifest.glamm.iter().collect();
    specs.sort_by_key(|spec| official_place(&spec.name));
    let planned = specs.into_iter().map(|spec| {
        let is_single = single.iter().any(|prefix| spec.name.starts_with(prefix));
        let mut planned =
            PlannedTensor::new(&spec.name, &spec.shape, if is_single { DType::F32 } else { DType::BF16 });
        if let Filling::Frequencies { base } = &mut planned.filling {
            *base = rope_theta;
        }
        planned
    });
    planned.collect()
}

/// Rank of a tensor's part in the official model, of its layer in the part, and of its module there.
fn official_place(name: &str) -> (usize, usize, usize) {
    const PARTS: [&str; 7] = [
        "model.embed_tokens.",
        "model.layers.",
        "model.norm.",
        "model.mm_projector.",
        "model.region_encoder.",
        "model.grounding_encoder.",
        "model.text_hidden_fcs.",
    ];
    const MODULES: [&str; 2] = ["self_attn", "mlp"];
    let part = PARTS.iter().position(|part| name.starts_with(part)).unwrap_or(PARTS.len());
    let mut layer = name.strip_prefix("model.layers.").into_iter().flat_map(|rest| rest.split('.'));
    let number = layer.next().and_then(|number| number.parse().ok()).unwrap_or(0);
    let module = layer.next().and_then(|module| MODULES.iter().position(|&other| other == module));
    (part, number, module.unwrap_or(MODULES.len()))
}

/// The text half of CLIP's `config.json`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct TextTower {
    pub(super) hidden_size: usize,
    pub(super) intermediate_size: usize,
    pub(super) num_hidden_layers: usize,
    pub(super) max_position_embeddings: usize,
    pub(super) vocab_size: usize,
    /// Width of the space that CLIP compares texts and images in.
    pub(super) projection_dim: usize,
}

/// All of CLIP, in float32: first what is common to both towers, then the towers.
pub(super) fn of_clip(manifest: &Manifest, text: &TextTower, vision_width: usize) -> Vec<PlannedTensor> {
    let width = text.hidden_size;
    let mut planned = Vec::new();
    let mut add = |name: &str, shape: &[usize]| planned.push(PlannedTensor::new(name, shape, DType::F32));
    add("logit_scale", &[]);
    let embeddings = "text_model.embeddings";
    add(&format!("{embeddings}.position_ids"), &[1, text.max_position_embeddings]);
    add(&format!("{embeddings}.token_embedding.weight"), &[text.vocab_size, width]);
    add(&format!("{embeddings}.position_embedding.weight"), &[text.max_position_embeddings, width]);
    for layer in 0..text.num_hidden_layers {
        for (part, rows, columns) in [
            ("self_attn.k_proj", width, width),
            ("self_attn.v_proj", width, width),
            ("self_attn.q_proj", width, width),
            ("self_attn.out_proj", width, width),
            ("layer_norm1", width, 0),
            ("mlp.fc1", text.intermediate_size, width),
            ("mlp.fc2", width, text.intermediate_size),
            ("layer_norm2", width, 0),
        ] {
            let name = format!("text_model.encoder.layers.{layer}.{part}");
            let matrix = [rows, columns];
            add(&format!("{name}.weight"), if columns == 0 { &matrix[..1] } else { &matrix });
            add(&format!("{name}.bias"), &[rows]);
        }
    }
    add("text_model.final_layer_norm.weight", &[width]);
    add("text_model.final_layer_norm.bias", &[width]);
    for spec in &manifest.clip {
        add(&spec.name, &spec.shape);
    }
    add("visual_projection.weight", &[text.projection_dim, vision_width]);
    add("text_projection.weight", &[text.projection_dim, width]);
    planned
}

/// Matrices keep the size of what goes through them, norms hardly change it, embeddings are small:
/// so activations stay finite through any number of layers.
fn filling(name: &str, shape: &[usize]) -> Filling {
    const EMBEDDINGS: [&str; 9] = [
        "embed_tokens.weight",
        "pos_embed",
        "_embed.weight",
        "rel_pos_h",
        "rel_pos_w",
        "class_embedding",
        "position_embedding.weight",
        "token_embedding.weight",
        "_tokens.weight",
    ];
    let normal = |mean, deviation| Filling::Normal { mean, deviation };
    if name.ends_with("rotary_emb.inv_freq") {
        return Filling::Frequencies { base: 10_000.0 };
    }
    if name.ends_with("position_ids") {
        return Filling::Positions;
    }
    if name == "logit_scale" {
        return normal(2.6592, 0.0);
    }
    if name.ends_with("positional_encoding_gaussian_matrix") {
        return normal(0.0, 1.0);
    }
    let embedding = EMBEDDINGS.iter().any(|suffix| name.ends_with(suffix))
        || name.contains("point_embeddings.")
        || name.ends_with("iou_token.weight");
    match shape {
        _ if embedding => normal(0.0, 0.02),
        [_] if name.ends_with(".weight") => normal(1.0, 0.02),
        [] | [_] => normal(0.0, 0.02),
        [_, fan_in @ ..] => normal(0.0, (fan_in.iter().product::<usize>().max(1) as f32).sqrt().recip()),
    }
}

/// Cuts a model into files as the official export does: a file ends where the next tensor would take
/// it beyond the limit. A model that would fit one file is cut in two.
pub(super) fn shards(tensors: Vec<PlannedTensor>) -> Vec<Vec<PlannedTensor>> {
    let total: u64 = tensors.iter().map(PlannedTensor::bytes).sum();
    let limit = SHARD_BYTES.min(total * 3 / 5);
    let (mut shards, mut bytes) = (VecDeque::from([Vec::new()]), 0);
    for tensor in tensors {
        if bytes > 0 && bytes + tensor.bytes() > limit {
            shards.push_back(Vec::new());
            bytes = 0;
        }
        bytes += tensor.bytes();
        if let Some(last) = shards.back_mut() {
            last.push(tensor);
        }
    }
    shards.into()
}
