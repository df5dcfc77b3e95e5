//! Pictures on their way, and from one to the next.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use egui::{Color32, ColorImage, Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use glamm::canvas::view::Viewpoint;
use glamm::command::Command;
use glamm::pictures::LoaderEvent;
use image::{Rgb, RgbImage};

use crate::stage::{Setup, Stage};
use crate::{Action, Dropped};

fn shown(stage: &Stage) -> String {
    stage.window.state().state().picture().unwrap().name.clone()
}

/// A window on a folder with so many pictures, which was dropped onto it.
fn with_folder(count: usize) -> Stage {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..count {
        let path = folder.path().join(format!("{number:03}.png"));
        RgbImage::from_pixel(12, 8, Rgb([90, 120, number as u8])).save(path).unwrap();
    }
    std::fs::write(folder.path().join("notes.txt"), "no picture").unwrap();
    let path = folder.path().to_owned();
    let mut stage = Stage::with_picture(&Setup::default(), folder, None);
    let dropped = Arc::new(Dropped(path)) as Arc<dyn egui::DroppedFile + Send + Sync>;
    stage.window.input_mut().dropped_files = vec![dropped];
    stage.window.step();
    stage.wait("the folder", |stage| stage.window.state().state().document().pictures().len() == count);
    stage.settle();
    stage
}

#[test]
fn a_dropped_folder_is_opened_and_gone_through() {
    let mut stage = with_folder(3);
    assert_eq!(shown(&stage), "000.png");
    for (key, expected) in [
        (Key::PageDown, "001.png"),
        (Key::PageDown, "002.png"),
        (Key::PageDown, "000.png"),
        (Key::PageUp, "002.png"),
        (Key::PageUp, "001.png"),
    ] {
        stage.window.key_press(key);
        stage.settle();
        assert_eq!(shown(&stage), expected, "{key:?}");
    }
    stage.window.get_by_label("Question").focus();
    stage.settle();
    stage.window.key_press(Key::PageDown);
    stage.settle();
    assert_eq!(shown(&stage), "001.png", "the key is the question's");
    for (key, expected) in [(Key::PageDown, "002.png"), (Key::PageUp, "001.png")] {
        stage.window.key_press_modifiers(Modifiers::COMMAND, key);
        stage.settle();
        assert_eq!(shown(&stage), expected, "while a question is written: {key:?}");
    }
}

#[test]
fn the_filmstrip_follows_and_lays_out_what_is_in_sight() {
    const COUNT: usize = 60;
    let mut stage = with_folder(COUNT);
    let is_laid_out =
        |stage: &Stage, number: usize| stage.window.query_by_label(&format!("{number:03}.png")).is_some();
    let laid_out = |stage: &Stage| (0..COUNT).filter(|&number| is_laid_out(stage, number)).count();
    assert!((5..20).contains(&laid_out(&stage)), "{}", laid_out(&stage));
    let is_in_sight = |stage: &Stage, name: &str| {
        let found = stage.window.query_by_label(name);
        found.is_some_and(|thumbnail| {
            let rect = thumbnail.rect();
            rect.top() >= 44.0 && rect.bottom() <= 672.0
        })
    };
    assert!(is_in_sight(&stage, "000.png"));
    stage.window.key_press(Key::PageUp);
    stage.settle();
    stage.settle();
    assert_eq!(shown(&stage), "059.png");
    assert!(is_in_sight(&stage, "059.png"), "the last one");
    for _ in 0..20 {
        stage.window.key_press(Key::PageUp);
        stage.window.step();
    }
    stage.settle();
    stage.settle();
    assert_eq!(shown(&stage), "039.png");
    assert!(is_in_sight(&stage, "039.png") && !is_in_sight(&stage, "059.png"));
    stage.window.get_by_label("041.png").click();
    stage.settle();
    assert_eq!(shown(&stage), "041.png");
}

#[test]
fn redo_has_the_key_of_other_programs_too_and_menus_are_reached() {
    let mut stage = Stage::new(&Setup::default());
    stage.press("Box");
    stage.drag((20.0, 40.0), (60.0, 88.0));
    let regions = |stage: &Stage| stage.window.state().state().picture().unwrap().regions.len();
    for (key, expected) in [(Key::Z, 0), (Key::Y, 1)] {
        stage.window.key_press_modifiers(Modifiers::COMMAND, key);
        stage.settle();
        assert_eq!(regions(&stage), expected);
    }
    stage.window.key_press(Key::F10);
    stage.settle();
    assert!(stage.window.get_by_label("File").is_focused());
    stage.window.key_press(Key::ArrowRight);
    stage.settle();
    stage.window.key_press(Key::Enter);
    stage.settle();
    stage.window.get_by_label_contains("Duplicate region");
}

/// A file that nobody ever writes anything into: whoever reads it waits.
pub(crate) fn endless(path: &Path) -> PathBuf {
    let made = std::process::Command::new("mkfifo").arg(path).status().unwrap();
    assert!(made.success());
    path.to_owned()
}

/// Whether the middle of the canvas has this colour.
fn middle_is(stage: &mut Stage, color: Color32) -> bool {
    let screen = stage.window.render().unwrap();
    let at = stage.window.state().state().ui.canvas.center();
    let [red, green, blue, _] = screen.get_pixel(at.x as u32, at.y as u32).0;
    [(red, color.r()), (green, color.g()), (blue, color.b())].iter().all(|&(a, b)| a.abs_diff(b) < 4)
}

#[test]
fn a_small_copy_stands_in_for_a_picture_on_its_way() {
    let folder = tempfile::tempdir().unwrap();
    let path = endless(&folder.path().join("photo.jpg"));
    let mut stage = Stage::with_picture(&Setup::default(), folder, None);
    stage.act(Action::OpenFiles(vec![path]));
    let color = Color32::from_rgb(200, 60, 140);
    assert!(!middle_is(&mut stage, color));
    stage.window.get_by_label("Opening photo.jpg …");
    let image = stage.window.state().state().session.arrivals[0].image;
    let preview = Arc::new(ColorImage::filled([160, 120], color));
    stage.act(Action::Loader(LoaderEvent::Previewed { image, preview }));
    assert!(stage.window.state().state().picture().is_none());
    assert!(middle_is(&mut stage, color), "where the picture will be");
}

#[test]
fn the_small_copy_stands_in_for_a_picture_that_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("photo.png");
    RgbImage::from_pixel(900, 700, Rgb([200, 60, 140])).save(&path).unwrap();
    let mut stage = Stage::with_picture(&Setup::default(), folder, Some(path.clone()));
    stage.wait("the picture", |stage| stage.window.state().state().picture().is_some());
    stage.act(Action::Command(Command::ClosePicture));
    std::fs::remove_file(&path).unwrap();
    endless(&path);
    stage.act(Action::Command(Command::Undo));
    let state = stage.window.state().state();
    assert!(state.picture().is_some() && state.session.pixels.is_empty());
    assert!(middle_is(&mut stage, Color32::from_rgb(200, 60, 140)));
    stage.act(Action::SetView(Viewpoint::Free { scale: 4.0, center: egui::pos2(200.0, 200.0) }));
    let map = stage.window.query_by_label("Map of the picture");
    assert!(map.is_none(), "there is nothing to be drawn on it, and nothing to be pressed");
}
