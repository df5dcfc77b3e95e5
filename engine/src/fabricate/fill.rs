//! The numbers in fabricated tensors: they depend on the seed and the tensor's name only, so that
//! neither order nor file format matters.

use std::sync::LazyLock;

use candle_core::DType;
use half::bf16;

use super::plan::{Filling, PlannedTensor};
use crate::scenes::rng::SceneRng;

/// Numbers made at a time.
const BLOCK: usize = 1 << 20;
/// Each number takes 16 random bits, and so does the table of what they stand for.
const LEVELS: usize = 1 << 16;

/// Normally distributed numbers, equally probable: Box and Muller's transform of a regular grid.
static NORMAL: LazyLock<Vec<f32>> = LazyLock::new(|| {
    let steps = 1 << 8;
    let center = |i: usize| (i as f32 + 0.5) / steps as f32;
    let grid = (0..LEVELS).map(|i| (center(i / steps), center(i % steps)));
    grid.map(|(u, v)| (-2.0 * u.ln()).sqrt() * (std::f32::consts::TAU * v).cos()).collect()
});

/// The bytes of a tensor in row-major order, little-endian, in blocks.
pub(super) fn blocks(tensor: &PlannedTensor, seed: u64) -> impl Iterator<Item = Vec<u8>> {
    let mut rng = SceneRng::new(seed ^ hash(&tensor.name));
    let (dtype, filling, elements) = (tensor.dtype, tensor.filling, tensor.elements());
    let table = match filling {
        Filling::Normal { mean, deviation } => {
            let numbers = NORMAL.iter().map(|number| mean + deviation * number);
            numbers.flat_map(|number| encode(number.into(), dtype)).collect()
        }
        _ => Vec::new(),
    };
    (0..elements).step_by(BLOCK).map(move |start| {
        let count = BLOCK.min(elements - start);
        match filling {
            Filling::Normal { .. } => draw(&mut rng, &table, count),
            Filling::Positions => (start..start + count).flat_map(|i| encode(i as f64, dtype)).collect(),
            Filling::Frequencies { base } => {
                let frequency = |i: usize| base.powf(-(i as f64) / elements as f64);
                (start..start + count).flat_map(|i| encode(frequency(i), dtype)).collect()
            }
        }
    })
}

/// `count` entries of a table of [`LEVELS`] equally long ones.
fn draw(rng: &mut SceneRng, table: &[u8], count: usize) -> Vec<u8> {
    let size = table.len() / LEVELS;
    let mut out = Vec::with_capacity((count + 3) * size);
    for _ in 0..count.div_ceil(4) {
        let bits = rng.bits();
        for shift in [0, 16, 32, 48] {
            let at = (bits >> shift & 0xffff) as usize * size;
            out.extend_from_slice(&table[at..at + size]);
        }
    }
    out.truncate(count * size);
    out
}

/// Whole numbers below 2⁵³ and fractions alike.
fn encode(number: f64, dtype: DType) -> Vec<u8> {
    match dtype {
        DType::BF16 => bf16::from_f64(number).to_le_bytes().to_vec(),
        DType::I64 => (number as i64).to_le_bytes().to_vec(),
        _ => (number as f32).to_le_bytes().to_vec(),
    }
}

/// FNV-1a.
fn hash(name: &str) -> u64 {
    name.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}
