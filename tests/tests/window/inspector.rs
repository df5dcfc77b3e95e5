//! The inspector, the Tokens tab, and what they lay over the picture.

use egui::{Event, Key, Modifiers, PointerButton, Vec2};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use glamm::action::Inspect;
use glamm::command::Command;
use glamm::document::{Edit, GroundedMask, MaskId};
use glamm::state::inspection::{Brush, Layer, MaskView, Rival};
use glamm::study::{CleanUp, Comparison};
use glamm_engine::vision::BinaryMask;

use crate::looking::in_both;
use crate::stage::{PICTURE, Setup, Stage, disc, square};
use crate::{Action, describe};

/// A window with the disc's phrase pinned, and all that the inspector has to tell of its mask.
pub(crate) fn pinned(setup: &Setup) -> Stage {
    let mut stage = Stage::new(setup);
    describe(&mut stage);
    stage.press("Phrase: a large green disc");
    stage.wait("the curves", |stage| {
        let state = stage.window.state().state();
        state.session.findings.curves(state.inspected_mask().unwrap().logits()).is_some()
    });
    stage.settle();
    stage
}

fn wide() -> Setup {
    Setup { size: Vec2::new(1400.0, 860.0), ..Setup::default() }
}

fn mask(stage: &Stage) -> GroundedMask {
    stage.window.state().state().inspected().unwrap().mask
}

fn inspect(stage: &mut Stage, what: Inspect) {
    stage.act(Action::Inspect(what));
}

fn undo(stage: &mut Stage) {
    stage.act(Action::Command(Command::Undo));
}

#[test]
fn pinning_a_phrase_opens_the_inspector_and_the_cross_closes_it() {
    let mut stage = Stage::new(&wide());
    describe(&mut stage);
    assert!(stage.window.query_by_label("Close the inspector").is_none());
    stage.press("Phrase: a large green disc");
    assert_eq!(stage.window.state().state().inspected().unwrap().name, "a large green disc");
    stage.press("Phrase: a red square");
    assert_eq!(stage.window.state().state().inspected().unwrap().name, "a red square");
    stage.press("Close the inspector");
    assert!(stage.window.state().state().inspected().is_none());
    assert!(stage.window.query_by_label("Candidate 1").is_none());
}

#[test]
fn another_candidate_can_be_chosen_and_undone() {
    let mut stage = pinned(&wide());
    let whole = mask(&stage).pixels().area();
    stage.press("Candidate 2");
    assert_eq!(mask(&stage).chosen, 1);
    assert!(mask(&stage).pixels().area() < whole * 2 / 3);
    undo(&mut stage);
    assert_eq!(mask(&stage).chosen, 0);
    assert_eq!(mask(&stage).pixels().area(), whole);
}

#[test]
fn the_threshold_moves_in_one_step() {
    let mut stage = pinned(&wide());
    let before = mask(&stage).pixels().area();
    for threshold in [1.0, 2.0, 4.0] {
        inspect(&mut stage, Inspect::DragThreshold(threshold));
    }
    assert!(!mask(&stage).is_changed(), "nothing is changed before the slider is let go");
    inspect(&mut stage, Inspect::DropThreshold(4.0));
    assert!(mask(&stage).pixels().area() < before);
    let toggled = |label| stage.window.get_by_label(label).accesskit_node().toggled();
    assert!(toggled("Heat").is_some() && toggled("Reset").is_none(), "only one of the two is a choice");
    stage.press("Reset");
    assert!(!mask(&stage).is_changed());
    undo(&mut stage);
    assert!((mask(&stage).threshold - 4.0).abs() < 1e-6, "a reset can be undone");
    undo(&mut stage);
    assert!(!mask(&stage).is_changed());
}

#[test]
fn a_threshold_that_is_looked_at_stays_and_a_double_click_takes_it_to_0() {
    let mut stage = pinned(&wide());
    for threshold in [25.0, 4.0, -3.0] {
        inspect(&mut stage, Inspect::DropThreshold(threshold));
        let steps = stage.window.state().state().history.undoable();
        stage.settle();
        assert!((mask(&stage).threshold - threshold).abs() < 1e-6, "{threshold}");
        assert_eq!(stage.window.state().state().history.undoable(), steps);
        let slider = stage.window.get_by_label("Threshold").rect();
        let pos = slider.left_center() + Vec2::new(slider.width() * 0.2, 0.0);
        stage.window.hover_at(pos);
        stage.window.step();
        for pressed in [true, false, true, false] {
            let (button, modifiers) = (PointerButton::Primary, Modifiers::NONE);
            stage.window.event(Event::PointerButton { pos, button, pressed, modifiers });
            stage.window.step();
        }
        stage.settle();
        assert!(mask(&stage).threshold.abs() < 1e-6, "{}", mask(&stage).threshold);
    }
}

