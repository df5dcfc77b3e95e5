//! A matrix as it is stored.

use crate::model::format::Format;

/// A matrix in blocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct StoredMatrix<'a> {
    pub(super) format: Format,
    pub(super) stored: &'a [u8],
    pub(super) rows: usize,
    pub(super) columns: usize,
}

/// `N` bytes from `start` on, which are within a block whose size is known to the compiler.
#[inline]
pub(super) fn part<const N: usize>(block: &[u8], start: usize) -> &[u8; N] {
    block[start..].first_chunk().unwrap_or(&[0; N])
}
