//! The loop's promises, tested with models that do as they are told.

mod obedient;

use std::cell::Cell;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use image::RgbImage;

use super::*;
use crate::handle::{EngineHandle, SendError};
use crate::protocol::{CancelToken, DeviceChoice, FinishReason, JobId, ModelSource, Sampling, Turn};
use crate::vision::{Click, MaskPrompt, PixelBox};
use obedient::{EXHAUSTING, LARGE, Obedient};

const PATIENCE: Duration = Duration::from_secs(20);

fn spawn(capacity: usize) -> EngineHandle {
    EngineHandle::spawn_backend::<Obedient>(|| {}, capacity).unwrap()
}

fn load(path: &str) -> EngineCommand {
    let source = ModelSource::Path(PathBuf::from(path));
    EngineCommand::LoadModel(ModelSpec { source, device: DeviceChoice::Cpu, precision: None })
}

fn open(image: u64, brightness: u8) -> EngineCommand {
    let pixels = Arc::new(RgbImage::from_pixel(2, 2, image::Rgb([brightness; 3])));
    EngineCommand::OpenImage { image: ImageId(image), pixels }
}

fn run(id: u64, image: u64, order: &str, cancel: &CancelToken) -> EngineCommand {
    let turns = vec![Turn { user: order.to_owned(), ..Turn::default() }];
    let task = Task::Converse { system: None, turns, sampling: Sampling::Greedy, max_new_tokens: 1 };
    run_task(id, image, task, cancel)
}

fn run_task(id: u64, image: u64, task: Task, cancel: &CancelToken) -> EngineCommand {
    let (id, image) = (JobId(id), ImageId(image));
    EngineCommand::Run(Box::new(JobRequest { id, image, cancel: cancel.clone(), task }))
}

/// A handle with a model and image 1, and the events of that read.
fn ready() -> EngineHandle {
    let handle = spawn(256);
    handle.try_send(load("model")).unwrap();
    handle.try_send(open(1, 7)).unwrap();
    until(&handle, |event| matches!(event, EngineEvent::ImageEncoded { .. }));
    handle
}

/// All events up to and with the first that `last` accepts.
fn until(handle: &EngineHandle, last: impl Fn(&EngineEvent) -> bool) -> Vec<EngineEvent> {
    let mut events = Vec::new();
    loop {
        let event = handle.recv_timeout(PATIENCE).expect("the awaited event comes");
        let done = last(&event);
        events.push(event);
        if done {
            return events;
        }
    }
}

fn terminal(event: &EngineEvent) -> Option<JobId> {
    match event {
        EngineEvent::JobFinished { job, .. }
        | EngineEvent::Segmented { job, .. }
        | EngineEvent::FeaturesExtracted { job, .. }
        | EngineEvent::JobFailed { job, .. } => Some(*job),
        _ => None,
    }
}

fn is_end_of(job: u64) -> impl Fn(&EngineEvent) -> bool {
    move |event| terminal(event) == Some(JobId(job))
}

#[test]
fn a_panic_fails_the_job_and_the_model_lives_on_with_a_fresh_context() {
    let handle = ready();
    let cancel = CancelToken::default();
    for (id, order) in [(1, "words 2"), (2, "panic"), (3, "fail"), (4, "words 1")] {
        handle.try_send(run(id, 1, order, &cancel)).unwrap();
    }
    let events = until(&handle, is_end_of(4));
    let ends: Vec<JobId> = events.iter().filter_map(terminal).collect();
    assert_eq!(ends, [1, 2, 3, 4].map(JobId), "one terminal event per job, in order");
    let failure = events.iter().find_map(|event| match event {
        EngineEvent::JobFailed { job: JobId(2), error } => Some(error.to_string()),
        _ => None,
    });
    assert_eq!(failure.as_deref(), Some("internal error: as told; please report this"));
    let EngineEvent::JobFinished { stats, .. } = events.last().unwrap() else { panic!("finished") };
    assert_eq!(stats.cached_tokens, 0, "the context of a failed job is not trusted");
}

#[test]
fn a_job_that_exhausts_the_memory_leaves_room_for_the_next() {
    let handle = ready();
    let cancel = CancelToken::default();
    for (id, order) in [(1, "words 1"), (2, "exhaust")] {
        handle.try_send(run(id, 1, order, &cancel)).unwrap();
    }
    let points = vec![Click { x: 1.0, y: 1.0, positive: true }];
    handle.try_send(run_task(3, 1, Task::Segment { points, region: None }, &cancel)).unwrap();
    let events = until(&handle, is_end_of(3));
    let failure = events.iter().find_map(|event| match event {
        EngineEvent::JobFailed { job: JobId(2), error } => Some(error.to_string()),
        _ => None,
    });
    assert_eq!(
        failure.as_deref(),
        Some(
            "the memory of CUDA 0 was not enough for the model in f16, and was freed: close other programs, or \
             choose q4k, which needs 5.4 GB"
        )
    );
    let encoded = events.iter().filter(|event| matches!(event, EngineEvent::ImageEncoded { .. }));
    assert_eq!(encoded.count(), 1, "encodings are freed, and made again for the next job");
    assert!(matches!(events.last(), Some(EngineEvent::Segmented { .. })), "the model is still there");
}

