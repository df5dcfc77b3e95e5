//! How precisely a model is kept: one choice for the whole, and what it means for each matrix.
//!
//! The language model is nine tenths of GLaMM and tolerates few bits; the encoders run once an
//! image and are kept in eight bits at least; the small matrices that regions and masks go through,
//! and the embeddings of tokens, stay in half precision, because single rows of them decide
//! everything (`[SEG]` is one). What is no matrix is never quantised.
//! Called where weights are read ([`crate::checkpoint`]) and written ([`crate::gguf`]).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::model::backend::Backend;
use crate::model::format::Format;

/// This part of what a model takes is left to other programs beside it.
const LEFT_TO_OTHERS: u64 = 16;

/// How precisely the weights of a model are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// All in single precision.
    F32,
    /// All matrices in half precision.
    F16,
    /// The same with the range of single precision.
    Bf16,
    /// Eight bits.
    Q8_0,
    /// Six bits in the language model.
    Q6K,
    /// Five bits in the language model.
    Q5K,
    /// Four bits in the language model.
    Q4K,
}

/// What a matrix is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Language,
    /// From hidden states to logits.
    Output,
    Encoder,
    /// Tables of tokens, projections between parts, the region head.
    Sensitive,
}

impl Role {
    /// By the key of the matrix in the checkpoint, CLIP's keys included.
    fn of(name: &str) -> Self {
        if name.starts_with("model.layers.") {
            Self::Language
        } else if name.starts_with("lm_head.") {
            Self::Output
        } else if name.starts_with("vision_model.encoder.layers.")
            || name.starts_with("model.grounding_encoder.image_encoder.blocks.")
        {
            Self::Encoder
        } else {
            Self::Sensitive
        }
    }
}

impl Precision {
    /// From the most precise to the smallest.
    pub const ALL: [Self; 7] =
        [Self::F32, Self::F16, Self::Bf16, Self::Q8_0, Self::Q6K, Self::Q5K, Self::Q4K];

    /// How the matrix `name` with rows of `columns` elements is kept. Where blocks do not fit the
    /// rows, in the next finer format whose blocks do.
    pub fn format_of(self, name: &str, columns: usize) -> Format {
        let wanted = match (self, Role::of(name)) {
            (Self::F32, _) => Format::F32,
            (Self::Bf16, _) => Format::BF16,
            (Self::F16, _) | (_, Role::Sensitive) => Format::F16,
            (Self::Q8_0, _) | (_, Role::Encoder) => Format::Q8_0,
            (_, Role::Output) | (Self::Q6K, _) => Format::Q6K,
            (Self::Q5K, _) => Format::Q5K,
            (Self::Q4K, _) => Format::Q4K,
        };
        wanted.fitting(columns)
    }

    /// How the matrix `name` is kept where it is stored in blocks or plain numbers of `stored`: what is in
    /// blocks was put into them on purpose, and `None` leaves everything as it is stored.
    pub(crate) fn kept_as(precision: Option<Self>, (name, columns): (&str, usize), stored: Format) -> Format {
        precision.filter(|_| stored.is_float()).map_or(stored, |precision| precision.format_of(name, columns))
    }

    /// The most precise of single, half, eight and four bits in which a model that then takes `peak_of`
    /// bytes at most fits into `free` bytes of memory and leaves something to others; four bits where nothing
    /// does. A GPU computes in half precision what was published so. Where nobody knows what is free, it
    /// gets that, and the CPU the least.
    pub fn fitting(backend: Backend, peak_of: impl Fn(Self) -> u64, free: Option<u64>) -> Self {
        let (choices, free): (&[Self], u64) = match backend {
            Backend::Cpu => (&[Self::F32, Self::F16, Self::Q8_0], free.unwrap_or(0)),
            Backend::Cuda | Backend::Metal => (&[Self::F16, Self::Q8_0], free.unwrap_or(u64::MAX)),
        };
        let fits = |precision: &Self| {
            let peak = peak_of(*precision);
            peak.saturating_add(peak / LEFT_TO_OTHERS) <= free
        };
        choices.iter().copied().find(fits).unwrap_or(Self::Q4K)
    }

