//! Masks of clicks and boxes, and what a click on the picture offers.

use egui::{Key, Modifiers, PointerButton};
use egui_kittest::kittest::Queryable as _;
use glamm_engine::protocol::Task;
use glamm_engine::vision::{Click, PixelBox};

use crate::describe;
use crate::looking::in_both;
use crate::stage::{Setup, Stage, disc, square};

/// Clicks a pixel of the picture.
fn click(stage: &mut Stage, x: f32, y: f32, modifiers: Modifiers) {
    stage.click_on_picture((x + 0.5, y + 0.5), PointerButton::Primary, modifiers);
}

/// What the pixel decoder was last asked.
fn asked(stage: &Stage) -> (Vec<(f32, f32, bool)>, Option<PixelBox>) {
    let Some(Task::Segment { points, region }) = stage.player.asked.last().map(|request| &request.task)
    else {
        panic!("no mask was asked for");
    };
    let plain = |click: &Click| (click.x, click.y, click.positive);
    (points.iter().map(plain).collect(), *region)
}

#[test]
fn clicks_make_and_refine_a_mask() {
    let mut stage = Stage::new(&Setup::default());
    stage.press("Point");
    click(&mut stage, 112.0, 60.0, Modifiers::NONE);
    assert_eq!(asked(&stage), (vec![(112.0, 60.0, true)], None));
    stage.player.segment(&disc());
    stage.settle();
    let masks = |stage: &Stage| stage.window.state().state().picture().unwrap().masks.clone();
    assert_eq!(masks(&stage).len(), 1);
    assert_eq!(stage.window.state().state().visible_masks().len(), 1);

    click(&mut stage, 90.0, 45.0, Modifiers::ALT);
    assert_eq!(asked(&stage).0, [(112.0, 60.0, true), (90.0, 45.0, false)]);
    stage.player.segment(&square());
    stage.settle();
    let refined = masks(&stage);
    assert_eq!((refined.len(), refined[0].holds(40, 60), refined[0].holds(112, 60)), (1, true, false));
    assert_eq!(stage.window.state().state().history.undoable().unwrap().label, "refine mask");
    stage.window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    stage.settle();
    assert!(masks(&stage)[0].holds(112, 60));

    stage.window.key_press(Key::Enter);
    stage.settle();
    click(&mut stage, 40.0, 60.0, Modifiers::NONE);
    assert_eq!(asked(&stage).0, [(40.0, 60.0, true)], "another mask begins");
    stage.player.segment(&square());
    stage.settle();
    assert_eq!(masks(&stage).len(), 2);
}

#[test]
fn a_region_becomes_a_mask() {
    let mut stage = Stage::new(&Setup::default());
    stage.press("Box");
    stage.drag((20.0, 40.0), (60.0, 88.0));
    stage.press("Regions");
    stage.press("Segment this");
    let bounds = PixelBox { x0: 20.0, y0: 40.0, x1: 60.0, y1: 88.0 };
    assert_eq!(asked(&stage), (Vec::new(), Some(bounds)));
    stage.player.segment(&square());
    stage.settle();
    assert_eq!(stage.window.state().state().picture().unwrap().masks.len(), 1);
}

#[test]
fn a_click_offers_what_can_be_done_about_the_place() {
    let mut stage = Stage::new(&Setup::default());
    click(&mut stage, 112.0, 60.0, Modifiers::NONE);
    for label in ["What is this?", "Describe this region", "Segment this", "Find more like this"] {
        stage.window.get_by_label(label);
    }
    in_both(&mut stage, "offer");
    stage.press("What is this?");
    assert_eq!(asked(&stage), (vec![(112.0, 60.0, true)], None));
    stage.player.segment(&disc());
    stage.settle();
    let bounds = stage.window.state().state().picture().unwrap().regions[0].bounds;
    let around = disc().bounding_box().unwrap();
    assert!((bounds.x0 - around.x0).abs() < 4.0 && (bounds.y1 - around.y1).abs() < 4.0, "{bounds:?}");
    assert_eq!(stage.player.question(), "What is in <bbox>?");
}

#[test]
fn a_grounded_phrase_finds_its_like() {
    let mut stage = Stage::new(&Setup::default());
    describe(&mut stage);
    stage.window.get_by_label("Phrase: a red square").hover();
    stage.settle();
    stage.click_on_picture((40.0, 60.0), PointerButton::Secondary, Modifiers::NONE);
    stage.press("Find more like this");
    assert_eq!(stage.player.question(), "Please segment all the red square in this image.");
}

/// What a click on the disc and then this offer lead to.
fn offered(label: &str) -> Stage {
    let mut stage = Stage::new(&Setup::default());
    click(&mut stage, 112.0, 60.0, Modifiers::NONE);
    stage.press(label);
    assert_eq!(asked(&stage), (vec![(112.0, 60.0, true)], None), "{label}");
    assert!(stage.window.query_by_label(label).is_none(), "the offer is taken");
    stage.player.segment(&disc());
    stage.settle();
    stage
}

#[test]
fn every_offer_leads_to_what_it_says() {
    for (label, question) in [
        ("What is this?", "What is in <bbox>?"),
        (
            "Describe this region",
            "Can you provide me with a detailed description of the region in the picture marked by <bbox>?",
        ),
        ("Find more like this", "Please segment everything that looks like the object in <bbox>."),
    ] {
        let stage = offered(label);
        assert_eq!(stage.player.question(), question);
        let Some(Task::Converse { turns, .. }) = stage.player.asked.last().map(|request| &request.task)
        else {
            panic!("{label}: nothing was asked");
        };
        let (asked, around) = (turns[0].regions[0], disc().bounding_box().unwrap());
        assert!(
            (asked.x0 - around.x0).abs() < 4.0 && (asked.y1 - around.y1).abs() < 4.0,
            "{label}: {asked:?}"
        );
    }
    let stage = offered("Segment this");
    let picture = stage.window.state().state().picture().unwrap();
    assert_eq!((picture.masks.len(), picture.regions.len(), stage.player.question()), (1, 0, ""));
    assert!(picture.masks[0].holds(112, 60));
}
