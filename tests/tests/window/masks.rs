//! Phrases and masks linked both ways: hidden, alone, coloured and named from a chip, from the Masks tab
//! and from the picture; masks that overlap.

use std::sync::Arc;

use egui::{Event, Key, Modifiers, MouseWheelUnit, PointerButton, TouchPhase, Vec2};
use egui_kittest::kittest::Queryable as _;
use glamm::action::MaskAction;
use glamm::document::{Edit, EditedMask, GroundedMask, MaskId};
use glamm::state::ui_state::MaskNaming;
use glamm_engine::vision::{BinaryMask, MaskCandidates, MaskLogits};

use crate::describe;
use crate::looking::in_both;
use crate::script::Line;
use crate::stage::{PICTURE, Setup, Stage, disc};

/// A place of the picture that the disc covers.
const ON_DISC: (f32, f32) = (112.0, 60.0);

/// The masks of the only reply, and their places in the palette.
fn masks(stage: &Stage) -> Vec<(GroundedMask, usize)> {
    let listed = stage.window.state().state().listed_masks();
    listed.into_iter().map(|listed| (listed.mask, listed.hue)).collect()
}

fn hidden(stage: &Stage) -> Vec<bool> {
    masks(stage).iter().map(|(mask, _)| mask.hidden).collect()
}

/// The menu of what has this label.
fn open_menu(stage: &mut Stage, label: &str) {
    stage.window.get_by_label(label).click_secondary();
    stage.window.run_steps(3);
    stage.settle();
}

fn show_chat(stage: &mut Stage) {
    stage.window.key_press_modifiers(Modifiers::COMMAND, Key::Num1);
    stage.settle();
}

fn undo(stage: &mut Stage) -> &'static str {
    let label = stage.window.state().state().history.undoable().unwrap().label;
    stage.window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    stage.settle();
    label
}

#[test]
fn a_chip_hides_colours_and_names_its_mask() {
    let mut stage = Stage::new(&Setup::default());
    describe(&mut stage);
    open_menu(&mut stage, "Phrase: a red square");
    stage.press("Hide");
    assert_eq!(hidden(&stage), [true, false]);
    assert_eq!(stage.window.state().state().visible_masks().len(), 1);
    open_menu(&mut stage, "Phrase: a red square");
    stage.press("Show");
    assert_eq!(hidden(&stage), [false, false]);
    open_menu(&mut stage, "Phrase: a red square");
    stage.press("Colour 6 for the mask");
    assert_eq!(masks(&stage)[0].1, 5);
    assert_eq!(stage.window.state().state().visible_masks().iter().filter(|mask| mask.hue == 5).count(), 1);
    stage.window.key_press(Key::Escape);
    stage.settle();
    open_menu(&mut stage, "Phrase: a red square");
    stage.press("Colour of its place");
    assert_eq!(masks(&stage)[0].1, 0);

    open_menu(&mut stage, "Phrase: a red square");
    stage.rename("Name of the mask", "the brick");
    assert_eq!(masks(&stage)[0].0.name.as_deref(), Some("the brick"));
    stage.window.get_by_label("Mask: the brick");
    show_chat(&mut stage);
    for expected in ["rename mask", "recolour mask", "recolour mask", "show mask", "hide mask"] {
        assert_eq!(undo(&mut stage), expected, "each is a step of its own");
    }
    let first = masks(&stage)[0].0.clone();
    assert_eq!((first.name, first.hue, first.hidden), (None, None, false));
}

#[test]
fn a_mask_is_shown_alone_from_the_picture_and_by_the_keyboard() {
    let mut stage = Stage::new(&Setup::default());
    describe(&mut stage);
    stage.click_on_picture(ON_DISC, PointerButton::Secondary, Modifiers::NONE);
    stage.press("Show alone");
    assert_eq!(hidden(&stage), [true, false]);
    assert_eq!(undo(&mut stage), "show one mask alone");
    assert_eq!(hidden(&stage), [false, false]);

    stage.press("Phrase: a red square");
    stage.window.key_press(Key::S);
    stage.settle();
    assert_eq!(hidden(&stage), [false, true]);
    stage.window.key_press(Key::S);
    stage.settle();
    assert_eq!(hidden(&stage), [false, false], "the same key shows all again");
    stage.window.key_press_modifiers(Modifiers::SHIFT, Key::H);
    stage.settle();
    assert_eq!(hidden(&stage), [true, false]);
    stage.window.key_press_modifiers(Modifiers::SHIFT, Key::M);
    stage.settle();
    assert_eq!(hidden(&stage), [false, false]);
    stage.window.key_press_modifiers(Modifiers::SHIFT, Key::F2);
    stage.settle();
    stage.window.get_by_label("Name of the mask");
    stage.window.key_press(Key::Escape);
    stage.settle();
    assert_eq!(masks(&stage)[0].0.name, None, "given up");

    stage.window.get_by_label("Mask: a red square");
    show_chat(&mut stage);
    stage.window.get_by_label("Question").focus();
    stage.settle();
    stage.window.get_by_label("Question").type_text("H");
    stage.window.key_press_modifiers(Modifiers::SHIFT, Key::H);
    stage.settle();
    assert_eq!(hidden(&stage), [false, false], "capitals can be written");
}

