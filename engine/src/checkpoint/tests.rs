//! Checkpoints good and bad. The good one is the tiny checkpoint of the golden data, in the layout of
//! the released ones; the bad ones are made from it, or byte by byte.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use candle_core::pickle::PthTensors;
use candle_core::{DType, Device, Tensor};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tempfile::TempDir;

use super::forge::{counting, floats, torch_file};
use super::source::Contents;
use super::tensor_file::TensorFile;
use super::torch_writer::{PickledEntry, pickle_state_dict as pickle};
use super::*;
use crate::error::EngineError;
use crate::model::glamm::Glamm;

mod checked;
mod room;

const SHARDS: [&str; 2] = ["pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"];
const INDEX: &str = "pytorch_model.bin.index.json";

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/public")
}

/// A copy of the golden checkpoint that a test may damage.
struct Copy {
    _scratch: TempDir,
    glamm: PathBuf,
    clip: PathBuf,
}

impl Copy {
    fn new() -> Self {
        let scratch = tempfile::tempdir().unwrap();
        for directory in ["glamm-tiny", "clip-tiny"] {
            fs::create_dir(scratch.path().join(directory)).unwrap();
            for file in fs::read_dir(golden().join(directory)).unwrap() {
                let file = file.unwrap();
                fs::copy(file.path(), scratch.path().join(directory).join(file.file_name())).unwrap();
            }
        }
        let (glamm, clip) = (scratch.path().join("glamm-tiny"), scratch.path().join("clip-tiny"));
        Self { _scratch: scratch, glamm, clip }
    }

    fn error(&self) -> String {
        Checkpoint::open(&self.glamm).map(|_| "no error").unwrap_err().to_string()
    }

    fn edit(path: &Path, change: impl FnOnce(&str) -> String) {
        fs::write(path, change(&fs::read_to_string(path).unwrap())).unwrap();
    }
}

fn build(checkpoint: &Checkpoint) -> Result<(), EngineError> {
    let weights = checkpoint.weights(&Device::Cpu, (DType::F32, None), |_| true);
    let built = Glamm::new(checkpoint.config(), &weights.glamm, &weights.clip);
    built.map(drop).map_err(|error| weights.explain(error))
}

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_dtype(DType::F32).unwrap().to_vec1().unwrap()
}

/// Every tensor of a torch file, by the tensor library's own reader.
fn reference(file: &Path) -> HashMap<String, Tensor> {
    let reader = PthTensors::new(file, None).unwrap();
    let names = reader.tensor_infos().keys();
    names.map(|name| (name.clone(), reader.get(name).unwrap().unwrap())).collect()
}

fn shards() -> HashMap<String, Tensor> {
    SHARDS.iter().flat_map(|shard| reference(&golden().join("glamm-tiny").join(shard))).collect()
}

fn assert_same(set: &TensorSet, reference: &HashMap<String, Tensor>) {
    assert_eq!(set.names().count(), reference.len());
    for (name, expected) in reference {
        let tensor = set.read(name, DType::F32, &Device::Cpu).unwrap();
        assert_eq!(tensor.dims(), expected.dims(), "{name}");
        assert_eq!(values(&tensor), values(expected), "{name}");
    }
}

fn assert_names(error: &str, parts: &[&str]) {
    assert!(parts.iter().all(|part| error.contains(part)), "{error} should name {parts:?}");
    assert!(!error.contains('\n'), "{error}");
}

#[test]
fn reads_what_the_tensor_library_reads() {
    let checkpoint = Checkpoint::open(&golden().join("glamm-tiny")).unwrap();
    assert_same(&checkpoint.glamm, &shards());
    assert_eq!(checkpoint.tokenizer().unwrap().id_limit(), checkpoint.config().llm.vocab_size);
    let clip = reference(&golden().join("clip-tiny/pytorch_model.bin"));
    for (name, expected) in clip.iter().filter(|(name, _)| name.starts_with(VISION_PREFIX)) {
        let tensor = checkpoint.clip.read(name, expected.dtype(), &Device::Cpu).unwrap();
        assert_eq!(values(&tensor), values(expected), "{name}");
    }
    build(&checkpoint).unwrap();
}

