//! When to try again, and when to give up.

use std::time::Duration;

use super::client::{Client, Failure, agent};
use super::control::DownloadControl;
use super::error::HubError;
use super::progress::{DownloadEvent, Pause, Tracker};
use super::settings::HubSettings;

/// The longest pause of one's own accord.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// Failures of one thing in a row. What the user interrupted is none.
#[derive(Debug)]
pub(super) struct Attempts<'a> {
    settings: &'a HubSettings,
    control: &'a DownloadControl,
    failures: u32,
    interruptions: u64,
}

impl<'a> Attempts<'a> {
    /// None yet.
    pub(super) fn new(settings: &'a HubSettings, control: &'a DownloadControl) -> Self {
        Self { settings, control, failures: 0, interruptions: control.interruptions() }
    }

    /// The hub, for the next attempt. Waits while the user wants a pause.
    ///
    /// # Errors
    /// [`HubError::Cancelled`].
    pub(super) fn client(&mut self, tracker: &mut Tracker<'_>) -> Result<Client<'a>, HubError> {
        let mut paused = false;
        let connections = self.control.agent(
            || agent(self.settings),
            || {
                paused = true;
                tracker.tell(DownloadEvent::Waiting(Pause::Paused));
            },
        )?;
        if paused {
            tracker.forget_speed();
        }
        self.interruptions = self.control.interruptions();
        Ok(Client::new(self.settings, connections))
    }

    /// Whether the user wants this attempt to end.
    pub(super) fn is_interrupted(&self) -> bool {
        self.control.interruptions() != self.interruptions
    }

    /// Something came: failures before do not count any more.
    pub(super) fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// Waits until the next attempt, if there is to be one.
    ///
    /// # Errors
    /// There is none to be.
    pub(super) fn failed(&mut self, failure: Failure, tracker: &mut Tracker<'_>) -> Result<(), HubError> {
        if self.is_interrupted() {
            return if self.control.is_cancelled() { Err(HubError::Cancelled) } else { Ok(()) };
        }
        let (error, wait) = match failure {
            Failure::Lasting(error) => return Err(error),
            Failure::Passing { error, wait } => (error, wait),
        };
        let patience = self.settings.patience;
        self.failures += 1;
        if self.failures >= patience.attempts || wait.is_some_and(|wait| wait > patience.longest_wait) {
            return Err(error);
        }
        let doubled =
            patience.first_pause.saturating_mul(1 << (self.failures - 1).min(16)).min(LONGEST_PAUSE);
        let after = wait.unwrap_or(doubled);
        tracing::info!(%error, ?after, "trying again");
        tracker.tell(DownloadEvent::Waiting(Pause::Retrying { after, reason: error.to_string() }));
        self.control.sleep(after)
    }
}

/// Asks until there is an answer.
///
/// # Errors
/// What the last attempt says.
pub(super) fn ask<'a, T>(
    attempts: &mut Attempts<'a>,
    tracker: &mut Tracker<'_>,
    mut question: impl FnMut(&Client<'a>) -> Result<T, Failure>,
) -> Result<T, HubError> {
    loop {
        let client = attempts.client(tracker)?;
        match question(&client) {
            Ok(answer) => return Ok(answer),
            Err(failure) => attempts.failed(failure, tracker)?,
        }
    }
}
