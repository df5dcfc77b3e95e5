//! Masks: hidden, alone, coloured, named.

use super::*;
use crate::action::MaskAction;
use crate::document::MaskEdit;
use crate::palette::phrase_color;
use crate::state::inspection::{Brush, Rival};
use crate::state::ui_state::MaskNaming;

/// A reply with one mask, and another mask that belongs to none; the first is looked at.
fn with_two_masks() -> (State, [MaskId; 2]) {
    let (mut state, image) = with_picture();
    let request = ask(&mut state, "What is there?");
    answer(&mut state, request.id);
    let own = GroundedMask::new(state.session.fresh_mask(), mask(8));
    state.update(Action::Edit(Edit::AddMask { image, mask: Box::new(own) }), 2.0);
    let ids: Vec<MaskId> = state.listed_masks().iter().map(|listed| listed.mask.id).collect();
    state.update(Action::TogglePin(ids[0]), 2.0);
    (state, [ids[0], ids[1]])
}

fn hidden(state: &State) -> Vec<bool> {
    state.listed_masks().iter().map(|listed| listed.mask.hidden).collect()
}

#[test]
fn one_mask_alone_and_all_again() {
    let (mut state, [first, second]) = with_two_masks();
    state.update(Action::Command(Command::SoloMask), 3.0);
    assert_eq!(hidden(&state), [false, true]);
    assert!(state.are_alone(&[first]) && !state.are_alone(&[second]));
    state.update(Action::Mask(MaskAction::Solo(vec![second])), 3.0);
    assert_eq!(hidden(&state), [true, false]);
    state.update(Action::Command(Command::ShowAllMasks), 3.0);
    assert_eq!(hidden(&state), [false, false]);
    assert!(!Command::ShowAllMasks.is_enabled(&state));
    for expected in [[true, false], [false, true], [false, false]] {
        state.update(Action::Command(Command::Undo), 3.0);
        assert_eq!(hidden(&state), expected);
    }
    let gone = MaskAction::Solo(vec![MaskId(999)]);
    state.update(Action::Mask(gone), 3.0);
    assert_eq!(hidden(&state), [false, false], "one that is not there hides nothing");
}

#[test]
fn a_name_is_one_step_and_none_where_it_stays() {
    let (mut state, [first, _]) = with_two_masks();
    let before = state.history.undoable();
    state.update(Action::Command(Command::RenameMask), 3.0);
    let naming = MaskNaming { masks: vec![first], written: "a house".to_owned() };
    assert_eq!(state.ui.naming, Some(naming));
    assert_eq!(state.ui.tab, Tab::Masks);
    state.update(Action::Mask(MaskAction::NameWritten(vec![first], "a house".to_owned())), 3.0);
    assert_eq!((state.ui.naming.clone(), state.history.undoable()), (None, before), "its words are its name");
    state.update(Action::Mask(MaskAction::NameWritten(vec![first], "the barn".to_owned())), 3.0);
    assert_eq!(state.find_mask(first).unwrap().name, "the barn");
    state.update(Action::Command(Command::Undo), 3.0);
    assert_eq!(state.find_mask(first).unwrap().name, "a house");
}

#[test]
fn all_masks_of_a_phrase_change_in_one_step() {
    let (mut state, both) = with_two_masks();
    let change = MaskAction::Change(both.to_vec(), MaskEdit::Recolor(Some(4)));
    state.update(Action::Mask(change), 3.0);
    assert!(state.listed_masks().iter().all(|listed| listed.hue == 4));
    state.update(Action::Command(Command::Undo), 3.0);
    assert!(state.listed_masks().iter().all(|listed| listed.hue != 4));
}

#[test]
fn one_mask_is_found_as_the_list_has_it() {
    let (mut state, _) = with_two_masks();
    let request = ask(&mut state, "And?");
    event(&mut state, EngineEvent::TextGenerated { job: request.id, text: "a house, a house".to_owned() });
    for (index, span) in [(0, 0..7), (1, 0..7), (2, 9..16)] {
        let grounding = Grounding { span };
        event(&mut state, EngineEvent::MaskReady { job: request.id, index, grounding, masks: mask(16) });
    }
    let listed = state.listed_masks();
    assert_eq!(listed.len(), 5);
    for (place, one) in listed.iter().enumerate() {
        let found = state.find_mask(one.mask.id).unwrap();
        assert_eq!((&found.mask, found.hue, found.name), (&one.mask, one.hue, one.title()), "{place}");
        assert_eq!(found.is_editable, state.picture().unwrap().mask(one.mask.id).is_some(), "{place}");
        assert_eq!(state.place_in_list(one.mask.id), Some(place));
        assert_eq!(state.listed_masks_at(place..place + 1)[0].mask.id, one.mask.id);
    }
    assert!(state.find_mask(MaskId(9999)).is_none());
}

