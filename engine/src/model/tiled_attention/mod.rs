//! Softmax attention on the CPU in single precision, by tiles: a few queries at a time meet all keys
//! of their head, and the weights of all pairs are never written to memory (after Dao et al., 2022,
//! whose online softmax is not needed here: a row of weights fits the processor's second cache).
//! Queries, keys and values are read where a product left them; nothing is split, permuted or copied
//! before. Called by both image encoders and for prompts by the language model.
//!
//! Written for any processor but for [`avx512`] and [`avx2`], which are asked for at run time: without either, or
//! for other number formats, the functions here return `None`, and callers attend with the tensor library.
#![expect(unsafe_code, reason = "threads write one result, each its own rows")]
#![cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "there is no kernel for others yet"))]

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod kernel;
#[cfg(target_arch = "x86_64")]
mod tiles;
mod windows;

use std::ops::Deref;

use candle_core::{CpuStorage, DType, Device, Result, Storage, Tensor};

use super::projection::Projection;
use super::scattered::Scattered;
#[cfg(target_arch = "x86_64")]
use tiles::Processor;
pub(super) use windows::{Square, attend_in_windows};

/// The widest head there is room for in the processor's registers.
const WIDEST_HEAD: usize = 128;

/// What a query may look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    /// Every key.
    All,
    /// Keys up to its own; the last query's is the last key.
    Past,
}

/// What is multiplied. Sums, softmax and positions are in single precision whatever it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Factors {
    /// Numbers as they are.
    Single,
    /// Numbers rounded to bf16, where the processor multiplies these faster: for vectors that come out of
    /// products with matrices in blocks, whose rounding is much coarser.
    Bf16,
}

impl Factors {
    /// What suits the results of a projection.
    pub(super) fn of(projection: &Projection) -> Self {
        if projection.is_in_blocks() { Self::Bf16 } else { Self::Single }
    }
}

/// `softmax(q kᵀ / √width) v` of queries `[heads, n, width]` and keys and values
/// `[key heads, m, width]`, however they lie; of more heads than key heads, successive ones share a key
/// head. The result is `[n, heads · width]`. `None` where it is to be had from the tensor library alone.
pub(super) fn attend(parts: [&Tensor; 3], sight: Sight, factors: Factors) -> Result<Option<Tensor>> {
    Processor::fastest(factors).map_or(Ok(None), |processor| attend_on(processor, parts, sight))
}

fn attend_on(processor: Processor, [q, k, v]: [&Tensor; 3], sight: Sight) -> Result<Option<Tensor>> {
    let (count, n, width) = q.dims3()?;
    let (key_heads, m, _) = k.dims3()?;
    if width > WIDEST_HEAD || ![q, k, v].into_iter().all(lies_in_vectors) {
        return Ok(None);
    }
    let past_fits = sight == Sight::All || n <= m;
    if k.dims() != v.dims() || k.dim(2)? != width || m == 0 || !count.is_multiple_of(key_heads) || !past_fits
    {
        candle_core::bail!("{:?} cannot look at {:?} and {:?}", q.dims(), k.dims(), v.dims());
    }
    let (queries, keys, values) = (heads(q)?, heads(k)?, heads(v)?);
    let mut mixed = vec![0f32; n * count * width];
    let result = Scattered::new(&mut mixed);
    let look = |head: usize| Plain {
        queries: queries.head(head),
        keys: keys.head(head * key_heads / count),
        values: values.head(head * key_heads / count),
        counts: (n, m),
        sight,
        result: (&result, count * width, head * width),
    };
    processor.run(count, n, &look);
    Tensor::from_vec(mixed, (n, count * width), &Device::Cpu).map(Some)
}

/// Whether this processor has a kernel for heads of `width`.
pub(super) fn is_available(width: usize) -> bool {
    Processor::fastest(Factors::Single).is_some() && width <= WIDEST_HEAD
}

/// There are no kernels for others yet.
#[cfg(not(target_arch = "x86_64"))]
#[derive(Clone, Copy)]
enum Processor {}

#[cfg(not(target_arch = "x86_64"))]
impl Processor {
    fn fastest(_: Factors) -> Option<Self> {
        None
    }

