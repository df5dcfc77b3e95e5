//! The canvas: the picture, its masks and regions, and everything the pointer does there.

use eframe::egui_wgpu;
use egui::{
    Align2, Color32, CornerRadius, CursorIcon, Id, Key, MouseWheelUnit, Pos2, Rect, Response, Role, Sense,
    Shape, Stroke, StrokeKind, Ui, UiBuilder, Vec2, WidgetInfo, pos2, vec2,
};
use glamm_engine::vision::PixelBox;

use super::Shown;
use super::widgets::{Kind, command_button};
use crate::canvas::gesture::{Gesture, Grip, Handle};
use crate::canvas::picking;
use crate::canvas::view::View;
use crate::command::Command;
use crate::document::{Edit, Picture, Region, RegionEdit, RegionTag};
use crate::render::mask::{MaskDraw, MaskPaint};
use crate::theme;
use crate::ui_state::Tool;
use crate::update::{Action, VisibleMask};

/// How near the pointer must be to a handle, in points.
const REACH: f32 = 9.0;
/// Points of wheel travel that zoom by a factor of e.
const WHEEL_PER_E: f32 = 240.0;

pub(super) fn show(shown: &mut Shown<'_>, ui: &mut Ui) {
    let rect = ui.available_rect_before_wrap();
    let pixels_per_point = ui.ctx().pixels_per_point();
    let placed = (rect, pixels_per_point);
    if placed != (shown.state.ui.canvas, shown.state.ui.pixels_per_point) {
        shown.send(Action::CanvasPlaced { rect, pixels_per_point });
    }
    ui.painter().rect_filled(rect, CornerRadius::ZERO, shown.tokens.canvas);
    let response = ui.interact(rect, Id::unique("canvas"), Sense::click_and_drag());
    let Some(picture) = shown.state.picture().cloned() else {
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, "Canvas, no picture"));
        empty(shown, ui, rect);
        return;
    };
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, format!("Canvas, {}", picture.name)));
    let view = View::new(shown.state.ui.view(picture.id), rect, picture.size);
    let masks = shown.state.visible_masks();

    navigate(shown, ui, &response, &view);
    let pointer = point(shown, ui, &response, &view, &picture, &masks);
    drag(shown, ui, &response, &view, &picture);
    click(shown, &response, &view, &picture, &masks, pointer);
    context_menu(shown, &response, &picture);

    let painter = ui.painter().with_clip_rect(rect);
    paint_picture(shown, ui, &painter, &picture, &view);
    paint_masks(shown, ui, &painter, &view, &masks);
    paint_regions(shown, &painter, &view, &picture);
    hint(shown, ui, rect);
}

/// Nothing is open: says what to do, or what is on its way.
fn empty(shown: &mut Shown<'_>, ui: &mut Ui, rect: Rect) {
    let room = Rect::from_center_size(rect.center(), vec2(rect.width().min(420.0), 150.0));
    ui.scope_builder(UiBuilder::new().max_rect(room), |ui| {
        ui.vertical_centered(|ui| {
            let tokens = shown.tokens;
            if let Some(arrival) = shown.state.session.arrivals.first() {
                ui.add(egui::Spinner::new().size(22.0).color(tokens.text_faint));
                let text = egui::RichText::new(format!("Opening {} …", arrival.name));
                ui.label(text.color(tokens.text_soft));
                return;
            }
            let title = egui::RichText::new("Open a picture").font(theme::strong_font(20.0));
            ui.label(title.color(tokens.text));
            let how = "Drop a file here, paste one, or take a scene of the demo model's world.";
            ui.label(egui::RichText::new(how).color(tokens.text_soft));
            ui.add_space(8.0);
            ui.horizontal(|ui| {
                ui.add_space((ui.available_width() - 190.0).max(0.0) * 0.5);
                command_button(shown, ui, Command::OpenPicture, Kind::Primary);
                command_button(shown, ui, Command::NewScene, Kind::Plain);
            });
        });
    });
}

