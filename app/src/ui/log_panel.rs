//! What the program said about itself, in a window that floats over the others.

use egui::{Align, Id, Layout, Rect, RichText, ScrollArea, Sense, Ui, Window, pos2, vec2};
use tracing::Level;

use super::Shown;
use super::widgets::{Kind, button_if, close_button, dialog_frame, paragraph};
use crate::action::Action;
use crate::state::shell::ShellAction;
use crate::system::log::{self, Line};
use crate::theme::{self, Tokens};

/// While it is open, it is drawn anew this often.
const REFRESH: std::time::Duration = std::time::Duration::from_millis(500);

pub(super) fn show(shown: &mut Shown<'_>, ui: &Ui) {
    if !shown.state.ui.shell.log_open {
        return;
    }
    ui.ctx().request_repaint_after(REFRESH);
    let lines = log::lines(Level::DEBUG);
    let canvas = shown.state.ui.canvas;
    let window = Window::new("Log")
        .title_bar(false)
        .frame(dialog_frame(ui))
        .default_pos(canvas.left_bottom() + vec2(12.0, -390.0))
        .default_size(vec2(600.0, 300.0));
    let closed = window.show(ui.ctx(), |ui| {
        let closed = heading(ui, shown.tokens);
        what_to_do(ui, shown.tokens, &lines);
        if lines.is_empty() {
            paragraph(ui, "Nothing has been said yet.", theme::LABEL, shown.tokens.text_soft);
            ui.allocate_space(ui.available_size());
        } else {
            all(ui, shown.tokens, &lines);
        }
        closed
    });
    if closed.and_then(|window| window.inner) == Some(true) {
        shown.send(Action::Shell(ShellAction::CloseLog));
    }
}

/// As over other dialogs, and a cross; returns whether that was pressed.
fn heading(ui: &mut Ui, tokens: &Tokens) -> bool {
    let row = ui.horizontal(|ui| {
        ui.label(RichText::new("Log").font(theme::strong_font(18.0)).color(tokens.text));
        let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 24.0), Sense::hover());
        Rect::from_min_size(pos2(rect.right() - 24.0, rect.top()), vec2(24.0, 24.0))
    });
    close_button(ui, tokens, row.inner, Id::unique("close log"), "Close the log")
}

/// How much there is, and what can be done with it.
fn what_to_do(ui: &mut Ui, tokens: &Tokens, lines: &[Line]) {
    ui.horizontal(|ui| {
        let note = RichText::new(format!("The last {} lines at most", log::CAPACITY));
        ui.label(note.font(theme::small_font()).color(tokens.text_faint));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if button_if(!lines.is_empty(), ui, tokens, "Clear", Kind::Plain).clicked() {
                log::clear();
            }
            if button_if(!lines.is_empty(), ui, tokens, "Copy all", Kind::Plain).clicked() {
                ui.ctx().copy_text(lines.iter().map(|line| told(line) + "\n").collect());
            }
        });
    });
}

/// The lines in sight.
fn all(ui: &mut Ui, tokens: &Tokens, lines: &[Line]) {
    let height = ui.text_style_height(&egui::TextStyle::Monospace);
    let area = ScrollArea::both().auto_shrink(false).stick_to_bottom(true);
    area.show_rows(ui, height, lines.len(), |ui, rows| {
        for line in lines.get(rows).unwrap_or_default() {
            let text = RichText::new(told(line)).monospace().color(colour(tokens, line.level));
            ui.add(egui::Label::new(text).extend().selectable(true));
        }
    });
}

fn told(line: &Line) -> String {
    let seconds = line.at.as_secs_f64();
    format!("{seconds:9.3}  {:<5}  {}  {}", line.level.as_str(), line.target, line.text)
}

fn colour(tokens: &Tokens, level: Level) -> egui::Color32 {
    match level {
        Level::ERROR => tokens.bad,
        Level::WARN => tokens.busy,
        Level::INFO => tokens.text_soft,
        _ => tokens.text_faint,
    }
}