#[test]
fn keys_go_through_the_masks() {
    let (mut state, [first, second]) = with_two_masks();
    let looked_at = |state: &State| (state.ui.inspection.selected, state.ui.pinned.clone());
    for (command, expected) in [
        (Command::NextMask, second),
        (Command::NextMask, first),
        (Command::PreviousMask, second),
        (Command::UnpinMasks, second),
        (Command::PreviousMask, second),
    ] {
        state.update(Action::Command(command), 3.0);
        if command == Command::UnpinMasks {
            assert_eq!(looked_at(&state), (None, [].into()));
        } else {
            assert_eq!(looked_at(&state), (Some(expected), [expected].into()), "{command:?}");
        }
    }
    state.update(Action::Command(Command::UnpinMasks), 3.0);
    state.update(Action::Command(Command::NewRegion), 3.0);
    assert!(state.ui.selected_region.is_some());
    state.update(Action::Command(Command::NextMask), 3.0);
    assert_eq!(state.ui.inspection.selected, Some(first));
    assert_eq!(state.ui.selected_region, None, "one thing is selected");
    state.update(Action::Command(Command::CompareNext), 3.0);
    assert_eq!(state.ui.inspection.rival, Some(Rival::Mask(second)));
    state.update(Action::Command(Command::CompareNext), 3.0);
    assert_eq!(state.ui.inspection.rival, Some(Rival::Mask(second)), "the only other one");
    state.update(Action::Command(Command::EndComparison), 3.0);
    assert_eq!(state.ui.inspection.rival, None);
}

#[test]
fn keys_change_the_mask_that_is_looked_at() {
    let (mut state, [first, second]) = with_two_masks();
    let threshold = |state: &State, mask: MaskId| state.find_mask(mask).unwrap().mask.threshold;
    assert!(!Command::DeleteMask.is_enabled(&state), "it belongs to a reply");
    assert!(!Command::NextCandidate.is_enabled(&state), "there is only one");
    state.update(Action::Command(Command::RaiseThreshold), 3.0);
    state.update(Action::Command(Command::RaiseThreshold), 3.0);
    state.update(Action::Command(Command::LowerThreshold), 3.0);
    assert!((threshold(&state, first) - 0.25).abs() < 1e-6);
    assert_eq!(state.find_mask(second).unwrap().mask.threshold.to_bits(), 0);
    state.update(Action::Command(Command::ResetMask), 3.0);
    assert!(!Command::ResetMask.is_enabled(&state));
    for (command, expected) in
        [(Command::Brush, Some(Brush::Paint)), (Command::Eraser, Some(Brush::Erase)), (Command::Eraser, None)]
    {
        state.update(Action::Command(command), 3.0);
        assert_eq!(state.ui.inspection.brush, expected, "{command:?}");
    }
    for command in Command::ALL {
        let Some(view) = command.mask_view() else { continue };
        state.update(Action::Command(command), 3.0);
        assert_eq!((state.ui.inspection.view, command.is_chosen(&state)), (view, Some(true)));
    }
    state.update(Action::Command(Command::NextMask), 3.0);
    state.update(Action::Command(Command::DeleteMask), 3.0);
    assert_eq!(state.listed_masks().len(), 1);
    state.update(Action::Command(Command::Undo), 3.0);
    assert_eq!(state.listed_masks().len(), 2);
}

#[test]
fn coloured_text_has_the_colours_that_were_chosen() {
    let (mut state, [first, _]) = with_two_masks();
    let copied = |state: &mut State| {
        let id = state.conversation().unwrap().head().unwrap();
        match state.update(Action::CopyReply(id, ReplyFormat::Html), 3.0).pop() {
            Some(Effect::Copy(Copied::Html { html, .. })) => html,
            other => panic!("{other:?}"),
        }
    };
    assert!(copied(&mut state).contains(&phrase_color(0).hex()));
    state.update(Action::Mask(MaskAction::Change(vec![first], MaskEdit::Recolor(Some(6)))), 3.0);
    assert!(copied(&mut state).contains(&phrase_color(6).hex()));
}

