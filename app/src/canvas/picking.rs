//! Which mask or region lies under the pointer. Masks are asked on the CPU, at one pixel.

use egui::Pos2;
use glamm_engine::vision::MaskLogits;

use crate::document::{GroundedMask, MaskId, Region, RegionTag};

/// Whether the mask holds this place of the image, in its pixels.
pub fn holds(mask: &MaskLogits, at: Pos2) -> bool {
    let (x, y) = (at.x.floor(), at.y.floor());
    x >= 0.0 && y >= 0.0 && mask.logit_at(x as u32, y as u32).is_some_and(|logit| logit > 0.0)
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
        .filter(|mask| holds(&mask.logits, at))
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
    fn masks_are_held_to_their_pixels() {
        let left = mask(|x, _| x < 2);
        for (x, expected) in [(0.0, true), (2.0, true), (6.9, true), (9.0, false), (15.9, false)] {
            assert_eq!(holds(&left, pos2(x, 3.0)), expected, "{x}");
        }
        for outside in [pos2(-0.1, 1.0), pos2(16.0, 1.0), pos2(1.0, 8.0), pos2(f32::NAN, 1.0)] {
            assert!(!holds(&mask(|_, _| true), outside), "{outside}");
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
