//! Tokenizer, conversation template and replies, against the slow `LlamaTokenizer` of
//! transformers 4.28, which GLaMM was trained with. `GLAMM_TOKENIZER_DIR` points the tokenizer's tests
//! at another directory with `tokenizer.model`, `added_tokens.json` and `tokenizer_cases.json`.

use std::collections::HashMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use glamm_engine::protocol::Reply;
use glamm_engine::text::conversation::{Prompt, PromptToken, encode_with_images, prompt_text, reply_text};
use glamm_engine::text::gcg::{gcg_caption, gcg_phrases};
use glamm_engine::text::grounded::{ReplyEvent, ReplyParser};
use glamm_engine::text::tokenizer::Tokenizer;
use glamm_tests::golden::Set;
use glamm_tests::table::{Failed, Outcome, equal};
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

fn load(directory: &Path) -> Result<Tokenizer, Failed> {
    let model = fs::read(directory.join("tokenizer.model"))?;
    let added = fs::read_to_string(directory.join("added_tokens.json"))?;
    Tokenizer::new(&model, &added).map_err(|(file, reason)| format!("{file}: {reason}").into())
}

/// `None` where a golden set from elsewhere has no tokenizer cases.
fn tokenizer_and_cases(set: Set) -> Result<Option<(Tokenizer, TokenizerCases)>, Failed> {
    if let Some(elsewhere) = env::var_os("GLAMM_TOKENIZER_DIR").map(PathBuf::from) {
        let cases = fs::read_to_string(elsewhere.join("tokenizer_cases.json"))?;
        return Ok(Some((load(&elsewhere)?, serde_json::from_str(&cases)?)));
    }
    let golden = set.open()?;
    let cases = golden.json("tokenizer_cases.json")?;
    golden.check_compared(usize::from(cases.is_some()), "tokenizer cases")?;
    cases.map(|cases| Ok((load(golden.checkpoint_directory())?, cases))).transpose()
}

fn recorded(tokens: &[PromptToken]) -> Vec<i64> {
    tokens.iter().map(|token| token.id().map_or(IMAGE, i64::from)).collect()
}

/// Text to ids.
pub(crate) fn encode(set: Set) -> Outcome {
    let Some((tokenizer, cases)) = tokenizer_and_cases(set)? else { return Ok(()) };
    for (text, &id) in &cases.added_tokens {
        equal("added tokens", text, &tokenizer.encode(text), &vec![tokenizer.markers().bos, id])?;
    }
    for case in &cases.cases {
        equal("text to ids", &case.text, &tokenizer.encode(&case.text), &case.ids)?;
        equal("text to ids", &case.text, &tokenizer.encode_bare(&case.text), &case.ids_without_bos)?;
    }
    Ok(())
}

/// Ids to text.
pub(crate) fn decode(set: Set) -> Outcome {
    let Some((tokenizer, cases)) = tokenizer_and_cases(set)? else { return Ok(()) };
    let check = |ids: &[u32], want: &String| equal("ids to text", want, &tokenizer.decode(ids), want);
    for case in &cases.cases {
        check(&case.ids, &case.decoded)?;
        check(&case.ids_without_bos, &case.decoded_without_bos)?;
    }
    cases.decode_only.iter().try_for_each(|case| check(&case.ids, &case.decoded))
}

/// Text with images to ids.
pub(crate) fn image_prompts(set: Set) -> Outcome {
    let Some((tokenizer, cases)) = tokenizer_and_cases(set)? else { return Ok(()) };
    cases.image_prompts.iter().try_for_each(|case| {
        let tokens = encode_with_images(&tokenizer, &case.prompt, usize::MAX);
        equal("text with images to ids", &case.prompt, &recorded(&tokens), &case.ids)
    })
}

/// Conversations to prompts.
pub(crate) fn prompts(set: Set) -> Outcome {
    let golden = set.open()?;
    let tokenizer = golden.checkpoint.tokenizer()?;
    let bbox = i64::from(tokenizer.markers().bbox);
    for case in &golden.manifest.cases {
        let turns = golden.turns(case)?;
        equal("prompt", &case.id, &prompt_text(&turns), &case.prompt)?;
        let prompt = Prompt::new(&tokenizer, &turns)?;
        equal("input_ids", &case.id, &recorded(&prompt.tokens), &case.input_ids)?;
        if let [turn] = &turns[..] {
            let markers = case.input_ids.iter().filter(|&&id| id == bbox).count();
            let wanted = turn.regions[..markers.min(turn.regions.len())].to_vec();
            equal("regions of the prompt", &case.id, &prompt.regions, &wanted)?;
        }
    }
    Ok(())
}

/// Ids of replies to text, phrases and what people see.
pub(crate) fn replies(set: Set) -> Outcome {
    let golden = set.open()?;
    let tokenizer = golden.checkpoint.tokenizer()?;
    for case in &golden.manifest.cases {
        let prompt = Prompt::new(&tokenizer, &golden.turns(case)?)?;
        let raw = reply_text(&tokenizer, &prompt.tokens, &case.answer_ids);
        equal("reply", &case.id, &raw, &case.text_output)?;
        equal("GCG caption", &case.id, &gcg_caption(&raw), &case.gcg_caption)?;
        equal("GCG phrases", &case.id, &gcg_phrases(&raw), &case.gcg_phrases)?;

        let mut parser = ReplyParser::new(&tokenizer);
        let mut told = String::new();
        for event in case.answer_ids.iter().flat_map(|&id| parser.push(id)) {
            if let ReplyEvent::Text(text) = event {
                told.push_str(&text);
            }
        }
        let Reply { text, groundings, .. } = parser.into_reply(raw);
        equal("text of events", &case.id, &told, &text)?;
        equal("masks of a reply", &case.id, &groundings.len(), &case.text_output.matches("[SEG]").count())?;
        // The official caption leaves a blank before punctuation; ours for people does not.
        let squeeze = |text: &str| text.replace(" .", ".").replace(" ,", ",");
        equal("text for people", &case.id, &squeeze(&text), &squeeze(&case.gcg_caption))?;
        let words: Vec<char> = text.chars().collect();
        let phrases: Vec<String> = groundings
            .iter()
            .filter(|grounding| !grounding.span.is_empty())
            .map(|grounding| words[grounding.span.clone()].iter().collect())
            .collect();
        if phrases.len() == case.gcg_phrases.len() {
            equal("grounded phrases", &case.id, &phrases, &case.gcg_phrases)?;
        }
    }
    Ok(())
}
