//! The demo model: the one place that knows how it comes into the binary.

/// The files of `assets/demo-model`, by their names in the checkpoint.
macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_bytes!(concat!("../../assets/demo-model/", $name)).as_slice())),*]
    };
}

/// All of them. A checkpoint is made of them where the source of a model says so.
pub(crate) const FILES: &[(&str, &[u8])] = files![
    "config.json",
    "model.safetensors",
    "tokenizer.model",
    "added_tokens.json",
    "clip/config.json",
    "clip/preprocessor_config.json",
    "clip/model.safetensors",
];

/// One of them.
pub(crate) fn file(name: &str) -> Option<&'static [u8]> {
    FILES.iter().find(|(path, _)| *path == name).map(|(_, bytes)| *bytes)
}
