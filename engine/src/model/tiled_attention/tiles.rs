//! The walk through one head: packs its keys and values in the order of the kernel, then takes the
//! queries a tile at a time through logits, softmax and the mixing of values.
#![expect(unsafe_code, reason = "kernels are for processors that have them")]

use std::cell::RefCell;
use std::ops::Range;

use bytemuck::{Pod, Zeroable};

use super::kernel::{Kernel, ROWS};
use super::{Factors, KeyGrid, LANES, Look, VECTOR, WIDEST_HEAD, avx2, avx512};
use crate::model::{elementwise, threads};

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
    /// For each [`LANES`] lanes and each place of a head's vectors, what stands there of each key.
    keys: Vec<[Vector; 2]>,
    /// For each key, or pair of keys, its value, filled up with zeros.
    values: Vec<Vector>,
    /// Of a tile, scaled: for each half, each place of each query.
    queries: Vec<[f32; ROWS]>,
    /// Of a tile: first logits, lane by lane, then weights, key by key.
    logits: Vec<Vector>,
    /// Of a tile: the result, before it is divided by the sum of weights.
    mixed: Vec<Vector>,
}

thread_local! {
    static WORKPLACE: RefCell<Workplace> = RefCell::default();
}

/// The kernels that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Processor {
    /// AVX-512 with factors in bf16.
    Avx512Bf16,
    Avx512,
    Avx2,
}

impl Processor {
    /// The fastest first.
    pub(super) const ALL: [Self; 3] = [Self::Avx512Bf16, Self::Avx512, Self::Avx2];

    /// The fastest that this processor has for such factors.
    pub(super) fn fastest(factors: Factors) -> Option<Self> {
        let suits = |kernel: &Self| *kernel != Self::Avx512Bf16 || factors == Factors::Bf16;
        Self::ALL.into_iter().filter(suits).find(|kernel| kernel.is_available())
    }

    pub(super) fn is_available(self) -> bool {
        match self {
            Self::Avx512Bf16 => avx512::Paired::is_available(),
            Self::Avx512 => avx512::Single::is_available(),
            Self::Avx2 => avx2::Single::is_available(),
        }
    }

    /// Works off `looks` of at most `queries` queries on all cores. The kernel is available.
    pub(super) fn run<L: Look>(self, looks: usize, queries: usize, look: &(impl Fn(usize) -> L + Sync)) {
        match self {
            Self::Avx512Bf16 => run_with::<L, avx512::Paired>(looks, queries, look),
            Self::Avx512 => run_with::<L, avx512::Single>(looks, queries, look),
            Self::Avx2 => run_with::<L, avx2::Single>(looks, queries, look),
        }
    }
}

fn run_with<L: Look, K: Kernel>(looks: usize, queries: usize, look: &(impl Fn(usize) -> L + Sync)) {
    let runs = queries.div_ceil(PIECE).max(1);
    let at_once = queries.div_ceil(runs);
    threads::divide(looks * runs, |items| {
        WORKPLACE.with_borrow_mut(|place| {
            for item in items {
                let look = look(item / runs);
                let start = item % runs * at_once;
                place.attend::<K>(&look, start..look.queries().min(start + at_once));
            }
        });
    });
}

impl Workplace {
    fn attend<K: Kernel>(&mut self, look: &impl Look, queries: Range<usize>) {
        if queries.is_empty() {
            return;
        }
        self.pack::<K>(look);
        for first in queries.clone().step_by(TILE) {
            self.attend_tile::<K>(look, first..queries.end.min(first + TILE));
        }
    }

    fn pack<K: Kernel>(&mut self, look: &impl Look) {
        let grid = look.keys();
        let width = look.key(0).len();
        let (places, vectors) = (width.div_ceil(K::TOGETHER), width.div_ceil(VECTOR));
        self.keys.resize(grid.lanes() / LANES * places, [Vector::zeroed(); 2]);
        for (chunk, numbers) in self.keys.chunks_exact_mut(places).enumerate() {
            for half in 0..2 {
                let first = chunk * LANES + half * VECTOR;
                let keys: [&[f32]; VECTOR] = std::array::from_fn(|lane| match grid.key(first + lane) {
                    Some(key) => look.key(key),
                    None => &NO_KEY[..width],
                });
                for (at, numbers) in numbers.iter_mut().enumerate() {
                    let of_keys = numbers[half].0.iter_mut().zip(keys);
                    of_keys.for_each(|(number, key)| *number = factors::<K>(at, |i| key.get(i).copied()));
                }
            }
        }
        self.values.clear();
        self.values.resize(grid.keys().div_ceil(K::TOGETHER) * vectors, Vector::zeroed());
        for (at, place) in self.values.chunks_exact_mut(vectors).enumerate() {
            let first = look.value(at * K::TOGETHER);
            let second = (at * K::TOGETHER + 1 < grid.keys()).then(|| look.value(at * K::TOGETHER + 1));
            let second = second.unwrap_or(&NO_KEY[..width]);
            let place: &mut [f32] = bytemuck::cast_slice_mut(place);
            for (place, (&first, &second)) in place.iter_mut().zip(first.iter().zip(second)) {
                *place = factors::<K>(0, |i| Some(if i == 0 { first } else { second }));
            }
        }
    }

