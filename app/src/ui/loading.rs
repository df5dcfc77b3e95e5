//! A model on its way into memory, part by part, and what to do where it did not get there. Shown in
//! the chat and in the model manager.

use egui::{Grid, RichText, Ui, vec2};
use glamm_engine::protocol::{LoadProgress, ModelPart};
use glamm_engine::size::ByteSize;

use super::widgets::{Kind, bar, button, command_button, paragraph, sentence};
use super::{Shown, text};
use crate::action::Action;
use crate::command::Command;
use crate::models::ManagerAction;
use crate::state::session::LoadFailure;
use crate::theme;

/// Between the columns.
const GAP: f32 = 12.0;
/// How long a bar is, in points.
const BAR: std::ops::RangeInclusive<f32> = 24.0..=160.0;

/// Every part with a bar of its own. Names are cut where there is no room for all of them.
pub(super) fn parts(shown: &Shown<'_>, ui: &mut Ui, progress: &LoadProgress) {
    let tokens = shown.tokens;
    if progress.total_bytes() == 0 {
        paragraph(ui, "Opening its files …", theme::LABEL, tokens.text_soft);
        return;
    }
    let current = progress.current();
    let font = theme::small_font;
    let lines = ModelPart::ALL.map(|part| {
        let color = if current == Some(part) { tokens.text } else { tokens.text_faint };
        let size = ByteSize(progress.part(part).total_bytes).to_string();
        (part, color, text::line(ui.ctx(), size, font(), color))
    });
    let sizes = lines.iter().fold(0f32, |width, (.., size)| width.max(size.size().x));
    let room = (ui.available_width() - sizes - 2.0 * GAP - BAR.start()).max(0.0);
    let names = lines
        .each_ref()
        .map(|(part, color, _)| text::cut_line(ui.ctx(), part.name().to_owned(), font(), *color, room));
    let widest = names.iter().fold(0f32, |width, name| width.max(name.size().x));
    let bar_width = (BAR.start() + room - widest).clamp(*BAR.start(), *BAR.end());
    ui.spacing_mut().interact_size.y = 16.0;
    Grid::new("parts").num_columns(3).spacing([GAP, 4.0]).show(ui, |ui| {
        for ((part, _, size), name) in lines.into_iter().zip(names) {
            let state = progress.part(part);
            ui.label(name);
            let (rect, _) = ui.allocate_exact_size(vec2(bar_width, 4.0), egui::Sense::hover());
            bar(ui, tokens, rect, state.done_bytes as f32 / state.total_bytes.max(1) as f32);
            ui.label(size);
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
