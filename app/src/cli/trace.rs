//! `--trace FILE`: what the engine did, and when, as a file for <https://ui.perfetto.dev> or
//! chrome://tracing (the format of Chrome's trace events).
//!
//! The engine marks its stages, blocks and decode steps by spans of `tracing` at the level TRACE. Without
//! a [`Recorder`] nobody asks for them, and each costs one comparison. A span's track is the thread that
//! its outermost span began on, whichever threads compute; so stages nest as they are called.

use std::cell::Cell;
use std::fmt::Debug;
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde::Serialize;
use serde_json::{Map, Value};
use tracing::Subscriber;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use super::error::CliError;

/// A file that the trace of this process will be written to.
pub(super) struct TraceFile {
    path: PathBuf,
    file: File,
    recorder: Recorder,
}

/// Keeps the spans that have ended. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct Recorder {
    start: Instant,
    spans: Arc<Mutex<Vec<Event>>>,
}

/// A span that has ended: a "complete event".
#[derive(Debug, Serialize)]
struct Event {
    name: &'static str,
    #[serde(rename = "cat")]
    category: &'static str,
    #[serde(rename = "ph")]
    phase: char,
    /// Microseconds since the start.
    #[serde(rename = "ts")]
    begin: f64,
    #[serde(rename = "dur")]
    duration: f64,
    #[serde(rename = "pid")]
    process: u32,
    #[serde(rename = "tid")]
    track: u64,
    #[serde(rename = "args")]
    fields: Fields,
}

/// The whole file.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    display_time_unit: &'static str,
    trace_events: &'a [Event],
}

/// A span that has begun.
struct Begun {
    at: Instant,
    track: u64,
    fields: Fields,
}

/// The values that a span was given.
#[derive(Debug, Default, Serialize)]
#[serde(transparent)]
struct Fields(Map<String, Value>);

impl TraceFile {
    /// Makes the file, so that what is wrong with its name is told before anything runs.
    ///
    /// # Errors
    /// [`CliError::Output`].
    pub(super) fn create(path: &Path) -> Result<Self, CliError> {
        let file = File::create(path).map_err(CliError::output(path))?;
        let recorder = Recorder { start: Instant::now(), spans: Arc::default() };
        Ok(Self { path: path.to_owned(), file, recorder })
    }

    /// To be given to the subscriber.
    pub(super) fn recorder(&self) -> Recorder {
        self.recorder.clone()
    }

    /// Writes what was recorded.
    ///
    /// # Errors
    /// [`CliError::Output`].
    pub(super) fn write(self) -> Result<(), CliError> {
        let spans = self.recorder.lock();
        let document = Document { display_time_unit: "ms", trace_events: &spans };
        let mut out = BufWriter::new(self.file);
        let written = serde_json::to_writer(&mut out, &document).map_err(io::Error::from);
        written.and_then(|()| out.flush()).map_err(CliError::output(&self.path))
    }
}

impl Recorder {
    /// What of the program is recorded.
    pub(super) fn filter() -> Targets {
        Targets::new().with_target("glamm_engine", LevelFilter::TRACE)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Event>> {
        // An event is pushed whole or not at all.
        self.spans.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Recorder {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let inherited = span.parent().and_then(|parent| Some(parent.extensions().get::<Begun>()?.track));
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let track = inherited.unwrap_or_else(own_track);
        span.extensions_mut().insert(Begun { at: Instant::now(), track, fields });
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        let Some(Begun { at, track, fields }) = span.extensions_mut().remove() else { return };
        let microseconds = |duration: std::time::Duration| duration.as_secs_f64() * 1e6;
        self.lock().push(Event {
            name: span.name(),
            category: span.metadata().target(),
            phase: 'X',
            begin: microseconds(at.saturating_duration_since(self.start)),
            duration: microseconds(at.elapsed()),
            process: std::process::id(),
            track,
            fields,
        });
    }
}

/// The number of this thread, from 1.
fn own_track() -> u64 {
    static THREADS: AtomicU64 = AtomicU64::new(0);
    thread_local! {
        static TRACK: Cell<u64> = const { Cell::new(0) };
    }
    TRACK.with(|track| {
        if track.get() == 0 {
            track.set(THREADS.fetch_add(1, Ordering::Relaxed) + 1);
        }
        track.get()
    })
}

impl Visit for Fields {
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}").into());
    }
}

#[cfg(test)]
mod tests {
    use tracing::trace_span;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[test]
    fn spans_lie_on_the_track_of_their_outermost_and_within_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trace.json");
        let trace = TraceFile::create(&path).unwrap();
        let subscriber = tracing_subscriber::registry().with(trace.recorder());
        tracing::subscriber::with_default(subscriber, || {
            let outer = trace_span!("turn", tokens = 3usize);
            let _entered = outer.enter();
            let dispatch = tracing::dispatcher::get_default(Clone::clone);
            let inside = || {
                tracing::dispatcher::with_default(&dispatch, || {
                    outer.in_scope(|| trace_span!("block", index = 7usize).in_scope(|| ()));
                });
            };
            std::thread::scope(|scope| scope.spawn(inside).join().unwrap());
        });
        trace.write().unwrap();
        let document: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let [block, turn] = &document["traceEvents"].as_array().unwrap()[..] else { panic!("{document}") };
        assert_eq!((&block["name"], &turn["name"]), (&"block".into(), &"turn".into()));
        assert_eq!((&block["args"]["index"], &turn["args"]["tokens"]), (&7.into(), &3.into()));
        assert_eq!((&block["tid"], &block["ph"]), (&turn["tid"], &"X".into()));
        let span = |event: &Value| {
            let begin = event["ts"].as_f64().unwrap();
            (begin, begin + event["dur"].as_f64().unwrap())
        };
        let ((begin, end), (first, last)) = (span(block), span(turn));
        assert!(first <= begin && begin <= end && end <= last);
    }

    #[test]
    fn a_file_that_cannot_be_made_is_told_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let error = TraceFile::create(&folder.path().join("no/trace.json")).err().unwrap();
        assert_eq!(error.exit_code(), 7);
    }
}