#[test]
fn brush_and_eraser_change_pixels_and_can_be_undone() {
    let mut stage = pinned(&wide());
    assert!(!mask(&stage).holds(20, 20));
    inspect(&mut stage, Inspect::Brush(Some(Brush::Paint)));
    stage.drag((10.0, 20.0), (40.0, 20.0));
    stage.wait("the stroke", |stage| mask(stage).edited.is_some());
    assert!(mask(&stage).holds(25, 20) && mask(&stage).holds(112, 60) && !mask(&stage).holds(25, 40));
    stage.settle();
    stage.window.get_by_label("edited");
    inspect(&mut stage, Inspect::Brush(Some(Brush::Erase)));
    stage.drag((112.0, 50.0), (112.0, 70.0));
    stage.wait("the second stroke", |stage| !mask(stage).holds(112, 60));
    assert!(mask(&stage).holds(25, 20), "the first stroke stays");
    stage.window.key_press(Key::Escape);
    stage.settle();
    assert!(stage.window.state().state().ui.inspection.brush.is_none());
    for _ in 0..2 {
        undo(&mut stage);
    }
    assert!(!mask(&stage).is_changed());
}

#[test]
fn masks_are_cleaned_up_from_the_menu() {
    let mut stage = pinned(&wide());
    inspect(&mut stage, Inspect::Brush(Some(Brush::Erase)));
    inspect(&mut stage, Inspect::BrushRadius(4.0));
    stage.drag((112.0, 60.0), (113.0, 60.0));
    stage.wait("the hole", |stage| !mask(stage).holds(112, 60));
    stage.press("Clean up");
    stage.press("Fill holes");
    stage.wait("the hole to be filled", |stage| mask(stage).holds(112, 60));
}

#[test]
fn specks_are_removed_and_edges_smoothed_from_the_menu() {
    let mut stage = pinned(&wide());
    inspect(&mut stage, Inspect::Brush(Some(Brush::Paint)));
    inspect(&mut stage, Inspect::BrushRadius(2.0));
    stage.drag((10.0, 20.0), (11.0, 20.0));
    stage.wait("the speck", |stage| mask(stage).holds(10, 20));
    stage.settle();
    stage.window.get_by_label("Phrase: a large green disc, edited");
    let with_speck = mask(&stage).pixels();
    stage.press("Clean up");
    stage.press("Remove specks");
    stage.wait("the speck to go", |stage| !mask(stage).holds(10, 20));
    assert!(mask(&stage).holds(112, 60));
    undo(&mut stage);
    assert_eq!(mask(&stage).pixels(), with_speck);
    let smooth = CleanUp::Smooth.apply(&with_speck);
    assert_ne!(smooth, with_speck);
    stage.press("Clean up");
    stage.press("Smooth");
    stage.wait("the smooth mask", |stage| mask(stage).pixels() == smooth);
    inspect(&mut stage, Inspect::Brush(None));
    stage.press("Masks");
    stage.window.get_by_label("Mask: a large green disc, edited");
    stage.window.get_by_label("Mask: a red square");
}

#[test]
fn a_long_list_to_compare_with_is_scrolled() {
    let mut stage = pinned(&wide());
    let of = mask(&stage);
    let image = stage.window.state().state().ui.current.unwrap();
    let masks = (0..60).map(|number| GroundedMask {
        id: MaskId(10_000 + number),
        name: Some(format!("thing {number}").into()),
        ..of.clone()
    });
    let edit = Edit::Import { image, boxes: Vec::new(), masks: masks.collect() };
    stage.act(Action::Edit(edit));
    stage.press("Compare");
    let below = stage.window.get_by_label("With a mask from a file…").rect();
    assert!(below.bottom() < 860.0, "{below}");
    stage.press("thing 0");
    assert_eq!(stage.window.state().state().ui.inspection.rival, Some(Rival::Mask(MaskId(10_000))));
}

/// What the comparison has come to, once it has.
fn compared(stage: &Stage) -> Option<Comparison> {
    let (_, found) = stage.window.state().state().session.findings.comparison.clone()?;
    found.there().map(|found| Comparison::clone(found))
}

#[test]
fn two_masks_are_compared() {
    let mut stage = pinned(&wide());
    let other = stage.window.state().state().listed_masks();
    let other = other.iter().find(|listed| listed.phrase == "a red square").unwrap().mask.clone();
    stage.press("Compare");
    stage.press("a red square");
    let rival = stage.window.state().state().ui.inspection.rival;
    assert_eq!(rival, Some(Rival::Mask(other.id)));
    stage.wait("the comparison", |stage| compared(stage).is_some());
    let comparison = compared(&stage).unwrap();
    assert_eq!(comparison, Comparison::of(&mask(&stage).pixels(), &other.pixels()));
    assert_eq!(comparison.both, 0);
    stage.settle();
    stage.press("End comparison");
    assert!(stage.window.state().state().ui.inspection.rival.is_none());
}

