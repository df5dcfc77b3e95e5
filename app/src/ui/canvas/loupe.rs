//! A loupe beside the pointer: the pixels around it, and the exact values of the one under it.

use egui::{Align2, Color32, FontId, Painter, Pos2, Rect, Stroke, StrokeKind, pos2, vec2};

use super::inspection::{box_of, pixel_at};
use crate::canvas::view::View;
use crate::document::{GroundedMask, Picture};
use crate::ui::Shown;

/// Pixels across.
const PIXELS: i64 = 11;
/// Points of a pixel in the loupe.
const SIZE: f32 = 13.0;

pub(super) fn paint(
    shown: &Shown<'_>,
    painter: &Painter,
    view: &View,
    picture: &Picture,
    pointer: Option<Pos2>,
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
    let lens = vec2(PIXELS as f32 * SIZE, PIXELS as f32 * SIZE);
    let lines = values(shown.state.inspected_mask(), (x, y), color_at(i64::from(x), i64::from(y)));
    let text = lens.y + 8.0 + 15.0 * lines.len() as f32;
    let card = place(at, vec2(lens.x + 12.0, text + 8.0), painter.clip_rect());
    painter.rect(card, 8.0, tokens.panel, Stroke::new(1.0, tokens.line), StrokeKind::Inside);
    let corner = card.min + vec2(6.0, 6.0);
    let half = PIXELS / 2;
    for row in 0..PIXELS {
        for column in 0..PIXELS {
            let color = color_at(i64::from(x) + column - half, i64::from(y) + row - half);
            let cell = Rect::from_min_size(corner + vec2(column as f32, row as f32) * SIZE, vec2(SIZE, SIZE));
            painter.rect_filled(cell, 0.0, color.unwrap_or(tokens.canvas));
        }
    }
    let middle = Rect::from_min_size(corner + vec2(half as f32, half as f32) * SIZE, vec2(SIZE, SIZE));
    painter.rect_stroke(middle, 0.0, Stroke::new(2.5, Color32::BLACK), StrokeKind::Outside);
    painter.rect_stroke(middle, 0.0, Stroke::new(1.0, Color32::WHITE), StrokeKind::Outside);
    for (line, text) in lines.iter().enumerate() {
        let at = pos2(corner.x, corner.y + lens.y + 8.0 + 15.0 * line as f32);
        painter.text(at, Align2::LEFT_TOP, text, FontId::proportional(12.0), tokens.text_soft);
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
        if let Some(logit) = mask.logits().logit_at(x, y) {
            lines.push(format!("logit {logit:+.2}   p {:.3}", 1.0 / (1.0 + (-logit).exp())));
        }
        lines.push(if mask.holds(x, y) { "inside".to_owned() } else { "outside".to_owned() });
    }
    lines
}

/// Beside the pointer, on the canvas.
fn place(pointer: Pos2, size: egui::Vec2, canvas: Rect) -> Rect {
    let beside = |at: f32, length: f32, low: f32, high: f32| {
        let after = at + 24.0;
        let before = at - 24.0 - length;
        if after + length <= high || before < low { after.min(high - length).max(low) } else { before }
    };
    let x = beside(pointer.x, size.x, canvas.left(), canvas.right());
    let y = beside(pointer.y, size.y, canvas.top(), canvas.bottom());
    Rect::from_min_size(pos2(x, y), size)
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
    }

    #[test]
    fn the_loupe_stays_on_the_canvas_and_off_the_pointer() {
        let canvas = Rect::from_min_size(pos2(10.0, 10.0), vec2(500.0, 400.0));
        let size = vec2(150.0, 200.0);
        for at in [pos2(11.0, 11.0), pos2(509.0, 409.0), pos2(260.0, 210.0), pos2(500.0, 15.0)] {
            let card = place(at, size, canvas);
            assert!(canvas.contains_rect(card) && !card.contains(at), "{at:?} {card:?}");
        }
    }
}
