//! How much memory a model needs, before anything of it is loaded; [`machine`]: what there is of it.
//!
//! Weights are counted tensor by tensor from the list that the model itself would ask for, in the
//! order in which it asks, so the figure cannot disagree with the model: with the formats that a
//! checkpoint's own headers state ([`crate::checkpoint::Checkpoint::memory_plan`]), or for sizes alone
//! as such models are published. What computing takes besides is counted by the tensors that are held
//! together at the widest place of each pass.
//!
//! The figures for the CPU are tested against what is really allocated (`engine/tests/memory.rs`): the
//! weights of a model of 200 million numbers to 0.1 %, the whole to 1 %, computing alone to 4 %. Those for
//! a GPU follow from the same lists and were measured on none.

pub mod machine;

use crate::error::without_backtrace;
use crate::generate::PREFILL_CHUNK;
use crate::manifest::{Manifest, TensorSpec, expected_tensors};
use crate::model::backend::Backend;
use crate::model::config::GlammConfig;
use crate::model::format::Format;
use crate::model::matrix::packed_together;
use crate::model::part::ModelPart;
use crate::precision::Precision;
pub use machine::{Fit, Machine};

/// Positions of the image, a question and its answer, for which room is counted.
pub const POSITIONS: u64 = 1024;

/// The precisions that are counted, from the largest to the smallest. The two of sixteen bits take the
/// same.
pub const COUNTED: [Precision; 6] =
    [Precision::F32, Precision::F16, Precision::Q8_0, Precision::Q6K, Precision::Q5K, Precision::Q4K];

/// What a model takes, as a list shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryNeed {
    /// Its weights.
    pub weight_bytes: u64,
    /// What loading or computing takes at most besides.
    pub working_bytes: u64,
}

impl MemoryNeed {
    /// Both.
    pub fn total_bytes(self) -> u64 {
        self.weight_bytes + self.working_bytes
    }
}

/// What a model takes, in parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryPlan {
    /// The weights of each part, in the order of [`ModelPart::ALL`].
    pub parts: [u64; ModelPart::ALL.len()],
    /// Of the weights, what is used where it lies in a file: the system keeps as much of it in memory as there
    /// is room for.
    pub mapped_bytes: u64,
    /// The most that is allocated at once while weights are read, these included.
    pub loading_bytes: u64,
    /// What the widest pass of an encoder holds besides weights.
    pub encoding_bytes: u64,
    /// Keys and values of [`POSITIONS`] positions.
    pub cache_bytes: u64,
    /// What reading a prompt of so many positions holds besides weights, keys and values.
    pub reading_bytes: u64,
}

/// How a tensor of a checkpoint is stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stored {
    /// In which format.
    pub(crate) format: Format,
    /// Whether a matrix that stays as it is stored is used where it lies in the file.
    pub(crate) mapped: bool,
}

impl MemoryPlan {
    /// Of a model of these sizes that is stored as such models are published.
    #[cfg(test)]
    fn of_sizes(config: &GlammConfig, precision: Precision, backend: Backend) -> Result<Self, String> {
        let tensors = expected_tensors(config).map_err(|error| without_backtrace(&error))?;
        Ok(Self::of_tensors(config, &tensors, precision, backend))
    }

    fn of_tensors(config: &GlammConfig, tensors: &Manifest, precision: Precision, backend: Backend) -> Self {
        let stored = Stored { format: Format::BF16, mapped: false };
        Self::new(config, tensors, (Some(precision), backend), |_| stored)
    }

