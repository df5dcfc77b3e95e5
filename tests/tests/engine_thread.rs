//! The engine thread with a real model behind it: cancelling, refusing, sampling, failing to load.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use glamm_engine::error::{EngineError, PromptError};
use glamm_engine::protocol::{
    CancelToken, DeviceChoice, EngineCommand, EngineEvent, FinishReason, ImageId, JobId, JobRequest,
    JobStats, ModelSource, ModelSpec, Reply, Sampling, Task, Turn,
};
use glamm_engine::vision::PixelBox;
use glamm_engine::{EngineHandle, SendError};
use glamm_tests::golden::{Case, Golden, Set};

const PATIENCE: Duration = Duration::from_mins(2);
const IMAGE: ImageId = ImageId(1);

/// An engine thread with the golden model and one of its pictures, and how many jobs it had.
struct Bench {
    handle: EngineHandle,
    golden: Golden,
    jobs: u64,
}

type End = Result<(FinishReason, Reply, JobStats), Arc<EngineError>>;

impl Bench {
    fn new() -> Self {
        let golden = Set::Public.open().unwrap();
        let handle = EngineHandle::spawn(|| {}).unwrap();
        handle.try_send(EngineCommand::LoadModel(golden.spec())).unwrap();
        let bench = Self { handle, golden, jobs: 0 };
        let pixels = bench.golden.picture(&bench.golden.image(bench.case()).unwrap().file).unwrap();
        let pixels = Arc::new(pixels);
        bench.handle.try_send(EngineCommand::OpenImage { image: IMAGE, pixels }).unwrap();
        bench
    }

    /// The greedy case with the longest answer.
    fn case(&self) -> &Case {
        let first_turns = self.golden.greedy_cases().filter(|case| case.follow_up_of.is_none());
        first_turns.max_by_key(|case| case.answer_ids.len()).expect("a greedy case")
    }

    fn turns(&self) -> Vec<Turn> {
        self.golden.turns(self.case()).unwrap()
    }

    fn ask(&mut self, turns: Vec<Turn>, sampling: Sampling, max_new_tokens: usize) -> CancelToken {
        self.jobs += 1;
        let cancel = CancelToken::default();
        let task = Task::Converse { system: None, turns, sampling, max_new_tokens };
        let job = JobRequest { id: JobId(self.jobs), image: IMAGE, cancel: cancel.clone(), task };
        self.handle.try_send(EngineCommand::Run(Box::new(job))).unwrap();
        cancel
    }

    /// Reads events to the end of the newest job, calling `on_text` at every piece of text.
    fn end(&self, mut on_text: impl FnMut()) -> End {
        loop {
            match self.handle.recv_timeout(PATIENCE).expect("the job ends") {
                EngineEvent::TextGenerated { .. } => on_text(),
                EngineEvent::JobFinished { job, reason, reply, stats, .. } if job.0 == self.jobs => {
                    return Ok((reason, reply, stats));
                }
                EngineEvent::JobFailed { job, error } if job.0 == self.jobs => return Err(error),
                EngineEvent::LoadFailed(error) => panic!("{error}"),
                _ => {}
            }
        }
    }

    fn answer(&mut self, turns: Vec<Turn>, sampling: Sampling) -> End {
        self.ask(turns, sampling, 64);
        self.end(|| {})
    }
}

#[test]
fn a_cancelled_reply_keeps_what_there_was_and_the_next_question_is_answered() {
    let mut bench = Bench::new();
    let restless = Sampling::Random { temperature: 4.0, top_p: None, seed: 3 };
    let cancel = bench.ask(bench.turns(), restless, 1500);
    let (reason, reply, stats) = bench.end(|| cancel.cancel()).unwrap();
    assert_eq!(reason, FinishReason::Cancelled);
    assert!(!reply.text.is_empty() && stats.new_tokens < 1500, "{stats:?}");
    let (reason, reply, stats) = bench.answer(bench.turns(), Sampling::Greedy).unwrap();
    assert_eq!((reason, &reply.raw), (FinishReason::EndOfSequence, &bench.case().text_output));
    assert_eq!(stats.cached_tokens, stats.prompt_tokens - 1, "the question itself is still remembered");
}

