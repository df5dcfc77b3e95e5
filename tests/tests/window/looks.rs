//! What the scripted engine knows for the inspector: candidates of a mask, tokens, maps.

use std::sync::Arc;

use glamm_engine::protocol::{TokenChoice, TokenRecord};
use glamm_engine::vision::{
    AttentionMaps, BinaryMask, FeatureMap, FeatureMaps, MaskCandidates, MaskLogits, MaskPrompt, PixelBox,
};

use crate::script::{Line, logits};
use crate::stage::PICTURE;

/// The mask, its upper half, and a wider one.
pub(crate) fn candidates(mask: &BinaryMask) -> MaskCandidates {
    let middle = mask.bounding_box().map_or(0.0, |b| f32::midpoint(b.y0, b.y1)) as u32;
    let half = BinaryMask::from_fn(mask.width(), mask.height(), |x, y| mask.contains(x, y) && y < middle);
    let wide = BinaryMask::from_fn(mask.width(), mask.height(), |x, y| {
        [(0, 0), (6, 0), (0, 6), (6, 6)].iter().any(|(dx, dy)| mask.contains(x + dx, y + dy))
    });
    let masks = [(mask, 0.94), (&half, 0.88), (&wide, 0.71)]
        .map(|(mask, predicted_iou)| Arc::new(MaskLogits { predicted_iou, ..softened(logits(mask)) }));
    let prompt = MaskPrompt::Seg(vec![0.0; 4].into());
    MaskCandidates::new(masks.to_vec(), 0, prompt).unwrap()
}

/// With slopes, as a pixel decoder's are.
fn softened(mut mask: MaskLogits) -> MaskLogits {
    let (side, before) = (mask.side, mask.logits.clone());
    for (at, value) in mask.logits.iter_mut().enumerate() {
        let (x, y) = (at % side, at / side);
        let around = (y.saturating_sub(1)..=(y + 1).min(side - 1))
            .flat_map(|y| (x.saturating_sub(1)..=(x + 1).min(side - 1)).map(move |x| y * side + x));
        let (sum, count) = around.fold((0.0, 0.0), |(sum, count), at| (sum + before[at], count + 1.0));
        *value = sum / count;
    }
    mask
}

/// One for each word, and a `[SEG]` for each mask.
pub(crate) fn tokens(line: &Line) -> Vec<TokenRecord> {
    let mut tokens: Vec<TokenRecord> = Vec::new();
    let mut masks = 0;
    let mut push = |text: &str, probability: f32, grounding: Option<usize>| {
        let id = tokens.len() as u32;
        let choice = |id, text: &str, probability| TokenChoice { id, text: text.to_owned(), probability };
        let rest = 1.0 - probability;
        let likeliest = vec![
            choice(id, text, probability),
            choice(900, " an", rest * 0.6),
            choice(901, " some", rest * 0.3),
        ];
        let predicted_at = 119 + tokens.len();
        tokens.push(TokenRecord {
            id,
            text: text.to_owned(),
            probability,
            likeliest,
            predicted_at,
            grounding,
        });
    };
    for (text, mask) in &line.parts {
        for (at, word) in text.split_inclusive(' ').enumerate() {
            push(&format!(" {}", word.trim()), 0.98 - 0.17 * (at % 4) as f32, None);
        }
        if mask.is_some() {
            push("[SEG]", 0.99, Some(masks));
            masks += 1;
        }
    }
    tokens
}

/// A ramp of colours, and attention that wanders from head to head.
pub(crate) fn maps(with_attention: bool) -> FeatureMaps {
    let (columns, rows) = (16, 12);
    let covers = PixelBox { x0: 0.0, y0: 0.0, x1: PICTURE.0 as f32, y1: PICTURE.1 as f32 };
    let rgb = (0..columns * rows).map(|i| [(i % columns * 16) as u8, (i / columns * 20) as u8, 90]).collect();
    let map = FeatureMap { columns, rows, rgb, explained: [0.5, 0.2, 0.1], covers };
    let attention = with_attention.then(|| {
        let weights = (0..3 * 4)
            .flat_map(|head| (0..columns * rows).map(move |i| if i % 12 == head { 0.05 } else { 0.001 }));
        AttentionMaps { layers: 3, heads: 4, columns, rows, weights: weights.collect(), covers }
    });
    FeatureMaps { global: map.clone(), grounding: map, attention }
}
