//! The inspector below the canvas: what is behind the selected mask. Opens when a mask is pinned.

mod candidates;
mod facts;
mod plot;
mod tools;

use egui::{
    Align, Color32, Frame, Id, Layout, Margin, Panel, Rect, RichText, ScrollArea, Ui, UiBuilder, vec2,
};

use super::Shown;
use super::widgets::close_button;
use crate::theme;
use crate::ui::text;
use crate::update::{Action, Inspect, Inspected};

const HEIGHT: f32 = 248.0;
const FACTS: f32 = 190.0;
const CANDIDATES: f32 = 240.0;
const SMALLEST_PLOT: f32 = 150.0;
/// Between columns, on either side of a line.
const GAP: f32 = 12.0;

pub(super) fn show(shown: &mut Shown<'_>, ui: &mut Ui) {
    let Some(inspected) = shown.state.inspected() else { return };
    let frame =
        Frame::new().fill(shown.tokens.panel).inner_margin(Margin { left: 14, right: 8, top: 6, bottom: 8 });
    Panel::bottom("inspector").exact_size(HEIGHT).frame(frame).show(ui, |ui| {
        heading(shown, ui, &inspected);
        ScrollArea::both().auto_shrink(false).show(ui, |ui| {
            ui.horizontal_top(|ui| {
                ui.spacing_mut().item_spacing.x = GAP;
                // A line is six points wide.
                let taken = FACTS + CANDIDATES + 4.0 * GAP + 2.0 * 6.0;
                let plot = (ui.available_width() - taken).max(SMALLEST_PLOT);
                column(ui, FACTS, |ui| facts::show(shown, ui, &inspected));
                ui.separator();
                column(ui, plot, |ui| plot::show(shown, ui, &inspected));
                ui.separator();
                column(ui, CANDIDATES, |ui| candidates::show(shown, ui, &inspected));
            });
        });
    });
}

fn column(ui: &mut Ui, width: f32, contents: impl FnOnce(&mut Ui)) {
    let height = ui.available_height() - 2.0;
    ui.allocate_ui_with_layout(vec2(width, height), Layout::top_down(Align::Min), |ui| {
        ui.set_width(width);
        ui.set_min_height(height);
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
    let changed = inspected.mask.is_changed();
    let room = left.available_width() - if changed { 62.0 } else { 0.0 };
    left.scope(|ui| {
        let (font, room) = (theme::strong_font(theme::LABEL), room.max(24.0));
        let title = text::cut_line(ui.ctx(), inspected.name.clone(), font, shown.tokens.text, room);
        ui.add(egui::Label::new(title));
    });
    if changed {
        let note = if inspected.mask.edited.is_some() { "edited" } else { "changed" };
        left.label(RichText::new(note).font(theme::small_font()).color(shown.tokens.busy))
            .on_hover_text("Its pixels are no longer those that the model gave");
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
    fn thousands_stand_apart() {
        let plain = |number| grouped(number).replace('\u{2009}', " ");
        assert_eq!([0, 999, 1000, 1_234_567].map(plain), ["0", "999", "1 000", "1 234 567"]);
    }
}
