//! A question of the conversation being written in other words, in its place.

use egui::{
    CornerRadius, Frame, Id, Key, KeyboardShortcut, Margin, Modifiers, Pos2, Rect, Stroke, TextEdit, Ui,
    UiBuilder, vec2,
};

use super::rich_text::GUTTER;
use super::widgets::{Kind, button, button_if, was_pressed};
use super::{Shown, text};
use crate::action::Action;
use crate::document::Exchange;
use crate::state::ui_state::Editing;
use crate::theme;

/// The name of the field for a question, for giving it the keyboard.
pub fn edited_question_id(editing: &Editing) -> Id {
    Id::unique(("edited question", editing.image, editing.conversation, editing.exchange))
}

/// Draws it with its upper left corner at `at`, or tells the height it last had.
pub(super) fn show(
    shown: &mut Shown<'_>,
    ui: &mut Ui,
    exchange: &Exchange,
    width: f32,
    at: Option<Pos2>,
) -> f32 {
    let memory = Id::unique(("height of the edited question", exchange.id));
    let Some(at) = at else {
        return ui.data(|d| d.get_temp::<f32>(memory)).unwrap_or(theme::LINE * 4.0);
    };
    let tokens = shown.tokens;
    let Some(editing) = shown.state.shown_editing() else { return 0.0 };
    let (mut draft, id) = (editing.draft.clone(), edited_question_id(editing));
    // The gutter is for replies.
    let rect = Rect::from_min_size(at + vec2(GUTTER, 0.0), vec2(width - GUTTER, f32::INFINITY));
    let builder = UiBuilder::new().scope_id(Id::unique("question editor")).max_rect(rect);
    let mut ui = ui.new_child(builder);
    let frame = Frame::new()
        .fill(tokens.raised)
        .stroke(Stroke::new(1.0, tokens.accent_line))
        .corner_radius(CornerRadius::same(12))
        .inner_margin(Margin { left: 14, right: 10, top: 10, bottom: 10 });
    let used = frame.show(&mut ui, |ui| {
        ui.spacing_mut().item_spacing.y = 8.0;
        let mut layouter = text::in_area(theme::text_font(), tokens.text);
        let response = TextEdit::multiline(&mut draft)
            .layouter(&mut layouter)
            .id(id)
            .font(theme::text_font())
            .desired_rows(1)
            .desired_width(f32::INFINITY)
            .frame(Frame::NONE)
            .char_limit(4000)
            .return_key(KeyboardShortcut::new(Modifiers::SHIFT, Key::Enter))
            .show(ui)
            .response
            .response;
        ui.ctx().accesskit_node_builder(response.id, |node| node.set_label("Edited question"));
        if response.changed() {
            shown.send(Action::SetEditing(draft.clone()));
        }
        let idle = shown.state.why_not_ask().is_none() && !draft.trim().is_empty();
        let enter = response.has_focus() && was_pressed(ui, Key::Enter);
        // egui takes the keyboard from the field with Escape. What lies over the window has its own use for it.
        let covered = shown.state.is_behind_dialog() || egui::Popup::is_any_open(ui.ctx());
        let escape = response.lost_focus() && !covered && was_pressed(ui, Key::Escape);
        ui.horizontal(|ui| {
            if button_if(idle, ui, tokens, "Ask in these words", Kind::Primary).clicked() || enter && idle {
                shown.send(Action::SendEditing);
            }
            if button(ui, tokens, "Cancel", Kind::Plain).clicked() || escape {
                shown.send(Action::CancelEditing);
            }
        });
    });
    let height = used.response.rect.height();
    ui.data_mut(|d| d.insert_temp(memory, height));
    height
}
