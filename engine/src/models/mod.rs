//! Which models there are, and what of them is on this machine.
//!
//! ```text
//! catalogue, released ─▶ what is published   ┐
//! installed           ─▶ what is on the disk ├─▶ [`list`]: one entry each, for `glamm models`
//! crate::memory       ─▶ what it needs       ┘    and the window
//! locate: name ─▶ files        pull: name ─▶ files, from the hub        remove: name ─▶ room
//! ```
//!
//! Called by the application. Reading the list touches small files only, and no network.

pub mod catalogue;
pub mod installed;
pub mod locate;
mod pull;
pub mod released;
mod remove;

use std::path::PathBuf;

use crate::checkpoint::{self, Checkpoint};
use crate::device;
use crate::hub::HubCache;
use crate::memory;
pub use crate::memory::{Fit, Machine, MemoryNeed, MemoryPlan};
use crate::model::backend::Backend;
use crate::precision::Precision;
use crate::protocol::{DeviceChoice, ModelSource};
pub use catalogue::{CATALOGUE, Origin, Published, Role};
pub use installed::{Installed, data_directory, models_directory};
pub use locate::{LocateError, Location, locate};
pub use pull::{Target, pull};
pub use remove::{Removable, removable, removable_at};

/// One model, as a list shows it.
#[derive(Debug, Clone)]
pub struct ModelEntry {
    /// What `--model` and `glamm models` call it: for models outside the usual places, and where another one
    /// has the name, their path.
    pub name: String,
    /// What the catalogue says of it; `None` for a model that only this machine knows.
    pub published: Option<&'static Published>,
    /// What it can be used as.
    pub role: Role,
    /// Where it is, if anywhere.
    pub state: ModelState,
    /// Bytes to fetch for it, without the vision tower; an estimate by its sizes. `None` for what does
    /// not come from the hub.
    pub download_bytes: Option<u64>,
    /// Memory that it needs with its vision tower, from the most precise to the smallest; only as it
    /// is stored, where that is in blocks. Empty where its sizes cannot be read, and for a vision tower
    /// alone.
    pub needs: Vec<(Precision, MemoryNeed)>,
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
    /// Its folder or file, where there is one.
    pub fn path(&self) -> Option<&PathBuf> {
        match self {
            Self::Installed(found) | Self::Partial(found) => Some(&found.path),
            Self::BuiltIn | Self::Absent => None,
        }
    }

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
    /// Checkpoint folders and GGUF files anywhere else.
    pub others: Vec<PathBuf>,
}

impl Places {
    /// Those that the environment names.
    pub fn from_env() -> Self {
        Self { cache: HubCache::from_env(), directory: models_directory(), others: Vec::new() }
    }
}

/// The catalogue in its order, and behind it what else is in the cache, in the models directory, by
/// name, and at other places.
pub fn list(places: &Places) -> Vec<ModelEntry> {
    let backend = usual_backend();
    // All published checkpoints have the same sizes.
    let released = released::config().ok();
    let needs = released.as_ref().and_then(|config| memory::needs(config, backend).ok()).unwrap_or_default();
    let bytes = released.as_ref().and_then(|config| memory::published_bytes(config).ok());
    let published = CATALOGUE.iter().map(|entry| {
        let (state, download_bytes, needs) = match (entry.origin, entry.role) {
            (Origin::BuiltIn, _) => (ModelState::BuiltIn, None, demo_needs(backend)),
            (Origin::Hub(id), Role::Glamm) => (in_cache(places, id, entry.role), bytes, needs.clone()),
            (Origin::Hub(id), Role::VisionTower) => {
                (in_cache(places, id, entry.role), Some(released::CLIP_BYTES), Vec::new())
            }
        };
        let name = entry.name.to_owned();
        ModelEntry { name, published: Some(entry), role: entry.role, state, download_bytes, needs }
    });
    let others = places.cache.iter().flat_map(installed::others_in_cache);
    let own = places.directory.iter().flat_map(|directory| installed::in_directory(directory));
    let mut list: Vec<ModelEntry> = published.collect();
    for (name, found) in others.chain(own) {
        let taken = catalogue::find(&name).is_some() || list.iter().any(|entry| entry.name == name);
        let name = if taken { found.path.display().to_string() } else { name };
        list.push(local_entry(name, found, backend));
    }
    for path in &places.others {
        let listed = list.iter().any(|entry| entry.state.path() == Some(path));
        if let Some(found) = installed::at(path).filter(|_| !listed) {
            list.push(local_entry(path.display().to_string(), found, backend));
        }
    }
    list
}

fn local_entry(name: String, found: Installed, backend: Backend) -> ModelEntry {
    let outline = checkpoint::outline(&found.path).ok();
    let mut needs =
        outline.as_ref().and_then(|outline| memory::needs(&outline.config, backend).ok()).unwrap_or_default();
    let stored = outline.and_then(|outline| outline.precision);
    if let Some(stored) = stored.filter(|stored| stored.is_quantised()) {
        needs.retain(|(precision, _)| *precision == stored);
    }
    let state = ModelState::of(Some(found));
    ModelEntry { name, published: None, role: Role::Glamm, state, download_bytes: None, needs }
}

fn in_cache(places: &Places, id: &str, role: Role) -> ModelState {
    ModelState::of(places.cache.as_ref().and_then(|cache| installed::in_cache(cache, id, role)))
}

/// The kind of processor that models run on where nobody chooses.
fn usual_backend() -> Backend {
    device::open(DeviceChoice::Auto).map_or(Backend::Cpu, |device| Backend::of(&device))
}

fn demo_needs(backend: Backend) -> Vec<(Precision, MemoryNeed)> {
    let checkpoint = Checkpoint::of(&ModelSource::Demo).ok();
    checkpoint.and_then(|demo| memory::needs(demo.config(), backend).ok()).unwrap_or_default()
}