    pub(crate) fn new(
        config: &GlammConfig,
        tensors: &Manifest,
        (precision, backend): (Option<Precision>, Backend),
        stored: impl Fn(&TensorSpec) -> Stored,
    ) -> Self {
        let (mut parts, mut held, mut loading_bytes) = ([0; ModelPart::ALL.len()], 0, 0);
        let mut mapped_bytes = 0;
        let numbers = number_bytes(precision, backend);
        let mut remembered = numbers;
        // CLIP is loaded first.
        for spec in tensors.clip.iter().chain(&tensors.glamm).filter(|spec| spec.is_read()) {
            let kept = Kept::new(spec, stored(spec), precision, backend);
            *if kept.mapped { &mut mapped_bytes } else { &mut held } += kept.bytes;
            loading_bytes = loading_bytes.max(held + kept.reading_bytes());
            parts[ModelPart::of(&spec.name) as usize] += kept.bytes;
            if kept.packed && ModelPart::of(&spec.name) == ModelPart::LanguageModel {
                remembered = 2;
            }
        }
        Self {
            parts,
            mapped_bytes,
            loading_bytes,
            encoding_bytes: global_pass(config, numbers)
                .max(grounding_pass(config, backend))
                .max(region_pass(config, numbers, backend)),
            cache_bytes: keys_and_values(config, POSITIONS, remembered),
            reading_bytes: language_pass(config, numbers, backend)
                + numbers * region_levels(config).sum::<u64>(),
        }
    }

    /// All weights.
    pub fn weight_bytes(&self) -> u64 {
        self.parts.iter().sum()
    }

    /// Of the weights, what is allocated.
    pub fn owned_bytes(&self) -> u64 {
        self.weight_bytes() - self.mapped_bytes
    }

    /// The most that computing holds besides weights, for one picture and a question.
    pub fn computing_bytes(&self) -> u64 {
        self.encoding_bytes.max(self.cache_bytes + self.reading_bytes)
    }

    /// The most that is allocated at once, while loading or while computing.
    pub fn owned_peak_bytes(&self) -> u64 {
        self.loading_bytes.max(self.owned_bytes() + self.computing_bytes())
    }

    /// The same with all that is used where it lies in a file.
    pub fn peak_bytes(&self) -> u64 {
        self.mapped_bytes + self.owned_peak_bytes()
    }

    /// In short.
    pub fn need(&self) -> MemoryNeed {
        let weight_bytes = self.weight_bytes();
        MemoryNeed { weight_bytes, working_bytes: self.peak_bytes() - weight_bytes }
    }
}

/// One tensor in memory.
struct Kept {
    elements: u64,
    bytes: u64,
    stored: Format,
    /// A matrix in a format of its own.
    packed: bool,
    /// Used where it lies in the file.
    mapped: bool,
    backend: Backend,
}

impl Kept {
    fn new(spec: &TensorSpec, stored: Stored, precision: Option<Precision>, backend: Backend) -> Self {
        let Stored { format: stored, mapped } = stored;
        let elements: usize = spec.shape.iter().product();
        let columns = spec.shape.last().copied().unwrap_or(1);
        let format = Precision::kept_as(precision, (&spec.name, columns), stored);
        let dense =
            !spec.is_matrix() || format == Format::F32 || format.is_float() && backend != Backend::Cpu;
        let single = ModelPart::of(&spec.name).is_in_single_precision();
        let number = if single { 4 } else { number_bytes(precision, backend) };
        let bytes = if dense { elements as u64 * number } else { format.bytes(elements) as u64 };
        let (elements, packed) = (elements as u64, !dense);
        let mapped = mapped && packed && format == stored && backend == Backend::Cpu;
        Self { elements, bytes, stored, packed, mapped, backend }
    }

    /// What reading it takes besides, for a moment: it is copied as stored, widened to 32 bits, packed.
    /// What is not kept on the CPU is prepared there.
    fn reading_bytes(&self) -> u64 {
        if self.mapped || self.backend != Backend::Cpu {
            return 0;
        }
        let copied = self.stored.bytes(self.elements as usize) as u64;
        let widened = 4 * self.elements;
        if self.packed {
            let together = self.bytes * self.elements.min(packed_together() as u64) / self.elements.max(1);
            (copied + widened).saturating_sub(self.bytes).max(widened + together)
        } else if self.bytes == copied {
            0
        } else {
            copied
        }
    }
}