    /// Whether matrices are kept in blocks of few bits, which no other precision is made from.
    pub fn is_quantised(self) -> bool {
        matches!(self, Self::Q8_0 | Self::Q6K | Self::Q5K | Self::Q4K)
    }

    /// The name of it on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::Q8_0 => "q8_0",
            Self::Q6K => "q6k",
            Self::Q5K => "q5k",
            Self::Q4K => "q4k",
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Precision {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = text.to_ascii_lowercase().replace(['-', '_'], "");
        let same = |precision: &Self| precision.name().replace('_', "") == wanted;
        Self::ALL.into_iter().find(same).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("{text:?} is no precision; there are {names}")
        })
    }
}

/// How the matrices of a model are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeptAs {
    /// All as one precision says.
    Precision(Precision),
    /// Each as its file has it.
    AsStored,
}

impl KeptAs {
    /// The one precision, where there is one.
    pub fn precision(self) -> Option<Precision> {
        match self {
            Self::Precision(precision) => Some(precision),
            Self::AsStored => None,
        }
    }
}

impl From<Option<Precision>> for KeptAs {
    fn from(precision: Option<Precision>) -> Self {
        precision.map_or(Self::AsStored, Self::Precision)
    }
}

impl fmt::Display for KeptAs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Precision(precision) => precision.fmt(f),
            Self::AsStored => f.write_str("as stored"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_has_its_format() {
        let q4k = |name, columns| Precision::Q4K.format_of(name, columns);
        assert_eq!(q4k("model.layers.3.self_attn.q_proj.weight", 4096), Format::Q4K);
        assert_eq!(q4k("model.layers.3.self_attn.q_proj.weight", 192), Format::Q5_0);
        assert_eq!(q4k("lm_head.weight", 4096), Format::Q6K);
        assert_eq!(q4k("model.embed_tokens.weight", 4096), Format::F16);
        assert_eq!(q4k("vision_model.encoder.layers.0.mlp.fc1.weight", 1024), Format::Q8_0);
        assert_eq!(q4k("model.grounding_encoder.image_encoder.blocks.0.attn.qkv.weight", 1280), Format::Q8_0);
        assert_eq!(q4k("model.mm_projector.0.weight", 1024), Format::F16);
        assert_eq!(Precision::F32.format_of("model.layers.0.mlp.up_proj.weight", 7), Format::F32);
    }

    #[test]
    fn memory_decides() {
        let elements = 4096 * 4096;
        let peak_of = |precision: Precision| {
            precision.format_of("model.layers.0.mlp.up_proj.weight", 4096).bytes(elements as usize) as u64
        };
        let fitting = |backend, free| Precision::fitting(backend, peak_of, free);
        for backend in [Backend::Cpu, Backend::Cuda, Backend::Metal] {
            let most = if backend == Backend::Cpu { Precision::F32 } else { Precision::F16 };
            assert_eq!(fitting(backend, Some(1 << 40)), most);
            assert_eq!(fitting(backend, Some(4 * elements)), Precision::F16, "something is left to others");
            assert_eq!(fitting(backend, Some(2 * elements)), Precision::Q8_0);
            assert_eq!(fitting(backend, Some(0)), Precision::Q4K);
        }
        assert_eq!(fitting(Backend::Cpu, None), Precision::Q4K);
        assert_eq!(fitting(Backend::Cuda, None), Precision::F16);
    }

    #[test]
    fn names_are_read_back() {
        for precision in Precision::ALL {
            assert_eq!(precision.to_string().parse(), Ok(precision));
            assert_eq!(serde_json::json!(precision), precision.name());
            assert_eq!(KeptAs::from(Some(precision)).to_string(), precision.name());
        }
        assert_eq!("Q4_K".parse(), Ok(Precision::Q4K));
        assert!("q3k".parse::<Precision>().is_err());
    }
}
