//! The window, driven as a user drives it, by the labels that screen readers see: without a
//! display, drawn by whatever Vulkan there is (software will do). `UPDATE_SNAPSHOTS=1` rewrites
//! the pictures in `tests/golden/window`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

mod canvas;
mod chat;
mod drawn;
mod hands;
mod inspector;
mod keeping;
mod keys;
mod looking;
mod looks;
mod manners;
mod masks;
mod models;
mod others;
mod pictures;
mod rarely;
mod right_to_left;
mod script;
mod segments;
mod sessions;
mod stage;
mod views;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use egui::{Key, Modifiers, PointerButton, Vec2, pos2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use glamm::action::Action;
use glamm::app::App;
use glamm::document::RegionTag;
use glamm::state::session::ModelStatus;
use glamm_engine::protocol::{DeviceChoice, EngineEvent, ModelSource, ModelSpec, Task};
use glamm_engine::vision::PixelBox;

use looking::in_both;
use script::Line;
use stage::{Setup, Stage, disc, square, wait};

fn about_shapes() -> Line {
    Line::new([
        ("The picture shows ", None),
        ("a red square", Some(square())),
        (" to the left of ", None),
        ("a large green disc", Some(disc())),
        (".", None),
    ])
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
    let Task::Converse { turns, .. } = &stage.player.asked[0].task else { panic!("not asked") };
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
fn the_middle_button_and_space_move_the_picture() {
    let mut stage = Stage::new(&Setup::default());
    let start = stage.on_screen(112.0, 60.0);
    stage.window.hover_at(start);
    stage.window.event(egui::Event::Zoom(3.0));
    stage.settle();
    let by = Vec2::new(-80.0, 45.0);
    for (button, space) in [(PointerButton::Middle, false), (PointerButton::Primary, true)] {
        let before = stage.on_screen(112.0, 60.0);
        let press = |pos, pressed| egui::Event::PointerButton {
            pos,
            button,
            pressed,
            modifiers: Modifiers::default(),
        };
        if space {
            stage.window.key_down(Key::Space);
        }
        stage.window.hover_at(start);
        stage.window.event(press(start, true));
        for step in 1..=4 {
            stage.window.hover_at(start + by * (step as f32 / 4.0));
            stage.window.step();
        }
        stage.window.event(press(start + by, false));
        if space {
            stage.window.key_up(Key::Space);
        }
        stage.settle();
        let moved = stage.on_screen(112.0, 60.0) - before;
        assert!((moved - by).length() < 2.0, "{button:?}: moved by {moved:?}, not {by:?}");
        assert!(stage.window.state().state().picture().unwrap().regions.is_empty());
    }
}

/// As the window system hands it over.
#[derive(Debug)]
struct Dropped(PathBuf);

impl egui::DroppedFile for Dropped {
    fn path(&self) -> &Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        std::fs::read(&self.0).map_err(|error| error.to_string())
    }
}

#[test]
fn dropped_files_are_opened() {
    let folder = tempfile::tempdir().unwrap();
    let files = ["one.png", "two.png"].map(|name| folder.path().join(name));
    for file in &files {
        image::RgbImage::from_pixel(30, 20, image::Rgb([200, 120, 60])).save(file).unwrap();
    }
    let mut stage = Stage::new(&Setup::default());
    let dropped = files.map(|path| Arc::new(Dropped(path)) as Arc<dyn egui::DroppedFile + Send + Sync>);
    stage.window.input_mut().dropped_files = dropped.to_vec();
    stage.window.step();
    let named = |stage: &Stage, name: &str| {
        let pictures = stage.window.state().state().document().pictures();
        pictures.iter().any(|picture| picture.name == name)
    };
    stage.wait("both pictures", |stage| named(stage, "one.png") && named(stage, "two.png"));
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
    stage.player.send(EngineEvent::LoadFailed(Arc::new(error)));
    stage.settle();
    let offer = |stage: &Stage| match &stage.window.state().state().session.model {
        ModelStatus::Failed(failure) => failure.offers.first().map(|offer| offer.title.clone()),
        other => panic!("{other:?}"),
    };
    // The machine is looked at on another thread; the precision offered depends on its memory.
    stage.wait("an offer", |stage| offer(stage).is_some());
    let offer = offer(&stage).unwrap();
    assert!(offer.starts_with("Demo model"), "{offer}");
    stage.press(&offer);
    let session = &stage.window.state().state().session;
    assert!(matches!(session.model, ModelStatus::Ready(_)) && session.is_demo());
}

/// The engine, the loader and the window together, on the small checkpoint of the golden data, of
/// which the official implementation's answer is recorded.
#[test]
fn the_real_engine_answers_in_the_window() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/public");
    let source = ModelSource::Path(golden.join("glamm-tiny"));
    let model = ModelSpec { source, device: DeviceChoice::Cpu, precision: None };
    let picture = golden.join("images/wide.png");
    let folder = tempfile::tempdir().unwrap();
    let around = stage::nothing_around(folder.path());
    let mut window = Harness::builder()
        .with_size(Vec2::new(1100.0, 700.0))
        .with_step_dt(1.0 / 60.0)
        .wgpu()
        .build_eframe(|cc| App::new(cc, around, model, Some(picture)).unwrap());
    wait(&mut window, "the model", |state| matches!(state.session.model, ModelStatus::Ready(_)));
    wait(&mut window, "the picture", |state| state.picture().is_some());
    window.get_by_label("Describe with masks").click();
    wait(&mut window, "the reply", |state| !state.conversation().unwrap().is_empty());
    let exchange = &window.state().state().conversation().unwrap().exchanges()[0];
    assert_eq!(exchange.reply.text.trim(), "A red circle and a blue square on a grey wall.");
    assert_eq!(exchange.masks.iter().flatten().count(), 2);
    window.get_by_label("Phrase: A red circle").hover();
    window.run_steps(12);
    let masks = window.state().state().visible_masks();
    assert_eq!(masks.iter().filter(|m| m.emphasised).count(), 1);

    window.get_by_label("Segment …").click();
    window.run_steps(4);
    window.get_by_label("Question").type_text("red circle");
    window.run_steps(3);
    window.get_by_label("Ask").click();
    wait(&mut window, "the follow-up", |state| state.conversation().unwrap().exchanges().len() == 2);
    let exchanges = window.state().state().conversation().unwrap().exchanges();
    assert_eq!(exchanges[1].question.text, "Can you please segment the red circle in this image?");
    assert!(exchanges[1].stats.cached_tokens > 0, "the conversation is not read again");
}

#[test]
fn snapshots_of_a_conversation() {
    let mut stage = Stage::new(&Setup::default());
    stage.press("Box");
    stage.drag((88.0, 36.0), (136.0, 84.0));
    describe(&mut stage);
    stage.window.get_by_label("Phrase: a red square").hover();
    stage.settle();
    in_both(&mut stage, "conversation");
}

#[test]
fn snapshots_of_an_empty_chat_at_double_scale() {
    let setup = Setup { size: Vec2::new(960.0, 620.0), scale: 2.0, ..Setup::default() };
    let mut stage = Stage::new(&setup);
    in_both(&mut stage, "empty_chat");
}
