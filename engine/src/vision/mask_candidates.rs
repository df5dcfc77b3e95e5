//! What the pixel decoder was asked, and all that it answered: one mask for each of its mask tokens.

use std::sync::Arc;

use super::{MaskLogits, PixelBox};

/// A click that says what belongs to a mask, in pixels of the original image; the upper left pixel
/// is at 0, 0, as in SAM.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Click {
    /// From the left.
    pub x: f32,
    /// From the top.
    pub y: f32,
    /// Whether the place belongs to the mask.
    pub positive: bool,
}

/// What a mask was asked for with. The same prompt on the same image gives the same masks.
#[derive(Debug, Clone, PartialEq)]
pub enum MaskPrompt {
    /// A `[SEG]`: the hidden state that predicted it, projected to the width of the pixel decoder's
    /// prompts (256 values in the full-size model).
    Seg(Arc<[f32]>),
    /// Places, as in SAM.
    Places {
        /// Clicks, in any order.
        points: Vec<Click>,
        /// A box around the mask, in pixels of the original image.
        region: Option<PixelBox>,
    },
}

/// The masks of one prompt, in the order of the pixel decoder's mask tokens (four in the full-size
/// model), and which of them the model takes. There is always one.
#[derive(Debug, Clone, PartialEq)]
pub struct MaskCandidates {
    masks: Vec<Arc<MaskLogits>>,
    used: usize,
    /// What they were asked for with; `None` where nobody knows (a mask read from a file).
    pub prompt: Option<MaskPrompt>,
}

impl MaskCandidates {
    /// The masks of a prompt; `None` where there are none, or `used` is not one of them.
    pub fn new(masks: Vec<Arc<MaskLogits>>, used: usize, prompt: MaskPrompt) -> Option<Self> {
        (used < masks.len()).then_some(Self { masks, used, prompt: Some(prompt) })
    }

    /// All of them.
    pub fn all(&self) -> &[Arc<MaskLogits>] {
        &self.masks
    }

    /// Place of the one that the model takes.
    pub fn used_index(&self) -> usize {
        self.used
    }

    /// The one that the model takes.
    pub fn used(&self) -> &Arc<MaskLogits> {
        &self.masks[self.used]
    }
}

impl From<Arc<MaskLogits>> for MaskCandidates {
    /// A mask that stands alone.
    fn from(mask: Arc<MaskLogits>) -> Self {
        Self { masks: vec![mask], used: 0, prompt: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_always_a_mask_in_use() {
        let mask = |predicted_iou| {
            Arc::new(MaskLogits {
                side: 1,
                logits: vec![0.0],
                frame: 1,
                content: (1, 1),
                image_size: (1, 1),
                predicted_iou,
            })
        };
        let prompt = || MaskPrompt::Places { points: Vec::new(), region: None };
        assert!(MaskCandidates::new(Vec::new(), 0, prompt()).is_none());
        assert!(MaskCandidates::new(vec![mask(0.1)], 1, prompt()).is_none());
        let two = MaskCandidates::new(vec![mask(0.1), mask(0.2)], 1, prompt());
        assert!(two.is_some_and(|two| two.used().predicted_iou > 0.15 && two.all().len() == 2));
    }
}
