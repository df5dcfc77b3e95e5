//! The threads that read and write: one for sessions, one for exports and imports, so that saving waits
//! for none of these. Each does one job after the other.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::SystemTime;

use crossbeam::channel::{Sender, TrySendError, bounded};
use glamm_engine::protocol::{CancelToken, ImageId};

use super::autosave::{Autosave, recovery_root};
use super::recovery::{self, Abandoned};
use super::save::{SaveOptions, Saved, save};
use super::snapshot::Snapshot;
use super::{Opened, open, recent};
use crate::document::{Document, Edit};
use crate::export::import;
use crate::export::{self, ExportRequest, Exported};
use crate::state::exporting::ExportInTheWay;
use crate::state::keeping::Recoverable;

/// What the image decoder reads.
pub const PICTURE_EXTENSIONS: [&str; 8] = ["png", "jpg", "jpeg", "webp", "bmp", "gif", "tif", "tiff"];

/// Jobs that may wait.
const CAPACITY: usize = 32;

/// What becomes of a file that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfThere {
    /// The user knows: it is replaced.
    Replace,
    /// It stays until the user was asked.
    Ask,
}

/// Something to read or write.
#[derive(Debug)]
pub enum StorageJob {
    /// Look for recent sessions and for what other programs left.
    LookAround,
    /// Read a session file.
    Open(PathBuf),
    /// Read what another program left, and take it over.
    Recover(PathBuf),
    /// Remove what another program left.
    Discard(PathBuf),
    /// Write a session file.
    Save {
        /// Where.
        path: PathBuf,
        /// What.
        snapshot: Box<Snapshot>,
        /// How.
        options: SaveOptions,
        /// Whether another file may lie there.
        if_there: IfThere,
    },
    /// Remember the sessions last opened.
    Remember(Vec<PathBuf>),
    /// List the pictures in a folder.
    ListFolder(PathBuf),
    /// Look whether pictures are there.
    LookFor(Vec<(ImageId, PathBuf)>),
    /// Write files for other programs.
    Export {
        /// What.
        snapshot: Box<Snapshot>,
        /// How and where.
        request: ExportRequest,
        /// Whether other files may lie there.
        if_there: IfThere,
        /// Ends it early.
        stop: CancelToken,
    },
    /// Read boxes and masks of another program.
    Import {
        /// The file.
        path: PathBuf,
        /// The open pictures.
        document: Document,
    },
}

/// What came of it.
#[derive(Debug)]
pub enum StorageEvent {
    /// Recent sessions, and what other programs left.
    LookedAround {
        /// The latest first.
        recent: Vec<PathBuf>,
        /// The newest first.
        recoverable: Vec<Recoverable>,
    },
    /// A session was read.
    Opened {
        /// The file, or the folder where it was recovered.
        path: PathBuf,
        /// Whether it was recovered.
        recovered: bool,
        /// What is in it, or why nothing.
        result: Result<Box<Opened>, String>,
    },
    /// A session was written, or not.
    Saved {
        /// The file.
        path: PathBuf,
        /// What was to be written.
        snapshot: Box<Snapshot>,
        /// What was written, or why nothing.
        result: Result<Saved, String>,
    },
    /// A session was not written: another file lies there.
    InTheWay(PathBuf),
    /// The work is not being kept, and why.
    NotKept(String),
    /// A job was not taken: there are too many.
    Refused(Box<StorageJob>),
    /// A folder was listed.
    FolderListed {
        /// The folder.
        folder: PathBuf,
        /// Pictures in it by name, or why none.
        result: Result<Vec<PathBuf>, String>,
    },
    /// Pictures that were looked for are there; the others are not.
    Found(Vec<(ImageId, PathBuf)>),
    /// An export goes on.
    ExportProgressed {
        /// Pictures written.
        done: usize,
        /// Pictures in all.
        total: usize,
    },
    /// Nothing was exported: other files lie there.
    ExportInTheWay(ExportInTheWay),
    /// Files were written, or not.
    Exported {
        /// The folder.
        folder: PathBuf,
        /// What was written, or why not all.
        result: Result<Exported, String>,
    },
    /// Boxes and masks were read, or not.
    Imported {
        /// The file.
        path: PathBuf,
        /// What is in it, or why nothing.
        result: Result<ImportedEdits, String>,
    },
}

/// What a file of another program brings into the document.
#[derive(Debug, Default, PartialEq)]
pub struct ImportedEdits {
    /// One [`Edit::Import`] for each picture that the file knows; the masks in it have no names yet.
    pub edits: Vec<Edit>,
    /// What was left out, for people.
    pub problems: Vec<String>,
}

