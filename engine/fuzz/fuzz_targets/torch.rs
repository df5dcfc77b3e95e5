//! A `.bin` file of `torch.save`: zip directory, pickle, every tensor.
#![no_main]

use glamm_engine::checkpoint::probe;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    // The archive as it is, and the same bytes as the pickle of a well-formed archive.
    drop(probe::weights("x.bin", data.to_vec()));
    drop(probe::weights("x.bin", probe::torch_archive(data)));
});
