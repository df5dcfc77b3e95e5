//! The state, driven by recorded actions and events; no window, no engine.

mod asking;
mod batch;
mod conversing;
mod keeping;
mod leaving;
mod looking;
mod masks;
mod missing;
mod reaching;
mod regions;
mod segments;
mod studying;
mod words;

use std::sync::Arc;
use std::time::Duration;

use egui::pos2;
use glamm_engine::error::{EngineError, PromptError};
use glamm_engine::precision::{KeptAs, Precision};
use glamm_engine::protocol::{
    EncoderSides, EngineCommand, EngineEvent, FinishReason, Grounding, Held, ImageId, JobId, JobRequest,
    JobStats, LoadProgress, ModelInfo, ModelSource, ModelSpec, Reply, Task,
};
use glamm_engine::vision::{BinaryMask, MaskCandidates, MaskLogits, PixelBox};
use image::RgbImage;

use super::{Action, Effect, State};
use crate::canvas::gesture::{Gesture, Grip};
use crate::canvas::view::Viewpoint;
use crate::command::Command;
use crate::copying::{Copied, ReplyFormat};
use crate::document::{Edit, ExchangeId, GroundedMask, MaskId, RegionEdit, RegionTag};
use crate::pictures::LoaderEvent;
use crate::pictures::pixels::Pixels;
use crate::prompts::SUGGESTED;
use crate::state::session::{Encoding, ModelStatus};
use crate::state::ui_state::{Tab, Tool};

fn no_model() -> ModelSpec {
    ModelSpec { source: ModelSource::Path("weights".into()), ..ModelSpec::default() }
}

/// A window with one picture of 100 × 50, selected, and nothing asked.
fn with_picture() -> (State, ImageId) {
    let (mut state, effects) = State::start(no_model(), Some("a.png".into()));
    let image = loaded(&effects);
    load(&mut state, image);
    (state, image)
}

/// The picture that the loader is asked for.
fn loaded(effects: &[Effect]) -> ImageId {
    let of = |effect: &Effect| match effect {
        Effect::Load { image, .. } => Some(*image),
        _ => None,
    };
    effects.iter().find_map(of).unwrap()
}

fn load(state: &mut State, image: ImageId) -> Vec<Effect> {
    let pixels = Arc::new(Pixels::new(Arc::new(RgbImage::new(100, 50))));
    state.update(Action::Loader(LoaderEvent::Loaded { image, result: Ok(pixels) }), 0.0)
}

/// Another picture beside the one that is there, which is shown again.
fn open_beside(state: &mut State, shown: ImageId) -> ImageId {
    let effects = state.update(Action::OpenFiles(vec!["b.png".into()]), 0.0);
    let second = loaded(&effects);
    load(state, second);
    state.update(Action::SelectPicture(shown), 0.0);
    second
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
    answer_until(state, job, FinishReason::EndOfSequence);
}

/// The same, with another end.
fn answer_until(state: &mut State, job: JobId, reason: FinishReason) {
    event(state, EngineEvent::JobStarted { job });
    event(state, EngineEvent::PhraseOpened { job });
    event(state, EngineEvent::TextGenerated { job, text: "a house".to_owned() });
    event(state, EngineEvent::PhraseClosed { job, span: 0..7 });
    let grounding = Grounding { span: 0..7 };
    event(state, EngineEvent::MaskReady { job, index: 0, grounding, masks: mask(16) });
    event(state, EngineEvent::TextGenerated { job, text: ".".to_owned() });
    let stats = JobStats { new_tokens: 11, decode_time: Duration::from_secs(1), ..JobStats::default() };
    event(state, EngineEvent::JobFinished { job, reason, reply: reply(), tokens: Arc::default(), stats });
}

fn turns(request: &JobRequest) -> &[glamm_engine::protocol::Turn] {
    let Task::Converse { turns, .. } = &request.task else { panic!("{request:?}") };
    turns
}
