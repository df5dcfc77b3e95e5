//! Menus on the picture: of a region, and of a mask.

use egui::{Pos2, Response, Ui};

use crate::canvas::picking;
use crate::command::Command;
use crate::document::{MaskId, Picture, Region, RegionEdit, RegionTag};
use crate::ui::Shown;
use crate::ui::regions_tab::swatches;
use crate::update::{Action, VisibleMask};

/// What a menu is about.
#[derive(Debug, Clone, Copy)]
enum Target {
    Region(RegionTag),
    Mask(MaskId),
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
    if response.secondary_clicked() {
        let region = pointer.and_then(|at| picking::region_at(&picture.regions, at)).map(Target::Region);
        let mask = || picking::mask_at(masks.iter().map(|m| &m.mask), pointer?).map(Target::Mask);
        let target = region.or_else(mask).unwrap_or(Target::Nothing);
        ui.data_mut(|d| d.insert_temp(memory, target));
    }
    match ui.data(|d| d.get_temp(memory)) {
        Some(Target::Region(tag)) => {
            if let Some(region) = picture.region(tag) {
                region_menu(shown, response, region);
            }
        }
        Some(Target::Mask(mask)) => mask_menu(shown, response, mask),
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
        ui.separator();
        item(ui, "Rename", Action::Command(Command::RenameRegion));
        item(ui, "Duplicate", Action::EditRegion(tag, RegionEdit::Duplicate));
        item(ui, "Hide", Action::EditRegion(tag, RegionEdit::Hide(true)));
        item(ui, "Delete", Action::EditRegion(tag, RegionEdit::Remove));
        ui.separator();
        swatches(shown, ui, region);
    });
}

fn mask_menu(shown: &mut Shown<'_>, response: &Response, mask: MaskId) {
    response.context_menu(|ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        if ui.button("Draw a region around it").clicked() {
            shown.send(Action::RegionAround(mask));
            ui.close();
        }
        let pinned = shown.state.ui.pinned.contains(&mask);
        if ui.button(if pinned { "Unpin" } else { "Pin" }).clicked() {
            shown.send(Action::TogglePin(mask));
            ui.close();
        }
    });
}
