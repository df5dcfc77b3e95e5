//! A conversation as GLaMM was trained to read it: the template "llava_v1" of LLaVA, the image in
//! the first turn, and the regions that `<bbox>` stands for.
//!
//! [`mark_regions`] is for the application, before a question becomes a
//! [`Turn`]; [`Prompt`] is for the engine thread.

use super::tokenizer::Tokenizer;
use crate::error::PromptError;
use crate::protocol::Turn;
use crate::vision::PixelBox;

/// What the model was trained to be told first, in the words of LLaVA.
pub const SYSTEM: &str = "A chat between a curious human and an artificial intelligence assistant. \
     The assistant gives helpful, detailed, and polite answers to the human's questions.";
/// Before the first question; the image takes the place of `<image>`.
const OVERVIEW: &str = "The <im_start><image><im_end> provides an overview of the picture.\n";
const IMAGE: &str = "<image>";
/// What a question says for a region.
pub const BBOX: &str = "<bbox>";
/// What stands before the text of a reply.
const REPLY_SLOT: &str = "ASSISTANT: ";
const END: &str = "</s>";

/// One position of a prompt, before the image is expanded to its patches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PromptToken {
    /// A row of the embedding.
    Text(u32),
    /// The image: as many positions as it has patches.
    Image,
    /// A region: its features take the place of the embedding of `token`, which is `<bbox>`.
    Region {
        /// The id of `<bbox>`.
        token: u32,
        /// Index in [`Prompt::regions`].
        index: usize,
    },
}

impl PromptToken {
    /// The token's id; the image has none.
    pub fn id(self) -> Option<u32> {
        match self {
            Self::Text(id) | Self::Region { token: id, .. } => Some(id),
            Self::Image => None,
        }
    }
}

/// What the language model is to continue.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Prompt {
    /// The whole conversation.
    pub tokens: Vec<PromptToken>,
    /// The regions that tokens refer to, in pixels of the original image.
    pub regions: Vec<PixelBox>,
    /// How the reply begins, behind `tokens`; most often it does not yet.
    pub begun: Vec<u32>,
}

impl Prompt {
    /// The prompt that asks for the reply to the last turn, or for the rest of the one it has.
    ///
    /// As in the official code, boxes beyond the number of `<bbox>` in their turn are left out, a
    /// single box serves all `<bbox>` of its turn, and `<bbox>` in a turn without boxes is a word
    /// like any other. [`mark_regions`] is stricter, for the user's sake.
    ///
    /// # Errors
    /// The last question is empty, or a turn has several boxes, but fewer than `<bbox>`.
    pub fn new(tokenizer: &Tokenizer, turns: &[Turn]) -> Result<Self, PromptError> {
        Self::with_system(tokenizer, SYSTEM, turns)
    }

    /// [`Self::new`] with other words before the first question. Markers in them are words like any
    /// other.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_system(tokenizer: &Tokenizer, system: &str, turns: &[Turn]) -> Result<Self, PromptError> {
        let system = without_markers(system);
        let last = turns.last().ok_or(PromptError::Empty)?;
        if last.user.trim().is_empty() {
            return Err(PromptError::Empty);
        }
        let mut regions = Vec::new();
        let mut meanings = Vec::new();
        for turn in turns {
            let markers = count_markers(&unescape(&turn.user));
            let boxes = &turn.regions[..turn.regions.len().min(markers)];
            if boxes.len() > 1 && boxes.len() < markers {
                return Err(PromptError::TooFewBoxes { markers, boxes: boxes.len() });
            }
            let first = regions.len();
            meanings.extend((0..markers).map(|marker| match boxes.len() {
                0 => None,
                1 => Some(first),
                _ => Some(first + marker),
            }));
            regions.extend_from_slice(boxes);
            // A region that the model itself wrote is none of the user's.
            meanings.extend((0..count_markers(turn.reply.as_deref().unwrap_or_default())).map(|_| None));
        }
        let mut meanings = meanings.into_iter();
        let bbox = tokenizer.markers().bbox;
        let (mut tokens, begun) = encode_conversation(tokenizer, &system, turns);
        for token in tokens.iter_mut().filter(|token| **token == PromptToken::Text(bbox)) {
            if let Some(index) = meanings.next().flatten() {
                *token = PromptToken::Region { token: bbox, index };
            }
        }
        Ok(Self { tokens, regions, begun })
    }
}

