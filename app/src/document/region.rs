//! Regions: boxes that the user draws, names, colours, hides and asks about, and the edits of one.

use glamm_engine::vision::PixelBox;

use super::{EditError, Picture};
use crate::palette::region_color;

/// A name longer than this is cut, in characters.
const LONGEST_NAME: usize = 120;
/// Share of the picture's shorter side by which a duplicate stands beside what it was made from.
const DUPLICATE_OFFSET: f32 = 0.03;

/// The number on a region's tag; unique among the regions of one picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegionTag(pub u32);

/// A box the user drew.
#[derive(Debug, Clone, PartialEq)]
pub struct Region {
    /// Its number.
    pub tag: RegionTag,
    /// Where it is, in pixels of the picture, never without area.
    pub bounds: PixelBox,
    /// What the user calls it; often empty.
    pub name: String,
    /// Place among the colours of regions, where the user chose one; else its number decides.
    pub color: Option<usize>,
    /// Whether it is left out on the picture. It can still be asked about.
    pub hidden: bool,
}

impl Region {
    /// A visible region without a name, in the colour of its number.
    pub fn new(tag: RegionTag, bounds: PixelBox) -> Self {
        Self { tag, bounds, name: String::new(), color: None, hidden: false }
    }

    /// Its place among the colours of regions.
    pub fn hue(&self) -> usize {
        self.color.unwrap_or(self.tag.0.max(1) as usize - 1)
    }

    /// For people: "region 2", or its name.
    pub fn title(&self) -> String {
        let name = self.name.trim();
        if name.is_empty() { format!("region {}", self.tag.0) } else { name.to_owned() }
    }
}

/// A change to one region.
#[derive(Debug, Clone, PartialEq)]
pub enum RegionEdit {
    /// Put it elsewhere, in the same size; the box is cut to the picture.
    Move(PixelBox),
    /// Give it another size; the box is cut to the picture.
    Resize(PixelBox),
    /// Call it something; nothing takes its name away.
    Rename(String),
    /// Give it a colour by its place among the colours of regions; `None` gives it back its own.
    Recolor(Option<usize>),
    /// Leave it out on the picture, or show it again.
    Hide(bool),
    /// Put another one like it a little beside it; it gets the smallest free number.
    Duplicate,
    /// Take it away.
    Remove,
}

impl RegionEdit {
    /// What "Undo …" is followed by in the menu.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Move(_) => "move region",
            Self::Resize(_) => "resize region",
            Self::Rename(_) => "rename region",
            Self::Recolor(_) => "recolour region",
            Self::Hide(true) => "hide region",
            Self::Hide(false) => "show region",
            Self::Duplicate => "duplicate region",
            Self::Remove => "delete region",
        }
    }

    /// Whether it would leave the region as it is.
    pub(super) fn is_idle(&self, region: &Region) -> bool {
        match self {
            Self::Rename(name) => short_name(name) == region.name,
            Self::Recolor(Some(color)) => region_color(*color) == region_color(region.hue()),
            Self::Recolor(None) => region.color.is_none(),
            _ => false,
        }
    }

    /// Carries it out on the region with this tag.
    pub(super) fn apply_to(&self, picture: &mut Picture, tag: RegionTag) -> Result<(), EditError> {
        let at = picture.regions.iter().position(|r| r.tag == tag).ok_or(EditError::UnknownRegion)?;
        let size = picture.size;
        let free = picture.free_tag();
        let region = &mut picture.regions[at];
        match self {
            Self::Move(bounds) | Self::Resize(bounds) => region.bounds = usable(*bounds, size)?,
            Self::Rename(name) => region.name = short_name(name),
            Self::Recolor(color) => region.color = *color,
            Self::Hide(hidden) => region.hidden = *hidden,
            Self::Duplicate => {
                let copy = Region { tag: free, bounds: beside(region.bounds, size), ..region.clone() };
                picture.regions.push(copy);
            }
            Self::Remove => {
                picture.regions.remove(at);
            }
        }
        Ok(())
    }
}

/// A name on one line, not too long. Blanks at its end stay: the next word may be on its way.
pub(super) fn short_name(name: &str) -> String {
    let blank = |c: char| if c.is_control() { ' ' } else { c };
    name.trim_start().chars().map(blank).take(LONGEST_NAME).collect()
}

