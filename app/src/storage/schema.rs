//! What the JSON of a session file says: the types of this file, field by field.
//!
//! `SESSION.md` describes the same for people. Keys may be added within one version of the schema:
//! what is not known is ignored, what may be left out has a default. A key that is renamed or gets
//! another meaning raises [`SCHEMA`], and readers refuse what is newer than they are.

use glamm_engine::vision::Rle;
use serde::{Deserialize, Serialize};

use super::stamp::Stamp;

/// Version of the schema that is written, and the newest that is read.
pub const SCHEMA: u32 = 1;
/// What [`SessionFile::format`] says.
pub const FORMAT: &str = "glamm-session";
/// Name of the entry with the [`SessionFile`].
pub const SESSION_ENTRY: &str = "session.json";
/// Name of the entry with a [`PictureFile`], below the picture's folder.
pub const PICTURE_ENTRY: &str = "picture.json";

/// `session.json`: what the rest can be found by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionFile {
    /// Always [`FORMAT`].
    pub format: String,
    /// Version of the schema.
    pub schema: u32,
    /// The program that wrote it, for people.
    #[serde(default)]
    pub program: String,
    /// Folders of the pictures in the order of the filmstrip: `pictures/7`.
    pub pictures: Vec<String>,
    /// Place in `pictures` of the one that was on the canvas.
    #[serde(default)]
    pub current: Option<usize>,
    /// Where the session was last saved, in what is kept for recovery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saved_as: Option<String>,
    /// How that file was then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saved_stamp: Option<Stamp>,
    /// What the user was at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub going_on: Option<GoingOnFile>,
}

/// What the user was at, beside the drafts of the pictures.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct GoingOnFile {
    /// A question that was being written in other words.
    pub edited: Option<EditedQuestionFile>,
    /// The question for all pictures that was being written.
    pub question_for_all: Option<String>,
    /// One question that was being put to all pictures.
    pub run: Option<RunFile>,
}

/// A question that was being written in other words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EditedQuestionFile {
    /// Folder of its picture.
    pub picture: String,
    /// Number of its conversation.
    pub conversation: u32,
    /// Number of its exchange.
    pub exchange: u32,
    /// What it said.
    pub text: String,
}

/// One question that was being put to all pictures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunFile {
    /// The question.
    pub question: String,
    /// Folders of the pictures that were still to be asked about.
    pub pictures: Vec<String>,
}

/// `picture.json`: one picture and everything drawn on it and said about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PictureFile {
    /// For people.
    pub name: String,
    /// Where the picture came from.
    pub origin: OriginFile,
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// The picture itself, an entry below the picture's folder; `null` where it is not kept.
    #[serde(default)]
    pub image: Option<String>,
    /// In what is kept for recovery: the session file that the picture lies in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored_in: Option<StoredInFile>,
    /// Boxes, in the order they were drawn.
    #[serde(default)]
    pub regions: Vec<RegionFile>,
    /// What was said about it, in the order it was begun.
    #[serde(default)]
    pub conversations: Vec<ConversationFile>,
    /// The number of the conversation that was shown.
    #[serde(default)]
    pub shown_conversation: Option<u32>,
    /// Masks that belong to no reply: of clicks and boxes, from files.
    #[serde(default)]
    pub masks: Vec<MaskFile>,
    /// The question that was being written.
    #[serde(default)]
    pub draft: String,
}

/// A part of another session file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredInFile {
    /// Its path.
    pub session: String,
    /// Name of the part.
    pub part: String,
    /// CRC-32 of its bytes: the file may have been written anew.
    #[serde(default)]
    pub checksum: Option<u32>,
}

/// Where a picture came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum OriginFile {
    /// A file.
    File {
        /// Absolute, if it could be told.
        path: String,
        /// The way to it from the session file's folder, with `/` between its parts: where there is nothing at
        /// `path`, both may have been moved together.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        relative: Option<String>,
    },
    /// The procedural picture world.
    Scene {
        /// What the scene was made from.
        seed: u64,
    },
    /// The clipboard.
    Clipboard,
}

/// A box.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RegionFile {
    /// Its number, unique in the picture.
    pub tag: u32,
    /// `[x0, y0, x1, y1]` in pixels of the picture; the right and lower edges are exclusive.
    #[serde(rename = "box")]
    pub bounds: [f32; 4],
    /// What the user calls it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Place among the colours, where the user chose one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub color: Option<usize>,
    /// Whether it is left out on the picture.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hidden: bool,
}

/// A conversation: a tree of questions and replies, of which one path is shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConversationFile {
    /// Its number, unique in the picture.
    pub id: u32,
    /// What the user calls it.
    #[serde(default)]
    pub title: String,
    /// What the model is told before the first question; `null` for the words it was trained with.
    #[serde(default)]
    pub system: Option<String>,
    /// How tokens are chosen.
    #[serde(default)]
    pub sampling: SamplingFile,
    /// Replies are cut after this many tokens.
    #[serde(default = "usual_max_new_tokens")]
    pub max_new_tokens: usize,
    /// In the order of their numbers.
    #[serde(default)]
    pub exchanges: Vec<ExchangeFile>,
    /// The number of the exchange at which the path that is shown ends.
    #[serde(default)]
    pub head: Option<u32>,
}

fn usual_max_new_tokens() -> usize {
    512
}

