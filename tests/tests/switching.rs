//! Another model takes the place of the present one, which is freed first: memory is measured, so that
//! this is the only test of its process.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use glamm_engine::EngineHandle;
use glamm_engine::fabricate::{Recipe, Sizes, WeightFormat, fabricate};
use glamm_engine::precision::Precision;
use glamm_engine::protocol::{
    DeviceChoice, EngineCommand, EngineEvent, LoadProgress, ModelPart, ModelSource, ModelSpec,
};

/// Megabytes of this process: a line of `/proc/self/status`.
fn megabytes(line: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let value = status.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':')).unwrap();
    value.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

/// From here on the peak is counted anew.
fn forget_peak() {
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
}

/// Loads a model; the parts of it in the order in which they came.
fn load(engine: &EngineHandle, source: ModelSource) -> Vec<ModelPart> {
    let spec = ModelSpec { source, device: DeviceChoice::Cpu, precision: Some(Precision::F32) };
    engine.try_send(EngineCommand::LoadModel(spec)).unwrap();
    let mut parts: Vec<LoadProgress> = Vec::new();
    loop {
        match engine.recv_timeout(Duration::from_mins(2)).unwrap() {
            EngineEvent::LoadProgressed(progress) => parts.push(progress),
            EngineEvent::ModelLoaded(_) => break,
            other => panic!("{other:?}"),
        }
    }
    let mut current: Vec<ModelPart> = parts.iter().filter_map(LoadProgress::current).collect();
    current.dedup();
    current
}

/// Begins to load a model, and wants none as soon as the last part of it comes.
fn load_and_stop(engine: &EngineHandle, source: ModelSource) {
    let spec = ModelSpec { source, device: DeviceChoice::Cpu, precision: Some(Precision::F32) };
    engine.try_send(EngineCommand::LoadModel(spec)).unwrap();
    let mut stopped = false;
    loop {
        match engine.recv_timeout(Duration::from_mins(2)).unwrap() {
            EngineEvent::LoadProgressed(progress) => {
                let late = progress.done_bytes() > progress.total_bytes() / 10 * 9;
                if late && !stopped {
                    engine.try_send(EngineCommand::UnloadModel).unwrap();
                    stopped = true;
                }
            }
            EngineEvent::ModelUnloaded => break,
            other => panic!("{other:?}"),
        }
    }
}

/// A checkpoint of about 400 MB in memory.
fn checkpoint(scratch: &Path, name: &str, seed: u64) -> PathBuf {
    let config = scratch.join("config.json");
    let tiny = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/public/glamm-tiny/config.json");
    let mut sizes: serde_json::Value = serde_json::from_slice(&std::fs::read(tiny).unwrap()).unwrap();
    sizes["intermediate_size"] = 100_000.into();
    sizes["num_hidden_layers"] = 6.into();
    std::fs::write(&config, sizes.to_string()).unwrap();
    let out = scratch.join(name);
    fabricate(
        &Recipe { sizes: Sizes::File(config), seed, format: WeightFormat::Safetensors },
        &out,
        &|_, _| (),
    )
    .unwrap();
    out
}

#[test]
fn the_old_model_is_freed_before_the_new_one_is_read() {
    let scratch = tempfile::tempdir().unwrap();
    let tower = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/public/clip-tiny");
    std::fs::create_dir(scratch.path().join("clip-tiny")).unwrap();
    for file in std::fs::read_dir(tower).unwrap().flatten() {
        std::fs::copy(file.path(), scratch.path().join("clip-tiny").join(file.file_name())).unwrap();
    }
    let models = [("one", 1), ("other", 2)].map(|(name, seed)| checkpoint(scratch.path(), name, seed));
    let engine = EngineHandle::spawn(|| {}).unwrap();
    load(&engine, ModelSource::Demo);
    let before = megabytes("RssAnon");
    let parts = load(&engine, ModelSource::Path(models[0].clone()));
    assert_eq!(parts, ModelPart::ALL, "told part by part");
    let with_one = megabytes("RssAnon");
    let size = with_one - before;
    assert!(size > 250, "{before} MB, then {with_one} MB");

    forget_peak();
    load(&engine, ModelSource::Path(models[1].clone()));
    let (peak, with_other) = (megabytes("VmHWM"), megabytes("RssAnon"));
    load(&engine, ModelSource::Demo);
    let after = megabytes("RssAnon");
    let seen =
        format!("MB: {before} demo, {with_one} one, {peak} peak, {with_other} other, {after} demo again");
    assert!(with_other < with_one + size / 8, "{seen}");
    assert!(peak < with_one + size / 2, "both at once: {seen}");
    assert!(after < before + size / 8, "{seen}");

    load_and_stop(&engine, ModelSource::Path(models[0].clone()));
    let stopped = megabytes("RssAnon");
    assert!(stopped < before + size / 8, "{stopped} MB after a load that was stopped; {seen}");
}
