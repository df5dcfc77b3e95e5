//! The cache never changes a result; grouped heads are repeated heads.

use std::ops::ControlFlow;

use candle_core::{IndexOp, Shape};
use candle_nn::VarBuilder;
use candle_nn::var_builder::SimpleBackend;

use super::*;
use crate::model::layers::{Interrupted, Progress, uninterrupted};
use crate::model::testing::{config, distance, noise, weights};

const SAME: f32 = 2e-5;

fn llama() -> Llama {
    Llama::new(&config().llm, &weights()).unwrap()
}

fn whole_pass(llama: &Llama, x: &Tensor) -> Tensor {
    llama.forward(x, &mut llama.new_cache(), &mut uninterrupted).unwrap()
}

#[test]
fn chunks_and_single_steps_give_what_one_pass_gives() {
    let llama = llama();
    let x = noise("input", (300, 16));
    let expected = whole_pass(&llama, &x);
    let mut cache = llama.new_cache();
    let mut start = 0;
    // Over the end of the first block of the cache, in chunks and singly.
    for n in [100, 1, 150, 1, 1, 1, 1, 1, 44] {
        let y = llama.forward(&x.i(start..start + n).unwrap(), &mut cache, &mut uninterrupted).unwrap();
        assert!(distance(&y, &expected.i(start..start + n).unwrap()) < SAME, "positions from {start}");
        start += n;
    }
    assert_eq!((start, cache.len()), (300, 300));
}

#[test]
fn a_truncated_cache_forgets() {
    let llama = llama();
    let mut cache = llama.new_cache();
    llama.forward(&noise("first", (20, 16)), &mut cache, &mut uninterrupted).unwrap();
    cache.truncate(7);
    let second = noise("second", (5, 16));
    let y = llama.forward(&second, &mut cache, &mut uninterrupted).unwrap();
    let joined = Tensor::cat(&[&noise("first", (20, 16)).i(..7).unwrap(), &second], 0).unwrap();
    assert!(distance(&y, &whole_pass(&llama, &joined).i(7..).unwrap()) < SAME);
}

#[test]
fn a_pass_cut_short_leaves_the_cache_as_it_was() {
    let llama = llama();
    let x = noise("input", (12, 16));
    let mut cache = llama.new_cache();
    llama.forward(&x.i(..8).unwrap(), &mut cache, &mut uninterrupted).unwrap();
    let mut in_second_block = |progress: Progress| {
        if progress.done == 1 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let cut = llama.forward(&noise("other", (4, 16)), &mut cache, &mut in_second_block);
    assert!(matches!(cut, Err(Interrupted::Cancelled)));
    assert_eq!(cache.len(), 8);
    let y = llama.forward(&x.i(8..).unwrap(), &mut cache, &mut uninterrupted).unwrap();
    assert!(distance(&y, &whole_pass(&llama, &x).i(8..).unwrap()) < SAME);
}

#[test]
fn the_context_is_the_limit() {
    let llama = llama();
    let mut cache = llama.new_cache();
    assert!(cache.is_empty());
    assert!(llama.forward(&noise("input", (601, 16)), &mut cache, &mut uninterrupted).is_err());
    llama.forward(&noise("input", (600, 16)), &mut cache, &mut uninterrupted).unwrap();
    assert_eq!(cache.len(), cache.limit());
    // Two blocks of keys and values, two heads of four channels, in four bytes.
    assert_eq!(cache.bytes(), 600 * 2 * 2 * 2 * 4 * 4);
    assert!(llama.forward(&noise("more", (1, 16)), &mut cache, &mut uninterrupted).is_err());
}

/// Weights of a model with a key head for each query head, repeated from those of one with fewer.
struct Repeated {
    per_group: usize,
    head_dim: usize,
}

impl SimpleBackend for Repeated {
    fn get(&self, shape: Shape, name: &str, _: candle_nn::Init, _: DType, _: &Device) -> Result<Tensor> {
        let part = name.rsplit('.').nth(1).unwrap_or_default();
        if !["k_proj", "v_proj"].contains(&part) {
            return weights().tensors().get(shape, name);
        }
        let (rows, columns) = shape.dims2()?;
        let few = weights().tensors().get((rows / self.per_group, columns), name)?;
        let few = few.reshape(((), 1, self.head_dim, columns))?;
        few.repeat((1, self.per_group, 1, 1))?.reshape((rows, columns))
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> Result<Tensor> {
        candle_core::bail!("the shape of {name} is not known")
    }

    fn contains_tensor(&self, _: &str) -> bool {
        true
    }
}

#[test]
fn grouped_heads_are_repeated_heads() {
    let grouped = config().llm;
    let plain = LlmConfig { num_key_value_heads: None, ..grouped.clone() };
    let repeated = Repeated {
        per_group: grouped.num_attention_heads / grouped.kv_heads(),
        head_dim: grouped.head_dim(),
    };
    let vb = VarBuilder::from_backend(Box::new(repeated), DType::F32, Device::Cpu);
    let plain = Llama::new(&plain, &vb.into()).unwrap();
    let x = noise("input", (9, 16));
    assert!(distance(&whole_pass(&llama(), &x), &whole_pass(&plain, &x)) < SAME);
}

#[test]
fn no_position_sees_the_future() {
    let llama = llama();
    let x = noise("input", (10, 16));
    let changed = Tensor::cat(&[&x.i(..6).unwrap(), &noise("other", (4, 16))], 0).unwrap();
    let (a, b) = (whole_pass(&llama, &x), whole_pass(&llama, &changed));
    assert!(distance(&a.i(..6).unwrap(), &b.i(..6).unwrap()) < SAME);
    assert!(distance(&a.i(6..).unwrap(), &b.i(6..).unwrap()) > 0.1);
}

/// Keys and values are kept in `dtype`.
fn check_few_positions((past, n): (usize, usize), dtype: DType) {
    let config = LlmConfig { hidden_size: 160, ..config().llm };
    let attention = Attention::new(&config, &weights().pp("self_attn")).unwrap();
    let Heads { queries, shared, width } = attention.heads;
    let projected = |name: &str, n: usize| {
        let of = |part: &str, heads| {
            noise(&format!("{name} {part}"), (n, heads * width)).affine(2.0, 0.1).unwrap()
        };
        Projected { query: of("query", queries), key: of("key", shared), value: of("value", shared) }
    };
    let place = |past, n| Place::new(&Rotary::new(&config), past, n, &noise("like", (1, 1))).unwrap();
    let [in_tensors, over_the_cache] = [false, true].map(|directly| {
        let mut cache = KvCache::new(&config, dtype, &Device::Cpu);
        cache.reserve(past + n).unwrap();
        if past > 0 {
            attention.attend(&projected("old", past), &place(0, past), 1, &cache).unwrap();
            cache.advance(past);
        }
        let (new, place) = (projected("new", n), place(past, n));
        if directly {
            attention::attend(attention.heads, &new, (&place.cos, &place.sin), (&cache, 1)).unwrap()
        } else {
            attention.attend(&new, &place, 1, &cache).unwrap()
        }
    });
    assert_eq!(over_the_cache.dims(), [n, queries * width]);
    let off = distance(&in_tensors, &over_the_cache);
    assert!(off < SAME, "{n} behind {past} in {dtype:?}: {off}");
}

#[test]
fn few_positions_attend_as_many_do() {
    for dtype in [DType::F32, DType::F16] {
        for sizes in [(0, 1), (0, 5), (15, 1), (16, 1), (37, 3), (124, 4), (125, 4), (300, 1), (300, 32)] {
            check_few_positions(sizes, dtype);
        }
    }
}
