//! What is found out about masks, and changes of their pixels.

use super::*;
use crate::action::Inspect;
use crate::document::MaskEdit;
use crate::state::inspection::{Brush, Layer, Rival};
use crate::study::{self, About, CleanUp, Finding, Request, Stroke};

/// A mask of the picture's own, which is looked at.
fn with_mask() -> (State, ImageId, MaskId) {
    let (mut state, image) = with_picture();
    let id = add_mask(&mut state, image);
    state.update(Action::TogglePin(id), 2.0);
    (state, image, id)
}

fn add_mask(state: &mut State, image: ImageId) -> MaskId {
    let own = GroundedMask::new(state.session.fresh_mask(), prompted(mask(16)));
    let id = own.id;
    state.update(Action::Edit(Edit::AddMask { image, mask: Box::new(own) }), 2.0);
    id
}

fn prompted(mut masks: MaskCandidates) -> MaskCandidates {
    masks.prompt = Some(glamm_engine::vision::MaskPrompt::Seg(vec![0.0].into()));
    masks
}

fn requests(effects: Vec<Effect>) -> Vec<Request> {
    let study = |effect| if let Effect::Study(request) = effect { Some(request) } else { None };
    effects.into_iter().filter_map(study).collect()
}

fn inspect(state: &mut State, what: Inspect) -> Vec<Request> {
    let effects = state.update(Action::Inspect(what), 3.0);
    requests(effects)
}

fn studied(state: &mut State, finding: Finding) -> Vec<Request> {
    let effects = state.update(Action::Studied(finding), 3.0);
    requests(effects)
}

fn stroke(y: f32, erases: bool) -> Inspect {
    let stroke = Stroke { path: vec![(5.0, y), (90.0, y)], radius: 3.0, erases };
    Inspect::CleanUp(CleanUp::Stroke(stroke))
}

fn undo(state: &mut State) {
    state.update(Action::Command(Command::Undo), 3.0);
}

#[test]
fn what_was_found_out_of_other_candidates_is_not_shown() {
    let (mut state, image, id) = with_mask();
    let other = add_mask(&mut state, image);
    state.update(Action::Inspect(Inspect::Compare(Some(Rival::Mask(other)))), 2.0);
    state.update(Action::Inspect(Inspect::Layer(Some(Layer::Attention { layer: 0, head: 0 }))), 2.0);
    let requests = inspect(&mut state, Inspect::NeedCurves);
    studied(&mut state, study::answer(requests[0].clone()));
    let has_curves = |state: &State| {
        let mask = state.inspected_mask().unwrap();
        state.session.findings.curves(mask.logits()).is_some()
    };
    let (compared, maps) = (state.comparison().unwrap(), state.maps_key().unwrap());
    assert!(has_curves(&state));
    assert!(inspect(&mut state, Inspect::NeedCurves).is_empty(), "they are there");

    // Clicks put other candidates in the place of these, under the same name.
    let change = MaskEdit::Prompt(Arc::new(prompted(mask(8))));
    state.update(Action::Edit(Edit::Mask { image, mask: id, change }), 3.0);
    assert!(!has_curves(&state));
    assert_eq!(inspect(&mut state, Inspect::NeedCurves).len(), 1);
    assert_ne!(state.comparison().unwrap(), compared);
    assert_ne!(state.maps_key().unwrap(), maps);
    undo(&mut state);
    assert!(has_curves(&state), "these are known");
    assert_eq!((state.comparison().unwrap(), state.maps_key().unwrap()), (compared.clone(), maps));
    state.update(Action::Inspect(Inspect::DropThreshold(0.5)), 3.0);
    assert_ne!(state.comparison().unwrap(), compared);
}

#[test]
fn what_could_not_be_found_out_is_said_and_asked_for_again() {
    let (mut state, image, _) = with_mask();
    let other = add_mask(&mut state, image);
    state.update(Action::Inspect(Inspect::Compare(Some(Rival::Mask(other)))), 2.0);
    for need in [Inspect::NeedCurves, Inspect::NeedComparison] {
        let about = inspect(&mut state, need.clone())[0].about();
        studied(&mut state, Finding::Failed(about, "full".to_owned()));
        assert!(inspect(&mut state, need.clone()).is_empty(), "not before it is wanted");
    }
    let mask = state.inspected_mask().unwrap().clone();
    assert_eq!(state.session.findings.no_curves(mask.logits()), Some("full"));
    let what = state.comparison().unwrap();
    assert_eq!(state.session.findings.compared(&what).unwrap().failure(), Some("full"));
    inspect(&mut state, Inspect::TryAgain);
    for need in [Inspect::NeedCurves, Inspect::NeedComparison] {
        let request = inspect(&mut state, need)[0].clone();
        studied(&mut state, study::answer(request));
    }
    assert!(state.session.findings.curves(mask.logits()).is_some());
    assert!(state.session.findings.compared(&what).unwrap().there().is_some());
}

#[test]
fn one_failure_leaves_other_changes_alone() {
    let (mut state, _, id) = with_mask();
    let first = inspect(&mut state, stroke(10.0, true));
    assert!(inspect(&mut state, stroke(30.0, true)).is_empty(), "one at a time");
    let curves = inspect(&mut state, Inspect::NeedCurves)[0].about();
    studied(&mut state, Finding::Failed(curves, "full".to_owned()));
    assert_eq!(state.session.findings.changes.len(), 2, "they are still on their way");
    let About::CleanUp(number) = first[0].about() else { panic!("{first:?}") };
    let second = studied(&mut state, Finding::Failed(About::CleanUp(number), "full".to_owned()));
    assert_eq!(state.session.notices.last().unwrap().text, "full");
    studied(&mut state, study::answer(second[0].clone()));
    let mask = state.find_mask(id).unwrap().mask;
    assert!(mask.holds(50, 10) && !mask.holds(50, 30), "the second one was made");
    assert!(state.session.findings.changes.is_empty());
}

