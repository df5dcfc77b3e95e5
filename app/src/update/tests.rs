//! The state, driven by recorded actions and events; no window, no engine.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use std::sync::Arc;
use std::time::Duration;

use egui::pos2;
use glamm_engine::error::{EngineError, PromptError};
use glamm_engine::protocol::{
    EncoderSides, EngineCommand, EngineEvent, FinishReason, Grounding, ImageId, JobId, JobRequest, JobStats,
    LoadProgress, ModelInfo, ModelSource, ModelSpec, Reply, Task,
};
use glamm_engine::vision::{MaskCandidates, MaskLogits, PixelBox};
use image::RgbImage;

use super::{Action, Effect, State};
use crate::canvas::gesture::{Gesture, Grip};
use crate::canvas::view::Viewpoint;
use crate::command::Command;
use crate::copying::{Copied, ReplyFormat};
use crate::document::{Edit, ExchangeId, MaskId, RegionEdit, RegionTag};
use crate::pixels::Pixels;
use crate::prompts::SUGGESTED;
use crate::session::{Encoding, ModelStatus};
use crate::ui_state::{Tab, Tool};

fn no_model() -> ModelSpec {
    ModelSpec { source: ModelSource::Path("weights".into()), ..ModelSpec::default() }
}

/// A window with one picture of 100 × 50, selected, and nothing asked.
fn with_picture() -> (State, ImageId) {
    let (mut state, effects) = State::start(no_model(), Some("a.png".into()));
    let image = effects
        .iter()
        .find_map(|effect| match effect {
            Effect::Load { image, .. } => Some(*image),
            _ => None,
        })
        .unwrap();
    load(&mut state, image);
    (state, image)
}

fn load(state: &mut State, image: ImageId) -> Vec<Effect> {
    let pixels = Arc::new(Pixels::new(Arc::new(RgbImage::new(100, 50))));
    state.update(Action::PictureLoaded { image, result: Ok(pixels) }, 0.0)
}

fn ask(state: &mut State, question: &str) -> JobRequest {
    state.update(Action::SetDraft(question.to_owned()), 1.0);
    let effects = state.update(Action::Command(Command::Ask), 1.0);
    match effects.into_iter().next() {
        Some(Effect::Engine(EngineCommand::Run(request))) => *request,
        other => panic!("{question}: not asked, but {other:?}"),
    }
}

fn event(state: &mut State, event: EngineEvent) {
    state.update(Action::Engine(event), 2.0);
}

fn mask(side: usize) -> MaskCandidates {
    MaskCandidates::from(Arc::new(MaskLogits {
        side,
        logits: vec![1.0; side * side],
        frame: 64,
        content: (64, 32),
        image_size: (100, 50),
        predicted_iou: 0.9,
    }))
}

fn reply() -> Reply {
    Reply {
        raw: "<p> a house </p> [SEG].</s>".to_owned(),
        text: "a house.".to_owned(),
        groundings: vec![Grounding { span: 0..7 }],
    }
}

/// Streams [`reply`] as the engine does.
fn answer(state: &mut State, job: JobId) {
    event(state, EngineEvent::JobStarted { job });
    event(state, EngineEvent::PhraseOpened { job });
    event(state, EngineEvent::TextGenerated { job, text: "a house".to_owned() });
    event(state, EngineEvent::PhraseClosed { job, span: 0..7 });
    let grounding = Grounding { span: 0..7 };
    event(state, EngineEvent::MaskReady { job, index: 0, grounding, masks: mask(16) });
    event(state, EngineEvent::TextGenerated { job, text: ".".to_owned() });
    let stats = JobStats { new_tokens: 11, decode_time: Duration::from_secs(1), ..JobStats::default() };
    event(
        state,
        EngineEvent::JobFinished {
            job,
            reason: FinishReason::EndOfSequence,
            reply: reply(),
            tokens: Arc::default(),
            stats,
        },
    );
}

