//! Masks of clicks and boxes, and questions about places.

use super::*;
use crate::action::Offer;
use glamm_engine::vision::{Click, MaskPrompt};

fn click(x: f32, y: f32) -> Click {
    Click { x, y, positive: true }
}

/// The job that the engine is given.
fn job(effects: &[Effect]) -> JobRequest {
    match effects {
        [Effect::Engine(EngineCommand::Run(request))] => JobRequest::clone(request),
        other => panic!("no job, but {other:?}"),
    }
}

fn candidates(prompt: &Task) -> MaskCandidates {
    let Task::Segment { points, region } = prompt else { panic!("{prompt:?}") };
    let logits = Arc::clone(mask(16).used());
    let prompt = MaskPrompt::Places { points: points.clone(), region: *region };
    MaskCandidates::new(vec![logits], 0, prompt).unwrap()
}

/// Answers with a mask of all of the picture.
fn segment(state: &mut State, request: &JobRequest) -> Vec<Effect> {
    let masks = candidates(&request.task);
    state.update(Action::Engine(EngineEvent::Segmented { job: request.id, masks }), 2.0)
}

fn draw(state: &mut State, image: ImageId) {
    let bounds = PixelBox { x0: 10.0, y0: 10.0, x1: 20.0, y1: 20.0 };
    state.update(Action::Edit(Edit::AddRegion { image, bounds, name: String::new() }), 0.0);
    state.update(Action::SelectRegion(Some(RegionTag(1))), 0.0);
}

#[test]
fn a_mask_of_a_region_is_refined_by_the_next_click() {
    let (mut state, image) = with_picture();
    draw(&mut state, image);
    let request = job(&state.update(Action::Command(Command::SegmentRegion), 1.0));
    segment(&mut state, &request);
    assert!(!state.is_refining(), "not before Point is chosen");
    state.update(Action::Command(Command::PointTool), 1.0);
    let request = job(&state.update(Action::ClickPoint(click(3.0, 4.0)), 1.0));
    let Task::Segment { points, region } = &request.task else { panic!("{request:?}") };
    assert_eq!((points.len(), region.is_some()), (1, true), "with the box it came from");
    segment(&mut state, &request);
    assert_eq!(state.picture().unwrap().masks.len(), 1);
    state.update(Action::Command(Command::BoxTool), 1.0);
    state.update(Action::Command(Command::PointTool), 1.0);
    let request = job(&state.update(Action::ClickPoint(click(3.0, 4.0)), 1.0));
    assert!(matches!(request.task, Task::Segment { region: None, .. }), "another mask begins");
}

#[test]
fn what_is_asked_is_asked_about_the_mask_that_is_meant() {
    let (mut state, image) = with_picture();
    let own = |state: &mut State, x: f32| {
        let (id, mut logits) = (state.session.fresh_mask(), MaskLogits::clone(mask(16).used()));
        for (at, logit) in logits.logits.iter_mut().enumerate() {
            *logit = if (at % 16) as f32 >= x { 1.0 } else { -1.0 };
        }
        let mask = GroundedMask::new(id, MaskCandidates::from(Arc::new(logits)));
        state.update(Action::Edit(Edit::AddMask { image, mask: Box::new(mask) }), 0.0);
        id
    };
    let (large, _small) = (own(&mut state, 0.0), own(&mut state, 8.0));
    let at = pos2(90.0, 25.0);
    for (mask, width) in [(Some(large), 100.0), (None, 50.0)] {
        let request = job(&state.update(Action::TakeOffer { offer: Offer::WhatIsThis, at, mask }, 1.0));
        let region = turns(&request).last().unwrap().regions[0];
        assert!((region.x1 - region.x0 - width).abs() < 8.0, "{mask:?}: {region:?}");
        answer(&mut state, request.id);
    }
}

#[test]
fn a_question_about_a_place_waits_in_the_draft_for_another() {
    let (mut state, image) = with_picture();
    let at = pos2(30.0, 20.0);
    let offer = Action::TakeOffer { offer: Offer::WhatIsThis, at, mask: None };
    let segmentation = job(&state.update(offer, 1.0));
    let question = ask(&mut state, "What is there?");
    assert!(segment(&mut state, &segmentation).is_empty(), "one question at a time");
    assert_eq!(state.picture().unwrap().regions.len(), 1);
    assert_eq!(state.ui.draft(image), "What is in [1]?");
    assert!(state.session.notices[0].text.contains("Region 1 has to wait"));
    answer(&mut state, question.id);
    let asked = job(&state.update(Action::Command(Command::Ask), 3.0));
    assert_eq!(turns(&asked).last().unwrap().user, "What is in <bbox>?");
}

#[test]
fn a_mask_on_its_way_is_said_and_stopped() {
    let (mut state, image) = with_picture();
    draw(&mut state, image);
    assert!(!Command::Stop.is_enabled(&state) && state.segmenting().is_none());
    for waits in [false, true] {
        let question = waits.then(|| ask(&mut state, "What is there?"));
        let request = job(&state.update(Action::SegmentRegion(RegionTag(1)), 1.0));
        assert_eq!(state.segmenting().unwrap().contains("waits"), waits);
        if waits {
            state.update(Action::CancelSegmentation, 1.0);
        } else {
            state.update(Action::Command(Command::Stop), 1.0);
        }
        assert!(request.cancel.is_cancelled() && state.segmenting().is_none());
        assert!(question.is_none_or(|question| !question.cancel.is_cancelled()), "the reply goes on");
        segment(&mut state, &request);
        assert!(state.picture().unwrap().masks.is_empty(), "what comes too late is dropped");
    }
}

#[test]
fn pictures_that_the_engine_works_on_are_kept() {
    let (mut state, first) = with_picture();
    let second = loaded(&state.update(Action::OpenFiles(vec!["b.png".into()]), 0.0));
    load(&mut state, second);
    assert!(!state.is_needed(first) && state.is_needed(second));
    state.update(Action::SelectPicture(first), 0.0);
    assert!(state.is_needed(first) && !state.is_needed(second));
    state.update(
        Action::Inspect(crate::action::Inspect::Layer(Some(crate::state::inspection::Layer::Global))),
        0.0,
    );
    job(&state.update(Action::Inspect(crate::action::Inspect::NeedMaps), 0.0));
    state.update(Action::SelectPicture(second), 0.0);
    assert!(state.is_needed(first), "its maps are being made");
}
