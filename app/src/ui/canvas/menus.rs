//! The menu on the picture: of the region or the mask under the pointer.

use egui::{Button, Pos2, Rect, Response, Ui, pos2};

use super::cursor::has_keys;
use super::pointer::Pointed;
use crate::action::Action;
use crate::canvas::picking;
use crate::canvas::view::View;
use crate::command::Command;
use crate::document::{MaskId, Picture, Region, RegionEdit, RegionTag};
use crate::state::ui_state::Tool;
use crate::ui::regions_tab::swatches;
use crate::ui::widgets::{context_menu, open_menu, takes_menu_key};
use crate::ui::{Shown, mask_menu};

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
    (picture, view): (&Picture, &View),
    pointed: Option<Pointed>,
) {
    let memory = response.id.with("menu");
    if shown.state.ui.tool == Tool::Point {
        return;
    }
    let by_key = key_target(shown, ui, response, picture, view);
    if let Some((target, _)) = by_key {
        ui.data_mut(|d| d.insert_temp(memory, target));
    } else if response.secondary_clicked() {
        let region = pointed.and_then(|it| picking::region_at(&picture.regions, it.at)).map(Target::Region);
        let mask = || pointed.and_then(|it| it.mask.map(|mask| Target::Mask(mask, it.at)));
        let target = region.or_else(mask).unwrap_or(Target::Nothing);
        ui.data_mut(|d| d.insert_temp(memory, target));
    }
    let beside = by_key.map(|(_, place)| place);
    match ui.data(|d| d.get_temp(memory)) {
        Some(Target::Region(tag)) => {
            if let Some(region) = picture.region(tag) {
                open_menu(response, beside, |ui| of_region(shown, ui, region));
            }
        }
        Some(Target::Mask(mask, at)) => {
            open_menu(response, beside, |ui| mask_menu::contents(shown, ui, &[mask], Some(at)));
        }
        Some(Target::Nothing) | None => {}
    }
}

/// The selected region or mask, and where it is on the screen, where the menu key asks for its menu.
fn key_target(
    shown: &Shown<'_>,
    ui: &Ui,
    response: &Response,
    picture: &Picture,
    view: &View,
) -> Option<(Target, Rect)> {
    let state = shown.state;
    if !has_keys(shown, response) {
        return None;
    }
    let region = state.ui.selected_region.and_then(|tag| picture.region(tag));
    let (target, bounds) = if let Some(region) = region {
        (Target::Region(region.tag), region.bounds)
    } else {
        let mask = state.inspected_mask()?;
        let bounds = picking::bounding_box(mask)?;
        let middle = pos2(0.5 * (bounds.x0 + bounds.x1), 0.5 * (bounds.y0 + bounds.y1));
        (Target::Mask(mask.id, middle), bounds)
    };
    let place = view.screen_from_box(&bounds).intersect(response.rect);
    let place = if place.is_positive() { place } else { response.rect };
    takes_menu_key(ui.ctx()).then_some((target, place))
}

/// The menu of a region's tag.
pub(super) fn region_menu(shown: &mut Shown<'_>, response: &Response, region: &Region) {
    context_menu(response, |ui| of_region(shown, ui, region));
}

fn of_region(shown: &mut Shown<'_>, ui: &mut Ui, region: &Region) {
    let tag = region.tag;
    ui.spacing_mut().item_spacing.y = 2.0;
    let can_ask = shown.state.why_not_ask().is_none();
    let mut item_if = |ui: &mut Ui, enabled: bool, label: &str, action: Action| {
        if ui.add_enabled(enabled, Button::new(label)).clicked() {
            shown.send(Action::SelectRegion(Some(tag)));
            shown.send(action);
            ui.close();
        }
    };
    for command in [Command::WhatIsThis, Command::DescribeThis, Command::FindAlike] {
        item_if(ui, can_ask, command.info().label, Action::Command(command));
    }
    ui.separator();
    let mut item = |ui: &mut Ui, label: &str, action: Action| item_if(ui, true, label, action);
    item(ui, &format!("Ask about region {}", tag.0), Action::Refer(tag));
    item(ui, "Segment this", Action::SegmentRegion(tag));
    ui.separator();
    item(ui, "Rename", Action::Command(Command::RenameRegion));
    item(ui, "Duplicate", Action::EditRegion(tag, RegionEdit::Duplicate));
    item(ui, "Hide", Action::EditRegion(tag, RegionEdit::Hide(true)));
    item(ui, "Delete", Action::EditRegion(tag, RegionEdit::Remove));
    ui.separator();
    swatches(shown, ui, region);
}