#[test]
fn safetensors_in_one_file_and_in_several() {
    let (copy, tensors) = (Copy::new(), shards());
    for file in SHARDS.iter().chain(&[INDEX]) {
        fs::remove_file(copy.glamm.join(file)).unwrap();
    }
    let single = copy.glamm.join("model.safetensors");
    candle_core::safetensors::save(&tensors, &single).unwrap();
    assert_same(&Checkpoint::open(&copy.glamm).unwrap().glamm, &tensors);

    fs::remove_file(single).unwrap();
    let mut parts = [HashMap::new(), HashMap::new()];
    let mut weight_map = serde_json::Map::new();
    for (index, (name, tensor)) in tensors.iter().enumerate() {
        parts[index % 2].insert(name.clone(), tensor.clone());
        weight_map.insert(name.clone(), format!("model-{}.safetensors", index % 2).into());
    }
    for (index, part) in parts.iter().enumerate() {
        candle_core::safetensors::save(part, copy.glamm.join(format!("model-{index}.safetensors"))).unwrap();
    }
    let index = serde_json::json!({ "weight_map": weight_map }).to_string();
    fs::write(copy.glamm.join("model.safetensors.index.json"), index).unwrap();
    let checkpoint = Checkpoint::open(&copy.glamm).unwrap();
    assert_same(&checkpoint.glamm, &tensors);
    build(&checkpoint).unwrap();
}

#[test]
fn embedded_files_are_a_checkpoint_like_any_other() {
    let mut files = Vec::new();
    for (directory, prefix) in [("glamm-tiny", ""), ("clip-tiny", "clip/")] {
        for file in fs::read_dir(golden().join(directory)).unwrap() {
            let file = file.unwrap();
            let name = format!("{prefix}{}", file.file_name().to_str().unwrap());
            let (name, bytes) = (Box::leak(name.into_boxed_str()), fs::read(file.path()).unwrap());
            files.push((&*name, &*Box::leak(bytes.into_boxed_slice())));
        }
    }
    let checkpoint = Checkpoint::from_source(FileSource::embedded_files(&files)).unwrap();
    assert_eq!(checkpoint.config(), Checkpoint::open(&golden().join("glamm-tiny")).unwrap().config());
    assert_same(&checkpoint.glamm, &shards());
    checkpoint.tokenizer().unwrap();
    build(&checkpoint).unwrap();
    files.retain(|(name, _)| *name != "tokenizer.model");
    let error = Checkpoint::from_source(FileSource::embedded_files(&files))
        .unwrap()
        .tokenizer()
        .unwrap_err()
        .to_string();
    assert_names(&error, &["tokenizer.model", "built in"]);
}

#[test]
fn progress_ends_at_the_whole_and_can_cancel() {
    let checkpoint = Checkpoint::open(&golden().join("glamm-tiny")).unwrap();
    let seen = Mutex::new(Vec::new());
    let weights = checkpoint.weights(&Device::Cpu, (DType::F32, None), |progress| {
        seen.lock().unwrap().push((progress.done_bytes(), progress.total_bytes()));
        true
    });
    Glamm::new(checkpoint.config(), &weights.glamm, &weights.clip).unwrap();
    let seen = seen.lock().unwrap();
    assert!(seen.is_sorted() && seen.iter().all(|&(_, total)| total == checkpoint.total_bytes()));
    assert_eq!(seen.last(), Some(&(checkpoint.total_bytes(), checkpoint.total_bytes())));

    let half = checkpoint.total_bytes() / 2;
    let weights =
        checkpoint.weights(&Device::Cpu, (DType::F32, None), |progress| progress.done_bytes() < half);
    let error = Glamm::new(checkpoint.config(), &weights.glamm, &weights.clip).unwrap_err();
    assert!(matches!(weights.explain(error), EngineError::Cancelled));
}

