//! What the program says about itself, kept for the log panel: the last lines of it, and no more.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

/// Lines that are kept.
pub const CAPACITY: usize = 2000;

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Since the program started.
    pub at: Duration,
    /// How much it matters.
    pub level: Level,
    /// The module that said it.
    pub target: String,
    /// What it said.
    pub text: String,
}

/// The lines of this process.
static LINES: LazyLock<Lines> = LazyLock::new(Lines::default);

/// The last lines, bounded.
#[derive(Debug)]
struct Lines {
    start: Instant,
    kept: Mutex<VecDeque<Line>>,
}

impl Default for Lines {
    fn default() -> Self {
        Self { start: Instant::now(), kept: Mutex::new(VecDeque::new()) }
    }
}

impl Lines {
    fn lock(&self) -> MutexGuard<'_, VecDeque<Line>> {
        // A line is pushed whole or not at all.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, line: Line) {
        let mut kept = self.lock();
        if kept.len() == CAPACITY {
            kept.pop_front();
        }
        kept.push_back(line);
    }
}

/// Lines of this level and above, the oldest first.
pub fn lines(level: Level) -> Vec<Line> {
    LINES.lock().iter().filter(|line| line.level <= level).cloned().collect()
}

/// Keeps a line; the oldest makes room.
pub fn keep(line: Line) {
    LINES.push(line);
}

/// Forgets all lines.
pub fn clear() {
    LINES.lock().clear();
}

/// Keeps what `tracing` reports.
#[derive(Debug, Clone, Copy, Default)]
pub struct KeepLines;

impl<S: Subscriber> Layer<S> for KeepLines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut text = Text::default();
        event.record(&mut text);
        let metadata = event.metadata();
        keep(Line {
            at: LINES.start.elapsed(),
            level: *metadata.level(),
            target: metadata.target().to_owned(),
            text: text.0,
        });
    }
}

/// An event in one line: its message, then its other fields.
#[derive(Default)]
struct Text(String);

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        // Writing to a string cannot fail.
        if field.name() == "message" {
            let rest = std::mem::take(&mut self.0);
            let _ = write!(self.0, "{value:?}{rest}");
        } else {
            let _ = write!(self.0, "  {} {value:?}", field.name());
        }
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[test]
    fn the_last_lines_are_kept_and_no_more() {
        let subscriber = tracing_subscriber::registry().with(KeepLines);
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(precision = "q4k", bytes = 7, "a model was loaded");
            tracing::debug!("a detail");
            let found = lines(Level::INFO);
            let line = found.iter().find(|line| line.text.starts_with("a model was loaded"));
            assert_eq!(
                line.map(|line| line.text.as_str()),
                Some("a model was loaded  precision q4k  bytes 7")
            );
            assert!(!found.iter().any(|line| line.text == "a detail"));
            assert!(lines(Level::DEBUG).iter().any(|line| line.text == "a detail"));
            for number in 0..CAPACITY + 5 {
                tracing::warn!(number, "again");
            }
            let found = lines(Level::TRACE);
            assert_eq!(found.len(), CAPACITY);
            assert!(found.iter().all(|line| line.text.starts_with("again")));
            clear();
            assert!(lines(Level::TRACE).is_empty());
        });
    }
}
