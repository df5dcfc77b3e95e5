//! Keeping work: sessions, what is offered after a sudden end, exports, one question over all pictures.

use std::fs;
use std::path::{Path, PathBuf};

use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use glamm::action::{Action, ExportAction, KeepingAction};
use glamm::export::Format;
use glamm::state::State;
use glamm::state::keeping::{PathPurpose, PathQuestion};
use glamm::storage::recovery::RecoveryFolder;
use glamm_engine::vision::PixelBox;

use crate::describe;
use crate::looking::in_both;
use crate::script::Line;
use crate::stage::{Setup, Stage, disc, nothing_around, square};

pub(crate) fn state(stage: &Stage) -> &State {
    stage.window.state().state()
}

/// A box, and a reply with two masks.
pub(crate) fn work(stage: &mut Stage) {
    stage.press("Box");
    stage.drag((88.0, 36.0), (136.0, 84.0));
    describe(stage);
}

pub(crate) fn save_to(stage: &mut Stage, path: &Path) {
    let chosen = KeepingAction::PathChosen(PathPurpose::SaveSession, vec![path.to_owned()]);
    stage.act(Action::Keeping(chosen));
    stage.wait("the session file", |stage| state(stage).session.keeping.busy.is_none());
}

pub(crate) fn boxes(stage: &Stage) -> Vec<PixelBox> {
    state(stage).picture().unwrap().regions.iter().map(|region| region.bounds).collect()
}

#[test]
fn a_session_is_saved_and_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let session = folder.path().join("work");
    let mut stage = Stage::new(&Setup::default());
    assert!(!state(&stage).is_unsaved(), "a picture that was only opened is no work");
    work(&mut stage);
    assert!(state(&stage).is_unsaved() && state(&stage).title().starts_with('•'));
    save_to(&mut stage, &session);
    let session = folder.path().join("work.glamm");
    assert!(session.is_file(), "it has its ending");
    assert_eq!(state(&stage).title(), "work – GLaMM Desktop");
    assert!(!state(&stage).is_unsaved());
    stage.window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    stage.settle();
    assert!(state(&stage).is_unsaved());
    stage.window.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    stage.settle();
    assert!(!state(&stage).is_unsaved(), "it is again what was saved");
    let before = boxes(&stage);
    drop(stage);

    let other = tempfile::tempdir().unwrap();
    let mut stage = Stage::with_picture(&Setup::default(), other, Some(session));
    stage.wait("the session", |stage| !state(stage).session.pixels.is_empty());
    stage.settle();
    assert_eq!(boxes(&stage), before);
    stage.window.get_by_label("Phrase: a red square");
    assert_eq!(state(&stage).visible_masks().len(), 2);
    assert!(!state(&stage).is_unsaved());
}

#[test]
fn unsaved_work_is_asked_about() {
    let mut stage = Stage::new(&Setup::default());
    work(&mut stage);
    let quit = |stage: &mut Stage| {
        stage.window.key_press_modifiers(Modifiers::COMMAND, Key::Q);
        stage.settle();
    };
    quit(&mut stage);
    stage.window.get_by_label("Don't save");
    stage.press("Cancel");
    assert!(stage.window.query_by_label("Don't save").is_none());
    assert!(!state(&stage).session.keeping.may_close());
    let folder = tempfile::tempdir().unwrap();
    let session = folder.path().join("kept.glamm");
    save_to(&mut stage, &session);
    stage.window.key_press(Key::V);
    stage.drag((10.0, 10.0), (12.0, 12.0));
    quit(&mut stage);
    assert!(state(&stage).session.keeping.may_close(), "nothing is lost any more");
}

#[test]
fn a_session_that_is_none_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("broken.glamm");
    fs::write(&path, b"PK\x03\x04 and nothing more").unwrap();
    let mut stage = Stage::new(&Setup::default());
    stage.act(Action::Keeping(KeepingAction::Open(path)));
    stage.wait("the message", |stage| !state(stage).session.notices.is_empty());
    assert!(state(&stage).session.notices[0].text.contains("broken.glamm"));
    assert!(state(&stage).picture().is_some(), "what was open stays");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// What a program with this work leaves that ends suddenly.
pub(crate) fn left_behind(stage: &Stage, data: &Path) -> PathBuf {
    let elsewhere = tempfile::tempdir().unwrap();
    let mut kept = RecoveryFolder::create(elsewhere.path()).unwrap();
    kept.keep(&state(stage).snapshot()).unwrap();
    let left = data.join("recovery/1-1-0");
    copy(kept.path(), &left);
    left
}