#[test]
fn a_conversion_can_be_cancelled_within_a_tensor() {
    let (demo, directory) = (Checkpoint::of(&ModelSource::Demo).unwrap(), TempDir::new().unwrap());
    let (out, mut before) = (directory.path().join("demo.gguf"), None);
    // Nothing is done between two questions: not even one tensor.
    let mut go_on = |done: u64, _: u64| before.replace(done) != Some(done);
    let result = demo.convert(Precision::Q8_0, &out, &mut go_on);
    assert!(matches!(result, Err(EngineError::Cancelled)), "{result:?}");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn what_does_not_fit_is_refused_before_it_is_read() {
    let refusal = |precision, needed, smaller| {
        let precision = KeptAs::Precision(precision);
        DeviceError::NoMemory { precision, needed, free: 8_000_000_000, smaller }.to_string()
    };
    assert_eq!(
        refusal(Precision::F16, 16_000_000_000, Some((Precision::Q8_0, 5_000_000_000))),
        "the model needs 16.0 GB of memory in f16, but 8.0 GB are free: close other programs, or choose q8_0, \
         which needs 5.0 GB"
    );
    assert_names(&refusal(Precision::Q4K, 9_000_000_000, None), &["q4k", "8.0 GB", "a smaller model"]);
}

#[test]
fn a_file_that_has_no_room_is_refused_before_it_is_begun() {
    let scratch = tempfile::tempdir().unwrap();
    let out = scratch.path().join("new.gguf");
    one_file::has_room(1000, &out).unwrap();
    let error = one_file::has_room(u64::MAX, &out).unwrap_err().to_string();
    assert_names(&error, &["are needed in", "make room"]);
}

#[test]
#[cfg(unix)]
fn a_link_gives_its_own_name() {
    let scratch = tempfile::tempdir().unwrap();
    let link = scratch.path().join("mine");
    std::os::unix::fs::symlink(golden().join("glamm-tiny"), &link).unwrap();
    let name = |path: &Path| Checkpoint::open(path).unwrap().name();
    assert_eq!(name(&link), "mine");
    assert_eq!(name(&golden().join("clip-tiny/../glamm-tiny/.")), "glamm-tiny");
    assert_eq!(name(&golden().join("glamm-tiny/../glamm-tiny")), "glamm-tiny");
    let (file, link) = (scratch.path().join("stored.gguf"), scratch.path().join("latest.gguf"));
    let tiny = Checkpoint::open(&golden().join("glamm-tiny")).unwrap();
    tiny.convert(Precision::F32, &file, &mut |_, _| true).unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    assert_eq!([name(&file), name(&link)], ["stored", "latest"]);
}

#[test]
fn the_next_smaller_variant_is_known() {
    let checkpoint = Checkpoint::open(&Copy::new().glamm).unwrap();
    let next = |precision| checkpoint.next_smaller(precision, Backend::Cpu).map(|(precision, _)| precision);
    assert_eq!(next(Some(Precision::F32)), Some(Precision::F16));
    assert_eq!(next(Some(Precision::F16)), Some(Precision::Q8_0));
    assert_eq!(next(Some(Precision::Q4K)), None);
    let (_, bytes) = checkpoint.next_smaller(Some(Precision::F32), Backend::Cpu).unwrap();
    assert_eq!(bytes, checkpoint.memory_plan(Some(Precision::F16), Backend::Cpu).peak_bytes());
}

#[test]
fn truncated_shards_are_refused_wherever_they_end() {
    let copy = Copy::new();
    let shard = copy.glamm.join(SHARDS[0]);
    let whole = fs::read(&shard).unwrap();
    let table = reference(&shard);
    let mut random = StdRng::seed_from_u64(1);
    let cuts = (0..150).map(|_| random.random_range(0..whole.len()));
    let mut inside_data = 0;
    for length in cuts.chain([0, 1, 3, 4, 29, 30, 31, whole.len() - 23, whole.len() - 22, whole.len() - 1]) {
        fs::write(&shard, &whole[..length]).unwrap();
        let error = copy.error();
        assert_names(&error, &[SHARDS[0], "damaged"]);
        // Behind the table, and before the few small entries at the end.
        if (12_000..whole.len() - 10_000).contains(&length) {
            assert!(table.keys().any(|name| error.contains(name.as_str())), "{length}: {error}");
            inside_data += 1;
        }
    }
    assert!(inside_data > 100);
}

#[test]
fn truncated_safetensors_are_refused_wherever_they_end() {
    let copy = Copy::new();
    fs::remove_file(copy.clip.join("pytorch_model.bin")).unwrap();
    let tensors = reference(&golden().join("clip-tiny/pytorch_model.bin"));
    let file = copy.clip.join("model.safetensors");
    candle_core::safetensors::save(&tensors, &file).unwrap();
    Checkpoint::open(&copy.glamm).unwrap();
    let whole = fs::read(&file).unwrap();
    let header = 8 + u64::from_le_bytes(*whole.first_chunk().unwrap()) as usize;
    let mut random = StdRng::seed_from_u64(2);
    let cuts = (0..150).map(|_| random.random_range(0..whole.len()));
    for length in cuts.chain([0, 1, 7, 8, 9, header - 1, header, whole.len() - 1]) {
        fs::write(&file, &whole[..length]).unwrap();
        let error = copy.error();
        assert_names(&error, &["model.safetensors", "damaged"]);
        if length >= header {
            assert!(tensors.keys().any(|name| error.contains(name.as_str())), "{length}: {error}");
        }
    }
}

#[test]
fn damaged_contents_are_found_by_their_checksum() {
    let copy = Copy::new();
    let shard = copy.glamm.join(SHARDS[1]);
    let mut bytes = fs::read(&shard).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    fs::write(&shard, bytes).unwrap();
    let error = build(&Checkpoint::open(&copy.glamm).unwrap()).unwrap_err().to_string();
    assert_names(&error, &[SHARDS[1], "tensor ", "checksum"]);
}

#[test]
fn survives_any_change_of_bytes() {
    let tensors = [floats("a", "0", &[4, 3]), floats("b", "1", &[7])];
    let torch = torch_file(&pickle(&tensors), &[("0", &counting(12)), ("1", &counting(7))]);
    let header = r#"{"a":{"dtype":"F32","shape":[4,3],"data_offsets":[0,48]}}"#;
    let length = (header.len() as u64).to_le_bytes();
    let safe = [&length[..], header.as_bytes(), &counting(12)].concat();
    let mut random = StdRng::seed_from_u64(3);
    for (name, good) in [("x.bin", torch), ("x.safetensors", safe)] {
        for _ in 0..4_000 {
            let mut bytes = good.clone();
            for _ in 0..random.random_range(1..4) {
                let at = random.random_range(0..bytes.len());
                bytes[at] = random.random();
            }
            if let Ok(file) = TensorFile::new(name.into(), Contents::from_bytes(bytes)) {
                for tensor in file.table.tensors.keys() {
                    drop(file.read(tensor, DType::F32, &Device::Cpu));
                }
            }
        }
    }
}

#[test]
fn places_of_torch_tensors() {
    let scratch = tempfile::tempdir().unwrap();
    let source = FileSource::Directory(scratch.path().to_owned());
    let open = |tensor: &PickledEntry| {
        let bytes = torch_file(&pickle(std::slice::from_ref(tensor)), &[("0", &counting(12))]);
        fs::write(scratch.path().join("x.bin"), bytes).unwrap();
        TensorFile::open(&source, "x.bin")
    };
    let read = |tensor: PickledEntry| {
        values(&open(&tensor).unwrap().read("a", DType::F32, &Device::Cpu).unwrap().unwrap())
    };
    let plain = PickledEntry { elements: 12, ..floats("a", "0", &[2, 3]) };
    assert_eq!(read(plain.clone()), [0., 1., 2., 3., 4., 5.]);
    assert_eq!(read(PickledEntry { offset: 6, ..plain.clone() }), [6., 7., 8., 9., 10., 11.]);
    assert_eq!(read(PickledEntry { strides: vec![1, 2], ..plain.clone() }), [0., 2., 4., 1., 3., 5.]);
    assert_eq!(read(PickledEntry { strides: vec![4, 1], ..plain.clone() }), [0., 1., 2., 4., 5., 6.]);
    assert_eq!(
        read(PickledEntry { class: "IntStorage", shape: vec![2], strides: vec![1], ..plain.clone() }),
        [0., 1_065_353_216.]
    );

    let refused = [
        PickledEntry { offset: 7, ..plain.clone() },
        PickledEntry { strides: vec![10, 1], ..plain.clone() },
        PickledEntry { offset: i64::MAX, ..plain.clone() },
        PickledEntry { strides: vec![i64::MAX, i64::MAX], ..plain.clone() },
        PickledEntry { shape: vec![1 << 40, 1 << 40], ..plain.clone() },
        PickledEntry { shape: vec![1 << 20, 1 << 20], strides: vec![0, 0], ..plain.clone() },
        PickledEntry { key: "../../secret".to_owned(), ..plain.clone() },
    ];
    for tensor in refused {
        let error = open(&tensor).unwrap_err().to_string();
        assert_names(&error, &["x.bin", "tensor a"]);
    }
    let unknown = PickledEntry { class: "QInt8Storage", ..plain };
    let error = open(&unknown).unwrap().read("a", DType::F32, &Device::Cpu).unwrap_err().to_string();
    assert_names(&error, &["x.bin", "tensor a", "QInt8Storage"]);
}

#[test]
fn an_index_is_not_believed() {
    let copy = Copy::new();
    let index = copy.glamm.join(INDEX);
    let good = fs::read_to_string(&index).unwrap();
    let places =
        ["../clip-tiny/pytorch_model.bin", "/etc/passwd", "..", "", "a/b.bin", "a\\b.bin", "config.json"];
    for place in places {
        let place = serde_json::to_string(place).unwrap();
        fs::write(&index, good.replace(&format!("{:?}", SHARDS[1]), &place)).unwrap();
        assert_names(&copy.error(), &[INDEX, "no weight file"]);
    }
    for broken in ["", "[]", "{\"weight_map\":", "{\"weight_map\":{}}", "{\"weight_map\":{\"a\":1}}"] {
        fs::write(&index, broken).unwrap();
        assert_names(&copy.error(), &[INDEX, "damaged"]);
    }
    fs::write(&index, &good).unwrap();
    fs::remove_file(copy.glamm.join(SHARDS[1])).unwrap();
    assert_names(&copy.error(), &[SHARDS[1], INDEX, "missing"]);
}

#[test]
fn missing_and_misshapen_tensors_are_named() {
    let copy = Copy::new();
    let config = copy.glamm.join("config.json");
    Copy::edit(&config, |text| text.replace("\"num_hidden_layers\": 3", "\"num_hidden_layers\": 4"));
    assert_names(&copy.error(), &["model.layers.3.", "missing", "glamm-tiny"]);
    Copy::edit(&config, |text| text.replace("\"num_hidden_layers\": 4", "\"num_hidden_layers\": 3"));
    Copy::edit(&config, |text| text.replace("\"intermediate_size\": 176", "\"intermediate_size\": 180"));
    assert_names(&copy.error(), &["model.layers.0.mlp.", SHARDS[0], "176", "180"]);
    Copy::edit(&config, |text| text.replace("\"intermediate_size\": 180", "\"intermediate_size\": 176"));
    Copy::edit(&config, |text| text.replace("\"vocab_size\": 607", "\"vocab_size\": 606"));
    assert_names(&copy.error(), &["606", "607"]);
}

#[test]
fn missing_and_foreign_files_are_named() {
    let copy = Copy::new();
    let weights = copy.clip.join("pytorch_model.bin");
    let contents: [(&[u8], &str); 6] = [
        (b"", "empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "Git LFS"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", "PyTorch 1.6"),
        (b"GGUF", "in the middle of its table"),
        (b"something else", "torch.save"),
    ];
    for (content, reason) in contents {
        fs::write(&weights, content).unwrap();
        assert_names(&copy.error(), &["clip-tiny", "pytorch_model.bin", reason]);
    }
    fs::remove_file(&weights).unwrap();
    assert_names(&copy.error(), &["clip-tiny", "pytorch_model.bin", "missing"]);
    fs::remove_dir_all(&copy.clip).unwrap();
    assert_names(&copy.error(), &["clip-tiny", "vision tower", "missing"]);
    fs::write(copy.glamm.join("config.json"), "{").unwrap();
    assert_names(&copy.error(), &["config.json"]);
    fs::remove_file(copy.glamm.join("config.json")).unwrap();
    assert_names(&copy.error(), &["config.json", "missing"]);
    let nowhere = Checkpoint::open(&copy.glamm.join("nowhere")).unwrap_err().to_string();
    assert_names(&nowhere, &["nowhere", "missing"]);
}

#[test]
fn a_configuration_without_end_is_refused() {
    let copy = Copy::new();
    let config = copy.glamm.join("config.json");
    let text = |layers: &str| format!("\"num_hidden_layers\": {layers}");
    Copy::edit(&config, |file| file.replace(&text("3"), &text("1000000000000")));
    assert_names(&copy.error(), &["config.json"]);
}
