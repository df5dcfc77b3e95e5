//! The kernel for AVX-512 with VNNI: `vpdpbusd` multiplies four bytes of one row of input with four
//! bytes of each of 16 rows of the matrix, and adds them up.
#![expect(unsafe_code, reason = "the processor's own instructions, and threads that share one result")]

use std::arch::x86_64::{
    __m512, __m512i, _mm512_cvtepi32_ps, _mm512_dpbusd_epi32, _mm512_fmadd_ps, _mm512_fnmadd_ps,
    _mm512_load_ps, _mm512_load_si512, _mm512_mul_ps, _mm512_set1_epi32, _mm512_set1_ps, _mm512_store_ps,
};
use std::cell::RefCell;

use candle_core::utils::barrier_pool;

use super::activations::{Activations, ROWS, Stretch};
use super::panel::{Lane, Numbers, Panel, STRETCH, StoredMatrix, WIDTH, block, common_offset};

/// Groups of rows that a panel is unpacked for: their sums stay in the second cache.
const GROUPS_AT_ONCE: usize = 128;

/// Whether this processor has what the kernel needs.
pub(super) fn is_available() -> bool {
    is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vnni")
}

/// `x` `[rows, columns]` times the transpose of `matrix`, into `product` `[rows, outputs]`.
pub(super) fn multiply(matrix: &StoredMatrix<'_>, x: &[f32], product: &mut [f32]) {
    match (block(matrix.format), common_offset(matrix.format)) {
        (16, offset) => multiply_in_blocks::<16, true>(matrix, x, (product, offset.unwrap_or(0))),
        (_, Some(offset)) => multiply_in_blocks::<32, true>(matrix, x, (product, offset)),
        (_, None) => multiply_in_blocks::<32, false>(matrix, x, (product, 0)),
    }
}

/// What a thread works in.
struct Workplace {
    panel: Panel,
    /// Of each row of some groups with the 32 rows of the panel.
    sums: Vec<[[Numbers; 2]; ROWS]>,
}

thread_local! {
    static WORKPLACE: RefCell<Workplace> =
        RefCell::new(Workplace { panel: Panel::new(), sums: Vec::new() });
}

/// Where threads write; each its own elements.
#[derive(Clone, Copy)]
struct Product {
    start: *mut f32,
    rows: usize,
    outputs: usize,
}

// SAFETY: it is only written through `Product::put`, whose callers keep to their own elements.
unsafe impl Sync for Product {}

fn multiply_in_blocks<const BLOCK: usize, const COMMON: bool>(
    matrix: &StoredMatrix<'_>,
    x: &[f32],
    (product, offset): (&mut [f32], i32),
) {
    let x = &Activations::<BLOCK>::new(x, matrix.columns);
    let product =
        Product { start: product.as_mut_ptr(), rows: product.len() / matrix.rows, outputs: matrix.rows };
    let product = &product;
    let panels = matrix.rows.div_ceil(WIDTH);
    let runs = x.groups().len().div_ceil(GROUPS_AT_ONCE);
    barrier_pool().execute_chunked(panels * runs, |items| {
        WORKPLACE.with_borrow_mut(|place| {
            for item in items {
                let (first_row, first_group) = (item % panels * WIDTH, item / panels * GROUPS_AT_ONCE);
                let groups = x.groups().skip(first_group).take(GROUPS_AT_ONCE);
                place.sums.clear();
                place.sums.resize(groups.len(), [[Numbers([0.0; 16]); 2]; ROWS]);
                for start in (0..matrix.columns).step_by(STRETCH) {
                    let length = STRETCH.min(matrix.columns - start);
                    place.panel.unpack(matrix, first_row, start, length);
                    for (group, sums) in groups.clone().zip(&mut place.sums) {
                        // SAFETY: `is_available` was asked before.
                        unsafe {
                            add_products::<BLOCK, COMMON>(
                                &place.panel,
                                group.stretch(start, length),
                                (sums, offset),
                            );
                        }
                    }
                }
                for (group, sums) in (first_group..).zip(&place.sums) {
                    // SAFETY: no two items have the same panel and groups.
                    unsafe { product.put(group * ROWS, first_row, sums) };
                }
            }
        });
    });
}

impl Product {
    /// Writes the sums of a group of rows, from `row` on, with the rows of a panel, from `column` on;
    /// what lies outside is left out.
    ///
    /// # Safety
    /// The product is still there, and no other thread writes these elements.
    unsafe fn put(&self, row: usize, column: usize, sums: &[[Numbers; 2]; ROWS]) {
        for (row, sums) in (row..self.rows).zip(sums) {
            for (column, sums) in [column, column + 16].into_iter().zip(sums) {
                let width = self.outputs.saturating_sub(column).min(16);
                // SAFETY: `row < rows`, and `column + width <= outputs` where `width` is not 0.
                unsafe {
                    let place = self.start.wrapping_add(row * self.outputs + column);
                    sums.0.as_ptr().copy_to_nonoverlapping(place, width);
                }
            }
        }
    }
}

/// Adds the products of a group of rows with a panel to `sums`. `offset` are scales to be taken off
/// every element of the panel, where that is the same for all blocks.
#[target_feature(enable = "avx512f,avx512vnni")]
fn add_products<const BLOCK: usize, const COMMON: bool>(
    panel: &Panel,
    group: Stretch<'_>,
    (sums, offset): (&mut [[Numbers; 2]; ROWS], i32),
) {
    let mut totals = sums.each_ref().map(|[left, right]| [numbers(left), numbers(right)]);
    let of_panel = panel.scales.iter().zip(&panel.offsets).zip(panel.bytes.chunks_exact(BLOCK / 4));
    let of_group = group.blocks.iter().zip(group.bytes.chunks_exact(BLOCK / 4));
    for (((scales, offsets), bytes), (block, inputs)) in of_panel.zip(of_group) {
        let start = |row: usize| if COMMON { -offset * block.byte_sum[row] } else { 0 };
        let mut dots: [[__m512i; 2]; ROWS] = std::array::from_fn(|row| [_mm512_set1_epi32(start(row)); 2]);
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
