//! The walk through one head: packs its keys and values in the order of the kernel, then takes the
//! queries a tile at a time through logits, softmax and the mixing of values.
#![expect(unsafe_code, reason = "the kernel is for processors that have it")]

use std::cell::RefCell;
use std::ops::Range;

use bytemuck::{Pod, Zeroable};
use candle_core::utils::barrier_pool;

use super::avx512::{self, ROWS};
use super::{KeyGrid, LANES, Look, VECTOR, WIDEST_HEAD};
use crate::model::elementwise;

/// Queries of one head that a thread takes at a time, and packs keys and values for.
const PIECE: usize = 1024;
/// Queries in a tile.
const TILE: usize = 2 * ROWS;
/// Keys whose values stay in the first cache while all rows of a tile are mixed from them.
const MIXED: usize = 64;

/// Numbers of a lane without a key.
const NO_KEY: [f32; WIDEST_HEAD] = [0.0; WIDEST_HEAD];

/// What fits a register.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C, align(64))]
pub(super) struct Vector(pub(super) [f32; VECTOR]);

/// What a thread works in.
#[derive(Default)]
struct Workplace {
    /// For each [`LANES`] lanes and each number of a head's vectors, that number of each key.
    keys: Vec<[Vector; 2]>,
    /// For each key its value, filled up with zeros.
    values: Vec<Vector>,
    /// Of a tile, scaled: for each half, each number of each query.
    queries: Vec<[f32; ROWS]>,
    /// Of a tile: first logits, lane by lane, then weights, key by key.
    logits: Vec<Vector>,
    /// Of a tile: the result, before it is divided by the sum of weights.
    mixed: Vec<Vector>,
}

thread_local! {
    static WORKPLACE: RefCell<Workplace> = RefCell::default();
}

/// Works off `looks` of at most `queries` queries on all cores.
pub(super) fn run<L: Look>(looks: usize, queries: usize, look: &(impl Fn(usize) -> L + Sync)) {
    let runs = queries.div_ceil(PIECE).max(1);
    let at_once = queries.div_ceil(runs);
    barrier_pool().execute_chunked(looks * runs, |items| {
        WORKPLACE.with_borrow_mut(|place| {
            for item in items {
                let look = look(item / runs);
                let start = item % runs * at_once;
                place.attend(&look, start..look.queries().min(start + at_once));
            }
        });
    });
}

impl Workplace {
    fn attend(&mut self, look: &impl Look, queries: Range<usize>) {
        if queries.is_empty() {
            return;
        }
        self.pack(look);
        for first in queries.clone().step_by(TILE) {
            self.attend_tile(look, first..queries.end.min(first + TILE));
        }
    }

    fn pack(&mut self, look: &impl Look) {
        let grid = look.keys();
        let width = look.key(0).len();
        self.keys.resize(grid.lanes() / LANES * width, [Vector::zeroed(); 2]);
        for (chunk, numbers) in self.keys.chunks_exact_mut(width).enumerate() {
            for half in 0..2 {
                let first = chunk * LANES + half * VECTOR;
                let keys: [&[f32]; VECTOR] = std::array::from_fn(|lane| match grid.key(first + lane) {
                    Some(key) => look.key(key),
                    None => &NO_KEY[..width],
                });
                for (at, numbers) in numbers.iter_mut().enumerate() {
                    numbers[half].0.iter_mut().zip(keys).for_each(|(number, key)| *number = key[at]);
                }
            }
        }
        let vectors = width.div_ceil(VECTOR);
        self.values.clear();
        self.values.resize(grid.keys() * vectors, Vector::zeroed());
        for (key, place) in self.values.chunks_exact_mut(vectors).enumerate() {
            bytemuck::cast_slice_mut(place)[..width].copy_from_slice(look.value(key));
        }
    }

    fn attend_tile(&mut self, look: &impl Look, queries: Range<usize>) {
        let grid = look.keys();
        let (width, lanes) = (look.key(0).len(), grid.lanes());
        let seen = look.seen(queries.end - 1);
        let lanes_seen = if seen < grid.keys() { seen.next_multiple_of(LANES) } else { lanes };
        self.begin(look, queries.clone());
        for chunk in 0..lanes_seen / LANES {
            let keys = &self.keys[chunk * width..][..width];
            for half in 0..queries.len().div_ceil(ROWS) {
                let queries = &self.queries[half * width..][..width];
                let logits = &mut self.logits[half * ROWS * (lanes / VECTOR) + 2 * chunk..];
                // SAFETY: `tiled_attention::is_available` was asked before.
                unsafe { avx512::add_logits(keys, queries, logits, lanes / VECTOR) };
            }
        }
        let weights: &mut [f32] = bytemuck::cast_slice_mut(&mut self.logits);
        let mut sums = [0.0; TILE];
        for (row, sum) in weights.chunks_exact_mut(lanes).zip(&mut sums).take(queries.len()) {
            *sum = elementwise::exponentials(&mut row[..lanes_seen]);
            close_gaps(row, grid);
        }
        self.mix(seen, lanes, width.div_ceil(VECTOR));
        let mixed: &[f32] = bytemuck::cast_slice(&self.mixed);
        let rows = mixed.chunks_exact(width.next_multiple_of(VECTOR));
        for (query, (row, sum)) in queries.zip(rows.zip(sums)) {
            look.put(query, row[..width].iter().map(|value| value / sum));
        }
    }

    /// Scales and packs queries, and lets their logits begin.
    fn begin(&mut self, look: &impl Look, queries: Range<usize>) {
        let (width, lanes) = (look.key(0).len(), look.keys().lanes());
        let scale = (width as f32).sqrt().recip();
        self.queries.clear();
        self.queries.resize(2 * width, [0.0; ROWS]);
        self.logits.resize(TILE * lanes / VECTOR, Vector::zeroed());
        let rows = bytemuck::cast_slice_mut(&mut self.logits).chunks_exact_mut(lanes);
        for (index, row) in rows.enumerate() {
            let query = queries.start + index;
            if query >= queries.end {
                row.fill(0.0);
                continue;
            }
            look.begin(query, row);
            let packed = &mut self.queries[index / ROWS * width..];
            for (packed, number) in packed.iter_mut().zip(look.query(query)) {
                packed[index % ROWS] = number * scale;
            }
        }
    }

    /// Mixes `vectors` vectors of the first `keys` values by the weights of a tile.
    fn mix(&mut self, keys: usize, lanes: usize, vectors: usize) {
        self.mixed.clear();
        self.mixed.resize(TILE * vectors, Vector::zeroed());
        let weights: &[f32] = bytemuck::cast_slice(&self.logits);
        for first in (0..keys).step_by(MIXED) {
            let count = MIXED.min(keys - first);
            let values = &self.values[first * vectors..][..count * vectors];
            // SAFETY: `tiled_attention::is_available` was asked before.
            unsafe { avx512::add_mixed(&weights[first..], lanes, (values, vectors), &mut self.mixed) };
        }
    }
}

/// Moves weights of lanes to where their keys are counted.
fn close_gaps(row: &mut [f32], grid: KeyGrid) {
    let (lanes, columns) = (grid.lanes_of_row(), grid.columns);
    if lanes > columns {
        for index in 1..grid.rows {
            row.copy_within(index * lanes..index * lanes + columns, index * columns);
        }
    }
}
