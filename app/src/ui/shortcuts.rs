//! The list of keyboard shortcuts, from the command table, in as many columns as there is room for.

use egui::{Align, Id, Label, Layout, Modal, Modifiers, RichText, ScrollArea, Ui, UiBuilder, vec2};

use super::Shown;
use super::widgets::{Kind, button, dialog_frame, keys};
use crate::action::Action;
use crate::command::{Command, Menu};
use crate::theme::{self, Tokens};

/// What the mouse does on the canvas, which is in no table.
const MOUSE: [(&str, &str); 11] = [
    ("Zoom", "Wheel or pinch"),
    ("Move the picture", "Middle button, or space and drag"),
    ("Bring a mask out", "Point at it or at its phrase"),
    ("Pin a mask", "Click it or its phrase"),
    ("Masks that overlap", "Alt and wheel go through them"),
    ("The menu of a mask", "Right-click it or its phrase"),
    ("Ask about a place", "Click where nothing is"),
    ("Move a region", "Drag, or arrows (shift: ten pixels)"),
    ("Drag without snapping", "Hold Alt"),
    ("Refer to a region", "Drag its number into the question"),
    ("Take away from a mask", "Alt and click, with Point"),
];

/// Keys that belong to no command.
const KEYS: [(&str, &str); 5] = [
    ("Cross-hair for Point, brush", "Arrows (shift: ten steps)"),
    ("Click there, or dab", "Space"),
    ("Take away there, with Point", "Shift+Space"),
    ("Menu of what is selected", "Shift+F10 or Menu"),
    ("Dismiss the newest message", "Escape"),
];

/// Width of a column, and what lies between two, in points.
const COLUMN: f32 = 330.0;
const GAP: f32 = 34.0;
/// More columns would be read across, not down.
const MOST_COLUMNS: usize = 3;
/// What the dialog's frame, its heading and its button take, and what stays free around it.
const AROUND: egui::Vec2 = vec2(2.0 * 24.0 + 40.0, 190.0);
/// Height of a line.
const LINE: f32 = 22.0;
/// Left free for the bar of the scroll area.
const SCROLL_BAR: f32 = 8.0;

/// A heading, and what stands below it.
struct Section {
    title: &'static str,
    /// What is done, and how.
    lines: Vec<(String, String)>,
}

pub(super) fn show(shown: &mut Shown<'_>, ui: &Ui) {
    if !shown.state.ui.shortcuts_open {
        return;
    }
    let tokens = shown.tokens;
    let room = ui.ctx().content_rect().size() - AROUND;
    let sections = sections(ui);
    let count = columns_in(room.x);
    let width = (count as f32 * (COLUMN + GAP) - GAP).min(room.x);
    let modal = Modal::new(Id::unique("shortcuts")).frame(dialog_frame(ui)).show(ui.ctx(), |ui| {
        ui.set_width(width);
        ui.label(RichText::new("Keyboard and mouse").font(theme::strong_font(18.0)).color(tokens.text));
        ui.add_space(6.0);
        // As high as what is in it, up to the window's height.
        let height = room.y.max(120.0);
        let area = ScrollArea::vertical().max_height(height).min_scrolled_height(height);
        area.auto_shrink([false, true]).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            columns(ui, tokens, &sections, count);
        });
        ui.add_space(6.0);
        button(ui, tokens, "Close", Kind::Plain).clicked()
    });
    if modal.inner || modal.should_close() {
        shown.send(Action::CloseShortcuts);
    }
}

fn columns_in(width: f32) -> usize {
    (((width + GAP) / (COLUMN + GAP)) as usize).clamp(1, MOST_COLUMNS)
}

