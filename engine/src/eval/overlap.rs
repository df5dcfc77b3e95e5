//! Referring segmentation: one expression, one mask. Used by `scenes`.
//!
//! *cIoU* is the sum of all intersections over the sum of all unions, so that large things weigh
//! more; *gIoU* the mean of each expression's IoU (LISA, Lai et al., CVPR 2024; GLaMM reports the
//! former). A reply without a mask is an empty mask; of several masks the union is judged.

use crate::vision::BinaryMask;

/// Gathers expressions.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub struct OverlapJudge {
    intersection: usize,
    union: usize,
    iou_sum: f64,
    expressions: usize,
}

impl OverlapJudge {
    /// Adds the masks of one reply, at the size of the image, and the truth.
    pub fn add(&mut self, predictions: &[&BinaryMask], truth: &BinaryMask) {
        let prediction = BinaryMask::from_fn(truth.width(), truth.height(), |x, y| {
            predictions.iter().any(|mask| mask.contains(x, y))
        });
        let (intersection, union) = prediction.intersection_and_union(truth);
        self.intersection += intersection;
        self.union += union;
        self.iou_sum += prediction.iou(truth);
        self.expressions += 1;
    }

    /// Sum of intersections over sum of unions; 0 where there was nothing.
    pub fn ciou(&self) -> f64 {
        self.intersection as f64 / self.union.max(1) as f64
    }

    /// Mean IoU; 0 where there was nothing.
    pub fn giou(&self) -> f64 {
        self.iou_sum / self.expressions.max(1) as f64
    }

    /// Expressions judged.
    pub fn count(&self) -> usize {
        self.expressions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(row: u32, length: u32) -> BinaryMask {
        BinaryMask::from_fn(10, 4, |x, y| y == row && x < length)
    }

    #[test]
    fn large_things_weigh_more_in_one_and_not_in_the_other() {
        let mut judge = OverlapJudge::default();
        judge.add(&[&bar(0, 10)], &bar(0, 10));
        judge.add(&[&bar(1, 1)], &bar(1, 2));
        judge.add(&[], &bar(2, 4));
        assert!((judge.ciou() - 11.0 / 16.0).abs() < 1e-12);
        assert!((judge.giou() - 0.5).abs() < 1e-12);
        assert_eq!(judge.count(), 3);
    }

    #[test]
    fn several_masks_are_judged_together() {
        let mut judge = OverlapJudge::default();
        judge.add(&[&bar(0, 3), &bar(0, 5)], &bar(0, 5));
        assert!((judge.ciou() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn nothing_is_nothing() {
        assert_eq!((OverlapJudge::default().ciou(), OverlapJudge::default().giou()), (0.0, 0.0));
    }
}
