//! A result that several threads write at once, each its own elements: rows of a product that lie
//! apart. Called by the kernels that divide work by columns or heads.
#![expect(unsafe_code, reason = "threads share one result")]

use std::marker::PhantomData;
use std::ops::Range;

/// Numbers that are written in parts.
pub(super) struct Scattered<'a> {
    start: *mut f32,
    length: usize,
    borrowed: PhantomData<&'a mut [f32]>,
}

// SAFETY: it is only used through `Scattered::part`, whose callers keep to their own elements.
unsafe impl Sync for Scattered<'_> {}

impl<'a> Scattered<'a> {
    /// Parts of `numbers`.
    pub(super) fn new(numbers: &'a mut [f32]) -> Self {
        Self { start: numbers.as_mut_ptr(), length: numbers.len(), borrowed: PhantomData }
    }

    /// The elements in `range`, which must be within.
    ///
    /// # Safety
    /// While the part is in use, nobody else has any of these elements.
    #[expect(clippy::mut_from_ref, reason = "each caller has elements of its own")]
    pub(super) unsafe fn part(&self, range: Range<usize>) -> &mut [f32] {
        assert!(range.start <= range.end && range.end <= self.length, "{range:?} of {}", self.length);
        // SAFETY: within the borrowed slice, and the caller has these elements alone.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(range.start), range.len()) }
    }
}
