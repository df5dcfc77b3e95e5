//! Files that are there whole or not at all.
//!
//! What is written goes into a neighbour with another name first, which takes the final name once
//! all of it has reached the disk. Whatever ends the program or the machine meanwhile, under the
//! final name there is what was there before, or what was to be there.

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// A file on its way.
#[derive(Debug)]
pub(crate) struct Pending {
    path: PathBuf,
    temporary: PathBuf,
    done: bool,
}

impl Pending {
    /// Begins a file that is to be called `path`.
    ///
    /// # Errors
    /// Where the system does not let it be made.
    pub(crate) fn begin(path: &Path) -> io::Result<(Self, File)> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = path.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidFilename))?;
        // A link goes on pointing where it did.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}-{}.part", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
        let temporary = path.with_file_name(hidden);
        let file = File::options().write(true).read(true).create_new(true).open(&temporary)?;
        if let Ok(before) = fs::metadata(&path) {
            // The file stays as private as it was.
            let _ = file.set_permissions(before.permissions());
        }
        Ok((Self { path, temporary, done: false }, file))
    }

    /// Gives the file its name; `file` is what [`Self::begin`] gave.
    ///
    /// # Errors
    /// Where the disk is full or the name cannot be given.
    pub(crate) fn finish(mut self, file: File) -> io::Result<()> {
        file.sync_all()?;
        drop(file);
        fs::rename(&self.temporary, &self.path)?;
        self.done = true;
        if let Some(folder) = self.path.parent().filter(|_| cfg!(unix))
            && let Ok(folder) = File::open(folder)
        {
            // Some file systems have nothing to do for a folder, and say so.
            let _ = folder.sync_all();
        }
        Ok(())
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if !self.done {
            // Nobody can be told here.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// Writes a file whole.
///
/// # Errors
/// Where the system does not take it; what was there before is untouched then.
pub(crate) fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    write_with(path, |out| io::Write::write_all(out, content))
}

/// Writes a file whole without waiting for the disk: safe against the end of the program, not against
/// that of the machine. For what can be told to be damaged.
///
/// # Errors
/// As [`write()`].
pub(crate) fn write_soon(path: &Path, content: &[u8]) -> io::Result<()> {
    let (mut pending, mut file) = Pending::begin(path)?;
    io::Write::write_all(&mut file, content)?;
    fs::rename(&pending.temporary, &pending.path)?;
    pending.done = true;
    Ok(())
}

/// Gives a file that cannot be used another name beside it, which nothing has yet; returns that name.
///
/// # Errors
/// Where the system does not let it be renamed.
pub(crate) fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let name = |number: u32| {
        let mut name = path.as_os_str().to_owned();
        name.push(if number == 0 { ".broken".to_owned() } else { format!(".broken-{number}") });
        PathBuf::from(name)
    };
    let is_free = |name: &PathBuf| name.symlink_metadata().is_err();
    let free = (0..1000).map(name).find(is_free);
    let aside = free.ok_or_else(|| io::Error::from(io::ErrorKind::AlreadyExists))?;
    fs::rename(path, &aside)?;
    Ok(aside)
}

/// Writes a file whole, piece by piece.
///
/// # Errors
/// As [`write()`].
pub(crate) fn write_with(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    let (pending, file) = Pending::begin(path)?;
    let mut out = BufWriter::new(file);
    fill(&mut out)?;
    let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    pending.finish(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_leaves_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kept");
        write(&path, b"before").unwrap();
        let failed = write_with(&path, |out| {
            io::Write::write_all(out, &vec![7; 100_000])?;
            Err(io::Error::other("the disk is full"))
        });
        assert!(failed.is_err());
        assert_eq!(fs::read(&path).unwrap(), b"before");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no remains");
        write(&path, b"after").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"after");
        assert!(write(&folder.path().join("not/there"), b"").is_err());
    }

    #[test]
    fn what_is_set_aside_takes_no_others_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kept.json");
        for (content, name) in [("a", "kept.json.broken"), ("b", "kept.json.broken-1")] {
            fs::write(&path, content).unwrap();
            assert_eq!(set_aside(&path).unwrap(), folder.path().join(name));
        }
        assert_eq!(fs::read(folder.path().join("kept.json.broken")).unwrap(), b"a");
        assert!(set_aside(&path).is_err(), "there is none");
    }

    #[cfg(unix)]
    #[test]
    fn links_and_permissions_stay() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, b"before").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        write(&link, b"after").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&file).unwrap(), b"after");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
