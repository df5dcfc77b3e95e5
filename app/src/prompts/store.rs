//! The file with the user's own prompts: `prompts.json` in the directory that the platform has for
//! settings.
//!
//! Read once and written by a thread of its own, so that no frame waits for a disk. A file that
//! cannot be read is set aside under another name, never overwritten and never fatal.

use std::fs;
use std::path::{Path, PathBuf};

use crossbeam::channel::{Receiver, Sender, bounded};
use serde::{Deserialize, Serialize};

use super::Prompt;
use crate::system::files;

/// Changes that may wait to be written; only the last one counts.
const CAPACITY: usize = 16;
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
    /// The prompts were read.
    Read(Vec<Prompt>),
    /// Something went wrong, for people.
    Failed(String),
}

/// The window's end of the thread that reads and writes the prompts, which ends with it.
#[derive(Debug)]
pub(crate) struct PromptStore {
    changes: Sender<Vec<Prompt>>,
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
        let (changes, waiting) = bounded(CAPACITY);
        std::thread::Builder::new()
            .name("prompt-store".to_owned())
            .spawn(move || work(&path, &waiting, &report))?;
        Ok(Self { changes })
    }

    /// Keeps the prompts; refused at once where too many changes wait.
    pub(crate) fn keep(&self, prompts: Vec<Prompt>) -> Option<StoreEvent> {
        let refused = self.changes.try_send(prompts).is_err();
        refused
            .then(|| StoreEvent::Failed("Your prompts could not be kept: try again in a moment".to_owned()))
    }
}

fn work(path: &Path, waiting: &Receiver<Vec<Prompt>>, report: &impl Fn(StoreEvent)) {
    report(match read(path) {
        Ok(prompts) => StoreEvent::Read(prompts),
        Err(error) => StoreEvent::Failed(error.to_string()),
    });
    while let Ok(first) = waiting.recv() {
        let latest = waiting.try_iter().last().unwrap_or(first);
        if let Err(error) = write(path, &latest) {
            report(StoreEvent::Failed(error.to_string()));
        }
    }
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
        let (sender, results) = bounded(4);
        let store = PromptStore::start(path.clone(), move |event| sender.send(event).unwrap()).unwrap();
        let first = results.recv_timeout(std::time::Duration::from_secs(20)).unwrap();
        assert!(matches!(first, StoreEvent::Read(read) if read == prompts()));
        for count in [1, 0] {
            assert!(store.keep(prompts()[..count].to_vec()).is_none());
        }
        drop(store);
        // The thread ends when it has written, and the channel with it.
        while results.recv().is_ok() {}
        assert_eq!(read(&path).unwrap(), []);
    }
}
