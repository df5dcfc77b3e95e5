//! Writing into the cache: locks, blobs, links, references, and taking them away again.
//!
//! Whatever happens at whatever moment, the cache stays one that every reader of it understands: a
//! blob gets its name once it is whole and checked, a file of a snapshot is put there in one step,
//! and a branch is moved to a version when all of that version's files are here.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::cache::{Repository, Snapshot, commit_in, entries};
use super::client::RemoteFile;
use super::control::DownloadControl;
use super::error::HubError;
use super::name::FileName;
use crate::files;

/// How often a lock that somebody else holds is tried again.
const LOCK_INTERVAL: Duration = Duration::from_millis(100);
/// What Windows says of links to who may not make them.
const PRIVILEGE_NOT_HELD: i32 = 1314;

/// Held while a blob is written, across threads and processes; the `huggingface_hub` package takes
/// the same one. Given back when dropped.
#[derive(Debug)]
pub(super) struct BlobLock(#[expect(dead_code, reason = "held, not read")] File);

/// Takes the lock of a blob. Where somebody else has it, `report` is told once, and it is waited for.
///
/// # Errors
/// The lock's file cannot be made; [`HubError::Cancelled`].
pub(super) fn lock(
    repository: &Repository,
    etag: &str,
    control: &DownloadControl,
    mut report: impl FnMut(),
) -> Result<BlobLock, HubError> {
    make_directory(repository.locks())?;
    let path = repository.lock(etag);
    let file = open_lock(&path)?;
    let mut told = false;
    loop {
        // Where two get it, because there are no locks: what is written is checked anyway.
        if files::try_lock(&file).map_err(HubError::file("lock", path.clone()))? {
            return Ok(BlobLock(file));
        }
        if !told {
            told = true;
            report();
        }
        control.sleep(LOCK_INTERVAL)?;
        if control.is_paused() {
            std::thread::sleep(LOCK_INTERVAL);
        }
    }
}

fn open_lock(path: &Path) -> Result<File, HubError> {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    options.open(path).map_err(HubError::file("write", path))
}

/// Makes a directory with all above it.
///
/// # Errors
/// The system refuses.
pub(super) fn make_directory(path: &Path) -> Result<(), HubError> {
    fs::create_dir_all(path).map_err(HubError::file("make", path))
}

/// What is here of a file: its size if it is whole, what was fetched of it otherwise.
pub(super) fn bytes_here(repository: &Repository, commit: &str, file: &RemoteFile) -> u64 {
    if has_blob(repository, file) || is_size(&repository.snapshot(commit).file(&file.name), file.size) {
        return file.size;
    }
    let partial = fs::metadata(repository.incomplete(file.checksum.as_str()));
    partial.map_or(0, |partial| partial.len().min(file.size))
}

/// Whether the blob is here. One of another size is damaged, and counts as absent.
pub(super) fn has_blob(repository: &Repository, file: &RemoteFile) -> bool {
    is_size(&repository.blob(file.checksum.as_str()), file.size)
}

/// Whether there is a file of this size, also through links.
pub(super) fn is_size(path: &Path, size: u64) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_file() && found.len() == size)
}

/// Puts a file whose blob is here into a snapshot.
///
/// # Errors
/// The system refuses.
pub(super) fn link(repository: &Repository, commit: &str, file: &RemoteFile) -> Result<(), HubError> {
    link_with(repository, commit, file, symlink)
}

/// [`link`] with the system's way of making links, which not all systems have.
fn link_with(
    repository: &Repository,
    commit: &str,
    file: &RemoteFile,
    symlink: fn(&Path, &Path) -> io::Result<()>,
) -> Result<(), HubError> {
    let pointer = repository.snapshot(commit).file(&file.name);
    if is_size(&pointer, file.size) {
        return Ok(());
    }
    if let Some(parent) = pointer.parent() {
        make_directory(parent)?;
    }
    let etag = file.checksum.as_str();
    // Joined part by part: Windows follows links with its own separators only.
    let mut target: PathBuf = std::iter::repeat_n("..", 2 + file.name.depth()).collect();
    target.extend(["blobs", etag]);
    let fresh = beside(&pointer);
    // What an earlier attempt may have left.
    remove_file(&fresh)?;
    let made = match symlink(&target, &fresh) {
        Ok(()) => fresh,
        // Where there are no links, the file itself stands in the snapshot.
        Err(error) if has_no_links(&error) => repository.blob(etag),
        Err(error) => return Err(HubError::file("link", &pointer)(error)),
    };
    fs::rename(made, &pointer).map_err(HubError::file("write", &pointer))
}

