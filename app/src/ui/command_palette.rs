//! The command palette: every command, found by a few of its letters.

use egui::text::{CCursor, CCursorRange};
use egui::{
    Align2, CornerRadius, CursorIcon, Id, Key, Modal, Modifiers, RichText, ScrollArea, Sense, TextEdit, Ui,
    WidgetInfo, vec2,
};

use super::Shown;
use super::widgets::{focus_ring, keys};
use crate::action::Action;
use crate::command::search::{Hit, search};
use crate::state::shell::ShellAction;
use crate::theme;

const WIDTH: f32 = 560.0;
const ROW: f32 = 34.0;
const ROWS: f32 = 11.0;

/// The field's name.
fn field_id() -> Id {
    Id::unique("command palette field")
}

pub(super) fn show(shown: &mut Shown<'_>, ui: &Ui) {
    let Some(palette) = &shown.state.ui.shell.palette else { return };
    let hits = search(&palette.text, |command| command.is_enabled(shown.state));
    let chosen = palette.chosen.min(hits.len().saturating_sub(1));
    let frame = egui::Frame::popup(ui.style()).inner_margin(10.0).corner_radius(14.0);
    let modal = Modal::new(Id::unique("command palette"))
        .area(Modal::default_area(Id::unique("command palette")).anchor(Align2::CENTER_TOP, vec2(0.0, 84.0)))
        .frame(frame)
        .show(ui.ctx(), |ui| {
            ui.set_width(WIDTH.min(ui.ctx().content_rect().width() - 60.0));
            // The arrows choose; they must not move the text cursor.
            let step = ui.input_mut(|i| {
                let down = i.consume_key(Modifiers::NONE, Key::ArrowDown);
                let up = i.consume_key(Modifiers::NONE, Key::ArrowUp);
                isize::from(down) - isize::from(up)
            });
            let go = ui.input_mut(|i| i.consume_key(Modifiers::NONE, Key::Enter));
            field(shown, ui);
            list(shown, ui, &hits, chosen, step != 0);
            if step != 0 && !hits.is_empty() {
                let next = (chosen as isize + step).rem_euclid(hits.len() as isize);
                shown.send(Action::Shell(ShellAction::PaletteChoose(next as usize)));
            }
            if let Some(hit) = hits.get(chosen).filter(|_| go) {
                shown.send(Action::Shell(ShellAction::PaletteRun(hit.command)));
            }
        });
    if modal.should_close() {
        shown.send(Action::Shell(ShellAction::ClosePalette));
    }
}

fn field(shown: &mut Shown<'_>, ui: &mut Ui) {
    let Some(palette) = &shown.state.ui.shell.palette else { return };
    let mut text = palette.text.clone();
    let edit = TextEdit::singleline(&mut text)
        .id(field_id())
        .hint_text("Type what you want to do")
        .font(theme::text_font())
        .desired_width(f32::INFINITY)
        .margin(vec2(12.0, 9.0));
    let mut output = edit.show(ui);
    output.response.response.widget_info(|| WidgetInfo::labeled(egui::Role::TextInput, true, "Command"));
    focus_ring(ui, &output.response.response);
    if !output.response.has_focus() {
        output.response.request_focus();
        let end = CCursor::new(text.chars().count());
        output.state.cursor.set_char_range(Some(CCursorRange::one(end)));
    }
    if output.response.changed() {
        shown.send(Action::Shell(ShellAction::PaletteText(text)));
    }
}

fn list(shown: &mut Shown<'_>, ui: &mut Ui, hits: &[Hit], chosen: usize, moved: bool) {
    let tokens = shown.tokens;
    if hits.is_empty() {
        ui.label(RichText::new("No command is called like this").color(tokens.text_faint));
        return;
    }
    ScrollArea::vertical().max_height(ROW * ROWS).auto_shrink([false, true]).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        for (place, hit) in hits.iter().enumerate() {
            let response = row(shown, ui, *hit, place == chosen);
            if place == chosen && moved {
                response.scroll_to_me(None);
            }
            if response.clicked() {
                shown.send(Action::Shell(ShellAction::PaletteRun(hit.command)));
            }
        }
    });
}

fn row(shown: &Shown<'_>, ui: &mut Ui, hit: Hit, chosen: bool) -> egui::Response {
    let tokens = shown.tokens;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::click());
    let info = hit.command.info();
    let name = format!("Command: {}", info.label);
    response.widget_info(|| WidgetInfo::selected(egui::Role::Button, hit.enabled, chosen, &name));
    if chosen || response.hovered() {
        let fill = if chosen { tokens.accent_soft } else { tokens.raised };
        ui.painter().rect_filled(rect, CornerRadius::same(theme::RADIUS), fill);
    }
    let colour = if hit.enabled { tokens.text } else { theme::mix(tokens.panel, tokens.text_faint, 0.7) };
    let inside = rect.shrink2(vec2(12.0, 0.0));
    let menu = format!("{}  ", info.menu.label());
    let painter = ui.painter();
    let menu =
        painter.text(inside.left_center(), Align2::LEFT_CENTER, menu, theme::label_font(), tokens.text_faint);
    let label = hit.command.menu_label(shown.state);
    painter.text(menu.right_center(), Align2::LEFT_CENTER, label, theme::label_font(), colour);
    let keys = keys(ui, info.shortcut);
    painter.text(inside.right_center(), Align2::RIGHT_CENTER, keys, theme::small_font(), tokens.text_faint);
    response.on_hover_cursor(CursorIcon::PointingHand).on_hover_text(info.tooltip)
}
