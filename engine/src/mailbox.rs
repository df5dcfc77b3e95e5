//! What the application has asked for but the worker has not read yet, as far as it bears on
//! what the worker is doing *now*.
//!
//! A busy worker cannot look into its command queue, so the handle leaves a note here beside
//! every command that makes work in progress worthless (the end of the thread, another model,
//! the closing of an image) or less urgent (a job about another image). The worker reads the notes at
//! its checkpoints. Queue and notes change under one lock, so a note is never missing or stale.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::protocol::{EngineCommand, ImageId};

/// A command that was not taken; it comes back to the sender.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The queue is full: try again once events have come in.
    #[error("the engine is busy: try again in a moment")]
    Busy(EngineCommand),
    /// The thread has ended.
    #[error("the engine thread has ended: restart the application")]
    Disconnected(EngineCommand),
}

/// Shared by the handle and its worker.
#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    notes: Mutex<Notes>,
    abandoned: AtomicBool,
}

/// Commands in the queue that the worker should know of.
#[derive(Debug, Default)]
struct Notes {
    closing: Vec<ImageId>,
    /// What jobs are about, in their order.
    asked: VecDeque<ImageId>,
    model_changes: usize,
    shutdown: bool,
    ended: bool,
}

impl Mailbox {
    /// Lets `send` queue the command and, where it was taken, notes what it means.
    pub(crate) fn post(
        &self,
        command: EngineCommand,
        send: impl FnOnce(EngineCommand) -> Result<(), SendError>,
    ) -> Result<(), SendError> {
        let mut notes = self.lock();
        if notes.ended {
            return Err(SendError::Disconnected(command));
        }
        let closing = if let EngineCommand::CloseImage(image) = command { Some(image) } else { None };
        let asked = if let EngineCommand::Run(job) = &command { Some(job.image) } else { None };
        let model_change = matches!(command, EngineCommand::LoadModel(_) | EngineCommand::UnloadModel);
        let shutdown = matches!(command, EngineCommand::Shutdown);
        send(command)?;
        notes.closing.extend(closing);
        notes.asked.extend(asked);
        notes.model_changes += usize::from(model_change);
        notes.shutdown |= shutdown;
        Ok(())
    }

    /// The worker has read this command: its note is settled.
    pub(crate) fn settle(&self, command: &EngineCommand) {
        let mut notes = self.lock();
        match command {
            EngineCommand::CloseImage(image) => {
                if let Some(place) = notes.closing.iter().position(|waiting| waiting == image) {
                    notes.closing.swap_remove(place);
                }
            }
            EngineCommand::LoadModel(_) | EngineCommand::UnloadModel => {
                notes.model_changes = notes.model_changes.saturating_sub(1);
            }
            // Jobs are read in the order in which they came.
            EngineCommand::Run(_) => {
                notes.asked.pop_front();
            }
            EngineCommand::OpenImage { .. } | EngineCommand::Shutdown => {}
        }
    }

    /// Whether the thread is to end, so that jobs must stop.
    pub(crate) fn shutdown_waits(&self) -> bool {
        self.is_abandoned() || self.lock().shutdown
    }

    /// Whether encoding this image has become pointless.
    pub(crate) fn encoding_is_pointless(&self, image: ImageId) -> bool {
        if self.is_abandoned() {
            return true;
        }
        let notes = self.lock();
        notes.shutdown || notes.model_changes > 0 || notes.closing.contains(&image)
    }

    /// Whether the next job is about another image than this one.
    pub(crate) fn another_comes_first(&self, image: ImageId) -> bool {
        self.lock().asked.front().is_some_and(|next| *next != image)
    }

    /// Whether the model being loaded will not be wanted.
    pub(crate) fn loading_is_pointless(&self) -> bool {
        if self.is_abandoned() {
            return true;
        }
        let notes = self.lock();
        notes.shutdown || notes.model_changes > 0
    }

    /// No command is taken from now on.
    pub(crate) fn end(&self) {
        self.lock().ended = true;
    }

    /// The handle is gone: nobody will read events any more.
    pub(crate) fn abandon(&self) {
        self.abandoned.store(true, Ordering::Release);
    }

    /// See [`Self::abandon`].
    pub(crate) fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Acquire)
    }

    fn lock(&self) -> MutexGuard<'_, Notes> {
        // The notes are plain flags: whoever panicked beside them left them whole.
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
