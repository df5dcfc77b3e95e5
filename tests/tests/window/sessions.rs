//! Sessions in all that can happen to them: saved elsewhere, left, damaged, recovered or not; what comes
//! from the clipboard and from other programs; runs that fail in part.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use egui::{Color32, ColorImage, Event, Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use glamm::action::{Action, ExportAction, KeepingAction};
use glamm::command::Command;
use glamm::document::Origin;
use glamm::state::keeping::{PathPurpose, PathQuestion};
use glamm::storage::{Opened, open};
use glamm_engine::error::EngineError;
use glamm_engine::protocol::EngineEvent;

use crate::keeping::{boxes, left_behind, save_to, state, work};
use crate::script::Line;
use crate::stage::{PICTURE, Setup, Stage, nothing_around, square};

/// Types a path where the desktop has no dialog for it.
fn type_path(stage: &mut Stage, purpose: PathPurpose, path: &Path, verb: &str) {
    let question = PathQuestion { purpose, suggested: None };
    stage.act(Action::Keeping(KeepingAction::NoDialog(question)));
    stage.window.get_by_label("Path").type_text(&path.to_string_lossy());
    stage.window.run_steps(3);
    stage.press(verb);
}

fn quit(stage: &mut Stage) {
    stage.window.key_press_modifiers(Modifiers::COMMAND, Key::Q);
    stage.settle();
}

fn is_idle(stage: &Stage) -> bool {
    state(stage).session.keeping.busy.is_none()
}

fn notices(stage: &Stage) -> String {
    state(stage).session.notices.iter().map(|notice| notice.text.as_str()).collect::<Vec<_>>().join("\n")
}

fn replies(opened: &Opened) -> usize {
    opened.pictures.iter().map(|found| found.picture.conversations[0].exchanges().len()).sum()
}

#[test]
fn a_session_is_saved_elsewhere_and_nothing_is_overwritten_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("first.glamm"), folder.path().join("second.glamm"));
    let mut stage = Stage::new(&Setup::default());
    work(&mut stage);
    save_to(&mut stage, &first);
    type_path(&mut stage, PathPurpose::SaveSession, &second, "Save here");
    stage.wait("the second file", |stage| second.is_file() && is_idle(stage));
    stage.settle();
    assert_eq!(state(&stage).title(), "second – GLaMM Desktop");
    assert!(first.is_file());

    let other = folder.path().join("other.glamm");
    fs::write(&other, b"another's").unwrap();
    type_path(&mut stage, PathPurpose::SaveSession, &folder.path().join("other"), "Save here");
    stage.wait("the question", |stage| stage.window.query_by_label("Replace it").is_some());
    stage.press("Cancel");
    assert_eq!(fs::read(&other).unwrap(), b"another's");
    assert_eq!(state(&stage).title(), "second – GLaMM Desktop");
    type_path(&mut stage, PathPurpose::SaveSession, &other, "Save here");
    stage.wait("the question", |stage| stage.window.query_by_label("Replace it").is_some());
    stage.press("Replace it");
    stage.wait("the file", |stage| open(&other).is_ok() && is_idle(stage));
}

#[test]
fn pictures_stay_where_they_are_if_that_is_wished() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("light.glamm");
    let mut stage = Stage::new(&Setup::default());
    stage.act(Action::Command(Command::KeepPictures));
    save_to(&mut stage, &path);
    assert!(open(&path).unwrap().pictures[0].stored.is_none());
    assert!(!state(&stage).preferences().saving.with_pictures, "it is remembered");
    stage.act(Action::Command(Command::KeepPictures));
    save_to(&mut stage, &path);
    assert!(open(&path).unwrap().pictures[0].stored.is_some());
}

