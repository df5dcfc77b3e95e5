//! What the user made: pictures, the boxes drawn on them, and the conversations about them.
//!
//! Pure data, used by `update` (which changes it through [`History`]) and by the panels (which read
//! it). Nothing here knows of the window, of threads or of textures; pixels live in the session and
//! are named by [`ImageId`]. A [`Document`] is never changed in place: an [`Edit`] makes a new one,
//! which shares all unchanged parts with the old one.

mod edit;
mod history;
mod question;
mod region;
mod reply;

use std::path::PathBuf;
use std::sync::Arc;

use glamm_engine::protocol::{FinishReason, ImageId, JobStats, Reply};
use glamm_engine::vision::MaskLogits;

pub use edit::{Edit, EditError};
pub use history::{History, Step};
pub(crate) use question::bracketed;
pub use question::{Piece, Question};
pub use region::{Region, RegionEdit, RegionTag};
pub use reply::{Segment, segments};

/// Names one mask for as long as the program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MaskId(pub u64);

/// A mask of a reply.
#[derive(Debug, Clone, PartialEq)]
pub struct GroundedMask {
    /// Its name.
    pub id: MaskId,
    /// What the pixel decoder said.
    pub logits: Arc<MaskLogits>,
    /// Share of the picture it covers, 0 to 1; what decides which of two masks is on top.
    pub coverage: f32,
}

/// A question and its finished reply.
#[derive(Debug, Clone, PartialEq)]
pub struct Exchange {
    /// What was asked.
    pub question: Question,
    /// What the model said.
    pub reply: Reply,
    /// One entry for each of [`Reply::groundings`]; `None` where the reply was stopped before the
    /// mask was computed.
    pub masks: Vec<Option<GroundedMask>>,
    /// Place in the palette of the first grounding; the others follow.
    pub first_hue: usize,
    /// Why the reply ended.
    pub reason: FinishReason,
    /// What it cost.
    pub stats: JobStats,
}

/// Where a picture came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A file.
    File(PathBuf),
    /// The procedural picture world.
    Scene {
        /// What the scene was made from.
        seed: u64,
    },
    /// The clipboard.
    Clipboard,
}

/// One picture and everything that was drawn on it and said about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// Its name in commands and events.
    pub id: ImageId,
    /// For people.
    pub name: String,
    /// Where it came from.
    pub origin: Origin,
    /// Width and height in pixels.
    pub size: (u32, u32),
    /// In the order they were drawn.
    pub regions: Vec<Region>,
    /// The conversation, oldest first.
    pub exchanges: Vec<Arc<Exchange>>,
}

impl Picture {
    /// A picture nobody has drawn on or asked about.
    pub fn new(id: ImageId, name: String, origin: Origin, size: (u32, u32)) -> Self {
        Self { id, name, origin, size, regions: Vec::new(), exchanges: Vec::new() }
    }

    /// The region with this tag.
    pub fn region(&self, tag: RegionTag) -> Option<&Region> {
        self.regions.iter().find(|r| r.tag == tag)
    }

    /// The smallest number that no region has.
    pub fn free_tag(&self) -> RegionTag {
        let mut number = 1;
        while self.region(RegionTag(number)).is_some() {
            number += 1;
        }
        RegionTag(number)
    }

    /// Where the palette goes on with the next reply.
    pub fn next_hue(&self) -> usize {
        self.exchanges.last().map_or(0, |e| e.first_hue + e.reply.groundings.len())
    }
}

/// Everything that is open.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Document {
    pictures: Vec<Arc<Picture>>,
}

impl Document {
    /// All pictures, in the order of the filmstrip.
    pub fn pictures(&self) -> &[Arc<Picture>] {
        &self.pictures
    }

    /// The picture with this name.
    pub fn picture(&self, id: ImageId) -> Option<&Arc<Picture>> {
        self.pictures.iter().find(|p| p.id == id)
    }
}