/// Bytes of a number in what is not computed in single precision everywhere; see
/// [`crate::device::compute_dtype`].
fn number_bytes(precision: Option<Precision>, backend: Backend) -> u64 {
    if backend == Backend::Cpu || precision == Some(Precision::F32) { 4 } else { 2 }
}

/// What a model of these sizes takes in each of [`COUNTED`] on such a processor.
///
/// # Errors
/// Why there is no such model.
pub fn needs(config: &GlammConfig, backend: Backend) -> Result<Vec<(Precision, MemoryNeed)>, String> {
    let tensors = expected_tensors(config).map_err(|error| without_backtrace(&error))?;
    let need = |precision| MemoryPlan::of_tensors(config, &tensors, precision, backend).need();
    Ok(COUNTED.into_iter().map(|precision| (precision, need(precision))).collect())
}

/// Of so many positions, each number in so many bytes: two where matrices are kept in fewer bits than are
/// computed in, see [`crate::model::llm::Llama::new_cache`].
pub(crate) fn keys_and_values(config: &GlammConfig, positions: u64, number: u64) -> u64 {
    let llm = &config.llm;
    2 * number * (llm.num_hidden_layers * llm.kv_heads() * llm.head_dim()) as u64 * positions
}

/// CLIP keeps every hidden state; the widest place is its MLP, before and after a bias, or attention.
fn global_pass(config: &GlammConfig, number: u64) -> u64 {
    let clip = &config.global_encoder;
    let (tokens, width) = (clip.patches() as u64 + 1, clip.hidden_size as u64);
    let states = (clip.num_hidden_layers as u64 + 1) * tokens * width;
    let mlp = tokens * (2 * width + 2 * clip.intermediate_size as u64);
    let attention = tokens * (6 * width + clip.num_attention_heads as u64 * tokens);
    number * (states + mlp.max(attention))
}

/// SAM's widest place is its MLP over the whole grid, before and after its activation, and beside it; or
/// the attention weights that are computed together. The CPU takes the MLP in strips, and holds most
/// between input, norm, queries, keys, values and what attention makes of them.
fn grounding_pass(config: &GlammConfig, backend: Backend) -> u64 {
    let grounding = &config.grounding;
    let tokens = (grounding.grid() * grounding.grid()) as u64;
    let hidden = (grounding.encoder_embed_dim as f64 * grounding.mlp_ratio) as u64;
    let all_heads = tokens * tokens * grounding.encoder_num_heads as u64;
    if backend == Backend::Cpu {
        return 4 * tokens * 6 * grounding.encoder_embed_dim as u64;
    }
    3 * 4 * (tokens * hidden).max(all_heads.min(backend.attention_elements() as u64))
}

/// The region encoder's widest place is the fusion of its largest level: all levels before and after,
/// the channels put together, and the norm's steps. A GPU also lays out the patches of the convolution.
fn region_pass(config: &GlammConfig, number: u64, backend: Backend) -> u64 {
    let (largest, all) = (region_levels(config).max().unwrap_or(0), region_levels(config).sum::<u64>());
    let patches = if backend == Backend::Cpu { 0 } else { 9 * largest };
    number * (2 * all + 4 * largest + patches)
}

/// Elements of the region encoder's feature maps, the largest first: each has twice the side of the next.
fn region_levels(config: &GlammConfig) -> impl Iterator<Item = u64> {
    let (grid, levels) = (config.global_encoder.grid() as u64, config.region_encoder.strides.len());
    let channels = config.region_encoder.embed_dims as u64;
    (0..levels).rev().map(move |doublings| channels * (grid << doublings).pow(2))
}

/// The language model's widest place in a stretch of the prompt: attention weights before and after
/// their mask where they are held at all, or its MLP.
fn language_pass(config: &GlammConfig, number: u64, backend: Backend) -> u64 {
    let llm = &config.llm;
    let rows = POSITIONS.min(PREFILL_CHUNK as u64);
    let held = backend.holds_attention_weights(llm.head_dim());
    let weights = if held { 2 * 4 * llm.num_attention_heads as u64 * rows * POSITIONS } else { 0 };
    let mlp = 3 * number * rows * llm.intermediate_size as u64;
    let logits = 4 * llm.vocab_size as u64;
    5 * number * rows * llm.hidden_size as u64 + weights.max(mlp).max(logits)
}

