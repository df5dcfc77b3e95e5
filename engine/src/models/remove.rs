//! Taking a model off the disk.

use std::fs;
use std::path::PathBuf;

use super::Places;
use super::catalogue::{self, Origin};
use super::installed;
use crate::hub::cache::Repository;
use crate::hub::{self, FileName, Freed, HubError, RepoId};

/// A model that can be removed; nothing has happened yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removable {
    /// A repository in the cache of Hugging Face.
    Cached(Repository),
    /// A folder or a GGUF file in the models directory, and its size.
    Own(PathBuf, u64),
}

/// What removing `name` would remove: a name of the catalogue, `owner/name` of the hub, or what a
/// folder or file in the models directory is called. `None` where nothing of it is here.
pub fn removable(name: &str, places: &Places) -> Option<Removable> {
    let known = catalogue::find(name).map(|entry| entry.origin);
    let id = match known {
        Some(Origin::Hub(id)) => id,
        Some(Origin::BuiltIn) => return None,
        None => name,
    };
    let mut own = places.directory.iter().flat_map(|directory| installed::in_directory(directory));
    if let Some((_, found)) = own.find(|(other, _)| other == name) {
        return Some(Removable::Own(found.path, found.bytes));
    }
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
                let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
                let freed = Freed { bytes: *bytes, blobs: 0 };
                removed.map(|()| freed).map_err(HubError::file("remove", path))
            }
        }
    }
}