#[test]
fn a_job_that_exhausts_the_memory_is_done_again_with_what_was_freed() {
    let handle = ready();
    let cancel = CancelToken::default();
    handle.try_send(run(1, 1, "exhaust once", &cancel)).unwrap();
    let events = until(&handle, is_end_of(1));
    let starts = events.iter().filter(|event| matches!(event, EngineEvent::JobStarted { .. }));
    assert_eq!(starts.count(), 1, "{events:?}");
    assert!(matches!(events.last(), Some(EngineEvent::JobFinished { .. })), "{events:?}");
    // A reply that has begun is not told twice.
    handle.try_send(run(2, 1, "exhaust late", &cancel)).unwrap();
    let events = until(&handle, is_end_of(2));
    let words = events.iter().filter(|event| matches!(event, EngineEvent::TextGenerated { .. }));
    assert_eq!(words.count(), 1, "{events:?}");
    assert!(matches!(events.last(), Some(EngineEvent::JobFailed { .. })), "{events:?}");
}

#[test]
fn a_question_does_not_wait_for_another_image() {
    let handle = ready();
    // A black one takes for ever.
    handle.try_send(open(2, 0)).unwrap();
    handle.try_send(run(1, 1, "words 1", &CancelToken::default())).unwrap();
    handle.try_send(run(2, 1, "words 1", &CancelToken::default())).unwrap();
    until(&handle, is_end_of(2));
}

#[test]
fn the_first_of_the_waiting_jobs_decides_what_comes_first() {
    let (mailbox, cancel) = (Mailbox::default(), CancelToken::default());
    let comes_first = || [1, 2].map(|image| !mailbox.another_comes_first(ImageId(image)));
    assert_eq!(comes_first(), [true, true], "nothing was asked");
    mailbox.post(run(1, 2, "words 1", &cancel), |_| Ok(())).unwrap();
    mailbox.post(run(2, 1, "words 1", &cancel), |_| Ok(())).unwrap();
    assert_eq!(comes_first(), [false, true]);
    mailbox.settle(&run(1, 2, "words 1", &cancel));
    assert_eq!(comes_first(), [true, false]);
    mailbox.settle(&run(2, 1, "words 1", &cancel));
    assert!(mailbox.post(run(3, 2, "words 1", &cancel), |job| Err(SendError::Busy(job))).is_err());
    assert_eq!(comes_first(), [true, true], "what was not taken does not wait");
}

#[test]
fn a_question_does_not_wait_for_what_masks_need() {
    let handle = spawn(256);
    handle.try_send(load("model")).unwrap();
    handle.try_send(open(1, LARGE)).unwrap();
    // Whether the encoder is reached before the question comes or only behind it: it is interrupted once.
    handle.try_send(run(1, 1, "words 1", &CancelToken::default())).unwrap();
    let events = until(&handle, is_end_of(1));
    assert!(!events.iter().any(|event| matches!(event, EngineEvent::ImageEncoded { .. })), "{events:?}");
    handle.try_send(run(2, 1, "words 1", &CancelToken::default())).unwrap();
    // Before that question or behind it, as the encoder was reached.
    let awaited = Cell::new(2);
    until(&handle, |event| {
        let counts = is_end_of(2)(event) || matches!(event, EngineEvent::ImageEncoded { .. });
        awaited.set(awaited.get() - usize::from(counts));
        awaited.get() == 0
    });
    assert!(handle.recv_timeout(Duration::from_millis(50)).is_err(), "it is encoded once");
}

#[test]
fn clicks_wait_for_what_they_need() {
    let handle = spawn(256);
    handle.try_send(load("model")).unwrap();
    handle.try_send(open(1, 7)).unwrap();
    let points = vec![Click { x: 1.0, y: 1.0, positive: true }];
    let task = Task::Segment { points, region: None };
    handle.try_send(run_task(1, 1, task, &CancelToken::default())).unwrap();
    let events = until(&handle, is_end_of(1));
    assert!(events.iter().any(|event| matches!(event, EngineEvent::ImageEncoded { .. })), "{events:?}");
}

