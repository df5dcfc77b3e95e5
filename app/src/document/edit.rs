//! The changes that can be undone, each a pure function from document to document.

use std::sync::Arc;

use glamm_engine::protocol::ImageId;
use glamm_engine::vision::PixelBox;

use super::{
    Conversation, ConversationEdit, ConversationId, Document, GroundedMask, MaskEdit, MaskId, Origin,
    Picture, RegionEdit, RegionTag, Settings,
};

/// A change to one picture.
#[derive(Debug, Clone, PartialEq)]
pub enum Edit {
    /// Draw a region; it gets the smallest free number.
    AddRegion {
        /// On which picture.
        image: ImageId,
        /// Where; is cut to the picture.
        bounds: PixelBox,
        /// What it is called; often nothing.
        name: String,
    },
    /// Change a region that is there.
    Region {
        /// On which picture.
        image: ImageId,
        /// Which region.
        tag: RegionTag,
        /// How.
        change: RegionEdit,
    },
    /// Begin another conversation; it gets the next free number.
    AddConversation {
        /// About which picture.
        image: ImageId,
        /// How the model is asked in it.
        settings: Settings,
    },
    /// Add a mask that belongs to no reply. Without a colour it gets the next one.
    AddMask {
        /// On which picture.
        image: ImageId,
        /// The mask; its size is that of the picture.
        mask: Box<GroundedMask>,
    },
    /// Add boxes, each with a name, and masks that come from a file.
    Import {
        /// On which picture.
        image: ImageId,
        /// Boxes; are cut to the picture.
        boxes: Vec<(PixelBox, String)>,
        /// Masks; those of other sizes are left out.
        masks: Vec<GroundedMask>,
    },
    /// Take away a mask that belongs to no reply.
    RemoveMask {
        /// On which picture.
        image: ImageId,
        /// Which mask.
        mask: MaskId,
    },
    /// Change a mask that is there.
    Mask {
        /// On which picture.
        image: ImageId,
        /// Which mask.
        mask: MaskId,
        /// How.
        change: MaskEdit,
    },
    /// Show these masks and hide all others; without a list, show all.
    ShowMasks {
        /// On which picture.
        image: ImageId,
        /// Which masks.
        only: Option<Vec<MaskId>>,
    },
    /// Take a conversation away; in the place of the only one, an empty one begins.
    RemoveConversation {
        /// About which picture.
        image: ImageId,
        /// Which conversation.
        conversation: ConversationId,
    },
    /// Change a conversation.
    Conversation {
        /// About which picture.
        image: ImageId,
        /// Which conversation.
        conversation: ConversationId,
        /// How.
        change: ConversationEdit,
    },
}

/// Why an edit cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The picture was closed.
    #[error("the picture is no longer open")]
    UnknownPicture,
    /// The region was removed.
    #[error("the region is no longer there")]
    UnknownRegion,
    /// The conversation was deleted.
    #[error("the conversation is no longer there")]
    UnknownConversation,
    /// The question and its reply were deleted, or what they follow was.
    #[error("what it follows is no longer in the conversation")]
    UnknownExchange,
    /// The mask is gone, or its picture has another size.
    #[error("the mask is no longer there, or of another picture")]
    UnknownMask,
    /// The mask comes from a file: there is nothing to choose from, and nothing to cut.
    #[error("the mask comes from a file and has no logits")]
    NoLogits,
    /// Nothing of the box lies on the picture, or it is less than a pixel wide or high.
    #[error("the box has no area on the picture")]
    EmptyBox,
}

impl Edit {
    /// The picture it changes.
    pub fn image(&self) -> ImageId {
        match self {
            Self::AddRegion { image, .. }
            | Self::Region { image, .. }
            | Self::AddConversation { image, .. }
            | Self::RemoveConversation { image, .. }
            | Self::AddMask { image, .. }
            | Self::RemoveMask { image, .. }
            | Self::Import { image, .. }
            | Self::Mask { image, .. }
            | Self::ShowMasks { image, .. }
            | Self::Conversation { image, .. } => *image,
        }
    }

    /// The conversation it changes, if any.
    pub fn conversation(&self) -> Option<ConversationId> {
        match self {
            Self::RemoveConversation { conversation, .. } | Self::Conversation { conversation, .. } => {
                Some(*conversation)
            }
            _ => None,
        }
    }

