//! How models are reached: where they lie here, and how the hub is asked for others.

use std::fmt;
use std::sync::Arc;

use glamm_engine::hub::{HubError, HubSettings};
use glamm_engine::models::Places;

/// See the module.
#[derive(Clone)]
pub struct Access {
    /// Where models are looked for.
    pub places: Places,
    hub: Arc<dyn Fn() -> Result<HubSettings, HubError> + Send + Sync>,
}

impl Access {
    /// What the environment names.
    pub fn from_env() -> Self {
        Self { places: Places::from_env(), hub: Arc::new(HubSettings::from_env) }
    }

    /// These places, and a hub that is asked in this way.
    pub fn new(places: Places, hub: HubSettings) -> Self {
        Self { places, hub: Arc::new(move || Ok(hub.clone())) }
    }

    /// How the hub is asked, read anew each time: a token may have been written meanwhile.
    ///
    /// # Errors
    /// The environment says something that cannot be used.
    pub fn hub(&self) -> Result<HubSettings, HubError> {
        (self.hub)()
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("places", &self.places).finish_non_exhaustive()
    }
}
