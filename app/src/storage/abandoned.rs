//! What programs left that did not end as they should: see `recovery`.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::container::Container;
use super::schema::{PICTURE_ENTRY, SESSION_ENTRY, SessionFile};
use crate::system::files;

/// Locked for as long as the folder's program lives.
pub(super) const LOCK: &str = "lock";
/// In a folder whose content another one has taken over, or which is being removed.
pub(super) const SUPERSEDED: &str = "superseded";

/// What another program left that ended suddenly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recoverable {
    /// Its folder.
    pub folder: PathBuf,
    /// When it was last written.
    pub when: SystemTime,
    /// Pictures in it.
    pub pictures: usize,
}

/// What a program left that did not end as it should. Held by this one: no other sees it.
#[derive(Debug)]
pub(super) struct Abandoned {
    path: PathBuf,
    _lock: File,
    /// When it was last written.
    pub(super) when: SystemTime,
    /// Pictures in it.
    pub(super) pictures: usize,
}

impl Abandoned {
    /// The folder, for [`super::open()`].
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Says that its content is kept elsewhere now: should this program end suddenly too, it is not
    /// offered again.
    pub(super) fn supersede(&self) {
        let _ = files::write(&self.path.join(SUPERSEDED), b"");
    }

    /// Removes it.
    pub(super) fn delete(self) {
        remove(&self.path);
    }
}

/// Everything that was left below `root`, the newest first. What has no work in it is removed; what cannot
/// be read now is work.
pub(super) fn abandoned(root: &Path) -> Vec<Abandoned> {
    let Ok(folders) = fs::read_dir(root) else { return Vec::new() };
    let mut found: Vec<Abandoned> = folders.flatten().filter_map(|folder| adopt(&folder.path())).collect();
    found.sort_by_key(|abandoned| std::cmp::Reverse(abandoned.when));
    found
}

fn adopt(path: &Path) -> Option<Abandoned> {
    if !fs::symlink_metadata(path).ok()?.is_dir() {
        return None;
    }
    // A folder without a lock is just being made, or is none of ours.
    let lock = File::open(path.join(LOCK)).ok()?;
    lock.try_lock().ok()?;
    let Some(pictures) = work_in(path).filter(|_| !path.join(SUPERSEDED).exists()) else {
        remove(path);
        return None;
    };
    let modified = |part: &str| fs::metadata(path.join(part)).and_then(|found| found.modified()).ok();
    let newest = pictures.iter().filter_map(|folder| modified(&format!("{folder}/{PICTURE_ENTRY}")));
    let when = newest.chain(modified(SESSION_ENTRY)).max().or_else(|| modified(LOCK))?;
    Some(Abandoned { path: path.to_owned(), _lock: lock, when, pictures: pictures.len() })
}

/// Folders of the pictures in a folder that was left, by its index or else by what lies there; `None` where
/// it has neither index nor pictures.
fn work_in(path: &Path) -> Option<Vec<String>> {
    let ending = format!("/{PICTURE_ENTRY}");
    let parts = Container::open(path).map_or(Vec::new(), |container| container.names_ending(&ending));
    let found: Vec<String> =
        parts.iter().filter_map(|part| part.strip_suffix(&ending)).map(str::to_owned).collect();
    let index = fs::read(path.join(SESSION_ENTRY));
    let is_there = !matches!(&index, Err(error) if error.kind() == io::ErrorKind::NotFound);
    let listed = index.ok().and_then(|bytes| serde_json::from_slice::<SessionFile>(&bytes).ok());
    match listed {
        Some(index) if !index.pictures.is_empty() => Some(index.pictures),
        Some(_) => (!found.is_empty()).then_some(found),
        None => (is_there || !found.is_empty()).then_some(found),
    }
}

/// Removes a folder so that no half of it is ever offered.
pub(super) fn remove(path: &Path) {
    let _ = fs::write(path.join(SUPERSEDED), b"");
    let _ = fs::remove_file(path.join(SESSION_ENTRY));
    let _ = fs::remove_dir_all(path);
}
