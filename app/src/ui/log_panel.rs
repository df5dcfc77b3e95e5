//! What the program said about itself, in a window that floats over the others.

use egui::{Align, Layout, RichText, ScrollArea, Ui, Window, vec2};
use tracing::Level;

use super::Shown;
use super::widgets::{Kind, button_if};
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
    let mut open = true;
    let canvas = shown.state.ui.canvas;
    let window = Window::new("Log")
        .open(&mut open)
        .collapsible(false)
        .default_pos(canvas.left_bottom() + vec2(12.0, -390.0))
        .default_size(vec2(600.0, 300.0));
    window.show(ui.ctx(), |ui| {
        let tokens = shown.tokens;
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
        let height = ui.text_style_height(&egui::TextStyle::Monospace);
        ScrollArea::both().auto_shrink(false).stick_to_bottom(true).show_rows(
            ui,
            height,
            lines.len(),
            |ui, rows| {
                for line in lines.get(rows).unwrap_or_default() {
                    let text = RichText::new(told(line)).monospace().color(colour(tokens, line.level));
                    ui.add(egui::Label::new(text).extend().selectable(true));
                }
            },
        );
    });
    if !open {
        shown.send(Action::Shell(ShellAction::CloseLog));
    }
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
