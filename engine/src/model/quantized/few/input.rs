//! Rows of input in eight bits, in the order in which the kernels meet the columns.

use crate::model::quantized::rounding::round;

/// Columns of a block whose own scales are whole numbers.
pub(super) const SUPER_BLOCK: usize = 256;
/// Columns of any other block.
const BLOCK: usize = 32;

/// [`SUPER_BLOCK`] numbers, rounded.
#[derive(Debug, Clone)]
#[repr(align(64))]
pub(in crate::model::quantized) struct SuperBlock {
    pub(super) bytes: [i8; SUPER_BLOCK],
    /// Sums of the bytes of each 16 columns.
    pub(super) sums: [i16; SUPER_BLOCK / 16],
    /// What a byte of 1 stands for.
    pub(super) scale: f32,
}

impl SuperBlock {
    /// A row of input. Half bytes of `q4_k` and `q5_k` lie such that 64
    /// bytes hold columns 0 to 31 and 64 to 95, and in their upper halves the others of 128: bytes
    /// of the input are put in the same order if they are to be `crossed`.
    pub(super) fn row(x: &[f32], crossed: bool) -> Vec<Self> {
        let block = |x: &[f32; SUPER_BLOCK]| {
            let (mut bytes, scale) = round(x);
            let mut sums = [0; SUPER_BLOCK / 16];
            for (sum, bytes) in sums.iter_mut().zip(bytes.as_chunks::<16>().0) {
                *sum = bytes.iter().map(|&byte| i16::from(byte)).sum();
            }
            if crossed {
                for bytes in bytes.as_chunks_mut::<128>().0 {
                    let (left, right) = bytes.split_at_mut(64);
                    left[32..].swap_with_slice(&mut right[..32]);
                }
            }
            Self { bytes, sums, scale }
        };
        x.as_chunks().0.iter().map(block).collect()
    }
}

/// Two blocks of 32 numbers, rounded.
#[derive(Debug, Clone)]
#[repr(align(64))]
pub(in crate::model::quantized) struct TwoBlocks {
    /// With the same number added to each.
    pub(super) bytes: [u8; 2 * BLOCK],
    /// What a byte of 1 stands for: the scale of the first block eight times, then that of the second.
    pub(super) scales: [f32; 16],
}

impl TwoBlocks {
    /// A row of input, `added` to each byte. Where the number of blocks is odd, the last one is followed by
    /// zeros.
    pub(super) fn row(x: &[f32], added: u8) -> Vec<Self> {
        let mut row = vec![Self { bytes: [added; 64], scales: [0.0; 16] }; x.len().div_ceil(2 * BLOCK)];
        let halves = row.iter_mut().flat_map(|two| {
            let bytes = two.bytes.as_chunks_mut::<BLOCK>().0.iter_mut();
            bytes.zip(two.scales.as_chunks_mut::<8>().0)
        });
        for (x, (bytes, scales)) in x.as_chunks::<BLOCK>().0.iter().zip(halves) {
            let (rounded, scale) = round(x);
            *bytes = rounded.map(|byte| byte.cast_unsigned().wrapping_add(added));
            *scales = [scale; 8];
        }
        row
    }
}
