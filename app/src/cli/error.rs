//! What a command can fail with, and the exit code that says so.
//!
//! `Display` is one line, ready to follow `glamm: ` on stderr. The table of exit codes stands in
//! `args`, where `--help` shows it, and in `COMMANDS.md`.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use glamm_engine::error::{CheckpointError, EngineError, ImageError, PromptError};
use glamm_engine::eval::EvalError;
use glamm_engine::fabricate::FabricateError;
use glamm_engine::hub::HubError;
use glamm_engine::models::LocateError;
use glamm_engine::scenes::dataset::DatasetError;

use crate::storage::StorageError;

/// What shells report of programs that Ctrl-C ends.
const INTERRUPTED: u8 = 130;

/// Why a command ended early.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The engine could not do it.
    #[error("{}", first_line(&.0.to_string()))]
    Engine(Arc<EngineError>),
    /// `--device` names no processor.
    #[error("unknown device {0}: use auto, cpu, cuda or metal")]
    UnknownDevice(String),
    /// A name leads to no model, or to one that is not here.
    #[error(transparent)]
    Locate(#[from] LocateError),
    /// A model could not be fetched or removed.
    #[error(transparent)]
    Hub(#[from] HubError),
    /// A model that is to be removed is not here.
    #[error("nothing of {0} is on this machine that could be removed")]
    NothingToRemove(String),
    /// Something is to be removed, and nobody said yes.
    #[error("nothing was removed: say yes, or give --yes")]
    Unconfirmed,
    /// A model would be compared with itself.
    #[error(
        "both models are the same: give another --precision or --against, or the weights to compare with as \
         --reference (a GGUF file is used as it is, in whatever precision)"
    )]
    SameModel,
    /// `--box` is not four numbers.
    #[error("box {0} is not of the form X0,Y0,X1,Y1 with four finite numbers of pixels")]
    MalformedBox(String),
    /// A box has its corners the wrong way round, or no area.
    #[error("box {0} is empty: X0 must be less than X1, and Y0 less than Y1")]
    EmptyBox(String),
    /// A file or directory could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Output {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// `--overlay` ends in something that is no image format.
    #[error("cannot write {}: its ending is not that of an image format that can be written (use .png)", .0.display())]
    OutputFormat(PathBuf),
    /// A checkpoint was looked through, and cannot be used.
    #[error("{model} cannot be used: {faults} faults; the first: {first}")]
    UnfitModel {
        /// Its folder or file, or its name.
        model: String,
        /// How many tensors and files are not as they should be.
        faults: usize,
        /// What is wrong with the first.
        first: String,
    },
    /// A checkpoint could not be fabricated.
    #[error(transparent)]
    Fabricate(#[from] FabricateError),
    /// Stages of the self-test are not as recorded.
    #[error(
        "{failed} of {stages} stages are not as recorded: do not trust this build on {device}; use --device cpu"
    )]
    Selftest {
        /// The processor.
        device: String,
        /// How many are not.
        failed: usize,
        /// How many there are.
        stages: usize,
    },
    /// Scenes could not be written.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// An evaluation could not be finished, and not because of the engine.
    #[error("{0}")]
    Eval(#[source] EvalError),
    /// A session could not be read or written.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A session has no picture of this name.
    #[error("the session has no picture called {0}")]
    NoSuchPicture(String),
    /// Files would be replaced, and nobody said that they may be.
    #[error("{} is there already, and nothing was written: choose another place, or give --replace", .0.display())]
    InTheWay(PathBuf),
    /// Ctrl-C ended a conversion.
    #[error("interrupted: {} was not written", .0.display())]
    Interrupted(PathBuf),
    /// The window could not be opened, or broke.
    #[error("the window: {}", first_line(&.0.to_string()))]
    Window(eframe::Error),
    /// A process of this program could not be started.
    #[error("this program could not be started once more: {0}")]
    Again(#[source] io::Error),
    /// Stdout does not take the reply, and not because its reader went away.
    #[error("cannot write to stdout: {0}")]
    Stdout(#[source] io::Error),
}

impl CliError {
    /// The process ends with this.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Engine(error) => match error.as_ref() {
                EngineError::Image(_) => 3,
                EngineError::Checkpoint(CheckpointError::Write { .. } | CheckpointError::NoSpace { .. }) => 7,
                EngineError::Checkpoint(_) => 4,
                EngineError::Prompt(_) => 5,
                EngineError::Device(_) => 6,
                _ => 1,
            },
            Self::Eval(_) | Self::Window(_) | Self::Again(_) => 1,
            Self::UnfitModel { .. }
            | Self::Fabricate(FabricateError::Config(_))
            | Self::Locate(_)
            | Self::NothingToRemove(_) => 4,
            Self::Hub(_) => 8,
            Self::Unconfirmed | Self::SameModel => 2,
            Self::MalformedBox(_) | Self::EmptyBox(_) => 5,
            Self::UnknownDevice(_) => 6,
            Self::Output { .. }
            | Self::InTheWay(_)
            | Self::OutputFormat(_)
            | Self::Dataset(_)
            | Self::Fabricate(_)
            | Self::Storage(StorageError::Write { .. })
            | Self::Stdout(_) => 7,
            Self::Storage(_) | Self::NoSuchPicture(_) => 9,
            Self::Selftest { .. } => 10,
            Self::Interrupted(_) => INTERRUPTED,
        }
    }

    /// For `map_err` on what writes to `path`.
    pub(super) fn output(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Output { path, source }
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

impl From<PromptError> for CliError {
    fn from(error: PromptError) -> Self {
        EngineError::from(error).into()
    }
}

impl From<Arc<EngineError>> for CliError {
    fn from(error: Arc<EngineError>) -> Self {
        Self::Engine(error)
    }
}

impl From<EvalError> for CliError {
    fn from(error: EvalError) -> Self {
        match error {
            EvalError::Engine(error) => error.into(),
            other => Self::Eval(other),
        }
    }
}

/// The tensor library appends a backtrace where the environment asks for one.
fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
