//! Pausing, going on and stopping, from another thread than the one that downloads.
//!
//! The wish takes effect at once: the connection is shut down under the reader, which is therefore
//! never stuck in a read. What was written stays, and going on asks for the rest.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ureq::Agent;

use super::error::HubError;

/// The switch of a download. Clones share one state.
#[derive(Debug, Clone, Default)]
pub struct DownloadControl(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    wish: Wish,
    /// The connections in use.
    agent: Option<Agent>,
    /// How often connections were shut down: a failure across a change is no failure of the network.
    interruptions: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Wish {
    #[default]
    Run,
    Pause,
    Cancel,
}

impl DownloadControl {
    /// Holds the download until [`Self::resume`].
    pub fn pause(&self) {
        self.interrupt(Wish::Pause);
    }

    /// Lets it go on.
    pub fn resume(&self) {
        let mut state = self.state();
        if state.wish == Wish::Pause {
            state.wish = Wish::Run;
            self.0.changed.notify_all();
        }
    }

    /// Ends it with [`HubError::Cancelled`]; what is here is kept.
    pub fn cancel(&self) {
        self.interrupt(Wish::Cancel);
    }

    /// Whether [`Self::pause`] holds it.
    pub fn is_paused(&self) -> bool {
        self.state().wish == Wish::Pause
    }

    /// Whether [`Self::cancel`] was called.
    pub fn is_cancelled(&self) -> bool {
        self.state().wish == Wish::Cancel
    }

    /// Shuts connections down. A cancelled download stays cancelled.
    fn interrupt(&self, wish: Wish) {
        let mut state = self.state();
        if state.wish == Wish::Cancel {
            return;
        }
        state.wish = wish;
        state.interruptions += 1;
        let agent = state.agent.take();
        self.0.changed.notify_all();
        drop(state);
        if let Some(agent) = agent {
            agent.shutdown();
        }
    }

    /// The number of interruptions so far.
    pub(super) fn interruptions(&self) -> u64 {
        self.state().interruptions
    }

    /// Connections to use now, made by `make` where there are none. Waits while paused, which
    /// `report` is told before.
    ///
    /// # Errors
    /// [`HubError::Cancelled`].
    pub(super) fn agent(
        &self,
        make: impl FnOnce() -> Agent,
        mut report: impl FnMut(),
    ) -> Result<Agent, HubError> {
        if self.is_paused() {
            report();
        }
        let waited = self.0.changed.wait_while(self.state(), |state| state.wish == Wish::Pause);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        if state.wish == Wish::Cancel {
            return Err(HubError::Cancelled);
        }
        Ok(state.agent.get_or_insert_with(make).clone())
    }

    /// Waits, but not on after a cancellation or a pause.
    ///
    /// # Errors
    /// [`HubError::Cancelled`].
    pub(super) fn sleep(&self, time: Duration) -> Result<(), HubError> {
        let end = Instant::now() + time;
        let mut state = self.state();
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match state.wish {
                Wish::Cancel => return Err(HubError::Cancelled),
                Wish::Run if !left.is_zero() => {
                    let waited = self.0.changed.wait_timeout(state, left);
                    state = waited.unwrap_or_else(PoisonError::into_inner).0;
                }
                _ => return Ok(()),
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_ends_and_a_cancellation_does_not() {
        let control = DownloadControl::default();
        assert!(control.agent(Agent::new_with_defaults, || panic!("not paused")).is_ok());
        control.pause();
        assert!(control.is_paused());
        let other = control.clone();
        let mut told = 0;
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(20));
                other.resume();
            });
            control.agent(Agent::new_with_defaults, || told += 1).unwrap();
        });
        assert_eq!((told, control.interruptions()), (1, 1));
        control.cancel();
        control.resume();
        control.pause();
        assert!(control.is_cancelled());
        assert!(matches!(control.agent(Agent::new_with_defaults, || ()), Err(HubError::Cancelled)));
        assert!(matches!(control.sleep(Duration::from_mins(1)), Err(HubError::Cancelled)));
    }

    #[test]
    fn a_sleeper_is_woken() {
        let control = DownloadControl::default();
        let started = Instant::now();
        std::thread::scope(|scope| {
            scope.spawn(|| control.sleep(Duration::from_mins(1)));
            std::thread::sleep(Duration::from_millis(20));
            control.cancel();
        });
        assert!(started.elapsed() < Duration::from_secs(10));
    }
}
