//! GLaMM as pure functions of tensors (and, for the language model, a KV cache): one file per
//! part, named as in the paper. Knows nothing of files, threads or text.

mod attention;
pub mod backend;
pub mod config;
mod cross_attention;
mod elementwise;
pub mod format;
pub mod glamm;
pub mod global_encoder;
pub mod grounding_encoder;
pub mod kv_cache;
pub mod layers;
pub mod llm;
pub mod matrix;
mod norms;
pub mod part;
pub mod pca;
pub mod pixel_decoder;
pub mod projection;
pub mod projector;
pub mod prompt_encoder;
mod quantized;
pub mod region_encoder;
mod roi_align;
mod scattered;
pub mod source;
#[cfg(test)]
pub(crate) mod testing;
mod threads;
mod tiled_attention;
mod two_way_transformer;
mod winograd;
