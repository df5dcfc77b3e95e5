//! A small copy of the whole picture in the corner, where not all of it is in sight: shows what is,
//! and moves it.

use egui::{
    Color32, CornerRadius, CursorIcon, Id, Painter, Rect, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo,
    vec2,
};
use glamm_engine::protocol::ImageId;

use super::picture::whole_texture;
use crate::action::Action;
use crate::canvas::view::View;
use crate::document::Picture;
use crate::ui::Shown;

/// Longest side of the map, in points.
const SIDE: f32 = 150.0;
/// From the canvas's edge.
const MARGIN: f32 = 14.0;
/// The map is left out where it would take more than this share of the canvas's sides.
const MOST: f32 = 0.4;

/// Where the map is, if it is shown; a press or drag on it moves the picture.
pub(super) fn interact(shown: &mut Shown<'_>, ui: &Ui, view: &View, image: ImageId) -> Option<Rect> {
    // Without pixels there is nothing to draw, and nothing to press.
    shown.state.session.pixels.get(&image)?;
    let canvas = shown.state.ui.canvas;
    if shown.state.ui.looks.map_hidden || view.shows_all() {
        return None;
    }
    let image = view.image_size();
    let size = image * (SIDE / image.max_elem());
    let size = size.max(vec2(6.0, 6.0));
    if size.x > canvas.width() * MOST || size.y > canvas.height() * MOST {
        return None;
    }
    let rect = Rect::from_min_size(canvas.max - size - vec2(MARGIN, MARGIN), size);
    let response = ui.interact(rect, Id::unique("minimap"), Sense::click_and_drag());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, "Map of the picture"));
    if (response.dragged() || response.clicked())
        && let Some(pointer) = response.interact_pointer_pos()
    {
        let share = (pointer - rect.min) / rect.size();
        shown.send(Action::SetView(view.centered((share * image).to_pos2())));
    }
    response.on_hover_cursor(CursorIcon::Move);
    Some(rect)
}

pub(super) fn paint(
    shown: &mut Shown<'_>,
    ui: &Ui,
    painter: &Painter,
    picture: &Picture,
    view: &View,
    rect: Rect,
) {
    let Some(pixels) = shown.state.session.pixels.get(&picture.id) else { return };
    let tokens = shown.tokens;
    let texture = shown.textures.thumbnail(ui.ctx(), picture.id, &pixels.thumbnail).id();
    let frame = rect.expand(4.0);
    painter.rect_filled(frame, CornerRadius::same(6), tokens.panel);
    painter.rect_stroke(frame, CornerRadius::same(6), Stroke::new(1.0, tokens.line), StrokeKind::Inside);
    painter.image(texture, rect, whole_texture(), Color32::WHITE);
    let part = view.visible_part();
    let on_map = |at: egui::Pos2| rect.min + at.to_vec2() / view.image_size() * rect.size();
    let seen = Rect::from_min_max(on_map(part.min), on_map(part.max)).intersect(rect);
    for shade in [
        Rect::from_min_max(rect.min, egui::pos2(rect.right(), seen.top())),
        Rect::from_min_max(egui::pos2(rect.left(), seen.bottom()), rect.max),
        Rect::from_min_max(egui::pos2(rect.left(), seen.top()), egui::pos2(seen.left(), seen.bottom())),
        Rect::from_min_max(egui::pos2(seen.right(), seen.top()), egui::pos2(rect.right(), seen.bottom())),
    ] {
        if shade.is_positive() {
            painter.rect_filled(shade, CornerRadius::ZERO, Color32::from_black_alpha(110));
        }
    }
    let outline = Rect::from_center_size(seen.center(), seen.size().max(vec2(4.0, 4.0)));
    painter.rect_stroke(outline, CornerRadius::ZERO, Stroke::new(1.5, tokens.accent), StrokeKind::Outside);
}
