//! A GGUF file: entries, table of tensors, every tensor.
#![no_main]

use glamm_engine::checkpoint::probe;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    drop(probe::weights("x.gguf", data.to_vec()));
});
