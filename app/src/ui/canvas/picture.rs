//! The picture itself, the masks over it, and the lines between its pixels.

use std::sync::Arc;

use eframe::egui_wgpu;
use egui::{
    Align, Color32, Id, Layout, Painter, Pos2, Rect, Shape, Stroke, TextureId, Ui, UiBuilder, pos2, vec2,
};
use glamm_engine::protocol::ImageId;

use crate::action::{Action, KeepingAction};
use crate::canvas::view::View;
use crate::document::{GroundedMask, Picture};
use crate::render::mask::{MaskDraw, MaskPaint, View as Drawing};
use crate::render::texels::Texels;
use crate::state::VisibleMask;
use crate::state::inspection::MaskView;
use crate::theme;
use crate::ui::Shown;
use crate::ui::widgets::{Kind, button, button_if};

/// Lines between pixels begin to show where a pixel is this large on the screen, in points, …
const GRID_FROM: f32 = 12.0;
/// … and are there in full where it is this large.
const GRID_FULL: f32 = 24.0;

/// Where the word on a missing picture ends, below the middle of its place, in points.
const ABOVE_REPAIR: f32 = 18.0;

/// Paints what is seen of the picture, tile by tile.
pub(super) fn paint(shown: &mut Shown<'_>, ui: &Ui, painter: &Painter, picture: &Picture, view: &View) {
    let Some(pixels) = shown.state.session.pixels.get(&picture.id) else {
        return missing(shown, ui, painter, picture, view);
    };
    let scale = view.scale() * ui.ctx().pixels_per_point();
    let part = view.visible_part();
    for patch in shown.textures.patches(ui.ctx(), picture.id, pixels, part, scale) {
        painter.image(patch.texture, view.screen_from_rect(patch.on_image), patch.uv, Color32::WHITE);
    }
}

/// In the place of a picture that is on its way, or gone.
fn missing(shown: &mut Shown<'_>, ui: &Ui, painter: &Painter, picture: &Picture, view: &View) {
    let reason = shown.state.session.unavailable.get(&picture.id);
    let text = match reason {
        Some(reason) => format!("The picture is missing: {reason}"),
        None => "The picture is being opened …".to_owned(),
    };
    let room = view.image_rect();
    if let Some(small) = shown.state.session.thumbnails.get(&picture.id) {
        let texture = shown.textures.thumbnail(ui.ctx(), picture.id, small).id();
        return paint_preview(shown, painter, texture, room, &text);
    }
    painter.rect_filled(room, 0.0, shown.tokens.raised);
    let (font, color) = (theme::label_font(), shown.tokens.text_soft);
    let galley = painter.layout(text, font, color, room.width().clamp(120.0, 420.0));
    // However long it is, it leaves room for what can be done about it.
    let below = if reason.is_some() { ABOVE_REPAIR } else { 0.5 * galley.size().y };
    let place = room.center() + vec2(-0.5 * galley.size().x, below - galley.size().y);
    painter.galley(place, galley, color);
}

/// What can be done about a picture that is missing; `middle` is that of its place on the screen.
pub(super) fn repair(shown: &mut Shown<'_>, ui: &mut Ui, image: ImageId, middle: Pos2) {
    let row = Rect::from_center_size(middle + vec2(0.0, ABOVE_REPAIR + 34.0), vec2(180.0, 30.0));
    ui.scope_builder(UiBuilder::new().max_rect(row).layout(Layout::left_to_right(Align::Center)), |ui| {
        if button(ui, shown.tokens, "Try again", Kind::Plain).clicked() {
            shown.send(Action::SelectPicture(image));
        }
        let free = !shown.state.session.dialog_open;
        if button_if(free, ui, shown.tokens, "Locate…", Kind::Plain).clicked() {
            shown.send(Action::Keeping(KeepingAction::Find(image)));
        }
    });
}

