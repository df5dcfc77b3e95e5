//! What the window finds around it: where models are, how the hub is reached, what was remembered from
//! the last time. Read from the environment; tests bring their own.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use glamm_engine::hub::{HubError, HubSettings};
use glamm_engine::models::{Places, data_directory};

use crate::system::preferences::{self, Preferences};

/// What was remembered from the last time.
#[derive(Debug, Clone)]
pub struct Remembered {
    /// Where it is kept; nothing is where there is no place.
    pub directory: Option<PathBuf>,
    /// What it is.
    pub preferences: Preferences,
    /// What was wrong with it, for people.
    pub complaint: Option<String>,
}

impl Remembered {
    /// What is kept in this directory.
    pub fn load(directory: Option<PathBuf>) -> Self {
        let (preferences, complaint) = directory.as_deref().map(Preferences::load).unwrap_or_default();
        Self { directory, preferences, complaint }
    }
}

/// See the module.
#[derive(Clone)]
pub struct Surroundings {
    /// Where models are looked for.
    pub places: Places,
    /// What was remembered from the last time.
    pub remembered: Remembered,
    /// The program's own folder among the user's data; without one, nothing is kept against a sudden end.
    pub data: Option<PathBuf>,
    hub: Arc<dyn Fn() -> Result<HubSettings, HubError> + Send + Sync>,
}

impl Surroundings {
    /// Those that the environment names.
    pub fn from_env() -> Self {
        let remembered = Remembered::load(preferences::directory());
        let data = data_directory();
        Self { places: Places::from_env(), remembered, data, hub: Arc::new(HubSettings::from_env) }
    }

    /// Models at these places alone, a hub that is asked in this way, nowhere to keep anything, and nothing
    /// remembered but that the tour was seen.
    pub fn new(places: Places, hub: HubSettings) -> Self {
        let preferences = Preferences { tour_seen: true, ..Preferences::default() };
        let remembered = Remembered { directory: None, preferences, complaint: None };
        Self { places, remembered, data: None, hub: Arc::new(move || Ok(hub.clone())) }
    }

    /// How the hub is asked, read anew each time: a token may have been written meanwhile.
    ///
    /// # Errors
    /// The environment says something that cannot be used.
    pub fn hub(&self) -> Result<HubSettings, HubError> {
        (self.hub)()
    }
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings").field("places", &self.places).finish_non_exhaustive()
    }
}
