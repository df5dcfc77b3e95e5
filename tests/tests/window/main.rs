//! The window, driven as a user drives it, by the labels that screen readers see: without a
//! display, drawn by whatever Vulkan there is (software will do). `UPDATE_SNAPSHOTS=1` rewrites
//! the pictures in `tests/golden/window`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

mod script;
mod stage;

use egui::{Key, Modifiers, Theme, Vec2, pos2};
use egui_kittest::SnapshotOptions;
use egui_kittest::kittest::Queryable as _;
use glamm::document::RegionTag;
use glamm::session::ModelStatus;
use glamm_engine::protocol::{EngineEvent, Task};
use glamm_engine::vision::PixelBox;

use script::Line;
use stage::{Setup, Stage, disc, square};

fn about_shapes() -> Line {
    Line::new([
        ("The picture shows ", None),
        ("a red square", Some(square())),
        (" to the left of ", None),
        ("a large green disc", Some(disc())),
        (".", None),
    ])
}

/// Other versions of the software renderer may differ in a few edge pixels.
fn options() -> SnapshotOptions {
    SnapshotOptions::new().output_path("golden/window").threshold(1.5).max_failed_pixels(400)
}

fn describe(stage: &mut Stage) {
    stage.player.lines.push(about_shapes());
    stage.ask("What is there?");
    stage.player.finish();
    stage.settle();
}

#[test]
fn a_question_is_asked_and_its_phrases_come_back() {
    let mut stage = Stage::new(&Setup::default());
    assert!(stage.window.query_by_label("Stop").is_none());
    stage.player.lines.push(about_shapes());
    stage.ask("What is there?");
    assert_eq!(stage.player.question(), "What is there?");
    assert!(stage.window.query_by_label("Ask").is_none(), "Stop stands in its place");
    stage.window.get_by_label("Stop");
    stage.player.start(2);
    stage.settle();
    stage.window.get_by_label("Phrase: a red square");
    assert!(stage.window.query_by_label("Phrase: a large green disc").is_none(), "not said yet");
    assert_eq!(stage.window.state().state().visible_masks().len(), 1, "the mask does not wait for the end");
}

#[test]
fn hovering_a_phrase_brings_its_mask_out_and_back() {
    let mut stage = Stage::new(&Setup::default());
    describe(&mut stage);
    let emphasised = |stage: &Stage| {
        let masks = stage.window.state().state().visible_masks();
        masks.iter().filter(|m| m.emphasised).map(|m| m.hue).collect::<Vec<_>>()
    };
    assert_eq!(emphasised(&stage), [] as [usize; 0]);
    stage.window.get_by_label("Phrase: a large green disc").hover();
    stage.settle();
    assert_eq!(emphasised(&stage), [1]);
    let on_square = stage.on_screen(40.0, 60.0);
    stage.window.hover_at(on_square);
    stage.settle();
    assert_eq!(emphasised(&stage), [0], "the mask under the pointer");
    stage.window.remove_cursor();
    stage.settle();
    assert_eq!(emphasised(&stage), [] as [usize; 0]);
    stage.press("Phrase: a red square");
    stage.window.remove_cursor();
    stage.settle();
    assert_eq!(emphasised(&stage), [0], "pinned");
}

#[test]
fn a_box_is_drawn_referred_to_and_undone() {
    let mut stage = Stage::new(&Setup::default());
    stage.press("Box");
    stage.drag((20.0, 40.0), (60.0, 88.0));
    let bounds = stage.window.state().state().picture().unwrap().regions[0].bounds;
    let expected = PixelBox { x0: 20.0, y0: 40.0, x1: 60.0, y1: 88.0 };
    for (found, wanted) in [(bounds.x0, expected.x0), (bounds.y0, expected.y0), (bounds.x1, expected.x1)] {
        assert!((found - wanted).abs() < 0.5, "{bounds:?}");
    }
    stage.ask("What is [1]?");
    assert_eq!(stage.player.question(), "What is <bbox>?");
    let Task::Converse { turns, .. } = &stage.player.asked[0].task;
    assert_eq!(turns[0].regions, [bounds]);

    stage.press("Select");
    stage.drag((40.0, 60.0), (60.0, 60.0));
    let moved = stage.window.state().state().picture().unwrap().regions[0].bounds;
    assert!((moved.x0 - bounds.x0 - 20.0).abs() < 0.5, "{moved:?}");
    for _ in 0..2 {
        stage.window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
        stage.settle();
    }
    assert!(stage.window.state().state().picture().unwrap().regions.is_empty());
    stage.window.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    stage.settle();
    assert_eq!(stage.window.state().state().picture().unwrap().regions[0].bounds, bounds);
    stage.press("Delete region 1");
    assert!(stage.window.state().state().picture().unwrap().regions.is_empty());
}

