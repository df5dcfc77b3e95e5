//! `added_tokens.json` beside a good `tokenizer.model`: the table, then text into ids and back.
#![no_main]

use glamm_engine::text::tokenizer::Tokenizer;
use libfuzzer_sys::fuzz_target;

const MODEL: &[u8] = include_bytes!("../../../tests/golden/public/glamm-tiny/tokenizer.model");

fuzz_target!(|data: &str| {
    if let Ok(tokenizer) = Tokenizer::new(MODEL, data) {
        let ids = tokenizer.encode("<s>The <im_start> image\n<p> a dog </p>[SEG]");
        tokenizer.decode(&ids);
        let last = u32::try_from(tokenizer.id_limit()).unwrap_or(u32::MAX);
        tokenizer.decode(&[0, last.saturating_sub(1), last]);
    }
});
