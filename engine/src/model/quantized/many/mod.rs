//! Products of many rows of input with a matrix in blocks: how the work is divided, whatever the processor
//! multiplies with.
//!
//! A few panels of the matrix stay in the processor's second cache, and each group of rows of input
//! in its first while it is multiplied with all of them. The product is written in pieces of whole cache
//! lines.
#![expect(
    unsafe_code,
    reason = "kernels for processors that have been asked what they can, one result for all threads"
)]

mod activations;
mod avx2;
mod panel;
mod turn;
mod vnni;

use std::cell::RefCell;
use std::ops::Range;

use activations::{Activations, Group, ROWS};
use panel::{Numbers, Panel, WIDTH, block, common_offset};

use super::processor::Processor;
use super::stored::StoredMatrix;
use crate::model::elementwise::Finish;
use crate::model::format::Format;
use crate::model::scattered::Scattered;
use crate::model::threads;

/// Panels that a group of rows is multiplied with before the next group, at most.
const PANELS: usize = 4;
/// Pieces of work for each thread, so that none waits long for another.
const PIECES: usize = 8;
/// Groups of rows in a piece, at least: unpacking panels is for so many.
const GROUPS: usize = 16;

/// What some processors multiply panels with.
pub(super) trait Kernel: Processor {
    /// What the bytes of panels may take that are multiplied with one group of rows after another.
    const PANEL_BYTES: usize;

    /// Unpacks rows `first..first + WIDTH` of the matrix, all columns. Rows beyond the last are 0.
    ///
    /// # Safety
    /// The processor is available.
    unsafe fn unpack(panel: &mut Panel, matrix: &StoredMatrix<'_>, first: usize);

    /// The products of a group of rows with a panel of a matrix in `format`, whose offset is the same for all
    /// blocks (`COMMON`), or their own.
    ///
    /// # Safety
    /// The processor is available.
    unsafe fn multiply_group<const BLOCK: usize, const COMMON: bool>(
        format: Format,
        panel: &Panel,
        group: &Group<BLOCK>,
        sums: &mut [[Numbers; 2]; ROWS],
    );
}

/// `x` `[rows, columns]` times the transpose of `matrix`, finished, into `product` `[rows, outputs]`.
pub(super) fn multiply<K: Kernel>(
    matrix: &StoredMatrix<'_>,
    x: &[f32],
    finish: Finish<'_>,
    product: &mut [f32],
) {
    match (block(matrix.format), common_offset(matrix.format)) {
        (16, offset) => multiply_in_blocks::<K, 16, true>(matrix, x, offset.unwrap_or(0), (finish, product)),
        (_, Some(offset)) => multiply_in_blocks::<K, 32, true>(matrix, x, offset, (finish, product)),
        (_, None) => multiply_in_blocks::<K, 32, false>(matrix, x, 0, (finish, product)),
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
    fn new(matrix: &StoredMatrix<'_>, groups: usize, panel_bytes: usize) -> Self {
        let panels = matrix.rows.div_ceil(WIDTH);
        let panels_at_once = (panel_bytes / (WIDTH * matrix.columns)).clamp(1, PANELS);
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

fn multiply_in_blocks<K: Kernel, const BLOCK: usize, const COMMON: bool>(
    matrix: &StoredMatrix<'_>,
    x: &[f32],
    offset: i32,
    (finish, product): (Finish<'_>, &mut [f32]),
) {
    let (rows, outputs) = (x.len() / matrix.columns, matrix.rows);
    let x = &Activations::<BLOCK>::new(x, matrix.columns, offset);
    let product = &Scattered::new(product);
    let pieces = &Pieces::new(matrix, x.groups().len(), K::PANEL_BYTES);
    threads::divide(pieces.count(), |items| {
        WORKPLACE.with_borrow_mut(|unpacked| {
            for (panels, groups) in items.map(|item| pieces.piece(item)) {
                unpacked.resize_with(panels.len().max(unpacked.len()), Panel::new);
                for (panel, place) in panels.clone().zip(&mut *unpacked) {
                    // SAFETY: whether the processor is available was asked before.
                    unsafe { K::unpack(place, matrix, panel * WIDTH) };
                }
                let columns = panels.start * WIDTH..outputs.min(panels.end * WIDTH);
                let mut sums = [[[Numbers([0.0; 16]); 2]; ROWS]; PANELS];
                for (index, group) in groups.clone().zip(x.groups().skip(groups.start)) {
                    for (panel, sums) in unpacked[..panels.len()].iter().zip(&mut sums) {
                        // SAFETY: whether the processor is available was asked before.
                        unsafe { K::multiply_group::<BLOCK, COMMON>(matrix.format, panel, group, sums) };
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

#[cfg(test)]
mod tests;
