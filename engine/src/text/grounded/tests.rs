//! Replies well formed, malformed and random, with the vocabulary of the golden data.

use std::fs;
use std::path::Path;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::*;

fn tokenizer() -> Tokenizer {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/public/glamm-tiny");
    let model = fs::read(directory.join("tokenizer.model")).unwrap();
    Tokenizer::new(&model, &fs::read_to_string(directory.join("added_tokens.json")).unwrap()).unwrap()
}

/// The text of the events, phrases in brackets and masks as `#`, in the order in which they come.
fn told(events: &[ReplyEvent]) -> String {
    events.iter().fold(String::new(), |told, event| match event {
        ReplyEvent::Text(text) => told + text,
        ReplyEvent::PhraseOpened => told + "<",
        ReplyEvent::PhraseClosed(_) => told + ">",
        ReplyEvent::Grounded { .. } => told + "#",
    })
}

fn run<'t>(tokenizer: &'t Tokenizer, ids: &[u32]) -> (ReplyParser<'t>, Vec<ReplyEvent>) {
    let mut parser = ReplyParser::new(tokenizer);
    let mut events: Vec<ReplyEvent> = ids.iter().flat_map(|&id| parser.push(id)).collect();
    events.extend(parser.finish());
    (parser, events)
}

#[test]
fn replies_become_readable() {
    let tokenizer = tokenizer();
    let check = |raw: &str, expect: &str, spans: &[&str]| {
        let ids = tokenizer.encode_bare(raw);
        let (parser, events) = run(&tokenizer, &ids);
        assert_eq!(told(&events), expect, "{raw}");
        let text: Vec<char> = parser.text().chars().collect();
        let found = parser.groundings().iter().map(|g| text[g.span.clone()].iter().collect::<String>());
        assert_eq!(found.collect::<Vec<_>>(), spans, "{raw}");
    };
    check("<p> A cat </p> [SEG] on <p> a mat </p> [SEG].</s>", "<A cat># on <a mat>#.", &["A cat", "a mat"]);
    check("Sure, it is [SEG] .</s>", "Sure, it is#.", &[""]);
    check("It is [SEG] here", "It is# here", &[""]);
    check("( <p> a </p> [SEG] , <p> b </p> [SEG] )", "(<a>#, <b>#)", &["a", "b"]);
    check("\" <p> a </p> [SEG] \" b", "\"<a>#\" b", &["a"]);
    check("a <p> man </p> [SEG] 's hat", "a <man>#'s hat", &["man"]);
    check("two   blanks\tand\na line . break", "two blanks anda line . break", &[]);
    // Two masks of one phrase.
    check("<p> two dogs </p> [SEG] [SEG] run", "<two dogs>## run", &["two dogs", "two dogs"]);
    // Malformed in every way.
    check("<p> a cat", "<a cat>", &[]);
    check("<p> a cat </s> more", "<a cat>", &[]);
    check("a </p> b [SEG]", "a b#", &[""]);
    check("<p> </p> [SEG] a", "#a", &[""]);
    check("<p> a <p> b </p> [SEG] </p> c", "<a> <b># c", &["b"]);
    check("<p> a [SEG] b </p> c", "<a# b> c", &["a"]);
    check("<p> [SEG] a </p>", "#<a>", &[""]);
    check("<p> a </p> and [SEG]", "<a> and#", &[""]);
    check("[SEG] [SEG]", "##", &["", ""]);
    check("<bbox> is <point>, <im_start>a<im_end>", "is, a", &[]);
    check("", "", &[]);
}

#[test]
fn characters_of_several_bytes_are_never_split() {
    let tokenizer = tokenizer();
    let text = "é 日本 🐈‍⬛ ok";
    let ids = tokenizer.encode_bare(text);
    assert!(ids.len() > text.chars().count(), "the vocabulary has these characters as bytes only");
    let (parser, events) = run(&tokenizer, &ids);
    assert_eq!(parser.text(), text);
    assert!(events.iter().all(|event| !matches!(event, ReplyEvent::Text(text) if text.contains('\u{FFFD}'))));
    // Cut in the middle of a character.
    assert_eq!(run(&tokenizer, &ids[..2]).0.text(), "\u{FFFD}");
}

