//! The pixel decoder's answer for one phrase, and what it is at the size of the image: logits,
//! pixels above a threshold, stability.
//!
//! The way to image size is the official one: bilinear from the coarse grid to the frame, the
//! padding cut off, bilinear again to the image, and the threshold last of all. Rows are made one
//! at a time, so that a mask of a very large image costs no memory but its result.

use super::BinaryMask;

/// What the pixel decoder says of one `[SEG]`: logits on a coarse square grid that covers the
/// grounding encoder's padded frame, and how that frame lies over the image.
#[derive(Debug, Clone, PartialEq)]
pub struct MaskLogits {
    /// Cells a side: 256 in the full-size model.
    pub side: usize,
    /// `side × side`, row-major; > 0 is inside.
    pub logits: Vec<f32>,
    /// Side of the grounding encoder's square input in its own pixels: 1024 in the full-size model.
    pub frame: usize,
    /// Width and height, in the frame's pixels, of the part at the upper left that shows the
    /// image; the rest is padding.
    pub content: (usize, usize),
    /// Width and height of the image in its own pixels.
    pub image_size: (u32, u32),
    /// The pixel decoder's own estimate of the mask's IoU with the truth.
    pub predicted_iou: f32,
}

impl MaskLogits {
    /// Logits of every pixel of the image, row-major.
    pub fn at_image_size(&self) -> Vec<f32> {
        let (width, height) = self.size();
        let mut all = Vec::with_capacity(width * height);
        self.for_each_row(|_, row| all.extend_from_slice(row));
        all
    }

    /// The pixels whose logit is greater than `threshold`.
    pub fn threshold(&self, threshold: f32) -> BinaryMask {
        let (width, height) = self.image_size;
        let mut pixels = Vec::with_capacity(width as usize * height as usize);
        self.for_each_row(|_, row| pixels.extend(row.iter().map(|&logit| logit > threshold)));
        BinaryMask::from_pixels(width, height, pixels)
    }

    /// Number of pixels whose logit is greater than `threshold`.
    pub fn area(&self, threshold: f32) -> usize {
        let mut area = 0;
        self.for_each_row(|_, row| area += row.iter().filter(|&&logit| logit > threshold).count());
        area
    }

    /// SAM's stability score: IoU of the masks at the thresholds `offset` and `-offset`, 1 for a
    /// mask whose edge does not depend on the threshold. 0 where both are empty.
    pub fn stability_score(&self, offset: f32) -> f32 {
        let (mut inner, mut outer) = (0usize, 0usize);
        self.for_each_row(|_, row| {
            inner += row.iter().filter(|&&logit| logit > offset).count();
            outer += row.iter().filter(|&&logit| logit > -offset).count();
        });
        if outer == 0 { 0.0 } else { inner as f32 / outer as f32 }
    }

    /// Logit of one pixel; `None` outside the image.
    pub fn logit_at(&self, x: u32, y: u32) -> Option<f32> {
        let (width, height) = self.image_size;
        if x >= width || y >= height {
            return None;
        }
        let (columns, rows) = self.content;
        let across = Step::new(columns, width as usize).between(x as usize);
        let down = Step::new(rows, height as usize).between(y as usize);
        let to_frame = Step::new(self.side, self.frame);
        let (left, right) = (to_frame.between(across.low), to_frame.between(across.high));
        let frame_row = |row: usize| {
            let place = to_frame.between(row);
            let at = |column: &Place| {
                place.mix(
                    column.pick(&self.logits[place.low * self.side..]),
                    column.pick(&self.logits[place.high * self.side..]),
                )
            };
            across.mix(at(&left), at(&right))
        };
        Some(down.mix(frame_row(down.low), frame_row(down.high)))
    }

    fn size(&self) -> (usize, usize) {
        (self.image_size.0 as usize, self.image_size.1 as usize)
    }

    /// Calls `visit(y, logits)` for every row of the image, from the top.
    fn for_each_row(&self, mut visit: impl FnMut(usize, &[f32])) {
        let (width, height) = self.size();
        let (columns, rows) = self.content;
        let to_frame = Step::new(self.side, self.frame);
        let frame_columns: Vec<_> = (0..columns).map(|x| to_frame.between(x)).collect();
        let image_columns: Vec<_> = {
            let step = Step::new(columns, width);
            (0..width).map(|x| step.between(x)).collect()
        };
        let step = Step::new(rows, height);
        let mut content_row = vec![0.0; columns];
        // The two rows of the frame that the current row of the image lies between, already at
        // the width of the image, each with its number.
        let mut upper = (usize::MAX, vec![0.0; width]);
        let mut lower = (usize::MAX, vec![0.0; width]);
        let mut row = vec![0.0; width];
        for y in 0..height {
            let down = step.between(y);
            if lower.0 == down.low {
                std::mem::swap(&mut upper, &mut lower);
            }
            for (wanted, slot) in [(down.low, &mut upper), (down.high, &mut lower)] {
                if slot.0 != wanted {
                    self.frame_row(to_frame.between(wanted), &frame_columns, &mut content_row);
                    for (value, place) in slot.1.iter_mut().zip(&image_columns) {
                        *value = place.pick(&content_row);
                    }
                    slot.0 = wanted;
                }
            }
            for ((value, &a), &b) in row.iter_mut().zip(&upper.1).zip(&lower.1) {
                *value = down.mix(a, b);
            }
            visit(y, &row);
        }
    }

