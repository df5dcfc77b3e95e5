//! Wheel, pinch and keys: how the picture is looked at, and regions moved by the arrow keys.

use egui::{Key, Modifiers, MouseWheelUnit, Response, Ui, Vec2};

use super::cursor::has_keys;
use crate::action::Action;
use crate::canvas::view::View;
use crate::document::Picture;
use crate::ui::Shown;
use crate::ui::widgets::presses;

/// Points of wheel travel that zoom by a factor of e.
const WHEEL_PER_E: f32 = 240.0;
/// Pixels of the picture that an arrow key moves a region by, with shift.
const BIG_NUDGE: f32 = 10.0;
/// A touchpad that was not heard of for this long, in seconds, has ended its scrolling.
const ONE_SCROLL: f64 = 0.3;
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

/// Smoothing spreads a turn over frames that carry no event, so what began it is remembered, and when it
/// was last heard of.
fn turn(ui: &Ui, response: &Response) -> Turn {
    let memory = response.id.with("wheel");
    let (mut turn, mut heard): (Turn, f64) = ui.data(|d| d.get_temp(memory)).unwrap_or_default();
    ui.input(|i| {
        for event in &i.events {
            if let egui::Event::MouseWheel { unit, delta, modifiers, .. } = event {
                let before = (i.time - heard < ONE_SCROLL).then_some(turn);
                turn = turned_by(*unit, *delta, *modifiers, before);
                heard = i.time;
            }
        }
    });
    ui.data_mut(|d| d.insert_temp(memory, (turn, heard)));
    turn
}

/// What turned, by one event of it. On X11 touchpads speak of lines as well, but of parts of them, and to the
/// sides; a whole line in the midst of a touchpad's scrolling belongs to that. `before` is what has turned
/// just now.
fn turned_by(unit: MouseWheelUnit, delta: Vec2, modifiers: Modifiers, before: Option<Turn>) -> Turn {
    let in_parts = delta.x != 0.0 || delta.y.fract() != 0.0;
    match unit {
        _ if modifiers.alt => Turn::ThroughMasks,
        MouseWheelUnit::Line if !in_parts && before != Some(Turn::Touchpad) => Turn::Wheel,
        MouseWheelUnit::Page => Turn::Wheel,
        MouseWheelUnit::Line | MouseWheelUnit::Point => Turn::Touchpad,
    }
}

/// Arrow keys move the selected region by a pixel, with shift by ten; without one, the picture.
pub(super) fn keys(shown: &mut Shown<'_>, ui: &Ui, response: &Response, picture: &Picture) {
    if !has_keys(shown, response) {
        return;
    }
    let (steps, big_steps) = (arrows(ui, Modifiers::NONE), arrows(ui, Modifiers::SHIFT));
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

/// Steps to the right and down that the arrow keys were pressed for, with just these modifiers.
pub(super) fn arrows(ui: &Ui, modifiers: Modifiers) -> Vec2 {
    let steps = |less, more| presses(ui, modifiers, more) as f32 - presses(ui, modifiers, less) as f32;
    Vec2::new(steps(Key::ArrowLeft, Key::ArrowRight), steps(Key::ArrowUp, Key::ArrowDown))
}

#[cfg(test)]
mod tests {
    use super::*;
    use MouseWheelUnit::{Line, Point};

    #[test]
    fn touchpads_are_told_from_wheels() {
        let turned = |unit, x, y, before| turned_by(unit, Vec2::new(x, y), Modifiers::NONE, before);
        for lines in [-3.0, -1.0, 1.0, 2.0] {
            assert_eq!(turned(Line, 0.0, lines, None), Turn::Wheel, "{lines}");
            assert_eq!(turned(Line, 0.0, lines, Some(Turn::ThroughMasks)), Turn::Wheel, "{lines}");
            assert_eq!(turned(Line, 0.0, lines, Some(Turn::Touchpad)), Turn::Touchpad, "{lines}");
        }
        for (x, y) in [(0.0, 0.4), (0.0, -1.25), (1.0, 0.0), (-0.3, 1.0)] {
            assert_eq!(turned(Line, x, y, None), Turn::Touchpad, "{x} {y}");
        }
        assert_eq!(turned(Point, 0.0, 12.0, None), Turn::Touchpad);
        assert_eq!(turned_by(Line, Vec2::Y, Modifiers::ALT, Some(Turn::Touchpad)), Turn::ThroughMasks);
    }
}