#[test]
fn an_image_that_exhausts_the_memory_is_reported_and_another_is_encoded() {
    let handle = ready();
    handle.try_send(open(2, EXHAUSTING)).unwrap();
    handle.try_send(open(3, 7)).unwrap();
    let awaited = Cell::new(2);
    let events = until(&handle, |event| {
        let counts = matches!(event, EngineEvent::ImageEncoded { .. } | EngineEvent::ImageFailed { .. });
        awaited.set(awaited.get() - usize::from(counts));
        awaited.get() == 0
    });
    let told = events.iter().any(|event| {
        matches!(event, EngineEvent::ImageFailed { image: ImageId(2), error }
            if matches!(**error, EngineError::Device(DeviceError::OutOfMemory { .. })))
    });
    assert!(told, "{events:?}");
    let encoded = |event: &EngineEvent| matches!(event, EngineEvent::ImageEncoded { image: ImageId(3), .. });
    assert!(events.iter().any(encoded), "{events:?}");
}

#[test]
fn a_cancelled_job_finishes_and_its_successor_runs() {
    let handle = ready();
    let cancel = CancelToken::default();
    handle.try_send(run(1, 1, "forever", &cancel)).unwrap();
    handle.try_send(run(2, 1, "forever", &cancel)).unwrap();
    handle.try_send(run(3, 1, "words 3", &CancelToken::default())).unwrap();
    until(&handle, |event| matches!(event, EngineEvent::JobStarted { .. }));
    cancel.cancel();
    let events = until(&handle, is_end_of(3));
    for id in [1, 2] {
        assert!(events.iter().any(|event| matches!(
            event,
            EngineEvent::JobFinished { job, reason: FinishReason::Cancelled, .. } if job.0 == id
        )));
    }
    let words = |event: &&EngineEvent| matches!(event, EngineEvent::TextGenerated { job: JobId(3), .. });
    assert_eq!(events.iter().filter(words).count(), 3);
}

#[test]
fn every_kind_of_job_ends_once() {
    let handle = ready();
    let go_on = CancelToken::default();
    let cancelled = CancelToken::default();
    cancelled.cancel();
    let segment = |region| {
        let points = vec![Click { x: 1.0, y: 1.0, positive: true }; 3];
        Task::Segment { points, region }
    };
    let prompt = MaskPrompt::Seg(vec![0.0].into());
    handle.try_send(run_task(1, 1, segment(None), &go_on)).unwrap();
    handle.try_send(run_task(2, 1, segment(Some(PixelBox::default())), &go_on)).unwrap();
    handle.try_send(run_task(3, 1, segment(None), &cancelled)).unwrap();
    handle.try_send(run_task(4, 1, Task::Features { mask: Some((prompt, 7)) }, &go_on)).unwrap();
    handle.try_send(run_task(5, 9, Task::Features { mask: None }, &go_on)).unwrap();
    let events = until(&handle, is_end_of(5));
    let ends: Vec<&EngineEvent> = events.iter().filter(|event| terminal(event).is_some()).collect();
    let [
        EngineEvent::Segmented { masks, .. },
        EngineEvent::JobFailed { error, .. },
        EngineEvent::JobFinished { reason: FinishReason::Cancelled, .. },
        EngineEvent::FeaturesExtracted { maps, .. },
        EngineEvent::JobFailed { .. },
    ] = &ends[..]
    else {
        panic!("{ends:?}")
    };
    assert!((masks.used().logits[0] - 3.0).abs() < 1e-6);
    assert!(matches!(**error, EngineError::Panicked(_)), "{error}");
    assert_eq!(maps.grounding.rgb, [[7; 3]]);
}

#[test]
fn jobs_without_model_or_image_fail_with_the_reason() {
    let handle = spawn(256);
    let cancel = CancelToken::default();
    handle.try_send(open(1, 7)).unwrap();
    handle.try_send(run(1, 1, "words 1", &cancel)).unwrap();
    let events = until(&handle, is_end_of(1));
    assert!(
        matches!(&events[..], [_, EngineEvent::JobFailed { error, .. }] if matches!(**error, EngineError::NoModel))
    );
    handle.try_send(load("model")).unwrap();
    // An image opened before the model is encoded once there is one.
    until(&handle, |event| matches!(event, EngineEvent::ImageEncoded { image: ImageId(1), .. }));
    handle.try_send(run(2, 9, "words 1", &cancel)).unwrap();
    let events = until(&handle, is_end_of(2));
    assert!(
        matches!(events.last(), Some(EngineEvent::JobFailed { error, .. }) if matches!(**error, EngineError::UnknownImage))
    );
}

#[test]
fn a_panicking_loader_and_encoder_are_reported() {
    let handle = spawn(256);
    handle.try_send(load("broken")).unwrap();
    until(&handle, |event| matches!(event, EngineEvent::LoadFailed(_)));
    handle.try_send(load("model")).unwrap();
    let events = until(&handle, |event| matches!(event, EngineEvent::ModelLoaded(_)));
    assert_eq!(events.len(), 101, "progress by percents");
    handle.try_send(open(1, 255)).unwrap();
    let events = until(&handle, |event| matches!(event, EngineEvent::ImageFailed { .. }));
    assert!(matches!(events.last(), Some(EngineEvent::ImageFailed { image: ImageId(1), .. })));
}

