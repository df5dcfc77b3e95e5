//! A model on its way into memory, part by part, and what to do where it did not get there. Shown in
//! the chat and in the model manager.

use egui::{Grid, RichText, Ui, vec2};
use glamm_engine::protocol::{LoadProgress, ModelPart};
use glamm_engine::size::ByteSize;

use super::Shown;
use super::widgets::{Kind, bar, button, command_button, paragraph, sentence};
use crate::action::Action;
use crate::command::Command;
use crate::models::ManagerAction;
use crate::state::session::LoadFailure;
use crate::theme;

/// What the names of the parts and their sizes take, with the gaps between.
const BESIDE_BAR: f32 = 236.0;

/// Every part with a bar of its own.
pub(super) fn parts(shown: &Shown<'_>, ui: &mut Ui, progress: &LoadProgress) {
    let tokens = shown.tokens;
    if progress.total_bytes() == 0 {
        paragraph(ui, "Opening its files …", theme::LABEL, tokens.text_soft);
        return;
    }
    let current = progress.current();
    ui.spacing_mut().interact_size.y = 16.0;
    let bar_width = (ui.available_width() - BESIDE_BAR).clamp(16.0, 160.0);
    Grid::new("parts").num_columns(3).spacing([12.0, 4.0]).show(ui, |ui| {
        for part in ModelPart::ALL {
            let state = progress.part(part);
            let colour = if current == Some(part) { tokens.text } else { tokens.text_faint };
            let text = |text: String| RichText::new(text).font(theme::small_font()).color(colour);
            ui.label(text(part.name().to_owned()));
            let (rect, _) = ui.allocate_exact_size(vec2(bar_width, 4.0), egui::Sense::hover());
            bar(ui, tokens, rect, state.done_bytes as f32 / state.total_bytes.max(1) as f32);
            ui.label(text(ByteSize(state.total_bytes).to_string()));
            ui.end_row();
        }
    });
}

/// Why a model could not be loaded, and what fits instead.
pub(super) fn failure(shown: &mut Shown<'_>, ui: &mut Ui, failure: &LoadFailure) {
    let tokens = shown.tokens;
    ui.label(
        RichText::new("The model could not be loaded")
            .font(theme::strong_font(theme::LABEL))
            .color(tokens.text),
    );
    paragraph(ui, &sentence(&failure.message), theme::LABEL, tokens.text_soft);
    if !failure.offers.is_empty() {
        paragraph(ui, "What is here and fits:", theme::LABEL, tokens.text_soft);
    }
    ui.horizontal_wrapped(|ui| {
        for offer in &failure.offers {
            if button(ui, tokens, &offer.title, Kind::Plain).clicked() {
                shown.send(Action::Manager(ManagerAction::Load(offer.spec.clone())));
            }
        }
        if failure.offers.is_empty() {
            command_button(shown, ui, Command::UseDemoModel, Kind::Plain);
        }
        if !shown.state.ui.models.is_open {
            command_button(shown, ui, Command::ManageModels, Kind::Plain);
        }
    });
}
