//! A `.safetensors` file: header, every tensor.
#![no_main]

use glamm_engine::checkpoint::probe;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    drop(probe::weights("x.safetensors", data.to_vec()));
});
