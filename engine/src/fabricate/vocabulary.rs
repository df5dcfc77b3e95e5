//! A `tokenizer.model` of any number of pieces, in the form of LLaMA's: special pieces, bytes, then
//! pieces in the order in which they merge.
//!
//! It begins with the demo model's vocabulary, which was trained on English about pictures, so that
//! questions become words; what is missing is made up of runs of letters and of characters.

use prost::Message as _;
use sentencepiece_model::{SentencePiece, SentencePieceModel, Type};

use crate::demo_model;

/// `<unk>`, `<s>`, `</s>`, and the bytes.
const FIRST_TEXT_PIECE: usize = 3 + 256;
/// What LLaMA's vocabulary gives runs of blanks: they merge last.
const BLANKS_SCORE: f32 = -1e9;
/// Tokens that GLaMM adds behind the vocabulary, in the order of their ids.
const ADDED_TOKENS: [&str; 7] = ["<im_start>", "<im_end>", "<bbox>", "<point>", "[SEG]", "<p>", "</p>"];

/// `tokenizer.model` and `added_tokens.json` for an embedding of `rows` rows.
///
/// # Errors
/// There are fewer rows than pieces that must be there, or more than can be made up.
pub(super) fn files(rows: usize) -> Result<(Vec<u8>, String), String> {
    let pieces = rows.checked_sub(ADDED_TOKENS.len()).filter(|&pieces| pieces > FIRST_TEXT_PIECE);
    let pieces = pieces.ok_or_else(|| format!("vocab_size is {rows}, but the bytes alone take more"))?;
    let added = ADDED_TOKENS.iter().zip(pieces..).map(|(&token, id)| (token.to_owned(), id.into()));
    let added = serde_json::Value::Object(added.collect());
    Ok((model(pieces)?, format!("{added:#}\n")))
}

fn model(pieces: usize) -> Result<Vec<u8>, String> {
    let base = demo_model::file("tokenizer.model").unwrap_or_default();
    let base = SentencePieceModel::from_slice(base).map_err(|error| error.to_string())?;
    let mut model = base.model().clone();
    if model.pieces.len() > pieces {
        // Merges go first, and what is left without them falls apart into bytes; not so the blank, which
        // would come back as another character.
        let blank = model.pieces.iter().find(|piece| piece.piece() == "▁").cloned();
        model.pieces.truncate(pieces - 1);
        model.pieces.extend(blank);
    }
    let missing = pieces - model.pieces.len();
    let known: std::collections::HashSet<String> =
        model.pieces.iter().map(|piece| piece.piece().to_owned()).collect();
    let worst = model.pieces.iter().map(SentencePiece::score).fold(0.0, f32::min);
    let made = made_up().filter(|text| !known.contains(text)).take(missing).zip(1_u16..);
    model.pieces.extend(made.map(|(text, rank)| {
        let blank = text.chars().all(|c| c == '▁');
        let score = if blank { BLANKS_SCORE } else { worst - f32::from(rank) };
        SentencePiece { piece: Some(text), score: Some(score), r#type: Some(Type::Normal.into()) }
    }));
    if model.pieces.len() < pieces {
        return Err(format!(
            "vocab_size is larger than {}, the most that can be made up",
            model.pieces.len()
        ));
    }
    if let Some(trainer) = &mut model.trainer_spec {
        trainer.vocab_size = Some(pieces as i32);
    }
    Ok(model.encode_to_vec())
}

/// Runs of blanks, runs of two and three letters with and without a blank before them, and single
/// characters of the alphabets and of Chinese.
fn made_up() -> impl Iterator<Item = String> {
    let letters = || 'a'..='z';
    let blanks = (1..=4).map(|power| "▁".repeat(1 << power));
    let starts = letters().map(|a| format!("▁{a}"));
    let pairs = move || letters().flat_map(move |a| letters().map(move |b| format!("{a}{b}")));
    let words = pairs().map(|pair| format!("▁{pair}"));
    let triples = pairs().flat_map(move |pair| letters().map(move |c| format!("{pair}{c}")));
    let characters = ('\u{a1}'..='\u{24f}').chain('\u{370}'..='\u{52f}').chain('\u{4e00}'..='\u{9fff}');
    let characters = characters.filter(|c| c.is_alphanumeric()).map(String::from);
    blanks.chain(starts).chain(pairs()).chain(words).chain(triples).chain(characters)
}
