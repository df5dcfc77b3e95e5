//! The prompt library: what the model was trained to be asked, by task, and the user's own prompts.

use egui::{Response, RichText, ScrollArea, TextEdit, TextStyle, Ui};

use super::icons::{Icon, Look, icon_button};
use super::widgets::{Kind, button_if, context_menu, focus_ring, paragraph, popup};
use super::{Shown, text};
use crate::action::Action;
use crate::prompts::{Prompt, Task};
use crate::state::ui_state::LibraryView;
use crate::theme;

const WIDTH: f32 = 360.0;

/// Shows it above the button that opens it, while it is open.
pub(super) fn show(shown: &mut Shown<'_>, opener: &Response) {
    if shown.state.ui.library == LibraryView::Closed {
        return;
    }
    let (mut open, mut renames) = (true, false);
    popup(opener, &mut open, WIDTH, 14).align(egui::RectAlign::TOP_START).show(|ui| {
        ui.set_width(WIDTH);
        ScrollArea::vertical().max_height(440.0).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            renames = own(shown, ui);
            for task in Task::ALL {
                heading(shown, ui, task.label());
                for prompt in task.prompts() {
                    entry(shown, ui, prompt);
                }
            }
        });
    });
    // The menu in which a name is asked for lies outside.
    if !open && !renames {
        shown.send(Action::SetLibrary(LibraryView::Closed));
    }
}

fn heading(shown: &Shown<'_>, ui: &mut Ui, text: &str) {
    ui.add_space(8.0);
    ui.label(RichText::new(text).font(theme::strong_font(theme::LABEL)).color(shown.tokens.text));
}

/// The user's own prompts, each to be renamed and removed, and the draft as the next one. Returns whether one is to be
/// renamed from now on.
fn own(shown: &mut Shown<'_>, ui: &mut Ui) -> bool {
    let mut renames = false;
    heading(shown, ui, "Yours");
    let state = shown.state;
    for (place, prompt) in state.session.prompts.iter().enumerate() {
        ui.horizontal(|ui| {
            let mut label = prompt.label.to_string();
            let width = ui.available_width() - 34.0;
            if state.ui.library == LibraryView::Renaming(place) {
                let font = TextStyle::Body.resolve(ui.style());
                let mut layouter = text::in_field(font, ui.visuals().text_color());
                let field = TextEdit::singleline(&mut label).layouter(&mut layouter);
                let field = ui.add(field.desired_width(width - 8.0).char_limit(60));
                ui.ctx().accesskit_node_builder(field.id, |node| node.set_label("Name of the prompt"));
                focus_ring(ui, &field);
                field.request_focus();
                if field.changed() {
                    shown.send(Action::RenamePrompt(place, label));
                }
                if field.lost_focus() || ui.input(|i| i.key_pressed(egui::Key::Enter)) {
                    shown.send(Action::SetLibrary(LibraryView::Open));
                }
            } else {
                let layout = egui::Layout::top_down(egui::Align::Min);
                ui.allocate_ui_with_layout(egui::vec2(width, 26.0), layout, |ui| {
                    let response = entry(shown, ui, prompt);
                    context_menu(&response, |ui| {
                        if ui.button("Rename").clicked() {
                            shown.send(Action::SetLibrary(LibraryView::Renaming(place)));
                            renames = true;
                            ui.close();
                        }
                    });
                });
            }
            let remove = format!("Remove prompt: {}", prompt.label);
            if icon_button(ui, shown.tokens, Icon::Bin, Look::Plain, &remove).clicked() {
                shown.send(Action::RemovePrompt(place));
            }
        });
    }
    let written = state.picture().is_some_and(|p| !state.ui.draft(p.id).trim().is_empty());
    if button_if(written, ui, shown.tokens, "Keep the question as a prompt", Kind::Plain).clicked() {
        shown.send(Action::KeepPrompt);
    }
    if !written && state.session.prompts.is_empty() {
        let note = "Write a question first. A region in it becomes a place for any region, and {} is where \
                    you write on.";
        paragraph(ui, note, theme::SMALL, shown.tokens.text_faint);
    }
    renames
}

/// A prompt: its name, and its words in small.
fn entry(shown: &mut Shown<'_>, ui: &mut Ui, prompt: &Prompt) -> Response {
    let enabled = shown.state.why_not_prompt(prompt).is_none();
    let (font, width) = (TextStyle::Button.resolve(ui.style()), ui.available_width());
    let room = width - 2.0 * ui.spacing().button_padding.x;
    let words = text::cut_line(ui.ctx(), prompt.label.to_string(), font, shown.tokens.text_soft, room);
    let label = egui::Button::new(words).frame_when_inactive(false);
    let response = ui.add_enabled(enabled, label.min_size(egui::vec2(width, 26.0)));
    if response.clicked() {
        shown.send(Action::Prompt(prompt.clone()));
        shown.send(Action::SetLibrary(LibraryView::Closed));
    }
    response.on_hover_text(text::in_tooltip(ui, &prompt.text))
}
