//! The kernel for AVX2: `vpmaddubsw` multiplies four bytes of one row of input with four bytes of each of 8
//! rows of the matrix, and adds them up two by two, in 16 bits.
//!
//! Of most formats the bytes are so small that several such sums fit into 16 bits, before they are widened
//! to 32. Those of `q8_0` are as large as bytes can be: their sign is moved to the input.
#![expect(unsafe_code, reason = "the processor's own instructions")]

use std::arch::x86_64::{
    __m256, __m256i, _mm256_abs_epi8, _mm256_add_epi16, _mm256_add_epi32, _mm256_cvtepi32_ps,
    _mm256_fmadd_ps, _mm256_fnmadd_ps, _mm256_load_ps, _mm256_load_si256, _mm256_madd_epi16,
    _mm256_maddubs_epi16, _mm256_mul_ps, _mm256_set1_epi8, _mm256_set1_epi16, _mm256_set1_epi32,
    _mm256_set1_ps, _mm256_setzero_ps, _mm256_setzero_si256, _mm256_sign_epi8, _mm256_store_ps,
    _mm256_xor_si256,
};

use super::Kernel;
use super::activations::{BlockOfRows, Group, ROWS};
use super::panel::{Lane, Numbers, Panel};
use crate::model::format::Format;
use crate::model::quantized::processor::Avx2;
use crate::model::quantized::stored::StoredMatrix;

/// Registers across a panel: four of 8 rows of the matrix.
const REGISTERS: usize = 4;

impl Kernel for Avx2 {
    const PANEL_BYTES: usize = 264 << 10;

    unsafe fn unpack(panel: &mut Panel, matrix: &StoredMatrix<'_>, first: usize) {
        // SAFETY: the caller has asked.
        unsafe { panel.unpack_avx2(matrix, first) }
    }

    unsafe fn multiply_group<const BLOCK: usize, const COMMON: bool>(
        format: Format,
        panel: &Panel,
        group: &Group<BLOCK>,
        sums: &mut [[Numbers; 2]; ROWS],
    ) {
        // SAFETY: the caller has asked.
        unsafe {
            match format {
                Format::Q8_0 => multiply_large::<BLOCK>(panel, group, sums),
                // 2 × 63 × 127 fits twice into 15 bits, 2 × 31 × 127 four times, 2 × 15 × 127 eight times.
                Format::Q6K => multiply_small::<BLOCK, COMMON, 2>(panel, group, sums),
                Format::Q5K | Format::Q5_0 => multiply_small::<BLOCK, COMMON, 4>(panel, group, sums),
                _ => multiply_small::<BLOCK, COMMON, 8>(panel, group, sums),
            }
        }
    }
}

/// Bytes of which the products with `TOGETHER` times four of the input can be added up in 16 bits. Two
/// registers of the panel at a time.
#[target_feature(enable = "avx2,fma")]
fn multiply_small<const BLOCK: usize, const COMMON: bool, const TOGETHER: usize>(
    panel: &Panel,
    group: &Group<BLOCK>,
    sums: &mut [[Numbers; 2]; ROWS],
) {
    let ones = _mm256_set1_epi16(1);
    for half in 0..REGISTERS / 2 {
        let mut totals = [[_mm256_setzero_ps(); 2]; ROWS];
        let of_panel = panel.scales.iter().zip(&panel.offsets).zip(panel.bytes.chunks_exact(BLOCK / 4));
        let of_group = group.blocks.iter().zip(group.bytes.chunks_exact(BLOCK / 4));
        for (((scales, offsets), bytes), (block, inputs)) in of_panel.zip(of_group) {
            let mut dots = [[_mm256_setzero_si256(); 2]; ROWS];
            for (bytes, inputs) in bytes.chunks_exact(TOGETHER).zip(inputs.chunks_exact(TOGETHER)) {
                let mut pairs = [[_mm256_setzero_si256(); 2]; ROWS];
                for (bytes, inputs) in bytes.iter().zip(inputs) {
                    let (first, second) = (lanes(&bytes[half], 0), lanes(&bytes[half], 1));
                    for (pairs, &input) in pairs.iter_mut().zip(inputs) {
                        let input = _mm256_set1_epi32(input);
                        pairs[0] = _mm256_add_epi16(pairs[0], _mm256_maddubs_epi16(first, input));
                        pairs[1] = _mm256_add_epi16(pairs[1], _mm256_maddubs_epi16(second, input));
                    }
                }
                for (dots, pairs) in dots.iter_mut().zip(pairs) {
                    dots[0] = _mm256_add_epi32(dots[0], _mm256_madd_epi16(pairs[0], ones));
                    dots[1] = _mm256_add_epi32(dots[1], _mm256_madd_epi16(pairs[1], ones));
                }
            }
            for part in 0..2 {
                let scale = numbers(&scales[half], part);
                let offset = numbers(&offsets[half], part);
                for row in 0..ROWS {
                    let dots = _mm256_add_epi32(dots[row][part], _mm256_set1_epi32(block.start[row]));
                    let total = added(totals[row][part], dots, scale, (block, row));
                    totals[row][part] = if COMMON {
                        total
                    } else {
                        _mm256_fnmadd_ps(offset, _mm256_set1_ps(block.sum[row]), total)
                    };
                }
            }
        }
        for (sums, totals) in sums.iter_mut().zip(totals) {
            store(&mut sums[half], 0, totals[0]);
            store(&mut sums[half], 1, totals[1]);
        }
    }
}

