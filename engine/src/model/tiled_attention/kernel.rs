//! The two products of attention, as [`super::tiles`] asks for them.

use super::tiles::Vector;

/// Queries that meet keys together.
pub(super) const ROWS: usize = 12;

/// What a tile is multiplied with. Its functions ask for a processor that has what it needs.
pub(super) trait Kernel {
    /// Factors in the place of one number.
    const TOGETHER: usize;

    /// Whether this processor has what the kernel needs.
    fn is_available() -> bool;

    /// Adds to `logits` the products of queries with 32 keys, all given place by place. Each query's
    /// logits are `stride` vectors behind those of the one before.
    ///
    /// # Safety
    /// The processor has what this kernel needs.
    unsafe fn add_logits(keys: &[[Vector; 2]], queries: &[[f32; ROWS]], logits: &mut [Vector], stride: usize);

    /// Adds to every row of `mixed` the values, times the row's weights. Values, and rows of `mixed`, are
    /// so many vectors; each row's weights are `stride` places behind those of the one before.
    ///
    /// # Safety
    /// As above.
    unsafe fn add_mixed(weights: &[f32], stride: usize, values: (&[Vector], usize), mixed: &mut [Vector]);

    /// Turns numbers into factors, which take the first places.
    ///
    /// # Safety
    /// As above.
    unsafe fn pack(numbers: &mut [Vector]);
}
