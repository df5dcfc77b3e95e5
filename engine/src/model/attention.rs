//! Attention of few new positions over the whole cache, on the CPU: a token of a reply, a short
//! question. Called by [`super::llm`], which has another formulation in tensors for everything else.
//!
//! What there is to do is to read the cache once, so nothing of it is copied or converted as a whole:
//! each core takes one head after the other, and goes through its keys and then its values in short
//! stretches, which it widens to single precision in the first cache.

use std::sync::{Mutex, PoisonError};

use candle_core::{CpuStorage, DType, Device, Result, Storage, Tensor};
use half::f16;
use half::slice::HalfFloatSliceExt;

use super::elementwise::softmax_of_row;
use super::kv_cache::KvCache;
use super::threads;

/// New positions up to which this pays; of more, the products are large enough for the general routine.
const FEW: usize = 32;
/// Positions that are widened at a time.
const STRETCH: usize = 16;
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
        let of_heads: Vec<_> = query.chunks(room).map(|query| (query, Mutex::new(Vec::new()))).collect();
        let attend = |head: usize, (query, mixed): &(&[f32], Mutex<Vec<f32>>)| {
            let start = head * apart;
            let seen = (&keys[start..start + known], &values[start..start + known]);
            *mixed.lock().unwrap_or_else(PoisonError::into_inner) = self.attend_head(query, seen);
        };
        if query.len() * (self.past + self.n) <= SMALL {
            of_heads.iter().enumerate().for_each(|(head, work)| attend(head, work));
        } else {
            threads::divide(shared, |heads| {
                heads.for_each(|head| attend(head, &of_heads[head]));
            });
        }
        let mut mixed = vec![0.0; query.len()];
        for (head, (_, of_head)) in of_heads.into_iter().enumerate() {
            let of_head = of_head.into_inner().unwrap_or_else(PoisonError::into_inner);
            for (row, values) in of_head.chunks_exact(width).enumerate() {
                let (head, position) = (head * (queries / shared) + row / self.n, row % self.n);
                mixed[(position * queries + head) * width..][..width].copy_from_slice(values);
            }
        }
        mixed
    }

    /// Queries `[heads that share one, n, width]` over its keys and values `[past + n, width]`.
    fn attend_head<T: Number>(&self, query: &[f32], (keys, values): (&[T], &[T])) -> Vec<f32> {
        let width = self.heads.width;
        let known = self.past + self.n;
        let mut wide = vec![0.0; STRETCH * width];
        let mut weights = vec![0.0; query.len() / width * known];
        let mut mixed = vec![0.0; query.len()];
        for (stretch, keys) in keys.chunks(STRETCH * width).enumerate() {
            let keys = T::widen(keys, &mut wide);
            for (query, weights) in query.chunks_exact(width).zip(weights.chunks_exact_mut(known)) {
                for (key, weight) in keys.chunks_exact(width).zip(&mut weights[stretch * STRETCH..]) {
                    *weight = dot(query, key);
                }
            }
        }
        for (row, weights) in weights.chunks_exact_mut(known).enumerate() {
            let (seen, future) = weights.split_at_mut(self.past + row % self.n + 1);
            softmax_of_row(seen);
            future.fill(0.0);
        }
        for (stretch, values) in values.chunks(STRETCH * width).enumerate() {
            let values = T::widen(values, &mut wide);
            for (mixed, weights) in mixed.chunks_exact_mut(width).zip(weights.chunks_exact(known)) {
                for (value, &weight) in values.chunks_exact(width).zip(&weights[stretch * STRETCH..]) {
                    for (mixed, value) in mixed.iter_mut().zip(value) {
                        *mixed += weight * value;
                    }
                }
            }
        }
        mixed
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
