//! Which masks are to be seen on the canvas, and how strongly.

use super::State;
use crate::document::{GroundedMask, Picture};

/// A mask of the current picture, on the canvas or not.
#[derive(Debug, Clone)]
pub struct ListedMask {
    /// The mask.
    pub mask: GroundedMask,
    /// Its place in the palette.
    pub hue: usize,
    /// The words it grounds; empty for a mask without a phrase.
    pub phrase: String,
    /// The reply it belongs to, counted from the first; the running one comes last.
    pub reply: usize,
}

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
        let all = self.listed_masks(picture);
        let latest = all.last().map(|listed| listed.reply);
        let wanted =
            |mask: &GroundedMask| self.ui.hovered == Some(mask.id) || self.ui.pinned.contains(&mask.id);
        let any_wanted = all.iter().any(|listed| wanted(&listed.mask));
        let mut shown: Vec<VisibleMask> = all
            .into_iter()
            .filter(|listed| Some(listed.reply) == latest || wanted(&listed.mask))
            .map(|ListedMask { mask, hue, .. }| {
                let emphasised = wanted(&mask);
                VisibleMask { mask, hue, emphasised, dimmed: any_wanted && !emphasised }
            })
            .collect();
        shown.sort_by(|a, b| b.mask.coverage.total_cmp(&a.mask.coverage));
        shown
    }

    /// All masks of a picture, in the order of the conversation.
    pub fn listed_masks(&self, picture: &Picture) -> Vec<ListedMask> {
        let mut all = Vec::new();
        for (reply, exchange) in picture.exchanges.iter().enumerate() {
            let spans: Vec<_> = exchange.reply.groundings.iter().map(|g| &g.span).collect();
            let masks = exchange.masks.iter().map(Option::as_ref);
            list(&mut all, (reply, exchange.first_hue), &exchange.reply.text, &spans, masks);
        }
        if let Some(job) = self.session.job_about(picture.id) {
            let spans: Vec<_> = job.grounded.iter().map(|(g, _)| &g.span).collect();
            let masks = job.grounded.iter().map(|(_, mask)| mask.as_ref());
            list(&mut all, (picture.exchanges.len(), job.first_hue), &job.text, &spans, masks);
        }
        all
    }
}

/// Adds the masks of one reply.
fn list<'a>(
    all: &mut Vec<ListedMask>,
    (reply, first_hue): (usize, usize),
    text: &str,
    spans: &[&std::ops::Range<usize>],
    masks: impl Iterator<Item = Option<&'a GroundedMask>>,
) {
    for (index, mask) in masks.enumerate() {
        let (Some(mask), Some(span)) = (mask, spans.get(index)) else { continue };
        let phrase: String = text.chars().skip(span.start).take(span.len()).collect();
        let hue = first_hue + first_of_phrase(spans, index);
        all.push(ListedMask { mask: mask.clone(), hue, phrase: phrase.trim().to_owned(), reply });
    }
}

/// Several masks of one phrase share its colour: that of the first.
fn first_of_phrase(spans: &[&std::ops::Range<usize>], index: usize) -> usize {
    let Some(span) = spans.get(index).filter(|span| !span.is_empty()) else { return index };
    spans.iter().position(|other| other == span).unwrap_or(index)
}
