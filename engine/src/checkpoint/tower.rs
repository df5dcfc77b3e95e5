//! Finds CLIP's directory: released checkpoints of GLaMM do not contain its weights, they only
//! name it (`mm_vision_tower` of `config.json`). Called by [`super::Checkpoint`].

use std::path::PathBuf;

use super::WEIGHT_FILES;
use super::check::Part;
use super::presence::Presence;
use super::source::FileSource;
use crate::error::CheckpointError;
use crate::hub::{HubCache, RepoId};

/// The directory of the vision tower that is called `tower`: a hub id or a directory's name.
///
/// It is looked for inside the checkpoint and beside it under the last part of that name, inside
/// also as `clip`, and last in the cache of Hugging Face: the one that the checkpoint itself lies in, and
/// the one that the environment names; first where all of its weights are. The name comes from a file
/// that somebody else wrote: it never leads anywhere else.
///
/// # Errors
/// It is nowhere.
pub(super) fn find(checkpoint: &FileSource, tower: &str) -> Result<FileSource, CheckpointError> {
    let own = HubCache::around(&checkpoint.directory()).map(|(cache, _)| cache);
    let caches: Vec<HubCache> = own.into_iter().chain(HubCache::from_env()).collect();
    find_with_caches(checkpoint, tower, &caches)
}

fn find_with_caches(
    checkpoint: &FileSource,
    tower: &str,
    caches: &[HubCache],
) -> Result<FileSource, CheckpointError> {
    let name = tower.trim_end_matches('/').rsplit(['/', '\\']).next().unwrap_or_default();
    let named = !matches!(name, "" | "." | "..");
    let mut places = vec![checkpoint.child("clip")];
    if named {
        places.push(checkpoint.child(name));
        places.extend(checkpoint.sibling(name));
    }
    places.extend(caches.iter().flat_map(|cache| snapshots(cache, tower)).map(FileSource::Directory));
    places.retain(|place| place.has("config.json"));
    // One that was begun elsewhere does not hide a whole one.
    let whole = places.iter().position(has_weights).unwrap_or(0);
    places.into_iter().nth(whole).ok_or_else(|| CheckpointError::MissingFile {
        directory: checkpoint.directory(),
        file: format!("the vision tower {tower}"),
        hint: format!(
            "fetch it with `glamm models pull clip`, or put its config.json and weights into a directory `clip` \
             inside this one, or `{name}` beside it"
        ),
    })
}

/// Whether all weights are there, as far as names tell.
fn has_weights(place: &FileSource) -> bool {
    match place {
        FileSource::Directory(path) => Presence::of(path, Part::Clip).is_some_and(|found| found.is_complete),
        FileSource::Embedded { .. } => WEIGHT_FILES.iter().any(|name| place.has(name)),
        // They are beside those of GLaMM.
        FileSource::OneFile { .. } => true,
    }
}

/// Downloaded versions of the repository `id`, the current one first.
fn snapshots(cache: &HubCache, id: &str) -> impl Iterator<Item = PathBuf> {
    let repository = RepoId::parse(id).map(|id| cache.repository(&id));
    repository.into_iter().flat_map(|found| found.snapshots()).map(|snapshot| snapshot.path)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    fn tower(root: &Path, path: &str) {
        let directory = root.join(path);
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("config.json"), "{}").unwrap();
    }

    fn found(root: &Path, name: &str, cache: Option<&Path>) -> Option<PathBuf> {
        let checkpoint = FileSource::Directory(root.join("models/glamm"));
        let found = find_with_caches(&checkpoint, name, cache.map(HubCache::at).as_slice()).ok()?;
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
        // Of all these only the one in the cache has weights.
        let whole = root.join(snapshots).join("aaa");
        fs::write(whole.join("model.safetensors"), "").unwrap();
        assert_eq!(found(&root, id, Some(&cache)), Some(whole));
        let inside = root.join("models/glamm/clip");
        let index = r#"{"weight_map":{"a":"one.safetensors"}}"#;
        fs::write(inside.join("model.safetensors.index.json"), index).unwrap();
        assert_ne!(found(&root, id, Some(&cache)), Some(inside.clone()), "a shard is missing");
        fs::write(inside.join("one.safetensors"), "").unwrap();
        assert_eq!(found(&root, id, Some(&cache)), Some(inside));
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
}
