//! The memory plan against what is really allocated, by an allocator that counts: while a model is
//! loaded, and while a picture and a question go through it on the CPU.
//!
//! One test in a binary of its own, because the count is that of the whole process. A larger model, of
//! the proportions of the released one, is fabricated for the test that is ignored otherwise:
//! `cargo test --release -p glamm-engine --test memory -- --ignored --nocapture`.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test, which shows what it measured")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use candle_core::{DType, Device};
use glamm_engine::checkpoint::Checkpoint;
use glamm_engine::fabricate::{Recipe, Sizes, WeightFormat, fabricate};
use glamm_engine::job::Question;
use glamm_engine::memory::POSITIONS;
use glamm_engine::model::backend::Backend;
use glamm_engine::model::glamm::Glamm;
use glamm_engine::precision::Precision;
use glamm_engine::protocol::{DeviceChoice, ModelSource, ModelSpec, Turn};
use glamm_engine::text::conversation::Prompt;
use glamm_engine::vision::PixelBox;
use glamm_engine::{Engine, scenes};

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

/// How far weights, loading, computing and the whole are off.
fn check(name: &str, path: &Path, precision: Precision) -> [f64; 4] {
    let checkpoint = Checkpoint::open(path).unwrap();
    let plan = checkpoint.memory_plan(Some(precision), Backend::Cpu);
    let load = || {
        let weights = checkpoint.weights(&Device::Cpu, (DType::F32, Some(precision)), |_| true);
        Glamm::new(checkpoint.config(), &weights.glamm, &weights.clip).unwrap()
    };
    let (model, weights, loading) = measured(load);
    drop(model);

    let source = ModelSource::Path(path.to_owned());
    let spec = ModelSpec { source, device: DeviceChoice::Cpu, precision: Some(precision) };
    let engine = Engine::load(&spec, |_| true).unwrap();
    let pixels = scenes::generate(7).image;
    let turns = [question(&checkpoint)];
    let ((), _, computing) = measured(|| {
        let (mut image, _) = engine.encode(&pixels, &|| false).unwrap();
        engine.converse(&mut image, Question::greedy(&turns, 4), &|| false, &mut |_| {}).unwrap();
    });
    println!("{name} in {precision}");
    [
        off("weights", plan.weight_bytes(), weights),
        off("while loading", plan.loading_bytes, loading),
        off("while computing", plan.computing_bytes(), computing),
        off("in all", plan.peak_bytes(), loading.max(weights + computing)),
    ]
}

/// One about a region, so long that it and its answer fill the positions that the plan has room for.
fn question(checkpoint: &Checkpoint) -> Turn {
    let tokenizer = checkpoint.tokenizer().unwrap();
    let patches = checkpoint.config().global_encoder.patches();
    let regions = vec![PixelBox { x0: 20.0, y0: 20.0, x1: 200.0, y1: 200.0 }];
    let asked = |words: usize| Turn {
        user: format!("What is in <bbox>?{}", " house".repeat(words)),
        regions: regions.clone(),
        reply: None,
    };
    let length = |words| Prompt::new(&tokenizer, &[asked(words)]).unwrap().tokens.len() + patches;
    let words = (1..POSITIONS as usize).find(|&words| length(words) > POSITIONS as usize - 20).unwrap();
    asked(words)
}

/// The whole of small models depends on much that is not counted; their weights do not.
#[test]
fn weights_are_counted_exactly() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let (demo, tiny) = (root.join("assets/demo-model"), root.join("tests/golden/public/glamm-tiny"));
    let _turn = TURN.lock();
    // (What stays as it is in a mapped file, as f16 in the demo model's, is not allocated.)
    for (name, checkpoint, precision) in
        [("demo", &demo, Precision::F32), ("tiny", &tiny, Precision::F32), ("tiny", &tiny, Precision::Q8_0)]
    {
        let [weights, ..] = check(name, checkpoint, precision);
        assert!(weights < 0.05, "{name} in {precision}: {weights}");
    }
}

#[test]
#[ignore = "fabricates a checkpoint of 400 MB and runs it"]
fn the_plan_of_a_larger_model_is_right_to_five_percent() {
    let directory = tempfile::tempdir().unwrap();
    let sizes = Sizes::File(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/memory/config.json"));
    let recipe = Recipe { sizes, seed: 1, format: WeightFormat::Torch };
    let checkpoint = directory.path().join("model");
    fabricate(&recipe, &checkpoint, &|_, _| {}).unwrap();
    let _turn = TURN.lock();
    for precision in [Precision::F32, Precision::F16, Precision::Q8_0, Precision::Q4K] {
        for off in check("larger", &checkpoint, precision) {
            assert!(off < 0.05, "{precision}: {off}");
        }
    }
}
