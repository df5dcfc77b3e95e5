//! The demo model in one GGUF file: converting, loading, answering, and what happens to bad files.
#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use candle_core::CpuStorage;
use glamm_engine::Engine;
use glamm_engine::engine::open_checkpoint;
use glamm_engine::error::EngineError;
use glamm_engine::gguf::{Gguf, Value};
use glamm_engine::job::{Increment, Question};
use glamm_engine::model::matrix::unpack;
use glamm_engine::precision::Precision;
use glamm_engine::protocol::{DeviceChoice, ModelSource, ModelSpec, Turn};
use glamm_engine::scenes::generate;
use glamm_engine::vision::MaskLogits;
use serde::Deserialize;
use tempfile::TempDir;

const QUESTION: &str = "Could you please give me a detailed description of the image? Please respond with \
                        interleaved segmentation masks for the corresponding parts of the answer.";

fn load(source: ModelSource, precision: Option<Precision>) -> Engine {
    let spec = ModelSpec { source, device: DeviceChoice::Cpu, precision };
    Engine::load(&spec, |_| true).unwrap()
}

fn convert(precision: Precision, out: &Path) {
    let checkpoint = open_checkpoint(&ModelSource::Demo).unwrap();
    let converted = checkpoint.convert(precision, out, &mut |_, _| true).unwrap();
    assert_eq!(fs::metadata(out).unwrap().len(), converted.bytes);
}

/// Tokens and masks of the reply about a scene, greedily.
fn answer(engine: &Engine, seed: u64) -> (Vec<u32>, Vec<Arc<MaskLogits>>) {
    let (mut image, _) = engine.encode(&generate(seed).image, &|| false).unwrap();
    let turns = [Turn { user: QUESTION.to_owned(), regions: Vec::new(), reply: None }];
    let question = Question::greedy(&turns, 80);
    let mut masks = Vec::new();
    let answer = engine.converse(&mut image, question, &|| false, &mut |piece| {
        if let Increment::Mask { masks: found, .. } = piece {
            masks.push(Arc::clone(found.used()));
        }
    });
    (answer.unwrap().token_ids(), masks)
}

