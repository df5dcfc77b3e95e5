//! Downloads against a hub on this machine that breaks down in every way: each ends in what was asked
//! for, or in a message that says what happened, and always in a cache that is intact.

#![allow(clippy::unwrap_used, reason = "a test may fail this way")]

mod interruptions;
mod mistakes;
mod python;
mod secure;
mod towers;
mod trouble;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use glamm_engine::hub::settings::{Endpoint, Patience, Token};
use glamm_engine::hub::{
    DownloadControl, DownloadEvent, FileName, HubCache, HubError, HubSettings, RepoId, Snapshot, Wanted,
};
use glamm_tests::hub_server::{COMMIT, Fault, Hub, Stage, TOKEN, etag};

const ID: &str = "someone/model";
const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.safetensors";

/// A hub with a small and a large file, an empty cache, and little patience.
struct World {
    hub: Hub,
    scratch: tempfile::TempDir,
    settings: HubSettings,
}

impl World {
    fn new() -> Self {
        Self::around(Hub::start())
    }

    fn around(hub: Hub) -> Self {
        let scratch = tempfile::tempdir().unwrap();
        hub.put(ID, CONFIG, "{}");
        hub.put(ID, WEIGHTS, weights());
        let endpoint = Endpoint::parse(hub.address()).unwrap();
        let patience = Patience {
            connect: Duration::from_secs(5),
            quiet: Duration::from_millis(500),
            attempts: 3,
            first_pause: Duration::from_millis(1),
            longest_wait: Duration::from_secs(2),
        };
        let cache = HubCache::at(scratch.path().join("hub"));
        let settings = HubSettings { patience, ..HubSettings::new(endpoint, cache) };
        Self { hub, scratch, settings }
    }

    fn pull(&self) -> Result<Vec<Snapshot>, HubError> {
        self.pull_with(&DownloadControl::default(), &mut |_| ())
    }

    fn pull_with(
        &self,
        control: &DownloadControl,
        report: &mut dyn FnMut(DownloadEvent),
    ) -> Result<Vec<Snapshot>, HubError> {
        glamm_engine::hub::pull(&self.settings, &[wanted()], control, report)
    }

    fn folder(&self) -> PathBuf {
        self.settings.cache.repository(&RepoId::parse(ID).unwrap()).root().to_owned()
    }

    fn incomplete(&self) -> PathBuf {
        self.folder().join("blobs").join(format!("{}.incomplete", etag(WEIGHTS, &weights())))
    }

    /// Everything is here, and right.
    #[track_caller]
    fn assert_whole(&self) {
        let snapshot = self.folder().join("snapshots").join(COMMIT);
        assert_eq!(fs::read(snapshot.join(CONFIG)).unwrap(), b"{}");
        assert!(fs::read(snapshot.join(WEIGHTS)).unwrap() == weights());
        assert_eq!(fs::read_to_string(self.folder().join("refs/main")).unwrap(), COMMIT);
        assert!(!self.incomplete().exists());
        self.assert_intact();
    }

    /// Whatever has a name is what the name says, and no link leads nowhere.
    #[track_caller]
    fn assert_intact(&self) {
        for (name, contents) in [(CONFIG, b"{}".to_vec()), (WEIGHTS, weights())] {
            let blob = self.folder().join("blobs").join(etag(name, &contents));
            assert!(!blob.exists() || fs::read(&blob).unwrap() == contents, "{name}");
            let pointer = self.folder().join("snapshots").join(COMMIT).join(name);
            let linked = fs::symlink_metadata(&pointer).is_ok();
            assert!(!linked || fs::read(&pointer).unwrap() == contents, "{name} leads nowhere");
        }
        let is_whole = self.folder().join("snapshots").join(COMMIT).join(WEIGHTS).exists();
        assert!(is_whole || !self.folder().join("refs/main").exists(), "main points to half a version");
    }
}

fn wanted() -> Wanted {
    Wanted {
        repository: RepoId::parse(ID).unwrap(),
        revision: FileName::parse("main").unwrap(),
        select: |files| files.to_vec(),
    }
}

/// More than what the sockets keep.
fn weights() -> Vec<u8> {
    (0..3_000_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

#[test]
fn a_version_is_fetched_once() {
    let world = World::new();
    let mut events = Vec::new();
    let snapshots = world.pull_with(&DownloadControl::default(), &mut |event| events.push(event)).unwrap();
    assert_eq!(snapshots[0].path, world.folder().join("snapshots").join(COMMIT));
    world.assert_whole();
    let DownloadEvent::Planned(files) = &events[0] else { panic!("{:?}", events[0]) };
    assert_eq!(files.iter().map(|file| file.bytes).sum::<u64>(), 3_000_002);
    let fetched = events.iter().filter(|event| matches!(event, DownloadEvent::Fetched { .. }));
    assert_eq!(fetched.count(), 2);
    let last = events.iter().rev().find_map(|event| match event {
        DownloadEvent::Progressed(progress) => Some(progress.bytes),
        _ => None,
    });
    assert_eq!(last, Some(3_000_002));

    world.hub.seen();
    world.pull().unwrap();
    let again = world.hub.seen();
    assert!(again.iter().all(|seen| matches!(seen.stage, Stage::List | Stage::Describe)), "{again:?}");
}

#[test]
fn the_token_is_for_the_hub_alone() {
    let mut world = World::new();
    world.hub.make_private();
    assert!(matches!(world.pull(), Err(HubError::Unauthorized { .. })));
    world.settings.token = Token::parse(TOKEN);
    world.hub.seen();
    world.pull().unwrap();
    world.assert_whole();
    for seen in world.hub.seen() {
        // The small file stays at the hub, the large one comes from the storage.
        let is_hub = seen.stage != Stage::Contents || seen.what == CONFIG;
        assert_eq!(seen.authorization.is_some(), is_hub, "{seen:?}");
    }
}

#[test]
fn offline_nothing_is_asked() {
    let mut world = World::new();
    world.settings.offline = true;
    let error = world.pull().unwrap_err().to_string();
    assert!(error.contains(ID) && error.contains("HF_HUB_OFFLINE"), "{error}");
    assert!(world.hub.seen().is_empty());
}

#[test]
fn a_hub_that_is_not_there() {
    let mut world = World::new();
    world.settings.endpoint = Endpoint::parse("http://127.0.0.1:9").unwrap();
    assert!(matches!(world.pull(), Err(HubError::Unreachable { .. })));
    assert!(!world.scratch.path().join("hub").exists(), "nothing was begun");
}

fn fails_with(world: &World, stage: Stage, what: &str, fault: Fault) -> HubError {
    world.hub.plan(stage, what, usize::MAX, fault);
    let error = world.pull().unwrap_err();
    world.assert_intact();
    world.hub.heal();
    error
}