fn sections(ui: &Ui) -> Vec<Section> {
    let of_menu = |menu: Menu| {
        let line = |command: Command| {
            let all: Vec<String> = command.shortcuts().map(|shortcut| keys(ui, shortcut)).collect();
            (command.info().label.to_owned(), all.join(" or "))
        };
        let commands = Command::ALL.into_iter().filter(|command| command.info().menu == menu);
        Section { title: menu.label(), lines: commands.map(line).collect() }
    };
    let lines =
        |list: &[(&str, &str)]| list.iter().map(|(what, how)| ((*what).into(), (*how).into())).collect();
    let mut sections: Vec<_> = Menu::ALL.map(of_menu).into();
    let mut keys: Vec<(String, String)> = lines(&KEYS);
    let command = ui.ctx().format_modifiers(Modifiers::COMMAND);
    keys.insert(1, ("Cross-hair for Select".to_owned(), format!("{command} and arrows")));
    sections.push(Section { title: "Other keys", lines: keys });
    sections.push(Section { title: "Mouse", lines: lines(&MOUSE) });
    sections
}

/// How many sections stand in each column: they keep their order, and the highest column is as low as can be.
fn spread(heights: &[usize], count: usize) -> Vec<usize> {
    let highest = heights.iter().copied().max().unwrap_or(0);
    let total: usize = heights.iter().sum();
    let fill = |limit: usize| {
        let mut columns = vec![0];
        let mut filled = 0;
        for height in heights {
            if filled + height > limit {
                columns.push(0);
                filled = 0;
            }
            filled += height;
            if let Some(column) = columns.last_mut() {
                *column += 1;
            }
        }
        columns
    };
    let low_enough = (highest..total).map(fill).find(|columns| columns.len() <= count);
    low_enough.unwrap_or_else(|| vec![heights.len()])
}

fn columns(ui: &mut Ui, tokens: &Tokens, sections: &[Section], count: usize) {
    // A heading and what is left free around it are as high as two lines.
    let heights: Vec<usize> = sections.iter().map(|section| section.lines.len() + 2).collect();
    let all = ui.available_rect_before_wrap();
    let width = (all.width() - SCROLL_BAR - (count as f32 - 1.0) * GAP) / count as f32;
    let (mut bottom, mut rest) = (all.top(), sections.iter());
    for (place, sections) in spread(&heights, count).into_iter().enumerate() {
        let corner = all.min + vec2(place as f32 * (width + GAP), 0.0);
        let column = egui::Rect::from_min_size(corner, vec2(width, f32::INFINITY));
        let used = ui.scope_builder(UiBuilder::new().max_rect(column), |ui| {
            for section in rest.by_ref().take(sections) {
                rows(ui, tokens, section);
            }
        });
        bottom = bottom.max(used.response.rect.bottom());
    }
    ui.advance_cursor_after_rect(egui::Rect::from_min_max(all.min, egui::pos2(all.right(), bottom)));
}

fn rows(ui: &mut Ui, tokens: &Tokens, section: &Section) {
    ui.add_space(0.25 * LINE);
    ui.label(RichText::new(section.title).font(theme::strong_font(theme::LABEL)).color(tokens.text));
    ui.add_space(0.1 * LINE);
    for (what, how) in &section.lines {
        ui.allocate_ui_with_layout(
            vec2(ui.available_width(), LINE),
            Layout::left_to_right(Align::Center),
            |ui| {
                ui.set_min_height(LINE);
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    ui.label(RichText::new(how).font(theme::small_font()).color(tokens.text_faint));
                    ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                        ui.add(Label::new(RichText::new(what).color(tokens.text_soft)).truncate());
                    });
                });
            },
        );
    }
    ui.add_space(0.5 * LINE);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_about_as_high_as_each_other() {
        for (heights, count, expected) in [
            (&[4, 4, 4][..], 3, vec![1, 1, 1]),
            (&[10, 2, 3, 5], 2, vec![1, 3]),
            (&[1, 1, 1, 9], 2, vec![3, 1]),
            (&[5, 6, 7], 1, vec![3]),
            (&[], 2, vec![0]),
        ] {
            assert_eq!(spread(heights, count), expected, "{heights:?} in {count}");
        }
    }

    #[test]
    fn there_are_as_many_columns_as_fit() {
        for (width, expected) in [(200.0, 1), (693.0, 1), (694.0, 2), (1058.0, 3), (3000.0, 3)] {
            assert_eq!(columns_in(width), expected, "{width}");
        }
    }
}
