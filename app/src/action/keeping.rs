//! What is done around sessions, exports and the question for all pictures.

use std::path::PathBuf;

use glamm_engine::protocol::ImageId;

use crate::export::{ExchangeEvent, Format};
use crate::state::keeping::{LeaveAnswer, PathPurpose, PathQuestion};
use crate::storage::StorageEvent;

/// Something that happened around sessions.
#[derive(Debug)]
pub enum KeepingAction {
    /// The threads that keep work report.
    Storage(StorageEvent),
    /// The thread that exports and imports reports.
    Exchange(ExchangeEvent),
    /// A session was chosen.
    Open(PathBuf),
    /// The user knows where a missing picture is.
    Find(ImageId),
    /// Paths were chosen or typed.
    PathChosen(PathPurpose, Vec<PathBuf>),
    /// The desktop has no dialog to ask for a path with.
    NoDialog(PathQuestion),
    /// A path is being typed; `None`: no more.
    TypePath(Option<String>),
    /// The typed path is meant.
    ConfirmPath,
    /// The file that lies where the session is to be saved may be replaced, or not.
    Replace(bool),
    /// The window is about to be closed.
    CloseRequested,
    /// The question about unsaved changes was answered.
    Leave(LeaveAnswer),
    /// The session that is being read is not wanted any more.
    CancelOpening,
    /// Open what another program left.
    Recover(PathBuf),
    /// Remove what another program left.
    Discard(PathBuf),
    /// Do not ask again about what other programs left, for as long as this one runs.
    LeaveRecoverable,
}

/// What the user does in the export dialog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExportAction {
    /// Take a format, or leave it.
    Toggle(Format),
    /// All pictures, or the one on the canvas.
    AllPictures(bool),
    /// Where to is typed.
    Folder(String),
    /// Where to is to be chosen.
    AskFolder,
    /// Write the files.
    Start,
    /// The files that lie there may be replaced, or not.
    Replace(bool),
    /// End the export that is going on.
    Stop,
    /// Close the dialog.
    Close,
}

/// What the user does with the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BatchAction {
    /// Ask for the question; `None`: rather not.
    Prepare(Option<String>),
    /// Begin, with the question that was written.
    Start,
    /// Go on later.
    Pause,
    /// Go on.
    Resume,
    /// End it, or put the finished one away.
    Stop,
    /// Ask once more about those that failed.
    RetryFailed,
}
