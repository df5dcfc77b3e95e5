//! The memory plan against what is really allocated, by an allocator that counts: while a model is
//! loaded, and while a picture and a question go through it on the CPU.
//!
//! One test in a binary of its own, because the count is that of the whole process. A larger model, of
//! the proportions of the released one, is fabricated for the test that is ignored otherwise:
//! `cargo test --release -p glamm-tests --test memory -- --ignored --nocapture`.

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use glamm_engine::Engine;
use glamm_engine::checkpoint::Checkpoint;
use glamm_engine::fabricate::{Recipe, Sizes, WeightFormat, fabricate};
use glamm_engine::job::Question;
use glamm_engine::model::backend::Backend;
use glamm_engine::precision::Precision;
use glamm_engine::protocol::{DeviceChoice, ModelSource, ModelSpec, Turn};

/// Bytes in use, and the most that ever were since the last look.
static HELD: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);
/// Tests of one process measure one after the other.
static TURN: Mutex<()> = Mutex::new(());

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn taken(bytes: usize) {
    let held = HELD.fetch_add(bytes, Ordering::Relaxed) + bytes;
    MOST.fetch_max(held, Ordering::Relaxed);
}

#[expect(unsafe_code, reason = "the interface of allocators")]
// SAFETY: everything is handed to the system's allocator as it comes.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        taken(layout.size());
        // SAFETY: the caller keeps what `alloc` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        taken(layout.size());
        // SAFETY: the caller keeps what `alloc_zeroed` asks for.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps what `dealloc` asks for.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        taken(size);
        // SAFETY: the caller keeps what `realloc` asks for.
        unsafe { System.realloc(place, layout, size) }
    }
}

/// What `work` gives, what it leaves allocated, and the most that it had allocated.
fn measured<T>(work: impl FnOnce() -> T) -> (T, u64, u64) {
    let before = HELD.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    let result = work();
    let left = HELD.load(Ordering::Relaxed).saturating_sub(before);
    (result, left as u64, (MOST.load(Ordering::Relaxed) - before) as u64)
}

/// Prints plan and measurement, and says how far the plan is off, as a share.
fn off(what: &str, planned: u64, found: u64) -> f64 {
    let off = planned as f64 / found as f64 - 1.0;
    println!("{what:<28} planned {planned:>12} measured {found:>12} off {:>6.2} %", 100.0 * off);
    off.abs()
}

/// How far weights, loading and the whole are off.
fn check(name: &str, checkpoint: &Path, precision: Precision) -> [f64; 3] {
    let _turn = TURN.lock();
    let plan = Checkpoint::open(checkpoint).unwrap().memory_plan(Some(precision), Backend::Cpu);
    let source = ModelSource::Path(checkpoint.to_owned());
    let spec = ModelSpec { source, device: DeviceChoice::Cpu, precision: Some(precision) };
    let (engine, weights, loading) = measured(|| Engine::load(&spec, |_| true).unwrap());
    let pixels = glamm_engine::scenes::generate(7).image;
    let ((), _, computing) = measured(|| {
        let (mut image, _) = engine.encode(&pixels, &|| false).unwrap();
        let region = glamm_engine::vision::PixelBox { x0: 20.0, y0: 20.0, x1: 200.0, y1: 200.0 };
        let user = format!("What is in <bbox>? {}", "Tell me all about it. ".repeat(60));
        let turns = [Turn { user, regions: vec![region], reply: None }];
        engine.converse(&mut image, Question::greedy(&turns, 8), &|| false, &mut |_| {}).unwrap();
    });
    println!("{name} in {precision}");
    [
        off("weights", plan.weight_bytes(), weights),
        off("while loading", plan.loading_bytes, loading),
        off("while computing", plan.cache_bytes + plan.pass_bytes, computing),
    ];
    [
        off("weights", plan.weight_bytes(), weights),
        off("while loading", plan.loading_bytes, loading),
        off("in all", plan.peak_bytes(), loading.max(weights + computing)),
    ]
}

#[test]
fn weights_are_counted_to_the_byte_but_for_what_stands_beside_them() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (name, checkpoint) in [("demo", own.join("../assets/demo-model")), ("tiny", own.join("golden/public/glamm-tiny"))] {
        for precision in [Precision::F32, Precision::Q8_0] {
            let [weights, ..] = check(name, &checkpoint, precision);
            assert!(weights < 0.05, "{name} in {precision}: {weights}");
        }
    }
}

#[test]
#[ignore = "fabricates a checkpoint of 300 MB and runs it"]
fn the_plan_of_a_larger_model_is_right_to_five_percent() {
    let directory = tempfile::tempdir().unwrap();
    let sizes = Sizes::File(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/memory/config.json"));
    let recipe = Recipe { sizes, seed: 1, format: WeightFormat::Torch };
    let checkpoint = directory.path().join("model");
    fabricate(&recipe, &checkpoint, &|_, _| {}).unwrap();
    for precision in [Precision::F32, Precision::F16, Precision::Q8_0, Precision::Q4K] {
        for off in check("larger", &checkpoint, precision) {
            assert!(off < 0.05, "{precision}: {off}");
        }
    }
}
