//! Parity of the tokenizer with the slow `LlamaTokenizer` of transformers 4.28, which GLaMM was
//! trained with, and of everything that is text around it.
//!
//! `GLAMM_TOKENIZER_DIR` points the tokenizer's tests at another directory with `tokenizer.model`,
//! `added_tokens.json` and `tokenizer_cases.json`; `GLAMM_GOLDEN_DIR` points the others at another
//! set of recorded conversations.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

use std::collections::HashMap;
use std::env;
use std::fs;
use std::path::PathBuf;

use glamm_engine::protocol::{Reply, Turn};
use glamm_engine::text::conversation::{Prompt, PromptToken, encode_with_images, prompt_text, reply_text};
use glamm_engine::text::gcg::{gcg_caption, gcg_phrases};
use glamm_engine::text::grounded::{ReplyEvent, ReplyParser};
use glamm_engine::text::tokenizer::Tokenizer;
use glamm_engine::vision::PixelBox;
use serde::Deserialize;

/// Id of the image in recorded prompts.
const IMAGE: i64 = -200;

#[derive(Deserialize)]
struct TokenizerCases {
    added_tokens: HashMap<String, u32>,
    cases: Vec<Case>,
    image_prompts: Vec<ImagePrompt>,
    decode_only: Vec<DecodeOnly>,
}

#[derive(Deserialize)]
struct Case {
    text: String,
    ids: Vec<u32>,
    ids_without_bos: Vec<u32>,
    decoded: String,
    decoded_without_bos: String,
}

#[derive(Deserialize)]
struct ImagePrompt {
    prompt: String,
    ids: Vec<i64>,
}

#[derive(Deserialize)]
struct DecodeOnly {
    ids: Vec<u32>,
    decoded: String,
}

#[derive(Deserialize)]
struct Manifest {
    cases: Vec<Conversation>,
}

#[derive(Deserialize)]
struct Conversation {
    id: String,
    user_text: String,
    follow_up_of: Option<String>,
    prompt: String,
    input_ids: Vec<i64>,
    answer_ids: Vec<u32>,
    text_output: String,
    gcg_caption: String,
    gcg_phrases: Vec<String>,
    seg_count_in_text_output: usize,
    #[serde(default)]
    boxes_xyxy_pixels: Vec<[f32; 4]>,
}

fn golden() -> PathBuf {
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/public");
    env::var_os("GLAMM_GOLDEN_DIR").map_or_else(|| PathBuf::from(own), PathBuf::from)
}

fn load(directory: &std::path::Path) -> Tokenizer {
    let model = fs::read(directory.join("tokenizer.model")).unwrap();
    let added = fs::read_to_string(directory.join("added_tokens.json")).unwrap();
    Tokenizer::new(&model, &added).unwrap()
}

fn tokenizer_and_cases() -> (Tokenizer, TokenizerCases) {
    let elsewhere = env::var_os("GLAMM_TOKENIZER_DIR").map(PathBuf::from);
    let model = elsewhere.clone().unwrap_or_else(|| golden().join("glamm-tiny"));
    let cases = elsewhere.unwrap_or_else(golden).join("tokenizer_cases.json");
    (load(&model), serde_json::from_str(&fs::read_to_string(cases).unwrap()).unwrap())
}

fn conversations() -> (Tokenizer, Vec<Conversation>) {
    let directory = golden();
    let manifest = fs::read_to_string(directory.join("manifest.json")).unwrap();
    let manifest: Manifest = serde_json::from_str(&manifest).unwrap();
    (load(&directory.join("glamm-tiny")), manifest.cases)
}

fn recorded(tokens: &[PromptToken]) -> Vec<i64> {
    tokens.iter().map(|token| token.id().map_or(IMAGE, i64::from)).collect()
}

#[test]
fn parity_tokenizer_encode() {
    let (tokenizer, cases) = tokenizer_and_cases();
    for (text, &id) in &cases.added_tokens {
        assert_eq!(tokenizer.encode(text), [tokenizer.markers().bos, id], "{text}");
    }
    for case in &cases.cases {
        assert_eq!(tokenizer.encode(&case.text), case.ids, "{:?}", case.text);
        let mut without = Vec::new();
        tokenizer.encode_into(&case.text, &mut without);
        assert_eq!(without, case.ids_without_bos, "{:?}", case.text);
    }
}

