//! The rows of `PERFORMANCE.md` with criterion's statistics: whole parts and whole turns of one model,
//! the demo model unless `GLAMM_BENCH_MODEL` names a directory or a GGUF file.
//! `cargo bench -p glamm-engine --bench rows [-- FILTER]`.
//!
//! `glamm bench` measures the same beside the machine's limits, and what takes a process of its own: the
//! demo model on one core, and the first frame of the window.

#![expect(clippy::expect_used, reason = "a benchmark")]

use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, SamplingMode};
use glamm_engine::bench::{BOXES, CAPTION, DEPTH, Lap, Opening, PROMPT, SCENE_SEED, TURNS, Workbench};
use glamm_engine::error::EngineError;
use glamm_engine::protocol::{ModelSource, ModelSpec};
use glamm_engine::{Engine, scenes};

fn main() {
    let source = std::env::var_os("GLAMM_BENCH_MODEL").map(|path| ModelSource::Path(path.into()));
    let spec = ModelSpec { source: source.unwrap_or(ModelSource::Demo), ..ModelSpec::default() };
    let engine = Engine::load(&spec, |_| true).expect("the model can be loaded");
    let picture = scenes::generate(SCENE_SEED).image;
    let parts = Workbench::new(&engine, &picture).expect("the picture can be prepared");
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("rows");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    encoders(&mut group, &parts);
    language_model(&mut group, &parts);
    turns(&mut group, &parts);
    group.finish();
    criterion.final_summary();
}

/// A row that is measured by the laps of the engine's own watch.
fn row(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    mut run: impl FnMut() -> Result<Lap, EngineError>,
) {
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|times| {
            let mut lap = || run().expect("the row can be measured").wall;
            (0..times).map(|_| lap()).sum::<Duration>()
        });
    });
}

fn encoders(group: &mut BenchmarkGroup<'_, WallTime>, parts: &Workbench<'_>) {
    row(group, "grounding encoder, one image", || parts.grounding_encoder());
    row(group, "global encoder, one image", || parts.global_encoder());
    row(group, &format!("region encoder, {BOXES} boxes"), || parts.region_encoder(BOXES));
    for (masks, name) in [(1, "pixel decoder, 1 mask"), (8, "pixel decoder, 8 masks")] {
        row(group, name, || parts.pixel_decoder(masks));
    }
}

fn language_model(group: &mut BenchmarkGroup<'_, WallTime>, parts: &Workbench<'_>) {
    let mut sequence = parts.sequence().expect("the model can be asked");
    let positions = PROMPT.min(sequence.limit());
    row(group, &format!("prefill of {positions} positions"), || sequence.prefill(positions));
    let depth = DEPTH.min(sequence.limit().saturating_sub(2));
    row(group, &format!("decode at {depth} positions"), || sequence.decode(depth, 1));
}

fn turns(group: &mut BenchmarkGroup<'_, WallTime>, parts: &Workbench<'_>) {
    for (opening, name) in [
        (Opening::Encoded, "image encoded"),
        (Opening::WordsFirst, "image just opened, words first"),
        (Opening::EncodersFirst, "image just opened, encoders first"),
    ] {
        let (tokens, masks) = CAPTION;
        row(group, &format!("whole turn, {tokens} tokens, {masks} masks, {name}"), || {
            Ok(parts.grounded_turn(opening, CAPTION)?.lap)
        });
    }
    row(group, &format!("time to first token of turn {TURNS}"), || {
        let last = parts.follow_ups(TURNS, &mut || {})?.pop();
        Ok(last.expect("there was a turn").lap)
    });
}