#[test]
fn the_masks_tab_has_eyes() {
    let mut stage = Stage::new(&Setup::default());
    describe(&mut stage);
    stage.press("Masks");
    stage.press("Hide mask: a large green disc");
    assert_eq!(hidden(&stage), [false, true]);
    open_menu(&mut stage, "Mask: a red square");
    stage.press("Colour 8 for the mask");
    stage.window.key_press(Key::Escape);
    stage.window.remove_cursor();
    stage.settle();
    in_both(&mut stage, "masks_hidden");
    stage.press("Show all masks");
    assert_eq!(hidden(&stage), [false, false]);
    assert_eq!(masks(&stage)[0].1, 7);
}

#[test]
fn of_many_masks_those_in_sight_are_laid_out() {
    let mut stage = Stage::new(&Setup::default());
    describe(&mut stage);
    let of = masks(&stage)[0].0.clone();
    let image = stage.window.state().state().ui.current.unwrap();
    let many = (0..300).map(|number| GroundedMask {
        id: MaskId(10_000 + number),
        name: Some(format!("thing {number}").into()),
        ..of.clone()
    });
    let edit = Edit::Import { image, boxes: Vec::new(), masks: many.collect() };
    let ctx = stage.window.ctx.clone();
    stage.window.state_mut().act(&ctx, crate::Action::Edit(edit));
    stage.press("Masks");
    let rows = stage.window.get_all_by_label_contains("Mask: ").count();
    assert!((5..40).contains(&rows), "{rows}");
    stage.window.get_by_label("Mask: a red square");
    assert!(stage.window.query_by_label("Mask: thing 290").is_none());
    let naming = MaskNaming { masks: vec![MaskId(10_290)], written: "thing 290".to_owned() };
    stage.window.state_mut().act(&ctx, crate::Action::Mask(MaskAction::Name(Some(naming))));
    stage.settle();
    stage.window.get_by_label("Name of the mask");
    stage.window.get_by_label("Mask: thing 290");
    assert!(stage.window.query_by_label("Mask: a red square").is_none());
}

#[test]
fn a_chip_goes_for_all_masks_of_its_phrase() {
    let mut stage = Stage::new(&Setup::default());
    stage.fill_with_pairs(1);
    stage.settle();
    let ids: Vec<_> = masks(&stage).iter().map(|(mask, _)| mask.id).collect();
    let (words, emphasised) = ("Phrase: two shapes", |stage: &Stage| {
        let visible = stage.window.state().state().visible_masks();
        visible.iter().filter(|mask| mask.emphasised && !mask.dimmed).count()
    });
    stage.window.get_by_label(words).hover();
    stage.settle();
    assert_eq!((ids.len(), emphasised(&stage)), (2, 2));
    let pinned = |stage: &Stage| stage.window.state().state().ui.pinned.len();
    for expected in [2, 0, 2] {
        stage.press(words);
        assert_eq!(pinned(&stage), expected);
    }
    stage.act(crate::Action::TogglePin(ids[0]));
    assert_eq!(pinned(&stage), 1);
    stage.press(words);
    assert_eq!(pinned(&stage), 0, "as the menu does it");
    open_menu(&mut stage, words);
    stage.rename("Name of the mask", "shapes");
    assert!(masks(&stage).iter().all(|(mask, _)| mask.name.as_deref() == Some("shapes")));
}

#[test]
fn a_phrase_with_two_masks_changes_both() {
    let mut stage = Stage::new(&Setup::default());
    describe(&mut stage);
    let ids: Vec<_> = masks(&stage).iter().map(|(mask, _)| mask.id).collect();
    let ctx = stage.window.ctx.clone();
    let change = glamm::document::MaskEdit::Hide(true);
    let both = glamm::action::MaskAction::Change(ids, change);
    stage.window.state_mut().act(&ctx, crate::Action::Mask(both));
    stage.settle();
    assert_eq!(hidden(&stage), [true, true]);
    assert_eq!(undo(&mut stage), "hide mask");
    assert_eq!(hidden(&stage), [false, false], "in one step");
}

