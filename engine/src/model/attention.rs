//! Attention of few new positions over the whole cache, on the CPU: a token of a reply, a short
//! question. Called by [`super::llm`], which has another formulation in tensors for everything else.
//!
//! What there is to do is to read the cache once, so nothing of it is copied or converted as a whole:
//! each core takes one head after the other, and goes through its keys and then its values in stretches,
//! which it widens to single precision in its caches. For one or two queries each stretch is read as it
//! comes; for more, it is worth a product of matrices.

#![expect(unsafe_code, reason = "the interface of the library that multiplies")]

use candle_core::{CpuStorage, DType, Device, Result, Storage, Tensor};
use gemm::{Parallelism, gemm};
use half::f16;
use half::slice::HalfFloatSliceExt;

use super::elementwise::softmax_of_row;
use super::kv_cache::KvCache;
use super::threads;

/// New positions up to which this pays; of more, the products are large enough for the general routine.
const FEW: usize = 32;
/// Positions that are widened at a time, for the first cache.
const STRETCH: usize = 16;
/// Queries from which on a product of matrices pays for laying out what it multiplies.
const MANY: usize = 4;
/// Positions of such a product, for the second cache.
const LONG_STRETCH: usize = 128;
/// Numbers that are worked on together.
const LANES: usize = 16;
/// Products that one core makes before another would have begun.
const SMALL: usize = 1 << 16;

/// How the channels of a position divide.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heads {
    /// Heads of queries, a multiple of `shared`.
    pub(super) queries: usize,
    /// Heads of keys and values.
    pub(super) shared: usize,
    /// Channels of a head, an even number.
    pub(super) width: usize,
}

/// Projections of `n` new positions, not turned to their places yet.
#[derive(Debug)]
pub(super) struct Projected {
    /// `[n, heads · width]`.
    pub(super) query: Tensor,
    /// `[n, shared heads · width]`.
    pub(super) key: Tensor,
    /// As the keys.
    pub(super) value: Tensor,
}

/// Whether [`attend`] is the way to do it for positions `[n, channels]`.
pub(super) fn is_for(x: &Tensor) -> bool {
    x.device().is_cpu() && x.dtype() == DType::F32 && x.dim(0).is_ok_and(|n| n <= FEW)
}

/// Writes the new positions to block `index` of the cache and lets each look at all up to itself:
/// `[n, heads · width]`. `turns` are cosines and sines, `[n, width / 2]`.
///
/// # Errors
/// The tensor library's.
pub(super) fn attend(
    heads: Heads,
    new: &Projected,
    turns: (&Tensor, &Tensor),
    (cache, index): (&KvCache, usize),
) -> Result<Tensor> {
    let turns = (numbers(turns.0)?, numbers(turns.1)?);
    let (mut query, mut key) = (numbers(&new.query)?, numbers(&new.key)?);
    rotate(&mut query, heads.width, &turns);
    rotate(&mut key, heads.width, &turns);
    let factor = (heads.width as f32).powf(-0.5);
    for value in &mut query {
        *value *= factor;
    }
    let (keys, values) = cache.write_rows(index, &key, &numbers(&new.value)?)?;

    let positions = Positions { heads, n: new.query.dim(0)?, past: cache.len() };
    let query = positions.heads_first(&query);
    let ((keys, place), (values, _)) = (keys.storage_and_layout(), values.storage_and_layout());
    let (start, apart) = (place.start_offset(), place.stride().first().copied().unwrap_or_default());
    let mixed = match (&*keys, &*values) {
        (Storage::Cpu(CpuStorage::F32(keys)), Storage::Cpu(CpuStorage::F32(values))) => {
            positions.attend(&query, (&keys[start..], &values[start..]), apart)
        }
        (Storage::Cpu(CpuStorage::F16(keys)), Storage::Cpu(CpuStorage::F16(values))) => {
            positions.attend(&query, (&keys[start..], &values[start..]), apart)
        }
        _ => candle_core::bail!("keys and values in single or half precision, on the CPU"),
    };
    Tensor::from_vec(mixed, (positions.n, heads.queries * heads.width), &Device::Cpu)
}