#[test]
fn work_is_recovered_after_a_sudden_end() {
    let mut before = Stage::new(&Setup::default());
    work(&mut before);
    let data = tempfile::tempdir().unwrap();
    let left = left_behind(&before, data.path());
    let expected = boxes(&before);

    let folder = tempfile::tempdir().unwrap();
    let mut surroundings = nothing_around(folder.path());
    surroundings.data = Some(data.path().to_owned());
    let mut stage = Stage::among(&Setup::default(), surroundings, folder, None);
    stage.wait("the offer", |stage| stage.window.query_by_label("Recover").is_some());
    stage.settle();
    in_both(&mut stage, "recovery");
    stage.press("Recover");
    stage.wait("the work", |stage| !state(stage).session.pixels.is_empty());
    stage.settle();
    assert_eq!(boxes(&stage), expected);
    stage.window.get_by_label("Phrase: a red square");
    assert!(state(&stage).is_unsaved(), "it is in no file yet");
    stage.wait("a copy of its own", |_| left.join("superseded").exists());
    stage.window.key_press_modifiers(Modifiers::COMMAND, Key::Q);
    stage.settle();
    stage.press("Don't save");
    drop(stage);
    let remains = fs::read_dir(data.path().join("recovery")).map_or(0, Iterator::count);
    assert_eq!(remains, 0, "a good end leaves nothing");
}

#[test]
fn the_window_asks_for_a_path_where_the_desktop_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(&Setup::default());
    work(&mut stage);
    let question = PathQuestion { purpose: PathPurpose::SaveSession, suggested: None };
    stage.act(Action::Keeping(KeepingAction::NoDialog(question)));
    let path = folder.path().join("typed.glamm");
    stage.window.get_by_label("Path").type_text(&path.to_string_lossy());
    stage.window.run_steps(3);
    stage.press("Save here");
    stage.wait("the session file", |_| path.is_file());
}

#[test]
fn the_export_dialog_says_what_it_writes_and_writes_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(&Setup::default());
    work(&mut stage);
    stage.window.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::E);
    stage.settle();
    stage.press("COCO");
    stage.press("Masks, black and white");
    stage.act(Action::Export(ExportAction::Folder("/home/me/shapes-export".to_owned())));
    let planned = state(&stage).session.export.as_ref().unwrap().planned.clone();
    assert_eq!(planned.len(), 6, "{planned:?}");
    in_both(&mut stage, "export");
    let out = folder.path().join("out");
    stage.act(Action::Export(ExportAction::Folder(out.to_string_lossy().into_owned())));
    stage.press("Write files");
    stage.wait("the files", |stage| {
        state(stage).session.exporting.is_none() && !state(stage).session.notices.is_empty()
    });
    assert!(planned.iter().all(|file| out.join(&file.path).is_file()), "{:?}", state(&stage).session.notices);

    // And back: the boxes and masks of the file are added, in one step.
    let import = KeepingAction::PathChosen(PathPurpose::Import, vec![out.join("coco-rle.json")]);
    stage.act(Action::Keeping(import));
    stage.wait("the import", |stage| state(stage).session.keeping.busy.is_none());
    assert_eq!(state(&stage).picture().unwrap().masks.len(), 3);
    stage.window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    stage.settle();
    assert!(state(&stage).picture().unwrap().masks.is_empty());
    assert!(Format::ALL.iter().all(|format| !format.note().is_empty()));
}

#[test]
fn one_question_goes_over_all_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(&Setup::default());
    let second = folder.path().join("second.png");
    image::RgbImage::from_pixel(160, 120, image::Rgb([90, 120, 200])).save(&second).unwrap();
    stage.act(Action::OpenFiles(vec![second]));
    stage.wait("the second picture", |stage| state(stage).document().pictures().len() == 2);
    stage.settle();
    for mask in [square(), disc()] {
        stage.player.lines.push(Line::new([("There is ", None), ("something", Some(mask)), (".", None)]));
    }
    stage.window.key_press_modifiers(Modifiers::COMMAND | Modifiers::ALT, Key::Enter);
    stage.settle();
    stage.press("Ask about all");
    assert_eq!(stage.player.asked.len(), 1);
    stage.press("Pause");
    stage.player.finish();
    stage.settle();
    assert_eq!(stage.player.asked.len(), 1, "it waits");
    stage.press("Resume");
    assert_eq!(stage.player.asked.len(), 2);
    assert_ne!(stage.player.asked[0].image, stage.player.asked[1].image);
    stage.player.finish();
    stage.settle();
    let batch = state(&stage).session.batch.clone().unwrap();
    assert!(batch.is_finished() && batch.answered == 2 && batch.failed.is_empty(), "{batch:?}");
    assert!(state(&stage).document().pictures().iter().all(|picture| picture.is_talked_about()));
    stage.press("Close");
    assert!(state(&stage).session.batch.is_none());
}

#[test]
fn a_closed_picture_comes_back_with_its_conversation() {
    let mut stage = Stage::new(&Setup::default());
    work(&mut stage);
    stage.window.key_press_modifiers(Modifiers::COMMAND, Key::W);
    stage.settle();
    assert!(state(&stage).picture().is_none());
    stage.window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    stage.wait("the picture", |stage| !state(stage).session.pixels.is_empty());
    stage.settle();
    assert_eq!(boxes(&stage).len(), 1);
    stage.window.get_by_label("Phrase: a red square");
}