#[test]
fn parity_tokenizer_decode() {
    let (tokenizer, cases) = tokenizer_and_cases();
    for case in &cases.cases {
        assert_eq!(tokenizer.decode(&case.ids), case.decoded, "{:?}", case.text);
        assert_eq!(tokenizer.decode(&case.ids_without_bos), case.decoded_without_bos, "{:?}", case.text);
    }
    for case in &cases.decode_only {
        assert_eq!(tokenizer.decode(&case.ids), case.decoded, "{:?}", case.ids);
    }
}

#[test]
fn parity_tokenizer_image_prompts() {
    let (tokenizer, cases) = tokenizer_and_cases();
    for case in &cases.image_prompts {
        let tokens = encode_with_images(&tokenizer, &case.prompt, usize::MAX);
        assert_eq!(recorded(&tokens), case.ids, "{:?}", case.prompt);
    }
}

/// The turns of a recorded conversation, those before it included.
fn turns_of(all: &[Conversation], case: &Conversation) -> Vec<Turn> {
    let earlier = case.follow_up_of.as_ref().map(|id| all.iter().find(|other| &other.id == id).unwrap());
    let mut turns = earlier.map_or_else(Vec::new, |earlier| {
        let mut turns = turns_of(all, earlier);
        turns.last_mut().unwrap().reply = Some(earlier.text_output.clone());
        turns
    });
    let corners = |b: &[f32; 4]| PixelBox::from_corners((b[0], b[1]), (b[2], b[3]));
    let regions = case.boxes_xyxy_pixels.iter().map(corners).collect();
    turns.push(Turn { user: case.user_text.clone(), regions, reply: None });
    turns
}

#[test]
fn parity_tokenizer_prompts() {
    let (tokenizer, cases) = conversations();
    let bbox = tokenizer.markers().bbox;
    for case in &cases {
        let turns = turns_of(&cases, case);
        assert_eq!(prompt_text(&turns), case.prompt, "{}", case.id);
        let prompt = Prompt::new(&tokenizer, &turns).unwrap();
        assert_eq!(recorded(&prompt.tokens), case.input_ids, "{}", case.id);
        let markers = case.input_ids.iter().filter(|&&id| id == i64::from(bbox)).count();
        if turns.len() == 1 && !turns[0].regions.is_empty() {
            assert_eq!(
                prompt.regions,
                turns[0].regions[..markers.min(turns[0].regions.len())],
                "{}",
                case.id
            );
        }
    }
}

#[test]
fn parity_tokenizer_replies() {
    let (tokenizer, cases) = conversations();
    for case in &cases {
        let prompt = Prompt::new(&tokenizer, &turns_of(&cases, case)).unwrap();
        let raw = reply_text(&tokenizer, &prompt.tokens, &case.answer_ids);
        assert_eq!(raw, case.text_output, "{}", case.id);
        assert_eq!(gcg_caption(&raw), case.gcg_caption, "{}", case.id);
        assert_eq!(gcg_phrases(&raw), case.gcg_phrases, "{}", case.id);

        let mut parser = ReplyParser::new(&tokenizer);
        let mut told = String::new();
        for event in case.answer_ids.iter().flat_map(|&id| parser.push(id)).collect::<Vec<_>>() {
            if let ReplyEvent::Text(text) = event {
                told.push_str(&text);
            }
        }
        let Reply { text, groundings, .. } = parser.into_reply(raw);
        assert_eq!(told, text, "{}", case.id);
        assert_eq!(groundings.len(), case.seg_count_in_text_output, "{}", case.id);
        // The official caption leaves a blank before punctuation; ours for people does not.
        let squeeze = |text: &str| text.replace(" .", ".").replace(" ,", ",");
        assert_eq!(squeeze(&text), squeeze(&case.gcg_caption), "{}", case.id);
        let words: Vec<char> = text.chars().collect();
        let phrases: Vec<String> = groundings
            .iter()
            .filter(|grounding| !grounding.span.is_empty())
            .map(|grounding| words[grounding.span.clone()].iter().collect())
            .collect();
        assert_eq!(phrases, case.gcg_phrases, "{}", case.id);
    }
}
