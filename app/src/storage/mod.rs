//! Keeping work: session files, what is kept for recovery, recent files.
//!
//! A session file (`.glamm`) is a zip of JSON, masks and pictures: [`schema`] says what the JSON
//! means, `encode` and `decode` go from the document to it and back, [`save`] and [`open`] write and
//! read the file, `container` finds its parts and what is left of a damaged one. `autosave` keeps the
//! same parts in a folder while the program runs. All of it runs on threads of its own.

mod abandoned;
pub mod autosave;
mod container;
mod decode;
mod encode;
mod error;
mod images;
mod masks;
mod open;
mod recent;
pub mod recovery;
mod save;
pub mod schema;
mod snapshot;
mod stamp;
#[cfg(test)]
mod tests;
mod worker;

use std::path::Path;

pub use abandoned::Recoverable;
pub use error::StorageError;
pub(crate) use images::{encode_png, load_kept, pixels};
pub use open::{Opened, OpenedPicture, open, open_bytes};
pub use save::{SaveOptions, Saved, save};
pub use snapshot::{EditedQuestion, GoingOn, Snapshot, StoredImage, Unfinished};
pub use stamp::{SavedAs, Stamp};
pub use worker::{IfThere, PICTURE_EXTENSIONS, Storage, StorageEvent, StorageJob};

/// The ending of session files.
pub const SESSION_EXTENSION: &str = "glamm";

/// Whether a file is named like a session.
pub fn is_session(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(SESSION_EXTENSION))
}

/// Tries whether there can be a file of this name; leaves no trace.
///
/// # Errors
/// What the system says.
pub fn try_to_write(path: &Path) -> std::io::Result<()> {
    crate::system::files::Pending::begin(path).map(drop)
}