fn numbers(x: &Tensor) -> Result<Vec<f32>> {
    x.flatten_all()?.to_vec1()
}

/// Turns `[n, heads, width]` to its positions: channel `i` of a head with channel `i + width / 2`.
fn rotate(x: &mut [f32], width: usize, (cos, sin): &(Vec<f32>, Vec<f32>)) {
    let (pairs, n) = (width / 2, 2 * cos.len() / width);
    let turns = cos.chunks_exact(pairs).zip(sin.chunks_exact(pairs));
    for (x, (cos, sin)) in x.chunks_exact_mut(x.len() / n).zip(turns) {
        for head in x.chunks_exact_mut(width) {
            let (left, right) = head.split_at_mut(pairs);
            for ((a, b), (cos, sin)) in left.iter_mut().zip(right).zip(cos.iter().zip(sin)) {
                (*a, *b) = (*a * cos - *b * sin, *b * cos + *a * sin);
            }
        }
    }
}

/// New positions behind `past` others.
#[derive(Debug, Clone, Copy)]
struct Positions {
    heads: Heads,
    n: usize,
    past: usize,
}

impl Positions {
    /// `[n, heads, width]` → `[heads, n, width]`.
    fn heads_first(&self, x: &[f32]) -> Vec<f32> {
        let Heads { queries, width, .. } = self.heads;
        let place = |row: usize| (row % self.n * queries + row / self.n) * width;
        (0..queries * self.n).flat_map(|row| &x[place(row)..][..width]).copied().collect()
    }

    /// Queries `[heads, n, width]` over keys and values `[shared heads, …, width]`, whose heads are
    /// `apart` numbers apart: `[n, heads, width]`.
    fn attend<T: Number>(&self, query: &[f32], (keys, values): (&[T], &[T]), apart: usize) -> Vec<f32> {
        let Heads { queries, shared, width } = self.heads;
        let room = queries / shared * self.n * width;
        let known = (self.past + self.n) * width;
        let attend = |head: usize, mixed: &mut [f32]| {
            let start = head * apart;
            let seen = (&keys[start..start + known], &values[start..start + known]);
            self.attend_head(&query[head * room..][..room], seen, mixed);
        };
        let mut of_heads = vec![0.0; query.len()];
        if query.len() * (self.past + self.n) <= SMALL {
            of_heads.chunks_mut(room).enumerate().for_each(|(head, mixed)| attend(head, mixed));
        } else {
            threads::each_chunk_mut(&mut of_heads, room, attend);
        }
        self.positions_first(&of_heads)
    }

    /// `[heads, n, width]` → `[n, heads, width]`.
    fn positions_first(&self, x: &[f32]) -> Vec<f32> {
        let Heads { queries, width, .. } = self.heads;
        let place = |row: usize| (row % queries * self.n + row / queries) * width;
        (0..queries * self.n).flat_map(|row| &x[place(row)..][..width]).copied().collect()
    }

    /// Queries `[heads that share one, n, width]` over its keys and values `[past + n, width]`, into `mixed`, which is
    /// as large as they are, and all 0.
    fn attend_head<T: Number>(&self, query: &[f32], (keys, values): (&[T], &[T]), mixed: &mut [f32]) {
        let width = self.heads.width;
        let known = self.past + self.n;
        let rows = query.len() / width;
        let stretch = if rows < MANY { STRETCH } else { LONG_STRETCH };
        let mut wide = vec![0.0; stretch.min(known) * width];
        let mut weights = vec![0.0; rows * known];
        for (number, keys) in keys.chunks(stretch * width).enumerate() {
            let keys = T::widen(keys, &mut wide);
            weigh(&mut weights[number * stretch..], known, query, keys, width);
        }
        for (row, weights) in weights.chunks_exact_mut(known).enumerate() {
            let (seen, future) = weights.split_at_mut(self.past + row % self.n + 1);
            softmax_of_row(seen);
            future.fill(0.0);
        }
        for (number, values) in values.chunks(stretch * width).enumerate() {
            let values = T::widen(values, &mut wide);
            mix(mixed, &weights[number * stretch..], known, values, width);
        }
    }
}