#[test]
fn a_picture_that_is_missing_is_tried_again_and_found() {
    let folder = tempfile::tempdir().unwrap();
    let (path, elsewhere) = (folder.path().join("light.glamm"), folder.path().join("moved.png"));
    let mut stage = Stage::new(&Setup::default());
    stage.act(Action::Command(Command::KeepPictures));
    save_to(&mut stage, &path);
    let Origin::File(picture) = state(&stage).picture().unwrap().origin.clone() else { panic!("no file") };
    fs::rename(&picture, &elsewhere).unwrap();
    stage.act(Action::Keeping(KeepingAction::Open(path)));
    stage.wait("the message", |stage| notices(stage).contains("is missing"));
    stage.settle();
    let image = state(&stage).ui.current.unwrap();
    let is_there = move |stage: &Stage| state(stage).session.pixels.contains_key(&image);
    stage.press("Try again");
    stage.wait("the answer", move |stage| state(stage).session.unavailable.contains_key(&image));
    stage.settle();
    type_path(&mut stage, PathPurpose::FindPicture(image), &elsewhere, "Open this");
    stage.wait("the picture", is_there);
    assert_eq!(state(&stage).picture().unwrap().origin, Origin::File(elsewhere));
}

#[test]
fn leaving_saves_or_does_not_as_it_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("work.glamm");
    let mut stage = Stage::new(&Setup::default());
    save_to(&mut stage, &path);
    work(&mut stage);
    quit(&mut stage);
    stage.press("Save");
    stage.wait("the end", |stage| state(stage).session.keeping.may_close());
    assert_eq!(replies(&open(&path).unwrap()), 1);

    let mut stage = Stage::new(&Setup::default());
    work(&mut stage);
    quit(&mut stage);
    assert!(!state(&stage).session.keeping.may_close());
    stage.press("Don't save");
    assert!(state(&stage).session.keeping.may_close());
}

#[test]
fn a_reply_on_its_way_is_not_left_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(&Setup::default());
    save_to(&mut stage, &folder.path().join("work.glamm"));
    stage.player.lines.push(Line::new([("There is ", None), ("a square", Some(square()))]));
    stage.ask("What is there?");
    stage.player.start(1);
    stage.settle();
    quit(&mut stage);
    stage.window.get_by_label("Don't save");
    assert!(!state(&stage).session.keeping.may_close());
}

/// Spoils the first part of a session file whose name ends so.
fn damage(path: &Path, part: &str) {
    let mut bytes = fs::read(path).unwrap();
    let name = bytes.windows(part.len()).position(|window| window == part.as_bytes()).unwrap();
    for byte in &mut bytes[name + part.len() + 4..][..8] {
        *byte ^= 0x55;
    }
    fs::write(path, bytes).unwrap();
}

#[test]
fn what_is_missing_of_a_damaged_session_is_said_and_the_file_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("work.glamm");
    let mut stage = Stage::new(&Setup::default());
    work(&mut stage);
    save_to(&mut stage, &path);
    damage(&path, "/masks/0001.f16z");
    let damaged = fs::read(&path).unwrap();
    stage.act(Action::Keeping(KeepingAction::Open(path.clone())));
    stage.wait("the session", |stage| notices(stage).contains("What is missing"));
    stage.settle();
    assert!(notices(&stage).contains("work.glamm is damaged"), "{}", notices(&stage));
    assert_eq!(boxes(&stage).len(), 1, "the rest is there");
    stage.window.get_by_label("Phrase: a large green disc");
    assert_eq!(state(&stage).session.keeping.file, None);
    let beside = state(&stage).session.keeping.beside_damaged.clone();
    assert_eq!(beside, Some(folder.path().join("work-repaired.glamm")));
    assert_eq!(fs::read(&path).unwrap(), damaged);
}

#[test]
fn what_failed_in_a_run_is_listed_and_asked_about_again() {
    let mut stage = Stage::new(&Setup::default());
    stage.window.key_press_modifiers(Modifiers::COMMAND | Modifiers::ALT, Key::Enter);
    stage.settle();
    stage.press("Ask about all");
    let job = stage.player.asked[0].id;
    let error = Arc::new(EngineError::NoModel);
    let reason = error.to_string();
    stage.player.send(EngineEvent::JobFailed { job, error });
    stage.settle();
    stage.window.get_by_label(&format!("shapes.png: {reason}"));
    stage.window.get_by_label_contains("1 failed");
    stage.press("Ask those again");
    assert_eq!(stage.player.asked.len(), 2);
    stage.player.lines.push(Line::new([("There is ", None), ("a square", Some(square()))]));
    stage.player.finish();
    stage.settle();
    assert!(state(&stage).session.batch.as_ref().unwrap().failed.is_empty());
    assert!(stage.window.query_by_label("Ask those again").is_none());
}