/// What holds for every sequence of tokens.
fn assert_sound(parser: &ReplyParser<'_>, events: &[ReplyEvent]) {
    let (mut text, mut length, mut open, mut masks, mut closed) = (String::new(), 0, None, 0, 0);
    for event in events {
        match event {
            ReplyEvent::Text(part) => {
                assert!(!part.is_empty());
                text.push_str(part);
                length = text.chars().count();
            }
            ReplyEvent::PhraseOpened => assert_eq!(open.replace(length), None),
            ReplyEvent::PhraseClosed(span) => {
                assert_eq!((open.take(), length), (Some(span.start), span.end));
                assert!(closed <= span.start && span.start < span.end);
                closed = span.end;
            }
            ReplyEvent::Grounded { index, grounding } => {
                assert_eq!(*index, masks);
                assert!(grounding.span.start <= grounding.span.end && grounding.span.end <= length);
                assert_eq!(&parser.groundings()[*index], grounding);
                masks += 1;
            }
        }
    }
    assert_eq!((text.as_str(), open, masks), (parser.text(), None, parser.groundings().len()));
    assert!(!text.starts_with(' ') && !text.ends_with(' ') && !text.contains("  "), "{text:?}");
}

/// Readable text out of the decoded one, by plain replacement.
fn by_replacement(tokenizer: &Tokenizer, ids: &[u32]) -> String {
    let mut decoded = tokenizer.decode(ids).replace('\n', "");
    for marker in ["<p>", "</p>", "[SEG]", "<bbox>", "<point>", "<im_start>", "<im_end>"] {
        decoded = decoded.replace(marker, "\u{E000}");
    }
    let mut text = String::new();
    let (mut quotes, mut gap) = (0, String::new());
    for c in decoded.chars() {
        if c.is_whitespace() || c == '\u{E000}' {
            gap.push(c);
            continue;
        }
        let closing = ".,;:!?%)]}'’”…".contains(c) || (c == '"' && quotes % 2 == 1);
        let last = text.chars().next_back();
        let opening = last.is_some_and(|l| "([{‘“".contains(l) || (l == '"' && quotes % 2 == 1));
        let joined = gap.contains('\u{E000}') && (closing || opening);
        if !gap.is_empty() && !text.is_empty() && !joined {
            text.push(' ');
        }
        gap.clear();
        quotes += usize::from(c == '"');
        text.push(c);
    }
    text
}

#[test]
fn random_tokens_keep_the_promises() {
    let tokenizer = tokenizer();
    let markers = tokenizer.markers();
    let limit = tokenizer.id_limit() as u32;
    let mut random = StdRng::seed_from_u64(5);
    for round in 0..3_000 {
        let length = random.random_range(0..40);
        let ids: Vec<u32> = (0..length)
            .map(|_| match random.random_range(0..4) {
                0 => [markers.phrase_start, markers.phrase_end, markers.seg][random.random_range(0..3)],
                // Bytes, and in some rounds the special tokens and ids that do not exist.
                1 => random.random_range(3..259),
                _ => random.random_range(if round % 3 == 0 { 0..limit + 3 } else { 259..limit }),
            })
            .collect();
        let (parser, events) = run(&tokenizer, &ids);
        assert_sound(&parser, &events);
        if ids.iter().all(|&id| !tokenizer.is_special(id) && id < limit) {
            assert_eq!(parser.text(), by_replacement(&tokenizer, &ids), "{ids:?}");
        }
        let (_, again) = run(&tokenizer, &[&ids[..], &[markers.eos, markers.seg]].concat());
        assert_eq!(told(&again), told(&events));
    }
}
