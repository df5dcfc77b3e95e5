//! The kernels for AVX2.

mod blocks;
mod super_blocks;

use std::arch::x86_64::{
    __m128i, __m256, __m256i, _mm_add_ps, _mm_add_ss, _mm_cvtss_f32, _mm_loadu_si128, _mm_movehdup_ps,
    _mm_movehl_ps, _mm256_castps256_ps128, _mm256_extractf128_ps, _mm256_loadu_si256,
};

use super::input::{SuperBlock, TwoBlocks};
use super::{Kernel, Share};
use crate::model::format::Format;
use crate::model::quantized::processor::Avx2;

impl Kernel for Avx2 {
    const CROSSED: bool = false;
    const ADDED: u8 = 0;

    unsafe fn multiply_super_blocks(format: Format, share: Share<'_>, inputs: &[Vec<SuperBlock>]) {
        // SAFETY: the caller has asked.
        unsafe { super_blocks::multiply(format, share, inputs) }
    }

    unsafe fn multiply_blocks(format: Format, share: Share<'_>, inputs: &[Vec<TwoBlocks>]) {
        // SAFETY: the caller has asked.
        unsafe { blocks::multiply(format, share, inputs) }
    }
}

#[target_feature(enable = "avx2")]
#[inline]
fn load_16(bytes: &[u8; 16]) -> __m128i {
    // SAFETY: 16 bytes, at any address.
    unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
}

#[target_feature(enable = "avx2")]
#[inline]
fn load_32(bytes: &[u8; 32]) -> __m256i {
    // SAFETY: 32 bytes, at any address.
    unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
}

/// The sum of eight numbers.
#[target_feature(enable = "avx2")]
#[inline]
fn sum(numbers: __m256) -> f32 {
    let four = _mm_add_ps(_mm256_castps256_ps128(numbers), _mm256_extractf128_ps::<1>(numbers));
    let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
}
