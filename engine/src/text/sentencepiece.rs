//! Byte-pair encoding as the SentencePiece library does it (Kudo & Richardson, 2018), from its
//! `tokenizer.model`. The model of the tokenizer in [`super::tokenizer`], which knows the added tokens.
//!
//! Not `tokenizers::models::bpe`: there every merge has a rank of its own, whereas SentencePiece
//! merges by the score of the resulting piece and, among equal scores, from the left. Equal scores
//! are the rule for runs of blanks in LLaMA's vocabulary.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};
use std::ops::Range;

use sentencepiece_model::{ModelType, SentencePieceModel, Type};

/// What SentencePiece writes for a blank.
pub const BLANK: char = '▁';
/// What it writes for a byte that is no part of a character.
const REPLACEMENT: char = '\u{FFFD}';
/// What it writes for the unknown piece.
const UNKNOWN_SURFACE: &str = " \u{2047} ";

/// A vocabulary with its scores.
#[derive(Debug, Clone)]
pub struct SentencePiece {
    pieces: Vec<Piece>,
    /// By their text. Where two pieces have the same, the one that text can be cut into.
    ids: HashMap<String, u32>,
    /// Pieces that are never cut or merged, longest first.
    user_defined: Vec<String>,
    /// The piece of each byte, for characters that no piece has.
    bytes: Option<Box<[u32; 256]>>,
    unknown: u32,
    add_dummy_prefix: bool,
}

#[derive(Debug, Clone)]
struct Piece {
    text: String,
    score: f32,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    /// Part of merges, but not of results.
    Unused,
    /// Of no text: `<s>`, `</s>`.
    Control,
    Unknown,
    Byte(u8),
}

impl Kind {
    /// Whether merging can lead to the piece.
    fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::Unused)
    }
}

impl SentencePiece {
    /// Reads a `tokenizer.model`.
    ///
    /// # Errors
    /// It is damaged, or of a kind that LLaMA does not use: not byte-pair encoding, or with a
    /// normalisation of the text.
    pub fn from_bytes(model: &[u8]) -> Result<Self, String> {
        let model = SentencePieceModel::from_slice(model)
            .map_err(|error| format!("it is not a SentencePiece model ({error})"))?;
        let trainer = model.trainer().ok_or_else(|| "it does not say how it was trained".to_owned())?;
        let normalizer = model.normalizer().cloned().unwrap_or_default();
        if trainer.model_type() != ModelType::Bpe {
            return Err("it is not a byte-pair encoding, which LLaMA uses".to_owned());
        }
        if !normalizer.precompiled_charsmap().is_empty()
            || normalizer.remove_extra_whitespaces()
            || !normalizer.escape_whitespaces()
            || trainer.treat_whitespace_as_suffix()
        {
            return Err("it normalises text, which LLaMA's does not".to_owned());
        }
        let mut this = Self {
            pieces: Vec::with_capacity(model.pieces().len()),
            ids: HashMap::new(),
            user_defined: Vec::new(),
            bytes: None,
            unknown: 0,
            add_dummy_prefix: normalizer.add_dummy_prefix(),
        };
        let (mut unknown, mut bytes) = (None, HashMap::new());
        for (id, piece) in (0_u32..).zip(model.pieces()) {
            let text = piece.piece().to_owned();
            let kind = match piece.r#type() {
                Type::Normal | Type::UserDefined => Kind::Text,
                Type::Unused => Kind::Unused,
                Type::Control => Kind::Control,
                Type::Unknown => Kind::Unknown,
                Type::Byte => Kind::Byte(byte_of(&text)?),
            };
            match kind {
                Kind::Unknown => unknown = Some(id),
                Kind::Byte(byte) => drop(bytes.insert(byte, id)),
                Kind::Text | Kind::Unused | Kind::Control => {}
            }
            if kind.is_text() {
                this.ids.insert(text.clone(), id);
            } else {
                this.ids.entry(text.clone()).or_insert(id);
            }
            if piece.r#type() == Type::UserDefined && !text.is_empty() {
                this.user_defined.push(text.clone());
            }
            this.pieces.push(Piece { text, score: piece.score(), kind });
        }
        this.user_defined.sort_by_key(|text| std::cmp::Reverse(text.len()));
        this.unknown = unknown.ok_or_else(|| "it has no unknown piece".to_owned())?;
        if trainer.byte_fallback() {
            let all: Option<Vec<u32>> = (0..=u8::MAX).map(|byte| bytes.get(&byte).copied()).collect();
            let all = all.and_then(|all| Box::<[u32; 256]>::try_from(all.into_boxed_slice()).ok());
            this.bytes = Some(all.ok_or_else(|| "it lacks some of the 256 byte pieces".to_owned())?);
        }
        Ok(this)
    }

    /// Number of pieces; ids are below it.
    pub fn len(&self) -> usize {
        self.pieces.len()
    }

    /// Whether there are no pieces at all.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// The piece with this id, blanks written as `▁`.
    pub fn piece(&self, id: u32) -> Option<&str> {
        self.pieces.get(id as usize).map(|piece| piece.text.as_str())
    }

    /// The id of the control or unknown piece `text`, which stands for no text.
    pub fn special(&self, text: &str) -> Option<u32> {
        let is_it = |piece: &Piece| piece.text == text && matches!(piece.kind, Kind::Control | Kind::Unknown);
        self.pieces.iter().position(is_it).map(|id| id as u32)
    }

    /// The piece with this text, of any kind.
    pub fn id(&self, text: &str) -> Option<u32> {
        self.ids.get(text).copied()
    }

    /// Whether a text begins with a blank that nobody wrote.
    pub fn adds_dummy_prefix(&self) -> bool {
        self.add_dummy_prefix
    }

    /// Cuts text into pieces, whose stretches of the text (in bytes) follow each other. Blanks are
    /// written as [`BLANK`] in it, the dummy prefix is there.
    pub fn cut(&self, text: &str) -> Vec<(u32, Range<usize>)> {
        let mut merger = Merger::new(self, text);
        merger.run();
        merger.into_pieces()
    }

    /// Whether a byte pair merges to a piece, and to which.
    fn lookup(&self, text: &str) -> Option<(u32, &Piece)> {
        let id = self.id(text)?;
        self.pieces.get(id as usize).filter(|piece| piece.kind.is_text()).map(|piece| (id, piece))
    }

    fn push_unknown(&self, text: &str, range: Range<usize>, out: &mut Vec<(u32, Range<usize>)>) {
        match (&self.bytes, out.last_mut()) {
            (Some(bytes), _) => {
                out.extend(text[range.clone()].bytes().map(|byte| (bytes[usize::from(byte)], range.clone())));
            }
            // Neighbouring unknown characters become one piece.
            (None, Some((id, last))) if *id == self.unknown => last.end = range.end,
            (None, _) => out.push((self.unknown, range)),
        }
    }
}

