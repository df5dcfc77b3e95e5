//! Which mask or region lies under the pointer. Masks are asked on the CPU, at one pixel.

use egui::Pos2;
use glamm_engine::vision::PixelBox;

use crate::document::{GroundedMask, MaskId, Region, RegionTag};

/// Whether the mask holds this place of the image, in its pixels.
pub fn holds(mask: &GroundedMask, at: Pos2) -> bool {
    let (x, y) = (at.x.floor(), at.y.floor());
    x >= 0.0 && y >= 0.0 && mask.holds(x as u32, y as u32)
}

/// The smallest box around the mask, in whole pixels of the image; `None` where it is empty. Only
/// the strips in which its edges can lie are looked at pixel by pixel.
pub fn bounding_box(mask: &GroundedMask) -> Option<PixelBox> {
    if let Some(edited) = mask.painted() {
        return edited.bounding_box();
    }
    let (threshold, mask) = (mask.threshold, mask.logits());
    let exact = cells_of_image(mask);
    let (columns, rows) =
        ((exact.0.ceil() as usize).min(mask.side), (exact.1.ceil() as usize).min(mask.side));
    let inside =
        |column: usize, row: usize| mask.logits.get(row * mask.side + column).is_some_and(|v| *v > threshold);
    let (across, down) = ((0..columns), (0..rows));
    let left = across.clone().find(|&c| down.clone().any(|r| inside(c, r)))?;
    let right = across.clone().rev().find(|&c| down.clone().any(|r| inside(c, r)))?;
    let top = down.clone().find(|&r| across.clone().any(|c| inside(c, r)))?;
    let bottom = down.clone().rev().find(|&r| across.clone().any(|c| inside(c, r)))?;
    let (width, height) = mask.image_size;
    // Interpolation carries a cell's value into its neighbours, and no farther.
    let strip = |first: usize, last: usize, cells: f32, length: u32| {
        let per_cell = length as f32 / cells;
        let from = (first.saturating_sub(1) as f32 * per_cell).floor() as u32;
        let to = ((last + 2) as f32 * per_cell).ceil().min(length as f32) as u32;
        from..to
    };
    let (xs, ys) = (strip(left, right, exact.0, width), strip(top, bottom, exact.1, height));
    let holds = |x: u32, y: u32| mask.logit_at(x, y).is_some_and(|logit| logit > threshold);
    let in_column = |x: &u32| ys.clone().any(|y| holds(*x, y));
    let in_row = |y: &u32| xs.clone().any(|x| holds(x, *y));
    let (x0, x1) = (xs.clone().find(in_column)?, xs.clone().rev().find(in_column)?);
    let (y0, y1) = (ys.clone().find(in_row)?, ys.clone().rev().find(in_row)?);
    Some(PixelBox { x0: x0 as f32, y0: y0 as f32, x1: (x1 + 1) as f32, y1: (y1 + 1) as f32 })
}

/// How many grid cells, across and down, show the image; the last one may do so in part.
fn cells_of_image(mask: &glamm_engine::vision::MaskLogits) -> (f32, f32) {
    let cells = |content: usize| (content as f32 * mask.side as f32 / mask.frame.max(1) as f32).max(1e-3);
    (cells(mask.content.0), cells(mask.content.1))
}

/// The masks that hold this place of the image, the smallest first.
pub fn masks_at<'a>(masks: impl IntoIterator<Item = &'a GroundedMask>, at: Pos2) -> Vec<MaskId> {
    let mut stack: Vec<_> = masks.into_iter().filter(|mask| holds(mask, at)).collect();
    stack.sort_by(|a, b| a.coverage.total_cmp(&b.coverage));
    stack.into_iter().map(|mask| mask.id).collect()
}

/// The smallest of the masks that hold this place of the image.
pub fn mask_at<'a>(masks: impl IntoIterator<Item = &'a GroundedMask>, at: Pos2) -> Option<MaskId> {
    masks_at(masks, at).first().copied()
}