/// Products of queries and keys, `[…, width]`: one row of `weights` for each query, `known` apart.
fn weigh(weights: &mut [f32], known: usize, query: &[f32], keys: &[f32], width: usize) {
    let (rows, positions) = (query.len() / width, keys.len() / width);
    if rows >= MANY {
        let keys = Strided { numbers: keys, rows: 1, columns: width };
        let query = Strided { numbers: query, rows: width, columns: 1 };
        return multiply((weights, known), [rows, positions, width], query, keys, 0.0);
    }
    for (query, weights) in query.chunks_exact(width).zip(weights.chunks_mut(known)) {
        for (key, weight) in keys.chunks_exact(width).zip(weights) {
            *weight = dot(query, key);
        }
    }
}

/// Adds values `[…, width]` to `mixed`, one row of it for each row of weights, which are `known` apart.
fn mix(mixed: &mut [f32], weights: &[f32], known: usize, values: &[f32], width: usize) {
    let (rows, positions) = (mixed.len() / width, values.len() / width);
    if rows >= MANY {
        let weights = Strided { numbers: weights, rows: known, columns: 1 };
        let values = Strided { numbers: values, rows: width, columns: 1 };
        return multiply((mixed, width), [rows, width, positions], weights, values, 1.0);
    }
    for (mixed, weights) in mixed.chunks_exact_mut(width).zip(weights.chunks(known)) {
        for (value, &weight) in values.chunks_exact(width).zip(weights) {
            for (mixed, value) in mixed.iter_mut().zip(value) {
                *mixed += weight * value;
            }
        }
    }
}

/// A matrix in memory.
#[derive(Debug, Clone, Copy)]
struct Strided<'a> {
    numbers: &'a [f32],
    /// From a row to the next.
    rows: usize,
    /// From a column to the next.
    columns: usize,
}

impl Strided<'_> {
    /// Where the last number of so many rows and columns lies.
    fn last(&self, rows: usize, columns: usize) -> usize {
        (rows - 1) * self.rows + (columns - 1) * self.columns
    }
}

/// `out = keep · out + a · b` on this core alone: `a` is `[m, k]`, `b` is `[k, n]`, the rows of `out` are
/// `apart`.
fn multiply((out, apart): (&mut [f32], usize), [m, n, k]: [usize; 3], a: Strided, b: Strided, keep: f32) {
    if m == 0 || n == 0 || k == 0 {
        return;
    }
    let whole = Strided { numbers: &*out, rows: apart, columns: 1 };
    assert!(apart >= n && whole.last(m, n) < out.len(), "rows of the result");
    assert!(a.last(m, k) < a.numbers.len() && b.last(k, n) < b.numbers.len(), "factors");
    let step = usize::cast_signed;
    // SAFETY: each matrix lies within its slice, as was just asserted, and nothing else writes to `out`.
    unsafe {
        gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            step(apart),
            keep != 0.0,
            a.numbers.as_ptr(),
            step(a.columns),
            step(a.rows),
            b.numbers.as_ptr(),
            step(b.columns),
            step(b.rows),
            keep,
            1.0,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

/// What keys and values are kept in.
trait Number: Copy + Sync {
    /// The same numbers in single precision, there or in `room`.
    fn widen<'a>(numbers: &'a [Self], room: &'a mut [f32]) -> &'a [f32];
}

impl Number for f32 {
    fn widen<'a>(numbers: &'a [Self], _: &'a mut [f32]) -> &'a [f32] {
        numbers
    }
}

impl Number for f16 {
    fn widen<'a>(numbers: &'a [Self], room: &'a mut [f32]) -> &'a [f32] {
        let room = &mut room[..numbers.len()];
        numbers.convert_to_f32_slice(room);
        room
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut sums = [0f32; LANES];
    for (a, b) in a.iter().zip(b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    let mut width = LANES;
    while width > 1 {
        width /= 2;
        let (left, right) = sums.split_at_mut(width);
        left.iter_mut().zip(right).for_each(|(left, right)| *left += *right);
    }
    sums[0] + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f32>()
}
