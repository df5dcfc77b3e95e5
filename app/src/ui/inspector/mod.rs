//! The inspector below the canvas: what is behind the selected mask. Opens when a mask is pinned.

mod candidates;
mod facts;
mod plot;
mod tools;

use egui::{
    Align, Color32, Frame, Id, Layout, Margin, Panel, Rect, RichText, ScrollArea, Ui, UiBuilder, Vec2, vec2,
};

use super::Shown;
use super::widgets::close_button;
use crate::action::{Action, Inspect};
use crate::state::inspection::Inspected;
use crate::state::shell::ShellAction;
use crate::theme;
use crate::ui::text;

/// Usual height of the panel, and the least it can be drawn to.
const HEIGHT: f32 = 236.0;
const LEAST_HEIGHT: f32 = 130.0;
/// What the panel leaves to the toolbar and the picture above it.
const LEFT_ABOVE: f32 = 180.0;
const FACTS: f32 = 184.0;
const CANDIDATES: f32 = 232.0;
/// Three columns are only made where the plot gets as much as this.
const SMALLEST_PLOT: f32 = 170.0;
/// Height of a plot that has no column of its own.
const PLOT_HEIGHT: f32 = 170.0;
/// Between columns, on either side of a line.
const GAP: f32 = 12.0;
/// What lies between two columns: a line, six points wide, and the gaps beside it.
const BETWEEN: f32 = 2.0 * GAP + 6.0;
/// Left free for the bar of the scroll area.
const SCROLL_BAR: f32 = 6.0;

/// How facts, plot and candidates lie, by how much room there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Arrangement {
    /// Beside each other.
    Row,
    /// The plot below the other two.
    Wrapped,
    /// All below each other.
    Stacked,
}

impl Arrangement {
    fn for_width(width: f32) -> Self {
        let two = FACTS + CANDIDATES + BETWEEN;
        if width >= two + SMALLEST_PLOT + BETWEEN {
            Self::Row
        } else if width >= two {
            Self::Wrapped
        } else {
            Self::Stacked
        }
    }
}

pub(super) fn show(shown: &mut Shown<'_>, ui: &mut Ui) {
    let Some(inspected) = shown.state.inspected() else { return };
    let frame =
        Frame::new().fill(shown.tokens.panel).inner_margin(Margin { left: 14, right: 8, top: 6, bottom: 8 });
    let most = (ui.available_height() - LEFT_ABOVE).max(LEAST_HEIGHT);
    let panel = Panel::bottom("inspector")
        .resizable(true)
        .default_size(shown.state.ui.shell.inspector.unwrap_or(HEIGHT).min(most))
        .size_range(LEAST_HEIGHT..=most)
        .frame(frame)
        .show(ui, |ui| {
            heading(shown, ui, &inspected);
            ui.spacing_mut().interact_size.y = 20.0;
            ScrollArea::vertical().auto_shrink(false).show(ui, |ui| columns(shown, ui, &inspected));
        });
    let height = panel.response.rect.height().round();
    if shown.state.ui.shell.inspector != Some(height) {
        shown.send(Action::Shell(ShellAction::Inspector(height)));
    }
}

fn columns(shown: &mut Shown<'_>, ui: &mut Ui, inspected: &Inspected) {
    let width = ui.available_width() - SCROLL_BAR;
    let height = ui.available_height() - 2.0;
    match Arrangement::for_width(width) {
        Arrangement::Row => {
            let plot = width - FACTS - CANDIDATES - 2.0 * BETWEEN;
            ui.horizontal_top(|ui| {
                ui.spacing_mut().item_spacing.x = GAP;
                column(ui, vec2(FACTS, height), |ui| facts::show(shown, ui, inspected));
                ui.separator();
                column(ui, vec2(plot, height), |ui| plot::show(shown, ui, inspected));
                ui.separator();
                column(ui, vec2(CANDIDATES, height), |ui| candidates::show(shown, ui, inspected));
            });
        }
        Arrangement::Wrapped => {
            ui.horizontal_top(|ui| {
                ui.spacing_mut().item_spacing.x = GAP;
                column(ui, vec2(FACTS, 0.0), |ui| facts::show(shown, ui, inspected));
                ui.separator();
                let rest = width - FACTS - BETWEEN;
                column(ui, vec2(rest, 0.0), |ui| candidates::show(shown, ui, inspected));
            });
            column(ui, vec2(width, PLOT_HEIGHT), |ui| plot::show(shown, ui, inspected));
        }
        Arrangement::Stacked => {
            column(ui, vec2(width, 0.0), |ui| facts::show(shown, ui, inspected));
            column(ui, vec2(width, 0.0), |ui| candidates::show(shown, ui, inspected));
            column(ui, vec2(width, PLOT_HEIGHT), |ui| plot::show(shown, ui, inspected));
        }
    }
}

