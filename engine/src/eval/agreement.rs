//! How far a model kept in fewer bits departs from the same one in more. Called by
//! `glamm eval agreement`.
//!
//! Both are asked for a grounded caption of each scene, greedily and free-running. Once their words
//! part, later words are about other things; so tokens are compared up to the first that differs,
//! and masks as long as the phrases before them, and their own, are the same. Masks of boxes are compared as
//! well, which see no words: they tell what was lost in the grounding encoder alone.

use super::tally::Tally;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::job::{Increment, Question};
use crate::protocol::{Reply, Turn};
use crate::scenes::{Object, Scene, generate};
use crate::text::conversation::GROUNDED_CAPTION;
use crate::vision::BinaryMask;

/// Longer than any caption.
const MAX_NEW_TOKENS: usize = 256;

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Agreement {
    /// Replies that are the same to the last token.
    pub replies: Tally,
    /// The reference's tokens before the first difference.
    pub tokens: Tally,
    /// Masks of the same phrases.
    pub phrases: MaskAgreement,
    /// Masks of the same boxes, one around each thing in a scene: they depend on no words.
    pub boxes: MaskAgreement,
}

/// How far masks are those of the reference, at the size of the picture.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct MaskAgreement {
    /// Masks compared.
    pub count: usize,
    iou_sum: f64,
    /// The worst of their IoU with the reference's.
    pub worst_iou: f64,
}

impl MaskAgreement {
    /// Mean IoU of the masks; 0 where there were none.
    pub fn iou(&self) -> f64 {
        self.iou_sum / self.count.max(1) as f64
    }

    fn add(&mut self, mask: &BinaryMask, reference: &BinaryMask) {
        let iou = mask.iou(reference);
        self.worst_iou = if self.count == 0 { iou } else { self.worst_iou.min(iou) };
        self.iou_sum += iou;
        self.count += 1;
    }
}

/// Compares `model` with `reference` on `count` scenes from `first_seed` on. `progress` is told the
/// number of scenes done so far.
///
/// # Errors
/// What an engine says of the first scene that it cannot do.
pub fn compare(
    model: &Engine,
    reference: &Engine,
    (first_seed, count): (u64, usize),
    mut progress: impl FnMut(usize),
) -> Result<Agreement, EngineError> {
    let mut agreement = Agreement::default();
    for index in 0..count {
        let scene = generate(first_seed + index as u64);
        let (own, wanted) = (caption(model, &scene)?, caption(reference, &scene)?);
        let same = own.ids.iter().zip(&wanted.ids).take_while(|(a, b)| a == b).count();
        agreement.replies.add(own.ids == wanted.ids);
        agreement.tokens += Tally { right: same, count: wanted.ids.len() };
        for (mask, reference) in own.masks_like(&wanted) {
            agreement.phrases.add(mask, reference);
        }
        for (mask, reference) in own.boxes.iter().zip(&wanted.boxes) {
            agreement.boxes.add(mask, reference);
        }
        progress(index + 1);
    }
    Ok(agreement)
}

struct Caption {
    ids: Vec<u32>,
    reply: Reply,
    /// Of the phrases.
    masks: Vec<BinaryMask>,
    /// Of the boxes around the things in the scene.
    boxes: Vec<BinaryMask>,
}

impl Caption {
    /// Pairs of masks of the same phrases behind the same words.
    fn masks_like<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = (&'a BinaryMask, &'a BinaryMask)> {
        let until = |reply: &Reply, end: usize| reply.text.chars().take(end).collect::<String>();
        let groundings = self.reply.groundings.iter().zip(&other.reply.groundings);
        let same = groundings
            .take_while(move |(a, b)| {
                a.span == b.span && until(&self.reply, a.span.end) == until(&other.reply, b.span.end)
            })
            .count();
        self.masks.iter().zip(&other.masks).take(same)
    }
}

fn caption(engine: &Engine, scene: &Scene) -> Result<Caption, EngineError> {
    let go_on = || false;
    let (mut image, _) = engine.encode(&scene.image, &go_on)?;
    let turns = [Turn { user: GROUNDED_CAPTION.to_owned(), regions: Vec::new(), reply: None }];
    let question = Question::greedy(&turns, MAX_NEW_TOKENS);
    let mut masks = Vec::new();
    let answer = engine.converse(&mut image, question, &go_on, &mut |piece| {
        if let Increment::Mask { masks: found, .. } = piece {
            masks.push(found.used().threshold(0.0));
        }
    })?;
    engine.finish_encoding(&mut image, &go_on)?;
    let of_box = |object: &Object| -> Result<BinaryMask, EngineError> {
        Ok(engine.segment(&image, &[], Some(object.bounds))?.used().threshold(0.0))
    };
    let boxes = scene.objects.iter().map(of_box).collect::<Result<_, _>>()?;
    Ok(Caption { ids: answer.token_ids(), reply: answer.reply, masks, boxes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::precision::Precision;
    use crate::protocol::{DeviceChoice, ModelSource, ModelSpec};

    #[test]
    fn fewer_bits_keep_the_demo_model_s_masks() {
        let load = |precision| {
            let spec = ModelSpec {
                source: ModelSource::Demo,
                device: DeviceChoice::Cpu,
                precision: Some(precision),
            };
            Engine::load(&spec, |_| true).unwrap()
        };
        let reference = load(Precision::F32);
        for (precision, bar) in [(Precision::Q8_0, 0.99), (Precision::Q4K, 0.97)] {
            let found = compare(&load(precision), &reference, (11, 3), |_| ()).unwrap();
            assert!(found.phrases.count >= 3 && found.boxes.count >= 6, "{precision}: {found:?}");
            assert!(found.phrases.iou() >= bar && found.boxes.iou() >= bar, "{precision}: {found:?}");
        }
    }
}
