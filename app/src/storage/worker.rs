//! The thread that reads and writes sessions. It does one job after the other.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use glamm_engine::protocol::ImageId;

use super::abandoned::{Abandoned, Recoverable, abandoned};
use super::autosave::{Autosave, recovery_root};
use super::save::{SaveOptions, Saved, save};
use super::snapshot::Snapshot;
use super::stamp::Stamp;
use super::{Opened, open, recent};
use crate::desk::{Desk, guarded};
use crate::system::shared_list::{Elsewhere, SharedList};

/// What the image decoder reads.
pub const PICTURE_EXTENSIONS: [&str; 8] = ["png", "jpg", "jpeg", "webp", "bmp", "gif", "tif", "tiff"];

/// What becomes of a file that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfThere {
    /// The user knows: it is replaced.
    Replace,
    /// It is replaced if it is as it was; another window may have written it since.
    ReplaceUnchanged(Stamp),
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
    /// Look whether other windows have opened sessions.
    LookAgain,
    /// List the pictures in a folder.
    ListFolder(PathBuf),
    /// Look whether pictures are there.
    LookFor(Vec<(ImageId, PathBuf)>),
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
    /// Other windows have opened sessions, or found them gone.
    RecentElsewhere(Elsewhere<PathBuf>),
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
    /// A session was not written: another file lies there, or what another window has made of it.
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
}

/// The window's end of the threads that keep work. Dropping it waits until what is being written is
/// written; what was kept against a sudden end stays, unless [`Self::end_well`] was called.
pub struct Storage {
    desk: Desk<StorageJob>,
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
            recent: SharedList::default(),
        };
        let desk = Desk::start("storage", move |job| {
            if let Some(event) = worker.carry_out(job) {
                report(event);
            }
        })?;
        Ok(Self { desk, autosave })
    }

    /// Gives the thread a job; [`StorageEvent::Refused`] where it has too many.
    pub fn send(&self, job: StorageJob) -> Option<StorageEvent> {
        self.desk.send(job).map(|job| StorageEvent::Refused(Box::new(job)))
    }

    /// Keeps this against a sudden end; `None`: there is nothing to lose.
    pub fn keep(&self, snapshot: Option<Snapshot>) {
        match (&self.autosave, snapshot) {
            (Some(autosave), Some(snapshot)) => autosave.keep(snapshot),
            (Some(autosave), None) => autosave.clear(),
            (None, _) => {}
        }
    }

    /// Says that the program ends as it should: what was kept against a sudden end goes.
    pub fn end_well(&self) {
        if let Some(autosave) = &self.autosave {
            autosave.end_well();
        }
    }
}

struct Worker {
    data: Option<PathBuf>,
    adopt: Option<super::autosave::Adopter>,
    /// Held, so that no other program offers them.
    abandoned: HashMap<PathBuf, Abandoned>,
    recent: SharedList<PathBuf>,
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
                if let (Ok(_), Some(adopt)) = (&result, &self.adopt)
                    && let Some(abandoned) = self.abandoned.remove(&path)
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
            StorageJob::Save { path, if_there, .. } if is_in_the_way(&path, if_there) => {
                Some(StorageEvent::InTheWay(path))
            }
            StorageJob::Save { path, snapshot, options, if_there: _ } => {
                let result = guarded(&path, || save(&path, &snapshot, options));
                Some(StorageEvent::Saved { path, snapshot, result })
            }
            StorageJob::Remember(sessions) => {
                if let Some(data) = &self.data {
                    recent::write(data, &sessions, &mut self.recent);
                }
                None
            }
            StorageJob::LookAgain => {
                recent::look_again(self.data.as_ref()?, &mut self.recent).map(StorageEvent::RecentElsewhere)
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
        }
    }

    fn look_around(&mut self) -> StorageEvent {
        let Some(data) = &self.data else {
            return StorageEvent::LookedAround { recent: Vec::new(), recoverable: Vec::new() };
        };
        let found = abandoned(&recovery_root(data));
        let describe = |abandoned: &Abandoned| {
            let (folder, when) = (abandoned.path().to_owned(), abandoned.when.max(SystemTime::UNIX_EPOCH));
            Recoverable { folder, when, pictures: abandoned.pictures }
        };
        let recoverable = found.iter().map(describe).collect();
        self.abandoned.extend(found.into_iter().map(|abandoned| (abandoned.path().to_owned(), abandoned)));
        let recent = recent::read(data);
        self.recent.was_read(&recent);
        StorageEvent::LookedAround { recent, recoverable }
    }
}

/// Whether the user is to be asked before a file is written.
fn is_in_the_way(path: &Path, if_there: IfThere) -> bool {
    let is_changed = match if_there {
        IfThere::Replace => false,
        IfThere::ReplaceUnchanged(stamp) => Stamp::of(path) != Some(stamp),
        IfThere::Ask => true,
    };
    is_changed && path.symlink_metadata().is_ok()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_another_window_has_written_is_in_the_way() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.glamm");
        for if_there in [IfThere::Replace, IfThere::Ask] {
            assert!(!is_in_the_way(&path, if_there), "there is none");
        }
        std::fs::write(&path, b"one").unwrap();
        let own = IfThere::ReplaceUnchanged(Stamp::of(&path).unwrap());
        assert!(!is_in_the_way(&path, IfThere::Replace) && !is_in_the_way(&path, own));
        assert!(is_in_the_way(&path, IfThere::Ask));
        std::fs::write(&path, b"another").unwrap();
        assert!(is_in_the_way(&path, own) && !is_in_the_way(&path, IfThere::Replace));
        std::fs::remove_file(&path).unwrap();
        assert!(!is_in_the_way(&path, own), "nothing is lost");
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
