//! How people ask: for every kind of question the wordings used in training, and others that
//! training never shows, to see whether the model understood the question or learnt it by heart.
//!
//! Held-out wordings are made of words that training wordings use as well (a test holds them to
//! it). `{x}` and `{y}` stand for definite descriptions, `{a}` for an indefinite one, `{n}` for a
//! plural, `{c}` for a colour, `{r}` for a relation, `{part}` for a part.

use super::dice::Dice;

/// Which wordings to choose from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wording {
    /// Those the model is trained on.
    Training,
    /// Those it never saw.
    HeldOut,
}

/// The wordings of one question.
#[derive(Debug)]
pub(super) struct Wordings {
    pub(super) training: &'static [&'static str],
    pub(super) held_out: &'static [&'static str],
}

impl Wordings {
    /// One of them.
    pub(super) fn pick(&self, wording: Wording, dice: &mut Dice) -> &'static str {
        let all = match wording {
            Wording::Training => self.training,
            Wording::HeldOut => self.held_out,
        };
        dice.pick(all).copied().unwrap_or_default()
    }
}

/// Grounded caption. The first six are GLaMM's own.
pub(super) const GROUNDED: Wordings = Wordings {
    training: &[
        "Could you please give me a detailed description of the image? Please respond with interleaved segmentation masks for the corresponding parts of the answer.",
        "Can you provide a thorough description of the this image? Please output with interleaved segmentation masks for the corresponding phrases.",
        "Please describe in detail the contents of the image. Please respond with interleaved segmentation masks for the corresponding parts of the answer.",
        "Could you give a comprehensive explanation of what can be found within this picture? Please output with interleaved segmentation masks for the corresponding phrases.",
        "Could you give me an elaborate explanation of this picture? Please respond with interleaved segmentation masks for the corresponding phrases.",
        "Could you provide me with a detailed analysis of this photo? Please output with interleaved segmentation masks for the corresponding parts of the answer.",
        "Describe the image with segmentation masks.",
        "What is in this picture? Please respond with segmentation masks.",
        "Please describe the picture with interleaved segmentation masks.",
        "Describe everything in the image and segment it.",
        "Can you describe this image with masks?",
    ],
    held_out: &[
        "Please give me a description of this picture with masks.",
        "Can you describe the picture and respond with segmentation masks?",
        "What can be found in the image? Please output segmentation masks for the phrases.",
        "Could you describe everything in this photo with interleaved masks?",
    ],
};

/// Plain caption.
pub(super) const CAPTION: Wordings = Wordings {
    training: &[
        "Describe the image.",
        "Describe this picture.",
        "Can you describe this picture?",
        "What does the picture show?",
        "What can you see in the image?",
        "Give me a short description of the picture.",
        "Could you please describe what is in this image?",
        "What is in this image?",
        "Write a caption for the image.",
        "Please provide a short caption for this photo.",
    ],
    held_out: &[
        "Please write a short caption for this picture.",
        "What can you see in this photo?",
        "Could you give me a description of what the image does show?",
        "Please describe the photo.",
    ],
};

/// Region caption. The first seven are GLaMM's own.
pub(super) const REGION: Wordings = Wordings {
    training: &[
        "Can you provide me with a detailed description of the region in the picture marked by <bbox>?",
        "I'm curious about the region represented by <bbox> in the picture. Could you describe it in detail?",
        "What can you tell me about the region indicated by <bbox> in the image?",
        "I'd like to know more about the area in the photo labeled <bbox>. Can you provide a detailed description?",
        "Could you describe the region shown as <bbox> in the picture in great detail?",
        "What details can you give me about the region outlined by <bbox> in the photo?",
        "Please provide me with a comprehensive description of the region marked with <bbox> in the image.",
        "Describe <bbox>.",
        "Please describe the region <bbox>.",
        "Give me a description of the object in <bbox>.",
    ],
    held_out: &[
        "Please describe the object marked by <bbox>.",
        "Can you describe the area <bbox> in the image?",
        "What can you tell me about <bbox>?",
        "Could you provide a description of the area marked with <bbox>?",
    ],
};

/// What is in a box: answered in a few words.
pub(super) const WHAT_BOX: Wordings = Wordings {
    training: &[
        "What is in <bbox>?",
        "What is this <bbox>?",
        "Which object is in <bbox>?",
        "What can you see in <bbox>?",
        "What is <bbox>?",
        "Name the object in <bbox>.",
        "What do you see in <bbox>?",
        "Tell me what is in <bbox>.",
        "What does <bbox> show?",
    ],
    held_out: &[
        "Please name what is in <bbox>.",
        "Which object do you see in <bbox>?",
        "Can you tell me what <bbox> is?",
    ],
};

