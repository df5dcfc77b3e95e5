//! Models on the disk: in the cache of Hugging Face, and in a directory of the user's own.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::catalogue::{self, Role};
use crate::checkpoint::WEIGHT_FILES;
use crate::hub::{HubCache, RepoId};

/// An index of shards is small; a larger file is some other thing.
const INDEX_LIMIT: u64 = 64 << 20;

/// A model on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// Its folder, or its GGUF file.
    pub path: PathBuf,
    /// Of its files; in the cache with what has come of those that are still being fetched.
    pub bytes: u64,
    /// Whether every file that it needs is there.
    pub is_complete: bool,
}

fn set(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// Where a user's own checkpoints and converted models are looked for: `GLAMM_MODELS`, or
/// `glamm/models` among the user's data.
pub fn models_directory() -> Option<PathBuf> {
    set("GLAMM_MODELS").or_else(|| Some(data_directory()?.join("models")))
}

/// The program's own folder, `glamm`, among the user's data. It need not be there yet.
pub fn data_directory() -> Option<PathBuf> {
    let home = std::env::home_dir();
    let data = if cfg!(windows) {
        set("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        home.map(|home| home.join("Library/Application Support"))
    } else {
        set("XDG_DATA_HOME").or_else(|| Some(home?.join(".local/share")))
    };
    Some(data?.join("glamm"))
}

/// The version of the repository `id` that is in the cache: a complete one if there is any, the
/// current one otherwise.
pub fn in_cache(cache: &HubCache, id: &str, role: Role) -> Option<Installed> {
    let repository = cache.repository(&RepoId::parse(id)?);
    let versions = repository.snapshots();
    let mut found: Vec<Installed> =
        versions.into_iter().filter_map(|version| checkpoint(&version.path, role)).collect();
    let best = found.iter().position(|version| version.is_complete).unwrap_or(0);
    let mut found = (best < found.len()).then(|| found.swap_remove(best))?;
    if !found.is_complete {
        found.bytes += repository.incomplete_bytes();
    }
    Some(found)
}

/// Checkpoints of GLaMM in the cache that the catalogue does not know, by their repositories.
pub fn others_in_cache(cache: &HubCache) -> Vec<(String, Installed)> {
    let unknown = |id: &RepoId| catalogue::find(id.as_str()).is_none();
    let repositories = cache.repositories().into_iter().filter(|repository| unknown(repository.id()));
    let found = repositories.filter_map(|repository| {
        let id = repository.id().to_string();
        let found = in_cache(cache, &id, Role::Glamm).filter(|found| is_glamm(&found.path))?;
        Some((id, found))
    });
    found.collect()
}

/// Whether the configuration in `directory` says so.
fn is_glamm(directory: &Path) -> bool {
    #[derive(Deserialize)]
    struct Named {
        architectures: Vec<String>,
    }
    let text = fs::read_to_string(directory.join("config.json")).unwrap_or_default();
    serde_json::from_str::<Named>(&text)
        .is_ok_and(|named| named.architectures.iter().any(|name| name.starts_with("GLaMM")))
}

/// Checkpoint folders and GGUF files in `directory`, by name.
pub fn in_directory(directory: &Path) -> Vec<(String, Installed)> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut found: Vec<(String, Installed)> = entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let found = at(&entry.path())?;
            let stem = name.strip_suffix(".gguf").filter(|_| found.path.is_file());
            Some((stem.unwrap_or(&name).to_owned(), found))
        })
        .collect();
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    found
}

/// The checkpoint folder or GGUF file at `path`; `None` where there is none.
pub fn at(path: &Path) -> Option<Installed> {
    if path.is_dir() {
        return checkpoint(path, Role::Glamm);
    }
    let is_gguf = path.extension().is_some_and(|ending| ending == "gguf");
    let bytes = fs::metadata(path).ok().filter(|found| found.is_file() && is_gguf)?.len();
    Some(Installed { path: path.to_owned(), bytes, is_complete: true })
}

/// The checkpoint in `directory`; `None` where there is none of its files.
pub(crate) fn checkpoint(directory: &Path, role: Role) -> Option<Installed> {
    let bytes: u64 = files(directory).map(|(_, bytes)| bytes).sum();
    let has = |name: &str| directory.join(name).is_file();
    let needed: &[&str] = match role {
        Role::Glamm => &["config.json", "tokenizer.model", "added_tokens.json"],
        Role::VisionTower => &["config.json"],
    };
    let weights = WEIGHT_FILES.iter().any(|name| has(name));
    let is_complete = needed.iter().all(|name| has(name)) && weights && has_shards(directory);
    (weights || has("config.json")).then(|| Installed { path: directory.to_owned(), bytes, is_complete })
}

