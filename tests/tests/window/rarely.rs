//! What is rarely to be seen, as it looks: layers and frames, masks from files and painted ones, notices,
//! runs over all pictures, replies on their way, other scripts, questions before files are replaced, and what is
//! waited for.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use egui::{Modifiers, PointerButton, Vec2};
use egui_kittest::kittest::Queryable as _;
use glamm::action::{BatchAction, ExportAction, Inspect, KeepingAction};
use glamm::command::Command;
use glamm::document::{Edit, EditedMask, MaskId};
use glamm::export::import::as_document_mask;
use glamm::export::{ExchangeEvent, ExportInTheWay, ExportRequest, Format};
use glamm::state::inspection::{Layer, MaskView};
use glamm::state::keeping::PathPurpose;
use glamm::storage::StorageEvent;
use glamm::study::{CleanUp, Stroke};
use glamm_engine::error::EngineError;
use glamm_engine::protocol::EngineEvent;

use crate::inspector::pinned;
use crate::keeping::{save_to, state};
use crate::looking::in_both;
use crate::pictures::endless;
use crate::script::Line;
use crate::stage::{Setup, Stage, disc, square};
use crate::{Action, about_shapes, describe};

fn small() -> Setup {
    Setup { size: Vec2::new(900.0, 600.0), ..Setup::default() }
}

/// Without the pointer.
fn look(stage: &mut Stage, name: &str) {
    stage.window.remove_cursor();
    stage.settle();
    in_both(stage, name);
}

#[test]
fn snapshots_of_layers() {
    let mut stage = pinned(&small());
    for (layer, name) in
        [(Layer::Grounding, "layer_features"), (Layer::Attention { layer: 1, head: 2 }, "layer_attention")]
    {
        stage.act(Action::Inspect(Inspect::Layer(Some(layer))));
        look(&mut stage, name);
    }
}

#[test]
fn snapshots_of_what_the_encoders_see() {
    let mut stage = Stage::new(&small());
    stage.act(Action::Command(Command::ToggleEncoderFrames));
    look(&mut stage, "encoder_frames");
}

/// A window in which a mask from a file is looked at, all of it counted.
fn with_imported() -> Stage {
    let mut stage = Stage::new(&small());
    describe(&mut stage);
    let image = state(&stage).ui.current.unwrap();
    let pixels = Arc::new(EditedMask::from(&disc()));
    let mask = as_document_mask(MaskId(77), &pixels, "disc of a file").unwrap();
    stage.act(Action::Edit(Edit::Import { image, boxes: Vec::new(), masks: vec![mask] }));
    let id = state(&stage).picture().unwrap().masks[0].id;
    stage.act(Action::TogglePin(id));
    counted(&mut stage);
    stage
}

fn counted(stage: &mut Stage) {
    stage.wait("the count", |stage| {
        let painted = state(stage).inspected_mask().unwrap().painted().cloned();
        painted.is_some_and(|painted| {
            state(stage).session.findings.shape(&painted).is_some_and(|found| found.there().is_some())
        })
    });
    stage.settle();
}

#[test]
fn a_mask_from_a_file_is_shown_without_logits() {
    let mut stage = with_imported();
    stage.window.get_by_label_contains("has no logits");
    for absent in ["Candidate 1", "Heat", "Contours", "Band", "Reset", "edited", "Threshold"] {
        assert!(stage.window.query_by_label(absent).is_none(), "{absent}");
    }
    stage.act(Action::Inspect(Inspect::Layer(Some(Layer::Attention { layer: 0, head: 0 }))));
    look(&mut stage, "from_file");
    let stroke = Stroke { path: vec![(20.0, 20.0), (60.0, 20.0)], radius: 6.0, erases: false };
    stage.act(Action::Inspect(Inspect::CleanUp(CleanUp::Stroke(stroke))));
    stage.wait("the stroke", |stage| state(stage).inspected_mask().unwrap().is_changed());
    stage.settle();
    stage.press("Reset");
    assert_eq!(state(&stage).inspected_mask().unwrap().pixels(), disc());
    stage.press("Masks");
    stage.window.get_by_label("Mask: disc of a file");
}

#[test]
fn snapshots_of_a_painted_mask() {
    let mut stage = pinned(&Setup { size: Vec2::new(1400.0, 860.0), ..Setup::default() });
    stage.act(Action::Inspect(Inspect::CleanUp(CleanUp::Smooth)));
    stage.wait("the smooth mask", |stage| state(stage).inspected_mask().unwrap().is_changed());
    counted(&mut stage);
    stage.window.get_by_label_contains("of the model's mask");
    look(&mut stage, "painted");
}