/// How the next token is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SamplingFile {
    /// The most probable one.
    #[default]
    Greedy,
    /// By chance.
    Random {
        /// Divides the logits; above 0.
        temperature: f64,
        /// Cumulative probability kept, if any.
        #[serde(default)]
        top_p: Option<f64>,
        /// Start of the random sequence.
        seed: u64,
    },
}

/// A question and its reply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExchangeFile {
    /// Its number, unique in the conversation.
    pub id: u32,
    /// The number of the exchange that it follows; `null` where it begins the conversation.
    #[serde(default)]
    pub parent: Option<u32>,
    /// How its tokens were chosen.
    #[serde(default)]
    pub sampling: SamplingFile,
    /// What was asked; each `<bbox>` stands for one of `regions`, in order.
    pub question: String,
    /// The boxes as they were then.
    #[serde(default)]
    pub regions: Vec<RegionFile>,
    /// The reply without markers.
    pub text: String,
    /// The reply with `<p>`, `</p>`, `[SEG]` and `</s>`.
    pub raw: String,
    /// The tokens it was decoded from, where they are known.
    #[serde(default)]
    pub tokens: Vec<TokenFile>,
    /// One for each `[SEG]`, in order.
    #[serde(default)]
    pub groundings: Vec<GroundingFile>,
    /// Place in the palette of the first grounding; the others follow.
    #[serde(default)]
    pub first_hue: usize,
    /// Why the reply ended.
    pub finish_reason: FinishReasonFile,
    /// What it cost.
    #[serde(default)]
    pub stats: StatsFile,
}

/// Why a reply ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReasonFile {
    /// The model said so.
    EndOfSequence,
    /// The limit on tokens was reached.
    TokenLimit,
    /// The model's context was full.
    ContextFull,
    /// It was stopped, or the program ended.
    Cancelled,
}

/// The words a mask belongs to, and the mask.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroundingFile {
    /// First character (Unicode scalar value) of the words in `text`, and the first after them.
    pub span: [usize; 2],
    /// The mask; `null` where the reply was stopped before there was one.
    #[serde(default)]
    pub mask: Option<MaskFile>,
}

/// A mask: what the pixel decoder said, and what the user made of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MaskFile {
    /// All that the pixel decoder answered, at least one.
    pub candidates: Vec<LogitsFile>,
    /// Place in `candidates` of the one that the model takes.
    #[serde(default)]
    pub used: usize,
    /// Place in `candidates` of the one that the mask is.
    #[serde(default)]
    pub chosen: usize,
    /// Logits above this are inside.
    #[serde(default)]
    pub threshold: f32,
    /// Pixels that came from a file, where the mask was made of them; the candidates only stand in for logits
    /// that nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<Rle>,
    /// Pixels painted by hand, which stand in place of the logits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited: Option<Rle>,
    /// What the user calls it, in place of the phrase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Place in the palette that the user gave it, in place of the phrase's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hue: Option<usize>,
    /// Whether it is left out on the picture.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hidden: bool,
    /// What it was asked for with, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<PromptFile>,
    /// Entry below the picture's folder: the mask at the size of the picture as an 8-bit grey PNG,
    /// 255 inside. For other programs; not read back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub png: Option<String>,
}

/// Logits of one candidate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogitsFile {
    /// Entry below the picture's folder: a zlib stream (RFC 1950) of `side · side` numbers of 16 bits
    /// (IEEE 754 binary16, little-endian), row by row; greater than 0 is inside.
    pub logits: String,
    /// Cells a side of the grid of logits.
    pub side: usize,
    /// Side, in its own pixels, of the square frame that the grid covers.
    pub frame: usize,
    /// Width and height of the upper left part of the frame that shows the picture.
    pub content: [usize; 2],
    /// The pixel decoder's own estimate of the mask's IoU with the truth.
    pub predicted_iou: f32,
}

/// What a mask was asked for with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PromptFile {
    /// A `[SEG]`.
    Seg {
        /// The hidden state that predicted it, as the pixel decoder sees it.
        state: Vec<f32>,
    },
    /// Clicks and a box.
    Places {
        /// Clicks, in any order.
        #[serde(default)]
        points: Vec<ClickFile>,
        /// `[x0, y0, x1, y1]` in pixels of the picture.
        #[serde(default, rename = "box")]
        region: Option<[f32; 4]>,
    },
}

/// A click.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ClickFile {
    /// Pixels from the left; the upper left pixel is at 0, 0.
    pub x: f32,
    /// Pixels from the top.
    pub y: f32,
    /// Whether the place belongs to the mask.
    pub positive: bool,
}

/// A token of a reply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TokenFile {
    /// Its number in the vocabulary.
    pub id: u32,
    /// As the vocabulary has it.
    pub text: String,
    /// By the model, before temperature.
    pub probability: f32,
    /// The most probable tokens, best first: number, text, probability.
    #[serde(default)]
    pub likeliest: Vec<(u32, String, f32)>,
    /// Position in the model's sequence whose hidden state predicted it.
    #[serde(default)]
    pub predicted_at: usize,
    /// For `[SEG]`: the place of its mask in `groundings`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grounding: Option<usize>,
}

/// What a reply cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct StatsFile {
    /// Positions in the prompt, image included.
    pub prompt_tokens: usize,
    /// Of these, positions that were still cached.
    pub cached_tokens: usize,
    /// Tokens in the reply.
    pub new_tokens: usize,
    /// Microseconds to the first token.
    pub time_to_first_token_us: u64,
    /// Microseconds from the first token to the last.
    pub decode_us: u64,
    /// Microseconds in the pixel decoder.
    pub mask_us: u64,
}