fn turns(request: &JobRequest) -> &[glamm_engine::protocol::Turn] {
    let Task::Converse { turns, .. } = &request.task else { panic!("{request:?}") };
    turns
}

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
fn a_failed_question_can_be_asked_again() {
    let (mut state, image) = with_picture();
    let request = ask(&mut state, "What?");
    let error = Arc::new(EngineError::Panicked("boom".to_owned()));
    event(&mut state, EngineEvent::JobFailed { job: request.id, error });
    assert!(state.session.failures[&image].message.contains("boom"));
    let effects = state.update(Action::Retry, 3.0);
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
fn regions_are_drawn_referred_to_and_undone() {
    let (mut state, image) = with_picture();
    state.update(Action::Command(Command::BoxTool), 0.0);
    let gesture = Gesture { grip: Grip::Draw, from: pos2(10.0, 10.0), to: pos2(30.0, 40.0), snap: 0.0 };
    state.update(Action::Gesture(Some(gesture)), 0.0);
    state.update(Action::FinishGesture, 0.0);
    let bounds = PixelBox { x0: 10.0, y0: 10.0, x1: 30.0, y1: 40.0 };
    assert_eq!(state.picture().unwrap().regions[0].bounds, bounds);
    assert_eq!(state.ui.selected_region, Some(RegionTag(1)));
    state.update(Action::Refer(RegionTag(1)), 0.0);
    assert_eq!(state.ui.draft(image), "[1]");
    let request = ask(&mut state, "What is [1]?");
    assert_eq!(turns(&request)[0].user, "What is <bbox>?");
    assert_eq!(turns(&request)[0].regions, [bounds]);

    let nowhere = Gesture { grip: Grip::Draw, from: pos2(5.0, 5.0), to: pos2(5.0, 5.2), snap: 0.0 };
    state.update(Action::Gesture(Some(nowhere)), 0.0);
    state.update(Action::FinishGesture, 0.0);
    assert_eq!(state.picture().unwrap().regions.len(), 1, "a click draws nothing");

    state.update(Action::Command(Command::Undo), 0.0);
    assert!(state.picture().unwrap().regions.is_empty());
    assert_eq!(state.ui.selected_region, None);
    state.update(Action::Command(Command::Redo), 0.0);
    assert_eq!(state.picture().unwrap().regions.len(), 1);
}

#[test]
fn moving_a_region_is_one_undo_point() {
    let (mut state, image) = with_picture();
    let before = PixelBox { x0: 10.0, y0: 10.0, x1: 20.0, y1: 20.0 };
    state.update(Action::Edit(Edit::AddRegion { image, bounds: before, name: String::new() }), 0.0);
    for x in [12.0, 20.0, 33.0] {
        let grip = Grip::Move(RegionTag(1), before);
        let gesture = Gesture { grip, from: pos2(10.0, 10.0), to: pos2(x, 10.0), snap: 0.0 };
        state.update(Action::Gesture(Some(gesture)), 0.0);
    }
    state.update(Action::FinishGesture, 0.0);
    assert!((state.picture().unwrap().regions[0].bounds.x0 - 33.0).abs() < 1e-6);
    state.update(Action::Command(Command::Undo), 0.0);
    assert_eq!(state.picture().unwrap().regions[0].bounds, before);
}

#[test]
fn nudges_and_names_are_one_step_each() {
    let (mut state, image) = with_picture();
    let bounds = PixelBox { x0: 10.0, y0: 10.0, x1: 20.0, y1: 20.0 };
    state.update(Action::Edit(Edit::AddRegion { image, bounds, name: String::new() }), 0.0);
    state.update(Action::SelectRegion(Some(RegionTag(1))), 0.0);
    let region = |state: &State| state.picture().unwrap().regions[0].clone();
    for (place, now) in [1.0, 1.2, 1.4].into_iter().enumerate() {
        state.update(Action::NudgeRegion { dx: 1.0, dy: -10.0 }, now);
        assert!((region(&state).bounds.x0 - 11.0 - place as f32).abs() < 1e-6);
    }
    assert!(region(&state).bounds.y0.abs() < 1e-6, "as far as the picture reaches");
    for (name, now) in [("d", 1.5), ("do", 1.6), ("door", 1.7)] {
        state.update(Action::StepRegion(RegionTag(1), RegionEdit::Rename(name.to_owned())), now);
    }
    state.update(Action::NudgeRegion { dx: 1.0, dy: 0.0 }, 9.0);
    state.update(Action::Command(Command::Undo), 9.1);
    assert_eq!(region(&state).name, "door");
    state.update(Action::Command(Command::Undo), 9.2);
    assert_eq!(region(&state).name, "");
    assert!((region(&state).bounds.x0 - 13.0).abs() < 1e-6);
    state.update(Action::Command(Command::Undo), 9.3);
    assert_eq!(region(&state).bounds, bounds, "three nudges in a second are one step");
}

#[test]
fn regions_are_duplicated_hidden_and_deleted_by_command() {
    let (mut state, image) = with_picture();
    let bounds = PixelBox { x0: 10.0, y0: 10.0, x1: 20.0, y1: 20.0 };
    assert!(!Command::DuplicateRegion.is_enabled(&state));
    state.update(Action::Edit(Edit::AddRegion { image, bounds, name: String::new() }), 0.0);
    state.update(Action::SelectRegion(Some(RegionTag(1))), 0.0);
    state.update(Action::Command(Command::DuplicateRegion), 0.0);
    assert_eq!(state.ui.selected_region, Some(RegionTag(2)), "the new one");
    state.update(Action::Command(Command::HideRegion), 0.0);
    assert_eq!(Command::HideRegion.is_chosen(&state), Some(true));
    state.update(Action::Command(Command::DeleteRegion), 0.0);
    assert_eq!(state.ui.selected_region, None);
    assert_eq!(state.picture().unwrap().regions.len(), 1);
    let effects = state.update(Action::SelectRegion(Some(RegionTag(1))), 0.0);
    assert!(effects.is_empty());
    let effects = state.update(Action::Command(Command::RenameRegion), 0.0);
    assert!(matches!(effects[..], [Effect::FocusRegionName]) && state.ui.tab == Tab::Regions);
}

#[test]
fn a_region_is_put_around_a_mask() {
    let (mut state, _) = with_picture();
    let request = ask(&mut state, "What?");
    answer(&mut state, request.id);
    let mask = state.listed_masks()[0].mask.id;
    state.update(Action::RegionAround(mask), 3.0);
    let region = &state.picture().unwrap().regions[0];
    assert_eq!(
        (region.name.as_str(), region.bounds),
        ("a house", PixelBox { x0: 0.0, y0: 0.0, x1: 100.0, y1: 50.0 })
    );
}

#[test]
fn regions_are_referred_to_anywhere_in_the_draft() {
    let (mut state, image) = with_picture();
    let bounds = PixelBox { x0: 10.0, y0: 10.0, x1: 20.0, y1: 20.0 };
    state.update(Action::Edit(Edit::AddRegion { image, bounds, name: String::new() }), 0.0);
    state.update(Action::SetDraft("Is there a dog?".to_owned()), 0.0);
    state.update(Action::ReferAt(RegionTag(1), 2), 0.0);
    assert_eq!(state.ui.draft(image), "Is [1] there a dog?");
    assert_eq!(state.ui.draft_cursor, Some(6));
    state.update(Action::Refer(RegionTag(1)), 0.0);
    assert_eq!(state.ui.draft(image), "Is [1] there a dog? [1]");
    state.update(Action::SetDraft("What is <bbox>".to_owned()), 0.0);
    assert_eq!((state.ui.draft(image), state.ui.draft_cursor), ("What is [1]", Some(11)));
}

#[test]
fn the_zoom_is_kept_when_wanted() {
    let (mut state, effects) = State::start(ModelSpec::default(), None);
    let images: Vec<ImageId> = effects
        .iter()
        .filter_map(|effect| if let Effect::Load { image, .. } = effect { Some(*image) } else { None })
        .collect();
    for image in &images[..3] {
        load(&mut state, *image);
    }
    let free = Viewpoint::Free { scale: 3.0, center: pos2(25.0, 40.0) };
    state.update(Action::SetView(free), 0.0);
    state.update(Action::SelectPicture(images[1]), 0.0);
    assert_eq!(state.ui.view(images[1]), Viewpoint::Fit);
    state.update(Action::SelectPicture(images[0]), 0.0);
    state.update(Action::Command(Command::KeepZoom), 0.0);
    state.update(Action::SelectPicture(images[2]), 0.0);
    assert_eq!(state.ui.view(images[2]), free);
}

#[test]
fn a_prompt_about_a_region_waits_for_one() {
    let (mut state, image) = with_picture();
    state.update(Action::Prompt(SUGGESTED[2].clone()), 0.0);
    assert_eq!(state.ui.tool, Tool::Box);
    let gesture = Gesture { grip: Grip::Draw, from: pos2(10.0, 10.0), to: pos2(30.0, 40.0), snap: 0.0 };
    state.update(Action::Gesture(Some(gesture)), 0.0);
    let effects = state.update(Action::FinishGesture, 0.0);
    assert!(state.ui.draft(image).contains("[1]"));
    assert!(matches!(effects[..], [Effect::FocusQuestion]));
}

#[test]
fn hovering_and_pinning_bring_masks_out() {
    let (mut state, _) = with_picture();
    let first = ask(&mut state, "What?").id;
    answer(&mut state, first);
    let second = ask(&mut state, "What else?").id;
    answer(&mut state, second);
    let ids: Vec<MaskId> =
        state.conversation().unwrap().path().flat_map(|e| e.masks.iter().flatten().map(|m| m.id)).collect();
    let shown =
        |state: &State| state.visible_masks().iter().map(|m| (m.mask.id, m.emphasised)).collect::<Vec<_>>();
    assert_eq!(shown(&state), [(ids[1], false)], "those of the latest reply");
    state.update(Action::Hover { mask: Some(ids[0]), pointer: None }, 0.0);
    let mut both = shown(&state);
    both.sort();
    assert_eq!(both, [(ids[0], true), (ids[1], false)]);
    state.update(Action::Hover { mask: None, pointer: None }, 0.0);
    state.update(Action::TogglePin(ids[0]), 0.0);
    assert!(shown(&state).contains(&(ids[0], true)));
    state.update(Action::TogglePin(ids[0]), 0.0);
    assert_eq!(shown(&state), [(ids[1], false)]);
    state.update(Action::Command(Command::ToggleMasks), 0.0);
    assert!(state.visible_masks().is_empty());
}

#[test]
fn pictures_are_encoded_when_shown_and_forgotten_when_closed() {
    let (mut state, effects) = State::start(ModelSpec::default(), None);
    let images: Vec<ImageId> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Load { image, .. } => Some(*image),
            _ => None,
        })
        .collect();
    assert!(images.len() > 2, "the gallery");
    let opens = |effects: &[Effect]| {
        effects.iter().filter(|e| matches!(e, Effect::Engine(EngineCommand::OpenImage { .. }))).count()
    };
    assert_eq!(opens(&load(&mut state, images[0])), 1, "the one that is shown");
    assert_eq!(opens(&load(&mut state, images[1])), 0, "the others wait");
    assert_eq!(opens(&state.update(Action::SelectPicture(images[1]), 0.0)), 1);
    assert_eq!(opens(&state.update(Action::SelectPicture(images[0]), 0.0)), 0, "the engine has it");
    assert_eq!(state.session.encodings[&images[0]], Encoding::Waiting);
    let effects = state.update(Action::Command(Command::ClosePicture), 0.0);
    assert!(
        effects
            .iter()
            .any(|e| matches!(e, Effect::Engine(EngineCommand::CloseImage(id)) if *id == images[0]))
    );
    assert_eq!(state.ui.current, Some(images[1]));
    let late = EngineEvent::ImageEncoded {
        image: images[0],
        timings: glamm_engine::protocol::EncodeTimings::default(),
    };
    event(&mut state, late);
    assert!(!state.session.encodings.contains_key(&images[0]), "too late");
}

