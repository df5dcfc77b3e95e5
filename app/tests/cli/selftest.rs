//! `glamm selftest`.

use std::fs;
use std::path::Path;

use super::{fails, glamm, golden, json, stdout, text};

#[test]
fn this_build_computes_what_was_recorded() {
    let table = stdout(glamm().args(["selftest", "--device", "cpu"]));
    assert!(table.starts_with("CPU, computing in f32\n"), "{table}");
    for stage in ["grounding encoder", "language model, hidden states", "products in q4_k", "reply, from"] {
        assert!(table.contains(stage), "no {stage} in {table}");
    }
    let document = json(glamm().args(["selftest", "--device", "cpu"]));
    assert_eq!((&document["ok"], &document["format"]), (&true.into(), &"f32".into()));
    let stages = document["stages"].as_array().unwrap();
    assert!(stages.len() > 20);
    for stage in stages {
        assert!(stage["ok"] == true && stage["error"].as_f64() <= stage["limit"].as_f64(), "{stage}");
    }
}

#[test]
fn the_official_implementation_s_recordings_can_be_given() {
    let document = json(glamm().args(["selftest", "--golden"]).arg(golden("")));
    assert_eq!(document["ok"], true);
    let regions = document["stages"].as_array().unwrap().iter().find(|row| row["stage"] == "region encoder");
    assert!(regions.unwrap()["times"].as_u64() > Some(1), "every case counts");
}

/// The demo model with one number changed in its weights.
fn damaged(directory: &Path) {
    let copy = |from: &Path, to: &Path| {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
            }
        }
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let (set, model) = (root.join("tests/golden/demo"), root.join("assets/demo-model"));
    for folder in ["", "images", "expected"] {
        copy(&set.join(folder), &directory.join(folder));
    }
    copy(&model, &directory.join("model"));
    copy(&model.join("clip"), &directory.join("model/clip"));
    let manifest = fs::read_to_string(directory.join("manifest.json")).unwrap();
    let manifest = manifest.replace("../../../assets/demo-model", "model");
    fs::write(directory.join("manifest.json"), manifest).unwrap();
    let weights = directory.join("model/model.safetensors");
    let mut bytes = fs::read(&weights).unwrap();
    // In the middle of the file are weights; 0x60 in the upper byte of a half float is a large one.
    let middle = bytes.len() / 2 / 2 * 2;
    for byte in bytes[middle..middle + 4000].iter_mut().skip(1).step_by(2) {
        *byte = 0x60;
    }
    fs::write(weights, bytes).unwrap();
}

#[test]
fn what_is_not_as_recorded_has_an_exit_code() {
    let directory = tempfile::tempdir().unwrap();
    damaged(directory.path());
    let output = glamm().args(["selftest", "--golden"]).arg(directory.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(10), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("stages are not as recorded: do not trust this build on CPU"));
    assert!(text(&output.stdout).contains("  NO\n"), "the table is printed all the same");
}

#[test]
fn mistakes_are_told() {
    fails(glamm().args(["selftest", "--device", "tpu"]), 6, &["unknown device tpu"]);
    fails(glamm().args(["selftest", "--golden", "/nowhere"]), 4, &["/nowhere/manifest.json"]);
    let output = glamm().args(["selftest", "--precision", "q4k"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("must be f32, f16 or bf16"));
    if !cfg!(feature = "cuda") {
        let words = ["no CUDA support", "--features cuda"];
        fails(glamm().args(["selftest", "--device", "cuda"]), 6, &words);
    }
}
