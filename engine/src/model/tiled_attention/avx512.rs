//! The two products of attention for AVX-512, each a tile of sums that stay in registers.
#![expect(unsafe_code, reason = "the processor's own instructions")]

use std::arch::x86_64::{__m512, _mm512_fmadd_ps, _mm512_load_ps, _mm512_set1_ps, _mm512_store_ps};

use super::tiles::Vector;

/// Queries that meet keys together.
pub(super) const ROWS: usize = 12;

/// Whether this processor has what the kernel needs.
pub(super) fn is_available() -> bool {
    is_x86_feature_detected!("avx512f")
}

/// Adds to `logits` the products of queries with 32 keys, all given number by number. Each query's
/// logits are `stride` vectors behind those of the one before.
#[target_feature(enable = "avx512f")]
pub(super) fn add_logits(
    keys: &[[Vector; 2]],
    queries: &[[f32; ROWS]],
    logits: &mut [Vector],
    stride: usize,
) {
    let mut sums: [[__m512; 2]; ROWS] =
        std::array::from_fn(|row| [load(&logits[row * stride]), load(&logits[row * stride + 1])]);
    for (keys, queries) in keys.iter().zip(queries) {
        let keys = [load(&keys[0]), load(&keys[1])];
        for (sums, &query) in sums.iter_mut().zip(queries) {
            let query = _mm512_set1_ps(query);
            sums[0] = _mm512_fmadd_ps(query, keys[0], sums[0]);
            sums[1] = _mm512_fmadd_ps(query, keys[1], sums[1]);
        }
    }
    for (row, sums) in sums.into_iter().enumerate() {
        store(&mut logits[row * stride], sums[0]);
        store(&mut logits[row * stride + 1], sums[1]);
    }
}

/// Adds to every row of `mixed` the values, times the row's weights. Values, and rows of `mixed`, are
/// so many vectors; each row's weights are `stride` numbers behind those of the one before.
#[target_feature(enable = "avx512f")]
pub(super) fn add_mixed(
    weights: &[f32],
    stride: usize,
    (values, vectors): (&[Vector], usize),
    mixed: &mut [Vector],
) {
    // So many rows that their sums, the values and a weight fit 32 registers.
    match vectors {
        1 => add_rows::<12, 1>(weights, stride, values, mixed),
        2 => add_rows::<12, 2>(weights, stride, values, mixed),
        3 => add_rows::<6, 3>(weights, stride, values, mixed),
        4 => add_rows::<6, 4>(weights, stride, values, mixed),
        5 => add_rows::<4, 5>(weights, stride, values, mixed),
        6 => add_rows::<4, 6>(weights, stride, values, mixed),
        7 => add_rows::<3, 7>(weights, stride, values, mixed),
        _ => add_rows::<3, 8>(weights, stride, values, mixed),
    }
}

#[target_feature(enable = "avx512f")]
fn add_rows<const AT_ONCE: usize, const VECTORS: usize>(
    weights: &[f32],
    stride: usize,
    values: &[Vector],
    mixed: &mut [Vector],
) {
    let values = values.as_chunks::<VECTORS>().0;
    let tiles = mixed.as_chunks_mut::<VECTORS>().0.as_chunks_mut::<AT_ONCE>().0;
    for (index, tile) in tiles.iter_mut().enumerate() {
        let weights: [&[f32]; AT_ONCE] =
            std::array::from_fn(|row| &weights[(index * AT_ONCE + row) * stride..][..values.len()]);
        let mut sums: [[__m512; VECTORS]; AT_ONCE] =
            std::array::from_fn(|row| std::array::from_fn(|vector| load(&tile[row][vector])));
        for (key, value) in values.iter().enumerate() {
            let value: [__m512; VECTORS] = std::array::from_fn(|vector| load(&value[vector]));
            for row in 0..AT_ONCE {
                let weight = _mm512_set1_ps(weights[row][key]);
                for vector in 0..VECTORS {
                    sums[row][vector] = _mm512_fmadd_ps(weight, value[vector], sums[row][vector]);
                }
            }
        }
        for (row, sums) in tile.iter_mut().zip(sums) {
            row.iter_mut().zip(sums).for_each(|(place, sum)| store(place, sum));
        }
    }
}

#[target_feature(enable = "avx512f")]
fn load(vector: &Vector) -> __m512 {
    // SAFETY: 16 numbers, aligned to 64 bytes.
    unsafe { _mm512_load_ps(vector.0.as_ptr()) }
}

#[target_feature(enable = "avx512f")]
fn store(place: &mut Vector, numbers: __m512) {
    // SAFETY: 16 numbers, aligned to 64 bytes.
    unsafe { _mm512_store_ps(place.0.as_mut_ptr(), numbers) }
}