#[test]
fn files_that_cannot_be_opened_are_listed() {
    let folder = tempfile::tempdir().unwrap();
    for number in 1..=6 {
        fs::write(folder.path().join(format!("broken-{number}.png")), b"\x89PNG\r\n\x1a\nno more").unwrap();
    }
    let mut stage = Stage::new(&Setup::default());
    let chosen = KeepingAction::PathChosen(PathPurpose::OpenFolder, vec![folder.path().to_owned()]);
    stage.act(Action::Keeping(chosen));
    stage.wait("all of them", |stage| notices(stage).contains("6 files could not be opened"));
    stage.settle();
    for number in [1, 6] {
        stage.window.get_by_label_contains(&format!("broken-{number}.png"));
    }
}

#[test]
fn shapes_of_labelme_are_imported() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shapes.json");
    let json = r#"{"version":"5.5.0","imagePath":"shapes.png","imageWidth":160,"imageHeight":120,"shapes":[
        {"label":"door","points":[[10,10],[50,60]],"shape_type":"rectangle"},
        {"label":"roof","points":[[80,20],[120,20],[100,50]],"shape_type":"polygon"},
        {"label":"far","points":[[900,900],[990,990]],"shape_type":"rectangle"}]}"#;
    fs::write(&path, json).unwrap();
    let mut stage = Stage::new(&Setup::default());
    type_path(&mut stage, PathPurpose::Import, &path, "Open this");
    stage.wait("the shapes", |stage| is_idle(stage) && !boxes(stage).is_empty());
    let picture = state(&stage).picture().unwrap();
    assert_eq!((picture.regions[0].name.as_str(), picture.masks.len()), ("door", 1));
    assert_eq!(picture.masks[0].name.as_deref(), Some("roof"));
    assert!(notices(&stage).contains("Left out: 1 boxes or masks"), "{}", notices(&stage));
}

#[test]
fn the_folder_of_an_export_is_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(&Setup::default());
    work(&mut stage);
    stage.window.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::E);
    stage.settle();
    let out = folder.path().join("chosen");
    type_path(&mut stage, PathPurpose::ExportFolder, &out, "Save here");
    assert_eq!(state(&stage).export_request().unwrap().out, out);
    stage.press("Write files");
    stage.wait("the files", |stage| state(stage).session.exporting.is_none() && !notices(stage).is_empty());
    assert!(out.join("overlays/shapes.png").is_file(), "{}", notices(&stage));
}

#[test]
fn an_export_asks_before_it_replaces_files() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("overlays/shapes.png");
    fs::create_dir(folder.path().join("overlays")).unwrap();
    fs::write(&file, b"mine").unwrap();
    let mut stage = Stage::new(&Setup::default());
    work(&mut stage);
    for answer in ["Cancel", "Replace it"] {
        assert_eq!(fs::read(&file).unwrap(), b"mine");
        stage.act(Action::Command(Command::Export));
        let out = folder.path().to_string_lossy().into_owned();
        stage.act(Action::Export(ExportAction::Folder(out)));
        stage.press("Write files");
        stage.wait("the question", |stage| stage.window.query_by_label("Replace it").is_some());
        stage.press(answer);
    }
    stage.wait("the file", |stage| state(stage).session.exporting.is_none() && !notices(stage).is_empty());
    assert_ne!(fs::read(&file).unwrap(), b"mine");
}

/// A window that is offered the work that another program left.
fn offered(data: &Path) -> Stage {
    let folder = tempfile::tempdir().unwrap();
    let mut surroundings = nothing_around(folder.path());
    surroundings.data = Some(data.to_owned());
    let mut stage = Stage::among(&Setup::default(), surroundings, folder, None);
    stage.wait("the offer", |stage| stage.window.query_by_label("Recover").is_some());
    stage.settle();
    stage
}

