//! Which mask or region lies under the pointer. Masks are asked on the CPU, at one place, with
//! the same arithmetic as the shader has; see [`logit_at`].

use egui::Pos2;
use glamm_engine::vision::MaskLogits;

use crate::document::{GroundedMask, MaskId, Region, RegionTag};

/// The mask's logit at a place of the image (in its pixels), interpolated between the four cells
/// around it; `None` outside the image.
///
/// Image pixels are mapped onto the content part of the grounding encoder's frame, the frame onto
/// the grid; the value of a cell belongs to its middle.
pub fn logit_at(mask: &MaskLogits, at: Pos2) -> Option<f32> {
    let (width, height) = (mask.image_size.0 as f32, mask.image_size.1 as f32);
    if !(0.0..width).contains(&at.x) || !(0.0..height).contains(&at.y) {
        return None;
    }
    let cells_per_frame_pixel = mask.side as f32 / mask.frame as f32;
    let x = at.x / width * mask.content.0 as f32 * cells_per_frame_pixel - 0.5;
    let y = at.y / height * mask.content.1 as f32 * cells_per_frame_pixel - 0.5;
    let last = mask.side.checked_sub(1)? as f32;
    let (x, y) = (x.clamp(0.0, last), y.clamp(0.0, last));
    let cell = |x: f32, y: f32| {
        let (column, row) = (x.min(last) as usize, y.min(last) as usize);
        mask.logits.get(row * mask.side + column).copied()
    };
    let (left, top) = (x.floor(), y.floor());
    let upper = lerp(cell(left, top)?, cell(left + 1.0, top)?, x - left);
    let lower = lerp(cell(left, top + 1.0)?, cell(left + 1.0, top + 1.0)?, x - left);
    Some(lerp(upper, lower, y - top))
}

fn lerp(a: f32, b: f32, t: f32) -> f32 {
    a + (b - a) * t
}

/// Share of the image that the mask covers, 0 to 1, measured at the middle of every grid cell
/// that shows the image.
pub fn coverage(mask: &MaskLogits) -> f32 {
    let cells = |content: usize| {
        let exact = content as f32 * mask.side as f32 / mask.frame.max(1) as f32;
        (exact.round() as usize).clamp(1, mask.side.max(1))
    };
    let (columns, rows) = (cells(mask.content.0), cells(mask.content.1));
    let lines = mask.logits.chunks(mask.side.max(1)).take(rows);
    let inside: usize = lines.map(|row| row.iter().take(columns).filter(|&&v| v > 0.0).count()).sum();
    inside as f32 / (columns * rows) as f32
}

/// The smallest of the masks that hold this place of the image.
pub fn mask_at<'a>(masks: impl IntoIterator<Item = &'a GroundedMask>, at: Pos2) -> Option<MaskId> {
    masks
        .into_iter()
        .filter(|mask| logit_at(&mask.logits, at).is_some_and(|logit| logit > 0.0))
        .min_by(|a, b| a.coverage.total_cmp(&b.coverage))
        .map(|mask| mask.id)
}

/// The smallest of the regions that hold this place of the image.
pub fn region_at(regions: &[Region], at: Pos2) -> Option<RegionTag> {
    let holds = |r: &&Region| {
        (r.bounds.x0..=r.bounds.x1).contains(&at.x) && (r.bounds.y0..=r.bounds.y1).contains(&at.y)
    };
    let smallest = regions.iter().filter(holds).min_by(|a, b| a.bounds.area().total_cmp(&b.bounds.area()));
    smallest.map(|r| r.tag)
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::pos2;
    use glamm_engine::vision::PixelBox;
    use std::sync::Arc;

    /// A 4 × 4 grid over a frame of 8, of which the left 8 × 4 shows an image of 16 × 8.
    fn mask(inside: impl Fn(usize, usize) -> bool) -> MaskLogits {
        let logits = (0..16).map(|i| if inside(i % 4, i / 4) { 1.0 } else { -1.0 }).collect();
        MaskLogits { side: 4, logits, frame: 8, content: (8, 4), image_size: (16, 8), predicted_iou: 1.0 }
    }

    #[test]
    fn logits_are_read_where_the_cells_lie() {
        let left = mask(|x, _| x < 2);
        // A cell is 4 image pixels wide; the middles of the second and third are at 6 and 10.
        for (x, expected) in [(0.0, 1.0), (2.0, 1.0), (6.0, 1.0), (8.0, 0.0), (9.0, -0.5), (15.9, -1.0)] {
            let found = logit_at(&left, pos2(x, 3.0)).unwrap_or(f32::NAN);
            assert!((found - expected).abs() < 1e-5, "{x}: {found}, not {expected}");
        }
        for outside in [pos2(-0.1, 1.0), pos2(16.0, 1.0), pos2(1.0, 8.0), pos2(f32::NAN, 1.0)] {
            assert_eq!(logit_at(&left, outside), None);
        }
    }

    #[test]
    fn coverage_leaves_the_padding_out() {
        assert!((coverage(&mask(|x, _| x < 2)) - 0.5).abs() < 1e-6);
        assert!(coverage(&mask(|_, y| y >= 2)).abs() < 1e-6);
    }

    #[test]
    fn the_smallest_mask_wins() {
        let make = |id, inside: fn(usize, usize) -> bool| {
            let logits = Arc::new(mask(inside));
            let coverage = coverage(&logits);
            GroundedMask { id: MaskId(id), logits, coverage }
        };
        let masks = [make(1, |_, _| true), make(2, |x, y| x == 0 && y == 0), make(3, |x, _| x < 2)];
        assert_eq!(mask_at(&masks, pos2(1.0, 1.0)), Some(MaskId(2)));
        assert_eq!(mask_at(&masks, pos2(6.0, 7.0)), Some(MaskId(3)));
        assert_eq!(mask_at(&masks, pos2(14.0, 7.0)), Some(MaskId(1)));
        assert_eq!(mask_at(&masks, pos2(20.0, 7.0)), None);
    }

    #[test]
    fn the_smallest_region_wins() {
        let region =
            |tag, x1| Region { tag: RegionTag(tag), bounds: PixelBox { x0: 0.0, y0: 0.0, x1, y1: 10.0 } };
        let regions = [region(1, 50.0), region(2, 20.0)];
        assert_eq!(region_at(&regions, pos2(10.0, 5.0)), Some(RegionTag(2)));
        assert_eq!(region_at(&regions, pos2(30.0, 5.0)), Some(RegionTag(1)));
        assert_eq!(region_at(&regions, pos2(60.0, 5.0)), None);
    }
}