    /// The row `place` of the frame, as far as `columns` go.
    fn frame_row(&self, place: Place, columns: &[Place], out: &mut [f32]) {
        let upper = &self.logits[place.low * self.side..];
        let lower = &self.logits[place.high * self.side..];
        for (value, column) in out.iter_mut().zip(columns) {
            *value = place.mix(column.pick(upper), column.pick(lower));
        }
    }
}

/// Bilinear resizing along one axis with the arithmetic of PyTorch's `align_corners=False`.
#[derive(Debug, Clone, Copy)]
struct Step {
    scale: f32,
    last: usize,
}

impl Step {
    fn new(from: usize, to: usize) -> Self {
        Self { scale: from as f32 / to as f32, last: from.saturating_sub(1) }
    }

    fn between(self, place: usize) -> Place {
        let at = (self.scale * (place as f32 + 0.5) - 0.5).max(0.0);
        let low = (at as usize).min(self.last);
        Place { low, high: (low + 1).min(self.last), part: (at - low as f32).min(1.0) }
    }
}

/// A place between two cells.
#[derive(Debug, Clone, Copy)]
struct Place {
    low: usize,
    high: usize,
    /// Share of the higher cell.
    part: f32,
}

impl Place {
    fn mix(self, low: f32, high: f32) -> f32 {
        (1.0 - self.part) * low + self.part * high
    }

    fn pick(self, cells: &[f32]) -> f32 {
        self.mix(cells[self.low], cells[self.high])
    }
}

#[cfg(test)]
mod tests {
    use super::super::FrameGeometry;
    use super::*;

    /// A wave on an 8 × 8 grid over a frame of 32 pixels.
    fn wave(image_size: (u32, u32)) -> MaskLogits {
        let logits = (0..64).map(|i| ((i % 8) as f32 * 0.9).sin() * 3.0 + (i / 8) as f32 - 3.5).collect();
        let content = FrameGeometry::new(image_size, 32).content;
        MaskLogits { side: 8, logits, frame: 32, content, image_size, predicted_iou: 0.5 }
    }

    #[test]
    fn a_pixel_asked_for_alone_is_the_one_in_the_whole() {
        for size in [(1, 1), (32, 32), (7, 50), (90, 41)] {
            let mask = wave(size);
            let all = mask.at_image_size();
            assert_eq!(all.len(), (size.0 * size.1) as usize);
            for (i, &logit) in all.iter().enumerate() {
                let (x, y) = (i as u32 % size.0, i as u32 / size.0);
                let alone = mask.logit_at(x, y);
                assert!(alone.is_some_and(|a| (a - logit).abs() < 1e-5), "{size:?} {x},{y}");
            }
            assert_eq!(mask.logit_at(size.0, 0), None);
            assert_eq!(mask.logit_at(0, size.1), None);
        }
    }

    #[test]
    fn masks_areas_and_stability_agree() {
        let mask = wave((90, 41));
        assert_eq!(mask.threshold(0.0).area(), mask.area(0.0));
        assert!(mask.area(1.0) < mask.area(-1.0));
        let want = mask.threshold(1.0).iou(&mask.threshold(-1.0)) as f32;
        assert!((mask.stability_score(1.0) - want).abs() < 1e-6);
    }

    #[test]
    fn a_mask_without_pixels_has_no_stability() {
        let mut mask = wave((20, 10));
        mask.logits.fill(-9.0);
        assert_eq!(mask.area(0.0), 0);
        assert!(mask.stability_score(1.0).abs() < f32::EPSILON);
    }

    #[test]
    fn padding_never_shows() {
        // Wide image: the lower half of the frame is padding, marked here with huge logits.
        let mut mask = wave((64, 32));
        mask.logits.fill(-1.0);
        mask.logits[8 * 5..].fill(1e6);
        assert_eq!(mask.area(0.0), 0);
    }
}