/// `<0x0A>` → 10.
fn byte_of(text: &str) -> Result<u8, String> {
    let digits = text.strip_prefix("<0x").and_then(|rest| rest.strip_suffix('>'));
    let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
    byte.ok_or_else(|| format!("its byte piece {text:?} names no byte"))
}

/// A stretch of the text that is one piece so far; of no length once it is merged into another.
#[derive(Debug, Clone)]
struct Symbol {
    start: usize,
    length: usize,
    previous: Option<usize>,
    next: Option<usize>,
    frozen: bool,
}

/// Two neighbours that would make a piece.
#[derive(Debug, PartialEq)]
struct Candidate {
    score: f32,
    left: usize,
    right: usize,
    /// Bytes of both; differs once one of them has grown.
    length: usize,
}

impl Eq for Candidate {}

impl Ord for Candidate {
    /// The best score first, the leftmost among equals.
    fn cmp(&self, other: &Self) -> Ordering {
        self.score.total_cmp(&other.score).then(other.left.cmp(&self.left))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// One run of the merging algorithm.
struct Merger<'a> {
    model: &'a SentencePiece,
    text: &'a str,
    symbols: Vec<Symbol>,
    agenda: BinaryHeap<Candidate>,
    /// Length of the left half of each unused piece that was met.
    halves: HashMap<&'a str, usize>,
}

impl<'a> Merger<'a> {
    fn new(model: &'a SentencePiece, text: &'a str) -> Self {
        let mut symbols: Vec<Symbol> = Vec::with_capacity(text.len());
        let mut start = 0;
        while let Some(c) = text[start..].chars().next() {
            let whole = model.user_defined.iter().find(|piece| text[start..].starts_with(piece.as_str()));
            let length = whole.map_or(c.len_utf8(), String::len);
            let index = symbols.len();
            symbols.push(Symbol {
                start,
                length,
                previous: index.checked_sub(1),
                next: Some(index + 1),
                frozen: whole.is_some(),
            });
            start += length;
        }
        if let Some(last) = symbols.last_mut() {
            last.next = None;
        }
        Self { model, text, symbols, agenda: BinaryHeap::new(), halves: HashMap::new() }
    }