#[test]
fn an_encoding_is_given_up_when_its_image_is_closed_or_the_model_changes() {
    let handle = ready();
    handle.try_send(open(2, 0)).unwrap();
    handle.try_send(EngineCommand::CloseImage(ImageId(2))).unwrap();
    handle.try_send(open(3, 0)).unwrap();
    handle.try_send(EngineCommand::CloseImage(ImageId(3))).unwrap();
    handle.try_send(open(4, 0)).unwrap();
    handle.try_send(EngineCommand::UnloadModel).unwrap();
    let events = until(&handle, |event| matches!(event, EngineEvent::ModelUnloaded));
    assert_eq!(events.len(), 1, "what was given up is not reported: {events:?}");
}

#[test]
fn a_load_is_given_up_when_another_model_is_wanted() {
    let handle = spawn(256);
    handle.try_send(load("slow")).unwrap();
    handle.try_send(load("model")).unwrap();
    let events = until(&handle, |event| matches!(event, EngineEvent::ModelLoaded(_)));
    assert!(!events.iter().any(|event| matches!(event, EngineEvent::LoadFailed(_))));
    handle.try_send(load("slow")).unwrap();
    let start = Instant::now();
    drop(handle);
    assert!(start.elapsed() < PATIENCE, "so is it at the end");
}

#[test]
fn undrained_events_neither_deadlock_nor_get_lost() {
    let handle = spawn(2);
    handle.try_send(load("model")).unwrap();
    handle.try_send(open(1, 7)).unwrap();
    handle.try_send(run(1, 1, "words 50", &CancelToken::default())).unwrap();
    std::thread::sleep(Duration::from_millis(50));
    let events = until(&handle, is_end_of(1));
    let words = events.iter().filter(|event| matches!(event, EngineEvent::TextGenerated { .. })).count();
    assert_eq!(words, 50);
    handle.try_send(run(2, 1, "words 50", &CancelToken::default())).unwrap();
    std::thread::sleep(Duration::from_millis(50));
    let start = Instant::now();
    drop(handle);
    assert!(start.elapsed() < PATIENCE, "dropping ends a worker that waits for room");
}

#[test]
fn a_full_queue_is_busy_and_gives_the_command_back() {
    let handle = ready();
    let cancel = CancelToken::default();
    handle.try_send(run(1, 1, "forever", &cancel)).unwrap();
    let refused = (2..1000).find_map(|id| handle.try_send(run(id, 1, "words 1", &cancel)).err()).unwrap();
    let SendError::Busy(EngineCommand::Run(job)) = refused else { panic!("busy, with the job") };
    cancel.cancel();
    let events = until(&handle, is_end_of(job.id.0 - 1));
    assert_eq!(events.iter().filter_map(terminal).count() as u64, job.id.0 - 1);
}

#[test]
fn shutdown_cancels_the_running_and_the_queued_jobs_and_takes_no_more() {
    let handle = ready();
    let cancel = CancelToken::default();
    handle.try_send(run(1, 1, "forever", &cancel)).unwrap();
    handle.try_send(run(2, 1, "words 1", &cancel)).unwrap();
    handle.try_send(EngineCommand::Shutdown).unwrap();
    // Taken or not: a job behind the end that was taken has its terminal event like any other.
    let taken = handle.try_send(run(3, 1, "words 1", &cancel)).is_ok();
    let events: Vec<EngineEvent> = handle.events().iter().collect();
    let ends: Vec<JobId> = events.iter().filter_map(terminal).collect();
    let expected = if taken { vec![JobId(1), JobId(2), JobId(3)] } else { vec![JobId(1), JobId(2)] };
    assert_eq!(ends, expected);
    let refused = handle.try_send(run(4, 1, "words 1", &cancel));
    assert!(matches!(refused, Err(SendError::Disconnected(_))));
}

#[test]
fn every_event_wakes_the_application() {
    static WOKEN: AtomicUsize = AtomicUsize::new(0);
    let wake = || {
        WOKEN.fetch_add(1, Ordering::SeqCst);
    };
    let handle = EngineHandle::spawn_backend::<Obedient>(wake, 256).unwrap();
    handle.try_send(load("model")).unwrap();
    handle.try_send(open(1, 7)).unwrap();
    handle.try_send(EngineCommand::Shutdown).unwrap();
    let events: Vec<EngineEvent> = handle.events().iter().collect();
    drop(handle);
    assert_eq!(WOKEN.load(Ordering::SeqCst), events.len());
}
