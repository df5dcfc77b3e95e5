//! `glamm models`.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::check::fabricated;
use super::{fails, glamm, golden, json, stdout};
use glamm_tests::hub_server::{Fault, Hub, Seen, Stage};

/// `glamm models` in a world where nothing is installed but what is below `home`.
fn models(home: &Path) -> Command {
    let mut command = glamm();
    for variable in ["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_TOKEN", "HF_ENDPOINT", "HF_HUB_OFFLINE"] {
        command.env_remove(variable);
    }
    command.env("HF_HOME", home.join("hf")).env("GLAMM_MODELS", home.join("own")).arg("models");
    command
}

#[test]
fn the_list_says_what_is_here() {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir_all(home.path().join("own")).unwrap();
    fs::write(home.path().join("own/mine.gguf"), "1234").unwrap();
    let document = json(models(home.path()).arg("list"));
    let entries = document["models"].as_array().unwrap();
    let state = |name: &str| {
        let entry = entries.iter().find(|entry| entry["name"] == name).unwrap();
        (entry["state"].as_str().unwrap().to_owned(), entry["bytes"].as_u64())
    };
    assert_eq!(state("demo"), ("built_in".to_owned(), None));
    assert_eq!(state("fullscope"), ("absent".to_owned(), None));
    assert_eq!(state("mine"), ("installed".to_owned(), Some(4)));
    let fullscope = entries.iter().find(|entry| entry["name"] == "fullscope").unwrap();
    let memory = fullscope["memory"].as_array().unwrap();
    assert_eq!(memory.len(), 6);
    assert!(
        memory.iter().all(|need| need["fits"].is_string() && need["weight_bytes"].as_u64() > Some(1 << 32))
    );
    let table = stdout(models(home.path()).arg("list"));
    assert!(entries.iter().all(|entry| table.contains(entry["name"].as_str().unwrap())), "{table}");
    assert!(table.contains("This machine has"), "{table}");
}

#[test]
fn a_conversion_says_at_once_what_stands_in_its_way() {
    let home = tempfile::tempdir().unwrap();
    let (tiny, small, other) =
        (golden("glamm-tiny"), home.path().join("small.gguf"), home.path().join("other.gguf"));
    let convert = |source: &Path, quant: &str, out: &Path| {
        let mut command = models(home.path());
        command.arg("convert").arg(source).args(["--quant", quant, "--out"]).arg(out);
        command
    };
    assert!(stdout(&mut convert(&tiny, "q4k", &small)).contains("tensors"));
    // What was rounded to few bits is not rounded again, nor called something else.
    for quant in ["q8_0", "f32", "q6k"] {
        let words = ["small.gguf is q4k", quant, "convert the checkpoint that it came from"];
        fails(&mut convert(&small, quant, &other), 4, &words);
    }
    fails(&mut convert(&tiny, "q8_0", home.path()), 7, &["cannot write", "directory"]);
    let before = fs::read(&small).unwrap();
    fails(&mut convert(&tiny, "q8_0", &small), 7, &["small.gguf is there already", "--replace"]);
    assert_eq!(fs::read(&small).unwrap(), before);
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1, "nothing else was written");
    stdout(convert(&tiny, "q8_0", &small).arg("--replace"));
    assert_ne!(fs::read(&small).unwrap(), before);
}

/// Adds a shard of so many bytes, of zeros that take no room, to a checkpoint.
#[cfg(target_os = "linux")]
fn pad(checkpoint: &Path, bytes: u64) {
    let index = checkpoint.join("model.safetensors.index.json");
    let mut document: serde_json::Value = serde_json::from_slice(&fs::read(&index).unwrap()).unwrap();
    document["weight_map"]["padding"] = "padding.safetensors".into();
    fs::write(&index, document.to_string()).unwrap();
    let tensor = serde_json::json!({ "dtype": "F32", "shape": [bytes / 4], "data_offsets": [0, bytes] });
    let header = serde_json::json!({ "padding": tensor }).to_string();
    let mut start = (header.len() as u64).to_le_bytes().to_vec();
    start.extend(header.as_bytes());
    let mut file = fs::File::create(checkpoint.join("padding.safetensors")).unwrap();
    std::io::Write::write_all(&mut file, &start).unwrap();
    file.set_len(start.len() as u64 + bytes).unwrap();
}

#[test]
#[cfg(target_os = "linux")]
fn ctrl_c_ends_a_conversion_and_leaves_nothing_behind() {
    let (home, source) = fabricated("safetensors");
    let out = home.path().join("out.gguf");
    // Its checksum alone takes long enough.
    pad(&source, 64 << 30);
    let mut env = Command::new("env");
    let convert = models(home.path());
    env.arg("--default-signal=INT").arg(convert.get_program()).args(convert.get_args());
    env.arg("convert").arg(&source).args(["--quant", "q8_0", "--out"]).arg(&out);
    let mut child = env.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let part = home.path().join("out.gguf.part");
    while !part.exists() {
        assert_eq!(child.try_wait().unwrap(), None, "it ended by itself");
        std::thread::sleep(Duration::from_millis(5));
    }
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let output = child.wait_with_output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{complaint}");
    assert!(
        complaint.contains("interrupted") && complaint.contains("out.gguf was not written"),
        "{complaint}"
    );
    assert!(!part.exists() && !out.exists());
}