#[test]
fn what_cannot_be_opened_is_said() {
    let (mut state, effects) = State::start(no_model(), Some("bad.png".into()));
    let Some(Effect::Load { image, .. }) = effects.last() else { panic!("{effects:?}") };
    let result = Err("bad.png is damaged: it ends early".to_owned());
    state.update(Action::PictureLoaded { image: *image, result }, 0.0);
    assert!(state.picture().is_none());
    assert!(state.session.notices[0].text.contains("damaged"));
    let id = state.session.notices[0].id;
    state.update(Action::DismissNotice(id), 0.0);
    assert!(state.session.notices.is_empty());
}

#[test]
fn another_model_can_be_loaded() {
    let (mut state, image) = with_picture();
    event(&mut state, EngineEvent::LoadFailed(Arc::new(EngineError::NoModel)));
    assert!(matches!(state.session.model, ModelStatus::Failed(_)));
    let effects = state.update(Action::Command(Command::UseDemoModel), 0.0);
    let [
        Effect::Engine(EngineCommand::CloseImage(closed)),
        Effect::Engine(EngineCommand::LoadModel(spec)),
        last,
    ] = &effects[..]
    else {
        panic!("{effects:?}")
    };
    assert_eq!((*closed, &spec.source), (image, &ModelSource::Demo));
    assert!(matches!(last, Effect::Engine(EngineCommand::OpenImage { .. })), "encoded anew, once");
    event(&mut state, EngineEvent::LoadProgressed(LoadProgress::default()));
    let info = ModelInfo {
        name: "Demo model".to_owned(),
        device: "CPU".to_owned(),
        source: ModelSource::Demo,
        parameters: 1,
        precision: "f32".to_owned(),
        context_length: 1,
        encoder_sides: EncoderSides { global: 1, grounding: 1 },
        load_time: Duration::ZERO,
    };
    event(&mut state, EngineEvent::ModelLoaded(info.clone()));
    assert_eq!(state.session.model, ModelStatus::Ready(info));
    assert_eq!(state.session.encodings[&image], Encoding::Waiting);
}

