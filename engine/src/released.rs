//! Sizes of the published checkpoints, for telling what they need before anything is fetched.
//!
//! All six have the same; the parity tests hold the list of tensors that follows from them against
//! the official one.

use crate::model::config::GlammConfig;

/// Size of CLIP's `pytorch_model.bin` but for the few kilobytes of its table: 427,944,846 numbers in
/// 32 bits, the text tower included.
pub const CLIP_BYTES: u64 = 4 * 427_944_846;

/// GLaMM's own `config.json`.
pub(crate) const GLAMM: &str = include_str!("fabricate/fullscope/config.json");
const CLIP: &str = include_str!("fabricate/fullscope/clip_config.json");

/// Their configuration.
///
/// # Errors
/// What is wrong with it, which a test rules out.
pub fn config() -> Result<GlammConfig, String> {
    with_published_clip(GLAMM)
}

/// The configuration of a model whose own `config.json` is this, with the vision tower as it is published.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn with_published_clip(glamm: &str) -> Result<GlammConfig, String> {
    GlammConfig::from_json(glamm, CLIP, None).map_err(|(file, reason)| format!("{file}: {reason}"))
}
