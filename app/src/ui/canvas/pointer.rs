//! The pointer on the picture: what it is on, drags, clicks.

use egui::{CursorIcon, Event, Key, MouseWheelUnit, PointerButton, Pos2, Response, Ui, Vec2};
use glamm_engine::vision::{Click, PixelBox};

use crate::action::Action;
use crate::canvas::gesture::{Gesture, Grip, Handle};
use crate::canvas::picking;
use crate::canvas::view::View;
use crate::document::{MaskId, Picture, RegionTag};
use crate::state::VisibleMask;
use crate::state::ui_state::Tool;
use crate::ui::Shown;

/// How near the pointer must be to a handle, in points.
const REACH: f32 = 9.0;
/// What a touchpad moves for a step through the masks under the pointer, in points.
const POINTS_PER_STEP: f32 = 30.0;
/// How near an edge must come to the picture's border to snap to it, in points.
const SNAP: f32 = 6.0;

/// What the pointer is on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pointed {
    /// Where it is, in pixels of the picture.
    pub(super) at: Pos2,
    /// The mask there: the smallest, or the one that Alt and the wheel have brought up.
    pub(super) mask: Option<MaskId>,
}

/// What a button does that is down on the canvas; decided when it goes down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Press {
    /// It works with the tool or the brush in the hand.
    Works,
    /// It moves the picture.
    Pans,
    /// Nothing more: Escape has ended what it did.
    Over,
}

/// What the button does that is down, or was until now.
pub(super) fn press(shown: &Shown<'_>, ui: &Ui, response: &Response) -> Option<Press> {
    let memory = response.id.with("press");
    let before: Option<Press> = ui.data(|d| d.get_temp(memory));
    let (any, primary) = ui.input(|i| (i.pointer.any_down(), i.pointer.primary_down()));
    if !any {
        ui.data_mut(|d| d.remove::<Press>(memory));
        return before;
    }
    let now = match before {
        _ if shown.escape => Press::Over,
        Some(press) => press,
        None if primary && !space_held(ui) => Press::Works,
        None => Press::Pans,
    };
    ui.data_mut(|d| d.insert_temp(memory, now));
    Some(now)
}

/// What the pointer is on, without any button.
pub(super) fn point(
    shown: &mut Shown<'_>,
    ui: &Ui,
    response: &Response,
    view: &View,
    picture: &Picture,
    masks: &[VisibleMask],
) -> Option<Pointed> {
    let at = view.image_from_screen(response.hover_pos()?);
    let (width, height) = picture.size;
    let on_picture = (0.0..width as f32).contains(&at.x) && (0.0..height as f32).contains(&at.y);
    if on_picture {
        shown.pointer = Some((at.x, at.y));
    }
    let mask = in_stack(ui, response, &picking::masks_at(masks.iter().map(|m| &m.mask), at));
    if let Some(mask) = mask.filter(|_| !response.dragged()) {
        shown.hovered = vec![mask];
    }
    let cursor = match handle_at(shown, view, picture, view.screen_from_image(at)) {
        _ if space_held(ui) => CursorIcon::Grab,
        Some((.., handle)) => handle_cursor(handle),
        None if shown.state.ui.tool == Tool::Box && on_picture => CursorIcon::Crosshair,
        None if shown.state.ui.tool == Tool::Box => CursorIcon::Default,
        None if shown.state.ui.tool == Tool::Point && on_picture => CursorIcon::Crosshair,
        None if picking::region_at(&picture.regions, at).is_some() => CursorIcon::Move,
        None if !shown.hovered.is_empty() => CursorIcon::PointingHand,
        None => CursorIcon::Default,
    };
    ui.ctx().set_cursor_icon(cursor);
    Some(Pointed { at, mask })
}

/// How far Alt and the wheel have gone through the masks under the pointer.
#[derive(Debug, Clone, Default)]
struct Depth {
    /// The masks it is about; over others it begins anew.
    stack: Vec<MaskId>,
    /// Steps of the wheel; part of one comes from a touchpad.
    steps: f32,
}

/// The mask of the stack that is meant, smallest first. Alt and the wheel go on to the next, and from
/// the last to the first.
fn in_stack(ui: &Ui, response: &Response, stack: &[MaskId]) -> Option<MaskId> {
    let memory = response.id.with("depth");
    let known: Depth = ui.data(|d| d.get_temp(memory)).unwrap_or_default();
    let mut depth = if known.stack == stack { known } else { Depth { stack: stack.to_vec(), steps: 0.0 } };
    if stack.len() > 1 && response.contains_pointer() {
        depth.steps = (depth.steps + ui.input(wheel_steps)).rem_euclid(stack.len() as f32);
    }
    let place = depth.steps.floor() as usize;
    ui.data_mut(|d| d.insert_temp(memory, depth));
    stack.get(place).or(stack.first()).copied()
}

/// How far the wheel was turned with Alt, downwards.
fn wheel_steps(input: &egui::InputState) -> f32 {
    let of = |event: &Event| match event {
        Event::MouseWheel { unit, delta, modifiers, .. } if modifiers.alt => match unit {
            MouseWheelUnit::Point => -(delta.x + delta.y) / POINTS_PER_STEP,
            MouseWheelUnit::Line | MouseWheelUnit::Page => -(delta.x + delta.y).signum(),
        },
        _ => 0.0,
    };
    input.events.iter().map(of).sum()
}

