//! The kernel for blocks of 32 with one scale: `q8_0`, `q5_0`, `q4_0`. The processor multiplies bytes without
//! a sign with those that have one (`vpmaddubsw`), so the sign of the matrix's bytes is moved to the input.

use std::arch::x86_64::{
    __m256, __m256i, _mm_set1_epi16, _mm_srli_epi16, _mm256_abs_epi8, _mm256_add_ps, _mm256_and_si256,
    _mm256_andnot_si256, _mm256_castsi128_si256, _mm256_castsi256_ps, _mm256_cmpeq_epi8, _mm256_cvtepi32_ps,
    _mm256_cvtph_ps, _mm256_fmadd_ps, _mm256_inserti128_si256, _mm256_madd_epi16, _mm256_maddubs_epi16,
    _mm256_mul_ps, _mm256_set1_epi8, _mm256_set1_epi16, _mm256_set1_epi32, _mm256_set1_epi64x,
    _mm256_setr_epi64x, _mm256_setzero_ps, _mm256_shuffle_epi8, _mm256_sign_epi8, _mm256_sub_epi8,
};

use super::{load_16, load_32, sum};
use crate::model::format::Format;
use crate::model::quantized::few::input::TwoBlocks;
use crate::model::quantized::few::{Share, multiply_rows};
use crate::model::quantized::stored::part;

/// Products of the rows of a share with `inputs`. Other formats are left alone.
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn multiply(format: Format, share: Share<'_>, inputs: &[Vec<TwoBlocks>]) {
    match format {
        Format::Q8_0 => multiply_rows(share, inputs, |block: &[u8; 34]| load_32(part(block, 2))),
        Format::Q5_0 => multiply_rows(share, inputs, |block| q5_0(block)),
        Format::Q4_0 => multiply_rows(share, inputs, |block| q4_0(block)),
        _ => {}
    }
}

// `unpack` gives the signed bytes of a block. Each begins with its scale.
multiply_rows!("avx2,fma,f16c", TwoBlocks, __m256i);

/// One row of the matrix with some of the input.
#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
fn multiply_row<const N: usize, const SIZE: usize>(
    stored: &[[u8; SIZE]],
    inputs: [&[TwoBlocks]; N],
    unpack: &impl Fn(&[u8; SIZE]) -> __m256i,
) -> [f32; N] {
    let ones = _mm256_set1_epi16(1);
    // Sums of the first blocks of two, and of the second: one does not wait for the other.
    let mut totals = [[_mm256_setzero_ps(); 2]; N];
    let inputs = inputs.map(|input| &input[..stored.len().div_ceil(2)]);
    let mut add = |index: usize, half: usize, block: &[u8; SIZE]| {
        let bytes = unpack(block);
        let sizes = _mm256_abs_epi8(bytes);
        let scale = scale(*part(block, 0));
        for n in 0..N {
            let input = &inputs[n][index];
            let x = _mm256_sign_epi8(load_32(part(&input.bytes, 32 * half)), bytes);
            let sums = _mm256_madd_epi16(_mm256_maddubs_epi16(sizes, x), ones);
            let scales: &[u8; 64] = bytemuck::cast_ref(&input.scales);
            let scales = _mm256_mul_ps(scale, _mm256_castsi256_ps(load_32(part(scales, 32 * half))));
            totals[n][half] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sums), scales, totals[n][half]);
        }
    };
    let (pairs, rest) = stored.as_chunks::<2>();
    for (index, [first, second]) in pairs.iter().enumerate() {
        add(index, 0, first);
        add(index, 1, second);
    }
    if let [last] = rest {
        add(pairs.len(), 0, last);
    }
    totals.map(|[first, second]| sum(_mm256_add_ps(first, second)))
}

/// The scale of a block, eight times.
#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
fn scale(scale: [u8; 2]) -> __m256 {
    _mm256_cvtph_ps(_mm_set1_epi16(i16::from_le_bytes(scale)))
}

/// The lower halves of 16 bytes, then the upper ones.
#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
fn halves(packed: &[u8; 16]) -> __m256i {
    let packed = load_16(packed);
    let both = _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(packed), _mm_srli_epi16::<4>(packed));
    _mm256_and_si256(both, _mm256_set1_epi8(15))
}

/// `d: f16`, 32 half bytes, 8 too large.
#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
fn q4_0(block: &[u8; 18]) -> __m256i {
    _mm256_sub_epi8(halves(part(block, 2)), _mm256_set1_epi8(8))
}

/// `d: f16`, 32 fifth bits, 32 half bytes; 16 too large.
#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
fn q5_0(block: &[u8; 22]) -> __m256i {
    /// In byte `i` of eight only bit `i`.
    const ONE_EACH: u64 = 0x8040_2010_0804_0201;
    let low = halves(part(block, 6));
    let fifths = i32::from_le_bytes(*part(block, 2));
    // Each byte of the fifth bits eight times: in the lower 16 bytes the first two, in the upper ones the
    // others.
    let of_eight = |byte: u64| (byte * 0x0101_0101_0101_0101).cast_signed();
    let order = _mm256_setr_epi64x(of_eight(0), of_eight(1), of_eight(2), of_eight(3));
    let ones = _mm256_set1_epi64x(ONE_EACH.cast_signed());
    let bits = _mm256_and_si256(_mm256_shuffle_epi8(_mm256_set1_epi32(fifths), order), ones);
    // With the fifth bit 16 is added and taken off again; without, it is taken off.
    let is_set = _mm256_cmpeq_epi8(bits, ones);
    _mm256_sub_epi8(low, _mm256_andnot_si256(is_set, _mm256_set1_epi8(16)))
}
