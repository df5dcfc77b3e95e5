//! Whether a session file is as it was: another window may have written it since.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

/// How a file was when it was read or written: enough to tell whether it was written since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// Bytes in it.
    length: u64,
    /// When it was last written: seconds since 1970.
    seconds: u64,
    /// And the rest.
    nanoseconds: u32,
}

impl Stamp {
    /// How the file is now; `None` where there is none.
    pub fn of(path: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
        let modified = metadata.modified().ok()?.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let (seconds, nanoseconds) = (modified.as_secs(), modified.subsec_nanos());
        Some(Self { length: metadata.len(), seconds, nanoseconds })
    }
}

/// The session file of recovered work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedAs {
    /// Where it is.
    pub path: PathBuf,
    /// Whether it was written after this work was begun, so that the work must not take its place.
    pub is_newer: bool,
}

impl SavedAs {
    /// As the file is now; `stamp` tells how it was when the work was begun.
    pub(super) fn look(path: PathBuf, stamp: Option<Stamp>) -> Self {
        let is_newer = Stamp::of(&path).is_some_and(|now| Some(now) != stamp);
        Self { path, is_newer }
    }
}
