//! Masks of clicks and boxes on objects whose masks are known. Used by `scenes`.
//!
//! Each object is asked for three times: by one click on its innermost pixel; by two more clicks, each
//! on the innermost pixel of what was still wrong, as interactive segmentation is measured (Sofiiuk et
//! al., ICIP 2022); and by the box around it. One click on a roof may well mean the roof, so next to
//! the mask that the application takes stands the best of its candidates, as in SAM (Kirillov et al.,
//! ICCV 2023).

use std::ops::AddAssign;

use crate::engine::Engine;
use crate::engine::encoding::EncodedImage;
use crate::error::EngineError;
use crate::scenes::Scene;
use crate::vision::{BinaryMask, Click, MaskCandidates};

/// Clicks that correct the mask of the first one.
const CORRECTIONS: usize = 2;

/// A mean that grows.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub struct Mean {
    sum: f64,
    /// Values in it.
    pub count: usize,
}

impl Mean {
    fn add(&mut self, value: f64) {
        *self += Self { sum: value, count: 1 };
    }

    /// The mean; 0 where there was nothing.
    pub fn value(&self) -> f64 {
        self.sum / self.count.max(1) as f64
    }
}

impl AddAssign for Mean {
    fn add_assign(&mut self, other: Self) {
        self.sum += other.sum;
        self.count += other.count;
    }
}

/// Mean IoUs of masks with the objects that were asked for.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub struct PlaceScores {
    /// Of one click: the mask in use.
    pub click: Mean,
    /// Of one click: the best candidate.
    pub click_best: Mean,
    /// Of that click and its corrections.
    pub corrected: Mean,
    /// Of the box around the object.
    pub framed: Mean,
    /// How far the predicted IoU of all these masks in use is from their IoU.
    pub estimate_error: Mean,
}

impl AddAssign for PlaceScores {
    fn add_assign(&mut self, other: Self) {
        self.click += other.click;
        self.click_best += other.click_best;
        self.corrected += other.corrected;
        self.framed += other.framed;
        self.estimate_error += other.estimate_error;
    }
}

impl PlaceScores {
    /// Asks for every object of a scene.
    ///
    /// # Errors
    /// What the engine says.
    pub(super) fn measure(engine: &Engine, image: &EncodedImage, scene: &Scene) -> Result<Self, EngineError> {
        let mut scores = Self::default();
        for object in &scene.objects {
            scores.click(engine, image, &object.mask)?;
            let masks = engine.segment(image, &[], Some(object.bounds))?;
            let (_, iou) = scores.judge(&masks, &object.mask);
            scores.framed.add(iou);
        }
        Ok(scores)
    }

    /// Asks for an object by clicks.
    fn click(
        &mut self,
        engine: &Engine,
        image: &EncodedImage,
        truth: &BinaryMask,
    ) -> Result<(), EngineError> {
        let mut clicks: Vec<Click> = innermost(truth).map(|at| on(truth, at)).into_iter().collect();
        if clicks.is_empty() {
            return Ok(());
        }
        let masks = engine.segment(image, &clicks, None)?;
        let (mut mask, mut iou) = self.judge(&masks, truth);
        self.click.add(iou);
        let best = masks.all().iter().map(|mask| mask.threshold(0.0).iou(truth)).fold(0.0, f64::max);
        self.click_best.add(best);
        for _ in 0..CORRECTIONS {
            let wrong = BinaryMask::from_fn(truth.width(), truth.height(), |x, y| {
                mask.contains(x, y) != truth.contains(x, y)
            });
            let Some(at) = innermost(&wrong) else { break };
            clicks.push(on(truth, at));
            (mask, iou) = self.judge(&engine.segment(image, &clicks, None)?, truth);
        }
        self.corrected.add(iou);
        Ok(())
    }

