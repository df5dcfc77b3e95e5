//! What can be done with the masks of a phrase: the menu of a chip, of a row of the Masks tab, and of a
//! mask on the picture.

use egui::{Pos2, Response, Ui};

use super::Shown;
use super::widgets::{context_menu, swatches};
use crate::action::{Action, MaskAction, Offer};
use crate::document::{Edit, GroundedMask, MaskEdit, MaskId};
use crate::palette::PHRASE_COLORS;

/// By the other button on `response`; `at` is where on the picture it was pressed, if it was.
pub(super) fn show(shown: &mut Shown<'_>, response: &Response, masks: &[MaskId], at: Option<Pos2>) {
    context_menu(response, |ui| contents(shown, ui, masks, at));
}

/// What is in the menu.
pub(super) fn contents(shown: &mut Shown<'_>, ui: &mut Ui, masks: &[MaskId], at: Option<Pos2>) {
    ui.spacing_mut().item_spacing.y = 2.0;
    looks(shown, ui, masks);
    if let [mask] = masks {
        uses(shown, ui, *mask, at);
    }
}

fn item(shown: &mut Shown<'_>, ui: &mut Ui, label: &str, action: impl FnOnce() -> Action) {
    if ui.button(label).clicked() {
        shown.send(action());
        ui.close();
    }
}

/// Pinned, alone, hidden, named, coloured. What a reply on its way has brought can only be pinned.
fn looks(shown: &mut Shown<'_>, ui: &mut Ui, masks: &[MaskId]) {
    let state = shown.state;
    let pinned = masks.iter().any(|mask| state.ui.pinned.contains(mask));
    if ui.button(if pinned { "Unpin" } else { "Pin" }).clicked() {
        toggle_pins(shown, masks);
        ui.close();
    }
    let Some(picture) = state.picture() else { return };
    let known: Vec<_> = masks.iter().filter_map(|id| picture.mask(*id)).collect();
    let Some(first) = known.first().filter(|_| known.len() == masks.len()) else { return };
    let (id, own) = (first.id, first.hue);
    let hidden = known.iter().all(|mask| mask.hidden);
    let alone = state.are_alone(masks);
    let change = |change| Action::Mask(MaskAction::Change(masks.to_vec(), change));
    item(shown, ui, if alone { "Show all masks" } else { "Show alone" }, || {
        Action::Mask(MaskAction::Solo(masks.to_vec()))
    });
    item(shown, ui, if hidden { "Show" } else { "Hide" }, || change(MaskEdit::Hide(!hidden)));
    item(shown, ui, "Rename", || Action::Mask(state.naming_of(masks)));
    ui.separator();
    let hue = state.find_mask(id).map_or(0, |found| found.hue);
    let colors = (0..PHRASE_COLORS.len()).map(|place| shown.tokens.phrase(place).mask);
    if let Some(place) = swatches(ui, shown.tokens, colors, hue % PHRASE_COLORS.len(), "the mask") {
        shown.send(change(MaskEdit::Recolor(Some(place))));
    }
    if own.is_some() && shown.state.is_of_a_phrase(id) {
        item(shown, ui, "Colour of its place", || change(MaskEdit::Recolor(None)));
    }
    ui.separator();
}

/// Pins the masks of a phrase; where one of them is pinned, none stays so.
pub(super) fn toggle_pins(shown: &mut Shown<'_>, masks: &[MaskId]) {
    let all_pinned = &shown.state.ui.pinned;
    let pinned = masks.iter().any(|mask| all_pinned.contains(mask));
    for mask in masks.iter().filter(|mask| all_pinned.contains(mask) == pinned) {
        shown.send(Action::TogglePin(*mask));
    }
}

/// What one mask can be made use of for.
fn uses(shown: &mut Shown<'_>, ui: &mut Ui, mask: MaskId, at: Option<Pos2>) {
    let Some(picture) = shown.state.picture() else { return };
    item(shown, ui, "Draw a region around it", || Action::RegionAround(mask));
    if let Some(at) = at {
        for offer in [Offer::WhatIsThis, Offer::Describe, Offer::FindAlike] {
            let enabled = offer.is_enabled(shown.state);
            ui.add_enabled_ui(enabled, |ui| {
                item(shown, ui, offer.label(), || Action::TakeOffer { offer, at, mask: Some(mask) });
            });
        }
    }
    if picture.mask(mask).is_some_and(GroundedMask::is_of_places) {
        item(shown, ui, "Refine by clicks", || Action::PromptMask(Some(mask)));
    }
    if picture.masks.iter().any(|own| own.id == mask) {
        item(shown, ui, "Delete mask", || Action::Edit(Edit::RemoveMask { image: picture.id, mask }));
    }
}
