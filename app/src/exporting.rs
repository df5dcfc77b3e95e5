//! The export dialog and the run of one question over all pictures: parts of the session's state.
//!
//! Changed by `update::exporting` and `update::batch` alone.

use std::collections::VecDeque;

use glamm_engine::protocol::{ImageId, JobId};

use crate::export::Format;

/// What is chosen in the export dialog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportDialog {
    /// In the order of [`Format::ALL`].
    pub formats: Vec<Format>,
    /// Whether all pictures are meant, or the one on the canvas.
    pub all_pictures: bool,
    /// Where to, as it is typed.
    pub folder: String,
}

/// An export that is going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExportProgress {
    /// Pictures written.
    pub done: usize,
    /// Pictures in all.
    pub total: usize,
}

/// One question put to every picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// The question.
    pub prompt: String,
    /// Pictures still to be asked about.
    pub queue: VecDeque<ImageId>,
    /// The picture that is being asked about, and its job once there is one.
    pub current: Option<(ImageId, Option<JobId>)>,
    /// Pictures in all.
    pub total: usize,
    /// Pictures that were answered.
    pub answered: usize,
    /// Pictures that were not, and why.
    pub failed: Vec<(ImageId, String)>,
    /// Whether it waits.
    pub paused: bool,
    /// Whether the user has stopped the running question.
    pub stopped: bool,
}

impl Batch {
    /// Whether there is nothing left to do.
    pub fn is_finished(&self) -> bool {
        self.queue.is_empty() && self.current.is_none()
    }

    /// Pictures that are through, for good or ill.
    pub fn done(&self) -> usize {
        self.answered + self.failed.len()
    }
}
