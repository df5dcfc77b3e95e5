//! Captions with grounded phrases, as the GranD-f data set of GLaMM has them: for each reply with
//! masks its text, and for each phrase its places in the text and its masks as run-length codes.

use std::collections::BTreeMap;
use std::sync::Arc;

use glamm_engine::vision::Rle;
use serde::Serialize;

use super::Named;
use super::annotations::shown_exchanges;
use crate::document::{Exchange, GroundedMask};

#[derive(Debug, Serialize)]
#[expect(clippy::struct_field_names, reason = "names of the format")]
pub(super) struct Caption {
    /// `<image id>-<number of the reply>`.
    id: String,
    image_id: u64,
    file_name: String,
    height: u32,
    width: u32,
    /// Not of GranD-f: what was asked.
    question: String,
    caption: String,
    groundings: BTreeMap<String, PhraseEntry>,
}

#[derive(Debug, Default, Serialize)]
struct PhraseEntry {
    /// First character and the one after the last, for every time that the words are grounded.
    token_positives: Vec<[usize; 2]>,
    rle_masks: Vec<Rle>,
}

/// The replies about a picture that have masks, of those that are seen and not empty.
pub(super) fn captions(named: &Named, image_id: u64) -> Vec<Caption> {
    let picture = &named.picture;
    let grounded = shown_exchanges(picture).map(|exchange| (exchange, phrases(exchange)));
    let with_masks = grounded.filter(|(_, groundings)| !groundings.is_empty());
    let caption = |(number, (exchange, groundings)): (usize, (&Arc<Exchange>, _))| Caption {
        id: format!("{image_id}-{}", number + 1),
        image_id,
        file_name: named.image_path(),
        height: picture.size.1,
        width: picture.size.0,
        question: exchange.question.draft(),
        caption: exchange.reply.text.trim_end().to_owned(),
        groundings,
    };
    with_masks.enumerate().map(caption).collect()
}

fn phrases(exchange: &Exchange) -> BTreeMap<String, PhraseEntry> {
    let mut phrases: BTreeMap<String, PhraseEntry> = BTreeMap::new();
    for (index, (grounding, mask)) in exchange.reply.groundings.iter().zip(&exchange.masks).enumerate() {
        let seen = mask.as_ref().filter(|mask| !mask.hidden).map(GroundedMask::pixels);
        let Some(pixels) = seen.filter(|pixels| pixels.area() > 0) else { continue };
        let entry = phrases.entry(exchange.phrase(index)).or_default();
        let span = [grounding.span.start, grounding.span.end];
        if !entry.token_positives.contains(&span) {
            entry.token_positives.push(span);
        }
        entry.rle_masks.push(pixels.to_rle());
    }
    phrases
}
