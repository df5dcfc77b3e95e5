//! The prompt library: what GLaMM was trained to be asked, in the words it was trained with, and
//! the user's own prompts, which [`store`] keeps.
//!
//! A prompt is a text with places left open: [`REGION`], where a region is meant, and [`GAP`], where
//! something is left to be written.

pub mod store;

use std::borrow::Cow;

use glamm_engine::text::conversation::GROUNDED_CAPTION;
use serde::{Deserialize, Serialize};

use crate::document::{Question, Region, RegionTag, bracketed};

/// The place of a region in a prompt.
pub const REGION: &str = "{region}";
/// The place where the user writes on.
pub const GAP: &str = "{}";

/// Longest name that is kept, in characters.
const MAX_LABEL: usize = 60;

/// A prompt to start from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompt {
    /// On its button.
    pub label: Cow<'static, str>,
    /// See the module.
    pub text: Cow<'static, str>,
}

/// A prompt as it is written into the draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filled {
    /// The draft.
    pub draft: String,
    /// Where the text cursor goes, in characters.
    pub cursor: usize,
    /// Whether something is left to be written.
    pub open: bool,
}

const fn prompt(label: &'static str, text: &'static str) -> Prompt {
    Prompt { label: Cow::Borrowed(label), text: Cow::Borrowed(text) }
}

const DESCRIBE_REGION: &str =
    "Can you provide me with a detailed description of the region in the picture marked by {region}?";

/// In the order of the buttons above the question.
pub static SUGGESTED: [Prompt; 5] = [
    prompt("Describe with masks", GROUNDED_CAPTION),
    prompt("Segment …", "Can you please segment the {} in this image?"),
    prompt("Describe region", DESCRIBE_REGION),
    prompt("Caption", "Could you please describe what is in this image?"),
    prompt("How many …?", "How many {} are there in the image?"),
];

/// What GLaMM was trained for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// A description in which phrases have masks.
    GroundedCaption,
    /// The mask of what is named.
    Segment,
    /// What a box holds.
    Region,
    /// A description in words.
    Caption,
    /// An answer.
    Question,
}

impl Task {
    /// In the order of the library.
    pub const ALL: [Self; 5] =
        [Self::GroundedCaption, Self::Segment, Self::Region, Self::Caption, Self::Question];

    /// As the paper calls it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::GroundedCaption => "Grounded caption",
            Self::Segment => "Segment",
            Self::Region => "Region",
            Self::Caption => "Caption",
            Self::Question => "Question",
        }
    }

    /// Wordings of the training.
    pub fn prompts(self) -> &'static [Prompt] {
        static GROUNDED_CAPTIONS: [Prompt; 2] = [
            prompt("Describe with masks", GROUNDED_CAPTION),
            prompt(
                "Describe briefly with masks",
                "Could you give me a brief explanation of this picture? Please respond with interleaved \
                 segmentation masks for the corresponding phrases.",
            ),
        ];
        static SEGMENTS: [Prompt; 2] = [
            prompt("Segment …", "Can you please segment the {} in this image?"),
            prompt(
                "What is …, with its mask",
                "What is {} in this image? Please respond with segmentation mask.",
            ),
        ];
        static REGIONS: [Prompt; 2] = [
            prompt("Describe region", DESCRIBE_REGION),
            prompt("What is in the region", "What is in {region}?"),
        ];
        static CAPTIONS: [Prompt; 2] = [
            prompt("Caption", "Could you please describe what is in this image?"),
            prompt("Detailed caption", "Could you please give me a detailed description of the image?"),
        ];
        static QUESTIONS: [Prompt; 3] = [
            prompt("How many …?", "How many {} are there in the image?"),
            prompt("What colour …?", "What color is the {} in the image?"),
            prompt("Is there …?", "Is there {} in the image?"),
        ];
        match self {
            Self::GroundedCaption => &GROUNDED_CAPTIONS,
            Self::Segment => &SEGMENTS,
            Self::Region => &REGIONS,
            Self::Caption => &CAPTIONS,
            Self::Question => &QUESTIONS,
        }
    }
}

impl Prompt {
    /// The user's own prompt: a question in which every reference to one of `regions` becomes an open
    /// place. `None` where there is nothing to ask.
    pub fn from_draft(draft: &str, regions: &[Region]) -> Option<Self> {
        let draft = draft.trim();
        let mut text = String::new();
        let mut done = 0;
        for (range, _) in Question::references(draft, regions) {
            text.push_str(&draft[done..range.start]);
            text.push_str(REGION);
            done = range.end;
        }
        text.push_str(&draft[done..]);
        let label: String = draft.chars().take(MAX_LABEL).collect();
        (!text.is_empty()).then_some(Self { label: label.into(), text: text.into() })
    }

    /// Whether a region must be chosen first.
    pub fn needs_region(&self) -> bool {
        self.text.contains(REGION)
    }

    /// Whether it is written into the draft, not asked at once: something is left to be written or looked at.
    pub fn only_writes(&self) -> bool {
        self.needs_region() || self.text.contains(GAP)
    }

    /// The draft, about this region where one is meant.
    pub fn fill(&self, region: Option<RegionTag>) -> Filled {
        let text = match region {
            Some(tag) => Cow::Owned(self.text.replace(REGION, &bracketed(tag))),
            None => Cow::Borrowed(self.text.as_ref()),
        };
        let Some((before, after)) = text.split_once(GAP) else {
            return Filled { cursor: text.chars().count(), draft: text.into_owned(), open: false };
        };
        Filled { draft: format!("{before}{after}"), cursor: before.chars().count(), open: true }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use glamm_engine::vision::PixelBox;
    use std::collections::HashSet;

    #[test]
    fn prompts_are_filled_in() {
        let filled = |text: &'static str, tag: Option<u32>| prompt("x", text).fill(tag.map(RegionTag));
        for (text, tag, draft, cursor, open) in [
            ("Caption it.", None, "Caption it.", 11, false),
            ("Where is the größe {}?", None, "Where is the größe ?", 19, true),
            ("What is {region}?", Some(2), "What is [2]?", 12, false),
            ("{} near {region}", Some(1), " near [1]", 0, true),
        ] {
            assert_eq!(filled(text, tag), Filled { draft: draft.to_owned(), cursor, open });
        }
        assert!(prompt("x", "What is {region}?").needs_region());
    }

    #[test]
    fn drafts_become_prompts() {
        let bounds = PixelBox { x0: 0.0, y0: 0.0, x1: 1.0, y1: 1.0 };
        let regions = [Region::new(RegionTag(3), bounds)];
        let own = Prompt::from_draft(" Is [3] left of [4]? ", &regions).unwrap();
        assert_eq!(own.text, "Is {region} left of [4]?");
        assert_eq!(own.fill(Some(RegionTag(1))).draft, "Is [1] left of [4]?");
        assert_eq!(own.label, "Is [3] left of [4]?");
        assert_eq!(Prompt::from_draft("  ", &regions), None);
    }

    #[test]
    fn every_task_has_its_wordings() {
        let all: Vec<&Prompt> = Task::ALL.iter().flat_map(|task| task.prompts()).collect();
        let labels: HashSet<_> = all.iter().map(|p| &p.label).collect();
        assert_eq!(labels.len(), all.len());
        for suggested in &SUGGESTED {
            assert!(all.contains(&suggested), "{}", suggested.label);
        }
        assert!(Task::Region.prompts().iter().all(|p| p.needs_region() && p.only_writes()));
        assert!(Task::Segment.prompts().iter().all(|p| p.fill(None).open));
    }
}