/// Referring segmentation. `{x}` may be an object, a part, several, or nothing that is there.
pub(super) const SEGMENT: Wordings = Wordings {
    training: &[
        "Can you segment {x} in this image?",
        "Can you please segment {x} in this image?",
        "Please segment {x} in this image.",
        "Please segment {x}.",
        "Segment {x}.",
        "Could you segment {x} in the picture?",
        "Give me a segmentation mask of {x}.",
        "Show me {x}.",
        "Mark {x} in the image.",
        "Find {x} in the picture and segment it.",
        "I'd like to see the mask of {x}.",
        "Please output a mask for {x}.",
        "Mark {x}.",
        "Please mark {x} in this picture.",
        "Can you mark {x} in the image?",
        "Could you mark {x} for me?",
        "Would you please mark {x} in the photo?",
        "Highlight {x}.",
        "Could you please highlight {x}?",
        "Can you outline {x} for me?",
        "Find {x}.",
        "Please find {x}.",
        "Could you please find {x} and segment it?",
        "Could you show me {x}?",
        "Please show {x} with a mask.",
        "Give me the mask of {x}, please.",
        "Can you output a segmentation mask for {x}?",
        "Could you please give me a mask for {x} in this image?",
        "I'd like you to segment {x}.",
        "I'd like to have {x} segmented.",
        "Where is {x}? Please respond with a segmentation mask.",
    ],
    held_out: &[
        "Could you please mark {x}?",
        "Please show me a mask of {x}.",
        "Can you give me the segmentation mask for {x}?",
        "Find {x} in this image, please.",
    ],
};

/// How many there are.
pub(super) const COUNT: Wordings = Wordings {
    training: &[
        "How many {n} are there?",
        "How many {n} are in the image?",
        "How many {n} are there in the picture?",
        "How many {n} can you see?",
        "How many {n} does the picture show?",
        "Count the {n}.",
        "Can you count the {n} in this image?",
        "What is the number of {n}?",
        "Can you tell me how many {n} there are?",
    ],
    held_out: &[
        "How many {n} can be found in the picture?",
        "Tell me how many {n} are in this image.",
        "Please tell me the number of {n}.",
        "How many {n} do you see?",
    ],
};

/// Which colour a single thing has.
pub(super) const COLOR: Wordings = Wordings {
    training: &[
        "What color is {x}?",
        "Which color is {x}?",
        "What is the color of {x}?",
        "What color does {x} have?",
        "Can you tell me the color of {x}?",
        "Tell me what color {x} is.",
        "Which color does {x} have?",
        "Please name the color of {x}.",
        "What colour is {x}?",
        "What is the colour of {x}?",
    ],
    held_out: &[
        "Please tell me what color {x} is.",
        "Tell me the color of {x}.",
        "Which colour does {x} have?",
        "Can you name the color of {x}?",
    ],
};

/// Whether there is such a thing.
pub(super) const EXISTS: Wordings = Wordings {
    training: &[
        "Is there {a} in the image?",
        "Is there {a}?",
        "Can you see {a}?",
        "Does the picture show {a}?",
        "Is {a} in this picture?",
        "Do you see {a} in the image?",
        "Can you tell me if there is {a}?",
        "Can {a} be found in the picture?",
        "Is there {a} to be seen?",
        "Can you see {a} here?",
        "Can you see {a} in the image or not?",
        "Could you tell me if you see {a}?",
        "Can you see if there is {a} in the picture?",
    ],
    held_out: &[
        "Can you see {a} in this picture?",
        "Does the image show {a}?",
        "Do you see {a}?",
        "Tell me if there is {a} in the picture.",
    ],
};

/// Whether a thing has this colour.
pub(super) const IS_COLOR: Wordings = Wordings {
    training: &[
        "Is {x} {c}?",
        "Is the color of {x} {c}?",
        "Is it true that {x} is {c}?",
        "Would you say that {x} is {c}?",
        "Does {x} have the color {c}?",
        "Tell me if {x} is {c}.",
        "Is {x} {c} in the picture?",
        "Is {x} {c} or not?",
        "Would you say that the color of {x} is {c}?",
        "Could you tell me if {x} is {c}?",
    ],
    held_out: &[
        "Is it true that the color of {x} is {c}?",
        "Would you say the color of {x} is {c}?",
        "Can you tell me if {x} is {c}?",
    ],
};

/// Whether one thing stands so to another.
pub(super) const IS_RELATED: Wordings = Wordings {
    training: &[
        "Is {x} {r} {y}?",
        "Is it true that {x} is {r} {y}?",
        "Would you say that {x} is {r} {y}?",
        "Can you tell me if {x} is {r} {y}?",
        "Is {x} {r} {y} or not?",
        "Is {x} {r} {y} in the image?",
        "Do you see {x} {r} {y}?",
        "Does the picture show {x} {r} {y}?",
        "Can you see {x} {r} {y} in the image?",
        "Can you see if {x} is {r} {y}?",
        "Could you tell me if {x} is {r} {y}?",
    ],
    held_out: &["Tell me if {x} is {r} {y}.", "Is {x} {r} {y} in the picture?", "Can you see {x} {r} {y}?"],
};

/// What stands so to a thing.
pub(super) const WHAT_RELATED: Wordings = Wordings {
    training: &[
        "What is {r} {y}?",
        "Which object is {r} {y}?",
        "What can you see {r} {y}?",
        "What do you see {r} {y}?",
        "Name the object {r} {y}.",
        "Tell me what is {r} {y}.",
        "Can you tell me what is {r} {y}?",
        "What is there {r} {y}?",
    ],
    held_out: &[
        "Please name the object {r} {y}.",
        "Which object can you see {r} {y}?",
        "Please tell me what is {r} {y}.",
    ],
};

