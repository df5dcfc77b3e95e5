//! The kernel for blocks of 256 whose own scales are whole numbers: `q4_k`, `q5_k`, `q6_k`.
//!
//! Sums of products stay whole numbers until the end of a block: products of bytes in 16 bits
//! (`vpmaddubsw`), times scales in 32 (`vpmaddwd`). Offsets need only the sums of the input.

use std::arch::x86_64::{
    __m128, __m256i, _mm_and_si128, _mm_cvtph_ps, _mm_movehdup_ps, _mm_mul_ps, _mm_or_si128, _mm_set1_epi16,
    _mm_set1_ps, _mm_setr_epi32, _mm_shuffle_epi32, _mm_srli_epi32, _mm_srlv_epi32, _mm256_add_epi32,
    _mm256_and_si256, _mm256_broadcastsi128_si256, _mm256_broadcastss_ps, _mm256_castsi128_si256,
    _mm256_cvtepi8_epi16, _mm256_cvtepi32_ps, _mm256_fmadd_ps, _mm256_inserti128_si256, _mm256_madd_epi16,
    _mm256_maddubs_epi16, _mm256_or_si256, _mm256_permute2x128_si256, _mm256_set1_epi8, _mm256_set1_epi16,
    _mm256_setr_epi16, _mm256_setzero_ps, _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_slli_epi16,
    _mm256_srli_epi16, _mm256_sub_ps,
};

use super::{load_16, load_32, sum};
use crate::model::format::Format;
use crate::model::quantized::few::input::SuperBlock;
use crate::model::quantized::few::{Share, multiply_rows};
use crate::model::quantized::stored::part;

/// A block of the matrix: an element is its byte times the scale of its 16, times the first of
/// `units`, less the offset of its 16 times the second.
struct Unpacked {
    bytes: [__m256i; 8],
    /// For each pair of bytes, in 16 bits.
    scales: [__m256i; 8],
    /// For each 16 columns, in 16 bits.
    offsets: __m256i,
    units: __m128,
}

/// Products of the rows of a share with `inputs`. Other formats are left alone.
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn multiply(format: Format, share: Share<'_>, inputs: &[Vec<SuperBlock>]) {
    match format {
        Format::Q4K => multiply_rows(share, inputs, |block| q4k(block)),
        Format::Q5K => multiply_rows(share, inputs, |block| q5k(block)),
        Format::Q6K => multiply_rows(share, inputs, |block| q6k(block)),
        _ => {}
    }
}

multiply_rows!("avx2,fma,f16c", SuperBlock, Unpacked);

/// One row of the matrix with some of the input.
#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
fn multiply_row<const N: usize, const SIZE: usize>(
    stored: &[[u8; SIZE]],
    inputs: [&[SuperBlock]; N],
    unpack: &impl Fn(&[u8; SIZE]) -> Unpacked,
) -> [f32; N] {
    let inputs = inputs.map(|input| &input[..stored.len()]);
    let mut totals = [_mm256_setzero_ps(); N];
    let mut total_offsets = [_mm256_setzero_ps(); N];
    for (index, block) in stored.iter().enumerate() {
        let block = unpack(block);
        for n in 0..N {
            let input = &inputs[n][index];
            let mut sums = _mm256_setzero_si256();
            for (part, x) in bytemuck::cast_slice(&input.bytes).as_chunks().0.iter().enumerate() {
                let products = _mm256_maddubs_epi16(block.bytes[part], load_32(x));
                sums = _mm256_add_epi32(sums, _mm256_madd_epi16(products, block.scales[part]));
            }
            let offsets = _mm256_madd_epi16(block.offsets, load_32(bytemuck::cast_ref(&input.sums)));
            let unit = _mm_mul_ps(block.units, _mm_set1_ps(input.scale));
            let unit_of_offsets = _mm256_broadcastss_ps(_mm_movehdup_ps(unit));
            totals[n] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sums), _mm256_broadcastss_ps(unit), totals[n]);
            total_offsets[n] =
                _mm256_fmadd_ps(_mm256_cvtepi32_ps(offsets), unit_of_offsets, total_offsets[n]);
        }
    }
    std::array::from_fn(|n| sum(_mm256_sub_ps(totals[n], total_offsets[n])))
}

/// `d, dmin: f16`, 12 bytes of scales, 256 half bytes: of each 32 bytes first the low halves.
#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
fn q4k(block: &[u8; 144]) -> Unpacked {
    let (scales, offsets, units) = k_scales(part(block, 0));
    let [a, b] = halves(load_32(part(block, 16)));
    let [c, d] = halves(load_32(part(block, 48)));
    let [e, f] = halves(load_32(part(block, 80)));
    let [g, h] = halves(load_32(part(block, 112)));
    Unpacked { bytes: [a, b, c, d, e, f, g, h], scales, offsets, units }
}

