//! The cache is the one that `huggingface_hub` uses: it reads ours, and we read its.
//!
//! Runs where `GLAMM_PYTHON` names an interpreter that has that package.

use std::process::Command;

use super::*;

/// Runs a script with the package, on this world's cache and hub.
fn python(world: &World, is_offline: bool, script: &str) -> Option<String> {
    let interpreter = std::env::var_os("GLAMM_PYTHON")?;
    let output = Command::new(interpreter)
        .args(["-c", script])
        .env("HF_HOME", world.scratch.path())
        .env("HF_ENDPOINT", world.hub.address())
        .env("HF_HUB_OFFLINE", if is_offline { "1" } else { "0" })
        .env("HF_HUB_DISABLE_XET", "1")
        .env("HF_HUB_DISABLE_TELEMETRY", "1")
        .env_remove("HF_HUB_CACHE")
        .output()
        .unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{complaint}");
    Some(String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

#[expect(clippy::print_stderr, reason = "says why it was skipped")]
fn is_skipped() -> bool {
    let skipped = std::env::var_os("GLAMM_PYTHON").is_none();
    if skipped {
        eprintln!("skipped: GLAMM_PYTHON names no interpreter that has huggingface_hub");
    }
    skipped
}

const SNAPSHOT: &str =
    "from huggingface_hub import snapshot_download; print(snapshot_download('someone/model'))";

#[test]
fn python_reads_what_we_fetched() {
    if is_skipped() {
        return;
    }
    let world = World::new();
    let ours = world.pull().unwrap().remove(0).path;
    world.hub.seen();
    assert_eq!(python(&world, true, SNAPSHOT).unwrap(), ours.display().to_string());
    let file = "from huggingface_hub import hf_hub_download; print(hf_hub_download('someone/model', 'model.safetensors'))";
    let path = python(&world, true, file).unwrap();
    assert!(fs::read(path).unwrap() == weights());
    assert!(world.hub.seen().is_empty(), "offline");
    // Also with the network it fetches nothing again.
    python(&world, false, SNAPSHOT).unwrap();
    assert!(world.hub.seen_of(Stage::Contents, WEIGHTS).is_empty());
    let scan = "from huggingface_hub import scan_cache_dir; i = scan_cache_dir(); print(len(i.warnings), i.size_on_disk)";
    assert_eq!(python(&world, true, scan).unwrap(), "0 3000002");
}

#[test]
fn we_read_what_python_fetched() {
    if is_skipped() {
        return;
    }
    let world = World::new();
    let theirs = python(&world, false, SNAPSHOT).unwrap();
    world.assert_whole();
    world.hub.seen();
    assert_eq!(world.pull().unwrap()[0].path.display().to_string(), theirs);
    let seen = world.hub.seen();
    assert!(seen.iter().all(|seen| matches!(seen.stage, Stage::List | Stage::Describe)), "{seen:?}");
    world.assert_whole();
}
