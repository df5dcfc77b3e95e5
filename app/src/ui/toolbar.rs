//! Above the canvas: pictures in, tools, zoom.

use egui::{Align, Layout, Rect, Ui, UiBuilder, pos2, vec2};

use super::Shown;
use super::icons::{Icon, command_icon};
use super::widgets::{Kind, command_button};
use crate::command::Command;
use crate::theme;

/// Below this width tools in the middle would lie on the button that makes scenes, which makes room for them, …
const SCENES_FROM: f32 = 600.0;
/// … below this one for opening pictures, …
const OPEN_FROM: f32 = 450.0;
/// … and below this one for the zoom in figures. All of it is in the menus, too.
const ZOOM_FROM: f32 = 380.0;
/// Width of the tools.
const TOOLS: f32 = 200.0;

pub(super) fn show(shown: &mut Shown<'_>, ui: &mut Ui) {
    let all = ui.max_rect();
    let width = all.width();
    part(ui, all, Layout::left_to_right(Align::Center), |ui| {
        if width >= OPEN_FROM {
            command_button(shown, ui, Command::OpenPicture, Kind::Plain);
        }
        if width >= SCENES_FROM {
            command_button(shown, ui, Command::NewScene, Kind::Plain);
        }
    });
    // In the middle, or where the canvas is narrow, next to what is at the left.
    let left = match width {
        _ if width >= SCENES_FROM => all.center().x - 0.5 * TOOLS,
        _ if width >= OPEN_FROM => all.left() + 90.0,
        _ => all.left(),
    };
    let tools = Rect::from_min_size(pos2(left, all.top()), vec2(TOOLS, all.height()));
    part(ui, tools, Layout::left_to_right(Align::Center), |ui| {
        for tool in [Command::SelectTool, Command::BoxTool, Command::PointTool] {
            let chosen = tool.is_chosen(shown.state) == Some(true) && tool.is_enabled(shown.state);
            command_button(shown, ui, tool, if chosen { Kind::Chosen } else { Kind::Plain });
        }
    });
    part(ui, all, Layout::right_to_left(Align::Center), |ui| {
        command_icon(shown, ui, Command::ToggleSidePanel, Icon::Panel);
        if let Some(view) = shown.state.view().filter(|_| width >= ZOOM_FROM) {
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
