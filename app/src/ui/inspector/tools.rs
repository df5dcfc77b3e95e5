//! The inspector's menus: clean-up, comparison, layers.

use egui::{RichText, Slider, Ui};

use crate::action::{Action, Inspect};
use crate::command::Command;
use crate::state::inspection::{BRUSH_RADII, Inspected, Rival};
use crate::theme;
use crate::ui::{Shown, text};

/// A longer list of masks is scrolled, in points.
const LIST: f32 = 260.0;

/// From right to left.
pub(super) fn menus(shown: &mut Shown<'_>, ui: &mut Ui, inspected: &Inspected) {
    ui.spacing_mut().item_spacing.x = 6.0;
    ui.spacing_mut().button_padding = egui::vec2(9.0, 4.0);
    let small = |text: &str| RichText::new(text).font(theme::small_font());
    ui.menu_button(small("Layers"), |ui| layers(shown, ui));
    ui.menu_button(small("Compare"), |ui| compare(shown, ui, inspected));
    ui.add_enabled_ui(inspected.is_editable, |ui| {
        ui.menu_button(small("Clean up"), |ui| clean_up(shown, ui));
    });
}

fn clean_up(shown: &mut Shown<'_>, ui: &mut Ui) {
    for command in [Command::RemoveSpecks, Command::FillHoles, Command::SmoothMask] {
        let info = command.info();
        if ui.button(info.label).on_hover_text(info.tooltip).clicked() {
            shown.command(command);
            ui.close();
        }
    }
    ui.separator();
    for command in [Command::Brush, Command::Eraser] {
        let (info, held) = (command.info(), command.is_chosen(shown.state) == Some(true));
        if ui.selectable_label(held, info.label).on_hover_text(info.tooltip).clicked() {
            shown.command(command);
            ui.close();
        }
    }
    let mut radius = shown.state.ui.inspection.brush_radius;
    let slider =
        Slider::new(&mut radius, BRUSH_RADII).logarithmic(true).suffix(" px").max_decimals(0).text("radius");
    if ui.add(slider).changed() {
        shown.send(Action::Inspect(Inspect::BrushRadius(radius)));
    }
}

fn compare(shown: &mut Shown<'_>, ui: &mut Ui, inspected: &Inspected) {
    let rival = shown.state.ui.inspection.rival;
    let mut choose = |ui: &mut Ui, choice: Option<Rival>, label: &str| {
        if ui.selectable_label(rival == choice, label).clicked() {
            shown.send(Action::Inspect(Inspect::Compare(choice)));
            ui.close();
        }
    };
    choose(ui, None, "With nothing");
    let state = shown.state;
    let masks = state.listed_masks().into_iter().filter(|listed| listed.mask.id != inspected.mask.id);
    let masks = masks.map(|listed| (Rival::Mask(listed.mask.id), listed.title())).collect();
    rivals(shown, ui, "masks", masks);
    let truths = state.ui.current.and_then(|image| state.session.findings.truths.get(&image));
    if let Some(truths) = truths {
        let truths = truths.iter().enumerate();
        rivals(
            shown,
            ui,
            "truths",
            truths.map(|(at, truth)| (Rival::Truth(at), truth.label.clone())).collect(),
        );
    }
    ui.separator();
    let hint = "Annotations of COCO or LabelMe, or a picture of the same size: what is brighter than half of \
                its brightest pixel is inside";
    if ui.button("With a mask from a file…").on_hover_text(hint).clicked() {
        shown.send(Action::Inspect(Inspect::AskForTruth));
        ui.close();
    }
}

/// A list of what the mask can be compared with, scrolled where it is long.
fn rivals(shown: &mut Shown<'_>, ui: &mut Ui, name: &str, choices: Vec<(Rival, String)>) {
    ui.separator();
    let chosen = shown.state.ui.inspection.rival;
    egui::ScrollArea::vertical().id_salt(name).max_height(LIST).show(ui, |ui| {
        for (rival, label) in choices {
            let label = text::for_widget(ui.ctx(), &label, theme::label_font(), shown.tokens.text_soft);
            if ui.selectable_label(chosen == Some(rival), label).clicked() {
                shown.send(Action::Inspect(Inspect::Compare(Some(rival))));
                ui.close();
            }
        }
    });
}

fn layers(shown: &mut Shown<'_>, ui: &mut Ui) {
    let rows = [
        (Command::LayerNone, "None", "Nothing over the picture"),
        (
            Command::LayerGrounding,
            "Grounding features",
            "The grounding encoder's features: their three principal components as red, green and blue",
        ),
        (
            Command::LayerGlobal,
            "Global features",
            "The global encoder's features: their three principal components as red, green and blue",
        ),
        (
            Command::LayerAttention,
            "Attention of the mask",
            "What the mask's token looked at in the pixel decoder, head by head",
        ),
    ];
    for (command, label, hint) in rows {
        let chosen = command.is_chosen(shown.state) == Some(true);
        let enabled = command.is_enabled(shown.state);
        let response = ui.add_enabled_ui(enabled, |ui| ui.selectable_label(chosen, label)).inner;
        if response.on_hover_text(hint).clicked() {
            shown.command(command);
            ui.close();
        }
    }
}
