//! Rows of bytes as columns of four: how [`super::panel`] lays out what [`super::vnni`] multiplies.
#![expect(unsafe_code, reason = "the processor's own instructions")]

use std::arch::x86_64::{
    _mm512_add_epi32, _mm512_load_si512, _mm512_permutex2var_epi32, _mm512_set1_epi32, _mm512_setr_epi32,
    _mm512_store_si512,
};

use super::panel::{LANES, Lane};

/// 16 times four bytes of each of 16 rows, row by row, become lanes: four bytes of all rows each. They are half of a panel's;
/// those that have no place are left out.
///
/// Rows 0 and 8, 1 and 9 … are put between each other, which moves the first bit of a row's number behind
/// those of the column's; after four times, each is where the other was.
#[target_feature(enable = "avx512f")]
#[inline]
pub(super) fn turn(square: &[Lane; LANES], half: usize, lanes: &mut [[Lane; 2]]) {
    let first = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    let second = _mm512_add_epi32(first, _mm512_set1_epi32(8));
    let mut rows = [first; LANES];
    for (row, lane) in rows.iter_mut().zip(square) {
        // SAFETY: 64 bytes, aligned to 64.
        *row = unsafe { _mm512_load_si512(lane.0.as_ptr().cast()) };
    }
    for _ in 0..LANES.ilog2() {
        let before = rows;
        for pair in 0..LANES / 2 {
            let (a, b) = (before[pair], before[pair + LANES / 2]);
            rows[2 * pair] = _mm512_permutex2var_epi32(a, first, b);
            rows[2 * pair + 1] = _mm512_permutex2var_epi32(a, second, b);
        }
    }
    for (row, lane) in rows.iter().zip(lanes) {
        // SAFETY: 64 bytes, aligned to 64.
        unsafe { _mm512_store_si512(lane[half].0.as_mut_ptr().cast(), *row) };
    }
}

/// The same one by one, for processors that have smaller registers.
#[inline]
pub(super) fn turn_plainly(square: &[Lane; LANES], half: usize, lanes: &mut [[Lane; 2]]) {
    for (column, lane) in lanes.iter_mut().enumerate() {
        for (row, place) in lane[half].0.iter_mut().enumerate() {
            *place = square[row].0[column];
        }
    }
}