/// A checkpoint that names a vision tower which the hub has, too.
fn stocked() -> Hub {
    let hub = Hub::start();
    hub.put("someone/glamm", "config.json", r#"{"mm_vision_tower":"someone/tower"}"#);
    hub.put("someone/glamm", "tokenizer.model", "words");
    hub.put("someone/glamm", "added_tokens.json", "{}");
    hub.put("someone/glamm", "README.md", "not needed");
    hub.put("someone/glamm", "model.safetensors", vec![1; 3_000_000]);
    hub.put("someone/tower", "config.json", "{}");
    hub.put("someone/tower", "pytorch_model.bin", vec![2; 1_000]);
    hub.put("someone/tower", "tf_model.h5", "not needed");
    hub
}

fn pull(home: &Path, hub: &Hub) -> Command {
    let mut command = models(home);
    command.env("HF_ENDPOINT", hub.address()).args(["pull", "someone/glamm"]);
    command
}

#[test]
fn a_model_comes_with_its_vision_tower_and_goes_again() {
    let (home, hub) = (tempfile::tempdir().unwrap(), stocked());
    let document = json(&mut pull(home.path(), &hub));
    let small = 35 + 5 + 2 + 2;
    assert_eq!(document["fetched_bytes"], 3_000_000 + 1_000 + small);
    let folders = document["repositories"].as_array().unwrap();
    assert_eq!(folders.len(), 2);
    let folder = Path::new(folders[0]["path"].as_str().unwrap()).to_owned();
    assert_eq!(fs::read(folder.join("tokenizer.model")).unwrap(), b"words");
    assert!(!folder.join("README.md").exists());
    assert_eq!(json(&mut pull(home.path(), &hub))["fetched_bytes"], 0);
    // Without the hub it is still here.
    assert!(stdout(pull(home.path(), &hub).env("HF_HUB_OFFLINE", "1")).contains("is here"));

    let remove = |arguments: &[&str]| {
        let mut command = models(home.path());
        command.arg("remove").args(arguments);
        command
    };
    fails(&mut remove(&["someone/glamm"]), 2, &["nothing was removed", "--yes"]);
    assert!(folder.exists());
    assert!(stdout(&mut remove(&["someone/glamm", "--yes"])).contains("3.00 MB"));
    assert!(!folder.exists());
    fails(&mut remove(&["someone/glamm", "--yes"]), 4, &["nothing of someone/glamm"]);
    fails(pull(home.path(), &hub).env("HF_HUB_OFFLINE", "1"), 8, &["someone/glamm", "HF_HUB_OFFLINE"]);
}

#[test]
fn mistakes_are_told_in_one_line() {
    let (home, hub) = (tempfile::tempdir().unwrap(), stocked());
    let pull = |name: &str| {
        let mut command = models(home.path());
        command.env("HF_ENDPOINT", hub.address()).args(["pull", name]);
        command
    };
    fails(&mut pull("nonsense"), 4, &["nonsense", "glamm models list"]);
    fails(&mut pull("someone/else"), 8, &["someone/else", "404"]);
    fails(pull("someone/glamm").env("HF_ENDPOINT", "http://mirror.example"), 8, &["HF_ENDPOINT", "HTTPS"]);
    fails(pull("someone/glamm").env("HF_TOKEN", "two words"), 8, &["HF_TOKEN"]);
    assert!(stdout(&mut pull("demo")).contains("part of the program"));
    hub.plan(Stage::Contents, "model.safetensors", 99, Fault::WrongBytes);
    fails(&mut pull("someone/glamm"), 8, &["model.safetensors", "checksum"]);

    let mut ask = glamm();
    ask.env("HF_HOME", home.path()).env("GLAMM_MODELS", home.path()).args(["ask", "x.png", "?", "--model"]);
    fails(ask.arg("fullscope"), 4, &["glamm models pull fullscope"]);
}

/// A process that fetches the model, stopped after a million bytes of it by what the hub does.
#[cfg(unix)]
fn interrupted(home: &Path, hub: &Hub) {
    let reached = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&reached);
    let hold = move || {
        seen.store(true, Ordering::Relaxed);
        std::thread::sleep(Duration::from_secs(2));
    };
    hub.plan(Stage::Contents, "model.safetensors", 1, Fault::Then(1_000_000, Arc::new(hold)));
    let mut child = pull(home, hub).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    let blobs = home.join("hf/hub/models--someone--glamm/blobs");
    let some = || {
        let entries = fs::read_dir(&blobs).into_iter().flatten().flatten();
        entries
            .filter(|entry| entry.path().extension().is_some())
            .any(|entry| entry.metadata().unwrap().len() > 0)
    };
    while !(reached.load(Ordering::Relaxed) && some()) {
        std::thread::sleep(Duration::from_millis(5));
    }
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success() && !child.wait().unwrap().success());
}

#[test]
#[cfg(unix)]
fn after_ctrl_c_the_next_run_goes_on() {
    let (home, hub) = (tempfile::tempdir().unwrap(), stocked());
    interrupted(home.path(), &hub);
    hub.seen();
    let document = json(&mut pull(home.path(), &hub));
    assert!(document["fetched_bytes"].as_u64().unwrap() < 3_000_000, "{document}");
    let seen = hub.seen_of(Stage::Contents, "model.safetensors");
    assert!(matches!(seen.as_slice(), [Seen { offset: Some(1..), .. }]), "{seen:?}");
}

#[test]
fn two_processes_fetch_a_file_once() {
    let (home, hub) = (tempfile::tempdir().unwrap(), stocked());
    let slow = || std::thread::sleep(Duration::from_millis(500));
    hub.plan(Stage::Contents, "model.safetensors", 1, Fault::Then(1_000, Arc::new(slow)));
    let children = [(); 2]
        .map(|()| pull(home.path(), &hub).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(hub.seen_of(Stage::Contents, "model.safetensors").len(), 1);
}
