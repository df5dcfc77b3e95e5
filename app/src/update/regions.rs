//! What happens to regions: drags that draw and change them, nudges, names, boxes around masks.

use egui::{Rect, vec2};
use glamm_engine::vision::PixelBox;

use crate::action::{Effect, Field};
use crate::canvas::gesture::{Grip, moved};
use crate::canvas::picking;
use crate::document::{Document, Edit, MaskId, Region, RegionEdit, RegionTag};
use crate::notice::Tone;
use crate::palette::REGION_COLORS;
use crate::state::State;
use crate::state::ui_state::{Changed, SmallStep, Tab};

/// Small changes that follow one another within this time are one step, in seconds.
const ONE_STEP: f64 = 1.5;

impl State {
    /// The end of a drag on the canvas: one edit, so one point to undo.
    pub(super) fn finish_gesture(&mut self, out: &mut Vec<Effect>) {
        let Some(gesture) = self.ui.gesture.take() else { return };
        let Some(picture) = self.picture() else { return };
        let bounds = gesture.bounds(picture.size);
        match gesture.grip {
            Grip::Draw => self.add_region(bounds, out),
            Grip::Move(tag, before) if bounds != before => {
                self.edit_region(tag, RegionEdit::Move(bounds));
            }
            Grip::Resize(tag, before, _) if bounds != before => {
                self.edit_region(tag, RegionEdit::Resize(bounds));
            }
            Grip::Move(..) | Grip::Resize(..) => {}
        }
    }

    /// Puts a region in the middle of what is seen of the picture, half as wide and high as that.
    pub(super) fn region_in_view(&mut self, out: &mut Vec<Effect>) {
        let Some(view) = self.view() else { return };
        let seen = view.visible_part();
        let middle = Rect::from_center_size(seen.center(), (0.5 * seen.size()).max(vec2(1.0, 1.0)));
        let (from, to) = (middle.min.round(), middle.max.round());
        self.add_region(PixelBox::from_corners(from.into(), to.into()), out);
    }

    /// Adds a region and selects it; a prompt that waited for one is completed.
    fn add_region(&mut self, bounds: PixelBox, out: &mut Vec<Effect>) {
        let Some(picture) = self.picture() else { return };
        let (image, tag) = (picture.id, picture.free_tag());
        self.edit(&Edit::AddRegion { image, bounds, name: String::new() });
        if self.picture().is_some_and(|picture| picture.region(tag).is_some()) {
            self.ui.selected_region = Some(tag);
            self.number_draft();
            self.region_drawn(tag, out);
        }
    }

    /// Selects the next region of the list, or the one before; after the last comes the first.
    pub(super) fn select_region_beside(&mut self, by: isize) {
        let Some(picture) = self.picture() else { return };
        let tags: Vec<RegionTag> = picture.regions.iter().map(|region| region.tag).collect();
        let at = tags.iter().position(|&tag| Some(tag) == self.ui.selected_region);
        let next = Self::beside(at, by, tags.len());
        self.ui.selected_region = next.and_then(|next| tags.get(next)).copied();
    }

    /// Does something with the selected region.
    pub(super) fn with_region(&mut self, work: impl FnOnce(&mut Self, RegionTag)) {
        if let Some(tag) = self.ui.selected_region {
            work(self, tag);
        }
    }

    /// Gives a region the next colour.
    pub(super) fn recolor_region(&mut self, tag: RegionTag) {
        let Some(hue) = self.picture().and_then(|picture| picture.region(tag)).map(Region::hue) else {
            return;
        };
        self.edit_region(tag, RegionEdit::Recolor(Some((hue + 1) % REGION_COLORS.len())));
    }

    /// Changes a region of the current picture; a duplicate is selected, a removed one is not.
    pub(super) fn edit_region(&mut self, tag: RegionTag, change: RegionEdit) {
        let Some(picture) = self.picture() else { return };
        let (image, free) = (picture.id, picture.free_tag());
        let selects = match change {
            RegionEdit::Duplicate => Some(free),
            RegionEdit::Remove => self.ui.selected_region.filter(|selected| *selected != tag),
            _ => self.ui.selected_region,
        };
        self.edit(&Edit::Region { image, tag, change });
        self.ui.selected_region = selects;
        self.number_draft();
    }

    /// One of many small changes: those of one kind to one region, soon after each other, are one
    /// step to undo.
    pub(super) fn step_region(&mut self, tag: RegionTag, change: RegionEdit, now: f64) {
        let Some(image) = self.ui.current else { return };
        let edit = Edit::Region { image, tag, change };
        let region = |document: &Document| document.picture(image)?.region(tag).cloned();
        let after = self.document().apply(&edit);
        // One that changes nothing is none to undo.
        if after.is_ok_and(|after| region(&after) != region(self.document())) {
            self.small_step(Changed::Region(tag), &edit, now);
        }
    }

    /// Makes a small change, as part of the last step where that was one of the same kind to the same
    /// thing a moment ago.
    pub(super) fn small_step(&mut self, of: Changed, edit: &Edit, now: f64) {
        let kind = edit.label();
        let goes_on = self.ui.small_step.is_some_and(|last| {
            (last.of, last.kind) == (of, kind) && (0.0..ONE_STEP).contains(&(now - last.at))
        });
        let made = if goes_on { self.history.amend(edit) } else { self.history.apply(edit) };
        match made {
            Ok(()) => self.ui.small_step = Some(SmallStep { of, kind, at: now }),
            Err(error) => tracing::debug!(%error, ?edit, "an edit was refused"),
        }
    }

    /// Moves the selected region, as far as the picture reaches.
    pub(super) fn nudge_region(&mut self, dx: f32, dy: f32, now: f64) {
        let selected = self.picture().and_then(|picture| {
            let region = picture.region(self.ui.selected_region?)?;
            Some((region.tag, moved(region.bounds, vec2(dx, dy), picture.size)))
        });
        if let Some((tag, bounds)) = selected {
            self.step_region(tag, RegionEdit::Move(bounds), now);
        }
    }

    /// Gives the keyboard to the selected region's name.
    pub(super) fn rename_region(&mut self, out: &mut Vec<Effect>) {
        self.show_tab(Tab::Regions);
        out.push(Effect::Focus(Field::RegionName));
    }

    pub(super) fn toggle_region(&mut self, tag: RegionTag) {
        let hidden = self.picture().and_then(|p| p.region(tag)).is_some_and(|region| region.hidden);
        self.edit_region(tag, RegionEdit::Hide(!hidden));
    }

    /// Puts a region around a mask, named as the mask is.
    pub(super) fn region_around(&mut self, mask: MaskId) {
        let Some(picture) = self.picture() else { return };
        let (image, tag) = (picture.id, picture.free_tag());
        let Some(listed) = self.listed_masks().into_iter().find(|listed| listed.mask.id == mask) else {
            return;
        };
        let Some(bounds) = picking::bounding_box(&listed.mask) else {
            self.session.notify("There is nothing in this mask", Tone::Note);
            return;
        };
        self.edit(&Edit::AddRegion { image, bounds, name: listed.words().to_owned() });
        self.ui.selected_region = Some(tag);
        self.number_draft();
    }
}
