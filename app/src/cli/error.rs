//! What a command can fail with, and the exit code that says so.
//!
//! `Display` is one line, ready to follow `glamm: ` on stderr. The table of exit codes stands in
//! `args`, where `--help` shows it, and in the README.

use std::sync::Arc;

use glamm_engine::error::{EngineError, ImageError};
use glamm_engine::scenes::dataset::DatasetError;

/// Why a command ended early.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The engine could not do it.
    #[error("{}", first_line(&.0.to_string()))]
    Engine(Arc<EngineError>),
    /// `--device` names no processor.
    #[error("unknown device {0}: use auto, cpu, cuda or metal")]
    UnknownDevice(String),
    /// `--model` names neither a model nor a directory.
    #[error("no model {0}: use demo, or the directory of a checkpoint")]
    UnknownModel(String),
    /// Scenes could not be written.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The window could not be opened, or broke.
    #[error("the window: {}", first_line(&.0.to_string()))]
    Window(eframe::Error),
}

impl CliError {
    /// The process ends with this.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Engine(error) => match error.as_ref() {
                EngineError::Image(_) => 3,
                EngineError::Checkpoint(_) => 4,
                EngineError::Prompt(_) => 5,
                EngineError::Device(_) => 6,
                _ => 1,
            },
            Self::Window(_) => 1,
            Self::UnknownModel(_) => 4,
            Self::UnknownDevice(_) => 6,
            Self::Dataset(_) => 7,
        }
    }
}

impl From<EngineError> for CliError {
    fn from(error: EngineError) -> Self {
        Self::Engine(Arc::new(error))
    }
}

impl From<ImageError> for CliError {
    fn from(error: ImageError) -> Self {
        EngineError::from(error).into()
    }
}

/// The tensor library appends a backtrace where the environment asks for one.
fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