#[test]
fn a_mask_from_a_file_is_compared_with() {
    let mut stage = pinned(&wide());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("truth.png");
    let truth = disc();
    image::GrayImage::from_fn(truth.width(), truth.height(), |x, y| {
        image::Luma([255 * u8::from(truth.contains(x, y))])
    })
    .save(&path)
    .unwrap();
    let image = stage.window.state().state().ui.current.unwrap();
    inspect(&mut stage, Inspect::ReadTruth(image, path));
    stage.wait("the comparison", |stage| compared(stage).is_some());
    let comparison = compared(&stage).unwrap();
    assert!(comparison.iou > 0.85, "{}", comparison.iou);
    inspect(&mut stage, Inspect::ReadTruth(image, folder.path().join("none.png")));
    stage.wait("the message", |stage| !stage.window.state().state().session.notices.is_empty());
}

#[test]
fn a_mask_of_labelme_is_compared_with() {
    let mut stage = pinned(&wide());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("labelme.json");
    let text = r#"{"version": "5.4.1", "imagePath": "shapes.png", "shapes": [
        {"label": "a square", "points": [[20, 40], [60, 88]], "shape_type": "rectangle"},
        {"label": "a disc", "points": [[85, 33], [139, 33], [139, 87], [85, 87]], "shape_type": "polygon"}]}"#;
    std::fs::write(&path, text).unwrap();
    let image = stage.window.state().state().ui.current.unwrap();
    inspect(&mut stage, Inspect::ReadTruth(image, path));
    stage.wait("the comparison", |stage| compared(stage).is_some());
    let around =
        BinaryMask::from_fn(PICTURE.0, PICTURE.1, |x, y| (85..139).contains(&x) && (33..87).contains(&y));
    assert_eq!(
        compared(&stage).unwrap(),
        Comparison::of(&mask(&stage).pixels(), &around),
        "the likest comes first"
    );
    stage.settle();
    stage.press("Compare");
    stage.press("a square (labelme.json)");
    let is_square = |stage: &Stage| compared(stage).is_some_and(|found| found.both == 0);
    stage.wait("the other comparison", is_square);
}

#[test]
fn maps_are_asked_for_once_and_shown() {
    let mut stage = pinned(&wide());
    stage.press("Layers");
    stage.press("Attention of the mask");
    let state = stage.window.state().state();
    assert_eq!(state.ui.inspection.layer, Some(Layer::Attention { layer: 0, head: 0 }));
    let key = state.maps_key().unwrap();
    assert!(state.session.findings.maps(&key).unwrap().attention.is_some());
    inspect(&mut stage, Inspect::Layer(Some(Layer::Global)));
    let state = stage.window.state().state();
    assert!(state.session.findings.maps(&state.maps_key().unwrap()).unwrap().attention.is_none());
}

#[test]
fn every_view_is_drawn() {
    let mut stage = pinned(&wide());
    let mut seen = Vec::new();
    for (view, label, _) in MaskView::ALL {
        stage.press(label);
        assert_eq!(stage.window.state().state().ui.inspection.view, view);
        let picture = stage.window.render().unwrap();
        assert!(!seen.contains(&picture), "{label} looks as another view");
        seen.push(picture);
    }
}

#[test]
fn tokens_are_listed_with_their_masks() {
    let mut stage = Stage::new(&wide());
    describe(&mut stage);
    stage.press("Tokens");
    stage.window.get_by_label("Token 1: The, 98.0 %");
    let seg = stage.window.get_all_by_label_contains("[SEG]").count();
    assert_eq!(seg, 2);
    stage.window.get_by_label("Token 7: [SEG], 99.0 %").click();
    stage.settle();
    assert_eq!(stage.window.state().state().inspected().unwrap().name, "a red square");
    assert!(mask(&stage).pixels().area().abs_diff(square().area()) < 200);
}

#[test]
fn snapshots_of_the_inspector() {
    let mut stage = pinned(&wide());
    stage.window.remove_cursor();
    stage.settle();
    in_both(&mut stage, "inspector");
}

#[test]
fn snapshots_of_heat_and_tokens() {
    let mut stage = pinned(&Setup::default());
    stage.press("Tokens");
    stage.press("Heat");
    stage.window.remove_cursor();
    stage.settle();
    in_both(&mut stage, "tokens");
}