/// The part of the box on the picture, if it is at least a pixel wide and high.
pub(super) fn usable(bounds: PixelBox, (width, height): (u32, u32)) -> Result<PixelBox, EditError> {
    let clipped = bounds.clipped(width, height);
    let ok = clipped.width() >= 1.0 && clipped.height() >= 1.0;
    ok.then_some(clipped).ok_or(EditError::EmptyBox)
}

/// The same box a little to the lower right; to the upper left where there is no room.
fn beside(bounds: PixelBox, (width, height): (u32, u32)) -> PixelBox {
    let step = (width.min(height) as f32 * DUPLICATE_OFFSET).ceil();
    let shift = |low: f32, high: f32, end: f32| {
        let ahead = step.min(end - high);
        if ahead >= step.min(low) { ahead } else { -step.min(low) }
    };
    let dx = shift(bounds.x0, bounds.x1, width as f32);
    let dy = shift(bounds.y0, bounds.y1, height as f32);
    PixelBox { x0: bounds.x0 + dx, y0: bounds.y0 + dy, x1: bounds.x1 + dx, y1: bounds.y1 + dy }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Document, Edit, Origin};
    use glamm_engine::protocol::ImageId;
    use std::sync::Arc;

    const IMAGE: ImageId = ImageId(7);
    const TAG: RegionTag = RegionTag(1);

    fn bounds(x0: f32, y0: f32, x1: f32, y1: f32) -> PixelBox {
        PixelBox { x0, y0, x1, y1 }
    }

    /// A picture of 100 × 50 with one region.
    fn document() -> Document {
        let picture = Picture::new(IMAGE, "a".into(), Origin::Clipboard, (100, 50));
        let empty = Document::default().with_picture(Arc::new(picture));
        let name = String::new();
        empty.apply(&Edit::AddRegion { image: IMAGE, bounds: bounds(10.0, 10.0, 30.0, 20.0), name }).unwrap()
    }

    fn after(change: RegionEdit) -> Vec<Region> {
        let changed = document().apply(&Edit::Region { image: IMAGE, tag: TAG, change }).unwrap();
        changed.picture(IMAGE).unwrap().regions.clone()
    }

    #[test]
    fn regions_are_changed() {
        let before = Region::new(TAG, bounds(10.0, 10.0, 30.0, 20.0));
        assert_eq!(document().picture(IMAGE).unwrap().regions, std::slice::from_ref(&before));
        let place = bounds(-5.0, 12.0, 15.0, 22.0);
        assert_eq!(after(RegionEdit::Resize(place))[0].bounds, bounds(0.0, 12.0, 15.0, 22.0));
        assert_eq!(after(RegionEdit::Rename("  the\ndoor ".into()))[0].name, "the door ");
        assert_eq!(after(RegionEdit::Rename("x".repeat(999)))[0].name.len(), LONGEST_NAME);
        assert_eq!((before.hue(), after(RegionEdit::Recolor(Some(4)))[0].hue()), (0, 4));
        assert!(after(RegionEdit::Hide(true))[0].hidden);
        assert!(after(RegionEdit::Remove).is_empty());
        assert_eq!(before.title(), "region 1");
        assert_eq!(after(RegionEdit::Rename("door ".into()))[0].title(), "door");
    }

    #[test]
    fn what_cannot_be_done_is_refused() {
        let change = |tag, change| document().apply(&Edit::Region { image: IMAGE, tag, change });
        assert_eq!(change(RegionTag(3), RegionEdit::Remove), Err(EditError::UnknownRegion));
        let nothing = bounds(10.0, 10.0, 10.4, 20.0);
        assert_eq!(change(TAG, RegionEdit::Resize(nothing)), Err(EditError::EmptyBox));
    }

    #[test]
    fn duplicates_stand_beside_and_take_free_numbers() {
        let both = after(RegionEdit::Duplicate);
        assert_eq!((both.len(), both[1].tag), (2, RegionTag(2)));
        assert_eq!(both[1].bounds, bounds(12.0, 12.0, 32.0, 22.0));
        assert_eq!(beside(bounds(80.0, 0.0, 100.0, 50.0), (100, 50)), bounds(78.0, 0.0, 98.0, 50.0));
    }
}
