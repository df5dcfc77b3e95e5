//! A very small GLaMM with random weights, for unit tests: what is tested with it holds for any
//! weights.

use candle_core::{DType, Device, Shape, Tensor};
use candle_nn::VarBuilder;
use candle_nn::var_builder::SimpleBackend;

use super::config::GlammConfig;
use super::source::Source;

const GLAMM: &str = r#"{
    "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "vocab_size": 40, "rms_norm_eps": 1e-5, "max_position_embeddings": 600,
    "out_dim": 16,
    "arch": {
        "sam": {"image_size": 32, "patch_size": 8, "encoder_embed_dim": 8, "encoder_depth": 1,
            "encoder_num_heads": 2, "global_attn_indexes": [0], "window_size": 2, "prompt_embed_dim": 16,
            "decoder_depth": 1, "decoder_num_heads": 2, "decoder_mlp_dim": 16, "iou_head_hidden_dim": 8},
        "region": {"embed_dims": 8, "inner_dims": 8, "pos_hidden": 8, "out_dims": 16, "num_fuse": 1,
            "gn_groups": 2, "strides": [7.0, 14.0], "level_layers": [-3, -2]}
    }
}"#;
const CLIP: &str = r#"{"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 3,
    "num_attention_heads": 2, "image_size": 8, "patch_size": 4}"#;

/// Its configuration.
pub(crate) fn config() -> GlammConfig {
    GlammConfig::from_json(GLAMM, CLIP, None).unwrap()
}

/// Weights of any names and shapes, always the same for one name.
pub(crate) fn weights() -> Source<'static> {
    VarBuilder::from_backend(Box::new(NamedNoise), DType::F32, Device::Cpu).into()
}

/// Uniform noise in -1..1, always the same for one name.
pub(crate) fn noise(name: &str, shape: impl Into<Shape>) -> Tensor {
    let shape = shape.into();
    let mut state =
        name.bytes().fold(0x9E37_79B9_7F4A_7C15_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01B3));
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u32 << 23) as f32 - 1.0
    };
    let values: Vec<f32> = (0..shape.elem_count()).map(|_| next()).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

/// Largest absolute difference of two tensors of one shape.
pub(crate) fn distance(a: &Tensor, b: &Tensor) -> f32 {
    assert_eq!(a.dims(), b.dims());
    (a - b).unwrap().abs().unwrap().flatten_all().unwrap().max(0).unwrap().to_scalar().unwrap()
}

/// Answers every request with noise; weights of norms are around 1.
struct NamedNoise;

impl SimpleBackend for NamedNoise {
    fn get(
        &self,
        shape: Shape,
        name: &str,
        _: candle_nn::Init,
        dtype: DType,
        device: &Device,
    ) -> candle_core::Result<Tensor> {
        let inputs: usize = shape.dims().iter().skip(1).product();
        let noise = noise(name, shape);
        let scaled = if name.contains("norm") && name.ends_with("weight") {
            noise.affine(0.2, 1.0)?
        } else {
            noise.affine((3.0 / inputs as f64).sqrt(), 0.0)?
        };
        scaled.to_dtype(dtype)?.to_device(device)
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> candle_core::Result<Tensor> {
        candle_core::bail!("the shape of {name} is not known")
    }

    fn contains_tensor(&self, _: &str) -> bool {
        true
    }
}