#[test]
fn questions_that_cannot_be_put_say_why_and_harm_nothing() {
    let mut bench = Bench::new();
    let mut too_long = bench.turns();
    too_long[0].user = "word ".repeat(5000);
    let error = bench.answer(too_long, Sampling::Greedy).unwrap_err();
    let EngineError::Prompt(PromptError::TooLong { tokens, limit }) = *error else { panic!("{error}") };
    assert!(tokens > limit && limit == bench.golden.config().llm.max_position_embeddings);

    let mut outside = bench.turns();
    outside[0].user = "What is <bbox>?".to_owned();
    outside[0].regions = vec![PixelBox { x0: -20.0, y0: 0.0, x1: -1.0, y1: 9.0 }];
    let error = bench.answer(outside, Sampling::Greedy).unwrap_err();
    assert!(matches!(*error, EngineError::Prompt(PromptError::BoxOutside { .. })), "{error}");

    let error = bench.answer(vec![Turn::default()], Sampling::Greedy).unwrap_err();
    assert!(matches!(*error, EngineError::Prompt(PromptError::Empty)), "{error}");

    let (_, reply, _) = bench.answer(bench.turns(), Sampling::Greedy).unwrap();
    assert_eq!(reply.raw, bench.case().text_output);
}

#[test]
fn the_same_seed_gives_the_same_reply_also_from_a_warm_context() {
    let mut bench = Bench::new();
    let sampling = |seed| Sampling::Random { temperature: 3.0, top_p: Some(0.9), seed };
    let mut reply = |seed| bench.answer(bench.turns(), sampling(seed)).unwrap().1;
    let first = reply(11);
    assert_ne!(first, reply(12));
    assert_eq!(first, reply(11));
}

#[test]
fn a_model_that_cannot_be_loaded_leaves_none_and_the_next_one_loads() {
    let mut bench = Bench::new();
    bench.answer(bench.turns(), Sampling::Greedy).unwrap();
    let nowhere = ModelSource::Path(bench.golden.path("images"));
    let spec = ModelSpec { source: nowhere, device: DeviceChoice::Cpu, precision: None };
    bench.handle.try_send(EngineCommand::LoadModel(spec)).unwrap();
    let error = loop {
        if let EngineEvent::LoadFailed(error) = bench.handle.recv_timeout(PATIENCE).unwrap() {
            break error;
        }
    };
    assert!(matches!(*error, EngineError::Checkpoint(_)), "{error}");
    assert!(matches!(*bench.answer(bench.turns(), Sampling::Greedy).unwrap_err(), EngineError::NoModel));
    bench.handle.try_send(EngineCommand::LoadModel(bench.golden.spec())).unwrap();
    let (_, reply, stats) = bench.answer(bench.turns(), Sampling::Greedy).unwrap();
    assert_eq!((&reply.raw, stats.cached_tokens), (&bench.case().text_output, 0), "nothing of the old one");
}

#[test]
fn closing_an_image_forgets_it() {
    let mut bench = Bench::new();
    bench.handle.try_send(EngineCommand::CloseImage(IMAGE)).unwrap();
    let error = bench.answer(bench.turns(), Sampling::Greedy).unwrap_err();
    assert!(matches!(*error, EngineError::UnknownImage));
    bench.handle.try_send(EngineCommand::Shutdown).unwrap();
    assert_eq!(bench.handle.events().iter().count(), 0, "the thread ends");
    let refused = bench.handle.try_send(EngineCommand::UnloadModel);
    assert!(matches!(refused, Err(SendError::Disconnected(_))));
}
