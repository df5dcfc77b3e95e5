//! Regions on the picture: dashed frames, handles, and numbered tags that can be dragged into the
//! question.

use egui::{
    Align2, Color32, CornerRadius, CursorIcon, Id, Painter, Rect, Role, Sense, Shape, Stroke, StrokeKind, Ui,
    Vec2, WidgetInfo, pos2, vec2,
};

use crate::action::Action;
use crate::canvas::gesture::{Grip, Handle};
use crate::canvas::view::View;
use crate::document::{Picture, Region};
use crate::theme;
use crate::ui::{Shown, text};

/// Where a tag is on the screen.
pub(super) struct Tag<'a> {
    region: &'a Region,
    rect: Rect,
}

/// Lays the tags of the visible regions out; a press selects, a drag carries the number away.
pub(super) fn tags<'a>(shown: &mut Shown<'_>, ui: &Ui, view: &View, picture: &'a Picture) -> Vec<Tag<'a>> {
    let canvas = shown.state.ui.canvas;
    let mut tags = Vec::new();
    for region in picture.regions.iter().filter(|region| !region.hidden) {
        let bounds = bounds_now(shown, picture, region);
        let rect = tag_rect(view.screen_from_box(&bounds), canvas);
        let on_canvas = rect.intersect(canvas);
        if on_canvas.is_positive() {
            let id = Id::unique(("region tag", region.tag.0));
            let response = ui.interact(on_canvas, id, Sense::click_and_drag());
            let about = format!("Region {}", region.title().trim_start_matches("region "));
            let selected = shown.state.ui.selected_region == Some(region.tag);
            response.widget_info(|| WidgetInfo::selected(Role::Button, true, selected, about.as_str()));
            response.dnd_set_drag_payload(region.tag);
            if response.clicked() || response.secondary_clicked() {
                shown.send(Action::SelectRegion(Some(region.tag)));
            }
            super::menus::region_menu(shown, &response, region);
            response.on_hover_cursor(CursorIcon::Grab);
        }
        tags.push(Tag { region, rect });
    }
    tags
}

/// Where a region is, or is being dragged to.
fn bounds_now(shown: &Shown<'_>, picture: &Picture, region: &Region) -> glamm_engine::vision::PixelBox {
    let changing = shown.state.ui.gesture.filter(|gesture| gesture.region() == Some(region.tag));
    changing.map_or(region.bounds, |gesture| gesture.bounds(picture.size))
}

pub(super) fn paint(shown: &Shown<'_>, painter: &Painter, view: &View, picture: &Picture, tags: &[Tag<'_>]) {
    let ui_state = &shown.state.ui;
    for region in picture.regions.iter().filter(|region| !region.hidden) {
        let bounds = bounds_now(shown, picture, region);
        let selected = ui_state.selected_region == Some(region.tag);
        let color = shown.tokens.region(region.hue()).mask;
        paint_frame(painter, view.screen_from_box(&bounds), color, selected);
        if selected && ui_state.gesture.is_none() {
            for handle in Handle::ALL {
                let at = view.screen_from_image(handle.position(&bounds));
                let square = Rect::from_center_size(at, Vec2::splat(8.0));
                let line = Stroke::new(1.5, color);
                painter.rect(square, CornerRadius::same(2), Color32::WHITE, line, StrokeKind::Middle);
            }
        }
    }
    for tag in tags {
        paint_tag(shown, painter, tag.rect, tag.region);
    }
    if let Some(gesture) = ui_state.gesture.filter(|g| g.grip == Grip::Draw) {
        let region = Region::new(picture.free_tag(), gesture.bounds(picture.size));
        let rect = view.screen_from_box(&region.bounds);
        paint_frame(painter, rect, shown.tokens.region(region.hue()).mask, true);
        paint_tag(shown, painter, tag_rect(rect, painter.clip_rect()), &region);
        paint_size(shown, painter, rect, &region);
    } else if let Some(gesture) = ui_state.gesture
        && let Some(region) = gesture.region().and_then(|tag| picture.region(tag))
    {
        let now = Region { bounds: gesture.bounds(picture.size), ..region.clone() };
        paint_size(shown, painter, view.screen_from_box(&now.bounds), &now);
    }
}

