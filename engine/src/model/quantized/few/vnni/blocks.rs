//! The kernel for blocks of 32 with one scale: `q8_0`, `q5_0`, `q4_0`. Two of them are multiplied at
//! once (`vpdpbusd`).

use std::arch::x86_64::{
    __m256i, __m512, _mm_set1_epi16, _mm_srli_epi16, _mm256_and_si256, _mm256_castsi128_si256,
    _mm256_inserti128_si256, _mm256_mask_sub_epi8, _mm256_set_m128i, _mm256_set1_epi8, _mm256_sub_epi8,
    _mm512_castsi256_si512, _mm512_castsi512_ps, _mm512_cvtepi32_ps, _mm512_cvtph_ps, _mm512_dpbusd_epi32,
    _mm512_fmadd_ps, _mm512_inserti64x4, _mm512_mul_ps, _mm512_reduce_add_ps, _mm512_set1_epi8,
    _mm512_setzero_ps, _mm512_setzero_si512, _mm512_sub_epi32,
};

use super::lanes::{load_16, load_32, load_64};
use crate::model::format::Format;
use crate::model::quantized::few::input::TwoBlocks;
use crate::model::quantized::few::{Share, multiply_rows};
use crate::model::quantized::stored::part;

/// Products of the rows of a share with `inputs`. Other formats are left alone.
#[target_feature(enable = "avx512bw,avx512vl,avx512vnni")]
pub(super) fn multiply(format: Format, share: Share<'_>, inputs: &[Vec<TwoBlocks>]) {
    match format {
        Format::Q8_0 => multiply_rows(share, inputs, |block: &[u8; 34]| load_32(part(block, 2))),
        Format::Q5_0 => multiply_rows(share, inputs, |block| q5_0(block)),
        Format::Q4_0 => multiply_rows(share, inputs, |block| q4_0(block)),
        _ => {}
    }
}

// `unpack` gives the signed bytes of a block. Each begins with its scale.
multiply_rows!("avx512bw,avx512vl,avx512vnni", TwoBlocks, __m256i);

/// One row of the matrix with some of the input.
#[target_feature(enable = "avx512bw,avx512vl,avx512vnni")]
#[inline]
fn multiply_row<const N: usize, const SIZE: usize>(
    stored: &[[u8; SIZE]],
    inputs: [&[TwoBlocks]; N],
    unpack: &impl Fn(&[u8; SIZE]) -> __m256i,
) -> [f32; N] {
    let mut totals = [_mm512_setzero_ps(); N];
    let (pairs, rest) = stored.as_chunks::<2>();
    let inputs = inputs.map(|input| &input[..stored.len().div_ceil(2)]);
    let mut add = |index: usize, pair: &[[u8; SIZE]; 2]| {
        let [first, second] = pair;
        let bytes = _mm512_inserti64x4::<1>(_mm512_castsi256_si512(unpack(first)), unpack(second));
        let scales = both_scales(*part(first, 0), *part(second, 0));
        // What 128 too much in each byte of the input comes to.
        let surplus = _mm512_dpbusd_epi32(_mm512_setzero_si512(), _mm512_set1_epi8(-128), bytes);
        for n in 0..N {
            let input = &inputs[n][index];
            let sums = _mm512_dpbusd_epi32(_mm512_setzero_si512(), load_64(&input.bytes), bytes);
            let input_scales = _mm512_castsi512_ps(load_64(bytemuck::cast_ref(&input.scales)));
            let scales = _mm512_mul_ps(scales, input_scales);
            totals[n] =
                _mm512_fmadd_ps(_mm512_cvtepi32_ps(_mm512_sub_epi32(sums, surplus)), scales, totals[n]);
        }
    };
    for (index, pair) in pairs.iter().enumerate() {
        add(index, pair);
    }
    if let [last] = rest {
        add(pairs.len(), &[*last, [0; SIZE]]);
    }
    totals.map(|total| _mm512_reduce_add_ps(total))
}

/// The scale of a block eight times, then that of another.
#[target_feature(enable = "avx512bw,avx512vl,avx512vnni")]
#[inline]
fn both_scales(first: [u8; 2], second: [u8; 2]) -> __m512 {
    let [first, second] = [first, second].map(|scale| _mm_set1_epi16(i16::from_le_bytes(scale)));
    _mm512_cvtph_ps(_mm256_set_m128i(second, first))
}

/// The lower halves of 16 bytes, then the upper ones.
#[target_feature(enable = "avx512bw,avx512vl,avx512vnni")]
#[inline]
fn halves(packed: &[u8; 16]) -> __m256i {
    let packed = load_16(packed);
    let both = _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(packed), _mm_srli_epi16::<4>(packed));
    _mm256_and_si256(both, _mm256_set1_epi8(15))
}

/// `d: f16`, 32 half bytes, 8 too large.
#[target_feature(enable = "avx512bw,avx512vl,avx512vnni")]
#[inline]
fn q4_0(block: &[u8; 18]) -> __m256i {
    _mm256_sub_epi8(halves(part(block, 2)), _mm256_set1_epi8(8))
}

/// `d: f16`, 32 fifth bits, 32 half bytes; 16 too large.
#[target_feature(enable = "avx512bw,avx512vl,avx512vnni")]
#[inline]
fn q5_0(block: &[u8; 22]) -> __m256i {
    let low = halves(part(block, 6));
    let fifth = u32::from_le_bytes(*part(block, 2));
    // With the fifth bit 16 is added and taken off again; without, it is taken off.
    _mm256_mask_sub_epi8(low, !fifth, low, _mm256_set1_epi8(16))
}