/// A column of this width, at least as high as this.
fn column(ui: &mut Ui, size: Vec2, contents: impl FnOnce(&mut Ui)) {
    ui.allocate_ui_with_layout(size, Layout::top_down(Align::Min), |ui| {
        ui.set_width(size.x);
        ui.set_min_height(size.y);
        contents(ui);
    });
}

/// The mask's name, what can be done with it, and a cross.
fn heading(shown: &mut Shown<'_>, ui: &mut Ui, inspected: &Inspected) {
    let row = Rect::from_min_size(ui.cursor().min, vec2(ui.available_width(), 30.0));
    ui.allocate_rect(row, egui::Sense::hover());
    let mut right = ui.new_child(UiBuilder::new().max_rect(row).layout(Layout::right_to_left(Align::Center)));
    let (rect, _) = right.allocate_exact_size(vec2(24.0, 24.0), egui::Sense::hover());
    if close_button(&mut right, shown.tokens, rect, Id::unique("close inspector"), "Close the inspector") {
        shown.send(Action::Inspect(Inspect::Select(None)));
    }
    tools::menus(shown, &mut right, inspected);
    let room = (right.min_rect().left() - row.left() - 12.0).max(40.0);
    let mut left = ui.new_child(
        UiBuilder::new()
            .max_rect(Rect::from_min_size(row.min, vec2(room, row.height())))
            .layout(Layout::left_to_right(Align::Center)),
    );
    let colors = shown.tokens.phrase(inspected.hue);
    let (dot, _) = left.allocate_exact_size(vec2(12.0, 12.0), egui::Sense::hover());
    left.painter().rect_filled(dot, 3.0, colors.mask);
    let change = inspected.mask.change();
    let room = left.available_width() - if change.is_some() { 62.0 } else { 0.0 };
    left.scope(|ui| {
        let (font, room) = (theme::strong_font(theme::LABEL), room.max(24.0));
        let title = text::cut_line(ui.ctx(), inspected.name.clone(), font, shown.tokens.text, room);
        ui.add(egui::Label::new(title));
    });
    if let Some(note) = change {
        left.label(RichText::new(note).font(theme::small_font()).color(shown.tokens.busy))
            .on_hover_text("Its pixels are no longer those that were given");
    }
}

/// Small capitals above a column.
fn caption(shown: &Shown<'_>, ui: &mut Ui, text: &str) {
    ui.label(
        RichText::new(text.to_uppercase()).font(theme::strong_font(11.0)).color(shown.tokens.text_faint),
    );
}

/// A name at the left, a figure at the right.
fn fact(shown: &Shown<'_>, ui: &mut Ui, name: &str, value: &str, hint: &str) {
    let width = ui.available_width();
    let font = theme::small_font();
    let (rect, response) = ui.allocate_exact_size(vec2(width, 17.0), egui::Sense::hover());
    let tokens = shown.tokens;
    let text = |text: &str, color: Color32| ui.painter().layout_no_wrap(text.to_owned(), font.clone(), color);
    let (name, value) = (text(name, tokens.text_soft), text(value, tokens.text));
    let baseline = rect.center().y - name.size().y * 0.5;
    let at = egui::pos2(rect.right() - value.size().x, baseline);
    ui.painter().galley(egui::pos2(rect.left(), baseline), name, tokens.text_soft);
    ui.painter().galley(at, value, tokens.text);
    response.on_hover_text(hint);
}

/// With thin spaces between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('\u{2009}');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_wrap_where_there_is_little_room() {
        for (width, expected) in [
            (900.0, Arrangement::Row),
            (646.0, Arrangement::Row),
            (645.0, Arrangement::Wrapped),
            (446.0, Arrangement::Wrapped),
            (445.0, Arrangement::Stacked),
            (0.0, Arrangement::Stacked),
        ] {
            assert_eq!(Arrangement::for_width(width), expected, "{width}");
        }
    }

    #[test]
    fn thousands_stand_apart() {
        let plain = |number| grouped(number).replace('\u{2009}', " ");
        assert_eq!([0, 999, 1000, 1_234_567].map(plain), ["0", "999", "1 000", "1 234 567"]);
    }
}
