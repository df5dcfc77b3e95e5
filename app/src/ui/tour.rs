//! The first minutes: three cards, each beside what it speaks of.

use egui::{Align2, Area, Frame, Id, Key, Modifiers, Order, Pos2, RichText, Ui, vec2};

use super::Shown;
use super::widgets::{Kind, button, paragraph};
use crate::action::Action;
use crate::state::shell::{ShellAction, TOUR_STEPS};
use crate::theme;

/// What the cards say.
const STEPS: [(&str, &str); TOUR_STEPS] = [
    (
        "A picture",
        "Open pictures with Ctrl+O, drop them here, or paste them. Choose Box to draw around what you want to \
         ask about. The samples are drawn scenes, which the built-in demo model knows.",
    ),
    (
        "A question",
        "Ask here. Phrases that the model can point at come back as coloured chips, each with its mask on the \
         picture: point at one to see the other, click it to hold on to it.",
    ),
    (
        "A model",
        "For photographs, fetch GLaMM itself: click here to see what fits into this machine. Ctrl+K finds \
         every command, and ? lists the keys.",
    ),
];

pub(super) fn show(shown: &mut Shown<'_>, ui: &Ui) {
    let Some(step) = shown.state.ui.shell.tour else { return };
    // What lies over the window comes first.
    if shown.state.ui.is_modal() {
        return;
    }
    let Some((title, text)) = STEPS.get(step) else { return };
    let tokens = shown.tokens;
    let (pivot, at) = place(shown, ui, step);
    let frame = Frame::popup(ui.style())
        .inner_margin(18.0)
        .corner_radius(12.0)
        .stroke(egui::Stroke::new(1.5, tokens.accent));
    Area::new(Id::unique("tour")).order(Order::Foreground).pivot(pivot).fixed_pos(at).show(ui.ctx(), |ui| {
        frame.show(ui, |ui| {
            ui.set_width(310.0);
            let number = format!("{} of {TOUR_STEPS}", step + 1);
            ui.label(RichText::new(number).font(theme::small_font()).color(tokens.text_faint));
            ui.label(RichText::new(*title).font(theme::strong_font(17.0)).color(tokens.text));
            paragraph(ui, text, theme::LABEL, tokens.text_soft);
            ui.horizontal(|ui| {
                let label = if step + 1 < TOUR_STEPS { "Next" } else { "Begin" };
                if button(ui, tokens, label, Kind::Primary).clicked() {
                    shown.send(Action::Shell(ShellAction::NextStep));
                }
                if step + 1 < TOUR_STEPS && button(ui, tokens, "Skip the tour", Kind::Plain).clicked() {
                    shown.send(Action::Shell(ShellAction::EndTour));
                }
            });
        });
    });
    if ui.input_mut(|i| i.consume_key(Modifiers::NONE, Key::Escape)) {
        shown.send(Action::Shell(ShellAction::EndTour));
    }
}

/// Beside what a step speaks of: the picture, the panel at the right, the model's pill.
fn place(shown: &Shown<'_>, ui: &Ui, step: usize) -> (Align2, Pos2) {
    let canvas = shown.state.ui.canvas;
    let all = ui.ctx().content_rect();
    match step {
        0 => (Align2::CENTER_CENTER, canvas.center()),
        1 => (Align2::RIGHT_BOTTOM, canvas.right_bottom() + vec2(-16.0, -16.0)),
        _ => (Align2::RIGHT_TOP, all.right_top() + vec2(-14.0, 52.0)),
    }
}