/// Files in `directory` itself, and their sizes.
fn files(directory: &Path) -> impl Iterator<Item = (PathBuf, u64)> {
    fs::read_dir(directory).into_iter().flatten().flatten().filter_map(|entry| {
        // Through links: in a cache every file is one.
        let metadata = fs::metadata(entry.path()).ok()?;
        metadata.is_file().then(|| (entry.path(), metadata.len()))
    })
}

/// Whether every shard is there that the preferred weights consist of.
fn has_shards(directory: &Path) -> bool {
    #[derive(Deserialize)]
    struct Index {
        weight_map: std::collections::BTreeMap<String, String>,
    }
    let preferred = WEIGHT_FILES.iter().map(|name| directory.join(name)).find(|path| path.is_file());
    let Some(path) = preferred.filter(|path| path.extension().is_some_and(|ending| ending == "json")) else {
        return true;
    };
    let is_small = fs::metadata(&path).is_ok_and(|metadata| metadata.len() < INDEX_LIMIT);
    let index = is_small.then(|| fs::read(&path).ok()).flatten();
    let Some(index) = index.and_then(|bytes| serde_json::from_slice::<Index>(&bytes).ok()) else {
        return false;
    };
    let shards: BTreeSet<&String> = index.weight_map.values().collect();
    shards
        .iter()
        .all(|shard| crate::hub::name::FileName::parse(shard).is_some() && directory.join(shard).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(directory: &Path, files: &[(&str, &str)]) {
        fs::create_dir_all(directory).unwrap();
        for (name, text) in files {
            fs::write(directory.join(name), text).unwrap();
        }
    }

    const SMALL: [(&str, &str); 3] =
        [("config.json", "{}"), ("tokenizer.model", "x"), ("added_tokens.json", "{}")];

    #[test]
    fn a_checkpoint_is_complete_with_its_last_shard() {
        let scratch = tempfile::tempdir().unwrap();
        let directory = scratch.path().join("own");
        let state = || checkpoint(&directory, Role::Glamm).map(|found| (found.bytes, found.is_complete));
        assert_eq!(state(), None);
        put(&directory, &SMALL);
        assert_eq!(state(), Some((5, false)));
        let index = r#"{"weight_map":{"a":"one.bin","b":"two.bin","c":"one.bin"}}"#;
        put(&directory, &[("pytorch_model.bin.index.json", index), ("one.bin", "123")]);
        assert_eq!(state().map(|(_, complete)| complete), Some(false));
        put(&directory, &[("two.bin", "45")]);
        assert_eq!(state(), Some((5 + index.len() as u64 + 5, true)));
        put(&directory, &[("pytorch_model.bin.index.json", "damaged")]);
        assert_eq!(state().map(|(_, complete)| complete), Some(false));
    }

    #[test]
    fn what_has_come_of_a_file_counts() {
        let scratch = tempfile::tempdir().unwrap();
        let root = scratch.path().join("models--openai--clip");
        put(&root.join("snapshots").join("a".repeat(40)), &[("config.json", "{}")]);
        put(&root.join("blobs"), &[("abc.incomplete", "12345"), ("def", "1234567")]);
        let found = in_cache(&HubCache::at(scratch.path()), "openai/clip", Role::VisionTower).unwrap();
        assert_eq!((found.bytes, found.is_complete), (7, false));
    }

    #[test]
    fn a_directory_holds_folders_and_files() {
        let scratch = tempfile::tempdir().unwrap();
        put(scratch.path(), &[("small.gguf", "1234"), ("notes.txt", "")]);
        put(&scratch.path().join("own"), &[SMALL.as_slice(), &[("model.safetensors", "123")]].concat());
        put(&scratch.path().join("pictures"), &[("boat.png", "")]);
        let found: Vec<(String, u64, bool)> = in_directory(scratch.path())
            .into_iter()
            .map(|(name, found)| (name, found.bytes, found.is_complete))
            .collect();
        assert_eq!(found, [("own".to_owned(), 8, true), ("small".to_owned(), 4, true)]);
    }

    #[test]
    fn a_complete_version_goes_before_a_newer_one_that_is_not() {
        let scratch = tempfile::tempdir().unwrap();
        let (old, new) = ("a".repeat(40), "b".repeat(40));
        let versions = scratch.path().join("models--openai--clip/snapshots");
        let cache = HubCache::at(scratch.path());
        let found = || in_cache(&cache, "openai/clip", Role::VisionTower).map(|found| found.path);
        assert_eq!(found(), None);
        put(&versions.join(&new), &[("config.json", "{}")]);
        put(&scratch.path().join("models--openai--clip/refs"), &[("main", &new)]);
        assert_eq!(found(), Some(versions.join(&new)));
        put(&versions.join(&old), &[("config.json", "{}"), ("pytorch_model.bin", "1")]);
        assert_eq!(found(), Some(versions.join(&old)));
    }
}
