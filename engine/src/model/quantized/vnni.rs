//! The kernel for AVX-512 with VNNI: `vpdpbusd` multiplies four bytes of one row of input with four
//! bytes of each of 16 rows of the matrix, and adds them up.
//!
//! A few panels of the matrix stay in the processor's second cache, and each group of rows of input
//! in its first while it is multiplied with all of them. Sums never leave the registers, and the
//! product is written in pieces of whole cache lines.
#![expect(unsafe_code, reason = "the processor's own instructions, and threads that share one result")]

use std::arch::x86_64::{
    __m512, __m512i, _mm512_cvtepi32_ps, _mm512_dpbusd_epi32, _mm512_fmadd_ps, _mm512_fnmadd_ps,
    _mm512_load_ps, _mm512_load_si512, _mm512_mul_ps, _mm512_set1_epi32, _mm512_set1_ps, _mm512_setzero_ps,
    _mm512_setzero_si512, _mm512_store_ps,
};
use std::cell::RefCell;
use std::ops::Range;

use super::activations::{Activations, Group, ROWS};
use super::panel::{Lane, Numbers, Panel, StoredMatrix, WIDTH, block, common_offset};
use crate::model::elementwise::Finish;
use crate::model::scattered::Scattered;
use crate::model::threads;

/// Panels that a group of rows is multiplied with before the next group, at most.
const PANELS: usize = 4;
/// What their bytes may take.
const PANEL_BYTES: usize = 528 << 10;
/// Pieces of work for each thread, so that none waits long for another.
const PIECES: usize = 8;
/// Groups of rows in a piece, at least: unpacking panels is for so many.
const GROUPS: usize = 16;

/// Whether this processor has what the kernel needs.
pub(super) fn is_available() -> bool {
    is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vnni")
}

/// `x` `[rows, columns]` times the transpose of `matrix`, finished, into `product` `[rows, outputs]`.
pub(super) fn multiply(matrix: &StoredMatrix<'_>, x: &[f32], finish: Finish<'_>, product: &mut [f32]) {
    match (block(matrix.format), common_offset(matrix.format)) {
        (16, offset) => multiply_in_blocks::<16, true>(matrix, x, offset.unwrap_or(0), (finish, product)),
        (_, Some(offset)) => multiply_in_blocks::<32, true>(matrix, x, offset, (finish, product)),
        (_, None) => multiply_in_blocks::<32, false>(matrix, x, 0, (finish, product)),
    }
}

thread_local! {
    /// The panels that a thread works with.
    static WORKPLACE: RefCell<Vec<Panel>> = const { RefCell::new(Vec::new()) };
}

/// How a product is divided into pieces: some panels with some groups of rows each.
struct Pieces {
    panels: usize,
    panels_at_once: usize,
    groups: usize,
    groups_at_once: usize,
}

impl Pieces {
    fn new(matrix: &StoredMatrix<'_>, groups: usize) -> Self {
        let panels = matrix.rows.div_ceil(WIDTH);
        let panels_at_once = (PANEL_BYTES / (WIDTH * matrix.columns)).clamp(1, PANELS);
        let wanted = PIECES * threads::count();
        let runs = wanted.div_ceil(panels.div_ceil(panels_at_once));
        let groups_at_once = groups.div_ceil(runs).max(GROUPS);
        Self { panels, panels_at_once, groups, groups_at_once }
    }

    fn count(&self) -> usize {
        self.panels.div_ceil(self.panels_at_once) * self.groups.div_ceil(self.groups_at_once)
    }

    /// Panels and groups of a piece.
    fn piece(&self, index: usize) -> (Range<usize>, Range<usize>) {
        let runs = self.groups.div_ceil(self.groups_at_once);
        let (panel, group) = (index / runs * self.panels_at_once, index % runs * self.groups_at_once);
        let panels = panel..self.panels.min(panel + self.panels_at_once);
        (panels, group..self.groups.min(group + self.groups_at_once))
    }
}

fn multiply_in_blocks<const BLOCK: usize, const COMMON: bool>(
    matrix: &StoredMatrix<'_>,
    x: &[f32],
    offset: i32,
    (finish, product): (Finish<'_>, &mut [f32]),
) {
    let (rows, outputs) = (x.len() / matrix.columns, matrix.rows);
    let x = &Activations::<BLOCK>::new(x, matrix.columns, offset);
    let product = &Scattered::new(product);
    let pieces = &Pieces::new(matrix, x.groups().len());
    threads::divide(pieces.count(), |items| {
        WORKPLACE.with_borrow_mut(|unpacked| {
            for (panels, groups) in items.map(|item| pieces.piece(item)) {
                unpacked.resize_with(panels.len().max(unpacked.len()), Panel::new);
                for (panel, place) in panels.clone().zip(&mut *unpacked) {
                    // SAFETY: `is_available` was asked before.
                    unsafe { place.unpack(matrix, panel * WIDTH) };
                }
                let columns = panels.start * WIDTH..outputs.min(panels.end * WIDTH);
                let mut sums = [[[Numbers([0.0; 16]); 2]; ROWS]; PANELS];
                for (index, group) in groups.clone().zip(x.groups().skip(groups.start)) {
                    for (panel, sums) in unpacked[..panels.len()].iter().zip(&mut sums) {
                        // SAFETY: `is_available` was asked before.
                        unsafe { multiply_group::<BLOCK, COMMON>(panel, group, sums) };
                    }
                    for row in index * ROWS..rows.min((index + 1) * ROWS) {
                        let (from, to) = (row * outputs + columns.start, row * outputs + columns.end);
                        // SAFETY: no two pieces have the same panels and groups.
                        let place = unsafe { product.part(from..to) };
                        write_row(place, sums.iter().map(|sums| &sums[row % ROWS]));
                        finish.apply(place, columns.start);
                    }
                }
            }
        });
    });
}

/// The sums of one row with each panel, one behind the other; what has no place is left out.
fn write_row<'a>(row: &mut [f32], sums: impl Iterator<Item = &'a [Numbers; 2]>) {
    let mut sums = sums.flatten();
    // Whole vectors first: their length is known to the compiler.
    let (whole, rest) = row.as_chunks_mut::<16>();
    for (place, sums) in whole.iter_mut().zip(&mut sums) {
        *place = sums.0;
    }
    if let Some(sums) = sums.next() {
        rest.copy_from_slice(&sums.0[..rest.len()]);
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
