//! A cross-hair that the arrow keys move, for what needs a place: clicks with the Point tool, dabs of the brush.
//! With the other tools, where arrow keys move regions and the picture, Ctrl brings and moves it.

use egui::{Color32, EventFilter, Id, Key, Modifiers, Painter, Pos2, Response, Stroke, Ui, pos2, vec2};
use glamm_engine::protocol::ImageId;
use glamm_engine::vision::Click;

use super::navigate::arrows;
use crate::action::{Action, Inspect};
use crate::canvas::view::View;
use crate::document::Picture;
use crate::state::inspection::Brush;
use crate::state::ui_state::Tool;
use crate::study::{CleanUp, Stroke as BrushStroke};
use crate::ui::Shown;
use crate::ui::widgets::presses;

/// Steps that an arrow key goes with Shift.
const BIG_STEP: f32 = 10.0;
/// Length of the cross-hair's arms, and what is left free in its middle, in points.
const ARM: f32 = 13.0;
const MIDDLE: f32 = 4.0;

/// Whether keys are for the canvas: it has the keyboard, or nothing has it.
pub(super) fn has_keys(shown: &Shown<'_>, response: &Response) -> bool {
    let is_free = response.has_focus() || !response.ctx.egui_wants_keyboard_input();
    is_free && !shown.state.is_behind_dialog()
}

/// Moves the cross-hair and does what is done at it; returns where it is, in pixels of the picture, while it is
/// shown. The first arrow key brings it, the mouse takes it away.
pub(super) fn keys(
    shown: &mut Shown<'_>,
    ui: &Ui,
    response: &Response,
    view: &View,
    picture: &Picture,
) -> Option<Pos2> {
    if response.has_focus() {
        // Else the arrow keys would give the keyboard away.
        let arrows = EventFilter { horizontal_arrows: true, vertical_arrows: true, ..EventFilter::default() };
        ui.memory_mut(|m| m.set_focus_lock_filter(response.id, arrows));
    }
    let memory = Id::unique("keyboard cursor");
    let taken_away = response.hovered() && ui.input(|i| i.pointer.delta() != vec2(0.0, 0.0));
    if taken_away {
        ui.data_mut(|d| d.remove::<(ImageId, Pos2)>(memory));
        return None;
    }
    let known: Option<(ImageId, Pos2)> = ui.data(|d| d.get_temp(memory));
    let before = known.filter(|(image, _)| *image == picture.id).map(|(_, at)| at);
    if !has_keys(shown, response) {
        return before;
    }
    let needs_place = shown.state.held_brush().is_some() || shown.state.ui.tool == Tool::Point;
    let held = if needs_place { Modifiers::NONE } else { Modifiers::COMMAND };
    let steps = arrows(ui, held) + arrows(ui, held | Modifiers::SHIFT) * BIG_STEP;
    let mut cursor = before;
    if steps != vec2(0.0, 0.0) {
        let begin = before.unwrap_or_else(|| view.visible_part().center());
        // A pixel of the picture, or of the screen, whichever is larger.
        let step = (1.0 / view.scale()).ceil().max(1.0);
        let at = on_picture(begin + steps * step, picture.size);
        ui.data_mut(|d| d.insert_temp(memory, (picture.id, at)));
        if !response.rect.contains(view.screen_from_image(at)) {
            shown.send(Action::SetView(view.centered(at)));
        }
        cursor = Some(at);
    }
    if let Some(at) = cursor {
        work(shown, ui, at);
    }
    cursor
}

/// The middle of the nearest pixel.
fn on_picture(at: Pos2, (width, height): (u32, u32)) -> Pos2 {
    let middle = |at: f32, length: u32| at.floor().clamp(0.0, length.max(1) as f32 - 1.0) + 0.5;
    pos2(middle(at.x, width), middle(at.y, height))
}

/// The space bar clicks, or dabs with the brush; with Shift a click takes away. Without either it asks what is to
/// be done about the place.
fn work(shown: &mut Shown<'_>, ui: &Ui, at: Pos2) {
    let brush = shown.state.held_brush();
    for (modifiers, positive) in [(Modifiers::NONE, true), (Modifiers::SHIFT, false)] {
        for _ in 0..presses(ui, modifiers, Key::Space) {
            shown.send(match brush {
                None if shown.state.ui.tool != Tool::Point => Action::OfferAt(Some(at)),
                Some(brush) => {
                    let (radius, erases) = (shown.state.ui.inspection.brush_radius, brush == Brush::Erase);
                    let stroke = BrushStroke { path: vec![(at.x, at.y)], radius, erases };
                    Action::Inspect(Inspect::CleanUp(CleanUp::Stroke(stroke)))
                }
                None => Action::ClickPoint(Click { x: at.x.floor(), y: at.y.floor(), positive }),
            });
        }
    }
}

/// The cross-hair, and around it the brush.
pub(super) fn paint(shown: &Shown<'_>, painter: &Painter, view: &View, at: Pos2) {
    let place = view.screen_from_image(at);
    let dark = Stroke::new(3.0, Color32::from_black_alpha(150));
    for line in [dark, Stroke::new(1.5, Color32::WHITE)] {
        for arm in [vec2(1.0, 0.0), vec2(-1.0, 0.0), vec2(0.0, 1.0), vec2(0.0, -1.0)] {
            painter.line_segment([place + arm * MIDDLE, place + arm * ARM], line);
        }
        if shown.state.held_brush().is_some() {
            painter.circle_stroke(place, shown.state.ui.inspection.brush_radius * view.scale(), line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cross_hair_stays_on_the_picture() {
        for (at, expected) in
            [((3.7, 2.1), (3.5, 2.5)), ((-4.0, 900.0), (0.5, 49.5)), ((100.0, 0.0), (99.5, 0.5))]
        {
            assert_eq!(on_picture(pos2(at.0, at.1), (100, 50)), pos2(expected.0, expected.1));
        }
    }
}