#[test]
fn keys_leave_masks_alone_that_are_not_shown() {
    let (mut state, [first, _]) = with_two_masks();
    let image = state.ui.current.unwrap();
    let threshold = |state: &State| state.picture().unwrap().mask(first).unwrap().threshold;
    state.update(Action::Command(Command::Brush), 3.0);
    assert_eq!(state.held_brush(), Some(Brush::Paint));
    let before = state.conversation().unwrap().id;
    state.update(Action::Command(Command::NewConversation), 3.0);
    assert!(state.editable_mask().is_none() && state.held_brush().is_none());
    for command in [Command::RaiseThreshold, Command::FillHoles, Command::HideMask, Command::SoloMask] {
        assert!(!command.is_enabled(&state), "{command:?}");
        state.update(Action::Command(command), 3.0);
    }
    assert_eq!(
        (threshold(&state).to_bits(), state.history.undoable().unwrap().label),
        (0, "new conversation")
    );
    state.update(Action::SelectConversation(before), 3.0);
    assert_eq!(state.editable_mask().map(|mask| mask.id), Some(first), "there it is again");

    let exchange = state.conversation().unwrap().head().unwrap();
    let effects = state.update(Action::Regenerate(exchange), 3.0);
    let [Effect::Engine(EngineCommand::Run(request))] = &effects[..] else { panic!("{effects:?}") };
    let job = request.id;
    answer(&mut state, job);
    assert!(
        state.picture().unwrap().mask(first).is_some() && state.editable_mask().is_none(),
        "another branch"
    );
    state.update(Action::Command(Command::PreviousBranch), 3.0);
    assert_eq!(state.editable_mask().map(|mask| mask.id), Some(first));
    assert_eq!(state.ui.current, Some(image));
}

#[test]
fn masks_without_a_conversation_can_be_hidden() {
    let (mut state, image) = with_picture();
    assert!(!Command::ToggleMasks.is_enabled(&state), "there are none");
    let own = GroundedMask::new(state.session.fresh_mask(), mask(8));
    let id = own.id;
    state.update(Action::Edit(Edit::AddMask { image, mask: Box::new(own) }), 2.0);
    assert_eq!(state.visible_masks().len(), 1);
    state.update(Action::Command(Command::ToggleMasks), 2.0);
    assert!(state.visible_masks().is_empty());
    state.update(Action::Edit(Edit::RemoveMask { image, mask: id }), 2.0);
    state.update(Action::Command(Command::ToggleMasks), 2.0);
    assert!(!state.ui.masks_hidden, "what was hidden can be shown again, whatever is left");
}

#[test]
fn the_threshold_moves_in_one_step() {
    let (mut state, [first, second]) = with_two_masks();
    let threshold = |state: &State, mask: MaskId| state.find_mask(mask).unwrap().mask.threshold;
    for now in [3.0, 3.5, 4.0] {
        state.update(Action::Command(Command::RaiseThreshold), now);
    }
    assert!((threshold(&state, first) - 0.75).abs() < 1e-6);
    state.update(Action::Command(Command::NextMask), 4.1);
    state.update(Action::Command(Command::RaiseThreshold), 4.2);
    assert_eq!(state.ui.inspection.selected, Some(second));
    state.update(Action::Command(Command::RaiseThreshold), 9.0);
    for expected in [(0.75, 0.25), (0.75, 0.0), (0.0, 0.0)] {
        state.update(Action::Command(Command::Undo), 9.1);
        assert_eq!((threshold(&state, first), threshold(&state, second)), expected);
    }
    let before = state.history.undoable();
    for now in 0..80 {
        state.update(Action::Command(Command::LowerThreshold), 20.0 + 2.0 * f64::from(now));
    }
    let mut steps = 0;
    while state.history.undoable() != before {
        state.update(Action::Command(Command::Undo), 500.0);
        steps += 1;
    }
    assert_eq!(steps, 32, "at its lowest, at -8, it moves no further");
}