/// Asks and has it answered with [`reply`].
fn exchange(state: &mut State, question: &str) -> ExchangeId {
    let job = ask(state, question).id;
    answer(state, job);
    state.conversation().unwrap().head().unwrap()
}

fn sent(effects: &[Effect]) -> &JobRequest {
    match effects {
        [Effect::Engine(EngineCommand::Run(request))] => request,
        other => panic!("not asked, but {other:?}"),
    }
}

#[test]
fn replies_are_copied_in_their_colours() {
    let (mut state, _) = with_picture();
    exchange(&mut state, "What?");
    let id = exchange(&mut state, "And?");
    let mut copied = |format| match state.update(Action::CopyReply(id, format), 0.0).pop() {
        Some(Effect::Copy(copied)) => copied,
        other => panic!("{other:?}"),
    };
    assert_eq!(copied(ReplyFormat::Text), Copied::Text("a house.".to_owned()));
    assert_eq!(copied(ReplyFormat::Markdown), Copied::Text("**a house**.".to_owned()));
    let Copied::Html { html, text } = copied(ReplyFormat::Html) else { panic!("no HTML") };
    assert_eq!(text, "a house.");
    assert!(html.contains(&crate::palette::phrase_color(1).hex()), "the colour on the picture: {html}");
}

#[test]
fn another_reply_stands_beside_the_first() {
    let (mut state, _) = with_picture();
    let first = exchange(&mut state, "What?");
    let effects = state.update(Action::Regenerate(first), 1.0);
    let request = sent(&effects).clone();
    assert!(state.shown_exchanges().is_empty(), "while it comes, what it takes the place of is out of sight");
    assert_eq!(turns(&request).len(), 1);
    // Stopped before the first word: nothing is left of it, and no draft.
    let (job, reason) = (request.id, FinishReason::Cancelled);
    let stats = JobStats::default();
    event(
        &mut state,
        EngineEvent::JobFinished { job, reason, reply: Reply::default(), tokens: Arc::default(), stats },
    );
    assert_eq!(state.shown_exchanges()[0].id, first);
    assert_eq!(state.ui.draft(request.image), "");
    let effects = state.update(Action::Regenerate(first), 1.0);
    let job = sent(&effects).id;
    answer(&mut state, job);
    let conversation = state.conversation().unwrap();
    assert_eq!(conversation.branches(first).len(), 2);
    assert_ne!(conversation.head(), Some(first));
    assert!(state.update(Action::Continue(first), 1.0).is_empty(), "it is finished");
}

