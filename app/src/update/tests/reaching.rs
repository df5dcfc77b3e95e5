//! What was reached by the mouse alone, by its command.

use super::*;
use crate::action::BatchAction;
use crate::document::ConversationId;
use glamm_engine::vision::{Click, MaskPrompt};

fn command(state: &mut State, command: Command) -> Vec<Effect> {
    assert!(command.is_enabled(state), "{command:?}");
    state.update(Action::Command(command), 1.0)
}

fn asked(state: &State) -> &str {
    &state.session.job.as_ref().unwrap().asked.question.text
}

fn draw(state: &mut State, image: ImageId, x0: f32) {
    let bounds = PixelBox { x0, y0: 4.0, x1: x0 + 20.0, y1: 40.0 };
    state.update(Action::Edit(Edit::AddRegion { image, bounds, name: String::new() }), 1.0);
}

fn clicked_mask(state: &mut State, image: ImageId) -> MaskId {
    let mut masks = mask(16);
    let points = vec![Click { x: 4.0, y: 4.0, positive: true }];
    masks.prompt = Some(MaskPrompt::Places { points, region: None });
    let own = GroundedMask::new(state.session.fresh_mask(), masks);
    let id = own.id;
    state.update(Action::Edit(Edit::AddMask { image, mask: Box::new(own) }), 2.0);
    id
}

#[test]
fn what_is_selected_is_asked_about() {
    let (mut state, image) = with_picture();
    assert!(!Command::WhatIsThis.is_enabled(&state), "there is no place");
    draw(&mut state, image, 4.0);
    state.update(Action::SelectRegion(Some(RegionTag(1))), 1.0);
    for (of, words) in [
        (Command::WhatIsThis, "What is in <bbox>?"),
        (Command::DescribeThis, "Can you provide me with a detailed description"),
        (Command::FindAlike, "Please segment everything that looks like"),
    ] {
        command(&mut state, of);
        assert!(asked(&state).starts_with(words), "{}", asked(&state));
        assert_eq!(state.picture().unwrap().regions.len(), 1, "it is about the region that is there");
        let job = state.session.job.as_ref().unwrap().id;
        answer(&mut state, job);
    }
    state.update(Action::SelectRegion(None), 1.0);
    let house = state.listed_masks()[0].mask.id;
    state.update(Action::TogglePin(house), 1.0);
    command(&mut state, Command::FindAlike);
    assert_eq!(asked(&state), "Please segment all the house in this image.");
    assert!(!Command::FindAlike.is_enabled(&state), "one question at a time");
}

#[test]
fn the_place_under_the_pointer_is_asked_about() {
    let (mut state, _) = with_picture();
    state.update(Action::Hover { masks: Vec::new(), pointer: Some((30.5, 20.5)) }, 1.0);
    let effects = command(&mut state, Command::WhatIsThis);
    let Some(Effect::Engine(EngineCommand::Run(request))) = effects.first() else { panic!("{effects:?}") };
    let Task::Segment { points, .. } = &request.task else { panic!("{request:?}") };
    assert_eq!((points[0].x, points[0].y), (30.0, 20.0));
}

#[test]
fn regions_and_conversations_follow_one_another() {
    let (mut state, image) = with_picture();
    assert!(!Command::NextRegion.is_enabled(&state) && !Command::NextConversation.is_enabled(&state));
    for x0 in [0.0, 30.0, 60.0] {
        draw(&mut state, image, x0);
    }
    for (of, expected) in [
        (Command::NextRegion, 1),
        (Command::NextRegion, 2),
        (Command::PreviousRegion, 1),
        (Command::PreviousRegion, 3),
        (Command::NextRegion, 1),
    ] {
        command(&mut state, of);
        assert_eq!(state.ui.selected_region, Some(RegionTag(expected)));
    }
    let job = ask(&mut state, "What?").id;
    answer(&mut state, job);
    command(&mut state, Command::NewConversation);
    for (of, expected) in [
        (Command::PreviousConversation, 1),
        (Command::PreviousConversation, 2),
        (Command::NextConversation, 1),
    ] {
        command(&mut state, of);
        assert_eq!(state.conversation().unwrap().id, ConversationId(expected));
    }
}

#[test]
fn the_last_reply_is_copied_and_deleted() {
    let (mut state, _) = with_picture();
    for question in ["What?", "And?"] {
        let job = ask(&mut state, question).id;
        answer(&mut state, job);
    }
    let effects = command(&mut state, Command::CopyReplyAsMarkdown);
    assert!(matches!(&effects[..], [Effect::Copy(Copied::Text(text))] if text == "**a house**."));
    let effects = command(&mut state, Command::CopyReplyAsHtml);
    assert!(matches!(&effects[..], [Effect::Copy(Copied::Html { .. })]));
    command(&mut state, Command::DeleteQuestion);
    assert_eq!(state.shown_exchanges().len(), 1);
    command(&mut state, Command::Undo);
    assert_eq!(state.shown_exchanges().len(), 2);
}

#[test]
fn a_mask_of_clicks_is_refined() {
    let (mut state, image) = with_picture();
    let job = ask(&mut state, "What?").id;
    answer(&mut state, job);
    let of_reply = state.listed_masks()[0].mask.id;
    state.update(Action::TogglePin(of_reply), 1.0);
    assert!(!Command::RefineMask.is_enabled(&state), "the model made it of words");
    let clicked = clicked_mask(&mut state, image);
    state.update(Action::TogglePin(clicked), 1.0);
    command(&mut state, Command::RefineMask);
    assert_eq!(state.prompted().map(|(mask, ..)| mask), Some(clicked));
    assert!(state.is_refining());
}

#[test]
fn the_run_waits_and_goes_on() {
    let (mut state, _) = with_picture();
    assert!(!Command::PauseRun.is_enabled(&state));
    state.update(Action::Batch(BatchAction::Prepare(Some("What?".to_owned()))), 1.0);
    state.update(Action::Batch(BatchAction::Start), 1.0);
    for paused in [true, false] {
        command(&mut state, Command::PauseRun);
        assert_eq!(state.session.batch.as_ref().map(|batch| batch.paused), Some(paused));
        assert_eq!(Command::PauseRun.is_chosen(&state), Some(paused));
    }
}
