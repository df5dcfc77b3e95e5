//! Menus on the picture: of a region, and of a mask.

use egui::{Pos2, Response, Ui};
use glamm_engine::vision::MaskPrompt;

use crate::canvas::picking;
use crate::command::Command;
use crate::document::{Edit, MaskId, Picture, Region, RegionEdit, RegionTag};
use crate::ui::Shown;
use crate::ui::regions_tab::swatches;
use crate::ui_state::Tool;
use crate::update::{Action, Offer, VisibleMask};

/// What a menu is about.
#[derive(Debug, Clone, Copy)]
enum Target {
    Region(RegionTag),
    /// And where it was clicked.
    Mask(MaskId, Pos2),
    Nothing,
}

/// The menu of what is under the pointer, by the other button.
pub(super) fn context(
    shown: &mut Shown<'_>,
    ui: &Ui,
    response: &Response,
    picture: &Picture,
    masks: &[VisibleMask],
    pointer: Option<Pos2>,
) {
    let memory = response.id.with("menu");
    if shown.state.ui.tool == Tool::Point {
        return;
    }
    if response.secondary_clicked() {
        let region = pointer.and_then(|at| picking::region_at(&picture.regions, at)).map(Target::Region);
        let mask = || {
            let at = pointer?;
            picking::mask_at(masks.iter().map(|m| &m.mask), at).map(|mask| Target::Mask(mask, at))
        };
        let target = region.or_else(mask).unwrap_or(Target::Nothing);
        ui.data_mut(|d| d.insert_temp(memory, target));
    }
    match ui.data(|d| d.get_temp(memory)) {
        Some(Target::Region(tag)) => {
            if let Some(region) = picture.region(tag) {
                region_menu(shown, response, region);
            }
        }
        Some(Target::Mask(mask, at)) => mask_menu(shown, response, mask, Some(at)),
        Some(Target::Nothing) | None => {}
    }
}

pub(super) fn region_menu(shown: &mut Shown<'_>, response: &Response, region: &Region) {
    let tag = region.tag;
    response.context_menu(|ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        let mut item = |ui: &mut Ui, label: &str, action: Action| {
            if ui.button(label).clicked() {
                shown.send(Action::SelectRegion(Some(tag)));
                shown.send(action);
                ui.close();
            }
        };
        item(ui, &format!("Ask about region {}", tag.0), Action::Refer(tag));
        item(ui, "Segment this", Action::SegmentRegion(tag));
        ui.separator();
        item(ui, "Rename", Action::Command(Command::RenameRegion));
        item(ui, "Duplicate", Action::EditRegion(tag, RegionEdit::Duplicate));
        item(ui, "Hide", Action::EditRegion(tag, RegionEdit::Hide(true)));
        item(ui, "Delete", Action::EditRegion(tag, RegionEdit::Remove));
        ui.separator();
        swatches(shown, ui, region);
    });
}

/// The menu of a mask; `at` is where on the picture it was clicked, if it was.
pub(in crate::ui) fn mask_menu(shown: &mut Shown<'_>, response: &Response, mask: MaskId, at: Option<Pos2>) {
    response.context_menu(|ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        let state = shown.state;
        let mut item = |ui: &mut Ui, label: &str, action: Action| {
            if ui.button(label).clicked() {
                shown.actions.push(action);
                ui.close();
            }
        };
        let Some(picture) = state.picture() else { return };
        let pinned = state.ui.pinned.contains(&mask);
        item(ui, if pinned { "Unpin" } else { "Pin" }, Action::TogglePin(mask));
        item(ui, "Draw a region around it", Action::RegionAround(mask));
        if let Some(at) = at {
            for offer in [Offer::WhatIsThis, Offer::Describe, Offer::FindAlike] {
                item(ui, offer.label(), Action::TakeOffer(offer, at));
            }
        }
        let clicked = |prompt: &Option<MaskPrompt>| matches!(prompt, Some(MaskPrompt::Places { .. }));
        if picture.mask(mask).is_some_and(|mask| clicked(&mask.candidates.prompt)) {
            item(ui, "Refine by clicks", Action::PromptMask(Some(mask)));
        }
        if picture.masks.iter().any(|own| own.id == mask) {
            item(ui, "Delete mask", Action::Edit(Edit::RemoveMask { image: picture.id, mask }));
        }
    });
}
