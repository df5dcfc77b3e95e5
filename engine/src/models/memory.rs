//! How much memory a model needs, before anything of it is loaded: from its sizes alone.
//!
//! Weights are counted tensor by tensor from the list that the model itself would ask for, so the
//! figure cannot disagree with the model. What computing takes besides is an estimate, of the two
//! things that dominate it: the memory of a conversation, and the grounding encoder's widest layer.

use crate::checkpoint::manifest::expected_tensors;
use crate::error::without_backtrace;
use crate::model::config::GlammConfig;
use crate::model::grounding_encoder::ATTENTION_ELEMENTS;
use crate::precision::Precision;

/// Positions of the image, a question and its answer, for which room is counted.
const POSITIONS: u64 = 1024;

/// The precisions that are counted, from the largest to the smallest. The two of sixteen bits take the
/// same.
pub const COUNTED: [Precision; 6] =
    [Precision::F32, Precision::F16, Precision::Q8_0, Precision::Q6K, Precision::Q5K, Precision::Q4K];

/// What a model takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryNeed {
    /// Its weights.
    pub weight_bytes: u64,
    /// What computing takes at most besides: an estimate.
    pub working_bytes: u64,
}

impl MemoryNeed {
    /// Both.
    pub fn total_bytes(self) -> u64 {
        self.weight_bytes + self.working_bytes
    }
}

/// What a model of these sizes takes in each of [`COUNTED`].
///
/// # Errors
/// Why there is no such model.
pub fn needs(config: &GlammConfig) -> Result<Vec<(Precision, MemoryNeed)>, String> {
    let tensors = expected_tensors(config).map_err(|error| without_backtrace(&error))?;
    let working_bytes = working_bytes(config);
    let of = |precision: Precision| {
        (precision, MemoryNeed { weight_bytes: precision.memory(&tensors), working_bytes })
    };
    Ok(COUNTED.map(of).to_vec())
}

/// Keys and values of a question about an image with its answer, and what the widest layer of the
/// grounding encoder takes (inside the MLP, before and after its activation, and beside it): in 32 bits,
/// in which the CPU computes whatever the weights are in.
fn working_bytes(config: &GlammConfig) -> u64 {
    let llm = &config.llm;
    let cache = 2 * 4 * (llm.num_hidden_layers * llm.kv_heads() * llm.head_dim()) as u64 * POSITIONS;
    let grounding = &config.grounding;
    let tokens = (grounding.grid() * grounding.grid()) as u64;
    let hidden = (grounding.encoder_embed_dim as f64 * grounding.mlp_ratio) as u64;
    let all_heads = tokens * tokens * grounding.encoder_num_heads as u64;
    let widest = (tokens * hidden).max(all_heads.min(ATTENTION_ELEMENTS as u64));
    cache + 3 * 4 * widest
}

/// Bytes that the weights take as they are published: the grounding encoder and the projection into
/// it in 32 bits, the rest in 16.
///
/// # Errors
/// Why there is no such model.
pub fn published_bytes(config: &GlammConfig) -> Result<u64, String> {
    let tensors = expected_tensors(config).map_err(|error| without_backtrace(&error))?;
    let in_full = |name: &str| {
        name.starts_with("model.grounding_encoder.") || name.starts_with("model.text_hidden_fcs.")
    };
    let bytes = tensors.glamm.iter().map(|spec| {
        let elements: u64 = spec.shape.iter().map(|&side| side as u64).product();
        elements * if in_full(&spec.name) { 4 } else { 2 }
    });
    Ok(bytes.sum())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::models::released;

    #[test]
    fn the_released_model_has_the_size_that_its_files_have() {
        // 9.98 GB and 6.78 GB, as the hub shows them.
        let bytes = published_bytes(&released::config().unwrap()).unwrap();
        assert!((bytes as f64 / 16.76e9 - 1.0).abs() < 0.01, "{bytes}");
    }

    #[test]
    fn less_precise_is_smaller() {
        let needs = needs(&released::config().unwrap()).unwrap();
        let gigabytes: Vec<f64> = needs.iter().map(|(_, need)| need.weight_bytes as f64 / 1e9).collect();
        assert!(needs.is_sorted_by(|(_, one), (_, next)| one.total_bytes() > next.total_bytes()));
        // Nearly all weights are in matrices; the rest stays in 32 bits.
        assert!((gigabytes[0] / gigabytes[1] - 2.0).abs() < 0.05, "{gigabytes:?}");
        assert!(gigabytes[0] > 30.0 && gigabytes[5] < 6.5, "{gigabytes:?}");
        // Keys and values, and the MLP over the whole grid.
        assert_eq!(needs[0].1.working_bytes, (1 << 30) + 3 * 4 * 4096 * 5120);
    }
}