#[test]
fn what_was_left_is_offered_later_or_deleted() {
    let mut before = Stage::new(&Setup::default());
    work(&mut before);
    let data = tempfile::tempdir().unwrap();
    let left = left_behind(&before, data.path());
    let mut stage = offered(data.path());
    stage.press("Later");
    assert!(stage.window.query_by_label("Recover").is_none());
    drop(stage);
    assert!(left.join("session.json").is_file());
    let mut stage = offered(data.path());
    stage.press("Delete it");
    assert!(stage.window.query_by_label("Recover").is_none());
    stage.wait("its end", |_| !left.exists());
}

fn paste() -> Event {
    Event::PasteImage(Arc::new(ColorImage::filled([30, 20], Color32::from_rgb(200, 120, 60))))
}

fn pasted(stage: &Stage) -> usize {
    let pictures = state(stage).document().pictures();
    pictures.iter().filter(|picture| picture.origin == Origin::Clipboard).count()
}

#[test]
fn a_picture_is_pasted() {
    let mut stage = Stage::new(&Setup::default());
    stage.window.event(paste());
    stage.wait("the picture", |stage| pasted(stage) == 1);
    stage.settle();
    assert_eq!(state(&stage).picture().unwrap().size, (30, 20));
    let pixels = &state(&stage).session.pixels[&state(&stage).ui.current.unwrap()];
    assert_eq!(pixels.rgb.get_pixel(7, 7).0, [200, 120, 60]);
    assert_eq!(state(&stage).document().pictures().len(), 2, "{PICTURE:?} is there still");
}

/// Goes on as eframe does while the window is minimised: nothing is shown, and the events are those of the
/// last time.
fn go_on_hidden(stage: &mut Stage) {
    let ctx = stage.window.ctx.clone();
    let mut raw = egui::RawInput::default();
    let root = raw.viewports.entry(egui::ViewportId::ROOT).or_default();
    root.minimized = Some(true);
    let app = stage.window.state_mut();
    let _ = ctx.run_logic(&raw, |ctx| eframe::App::logic(app, ctx, &mut eframe::Frame::_new_kittest()));
    stage.player.answer_commands();
}

#[test]
fn a_hidden_window_keeps_its_work_and_repeats_nothing() {
    let data = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut surroundings = nothing_around(folder.path());
    surroundings.data = Some(data.path().to_owned());
    let mut stage = Stage::among(&Setup::default(), surroundings, folder, None);
    stage.settle();
    stage.window.event(paste());
    stage.window.step();
    for _ in 0..5 {
        go_on_hidden(&mut stage);
    }
    assert!(state(&stage).session.arrivals.len() + pasted(&stage) <= 1, "pasted once");
    stage.wait("the picture", |stage| pasted(stage) == 1);
    stage.settle();
    stage.player.lines.push(Line::new([("There is nothing.", None)]));
    stage.ask("What is there?");
    stage.player.finish();
    let begin = std::time::Instant::now();
    let kept = || {
        let folders = fs::read_dir(data.path().join("recovery")).into_iter().flatten().flatten();
        folders.filter_map(|folder| open(&folder.path()).ok()).map(|opened| replies(&opened)).sum::<usize>()
    };
    while kept() == 0 || state(&stage).conversation().unwrap().is_empty() {
        assert!(begin.elapsed().as_secs() < 60, "the reply is not kept");
        go_on_hidden(&mut stage);
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn what_was_being_written_is_there_after_a_sudden_end() {
    let mut before = Stage::new(&Setup::default());
    work(&mut before);
    before.act(Action::Command(Command::EditQuestion));
    before.act(Action::SetEditing("Is it a circle".to_owned()));
    let data = tempfile::tempdir().unwrap();
    left_behind(&before, data.path());
    let mut stage = offered(data.path());
    stage.press("Recover");
    stage.wait("the work", |stage| !state(stage).session.pixels.is_empty());
    stage.settle();
    let field = stage.window.get_by_label("Edited question");
    assert_eq!(field.value().as_deref(), Some("Is it a circle"));
}
