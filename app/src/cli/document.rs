//! The JSON document that `glamm ask --json` prints.
//!
//! Its schema is what the types of this file say; field names are the JSON keys. Coordinates are in
//! pixels of the image as it is seen (EXIF orientation applied), origin at the upper left corner of
//! the upper left pixel; spans count characters (Unicode scalar values) of `text`; times are in
//! milliseconds. Keys may be added in later versions, but not renamed or given another meaning.

use std::time::Duration;

use glamm_engine::job::Answer;
use glamm_engine::protocol::{EncodeTimings, FinishReason, ModelInfo, TokenChoice, TokenRecord};
use glamm_engine::vision::PixelBox;
use glamm_engine::vision::rle::Rle;
use serde::Serialize;

/// All of it.
#[derive(Debug, Serialize)]
pub struct AskDocument {
    /// What was asked about.
    pub image: ImageEntry,
    /// The question as put to the model, with its `<bbox>` markers.
    pub prompt: String,
    /// Boxes of the `<bbox>` markers, in their order: `[x0, y0, x1, y1]`.
    pub boxes: Vec<[f32; 4]>,
    /// What answered.
    pub model: ModelEntry,
    /// The reply, without markers.
    pub text: String,
    /// The reply as the model gave it, with `<p>`, `</p>`, `[SEG]` and `</s>`.
    pub raw: String,
    /// Why the reply ended: `end_of_sequence`, `token_limit` or `context_full`.
    pub finish_reason: &'static str,
    /// One entry for each mask, in the order of the reply.
    pub phrases: Vec<PhraseEntry>,
    /// The tokens that the reply was decoded from.
    pub tokens: Vec<TokenEntry>,
    /// How long it took.
    pub timings: Timings,
}

/// A generated token.
#[derive(Debug, Serialize)]
pub struct TokenEntry {
    /// Its number in the vocabulary.
    pub id: u32,
    /// Its piece of text, or its marker.
    pub text: String,
    /// By the model, before temperature.
    pub probability: f32,
    /// The most probable tokens at its place, best first.
    pub likeliest: Vec<ChoiceEntry>,
    /// Position (prompt, image and reply, from 0) of the hidden state that predicted it; where it is
    /// `[SEG]`, that state became the mask.
    pub predicted_at: usize,
    /// Where it is `[SEG]`: the place of its mask in `phrases`; else `null`.
    pub phrase: Option<usize>,
}

/// A token that might have been chosen.
#[derive(Debug, Serialize)]
pub struct ChoiceEntry {
    /// Its number in the vocabulary.
    pub id: u32,
    /// Its piece of text, or its marker.
    pub text: String,
    /// By the model, before temperature.
    pub probability: f32,
}

impl From<&TokenRecord> for TokenEntry {
    fn from(token: &TokenRecord) -> Self {
        let entry = |choice: &TokenChoice| ChoiceEntry {
            id: choice.id,
            text: choice.text.clone(),
            probability: choice.probability,
        };
        Self {
            id: token.id,
            text: token.text.clone(),
            probability: token.probability,
            likeliest: token.likeliest.iter().map(entry).collect(),
            predicted_at: token.predicted_at,
            phrase: token.grounding,
        }
    }
}

/// The image.
#[derive(Debug, Serialize)]
pub struct ImageEntry {
    /// As given on the command line.
    pub path: String,
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
}

/// The model.
#[derive(Debug, Serialize)]
pub struct ModelEntry {
    /// For people.
    pub name: String,
    /// The processor.
    pub device: String,
    /// How precisely its matrices are kept: `f32`, `q4k`.
    pub precision: String,
    /// Number of weights.
    pub parameters: usize,
}

impl From<&ModelInfo> for ModelEntry {
    fn from(info: &ModelInfo) -> Self {
        Self {
            name: info.name.clone(),
            device: info.device.clone(),
            precision: info.precision.to_string(),
            parameters: info.parameters,
        }
    }
}