/// Whether the system has no links for us, and will not have them the next time.
fn has_no_links(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied)
        || cfg!(windows) && error.raw_os_error() == Some(PRIVILEGE_NOT_HELD)
}

#[cfg(unix)]
fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

#[cfg(windows)]
fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_file(target, link)
}

/// A name that only this process uses, in the same directory.
fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}.tmp", std::process::id()))
}

/// Writes down which commit a branch or tag is at. A commit needs no such note.
///
/// # Errors
/// The system refuses.
pub(super) fn set_reference(
    repository: &Repository,
    revision: &FileName,
    commit: &str,
) -> Result<(), HubError> {
    if revision.as_str() == commit {
        return Ok(());
    }
    let path = repository.reference(revision);
    // A cache that cannot be written to is good as it is.
    if repository.commit_of(revision).is_some_and(|present| present == commit) {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        make_directory(parent)?;
    }
    let fresh = beside(&path);
    fs::write(&fresh, commit).map_err(HubError::file("write", &fresh))?;
    fs::rename(&fresh, &path).map_err(HubError::file("write", &path))
}

/// Bytes free for the cache in `directory`, which need not exist yet; `None` where nobody knows.
pub fn free_space(directory: &Path) -> Option<u64> {
    let existing = directory.ancestors().find(|path| path.is_dir())?;
    fs4::available_space(existing).ok()
}

/// What taking something away brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freed {
    /// On the disk.
    pub bytes: u64,
    /// Blobs that are gone.
    pub blobs: usize,
}

/// Takes a repository out of the cache: all of it, or one version and what only that version uses.
///
/// # Errors
/// [`HubError::NotHere`], [`HubError::Busy`] while some of it is being fetched, or the system refuses.
pub fn remove(repository: &Repository, revision: Option<&FileName>) -> Result<Freed, HubError> {
    if !repository.root().is_dir() {
        return Err(HubError::NotHere { what: repository.id().to_string() });
    }
    let locks = lock_all(repository)?;
    let freed = match revision {
        Some(revision) => remove_version(repository, revision)?,
        None => remove_all(repository)?,
    };
    // The empty files stay: whoever waits for one of them, and whoever comes after, must wait for the same.
    drop(locks);
    Ok(freed)
}

/// Takes the lock of every blob, whole or not.
fn lock_all(repository: &Repository) -> Result<Vec<File>, HubError> {
    let mut locks = Vec::new();
    for entry in entries(repository.locks()) {
        let file = open_lock(&entry.path())?;
        match files::try_lock(&file) {
            Ok(true) => locks.push(file),
            Ok(false) => return Err(HubError::Busy { repository: repository.id().to_string() }),
            Err(_) => {}
        }
    }
    Ok(locks)
}

fn remove_all(repository: &Repository) -> Result<Freed, HubError> {
    let mut freed = Freed { bytes: 0, blobs: 0 };
    for blob in entries(&repository.root().join("blobs")) {
        freed.bytes += own_size(&blob.path());
        freed.blobs += 1;
    }
    for snapshot in repository.snapshots() {
        freed.bytes += files_below(&snapshot.path).iter().map(|file| own_size(file)).sum::<u64>();
    }
    fs::remove_dir_all(repository.root()).map_err(HubError::file("remove", repository.root()))?;
    Ok(freed)
}

fn remove_version(repository: &Repository, revision: &FileName) -> Result<Freed, HubError> {
    let missing = || HubError::NotHere { what: format!("{} at {revision}", repository.id()) };
    let gone: Snapshot = repository.resolve(revision).ok_or_else(missing)?;
    let mut freed = Freed { bytes: 0, blobs: 0 };
    let (mut used, mut unused) = (HashSet::new(), HashSet::new());
    for snapshot in repository.snapshots() {
        let blobs = files_below(&snapshot.path).into_iter().filter_map(|file| blob_of(&file));
        if snapshot.commit == gone.commit { unused.extend(blobs) } else { used.extend(blobs) }
    }
    for reference in files_below(&repository.root().join("refs")) {
        if commit_in(&reference).is_some_and(|commit| commit == gone.commit) {
            remove_file(&reference)?;
        }
    }
    // The folder first: a blob whose link is gone does no harm, a link without its blob would.
    freed.bytes += files_below(&gone.path).iter().map(|file| own_size(file)).sum::<u64>();
    fs::remove_dir_all(&gone.path).map_err(HubError::file("remove", &gone.path))?;
    for name in unused.difference(&used) {
        let blob = repository.blob(name);
        freed.bytes += own_size(&blob);
        freed.blobs += 1;
        remove_file(&blob)?;
    }
    Ok(freed)
}

