//! GGUF, the file format of llama.cpp, version 3: one file for all of a model.
//!
//! ```text
//! "GGUF" | version u32 | tensors u64 | entries u64
//! entries:  key string | type u32 | value
//! tensors:  name string | dimensions u32 | dimension u64 … (fastest first) | type u32 | offset u64
//! padding to the alignment | contents, each from a multiple of the alignment on
//! ```
//!
//! All numbers are little-endian; a string is its length in bytes (u64) and UTF-8. `GGUF.md` beside
//! the crate's manifest says which entries and tensors a file of GLaMM has.

mod read;
mod value;
mod write;

pub use read::{Gguf, GgufTensor};
pub use value::Value;
pub use write::{GgufLayout, GgufWriter};

use crate::model::format::Format;

const MAGIC: &[u8; 4] = b"GGUF";
const VERSION: u32 = 3;
/// Contents of tensors begin at multiples of this, where the file does not say otherwise.
const ALIGNMENT: u64 = 32;
const ALIGNMENT_KEY: &str = "general.alignment";

/// GGML's number of a format.
fn type_number(format: Format) -> u32 {
    match format {
        Format::F32 => 0,
        Format::F16 => 1,
        Format::Q4_0 => 2,
        Format::Q5_0 => 6,
        Format::Q8_0 => 8,
        Format::Q4K => 12,
        Format::Q5K => 13,
        Format::Q6K => 14,
        Format::BF16 => 30,
    }
}

fn format_of_number(number: u32) -> Option<Format> {
    Format::ALL.into_iter().find(|&format| type_number(format) == number)
}

#[cfg(test)]
mod tests;
