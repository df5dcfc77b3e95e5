//! Questions: from what is typed to what the model reads, and back to what is shown.
//!
//! While a question is being written, a region is referred to by its number in brackets: `What is
//! [1]?`. The model reads `What is <bbox>?` and the box beside it.

use glamm_engine::protocol::Turn;

use super::{Region, RegionTag};

/// What the model reads where a region is meant.
const MARKER: &str = "<bbox>";

/// A question as the model reads it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Question {
    /// Each `<bbox>` stands for one of `regions`, in order.
    pub text: String,
    /// As they were when the question was asked; one may come more than once.
    pub regions: Vec<Region>,
}

/// A part of a question, as it is shown.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece<'a> {
    /// Words.
    Text(&'a str),
    /// A reference to a region.
    Region(&'a Region),
}

impl Question {
    /// Reads what was typed. `[2]` becomes a reference where there is a region 2 and stays as it is
    /// where there is none; a `<bbox>` that was typed out stands for the first region not
    /// referred to so far.
    pub fn from_draft(draft: &str, regions: &[Region]) -> Self {
        let mut question = Self::default();
        let mut rest = draft.trim();
        while !rest.is_empty() {
            if let Some((region, length)) = reference(rest, regions) {
                question.refer_to(region);
                rest = &rest[length..];
            } else if let Some(after) = rest.strip_prefix(MARKER) {
                let next = regions.iter().find(|r| !question.regions.iter().any(|q| q.tag == r.tag));
                match next {
                    Some(region) => question.refer_to(region),
                    None => question.text.push_str(MARKER),
                }
                rest = after;
            } else {
                let next = rest.char_indices().nth(1).map_or(rest.len(), |(at, _)| at);
                question.text.push_str(&rest[..next]);
                rest = &rest[next..];
            }
        }
        question
    }

    /// A draft in which every `<bbox>` that was typed out is the number of a region instead: of the
    /// first one not referred to so far. With the place after the last of them, in characters; `None`
    /// where nothing changes.
    pub fn numbered(draft: &str, regions: &[Region]) -> Option<(String, usize)> {
        let mut draft = draft.to_owned();
        let mut end = None;
        while let Some(at) = draft.find(MARKER) {
            let referred = Self::references(&draft, regions);
            let Some(next) = regions.iter().find(|r| !referred.iter().any(|(_, q)| q.tag == r.tag)) else {
                break;
            };
            let number = bracketed(next.tag);
            draft.replace_range(at..at + MARKER.len(), &number);
            end = Some(draft[..at + number.len()].chars().count());
        }
        end.map(|end| (draft, end))
    }

    fn refer_to(&mut self, region: &Region) {
        self.text.push_str(MARKER);
        self.regions.push(region.clone());
    }

    /// What is shown: words, and the regions between them.
    pub fn pieces(&self) -> Vec<Piece<'_>> {
        let mut pieces = Vec::new();
        let mut regions = self.regions.iter();
        for (at, words) in self.text.split(MARKER).enumerate() {
            if at > 0 {
                pieces.push(regions.next().map_or(Piece::Text(MARKER), Piece::Region));
            }
            if !words.is_empty() {
                pieces.push(Piece::Text(words));
            }
        }
        pieces
    }

    /// What was typed, or would have been typed, to ask this.
    pub fn draft(&self) -> String {
        let pieces = self.pieces();
        let words = pieces.iter().map(|piece| match piece {
            Piece::Text(text) => (*text).to_owned(),
            Piece::Region(region) => bracketed(region.tag),
        });
        words.collect()
    }

    /// A turn of the conversation, with the raw reply where there is one.
    pub fn turn(&self, reply: Option<String>) -> Turn {
        let regions = self.regions.iter().map(|r| r.bounds).collect();
        Turn { user: self.text.clone(), regions, reply }
    }

    /// The references in a draft: byte ranges and the regions they mean.
    pub fn references<'a>(draft: &str, regions: &'a [Region]) -> Vec<(std::ops::Range<usize>, &'a Region)> {
        let found = draft.match_indices('[').filter_map(|(at, _)| {
            let (region, length) = reference(&draft[at..], regions)?;
            Some((at..at + length, region))
        });
        found.collect()
    }
}

/// How a region is referred to in a draft.
pub(crate) fn bracketed(tag: RegionTag) -> String {
    format!("[{}]", tag.0)
}

/// A reference at the start of the text: the region, and the number of bytes it takes.
fn reference<'a>(text: &str, regions: &'a [Region]) -> Option<(&'a Region, usize)> {
    let inner = text.strip_prefix('[')?;
    let (number, _) = inner.split_once(']')?;
    let tag = RegionTag(number.parse().ok().filter(|_| number.len() <= 6)?);
    let region = regions.iter().find(|r| r.tag == tag)?;
    Some((region, number.len() + 2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use glamm_engine::vision::PixelBox;

    fn regions(tags: &[u32]) -> Vec<Region> {
        let make = |tag: &u32| {
            let x0 = *tag as f32;
            Region::new(RegionTag(*tag), PixelBox { x0, y0: 0.0, x1: x0 + 1.0, y1: 1.0 })
        };
        tags.iter().map(make).collect()
    }

    #[test]
    fn drafts_become_questions() {
        // draft, regions there, text for the model, tags referred to
        let cases: &[(&str, &[u32], &str, &[u32])] = &[
            (" What is [1]? ", &[1, 2], "What is <bbox>?", &[1]),
            ("[2] left of [1]", &[1, 2], "<bbox> left of <bbox>", &[2, 1]),
            ("Is [3] there?", &[1], "Is [3] there?", &[]),
            ("see [x] [] [", &[1], "see [x] [] [", &[]),
            ("<bbox> and <bbox>", &[4, 5], "<bbox> and <bbox>", &[4, 5]),
            ("[1] and <bbox>", &[1, 2], "<bbox> and <bbox>", &[1, 2]),
            ("größer als [1] ·", &[1], "größer als <bbox> ·", &[1]),
            ("", &[1], "", &[]),
        ];
        for (draft, there, text, tags) in cases {
            let question = Question::from_draft(draft, &regions(there));
            assert_eq!(question.text, *text, "{draft}");
            let referred: Vec<u32> = question.regions.iter().map(|r| r.tag.0).collect();
            assert_eq!(referred, *tags, "{draft}");
        }
    }

    #[test]
    fn typed_markers_become_numbers() {
        let there = regions(&[3, 5]);
        let cases = [
            ("größer als <bbox>?", Some(("größer als [3]?", 14))),
            ("[3] or <bbox>", Some(("[3] or [5]", 10))),
            ("<bbox> <bbox> <bbox>", Some(("[3] [5] <bbox>", 7))),
            ("[3] [5] <bbox>", None),
            ("no marker <bbo", None),
        ];
        for (draft, expected) in cases {
            let expected = expected.map(|(text, end): (&str, usize)| (text.to_owned(), end));
            assert_eq!(Question::numbered(draft, &there), expected, "{draft}");
        }
    }

    #[test]
    fn questions_show_as_they_were_typed() {
        let there = regions(&[1, 2]);
        for draft in ["What is [1]?", "[2]", "nothing", "[1][2] both"] {
            let question = Question::from_draft(draft, &there);
            assert_eq!(question.draft(), draft);
        }
        let one = Question::from_draft("What is [1]?", &there);
        assert_eq!(one.pieces(), [Piece::Text("What is "), Piece::Region(&there[0]), Piece::Text("?")]);
    }
}