/// A dashed frame over a dark one, so that it is seen on any ground.
fn paint_frame(painter: &Painter, rect: Rect, color: Color32, selected: bool) {
    let width = if selected { 2.5 } else { 1.75 };
    let casing = Stroke::new(width + 1.5, Color32::from_black_alpha(90));
    painter.rect_stroke(rect, CornerRadius::ZERO, casing, StrokeKind::Middle);
    // Dashes are only made for what is in sight: close up, a frame may be very long.
    let near = painter.clip_rect().expand(40.0);
    let stroke = Stroke::new(width, color);
    let (left, right) = (rect.left().max(near.left()), rect.right().min(near.right()));
    let (top, bottom) = (rect.top().max(near.top()), rect.bottom().min(near.bottom()));
    if near.contains_rect(rect) {
        let (a, b, c, d) = (rect.left_top(), rect.right_top(), rect.right_bottom(), rect.left_bottom());
        painter.extend(Shape::dashed_line(&[a, b, c, d, a], stroke, 7.0, 4.0));
        return;
    }
    let side = |from: egui::Pos2, to: egui::Pos2| {
        if near.contains(from) && near.contains(to) {
            painter.extend(Shape::dashed_line(&[from, to], stroke, 7.0, 4.0));
        }
    };
    if left < right {
        side(pos2(left, rect.top()), pos2(right, rect.top()));
        side(pos2(left, rect.bottom()), pos2(right, rect.bottom()));
    }
    if top < bottom {
        side(pos2(rect.left(), top), pos2(rect.left(), bottom));
        side(pos2(rect.right(), top), pos2(rect.right(), bottom));
    }
}

/// The number, and behind it the name.
fn paint_tag(shown: &Shown<'_>, painter: &Painter, rect: Rect, region: &Region) {
    let color = shown.tokens.region(region.hue()).mask;
    painter.rect_filled(rect, CornerRadius::same(4), color);
    let on_tag = shown.tokens.on_tag();
    painter.text(rect.center(), Align2::CENTER_CENTER, region.tag.0, theme::strong_font(13.0), on_tag);
    let name = region.name.trim();
    if !name.is_empty() {
        let font = theme::medium_font(12.5);
        let galley = text::cut_line(painter.ctx(), name.to_owned(), font, Color32::WHITE, 180.0);
        let at = pos2(rect.right() + 7.0, rect.center().y - galley.size().y * 0.5);
        let ground = Rect::from_min_size(at, galley.size()).expand2(vec2(5.0, 1.0));
        painter.rect_filled(ground, CornerRadius::same(4), Color32::from_black_alpha(150));
        painter.galley(at, galley, Color32::WHITE);
    }
}

/// While it is drawn or changed: how large it is.
fn paint_size(shown: &Shown<'_>, painter: &Painter, rect: Rect, region: &Region) {
    let text = format!("{:.0} × {:.0}", region.bounds.width(), region.bounds.height());
    let galley = painter.layout_no_wrap(text, theme::small_font(), shown.tokens.text);
    let size = galley.size() + vec2(14.0, 6.0);
    let canvas = painter.clip_rect();
    let below = pos2(rect.center().x - size.x * 0.5, rect.bottom() + 7.0);
    let last = canvas.max - size - vec2(4.0, 4.0);
    let at = below.clamp(canvas.min + vec2(4.0, 4.0), last.max(canvas.min + vec2(4.0, 4.0)));
    let ground = Rect::from_min_size(at, size);
    let line = Stroke::new(1.0, shown.tokens.line);
    painter.rect(ground, CornerRadius::same(5), shown.tokens.panel, line, StrokeKind::Inside);
    painter.galley(at + vec2(7.0, 3.0), galley, shown.tokens.text);
}

/// Where a region's tag is, on the screen: above its upper left corner, or as near to it as the
/// canvas allows while some of the region is in sight.
fn tag_rect(region: Rect, canvas: Rect) -> Rect {
    let size = vec2(22.0, 19.0);
    let above = region.top() - size.y - 2.0;
    let top = above.max((canvas.top() + 2.0).min(region.bottom()));
    let left = (region.left() - 1.0).max((canvas.left() + 2.0).min(region.right() - size.x));
    Rect::from_min_size(pos2(left, top), size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_stay_in_sight_with_their_regions() {
        let canvas = Rect::from_min_size(pos2(0.0, 0.0), vec2(400.0, 300.0));
        let tag = |region: Rect| tag_rect(region, canvas);
        let inside = Rect::from_min_size(pos2(100.0, 100.0), vec2(50.0, 50.0));
        assert!(tag(inside).bottom() <= 100.0);
        let larger = canvas.expand(500.0);
        assert!(canvas.contains_rect(tag(larger)), "{:?}", tag(larger));
        let beyond = Rect::from_min_size(pos2(-900.0, -900.0), vec2(50.0, 50.0));
        assert!(!tag(beyond).intersects(canvas));
    }
}