    fn run(&mut self) {
        for right in 1..self.symbols.len() {
            self.consider(Some(right - 1), Some(right));
        }
        while let Some(best) = self.agenda.pop() {
            let (left, right) = (&self.symbols[best.left], &self.symbols[best.right]);
            if left.length == 0 || right.length == 0 || left.length + right.length != best.length {
                continue;
            }
            let (previous, next) = (left.previous, right.next);
            self.symbols[best.left].length = best.length;
            self.symbols[best.left].next = next;
            self.symbols[best.right].length = 0;
            if let Some(next) = next {
                self.symbols[next].previous = Some(best.left);
            }
            self.consider(previous, Some(best.left));
            self.consider(Some(best.left), next);
        }
    }

    fn consider(&mut self, left: Option<usize>, right: Option<usize>) {
        let (Some(left), Some(right)) = (left, right) else { return };
        let (a, b) = (&self.symbols[left], &self.symbols[right]);
        if a.frozen || b.frozen {
            return;
        }
        let (length, half) = (a.length + b.length, a.length);
        let whole = &self.text[a.start..a.start + length];
        let Some((_, piece)) = self.model.lookup(whole) else { return };
        if piece.kind == Kind::Unused {
            self.halves.insert(whole, half);
        }
        self.agenda.push(Candidate { score: piece.score, left, right, length });
    }

    fn into_pieces(self) -> Vec<(u32, Range<usize>)> {
        let mut out = Vec::with_capacity(self.symbols.len());
        let mut at = (!self.symbols.is_empty()).then_some(0);
        while let Some(index) = at {
            let symbol = &self.symbols[index];
            self.emit(symbol.start..symbol.start + symbol.length, &mut out);
            at = symbol.next;
        }
        out
    }

    /// Unused pieces fall apart again into what they were merged from.
    fn emit(&self, range: Range<usize>, out: &mut Vec<(u32, Range<usize>)>) {
        let mut waiting = vec![range];
        while let Some(range) = waiting.pop() {
            let text = &self.text[range.clone()];
            match (self.model.lookup(text), self.halves.get(text)) {
                (Some((_, piece)), Some(&half)) if piece.kind == Kind::Unused => {
                    let middle = range.start + half;
                    waiting.extend([middle..range.end, range.start..middle]);
                }
                (Some((id, _)), _) => out.push((id, range)),
                (None, _) => self.model.push_unknown(self.text, range, out),
            }
        }
    }
}

/// Turns pieces back into text, one at a time. Bytes that do not complete a character yet are held
/// back until the next piece shows what becomes of them.
#[derive(Debug, Clone)]
pub struct PieceDecoder {
    /// Bytes of an unfinished character.
    bytes: Vec<u8>,
    /// Whether a blank at the start of the next piece is the dummy prefix.
    at_start: bool,
}

impl PieceDecoder {
    /// For a run of pieces that begins with the dummy prefix, if `model` uses one.
    pub fn new(model: &SentencePiece) -> Self {
        Self { bytes: Vec::new(), at_start: model.add_dummy_prefix }
    }

    /// Appends the text of the next piece to `out`. Ids without a piece have no text.
    pub fn push(&mut self, model: &SentencePiece, id: u32, out: &mut String) {
        let Some(piece) = model.pieces.get(id as usize) else { return };
        if let Kind::Byte(byte) = piece.kind {
            self.bytes.push(byte);
            return self.drain(false, out);
        }
        self.drain(true, out);
        match piece.kind {
            Kind::Control => {}
            Kind::Unknown => {
                out.push_str(UNKNOWN_SURFACE);
                self.at_start = false;
            }
            _ => {
                let prefix = self.at_start.then(|| piece.text.strip_prefix(BLANK)).flatten();
                self.at_start &= prefix.is_none() && piece.text.is_empty();
                let text = prefix.unwrap_or(&piece.text);
                out.extend(text.chars().map(|c| if c == BLANK { ' ' } else { c }));
            }
        }
    }

    /// Appends what was held back.
    pub fn finish(&mut self, out: &mut String) {
        self.drain(true, out);
    }

    /// Moves whole characters from `bytes` to `out`; a byte that is part of none becomes U+FFFD,
    /// and so do the bytes of an unfinished character once it is known to stay so.
    fn drain(&mut self, ended: bool, out: &mut String) {
        while !self.bytes.is_empty() {
            let (valid, broken) = match std::str::from_utf8(&self.bytes) {
                Ok(text) => (text.len(), false),
                Err(error) => (error.valid_up_to(), ended || error.error_len().is_some()),
            };
            if valid == 0 && !broken {
                return;
            }
            out.push_str(&String::from_utf8_lossy(&self.bytes[..valid]));
            self.at_start = false;
            self.bytes.drain(..valid);
            if broken {
                out.push(REPLACEMENT);
                self.bytes.remove(0);
            }
        }
    }
}
