//! Products of few rows of input with a matrix in blocks: a token of a reply, a short question.
//! Called by [`super::multiply`]; [`vnni`] and [`avx2`] have the kernels.
//!
//! One row of input needs every byte of the matrix once, so the memory sets the pace, and all that
//! counts is not to keep it waiting: each core goes straight through stretches of the matrix as it is
//! stored, and unpacks in registers. Input is rounded to eight
//! bits in the blocks that the format has: 256 columns where scales within a block are whole
//! numbers (`super_blocks`), else 32 (`blocks`).

#![expect(unsafe_code, reason = "kernels for processors that have been asked what they can")]

mod avx2;
mod input;
mod vnni;

use input::{SuperBlock, TwoBlocks};

use super::processor::Processor;
use super::stored::StoredMatrix;
use crate::model::format::Format;
use crate::model::threads;

/// Bytes of the matrix that a core takes at a time.
const SHARE: usize = 1 << 16;
/// Matrices of so many bytes are multiplied before another core would have begun.
const SMALL: usize = 1 << 17;
/// Rows of input that blocks are unpacked for at once: their sums stay in registers.
const TOGETHER: usize = 4;

/// What some processors multiply blocks with as they are stored.
pub(super) trait Kernel: Processor {
    /// Whether bytes of the input are [crossed](SuperBlock::row) for half bytes.
    const CROSSED: bool;
    /// What is added to bytes of the input in blocks of 32.
    const ADDED: u8;

    /// Products of the rows of a share, in a `format` in blocks of 256, with `inputs`.
    ///
    /// # Safety
    /// The processor is available.
    unsafe fn multiply_super_blocks(format: Format, share: Share<'_>, inputs: &[Vec<SuperBlock>]);

    /// The same in blocks of 32.
    ///
    /// # Safety
    /// The processor is available.
    unsafe fn multiply_blocks(format: Format, share: Share<'_>, inputs: &[Vec<TwoBlocks>]);
}

/// Some rows of the matrix, and room for their products.
pub(super) struct Share<'a> {
    stored: &'a [u8],
    row_bytes: usize,
    /// `[rows of the matrix, rows of input]`.
    products: &'a mut [f32],
}

impl<'a> Share<'a> {
    /// Each row of the matrix with its products.
    fn rows(&mut self) -> impl Iterator<Item = (&'a [u8], &mut [f32])> {
        let rows = self.stored.chunks_exact(self.row_bytes);
        let width = self.products.len() / rows.len().max(1);
        rows.zip(self.products.chunks_exact_mut(width.max(1)))
    }
}

/// Defines `multiply_rows`: the rows of a share with `inputs`, [`TOGETHER`] of them at a time, by the
/// `multiply_row` and of what `unpack` makes of a block that are there. A macro, so that each is compiled for
/// these instructions as a whole.
macro_rules! multiply_rows {
    ($features:tt, $input:ty, $unpacked:ty) => {
        #[target_feature(enable = $features)]
        #[inline]
        fn multiply_rows<const SIZE: usize>(
            mut share: Share<'_>,
            inputs: &[Vec<$input>],
            unpack: impl Fn(&[u8; SIZE]) -> $unpacked,
        ) {
            use crate::model::quantized::few::TOGETHER;
            for (stored, products) in share.rows() {
                let stored = stored.as_chunks().0;
                for (inputs, products) in inputs.chunks(TOGETHER).zip(products.chunks_mut(TOGETHER)) {
                    match inputs {
                        [a] => products.copy_from_slice(&multiply_row(stored, [a], &unpack)),
                        [a, b] => products.copy_from_slice(&multiply_row(stored, [a, b], &unpack)),
                        [a, b, c] => products.copy_from_slice(&multiply_row(stored, [a, b, c], &unpack)),
                        [a, b, c, d] => {
                            products.copy_from_slice(&multiply_row(stored, [a, b, c, d], &unpack));
                        }
                        _ => {}
                    }
                }
            }
        }
    };
}
use multiply_rows;

/// `x` `[rows, columns]` times the transpose of `matrix`, into `product` `[rows, outputs]`. Whether the
/// processor is available was asked before.
pub(super) fn multiply<K: Kernel>(matrix: &StoredMatrix<'_>, x: &[f32], product: &mut [f32]) {
    let format = matrix.format;
    let inputs = x.chunks_exact(matrix.columns);
    if format.block() == input::SUPER_BLOCK {
        let crossed = K::CROSSED && matches!(format, Format::Q4K | Format::Q5K);
        let inputs: Vec<_> = inputs.map(|row| SuperBlock::row(row, crossed)).collect();
        in_shares(matrix, product, |share| {
            // SAFETY: whether the processor is available was asked.
            unsafe { K::multiply_super_blocks(format, share, &inputs) }
        });
    } else {
        let inputs: Vec<_> = inputs.map(|row| TwoBlocks::row(row, K::ADDED)).collect();
        in_shares(matrix, product, |share| {
            // SAFETY: whether the processor is available was asked.
            unsafe { K::multiply_blocks(format, share, &inputs) }
        });
    }
}

/// Has all cores work through the rows of the matrix.
fn in_shares(matrix: &StoredMatrix<'_>, product: &mut [f32], multiply: impl Fn(Share<'_>) + Sync) {
    let row_bytes = matrix.format.bytes(matrix.columns);
    let rows = product.len() / matrix.rows;
    let mut products = vec![0.0; product.len()];
    if matrix.stored.len() <= SMALL {
        multiply(Share { stored: matrix.stored, row_bytes, products: &mut products });
    } else {
        let together = (SHARE / row_bytes).max(1);
        threads::each_chunk_mut(&mut products, together * rows, |index, products| {
            let stored = &matrix.stored[index * together * row_bytes..][..products.len() / rows * row_bytes];
            multiply(Share { stored, row_bytes, products });
        });
    }
    for (output, products) in products.chunks_exact(rows).enumerate() {
        for (row, value) in product.chunks_exact_mut(matrix.rows).zip(products) {
            row[output] = *value;
        }
    }
}

#[cfg(test)]
mod tests;