    fn run<L: Look>(self, _: usize, _: usize, _: &(impl Fn(usize) -> L + Sync)) {
        match self {}
    }
}

fn lies_in_vectors(x: &Tensor) -> bool {
    x.device().is_cpu() && x.dtype() == DType::F32 && x.stride().last() == Some(&1)
}

/// One head of one image, window or sequence: who looks at what. Queries and keys are counted from 0.
trait Look {
    fn queries(&self) -> usize;
    fn keys(&self) -> KeyGrid;
    fn query(&self, index: usize) -> &[f32];
    fn key(&self, index: usize) -> &[f32];
    fn value(&self, index: usize) -> &[f32];
    /// What a query's logits are before its products with the keys are added: one for each lane of the
    /// grid, -∞ for lanes without a key.
    fn begin(&self, query: usize, logits: &mut [f32]);
    /// So many keys come before the first that neither this query nor an earlier one sees. Less than all
    /// only where the keys are in one row.
    fn seen(&self, query: usize) -> usize;
    /// Takes a query's result.
    fn put(&self, query: usize, mixed: impl Iterator<Item = f32>);
}

/// Keys in rows, each of which begins at a multiple of the processor's vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct KeyGrid {
    rows: usize,
    columns: usize,
}

impl KeyGrid {
    /// Places for keys, some of them empty.
    fn lanes(self) -> usize {
        (self.rows * self.lanes_of_row()).next_multiple_of(LANES)
    }

    fn lanes_of_row(self) -> usize {
        self.columns.next_multiple_of(VECTOR)
    }

    fn keys(self) -> usize {
        self.rows * self.columns
    }

    /// The key at a lane.
    fn key(self, lane: usize) -> Option<usize> {
        let (row, column) = (lane / self.lanes_of_row(), lane % self.lanes_of_row());
        (row < self.rows && column < self.columns).then_some(row * self.columns + column)
    }
}

/// Numbers that the processor works on together.
const VECTOR: usize = 16;
/// Keys that a tile of queries meets at a time.
const LANES: usize = 2 * VECTOR;

/// A head's vectors, one for each position.
#[derive(Clone, Copy)]
struct Vectors<'a> {
    numbers: &'a [f32],
    stride: usize,
    width: usize,
}

impl<'a> Vectors<'a> {
    fn at(&self, index: usize) -> &'a [f32] {
        &self.numbers[index * self.stride..][..self.width]
    }
}

/// `[heads, positions, width]`, each vector's numbers one after the other; lent by `G`.
struct Heads<G> {
    storage: G,
    start: usize,
    head_stride: usize,
    stride: usize,
    width: usize,
}

/// The vectors of a tensor on the CPU in single precision.
fn heads(tensor: &Tensor) -> Result<Heads<impl Deref<Target = Storage>>> {
    let width = tensor.dim(2)?;
    let (storage, layout) = tensor.storage_and_layout();
    let &[head_stride, stride, 1] = layout.stride() else {
        candle_core::bail!("vectors of heads do not lie one after the other")
    };
    Ok(Heads { start: layout.start_offset(), storage, head_stride, stride, width })
}

impl<G: Deref<Target = Storage>> Heads<G> {
    fn head(&self, head: usize) -> Vectors<'_> {
        let numbers = match &*self.storage {
            Storage::Cpu(CpuStorage::F32(numbers)) => &numbers[self.start + head * self.head_stride..],
            _ => &[],
        };
        Vectors { numbers, stride: self.stride, width: self.width }
    }
}

/// Where a head writes: the result, the stride of its rows, and where in them.
type Place<'a> = (&'a Scattered<'a>, usize, usize);

fn put((result, stride, start): Place<'_>, (row, width): (usize, usize), mixed: impl Iterator<Item = f32>) {
    let from = row * stride + start;
    // SAFETY: each query of each head is put once.
    let place = unsafe { result.part(from..from + width) };
    place.iter_mut().zip(mixed).for_each(|(place, mixed)| *place = mixed);
}

/// All queries look at one sequence of keys.
struct Plain<'a> {
    queries: Vectors<'a>,
    keys: Vectors<'a>,
    values: Vectors<'a>,
    /// Of queries and keys.
    counts: (usize, usize),
    sight: Sight,
    result: Place<'a>,
}

