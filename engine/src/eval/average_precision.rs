//! COCO's average precision of masks at one IoU threshold, by `hotcoco` (which reproduces
//! `pycocotools` to the last bit). Used by `gcg`.

use hotcoco::{Annotation, COCO, COCOeval, Category, Dataset, Image, IouType, Segmentation};

use crate::vision::BinaryMask;

/// All masks are of one category: what a thing is called is judged elsewhere.
const CATEGORY: u64 = 1;
/// AP at IoU 0.5 in COCO's list of twelve figures.
const AP50: usize = 1;

/// Gathers predicted and true masks, image by image.
#[derive(Debug, Default)]
pub struct AveragePrecision {
    images: Vec<Image>,
    truths: Vec<Annotation>,
    predictions: Vec<Annotation>,
}

impl AveragePrecision {
    /// Adds one image: predicted masks with their confidence, and true masks. All have one size.
    pub fn add(&mut self, predictions: &[(&BinaryMask, f32)], truths: &[&BinaryMask]) {
        let id = self.images.len() as u64 + 1;
        let size = truths.first().or(predictions.first().map(|(mask, _)| mask));
        let (width, height) = size.map_or((0, 0), |mask| (mask.width(), mask.height()));
        self.images.push(Image { id, width, height, ..Image::default() });
        for truth in truths {
            let annotation = self.truths.len() as u64 + 1;
            self.truths.push(Annotation { id: annotation, ..annotate(truth, id) });
        }
        for &(mask, confidence) in predictions {
            // COCO's tools refuse a confidence that is not a number; such a mask comes last.
            let score = if confidence.is_nan() { f64::MIN } else { f64::from(confidence) };
            self.predictions.push(Annotation { score: Some(score), ..annotate(mask, id) });
        }
    }

    /// Average precision at IoU 0.5; 0 where nothing was predicted, `None` where there was nothing
    /// to find.
    ///
    /// # Errors
    /// What `hotcoco` says of masks that it cannot read; masks of one image with different sizes.
    pub fn at_half(self) -> Result<Option<f64>, hotcoco::Error> {
        if self.truths.is_empty() {
            return Ok(None);
        }
        if self.predictions.is_empty() {
            return Ok(Some(0.0));
        }
        let truth = COCO::from_dataset(Dataset {
            images: self.images,
            annotations: self.truths,
            categories: vec![Category { id: CATEGORY, name: "thing".to_owned(), ..Category::default() }],
            ..Dataset::default()
        });
        let predictions = truth.load_res_anns(self.predictions)?;
        let mut evaluation = COCOeval::new(truth, predictions, IouType::Segm);
        evaluation.evaluate()?;
        evaluation.accumulate();
        evaluation.summarize_lines();
        Ok(evaluation.stats().and_then(|stats| stats.get(AP50)).copied())
    }
}

fn annotate(mask: &BinaryMask, image_id: u64) -> Annotation {
    let rle = mask.to_rle();
    Annotation {
        image_id,
        category_id: CATEGORY,
        area: Some(mask.area() as f64),
        segmentation: Some(Segmentation::CompressedRle { size: rle.size, counts: rle.counts }),
        ..Annotation::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A mask of `length` pixels in a row of a 10 × 4 image.
    fn bar(row: u32, length: u32) -> BinaryMask {
        BinaryMask::from_fn(10, 4, |x, y| y == row && x < length)
    }

    #[test]
    fn precision_is_averaged_over_recall() {
        // By falling confidence: hit (IoU 1), miss (IoU 0.4), hit (IoU 0.6). Precision is 1 up to a
        // recall of 1/3 (34 of the 101 points), 2/3 up to 2/3 (33 more), 0 after.
        let mut precision = AveragePrecision::default();
        let truths = [bar(0, 10), bar(1, 10), bar(2, 10)];
        let predictions = [bar(0, 10), bar(1, 4), bar(2, 6)];
        precision.add(
            &[(&predictions[0], 0.9), (&predictions[1], 0.8), (&predictions[2], 0.7)],
            &truths.each_ref(),
        );
        let ap = precision.at_half().unwrap().unwrap();
        let expected = (34.0 + 33.0 * 2.0 / 3.0) / 101.0;
        assert!((ap - expected).abs() < 1e-9, "{ap} is not {expected}");
    }

    #[test]
    fn masks_of_one_image_are_not_taken_for_those_of_another() {
        let mut precision = AveragePrecision::default();
        precision.add(&[(&bar(0, 10), f32::NAN)], &[&bar(1, 10)]);
        precision.add(&[(&bar(1, 10), 0.5)], &[&bar(0, 10)]);
        assert_eq!(precision.at_half().unwrap(), Some(0.0));
    }

    #[test]
    fn the_empty_cases_are_told_apart() {
        assert_eq!(AveragePrecision::default().at_half().unwrap(), None);
        let mut blind = AveragePrecision::default();
        blind.add(&[], &[&bar(0, 5)]);
        assert_eq!(blind.at_half().unwrap(), Some(0.0));
    }
}
