//! The model manager: what it shows, and what is done in it.

use std::path::PathBuf;

use glamm_engine::precision::Precision;
use glamm_engine::protocol::{DeviceChoice, ModelSpec};

/// What the user does in the model manager.
#[derive(Debug, Clone, PartialEq)]
pub enum ManagerAction {
    /// Close it.
    Close,
    /// Show the details of a model.
    Select(String),
    /// Load models in this precision; `None` leaves it to the memory.
    Precision(Option<Precision>),
    /// Load models on this processor.
    Device(DeviceChoice),
    /// Convert to this precision.
    Quantisation(Precision),
    /// Load a model in place of the present one.
    Load(ModelSpec),
    /// Fetch a model, or go on fetching it.
    Pull(String),
    /// Hold a download.
    Pause(String),
    /// Let it go on.
    Resume(String),
    /// End a download.
    Cancel(String),
    /// Ask whether a model is really to be removed; `None` takes the question back.
    AskToRemove(Option<String>),
    /// Remove it.
    Remove(String),
    /// Leave a folder or file of elsewhere out of the list.
    Forget(PathBuf),
    /// Look through its files, or end that.
    Check(String),
    /// Write a model into one file.
    Convert(String),
    /// End the conversion.
    CancelConversion,
    /// How the last thing ended was read.
    DismissOutcome(String),
}

/// What the model manager shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Manager {
    /// Whether it is open.
    pub is_open: bool,
    /// The model whose details it shows.
    pub selected: String,
    /// How precisely models are loaded.
    pub precision: Option<Precision>,
    /// The processor that they are loaded on.
    pub device: DeviceChoice,
    /// What models are converted to.
    pub quantisation: Precision,
    /// The model that the user is asked about.
    pub asked_to_remove: Option<String>,
}

impl Default for Manager {
    fn default() -> Self {
        Self {
            is_open: false,
            selected: "demo".to_owned(),
            precision: None,
            device: DeviceChoice::Auto,
            quantisation: Precision::Q4K,
            asked_to_remove: None,
        }
    }
}