/// Wheel and pinch.
fn navigate(shown: &mut Shown<'_>, ui: &Ui, response: &Response, view: &View) {
    let Some(pointer) = ui.input(|i| i.pointer.hover_pos()).filter(|_| response.contains_pointer()) else {
        return;
    };
    let (zoom, scroll, by_lines) = ui.input(|i| {
        let line =
            |event: &egui::Event| matches!(event, egui::Event::MouseWheel { unit: MouseWheelUnit::Line, .. });
        (i.zoom_delta(), i.smooth_scroll_delta(), i.events.iter().any(line))
    });
    // A wheel turns in lines and zooms; a touchpad moves in points and pans. Smoothing spreads a
    // turn over frames that carry no event, so what began it is remembered.
    let memory = response.id.with("wheel");
    if by_lines || ui.input(|i| i.events.iter().any(|e| matches!(e, egui::Event::MouseWheel { .. }))) {
        ui.data_mut(|d| d.insert_temp(memory, by_lines));
    }
    let wheel = ui.data(|d| d.get_temp::<bool>(memory)).unwrap_or(false);
    let shift = ui.input(|i| i.modifiers.shift);
    if (zoom - 1.0).abs() > 1e-4 {
        shown.send(Action::SetView(view.zoomed(zoom, pointer)));
    } else if scroll != Vec2::ZERO && wheel && !shift {
        shown.send(Action::SetView(view.zoomed((scroll.y / WHEEL_PER_E).exp(), pointer)));
    } else if scroll != Vec2::ZERO {
        shown.send(Action::SetView(view.panned(scroll)));
    }
}

/// What the pointer is on, without any button; returns its place in image pixels.
fn point(
    shown: &mut Shown<'_>,
    ui: &Ui,
    response: &Response,
    view: &View,
    picture: &Picture,
    masks: &[VisibleMask],
) -> Option<Pos2> {
    let at = view.image_from_screen(response.hover_pos()?);
    let (width, height) = picture.size;
    let on_picture = (0.0..width as f32).contains(&at.x) && (0.0..height as f32).contains(&at.y);
    if on_picture {
        shown.pointer = Some((at.x, at.y));
    }
    if !response.dragged() {
        shown.hovered = picking::mask_at(masks.iter().map(|m| &m.mask), at).or(shown.hovered);
    }
    let cursor = match handle_at(shown, view, picture, view.screen_from_image(at)) {
        _ if space_held(ui) => CursorIcon::Grab,
        Some((.., handle)) => handle_cursor(handle),
        None if shown.state.ui.tool == Tool::Box && on_picture => CursorIcon::Crosshair,
        None if shown.state.ui.tool == Tool::Box => CursorIcon::Default,
        None if picking::region_at(&picture.regions, at).is_some() => CursorIcon::Move,
        None if shown.hovered.is_some() => CursorIcon::PointingHand,
        None => CursorIcon::Default,
    };
    ui.ctx().set_cursor_icon(cursor);
    Some(at)
}

fn space_held(ui: &Ui) -> bool {
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
    let region = picture.region(shown.state.ui.selected_region?)?;
    let near =
        |handle: &Handle| view.screen_from_image(handle.position(&region.bounds)).distance(at) <= REACH;
    Handle::ALL.into_iter().find(near).map(|handle| (region.tag, region.bounds, handle))
}

