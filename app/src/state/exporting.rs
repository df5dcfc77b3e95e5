//! The export dialog and the run of one question over all pictures: parts of the session's state.
//!
//! Changed by `update::exporting` and `update::batch` alone.

use std::collections::VecDeque;

use glamm_engine::protocol::{CancelToken, ImageId, JobId};

use crate::document::Document;
use crate::export::{Format, Planned};

/// What is chosen in the export dialog.
#[derive(Debug, Clone, PartialEq)]
pub struct ExportDialog {
    /// In the order of [`Format::ALL`].
    pub formats: Vec<Format>,
    /// Whether all pictures are meant, or the one on the canvas.
    pub all_pictures: bool,
    /// Where to, as it is typed.
    pub folder: String,
    /// The files that will be written, of [`Self::planned_of`].
    pub planned: Vec<Planned>,
    /// The document that they were planned for.
    pub planned_of: Document,
}

/// An export that is going on.
#[derive(Debug, Clone, Default)]
pub struct ExportProgress {
    /// Pictures written.
    pub done: usize,
    /// Pictures in all.
    pub total: usize,
    /// Ends it.
    pub stop: CancelToken,
}

impl ExportProgress {
    /// For people.
    pub fn words(&self) -> String {
        if self.stop.is_cancelled() {
            return "Stopping the export …".to_owned();
        }
        format!("Exporting {} of {} …", self.done, self.total)
    }
}

/// A picture that could not be asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotAnswered {
    /// Which one.
    pub image: ImageId,
    /// What it is called, also where it never came.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// One question put to every picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Its number: all its replies are one step of the history.
    pub id: u64,
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
    pub failed: Vec<NotAnswered>,
    /// Whether it waits.
    pub paused: bool,
    /// Whether the user has stopped the running question.
    pub stopped: bool,
}

impl Batch {
    /// A run that is about to begin.
    pub fn new(id: u64, prompt: String, queue: VecDeque<ImageId>) -> Self {
        let total = queue.len();
        Self {
            id,
            prompt,
            queue,
            current: None,
            total,
            answered: 0,
            failed: Vec::new(),
            paused: false,
            stopped: false,
        }
    }

    /// Notes that a picture could not be asked about.
    pub fn fail(&mut self, image: ImageId, name: impl Into<String>, reason: impl Into<String>) {
        self.failed.push(NotAnswered { image, name: name.into(), reason: reason.into() });
    }

    /// Whether there is nothing left to do.
    pub fn is_finished(&self) -> bool {
        self.queue.is_empty() && self.current.is_none()
    }

    /// Pictures that are through, for good or ill.
    pub fn done(&self) -> usize {
        self.answered + self.failed.len()
    }
}
