//! The window's end of the engine: commands out, events in, nothing that blocks.

use crossbeam::channel::{Receiver, Sender, TryRecvError, TrySendError};
use glamm_engine::error::EngineError;
use glamm_engine::handle::{EngineHandle, SendError};
use glamm_engine::protocol::{EngineCommand, EngineEvent};

use crate::action::Action;

/// An engine to talk to.
#[derive(Debug)]
pub enum EngineLink {
    /// The engine thread.
    Thread(EngineHandle),
    /// Whoever holds the other ends: a test that plays the engine's part.
    Channels {
        /// What the window asks.
        commands: Sender<EngineCommand>,
        /// What it is told.
        events: Receiver<EngineEvent>,
    },
}

impl EngineLink {
    /// Starts the engine thread; `wake` is called after each of its events.
    ///
    /// # Errors
    /// Where the system has no thread to give.
    pub fn spawn(wake: impl Fn() + Send + Sync + 'static) -> Result<Self, EngineError> {
        EngineHandle::spawn(wake).map(Self::Thread)
    }

    /// Sends a command. What comes back is an action where it was not taken.
    pub fn send(&self, command: EngineCommand) -> Option<Action> {
        match self {
            Self::Thread(handle) => match handle.try_send(command) {
                Ok(()) => None,
                Err(SendError::Busy(command)) => Some(Action::EngineRefused(command)),
                Err(SendError::Disconnected(_)) => Some(Action::EngineGone),
            },
            Self::Channels { commands, .. } => match commands.try_send(command) {
                Ok(()) => None,
                Err(TrySendError::Full(command)) => Some(Action::EngineRefused(command)),
                Err(TrySendError::Disconnected(_)) => Some(Action::EngineGone),
            },
        }
    }

    /// The next event, if one waits.
    pub fn next(&self) -> Option<Action> {
        let next = match self {
            Self::Thread(handle) => handle.try_recv(),
            Self::Channels { events, .. } => events.try_recv(),
        };
        match next {
            Ok(event) => Some(Action::Engine(event)),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Action::EngineGone),
        }
    }
}