/// Where a thing is.
pub(super) const WHERE: Wordings = Wordings {
    training: &[
        "Where is {x}?",
        "Where is {x} in the image?",
        "Where in the picture is {x}?",
        "Where can I find {x}?",
        "Where do you see {x}?",
        "Can you tell me where {x} is?",
        "Tell me where {x} is.",
        "In which part of the picture is {x}?",
    ],
    held_out: &[
        "Where can you see {x}?",
        "Please tell me where {x} is in the image.",
        "In which part of the image do you see {x}?",
    ],
};

/// Where the scene plays.
pub(super) const PLACE: Wordings = Wordings {
    training: &[
        "What is in the background?",
        "What is the background of the picture?",
        "What kind of place is this?",
        "Which place does the picture show?",
        "Where was this picture taken?",
        "Can you tell me what is in the background?",
        "What does the background show?",
        "Tell me what kind of place this is.",
    ],
    held_out: &[
        "What is the background of this image?",
        "Which kind of place does the image show?",
        "Where was the photo taken?",
    ],
};

/// The colour of what was just spoken of.
pub(super) const ITS_COLOR: Wordings = Wordings {
    training: &[
        "What color is it?",
        "Which color is it?",
        "And what color is it?",
        "What is its color?",
        "What color does it have?",
        "Can you tell me its color?",
        "Tell me what color it is.",
        "What colour is it?",
    ],
    held_out: &["Which color does it have?", "Tell me its color.", "Please name its color."],
};

/// The colour of a part of what was just spoken of.
pub(super) const ITS_PART_COLOR: Wordings = Wordings {
    training: &[
        "What color is its {part}?",
        "Which color is its {part}?",
        "And what color is its {part}?",
        "What is the color of its {part}?",
        "What color does its {part} have?",
        "Can you tell me the color of its {part}?",
        "Tell me what color its {part} is.",
        "What colour is its {part}?",
    ],
    held_out: &[
        "Which color does its {part} have?",
        "Tell me the color of its {part}.",
        "Please name the color of its {part}.",
    ],
};

/// Where that is which was just spoken of.
pub(super) const WHERE_IT: Wordings = Wordings {
    training: &[
        "Where is it?",
        "And where is it?",
        "Where is it in the image?",
        "Where can I find it?",
        "Where do you see it?",
        "Can you tell me where it is?",
        "Tell me where it is.",
        "In which part of the picture is it?",
    ],
    held_out: &["Where in the picture is it?", "Please tell me where it is.", "And where do you see it?"],
};

/// Segment what was just spoken of, a single thing.
pub(super) const SEGMENT_IT: Wordings = Wordings {
    training: &[
        "Segment it.",
        "Please segment it.",
        "Can you segment it?",
        "Now segment it.",
        "Can you segment it in this image?",
        "Show me its mask.",
        "Please mark it in the image.",
        "Could you please segment it?",
        "Mark it.",
        "Could you mark it for me?",
        "Give me its mask, please.",
        "Highlight it.",
    ],
    held_out: &["Can you please segment it?", "Now mark it in the image.", "Please show me its mask."],
};

/// Segment what was just spoken of, several things.
pub(super) const SEGMENT_THEM: Wordings = Wordings {
    training: &[
        "Segment them.",
        "Please segment them.",
        "Can you segment them?",
        "Now segment them.",
        "Can you segment them in this image?",
        "Show me their mask.",
        "Please mark them in the image.",
        "Could you please segment them?",
        "Mark them.",
        "Could you mark them for me?",
        "Give me their mask, please.",
        "Highlight them.",
    ],
    held_out: &["Can you please segment them?", "Now mark them in the image.", "Please show me their mask."],
};

/// Segment something else after a first segmentation.
pub(super) const SEGMENT_TOO: Wordings = Wordings {
    training: &[
        "Now segment {x} as well.",
        "Now segment {x}.",
        "And {x}?",
        "Please segment {x} as well.",
        "Can you segment {x} too?",
        "Segment {x} too.",
        "And now {x}, please.",
        "Could you segment {x} as well?",
        "Now mark {x} too.",
        "Could you mark {x} as well?",
        "And show me {x}, please.",
        "Can you find {x} too?",
    ],
    held_out: &["Please segment {x} too.", "Can you segment {x} as well?", "And now segment {x}."],
};

/// Every list, for the tests.
#[cfg(test)]
pub(super) const ALL: [&Wordings; 19] = [
    &GROUNDED,
    &CAPTION,
    &REGION,
    &WHAT_BOX,
    &SEGMENT,
    &COUNT,
    &COLOR,
    &EXISTS,
    &IS_COLOR,
    &IS_RELATED,
    &WHAT_RELATED,
    &WHERE,
    &PLACE,
    &ITS_COLOR,
    &ITS_PART_COLOR,
    &WHERE_IT,
    &SEGMENT_IT,
    &SEGMENT_THEM,
    &SEGMENT_TOO,
];

#[cfg(test)]
mod tests;
