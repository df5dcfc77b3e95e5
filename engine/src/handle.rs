//! The application's end of the engine thread: commands in, events out, nothing that blocks.
//!
//! Both channels are bounded. A full command queue is [`SendError::Busy`], never a wait; a full
//! event queue makes the *worker* wait, until the application drains it or drops the handle.
//! Dropping the handle ends whatever the thread is doing at its next checkpoint (a token, an
//! encoder block, a chunk of a file) and joins it.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam::channel::{self, Receiver, RecvTimeoutError, Sender, TryRecvError, TrySendError};

use crate::engine::Engine;
use crate::error::EngineError;
use crate::loaded_model::LoadedModel;
use crate::mailbox::Mailbox;
pub use crate::mailbox::SendError;
use crate::protocol::{EngineCommand, EngineEvent};
use crate::worker::Worker;

/// Commands that may wait while the worker is busy.
const COMMAND_CAPACITY: usize = 32;
/// Events that may wait for the application; a few seconds of streamed text.
const EVENT_CAPACITY: usize = 256;

/// Owns the engine thread.
#[derive(Debug)]
pub struct EngineHandle {
    commands: Sender<EngineCommand>,
    events: Receiver<EngineEvent>,
    mailbox: Arc<Mailbox>,
    thread: Option<JoinHandle<()>>,
}

impl EngineHandle {
    /// Starts the thread `glamm-engine`. `wake` is called from it after every event, so that a
    /// sleeping user interface comes to fetch it; it must not block.
    ///
    /// # Errors
    /// [`EngineError::Thread`] where the system has no thread to give.
    pub fn spawn(wake: impl Fn() + Send + Sync + 'static) -> Result<Self, EngineError> {
        Self::spawn_backend::<Engine>(wake, EVENT_CAPACITY)
    }

    /// [`Self::spawn`] with any model behind it, and room for `capacity` events.
    pub(crate) fn spawn_backend<B: LoadedModel + 'static>(
        wake: impl Fn() + Send + Sync + 'static,
        capacity: usize,
    ) -> Result<Self, EngineError> {
        let (commands, command_receiver) = channel::bounded(COMMAND_CAPACITY);
        let (event_sender, events) = channel::bounded(capacity);
        let mailbox = Arc::new(Mailbox::default());
        let worker_mailbox = Arc::clone(&mailbox);
        let thread = std::thread::Builder::new()
            .name("glamm-engine".to_owned())
            .spawn(move || {
                Worker::<B>::new(command_receiver, event_sender, worker_mailbox, Box::new(wake)).run();
            })
            .map_err(EngineError::Thread)?;
        Ok(Self { commands, events, mailbox, thread: Some(thread) })
    }

    /// Puts a command into the queue.
    ///
    /// # Errors
    /// [`SendError::Busy`] where the queue is full, [`SendError::Disconnected`] where the thread
    /// has ended. Both hold the command.
    pub fn try_send(&self, command: EngineCommand) -> Result<(), SendError> {
        self.mailbox.post(command, |command| {
            self.commands.try_send(command).map_err(|refused| match refused {
                TrySendError::Full(command) => SendError::Busy(command),
                TrySendError::Disconnected(command) => SendError::Disconnected(command),
            })
        })
    }

    /// The event queue, for `select!` and iteration.
    pub fn events(&self) -> &Receiver<EngineEvent> {
        &self.events
    }

    /// The next event, if one is waiting; an error once the thread has ended and all are read.
    ///
    /// # Errors
    /// [`TryRecvError`] of the channel.
    pub fn try_recv(&self) -> Result<EngineEvent, TryRecvError> {
        self.events.try_recv()
    }

    /// Waits for the next event.
    ///
    /// # Errors
    /// [`RecvTimeoutError`] of the channel.
    pub fn recv_timeout(&self, timeout: Duration) -> Result<EngineEvent, RecvTimeoutError> {
        self.events.recv_timeout(timeout)
    }
}

impl Drop for EngineHandle {
    fn drop(&mut self) {
        self.mailbox.abandon();
        // Wakes a worker that waits for commands; a full queue means that it is not waiting.
        let _ = self.commands.try_send(EngineCommand::Shutdown);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the engine thread ended in a panic");
        }
    }
}
