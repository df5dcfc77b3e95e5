//! What the user made: pictures, the boxes drawn on them, and the conversations about them.
//!
//! Pure data, used by `update` (which changes it through [`History`]) and by the panels (which read
//! it). Nothing here knows of the window, of threads or of textures; pixels live in the session and
//! are named by [`ImageId`]. A [`Document`] is never changed in place: an [`Edit`] makes a new one,
//! which shares all unchanged parts with the old one.
//!
//! All of it is kept in session files: a field that is new here must be carried in
//! `storage::schema`. `storage::encode` does not compile before it is.

mod conversation;
mod edit;
mod history;
mod mask;
mod phrases;
mod question;
mod region;
mod reply;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use glamm_engine::protocol::ImageId;
use glamm_engine::vision::PixelBox;

pub use conversation::{Conversation, ConversationEdit, ConversationId, Exchange, ExchangeId, Settings};
pub use edit::{Edit, EditError};
pub use history::{History, Step};
pub use mask::{EditedMask, GroundedMask, MaskEdit, MaskId, MaskSource};
pub(crate) use question::bracketed;
pub use question::{Piece, Question};
pub use region::{Region, RegionEdit, RegionTag};
pub use reply::{Segment, segments};

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

impl Origin {
    /// The file, if it is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Scene { .. } | Self::Clipboard => None,
        }
    }
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
    /// What was said about it, in the order it was begun; there is always one conversation at least.
    pub conversations: Vec<Arc<Conversation>>,
    /// Masks that belong to no reply, oldest first: of clicks and boxes, of regions, from files.
    pub masks: Vec<GroundedMask>,
}

impl Picture {
    /// A picture nobody has drawn on or asked about.
    pub fn new(id: ImageId, name: String, origin: Origin, size: (u32, u32)) -> Self {
        let first = Conversation::new(ConversationId(1), Settings::default());
        let conversations = vec![Arc::new(first)];
        Self { id, name, origin, size, regions: Vec::new(), conversations, masks: Vec::new() }
    }

    /// The region with this tag.
    pub fn region(&self, tag: RegionTag) -> Option<&Region> {
        self.regions.iter().find(|r| r.tag == tag)
    }

    /// The smallest number that no region has.
    pub fn free_tag(&self) -> RegionTag {
        self.free_tags().next().unwrap_or(RegionTag(u32::MAX))
    }

    /// The numbers that no region has, from the smallest on.
    fn free_tags(&self) -> impl Iterator<Item = RegionTag> + use<> {
        let used: HashSet<RegionTag> = self.regions.iter().map(|region| region.tag).collect();
        (1..).map(RegionTag).filter(move |tag| !used.contains(tag))
    }

    /// Draws a region.
    fn add_region(&mut self, tag: RegionTag, bounds: PixelBox, name: &str) -> Result<(), EditError> {
        let region = Region::new(tag, region::usable(bounds, self.size)?);
        self.regions.push(Region { name: region::short_name(name), ..region });
        Ok(())
    }

    /// Adds a mask that belongs to no reply. Without a colour it gets the next one.
    fn add_mask(&mut self, mask: &GroundedMask) -> Result<(), EditError> {
        if mask.size() != self.size {
            return Err(EditError::UnknownMask);
        }
        let hue = mask.hue.or(Some(self.next_mask_hue()));
        self.masks.push(GroundedMask { hue, ..mask.clone() });
        Ok(())
    }

    /// Whether something was made of it: it was not looked at alone.
    pub fn is_touched(&self) -> bool {
        let usual = Settings::default();
        let is_prepared = |c: &Arc<Conversation>| !c.title.is_empty() || c.settings != usual;
        !self.regions.is_empty()
            || !self.masks.is_empty()
            || self.conversations.len() > 1
            || self.conversations.iter().any(is_prepared)
            || self.is_talked_about()
    }

    /// The conversation with this name.
    pub fn conversation(&self, id: ConversationId) -> Option<&Arc<Conversation>> {
        self.conversations.iter().find(|c| c.id == id)
    }

    /// The name of the next conversation.
    pub fn free_conversation(&self) -> ConversationId {
        ConversationId(self.conversations.iter().map(|c| c.id.0).max().unwrap_or(0).saturating_add(1))
    }

    /// Changes every mask, of every branch of every conversation.
    pub(crate) fn for_each_mask(&mut self, mut change: impl FnMut(&mut GroundedMask)) {
        for conversation in &mut self.conversations {
            Arc::make_mut(conversation).for_each_mask(&mut change);
        }
        self.masks.iter_mut().for_each(change);
    }

    /// Whether anything was said about it.
    pub fn is_talked_about(&self) -> bool {
        self.conversations.iter().any(|c| !c.is_empty())
    }

    /// All masks: of every branch of every conversation, then those by themselves.
    pub fn all_masks(&self) -> impl Iterator<Item = &GroundedMask> {
        let exchanges = self.conversations.iter().flat_map(|conversation| conversation.exchanges());
        let of_replies = exchanges.flat_map(|exchange| exchange.masks.iter().flatten());
        of_replies.chain(&self.masks)
    }

    /// The mask with this name, of a reply or by itself.
    pub fn mask(&self, id: MaskId) -> Option<&GroundedMask> {
        self.all_masks().find(|mask| mask.id == id)
    }

    /// The same, to be changed; the conversation it belongs to is no longer shared with other
    /// documents.
    fn mask_mut(&mut self, id: MaskId) -> Option<&mut GroundedMask> {
        let is_it = |conversation: &Arc<Conversation>| conversation.mask(id).is_some();
        if let Some(at) = self.conversations.iter().position(is_it) {
            return Arc::make_mut(&mut self.conversations[at]).mask_mut(id);
        }
        self.masks.iter_mut().find(|mask| mask.id == id)
    }

    /// Where the palette goes on with the next mask that belongs to no reply.
    fn next_mask_hue(&self) -> usize {
        let replies = self.conversations.iter().map(|c| c.hue_after(c.head()));
        let masks = self.masks.iter().filter_map(|mask| mask.hue).map(|hue| hue + 1);
        replies.chain(masks).max().unwrap_or(0)
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

    /// Whether both have the same pictures, none of which was changed since one was made of the other.
    pub fn is_same(&self, other: &Self) -> bool {
        let (a, b) = (&self.pictures, &other.pictures);
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| Arc::ptr_eq(a, b))
    }

    /// The picture with this name.
    pub fn picture(&self, id: ImageId) -> Option<&Arc<Picture>> {
        self.pictures.iter().find(|p| p.id == id)
    }
}
