//! The tokenizer of GLaMM's checkpoints: LLaMA's SentencePiece vocabulary and seven added tokens.
//!
//! It does what the slow `LlamaTokenizer` of transformers 4.28 does, which GLaMM was trained with:
//! text is cut at added and special tokens first, and every stretch between them is a text of its
//! own to SentencePiece, with its own dummy prefix. Ids of added tokens come from the checkpoint.
//! Called by [`super::conversation`] and [`super::grounded`].
//!
//! The work is done by a [`tokenizers::TokenizerImpl`] out of the parts in `parts`.

mod parts;

use std::collections::{BTreeMap, HashMap};

use tokenizers::processors::template::TemplateProcessing;
use tokenizers::{AddedToken, NormalizerWrapper, TokenizerImpl};

use super::sentencepiece::{BLANK, SentencePiece};
pub(super) use parts::is_python_space;
use parts::{Preparation, SlowDecoder, Vocabulary};

/// Ids of the tokens that mean something to the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Markers {
    /// `<s>`: every text begins with it.
    pub bos: u32,
    /// `</s>`: every reply ends with it.
    pub eos: u32,
    /// `<p>`: a grounded phrase begins.
    pub phrase_start: u32,
    /// `</p>`: it ends.
    pub phrase_end: u32,
    /// `[SEG]`: a mask.
    pub seg: u32,
    /// `<bbox>`: a region that the user marked.
    pub bbox: u32,
}

type Whole = TokenizerImpl<Vocabulary, NormalizerWrapper, Preparation, TemplateProcessing, SlowDecoder>;

/// Text → ids → text.
#[derive(Debug, Clone)]
pub struct Tokenizer {
    whole: Whole,
    markers: Markers,
}

impl Tokenizer {
    /// From the contents of `tokenizer.model` and of `added_tokens.json`.
    ///
    /// # Errors
    /// Which of the two files cannot be used, and why.
    pub fn new(model: &[u8], added_tokens: &str) -> Result<Self, (&'static str, String)> {
        let in_model = |reason: String| ("tokenizer.model", reason);
        let in_added = |reason: String| ("added_tokens.json", reason);
        let pieces = SentencePiece::from_bytes(model).map_err(in_model)?;
        let special = |text: &str| {
            pieces.special(text).ok_or_else(|| in_model(format!("it has no special piece {text}")))
        };
        let (bos, eos, unknown) = (special("<s>")?, special("</s>")?, special("<unk>")?);
        let by_name: BTreeMap<String, u32> = serde_json::from_str(added_tokens)
            .map_err(|error| in_added(format!("it is not a table of tokens and ids ({error})")))?;
        let mut added = HashMap::new();
        for (text, &id) in &by_name {
            if text.is_empty() || (id as usize) < pieces.len() || added.insert(id, text.clone()).is_some() {
                return Err(in_added(format!("the id {id} of {text:?} is taken")));
            }
        }
        let named = |text: &str| {
            by_name.get(text).copied().ok_or_else(|| in_added(format!("it lacks {text}, which GLaMM needs")))
        };
        let markers = Markers {
            bos,
            eos,
            phrase_start: named("<p>")?,
            phrase_end: named("</p>")?,
            seg: named("[SEG]")?,
            bbox: named("<bbox>")?,
        };
        let whole = assemble(Vocabulary::new(pieces, added, [bos, eos, unknown]), bos)
            .map_err(|error| in_added(format!("its tokens cannot be found in texts ({error})")))?;
        Ok(Self { whole, markers })
    }

    /// Ids with a meaning.
    pub fn markers(&self) -> Markers {
        self.markers
    }

    /// One more than the largest id.
    pub fn id_limit(&self) -> usize {
        self.whole.get_model().id_limit()
    }

    /// Whether `id` is one of the added tokens.
    pub fn is_added(&self, id: u32) -> bool {
        self.whole.get_model().is_added(id)
    }

    /// Whether `id` is `<s>`, `</s>` or `<unk>`.
    pub fn is_special(&self, id: u32) -> bool {
        self.whole.get_model().is_special(id)
    }

    /// The pieces that text is made of.
    pub fn pieces(&self) -> &SentencePiece {
        self.whole.get_model().pieces()
    }

    /// One token, for people: the name of an added token, else its piece with blanks as they are;
    /// empty where there is no such token.
    pub fn token_text(&self, id: u32) -> String {
        if self.is_added(id) {
            return self.decode(&[id]);
        }
        self.pieces().piece(id).unwrap_or_default().replace(BLANK, " ")
    }

    /// Ids of a text, `<s>` first.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        self.encode_with(text, true)
    }

    /// Ids of a text, without `<s>`.
    pub fn encode_bare(&self, text: &str) -> Vec<u32> {
        self.encode_with(text, false)
    }

    fn encode_with(&self, text: &str, begin: bool) -> Vec<u32> {
        infallible(self.whole.encode_fast(text, begin)).get_ids().to_vec()
    }

    /// Text of ids, special tokens kept. Added tokens, and the stretches between them, are joined
    /// with a blank each.
    pub fn decode(&self, ids: &[u32]) -> String {
        infallible(self.whole.decode(ids, false))
    }
}

/// The library lets every part of a tokenizer fail; none of ours does, on any text or ids.
#[expect(clippy::expect_used, reason = "the parts in `parts` return no errors")]
fn infallible<T>(result: tokenizers::Result<T>) -> T {
    result.expect("every part of the tokenizer is infallible")
}

/// All parts in their places; `bos` is put before texts where that is asked for.
fn assemble(vocabulary: Vocabulary, bos: u32) -> tokenizers::Result<Whole> {
    // Texts are searched for them as they were typed: `special` also says that.
    let tokens: Vec<AddedToken> = vocabulary.cut_out().map(|text| AddedToken::from(text, true)).collect();
    let begin =
        TemplateProcessing::builder().try_single("<s> $A")?.special_tokens(vec![("<s>", bos)]).build()?;
    let mut whole = Whole::new(vocabulary.clone());
    whole.with_pre_tokenizer(Some(Preparation(vocabulary.clone())));
    whole.with_post_processor(Some(begin));
    whole.with_decoder(Some(SlowDecoder(vocabulary)));
    whole.add_tokens(tokens)?;
    Ok(whole)
}