#[test]
fn strokes_follow_each_other_and_stay_to_be_drawn_until_they_are_made() {
    let (mut state, _, id) = with_mask();
    state.update(Action::Inspect(Inspect::Brush(Some(Brush::Erase))), 2.0);
    let drawn = Stroke { path: vec![(5.0, 10.0), (90.0, 10.0)], radius: 3.0, erases: true };
    state.update(Action::Inspect(Inspect::Stroke(Some(drawn.clone()))), 2.0);
    let first = inspect(&mut state, Inspect::FinishStroke);
    assert!(state.ui.inspection.stroke.is_none());
    inspect(&mut state, stroke(30.0, true));
    let waiting =
        |state: &State| state.session.findings.changes.iter().map(|c| c.what.clone()).collect::<Vec<_>>();
    assert_eq!(waiting(&state)[0], CleanUp::Stroke(drawn));
    assert_eq!(waiting(&state).len(), 2);
    let second = studied(&mut state, study::answer(first[0].clone()));
    assert_eq!(waiting(&state).len(), 1);
    studied(&mut state, study::answer(second[0].clone()));
    assert!(waiting(&state).is_empty());
    let mask = state.find_mask(id).unwrap().mask;
    assert!(!mask.holds(50, 10) && !mask.holds(50, 30));
}

#[test]
fn undo_takes_back_a_stroke_that_is_not_there_yet() {
    let (mut state, _, id) = with_mask();
    state.update(Action::Inspect(Inspect::DropThreshold(0.5)), 2.0);
    let before = state.history.undoable();
    let request = inspect(&mut state, stroke(10.0, true));
    assert_eq!(Command::Undo.menu_label(&state), "Undo erase from mask");
    undo(&mut state);
    assert_eq!(state.history.undoable(), before, "what was done before it stays");
    let next = inspect(&mut state, stroke(30.0, true));
    studied(&mut state, study::answer(request[0].clone()));
    assert!(state.find_mask(id).unwrap().mask.edited.is_none(), "too late");
    studied(&mut state, study::answer(next[0].clone()));
    let mask = state.find_mask(id).unwrap().mask;
    assert!(mask.holds(50, 10) && !mask.holds(50, 30));
    undo(&mut state);
    assert_eq!(state.history.undoable(), before);
}

#[test]
fn a_stroke_on_pixels_that_are_gone_is_given_up() {
    let (mut state, _, id) = with_mask();
    let first = inspect(&mut state, stroke(10.0, true));
    inspect(&mut state, stroke(20.0, true));
    state.update(Action::Inspect(Inspect::DropThreshold(0.5)), 3.0);
    inspect(&mut state, stroke(30.0, true));
    let third = studied(&mut state, study::answer(first[0].clone()));
    studied(&mut state, study::answer(third[0].clone()));
    assert!(state.session.findings.changes.is_empty());
    let mask = state.find_mask(id).unwrap().mask;
    assert!(mask.holds(50, 10) && mask.holds(50, 20) && !mask.holds(50, 30));
    // A name does not change pixels.
    let named = inspect(&mut state, stroke(40.0, true));
    state.update(Action::Mask(crate::action::MaskAction::NameWritten(id, "roof".to_owned())), 3.0);
    studied(&mut state, study::answer(named[0].clone()));
    assert!(!state.find_mask(id).unwrap().mask.holds(50, 40));
}

#[test]
fn a_stroke_ends_with_the_picture_it_was_begun_on() {
    let (mut state, image, _) = with_mask();
    let effects = state.update(Action::OpenFiles(vec!["b.png".into()]), 0.0);
    load(&mut state, loaded(&effects));
    state.update(Action::SelectPicture(image), 3.0);
    let begun = Stroke { path: vec![(5.0, 5.0)], radius: 3.0, erases: false };
    state.update(Action::Inspect(Inspect::Stroke(Some(begun))), 3.0);
    state.update(Action::Inspect(Inspect::DragThreshold(2.0)), 3.0);
    state.update(Action::Command(Command::NextPicture), 3.0);
    assert!(state.ui.inspection.stroke.is_none() && state.ui.inspection.threshold.is_none());
    state.update(Action::SelectPicture(image), 3.0);
    assert!(inspect(&mut state, Inspect::FinishStroke).is_empty());
}

#[test]
fn a_threshold_that_gives_up_what_was_painted_says_so() {
    let (mut state, ..) = with_mask();
    state.update(Action::Command(Command::RaiseThreshold), 3.0);
    assert!(state.session.notices.is_empty(), "nothing was painted");
    for threshold in [Action::Command(Command::LowerThreshold), Action::Inspect(Inspect::DropThreshold(1.5))]
    {
        let requests = inspect(&mut state, stroke(9.0, true));
        studied(&mut state, study::answer(requests[0].clone()));
        assert!(state.inspected_mask().unwrap().edited.is_some());
        state.session.notices.clear();
        state.update(threshold, 9.0);
        assert!(state.inspected_mask().unwrap().edited.is_none());
        assert!(state.session.notices[0].text.contains("Undo brings it back"));
        undo(&mut state);
        assert!(state.inspected_mask().unwrap().edited.is_some());
        undo(&mut state);
    }
}
