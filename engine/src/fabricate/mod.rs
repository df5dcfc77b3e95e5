//! Synthetic twins of released checkpoints: random weights in exactly their files, names, shapes and
//! types, for tests of everything that has to do with files and sizes. Called by `glamm dev
//! fabricate` and by tests.
//!
//! ```text
//! config.json  generation_config.json  tokenizer.model  tokenizer_config.json
//! special_tokens_map.json  added_tokens.json
//! pytorch_model-0000k-of-0000n.bin  pytorch_model.bin.index.json   (or model-….safetensors)
//! clip-vit-large-patch14-336/  config.json  preprocessor_config.json  pytorch_model.bin
//! ```
//!
//! What always holds: the same seed gives the same numbers, whatever the format; no more is in memory
//! at once than one tensor; replies of such a model are noise.

mod fill;
mod plan;
#[cfg(test)]
mod tests;
mod vocabulary;
mod write;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize as _;
use serde_json::Value;

use crate::checkpoint::{ConfigFiles, FileSource};
use crate::error::{CheckpointError, without_backtrace};
use crate::manifest::expected_tensors;
use crate::protocol::ModelSource;
use plan::TextTower;
use write::WeightWriter;

/// The released configuration.
const FULLSCOPE: &[(&str, &[u8])] = &[
    ("config.json", include_bytes!("fullscope/config.json")),
    ("clip-vit-large-patch14-336/config.json", include_bytes!("fullscope/clip_config.json")),
    (
        "clip-vit-large-patch14-336/preprocessor_config.json",
        include_bytes!("fullscope/clip_preprocessor_config.json"),
    ),
];

/// Files that are the same in every checkpoint.
const COMMON: [(&str, &str); 3] = [
    ("generation_config.json", include_str!("fullscope/generation_config.json")),
    ("tokenizer_config.json", include_str!("fullscope/tokenizer_config.json")),
    ("special_tokens_map.json", include_str!("fullscope/special_tokens_map.json")),
];

/// Whose sizes a fabricated checkpoint has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sizes {
    /// GLaMM-FullScope's: 16.8 GB, and 1.7 GB for CLIP.
    FullScope,
    /// The demo model's.
    Demo,
    /// Those of this `config.json`. CLIP's is looked for inside its directory, beside it and in the
    /// cache of Hugging Face, as for a checkpoint.
    File(PathBuf),
}

/// How weights are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WeightFormat {
    /// Zip archives with a pickle, as `torch.save` writes them.
    Torch,
    /// `.safetensors`.
    Safetensors,
}

/// What to fabricate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// Of every part.
    pub sizes: Sizes,
    /// Of the random numbers.
    pub seed: u64,
    /// Of the weight files.
    pub format: WeightFormat,
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fabricated {
    /// GLaMM's and CLIP's.
    pub tensors: usize,
    /// Of their elements.
    pub bytes: u64,
}

