//! The canvas: the picture, its masks and regions, and everything the pointer does there.

mod cursor;
mod empty;
mod inspection;
mod legend;
mod loupe;
mod menus;
mod minimap;
mod navigate;
mod picture;
mod pointer;
mod prompts;
mod regions;

use egui::{CornerRadius, Id, Response, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, vec2};

use self::pointer::{Pointed, Press};
use super::Shown;
use crate::action::Action;
use crate::canvas::view::View;
use crate::document::Picture;
use crate::state::inspection::Brush;
use crate::state::ui_state::Tool;
use crate::theme;

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
        empty::show(shown, ui, rect);
        return;
    };
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, format!("Canvas, {}", picture.name)));
    let viewpoint = shown.state.ui.view(picture.id);
    let view = View::new(viewpoint, rect, picture.size, pixels_per_point).on_pixels();
    let masks = shown.state.visible_masks();

    // What lies over the picture takes the pointer first.
    let tags = regions::tags(shown, ui, &view, &picture);
    let map = minimap::interact(shown, ui, &view, picture.id);

    navigate::wheel(shown, ui, &response, &view);
    let cursor = cursor::keys(shown, ui, &response, &view, &picture);
    navigate::keys(shown, ui, &response, &picture);
    prompts::keys(shown, ui);
    let pointed = pointer::point(shown, ui, &response, &view, &picture, &masks);
    // What is asked about by a key is at the cross-hair, where there is one.
    shown.pointer = cursor.map(Into::into).or(shown.pointer);
    let press = pointer::press(shown, ui, &response);
    let brush = shown.state.held_brush();
    hands(shown, ui, &response, (&picture, &view), pointed, (brush, press));

    let painter = ui.painter().with_clip_rect(rect);
    picture::paint(shown, ui, &painter, &picture, &view);
    inspection::paint_layer(shown, ui, &painter, &view);
    if !inspection::paint_view(shown, ui, &painter, &view) {
        picture::paint_masks(shown, ui, &painter, &view, &masks);
    }
    inspection::paint_encoder_frames(shown, &painter, &view, &picture);
    picture::paint_grid(ui, &painter, &view, picture.size);
    regions::paint(shown, &painter, &view, &picture, &tags);
    prompts::paint(shown, &painter, &view);
    prompts::offer(shown, ui, &painter, &view);
    inspection::paint_strokes(shown, &painter, &view);
    if let Some(brush) = brush {
        inspection::brush(shown, ui, &response, &view, &painter, (brush, press));
    }
    if let Some(at) = cursor {
        cursor::paint(shown, &painter, &view, at);
    }
    if let Some(map) = map {
        minimap::paint(shown, ui, &painter, &picture, &view, map);
    }
    if shown.state.session.unavailable.contains_key(&picture.id) {
        picture::repair(shown, ui, picture.id, view.image_rect().intersect(rect).center());
    }
    let legend = inspection::paint_legend(shown, ui, rect);
    if brush.is_none() {
        loupe::paint(shown, &painter, &view, &picture, (response.hover_pos(), legend));
    }
    hint(shown, ui, rect);
}

/// What the buttons of the mouse do where no brush paints.
fn hands(
    shown: &mut Shown<'_>,
    ui: &Ui,
    response: &Response,
    (picture, view): (&Picture, &View),
    pointed: Option<Pointed>,
    (brush, press): (Option<Brush>, Option<Press>),
) {
    let over = press == Some(Press::Over) && shown.state.ui.gesture.is_none();
    if brush.is_none() && !over {
        pointer::drag(shown, ui, response, view, picture);
        pointer::click(shown, ui, response, picture, pointed);
        menus::context(shown, ui, response, (picture, view), pointed);
    } else if press == Some(Press::Pans) && response.dragged() {
        pointer::pan(shown, ui, response, view);
    }
}

/// What the user is expected to do, or what a dropped file will do.
fn hint(shown: &Shown<'_>, ui: &Ui, rect: egui::Rect) {
    let dropping = ui.input(|i| !i.raw.hovered_files.is_empty());
    let ui_state = &shown.state.ui;
    let text = if dropping {
        "Drop to open".to_owned()
    } else if let Some(doing) = shown.state.segmenting() {
        format!("{doing} · Escape gives it up")
    } else if ui_state.prompt_awaiting_region.is_some() {
        "Draw a box around what you want to ask about".to_owned()
    } else if ui_state.tool == Tool::Point {
        let prompted = ui_state.prompted.and_then(|id| shown.state.picture()?.mask(id));
        prompted.map_or_else(
            || "Click what belongs to the mask".to_owned(),
            |mask| {
                let estimate = mask.logits().predicted_iou;
                format!("IoU about {estimate:.2} · Click adds, Alt+click removes, Enter ends")
            },
        )
    } else {
        return;
    };
    let tokens = shown.tokens;
    let font = theme::medium_font(theme::LABEL);
    let galley = ui.painter().layout(text, font, tokens.on_accent, (rect.width() - 60.0).max(100.0));
    let card =
        egui::Rect::from_center_size(rect.center_top() + vec2(0.0, 34.0), galley.size() + vec2(30.0, 16.0));
    ui.painter().rect_filled(card, CornerRadius::same(17), tokens.accent);
    ui.painter().galley(card.min + vec2(15.0, 8.0), galley, tokens.on_accent);
    if dropping {
        let line = Stroke::new(3.0, tokens.accent);
        ui.painter().rect_stroke(rect.shrink(3.0), CornerRadius::same(8), line, StrokeKind::Inside);
    }
}
