//! Regions: drawn, changed, referred to.

use super::*;
use crate::action::Field;

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
    assert!(matches!(effects[..], [Effect::Focus(Field::RegionName)]) && state.ui.tab == Tab::Regions);
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
fn a_region_is_made_and_used_by_keys_alone() {
    let (mut state, image) = with_picture();
    let (rect, pixels_per_point) = (egui::Rect::from_min_size(pos2(0.0, 0.0), egui::vec2(232.0, 132.0)), 1.0);
    state.update(Action::CanvasPlaced { rect, pixels_per_point }, 0.0);
    state.update(Action::Command(Command::NewRegion), 0.0);
    let bounds = PixelBox { x0: 25.0, y0: 13.0, x1: 75.0, y1: 38.0 };
    assert_eq!(state.picture().unwrap().regions[0].bounds, bounds);
    assert_eq!(state.ui.selected_region, Some(RegionTag(1)));
    state.ui.shell.hidden.side_panel = true;
    state.update(Action::Command(Command::ReferToRegion), 0.0);
    assert_eq!(state.ui.draft(image), "[1]");
    assert!(!state.ui.shell.hidden.side_panel, "what is written to is seen");
    let effects = state.update(Action::Command(Command::SegmentRegion), 0.0);
    let Some(Effect::Engine(EngineCommand::Run(request))) = effects.first() else { panic!("{effects:?}") };
    assert!(matches!(request.task, Task::Segment { region: Some(region), .. } if region == bounds));
}

#[test]
fn what_stays_where_it_is_makes_no_step() {
    let (mut state, image) = with_picture();
    let bounds = PixelBox { x0: 0.0, y0: 0.0, x1: 20.0, y1: 20.0 };
    state.update(Action::Edit(Edit::AddRegion { image, bounds, name: "door".to_owned() }), 0.0);
    state.update(Action::SelectRegion(Some(RegionTag(1))), 0.0);
    for now in [1.0, 5.0, 9.0] {
        state.update(Action::NudgeRegion { dx: -1.0, dy: -10.0 }, now);
    }
    state.update(Action::StepRegion(RegionTag(1), RegionEdit::Rename("door".to_owned())), 10.0);
    assert_eq!(state.history.undoable().unwrap().label, "draw region");
    state.update(Action::NudgeRegion { dx: 1.0, dy: -10.0 }, 11.0);
    assert_eq!(state.history.undoable().unwrap().label, "move region");
}

#[test]
fn a_marker_that_was_typed_first_becomes_the_next_region() {
    let (mut state, image) = with_picture();
    state.update(Action::SetDraft("What is <bbox>, and <bbox>?".to_owned()), 0.0);
    assert_eq!(state.ui.draft(image), "What is <bbox>, and <bbox>?");
    let gesture = Gesture { grip: Grip::Draw, from: pos2(10.0, 10.0), to: pos2(30.0, 40.0), snap: 0.0 };
    state.update(Action::Gesture(Some(gesture)), 0.0);
    state.update(Action::FinishGesture, 0.0);
    assert_eq!(state.ui.draft(image), "What is [1], and <bbox>?");
    state.update(Action::EditRegion(RegionTag(1), RegionEdit::Duplicate), 0.0);
    assert_eq!(state.ui.draft(image), "What is [1], and [2]?");
}

#[test]
fn a_key_gives_a_region_every_colour_in_turn() {
    let (mut state, image) = with_picture();
    let bounds = PixelBox { x0: 10.0, y0: 10.0, x1: 20.0, y1: 20.0 };
    assert!(!Command::RecolorRegion.is_enabled(&state));
    state.update(Action::Edit(Edit::AddRegion { image, bounds, name: String::new() }), 0.0);
    state.update(Action::SelectRegion(Some(RegionTag(1))), 0.0);
    let hue = |state: &State| state.picture().unwrap().regions[0].hue();
    let count = crate::palette::REGION_COLORS.len();
    let mut seen: Vec<usize> = (0..count)
        .map(|_| {
            state.update(Action::Command(Command::RecolorRegion), 1.0);
            hue(&state) % count
        })
        .collect();
    assert_eq!(*seen.last().unwrap(), 0, "the first one again");
    seen.sort_unstable();
    assert_eq!(seen, (0..count).collect::<Vec<_>>());
}