/// The window's end of the threads that keep work. Dropping it waits until what is being written is
/// written.
pub struct Storage {
    sessions: Desk,
    exchange: Desk,
    autosave: Option<Autosave>,
}

impl Storage {
    /// Starts the threads. `data` is the program's folder among the user's data; without one nothing is
    /// kept against a sudden end. `report` is called with what came of each job.
    ///
    /// # Errors
    /// Where the system has no thread to give.
    pub fn start(
        data: Option<&Path>,
        report: impl Fn(StorageEvent) + Clone + Send + 'static,
    ) -> std::io::Result<Self> {
        let complain = report.clone();
        let autosave = data.map(|data| {
            Autosave::start(&recovery_root(data), move |message| complain(StorageEvent::NotKept(message)))
        });
        let autosave = autosave.transpose()?;
        let mut worker = Worker {
            data: data.map(Path::to_owned),
            adopt: autosave.as_ref().map(Autosave::adopter),
            abandoned: HashMap::new(),
        };
        let tell = report.clone();
        let sessions = Desk::start("storage", move |job| {
            if let Some(event) = worker.carry_out(job) {
                tell(event);
            }
        })?;
        let exchange = Desk::start("export", move |job| {
            if let Some(event) = exchange(job, &report) {
                report(event);
            }
        })?;
        Ok(Self { sessions, exchange, autosave })
    }

    /// Gives a thread a job; [`StorageEvent::Refused`] where it has too many.
    pub fn send(&self, job: StorageJob) -> Option<StorageEvent> {
        let desk = match job {
            StorageJob::Export { .. } | StorageJob::Import { .. } => &self.exchange,
            _ => &self.sessions,
        };
        desk.send(job).map(|job| StorageEvent::Refused(Box::new(job)))
    }

    /// Keeps this against a sudden end; `None`: there is nothing to lose.
    pub fn keep(&self, snapshot: Option<Snapshot>) {
        match (&self.autosave, snapshot) {
            (Some(autosave), Some(snapshot)) => autosave.keep(snapshot),
            (Some(autosave), None) => autosave.clear(),
            (None, _) => {}
        }
    }
}

/// A thread that does what it is given, one job after the other; dropping it waits for the last one.
struct Desk {
    jobs: Option<Sender<StorageJob>>,
    thread: Option<JoinHandle<()>>,
}

impl Desk {
    fn start(name: &str, mut work: impl FnMut(StorageJob) + Send + 'static) -> std::io::Result<Self> {
        let (jobs, waiting) = bounded(CAPACITY);
        let thread = std::thread::Builder::new().name(name.to_owned());
        let thread = thread.spawn(move || waiting.into_iter().for_each(&mut work))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// The job, where there are too many before it.
    fn send(&self, job: StorageJob) -> Option<StorageJob> {
        let Some(jobs) = &self.jobs else { return Some(job) };
        match jobs.try_send(job) {
            Ok(()) => None,
            Err(TrySendError::Full(job) | TrySendError::Disconnected(job)) => Some(job),
        }
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // What it could not do it has told itself.
            let _ = thread.join();
        }
    }
}

/// Exports and imports.
fn exchange(job: StorageJob, report: &impl Fn(StorageEvent)) -> Option<StorageEvent> {
    match job {
        StorageJob::Export { snapshot, request, if_there, stop } => {
            if if_there == IfThere::Ask {
                let files = export::in_the_way(&snapshot.document, &request);
                if !files.is_empty() {
                    let found = ExportInTheWay { snapshot, request, files };
                    return Some(StorageEvent::ExportInTheWay(found));
                }
            }
            let mut progress = |done, total| {
                report(StorageEvent::ExportProgressed { done, total });
                !stop.is_cancelled()
            };
            let result = guarded(&request.out, || export::run(&snapshot, &request, &mut progress));
            Some(StorageEvent::Exported { folder: request.out, result })
        }
        StorageJob::Import { path, document } => {
            let result = guarded(&path, || {
                let imported = import::read(&path, &document)?;
                Ok(ImportedEdits { edits: import::edits(&imported), problems: imported.problems })
            });
            Some(StorageEvent::Imported { path, result })
        }
        _ => None,
    }
}

struct Worker {
    data: Option<PathBuf>,
    adopt: Option<super::autosave::Adopter>,
    /// Held, so that no other program offers them.
    abandoned: HashMap<PathBuf, Abandoned>,
}