#[test]
fn a_region_prompt_waits_for_the_box() {
    let mut stage = Stage::new(&Setup::default());
    stage.press("Describe region");
    stage.drag((90.0, 40.0), (130.0, 80.0));
    let state = stage.window.state().state();
    assert_eq!(state.ui.selected_region, Some(RegionTag(1)));
    assert!(state.ui.draft(state.ui.current.unwrap()).ends_with("[1]?"));
    stage.window.key_press(Key::Enter);
    stage.settle();
    assert!(stage.player.question().contains("<bbox>"), "{}", stage.player.question());
}

#[test]
fn stop_reaches_the_engine_at_once() {
    let mut stage = Stage::new(&Setup::default());
    stage.player.lines.push(about_shapes());
    stage.ask("What is there?");
    stage.player.start(1);
    stage.settle();
    stage.press("Stop");
    assert!(stage.player.asked[0].cancel.is_cancelled());
}

#[test]
fn zoom_follows_the_pointer() {
    let mut stage = Stage::new(&Setup::default());
    let place = pos2(112.0, 60.0);
    let on_disc = stage.on_screen(place.x, place.y);
    stage.window.hover_at(on_disc);
    stage.window.event(egui::Event::Zoom(2.0));
    stage.settle();
    assert!(stage.on_screen(place.x, place.y).distance(on_disc) < 1.0);
    let before = stage.window.state().state().view().unwrap().scale();
    stage.press("Fit");
    assert!(stage.window.state().state().view().unwrap().scale() < before * 0.6);
}

#[test]
fn bad_files_end_in_a_message() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("broken.png");
    std::fs::write(&path, b"\x89PNG\r\n\x1a\nand nothing more").unwrap();
    let mut stage = Stage::with_picture(&Setup::default(), folder, Some(path));
    stage.wait("the message", |stage| !stage.window.state().state().session.notices.is_empty());
    stage.settle();
    assert!(stage.window.state().state().session.notices[0].text.contains("broken.png"));
    stage.window.get_by_label("Dismiss").click();
    stage.settle();
    assert!(stage.window.state().state().session.notices.is_empty());
    stage.window.get_by_label("Canvas, no picture");
}

#[test]
fn huge_and_tiny_pictures_are_shown() {
    for (name, size) in [("wide.png", (20_000, 3)), ("dot.png", (1, 1))] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        image::RgbImage::from_pixel(size.0, size.1, image::Rgb([90, 120, 200])).save(&path).unwrap();
        let mut stage = Stage::with_picture(&Setup::default(), folder, Some(path));
        stage.wait(name, |stage| stage.window.state().state().picture().is_some());
        stage.settle();
        assert_eq!(stage.window.state().state().picture().unwrap().size, size);
        stage.window.render().unwrap();
    }
}

#[test]
fn a_model_that_cannot_be_loaded_is_said() {
    let mut stage = Stage::new(&Setup::default());
    let error = glamm_engine::error::EngineError::NoModel;
    stage.player.send(EngineEvent::LoadFailed(std::sync::Arc::new(error)));
    stage.settle();
    assert!(matches!(stage.window.state().state().session.model, ModelStatus::Failed(_)));
    stage.press("Demo model");
    assert!(matches!(stage.window.state().state().session.model, ModelStatus::Ready(_)));
}

#[test]
fn snapshot_of_a_conversation_in_the_dark() {
    let mut stage = Stage::new(&Setup::default());
    stage.press("Box");
    stage.drag((88.0, 36.0), (136.0, 84.0));
    describe(&mut stage);
    stage.window.get_by_label("Phrase: a red square").hover();
    stage.settle();
    stage.window.snapshot_options("conversation_dark", &options());
}

#[test]
fn snapshot_of_an_empty_chat_in_the_light_at_double_scale() {
    let setup = Setup { size: Vec2::new(960.0, 620.0), theme: Theme::Light, scale: 2.0 };
    let mut stage = Stage::new(&setup);
    stage.window.snapshot_options("empty_chat_light", &options());
}
