//! The words and the colour of each mask of a reply.

use super::Exchange;
use crate::palette::first_of_phrase;

impl Exchange {
    /// The words that a mask grounds, without blanks around them; empty for a mask without any.
    pub fn phrase(&self, index: usize) -> String {
        let span = self.reply.groundings.get(index).map_or(0..0, |grounding| grounding.span.clone());
        let words: String = self.reply.text.chars().skip(span.start).take(span.len()).collect();
        words.trim().to_owned()
    }

    /// Place of a mask in the palette: the one that the user gave it, or that of its phrase.
    pub fn hue(&self, index: usize) -> usize {
        let chosen = self.masks.get(index).and_then(|mask| mask.as_ref()?.hue);
        chosen.unwrap_or_else(|| self.first_hue + first_of_phrase(&self.reply.groundings, index))
    }
}