/// Drags: regions with the left button, the picture with the middle one, with space, or from a
/// place where there is nothing else.
fn drag(shown: &mut Shown<'_>, ui: &Ui, response: &Response, view: &View, picture: &Picture) {
    if let Some(gesture) = shown.state.ui.gesture {
        if ui.input(|i| i.key_pressed(Key::Escape)) {
            shown.send(Action::Gesture(None));
        } else if let Some(pointer) = ui.input(|i| i.pointer.interact_pos()) {
            shown.send(Action::Gesture(Some(Gesture { to: view.image_from_screen(pointer), ..gesture })));
        }
        if !response.dragged() {
            shown.send(Action::FinishGesture);
        }
        return;
    }
    let panning = response.dragged_by(egui::PointerButton::Middle);
    if !panning && response.drag_started_by(egui::PointerButton::Primary) && !space_held(ui) {
        let Some(pressed) = ui.input(|i| i.pointer.press_origin()) else { return };
        let now = response.interact_pointer_pos().unwrap_or(pressed);
        if let Some(grip) = grip_at(shown, view, picture, pressed) {
            if let Grip::Move(tag, _) = grip {
                shown.send(Action::SelectRegion(Some(tag)));
            }
            let (from, to) = (view.image_from_screen(pressed), view.image_from_screen(now));
            shown.send(Action::Gesture(Some(Gesture { grip, from, to })));
            return;
        }
    }
    if panning || response.dragged_by(egui::PointerButton::Primary) {
        ui.ctx().set_cursor_icon(CursorIcon::Grabbing);
        if response.drag_delta() != Vec2::ZERO {
            shown.send(Action::SetView(view.panned(response.drag_delta())));
        }
    }
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

fn click(
    shown: &mut Shown<'_>,
    response: &Response,
    view: &View,
    picture: &Picture,
    masks: &[VisibleMask],
    pointer: Option<Pos2>,
) {
    let Some(at) = pointer.filter(|_| response.clicked() || response.secondary_clicked()) else { return };
    let tagged = picture.regions.iter().rev().filter(|region| !region.hidden).find(|region| {
        tag_rect(view.screen_from_box(&region.bounds), response.rect).contains(view.screen_from_image(at))
    });
    let region = tagged.map(|r| r.tag).or_else(|| picking::region_at(&picture.regions, at));
    shown.send(Action::SelectRegion(region));
    if region.is_none()
        && response.clicked()
        && let Some(mask) = picking::mask_at(masks.iter().map(|m| &m.mask), at)
    {
        shown.send(Action::TogglePin(mask));
    }
}

fn context_menu(shown: &mut Shown<'_>, response: &Response, picture: &Picture) {
    let Some(tag) = shown.state.ui.selected_region else { return };
    response.context_menu(|ui| {
        if ui.button(format!("Ask about region {}", tag.0)).clicked() {
            shown.send(Action::Refer(tag));
            ui.close();
        }
        if ui.button(format!("Delete region {}", tag.0)).clicked() {
            shown.send(Action::SelectRegion(None));
            shown.send(Action::Edit(Edit::Region { image: picture.id, tag, change: RegionEdit::Remove }));
            ui.close();
        }
    });
}

fn paint_picture(shown: &mut Shown<'_>, ui: &Ui, painter: &egui::Painter, picture: &Picture, view: &View) {
    let Some(pixels) = shown.state.session.pixels.get(&picture.id) else { return };
    let scale = view.scale() * ui.ctx().pixels_per_point();
    if let Some(texture) = shown.textures.level(ui.ctx(), picture.id, pixels, scale) {
        let whole = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
        painter.image(texture.id(), view.image_rect(), whole, Color32::WHITE);
    }
}

fn paint_masks(shown: &Shown<'_>, ui: &Ui, painter: &egui::Painter, view: &View, masks: &[VisibleMask]) {
    if masks.is_empty() {
        return;
    }
    let animate = |mask: &VisibleMask, what: &str, on: bool| {
        ui.ctx().animate_bool_with_time(Id::unique((what, mask.mask.id)), on, 0.12)
    };
    let draws = masks.iter().map(|mask| {
        let strong = animate(mask, "emphasised", mask.emphasised);
        let weak = animate(mask, "dimmed", mask.dimmed);
        MaskDraw {
            id: mask.mask.id,
            logits: std::sync::Arc::clone(&mask.mask.logits),
            color: shown.tokens.phrase(mask.hue).mask,
            fill: 0.36 + 0.24 * strong - 0.22 * weak,
            line: 0.95 - 0.45 * weak,
            line_width: 2.5 + 1.0 * strong - 0.75 * weak,
        }
    });
    let paint = MaskPaint { image_rect: view.image_rect(), draws: draws.collect() };
    painter.add(egui_wgpu::Callback::new_paint_callback(painter.clip_rect(), paint));
}

fn paint_regions(shown: &Shown<'_>, painter: &egui::Painter, view: &View, picture: &Picture) {
    let ui_state = &shown.state.ui;
    for region in picture.regions.iter().filter(|region| !region.hidden) {
        let changing = ui_state.gesture.filter(|g| g.region() == Some(region.tag));
        let bounds = changing.map_or(region.bounds, |gesture| gesture.bounds(picture.size));
        let selected = ui_state.selected_region == Some(region.tag);
        let color = shown.tokens.region(region.hue()).mask;
        paint_region(shown, painter, view.screen_from_box(&bounds), (region.tag, color), selected);
        if selected && changing.is_none() {
            for handle in Handle::ALL {
                let at = view.screen_from_image(handle.position(&bounds));
                let square = Rect::from_center_size(at, Vec2::splat(8.0));
                let line = Stroke::new(1.5, color);
                painter.rect(square, CornerRadius::same(2), Color32::WHITE, line, StrokeKind::Middle);
            }
        }
    }
    if let Some(gesture) = ui_state.gesture.filter(|g| g.grip == Grip::Draw) {
        let bounds = gesture.bounds(picture.size);
        let tag = picture.free_tag();
        let color = shown.tokens.region(Region::new(tag, bounds).hue()).mask;
        paint_region(shown, painter, view.screen_from_box(&bounds), (tag, color), true);
    }
}

/// A dashed frame over a dark one, so that it is seen on any ground, and its tag.
fn paint_region(
    shown: &Shown<'_>,
    painter: &egui::Painter,
    rect: Rect,
    (tag, color): (RegionTag, Color32),
    selected: bool,
) {
    let width = if selected { 2.5 } else { 1.75 };
    let (a, b, c, d) = (rect.left_top(), rect.right_top(), rect.right_bottom(), rect.left_bottom());
    painter.rect_stroke(
        rect,
        CornerRadius::ZERO,
        Stroke::new(width + 1.5, Color32::from_black_alpha(90)),
        StrokeKind::Middle,
    );
    painter.extend(Shape::dashed_line(&[a, b, c, d, a], Stroke::new(width, color), 7.0, 4.0));
    let tag_rect = tag_rect(rect, painter.clip_rect());
    painter.rect_filled(tag_rect, CornerRadius::same(4), color);
    let font = theme::strong_font(13.0);
    painter.text(tag_rect.center(), Align2::CENTER_CENTER, tag.0, font, shown.tokens.on_tag());
}

/// Where a region's tag is, on the screen: above its upper left corner, or below where that is
/// beyond the canvas.
fn tag_rect(region: Rect, canvas: Rect) -> Rect {
    let size = vec2(22.0, 19.0);
    let above = region.top() - size.y - 2.0;
    let top = if above < canvas.top() { region.top() + 2.0 } else { above };
    Rect::from_min_size(pos2(region.left() - 1.0, top), size)
}

/// What the user is expected to do, or what a dropped file will do.
fn hint(shown: &Shown<'_>, ui: &Ui, rect: Rect) {
    let dropping = ui.input(|i| !i.raw.hovered_files.is_empty());
    let text = if dropping {
        "Drop to open"
    } else if shown.state.ui.prompt_awaiting_region.is_some() {
        "Draw a box around what you want to ask about"
    } else {
        return;
    };
    let tokens = shown.tokens;
    let font = theme::medium_font(theme::LABEL);
    let galley = ui.painter().layout_no_wrap(text.to_owned(), font, tokens.on_accent);
    let card = Rect::from_center_size(rect.center_top() + vec2(0.0, 34.0), galley.size() + vec2(30.0, 16.0));
    ui.painter().rect_filled(card, CornerRadius::same(17), tokens.accent);
    ui.painter().galley(card.min + vec2(15.0, 8.0), galley, tokens.on_accent);
    if dropping {
        let inside = rect.shrink(3.0);
        ui.painter().rect_stroke(
            inside,
            CornerRadius::same(8),
            Stroke::new(3.0, tokens.accent),
            StrokeKind::Inside,
        );
    }
}