/// A checkpoint that cannot be fabricated.
#[derive(Debug, thiserror::Error)]
pub enum FabricateError {
    /// The configuration cannot be read, or no model has its sizes.
    #[error(transparent)]
    Config(#[from] CheckpointError),
    /// The directory holds something that would be mixed up with the new files.
    #[error("{} is not empty: choose a new directory", .0.display())]
    NotEmpty(PathBuf),
    /// A file cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Writes a checkpoint into `out`, which is made if it is not there, and must be empty if it is.
/// `progress` is told bytes of weights written, and in all.
///
/// # Errors
/// See [`FabricateError`]. What was written so far stays.
pub fn fabricate(
    recipe: &Recipe,
    out: &Path,
    progress: &dyn Fn(u64, u64),
) -> Result<Fabricated, FabricateError> {
    let files = config_files(&recipe.sizes)?;
    let unfit = |reason: String| CheckpointError::Config { path: "config.json".into(), reason };
    let manifest = expected_tensors(&files.config).map_err(|error| unfit(without_backtrace(&error)))?;
    let (model, added) = vocabulary::files(files.config.llm.vocab_size).map_err(unfit)?;
    let (clip_config, text) = complete_clip(&files.clip).map_err(|error| unfit(error.to_string()))?;
    let config = of_random_weights(&files.glamm).map_err(|error| unfit(error.to_string()))?;
    let glamm = plan::of_glamm(&manifest, files.config.llm.rope_theta);
    let clip = plan::of_clip(&manifest, &text, files.config.global_encoder.hidden_size);

    let tower = files.config.vision_tower.trim_end_matches('/');
    let tower = out.join(tower.rsplit(['/', '\\']).next().unwrap_or("clip"));
    let in_out = |name: &str| out.join(name);
    make_empty(out)?;
    fs::create_dir_all(&tower).map_err(|source| FabricateError::Write { path: tower.clone(), source })?;
    put(&in_out("config.json"), config.as_bytes())?;
    put(&in_out("tokenizer.model"), &model)?;
    put(&in_out("added_tokens.json"), added.as_bytes())?;
    for (name, text) in COMMON {
        put(&in_out(name), text.as_bytes())?;
    }
    put(&tower.join("config.json"), clip_config.as_bytes())?;
    if let Some(text) = &files.preprocessor {
        put(&tower.join("preprocessor_config.json"), text.as_bytes())?;
    }

    let bytes = glamm.iter().chain(&clip).map(plan::PlannedTensor::bytes).sum();
    let done = Fabricated { tensors: glamm.len() + clip.len(), bytes };
    let writer = WeightWriter::new(recipe, bytes, progress);
    writer.sharded(out, plan::shards(glamm))?;
    writer.single(&tower, &clip)?;
    Ok(done)
}

fn config_files(sizes: &Sizes) -> Result<ConfigFiles, CheckpointError> {
    match sizes {
        Sizes::FullScope => ConfigFiles::read(&FileSource::embedded_files(FULLSCOPE), "config.json"),
        Sizes::Demo => ConfigFiles::read(&FileSource::of(&ModelSource::Demo)?, "config.json"),
        Sizes::File(path) => {
            let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            let source = FileSource::Directory(directory.unwrap_or(Path::new(".")).to_owned());
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("config.json");
            ConfigFiles::read(&source, name)
        }
    }
}

/// The configuration says how its weights are stored, and that nothing was learned.
fn of_random_weights(config: &str) -> serde_json::Result<String> {
    let mut config: Value = serde_json::from_str(config)?;
    config["torch_dtype"] = "bfloat16".into();
    config["random_weights"] = true.into();
    Ok(format!("{config:#}\n"))
}

/// CLIP's configuration with a text tower: a small one where it has none.
fn complete_clip(config: &str) -> serde_json::Result<(String, TextTower)> {
    let mut config: Value = serde_json::from_str(config)?;
    if config.get("text_config").is_none() {
        config["text_config"] = serde_json::json!({
            "hidden_size": 32, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
            "max_position_embeddings": 77, "vocab_size": 512, "projection_dim": 48,
            "hidden_act": "quick_gelu", "layer_norm_eps": 1e-5, "model_type": "clip_text_model"
        });
        config["projection_dim"] = 48.into();
    }
    let text = TextTower::deserialize(&config["text_config"])?;
    Ok((format!("{config:#}\n"), text))
}

fn make_empty(directory: &Path) -> Result<(), FabricateError> {
    let failed = |source| FabricateError::Write { path: directory.to_owned(), source };
    fs::create_dir_all(directory).map_err(failed)?;
    match fs::read_dir(directory).map_err(failed)?.next() {
        None => Ok(()),
        Some(_) => Err(FabricateError::NotEmpty(directory.to_owned())),
    }
}

fn put(path: &Path, contents: &[u8]) -> Result<(), FabricateError> {
    fs::write(path, contents).map_err(|source| FabricateError::Write { path: path.to_owned(), source })
}