#[test]
fn a_threshold_that_stays_keeps_what_was_painted() {
    let (mut state, [first, _]) = with_two_masks();
    let image = state.ui.current.unwrap();
    let inside = glamm_engine::vision::BinaryMask::from_fn(100, 50, |x, _| x < 9);
    let pixels = Arc::new(crate::document::EditedMask::from(&inside));
    let change = MaskEdit::Paint { pixels, label: "paint" };
    state.update(Action::Edit(Edit::Mask { image, mask: first, change }), 3.0);
    let drop = |state: &mut State, threshold| {
        state.update(Action::Inspect(crate::action::Inspect::DragThreshold(threshold)), 3.0);
        state.update(Action::Inspect(crate::action::Inspect::DropThreshold(threshold)), 3.0);
        assert_eq!(state.ui.inspection.threshold, None);
    };
    drop(&mut state, 0.0);
    assert!(state.editable_mask().unwrap().edited.is_some());
    assert_eq!(state.history.undoable().unwrap().label, "paint");
    drop(&mut state, 0.5);
    assert!(state.editable_mask().unwrap().edited.is_none());
}

#[test]
fn a_colour_that_one_of_them_has_already_is_a_step_of_its_own() {
    let (mut state, both) = with_two_masks();
    let recolor = |state: &mut State, masks: &[MaskId], hue| {
        let change = MaskAction::Change(masks.to_vec(), MaskEdit::Recolor(Some(hue)));
        state.update(Action::Mask(change), 3.0);
    };
    recolor(&mut state, &both[..1], 4);
    recolor(&mut state, &both[1..], 5);
    recolor(&mut state, &both, 4);
    let hues = |state: &State| state.listed_masks().iter().map(|listed| listed.hue).collect::<Vec<_>>();
    assert_eq!(hues(&state), [4, 4]);
    state.update(Action::Command(Command::Undo), 3.0);
    assert_eq!(hues(&state), [4, 5]);
}

#[test]
fn a_name_is_given_to_all_masks_of_a_phrase() {
    let (mut state, both) = with_two_masks();
    let MaskAction::Name(Some(naming)) = state.naming_of(&both) else { panic!("they are there") };
    assert_eq!(naming, MaskNaming { masks: both.to_vec(), written: "a house".to_owned() });
    state.update(Action::Mask(MaskAction::NameWritten(naming.masks, "houses".to_owned())), 3.0);
    assert!(both.iter().all(|mask| state.find_mask(*mask).unwrap().name == "houses"));
    state.update(Action::Command(Command::Undo), 3.0);
    assert!(both.iter().all(|mask| state.find_mask(*mask).unwrap().name != "houses"), "it is one step");
}

#[test]
fn the_users_own_name_for_a_mask_is_used() {
    let (mut state, [first, _]) = with_two_masks();
    state.update(Action::Mask(MaskAction::NameWritten(vec![first], "the barn".to_owned())), 3.0);
    state.update(Action::RegionAround(first), 3.0);
    assert_eq!(state.picture().unwrap().regions[0].name, "the barn");
    let offer = crate::action::Offer::FindAlike;
    state.update(Action::TakeOffer { offer, at: pos2(5.0, 5.0), mask: Some(first) }, 3.0);
    let asked = &state.session.job.as_ref().unwrap().asked.question.text;
    assert_eq!(asked, "Please segment all the barn in this image.");
}

#[test]
fn keys_give_the_next_colour_and_change_the_brush() {
    let (mut state, [first, _]) = with_two_masks();
    let hue = |state: &State| state.find_mask(first).unwrap().hue;
    let before = hue(&state);
    let mut seen = vec![before];
    for _ in 1..crate::palette::PHRASE_COLORS.len() {
        state.update(Action::Command(Command::RecolorMask), 3.0);
        seen.push(hue(&state));
    }
    seen.sort_unstable();
    assert!(seen.is_sorted_by(|a, b| a < b), "every colour once: {seen:?}");
    state.update(Action::Command(Command::RecolorMask), 3.0);
    assert_eq!(hue(&state), before, "and from the beginning");
    state.update(Action::Command(Command::Undo), 3.0);
    assert_ne!(hue(&state), before);

    let radius = |state: &State| state.ui.inspection.brush_radius;
    let usual = radius(&state);
    state.update(Action::Command(Command::LargerBrush), 3.0);
    assert!(radius(&state) > usual);
    let press = |state: &mut State, command, times| {
        let radii = (0..times).map(|_| {
            state.update(Action::Command(command), 3.0);
            radius(state)
        });
        radii.collect::<Vec<f32>>()
    };
    let down = press(&mut state, Command::SmallerBrush, 20);
    assert_eq!((down[19], down.is_sorted_by(|a, b| a >= b)), (1.0, true), "{down:?}");
    let up = press(&mut state, Command::LargerBrush, 30);
    assert_eq!((up[0], up[29], up.is_sorted()), (2.0, 200.0, true), "{up:?}");
}
