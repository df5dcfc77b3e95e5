//! The model manager: models are fetched, paused, gone on with, cancelled, removed, converted and
//! switched, from a hub on this machine and with the real engine where it matters.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use egui::{Key, Modifiers, Theme, Vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use glamm::action::Action;
use glamm::app::App;
use glamm::engine_link::EngineLink;
use glamm::models::{Library, ModelNews, TransferStatus};
use glamm::state::State;
use glamm::state::session::ModelStatus;
use glamm::system::surroundings::Surroundings;
use glamm_engine::hub::settings::{Endpoint, Patience};
use glamm_engine::hub::{DownloadEvent, FileName, HubCache, HubSettings, PlannedFile, Progress, RepoId};
use glamm_engine::models::{Installed, ModelState, Places};
use glamm_engine::protocol::{DeviceChoice, EngineEvent, LoadProgress, ModelInfo, ModelSource, ModelSpec};
use glamm_tests::hub_server::{Fault, Hub, Seen, Stage as Request};

use super::looking::in_both;
use super::script::scripted_model;
use super::stage::{Setup, Stage, wait};

const FULLSCOPE: &str = "MBZUAI/GLaMM-FullScope";
const CLIP: &str = "openai/clip-vit-large-patch14-336";
const SHARD: &str = "pytorch_model-00002-of-00002.bin";

fn golden(folder: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/public").join(folder)
}

/// A hub whose FullScope is the tiny checkpoint of the golden data.
fn stocked() -> Hub {
    let hub = Hub::start();
    for (folder, repository) in [("glamm-tiny", FULLSCOPE), ("clip-tiny", CLIP)] {
        for file in std::fs::read_dir(golden(folder)).unwrap().flatten() {
            let mut contents = std::fs::read(file.path()).unwrap();
            if folder == "glamm-tiny" && file.file_name() == "config.json" {
                let text =
                    String::from_utf8(contents).unwrap().replace("\"clip-tiny\"", &format!("{CLIP:?}"));
                contents = text.into_bytes();
            }
            hub.put(repository, file.file_name().to_str().unwrap(), contents);
        }
    }
    hub
}

fn surroundings(hub: &Hub, home: &Path) -> Surroundings {
    let cache = HubCache::at(home.join("hub"));
    let places = Places { cache: Some(cache.clone()), directory: Some(home.join("own")), others: Vec::new() };
    let patience = Patience {
        connect: Duration::from_secs(5),
        quiet: Duration::from_secs(20),
        attempts: 2,
        first_pause: Duration::from_millis(1),
        longest_wait: Duration::from_secs(2),
    };
    let endpoint = Endpoint::parse(hub.address()).unwrap();
    Surroundings::new(places, HubSettings { patience, ..HubSettings::new(endpoint, cache) })
}

/// A gate in the middle of a file: the hub waits there until it is opened.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<bool>, Condvar, AtomicBool)>);

impl Gate {
    fn fault(&self, bytes: u64) -> Fault {
        let gate = self.clone();
        Fault::Then(
            bytes,
            Arc::new(move || {
                gate.0.2.store(true, Ordering::Release);
                let open = gate.0.0.lock().unwrap();
                let waited = gate.0.1.wait_timeout_while(open, Duration::from_secs(30), |open| !*open);
                drop(waited.unwrap());
            }),
        )
    }

    fn is_reached(&self) -> bool {
        self.0.2.load(Ordering::Acquire)
    }

    fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }
}

/// Whether something of a file that is not whole has been written.
fn has_begun(home: &Surroundings) -> bool {
    let repository =
        home.models.places.cache.as_ref().unwrap().repository(&RepoId::parse(FULLSCOPE).unwrap());
    repository.incomplete_bytes() > 0
}

fn library(stage: &Stage) -> &Library {
    &stage.window.state().state().session.library
}

fn state_of(stage: &Stage, name: &str) -> Option<ModelState> {
    library(stage).listing.as_ref()?.entry(name).map(|entry| entry.state.clone())
}

fn is_installed(stage: &Stage, name: &str) -> bool {
    matches!(state_of(stage, name), Some(ModelState::Installed(_)))
}

/// Opens the manager by the keyboard and selects FullScope.
fn open_manager(stage: &mut Stage) {
    stage.window.key_press_modifiers(Modifiers::COMMAND, Key::M);
    stage.wait("the list", |stage| library(stage).listing.is_some());
    stage.settle();
    press_row(stage, "Model: GLaMM-FullScope");
}

