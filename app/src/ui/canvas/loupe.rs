//! A loupe beside the pointer: the pixels around it, and the exact values of the one under it.

use egui::{Color32, FontId, Painter, Pos2, Rect, Stroke, StrokeKind, pos2, vec2};

use super::inspection::{box_of, pixel_at};
use crate::canvas::view::View;
use crate::document::{GroundedMask, Picture};
use crate::ui::Shown;

/// Pixels across.
const PIXELS: i64 = 11;
/// Points of a pixel in the loupe: the most and the least.
const SIZE: f32 = 13.0;
const LEAST_SIZE: f32 = 7.0;
/// The pixels take no more than this share of the canvas's shorter side.
const SHARE: f32 = 0.4;
/// Height of a line below them.
const LINE: f32 = 15.0;

/// Paints the loupe beside the pointer, and beside the legend where there is one.
pub(super) fn paint(
    shown: &Shown<'_>,
    painter: &Painter,
    view: &View,
    picture: &Picture,
    (pointer, legend): (Option<Pos2>, Option<Rect>),
) {
    if !shown.state.ui.inspection.loupe {
        return;
    }
    let Some(at) = pointer else { return };
    let (Some(pixels), Some((x, y))) =
        (shown.state.session.pixels.get(&picture.id), pixel_at(view, at, picture.size))
    else {
        return;
    };
    let rgb = &pixels.rgb;
    let color_at = |x: i64, y: i64| {
        let (x, y) = (u32::try_from(x).ok()?, u32::try_from(y).ok()?);
        let image::Rgb([r, g, b]) = *rgb.get_pixel_checked(x, y)?;
        Some(Color32::from_rgb(r, g, b))
    };
    let tokens = shown.tokens;
    let canvas = painter.clip_rect();
    let pixel = pixel_size(canvas);
    let lens = vec2(PIXELS as f32 * pixel, PIXELS as f32 * pixel);
    let lines = values(shown.state.inspected_mask(), (x, y), color_at(i64::from(x), i64::from(y)));
    let text = |line: String| painter.layout_no_wrap(line, FontId::proportional(12.0), tokens.text_soft);
    let lines: Vec<_> = lines.into_iter().map(text).collect();
    let width = lines.iter().fold(lens.x, |width, line| width.max(line.size().x));
    let height = lens.y + 8.0 + LINE * lines.len() as f32;
    let card = place(at, vec2(width + 12.0, height + 8.0), canvas, legend);
    painter.rect(card, 8.0, tokens.panel, Stroke::new(1.0, tokens.line), StrokeKind::Inside);
    let corner = card.min + vec2(6.0, 6.0);
    let half = PIXELS / 2;
    for row in 0..PIXELS {
        for column in 0..PIXELS {
            let color = color_at(i64::from(x) + column - half, i64::from(y) + row - half);
            let at = corner + vec2(column as f32, row as f32) * pixel;
            let cell = Rect::from_min_size(at, vec2(pixel, pixel));
            painter.rect_filled(cell, 0.0, color.unwrap_or(tokens.canvas));
        }
    }
    let at = corner + vec2(half as f32, half as f32) * pixel;
    let middle = Rect::from_min_size(at, vec2(pixel, pixel));
    painter.rect_stroke(middle, 0.0, Stroke::new(2.5, Color32::BLACK), StrokeKind::Outside);
    painter.rect_stroke(middle, 0.0, Stroke::new(1.0, Color32::WHITE), StrokeKind::Outside);
    for (line, words) in lines.into_iter().enumerate() {
        let at = pos2(corner.x, corner.y + lens.y + 8.0 + LINE * line as f32);
        painter.galley(at, words, tokens.text_soft);
    }
    // The pixel itself, where it is large enough to be seen.
    if view.scale() >= 3.0 {
        painter.rect_stroke(
            view.screen_from_box(&box_of((x, y))),
            0.0,
            Stroke::new(1.5, Color32::WHITE),
            StrokeKind::Outside,
        );
    }
}

/// What is known of a pixel, line by line: of the picture, and of the mask that is looked at.
fn values(mask: Option<&GroundedMask>, (x, y): (u32, u32), color: Option<Color32>) -> Vec<String> {
    let mut lines = vec![format!("x {x}   y {y}")];
    if let Some(color) = color {
        let [r, g, b, _] = color.to_array();
        lines.push(format!("RGB {r} {g} {b}"));
        lines.push(format!("#{r:02x}{g:02x}{b:02x}"));
    }
    if let Some(mask) = mask {
        if let Some(logit) = mask.logits().logit_at(x, y).filter(|_| !mask.is_from_file()) {
            lines.push(format!("logit {logit:+.2}   p {:.3}", 1.0 / (1.0 + (-logit).exp())));
        }
        lines.push(if mask.holds(x, y) { "inside".to_owned() } else { "outside".to_owned() });
    }
    lines
}