    fn attend_tile<K: Kernel>(&mut self, look: &impl Look, queries: Range<usize>) {
        let grid = look.keys();
        let (width, lanes, stride) = (look.key(0).len(), grid.lanes(), stride(grid));
        let places = width.div_ceil(K::TOGETHER);
        let seen = look.seen(queries.end - 1);
        let lanes_seen = if seen < grid.keys() { seen.next_multiple_of(LANES) } else { lanes };
        self.begin::<K>(look, queries.clone());
        for chunk in 0..lanes_seen / LANES {
            let keys = &self.keys[chunk * places..][..places];
            for half in 0..queries.len().div_ceil(ROWS) {
                let queries = &self.queries[half * places..][..places];
                let logits = &mut self.logits[half * ROWS * stride / VECTOR + 2 * chunk..];
                // SAFETY: only kernels that are available run.
                unsafe { K::add_logits(keys, queries, logits, stride / VECTOR) };
            }
        }
        let mut sums = [0.0; TILE];
        let rows = self.logits.chunks_exact_mut(stride / VECTOR);
        for (row, sum) in rows.zip(&mut sums).take(queries.len()) {
            let weights: &mut [f32] = bytemuck::cast_slice_mut(row);
            *sum = elementwise::exponentials(&mut weights[..lanes_seen]);
            close_gaps(weights, grid);
            // What is left of an odd number has no partner.
            weights[seen] = 0.0;
            // SAFETY: as above.
            unsafe { K::pack(row) };
        }
        self.mix::<K>(seen, stride, width.div_ceil(VECTOR));
        let mixed: &[f32] = bytemuck::cast_slice(&self.mixed);
        let rows = mixed.chunks_exact(width.next_multiple_of(VECTOR));
        for (query, (row, sum)) in queries.zip(rows.zip(sums)) {
            look.put(query, row[..width].iter().map(|value| value / sum));
        }
    }

    /// Scales and packs queries, and lets their logits begin.
    fn begin<K: Kernel>(&mut self, look: &impl Look, queries: Range<usize>) {
        let (width, lanes, stride) = (look.key(0).len(), look.keys().lanes(), stride(look.keys()));
        let places = width.div_ceil(K::TOGETHER);
        let scale = (width as f32).sqrt().recip();
        self.queries.clear();
        self.queries.resize(2 * places, [0.0; ROWS]);
        self.logits.resize(TILE * stride / VECTOR, Vector::zeroed());
        let rows = bytemuck::cast_slice_mut(&mut self.logits).chunks_exact_mut(stride);
        for (index, row) in rows.enumerate() {
            let query = queries.start + index;
            if query >= queries.end {
                row.fill(0.0);
                continue;
            }
            look.begin(query, &mut row[..lanes]);
            let query = look.query(query);
            for (at, packed) in self.queries[index / ROWS * places..][..places].iter_mut().enumerate() {
                packed[index % ROWS] = factors::<K>(at, |i| query.get(i).map(|number| number * scale));
            }
        }
    }

    /// Mixes `vectors` vectors of the first `keys` values by the weights of a tile.
    fn mix<K: Kernel>(&mut self, keys: usize, stride: usize, vectors: usize) {
        self.mixed.clear();
        self.mixed.resize(TILE * vectors, Vector::zeroed());
        let weights: &[f32] = bytemuck::cast_slice(&self.logits);
        let places = keys.div_ceil(K::TOGETHER);
        for first in (0..places).step_by(MIXED) {
            let count = MIXED.min(places - first);
            let values = (&self.values[first * vectors..][..count * vectors], vectors);
            // SAFETY: only kernels that are available run.
            unsafe { K::add_mixed(&weights[first..], stride, values, &mut self.mixed) };
        }
    }
}

/// The number at place `at`, or those two that share it.
fn factors<K: Kernel>(at: usize, number: impl Fn(usize) -> Option<f32>) -> f32 {
    let number = |index: usize| number(index).unwrap_or(0.0);
    match K::TOGETHER {
        1 => number(at),
        _ => f32::from_bits(bf16_bits(number(2 * at)) | bf16_bits(number(2 * at + 1)) << 16),
    }
}

/// The nearest bf16: the upper half of a number in single precision, ties to even.
fn bf16_bits(number: f32) -> u32 {
    let bits = number.to_bits();
    let rounded = bits.wrapping_add(0x7fff + (bits >> 16 & 1)) >> 16;
    // What is no number stays none, whatever its bits.
    if number.is_nan() { 0x7fc0 } else { rounded }
}

/// How far apart the logits of queries lie: not by a power of two, or else they meet in few places of the
/// caches.
fn stride(grid: KeyGrid) -> usize {
    grid.lanes() + VECTOR
}

/// Moves weights of lanes to where their keys are counted.
fn close_gaps(row: &mut [f32], grid: KeyGrid) {
    let (lanes, columns) = (grid.lanes_of_row(), grid.columns);
    if lanes == columns {
        return;
    }
    // Gaps are moved along, and written over by the next row of keys.
    for index in 1..grid.rows {
        for start in (0..lanes).step_by(VECTOR) {
            let (from, to) = (index * lanes + start, index * columns + start);
            let vector: Option<[f32; VECTOR]> = row[from..].first_chunk().copied();
            if let (Some(vector), Some(place)) = (vector, row[to..].first_chunk_mut()) {
                *place = vector;
            }
        }
    }
}
