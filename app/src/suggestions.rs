//! Prompts to start from, one for each thing the model was trained to do, in the words it was
//! trained with.

use glamm_engine::text::conversation::GROUNDED_CAPTION;

/// The place of the region in a prompt.
pub const REGION: &str = "{}";

/// A prompt to start from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suggestion {
    /// Complete as it is.
    Ask {
        /// On the button.
        label: &'static str,
        /// The question.
        prompt: &'static str,
    },
    /// Something is left for the user to write.
    Complete {
        /// On the button.
        label: &'static str,
        /// Up to the gap.
        before: &'static str,
        /// After the gap.
        after: &'static str,
    },
    /// About a region; has [`REGION`] in it.
    AboutRegion {
        /// On the button.
        label: &'static str,
        /// The question.
        prompt: &'static str,
    },
}

/// In the order of the buttons.
pub const SUGGESTIONS: [Suggestion; 5] = [
    Suggestion::Ask { label: "Describe with masks", prompt: GROUNDED_CAPTION },
    Suggestion::Complete {
        label: "Segment …",
        before: "Can you please segment the ",
        after: " in this image?",
    },
    Suggestion::AboutRegion {
        label: "Describe region",
        prompt: "Can you provide me with a detailed description of the region in the picture marked by {}?",
    },
    Suggestion::Ask { label: "Caption", prompt: "Could you please describe what is in this image?" },
    Suggestion::Complete { label: "How many …?", before: "How many ", after: " are there in the image?" },
];

impl Suggestion {
    /// On the button.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Ask { label, .. } | Self::Complete { label, .. } | Self::AboutRegion { label, .. } => label,
        }
    }
}