fn press_row(stage: &mut Stage, label: &str) {
    stage.window.get_by_label_contains(label).click();
    stage.settle();
}

fn window(hub: &Hub, folder: tempfile::TempDir) -> Stage {
    let surroundings = surroundings(hub, folder.path());
    Stage::among(&Setup::default(), surroundings, folder, None)
}

#[test]
fn a_model_is_fetched_paused_resumed_loaded_and_removed() {
    let (hub, gate) = (stocked(), Gate::default());
    hub.plan(Request::Contents, SHARD, 1, gate.fault(20_000));
    let folder = tempfile::tempdir().unwrap();
    let home = surroundings(&hub, folder.path());
    let mut stage = window(&hub, folder);
    stage.settle();
    // By the mouse, from the model's pill.
    stage.window.get_by_label_contains("Scripted model").click();
    stage.wait("the list", |stage| library(stage).listing.is_some());
    stage.settle();
    press_row(&mut stage, "Model: GLaMM-FullScope");
    stage.press("Download");
    stage.wait("half a file", |_| gate.is_reached() && has_begun(&home));
    stage.press("Pause");
    stage.wait("the pause", |stage| library(stage).transfers["fullscope"].status == TransferStatus::Paused);
    gate.open();
    stage.settle();
    assert!(!is_installed(&stage, "fullscope"));
    stage.window.get_by_label_contains("paused");
    stage.press("Resume");
    stage.wait("the model", |stage| is_installed(stage, "fullscope") && is_installed(stage, "clip"));
    stage.settle();
    assert!(library(&stage).transfers.is_empty());
    let fetched: Vec<Seen> = hub.seen_of(Request::Contents, SHARD);
    assert!(
        matches!(fetched.as_slice(), [Seen { offset: None, .. }, Seen { offset: Some(1..), .. }]),
        "{fetched:?}"
    );

    stage.press("Load");
    let Some(ModelState::Installed(found)) = state_of(&stage, "fullscope") else { panic!("it is here") };
    assert_eq!(stage.window.state().state().session.spec.source, ModelSource::Path(found.path.clone()));
    stage.press("Unload model");
    assert_eq!(stage.window.state().state().session.model, ModelStatus::Unloaded);
    stage.press("Remove…");
    stage.press("Keep");
    assert!(found.path.exists());
    stage.press("Remove…");
    stage.press("Remove");
    stage.wait("room", |stage| matches!(state_of(stage, "fullscope"), Some(ModelState::Absent)));
    assert!(!found.path.exists());
    stage.settle();
    stage.window.get_by_label_contains("are free again");
}

#[test]
fn a_cancelled_download_is_gone_on_with_after_a_restart() {
    let (hub, gate, folder) = (stocked(), Gate::default(), tempfile::tempdir().unwrap());
    hub.plan(Request::Contents, SHARD, 1, gate.fault(20_000));
    let home = surroundings(&hub, folder.path());
    let mut stage = Stage::among(&Setup::default(), home.clone(), tempfile::tempdir().unwrap(), None);
    open_manager(&mut stage);
    stage.press("Download");
    stage.wait("half a file", |_| gate.is_reached() && has_begun(&home));
    stage.press("Cancel");
    stage.wait("the end", |stage| library(stage).transfers.is_empty());
    stage.wait("what is here", |stage| matches!(state_of(stage, "fullscope"), Some(ModelState::Partial(_))));
    gate.open();
    drop(stage);

    hub.seen();
    let mut stage = Stage::among(&Setup::default(), home, folder, None);
    open_manager(&mut stage);
    stage.window.get_by_label_contains("Model: GLaMM-FullScope, Partly here");
    stage.press("Resume download");
    stage.wait("the model", |stage| is_installed(stage, "fullscope"));
    let fetched = hub.seen_of(Request::Contents, SHARD);
    assert!(matches!(fetched.as_slice(), [Seen { offset: Some(1..), .. }]), "{fetched:?}");
}

#[test]
fn a_download_that_fails_says_why_and_can_be_tried_again() {
    let hub = stocked();
    hub.plan(Request::Contents, SHARD, 9, Fault::WrongBytes);
    let mut stage = window(&hub, tempfile::tempdir().unwrap());
    open_manager(&mut stage);
    stage.press("Download");
    stage.wait("the failure", |stage| library(stage).outcomes.contains_key("fullscope"));
    stage.settle();
    stage.window.get_by_label_contains("came damaged");
    stage.press("Dismiss");
    assert!(library(&stage).outcomes.is_empty());
    hub.heal();
    // What is there by now is looked up in the background.
    stage.wait("what was fetched", |stage| stage.window.query_by_label("Resume download").is_some());
    stage.press("Resume download");
    stage.wait("the model", |stage| is_installed(stage, "fullscope"));
}