/// Points of a pixel: less on a small canvas, so that most of the picture is to be seen beside the loupe.
fn pixel_size(canvas: Rect) -> f32 {
    (canvas.size().min_elem() * SHARE / PIXELS as f32).floor().clamp(LEAST_SIZE, SIZE)
}

/// Beside the pointer, on the canvas; of the places that there are, the first that hides least of `other`.
fn place(pointer: Pos2, size: egui::Vec2, canvas: Rect, other: Option<Rect>) -> Rect {
    /// From the pointer.
    const BESIDE: f32 = 24.0;
    // Behind the pointer, before it, and at the edges of the canvas.
    let along = |at: f32, length: f32, low: f32, high: f32| {
        [at + BESIDE, at - BESIDE - length, low, high - length].map(|from| from.min(high - length).max(low))
    };
    let columns = along(pointer.x, size.x, canvas.left(), canvas.right());
    let rows = along(pointer.y, size.y, canvas.top(), canvas.bottom());
    let hidden = |place: &Rect| {
        let common = other.map_or(Rect::NOTHING, |other| place.intersect(other));
        let over_pointer = if place.contains(pointer) { size.x * size.y } else { 0.0 };
        over_pointer + if common.is_positive() { common.area() } else { 0.0 }
    };
    let places = columns.into_iter().flat_map(|x| rows.map(|y| Rect::from_min_size(pos2(x, y), size)));
    let least = |best: Rect, next| if hidden(&next) < hidden(&best) { next } else { best };
    places.reduce(least).unwrap_or(Rect::from_min_size(canvas.min, size))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{EditedMask, MaskId};
    use glamm_engine::vision::{BinaryMask, MaskCandidates, MaskLogits};
    use std::sync::Arc;

    #[test]
    fn the_loupe_says_what_the_pixel_is() {
        let logits = [2.0, -1.0, 0.5, -4.0].to_vec();
        let logits =
            MaskLogits { side: 2, logits, frame: 2, content: (2, 2), image_size: (2, 2), predicted_iou: 0.9 };
        let mut mask = GroundedMask::new(MaskId(1), MaskCandidates::from(Arc::new(logits)));
        let color = Some(Color32::from_rgb(255, 7, 16));
        assert_eq!(values(None, (3, 12), color), ["x 3   y 12", "RGB 255 7 16", "#ff0710"]);
        let of_mask = |mask: &GroundedMask, at| values(Some(mask), at, None)[1..].join(", ");
        assert_eq!(of_mask(&mask, (0, 0)), "logit +2.00   p 0.881, inside");
        assert_eq!(of_mask(&mask, (1, 1)), "logit -4.00   p 0.018, outside");
        mask.threshold = 1.0;
        assert_eq!(of_mask(&mask, (0, 1)), "logit +0.50   p 0.622, outside", "below the threshold");
        mask.edited = Some(Arc::new(EditedMask::from(&BinaryMask::from_fn(2, 2, |x, _| x == 1))));
        assert_eq!(of_mask(&mask, (1, 1)), "logit -4.00   p 0.018, inside", "painted");
        let stand_in = MaskCandidates::clone(&mask.candidates);
        let of_file = GroundedMask::from_file(MaskId(2), stand_in, mask.edited.unwrap()).unwrap();
        assert_eq!(of_mask(&of_file, (1, 1)), "inside", "a file has no logits");
    }

    #[test]
    fn the_loupe_stays_on_the_canvas_and_off_the_pointer() {
        let canvas = Rect::from_min_size(pos2(10.0, 10.0), vec2(500.0, 400.0));
        let size = vec2(150.0, 200.0);
        for at in [pos2(11.0, 11.0), pos2(509.0, 409.0), pos2(260.0, 210.0), pos2(500.0, 15.0)] {
            let card = place(at, size, canvas, None);
            assert!(canvas.contains_rect(card) && !card.contains(at), "{at:?} {card:?}");
        }
    }

    #[test]
    fn the_loupe_goes_around_the_legend_and_is_small_on_a_small_canvas() {
        let canvas = Rect::from_min_size(pos2(76.0, 88.0), vec2(484.0, 248.0));
        let legend = Rect::from_min_max(pos2(88.0, 220.0), pos2(300.0, 324.0));
        let size = vec2(100.0, 100.0);
        for at in [pos2(110.0, 150.0), pos2(280.0, 150.0), pos2(340.0, 300.0)] {
            let card = place(at, size, canvas, Some(legend));
            assert!(canvas.contains_rect(card) && !card.contains(at), "{at:?} {card:?}");
            assert!(!card.intersects(legend), "{at:?} {card:?}");
        }
        assert!(pixel_size(canvas) < 10.0);
        let large = Rect::from_min_size(pos2(0.0, 0.0), vec2(900.0, 700.0));
        assert!((pixel_size(large) - SIZE).abs() < 1e-6);
    }
}
