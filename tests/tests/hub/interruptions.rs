//! Pausing, stopping, and two downloads of the same file.

use std::sync::Arc;
use std::time::{Duration, Instant};

use glamm_engine::hub::{Download, Pause};

use super::*;

#[test]
fn a_pause_stops_the_flow_and_going_on_asks_for_the_rest() {
    let world = World::new();
    let control = DownloadControl::default();
    let pausing = control.clone();
    // The server itself brings about the pause: no clock decides how far things are.
    let pause = move || {
        pausing.pause();
        std::thread::sleep(Duration::from_millis(50));
    };
    world.hub.plan(Stage::Contents, WEIGHTS, 1, Fault::Then(1_000_000, Arc::new(pause)));
    let mut paused = 0;
    let resuming = control.clone();
    world
        .pull_with(&control, &mut |event| {
            if matches!(event, DownloadEvent::Waiting(Pause::Paused)) {
                paused += 1;
                resuming.resume();
            }
            assert!(
                !matches!(event, DownloadEvent::Waiting(Pause::Retrying { .. })),
                "a pause is no failure"
            );
        })
        .unwrap();
    assert_eq!(paused, 1);
    world.assert_whole();
    assert!(world.hub.seen_of(Stage::Contents, WEIGHTS).len() <= 2);
}

#[test]
fn stopping_ends_a_stalled_read_at_once_and_keeps_what_came() {
    let mut world = World::new();
    world.settings.patience.quiet = Duration::from_mins(1);
    world.hub.plan(Stage::Contents, WEIGHTS, 1, Fault::StallAfter(1_000_000));
    let settings = world.settings.clone();
    let download = Download::spawn(
        || (),
        move |control, report| glamm_engine::hub::pull(&settings, &[wanted()], control, report),
    )
    .unwrap();
    while fs::metadata(world.incomplete()).map_or(0, |found| found.len()) < 1_000_000 {
        std::thread::sleep(Duration::from_millis(5));
    }
    let started = Instant::now();
    download.control().cancel();
    let mut last = None;
    while let Some(event) = download.next() {
        last = Some(event);
    }
    assert!(matches!(last, Some(DownloadEvent::Stopped)), "{last:?}");
    assert!(started.elapsed() < Duration::from_secs(10));
    world.assert_intact();
    assert_eq!(fs::read(world.incomplete()).unwrap(), weights()[..1_000_000]);
    world.pull().unwrap();
    world.assert_whole();
}

#[test]
fn a_download_in_the_background_closes_with_one_event() {
    let world = World::new();
    let run = |settings: HubSettings| {
        let work = move |control: &DownloadControl, report: &mut dyn FnMut(DownloadEvent)| {
            glamm_engine::hub::pull(&settings, &[wanted()], control, report)
        };
        let download = Download::spawn(|| (), work).unwrap();
        std::iter::from_fn(|| download.next()).collect::<Vec<_>>()
    };
    let is_last = |event: &DownloadEvent| {
        matches!(event, DownloadEvent::Finished(_) | DownloadEvent::Failed(_) | DownloadEvent::Stopped)
    };
    let events = run(world.settings.clone());
    assert!(matches!(events.last(), Some(DownloadEvent::Finished(folders)) if folders.len() == 1));
    assert_eq!(events.iter().filter(|event| is_last(event)).count(), 1);
    world.hub.plan(Stage::List, ID, 1, Fault::Status(404, ""));
    assert!(matches!(run(world.settings.clone()).as_slice(), [DownloadEvent::Failed(_)]));
}

#[test]
fn dropping_a_download_stops_it() {
    let mut world = World::new();
    world.settings.patience.quiet = Duration::from_mins(1);
    world.hub.plan(Stage::Contents, CONFIG, 1, Fault::StallAfter(0));
    let settings = world.settings.clone();
    let started = Instant::now();
    let download = Download::spawn(
        || (),
        move |control, report| glamm_engine::hub::pull(&settings, &[wanted()], control, report),
    )
    .unwrap();
    assert!(matches!(download.next(), Some(DownloadEvent::Planned(_))));
    drop(download);
    assert!(started.elapsed() < Duration::from_secs(10));
    world.assert_intact();
}

#[test]
fn two_downloads_fetch_a_file_once() {
    let world = World::new();
    let slow = || std::thread::sleep(Duration::from_millis(200));
    world.hub.plan(Stage::Contents, WEIGHTS, 1, Fault::Then(1_000, Arc::new(slow)));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| world.pull().unwrap());
        }
    });
    world.assert_whole();
    let seen = world.hub.seen();
    let contents =
        |name: &str| seen.iter().filter(|seen| seen.stage == Stage::Contents && seen.what == name).count();
    assert_eq!((contents(CONFIG), contents(WEIGHTS)), (1, 1));
}
