//! Rows of input in eight bits.

use std::sync::OnceLock;

use crate::model::quantized::rounding::round;
use crate::model::threads;

/// Rows that are multiplied together.
pub(super) const ROWS: usize = 6;

/// Rows of numbers, rounded to bytes in blocks of `BLOCK` with a scale each, in groups of [`ROWS`].
/// Rows that are missing in the last group are 0.
#[derive(Debug)]
pub(in crate::model::quantized) struct Activations<const BLOCK: usize>(Vec<OnceLock<Group<BLOCK>>>);

/// What belongs to a block of bytes of each row.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::model::quantized) struct BlockOfRows {
    /// What a byte of 1 stands for.
    pub(super) scale: [f32; ROWS],
    /// The sum of the numbers that the bytes stand for.
    pub(super) sum: [f32; ROWS],
    /// The sum of the bytes.
    pub(super) byte_sum: [i32; ROWS],
    /// Where sums of products of bytes begin: less the offset of the matrix's elements times that sum.
    pub(super) start: [i32; ROWS],
}

/// Some rows.
#[derive(Debug)]
pub(in crate::model::quantized) struct Group<const BLOCK: usize> {
    /// For each four columns, the four bytes of every row, the first in the lowest bits.
    pub(super) bytes: Vec<[i32; ROWS]>,
    /// For each block of columns.
    pub(super) blocks: Vec<BlockOfRows>,
}

impl<const BLOCK: usize> Activations<BLOCK> {
    /// Rounds `x` `[rows, columns]`; `columns` are a multiple of `BLOCK`. `offset` is to be taken off all
    /// bytes of the matrix that it will be multiplied with.
    pub(super) fn new(x: &[f32], columns: usize, offset: i32) -> Self {
        let parts: Vec<&[f32]> = x.chunks(ROWS * columns).collect();
        let groups: Vec<_> = parts.iter().map(|_| OnceLock::new()).collect();
        threads::divide(parts.len(), |range| {
            for index in range {
                groups[index].get_or_init(|| Group::new(parts[index], columns, offset));
            }
        });
        Self(groups)
    }

    pub(super) fn groups(&self) -> impl ExactSizeIterator<Item = &Group<BLOCK>> + Clone {
        let empty = const { &Group { bytes: Vec::new(), blocks: Vec::new() } };
        self.0.iter().map(move |group| group.get().unwrap_or(empty))
    }
}

impl<const BLOCK: usize> Group<BLOCK> {
    fn new(x: &[f32], columns: usize, offset: i32) -> Self {
        let mut bytes = vec![[0; ROWS]; columns / 4];
        let mut blocks = vec![BlockOfRows::default(); columns / BLOCK];
        for (row, x) in x.chunks_exact(columns).enumerate() {
            let of_blocks = bytes.chunks_exact_mut(BLOCK / 4).zip(&mut blocks);
            for (x, (bytes, block)) in x.as_chunks::<BLOCK>().0.iter().zip(of_blocks) {
                round_block(x, row, bytes, block);
            }
        }
        for block in &mut blocks {
            block.start = block.byte_sum.map(|sum| -offset * sum);
        }
        Self { bytes, blocks }
    }
}

fn round_block<const BLOCK: usize>(
    x: &[f32; BLOCK],
    row: usize,
    bytes: &mut [[i32; ROWS]],
    block: &mut BlockOfRows,
) {
    let (rounded, scale) = round(x);
    let sum: i32 = rounded.iter().map(|&byte| i32::from(byte)).sum();
    for (place, four) in bytes.iter_mut().zip(rounded.as_chunks::<4>().0) {
        place[row] = i32::from_le_bytes(four.map(i8::cast_unsigned));
    }
    block.scale[row] = scale;
    block.sum[row] = scale * sum as f32;
    block.byte_sum[row] = sum;
}
