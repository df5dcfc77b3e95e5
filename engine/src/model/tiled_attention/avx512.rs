//! The two products of attention for AVX-512, each a tile of sums that stay in registers: in single
//! precision, and with factors rounded to bf16, of which the processor multiplies twice as many.
#![expect(unsafe_code, reason = "the processor's own instructions")]

use std::arch::x86_64::{
    __m512, __m512bh, _mm512_cvtne2ps_pbh, _mm512_dpbf16_ps, _mm512_fmadd_ps, _mm512_load_ps, _mm512_set1_ps,
    _mm512_store_ps,
};

use super::kernel::{Kernel, ROWS};
use super::tiles::Vector;

/// Numbers as they are.
pub(super) struct Single;

/// Two numbers, rounded to bf16, in the place of one, the first in the lower half.
pub(super) struct Paired;

/// The kernel of this name for processors with these features, by its own way of adding products: a
/// function with a feature is only inlined into those that have it, so that each has its own copy.
macro_rules! kernel {
    ($name:ident, $together:literal, ($($feature:tt),+), $features:literal, $add_product:ident, $pack:ident) => {
        impl Kernel for $name {
            const TOGETHER: usize = $together;

            fn is_available() -> bool {
                $(is_x86_feature_detected!($feature))&&+
            }

            unsafe fn add_logits(
                keys: &[[Vector; 2]],
                queries: &[[f32; ROWS]],
                logits: &mut [Vector],
                stride: usize,
            ) {
                #[target_feature(enable = $features)]
                fn add(keys: &[[Vector; 2]], queries: &[[f32; ROWS]], logits: &mut [Vector], stride: usize) {
                    let mut sums: [[__m512; 2]; ROWS] = std::array::from_fn(|row| {
                        [load(&logits[row * stride]), load(&logits[row * stride + 1])]
                    });
                    for (keys, queries) in keys.iter().zip(queries) {
                        let keys = [load(&keys[0]), load(&keys[1])];
                        for (sums, &query) in sums.iter_mut().zip(queries) {
                            let query = _mm512_set1_ps(query);
                            sums[0] = $add_product(query, keys[0], sums[0]);
                            sums[1] = $add_product(query, keys[1], sums[1]);
                        }
                    }
                    for (row, sums) in sums.into_iter().enumerate() {
                        store(&mut logits[row * stride], sums[0]);
                        store(&mut logits[row * stride + 1], sums[1]);
                    }
                }
                // SAFETY: the caller's.
                unsafe { add(keys, queries, logits, stride) }
            }

            unsafe fn add_mixed(
                weights: &[f32],
                stride: usize,
                (values, vectors): (&[Vector], usize),
                mixed: &mut [Vector],
            ) {
                #[target_feature(enable = $features)]
                fn add<const AT_ONCE: usize, const VECTORS: usize>(
                    weights: &[f32],
                    stride: usize,
                    values: &[Vector],
                    mixed: &mut [Vector],
                ) {
                    let values = values.as_chunks::<VECTORS>().0;
                    let tiles = mixed.as_chunks_mut::<VECTORS>().0.as_chunks_mut::<AT_ONCE>().0;
                    for (index, tile) in tiles.iter_mut().enumerate() {
                        let weights: [&[f32]; AT_ONCE] = std::array::from_fn(|row| {
                            &weights[(index * AT_ONCE + row) * stride..][..values.len()]
                        });
                        let mut sums: [[__m512; VECTORS]; AT_ONCE] =
                            std::array::from_fn(|row| tile[row].each_ref().map(|sum| load(sum)));
                        for (key, value) in values.iter().enumerate() {
                            let value = value.each_ref().map(|value| load(value));
                            for row in 0..AT_ONCE {
                                let weight = _mm512_set1_ps(weights[row][key]);
                                for vector in 0..VECTORS {
                                    sums[row][vector] =
                                        $add_product(weight, value[vector], sums[row][vector]);
                                }
                            }
                        }
                        for (row, sums) in tile.iter_mut().zip(sums) {
                            row.iter_mut().zip(sums).for_each(|(place, sum)| store(place, sum));
                        }
                    }
                }
                // SAFETY: the caller's. So many rows that their sums, the values and a weight fit 32
                // registers.
                unsafe {
                    match vectors {
                        1 => add::<12, 1>(weights, stride, values, mixed),
                        2 => add::<12, 2>(weights, stride, values, mixed),
                        3 => add::<6, 3>(weights, stride, values, mixed),
                        4 => add::<6, 4>(weights, stride, values, mixed),
                        5 => add::<4, 5>(weights, stride, values, mixed),
                        6 => add::<4, 6>(weights, stride, values, mixed),
                        7 => add::<3, 7>(weights, stride, values, mixed),
                        _ => add::<3, 8>(weights, stride, values, mixed),
                    }
                }
            }

            unsafe fn pack(numbers: &mut [Vector]) {
                // SAFETY: the caller's.
                unsafe { $pack(numbers) }
            }
        }
    };
}

kernel!(Single, 1, ("avx512f"), "avx512f", add_single, leave);
kernel!(Paired, 2, ("avx512f", "avx512bf16"), "avx512f,avx512bf16", add_paired, pair_up);

#[inline]
#[target_feature(enable = "avx512f")]
fn add_single(a: __m512, b: __m512, sum: __m512) -> __m512 {
    _mm512_fmadd_ps(a, b, sum)
}

#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
fn add_paired(a: __m512, b: __m512, sum: __m512) -> __m512 {
    // SAFETY: both types are 64 bytes of any content.
    let [a, b] = [a, b].map(|pairs| unsafe { std::mem::transmute::<__m512, __m512bh>(pairs) });
    _mm512_dpbf16_ps(sum, a, b)
}

#[target_feature(enable = "avx512f")]
fn leave(_: &mut [Vector]) {}

#[target_feature(enable = "avx512f,avx512bf16")]
fn pair_up(numbers: &mut [Vector]) {
    for index in 0..numbers.len() / 2 {
        let pairs = _mm512_cvtne2ps_pbh(load(&numbers[2 * index + 1]), load(&numbers[2 * index]));
        // SAFETY: both types are 64 bytes of any content.
        store(&mut numbers[index], unsafe { std::mem::transmute::<__m512bh, __m512>(pairs) });
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load(vector: &Vector) -> __m512 {
    // SAFETY: 16 numbers, aligned to 64 bytes.
    unsafe { _mm512_load_ps(vector.0.as_ptr()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store(place: &mut Vector, numbers: __m512) {
    // SAFETY: 16 numbers, aligned to 64 bytes.
    unsafe { _mm512_store_ps(place.0.as_mut_ptr(), numbers) }
}