#[test]
fn without_a_network_the_window_says_so() {
    let mut stage = Stage::new(&Setup::default());
    open_manager(&mut stage);
    stage.press("Download");
    stage.wait("the failure", |stage| library(stage).outcomes.contains_key("fullscope"));
    stage.settle();
    stage.window.get_by_label_contains("HF_HUB_OFFLINE");
    stage.window.key_press(Key::Escape);
    stage.settle();
    assert!(!stage.window.state().state().ui.models.is_open);
}

#[test]
fn that_weights_are_random_is_said() {
    let mut stage = Stage::new(&Setup::default());
    let said = |stage: &Stage| stage.window.query_by_label("The weights of this model are random").is_some();
    assert!(!said(&stage));
    let info = ModelInfo { has_random_weights: true, ..scripted_model() };
    stage.player.send(EngineEvent::ModelLoaded(info));
    stage.settle();
    assert!(said(&stage));
}

fn press(window: &mut Harness<'_, App>, label: &str) {
    window.get_by_label(label).scroll_to_me();
    window.run_steps(12);
    window.get_by_label(label).click();
    window.run_steps(6);
}

/// The real engine: a model comes from the hub, is loaded, asked, converted, and its copy asked in its
/// place, without a restart.
#[test]
fn models_are_switched_and_converted_while_the_window_is_open() {
    let (hub, folder) = (stocked(), tempfile::tempdir().unwrap());
    let around = surroundings(&hub, folder.path());
    let spec = ModelSpec { device: DeviceChoice::Cpu, ..ModelSpec::default() };
    let picture = golden("images/wide.png");
    let mut window =
        Harness::builder().with_size(Vec2::new(1100.0, 700.0)).with_step_dt(1.0 / 60.0).wgpu().build_eframe(
            |cc| {
                let ctx = cc.egui_ctx.clone();
                let engine = EngineLink::spawn(move || ctx.request_repaint()).unwrap();
                App::with_engine(cc, engine, around, spec, Some(picture)).unwrap()
            },
        );
    let is_ready = |state: &State, name: &str| match &state.session.model {
        ModelStatus::Ready(info) => info.name.contains(name),
        _ => false,
    };
    wait(&mut window, "the demo model", |state| is_ready(state, "Demo"));
    wait(&mut window, "the picture", |state| state.picture().is_some_and(|p| p.name == "wide.png"));
    window.key_press_modifiers(Modifiers::COMMAND, Key::M);
    wait(&mut window, "the list", |state| state.session.library.listing.is_some());
    window.get_by_label_contains("Model: GLaMM-FullScope").click();
    window.run_steps(6);
    press(&mut window, "Download");
    let listed = |state: &State, name: &str| {
        let listing = state.session.library.listing.as_ref();
        listing.and_then(|all| all.entry(name)).is_some_and(|e| matches!(e.state, ModelState::Installed(_)))
    };
    wait(&mut window, "the model", |state| listed(state, "fullscope"));
    press(&mut window, "Load");
    wait(&mut window, "loading", |state| is_ready(state, "GLaMM-FullScope"));
    ask(&mut window, 1);

    press(&mut window, "q8_0");
    press(&mut window, "Convert to q8_0");
    wait(&mut window, "the copy", |state| listed(state, "glamm-fullscope-q8_0"));
    assert!(folder.path().join("own/glamm-fullscope-q8_0.gguf").exists());
    window.get_by_label_contains("Model: glamm-fullscope-q8_0").click();
    window.run_steps(6);
    press(&mut window, "Load");
    wait(&mut window, "the copy's loading", |state| is_ready(state, "glamm-fullscope-q8_0"));
    ask(&mut window, 2);
}

/// Closes the manager, asks, and opens it again.
fn ask(window: &mut Harness<'_, App>, exchanges: usize) {
    window.key_press(Key::Escape);
    window.run_steps(6);
    press(window, "Describe with masks");
    wait(window, "the reply", |state| state.conversation().unwrap().exchanges().len() == exchanges);
    let reply = window.state().state().conversation().unwrap().exchanges()[exchanges - 1].reply.text.clone();
    assert!(!reply.trim().is_empty());
    window.key_press_modifiers(Modifiers::COMMAND, Key::M);
    window.run_steps(6);
}

