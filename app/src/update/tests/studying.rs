//! What is found out about masks, and changes of their pixels.

use super::*;
use crate::action::Inspect;
use crate::document::{EditedMask, MaskEdit};
use crate::export::import::as_document_mask;
use crate::palette::phrase_color;
use crate::state::inspection::{Brush, Found, Layer, MaskView, Rival, ShownMaps, ShownStudy};
use crate::study::{self, About, CleanUp, Finding, Request, Stroke};
use glamm_engine::vision::{AttentionMaps, FeatureMap, FeatureMaps};

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
    state.update(Action::Mask(crate::action::MaskAction::NameWritten(vec![id], "roof".to_owned())), 3.0);
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

/// The pixels of [`with_imported`].
fn stripe() -> BinaryMask {
    BinaryMask::from_fn(100, 50, |x, y| x.abs_diff(2 * y) < 2)
}

/// A mask from a file, which is looked at.
fn with_imported() -> (State, ImageId, MaskId) {
    let (mut state, image) = with_picture();
    let id = state.session.fresh_mask();
    let mask = as_document_mask(id, &Arc::new(EditedMask::from(&stripe())), "stripe").unwrap();
    let edit = Edit::Import { image, boxes: Vec::new(), masks: vec![mask] };
    state.update(Action::Edit(edit), 2.0);
    let id = state.picture().unwrap().masks[0].id;
    state.update(Action::TogglePin(id), 2.0);
    (state, image, id)
}

fn pixels(state: &State) -> BinaryMask {
    state.inspected_mask().unwrap().pixels()
}

#[test]
fn a_mask_from_a_file_has_no_logits_to_be_cut_or_shown() {
    let (mut state, ..) = with_imported();
    let commands = [
        Command::RaiseThreshold,
        Command::LowerThreshold,
        Command::NextCandidate,
        Command::ResetMask,
        Command::ViewHeat,
        Command::ViewContours,
        Command::ViewBand,
        Command::LayerAttention,
    ];
    for command in commands {
        assert!(!command.is_enabled(&state), "{command:?}");
        state.update(Action::Command(command), 3.0);
    }
    for what in [Inspect::DropThreshold(1.0), Inspect::Choose(0), Inspect::Reset] {
        inspect(&mut state, what);
    }
    assert_eq!(pixels(&state), stripe());
    assert!(!state.inspected_mask().unwrap().is_changed());
    assert!(inspect(&mut state, Inspect::NeedCurves).is_empty());
    inspect(&mut state, Inspect::View(MaskView::Heat));
    assert_eq!((state.shown_view(), state.shown_study()), (MaskView::Overlay, None));
    inspect(&mut state, Inspect::View(MaskView::CutOut));
    assert_eq!(state.shown_study(), Some(ShownStudy::View(MaskView::CutOut)));
}

#[test]
fn a_mask_from_a_file_goes_back_to_its_pixels() {
    let (mut state, ..) = with_imported();
    let request = inspect(&mut state, stroke(10.0, true));
    studied(&mut state, study::answer(request[0].clone()));
    assert!(state.inspected_mask().unwrap().is_changed() && pixels(&state) != stripe());
    assert!(Command::ResetMask.is_enabled(&state));
    state.update(Action::Command(Command::ResetMask), 3.0);
    assert_eq!(pixels(&state), stripe());
    undo(&mut state);
    assert_ne!(pixels(&state), stripe());
    undo(&mut state);
    assert_eq!(pixels(&state), stripe());
    assert!(!state.inspected_mask().unwrap().is_changed());
}

#[test]
fn painted_pixels_are_counted_once() {
    let (mut state, ..) = with_imported();
    let requests = inspect(&mut state, Inspect::NeedShape);
    assert!(inspect(&mut state, Inspect::NeedShape).is_empty(), "it is on its way");
    studied(&mut state, Finding::Failed(requests[0].about(), "full".to_owned()));
    assert!(inspect(&mut state, Inspect::NeedShape).is_empty(), "not before it is wanted");
    inspect(&mut state, Inspect::TryAgain);
    let request = inspect(&mut state, Inspect::NeedShape)[0].clone();
    studied(&mut state, study::answer(request));
    let painted = state.inspected_mask().unwrap().painted().unwrap().clone();
    let Some(Found::There(shape)) = state.session.findings.shape(&painted) else { panic!("not counted") };
    assert_eq!((shape.area, shape.components, shape.holes), (stripe().area() as u64, 1, 0));
}