pub(super) fn space_held(ui: &Ui) -> bool {
    !ui.ctx().egui_wants_keyboard_input() && ui.input(|i| i.key_down(Key::Space))
}

fn handle_cursor(handle: Handle) -> CursorIcon {
    match (handle.x, handle.y) {
        (0, _) => CursorIcon::ResizeVertical,
        (_, 0) => CursorIcon::ResizeHorizontal,
        (x, y) if x == y => CursorIcon::ResizeNwSe,
        _ => CursorIcon::ResizeNeSw,
    }
}

/// The handle of the selected region near a place on the screen.
fn handle_at(
    shown: &Shown<'_>,
    view: &View,
    picture: &Picture,
    at: Pos2,
) -> Option<(RegionTag, PixelBox, Handle)> {
    let region = picture.region(shown.state.ui.selected_region?).filter(|region| !region.hidden)?;
    let near =
        |handle: &Handle| view.screen_from_image(handle.position(&region.bounds)).distance(at) <= REACH;
    Handle::ALL.into_iter().find(near).map(|handle| (region.tag, region.bounds, handle))
}

/// Drags: regions with the left button, the picture with the middle one, with space, or from a
/// place where there is nothing else.
pub(super) fn drag(shown: &mut Shown<'_>, ui: &Ui, response: &Response, view: &View, picture: &Picture) {
    if let Some(gesture) = shown.state.ui.gesture {
        if shown.escape {
            shown.send(Action::Gesture(None));
        } else if let Some(pointer) = ui.input(|i| i.pointer.interact_pos()) {
            let (to, snap) = (view.image_from_screen(pointer), snap(ui, view));
            let next = Gesture { to, snap, ..gesture };
            // Held still it is no news, and the window rests.
            if next != gesture {
                shown.send(Action::Gesture(Some(next)));
            }
        }
        if !response.dragged() {
            shown.send(Action::FinishGesture);
        }
        return;
    }
    let panning = response.dragged_by(PointerButton::Middle);
    if !panning && response.drag_started_by(PointerButton::Primary) && !space_held(ui) {
        let Some(pressed) = ui.input(|i| i.pointer.press_origin()) else { return };
        let now = response.interact_pointer_pos().unwrap_or(pressed);
        if let Some(grip) = grip_at(shown, view, picture, pressed) {
            if let Grip::Move(tag, _) = grip {
                shown.send(Action::SelectRegion(Some(tag)));
            }
            let (from, to) = (view.image_from_screen(pressed), view.image_from_screen(now));
            shown.send(Action::Gesture(Some(Gesture { grip, from, to, snap: snap(ui, view) })));
            return;
        }
    }
    if panning || response.dragged_by(PointerButton::Primary) {
        pan(shown, ui, response, view);
    }
}

/// The picture follows the pointer.
pub(super) fn pan(shown: &mut Shown<'_>, ui: &Ui, response: &Response, view: &View) {
    ui.ctx().set_cursor_icon(CursorIcon::Grabbing);
    if response.drag_delta() != Vec2::ZERO {
        shown.send(Action::SetView(view.panned(response.drag_delta())));
    }
}

/// In pixels of the picture; nothing snaps while Alt is held.
fn snap(ui: &Ui, view: &View) -> f32 {
    if ui.input(|i| i.modifiers.alt) { 0.0 } else { SNAP / view.scale() }
}

fn grip_at(shown: &Shown<'_>, view: &View, picture: &Picture, pressed: Pos2) -> Option<Grip> {
    if let Some((tag, bounds, handle)) = handle_at(shown, view, picture, pressed) {
        return Some(Grip::Resize(tag, bounds, handle));
    }
    if shown.state.ui.tool == Tool::Box {
        return Some(Grip::Draw);
    }
    let tag = picking::region_at(&picture.regions, view.image_from_screen(pressed))?;
    picture.region(tag).map(|region| Grip::Move(tag, region.bounds))
}

/// A click adds to a mask with the Point tool. Else it selects the region or pins the mask under it,
/// and where there is nothing, and nothing was selected, it offers what can be done about the place.
pub(super) fn click(
    shown: &mut Shown<'_>,
    ui: &Ui,
    response: &Response,
    picture: &Picture,
    pointed: Option<Pointed>,
) {
    let Some(Pointed { at, mask }) =
        pointed.filter(|_| response.clicked_by(PointerButton::Primary) || response.secondary_clicked())
    else {
        return;
    };
    let (width, height) = picture.size;
    let on_picture = (0.0..width as f32).contains(&at.x) && (0.0..height as f32).contains(&at.y);
    if shown.state.ui.tool == Tool::Point {
        if on_picture {
            let takes_away = response.secondary_clicked() || ui.input(|i| i.modifiers.alt);
            let click = Click { x: at.x.floor(), y: at.y.floor(), positive: !takes_away };
            shown.send(Action::ClickPoint(click));
        }
        return;
    }
    let region = picking::region_at(&picture.regions, at);
    let selected = shown.state.ui.selected_region.is_some();
    shown.send(Action::SelectRegion(region));
    if region.is_some() || !response.clicked_by(PointerButton::Primary) {
        return;
    }
    if let Some(mask) = mask {
        shown.send(Action::TogglePin(mask));
    } else if on_picture && !selected && shown.state.ui.tool == Tool::Select {
        let again = shown.state.ui.offered_at.is_some();
        shown.send(Action::OfferAt((!again).then_some(at)));
    }
}
