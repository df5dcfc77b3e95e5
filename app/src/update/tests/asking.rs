//! Questions, replies on their way, and what goes wrong.

use super::*;
use glamm_engine::vision::Click;

#[test]
fn a_reply_streams_into_the_conversation() {
    let (mut state, _) = with_picture();
    let request = ask(&mut state, "What is there?");
    assert_eq!(state.ui.draft(request.image), "", "the draft is sent");
    answer(&mut state, request.id);
    assert!(state.session.job.is_none());
    let exchange = Arc::clone(&state.conversation().unwrap().exchanges()[0]);
    assert_eq!(exchange.reply, reply());
    assert_eq!(exchange.masks.len(), 1);
    let visible = state.visible_masks();
    assert_eq!(visible.len(), 1);
    assert!(!visible[0].emphasised && !visible[0].dimmed);
    assert!((state.session.tokens_per_second.unwrap() - 10.0).abs() < 1e-9);

    let request = ask(&mut state, "And beside it?");
    assert_eq!(turns(&request).len(), 2);
    assert_eq!(turns(&request)[0].reply.as_deref(), Some(reply().raw.as_str()));
    assert_eq!(state.session.job.as_ref().unwrap().first_hue, 1, "colours go on");

    state.update(Action::Command(Command::Undo), 3.0);
    assert!(state.conversation().unwrap().is_empty(), "a finished reply is one edit");
}

#[test]
fn phrases_show_before_their_masks() {
    let (mut state, _) = with_picture();
    let job = ask(&mut state, "What?").id;
    event(&mut state, EngineEvent::TextGenerated { job, text: "größe ".to_owned() });
    event(&mut state, EngineEvent::PhraseOpened { job });
    event(&mut state, EngineEvent::TextGenerated { job, text: "two".to_owned() });
    let running = state.session.job.as_ref().unwrap();
    assert_eq!((running.open_phrase, running.chars), (Some(6), 9));
    event(&mut state, EngineEvent::PhraseClosed { job, span: 6..9 });
    assert_eq!(state.session.job.as_ref().unwrap().waiting_phrases.first(), Some(&(6..9)));
    let grounding = Grounding { span: 6..9 };
    event(&mut state, EngineEvent::MaskReady { job, index: 0, grounding, masks: mask(8) });
    let running = state.session.job.as_ref().unwrap();
    assert!(running.waiting_phrases.is_empty());
    assert_eq!(state.visible_masks().len(), 1);
}

#[test]
fn events_of_other_jobs_are_dropped() {
    let (mut state, _) = with_picture();
    let request = ask(&mut state, "What?");
    let stale = JobId(request.id.0 + 100);
    answer(&mut state, stale);
    assert!(state.session.job.as_ref().unwrap().text.is_empty());
    assert!(state.conversation().unwrap().is_empty());
}

#[test]
fn stop_cancels_and_keeps_what_was_said() {
    let (mut state, image) = with_picture();
    let request = ask(&mut state, "What?");
    state.update(Action::Command(Command::Stop), 1.5);
    assert!(request.cancel.is_cancelled());
    assert!(!Command::Stop.is_enabled(&state), "once is enough");
    let said = Reply { raw: "a".to_owned(), text: "a".to_owned(), groundings: Vec::new() };
    let (job, reason) = (request.id, FinishReason::Cancelled);
    event(
        &mut state,
        EngineEvent::JobFinished {
            job,
            reason,
            reply: said,
            tokens: Arc::default(),
            stats: JobStats::default(),
        },
    );
    assert_eq!(state.conversation().unwrap().exchanges()[0].reason, FinishReason::Cancelled);

    let request = ask(&mut state, "And now?");
    state.update(Action::Command(Command::Stop), 1.5);
    let (job, reply) = (request.id, Reply::default());
    event(
        &mut state,
        EngineEvent::JobFinished { job, reason, reply, tokens: Arc::default(), stats: JobStats::default() },
    );
    assert_eq!(state.ui.draft(image), "And now?", "nothing was said: the question comes back");
    assert_eq!(state.conversation().unwrap().exchanges().len(), 1);
}

#[test]
fn an_edited_question_comes_back_where_nothing_was_said() {
    let (mut state, image) = with_picture();
    let job = ask(&mut state, "What?").id;
    answer(&mut state, job);
    state.update(Action::EditQuestion(ExchangeId(1)), 1.0);
    state.update(Action::SetEditing("Where?".to_owned()), 1.0);
    state.update(Action::SendEditing, 1.0);
    assert!(state.ui.editing.is_none());
    state.update(Action::Command(Command::Stop), 1.5);
    let job = state.session.job.as_ref().unwrap().id;
    let (reason, reply, stats) = (FinishReason::Cancelled, Reply::default(), JobStats::default());
    event(&mut state, EngineEvent::JobFinished { job, reason, reply, tokens: Arc::default(), stats });
    assert_eq!(state.shown_editing().unwrap().draft, "Where?");
    assert_eq!(state.ui.draft(image), "");
}