/// As [`q4k`], with fifth bits before the half bytes: byte `i` of 32 holds those of columns `i`,
/// `32 + i` …
#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
fn q5k(block: &[u8; 176]) -> Unpacked {
    let (scales, offsets, units) = k_scales(part(block, 0));
    let fifth = load_32(part(block, 16));
    let with = |low, fifth| _mm256_or_si256(low, _mm256_and_si256(fifth, _mm256_set1_epi8(0x10)));
    let [a, b] = halves(load_32(part(block, 48)));
    let [c, d] = halves(load_32(part(block, 80)));
    let [e, f] = halves(load_32(part(block, 112)));
    let [g, h] = halves(load_32(part(block, 144)));
    let bytes = [
        with(a, _mm256_slli_epi16::<4>(fifth)),
        with(b, _mm256_slli_epi16::<3>(fifth)),
        with(c, _mm256_slli_epi16::<2>(fifth)),
        with(d, _mm256_slli_epi16::<1>(fifth)),
        with(e, fifth),
        with(f, _mm256_srli_epi16::<1>(fifth)),
        with(g, _mm256_srli_epi16::<2>(fifth)),
        with(h, _mm256_srli_epi16::<3>(fifth)),
    ];
    Unpacked { bytes, scales, offsets, units }
}

/// 256 half bytes, 256 upper pairs of bits, scales of 16 blocks of 16, `d: f16`. All elements are 32
/// too large.
#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
fn q6k(block: &[u8; 210]) -> Unpacked {
    let scales = _mm256_cvtepi8_epi16(load_16(part(block, 192)));
    let first_eight = _mm256_permute2x128_si256::<0x00>(scales, scales);
    let last_eight = _mm256_permute2x128_si256::<0x11>(scales, scales);
    // The bytes of a number in 16 bits.
    let number = |index: i16| (2 * index) | ((2 * index + 1) << 8);
    let spread = |eight, index| _mm256_shuffle_epi8(eight, in_halves(number(index), number(index + 1)));
    let [a, b, c, d] = of_128(part(block, 0), part(block, 128));
    let [e, f, g, h] = of_128(part(block, 64), part(block, 160));
    let [i, j, k, l] = [0, 2, 4, 6].map(|index| spread(first_eight, index));
    let [m, n, o, p] = [0, 2, 4, 6].map(|index| spread(last_eight, index));
    Unpacked {
        bytes: [a, b, c, d, e, f, g, h],
        scales: [i, j, k, l, m, n, o, p],
        offsets: _mm256_slli_epi16::<5>(scales),
        units: _mm_cvtph_ps(_mm_set1_epi16(i16::from_le_bytes(*part(block, 208)))),
    }
}

/// 128 elements of `q6_k`.
#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
fn of_128(low: &[u8; 64], upper: &[u8; 32]) -> [__m256i; 4] {
    let with = |low, upper| _mm256_or_si256(low, _mm256_and_si256(upper, _mm256_set1_epi8(0x30)));
    let [a, c] = halves(load_32(part(low, 0)));
    let [b, d] = halves(load_32(part(low, 32)));
    let upper = load_32(upper);
    [
        with(a, _mm256_slli_epi16::<4>(upper)),
        with(b, _mm256_slli_epi16::<2>(upper)),
        with(c, upper),
        with(d, _mm256_srli_epi16::<2>(upper)),
    ]
}

/// Of each byte the lower half, and the upper one.
#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
fn halves(bytes: __m256i) -> [__m256i; 2] {
    let lower = _mm256_set1_epi8(15);
    [_mm256_and_si256(bytes, lower), _mm256_and_si256(_mm256_srli_epi16::<4>(bytes), lower)]
}

/// One number in 16 bits for all of the first 16 bytes, and one for the others.
#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
fn in_halves(first: i16, second: i16) -> __m256i {
    _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(_mm_set1_epi16(first)), _mm_set1_epi16(second))
}

/// What `q4_k` and `q5_k` begin with: two units, and in six bits each the scales and offsets of
/// eight blocks of 32.
#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
fn k_scales(start: &[u8; 16]) -> ([__m256i; 8], __m256i, __m128) {
    const SIX: i32 = 0x3F3F_3F3F;
    const LOW_FOUR: i32 = 0x0F0F_0F0F;
    const HIGH_TWO: i32 = 0x3030_3030;
    /// In an order of bytes: the upper half of 16 bits is zero.
    const ALONE: i16 = 0x80 << 8;
    let start = load_16(start);
    // Four bytes at a time: scales 0 to 3 and 4 to 7, offsets 0 to 3 and 4 to 7. Of the later ones
    // the upper two bits lie above the six of the earlier ones.
    let low = _mm_srlv_epi32(_mm_shuffle_epi32::<0b11_10_11_01>(start), _mm_setr_epi32(0, 0, 0, 4));
    let low = _mm_and_si128(low, _mm_setr_epi32(SIX, LOW_FOUR, SIX, LOW_FOUR));
    let high = _mm_srli_epi32::<2>(_mm_shuffle_epi32::<0b10_10_01_01>(start));
    let high = _mm_and_si128(high, _mm_setr_epi32(0, HIGH_TWO, 0, HIGH_TWO));
    let all = _mm256_broadcastsi128_si256(_mm_or_si128(low, high));
    let scales =
        [0, 1, 2, 3, 4, 5, 6, 7].map(|index| _mm256_shuffle_epi8(all, _mm256_set1_epi16(ALONE | index)));
    let [i, j, k, l] = [8, 10, 12, 14].map(|index| ALONE | index);
    let twice =
        _mm256_setr_epi16(i, i, i + 1, i + 1, j, j, j + 1, j + 1, k, k, k + 1, k + 1, l, l, l + 1, l + 1);
    (scales, _mm256_shuffle_epi8(all, twice), _mm_cvtph_ps(start))
}
