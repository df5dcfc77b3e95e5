//! The two products of attention for AVX2, in single precision: six rows of sums, two registers wide, at a time.
#![expect(unsafe_code, reason = "the processor's own instructions")]

use std::arch::x86_64::{
    __m256, _mm256_add_ps, _mm256_fmadd_ps, _mm256_load_ps, _mm256_set1_ps, _mm256_setzero_ps,
    _mm256_store_ps,
};

use super::kernel::{Kernel, ROWS};
use super::tiles::Vector;

/// Rows whose sums fit the registers.
const AT_ONCE: usize = 6;

/// Numbers as they are.
pub(super) struct Single;

impl Kernel for Single {
    const TOGETHER: usize = 1;

    fn is_available() -> bool {
        is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
    }

    unsafe fn add_logits(
        keys: &[[Vector; 2]],
        queries: &[[f32; ROWS]],
        logits: &mut [Vector],
        stride: usize,
    ) {
        // SAFETY: the caller's.
        unsafe { add_logits(keys, queries, logits, stride) }
    }

    unsafe fn add_mixed(
        weights: &[f32],
        stride: usize,
        (values, vectors): (&[Vector], usize),
        mixed: &mut [Vector],
    ) {
        // SAFETY: the caller's.
        unsafe { add_mixed(weights, stride, (values, vectors), mixed) }
    }

    unsafe fn pack(_: &mut [Vector]) {}
}

#[target_feature(enable = "avx2,fma")]
fn add_logits(keys: &[[Vector; 2]], queries: &[[f32; ROWS]], logits: &mut [Vector], stride: usize) {
    for half in 0..2 {
        for first in (0..ROWS).step_by(AT_ONCE) {
            let mut sums = [[_mm256_setzero_ps(); 2]; AT_ONCE];
            for (keys, queries) in keys.iter().zip(queries) {
                let keys = load(&keys[half]);
                for (sums, &query) in sums.iter_mut().zip(&queries[first..first + AT_ONCE]) {
                    add(sums, query, keys);
                }
            }
            for (row, sums) in sums.into_iter().enumerate() {
                add_to(&mut logits[(first + row) * stride + half], sums);
            }
        }
    }
}

#[target_feature(enable = "avx2,fma")]
fn add_mixed(weights: &[f32], stride: usize, (values, vectors): (&[Vector], usize), mixed: &mut [Vector]) {
    let keys = values.len() / vectors;
    for (index, tile) in mixed.chunks_exact_mut(AT_ONCE * vectors).enumerate() {
        let weights: [&[f32]; AT_ONCE] =
            std::array::from_fn(|row| &weights[(index * AT_ONCE + row) * stride..][..keys]);
        for vector in 0..vectors {
            let mut sums = [[_mm256_setzero_ps(); 2]; AT_ONCE];
            for (key, values) in values.chunks_exact(vectors).enumerate() {
                let value = load(&values[vector]);
                for (sums, weights) in sums.iter_mut().zip(&weights) {
                    add(sums, weights[key], value);
                }
            }
            for (row, sums) in sums.into_iter().enumerate() {
                add_to(&mut tile[row * vectors + vector], sums);
            }
        }
    }
}

/// `sums + number * vector`.
#[target_feature(enable = "avx2,fma")]
#[inline]
fn add(sums: &mut [__m256; 2], number: f32, vector: [__m256; 2]) {
    let number = _mm256_set1_ps(number);
    sums[0] = _mm256_fmadd_ps(number, vector[0], sums[0]);
    sums[1] = _mm256_fmadd_ps(number, vector[1], sums[1]);
}

#[target_feature(enable = "avx2,fma")]
#[inline]
fn load(vector: &Vector) -> [__m256; 2] {
    let (first, second) = vector.0.split_at(8);
    // SAFETY: 8 numbers each, aligned to 32 bytes.
    unsafe { [_mm256_load_ps(first.as_ptr()), _mm256_load_ps(second.as_ptr())] }
}

/// Adds sums to what stands there.
#[target_feature(enable = "avx2,fma")]
#[inline]
fn add_to(place: &mut Vector, sums: [__m256; 2]) {
    let before = load(place);
    let (first, second) = place.0.split_at_mut(8);
    // SAFETY: 8 numbers each, aligned to 32 bytes.
    unsafe {
        _mm256_store_ps(first.as_mut_ptr(), _mm256_add_ps(before[0], sums[0]));
        _mm256_store_ps(second.as_mut_ptr(), _mm256_add_ps(before[1], sums[1]));
    }
}
