//! Taking a model off the disk.

use std::fs;
use std::path::{Path, PathBuf};

use super::Places;
use super::catalogue::{self, Origin};
use super::installed::{self, Installed};
use crate::checkpoint::one_file::unfinished;
use crate::hub::cache::Repository;
use crate::hub::{self, FileName, Freed, HubCache, HubError, RepoId};

/// A model that can be removed; nothing has happened yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removable {
    /// A repository in the cache of Hugging Face.
    Cached(Repository),
    /// A folder or a GGUF file in the models directory, and its size.
    Own(PathBuf, u64),
}

/// What removing `name` would remove: what [`super::locate()`] finds under that name, or what lies at a
/// path that the list shows. `None` where nothing of it is here.
pub fn removable(name: &str, places: &Places) -> Option<Removable> {
    match catalogue::find(name).map(|entry| entry.origin) {
        Some(Origin::Hub(id)) => return cached(id, places),
        Some(Origin::BuiltIn) => return None,
        None => {}
    }
    own(places, |(other, _)| other == name)
        .or_else(|| cached(name, places))
        .or_else(|| removable_at(Path::new(name), places))
}

/// What removing the model at `path`, as the list shows it, would remove. `None` where there is none, and
/// for what lies outside the cache and the models directory.
pub fn removable_at(path: &Path, places: &Places) -> Option<Removable> {
    let in_cache = || {
        let (cache, id) = HubCache::around(path)?;
        (Some(&cache) == places.cache.as_ref()).then(|| cached(id.as_str(), places))?
    };
    own(places, |(_, found)| found.path == path).or_else(in_cache)
}

fn own(places: &Places, is_meant: impl FnMut(&(String, Installed)) -> bool) -> Option<Removable> {
    let mut own = places.directory.iter().flat_map(|directory| installed::in_directory(directory));
    own.find(is_meant).map(|(_, found)| Removable::Own(found.path, found.bytes))
}

fn cached(id: &str, places: &Places) -> Option<Removable> {
    let repository = places.cache.as_ref()?.repository(&RepoId::parse(id)?);
    repository.root().is_dir().then_some(Removable::Cached(repository))
}

impl Removable {
    /// Where it is.
    pub fn path(&self) -> PathBuf {
        match self {
            Self::Cached(repository) => repository.root().to_owned(),
            Self::Own(path, _) => path.clone(),
        }
    }

    /// Removes it: of a cached model one version or all, with the blobs that no other version uses.
    ///
    /// # Errors
    /// See [`HubError`]; a model of one's own has no versions.
    pub fn remove(&self, revision: Option<&FileName>) -> Result<Freed, HubError> {
        match (self, revision) {
            (Self::Cached(repository), _) => hub::remove(repository, revision),
            (Self::Own(path, _), Some(revision)) => {
                Err(HubError::NotHere { what: format!("{} at {revision}", path.display()) })
            }
            (Self::Own(path, bytes), None) => {
                drop_part(path);
                let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
                let freed = Freed { bytes: *bytes, blobs: 0 };
                removed.map(|()| freed).map_err(HubError::file("remove", path))
            }
        }
    }
}

/// Removes what a conversion to `path` that was ended from outside may have left; one that is going on holds a
/// lock.
fn drop_part(path: &Path) {
    let part = unfinished(path);
    if let Ok(file) = fs::File::open(&part)
        && file.try_lock().is_ok()
    {
        // It does no harm where it cannot be removed.
        drop(fs::remove_file(&part));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::{self, Location};

    #[test]
    fn a_name_means_the_same_when_it_is_removed_as_when_it_is_loaded() {
        let scratch = tempfile::tempdir().unwrap();
        let own = scratch.path().join("own");
        let version =
            |id: &str| scratch.path().join(format!("hub/models--{id}/snapshots/{}", "a".repeat(40)));
        let (gcg, other) = (version("MBZUAI--GLaMM-GCG"), version("someone--else"));
        // Folders of the user's own under names of the catalogue, and one under its own name.
        for folder in [&gcg, &other, &own.join("gcg"), &own.join("refseg"), &own.join("mine")] {
            fs::create_dir_all(folder).unwrap();
            for file in ["config.json", "tokenizer.model", "added_tokens.json", "model.safetensors"] {
                fs::write(folder.join(file), "{}").unwrap();
            }
        }
        let cache = HubCache::at(scratch.path().join("hub"));
        let places = Places { cache: Some(cache), directory: Some(own.clone()), ..Places::default() };
        let path = |name: &str| removable(name, &places).map(|found| found.path());
        assert_eq!(models::locate("gcg", &places), Ok(Location::Disk(gcg.clone())));
        let repository = scratch.path().join("hub/models--MBZUAI--GLaMM-GCG");
        assert_eq!(path("gcg"), Some(repository.clone()));
        assert_eq!(path("refseg"), None, "it is not in the cache");
        assert_eq!(path("mine"), Some(own.join("mine")));
        assert_eq!(path("someone/else"), Some(scratch.path().join("hub/models--someone--else")));
        assert_eq!(path("demo"), None);

        // The list shows each of them, and by what it shows it is loaded and removed.
        let at = |path: &Path| removable_at(path, &places).map(|found| found.path());
        let listed = models::list(&places);
        for folder in ["gcg", "refseg", "mine"].map(|name| own.join(name)) {
            let entry = listed.iter().find(|entry| entry.state.path() == Some(&folder)).unwrap();
            assert_eq!(listed.iter().filter(|other| other.name == entry.name).count(), 1, "{}", entry.name);
            assert_eq!((path(&entry.name), at(&folder)), (Some(folder.clone()), Some(folder)));
        }
        assert_eq!(at(&gcg), Some(repository));
        fs::write(own.join("small.gguf"), "").unwrap();
        for (left, stays) in [("small.gguf.part", false), ("other.gguf.part", true)] {
            fs::write(own.join(left), "half").unwrap();
            if let Some(found) = removable("small", &places) {
                found.remove(None).unwrap();
            }
            assert_eq!(own.join(left).exists(), stays, "{left}");
        }
        for elsewhere in [scratch.path(), &own, Path::new("/"), Path::new("")] {
            assert_eq!(at(elsewhere), None);
        }
    }
}
