//! The kernel for blocks of 256 whose own scales are whole numbers: `q4_k`, `q5_k`, `q6_k`.
//!
//! Sums of products stay whole numbers until the end of a block: products of bytes in 16 bits
//! (`vpmaddubsw`), times scales in 32 (`vpdpwssd`). Offsets need only the sums of the input.

use std::arch::x86_64::{
    __m128, __m256i, __m512i, _mm_and_si128, _mm_cvtph_ps, _mm_movehdup_ps, _mm_mul_ps, _mm_or_si128,
    _mm_set1_epi16, _mm_set1_ps, _mm_setr_epi32, _mm_shuffle_epi32, _mm_srli_epi32, _mm_srlv_epi32,
    _mm256_broadcastss_ps, _mm256_cvtepi8_epi16, _mm256_cvtepi32_ps, _mm256_fmadd_ps, _mm256_madd_epi16,
    _mm256_set1_epi16, _mm256_setr_epi16, _mm256_setzero_ps, _mm256_shuffle_epi8, _mm256_slli_epi16,
    _mm512_and_si512, _mm512_broadcast_i32x4, _mm512_broadcast_i64x4, _mm512_broadcastss_ps,
    _mm512_castsi256_si512, _mm512_castsi512_si256, _mm512_cvtepi32_ps, _mm512_dpwssd_epi32, _mm512_fmadd_ps,
    _mm512_inserti64x4, _mm512_maddubs_epi16, _mm512_permutexvar_epi16, _mm512_reduce_add_ps,
    _mm512_set1_epi8, _mm512_setr_epi64, _mm512_setzero_ps, _mm512_setzero_si512, _mm512_shuffle_epi8,
    _mm512_sllv_epi16, _mm512_srli_epi16, _mm512_srlv_epi16, _mm512_sub_ps, _mm512_ternarylogic_epi32,
    _mm512_zextps256_ps512,
};

use super::lanes::{load_16, load_32, load_64};
use crate::model::format::Format;
use crate::model::quantized::few::input::SuperBlock;
use crate::model::quantized::few::{Share, multiply_rows};
use crate::model::quantized::stored::part;

/// `a & b | c`, for `_mm512_ternarylogic_epi32`.
const AND_OR: i32 = 0xEA;

/// A block of the matrix: an element is its byte times the scale of its 16, times the first of
/// `units`, less the offset of its 16 times the second.
struct Unpacked {
    /// In the order of [`SuperBlock::row`].
    bytes: [__m512i; 4],
    /// For each pair of bytes, in 16 bits.
    scales: [__m512i; 4],
    /// For each 16 columns, in 16 bits.
    offsets: __m256i,
    units: __m128,
}

/// Products of the rows of a share with `inputs`. Other formats are left alone.
#[target_feature(enable = "avx512bw,avx512vl,avx512vnni")]
pub(super) fn multiply(format: Format, share: Share<'_>, inputs: &[Vec<SuperBlock>]) {
    match format {
        Format::Q4K => multiply_rows(share, inputs, |block| q4k(block)),
        Format::Q5K => multiply_rows(share, inputs, |block| q5k(block)),
        Format::Q6K => multiply_rows(share, inputs, |block| q6k(block)),
        _ => {}
    }
}

multiply_rows!("avx512bw,avx512vl,avx512vnni", SuperBlock, Unpacked);

/// One row of the matrix with some of the input.
#[target_feature(enable = "avx512bw,avx512vl,avx512vnni")]
#[inline]
fn multiply_row<const N: usize, const SIZE: usize>(
    stored: &[[u8; SIZE]],
    inputs: [&[SuperBlock]; N],
    unpack: &impl Fn(&[u8; SIZE]) -> Unpacked,
) -> [f32; N] {
    let inputs = inputs.map(|input| &input[..stored.len()]);
    let mut totals = [_mm512_setzero_ps(); N];
    let mut total_offsets = [_mm256_setzero_ps(); N];
    for (index, block) in stored.iter().enumerate() {
        let block = unpack(block);
        for n in 0..N {
            let input = &inputs[n][index];
            let mut sums = _mm512_setzero_si512();
            for (part, x) in bytemuck::cast_slice(&input.bytes).as_chunks().0.iter().enumerate() {
                let products = _mm512_maddubs_epi16(block.bytes[part], load_64(x));
                sums = _mm512_dpwssd_epi32(sums, products, block.scales[part]);
            }
            let offsets = _mm256_madd_epi16(block.offsets, load_32(bytemuck::cast_ref(&input.sums)));
            let unit = _mm_mul_ps(block.units, _mm_set1_ps(input.scale));
            let unit_of_offsets = _mm256_broadcastss_ps(_mm_movehdup_ps(unit));
            totals[n] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sums), _mm512_broadcastss_ps(unit), totals[n]);
            total_offsets[n] =
                _mm256_fmadd_ps(_mm256_cvtepi32_ps(offsets), unit_of_offsets, total_offsets[n]);
        }
    }
    std::array::from_fn(|n| {
        _mm512_reduce_add_ps(_mm512_sub_ps(totals[n], _mm512_zextps256_ps512(total_offsets[n])))
    })
}