/// The conversation up to the reply to the last turn, and the tokens that this reply begins with.
fn encode_conversation(tokenizer: &Tokenizer, system: &str, turns: &[Turn]) -> (Vec<PromptToken>, Vec<u32>) {
    // The template writes `<image>` once, before anything that a user wrote.
    let encode = |text: &str| encode_with_images(tokenizer, text, 1);
    let Some((Turn { user, regions, reply: Some(begun) }, before)) = turns.split_last() else {
        return (encode(&prompt_text_after(system, turns)), Vec::new());
    };
    let open = Turn { user: user.clone(), regions: regions.clone(), reply: None };
    let open: Vec<Turn> = before.iter().cloned().chain([open]).collect();
    let text = prompt_text_after(system, &open);
    let tokens = encode(&text);
    // Encoded with what is before it, the reply begins with the tokens that were generated.
    let whole = encode(&format!("{text} {}", begun.trim_end_matches(END)));
    let common = whole.iter().zip(&tokens).take_while(|(a, b)| a == b).count();
    let begun = whole.get(common..).unwrap_or_default().iter().filter_map(|token| token.id()).collect();
    (tokens, begun)
}

/// One of the paper's requests for a grounded caption.
pub const GROUNDED_CAPTION: &str = "Could you please give me a detailed description of the image? Please \
    respond with interleaved segmentation masks for the corresponding parts of the answer.";

/// The conversation as one text, which ends where the reply to the last turn begins.
pub fn prompt_text(turns: &[Turn]) -> String {
    prompt_text_after(SYSTEM, turns)
}

/// [`prompt_text`] with other words before the first question.
fn prompt_text_after(system: &str, turns: &[Turn]) -> String {
    let written = turns.iter().enumerate().map(|(index, turn)| {
        let overview = if index == 0 { OVERVIEW } else { "" };
        let question = unescape(&turn.user);
        match &turn.reply {
            // A stored reply has an end of its own, and the template adds another: `</s></s>`.
            Some(reply) => format!("USER: {overview}{question} {REPLY_SLOT}{reply}{END}"),
            None => format!("USER: {overview}{question} {}", REPLY_SLOT.trim_end()),
        }
    });
    let gap = if system.is_empty() { "" } else { " " };
    format!("{system}{gap}{}", written.collect::<String>())
}

/// The image and the regions belong to the questions: in other words their markers are names.
fn without_markers(text: &str) -> String {
    text.trim().replace(IMAGE, "image").replace(BBOX, "bbox")
}

/// Ids of a text in which the first `images` of `<image>` are images; any more are words. What stands
/// between them are texts of their own to the tokenizer, but only the first one begins with `<s>`.
pub fn encode_with_images(tokenizer: &Tokenizer, text: &str, images: usize) -> Vec<PromptToken> {
    let mut tokens = vec![PromptToken::Text(tokenizer.markers().bos)];
    for (index, part) in text.splitn(images.saturating_add(1), IMAGE).enumerate() {
        if index > 0 {
            tokens.push(PromptToken::Image);
        }
        tokens.extend(tokenizer.encode_bare(part).into_iter().map(PromptToken::Text));
    }
    tokens
}

/// The text of a reply as the official code keeps it for later turns and evaluates it: with
/// `<p>`, `</p>`, `[SEG]` and `</s>`, without line breaks, pairs of blanks made one.
///
/// The official code cuts the reply out of the whole conversation at the last "ASSISTANT: ", and
/// returns too much where the reply begins without a blank, too little where it contains those
/// words. Both are put right here; all other replies come out the same.
pub fn reply_text(tokenizer: &Tokenizer, prompt: &[PromptToken], reply: &[u32]) -> String {
    let mut ids: Vec<u32> = prompt.iter().filter_map(|token| token.id()).collect();
    let slots = tidy(&tokenizer.decode(&ids)).matches(REPLY_SLOT).count();
    ids.extend_from_slice(reply);
    let whole = tidy(&tokenizer.decode(&ids));
    match whole.match_indices(REPLY_SLOT).nth(slots) {
        Some((at, slot)) => whole[at + slot.len()..].to_owned(),
        None => tidy(&tokenizer.decode(reply)),
    }
}

