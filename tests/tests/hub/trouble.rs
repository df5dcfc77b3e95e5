//! Connections that break, stall or are refused.

use std::time::{Duration, Instant};

use super::*;

const STAGES: [(Stage, &str); 6] = [
    (Stage::List, ID),
    (Stage::Describe, CONFIG),
    (Stage::Describe, WEIGHTS),
    (Stage::Fetch, WEIGHTS),
    (Stage::Contents, CONFIG),
    (Stage::Contents, WEIGHTS),
];

#[test]
fn a_connection_cut_at_any_stage_is_made_again() {
    let world = World::new();
    for (stage, what) in STAGES {
        for fault in [Fault::Hangup, Fault::HalfHeaders, Fault::Status(500, ""), Fault::Status(503, "")] {
            world.hub.plan(stage, what, 1, fault);
            let _ = fs::remove_dir_all(world.folder());
            world.pull().unwrap();
            world.assert_whole();
        }
    }
}

#[test]
fn cut_again_and_again_it_ends_in_a_message_and_goes_on_the_next_time() {
    for (stage, what) in STAGES {
        let world = World::new();
        let error = fails_with(&world, stage, what, Fault::Hangup);
        assert!(matches!(error, HubError::Interrupted { .. }), "{stage:?} {what}: {error}");
        world.pull().unwrap();
        world.assert_whole();
    }
}

#[test]
fn contents_go_on_where_they_broke_off() {
    let world = World::new();
    for bytes in [1, 1_000_000, 2_999_999] {
        let _ = fs::remove_dir_all(world.folder());
        world.hub.plan(Stage::Contents, WEIGHTS, 1, Fault::CutAfter(bytes));
        world.hub.seen();
        world.pull().unwrap();
        world.assert_whole();
        let offsets: Vec<_> =
            world.hub.seen_of(Stage::Contents, WEIGHTS).into_iter().map(|seen| seen.offset).collect();
        assert_eq!(offsets, [None, Some(bytes)]);
    }
}

#[test]
fn many_breaks_do_not_matter_while_something_comes() {
    let world = World::new();
    world.hub.plan(Stage::Contents, WEIGHTS, 20, Fault::CutAfter(100_000));
    world.pull().unwrap();
    world.assert_whole();
    assert_eq!(world.hub.seen_of(Stage::Contents, WEIGHTS).len(), 21);
}

#[test]
fn a_restart_goes_on_too() {
    let mut world = World::new();
    world.settings.patience.attempts = 1;
    world.hub.plan(Stage::Contents, WEIGHTS, 1, Fault::CutAfter(1_234_567));
    let error = world.pull().unwrap_err();
    assert!(matches!(error, HubError::Interrupted { .. }), "{error}");
    world.assert_intact();
    assert_eq!(fs::read(world.incomplete()).unwrap(), weights()[..1_234_567]);
    world.hub.seen();
    // Reading what is here tells how far it is, and can be stopped.
    let (control, mut read) = (DownloadControl::default(), Vec::new());
    let stopped = world.pull_with(&control, &mut |event| {
        if let DownloadEvent::Progressed(now) = event {
            read.push(now.file_bytes);
            control.cancel();
        }
    });
    assert!(
        matches!(stopped, Err(HubError::Cancelled)) && read.iter().all(|&bytes| bytes < 1_234_567),
        "{read:?}"
    );
    let mut checked = false;
    world
        .pull_with(&DownloadControl::default(), &mut |event| {
            checked |= matches!(event, DownloadEvent::Checking { .. });
        })
        .unwrap();
    world.assert_whole();
    let seen = world.hub.seen_of(Stage::Contents, WEIGHTS);
    assert_eq!(seen.iter().map(|seen| seen.offset).collect::<Vec<_>>(), [Some(1_234_567)]);
    assert!(checked, "what was here is read again");
}

#[test]
fn a_server_that_cannot_begin_in_the_middle() {
    let world = World::new();
    world.hub.plan(Stage::Contents, WEIGHTS, 1, Fault::CutAfter(1_000_000));
    world.hub.plan(Stage::Contents, WEIGHTS, 1, Fault::WholeFile(u64::MAX));
    world.pull().unwrap();
    world.assert_whole();

    let world = World::new();
    let error = fails_with(&world, Stage::Contents, WEIGHTS, Fault::WholeFile(1_000_000));
    assert!(matches!(error, HubError::Interrupted { .. }), "it never comes further: {error}");
}

#[test]
fn a_stalled_connection_is_given_up_and_made_again() {
    let world = World::new();
    world.hub.plan(Stage::Contents, WEIGHTS, 1, Fault::StallAfter(500_000));
    let started = Instant::now();
    world.pull().unwrap();
    world.assert_whole();
    assert!(started.elapsed() < Duration::from_secs(10));

    let world = World::new();
    let error = fails_with(&world, Stage::Contents, WEIGHTS, Fault::StallAfter(0));
    assert!(matches!(error, HubError::Stalled { .. }), "{error}");
}

#[test]
fn statuses_say_what_to_do() {
    for (stage, what) in STAGES {
        let world = World::new();
        let fails = |status| fails_with(&world, stage, what, Fault::Status(status, ""));
        let error = fails(404);
        assert!(matches!(error, HubError::NotFound { .. }), "{stage:?} {what}: {error}");
        let error = fails(401);
        assert!(error.to_string().contains("HF_TOKEN"), "{error}");
        for status in [401, 403] {
            let gated = Fault::Status(status, "X-Error-Code: GatedRepo\r\n");
            let error = fails_with(&world, stage, what, gated);
            assert!(error.to_string().contains("accept its terms"), "{stage:?} {what}: {error}");
        }
        // The link to the storage may have run out: that alone is tried again.
        let error = fails(403);
        let is_storage = (stage, what) == (Stage::Contents, WEIGHTS);
        assert_eq!(matches!(error, HubError::Forbidden { .. }), !is_storage, "{stage:?} {what}: {error}");
        let error = fails(500);
        assert!(matches!(error, HubError::Status { status: 500, .. }), "{error}");
        world.pull().unwrap();
        world.assert_whole();
    }
}

#[test]
fn a_link_that_ran_out_is_asked_for_again() {
    let world = World::new();
    world.hub.plan(Stage::Contents, WEIGHTS, 1, Fault::Status(403, ""));
    world.pull().unwrap();
    world.assert_whole();
}

#[test]
fn too_many_requests_are_waited_for_but_not_for_ever() {
    for status in [429, 503] {
        let world = World::new();
        world.hub.plan(Stage::Fetch, WEIGHTS, 1, Fault::Status(status, "Retry-After: 1\r\n"));
        let started = Instant::now();
        world.pull().unwrap();
        world.assert_whole();
        assert!(started.elapsed() >= Duration::from_secs(1), "{status}");
    }

    let world = World::new();
    let started = Instant::now();
    let error = fails_with(&world, Stage::List, ID, Fault::Status(429, "Retry-After: 3600\r\n"));
    assert!(error.to_string().contains("3600 seconds"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(5));

    let world = World::new();
    let error = fails_with(&world, Stage::List, ID, Fault::Status(429, ""));
    assert!(error.to_string().contains("wait a while"), "{error}");
}