/// `d, dmin: f16`, 12 bytes of scales, 256 half bytes.
#[target_feature(enable = "avx512bw,avx512vl,avx512vnni")]
#[inline]
fn q4k(block: &[u8; 144]) -> Unpacked {
    let (scales, offsets, units) = k_scales(part(block, 0));
    let [a, b] = halves(load_64(part(block, 16)));
    let [c, d] = halves(load_64(part(block, 80)));
    Unpacked { bytes: [a, b, c, d], scales, offsets, units }
}

/// As [`q4k`], with fifth bits before the half bytes: byte `i` of 32 holds those of columns `i`,
/// `32 + i` …
#[target_feature(enable = "avx512bw,avx512vl,avx512vnni")]
#[inline]
fn q5k(block: &[u8; 176]) -> Unpacked {
    let (scales, offsets, units) = k_scales(part(block, 0));
    let [a, b] = halves(load_64(part(block, 48)));
    let [c, d] = halves(load_64(part(block, 112)));
    let fifth = _mm512_broadcast_i64x4(load_32(part(block, 16)));
    let fifths = [
        _mm512_sllv_epi16(fifth, in_halves(4, 2)),
        _mm512_sllv_epi16(fifth, in_halves(3, 1)),
        _mm512_srlv_epi16(fifth, in_halves(0, 2)),
        _mm512_srlv_epi16(fifth, in_halves(1, 3)),
    ];
    let [e, f, g, h] = fifths;
    let with = |low, fifth| _mm512_ternarylogic_epi32::<AND_OR>(fifth, _mm512_set1_epi8(0x10), low);
    Unpacked { bytes: [with(a, e), with(b, f), with(c, g), with(d, h)], scales, offsets, units }
}

/// 256 half bytes, 256 upper pairs of bits, scales of 16 blocks of 16, `d: f16`. All elements are 32
/// too large.
#[target_feature(enable = "avx512bw,avx512vl,avx512vnni")]
#[inline]
fn q6k(block: &[u8; 210]) -> Unpacked {
    let with = |low, upper| _mm512_ternarylogic_epi32::<AND_OR>(upper, _mm512_set1_epi8(0x30), low);
    let [a, b] = halves(load_64(part(block, 0)));
    let [c, d] = halves(load_64(part(block, 64)));
    let upper = [part(block, 128), part(block, 160)].map(|upper| _mm512_broadcast_i64x4(load_32(upper)));
    let [e, g] = upper.map(|upper| _mm512_sllv_epi16(upper, in_halves(4, 2)));
    let [f, h] = upper.map(|upper| _mm512_srlv_epi16(upper, in_halves(0, 2)));
    let scales = _mm256_cvtepi8_epi16(load_16(part(block, 192)));
    let spread = |first: i64| {
        let four = |index: i64| (first + index) * 0x0001_0001_0001_0001;
        let indices =
            _mm512_setr_epi64(four(0), four(0), four(1), four(1), four(2), four(2), four(3), four(3));
        _mm512_permutexvar_epi16(indices, _mm512_castsi256_si512(scales))
    };
    Unpacked {
        bytes: [with(a, e), with(b, f), with(c, g), with(d, h)],
        scales: [spread(0), spread(4), spread(8), spread(12)],
        offsets: _mm256_slli_epi16::<5>(scales),
        units: _mm_cvtph_ps(_mm_set1_epi16(i16::from_le_bytes(*part(block, 208)))),
    }
}

/// Of each byte the lower half, and the upper one.
#[target_feature(enable = "avx512bw,avx512vl,avx512vnni")]
#[inline]
fn halves(bytes: __m512i) -> [__m512i; 2] {
    let lower = _mm512_set1_epi8(15);
    [_mm512_and_si512(bytes, lower), _mm512_and_si512(_mm512_srli_epi16::<4>(bytes), lower)]
}

/// One number in 16 bits for all of the first 32 bytes, and one for the others.
#[target_feature(enable = "avx512bw,avx512vl,avx512vnni")]
#[inline]
fn in_halves(first: i16, second: i16) -> __m512i {
    _mm512_inserti64x4::<1>(_mm512_castsi256_si512(_mm256_set1_epi16(first)), _mm256_set1_epi16(second))
}

/// What `q4_k` and `q5_k` begin with: two units, and in six bits each the scales and offsets of
/// eight blocks of 32.
#[target_feature(enable = "avx512bw,avx512vl,avx512vnni")]
#[inline]
fn k_scales(start: &[u8; 16]) -> ([__m512i; 4], __m256i, __m128) {
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
    let all = _mm512_broadcast_i32x4(_mm_or_si128(low, high));
    let spread = |first, second| _mm512_shuffle_epi8(all, in_halves(ALONE | first, ALONE | second));
    let [i, j, k, l] = [8, 10, 12, 14].map(|index| ALONE | index);
    let twice =
        _mm256_setr_epi16(i, i, i + 1, i + 1, j, j, j + 1, j + 1, k, k, k + 1, k + 1, l, l, l + 1, l + 1);
    let offsets = _mm256_shuffle_epi8(_mm512_castsi512_si256(all), twice);
    ([spread(0, 2), spread(1, 3), spread(4, 6), spread(5, 7)], offsets, _mm_cvtph_ps(start))
}
