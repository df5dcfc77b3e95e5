//! `glamm models`.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{glamm, json, stdout};

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
    let table = stdout(models(home.path()).arg("list"));
    assert_eq!(table.lines().count(), entries.len() + 1, "{table}");
}
