//! Which masks are to be seen on the canvas, and how strongly.

use super::State;
use crate::document::{GroundedMask, Picture};

/// A mask on the canvas.
#[derive(Debug, Clone)]
pub struct VisibleMask {
    /// The mask.
    pub mask: GroundedMask,
    /// Its place in the palette.
    pub hue: usize,
    /// Whether the pointer is on it, or it is pinned.
    pub emphasised: bool,
    /// Whether it gives way to an emphasised one.
    pub dimmed: bool,
}

impl State {
    /// The masks to be drawn over the current picture, large ones first: those of the latest reply
    /// that has any, those that are pinned, and the one the pointer is on.
    pub fn visible_masks(&self) -> Vec<VisibleMask> {
        let Some(picture) = self.picture().filter(|_| !self.ui.masks_hidden) else { return Vec::new() };
        let all = self.all_masks(picture);
        let latest = all.last().map(|(reply, ..)| *reply);
        let wanted =
            |mask: &GroundedMask| self.ui.hovered == Some(mask.id) || self.ui.pinned.contains(&mask.id);
        let any_wanted = all.iter().any(|(_, _, mask)| wanted(mask));
        let mut shown: Vec<VisibleMask> = all
            .into_iter()
            .filter(|(reply, _, mask)| Some(*reply) == latest || wanted(mask))
            .map(|(_, hue, mask)| {
                let emphasised = wanted(&mask);
                VisibleMask { mask, hue, emphasised, dimmed: any_wanted && !emphasised }
            })
            .collect();
        shown.sort_by(|a, b| b.mask.coverage.total_cmp(&a.mask.coverage));
        shown
    }

    /// All masks about a picture with the reply they belong to and their place in the palette.
    fn all_masks(&self, picture: &Picture) -> Vec<(usize, usize, GroundedMask)> {
        let mut all = Vec::new();
        for (reply, exchange) in picture.exchanges.iter().enumerate() {
            let spans: Vec<_> = exchange.reply.groundings.iter().map(|g| &g.span).collect();
            for (index, mask) in exchange.masks.iter().enumerate() {
                if let Some(mask) = mask {
                    all.push((reply, exchange.first_hue + first_of_phrase(&spans, index), mask.clone()));
                }
            }
        }
        if let Some(job) = self.session.job_about(picture.id) {
            let spans: Vec<_> = job.grounded.iter().map(|(g, _)| &g.span).collect();
            for (index, (_, mask)) in job.grounded.iter().enumerate() {
                if let Some(mask) = mask {
                    let hue = job.first_hue + first_of_phrase(&spans, index);
                    all.push((picture.exchanges.len(), hue, mask.clone()));
                }
            }
        }
        all
    }
}

/// Several masks of one phrase share its colour: that of the first.
fn first_of_phrase(spans: &[&std::ops::Range<usize>], index: usize) -> usize {
    let Some(span) = spans.get(index).filter(|span| !span.is_empty()) else { return index };
    spans.iter().position(|other| other == span).unwrap_or(index)
}
