//! Files that others wrote: ordinary ones alone, and of small ones, such as configurations, no more than such
//! files have.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _};
use std::path::Path;

/// What Linux calls a network file system whose server keeps no locks.
const ENOLCK: i32 = 37;

/// Configurations, vocabularies and indexes are far smaller; a larger file is some other one.
pub(crate) const LIMIT: u64 = 64 << 20;

/// Opens a file, of any length.
///
/// # Errors
/// The system's; [`io::ErrorKind::InvalidInput`] for what is no file: opening a pipe may wait for ever.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no file"));
    }
    File::open(path)
}

/// Takes the lock of a file, held until it is closed; `false` where somebody else holds it. Some network file
/// systems have no locks: there everybody gets it.
///
/// # Errors
/// The system's.
pub(crate) fn try_lock(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) if has_no_locks(&error) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Whether the file system says that it has no locks.
fn has_no_locks(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Unsupported
        || cfg!(target_os = "linux") && error.raw_os_error() == Some(ENOLCK)
}

/// All of a file that has `limit` bytes at most.
///
/// # Errors
/// As [`open`]; [`io::ErrorKind::FileTooLarge`] where it is longer.
pub(crate) fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}

/// The same for text.
///
/// # Errors
/// As [`read`]; [`io::ErrorKind::InvalidData`] where it is not UTF-8.
pub(crate) fn read_text(path: &Path, limit: u64) -> io::Result<String> {
    String::from_utf8(read(path, limit)?).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::allocating;

    #[cfg(unix)]
    #[test]
    fn pipes_are_not_waited_for() {
        let scratch = tempfile::tempdir().unwrap();
        let pipe = scratch.path().join("model.safetensors");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert_eq!(open(&pipe).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert_eq!(read(&pipe, 2).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn no_more_is_read_than_a_small_file_has() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("config.json");
        fs::write(&path, "{}").unwrap();
        assert_eq!(read_text(&path, 2).unwrap(), "{}");
        File::options().write(true).open(&path).unwrap().set_len(1 << 40).unwrap();
        let (result, taken) = allocating(|| read(&path, 1 << 10));
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert!(taken < 1 << 13, "{taken} bytes");
        assert_eq!(read(scratch.path(), 2).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert!(read(&scratch.path().join("none"), 2).is_err());
    }
}