    /// The mask in use and its IoU.
    fn judge(&mut self, masks: &MaskCandidates, truth: &BinaryMask) -> (BinaryMask, f64) {
        let mask = masks.used().threshold(0.0);
        let iou = mask.iou(truth);
        self.estimate_error.add((f64::from(masks.used().predicted_iou) - iou).abs());
        (mask, iou)
    }
}

/// A click that says truly whether the pixel belongs to the mask.
fn on(truth: &BinaryMask, (x, y): (u32, u32)) -> Click {
    Click { x: x as f32, y: y as f32, positive: truth.contains(x, y) }
}

/// The pixel of a mask that lies farthest from what is outside, the image's border included, in steps
/// to one of the four neighbours; the first of several. `None` where the mask is empty.
fn innermost(mask: &BinaryMask) -> Option<(u32, u32)> {
    let (width, height) = (mask.width() as usize, mask.height() as usize);
    // One ring of outside around everything.
    let stride = width + 2;
    let mut depth = vec![0_u32; stride * (height + 2)];
    let inside = |x: usize, y: usize| mask.contains(x as u32, y as u32);
    for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
        let at = (y + 1) * stride + x + 1;
        depth[at] = if inside(x, y) { 1 + depth[at - 1].min(depth[at - stride]) } else { 0 };
    }
    let mut deepest = None;
    for (y, x) in (0..height).rev().flat_map(|y| (0..width).rev().map(move |x| (y, x))) {
        let at = (y + 1) * stride + x + 1;
        depth[at] = depth[at].min(1 + depth[at + 1].min(depth[at + stride]));
        if depth[at] > 0 && deepest.is_none_or(|(most, _)| depth[at] >= most) {
            deepest = Some((depth[at], (x as u32, y as u32)));
        }
    }
    deepest.map(|(_, place)| place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::ModelSpec;
    use crate::scenes::generate;

    #[test]
    fn the_innermost_pixel_is_in_the_thick_of_the_mask() {
        let mask = |inside: fn(u32, u32) -> bool| BinaryMask::from_fn(20, 12, inside);
        assert_eq!(innermost(&mask(|_, _| false)), None);
        assert_eq!(innermost(&mask(|x, y| (x, y) == (19, 11))), Some((19, 11)));
        assert_eq!(innermost(&mask(|x, y| (2..7).contains(&x) && (3..8).contains(&y))), Some((4, 5)));
        // The border counts as outside.
        assert_eq!(innermost(&mask(|x, y| x < 5 && y < 5)), Some((2, 2)));
        // A long thin thing and a small thick one.
        let both = mask(|x, y| y == 0 || ((10..13).contains(&x) && (6..9).contains(&y)));
        assert_eq!(innermost(&both), Some((11, 7)));
        // The middle of a ring is not in it.
        let (x, y) = innermost(&mask(|x, y| x.abs_diff(9) + y.abs_diff(6) >= 3)).unwrap();
        assert!(x.abs_diff(9) + y.abs_diff(6) >= 3);
    }

    #[test]
    fn every_object_is_clicked_corrected_and_framed() {
        let engine = Engine::load(&ModelSpec::default(), |_| true).unwrap();
        let scene = generate(1);
        let (image, _) = engine.encode(&scene.image, &|| false).unwrap();
        let one = PlaceScores::measure(&engine, &image, &scene).unwrap();
        let objects = scene.objects.len();
        for scores in [one.click, one.click_best, one.corrected, one.framed] {
            assert_eq!(scores.count, objects);
            assert!((0.0..=1.0).contains(&scores.value()));
        }
        assert!(one.click_best.value() >= one.click.value());
        // A mask without a fault needs no correction.
        let masks = 2 * objects..=(2 + CORRECTIONS) * objects;
        assert!(masks.contains(&one.estimate_error.count));
        let mut both = one;
        both += one;
        assert_eq!(both.framed.count, 2 * objects);
        assert!((both.framed.value() - one.framed.value()).abs() < 1e-12);
    }
}
