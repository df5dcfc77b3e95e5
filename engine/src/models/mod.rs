//! Which models there are, and what of them is on this machine.
//!
//! ```text
//! catalogue ─▶ what is published      ┐
//! installed ─▶ what is on the disk    ┴─▶ [`list`]: one entry each, for `glamm models` and the window
//! ```
//!
//! Called by the application. Reading the list touches small files only, and no network.

pub mod catalogue;
pub mod installed;

use std::path::PathBuf;

use crate::hub::HubCache;
pub use catalogue::{CATALOGUE, Origin, Published, Role};
pub use installed::{Installed, models_directory};

/// One model, as a list shows it.
#[derive(Debug, Clone)]
pub struct ModelEntry {
    /// What `--model` and `glamm models` call it.
    pub name: String,
    /// What the catalogue says of it; `None` for a model that only this machine knows.
    pub published: Option<&'static Published>,
    /// What it can be used as.
    pub role: Role,
    /// Where it is, if anywhere.
    pub state: ModelState,
}

/// How much of a model is on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelState {
    /// It is part of the program.
    BuiltIn,
    /// All of it.
    Installed(Installed),
    /// Some of its files; fetching it again fetches the rest.
    Partial(Installed),
    /// Nothing.
    Absent,
}

impl ModelState {
    fn of(found: Option<Installed>) -> Self {
        match found {
            Some(found) if found.is_complete => Self::Installed(found),
            Some(found) => Self::Partial(found),
            None => Self::Absent,
        }
    }
}

/// Where models are looked for.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// The cache of Hugging Face.
    pub cache: Option<HubCache>,
    /// A folder of checkpoint folders and GGUF files.
    pub directory: Option<PathBuf>,
}

impl Places {
    /// Those that the environment names.
    pub fn from_env() -> Self {
        Self { cache: HubCache::from_env(), directory: models_directory() }
    }
}

/// The catalogue in its order, and behind it what else is in the models directory, by name.
pub fn list(places: &Places) -> Vec<ModelEntry> {
    let mut models: Vec<ModelEntry> = CATALOGUE
        .iter()
        .map(|published| ModelEntry {
            name: published.name.to_owned(),
            published: Some(published),
            role: published.role,
            state: match published.origin {
                Origin::BuiltIn => ModelState::BuiltIn,
                Origin::Hub(id) => ModelState::of(
                    places.cache.as_ref().and_then(|cache| installed::in_cache(cache, id, published.role)),
                ),
            },
        })
        .collect();
    let local = places.directory.iter().flat_map(|directory| installed::in_directory(directory));
    models.extend(local.map(|(name, found)| ModelEntry {
        name,
        published: None,
        role: Role::Glamm,
        state: ModelState::of(Some(found)),
    }));
    models
}