#[test]
fn hidden_masks_are_not_explained() {
    let mut stage = pinned(&small());
    stage.act(Action::Inspect(Inspect::View(MaskView::Heat)));
    stage.window.remove_cursor();
    stage.settle();
    let with_heat = stage.window.render().unwrap();
    stage.act(Action::Command(Command::ToggleMasks));
    let hidden = stage.window.render().unwrap();
    stage.act(Action::Inspect(Inspect::View(MaskView::Overlay)));
    stage.act(Action::Command(Command::ToggleMasks));
    stage.act(Action::Command(Command::ToggleMasks));
    let canvas = state(&stage).ui.canvas;
    let without = stage.window.render().unwrap();
    let corner = |picture: &image::RgbaImage| {
        let (left, bottom) = (canvas.left() as u32, canvas.bottom() as u32);
        image::imageops::crop_imm(picture, left, bottom - 90, 260, 90).to_image()
    };
    assert_ne!(corner(&with_heat), corner(&hidden));
    assert_eq!(corner(&hidden), corner(&without), "no legend is left");
}

#[test]
fn snapshots_of_a_run_over_all_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(&small());
    let second = folder.path().join("second.png");
    image::RgbImage::from_pixel(160, 120, image::Rgb([90, 120, 200])).save(&second).unwrap();
    stage.act(Action::OpenFiles(vec![second]));
    stage.wait("the second picture", |stage| state(stage).document().pictures().len() == 2);
    stage.settle();
    let question = "What is in this picture, and what of it is red?".to_owned();
    stage.act(Action::Batch(BatchAction::Prepare(Some(question))));
    look(&mut stage, "batch_question");
    stage.act(Action::Batch(BatchAction::Start));
    let job = stage.player.asked[0].id;
    stage.player.send(EngineEvent::JobFailed { job, error: Arc::new(EngineError::NoModel) });
    stage.settle();
    stage.act(Action::Batch(BatchAction::Pause));
    stage.player.lines.push(about_shapes());
    stage.player.finish();
    look(&mut stage, "batch");
}

#[test]
fn snapshots_of_notices() {
    let mut stage = Stage::new(&small());
    stage.act(Action::Failed("the map could not be made: there is not enough memory on the GPU".to_owned()));
    stage.press("Point");
    stage.click_on_picture((40.0, 60.0), PointerButton::Primary, Modifiers::ALT);
    stage.press("Select");
    look(&mut stage, "notices");
}

#[test]
fn snapshots_of_clicks() {
    let mut stage = Stage::new(&small());
    stage.press("Point");
    stage.click_on_picture((112.5, 60.5), PointerButton::Primary, Modifiers::NONE);
    stage.player.segment(&disc());
    stage.settle();
    stage.click_on_picture((90.5, 30.5), PointerButton::Primary, Modifiers::ALT);
    stage.player.segment(&disc());
    look(&mut stage, "clicks");
}

#[test]
fn snapshots_of_a_reply_on_its_way() {
    let mut stage = Stage::new(&small());
    stage.player.lines.push(about_shapes());
    stage.ask("What is there?");
    stage.player.start(3);
    stage.window.remove_cursor();
    stage.settle();
    // The caret goes on and off with the clock.
    let second = |stage: &Stage| stage.window.ctx.input(|i| i.time).fract();
    while second(&stage) > 0.01 {
        stage.window.step();
    }
    in_both(&mut stage, "streaming");
}

#[test]
fn snapshots_of_other_scripts() {
    let mut stage = Stage::new(&small());
    stage.player.lines.push(Line::new([
        ("画像の左には", None),
        ("赤い四角", Some(square())),
        ("があり、右には", None),
        ("大きな緑の円", Some(disc())),
        ("があります。图片里还有天空。그림에는 하늘도 있습니다. وفي الصورة ", None),
        ("مربع أحمر صغير", Some(square())),
        (" إلى اليسار.", None),
    ]));
    stage.ask("画像に何がありますか。ما في الصورة؟");
    stage.player.finish();
    look(&mut stage, "scripts");
}

/// Lets whoever reads such a file come to its end, so that nobody waits for them.
struct Ended(PathBuf);

impl Drop for Ended {
    fn drop(&mut self) {
        let path = self.0.clone();
        std::thread::spawn(move || {
            for _ in 0..50 {
                drop(std::fs::OpenOptions::new().write(true).open(&path));
                std::thread::sleep(Duration::from_millis(20));
            }
        });
    }
}

#[test]
fn snapshots_of_a_session_on_its_way() {
    let folder = tempfile::tempdir().unwrap();
    let path = endless(&folder.path().join("holidays.glamm"));
    let mut stage = Stage::new(&small());
    let _ended = Ended(path.clone());
    stage.act(Action::Keeping(KeepingAction::Open(path)));
    look(&mut stage, "opening");
    stage.press("Cancel");
    assert!(state(&stage).picture().is_some(), "the present session stays");
}