fn error_of(path: &Path) -> String {
    let spec = ModelSpec { source: ModelSource::Path(path.to_owned()), ..ModelSpec::default() };
    match Engine::load(&spec, |_| true) {
        Ok(_) => panic!("{} was loaded", path.display()),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_file_answers_as_the_checkpoint_quantised_on_the_way() {
    let scratch = TempDir::new().unwrap();
    for precision in [Precision::F32, Precision::F16, Precision::Q8_0, Precision::Q4K] {
        let out = scratch.path().join(format!("demo-{precision}.gguf"));
        convert(precision, &out);
        let from_file = load(ModelSource::Path(out.clone()), None);
        assert_eq!(from_file.info().precision.precision(), Some(precision));
        assert_eq!(from_file.info().name, format!("demo-{precision}"));
        let on_the_way = load(ModelSource::Demo, Some(precision));
        assert_eq!(from_file.info().parameters, on_the_way.info().parameters);
        for seed in [3, 4] {
            let (ids, masks) = answer(&from_file, seed);
            let (same_ids, same_masks) = answer(&on_the_way, seed);
            assert_eq!(ids, same_ids, "{precision}, scene {seed}");
            assert!(!masks.is_empty(), "{precision}, scene {seed}");
            for (a, b) in masks.iter().zip(&same_masks) {
                let worst = a.logits.iter().zip(&b.logits).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(worst < 1e-3, "{precision}, scene {seed}: {worst}");
            }
        }
    }
}

#[test]
fn fewer_bits_make_smaller_files() {
    let scratch = TempDir::new().unwrap();
    let size = |precision: Precision| {
        let out = scratch.path().join(precision.name());
        convert(precision, &out);
        fs::metadata(&out).unwrap().len()
    };
    let sizes = [Precision::F32, Precision::F16, Precision::Q8_0, Precision::Q4K].map(size);
    assert!(sizes.is_sorted_by(|a, b| a > b), "{sizes:?}");
}

/// The tensors of a file as another program sees them.
#[derive(Deserialize)]
struct Peer {
    tensors: BTreeMap<String, PeerTensor>,
    texts: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct PeerTensor {
    shape: Vec<usize>,
    #[serde(rename = "type")]
    kind: String,
    crc: u32,
    sum_of_squares: f64,
}

/// Needs Python with the package `gguf`; `GLAMM_PYTHON` names the interpreter.
#[test]
fn the_gguf_package_reads_the_same() {
    let Some(python) = std::env::var_os("GLAMM_PYTHON") else {
        eprintln!("skipped: GLAMM_PYTHON names no interpreter");
        return;
    };
    let scratch = TempDir::new().unwrap();
    let out = scratch.path().join("demo.gguf");
    convert(Precision::Q4K, &out);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/one_file_peer.py");
    let run = Command::new(python).arg(script).arg(&out).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let peer: Peer = serde_json::from_slice(&run.stdout).unwrap();
    let bytes = fs::read(&out).unwrap();
    let own = Gguf::read(&bytes[..], bytes.len()).unwrap();
    assert_eq!(peer.tensors.len(), own.tensors.len());
    for (name, tensor) in &own.tensors {
        let other = &peer.tensors[name];
        let stored = &bytes[tensor.range.clone()];
        assert_eq!((&other.shape, other.crc), (&tensor.shape, crc32fast::hash(stored)), "{name}");
        assert_eq!(other.kind.replace('_', ""), format!("{:?}", tensor.format).replace('_', ""), "{name}");
        let CpuStorage::F32(values) = unpack(stored, tensor.format, tensor.shape.iter().product()).unwrap()
        else {
            panic!("{name} is not unpacked to numbers")
        };
        let sum: f64 = values.iter().map(|&value| f64::from(value).powi(2)).sum();
        assert!((sum - other.sum_of_squares).abs() <= 1e-6 * sum, "{name}: {sum}, {}", other.sum_of_squares);
    }
    assert_eq!(peer.texts["general.architecture"], "glamm");
    assert_eq!(Some(peer.texts["glamm.config"].as_str()), own.text("glamm.config"));
}

#[test]
fn every_file_that_it_was_made_from_is_named_once() {
    let scratch = TempDir::new().unwrap();
    let (first, second) = (scratch.path().join("first.gguf"), scratch.path().join("second.gguf"));
    convert(Precision::F16, &first);
    let again = open_checkpoint(&ModelSource::Path(first.clone())).unwrap();
    let (mut done, mut total) = (0, 0);
    again
        .convert(Precision::F16, &second, &mut |now, all| {
            (done, total) = (now, all);
            true
        })
        .unwrap();
    assert_eq!(done, total);
    let files = |path: &Path| {
        let bytes = fs::read(path).unwrap();
        let mut entries = Gguf::read(&bytes[..], bytes.len()).unwrap().entries;
        let texts = |value| match value {
            Some(Value::Texts(texts)) => texts,
            other => panic!("{other:?}"),
        };
        let sums = texts(entries.remove("glamm.source.sha256"));
        let names = texts(entries.remove("glamm.source.files"));
        assert_eq!(names.len(), sums.len());
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{names:?}");
        names
    };
    let weights = ["model.safetensors", "clip/model.safetensors"];
    assert!(weights.iter().all(|name| files(&first).contains(&(*name).to_owned())), "{:?}", files(&first));
    assert!(files(&second).contains(&"first.gguf".to_owned()), "{:?}", files(&second));
}

#[test]
fn a_conversion_that_does_not_finish_leaves_nothing_behind() {
    let scratch = TempDir::new().unwrap();
    let out = scratch.path().join("demo.gguf");
    fs::write(&out, "what was there").unwrap();
    let checkpoint = open_checkpoint(&ModelSource::Demo).unwrap();
    let half = checkpoint.total_bytes() / 2;
    let cancelled = checkpoint.convert(Precision::Q8_0, &out, &mut |done, _| done < half);
    assert!(matches!(cancelled, Err(EngineError::Cancelled)));
    assert_eq!(fs::read_to_string(&out).unwrap(), "what was there");
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 1);

    let part = scratch.path().join("demo.gguf.part");
    fs::write(&part, "half of another conversion").unwrap();
    let other = fs::File::open(&part).unwrap();
    other.lock().unwrap();
    let error = checkpoint.convert(Precision::Q8_0, &out, &mut |_, _| true).unwrap_err().to_string();
    assert!(error.contains("another conversion"), "{error}");
    assert_eq!(fs::read_to_string(&part).unwrap(), "half of another conversion");
    drop(other);

    let nowhere = scratch.path().join("no/such/place.gguf");
    let error = checkpoint.convert(Precision::Q8_0, &nowhere, &mut |_, _| true).unwrap_err().to_string();
    assert!(error.starts_with("cannot write") && error.contains("place.gguf"), "{error}");
}

#[test]
fn a_file_is_known_by_its_contents_whatever_it_is_called() {
    let scratch = TempDir::new().unwrap();
    let out = scratch.path().join("demo.gguf");
    convert(Precision::Q8_0, &out);
    for name in ["demo", "demo.bin", "demo.v2"] {
        let other = scratch.path().join(name);
        fs::copy(&out, &other).unwrap();
        let opened = open_checkpoint(&ModelSource::Path(other));
        assert!(opened.is_ok(), "{name}: {:?}", opened.err());
    }
    let weights = scratch.path().join("model.safetensors");
    fs::write(&weights, [8, 0, 0, 0, 0, 0, 0, 0, b'{', b'}']).unwrap();
    let error = error_of(&weights);
    assert!(error.contains("model.safetensors") && error.contains("the folder of a checkpoint"), "{error}");
}

#[test]
fn a_model_without_a_tokenizer_is_not_converted() {
    let scratch = TempDir::new().unwrap();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/public");
    for directory in ["glamm-tiny", "clip-tiny"] {
        fs::create_dir(scratch.path().join(directory)).unwrap();
        for file in fs::read_dir(golden.join(directory)).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), scratch.path().join(directory).join(file.file_name())).unwrap();
        }
    }
    let checkpoint = open_checkpoint(&ModelSource::Path(scratch.path().join("glamm-tiny"))).unwrap();
    fs::write(scratch.path().join("glamm-tiny/tokenizer.model"), "damaged").unwrap();
    let out = scratch.path().join("tiny.gguf");
    let error = checkpoint.convert(Precision::Q8_0, &out, &mut |_, _| true).unwrap_err().to_string();
    assert!(error.contains("tokenizer.model"), "{error}");
    assert!(fs::read_dir(scratch.path()).unwrap().count() == 2, "nothing is written");
}

#[test]
fn bad_files_say_what_is_wrong_with_them() {
    let scratch = TempDir::new().unwrap();
    let out = scratch.path().join("demo.gguf");
    convert(Precision::Q8_0, &out);
    let whole = fs::read(&out).unwrap();
    let broken = scratch.path().join("broken.gguf");
    let check = |bytes: &[u8], expected: &str| {
        fs::write(&broken, bytes).unwrap();
        let error = error_of(&broken);
        assert!(error.contains("broken.gguf") && error.contains(expected), "{error}");
    };
    check(&whole[..whole.len() - 1000], "truncated");
    check(&whole[..1000], "middle of its table");
    check(b"GGUF", "middle of its table");
    check(b"", "no GGUF file");
    check(b"something else altogether", "no GGUF file");
    let replaced = |from: &str, to: &str| {
        let at = whole.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
        let mut bytes = whole.clone();
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
        bytes
    };
    check(&replaced("glamm", "llama"), "a model of llama");
    check(&replaced("lm_head.weight", "my_head.weight"), "lm_head.weight");
    check(&replaced("glamm.tokenizer.model", "glamm.tokenizer.muddl"), "tokenizer.model");
}