impl Worker {
    fn carry_out(&mut self, job: StorageJob) -> Option<StorageEvent> {
        match job {
            StorageJob::LookAround => Some(self.look_around()),
            StorageJob::Open(path) => {
                let result = guarded(&path, || open(&path));
                Some(StorageEvent::Opened { path, recovered: false, result: result.map(Box::new) })
            }
            StorageJob::Recover(path) => {
                let result = guarded(&path, || open(&path));
                if let (Ok(_), Some(abandoned)) = (&result, self.abandoned.remove(&path))
                    && let Some(adopt) = &self.adopt
                {
                    adopt.adopt(abandoned);
                }
                Some(StorageEvent::Opened { path, recovered: true, result: result.map(Box::new) })
            }
            StorageJob::Discard(path) => {
                if let Some(abandoned) = self.abandoned.remove(&path) {
                    abandoned.delete();
                }
                None
            }
            StorageJob::Save { path, if_there: IfThere::Ask, .. } if path.symlink_metadata().is_ok() => {
                Some(StorageEvent::InTheWay(path))
            }
            StorageJob::Save { path, snapshot, options, if_there: _ } => {
                let result = guarded(&path, || save(&path, &snapshot, options));
                Some(StorageEvent::Saved { path, snapshot, result })
            }
            StorageJob::Remember(sessions) => {
                if let Some(data) = &self.data {
                    recent::write(data, &sessions);
                }
                None
            }
            StorageJob::LookFor(mut places) => {
                places.retain(|(_, path)| path.is_file());
                Some(StorageEvent::Found(places))
            }
            StorageJob::ListFolder(folder) => {
                let result = list_pictures(&folder);
                let result = result.map_err(|error| format!("{} cannot be read: {error}", folder.display()));
                Some(StorageEvent::FolderListed { folder, result })
            }
            // Of the other thread.
            StorageJob::Export { .. } | StorageJob::Import { .. } => None,
        }
    }

    fn look_around(&mut self) -> StorageEvent {
        let Some(data) = &self.data else {
            return StorageEvent::LookedAround { recent: Vec::new(), recoverable: Vec::new() };
        };
        let found = recovery::abandoned(&recovery_root(data));
        let describe = |abandoned: &Abandoned| {
            let (folder, when) = (abandoned.path().to_owned(), abandoned.when.max(SystemTime::UNIX_EPOCH));
            Recoverable { folder, when, pictures: abandoned.pictures }
        };
        let recoverable = found.iter().map(describe).collect();
        self.abandoned.extend(found.into_iter().map(|abandoned| (abandoned.path().to_owned(), abandoned)));
        StorageEvent::LookedAround { recent: recent::read(data), recoverable }
    }
}

/// The files in a folder that are named like pictures, as people count: 2 before 10.
fn list_pictures(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| is_picture(path) && path.is_file())
        .collect();
    found.sort_by_cached_key(|path| natural_key(&path.to_string_lossy()));
    Ok(found)
}

fn is_picture(path: &Path) -> bool {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
    extension.is_some_and(|extension| PICTURE_EXTENSIONS.contains(&extension.as_str()))
}

/// Digits as numbers, the rest without regard to case.
fn natural_key(name: &str) -> Vec<(String, u64)> {
    let mut key = vec![(String::new(), 0_u64)];
    let mut in_number = false;
    for c in name.chars().flat_map(char::to_lowercase) {
        if let Some(digit) = c.to_digit(10) {
            in_number = true;
            if let Some((_, number)) = key.last_mut() {
                *number = number.saturating_mul(10).saturating_add(u64::from(digit));
            }
            continue;
        }
        if std::mem::take(&mut in_number) {
            key.push((String::new(), 0));
        }
        if let Some((text, _)) = key.last_mut() {
            text.push(c);
        }
    }
    key
}

/// A panic over one file must not take the thread with it.
fn guarded<T>(path: &Path, work: impl FnOnce() -> Result<T, super::StorageError>) -> Result<T, String> {
    let attempt = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
    match attempt {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(_) => Err(format!("{}: the program made a mistake over this file", path.display())),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn what_was_given_is_done_before_the_end() {
        let done = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let count = std::sync::Arc::clone(&done);
        let desk = Desk::start("test", move |_| {
            std::thread::sleep(std::time::Duration::from_millis(20));
            count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        });
        let desk = desk.unwrap();
        for _ in 0..3 {
            assert!(desk.send(StorageJob::LookAround).is_none());
        }
        drop(desk);
        assert_eq!(done.load(std::sync::atomic::Ordering::SeqCst), 3);
    }

    #[test]
    fn folders_are_listed_as_people_count() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b10.png", "b2.PNG", "A.jpg", "notes.txt", "b2.glamm"] {
            std::fs::write(folder.path().join(name), b"").unwrap();
        }
        std::fs::create_dir(folder.path().join("folder.png")).unwrap();
        let found = list_pictures(folder.path()).unwrap();
        let names: Vec<_> = found.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["A.jpg", "b2.PNG", "b10.png"]);
        assert!(list_pictures(&folder.path().join("nowhere")).is_err());
    }
}
