//! The words and the colour of each mask of a reply.

use super::Exchange;

impl Exchange {
    /// The words that a mask grounds, without blanks around them; empty for a mask without any.
    pub fn phrase(&self, index: usize) -> String {
        let span = self.reply.groundings.get(index).map_or(0..0, |grounding| grounding.span.clone());
        let words: String = self.reply.text.chars().skip(span.start).take(span.len()).collect();
        words.trim().to_owned()
    }

    /// Place of a mask in the palette, where the user gave it no other. Several masks of one phrase share
    /// its colour: that of the first.
    pub fn hue(&self, index: usize) -> usize {
        let groundings = &self.reply.groundings;
        let span = groundings.get(index).map(|grounding| &grounding.span).filter(|span| !span.is_empty());
        let first = span.and_then(|span| groundings.iter().position(|grounding| grounding.span == *span));
        self.first_hue + first.unwrap_or(index)
    }
}
