//! The menu on the picture: of the region or the mask under the pointer.

use egui::{Pos2, Response, Ui};

use super::pointer::Pointed;
use crate::canvas::picking;
use crate::command::Command;
use crate::document::{MaskId, Picture, Region, RegionEdit, RegionTag};
use crate::ui::regions_tab::swatches;
use crate::ui::{Shown, mask_menu};
use crate::ui_state::Tool;
use crate::update::Action;

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
    pointed: Option<Pointed>,
) {
    let memory = response.id.with("menu");
    if shown.state.ui.tool == Tool::Point {
        return;
    }
    if response.secondary_clicked() {
        let region = pointed.and_then(|it| picking::region_at(&picture.regions, it.at)).map(Target::Region);
        let mask = || pointed.and_then(|it| it.mask.map(|mask| Target::Mask(mask, it.at)));
        let target = region.or_else(mask).unwrap_or(Target::Nothing);
        ui.data_mut(|d| d.insert_temp(memory, target));
    }
    match ui.data(|d| d.get_temp(memory)) {
        Some(Target::Region(tag)) => {
            if let Some(region) = picture.region(tag) {
                region_menu(shown, response, region);
            }
        }
        Some(Target::Mask(mask, at)) => mask_menu::show(shown, response, &[mask], Some(at)),
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
