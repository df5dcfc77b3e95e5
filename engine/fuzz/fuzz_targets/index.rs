//! `model.safetensors.index.json`: which file each tensor is in.
#![no_main]

use glamm_engine::checkpoint::probe::index;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &str| {
    drop(index(data));
});