fn turn_wheel(stage: &mut Stage, lines: f32) {
    let modifiers = Modifiers::ALT;
    stage.window.event_modifiers(
        Event::MouseWheel {
            unit: MouseWheelUnit::Line,
            delta: Vec2::new(0.0, lines),
            phase: TouchPhase::Move,
            source: egui::MouseWheelSource::Unknown,
            modifiers,
        },
        modifiers,
    );
    stage.settle();
}

#[test]
fn alt_and_the_wheel_go_through_masks_that_overlap() {
    let mut stage = Stage::new(&Setup::default());
    let around = BinaryMask::from_fn(PICTURE.0, PICTURE.1, |x, y| x > 70 && y > 10 && y < 110);
    let all = BinaryMask::from_fn(PICTURE.0, PICTURE.1, |_, _| true);
    stage.player.lines.push(Line::new([
        ("All", Some(all)),
        (" of it, ", None),
        ("the right", Some(around)),
        (" and ", None),
        ("a disc", Some(disc())),
    ]));
    stage.ask("What is there?");
    stage.player.finish();
    stage.settle();
    let on_disc = stage.on_screen(ON_DISC.0, ON_DISC.1);
    stage.window.hover_at(on_disc);
    stage.settle();
    let hovered = |stage: &Stage| {
        let state = stage.window.state().state();
        state.find_mask(*state.ui.hovered.first().unwrap()).unwrap().name
    };
    let scale = stage.window.state().state().view().unwrap().scale();
    assert_eq!(hovered(&stage), "a disc", "the smallest");
    for expected in ["the right", "All", "a disc"] {
        turn_wheel(&mut stage, -1.0);
        assert_eq!(hovered(&stage), expected);
    }
    turn_wheel(&mut stage, 1.0);
    assert_eq!(hovered(&stage), "All", "and back");
    let now = stage.window.state().state().view().unwrap().scale();
    assert!((now - scale).abs() < 1e-6, "the picture is not zoomed");
    stage.click_on_picture(ON_DISC, PointerButton::Primary, Modifiers::NONE);
    assert_eq!(stage.window.state().state().inspected().unwrap().name, "All", "what is shown is pinned");
    let beside = stage.on_screen(80.0, 60.0);
    stage.window.hover_at(beside);
    stage.settle();
    assert_eq!(hovered(&stage), "the right", "elsewhere it begins anew");
}

/// Four masks that were painted on a large picture, a quarter of it each: more than goes to the GPU in one frame.
#[test]
fn large_painted_masks_follow_one_after_the_other() {
    const SIDE: u32 = 4096;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.png");
    image::RgbImage::from_pixel(SIDE, SIDE, image::Rgb([0, 0, 0])).save(&path).unwrap();
    let mut stage = Stage::with_picture(&Setup::default(), folder, Some(path));
    stage.wait("the picture", |stage| stage.window.state().state().picture().is_some());
    stage.settle();
    let image = stage.window.state().state().ui.current.unwrap();
    let ctx = stage.window.ctx.clone();
    let half = SIDE / 2;
    for quarter in 0..4 {
        let inside = |x: u32, y: u32| x / half + 2 * (y / half) == quarter;
        let painted = BinaryMask::from_fn(SIDE, SIDE, inside);
        let edited = Some(Arc::new(EditedMask::from(&painted)));
        let all = MaskLogits {
            side: 1,
            logits: vec![1.0],
            frame: 1,
            content: (1, 1),
            image_size: (SIDE, SIDE),
            predicted_iou: 0.9,
        };
        let (id, candidates) = (MaskId(9000 + u64::from(quarter)), MaskCandidates::from(Arc::new(all)));
        let mask = GroundedMask { edited, ..GroundedMask::new(id, candidates) };
        stage
            .window
            .state_mut()
            .act(&ctx, crate::Action::Edit(Edit::AddMask { image, mask: Box::new(mask) }));
    }
    stage.window.run_steps(3);
    let tinted = |stage: &mut Stage| {
        let screen = stage.window.render().unwrap();
        let at = [(1.0, 1.0), (3.0, 1.0), (1.0, 3.0), (3.0, 3.0)].map(|(x, y)| {
            let quarter = SIDE as f32 / 4.0;
            stage.on_screen(x * quarter, y * quarter)
        });
        at.iter().filter(|at| screen.get_pixel(at.x as u32, at.y as u32).0[..3] != [0, 0, 0]).count()
    };
    assert_eq!(tinted(&mut stage), 2);
    stage.window.step();
    assert_eq!(tinted(&mut stage), 4);
}
