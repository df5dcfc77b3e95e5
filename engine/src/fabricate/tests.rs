//! The plan against the official lists of tensors, and small checkpoints from the disk and back.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use candle_core::{DType, Device, Tensor};

use super::plan::PlannedTensor;
use super::*;
use crate::checkpoint::Checkpoint;
use crate::checkpoint::forge::tensor_sums;
use crate::engine::Engine;
use crate::job::Question;
use crate::manifest::VISION_PREFIX;
use crate::model::glamm::Glamm;
use crate::protocol::{ModelSource, ModelSpec, Turn};

fn golden(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/public").join(path)
}

fn planned(sizes: &Sizes) -> (Vec<PlannedTensor>, Vec<PlannedTensor>) {
    let files = config_files(sizes).unwrap();
    let manifest = expected_tensors(&files.config).unwrap();
    let (_, text) = complete_clip(&files.clip).unwrap();
    let clip = plan::of_clip(&manifest, &text, files.config.global_encoder.hidden_size);
    (plan::of_glamm(&manifest, 10_000.0), clip)
}

/// Names and shapes of a recorded list.
fn recorded(file: &str) -> BTreeSet<(String, String)> {
    let text = fs::read_to_string(golden(file)).unwrap();
    let rows = text.lines().skip(1).map(|line| line.split('\t').collect::<Vec<_>>());
    rows.map(|cells| (cells[0].to_owned(), cells[1].replace("scalar", ""))).collect()
}

fn listed(tensors: &[PlannedTensor]) -> BTreeSet<(String, String)> {
    let shape = |t: &PlannedTensor| t.shape.iter().map(usize::to_string).collect::<Vec<_>>().join("x");
    tensors.iter().map(|tensor| (tensor.name.clone(), shape(tensor))).collect()
}

#[test]
fn the_full_size_plan_is_the_released_one() {
    let (glamm, clip) = planned(&Sizes::FullScope);
    assert_eq!(listed(&glamm), recorded("state_dict_fullscope.tsv"));
    assert_eq!(listed(&clip), recorded("state_dict_clip_vit_large_patch14_336.tsv"));
    // The sizes of the published files: 9.98 GB and 6.78 GB.
    let bytes = |shard: &Vec<PlannedTensor>| shard.iter().map(PlannedTensor::bytes).sum::<u64>();
    let sizes: Vec<u64> = plan::shards(glamm).iter().map(bytes).collect();
    assert_eq!(sizes, [9_976_605_696, 6_776_273_600]);
}

fn made(format: WeightFormat, seed: u64) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let recipe = Recipe { sizes: Sizes::File(golden("glamm-tiny/config.json")), seed, format };
    let done = std::cell::Cell::new(0);
    let fabricated = fabricate(&recipe, directory.path(), &|now, _| done.set(now)).unwrap();
    assert_eq!(done.get(), fabricated.bytes);
    directory
}

fn all_tensors(directory: &Path) -> Vec<(String, Tensor)> {
    let checkpoint = Checkpoint::open(directory).unwrap();
    let manifest = expected_tensors(checkpoint.config()).unwrap();
    let weights = checkpoint.weights(&Device::Cpu, (DType::F32, None), |_| true);
    Glamm::new(checkpoint.config(), &weights.glamm, &weights.clip).unwrap();
    let read = |name: &str, shape: &[usize], is_clip: bool| {
        let (builder, name) = if is_clip {
            (&weights.clip, name.strip_prefix(VISION_PREFIX).unwrap())
        } else {
            (&weights.glamm, name)
        };
        (name.to_owned(), builder.tensors().get(shape, name).unwrap())
    };
    let glamm = manifest.glamm.iter().map(|spec| read(&spec.name, &spec.shape, false));
    glamm.chain(manifest.clip.iter().map(|spec| read(&spec.name, &spec.shape, true))).collect()
}