/// The name of the blob that a file of a snapshot is a link to.
fn blob_of(file: &Path) -> Option<String> {
    let target = fs::read_link(file).ok()?;
    let is_blob = target.parent()?.file_name()? == "blobs";
    is_blob.then(|| target.file_name()?.to_str().map(str::to_owned)).flatten()
}

/// All files and links below a directory; links to directories are not followed.
fn files_below(directory: &Path) -> Vec<PathBuf> {
    let (mut files, mut directories) = (Vec::new(), vec![directory.to_owned()]);
    while let Some(next) = directories.pop() {
        for entry in entries(&next) {
            let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_directory { directories.push(entry.path()) } else { files.push(entry.path()) }
        }
    }
    files
}

/// Of a file itself; a link takes no room.
fn own_size(path: &Path) -> u64 {
    fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file).map_or(0, |found| found.len())
}

/// Removes a file or link that may be gone already.
///
/// # Errors
/// The system refuses.
pub(super) fn remove_file(path: &Path) -> Result<(), HubError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(HubError::file("remove", path)(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::checksum::Checksum;
    use crate::hub::{HubCache, RepoId};

    fn commit(digit: char) -> String {
        digit.to_string().repeat(40)
    }

    fn repository(root: &Path) -> Repository {
        HubCache::at(root).repository(&RepoId::parse("a/b").unwrap())
    }

    fn file(name: &str, digit: char, size: u64) -> RemoteFile {
        let checksum = Checksum::from_etag(&digit.to_string().repeat(64)).unwrap();
        RemoteFile { name: FileName::parse(name).unwrap(), size, checksum }
    }

    /// A blob of `x`, and a link to it in each of the versions.
    fn put(repository: &Repository, commits: &[&str], file: &RemoteFile) {
        let blob = repository.blob(file.checksum.as_str());
        make_directory(blob.parent().unwrap()).unwrap();
        fs::write(&blob, vec![b'x'; file.size as usize]).unwrap();
        for commit in commits {
            link(repository, commit, file).unwrap();
        }
    }

    #[test]
    fn links_are_relative_and_lead_to_the_blob() {
        let scratch = tempfile::tempdir().unwrap();
        let (repository, one) = (repository(&scratch.path().join("old")), commit('1'));
        for found in [file("config.json", 'a', 3), file("clip/x/model.bin", 'b', 5)] {
            put(&repository, &[&one, &one], &found);
        }
        // A cache may be moved as a whole.
        fs::rename(scratch.path().join("old"), scratch.path().join("new")).unwrap();
        let snapshot = self::repository(&scratch.path().join("new")).snapshot(&one);
        assert_eq!(fs::read(snapshot.path.join("config.json")).unwrap(), b"xxx");
        assert_eq!(fs::read(snapshot.path.join("clip/x/model.bin")).unwrap(), b"xxxxx");
        assert_eq!(files_below(&snapshot.path).len(), 2, "nothing else is left there");
    }

    #[test]
    fn without_links_the_file_itself_is_put_there() {
        let scratch = tempfile::tempdir().unwrap();
        let (repository, one, found) = (repository(scratch.path()), commit('1'), file("clip/a.bin", 'a', 4));
        put(&repository, &[], &found);
        let refused = |_: &Path, _: &Path| Err(io::ErrorKind::PermissionDenied.into());
        link_with(&repository, &one, &found, refused).unwrap();
        assert!(fs::symlink_metadata(repository.snapshot(&one).file(&found.name)).unwrap().is_file());
        assert_eq!(bytes_here(&repository, &one, &found), 4, "and is found there");
        link_with(&repository, &one, &found, refused).unwrap();
        assert_eq!(remove(&repository, None).unwrap().bytes, 4);
    }

    #[test]
    fn a_link_that_fails_for_another_reason_is_an_error_and_moves_nothing() {
        let scratch = tempfile::tempdir().unwrap();
        let (repository, one, found) = (repository(scratch.path()), commit('1'), file("a.bin", 'a', 4));
        put(&repository, &[], &found);
        let full = |_: &Path, _: &Path| Err(io::ErrorKind::StorageFull.into());
        assert!(link_with(&repository, &one, &found, full).is_err());
        assert!(has_blob(&repository, &found));
        link(&repository, &one, &found).unwrap();
    }

    #[test]
    #[cfg(unix)]
    fn a_reference_that_is_right_is_not_written_again() {
        use std::os::unix::fs::MetadataExt as _;
        let scratch = tempfile::tempdir().unwrap();
        let (repository, main) = (repository(scratch.path()), FileName::parse("main").unwrap());
        let written = |digit| {
            set_reference(&repository, &main, &commit(digit)).unwrap();
            fs::metadata(repository.reference(&main)).unwrap().ino()
        };
        let first = written('1');
        assert_eq!(written('1'), first, "it may lie where nothing can be written");
        written('2');
        assert_eq!(fs::read_to_string(repository.reference(&main)).unwrap(), commit('2'));
    }

    #[test]
    fn one_lock_has_one_holder_also_after_a_removal() {
        let scratch = tempfile::tempdir().unwrap();
        let (repository, found) = (repository(scratch.path()), file("s", 'a', 10));
        let control = DownloadControl::default();
        put(&repository, &[&commit('1')], &found);
        let take = || lock(&repository, found.checksum.as_str(), &control, || control.cancel());
        drop(take().unwrap());
        // Somebody opened the lock's file before the removal, and holds it afterwards.
        let early = open_lock(&repository.lock(found.checksum.as_str())).unwrap();
        remove(&repository, None).unwrap();
        early.lock().unwrap();
        assert!(matches!(take(), Err(HubError::Cancelled)), "there are two holders");
    }

    #[test]
    fn removing_a_version_keeps_what_others_use() {
        let scratch = tempfile::tempdir().unwrap();
        let repository = repository(scratch.path());
        let (old, new) = (commit('1'), commit('2'));
        let (shared, only_old, only_new) = (file("s", 'a', 10), file("o", 'b', 20), file("n", 'c', 40));
        put(&repository, &[&old, &new], &shared);
        put(&repository, &[&old], &only_old);
        put(&repository, &[&new], &only_new);
        let main = FileName::parse("main").unwrap();
        set_reference(&repository, &main, &old).unwrap();

        assert_eq!(remove(&repository, Some(&main)).unwrap(), Freed { bytes: 20, blobs: 1 });
        assert_eq!(repository.resolve(&main), None);
        assert!(has_blob(&repository, &shared) && has_blob(&repository, &only_new));
        assert!(is_size(&repository.snapshot(&new).file(&shared.name), 10));
        assert!(matches!(remove(&repository, Some(&main)), Err(HubError::NotHere { .. })));
        assert_eq!(remove(&repository, None).unwrap(), Freed { bytes: 50, blobs: 2 });
        assert!(matches!(remove(&repository, None), Err(HubError::NotHere { .. })));
    }

    #[test]
    fn what_is_being_fetched_is_not_removed() {
        let scratch = tempfile::tempdir().unwrap();
        let (repository, found) = (repository(scratch.path()), file("s", 'a', 10));
        put(&repository, &[&commit('1')], &found);
        let control = DownloadControl::default();
        let held = lock(&repository, "x", &control, || panic!("nobody has it")).unwrap();
        assert!(matches!(remove(&repository, None), Err(HubError::Busy { .. })));
        assert!(has_blob(&repository, &found));
        let mut told = 0;
        let other = control.clone();
        let waited = lock(&repository, "x", &control, || {
            told += 1;
            other.cancel();
        });
        assert!(matches!(waited, Err(HubError::Cancelled)) && told == 1);
        drop(held);
        assert!(remove(&repository, None).is_ok());
    }

    #[test]
    fn a_blob_of_another_size_counts_as_absent() {
        let scratch = tempfile::tempdir().unwrap();
        let (repository, one, found) = (repository(scratch.path()), commit('1'), file("s", 'a', 10));
        put(&repository, &[&one], &found);
        assert_eq!(bytes_here(&repository, &one, &found), 10);
        fs::write(repository.blob(found.checksum.as_str()), "short").unwrap();
        assert_eq!(bytes_here(&repository, &one, &found), 0);
        fs::write(repository.incomplete(found.checksum.as_str()), "123").unwrap();
        assert_eq!(bytes_here(&repository, &one, &found), 3);
    }
}
