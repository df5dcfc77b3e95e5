//! What the [`tokenizers`] library is put together from here: vocabulary, preparation of text, and
//! decoding, each as the slow `LlamaTokenizer` of transformers 4.28 has it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokenizers::models::bpe::BpeTrainer;
use tokenizers::normalizer::Range;
use tokenizers::{
    Decoder, Model, NormalizedString, OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer,
    Result, Token,
};

use crate::text::sentencepiece::{BLANK, PieceDecoder, SentencePiece};

/// All that has an id: pieces and added tokens. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Vocabulary(Arc<Tables>);

#[derive(Debug)]
struct Tables {
    pieces: SentencePiece,
    /// Behind the vocabulary.
    added: HashMap<u32, String>,
    added_ids: HashMap<String, u32>,
    /// `<s>`, `</s>`, `<unk>`: part of the vocabulary, cut out of text as they are.
    special: [u32; 3],
}

impl Vocabulary {
    /// The vocabulary `pieces`, of which `special` stand for no text, and the tokens `added` to it.
    pub(super) fn new(pieces: SentencePiece, added: HashMap<u32, String>, special: [u32; 3]) -> Self {
        let added_ids = added.iter().map(|(&id, text)| (text.clone(), id)).collect();
        Self(Arc::new(Tables { pieces, added, added_ids, special }))
    }

    /// The pieces that text is made of.
    pub(super) fn pieces(&self) -> &SentencePiece {
        &self.0.pieces
    }

    /// Whether `id` is one of the added tokens.
    pub(super) fn is_added(&self, id: u32) -> bool {
        self.0.added.contains_key(&id)
    }

    /// Whether `id` is `<s>`, `</s>` or `<unk>`.
    pub(super) fn is_special(&self, id: u32) -> bool {
        self.0.special.contains(&id)
    }

    /// One more than the largest id.
    pub(super) fn id_limit(&self) -> usize {
        let added = self.0.added.keys().map(|&id| id as usize + 1).max();
        added.unwrap_or(0).max(self.0.pieces.len())
    }

    /// Added and special tokens.
    pub(super) fn cut_out(&self) -> impl Iterator<Item = String> {
        let special = self.0.special.iter().filter_map(|&id| self.id_to_token(id));
        special.chain(self.0.added.values().cloned())
    }
}

/// The stretches of text that the model gets are what [`Preparation`] made of them.
impl Model for Vocabulary {
    /// The library asks for one; vocabularies of released checkpoints are not trained further.
    type Trainer = BpeTrainer;

    fn tokenize(&self, sequence: &str) -> Result<Vec<Token>> {
        let pieces = self.0.pieces.cut(sequence).into_iter();
        Ok(pieces
            .map(|(id, range)| {
                let text = self.0.pieces.piece(id).unwrap_or_default().to_owned();
                Token::new(id, text, (range.start, range.end))
            })
            .collect())
    }

    fn token_to_id(&self, token: &str) -> Option<u32> {
        self.0.added_ids.get(token).copied().or_else(|| self.0.pieces.id(token))
    }

    fn id_to_token(&self, id: u32) -> Option<String> {
        self.0.added.get(&id).cloned().or_else(|| self.0.pieces.piece(id).map(str::to_owned))
    }

    fn get_vocab(&self) -> HashMap<String, u32> {
        let ids = (0..self.0.pieces.len() as u32).rev();
        ids.filter_map(|id| Some((self.0.pieces.piece(id)?.to_owned(), id))).collect()
    }

    fn get_vocab_size(&self) -> usize {
        self.0.pieces.len()
    }

    fn save(&self, _: &Path, _: Option<&str>) -> Result<Vec<PathBuf>> {
        Err("the vocabulary is kept in tokenizer.model, which nobody writes".into())
    }

    fn get_trainer(&self) -> Self::Trainer {
        BpeTrainer::default()
    }
}