/// A small copy of a picture in the place of all of it, and a word on why.
pub(super) fn paint_preview(
    shown: &Shown<'_>,
    painter: &Painter,
    texture: TextureId,
    room: Rect,
    text: &str,
) {
    painter.image(texture, room, whole_texture(), Color32::WHITE);
    let (font, width) = (theme::label_font(), room.width().clamp(120.0, 420.0));
    let galley = painter.layout(text.to_owned(), font, shown.tokens.text, width);
    let seen = room.intersect(painter.clip_rect());
    let size = galley.size() + vec2(28.0, 16.0);
    let card = Rect::from_center_size(seen.center_bottom() - vec2(0.0, 0.5 * size.y + 14.0), size);
    painter.rect_filled(card, theme::RADIUS, shown.tokens.panel);
    painter.galley(card.min + vec2(14.0, 8.0), galley, shown.tokens.text);
}

pub(super) fn paint_masks(shown: &Shown<'_>, ui: &Ui, painter: &Painter, view: &View, masks: &[VisibleMask]) {
    let animate = |mask: &VisibleMask, what: &str, on: bool| {
        ui.ctx().animate_bool_with_time(Id::unique((what, mask.mask.id)), on, 0.12)
    };
    let inspection = &shown.state.ui.inspection;
    let draws = masks.iter().map(|mask| {
        let strong = animate(mask, "emphasised", mask.emphasised);
        let weak = animate(mask, "dimmed", mask.dimmed);
        let (texels, threshold) = texels(shown, &mask.mask);
        let outline =
            inspection.selected == Some(mask.mask.id) && shown.state.shown_view() == MaskView::Outline;
        MaskDraw {
            texels,
            threshold,
            color: shown.tokens.phrase(mask.hue).mask,
            view: Drawing::Tint {
                fill: if outline { 0.0 } else { 0.36 + 0.24 * strong - 0.22 * weak },
                line: 0.95 - 0.45 * weak,
                line_width: 2.5 + 1.0 * strong - 0.75 * weak,
            },
        }
    });
    let paint = MaskPaint { ctx: ui.ctx().clone(), image_rect: view.image_rect(), draws: draws.collect() };
    painter.add(egui_wgpu::Callback::new_paint_callback(painter.clip_rect(), paint));
}

/// What a mask is drawn from; the threshold of the selected one follows the slider.
fn texels(shown: &Shown<'_>, mask: &GroundedMask) -> (Texels, f32) {
    let inspection = &shown.state.ui.inspection;
    let follows = inspection.selected == Some(mask.id) && !mask.is_from_file();
    match inspection.threshold.filter(|_| follows) {
        Some(threshold) => (Texels::Logits(Arc::clone(mask.logits())), threshold),
        None => Texels::of(mask),
    }
}

/// Lines between the pixels, where these are large; two greys, so that they show on any ground.
pub(super) fn paint_grid(ui: &Ui, painter: &Painter, view: &View, size: (u32, u32)) {
    let share = ((view.scale() - GRID_FROM) / (GRID_FULL - GRID_FROM)).clamp(0.0, 1.0);
    if share <= 0.0 {
        return;
    }
    let part = view.visible_part();
    let seen = view.screen_from_rect(part);
    let width = 1.0 / ui.ctx().pixels_per_point();
    let whole = |from: f32, to: f32, end: u32| (from.ceil() as u32)..=(to.floor().min(end as f32) as u32);
    let mut lines = Vec::new();
    let mut line = |points: [egui::Pos2; 2], offset: egui::Vec2| {
        let (light, dark) = (70.0 * share, 70.0 * share);
        lines.push(Shape::line_segment(points, Stroke::new(width, Color32::from_black_alpha(dark as u8))));
        let points = points.map(|at| at + offset * width);
        lines.push(Shape::line_segment(points, Stroke::new(width, Color32::from_white_alpha(light as u8))));
    };
    for x in whole(part.left(), part.right(), size.0) {
        let x = view.screen_from_image(pos2(x as f32, 0.0)).x;
        line([pos2(x, seen.top()), pos2(x, seen.bottom())], egui::vec2(1.0, 0.0));
    }
    for y in whole(part.top(), part.bottom(), size.1) {
        let y = view.screen_from_image(pos2(0.0, y as f32)).y;
        line([pos2(seen.left(), y), pos2(seen.right(), y)], egui::vec2(0.0, 1.0));
    }
    painter.extend(lines);
}

/// The whole of a texture.
pub(super) fn whole_texture() -> Rect {
    Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0))
}
