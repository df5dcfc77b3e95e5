//! A reply cut into what is shown: plain words, and phrases that masks belong to.

use glamm_engine::protocol::Grounding;

/// A part of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment<'a> {
    /// The words; empty for a mask without a phrase.
    pub text: &'a str,
    /// The groundings of these words, as places in the list that was given; none for plain words.
    pub groundings: Vec<usize>,
}

/// Cuts a text at its grounded phrases. Groundings of the same words share a segment; one that
/// overlaps an earlier one, or lies outside the text, is shown after the text, without words, so
/// that no mask is ever lost.
pub fn segments<'a>(text: &'a str, groundings: &[Grounding]) -> Vec<Segment<'a>> {
    let mut order: Vec<usize> = (0..groundings.len()).collect();
    order.sort_by_key(|&g| (groundings[g].span.start, groundings[g].span.end));
    let mut byte_at: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    byte_at.push(text.len());

    let mut result: Vec<Segment<'a>> = Vec::new();
    let mut homeless = Vec::new();
    let mut done = 0;
    let mut previous: Option<&std::ops::Range<usize>> = None;
    for index in order {
        let span = &groundings[index].span;
        if previous == Some(span) {
            if let Some(last) = result.last_mut() {
                last.groundings.push(index);
            }
            continue;
        }
        if span.start < done || span.end < span.start || span.end >= byte_at.len() {
            homeless.push(index);
            continue;
        }
        let plain = &text[byte_at[done]..byte_at[span.start]];
        if !plain.is_empty() {
            result.push(Segment { text: plain, groundings: Vec::new() });
        }
        let words = &text[byte_at[span.start]..byte_at[span.end]];
        result.push(Segment { text: words, groundings: vec![index] });
        done = span.end;
        previous = Some(span);
    }
    let plain = &text[byte_at[done]..];
    if !plain.is_empty() {
        result.push(Segment { text: plain, groundings: Vec::new() });
    }
    result.extend(homeless.into_iter().map(|g| Segment { text: "", groundings: vec![g] }));
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ops::Range;

    fn check(text: &str, spans: &[Range<usize>], expected: &[(&str, &[usize])]) {
        let groundings: Vec<_> = spans.iter().map(|span| Grounding { span: span.clone() }).collect();
        let found = segments(text, &groundings);
        let found: Vec<_> = found.iter().map(|s| (s.text, s.groundings.as_slice())).collect();
        assert_eq!(found, expected, "{text} {spans:?}");
    }

    #[test]
    #[expect(clippy::single_range_in_vec_init, reason = "a list of one span")]
    fn phrases_are_cut_out_of_the_text() {
        check("a red house.", &[2..11], &[("a ", &[]), ("red house", &[0]), (".", &[])]);
        check("größe und höhe", &[0..5, 10..14], &[("größe", &[0]), (" und ", &[]), ("höhe", &[1])]);
        check("no masks", &[], &[("no masks", &[])]);
        check("", &[], &[]);
    }

    #[test]
    #[expect(clippy::single_range_in_vec_init, reason = "a list of one span")]
    fn odd_groundings_are_kept() {
        check("two dogs", &[0..8, 0..8], &[("two dogs", &[0, 1])]);
        check("It is .", &[6..6], &[("It is ", &[]), ("", &[0]), (".", &[])]);
        check("abc", &[0..2, 1..3], &[("ab", &[0]), ("c", &[]), ("", &[1])]);
        check("abc", &[5..9], &[("abc", &[]), ("", &[0])]);
    }
}
