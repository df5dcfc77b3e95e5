//! Pictures on their way to the canvas: where they come from, the threads that make them ready, and the
//! pixels that come of it.

pub(crate) mod loader;
pub mod pixels;
mod preview;

use std::path::PathBuf;
use std::sync::Arc;

use crate::document::Origin;
use crate::storage::StoredImage;

pub use loader::LoaderEvent;

/// Where the loader finds a picture.
#[derive(Debug, Clone)]
pub enum Source {
    /// In a file.
    File(PathBuf),
    /// In the procedural picture world.
    Scene(u64),
    /// On the clipboard.
    Clipboard,
    /// Pasted already.
    Pasted(Arc<egui::ColorImage>),
    /// In a session, or else where it came from.
    Kept {
        /// Its copy in the session.
        stored: Option<StoredImage>,
        /// Where it came from.
        origin: Origin,
    },
}
