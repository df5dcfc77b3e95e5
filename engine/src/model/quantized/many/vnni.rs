//! The kernel for AVX-512 with VNNI: `vpdpbusd` multiplies four bytes of one row of input with four
//! bytes of each of 16 rows of the matrix, and adds them up. Sums never leave the registers.
#![expect(unsafe_code, reason = "the processor's own instructions")]

use std::arch::x86_64::{
    __m512, __m512i, _mm512_cvtepi32_ps, _mm512_dpbusd_epi32, _mm512_fmadd_ps, _mm512_fnmadd_ps,
    _mm512_load_ps, _mm512_load_si512, _mm512_mul_ps, _mm512_set1_epi32, _mm512_set1_ps, _mm512_setzero_ps,
    _mm512_setzero_si512, _mm512_store_ps,
};

use super::Kernel;
use super::activations::{Group, ROWS};
use super::panel::{Lane, Numbers, Panel};
use crate::model::format::Format;
use crate::model::quantized::processor::Vnni;
use crate::model::quantized::stored::StoredMatrix;

impl Kernel for Vnni {
    const PANEL_BYTES: usize = 528 << 10;

    unsafe fn unpack(panel: &mut Panel, matrix: &StoredMatrix<'_>, first: usize) {
        // SAFETY: the caller has asked.
        unsafe { panel.unpack_avx512(matrix, first) }
    }

    unsafe fn multiply_group<const BLOCK: usize, const COMMON: bool>(
        _: Format,
        panel: &Panel,
        group: &Group<BLOCK>,
        sums: &mut [[Numbers; 2]; ROWS],
    ) {
        // SAFETY: the caller has asked.
        unsafe { multiply_group::<BLOCK, COMMON>(panel, group, sums) }
    }
}

/// The products of a group of rows with a panel, whose offset is the same for all blocks or their own.
#[target_feature(enable = "avx512f,avx512vnni")]
fn multiply_group<const BLOCK: usize, const COMMON: bool>(
    panel: &Panel,
    group: &Group<BLOCK>,
    sums: &mut [[Numbers; 2]; ROWS],
) {
    let mut totals = [[_mm512_setzero_ps(); 2]; ROWS];
    let of_panel = panel.scales.iter().zip(&panel.offsets).zip(panel.bytes.chunks_exact(BLOCK / 4));
    let of_group = group.blocks.iter().zip(group.bytes.chunks_exact(BLOCK / 4));
    for (((scales, offsets), bytes), (block, inputs)) in of_panel.zip(of_group) {
        // Without a common offset all of them are 0. (By a closure, `map` would be a call, and registers go
        // through memory.)
        let mut dots = [[_mm512_setzero_si512(); 2]; ROWS];
        for (dots, &start) in dots.iter_mut().zip(&block.start) {
            *dots = [_mm512_set1_epi32(start); 2];
        }
        for (bytes, inputs) in bytes.iter().zip(inputs) {
            let bytes = [lane(&bytes[0]), lane(&bytes[1])];
            for (dots, &input) in dots.iter_mut().zip(inputs) {
                let input = _mm512_set1_epi32(input);
                dots[0] = _mm512_dpbusd_epi32(dots[0], bytes[0], input);
                dots[1] = _mm512_dpbusd_epi32(dots[1], bytes[1], input);
            }
        }
        for half in 0..2 {
            let scale = numbers(&scales[half]);
            let offset = numbers(&offsets[half]);
            for row in 0..ROWS {
                let dot = _mm512_mul_ps(_mm512_cvtepi32_ps(dots[row][half]), scale);
                let total = _mm512_fmadd_ps(dot, _mm512_set1_ps(block.scale[row]), totals[row][half]);
                totals[row][half] = if COMMON {
                    total
                } else {
                    _mm512_fnmadd_ps(offset, _mm512_set1_ps(block.sum[row]), total)
                };
            }
        }
    }
    for (sums, totals) in sums.iter_mut().zip(totals) {
        for (sum, total) in sums.iter_mut().zip(totals) {
            // SAFETY: 16 numbers, aligned to 64 bytes.
            unsafe { _mm512_store_ps(sum.0.as_mut_ptr(), total) };
        }
    }
}

#[target_feature(enable = "avx512f")]
fn lane(lane: &Lane) -> __m512i {
    // SAFETY: 64 bytes, aligned to 64.
    unsafe { _mm512_load_si512(lane.0.as_ptr().cast()) }
}

#[target_feature(enable = "avx512f")]
fn numbers(numbers: &Numbers) -> __m512 {
    // SAFETY: 16 numbers, aligned to 64 bytes.
    unsafe { _mm512_load_ps(numbers.0.as_ptr()) }
}
