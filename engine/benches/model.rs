//! Single blocks of full-size GLaMM with random weights: what a change to one of them brings, in a minute
//! and without a checkpoint. `cargo bench -p glamm-engine --bench model [-- FILTER]`.
//!
//! Whole parts and turns are measured by `glamm bench`, other programs by `benches/peers`.

#![expect(clippy::expect_used, reason = "a benchmark")]

mod common;

use std::hint::black_box;
use std::time::Duration;

use candle_core::{Device, Tensor};
use common::{noise, random_weights, real_sizes};
use criterion::{Criterion, Throughput};
use glamm_engine::device;
use glamm_engine::model::global_encoder::GlobalEncoder;
use glamm_engine::model::grounding_encoder::GroundingEncoder;
use glamm_engine::model::kv_cache::KvCache;
use glamm_engine::model::layers::uninterrupted;
use glamm_engine::model::llm::Llama;
use glamm_engine::model::matrix::Format;
use glamm_engine::model::pixel_decoder::PixelDecoder;

/// Positions behind which a token is decoded, and positions of a first question.
const DEPTH: usize = 700;
const PROMPT: usize = 640;

/// A bench of one pass on the threads that the engine computes on.
fn bench<T: Send>(
    criterion: &mut Criterion,
    (group, name): (&str, &str),
    elements: usize,
    mut pass: impl FnMut() -> candle_core::Result<T> + Send,
) {
    let mut group = criterion.benchmark_group(group);
    group.throughput(Throughput::Elements(elements as u64));
    group.bench_function(name, |bencher| {
        bencher.iter(|| black_box(device::compute(&Device::Cpu, &mut pass).expect("the pass works")));
    });
    group.finish();
}

/// One block and the embedding of a short vocabulary.
fn language_model(criterion: &mut Criterion) {
    let mut config = real_sizes().llm;
    (config.num_hidden_layers, config.vocab_size) = (1, 256);
    for format in [Format::Q4K, Format::Q8_0, Format::F16] {
        let llm = Llama::new(&config, &random_weights(format)).expect("the sizes fit");
        let forward = |x: &Tensor, cache: &mut KvCache| {
            llm.forward(x, cache, &mut uninterrupted).map_err(candle_core::Error::wrap)
        };
        let [one, prompt, before] =
            [1, PROMPT, DEPTH].map(|positions| noise((positions, config.hidden_size)));
        let mut cache = llm.new_cache();
        forward(&before, &mut cache).expect("the positions fit");
        let name = format!("decode at {DEPTH} positions, {}", format.name());
        bench(criterion, ("language model block", &name), 1, || {
            cache.truncate(DEPTH);
            forward(&one, &mut cache)
        });
        let name = format!("prefill of {PROMPT} positions, {}", format.name());
        bench(criterion, ("language model block", &name), PROMPT, || forward(&prompt, &mut llm.new_cache()));
    }
}

/// A block with windows, one without, and one of CLIP.
fn encoders(criterion: &mut Criterion) {
    let mut config = real_sizes();
    (config.grounding.encoder_depth, config.grounding.global_attn_indexes) = (2, vec![1]);
    (config.global_encoder.num_hidden_layers, config.region_encoder.level_layers) = (2, vec![-2]);
    let (sam, width) = (config.grounding.clone(), config.grounding.encoder_embed_dim);
    let weights = random_weights(Format::Q8_0);
    let grounding = GroundingEncoder::new(&sam, &weights).expect("the sizes fit");
    let cells = noise((1, sam.grid(), sam.grid(), width));
    for (index, name) in [(0, "windows"), (1, "whole grid")] {
        bench(criterion, ("grounding encoder block", name), 1, || grounding.block(index, &cells));
    }
    let global = GlobalEncoder::new(&config, &weights).expect("the sizes fit");
    let state = noise((1, config.global_encoder.patches() + 1, config.global_encoder.hidden_size));
    bench(criterion, ("global encoder block", "one image"), 1, || global.advance(&state, 0, 1));
}

fn pixel_decoder(criterion: &mut Criterion) {
    let sam = real_sizes().grounding;
    let decoder = PixelDecoder::new(&sam, random_weights(Format::F32).tensors()).expect("the sizes fit");
    let image = noise((1, sam.prompt_embed_dim, sam.grid(), sam.grid()));
    for masks in [1, 8] {
        let states = noise((masks, sam.prompt_embed_dim));
        bench(criterion, ("pixel decoder", &format!("{masks} masks")), masks, || {
            decoder.forward(&image, &states)
        });
    }
}

fn main() {
    let mut criterion =
        Criterion::default().sample_size(10).warm_up_time(Duration::from_secs(1)).configure_from_args();
    language_model(&mut criterion);
    encoders(&mut criterion);
    pixel_decoder(&mut criterion);
    criterion.final_summary();
}
