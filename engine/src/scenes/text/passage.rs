//! A reply in the making: plain words and grounded phrases, written once and read in three ways:
//! with GLaMM's markers, without them, and as spans.

use std::ops::Range;

/// A part of an object, or all of it, by index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ref {
    /// Index into [`crate::scenes::Scene::objects`].
    Object(usize),
    /// A part of an object.
    Part {
        /// Index into [`crate::scenes::Scene::objects`].
        object: usize,
        /// Index into that object's `parts`.
        part: usize,
    },
}

/// What one `[SEG]` stands for: the union of these masks.
pub type Target = Vec<Ref>;

#[derive(Debug, Clone, PartialEq)]
enum Piece {
    Words(String),
    Phrase(String, Target),
    Seg(Target),
}

/// Words and grounded phrases in reading order.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Passage {
    pieces: Vec<Piece>,
}

impl Passage {
    /// A passage of plain words.
    pub(super) fn plain(words: impl Into<String>) -> Self {
        Self::default().say(words)
    }

    /// Adds plain words; a blank is put before them unless they begin with a punctuation mark.
    #[must_use]
    pub(super) fn say(mut self, words: impl Into<String>) -> Self {
        self.pieces.push(Piece::Words(words.into()));
        self
    }

    /// Adds `<p> words </p> [SEG]`.
    #[must_use]
    pub(super) fn phrase(mut self, words: impl Into<String>, target: Target) -> Self {
        self.pieces.push(Piece::Phrase(words.into(), target));
        self
    }

    /// Adds a bare `[SEG]`.
    #[must_use]
    pub(super) fn seg(mut self, target: Target) -> Self {
        self.pieces.push(Piece::Seg(target));
        self
    }

    /// Adds all of another passage.
    #[must_use]
    pub(super) fn then(mut self, other: Self) -> Self {
        self.pieces.extend(other.pieces);
        self
    }

    /// Makes the first letter a capital.
    #[must_use]
    pub(super) fn capitalised(mut self) -> Self {
        if let Some(Piece::Words(words) | Piece::Phrase(words, _)) = self.pieces.first_mut() {
            *words = capitalised(words);
        }
        self
    }

    /// In GLaMM's notation.
    pub(super) fn marked(&self) -> String {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Words(words) => append(&mut text, words),
                Piece::Phrase(words, _) => append(&mut text, &format!("<p> {words} </p> [SEG]")),
                Piece::Seg(_) => append(&mut text, "[SEG]"),
            }
        }
        text
    }

    /// What each `[SEG]` stands for, in order.
    pub(super) fn targets(&self) -> Vec<Target> {
        let target = |piece: &Piece| match piece {
            Piece::Words(_) => None,
            Piece::Phrase(_, target) | Piece::Seg(target) => Some(target.clone()),
        };
        self.pieces.iter().filter_map(target).collect()
    }

    /// What a reader sees (no markers, no blank before punctuation), and the place of each phrase in it, counted in characters.
    pub(super) fn visible_with_spans(&self) -> (String, Vec<(Range<usize>, Target)>) {
        let mut text = String::new();
        let mut spans = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Words(words) => append(&mut text, words),
                Piece::Phrase(words, target) => {
                    append(&mut text, words);
                    let end = text.chars().count();
                    spans.push((end - words.chars().count()..end, target.clone()));
                }
                Piece::Seg(_) => {}
            }
        }
        (text, spans)
    }
}

/// With a capital first letter.
pub(super) fn capitalised(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn append(text: &mut String, words: &str) {
    let joins = words.starts_with(['.', ',', '?', '!']);
    if !text.is_empty() && !joins && !words.is_empty() {
        text.push(' ');
    }
    text.push_str(words);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_passage_reads_marked_and_plain() {
        let passage = Passage::plain("There is")
            .phrase("a red house", vec![Ref::Object(0)])
            .say(", and")
            .phrase("a tree", vec![Ref::Object(1)])
            .say(".");
        assert_eq!(passage.marked(), "There is <p> a red house </p> [SEG], and <p> a tree </p> [SEG].");
        let (text, spans) = passage.visible_with_spans();
        assert_eq!(text, "There is a red house, and a tree.");
        let words: Vec<&str> = spans.iter().map(|(span, _)| &text[span.clone()]).collect();
        assert_eq!(words, ["a red house", "a tree"]);
        assert_eq!(passage.targets(), [vec![Ref::Object(0)], vec![Ref::Object(1)]]);
    }

    #[test]
    fn a_bare_seg_leaves_no_trace_in_the_visible_text() {
        let passage = Passage::plain("Sure, it is").seg(vec![Ref::Object(0)]).say(".");
        assert_eq!(passage.marked(), "Sure, it is [SEG].");
        assert_eq!(passage.visible_with_spans().0, "Sure, it is.");
        assert_eq!(passage.visible_with_spans().1, []);
    }
}