    /// What "Undo …" is followed by in the menu.
    pub fn label(&self) -> &'static str {
        match self {
            Self::AddRegion { .. } => "draw region",
            Self::Region { change, .. } => change.label(),
            Self::AddConversation { .. } => "new conversation",
            Self::RemoveConversation { .. } => "delete conversation",
            Self::Conversation { change, .. } => change.label(),
            Self::AddMask { .. } => "add mask",
            Self::RemoveMask { .. } => "delete mask",
            Self::Import { .. } => "import",
            Self::Mask { change, .. } => change.label(),
            Self::ShowMasks { only: Some(_), .. } => "show one mask alone",
            Self::ShowMasks { only: None, .. } => "show all masks",
        }
    }

    /// Whether it would leave all as it is: a name or a colour that is there already.
    pub(super) fn is_idle(&self, document: &Document) -> bool {
        let Some(picture) = document.picture(self.image()) else { return false };
        match self {
            Self::Region { tag, change, .. } => {
                picture.region(*tag).is_some_and(|region| change.is_idle(region))
            }
            Self::Mask { mask, change: MaskEdit::Recolor(hue), .. } => {
                picture.mask(*mask).is_some_and(|mask| mask.hue == *hue)
            }
            Self::Conversation { conversation, change: ConversationEdit::Rename(title), .. } => {
                picture.conversation(*conversation).is_some_and(|shown| shown.title == title.trim())
            }
            _ => false,
        }
    }

    fn apply_to(&self, picture: &mut Picture) -> Result<(), EditError> {
        match self {
            Self::AddRegion { bounds, name, .. } => {
                picture.add_region(picture.free_tag(), *bounds, name)?;
            }
            Self::Region { tag, change, .. } => change.apply_to(picture, *tag)?,
            Self::AddConversation { settings, .. } => {
                let next = Conversation::new(picture.free_conversation(), settings.clone());
                picture.conversations.push(Arc::new(next));
            }
            Self::RemoveConversation { conversation, .. } => {
                let gone = picture.conversation(*conversation).ok_or(EditError::UnknownConversation)?;
                let settings = gone.settings.clone();
                let next = picture.free_conversation();
                picture.conversations.retain(|c| c.id != *conversation);
                if picture.conversations.is_empty() {
                    picture.conversations.push(Arc::new(Conversation::new(next, settings)));
                }
            }
            Self::Conversation { conversation, change, .. } => {
                let place = picture.conversations.iter_mut().find(|c| c.id == *conversation);
                change.apply_to(Arc::make_mut(place.ok_or(EditError::UnknownConversation)?))?;
            }
            Self::AddMask { mask, .. } => picture.add_mask(mask)?,
            Self::Import { boxes, masks, .. } => {
                for ((bounds, name), tag) in boxes.iter().zip(picture.free_tags()) {
                    picture.add_region(tag, *bounds, name)?;
                }
                let size = picture.size;
                for mask in masks.iter().filter(|mask| mask.size() == size) {
                    picture.add_mask(mask)?;
                }
            }
            Self::RemoveMask { mask, .. } => {
                let before = picture.masks.len();
                picture.masks.retain(|m| m.id != *mask);
                if picture.masks.len() == before {
                    return Err(EditError::UnknownMask);
                }
            }
            Self::Mask { mask, change, .. } => {
                picture.mask_mut(*mask).ok_or(EditError::UnknownMask)?.apply(change)?;
            }
            Self::ShowMasks { only, .. } => {
                let is_there = |id: &MaskId| picture.mask(*id).is_some();
                if only.as_ref().is_some_and(|only| !only.iter().any(is_there)) {
                    return Err(EditError::UnknownMask);
                }
                let hidden = |id| only.as_ref().is_some_and(|only| !only.contains(&id));
                picture.for_each_mask(|mask| mask.hidden = hidden(mask.id));
            }
        }
        Ok(())
    }
}

impl Document {
    /// The document after the edit.
    ///
    /// # Errors
    /// Where the picture or region is gone, or a box has no area on the picture.
    pub fn apply(&self, edit: &Edit) -> Result<Self, EditError> {
        let at = self.pictures.iter().position(|p| p.id == edit.image()).ok_or(EditError::UnknownPicture)?;
        let mut picture = Picture::clone(&self.pictures[at]);
        edit.apply_to(&mut picture)?;
        let mut changed = self.clone();
        changed.pictures[at] = Arc::new(picture);
        Ok(changed)
    }

    /// The document with one more picture. The filmstrip is in the order in which pictures were asked
    /// for, whichever of them is ready first.
    #[must_use]
    pub fn with_picture(&self, picture: Arc<Picture>) -> Self {
        let mut changed = self.clone();
        let place = changed.pictures.partition_point(|other| other.id < picture.id);
        changed.pictures.insert(place, picture);
        changed
    }

    /// The document with a picture that comes from elsewhere now.
    #[must_use]
    pub fn with_origin(&self, id: ImageId, origin: &Origin) -> Self {
        let mut changed = self.clone();
        for picture in changed.pictures.iter_mut().filter(|picture| picture.id == id) {
            *picture = Arc::new(Picture { origin: origin.clone(), ..Picture::clone(picture) });
        }
        changed
    }

