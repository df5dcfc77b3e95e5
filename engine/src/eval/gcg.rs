//! Grounded conversation generation: how well the masks and phrases of a caption fit the things in
//! the image. Used by `scenes`.
//!
//! The figures, after GLaMM's evaluation (Rasheed et al., CVPR 2024, `eval/gcg/evaluate.py`):
//! - *mIoU*: predicted and true masks are paired greedily ([`super::matching`]); the mean over the
//!   true masks of an image, then over images. A true mask that nothing was paired with counts as 0.
//! - *matched mIoU*: as the paper's script has it, the mean over pairs alone; always at least mIoU.
//! - *AP50*: COCO's average precision of the masks at IoU 0.5, without regard to names; the pixel
//!   decoder's own estimate of its IoU is the confidence.
//! - *recall*: share of true masks whose partner has IoU ≥ 0.5 *and* whose phrase names the thing
//!   (the script asks a text similarity instead; here the names are known).

use super::average_precision::AveragePrecision;
use super::matching::greedy_pairs;
use crate::vision::BinaryMask;

/// Overlap from which a mask counts as found.
const FOUND_IOU: f64 = 0.5;

/// A mask of a reply.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// At the size of the image.
    pub mask: BinaryMask,
    /// The pixel decoder's estimate of its IoU.
    pub predicted_iou: f32,
    /// The words of its phrase; empty where it has none.
    pub phrase: String,
}

/// The figures of grounded conversation generation.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct GcgScores {
    /// See the module text.
    pub miou: f64,
    /// See the module text.
    pub matched_miou: f64,
    /// See the module text.
    pub ap50: f64,
    /// See the module text.
    pub recall: f64,
    /// Images judged.
    pub images: usize,
    /// True masks in them.
    pub objects: usize,
}

/// Gathers images.
#[derive(Debug, Default)]
pub struct GcgJudge {
    precision: AveragePrecision,
    miou_sum: f64,
    matched_miou_sum: f64,
    recalled: usize,
    objects: usize,
    images: usize,
}

impl GcgJudge {
    /// Adds one image. `names(phrase, truth)` tells whether the phrase names that true thing.
    pub fn add(
        &mut self,
        predictions: &[Prediction],
        truths: &[&BinaryMask],
        names: impl Fn(&str, usize) -> bool,
    ) {
        let iou: Vec<Vec<f64>> =
            predictions.iter().map(|p| truths.iter().map(|truth| p.mask.iou(truth)).collect()).collect();
        let pairs = greedy_pairs(&iou);
        let overlap: f64 = pairs.iter().map(|pair| pair.iou).sum();
        self.miou_sum += overlap / truths.len().max(1) as f64;
        self.matched_miou_sum += overlap / pairs.len().max(1) as f64;
        self.recalled += pairs
            .iter()
            .filter(|pair| pair.iou >= FOUND_IOU && names(&predictions[pair.prediction].phrase, pair.truth))
            .count();
        self.objects += truths.len();
        self.images += 1;
        let scored: Vec<_> = predictions.iter().map(|p| (&p.mask, p.predicted_iou)).collect();
        self.precision.add(&scored, truths);
    }

    /// The figures over all images; 0 where there were none.
    ///
    /// # Errors
    /// See [`AveragePrecision::at_half`].
    pub fn scores(self) -> Result<GcgScores, hotcoco::Error> {
        let images = self.images.max(1) as f64;
        Ok(GcgScores {
            miou: self.miou_sum / images,
            matched_miou: self.matched_miou_sum / images,
            ap50: self.precision.at_half()?.unwrap_or(0.0),
            recall: self.recalled as f64 / self.objects.max(1) as f64,
            images: self.images,
            objects: self.objects,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(row: u32, length: u32) -> BinaryMask {
        BinaryMask::from_fn(10, 4, |x, y| y == row && x < length)
    }

    fn predicts(row: u32, length: u32, phrase: &str) -> Prediction {
        Prediction { mask: bar(row, length), predicted_iou: 0.9, phrase: phrase.to_owned() }
    }

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-9, "{a} is not {b}");
    }

    #[test]
    fn figures_agree_with_hand_computed_ones() {
        let names = ["car", "tree", "sun", "boat"];
        let mut judge = GcgJudge::default();
        // IoU 0.8 named, 0.6 misnamed, 0.4 named; one truth not found; one prediction too many.
        let truths = [bar(0, 10), bar(1, 10), bar(2, 10), bar(3, 10)];
        let predictions = [
            predicts(1, 6, "a house"),
            predicts(0, 8, "a car"),
            predicts(2, 4, "a sun"),
            predicts(0, 1, "a car"),
        ];
        judge.add(&predictions, &truths.each_ref(), |phrase, truth| phrase.ends_with(names[truth]));
        // An image where nothing is found.
        judge.add(&[], &[&truths[0]], |_, _| true);

        let scores = judge.scores().unwrap();
        close(scores.miou, f64::midpoint((0.8 + 0.6 + 0.4) / 4.0, 0.0));
        close(scores.matched_miou, f64::midpoint((0.8 + 0.6 + 0.4) / 3.0, 0.0));
        close(scores.recall, 1.0 / 5.0);
        assert_eq!((scores.images, scores.objects), (2, 5));
        // Two hits of five truths before any miss: precision 1 up to a recall of 0.4.
        close(scores.ap50, 41.0 / 101.0);
    }

    #[test]
    fn the_truth_itself_is_perfect_and_silence_is_nothing() {
        let truths = [bar(0, 3), bar(2, 7)];
        let mut perfect = GcgJudge::default();
        perfect.add(&[predicts(2, 7, "b"), predicts(0, 3, "a")], &truths.each_ref(), |_, _| true);
        let scores = perfect.scores().unwrap();
        close(scores.miou, 1.0);
        close(scores.ap50, 1.0);
        close(scores.recall, 1.0);
        assert_eq!(GcgJudge::default().scores().unwrap(), GcgScores::default());
    }
}
