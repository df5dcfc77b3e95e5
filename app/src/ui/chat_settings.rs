//! How the model is asked in the conversation that is shown: sampling, length, system prompt.
//!
//! What is set here is one change, made when the settings are closed.

use egui::{Align, DragValue, Layout, Response, RichText, Slider, TextEdit, Ui, vec2};
use glamm_engine::protocol::Sampling;
use glamm_engine::text::conversation::SYSTEM;

use super::widgets::{Kind, button, focus_ring, paragraph, popup};
use super::{Shown, text};
use crate::action::Action;
use crate::document::Settings;
use crate::theme::{self, Tokens};

const WIDTH: f32 = 320.0;
/// Where random sampling begins: near the most probable words, with some variety.
const RANDOM: Sampling = Sampling::Random { temperature: 0.7, top_p: Some(0.9), seed: 0 };
/// Longest system prompt, in characters.
const MAX_SYSTEM: usize = 4000;

/// Shows them below the button that opens them, while they are open.
pub(super) fn show(shown: &mut Shown<'_>, opener: &Response) {
    let Some(settings) = shown.state.ui.chat_settings.clone() else { return };
    let mut open = true;
    popup(opener, &mut open, WIDTH, 16).show(|ui| {
        ui.set_width(WIDTH);
        let mut changed = settings.clone();
        contents(ui, shown.tokens, &mut changed);
        if changed != settings {
            shown.send(Action::SetChatSettings(Some(changed)));
        }
    });
    if !open {
        shown.send(Action::SetChatSettings(None));
    }
}

fn contents(ui: &mut Ui, tokens: &Tokens, settings: &mut Settings) {
    ui.spacing_mut().item_spacing.y = 8.0;
    ui.spacing_mut().slider_width = 150.0;
    title(ui, tokens, "Words");
    ui.horizontal(|ui| {
        let greedy = settings.sampling == Sampling::Greedy;
        if choice(ui, tokens, "Most probable", greedy) {
            settings.sampling = Sampling::Greedy;
        }
        if choice(ui, tokens, "Drawn at random", !greedy) && greedy {
            settings.sampling = RANDOM;
        }
    });
    if let Sampling::Random { temperature, top_p, seed } = &mut settings.sampling {
        random(ui, temperature, top_p, seed);
    }
    ui.add_space(4.0);
    title(ui, tokens, "Length");
    labelled(ui, "At most", |ui| {
        let field = DragValue::new(&mut settings.max_new_tokens).range(1..=8192).speed(4).suffix(" tokens");
        ui.add(field)
    });
    ui.add_space(4.0);
    title(ui, tokens, "System prompt");
    system(ui, tokens, &mut settings.system);
}

fn random(ui: &mut Ui, temperature: &mut f64, top_p: &mut Option<f64>, seed: &mut u64) {
    labelled(ui, "Temperature", |ui| ui.add(Slider::new(temperature, 0.05..=2.0).max_decimals(2)));
    let mut share = top_p.unwrap_or(1.0);
    let response = labelled(ui, "Top-p", |ui| ui.add(Slider::new(&mut share, 0.05..=1.0).max_decimals(2)));
    if response.changed() {
        // All of the distribution is no cut.
        *top_p = (share < 0.999).then_some(share);
    }
    labelled(ui, "Seed", |ui| ui.add(DragValue::new(seed).speed(1)));
}

/// A field behind its name, which screen readers say with it.
fn labelled(ui: &mut Ui, label: &str, field: impl FnOnce(&mut Ui) -> Response) -> Response {
    ui.horizontal(|ui| {
        let name = ui.allocate_ui_with_layout(vec2(96.0, 24.0), Layout::left_to_right(Align::Center), |ui| {
            ui.set_min_width(96.0);
            ui.label(label)
        });
        field(ui).labelled_by(name.inner.id)
    })
    .inner
}

fn system(ui: &mut Ui, tokens: &Tokens, system: &mut Option<String>) {
    let mut written = system.clone().unwrap_or_default();
    let mut layouter = text::in_area(theme::label_font(), tokens.text);
    let response = TextEdit::multiline(&mut written)
        .layouter(&mut layouter)
        .hint_text(SYSTEM)
        .font(theme::label_font())
        .desired_rows(4)
        .desired_width(f32::INFINITY)
        .char_limit(MAX_SYSTEM)
        .show(ui)
        .response
        .response;
    focus_ring(ui, &response);
    ui.ctx().accesskit_node_builder(response.id, |node| node.set_label("Text of the system prompt"));
    if response.changed() {
        *system = (!written.trim().is_empty()).then_some(written);
    }
    let note = "Empty, the model is told what it was trained with. A change holds from the next question on.";
    paragraph(ui, note, theme::SMALL, tokens.text_faint);
}

fn choice(ui: &mut Ui, tokens: &Tokens, label: &str, chosen: bool) -> bool {
    let kind = if chosen { Kind::Chosen } else { Kind::Plain };
    button(ui, tokens, label, kind).clicked()
}

fn title(ui: &mut Ui, tokens: &Tokens, text: &str) {
    ui.label(RichText::new(text).font(theme::strong_font(theme::LABEL)).color(tokens.text));
}