/// A mask and the words it belongs to.
#[derive(Debug, Clone, Serialize)]
pub struct PhraseEntry {
    /// The words; empty where the model gave a mask without any.
    pub text: String,
    /// First character of the words in the reply's `text`, and the first one after them.
    pub span: [usize; 2],
    /// The mask at the size of the image, in COCO's compressed run-length code (`size` is height, width).
    pub mask: Rle,
    /// The smallest box around the mask, `[x0, y0, x1, y1]`; `null` where the mask is empty.
    #[serde(rename = "box")]
    pub bounds: Option<[f32; 4]>,
    /// Pixels in the mask.
    pub area: usize,
    /// The pixel decoder's own estimate of the mask's IoU with the truth.
    pub predicted_iou: f32,
    /// IoU of the mask cut one logit higher and lower (SAM's stability score): near 1 for firm edges.
    pub stability_score: f32,
    /// All masks that the pixel decoder made of the phrase, in the order of its mask tokens.
    pub candidates: Vec<CandidateEntry>,
    /// The phrase's colour, as in `--overlay` and in the window: `#rrggbb`.
    pub color: String,
}

/// A mask that the pixel decoder made of a phrase.
#[derive(Debug, Clone, Serialize)]
pub struct CandidateEntry {
    /// Whether it is the phrase's `mask`.
    pub used: bool,
    /// As of the phrase.
    pub predicted_iou: f32,
    /// Pixels in it.
    pub area: usize,
    /// As of the phrase.
    pub mask: Rle,
}

/// Milliseconds, unless said otherwise.
#[derive(Debug, Serialize)]
pub struct Timings {
    /// Reading the weights.
    pub load_ms: f64,
    /// Everything that is done once for an image: the sum of the next three.
    pub image_encoding_ms: f64,
    /// Resizing and normalising for both encoders.
    pub preprocess_ms: f64,
    /// CLIP and projector.
    pub global_encoder_ms: f64,
    /// SAM image encoder; next to nothing where there was no mask, which alone needs it.
    pub grounding_encoder_ms: f64,
    /// From the question to the first token; the global encoder was done before.
    pub time_to_first_token_ms: f64,
    /// From the first token to the last one, masks included, the grounding encoder not.
    pub decode_ms: f64,
    /// In the pixel decoder.
    pub mask_ms: f64,
    /// Positions in the prompt, image included.
    pub prompt_tokens: usize,
    /// Tokens in the reply.
    pub new_tokens: usize,
    /// Of the reply, after its first token.
    pub tokens_per_second: f64,
}

impl Timings {
    /// Gathers what the engine measured.
    pub fn new(model: &ModelInfo, encoding: EncodeTimings, answer: &Answer) -> Self {
        let stats = &answer.stats;
        Self {
            load_ms: milliseconds(model.load_time),
            image_encoding_ms: milliseconds(encoding.total()),
            preprocess_ms: milliseconds(encoding.preprocess),
            global_encoder_ms: milliseconds(encoding.global_encoder),
            grounding_encoder_ms: milliseconds(encoding.grounding_encoder),
            time_to_first_token_ms: milliseconds(stats.time_to_first_token),
            decode_ms: milliseconds(stats.decode_time),
            mask_ms: milliseconds(stats.mask_time),
            prompt_tokens: stats.prompt_tokens,
            new_tokens: stats.new_tokens,
            tokens_per_second: stats.tokens_per_second(),
        }
    }
}

/// The word for why a reply ended.
pub fn finish_reason(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::EndOfSequence => "end_of_sequence",
        FinishReason::TokenLimit => "token_limit",
        FinishReason::ContextFull => "context_full",
        FinishReason::Cancelled => "cancelled",
    }
}

/// A box as JSON has it.
pub fn corners(bounds: PixelBox) -> [f32; 4] {
    [bounds.x0, bounds.y0, bounds.x1, bounds.y1]
}

/// To the microsecond.
pub fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
