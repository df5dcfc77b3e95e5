//! Above the canvas: pictures in, tools, zoom.

use egui::{Align, Layout, Rect, Ui, UiBuilder, vec2};

use super::Shown;
use super::widgets::{Kind, command_button};
use crate::command::Command;
use crate::theme;

pub(super) fn show(shown: &mut Shown<'_>, ui: &mut Ui) {
    let all = ui.max_rect();
    part(ui, all, Layout::left_to_right(Align::Center), |ui| {
        command_button(shown, ui, Command::OpenPicture, Kind::Plain);
        command_button(shown, ui, Command::NewScene, Kind::Plain);
    });
    let tools = Rect::from_center_size(all.center(), vec2(130.0, all.height()));
    part(ui, tools, Layout::left_to_right(Align::Center), |ui| {
        for tool in [Command::SelectTool, Command::BoxTool] {
            let chosen = tool.is_chosen(shown.state) == Some(true) && tool.is_enabled(shown.state);
            command_button(shown, ui, tool, if chosen { Kind::Chosen } else { Kind::Plain });
        }
    });
    part(ui, all, Layout::right_to_left(Align::Center), |ui| {
        if let Some(view) = shown.state.view() {
            let percent = view.scale() * shown.state.ui.pixels_per_point * 100.0;
            let text = egui::RichText::new(format!("{percent:.0} %")).font(theme::label_font());
            ui.label(text.color(shown.tokens.text_faint));
        }
        command_button(shown, ui, Command::ZoomFit, Kind::Plain);
    });
}

fn part(ui: &mut Ui, rect: Rect, layout: Layout, contents: impl FnOnce(&mut Ui)) {
    ui.scope_builder(UiBuilder::new().max_rect(rect).layout(layout), contents);
}