impl Look for Plain<'_> {
    fn queries(&self) -> usize {
        self.counts.0
    }

    fn keys(&self) -> KeyGrid {
        KeyGrid { rows: 1, columns: self.counts.1 }
    }

    fn query(&self, index: usize) -> &[f32] {
        self.queries.at(index)
    }

    fn key(&self, index: usize) -> &[f32] {
        self.keys.at(index)
    }

    fn value(&self, index: usize) -> &[f32] {
        self.values.at(index)
    }

    fn begin(&self, query: usize, logits: &mut [f32]) {
        let (seen, unseen) = logits.split_at_mut(self.seen(query));
        seen.fill(0.0);
        unseen.fill(f32::NEG_INFINITY);
    }

    fn seen(&self, query: usize) -> usize {
        let (queries, keys) = self.counts;
        match self.sight {
            Sight::All => keys,
            Sight::Past => keys - queries + query + 1,
        }
    }

    fn put(&self, query: usize, mixed: impl Iterator<Item = f32>) {
        put(self.result, (query, self.queries.width), mixed);
    }
}

#[cfg(test)]
mod tests {
    use candle_nn::ops;

    use super::*;
    use crate::model::testing::{distance, noise};

    fn by_library(q: &Tensor, k: &Tensor, v: &Tensor, sight: Sight) -> Tensor {
        let (heads, n, width) = q.dims3().unwrap();
        let (key_heads, m, _) = k.dims3().unwrap();
        let share = |x: &Tensor| {
            let x = x.unsqueeze(1).unwrap();
            let x = x.broadcast_as((key_heads, heads / key_heads, m, width)).unwrap();
            x.contiguous().unwrap().reshape((heads, m, width)).unwrap()
        };
        let (k, v) = (share(k), share(v));
        let logits = q.contiguous().unwrap().matmul(&k.t().unwrap()).unwrap();
        let logits = (logits / (width as f64).sqrt()).unwrap();
        let hidden = |i: usize| sight == Sight::Past && i % m > m - n + i / m;
        let mask: Vec<f32> = (0..n * m).map(|i| if hidden(i) { f32::NEG_INFINITY } else { 0.0 }).collect();
        let logits = logits.broadcast_add(&Tensor::from_vec(mask, (n, m), &Device::Cpu).unwrap()).unwrap();
        let mixed = ops::softmax_last_dim(&logits).unwrap().matmul(&v).unwrap();
        mixed.transpose(0, 1).unwrap().reshape((n, heads * width)).unwrap()
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn attention_is_the_library_s() {
        for width in [8, 16, 32, 48, 64, 80, 96, 112, 128] {
            for (n, m, sight) in
                [(1, 1, Sight::All), (29, 70, Sight::All), (70, 70, Sight::Past), (5, 40, Sight::Past)]
            {
                let q = noise("q", (n, 4, width)).affine(3.0, 0.0).unwrap().transpose(0, 1).unwrap();
                let kv = noise("kv", (2, m + 3, 2 * width));
                let k = kv.narrow(1, 2, m).unwrap().narrow(2, 0, width).unwrap();
                let v = kv.narrow(1, 2, m).unwrap().narrow(2, width, width).unwrap();
                for processor in Processor::ALL.into_iter().filter(|processor| processor.is_available()) {
                    let allowed = if processor == Processor::Avx512Bf16 { 2e-2 } else { 1e-5 };
                    let got = attend_on(processor, [&q, &k, &v], sight).unwrap().unwrap();
                    let off = distance(&got, &by_library(&q, &k, &v, sight));
                    assert!(off < allowed, "{width} {n} {m} {sight:?} {processor:?}: {off}");
                }
            }
        }
    }

    #[test]
    fn other_kinds_are_left_to_the_library() {
        let x = noise("x", (2, 5, 16));
        let half = x.to_dtype(DType::F16).unwrap();
        assert!(attend([&half; 3], Sight::All, Factors::Single).unwrap().is_none());
        let wide = noise("x", (2, 5, WIDEST_HEAD + 16));
        assert!(attend([&wide; 3], Sight::All, Factors::Single).unwrap().is_none());
        assert!(attend([&x.t().unwrap(), &x, &x], Sight::All, Factors::Single).unwrap().is_none());
    }
}
