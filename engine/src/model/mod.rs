//! GLaMM as pure functions of tensors (and, for the language model, a KV cache): one file per
//! part, named as in the paper. Knows nothing of files, threads or text.

pub mod backend;
pub mod config;
mod elementwise;
pub mod glamm;
pub mod global_encoder;
pub mod grounding_encoder;
pub mod kv_cache;
pub mod layers;
pub mod llm;
pub mod matrix;
pub mod part;
pub mod pca;
pub mod pixel_decoder;
pub mod projector;
pub mod prompt_encoder;
mod quantized;
pub mod region_encoder;
mod roi_align;
pub mod source;
#[cfg(test)]
pub(crate) mod testing;
mod two_way_transformer;