/// Bytes with 128 added, of any size. One register of the panel at a time.
#[target_feature(enable = "avx2,fma")]
fn multiply_large<const BLOCK: usize>(panel: &Panel, group: &Group<BLOCK>, sums: &mut [[Numbers; 2]; ROWS]) {
    let (ones, added_to_all) = (_mm256_set1_epi16(1), _mm256_set1_epi8(-128));
    for register in 0..REGISTERS {
        let (half, part) = (register / 2, register % 2);
        let mut totals = [_mm256_setzero_ps(); ROWS];
        let of_panel = panel.scales.iter().zip(panel.bytes.chunks_exact(BLOCK / 4));
        let of_group = group.blocks.iter().zip(group.bytes.chunks_exact(BLOCK / 4));
        for ((scales, bytes), (block, inputs)) in of_panel.zip(of_group) {
            let mut dots = [_mm256_setzero_si256(); ROWS];
            for (bytes, inputs) in bytes.iter().zip(inputs) {
                let bytes = _mm256_xor_si256(lanes(&bytes[half], part), added_to_all);
                let sizes = _mm256_abs_epi8(bytes);
                for (dots, &input) in dots.iter_mut().zip(inputs) {
                    let input = _mm256_sign_epi8(_mm256_set1_epi32(input), bytes);
                    let pairs = _mm256_maddubs_epi16(sizes, input);
                    *dots = _mm256_add_epi32(*dots, _mm256_madd_epi16(pairs, ones));
                }
            }
            let scale = numbers(&scales[half], part);
            for row in 0..ROWS {
                totals[row] = added(totals[row], dots[row], scale, (block, row));
            }
        }
        for (sums, total) in sums.iter_mut().zip(totals) {
            store(&mut sums[half], part, total);
        }
    }
}

/// `total` and whole sums of products, in the scales of matrix and input.
#[target_feature(enable = "avx2,fma")]
#[inline]
fn added(total: __m256, dots: __m256i, scale: __m256, (block, row): (&BlockOfRows, usize)) -> __m256 {
    let dots = _mm256_mul_ps(_mm256_cvtepi32_ps(dots), scale);
    _mm256_fmadd_ps(dots, _mm256_set1_ps(block.scale[row]), total)
}

/// The first or second half of a lane.
#[target_feature(enable = "avx2,fma")]
#[inline]
fn lanes(lane: &Lane, part: usize) -> __m256i {
    // SAFETY: 32 bytes within 64, aligned to 32.
    unsafe { _mm256_load_si256(lane.0[8 * part..][..8].as_ptr().cast()) }
}

#[target_feature(enable = "avx2,fma")]
#[inline]
fn numbers(numbers: &Numbers, part: usize) -> __m256 {
    // SAFETY: 8 numbers of 16, aligned to 32 bytes.
    unsafe { _mm256_load_ps(numbers.0[8 * part..][..8].as_ptr()) }
}

#[target_feature(enable = "avx2,fma")]
#[inline]
fn store(numbers: &mut Numbers, part: usize, value: __m256) {
    // SAFETY: 8 numbers of 16, aligned to 32 bytes.
    unsafe { _mm256_store_ps(numbers.0[8 * part..][..8].as_mut_ptr(), value) }
}