#[test]
fn a_failed_question_can_be_asked_again() {
    let (mut state, image) = with_picture();
    let request = ask(&mut state, "What?");
    let error = Arc::new(EngineError::Panicked("boom".to_owned()));
    event(&mut state, EngineEvent::JobFailed { job: request.id, error });
    assert!(state.session.failures[&image].message.contains("boom"));
    let effects = state.update(Action::Command(Command::AskAgain), 3.0);
    assert!(matches!(effects[..], [Effect::Engine(EngineCommand::Run(_))]));
    assert!(state.session.failures.is_empty());

    let job = state.session.job.as_ref().unwrap().id;
    let error = Arc::new(EngineError::Prompt(PromptError::TooLong { tokens: 9, limit: 8 }));
    event(&mut state, EngineEvent::JobFailed { job, error });
    assert!(state.session.failures[&image].too_long);
    state.update(Action::Command(Command::NewConversation), 4.0);
    assert!(state.session.failures.is_empty());
}

#[test]
fn a_busy_engine_is_said_not_waited_for() {
    let (mut state, image) = with_picture();
    let request = ask(&mut state, "What?");
    state.update(Action::EngineRefused(EngineCommand::Run(Box::new(request))), 1.0);
    assert!(state.session.job.is_none());
    assert!(state.session.failures[&image].message.contains("busy"));
    state.update(Action::EngineGone, 2.0);
    assert_eq!(state.session.model, ModelStatus::Gone);
}

#[test]
fn a_picture_that_the_engine_had_no_room_for_is_offered_again_with_the_question() {
    let (mut state, image) = with_picture();
    let pixels = Arc::new(RgbImage::new(100, 50));
    state.update(Action::EngineRefused(EngineCommand::OpenImage { image, pixels }), 1.0);
    state.update(Action::SetDraft("What?".to_owned()), 1.0);
    for command in [Action::Command(Command::Ask), Action::Command(Command::AskAgain)] {
        let effects = state.update(command, 1.0);
        let [Effect::Engine(EngineCommand::OpenImage { .. }), Effect::Engine(EngineCommand::Run(request))] =
            &effects[..]
        else {
            panic!("{effects:?}")
        };
        let request = request.clone();
        state.update(Action::EngineRefused(EngineCommand::Run(request)), 1.0);
        state.session.encodings.clear();
    }
}

#[test]
fn nothing_is_asked_before_the_picture_is_there() {
    let (mut state, image) = with_picture();
    let pixels = state.session.pixels.remove(&image).unwrap();
    state.session.encodings.clear();
    state.update(Action::SetDraft("What?".to_owned()), 1.0);
    assert!(!Command::Ask.is_enabled(&state) && state.why_not_ask().unwrap().contains("being opened"));
    let effects = state.update(Action::Command(Command::Ask), 1.0);
    assert!(effects.is_empty() && state.ui.draft(image) == "What?", "{effects:?}");
    let click = Click { x: 3.0, y: 4.0, positive: true };
    assert!(state.update(Action::ClickPoint(click), 1.0).is_empty());
    assert!(state.session.notices[0].text.contains("being opened"));
    state.update(Action::Loader(LoaderEvent::Loaded { image, result: Ok(pixels) }), 1.0);
    assert!(Command::Ask.is_enabled(&state));
}

#[test]
fn what_the_engine_could_not_forget_it_is_told_again() {
    let (mut state, image) = with_picture();
    let closing = |effects: &[Effect]| {
        effects.iter().any(|e| matches!(e, Effect::Engine(EngineCommand::CloseImage(id)) if *id == image))
    };
    assert!(closing(&state.update(Action::ClosePicture(image), 1.0)));
    let unloaded = || Action::Engine(EngineEvent::ModelUnloaded);
    assert!(!closing(&state.update(unloaded(), 1.0)), "it was taken");
    for _ in 0..2 {
        state.update(Action::EngineRefused(EngineCommand::CloseImage(image)), 1.0);
        assert!(closing(&state.update(unloaded(), 1.0)));
    }
    state.update(Action::EngineRefused(EngineCommand::CloseImage(image)), 1.0);
    state.update(Action::Command(Command::Undo), 2.0);
    load(&mut state, image);
    assert!(state.picture().is_some() && !closing(&state.update(unloaded(), 2.0)), "it is wanted again");
}

#[test]
fn the_engine_is_told_again_to_put_the_model_away() {
    let (mut state, _) = with_picture();
    let unloads = |effects: &[Effect]| {
        effects.iter().any(|effect| matches!(effect, Effect::Engine(EngineCommand::UnloadModel)))
    };
    let progress = || Action::Engine(EngineEvent::LoadProgressed(LoadProgress::default()));
    assert!(unloads(&state.update(Action::Command(Command::StopLoading), 1.0)));
    for _ in 0..2 {
        state.update(Action::EngineRefused(EngineCommand::UnloadModel), 1.0);
        assert!(unloads(&state.update(progress(), 1.0)));
    }
    assert!(!unloads(&state.update(progress(), 1.0)), "it was taken");
    state.update(Action::EngineRefused(EngineCommand::UnloadModel), 1.0);
    state.update(Action::Command(Command::UseDemoModel), 1.0);
    assert!(!unloads(&state.update(progress(), 1.0)), "another one is wanted by now");
}
