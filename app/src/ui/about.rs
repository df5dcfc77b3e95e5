//! Which program this is, and under which licences it and its parts stand.

use std::sync::LazyLock;

use egui::{Id, Modal, RichText, ScrollArea, Ui};

use super::Shown;
use super::widgets::{Kind, button, dialog_frame, paragraph};
use crate::action::Action;
use crate::state::shell::ShellAction;
use crate::theme;

/// Made by `assets/licences/collect.py`.
const THIRD_PARTY: &str = include_str!("../../../assets/licences/third-party.txt");
/// Its lines: there are many, and only those in sight are laid out.
static LINES: LazyLock<Vec<&str>> = LazyLock::new(|| THIRD_PARTY.lines().collect());

const TEXT: &str = "Runs GLaMM (Rasheed et al., GLaMM: Pixel Grounding Large Multimodal Model, CVPR 2024) on \
                    your own machine. The program and its demo model are under the Apache License 2.0. Weights \
                    that you fetch stand under the licences of their model cards.";

pub(super) fn show(shown: &mut Shown<'_>, ui: &Ui) {
    if !shown.state.ui.shell.about_open {
        return;
    }
    let tokens = shown.tokens;
    let room = ui.ctx().content_rect().size();
    let frame = dialog_frame(ui);
    let modal =
        Modal::new(Id::unique("about")).frame(frame).show(ui.ctx(), |ui| {
            ui.set_width((room.x - 100.0).min(640.0));
            ui.label(RichText::new("GLaMM Desktop").font(theme::strong_font(20.0)).color(tokens.text));
            let version = format!("Version {}", env!("CARGO_PKG_VERSION"));
            ui.label(RichText::new(version).font(theme::small_font()).color(tokens.text_faint));
            paragraph(ui, TEXT, theme::LABEL, tokens.text_soft);
            ui.add_space(4.0);
            let heading = RichText::new("Libraries and fonts").font(theme::strong_font(theme::LABEL));
            ui.label(heading.color(tokens.text));
            egui::Frame::new().fill(tokens.raised).corner_radius(8.0).inner_margin(10.0).show(ui, |ui| {
                let height = ui.text_style_height(&egui::TextStyle::Small);
                ui.spacing_mut().item_spacing.y = 2.0;
                ScrollArea::both()
                    .max_height((room.y - 330.0).clamp(120.0, 380.0))
                    .auto_shrink(false)
                    .show_rows(ui, height, LINES.len(), |ui, rows| {
                        for line in LINES.get(rows).unwrap_or_default() {
                            let text = RichText::new(*line).font(theme::small_font()).color(tokens.text_soft);
                            ui.add(egui::Label::new(text).extend().selectable(true));
                        }
                    });
            });
            ui.add_space(4.0);
            button(ui, tokens, "Close", Kind::Plain).clicked()
        });
    if modal.inner || modal.should_close() {
        shown.send(Action::Shell(ShellAction::CloseAbout));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_and_fonts_are_named() {
        for part in ["candle-core", "egui", "Inter", "Noto Sans Arabic", "Droid Sans Fallback"] {
            assert!(LINES.iter().any(|line| line.contains(part)), "{part}");
        }
        assert!(
            THIRD_PARTY.contains("Permission is hereby granted, free of charge"),
            "texts, not names alone"
        );
    }
}
