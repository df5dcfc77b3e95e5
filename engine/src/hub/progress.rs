//! What a download tells on its way, and how fast it is.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::error::HubError;
use super::name::{FileName, RepoId};

/// Progress is told at most this often.
const INTERVAL: Duration = Duration::from_millis(100);
/// Speed is taken over this much of the past.
const WINDOW: Duration = Duration::from_secs(5);

/// What happened in a download. Files are counted from 0 in the order of the plan.
#[derive(Debug, Clone)]
pub enum DownloadEvent {
    /// The hub has said what there is. First of all, and again where a model turns out to need more.
    Planned(Vec<PlannedFile>),
    /// A file is being fetched; all that are not told of are here already.
    Started {
        /// Which one.
        file: usize,
    },
    /// What is here of a file from an earlier time is read again, for its checksum.
    Checking {
        /// Which one.
        file: usize,
    },
    /// More has come.
    Progressed(Progress),
    /// Nothing happens for the moment.
    Waiting(Pause),
    /// A file is here, and is what the hub says.
    Fetched {
        /// Which one.
        file: usize,
    },
    /// Everything is here: the folders of the models, in the order in which they were asked for.
    Finished(Vec<PathBuf>),
    /// It ended early; what is here is kept.
    Failed(Arc<HubError>),
    /// [`super::DownloadControl::cancel`] ended it; what is here is kept.
    Stopped,
}

/// A file that a download is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedFile {
    /// Where it comes from.
    pub repository: RepoId,
    /// Its name there.
    pub name: FileName,
    /// Its size.
    pub bytes: u64,
    /// What is here of it already.
    pub bytes_here: u64,
}

/// How far a download is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// The file that is being fetched.
    pub file: usize,
    /// What is here of it.
    pub file_bytes: u64,
    /// What is here of all files.
    pub bytes: u64,
    /// Size of all files.
    pub total_bytes: u64,
    /// Over the last seconds; `None` at the beginning.
    pub bytes_per_second: Option<f64>,
    /// Until all is here, at this speed.
    pub time_left: Option<Duration>,
}

/// Why nothing happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pause {
    /// The user wanted it.
    Paused,
    /// Another program, or another download of this one, fetches the same file.
    Elsewhere {
        /// Which one.
        file: usize,
    },
    /// Something failed and will be tried again.
    Retrying {
        /// After this time.
        after: Duration,
        /// What failed.
        reason: String,
    },
}

/// Bytes of a file.
#[derive(Debug, Clone, Copy)]
struct Counted {
    size: u64,
    here: u64,
}

/// Counts bytes, and tells the listener of a download.
pub(super) struct Tracker<'a> {
    report: &'a mut dyn FnMut(DownloadEvent),
    files: Vec<Counted>,
    meter: Meter,
    told: Option<Instant>,
}

impl<'a> Tracker<'a> {
    /// A download of nothing yet.
    pub(super) fn new(report: &'a mut dyn FnMut(DownloadEvent)) -> Self {
        Self { report, files: Vec::new(), meter: Meter::default(), told: None }
    }

    /// Begins with these files.
    pub(super) fn plan(&mut self, files: Vec<PlannedFile>) {
        self.files = files.iter().map(|file| Counted { size: file.bytes, here: file.bytes_here }).collect();
        self.tell(DownloadEvent::Planned(files));
    }

    /// Tells the listener.
    pub(super) fn tell(&mut self, event: DownloadEvent) {
        (self.report)(event);
    }

    /// So much of a file is here; `received` of it came just now.
    pub(super) fn advance(&mut self, file: usize, here: u64, received: u64) {
        let mut is_last = false;
        if let Some(counted) = self.files.get_mut(file) {
            counted.here = here;
            is_last = counted.size == here;
        }
        let now = Instant::now();
        self.meter.add(now, received);
        if is_last || self.told.is_none_or(|told| now.duration_since(told) >= INTERVAL) {
            self.told = Some(now);
            let progress = self.progress(file, here);
            self.tell(DownloadEvent::Progressed(progress));
        }
    }

    /// What came before a pause says nothing about the speed after it.
    pub(super) fn forget_speed(&mut self) {
        self.meter = Meter::default();
    }

    fn progress(&self, file: usize, file_bytes: u64) -> Progress {
        let bytes = self.files.iter().map(|file| file.here).sum();
        let total_bytes: u64 = self.files.iter().map(|file| file.size).sum();
        let bytes_per_second = self.meter.bytes_per_second();
        let left = total_bytes.saturating_sub(bytes) as f64;
        let time_left = bytes_per_second.and_then(|speed| Duration::try_from_secs_f64(left / speed).ok());
        Progress { file, file_bytes, bytes, total_bytes, bytes_per_second, time_left }
    }
}

/// Speed over a window of the past.
#[derive(Debug, Default)]
struct Meter {
    /// When, and how much had come in all by then.
    samples: VecDeque<(Instant, u64)>,
    total: u64,
}

impl Meter {
    fn add(&mut self, now: Instant, bytes: u64) {
        self.total += bytes;
        let is_new = self.samples.back().is_none_or(|(time, _)| now.duration_since(*time) >= INTERVAL / 2);
        if is_new {
            self.samples.push_back((now, self.total));
        } else if let Some(last) = self.samples.back_mut() {
            last.1 = self.total;
        }
        while self.samples.len() > 2
            && self.samples.front().is_some_and(|(time, _)| now.duration_since(*time) > WINDOW)
        {
            self.samples.pop_front();
        }
    }

    fn bytes_per_second(&self) -> Option<f64> {
        let ((start, before), (end, now)) = (self.samples.front()?, self.samples.back()?);
        let seconds = end.duration_since(*start).as_secs_f64();
        let bytes = now - before;
        (seconds > 0.2 && bytes > 0).then(|| bytes as f64 / seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speed_follows_the_last_seconds() {
        let (mut meter, start) = (Meter::default(), Instant::now());
        assert_eq!(meter.bytes_per_second(), None);
        let add = |meter: &mut Meter, from: u64, to: u64, bytes: u64| {
            for step in from..to {
                meter.add(start + Duration::from_millis(100 * step), bytes);
            }
        };
        add(&mut meter, 0, 20, 1000);
        assert!((meter.bytes_per_second().unwrap() - 10_000.0).abs() < 1.0);
        add(&mut meter, 20, 200, 50);
        assert!((meter.bytes_per_second().unwrap() - 500.0).abs() < 1.0);
        assert!(meter.samples.len() < 60, "the past is forgotten");
    }

    #[test]
    fn the_total_is_over_all_files() {
        let mut events = Vec::new();
        let mut report = |event| events.push(event);
        let mut tracker = Tracker::new(&mut report);
        let id = RepoId::parse("a/b").unwrap();
        let file = |name: &str, bytes, bytes_here| PlannedFile {
            repository: id.clone(),
            name: FileName::parse(name).unwrap(),
            bytes,
            bytes_here,
        };
        tracker.plan(vec![file("x", 100, 100), file("y", 200, 50)]);
        tracker.advance(1, 60, 10);
        tracker.advance(1, 70, 10);
        tracker.advance(1, 200, 130);
        let told: Vec<(u64, u64, u64)> = events
            .iter()
            .filter_map(|event| match event {
                DownloadEvent::Progressed(now) => Some((now.file_bytes, now.bytes, now.total_bytes)),
                _ => None,
            })
            .collect();
        assert_eq!(told, [(60, 160, 300), (200, 300, 300)], "not each piece, but the last one");
    }
}
