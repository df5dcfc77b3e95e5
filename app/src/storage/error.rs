//! What can go wrong with keeping work, in words for the user.

use std::io;
use std::path::{Path, PathBuf};

/// Why a file was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The system does not give the file.
    #[error("{} cannot be read: {source}", path.display())]
    Read {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The system does not take the file.
    #[error("{} cannot be written: {source}. What was there before is untouched", path.display())]
    Write {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is something else.
    #[error("{} is not a GLaMM session: {reason}", path.display())]
    NoSession {
        /// Which one.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The file comes from a later version of the program.
    #[error("{} was written by a newer version of the program (schema {found}, this one reads up to {known}): update the program", path.display())]
    Newer {
        /// Which one.
        path: PathBuf,
        /// The version of its schema.
        found: u32,
        /// The newest one that is known.
        known: u32,
    },
    /// Annotations of another program could not be understood.
    #[error("{} cannot be imported: {reason}", path.display())]
    Import {
        /// Which one.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

impl StorageError {
    /// For `map_err` on what reads `path`.
    pub(crate) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Read { path, source }
    }

    /// For `map_err` on what writes `path`.
    pub(crate) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Write { path, source }
    }
}
