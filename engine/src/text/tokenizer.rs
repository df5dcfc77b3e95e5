//! The tokenizer of GLaMM's checkpoints: LLaMA's SentencePiece vocabulary and seven added tokens.
//!
//! It does what the slow `LlamaTokenizer` of transformers 4.28 does, which GLaMM was trained with:
//! text is cut at added and special tokens first, and every stretch between them is a text of its
//! own to SentencePiece, with its own dummy prefix. Ids of added tokens come from the checkpoint.
//! Called by [`super::conversation`] and [`super::grounded`].

use std::collections::{BTreeMap, HashMap, HashSet};

use super::sentencepiece::{PieceDecoder, SentencePiece};

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

/// Text → ids → text.
#[derive(Debug, Clone)]
pub struct Tokenizer {
    model: SentencePiece,
    /// `<s>`, `</s>`, `<unk>`: part of the vocabulary, cut out of text as they are.
    special: HashSet<u32>,
    /// Behind the vocabulary; white space around them is dropped.
    added: HashMap<u32, String>,
    /// Every added and special token, the longest first.
    cuts: Vec<(String, u32)>,
    markers: Markers,
}

/// A stretch of text, or a token in it.
enum Fragment<'a> {
    Text(&'a str),
    Token(u32),
}

impl Tokenizer {
    /// From the contents of `tokenizer.model` and of `added_tokens.json`.
    ///
    /// # Errors
    /// Which of the two files cannot be used, and why.
    pub fn new(model: &[u8], added_tokens: &str) -> Result<Self, (&'static str, String)> {
        let in_model = |reason: String| ("tokenizer.model", reason);
        let in_added = |reason: String| ("added_tokens.json", reason);
        let model = SentencePiece::from_bytes(model).map_err(in_model)?;
        let special = |text: &str| {
            model.special(text).ok_or_else(|| in_model(format!("it has no special piece {text}")))
        };
        let (bos, eos, unknown) = (special("<s>")?, special("</s>")?, special("<unk>")?);
        let by_name: BTreeMap<String, u32> = serde_json::from_str(added_tokens)
            .map_err(|error| in_added(format!("it is not a table of tokens and ids ({error})")))?;
        let mut added = HashMap::new();
        for (text, &id) in &by_name {
            if text.is_empty() || (id as usize) < model.len() || added.insert(id, text.clone()).is_some() {
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
        let names = [("<s>", bos), ("</s>", eos), ("<unk>", unknown)].map(|(text, id)| (text.to_owned(), id));
        let mut cuts: Vec<(String, u32)> = by_name.into_iter().chain(names).collect();
        cuts.sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
        Ok(Self { model, special: HashSet::from([bos, eos, unknown]), added, cuts, markers })
    }

    /// Ids with a meaning.
    pub fn markers(&self) -> Markers {
        self.markers
    }

    /// One more than the largest id.
    pub fn id_limit(&self) -> usize {
        self.added.keys().map(|&id| id as usize + 1).max().unwrap_or(0).max(self.model.len())
    }

    /// Whether `id` is one of the added tokens.
    pub fn is_added(&self, id: u32) -> bool {
        self.added.contains_key(&id)
    }

    /// Whether `id` is `<s>`, `</s>` or `<unk>`.
    pub fn is_special(&self, id: u32) -> bool {
        self.special.contains(&id)
    }

    /// The pieces that text is made of.
    pub fn pieces(&self) -> &SentencePiece {
        &self.model
    }

    /// Ids of a text, `<s>` first.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        let mut ids = vec![self.markers.bos];
        self.encode_into(text, &mut ids);
        ids
    }

    /// Appends the ids of a text to `ids`, without `<s>`.
    pub fn encode_into(&self, text: &str, ids: &mut Vec<u32>) {
        let fragments = self.cut(text);
        let is_added = |index: Option<usize>| {
            let fragment = index.and_then(|index| fragments.get(index));
            matches!(fragment, Some(Fragment::Token(id)) if self.is_added(*id))
        };
        for (index, fragment) in fragments.iter().enumerate() {
            match fragment {
                Fragment::Token(id) => ids.push(*id),
                Fragment::Text(text) => {
                    let mut text = *text;
                    if is_added(index.checked_sub(1)) {
                        text = text.trim_start_matches(is_python_space);
                    }
                    if is_added(Some(index + 1)) {
                        text = text.trim_end_matches(is_python_space);
                    }
                    ids.extend(self.model.encode(text));
                }
            }
        }
    }

    fn cut<'a>(&self, text: &'a str) -> Vec<Fragment<'a>> {
        let mut fragments = Vec::new();
        let (mut start, mut at) = (0, 0);
        while let Some(c) = text[at..].chars().next() {
            let Some((token, id)) = self.cuts.iter().find(|(token, _)| text[at..].starts_with(token)) else {
                at += c.len_utf8();
                continue;
            };
            if start < at {
                fragments.push(Fragment::Text(&text[start..at]));
            }
            fragments.push(Fragment::Token(*id));
            at += token.len();
            start = at;
        }
        if start < at {
            fragments.push(Fragment::Text(&text[start..]));
        }
        fragments
    }

    /// Text of ids, special tokens kept. Added tokens, and the stretches between them, are joined
    /// with a blank each.
    pub fn decode(&self, ids: &[u32]) -> String {
        let mut parts: Vec<String> = Vec::new();
        for group in ids.chunk_by(|&a, &b| !self.is_added(a) && !self.is_added(b)) {
            match group {
                [id] if self.is_added(*id) => parts.push(self.added.get(id).cloned().unwrap_or_default()),
                _ => parts.push(self.decode_group(group)),
            }
        }
        parts.join(" ")
    }

    /// Text of ids without added tokens. SentencePiece decodes each run between special tokens; a
    /// blank is put before a run that ends in a special token.
    fn decode_group(&self, ids: &[u32]) -> String {
        let mut text = String::new();
        let mut run_start = 0;
        for (index, &id) in ids.iter().enumerate() {
            if !self.is_special(id) {
                continue;
            }
            let after_special = index.checked_sub(1).is_some_and(|before| self.is_special(ids[before]));
            if index > 0 && !after_special {
                text.push(' ');
            }
            self.decode_run(&ids[run_start..index], &mut text);
            text.push_str(self.model.piece(id).unwrap_or_default());
            run_start = index + 1;
        }
        self.decode_run(&ids[run_start..], &mut text);
        text
    }

    fn decode_run(&self, ids: &[u32], out: &mut String) {
        let mut decoder = PieceDecoder::new(&self.model);
        for &id in ids {
            decoder.push(&self.model, id, out);
        }
        decoder.finish(out);
    }
}

/// White space as `str.strip` of Python has it: Unicode's, and four separators of ASCII.
pub(super) fn is_python_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1C}'..='\u{1F}').contains(&c)
}
