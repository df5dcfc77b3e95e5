//! The file with the user's own prompts: `prompts.json` in the directory that the platform has for
//! settings.
//!
//! Read and written by a thread of its own, so that no frame waits for a disk. What another window has added
//! stays in it, and is shown in this one when the user comes back to it. A file that cannot be read is set aside
//! under another name, never overwritten and never fatal.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Prompt;
use crate::desk::Desk;
use crate::system::files;
use crate::system::shared_list::{Elsewhere, SharedList};

/// A larger file is not one of ours.
const MAX_BYTES: u64 = 4 << 20;

/// What the file says.
#[derive(Debug, Default, Serialize, Deserialize)]
struct PromptFile {
    prompts: Vec<Prompt>,
}

/// Why the prompts could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is something else in the file; it was set aside.
    #[error("Your prompts in {} could not be read ({why}); the file was set aside as {}", path.display(), aside.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
        /// Its name now.
        aside: PathBuf,
    },
    /// The disk says no.
    #[error("Your prompts could not be kept in {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

/// Where the user's prompts are kept.
pub fn default_path() -> Option<PathBuf> {
    directories::ProjectDirs::from("", "", "glamm").map(|dirs| dirs.config_dir().join("prompts.json"))
}

/// Reads the prompts; none where there is no file.
///
/// # Errors
/// The file cannot be read, or holds something else.
pub fn read(path: &Path) -> Result<Vec<Prompt>, StoreError> {
    let io = |source| StoreError::Io { path: path.to_owned(), source };
    let length = match fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(io(error)),
        Ok(metadata) => metadata.len(),
    };
    let parsed = if length > MAX_BYTES {
        Err(format!("it has {length} bytes"))
    } else {
        let bytes = fs::read(path).map_err(io)?;
        serde_json::from_slice::<PromptFile>(&bytes).map_err(|error| error.to_string())
    };
    match parsed {
        Ok(file) => Ok(file.prompts.into_iter().filter(|p| !p.text.trim().is_empty()).collect()),
        Err(why) => {
            let aside = files::set_aside(path).map_err(io)?;
            Err(StoreError::Damaged { path: path.to_owned(), why, aside })
        }
    }
}

/// Writes the prompts, all or nothing.
///
/// # Errors
/// The disk says no.
pub fn write(path: &Path, prompts: &[Prompt]) -> Result<(), StoreError> {
    let attempt = || {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut text = serde_json::to_vec_pretty(&PromptFile { prompts: prompts.to_vec() })?;
        text.push(b'\n');
        files::write(path, &text)
    };
    attempt().map_err(|source| StoreError::Io { path: path.to_owned(), source })
}

/// What came of reading and writing.
#[derive(Debug)]
pub(crate) enum StoreEvent {
    /// There are others in the file than were known: all of them, the first time.
    Changed(Elsewhere<Prompt>),
    /// Something went wrong, for people.
    Failed(String),
}

/// What the thread is to do.
enum Job {
    Look,
    Write(Vec<Prompt>),
}

/// The window's end of the thread that reads and writes the prompts. Dropping it waits until they are written.
pub(crate) struct PromptStore {
    desk: Desk<Job>,
}

impl PromptStore {
    /// Starts the thread; `report` is told what it has read, and what went wrong.
    ///
    /// # Errors
    /// Where the system has no thread to give.
    pub(crate) fn start(
        path: PathBuf,
        report: impl Fn(StoreEvent) + Send + 'static,
    ) -> std::io::Result<Self> {
        let mut list = SharedList::default();
        let desk = Desk::start("prompt-store", move |job| {
            let done = match job {
                Job::Look => list
                    .look_again(&path, || read(&path), is_same)
                    .map(|found| found.into_iter().for_each(|found| report(StoreEvent::Changed(found)))),
                Job::Write(prompts) => write_among_others(&path, prompts, &mut list),
            };
            if let Err(error) = done {
                report(StoreEvent::Failed(error.to_string()));
            }
        })?;
        let store = Self { desk };
        store.look();
        Ok(store)
    }

    /// Has the file looked at, where another window may have written it. What it has changed is to be taken over,
    /// and the prompts kept as they are then.
    pub(crate) fn look(&self) {
        // Where too many changes wait, the next time will do.
        let _ = self.desk.send(Job::Look);
    }

    /// Keeps the prompts; refused at once where too many changes wait.
    pub(crate) fn keep(&self, prompts: Vec<Prompt>) -> Option<StoreEvent> {
        let refused = self.desk.send(Job::Write(prompts));
        refused
            .map(|_| StoreEvent::Failed("Your prompts could not be kept: try again in a moment".to_owned()))
    }
}

fn is_same(one: &Prompt, other: &Prompt) -> bool {
    one.text == other.text
}

