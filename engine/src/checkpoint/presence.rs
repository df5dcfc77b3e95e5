//! How much of a checkpoint is in a directory, as far as names tell. Called by [`super::tower`] and by the list of
//! models.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::WEIGHT_FILES;
use super::tensor_set::IndexFile;
use crate::files;
use crate::hub::FileName;

/// What is there of a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Presence {
    /// Of all files in the directory.
    pub(crate) bytes: u64,
    /// Whether every file that it needs is there.
    pub(crate) is_complete: bool,
}

/// Of GLaMM's own checkpoint; `None` where there is none of its files.
pub(crate) fn glamm(directory: &Path) -> Option<Presence> {
    look(directory, &["config.json", "tokenizer.model", "added_tokens.json"])
}

/// Of CLIP's; `None` where there is none of its files.
pub(crate) fn vision_tower(directory: &Path) -> Option<Presence> {
    look(directory, &["config.json"])
}

fn look(directory: &Path, needed: &[&str]) -> Option<Presence> {
    let has = |name: &str| directory.join(name).is_file();
    let weights = WEIGHT_FILES.iter().any(|name| has(name));
    let is_complete = needed.iter().all(|name| has(name)) && weights && has_shards(directory);
    (weights || has("config.json")).then(|| Presence { bytes: file_bytes(directory), is_complete })
}

/// Bytes of the files in `directory` itself.
fn file_bytes(directory: &Path) -> u64 {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    // Through links: in a cache every file is one.
    let files = entries.filter_map(|entry| fs::metadata(entry.path()).ok()).filter(fs::Metadata::is_file);
    files.map(|metadata| metadata.len()).sum()
}

/// Whether every shard is there that the preferred weights consist of.
fn has_shards(directory: &Path) -> bool {
    let preferred = WEIGHT_FILES.iter().map(|name| directory.join(name)).find(|path| path.is_file());
    let Some(path) = preferred.filter(|path| path.extension().is_some_and(|ending| ending == "json")) else {
        return true;
    };
    let index = files::read(&path, files::LIMIT).ok();
    let Some(index) = index.and_then(|bytes| serde_json::from_slice::<IndexFile>(&bytes).ok()) else {
        return false;
    };
    let shards: BTreeSet<&String> = index.weight_map.values().collect();
    shards.iter().all(|shard| FileName::parse(shard).is_some() && directory.join(shard).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::put;

    #[test]
    fn a_checkpoint_is_complete_with_its_last_shard() {
        let scratch = tempfile::tempdir().unwrap();
        let directory = scratch.path().join("own");
        let state = || glamm(&directory).map(|found| (found.bytes, found.is_complete));
        assert_eq!(state(), None);
        put(&directory, &[("config.json", "{}"), ("tokenizer.model", "x"), ("added_tokens.json", "{}")]);
        assert_eq!(state(), Some((5, false)));
        let index = r#"{"weight_map":{"a":"one.bin","b":"two.bin","c":"one.bin"}}"#;
        put(&directory, &[("pytorch_model.bin.index.json", index), ("one.bin", "123")]);
        assert_eq!(state().map(|(_, complete)| complete), Some(false));
        put(&directory, &[("two.bin", "45")]);
        assert_eq!(state(), Some((5 + index.len() as u64 + 5, true)));
        put(&directory, &[("pytorch_model.bin.index.json", "damaged")]);
        assert_eq!(state().map(|(_, complete)| complete), Some(false));
    }
}
