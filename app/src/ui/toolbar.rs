//! Above the canvas: pictures in, tools, zoom.

use egui::{Align, Layout, Rect, Ui, UiBuilder, pos2, vec2};

use super::Shown;
use super::widgets::{Kind, command_button};
use crate::command::Command;
use crate::theme;

/// Below this width the tools would touch the buttons at the left, one of which makes room for them.
const NARROW: f32 = 500.0;

pub(super) fn show(shown: &mut Shown<'_>, ui: &mut Ui) {
    let all = ui.max_rect();
    part(ui, all, Layout::left_to_right(Align::Center), |ui| {
        command_button(shown, ui, Command::OpenPicture, Kind::Plain);
        if all.width() >= NARROW {
            command_button(shown, ui, Command::NewScene, Kind::Plain);
        }
    });
    // In the middle, or where the canvas is narrow, next to the button at the left.
    let middle = if all.width() < NARROW { all.left() + 190.0 } else { all.center().x };
    let tools = Rect::from_center_size(pos2(middle, all.center().y), vec2(200.0, all.height()));
    part(ui, tools, Layout::left_to_right(Align::Center), |ui| {
        for tool in [Command::SelectTool, Command::BoxTool, Command::PointTool] {
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