/// The smallest of the visible regions that hold this place of the image.
pub fn region_at(regions: &[Region], at: Pos2) -> Option<RegionTag> {
    let holds = |r: &&Region| {
        (r.bounds.x0..=r.bounds.x1).contains(&at.x) && (r.bounds.y0..=r.bounds.y1).contains(&at.y)
    };
    let seen = regions.iter().filter(|region| !region.hidden);
    let smallest = seen.filter(holds).min_by(|a, b| a.bounds.area().total_cmp(&b.bounds.area()));
    smallest.map(|r| r.tag)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::EditedMask;
    use egui::pos2;
    use glamm_engine::vision::{BinaryMask, MaskCandidates, MaskLogits};
    use std::sync::Arc;

    /// A 4 × 4 grid over a frame of 8, of which the left 8 × 4 shows an image of 16 × 8.
    fn mask(id: u64, inside: impl Fn(usize, usize) -> bool) -> GroundedMask {
        let logits = (0..16).map(|i| if inside(i % 4, i / 4) { 1.0 } else { -1.0 }).collect();
        let (content, image_size) = ((8, 4), (16, 8));
        let logits = MaskLogits { side: 4, logits, frame: 8, content, image_size, predicted_iou: 1.0 };
        GroundedMask::new(MaskId(id), MaskCandidates::from(Arc::new(logits)))
    }

    #[test]
    fn masks_are_held_to_their_pixels() {
        let left = mask(1, |x, _| x < 2);
        for (x, expected) in [(0.0, true), (2.0, true), (6.9, true), (9.0, false), (15.9, false)] {
            assert_eq!(holds(&left, pos2(x, 3.0)), expected, "{x}");
        }
        for outside in [pos2(-0.1, 1.0), pos2(16.0, 1.0), pos2(1.0, 8.0), pos2(f32::NAN, 1.0)] {
            assert!(!holds(&mask(1, |_, _| true), outside), "{outside}");
        }
    }

    #[test]
    fn boxes_around_masks_are_those_of_all_their_pixels() {
        let masks = [
            mask(1, |x, _| x < 2),
            mask(2, |x, y| x == 1 && y == 1),
            mask(3, |x, y| x == 0 && y == 0),
            mask(4, |_, _| true),
        ];
        for mut mask in masks {
            for threshold in [0.0, -0.4, 0.7] {
                mask.threshold = threshold;
                assert_eq!(bounding_box(&mask), mask.pixels().bounding_box());
            }
            let painted = BinaryMask::from_fn(16, 8, |x, y| x > 3 && y > 2 && x < 9);
            mask.edited = Some(Arc::new(EditedMask::from(&painted)));
            assert_eq!(bounding_box(&mask), painted.bounding_box());
        }
        assert_eq!(bounding_box(&mask(5, |_, _| false)), None);
    }

    #[test]
    fn the_smallest_mask_wins() {
        let masks = [mask(1, |_, _| true), mask(2, |x, y| x == 0 && y == 0), mask(3, |x, _| x < 2)];
        assert_eq!(mask_at(&masks, pos2(1.0, 1.0)), Some(MaskId(2)));
        assert_eq!(mask_at(&masks, pos2(6.0, 7.0)), Some(MaskId(3)));
        assert_eq!(mask_at(&masks, pos2(14.0, 7.0)), Some(MaskId(1)));
        assert_eq!(mask_at(&masks, pos2(20.0, 7.0)), None);
        assert_eq!(masks_at(&masks, pos2(1.0, 1.0)), [2, 3, 1].map(MaskId), "the whole stack");
    }

    #[test]
    fn the_smallest_region_wins() {
        let region = |tag, x1| Region::new(RegionTag(tag), PixelBox { x0: 0.0, y0: 0.0, x1, y1: 10.0 });
        let mut regions = [region(1, 50.0), region(2, 20.0)];
        assert_eq!(region_at(&regions, pos2(10.0, 5.0)), Some(RegionTag(2)));
        assert_eq!(region_at(&regions, pos2(30.0, 5.0)), Some(RegionTag(1)));
        assert_eq!(region_at(&regions, pos2(60.0, 5.0)), None);
        regions[1].hidden = true;
        assert_eq!(region_at(&regions, pos2(10.0, 5.0)), Some(RegionTag(1)), "hidden ones are not there");
    }
}