#[test]
fn maps_that_cannot_be_are_not_waited_for() {
    let attention = Inspect::Layer(Some(Layer::Attention { layer: 0, head: 0 }));
    let (mut state, image, _) = with_imported();
    let prompted = add_mask(&mut state, image);
    inspect(&mut state, attention.clone());
    assert!(matches!(state.shown_maps(), ShownMaps::Unknown));
    inspect(&mut state, Inspect::Select(Some(prompted)));
    assert!(matches!(state.shown_maps(), ShownMaps::Making));
    state.session.findings.no_maps = state.maps_key();
    assert!(matches!(state.shown_maps(), ShownMaps::Failed));
    inspect(&mut state, Inspect::Layer(Some(Layer::Global)));
    state.session.findings.no_maps = Some((ImageId(77), None));
    assert!(matches!(state.shown_maps(), ShownMaps::Making), "another picture's failed");
    state.session.pixels.clear();
    state.session.encodings.clear();
    assert!(matches!(state.shown_maps(), ShownMaps::Waiting(_)));
}

#[test]
fn hidden_masks_are_not_studied_on_the_picture() {
    let (mut state, image, _) = with_mask();
    let other = add_mask(&mut state, image);
    inspect(&mut state, Inspect::View(MaskView::Heat));
    assert_eq!(state.shown_study(), Some(ShownStudy::View(MaskView::Heat)));
    state.update(Action::Command(Command::ToggleMasks), 3.0);
    assert_eq!(state.shown_study(), None);
    inspect(&mut state, Inspect::Compare(Some(Rival::Mask(other))));
    assert_eq!(state.shown_study(), None);
    state.update(Action::Command(Command::ToggleMasks), 3.0);
    assert!(matches!(state.shown_study(), Some(ShownStudy::Comparison(_))));
}

#[test]
fn a_comparison_has_the_colours_of_the_two_masks() {
    let (mut state, image, id) = with_mask();
    let other = add_mask(&mut state, image);
    let recolor = |state: &mut State, mask: MaskId, hue: usize| {
        let change = MaskEdit::Recolor(Some(hue));
        state.update(Action::Edit(Edit::Mask { image, mask, change }), 3.0);
    };
    recolor(&mut state, id, 5);
    recolor(&mut state, other, 8);
    inspect(&mut state, Inspect::Compare(Some(Rival::Mask(other))));
    assert_eq!(state.compared_hues(), [5, 8]);
    recolor(&mut state, other, 17);
    let [own, apart] = state.compared_hues();
    assert!(own == 5 && phrase_color(apart) != phrase_color(5), "the palette repeats: {apart}");
    inspect(&mut state, Inspect::Compare(Some(Rival::Truth(0))));
    assert_ne!(phrase_color(state.compared_hues()[1]), phrase_color(5));
}

#[test]
fn keys_step_through_the_heads_of_all_layers() {
    let (mut state, ..) = with_mask();
    assert!(!Command::NextHead.is_enabled(&state));
    state.update(Action::Command(Command::LayerAttention), 3.0);
    assert!(!Command::NextHead.is_enabled(&state), "the maps are not there yet");
    let covers = PixelBox { x0: 0.0, y0: 0.0, x1: 1.0, y1: 1.0 };
    let map = FeatureMap { columns: 1, rows: 1, rgb: vec![[0; 3]], explained: [0.0; 3], covers };
    let weights = vec![1.0; 6];
    let attention = Some(AttentionMaps { layers: 2, heads: 3, columns: 1, rows: 1, weights, covers });
    let maps = FeatureMaps { global: map.clone(), grounding: map, attention };
    let key = state.maps_key().unwrap();
    state.session.findings.keep_maps(key, Arc::new(maps));
    let mut step = |command| {
        state.update(Action::Command(command), 3.0);
        match state.ui.inspection.layer {
            Some(Layer::Attention { layer, head }) => (layer, head),
            other => panic!("{other:?}"),
        }
    };
    let seen = [0; 6].map(|_| step(Command::NextHead));
    assert_eq!(seen, [(0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 0)]);
    assert_eq!(step(Command::PreviousHead), (1, 2));
}