fn tidy(text: &str) -> String {
    text.replace('\n', "").replace("  ", " ")
}

/// Angle brackets that a web page escaped.
fn unescape(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">")
}

fn count_markers(text: &str) -> usize {
    text.matches(BBOX).count()
}

/// The question with a `<bbox>` for each of the user's `boxes`: as it is where it has them, added
/// where it has none. A box without words asks what GLaMM was trained to be asked about a region.
///
/// # Errors
/// There is neither question nor box, or the question has some `<bbox>`, but not one for each box.
pub fn mark_regions(question: &str, boxes: usize) -> Result<String, PromptError> {
    let question = question.trim();
    let markers = count_markers(&unescape(question));
    match (question.is_empty(), markers, boxes) {
        (true, _, 0) => Err(PromptError::Empty),
        (true, _, _) => Ok(format!(
            "Can you provide me with a detailed description of the {} in the picture marked by {}?",
            if boxes == 1 { "region" } else { "regions" },
            enumerate_markers(boxes)
        )),
        _ if markers == boxes => Ok(question.to_owned()),
        (_, 0, _) => {
            let words = question.trim_end_matches(['.', '?', '!']);
            let end = &question[words.len()..];
            Ok(format!("{} {}{end}", words.trim_end(), enumerate_markers(boxes)))
        }
        _ if markers > boxes => Err(PromptError::TooFewBoxes { markers, boxes }),
        _ => Err(PromptError::TooManyBoxes { markers, boxes }),
    }
}

/// `<bbox>, <bbox> and <bbox>`.
fn enumerate_markers(count: usize) -> String {
    match count {
        0 | 1 => BBOX.to_owned(),
        _ => format!("{} and {BBOX}", vec![BBOX; count - 1].join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_get_their_markers() {
        let check = |question: &str, boxes, expect: Result<&str, PromptError>| {
            assert_eq!(mark_regions(question, boxes), expect.map(str::to_owned), "{question:?}, {boxes}");
        };
        check("  ", 0, Err(PromptError::Empty));
        check("What is this?", 0, Ok("What is this?"));
        check("What is this?", 1, Ok("What is this <bbox>?"));
        check("Describe them ...", 2, Ok("Describe them <bbox> and <bbox>..."));
        check("compare", 3, Ok("compare <bbox>, <bbox> and <bbox>"));
        check("What is &lt;bbox&gt;?", 1, Ok("What is &lt;bbox&gt;?"));
        check("<bbox> or <bbox>?", 1, Err(PromptError::TooFewBoxes { markers: 2, boxes: 1 }));
        check("<bbox>?", 0, Err(PromptError::TooFewBoxes { markers: 1, boxes: 0 }));
        check("<bbox>?", 2, Err(PromptError::TooManyBoxes { markers: 1, boxes: 2 }));
        let region =
            "Can you provide me with a detailed description of the region in the picture marked by <bbox>?";
        check("", 1, Ok(region));
    }

    #[test]
    fn other_words_may_come_first() {
        let open = Turn { user: "Two?".to_owned(), ..Turn::default() };
        let rest =
            "USER: The <im_start><image><im_end> provides an overview of the picture.\nTwo? ASSISTANT:";
        for (system, before) in
            [(" Be brief. ", "Be brief. "), ("", ""), ("No <image>, no <bbox>.", "No image, no bbox. ")]
        {
            let text = prompt_text_after(&without_markers(system), std::slice::from_ref(&open));
            assert_eq!(text, format!("{before}{rest}"));
        }
    }

    #[test]
    fn finished_turns_end_twice() {
        let turn = |user: &str, reply: Option<&str>| Turn {
            user: user.to_owned(),
            regions: Vec::new(),
            reply: reply.map(str::to_owned),
        };
        let text = prompt_text(&[turn("One&lt;", Some("Two.</s>")), turn("Three", None)]);
        let expect = "questions. USER: The <im_start><image><im_end> provides an overview of the picture.\n\
                      One< ASSISTANT: Two.</s></s>USER: Three ASSISTANT:";
        assert!(text.ends_with(expect), "{text}");
    }
}