#[test]
fn both_formats_hold_the_same_well_scaled_numbers() {
    let torch = all_tensors(made(WeightFormat::Torch, 3).path());
    let safetensors = all_tensors(made(WeightFormat::Safetensors, 3).path());
    let other = all_tensors(made(WeightFormat::Safetensors, 4).path());
    let mut changed = 0;
    for (((name, a), (_, b)), (_, c)) in torch.iter().zip(&safetensors).zip(&other) {
        let numbers = |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let (a, b, c) = (numbers(a), numbers(b), numbers(c));
        assert_eq!(a, b, "{name}");
        assert!(a.iter().all(|number| number.is_finite()), "{name}");
        changed += usize::from(a != c);
        if name == "lm_head.weight" {
            let variance = a.iter().map(|x| x * x).sum::<f32>() / a.len() as f32;
            let fan_in = 64.0;
            assert!((variance * fan_in - 1.0).abs() < 0.02, "{variance}");
        }
    }
    assert!(changed > 200, "the seed changes nearly everything, but only {changed} tensors differ");
}

#[test]
fn a_question_can_be_asked() {
    let directory = made(WeightFormat::Torch, 1);
    let source = ModelSource::Path(directory.path().to_owned());
    let spec = ModelSpec { source, ..ModelSpec::default() };
    let engine = Engine::load(&spec, |_| true).unwrap();
    assert!(engine.info().has_random_weights);
    let pixels = image::open(golden("images/square.png")).unwrap().to_rgb8();
    let (mut image, _) = engine.encode(&pixels, &|| false).unwrap();
    let turns = [Turn { user: "What is in the picture?".to_owned(), ..Turn::default() }];
    let question = Question::greedy(&turns, 8);
    let answer = engine.converse(&mut image, question, &|| false, &mut |_| {}).unwrap();
    assert!(!answer.tokens.is_empty());
}

#[test]
fn the_vocabulary_has_words_and_every_size() {
    for rows in [300, 607, 907, 32_007] {
        let (model, added) = vocabulary::files(rows).unwrap();
        let tokenizer = crate::text::tokenizer::Tokenizer::new(&model, &added).unwrap();
        assert_eq!(tokenizer.id_limit(), rows);
        let text = "Is the dog within reach? Ωμέγα 汉字 \u{1F436}";
        let ids = tokenizer.encode(text);
        assert_eq!(tokenizer.decode(&ids[1..]), text, "{rows}");
        // Words of the demo model's vocabulary stay whole.
        assert!(rows < 907 || ids.len() < text.len(), "{rows}: {ids:?}");
    }
    assert!(vocabulary::files(200).is_err() && vocabulary::files(100_000).is_err());
}

#[test]
fn nothing_is_overwritten() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("mine"), "").unwrap();
    let recipe = Recipe { sizes: Sizes::Demo, seed: 0, format: WeightFormat::Torch };
    let error = fabricate(&recipe, directory.path(), &|_, _| {}).unwrap_err();
    assert!(matches!(error, FabricateError::NotEmpty(_)), "{error}");
}

/// PyTorch reads what is written, tensor for tensor the numbers that the engine reads.
#[test]
fn pytorch_reads_the_same() {
    let Some(python) = std::env::var_os("GLAMM_PYTHON") else {
        #[expect(clippy::print_stderr, reason = "a test that does not run says so")]
        return eprintln!("skipped: GLAMM_PYTHON does not name a Python with torch and safetensors");
    };
    let (torch, safetensors) = (made(WeightFormat::Torch, 3), made(WeightFormat::Safetensors, 3));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/fabricate/compare_with_torch.py");
    let output = Command::new(python).arg(script).args([torch.path(), safetensors.path()]).output().unwrap();
    let (out, complaint) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{complaint}");
    let mut sums = BTreeSet::new();
    for (directory, tower) in [(torch.path(), ""), (&torch.path().join("clip-tiny"), "clip-tiny/")] {
        let source = FileSource::Directory(directory.to_owned());
        for (name, dtype, shape, crc) in tensor_sums(&source) {
            sums.insert(format!("{tower}{name}\t{dtype}\t{shape:?}\t{crc:08x}"));
        }
    }
    let found: BTreeSet<String> = out.lines().map(str::to_owned).collect();
    assert!(found.len() > 300, "{out}");
    assert_eq!(found, sums);
}
