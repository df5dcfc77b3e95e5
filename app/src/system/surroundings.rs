//! What the window finds around it: where models are, how the hub is reached, what was remembered from
//! the last time. Read from the environment; tests bring their own.

use std::path::PathBuf;

use glamm_engine::hub::HubSettings;
use glamm_engine::models::{Places, data_directory};

use crate::models::Access;
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
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// How models are reached.
    pub models: Access,
    /// What was remembered from the last time.
    pub remembered: Remembered,
    /// The program's own folder among the user's data; without one, nothing is kept against a sudden end.
    pub data: Option<PathBuf>,
}

impl Surroundings {
    /// Those that the environment names.
    pub fn from_env() -> Self {
        let remembered = Remembered::load(preferences::directory());
        Self { models: Access::from_env(), remembered, data: data_directory() }
    }

    /// Models at these places alone, a hub that is asked in this way, nowhere to keep anything, and nothing
    /// remembered but that the tour was seen.
    pub fn new(places: Places, hub: HubSettings) -> Self {
        let preferences = Preferences { tour_seen: true, ..Preferences::default() };
        let remembered = Remembered { directory: None, preferences, complaint: None };
        Self { models: Access::new(places, hub), remembered, data: None }
    }
}
