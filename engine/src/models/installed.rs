//! Models on the disk: in the cache of Hugging Face, and in a directory of the user's own.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::catalogue::{self, Role};
use crate::checkpoint::one_file::PART;
use crate::checkpoint::presence;
use crate::files;
use crate::hub::{HubCache, RepoId};

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
    let text = files::read_text(&directory.join("config.json"), files::LIMIT).unwrap_or_default();
    serde_json::from_str::<Named>(&text)
        .is_ok_and(|named| named.architectures.iter().any(|name| name.starts_with("GLaMM")))
}

/// Checkpoint folders and GGUF files in `directory`, by name, and what conversions that were cut off left of
/// such files.
pub fn in_directory(directory: &Path) -> Vec<(String, Installed)> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut found: Vec<(String, Installed)> = entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let found = at(&entry.path()).or_else(|| left_over(&entry.path()))?;
            let stem = name.strip_suffix(PART).unwrap_or(&name).strip_suffix(".gguf");
            Some((stem.filter(|_| found.path.is_file()).unwrap_or(&name).to_owned(), found))
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

/// What a conversion that was cut off left at `path` of a GGUF file that is not there.
fn left_over(path: &Path) -> Option<Installed> {
    let whole = PathBuf::from(path.to_str()?.strip_suffix(PART)?);
    let is_gguf = whole.extension().is_some_and(|ending| ending == "gguf");
    let bytes = fs::metadata(path).ok().filter(fs::Metadata::is_file)?.len();
    (is_gguf && !whole.exists() && !is_being_written(path)).then(|| Installed {
        path: path.to_owned(),
        bytes,
        is_complete: false,
    })
}

/// Whether a conversion that is going on holds the lock of an unfinished file.
pub(super) fn is_being_written(part: &Path) -> bool {
    fs::File::open(part).is_ok_and(|file| matches!(files::try_lock(&file), Ok(false)))
}

/// The checkpoint in `directory`; `None` where there is none of its files.
pub(crate) fn checkpoint(directory: &Path, role: Role) -> Option<Installed> {
    let found = match role {
        Role::Glamm => presence::glamm(directory),
        Role::VisionTower => presence::vision_tower(directory),
    }?;
    Some(Installed { path: directory.to_owned(), bytes: found.bytes, is_complete: found.is_complete })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::put;

    const SMALL: [(&str, &str); 3] =
        [("config.json", "{}"), ("tokenizer.model", "x"), ("added_tokens.json", "{}")];

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
    fn what_a_conversion_left_is_part_of_a_model() {
        let scratch = tempfile::tempdir().unwrap();
        let left = ["small.gguf.part", "whole.gguf.part", "going on.gguf.part", "notes.txt.part"];
        put(scratch.path(), &left.map(|name| (name, "12")));
        put(scratch.path(), &[("whole.gguf", "1234")]);
        let held = fs::File::open(scratch.path().join("going on.gguf.part")).unwrap();
        held.lock().unwrap();
        let found: Vec<(String, u64, bool)> = in_directory(scratch.path())
            .into_iter()
            .map(|(name, found)| (name, found.bytes, found.is_complete))
            .collect();
        assert_eq!(found, [("small".to_owned(), 2, false), ("whole".to_owned(), 4, true)]);
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
