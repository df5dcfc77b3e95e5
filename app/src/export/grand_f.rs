//! Captions with grounded phrases, as the GranD-f data set of GLaMM has them: for each reply with
//! masks its text, and for each phrase its place in the text and its masks as run-length codes. Read by
//! `dataset/gcg_datasets/GranDf_gcg_ds.py` of GLaMM.

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

#[derive(Debug, Serialize)]
struct PhraseEntry {
    /// First character and the one after the last, where the words are grounded for the first time: there is
    /// one place for a phrase.
    token_positives: [usize; 2],
    /// All its masks.
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
        caption: stripped(&exchange.reply.text).1.to_owned(),
        groundings,
    };
    with_masks.enumerate().map(caption).collect()
}

/// The text without quotation marks and blanks around it, which GLaMM takes away where it reads captions; and how
/// many characters were before it.
fn stripped(text: &str) -> (usize, &str) {
    let is_around = |c: char| c == '"' || c.is_whitespace();
    (text.chars().take_while(|&c| is_around(c)).count(), text.trim_matches(is_around))
}

fn phrases(exchange: &Exchange) -> BTreeMap<String, PhraseEntry> {
    let (before, caption) = stripped(&exchange.reply.text);
    let length = caption.chars().count();
    let mut phrases: BTreeMap<String, PhraseEntry> = BTreeMap::new();
    for (index, (grounding, mask)) in exchange.reply.groundings.iter().zip(&exchange.masks).enumerate() {
        let seen = mask.as_ref().filter(|mask| !mask.hidden).map(GroundedMask::pixels);
        let Some(pixels) = seen.filter(|pixels| pixels.area() > 0) else { continue };
        let span = [grounding.span.start, grounding.span.end];
        let token_positives = span.map(|place| place.saturating_sub(before).min(length));
        let first = || PhraseEntry { token_positives, rle_masks: Vec::new() };
        phrases.entry(exchange.phrase(index)).or_insert_with(first).rle_masks.push(pixels.to_rle());
    }
    phrases
}

#[cfg(test)]
mod tests {
    use super::stripped;

    #[test]
    fn captions_are_as_they_are_read() {
        for (text, expected) in [
            ("A disc. ", (0, "A disc.")),
            ("  A disc.", (2, "A disc.")),
            ("\"A größe \"", (1, "A größe")),
            ("\"größe\" A", (1, "größe\" A")),
            (" \"A\" ", (2, "A")),
            (" ", (1, "")),
        ] {
            assert_eq!(stripped(text), expected, "{text:?}");
        }
    }
}
