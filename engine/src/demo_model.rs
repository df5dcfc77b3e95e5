//! The demo model: the one place that knows how it comes into the binary.

use crate::checkpoint::{Checkpoint, FileSource};
use crate::error::CheckpointError;

/// The files of `assets/demo-model`, by their names in the checkpoint.
macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_bytes!(concat!("../../assets/demo-model/", $name)).as_slice())),*]
    };
}

const FILES: &[(&str, &[u8])] = files![
    "config.json",
    "model.safetensors",
    "tokenizer.model",
    "added_tokens.json",
    "clip/config.json",
    "clip/preprocessor_config.json",
    "clip/model.safetensors",
];

/// The checkpoint that is part of the binary.
///
/// # Errors
/// The files do not fit the engine: a build that its own tests do not pass.
pub(crate) fn checkpoint() -> Result<Checkpoint, CheckpointError> {
    Checkpoint::from_embedded(FILES)
}

/// The files of that checkpoint.
pub(crate) fn source() -> FileSource {
    FileSource::embedded_files(FILES)
}

/// One of them.
pub(crate) fn file(name: &str) -> Option<&'static [u8]> {
    FILES.iter().find(|(path, _)| *path == name).map(|(_, bytes)| *bytes)
}
