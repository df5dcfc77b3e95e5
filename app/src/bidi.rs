//! Which way text runs, for `ui::text` and for the legends of exported pictures: the Unicode
//! Bidirectional Algorithm (UAX #9, by `unicode-bidi`) and what goes with it.

use std::ops::Range;

use unicode_bidi::{BidiClass, Level, ParagraphBidiInfo, bidi_class};

/// Before this there is no letter that is written from right to left.
const FIRST_RIGHT_TO_LEFT: char = '\u{590}';

/// Whether anything in the text is written from right to left.
pub(crate) fn has_right_to_left(text: &str) -> bool {
    use BidiClass::{AL, R, RLE, RLI, RLO};
    text.chars().any(|c| c >= FIRST_RIGHT_TO_LEFT && matches!(bidi_class(c), R | AL | RLE | RLI | RLO))
}

/// Whether the character belongs to a word of a right-to-left script, and shaping turns it with the
/// word; other characters between such words stand by themselves.
pub(crate) fn is_of_word(c: char) -> bool {
    matches!(bidi_class(c), BidiClass::R | BidiClass::AL | BidiClass::NSM | BidiClass::BN)
}

/// What stands in place of a bracket where text runs from right to left.
pub(crate) fn mirrored(c: char) -> char {
    const PAIRS: [(char, char); 8] =
        [('(', ')'), ('[', ']'), ('{', '}'), ('<', '>'), ('«', '»'), ('‹', '›'), ('≤', '≥'), ('⟨', '⟩')];
    let other = |&(open, close): &(char, char)| match c {
        _ if c == open => Some(close),
        _ if c == close => Some(open),
        _ => None,
    };
    PAIRS.iter().find_map(other).unwrap_or(c)
}

/// The parts of one line that run one way, as they stand from left to right; of each, where it lies in
/// the text, and whether it runs from right to left.
pub(crate) fn runs_of_line(line: &str) -> Vec<(Range<usize>, bool)> {
    if line.is_empty() {
        return Vec::new();
    }
    let info = ParagraphBidiInfo::new(line, None);
    let (levels, runs) = info.visual_runs(0..line.len());
    runs.into_iter().map(|run| (run.clone(), levels.get(run.start).is_some_and(Level::is_rtl))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_where_their_direction_changes() {
        let check = |line: &str, expected: &[(&str, bool)]| {
            let runs = runs_of_line(line);
            let found: Vec<_> = runs.iter().map(|(range, rtl)| (&line[range.clone()], *rtl)).collect();
            assert_eq!(found, expected, "{line}");
        };
        check("a red car", &[("a red car", false)]);
        check("the word שלום means peace", &[("the word ", false), ("שלום", true), (" means peace", false)]);
        check("שלום 12 cats", &[("cats", false), (" ", true), ("12", false), ("שלום ", true)]);
        check("", &[]);
    }

    #[test]
    fn right_to_left_letters_are_known() {
        for (text, expected) in
            [("Größe", false), ("", false), ("画像", false), ("a שלום", true), ("مرحبا", true)]
        {
            assert_eq!(has_right_to_left(text), expected, "{text}");
        }
        assert_eq!(['(', ']', 'x', '»'].map(mirrored), [')', '[', 'x', '«']);
    }
}