/// Prepares the stretches between tokens: white space beside added tokens is dropped (beside special
/// ones it is not), blanks become `▁`, and one is put before.
#[derive(Debug, Clone)]
pub(super) struct Preparation(pub(super) Vocabulary);

impl PreTokenizer for Preparation {
    fn pre_tokenize(&self, text: &mut PreTokenizedString) -> Result<()> {
        let splits = text.get_splits(OffsetReferential::Original, OffsetType::None);
        let is_added = |(_, _, tokens): &(_, _, &Option<Vec<Token>>)| matches!(tokens.as_deref(), Some([token]) if self.0.is_added(token.id));
        let added: Vec<bool> = splits.iter().map(is_added).collect();
        text.split(|index, mut stretch| {
            let beside = |index: Option<usize>| index.and_then(|index| added.get(index)) == Some(&true);
            if beside(index.checked_sub(1)) {
                stretch = without_start(&stretch);
            }
            if beside(Some(index + 1)) {
                stretch = without_end(&stretch);
            }
            if !stretch.is_empty() {
                stretch.map(|c| if c == ' ' { BLANK } else { c });
                if self.0.pieces().adds_dummy_prefix() {
                    stretch.prepend(BLANK.encode_utf8(&mut [0; 4]));
                }
            }
            Ok([stretch])
        })
    }
}

fn without_start(text: &NormalizedString) -> NormalizedString {
    let kept = text.get().trim_start_matches(is_python_space).len();
    text.slice(Range::Normalized(text.len() - kept..text.len())).unwrap_or_default()
}

fn without_end(text: &NormalizedString) -> NormalizedString {
    let kept = text.get().trim_end_matches(is_python_space).len();
    text.slice(Range::Normalized(0..kept)).unwrap_or_default()
}

/// White space as `str.strip` of Python has it: Unicode's, and four separators of ASCII.
pub(in crate::text) fn is_python_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1C}'..='\u{1F}').contains(&c)
}

/// Joins added tokens, and the stretches between them, with a blank each.
#[derive(Debug, Clone)]
pub(super) struct SlowDecoder(pub(super) Vocabulary);

impl Decoder for SlowDecoder {
    fn decode_chain(&self, tokens: Vec<String>) -> Result<Vec<String>> {
        let ids: Vec<u32> = tokens.iter().filter_map(|token| self.0.token_to_id(token)).collect();
        let groups = ids.chunk_by(|&a, &b| !self.0.is_added(a) && !self.0.is_added(b));
        let texts = groups.enumerate().map(|(index, group)| {
            let mut text = if index > 0 { " ".to_owned() } else { String::new() };
            match group {
                [id] if self.0.is_added(*id) => text.push_str(&self.0.id_to_token(*id).unwrap_or_default()),
                _ => self.decode_group(group, &mut text),
            }
            text
        });
        Ok(texts.collect())
    }
}

impl SlowDecoder {
    /// Text of ids without added tokens. SentencePiece decodes each run between special tokens; a
    /// blank is put before a run that ends in a special token.
    fn decode_group(&self, ids: &[u32], text: &mut String) {
        let mut run_start = 0;
        for (index, &id) in ids.iter().enumerate() {
            if !self.0.is_special(id) {
                continue;
            }
            let after_special = index.checked_sub(1).is_some_and(|before| self.0.is_special(ids[before]));
            if index > 0 && !after_special {
                text.push(' ');
            }
            self.decode_run(&ids[run_start..index], text);
            text.push_str(self.0.pieces().piece(id).unwrap_or_default());
            run_start = index + 1;
        }
        self.decode_run(&ids[run_start..], text);
    }

    fn decode_run(&self, ids: &[u32], out: &mut String) {
        let mut decoder = PieceDecoder::new(self.0.pieces());
        for &id in ids {
            decoder.push(self.0.pieces(), id, out);
        }
        decoder.finish(out);
    }
}