/// Bytes that the weights take as they are published: the grounding encoder and the projection into
/// it in 32 bits, the rest in 16.
///
/// # Errors
/// Why there is no such model.
pub fn published_bytes(config: &GlammConfig) -> Result<u64, String> {
    let tensors = expected_tensors(config).map_err(|error| without_backtrace(&error))?;
    let bytes = tensors.glamm.iter().map(|spec| {
        let elements: u64 = spec.shape.iter().map(|&side| side as u64).product();
        elements * if ModelPart::of(&spec.name).is_in_single_precision() { 4 } else { 2 }
    });
    Ok(bytes.sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::released;

    fn plan(precision: Precision, backend: Backend) -> MemoryPlan {
        MemoryPlan::of_sizes(&released::config().unwrap(), precision, backend).unwrap()
    }

    #[test]
    fn the_released_model_has_the_size_that_its_files_have() {
        // 9.98 GB and 6.78 GB, as the hub shows them.
        let bytes = published_bytes(&released::config().unwrap()).unwrap();
        assert!((bytes as f64 / 16.76e9 - 1.0).abs() < 0.01, "{bytes}");
    }

    #[test]
    fn less_precise_is_smaller() {
        for backend in [Backend::Cpu, Backend::Cuda] {
            let needs = needs(&released::config().unwrap(), backend).unwrap();
            let gigabytes: Vec<f64> = needs.iter().map(|(_, need)| need.weight_bytes as f64 / 1e9).collect();
            assert!(needs.is_sorted_by(|(_, one), (_, next)| one.weight_bytes > next.weight_bytes));
            assert!(gigabytes[0] > 30.0 && gigabytes[5] < 6.5, "{gigabytes:?}");
        }
        // Nearly all weights are in matrices; the rest stays in 32 bits.
        let bytes = |precision| plan(precision, Backend::Cpu).weight_bytes() as f64;
        assert!((bytes(Precision::F32) / bytes(Precision::F16) - 2.0).abs() < 0.05);
    }

    #[test]
    fn a_gpu_holds_most_in_16_bits_and_masks_in_32() {
        let (cpu, gpu) = (plan(Precision::F16, Backend::Cpu), plan(Precision::F16, Backend::Cuda));
        assert_eq!(gpu.cache_bytes, cpu.cache_bytes);
        assert_eq!(2 * gpu.cache_bytes, plan(Precision::F32, Backend::Cpu).cache_bytes);
        for part in ModelPart::ALL {
            let (here, there) = (cpu.parts[part as usize], gpu.parts[part as usize]);
            // Vectors are in 32 bits on the CPU.
            let twice = (there as f64 / here as f64 - 2.0).abs() < 0.1;
            assert_eq!(twice, part.is_in_single_precision() && part != ModelPart::PixelDecoder, "{part:?}");
        }
        let (cpu, gpu) = (plan(Precision::F32, Backend::Cpu), plan(Precision::F32, Backend::Cuda));
        assert_eq!((cpu.parts, cpu.cache_bytes), (gpu.parts, gpu.cache_bytes));
    }

    #[test]
    fn the_peak_is_while_loading_or_while_computing() {
        let plan = plan(Precision::F32, Backend::Cpu);
        assert_eq!(plan.cache_bytes, 1 << 30);
        assert!(plan.loading_bytes > plan.weight_bytes());
        assert_eq!(plan.peak_bytes(), plan.weight_bytes() + plan.cache_bytes + plan.reading_bytes);
        assert!(plan.encoding_bytes > 900_000_000, "the region encoder's largest level");
        assert_eq!(plan.need().total_bytes(), plan.peak_bytes());
    }
}
