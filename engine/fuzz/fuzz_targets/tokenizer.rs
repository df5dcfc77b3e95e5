//! `tokenizer.model` with `added_tokens.json`: both tables, then text into ids and back.
#![no_main]

use glamm_engine::text::tokenizer::Tokenizer;
use libfuzzer_sys::fuzz_target;

const ADDED: &str = r#"{ "<im_start>": 60000, "<im_end>": 60001, "<bbox>": 60002, "<point>": 60003,
    "[SEG]": 60004, "<p>": 60005, "</p>": 60006 }"#;
const TEXT: &str = "<s>The <im_start> image  provides\n<p> a dog </p>[SEG] \u{1F436} \u{0}\u{FFFF}aaaaaaaa";

fuzz_target!(|data: &[u8]| {
    if let Ok(tokenizer) = Tokenizer::new(data, ADDED) {
        let ids = tokenizer.encode(TEXT);
        tokenizer.decode(&ids);
        let all: Vec<u32> = (0..tokenizer.id_limit().min(1000) as u32).collect();
        tokenizer.decode(&all);
    }
});