#[test]
fn settings_are_one_change_and_belong_to_the_conversation() {
    let (mut state, _) = with_picture();
    state.update(Action::Command(Command::ChatSettings), 0.0);
    let mut settings = state.ui.chat_settings.clone().unwrap();
    for length in [8, 9, 10] {
        settings.max_new_tokens = length;
        state.update(Action::SetChatSettings(Some(settings.clone())), 0.0);
    }
    state.update(Action::SetChatSettings(None), 0.0);
    let request = ask(&mut state, "What?");
    let Task::Converse { max_new_tokens, .. } = request.task else { panic!("another task") };
    assert_eq!(max_new_tokens, 10);
    answer(&mut state, request.id);
    state.update(Action::Command(Command::NewConversation), 0.0);
    assert_eq!(state.conversation().unwrap().settings.max_new_tokens, 10, "the next one begins with them");
    for label in ["new conversation", "reply", "chat settings"] {
        assert_eq!(state.history.undoable().unwrap().label, label);
        state.update(Action::Command(Command::Undo), 0.0);
    }
    assert_eq!(state.conversation().unwrap().settings, crate::document::Settings::default());
}

#[test]
fn a_deleted_conversation_takes_its_job_along() {
    let (mut state, _) = with_picture();
    exchange(&mut state, "What?");
    let request = ask(&mut state, "And?");
    state.update(Action::Command(Command::DeleteConversation), 0.0);
    assert!(request.cancel.is_cancelled());
    answer(&mut state, request.id);
    assert!(state.session.job.is_none() && state.conversation().unwrap().is_empty());
    state.update(Action::Command(Command::Undo), 0.0);
    assert_eq!(state.shown_exchanges().len(), 1);
}

#[test]
fn own_prompts_are_kept() {
    let (mut state, _) = with_picture();
    state.update(Action::SetDraft("Is it round?".to_owned()), 0.0);
    let kept = |effects: Vec<Effect>| match effects.into_iter().next() {
        Some(Effect::KeepPrompts(prompts)) => prompts,
        other => panic!("{other:?}"),
    };
    assert_eq!(kept(state.update(Action::KeepPrompt, 0.0)).len(), 1);
    assert_eq!(kept(state.update(Action::KeepPrompt, 0.0)).len(), 1, "once is enough");
    assert_eq!(kept(state.update(Action::RenamePrompt(0, " Round? ".to_owned()), 0.0))[0].label, "Round?");
    assert!(state.update(Action::RenamePrompt(0, " ".to_owned()), 0.0).is_empty());
    assert!(kept(state.update(Action::RemovePrompt(0), 0.0)).is_empty());
    assert!(state.update(Action::RemovePrompt(0), 0.0).is_empty());
}
