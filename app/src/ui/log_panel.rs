//! What the program said about itself, in a window that floats over the others.

use std::sync::Arc;
use std::time::Duration;

use egui::{
    Align, Color32, Galley, Id, Label, Layout, Pos2, Rect, RichText, ScrollArea, Sense, TextStyle, Ui,
    UiBuilder, Window, pos2, vec2,
};
use tracing::Level;

use super::Shown;
use super::row_heights::{RowEvent, RowHeights};
use super::widgets::{Kind, button_if, close_button, dialog_frame, paragraph};
use crate::action::Action;
use crate::state::shell::ShellAction;
use crate::system::log::{self, Line};
use crate::theme::{self, Tokens};

/// While it is open, it is drawn anew this often.
const REFRESH: Duration = Duration::from_millis(500);
/// Where the time of a line ends, in points from the left.
const TIME: f32 = 66.0;
/// Where its level begins.
const LEVEL: f32 = 76.0;
/// Where what was said begins.
const SAID: f32 = 130.0;
/// Between two lines. With more, there would be an empty line between them where both are copied.
const GAP: f32 = 4.0;

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

/// When a line was said, and how long it is.
type Key = (Duration, usize);

/// What is remembered of the list from frame to frame.
#[derive(Clone)]
struct Rows {
    heights: RowHeights<Key>,
    width: f32,
    /// Where the view must be in the next frame to show the same.
    next_offset: Option<f32>,
}

impl Default for Rows {
    fn default() -> Self {
        Self { heights: RowHeights::new(GAP), width: 0.0, next_offset: None }
    }
}

impl Rows {
    /// Takes the lines as they are now.
    fn update(&mut self, lines: &[Line], width: f32, row: f32) {
        if (self.width - width).abs() > 0.1 {
            self.heights.forget();
            self.width = width;
        }
        let keys: Vec<Key> =
            lines.iter().map(|line| (line.at, line.target.len() + line.text.len())).collect();
        if let Some(first) = keys.first() {
            self.heights.begin_with(first, Key::eq);
        }
        // About how high a line is, without laying it out.
        let room = (width - SAID).max(row);
        let estimate = |(_, bytes): &Key| (*bytes as f32 * 0.42 * row / room).ceil().max(1.0) * row;
        self.heights.update(&keys.iter().collect::<Vec<_>>(), Key::eq, estimate);
    }
}

/// The lines in sight. What does not fit goes on below, so that lines are of different heights.
fn all(ui: &mut Ui, tokens: &Tokens, lines: &[Line]) {
    let id = Id::unique("log rows");
    let mut rows: Rows = ui.data_mut(|data| data.remove_temp(id)).unwrap_or_default();
    let mut area = ScrollArea::vertical().auto_shrink(false).stick_to_bottom(true);
    if let Some(offset) = rows.next_offset.take() {
        area = area.vertical_scroll_offset(offset);
    }
    let output = area.show_viewport(ui, |ui, view| {
        let (origin, width) = (ui.max_rect().min, ui.available_width());
        rows.update(lines, width, ui.text_style_height(&TextStyle::Monospace));
        let shift = rows.heights.show(view.top()..view.bottom(), |place, event| {
            let Some(line) = lines.get(place) else { return 0.0 };
            let said = laid_out(ui, tokens, line.level, said(line), width - SAID);
            let height = said.size().y;
            if let RowEvent::Draw { top } = event {
                let rect = Rect::from_min_size(origin + vec2(0.0, top), vec2(width, height));
                ui.scope_builder(UiBuilder::new().id_salt(place).max_rect(rect), |ui| {
                    row(ui, tokens, line, said, rect.min);
                });
            }
            height
        });
        let height = rows.heights.total() - shift;
        ui.expand_to_include_rect(Rect::from_min_size(origin, vec2(width, height)));
        shift
    });
    if output.inner.abs() > 0.01 {
        rows.next_offset = Some(output.state.unclamped_offset().y + output.inner);
        ui.ctx().request_repaint();
    }
    ui.data_mut(|data| data.insert_temp(id, rows));
}

/// A line in three columns.
fn row(ui: &mut Ui, tokens: &Tokens, line: &Line, said: Arc<Galley>, at: Pos2) {
    let short = |ui: &Ui, text: String| laid_out(ui, tokens, line.level, text, f32::INFINITY);
    let time = short(ui, format!("{:.3}", line.at.as_secs_f64()));
    let level = short(ui, line.level.to_string());
    let time_at = TIME - time.size().x;
    for (galley, left) in [(time, time_at), (level, LEVEL), (said, SAID)] {
        let rect = Rect::from_min_size(at + vec2(left, 0.0), galley.size());
        ui.put(rect, Label::new(galley).selectable(true));
    }
}

fn laid_out(ui: &Ui, tokens: &Tokens, level: Level, text: String, width: f32) -> Arc<Galley> {
    let font = TextStyle::Monospace.resolve(ui.style());
    ui.fonts_mut(|fonts| fonts.layout(text, font, colour(tokens, level), width))
}

/// A line to be copied.
fn told(line: &Line) -> String {
    format!("{:9.3}  {:<5}  {}", line.at.as_secs_f64(), line.level.as_str(), said(line))
}

/// Who said what.
fn said(line: &Line) -> String {
    format!("{}  {}", line.target, line.text)
}

fn colour(tokens: &Tokens, level: Level) -> Color32 {
    match level {
        Level::ERROR => tokens.bad,
        Level::WARN => tokens.busy,
        Level::INFO => tokens.text_soft,
        _ => tokens.text_faint,
    }
}
