//! Finds CLIP's directory: released checkpoints of GLaMM do not contain its weights, they only
//! name it (`mm_vision_tower` of `config.json`). Called by [`super::Checkpoint`].

use std::env;
use std::path::{Path, PathBuf};

use super::source::FileSource;
use crate::error::CheckpointError;

/// The directory of the vision tower that is called `tower`: a hub id or a directory's name.
///
/// It is looked for inside the checkpoint and beside it under the last part of that name, inside
/// also as `clip`, and last in the cache of Hugging Face. The name comes from a file that somebody
/// else wrote: it never leads anywhere else.
///
/// # Errors
/// It is nowhere.
pub(super) fn find(checkpoint: &FileSource, tower: &str) -> Result<FileSource, CheckpointError> {
    let cache = hub_cache(|name| env::var_os(name).map(PathBuf::from));
    find_with_cache(checkpoint, tower, cache.as_deref())
}

fn find_with_cache(
    checkpoint: &FileSource,
    tower: &str,
    cache: Option<&Path>,
) -> Result<FileSource, CheckpointError> {
    let name = tower.trim_end_matches('/').rsplit(['/', '\\']).next().unwrap_or_default();
    let named = !matches!(name, "" | "." | "..");
    let mut places = vec![checkpoint.child("clip")];
    if named {
        places.push(checkpoint.child(name));
        places.extend(checkpoint.sibling(name));
    }
    places.extend(cache.into_iter().flat_map(|cache| snapshots(cache, tower)).map(FileSource::Directory));
    places.into_iter().find(|place| place.has("config.json")).ok_or_else(|| CheckpointError::MissingFile {
        directory: checkpoint.directory(),
        file: format!("the vision tower {tower}"),
        hint: format!(
            "put its config.json and weights into a directory `clip` inside this one, or `{name}` beside it"
        ),
    })
}

/// Where Hugging Face's libraries keep what they downloaded.
fn hub_cache(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let home = || variable("HF_HOME").map(|home| home.join("hub"));
    let default = || {
        let cache = variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")));
        Some(cache?.join("huggingface/hub"))
    };
    variable("HF_HUB_CACHE").or_else(home).or_else(default)
}

/// Downloaded versions of the repository `id`, the current one first.
fn snapshots(cache: &Path, id: &str) -> Vec<PathBuf> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    if !id.chars().all(legal) || id.matches('/').count() != 1 {
        return Vec::new();
    }
    let repository = cache.join(format!("models--{}", id.replace('/', "--")));
    let current = std::fs::read_to_string(repository.join("refs/main")).unwrap_or_default();
    let entries = std::fs::read_dir(repository.join("snapshots"));
    let mut found: Vec<PathBuf> = entries.into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    found.sort_by_key(|path| {
        let is_current = path.file_name().is_some_and(|name| name.to_str() == Some(current.trim()));
        (!is_current, path.clone())
    });
    found
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::fs;

    use super::*;

    fn tower(root: &Path, path: &str) {
        let directory = root.join(path);
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("config.json"), "{}").unwrap();
    }

    fn found(root: &Path, name: &str, cache: Option<&Path>) -> Option<PathBuf> {
        let checkpoint = FileSource::Directory(root.join("models/glamm"));
        let found = find_with_cache(&checkpoint, name, cache).ok()?;
        Some(found.directory().canonicalize().unwrap())
    }

    #[test]
    fn inside_goes_before_beside_goes_before_cache() {
        let scratch = tempfile::tempdir().unwrap();
        let root = scratch.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("models/glamm")).unwrap();
        let (id, cache) = ("openai/clip-large", root.join("hub"));
        assert_eq!(found(&root, id, Some(&cache)), None);
        let snapshots = "hub/models--openai--clip-large/snapshots";
        tower(&root, &format!("{snapshots}/aaa"));
        assert_eq!(found(&root, id, Some(&cache)), Some(root.join(snapshots).join("aaa")));
        tower(&root, &format!("{snapshots}/bbb"));
        fs::create_dir_all(root.join("hub/models--openai--clip-large/refs")).unwrap();
        fs::write(root.join("hub/models--openai--clip-large/refs/main"), "bbb\n").unwrap();
        assert_eq!(found(&root, id, Some(&cache)), Some(root.join(snapshots).join("bbb")));
        for place in ["models/clip-large", "models/glamm/clip-large", "models/glamm/clip"] {
            tower(&root, place);
            assert_eq!(found(&root, id, Some(&cache)), Some(root.join(place)));
        }
    }

    #[test]
    fn a_name_leads_nowhere_else() {
        let scratch = tempfile::tempdir().unwrap();
        let root = scratch.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("models/glamm")).unwrap();
        tower(&root, "models");
        tower(&root, "secret");
        let absolute = root.join("secret");
        for name in ["..", "../../secret", ".", "", "/", "../secret", absolute.to_str().unwrap()] {
            assert_eq!(found(&root, name, Some(&root)), None, "{name}");
        }
    }

    #[test]
    fn cache_follows_the_environment() {
        let set = |pairs: &'static [(&str, &str)]| {
            move |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, v)| PathBuf::from(v))
        };
        let all = &[("HF_HUB_CACHE", "/c"), ("HF_HOME", "/h"), ("HOME", "/home/u")];
        assert_eq!(hub_cache(set(all)), Some(PathBuf::from("/c")));
        assert_eq!(hub_cache(set(&all[1..])), Some(PathBuf::from("/h/hub")));
        assert_eq!(hub_cache(set(&all[2..])), Some(PathBuf::from("/home/u/.cache/huggingface/hub")));
        assert_eq!(hub_cache(set(&[])), None);
    }
}
