//! All there is to keep at one moment, handed from the window's thread to those that write.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use glamm_engine::protocol::ImageId;

use super::stamp::Stamp;
use crate::document::{ConversationId, Document, Exchange, ExchangeId, Picture};
use crate::pictures::pixels::Pixels;

/// Where a picture itself lies in a session file or recovery folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredImage {
    /// The session file or folder.
    pub container: PathBuf,
    /// The part of it.
    pub part: String,
    /// CRC-32 of its bytes, where it lies in a file: another program may write that anew, and its parts are
    /// named otherwise then.
    pub checksum: Option<u32>,
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

/// What the user is at, beside the drafts of the pictures; `P` is how a picture is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoingOn<P> {
    /// A question that is being written in other words.
    pub edited: Option<EditedQuestion<P>>,
    /// The question for all pictures that is being written.
    pub question_for_all: Option<String>,
    /// One question that is being put to all pictures, and those still to be asked about.
    pub run: Option<(String, Vec<P>)>,
}

impl<P> Default for GoingOn<P> {
    fn default() -> Self {
        Self { edited: None, question_for_all: None, run: None }
    }
}

impl<P> GoingOn<P> {
    /// Whether there is none of it.
    pub fn is_nothing(&self) -> bool {
        self.edited.is_none() && self.question_for_all.is_none() && self.run.is_none()
    }
}

/// A question that is being written in other words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditedQuestion<P> {
    /// Its picture.
    pub picture: P,
    /// Its conversation.
    pub conversation: ConversationId,
    /// Which one.
    pub exchange: ExchangeId,
    /// What it says now.
    pub text: String,
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
    /// What the user is at.
    pub going_on: GoingOn<ImageId>,
    /// Pictures that were closed, and of which the only copy may be the one in `stored`: closing can be
    /// undone.
    pub closed: Vec<Arc<Picture>>,
    /// Pixels of the pictures that are in memory.
    pub pixels: HashMap<ImageId, Arc<Pixels>>,
    /// Pictures that lie in a session file already.
    pub stored: HashMap<ImageId, StoredImage>,
    /// The session file, where there is one.
    pub saved_as: Option<PathBuf>,
    /// How that file was when it was last read or written.
    pub saved_stamp: Option<Stamp>,
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
