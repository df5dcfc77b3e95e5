//! Wheel, pinch and keys: how the picture is looked at, and regions moved by the arrow keys.

use egui::{Key, Modifiers, MouseWheelUnit, Response, Ui, Vec2};

use crate::canvas::view::View;
use crate::document::Picture;
use crate::ui::Shown;
use crate::update::Action;

/// Points of wheel travel that zoom by a factor of e.
const WHEEL_PER_E: f32 = 240.0;
/// Pixels of the picture that an arrow key moves a region by, with shift.
const BIG_NUDGE: f32 = 10.0;
/// Share of the canvas that an arrow key moves the picture by, where no region is selected.
const PAN: f32 = 0.1;

pub(super) fn wheel(shown: &mut Shown<'_>, ui: &Ui, response: &Response, view: &View) {
    let Some(pointer) = ui.input(|i| i.pointer.hover_pos()).filter(|_| response.contains_pointer()) else {
        return;
    };
    let (zoom, scroll) = ui.input(|i| (i.zoom_delta(), i.smooth_scroll_delta()));
    if (zoom - 1.0).abs() > 1e-4 {
        shown.send(Action::SetView(view.zoomed(zoom, pointer)));
        return;
    }
    let turned = turn(ui, response);
    if scroll == Vec2::ZERO || turned == Turn::ThroughMasks {
    } else if turned == Turn::Wheel && !ui.input(|i| i.modifiers.shift) {
        shown.send(Action::SetView(view.zoomed((scroll.y / WHEEL_PER_E).exp(), pointer)));
    } else {
        shown.send(Action::SetView(view.panned(scroll)));
    }
}

/// What began the scrolling that goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Turn {
    /// A touchpad, which moves in points and pans.
    #[default]
    Touchpad,
    /// A wheel, which turns in lines and zooms.
    Wheel,
    /// Either with Alt, which goes through the masks under the pointer.
    ThroughMasks,
}

/// Smoothing spreads a turn over frames that carry no event, so what began it is remembered.
fn turn(ui: &Ui, response: &Response) -> Turn {
    let memory = response.id.with("wheel");
    let of = |event: &egui::Event| match event {
        egui::Event::MouseWheel { modifiers, .. } if modifiers.alt => Some(Turn::ThroughMasks),
        egui::Event::MouseWheel { unit: MouseWheelUnit::Line, .. } => Some(Turn::Wheel),
        egui::Event::MouseWheel { .. } => Some(Turn::Touchpad),
        _ => None,
    };
    if let Some(turn) = ui.input(|i| i.events.iter().rev().find_map(of)) {
        ui.data_mut(|d| d.insert_temp(memory, turn));
    }
    ui.data(|d| d.get_temp(memory)).unwrap_or_default()
}

/// Arrow keys move the selected region by a pixel, with shift by ten; without one, the picture.
pub(super) fn keys(shown: &mut Shown<'_>, ui: &Ui, picture: &Picture) {
    if ui.ctx().egui_wants_keyboard_input() {
        return;
    }
    let arrows = [
        (Key::ArrowLeft, Vec2::new(-1.0, 0.0)),
        (Key::ArrowRight, Vec2::new(1.0, 0.0)),
        (Key::ArrowUp, Vec2::new(0.0, -1.0)),
        (Key::ArrowDown, Vec2::new(0.0, 1.0)),
    ];
    let pressed = |shift: bool| {
        let modifiers = if shift { Modifiers::SHIFT } else { Modifiers::NONE };
        ui.input_mut(|i| {
            if i.modifiers != modifiers {
                return Vec2::ZERO;
            }
            arrows
                .iter()
                .map(|(key, step)| *step * i.count_and_consume_key(modifiers, *key) as f32)
                .fold(Vec2::ZERO, |sum, step| sum + step)
        })
    };
    let (steps, big_steps) = (pressed(false), pressed(true));
    let by = steps + big_steps * BIG_NUDGE;
    if by == Vec2::ZERO {
        return;
    }
    let selected = shown.state.ui.selected_region.and_then(|tag| picture.region(tag));
    if selected.is_some_and(|region| !region.hidden) {
        shown.send(Action::NudgeRegion { dx: by.x, dy: by.y });
    } else if let Some(view) = shown.state.view() {
        let step = shown.state.ui.canvas.size() * PAN;
        shown.send(Action::SetView(view.panned(-(steps + big_steps * 3.0) * step)));
    }
}
