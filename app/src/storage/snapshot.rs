//! All there is to keep at one moment, handed from the window's thread to those that write.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use glamm_engine::protocol::ImageId;

use crate::document::{ConversationId, Document, Exchange};
use crate::pixels::Pixels;

/// Where a picture itself lies in a session file or recovery folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredImage {
    /// The session file or folder.
    pub container: PathBuf,
    /// The part of it.
    pub part: String,
}

/// A reply on its way.
#[derive(Debug, Clone, PartialEq)]
pub struct Unfinished {
    /// About which picture.
    pub image: ImageId,
    /// In which conversation.
    pub conversation: ConversationId,
    /// As if it had been stopped here.
    pub exchange: Arc<Exchange>,
}

/// What is kept. Its parts are shared with the window, so that one costs next to nothing.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// What the user made.
    pub document: Document,
    /// The picture on the canvas.
    pub current: Option<ImageId>,
    /// Questions being written.
    pub drafts: HashMap<ImageId, String>,
    /// The conversations that are shown.
    pub conversations: HashMap<ImageId, ConversationId>,
    /// The reply on its way, as far as it has come.
    pub unfinished: Option<Unfinished>,
    /// Pixels of the pictures that are in memory.
    pub pixels: HashMap<ImageId, Arc<Pixels>>,
    /// Pictures that lie in a session file already.
    pub stored: HashMap<ImageId, StoredImage>,
    /// The session file, where there is one.
    pub saved_as: Option<PathBuf>,
    /// Folders of other programs whose content is in here.
    pub recovered_from: Vec<PathBuf>,
}

impl Snapshot {
    /// The draft about a picture.
    pub(super) fn draft(&self, image: ImageId) -> &str {
        self.drafts.get(&image).map_or("", String::as_str)
    }

    /// The reply on its way about a picture.
    pub(super) fn unfinished(&self, image: ImageId) -> Option<&Unfinished> {
        self.unfinished.as_ref().filter(|unfinished| unfinished.image == image)
    }
}
