//! From the name that a user writes to the files on the disk.

use std::path::PathBuf;

use super::catalogue::{self, Origin, Role};
use super::installed::{self, Installed};
use super::{ModelState, Places};

/// Where a model's weights are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// In the program.
    BuiltIn,
    /// In this folder, in the Hugging Face layout, or in this GGUF file.
    Disk(PathBuf),
}

/// Why a name leads to no model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocateError {
    /// Nobody knows it.
    #[error("no model {0}: `glamm models list` shows those that there are")]
    Unknown(String),
    /// It is not here.
    #[error("the model {0} is not on this machine: fetch it with `glamm models pull {0}`")]
    Absent(String),
    /// Some of its files are not here.
    #[error("the model {name} is not all here ({}): fetch the rest with `glamm models pull {name}`", path.display())]
    Partial {
        /// Its name.
        name: String,
        /// Where it is.
        path: PathBuf,
    },
    /// It is no GLaMM.
    #[error("{0} is a part that other models need, and answers no questions")]
    NoGlamm(String),
}

/// Finds the weights of the model `name`: one of the catalogue, `owner/name` of the hub, or what a
/// folder or file in the models directory is called.
///
/// # Errors
/// See [`LocateError`].
pub fn locate(name: &str, places: &Places) -> Result<Location, LocateError> {
    let in_cache = |id| places.cache.as_ref().and_then(|cache| installed::in_cache(cache, id, Role::Glamm));
    if let Some(entry) = catalogue::find(name) {
        return match (entry.origin, entry.role) {
            (_, Role::VisionTower) => Err(LocateError::NoGlamm(name.to_owned())),
            (Origin::BuiltIn, _) => Ok(Location::BuiltIn),
            (Origin::Hub(id), _) => found(name, in_cache(id)),
        };
    }
    let mut own = places.directory.iter().flat_map(|directory| installed::in_directory(directory));
    if let Some((_, model)) = own.find(|(other, _)| other == name) {
        return found(name, Some(model));
    }
    match in_cache(name) {
        Some(model) => found(name, Some(model)),
        None => Err(LocateError::Unknown(name.to_owned())),
    }
}

fn found(name: &str, model: Option<Installed>) -> Result<Location, LocateError> {
    match ModelState::of(model) {
        ModelState::Installed(model) => Ok(Location::Disk(model.path)),
        ModelState::Partial(model) => Err(LocateError::Partial { name: name.to_owned(), path: model.path }),
        ModelState::Absent | ModelState::BuiltIn => Err(LocateError::Absent(name.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::hub::HubCache;

    #[test]
    fn names_lead_to_folders_and_files() {
        let scratch = tempfile::tempdir().unwrap();
        let version =
            |id: &str| scratch.path().join(format!("hub/models--{id}/snapshots/{}", "a".repeat(40)));
        let (fullscope, other) = (version("MBZUAI--GLaMM-FullScope"), version("someone--else"));
        for folder in [&fullscope, &other] {
            fs::create_dir_all(folder).unwrap();
            for file in ["config.json", "tokenizer.model", "added_tokens.json", "model.safetensors"] {
                fs::write(folder.join(file), "{}").unwrap();
            }
        }
        fs::create_dir_all(scratch.path().join("own/half")).unwrap();
        fs::write(scratch.path().join("own/half/config.json"), "{}").unwrap();
        fs::write(scratch.path().join("own/small.gguf"), "").unwrap();
        let places = Places {
            cache: Some(HubCache::at(scratch.path().join("hub"))),
            directory: Some(scratch.path().join("own")),
            ..Places::default()
        };
        let locate = |name: &str| locate(name, &places);
        assert_eq!(locate("demo"), Ok(Location::BuiltIn));
        assert_eq!(locate("fullscope"), Ok(Location::Disk(fullscope.clone())));
        assert_eq!(locate("MBZUAI/GLaMM-FullScope"), Ok(Location::Disk(fullscope)));
        assert_eq!(locate("someone/else"), Ok(Location::Disk(other)));
        assert_eq!(locate("small"), Ok(Location::Disk(scratch.path().join("own/small.gguf"))));
        assert_eq!(locate("gcg"), Err(LocateError::Absent("gcg".to_owned())));
        assert_eq!(locate("clip"), Err(LocateError::NoGlamm("clip".to_owned())));
        assert!(matches!(locate("half"), Err(LocateError::Partial { .. })));
        for unknown in ["nonsense", "no/body", "../own/half", ""] {
            assert_eq!(locate(unknown), Err(LocateError::Unknown(unknown.to_owned())));
        }
    }
}
