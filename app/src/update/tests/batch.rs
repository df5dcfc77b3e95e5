//! One question over all pictures.

use super::*;
use crate::action::BatchAction;
use crate::state::exporting::Batch;

/// Puts a question to all pictures.
fn begin(state: &mut State, question: &str) -> Vec<Effect> {
    state.update(Action::Batch(BatchAction::Prepare(Some(question.to_owned()))), 1.0);
    state.update(Action::Batch(BatchAction::Start), 1.0)
}

fn ready(state: &mut State) {
    let info = ModelInfo {
        name: String::new(),
        device: String::new(),
        source: ModelSource::Demo,
        parameters: 1,
        has_random_weights: false,
        precision: KeptAs::Precision(Precision::F32),
        held: Held::Ram(0),
        context_length: 512,
        encoder_sides: EncoderSides { global: 336, grounding: 1024 },
        load_time: Duration::ZERO,
    };
    event(state, EngineEvent::ModelLoaded(info));
}

/// Opens files that are not there yet.
fn expect_files(state: &mut State, names: &[&str]) -> Vec<ImageId> {
    let paths = names.iter().map(Into::into).collect();
    let effects = state.update(Action::OpenFiles(paths), 1.0);
    let loads = effects.into_iter().filter_map(|effect| match effect {
        Effect::Load { image, .. } => Some(image),
        _ => None,
    });
    loads.collect()
}

fn cannot_be_had(state: &mut State, image: ImageId, reason: &str) -> Vec<Effect> {
    state.update(Action::Loader(LoaderEvent::Loaded { image, result: Err(reason.to_owned()) }), 1.0)
}

fn batch(state: &State) -> &Batch {
    state.session.batch.as_ref().unwrap()
}

fn running(state: &State) -> (JobId, ImageId) {
    let job = state.session.job.as_ref().unwrap();
    (job.id, job.image)
}

fn failures(state: &State) -> Vec<(&str, &str)> {
    batch(state).failed.iter().map(|failed| (failed.name.as_str(), failed.reason.as_str())).collect()
}

#[test]
fn files_that_are_still_on_their_way_are_asked_about_too() {
    let (mut state, first) = with_picture();
    ready(&mut state);
    let later = expect_files(&mut state, &["b.png", "c.png", "d.png"]);
    begin(&mut state, "What is there?");
    assert_eq!((batch(&state).total, running(&state).1), (4, first));
    load(&mut state, later[2]);
    let job = running(&state).0;
    answer(&mut state, job);
    assert_eq!(running(&state).1, later[2], "the others are not there yet");
    let job = running(&state).0;
    answer(&mut state, job);
    assert!(state.session.job.is_none() && !batch(&state).is_finished(), "it waits");
    cannot_be_had(&mut state, later[0], "b.png is damaged");
    load(&mut state, later[1]);
    assert_eq!(running(&state).1, later[1]);
    let job = running(&state).0;
    answer(&mut state, job);
    assert!(batch(&state).is_finished() && batch(&state).done() == 4);
    assert_eq!(failures(&state), [("b.png", "b.png is damaged")]);
}

#[test]
fn what_failed_is_listed_and_asked_about_again() {
    let (mut state, first) = with_picture();
    ready(&mut state);
    let second = expect_files(&mut state, &["b.png"])[0];
    load(&mut state, second);
    // The second picture has to be fetched again, and is gone.
    state.session.pixels.remove(&second);
    begin(&mut state, "What is there?");
    let job = running(&state).0;
    let error = Arc::new(EngineError::NoModel);
    event(&mut state, EngineEvent::JobFailed { job, error });
    assert!(state.session.loading.contains(&second));
    cannot_be_had(&mut state, second, "b.png is gone");
    assert!(batch(&state).is_finished());
    assert_eq!(failures(&state).len(), 2);
    assert_eq!(failures(&state)[1], ("b.png", "b.png is gone"));

    state.update(Action::Batch(BatchAction::RetryFailed), 2.0);
    assert_eq!(running(&state).1, first);
    let job = running(&state).0;
    answer(&mut state, job);
    assert!(state.session.loading.contains(&second), "it is looked for again");
    load(&mut state, second);
    let job = running(&state).0;
    answer(&mut state, job);
    let batch = batch(&state);
    assert!(batch.is_finished() && batch.answered == 2 && batch.failed.is_empty(), "{batch:?}");
}

#[test]
fn a_stopped_reply_goes_on_in_its_place() {
    let (mut state, image) = with_picture();
    ready(&mut state);
    begin(&mut state, "What is there?");
    let job = running(&state).0;
    state.update(Action::Command(Command::Stop), 1.0);
    let said = Reply { raw: "a".to_owned(), text: "a".to_owned(), groundings: Vec::new() };
    let (reason, stats) = (FinishReason::Cancelled, JobStats::default());
    event(&mut state, EngineEvent::JobFinished { job, reason, reply: said, tokens: Arc::default(), stats });
    assert!(batch(&state).paused && state.session.job.is_none());
    let effects = state.update(Action::Batch(BatchAction::Resume), 2.0);
    let request = effects.into_iter().find_map(|effect| match effect {
        Effect::Engine(EngineCommand::Run(request)) => Some(request),
        _ => None,
    });
    let request = request.unwrap();
    assert_eq!(turns(&request).len(), 1, "not behind the reply that was cut");
    assert_eq!(turns(&request)[0].reply.as_deref(), Some("a"), "it goes on");
    answer(&mut state, request.id);
    let conversation = &state.document().picture(image).unwrap().conversations[0];
    assert_eq!(conversation.exchanges().len(), 1);
    assert_eq!(conversation.exchanges()[0].reply, reply());
}