    /// The document without a picture.
    #[must_use]
    pub fn without_picture(&self, id: ImageId) -> Self {
        let mut changed = self.clone();
        changed.pictures.retain(|p| p.id != id);
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Origin;

    fn document() -> (Document, ImageId) {
        let id = ImageId(7);
        let picture = Picture::new(id, "a".into(), Origin::Clipboard, (100, 50));
        (Document::default().with_picture(Arc::new(picture)), id)
    }

    fn add(image: ImageId, bounds: PixelBox) -> Edit {
        Edit::AddRegion { image, bounds, name: String::new() }
    }

    fn bounds(x0: f32, y0: f32, x1: f32, y1: f32) -> PixelBox {
        PixelBox { x0, y0, x1, y1 }
    }

    #[test]
    fn the_filmstrip_keeps_the_order_of_asking() {
        let open = |doc: &Document, id| {
            doc.with_picture(Arc::new(Picture::new(ImageId(id), "a".into(), Origin::Clipboard, (9, 9))))
        };
        let doc = open(&open(&open(&Document::default(), 4), 9), 7);
        assert_eq!(doc.pictures().iter().map(|p| p.id.0).collect::<Vec<_>>(), [4, 7, 9]);
    }

    #[test]
    fn regions_are_cut_to_the_picture_and_take_free_numbers() {
        let (doc, image) = document();
        let doc = doc.apply(&add(image, bounds(-10.0, 5.0, 20.0, 90.0))).unwrap();
        let doc = doc.apply(&add(image, bounds(1.0, 1.0, 5.0, 5.0))).unwrap();
        let doc = doc.apply(&Edit::Region { image, tag: RegionTag(1), change: RegionEdit::Remove }).unwrap();
        let doc = doc.apply(&add(image, bounds(0.0, 0.0, 9.0, 9.0))).unwrap();
        let regions = &doc.picture(image).unwrap().regions;
        assert_eq!(regions.iter().map(|r| r.tag.0).collect::<Vec<_>>(), [2, 1]);
        let first = document().0.apply(&add(image, bounds(-10.0, 5.0, 20.0, 90.0)));
        assert_eq!(first.unwrap().picture(image).unwrap().regions[0].bounds, bounds(0.0, 5.0, 20.0, 50.0));
    }

    #[test]
    fn imported_boxes_take_free_numbers() {
        let (doc, image) = document();
        let doc = doc.apply(&add(image, bounds(0.0, 0.0, 9.0, 9.0))).unwrap();
        let doc = doc.apply(&add(image, bounds(0.0, 0.0, 9.0, 9.0))).unwrap();
        let doc = doc.apply(&Edit::Region { image, tag: RegionTag(1), change: RegionEdit::Remove }).unwrap();
        let boxes = vec![(bounds(1.0, 1.0, 5.0, 5.0), "a".to_owned()); 4000];
        let doc = doc.apply(&Edit::Import { image, boxes, masks: Vec::new() }).unwrap();
        let tags: Vec<_> = doc.picture(image).unwrap().regions.iter().map(|r| r.tag.0).collect();
        assert_eq!((&tags[..4], tags.last()), (&[2, 1, 3, 4][..], Some(&4001)));
    }

    #[test]
    fn boxes_without_area_are_refused() {
        let (doc, image) = document();
        for empty in [bounds(5.0, 5.0, 5.4, 40.0), bounds(200.0, 0.0, 300.0, 40.0)] {
            assert_eq!(doc.apply(&add(image, empty)), Err(EditError::EmptyBox));
        }
        let gone = Edit::Region { image, tag: RegionTag(3), change: RegionEdit::Remove };
        assert_eq!(doc.apply(&gone), Err(EditError::UnknownRegion));
        let elsewhere = Edit::AddConversation { image: ImageId(99), settings: Settings::default() };
        assert_eq!(doc.apply(&elsewhere), Err(EditError::UnknownPicture));
    }

    #[test]
    fn there_is_always_a_conversation() {
        let (doc, image) = document();
        let ids = |doc: &Document| {
            doc.picture(image).unwrap().conversations.iter().map(|c| c.id.0).collect::<Vec<_>>()
        };
        let remove = |id| Edit::RemoveConversation { image, conversation: ConversationId(id) };
        let doc = doc.apply(&Edit::AddConversation { image, settings: Settings::default() }).unwrap();
        assert_eq!(ids(&doc), [1, 2]);
        let doc = doc.apply(&remove(1)).unwrap();
        assert_eq!(ids(&doc), [2]);
        let settings = Settings { max_new_tokens: 7, ..Settings::default() };
        let conversation = ConversationId(2);
        let change = ConversationEdit::Configure(settings.clone());
        let doc = doc.apply(&Edit::Conversation { image, conversation, change }).unwrap();
        let doc = doc.apply(&remove(2)).unwrap();
        assert_eq!(ids(&doc), [3]);
        assert_eq!(doc.picture(image).unwrap().conversations[0].settings, settings, "these stay");
        assert_eq!(doc.apply(&remove(2)), Err(EditError::UnknownConversation));
    }
}