/// A listing that looks the same on every machine.
fn steady(stage: &mut Stage, fullscope: ModelState) {
    stage.wait("the list", |stage| library(stage).listing.is_some());
    let mut listing = (**library(stage).listing.as_ref().unwrap()).clone();
    let machine = listing.machine.as_mut().unwrap();
    (machine.ram_bytes, machine.free_ram_bytes) = (24 << 30, 13 << 30);
    (machine.vram_bytes, machine.free_vram_bytes) = (None, None);
    // The kernels that a processor has decide what computing holds.
    let needs = listing.entries.iter_mut().flat_map(|entry| &mut entry.needs);
    needs.for_each(|(_, need)| need.working_bytes = 1 << 30);
    listing.free_disk_bytes = Some(73_000_000_000);
    listing.own = Some(("/home/ada/.local/share/glamm/models".into(), Some(73_000_000_000)));
    listing.entries.iter_mut().find(|entry| entry.name == "fullscope").unwrap().state = fullscope;
    stage.act(Action::Models(ModelNews::Listed(Arc::new(listing))));
}

#[test]
fn snapshots_of_the_model_manager() {
    let mut stage = Stage::new(&Setup::default());
    open_manager(&mut stage);
    let fullscope = Installed {
        path: "/home/ada/.cache/huggingface/hub/models--MBZUAI--GLaMM-FullScope/snapshots/0123".into(),
        bytes: 16_760_000_000,
        is_complete: true,
    };
    steady(&mut stage, ModelState::Installed(fullscope));
    in_both(&mut stage, "models");
}

#[test]
fn snapshots_of_a_download() {
    let (hub, gate) = (stocked(), Gate::default());
    hub.plan(Request::Contents, SHARD, 1, gate.fault(0));
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup { theme: Theme::Light, ..Setup::default() };
    let mut stage = Stage::among(&setup, surroundings(&hub, folder.path()), folder, None);
    open_manager(&mut stage);
    stage.press("Download");
    stage.wait("the gate", |_| gate.is_reached());
    stage.settle();
    steady(&mut stage, ModelState::Absent);
    // While the hub holds the real one back, one of the real size is told.
    let file = |name: &str, bytes, bytes_here| PlannedFile {
        repository: RepoId::parse(FULLSCOPE).unwrap(),
        name: FileName::parse(name).unwrap(),
        bytes,
        bytes_here,
    };
    let files = vec![
        file("config.json", 2_000, 2_000),
        file("tokenizer.model", 500_000, 500_000),
        file("pytorch_model-00001-of-00002.bin", 9_980_000_000, 4_300_000_000),
        file(SHARD, 6_780_000_000, 0),
    ];
    let progress = Progress {
        file: 2,
        file_bytes: 4_400_000_000,
        bytes: 4_400_502_000,
        total_bytes: 16_760_502_000,
        bytes_per_second: Some(48e6),
        time_left: Some(Duration::from_secs(255)),
    };
    for event in [DownloadEvent::Planned(files), DownloadEvent::Progressed(progress)] {
        stage.act(Action::Models(ModelNews::Download { name: "fullscope".to_owned(), event }));
    }
    in_both(&mut stage, "models_download");
    gate.open();
}

#[test]
fn snapshots_of_loading_part_by_part() {
    let mut stage = Stage::new(&Setup::default());
    let mut progress = LoadProgress::default();
    for (key, bytes, done) in [
        ("vision_model.a", 609_000_000, 609_000_000),
        ("model.mm_projector.a", 42_000_000, 42_000_000),
        ("model.region_encoder.a", 254_000_000, 254_000_000),
        ("model.grounding_encoder.image_encoder.a", 2_548_000_000, 2_548_000_000),
        ("model.grounding_encoder.mask_decoder.a", 16_000_000, 16_000_000),
        ("lm_head.weight", 13_476_000_000, 5_100_000_000),
        ("model.text_hidden_fcs.a", 71_000_000, 0),
    ] {
        progress.expect(key, bytes);
        progress.advance(key, done);
    }
    stage.player.send(EngineEvent::LoadProgressed(progress));
    stage.settle();
    stage.window.get_by_label("Stop loading");
    in_both(&mut stage, "loading");
}