#[test]
fn a_run_is_one_step_of_the_history() {
    let (mut state, _) = with_picture();
    ready(&mut state);
    let second = expect_files(&mut state, &["b.png"])[0];
    load(&mut state, second);
    begin(&mut state, "What is there?");
    for _ in 0..2 {
        let job = running(&state).0;
        answer(&mut state, job);
    }
    assert!(state.document().pictures().iter().all(|picture| picture.is_talked_about()));
    state.update(Action::Command(Command::Undo), 3.0);
    assert!(!state.document().pictures().iter().any(|picture| picture.is_talked_about()));
    state.update(Action::Command(Command::Redo), 3.0);
    assert!(state.document().pictures().iter().all(|picture| picture.is_talked_about()));
}

/// The running question ends, stopped, with these words.
fn stopped(state: &mut State, text: &str) {
    let job = running(state).0;
    let said = Reply { raw: text.to_owned(), text: text.to_owned(), groundings: Vec::new() };
    let (reason, stats) = (FinishReason::Cancelled, JobStats::default());
    event(state, EngineEvent::JobFinished { job, reason, reply: said, tokens: Arc::default(), stats });
}

fn answered(state: &State) -> usize {
    state.document().pictures().iter().filter(|picture| picture.is_talked_about()).count()
}

#[test]
fn a_run_that_is_undone_waits_and_loses_nothing() {
    let (mut state, _) = with_picture();
    ready(&mut state);
    for image in expect_files(&mut state, &["b.png", "c.png"]) {
        load(&mut state, image);
    }
    begin(&mut state, "What is there?");
    let job = running(&state).0;
    answer(&mut state, job);
    state.update(Action::Command(Command::Undo), 2.0);
    assert!(batch(&state).paused && state.session.job.as_ref().unwrap().stopping);
    stopped(&mut state, "a");
    assert_eq!(answered(&state), 0, "what came since does not come back by itself");
    state.update(Action::Command(Command::Redo), 2.0);
    assert_eq!(answered(&state), 2, "what had come, and what was being said");

    state.update(Action::Command(Command::Undo), 3.0);
    state.update(Action::Batch(BatchAction::Resume), 3.0);
    assert_eq!(answered(&state), 2, "who goes on has it back");
    // The reply that goes on is stopped once more, and stands in its place all the same.
    state.update(Action::Command(Command::Undo), 3.5);
    stopped(&mut state, "a house");
    assert!(state.session.notices.is_empty(), "{:?}", state.session.notices);
    state.update(Action::Batch(BatchAction::Resume), 3.5);
    for _ in 0..2 {
        let job = running(&state).0;
        answer(&mut state, job);
    }
    assert!(batch(&state).is_finished() && answered(&state) == 3);
    assert!(state.document().pictures().iter().all(|p| p.conversations[0].exchanges().len() == 1));
    state.update(Action::Command(Command::Undo), 4.0);
    assert_eq!(answered(&state), 0, "still one step");
}

#[test]
fn what_is_done_during_a_run_is_undone_first() {
    let (mut state, first) = with_picture();
    ready(&mut state);
    let second = expect_files(&mut state, &["b.png"])[0];
    load(&mut state, second);
    begin(&mut state, "What is there?");
    let job = running(&state).0;
    answer(&mut state, job);
    let bounds = PixelBox { x0: 4.0, y0: 4.0, x1: 40.0, y1: 40.0 };
    state.update(Action::Edit(Edit::AddRegion { image: first, bounds, name: String::new() }), 2.0);
    let job = running(&state).0;
    answer(&mut state, job);
    state.update(Action::Command(Command::Undo), 3.0);
    assert!(state.document().picture(first).unwrap().regions.is_empty());
    assert_eq!(answered(&state), 2);
}

#[test]
fn the_question_of_a_run_is_nobodys_draft() {
    let (mut state, image) = with_picture();
    ready(&mut state);
    begin(&mut state, "What is there?");
    state.update(Action::Command(Command::Stop), 1.0);
    stopped(&mut state, "");
    assert_eq!(state.ui.draft(image), "");
    assert!(batch(&state).paused && batch(&state).queue.len() == 1);
}

#[test]
fn files_that_cannot_be_opened_are_listed_together() {
    let (mut state, _) = with_picture();
    let names = ["b.png", "c.png", "d.png", "e.png", "f.png", "g.png"];
    for image in expect_files(&mut state, &names) {
        cannot_be_had(&mut state, image, &format!("{image:?} is damaged"));
    }
    let other = expect_files(&mut state, &["h.png"])[0];
    cannot_be_had(&mut state, other, "h.png is damaged");
    let notices = &state.session.notices;
    assert_eq!(notices.len(), 2);
    assert_eq!((notices[0].text.as_str(), notices[0].list.len()), ("6 files could not be opened", 6));
    assert_eq!(notices[1].text, "h.png is damaged");
}

#[test]
fn a_run_says_what_it_waits_for() {
    let (mut state, _) = with_picture();
    assert_eq!(state.why_run_waits(), None);
    begin(&mut state, "What?");
    assert!(state.why_run_waits().unwrap().contains("is loaded"));
    event(&mut state, EngineEvent::ModelUnloaded);
    assert!(state.why_run_waits().unwrap().contains("none is loaded"));
    state.update(Action::EngineGone, 1.0);
    assert!(state.why_run_waits().unwrap().contains("has stopped"));
    state.update(Action::Batch(BatchAction::Pause), 1.0);
    assert_eq!(state.why_run_waits(), None, "the user has it wait");
    state.update(Action::Batch(BatchAction::Resume), 1.0);
    ready(&mut state);
    assert_eq!(state.why_run_waits(), None);
}
