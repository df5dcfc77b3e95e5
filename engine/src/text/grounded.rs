//! Reads a reply while it is generated: tokens in, readable text and grounded phrases out.
//!
//! A reply is text in which `<p> … </p> [SEG]` ties words to a mask. People see the words only.
//! White space is collapsed; where a marker stood, punctuation closes up to the word before it. Line
//! breaks vanish, as in the text that [`super::conversation::reply_text`] keeps.
//! Called by the engine thread for every generated token.
//!
//! What always holds, whatever the model writes: the texts of all events, one behind the other, are
//! [`ReplyParser::text`]; spans lie within it; every opened phrase is closed, with at least one
//! character; phrases do not overlap.

use std::mem;
use std::ops::Range;

use super::sentencepiece::PieceDecoder;
use super::tokenizer::{Markers, Tokenizer};
use crate::protocol::{Grounding, Reply};

/// What a token brought to light.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplyEvent {
    /// Text to be appended to what is there; never empty.
    Text(String),
    /// The text that follows belongs to a phrase.
    PhraseOpened,
    /// The phrase is complete.
    PhraseClosed(Range<usize>),
    /// A mask is due.
    Grounded {
        /// Its place in [`Reply::groundings`].
        index: usize,
        /// The words it belongs to: the phrase it stands in or right behind. Several masks in a
        /// row share the phrase; without one, it is the empty span at its place.
        grounding: Grounding,
    },
}

/// The parser's state between two tokens.
#[derive(Debug)]
pub struct ReplyParser<'t> {
    tokenizer: &'t Tokenizer,
    markers: Markers,
    decoder: PieceDecoder,
    text: String,
    /// Characters in `text`.
    length: usize,
    /// Text that no event has told yet.
    untold: String,
    events: Vec<ReplyEvent>,
    groundings: Vec<Grounding>,
    phrase: Phrase,
    gap: Gap,
    /// The last character, if it is punctuation that the next word closes up to.
    opening: bool,
    /// Inside straight double quotes.
    quoted: bool,
    ended: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Phrase {
    /// Plain text.
    Outside,
    /// Behind `<p>`, before its first visible character.
    Announced,
    /// Begun at this character.
    Open(usize),
    /// Nothing visible since the end of this phrase.
    JustClosed(Range<usize>),
}

/// What was met since the last visible character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    None,
    Blank,
    /// Decoding puts a blank on both sides of every added token.
    Marker,
}

impl<'t> ReplyParser<'t> {
    /// At the start of a reply.
    pub fn new(tokenizer: &'t Tokenizer) -> Self {
        Self {
            tokenizer,
            markers: tokenizer.markers(),
            decoder: PieceDecoder::new(tokenizer.pieces()),
            text: String::new(),
            length: 0,
            untold: String::new(),
            events: Vec::new(),
            groundings: Vec::new(),
            phrase: Phrase::Outside,
            gap: Gap::None,
            opening: false,
            quoted: false,
            ended: false,
        }
    }

    /// Takes the next token. Nothing counts behind `</s>`.
    pub fn push(&mut self, id: u32) -> Vec<ReplyEvent> {
        if self.ended {
            return Vec::new();
        }
        if id == self.markers.eos {
            return self.finish();
        }
        let mut piece = String::new();
        if self.tokenizer.is_added(id) {
            self.decoder.finish(&mut piece);
            self.show(&piece);
            self.decoder = PieceDecoder::new(self.tokenizer.pieces());
            self.mark(id);
        } else if !self.tokenizer.is_special(id) {
            self.decoder.push(self.tokenizer.pieces(), id, &mut piece);
            self.show(&piece);
        }
        self.tell()
    }

    /// Ends the reply, wherever it is.
    pub fn finish(&mut self) -> Vec<ReplyEvent> {
        if !self.ended {
            let mut piece = String::new();
            self.decoder.finish(&mut piece);
            self.show(&piece);
            self.close_phrase();
            self.ended = true;
        }
        self.tell()
    }

    /// The visible text so far.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The masks so far.
    pub fn groundings(&self) -> &[Grounding] {
        &self.groundings
    }

    /// The reply taken apart; `raw` is its text with markers.
    pub fn into_reply(self, raw: String) -> Reply {
        Reply { raw, text: self.text, groundings: self.groundings }
    }

    fn mark(&mut self, id: u32) {
        if id == self.markers.phrase_start {
            self.close_phrase();
            self.phrase = Phrase::Announced;
        } else if id == self.markers.phrase_end {
            self.close_phrase();
        } else if id == self.markers.seg {
            let span = match &self.phrase {
                Phrase::Open(start) => *start..self.length,
                Phrase::JustClosed(span) => span.clone(),
                Phrase::Outside | Phrase::Announced => self.length..self.length,
            };
            let grounding = Grounding { span };
            let index = self.groundings.len();
            self.groundings.push(grounding.clone());
            self.flush();
            self.events.push(ReplyEvent::Grounded { index, grounding });
        }
        self.gap = Gap::Marker;
    }

    fn close_phrase(&mut self) {
        match self.phrase {
            Phrase::Open(start) => {
                let span = start..self.length;
                self.flush();
                self.events.push(ReplyEvent::PhraseClosed(span.clone()));
                self.phrase = Phrase::JustClosed(span);
            }
            Phrase::Announced => self.phrase = Phrase::Outside,
            Phrase::Outside | Phrase::JustClosed(_) => {}
        }
    }

    fn show(&mut self, text: &str) {
        for c in text.chars().filter(|&c| c != '\n') {
            if c.is_whitespace() {
                self.gap = self.gap.max(Gap::Blank);
            } else {
                self.show_visible(c);
            }
        }
    }

    fn show_visible(&mut self, c: char) {
        let joins = self.opening || closes(c) || (c == '"' && self.quoted);
        let apart = match self.gap {
            Gap::None => false,
            Gap::Blank => true,
            Gap::Marker => !joins,
        };
        if apart && self.length > 0 {
            self.append(' ');
        }
        match self.phrase {
            Phrase::Announced => {
                self.flush();
                self.events.push(ReplyEvent::PhraseOpened);
                self.phrase = Phrase::Open(self.length);
            }
            Phrase::JustClosed(_) => self.phrase = Phrase::Outside,
            Phrase::Outside | Phrase::Open(_) => {}
        }
        self.append(c);
        self.gap = Gap::None;
        self.quoted ^= c == '"';
        self.opening = opens(c) || (c == '"' && self.quoted);
    }

    fn append(&mut self, c: char) {
        self.text.push(c);
        self.untold.push(c);
        self.length += 1;
    }

    /// Makes an event of the text that was not told yet.
    fn flush(&mut self) {
        if !self.untold.is_empty() {
            self.events.push(ReplyEvent::Text(mem::take(&mut self.untold)));
        }
    }

    fn tell(&mut self) -> Vec<ReplyEvent> {
        self.flush();
        mem::take(&mut self.events)
    }
}

/// Punctuation that stands right behind a word.
fn closes(c: char) -> bool {
    matches!(c, '.' | ',' | ';' | ':' | '!' | '?' | '%' | ')' | ']' | '}' | '\'' | '’' | '”' | '…')
}

/// Punctuation that stands right before a word.
fn opens(c: char) -> bool {
    matches!(c, '(' | '[' | '{' | '‘' | '“')
}

#[cfg(test)]
mod tests;
