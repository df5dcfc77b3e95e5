//! The list of keyboard shortcuts, from the command table.

use egui::{Grid, Id, Modal, RichText, Ui};

use super::Shown;
use super::widgets::{Kind, button, dialog_frame};
use crate::command::{Command, Menu};
use crate::theme;
use crate::update::Action;

/// What the mouse does on the canvas, which is in no table.
const MOUSE: [(&str, &str); 11] = [
    ("Zoom", "Wheel or pinch"),
    ("Move the picture", "Middle button, or space and drag"),
    ("Bring a mask out", "Point at it or at its phrase"),
    ("Pin a mask", "Click it or its phrase"),
    ("Masks that overlap", "Alt and wheel go through them"),
    ("The menu of a mask", "Other button on it or its phrase"),
    ("Ask about a place", "Click where nothing is"),
    ("Move a region", "Drag, or arrow keys (shift: ten pixels)"),
    ("Drag without snapping", "Hold Alt"),
    ("Refer to a region", "Drag its number into the question"),
    ("Take away from a mask", "Alt and click, with Point"),
];

pub(super) fn show(shown: &mut Shown<'_>, ui: &Ui) {
    if !shown.state.ui.shortcuts_open {
        return;
    }
    let tokens = shown.tokens;
    let frame = dialog_frame(ui);
    let modal = Modal::new(Id::unique("shortcuts")).frame(frame).show(ui.ctx(), |ui| {
        ui.set_width(700.0);
        ui.spacing_mut().interact_size.y = 18.0;
        ui.label(RichText::new("Keyboard and mouse").font(theme::strong_font(18.0)).color(tokens.text));
        ui.add_space(6.0);
        let height = (ui.ctx().content_rect().height() - 190.0).max(120.0);
        egui::ScrollArea::vertical()
            .max_height(height)
            .auto_shrink([false, true])
            .show(ui, |ui| columns(shown, ui));
        ui.add_space(6.0);
        button(ui, tokens, "Close", Kind::Plain, true).clicked()
    });
    if modal.inner || modal.should_close() {
        shown.send(Action::CloseShortcuts);
    }
}

fn columns(shown: &Shown<'_>, ui: &mut Ui) {
    ui.columns(2, |columns| {
        for (column, menus) in columns.iter_mut().zip([&Menu::ALL[..2], &Menu::ALL[2..]]) {
            for menu in menus {
                table(column, shown, *menu);
            }
        }
        columns[1].add_space(8.0);
        rows(&mut columns[1], shown, "Mouse", &MOUSE.map(|(what, how)| (what.to_owned(), how.to_owned())));
    });
}

fn table(ui: &mut Ui, shown: &Shown<'_>, menu: Menu) {
    let line = |command: Command| {
        let info = command.info();
        let keys = ui.ctx().format_shortcut(&info.shortcut.filter(|_| info.menu == menu)?);
        let other = command.other_shortcut().map(|other| ui.ctx().format_shortcut(&other));
        Some((
            info.label.to_owned(),
            other.map_or_else(|| keys.clone(), |other| format!("{keys} or {other}")),
        ))
    };
    let lines: Vec<_> = Command::ALL.into_iter().filter_map(line).collect();
    if !lines.is_empty() {
        rows(ui, shown, menu.label(), &lines);
    }
}

fn rows(ui: &mut Ui, shown: &Shown<'_>, title: &str, lines: &[(String, String)]) {
    let tokens = shown.tokens;
    ui.label(RichText::new(title).font(theme::strong_font(theme::LABEL)).color(tokens.text));
    Grid::new(("shortcuts", title)).num_columns(2).spacing([18.0, 5.0]).min_col_width(132.0).show(ui, |ui| {
        for (what, how) in lines {
            ui.label(RichText::new(what).color(tokens.text_soft));
            ui.label(RichText::new(how).color(tokens.text_faint));
            ui.end_row();
        }
    });
    ui.add_space(4.0);
}