/// Writes the prompts, and after them those that another window has added to the file.
fn write_among_others(
    path: &Path,
    mut prompts: Vec<Prompt>,
    list: &mut SharedList<Prompt>,
) -> Result<(), StoreError> {
    // A file that cannot be read was set aside, if it can be, and holds up nothing.
    let in_file = read(path);
    let (in_file, failed) = match in_file {
        Ok(in_file) => (in_file, None),
        Err(error) => (Vec::new(), Some(error)),
    };
    prompts.extend(list.added_elsewhere(&in_file, &prompts, is_same));
    if prompts != in_file {
        write(path, &prompts)?;
    }
    failed.map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prompts() -> Vec<Prompt> {
        ["What is {region}?", "größe {}"]
            .map(|text| Prompt { label: "mine".into(), text: text.into() })
            .to_vec()
    }

    #[test]
    fn prompts_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/prompts.json");
        assert_eq!(read(&path).unwrap(), []);
        write(&path, &prompts()).unwrap();
        assert_eq!(read(&path).unwrap(), prompts());
        write(&path, &prompts()[1..]).unwrap();
        assert_eq!(read(&path).unwrap().len(), 1);
        assert_eq!(fs::read_dir(folder.path().join("deep")).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn what_cannot_be_read_is_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("prompts.json");
        for (damage, name) in [
            ("{\"prompts\": [", "prompts.json.broken"),
            ("[]", "prompts.json.broken-1"),
            ("", "prompts.json.broken-2"),
        ] {
            fs::write(&path, damage).unwrap();
            let told = read(&path).unwrap_err().to_string();
            assert!(told.contains(name), "{told}");
            assert_eq!(fs::read_to_string(folder.path().join(name)).unwrap(), damage);
            assert_eq!(read(&path).unwrap(), [], "and the next start goes well");
        }
        assert!(write(&folder.path().join("prompts.json.broken/x.json"), &[]).is_err());
    }

    #[test]
    fn the_thread_reads_then_writes_the_last_change() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("prompts.json");
        write(&path, &prompts()).unwrap();
        let (sender, results) = crossbeam::channel::bounded(4);
        let store = PromptStore::start(path.clone(), move |event| sender.send(event).unwrap()).unwrap();
        let first = results.recv_timeout(std::time::Duration::from_secs(20)).unwrap();
        assert!(matches!(first, StoreEvent::Changed(found) if found.added == prompts()));
        // First it says that it has taken them over.
        for count in [2, 1, 0] {
            assert!(store.keep(prompts()[..count].to_vec()).is_none());
        }
        // It waits.
        drop(store);
        assert_eq!(read(&path).unwrap(), []);
    }

    fn prompt(text: &'static str) -> Prompt {
        Prompt { label: text.into(), text: text.into() }
    }

    /// A window that shows the two prompts of the file.
    fn open(path: &Path) -> (PromptStore, crossbeam::channel::Receiver<StoreEvent>) {
        let (sender, results) = crossbeam::channel::bounded(4);
        let store = PromptStore::start(path.to_owned(), move |event| sender.send(event).unwrap()).unwrap();
        let Ok(StoreEvent::Changed(found)) = results.recv() else { panic!("there are none") };
        assert_eq!(found.added.len(), 2);
        store.keep(found.added);
        (store, results)
    }

    #[test]
    fn windows_leave_each_other_their_prompts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("prompts.json");
        let texts = || read(&path).unwrap().into_iter().map(|p| p.text.into_owned()).collect::<Vec<_>>();
        write(&path, &[prompt("a"), prompt("b")]).unwrap();
        let ((one, _), (other, _)) = (open(&path), open(&path));
        one.keep(vec![prompt("a"), prompt("b"), prompt("mine")]);
        drop(one);
        other.keep(vec![prompt("a"), prompt("yours")]);
        drop(other);
        assert_eq!(texts(), ["a", "yours", "mine"]);
    }

    #[test]
    fn a_window_that_looks_again_finds_what_another_has_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("prompts.json");
        write(&path, &[prompt("a"), prompt("b")]).unwrap();
        let ((one, _), (other, results)) = (open(&path), open(&path));
        one.keep(vec![Prompt { label: "A".into(), ..prompt("a") }, prompt("yours")]);
        drop(one);
        other.look();
        let Ok(StoreEvent::Changed(found)) = results.recv() else { panic!("nothing is found") };
        let added = vec![Prompt { label: "A".into(), ..prompt("a") }, prompt("yours")];
        assert_eq!(found, Elsewhere { added, gone: vec![prompt("b")] });
        let written = fs::metadata(&path).unwrap().modified().unwrap();
        other.keep(found.added);
        other.look();
        drop(other);
        assert!(results.try_recv().is_err(), "it is known");
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), written, "it is there already");
    }
}