#[test]
fn snapshots_of_the_export_dialog_with_the_keyboard_and_in_high_contrast() {
    let mut stage = Stage::new(&small());
    stage.act(Action::Command(Command::Export));
    stage.act(Action::Export(ExportAction::Folder("/home/me/shapes-export".to_owned())));
    stage.window.get_by_label("Export folder").focus();
    look(&mut stage, "export_field");
    stage.act(Action::Command(Command::ToggleContrast));
    look(&mut stage, "export_contrast");
}

#[test]
fn snapshots_of_the_question_before_a_session_file_is_replaced() {
    let mut stage = Stage::new(&small());
    let found = StorageEvent::InTheWay("/home/me/pictures/holidays.glamm".into());
    stage.act(Action::Keeping(KeepingAction::Storage(found)));
    look(&mut stage, "replace_session");
    stage.press("Cancel");
    assert!(stage.window.query_by_label("Replace it").is_none());
}

/// Does this while no thread is heard.
fn at_once(stage: &mut Stage, action: Action) {
    let ctx = stage.window.ctx.clone();
    stage.window.state_mut().act(&ctx, action);
}

/// Begins an export into this folder.
fn begin_export(stage: &mut Stage, folder: &Path) {
    at_once(stage, Action::Command(Command::Export));
    at_once(stage, Action::Export(ExportAction::Folder(folder.to_string_lossy().into_owned())));
    at_once(stage, Action::Export(ExportAction::Start));
}

fn exchanged(event: ExchangeEvent) -> Action {
    Action::Keeping(KeepingAction::Exchange(event))
}

#[test]
fn snapshots_of_the_question_before_exported_files_are_replaced() {
    // What the export itself finds in its way comes later, and is not asked about.
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("overlays")).unwrap();
    std::fs::write(folder.path().join("overlays/shapes.png"), b"mine").unwrap();
    let mut stage = Stage::new(&small());
    begin_export(&mut stage, folder.path());
    let out = PathBuf::from("/home/me/shapes-export");
    let files =
        (1..=9).map(|number| out.join(format!("masks/shapes/{number:02}-a-red-square.png"))).collect();
    let request = ExportRequest { formats: vec![Format::Masks], only: None, out };
    let snapshot = Box::new(state(&stage).snapshot());
    at_once(&mut stage, exchanged(ExchangeEvent::InTheWay(ExportInTheWay { snapshot, request, files })));
    look(&mut stage, "replace_files");
    stage.press("Cancel");
    assert!(stage.window.query_by_label("Replace them").is_none());
}

#[test]
fn snapshots_of_leaving_while_a_session_is_being_saved() {
    let folder = tempfile::tempdir().unwrap();
    let path = endless(&folder.path().join("other.glamm"));
    let mut stage = Stage::new(&small());
    let _ended = Ended(path.clone());
    // The thread is kept from saving.
    stage.act(Action::Keeping(KeepingAction::Open(path)));
    stage.act(Action::Keeping(KeepingAction::CancelOpening));
    let chosen = vec![folder.path().join("holidays.glamm")];
    stage.act(Action::Keeping(KeepingAction::PathChosen(PathPurpose::SaveSession, chosen)));
    stage.act(Action::Command(Command::Quit));
    look(&mut stage, "waiting_save");
    stage.press("Cancel");
    assert!(!state(&stage).session.keeping.may_close(), "the window stays");
}

#[test]
fn snapshots_of_leaving_while_files_are_exported() {
    let folder = tempfile::tempdir().unwrap();
    let session = folder.path().join("holidays.glamm");
    let mut stage = Stage::new(&small());
    let image = state(&stage).ui.current.unwrap();
    save_to(&mut stage, &session);
    stage.act(Action::ClosePicture(image));
    // The picture comes back out of a file that nobody ever reads to its end.
    std::fs::remove_file(&session).unwrap();
    let _ended = Ended(endless(&session));
    stage.act(Action::Command(Command::Undo));
    begin_export(&mut stage, &folder.path().join("export"));
    let total = |stage: &Stage| state(stage).session.exporting.as_ref().map(|export| export.total);
    stage.wait("the export", |stage| total(stage) == Some(1));
    stage.act(exchanged(ExchangeEvent::Progressed { done: 3, total: 24 }));
    while let Some(notice) = state(&stage).session.notices.first().map(|notice| notice.id) {
        stage.act(Action::DismissNotice(notice));
    }
    stage.act(Action::Command(Command::Quit));
    look(&mut stage, "waiting_export");
    stage.press("Stop exporting");
    assert!(state(&stage).session.exporting.as_ref().unwrap().stop.is_cancelled());
}
