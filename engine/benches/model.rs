//! Single blocks of full-size GLaMM with random weights: what a change to one of them brings, in a minute
//! and without a checkpoint. `cargo bench -p glamm-engine --bench model [-- FILTER]`.
//!
//! Whole parts and turns are measured by `glamm bench`, other programs by `benches/peers`.

#![expect(clippy::expect_used, reason = "a benchmark")]

mod common;

use std::hint::black_box;
use std::time::Duration;

use candle_core::{Device, Tensor};
use common::{noise, random_weights};
use criterion::{Criterion, Throughput};
use glamm_engine::device;
use glamm_engine::model::config::GlammConfig;
use glamm_engine::model::format::Format;
use glamm_engine::model::global_encoder::GlobalEncoder;
use glamm_engine::model::grounding_encoder::GroundingEncoder;
use glamm_engine::model::kv_cache::KvCache;
use glamm_engine::model::layers::uninterrupted;
use glamm_engine::model::llm::Llama;
use glamm_engine::model::pixel_decoder::PixelDecoder;
use glamm_engine::model::region_encoder::RegionEncoder;
use glamm_engine::released;

/// Positions behind which a token is decoded, those of a first question, and those of one that follows.
const DEPTH: usize = 700;
const PROMPT: usize = 640;
const FOLLOW_UP: usize = 23;

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
fn language_model(criterion: &mut Criterion, config: &GlammConfig) {
    let mut config = config.llm.clone();
    (config.num_hidden_layers, config.vocab_size) = (1, 256);
    for format in [Format::Q4K, Format::Q8_0, Format::F16] {
        let llm = Llama::new(&config, &random_weights(format)).expect("the sizes fit");
        let forward = |x: &Tensor, cache: &mut KvCache| {
            llm.forward(x, cache, &mut uninterrupted).map_err(candle_core::Error::wrap)
        };
        let [one, next, prompt, before] =
            [1, FOLLOW_UP, PROMPT, DEPTH].map(|positions| noise((positions, config.hidden_size)));
        let mut cache = llm.new_cache();
        forward(&before, &mut cache).expect("the positions fit");
        let name = format!("decode at {DEPTH} positions, {}", format.name());
        bench(criterion, ("language model block", &name), 1, || {
            cache.truncate(DEPTH);
            forward(&one, &mut cache)
        });
        let name = format!("{FOLLOW_UP} more behind {DEPTH}, {}", format.name());
        bench(criterion, ("language model block", &name), FOLLOW_UP, || {
            cache.truncate(DEPTH);
            forward(&next, &mut cache)
        });
        let name = format!("prefill of {PROMPT} positions, {}", format.name());
        bench(criterion, ("language model block", &name), PROMPT, || forward(&prompt, &mut llm.new_cache()));
    }
}

/// A block with windows, one without, and what comes before and after the blocks.
fn grounding_encoder(criterion: &mut Criterion, config: &GlammConfig) {
    let mut config = config.grounding.clone();
    (config.encoder_depth, config.global_attn_indexes) = (2, vec![1]);
    let pixels = noise((1, 3, config.image_size, config.image_size));
    let cells = noise((1, config.grid(), config.grid(), config.encoder_embed_dim));
    for format in [Format::Q8_0, Format::F32] {
        let encoder = GroundingEncoder::new(&config, &random_weights(format)).expect("the sizes fit");
        let mut bench =
            |name: &str, mut pass: Box<dyn FnMut() -> candle_core::Result<Tensor> + Send + '_>| {
                let name = format!("{name}, {}", format.name());
                bench(criterion, ("grounding encoder", &name), 1, &mut pass);
            };
        bench("block with windows", Box::new(|| encoder.block(0, &cells)));
        bench("block over the whole grid", Box::new(|| encoder.block(1, &cells)));
        bench("patches", Box::new(|| encoder.add_positions(&encoder.patch_embed(&pixels)?)));
        bench("neck", Box::new(|| encoder.neck(&cells)));
    }
}

fn global_encoder(criterion: &mut Criterion, config: &GlammConfig) {
    let mut config = config.clone();
    (config.global_encoder.num_hidden_layers, config.region_encoder.level_layers) = (2, vec![-2; 4]);
    let size = &config.global_encoder;
    let state = noise((1, size.patches() + 1, size.hidden_size));
    for format in [Format::Q8_0, Format::F32] {
        let encoder = GlobalEncoder::new(&config, &random_weights(format)).expect("the sizes fit");
        let name = format!("block, {}", format.name());
        bench(criterion, ("global encoder", &name), 1, || encoder.advance(&state, 0, 1));
    }
}

/// The feature maps of an image, and four boxes on them.
fn region_encoder(criterion: &mut Criterion, config: &GlammConfig) {
    let (size, side) = (&config.region_encoder, config.global_encoder.patches().isqrt());
    let encoder = RegionEncoder::new(size, &random_weights(Format::F32)).expect("the sizes fit");
    let levels: Vec<Tensor> =
        size.level_layers.iter().map(|_| noise((1, config.global_encoder.hidden_size, side, side))).collect();
    let maps = || encoder.feature_maps(&levels, &mut uninterrupted).map_err(candle_core::Error::wrap);
    bench(criterion, ("region encoder", "maps of an image"), 1, maps);
    let maps = encoder.input_maps(&levels).expect("the sizes fit");
    let boxes = [[0.1, 0.1, 0.5, 0.4], [0.5, 0.5, 0.9, 0.9], [0.0, 0.3, 1.0, 0.8], [0.2, 0.6, 0.3, 0.7]];
    bench(criterion, ("region encoder", "4 boxes"), boxes.len(), || encoder.forward(&maps, &boxes));
}

fn pixel_decoder(criterion: &mut Criterion, config: &GlammConfig) {
    let sam = &config.grounding;
    let decoder = PixelDecoder::new(sam, random_weights(Format::F32).tensors()).expect("the sizes fit");
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
    let config = released::config().expect("the released configuration can be read");
    language_model(&mut criterion, &config);
    grounding_encoder(&mut criterion, &config);
    global_encoder(&mut criterion, &config);
    region_encoder(&mut criterion, &config);
    pixel_decoder(&mut criterion, &config);
    criterion.final_summary();
}
