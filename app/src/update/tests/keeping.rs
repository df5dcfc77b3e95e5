//! Saving, leaving, opening, and what is kept.

use std::path::{Path, PathBuf};

use super::*;
use crate::action::KeepingAction;
use crate::document::{Document, Origin, Picture};
use crate::state::keeping::{Busy, Departure, LeaveAnswer, Leaving, PathPrompt, PathPurpose, PathQuestion};
use crate::storage::{
    IfThere, Opened, OpenedPicture, SaveOptions, Saved, SavedAs, Snapshot, Stamp, StorageEvent, StorageJob,
    StoredImage, open, save,
};
use crate::update::Watched;

fn act(state: &mut State, action: KeepingAction) -> Vec<Effect> {
    state.update(Action::Keeping(action), 1.0)
}

fn draw(state: &mut State, image: ImageId) {
    let bounds = PixelBox { x0: 4.0, y0: 4.0, x1: 40.0, y1: 40.0 };
    state.update(Action::Edit(Edit::AddRegion { image, bounds, name: String::new() }), 1.0);
}

/// The save that was asked for.
fn saving(effects: Vec<Effect>) -> (PathBuf, Snapshot, IfThere) {
    let job = effects.into_iter().find_map(|effect| match effect {
        Effect::Storage(StorageJob::Save { path, snapshot, if_there, .. }) => {
            Some((path, *snapshot, if_there))
        }
        _ => None,
    });
    job.unwrap_or_else(|| panic!("nothing is saved"))
}

/// Saves as the thread does.
fn carry_out(state: &mut State, path: PathBuf, snapshot: &Snapshot) -> Vec<Effect> {
    let result = save(&path, snapshot, SaveOptions::default()).map_err(|error| error.to_string());
    let snapshot = Box::new(snapshot.clone());
    act(state, KeepingAction::Storage(StorageEvent::Saved { path, snapshot, result }))
}

/// A session was read, as it was asked for.
fn was_read(state: &mut State, path: PathBuf, recovered: bool, result: Result<Box<Opened>, String>) {
    let awaited = if recovered { Busy::Recovering } else { Busy::Opening(path.clone()) };
    state.session.keeping.busy = Some(awaited);
    act(state, KeepingAction::Storage(StorageEvent::Opened { path, recovered, result }));
}

fn choose(state: &mut State, path: &Path) -> Vec<Effect> {
    act(state, KeepingAction::PathChosen(PathPurpose::SaveSession, vec![path.to_owned()]))
}

fn quits(effects: &[Effect]) -> bool {
    effects.iter().any(|effect| matches!(effect, Effect::Quit))
}

#[test]
fn who_saves_and_leaves_at_once_is_not_asked_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let (mut state, image) = with_picture();
    draw(&mut state, image);
    let (path, snapshot, _) = saving(choose(&mut state, &folder.path().join("a.glamm")));
    let effects = state.update(Action::Command(Command::Quit), 1.0);
    assert!(!quits(&effects), "it is not written yet");
    assert!(quits(&carry_out(&mut state, path, &snapshot)));

    // What was changed meanwhile is asked about.
    let (mut state, image) = with_picture();
    draw(&mut state, image);
    let (path, snapshot, _) = saving(choose(&mut state, &folder.path().join("b.glamm")));
    state.update(Action::Command(Command::Quit), 1.0);
    draw(&mut state, image);
    assert!(!quits(&carry_out(&mut state, path, &snapshot)));
    assert_eq!(state.session.keeping.departure, Departure::Asking(Leaving::Quit));
}

#[test]
fn a_reply_on_its_way_is_asked_about() {
    let folder = tempfile::tempdir().unwrap();
    let (mut state, image) = with_picture();
    draw(&mut state, image);
    let (path, snapshot, _) = saving(choose(&mut state, &folder.path().join("a.glamm")));
    carry_out(&mut state, path, &snapshot);
    assert!(!state.is_unsaved());
    let job = ask(&mut state, "What?").id;
    event(&mut state, EngineEvent::TextGenerated { job, text: "A house".to_owned() });
    assert!(!quits(&state.update(Action::Command(Command::Quit), 1.0)));
    assert_eq!(state.session.keeping.departure, Departure::Asking(Leaving::Quit));
    let effects = act(&mut state, KeepingAction::Leave(LeaveAnswer::Save));
    let (path, snapshot, _) = saving(effects);
    assert!(quits(&carry_out(&mut state, path.clone(), &snapshot)));
    let saved = open(&path).unwrap();
    let exchanges = saved.pictures[0].picture.conversations[0].exchanges();
    assert_eq!(exchanges[0].reply.text, "A house", "as far as it had come");
}

#[test]
fn a_reply_that_goes_on_is_kept_in_its_place() {
    let (mut state, image) = with_picture();
    let job = ask(&mut state, "What?").id;
    let said = Reply { raw: "a".to_owned(), text: "a".to_owned(), groundings: Vec::new() };
    let (reason, stats) = (FinishReason::TokenLimit, JobStats::default());
    event(&mut state, EngineEvent::JobFinished { job, reason, reply: said, tokens: Arc::default(), stats });
    state.update(Action::Continue(ExchangeId(1)), 1.0);
    let job = state.session.job.as_ref().unwrap().id;
    event(&mut state, EngineEvent::TextGenerated { job, text: " house".to_owned() });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.glamm");
    save(&path, &state.snapshot(), SaveOptions::default()).unwrap();
    let opened = open(&path).unwrap();
    let exchanges = opened.pictures[0].picture.conversations[0].exchanges();
    assert_eq!(exchanges.len(), 1, "not twice");
    assert_eq!(exchanges[0].reply.text, "a house");
    assert!(state.document().picture(image).is_some());
}

#[test]
fn another_file_is_replaced_only_when_that_is_meant() {
    let folder = tempfile::tempdir().unwrap();
    let (mut state, _) = with_picture();
    let path = folder.path().join("a.glamm");
    let (found, _, if_there) = saving(choose(&mut state, &path));
    assert_eq!((&found, if_there), (&path, IfThere::Replace), "the dialog has asked");
    assert!(choose(&mut state, &path).is_empty(), "one thing at a time");
    state.session.keeping.busy = None;
    let (found, _, if_there) = saving(choose(&mut state, &folder.path().join("a")));
    assert_eq!((&found, if_there), (&path, IfThere::Ask), "about another name");
    state.session.keeping.busy = None;

    let question = PathQuestion { purpose: PathPurpose::SaveSession, suggested: None };
    act(&mut state, KeepingAction::NoDialog(question));
    let purpose = PathPurpose::SaveSession;
    let text = path.to_string_lossy().into_owned();
    state.session.keeping.path_prompt = Some(PathPrompt { purpose, text });
    let (found, _, if_there) = saving(act(&mut state, KeepingAction::ConfirmPath));
    assert_eq!((&found, if_there), (&path, IfThere::Ask), "nobody has asked");
    act(&mut state, KeepingAction::Storage(StorageEvent::InTheWay(path.clone())));
    assert!(state.is_asking());
    assert!(act(&mut state, KeepingAction::Replace(false)).is_empty() && !state.is_asking());
    act(&mut state, KeepingAction::Storage(StorageEvent::InTheWay(path.clone())));
    let (found, snapshot, if_there) = saving(act(&mut state, KeepingAction::Replace(true)));
    assert_eq!((&found, if_there), (&path, IfThere::Replace));
    carry_out(&mut state, found, &snapshot);
    let (_, _, if_there) = saving(choose(&mut state, &folder.path().join("a")));
    assert!(matches!(if_there, IfThere::ReplaceUnchanged(_)), "it is the session's own: {if_there:?}");
}

#[test]
fn what_is_left_of_a_damaged_file_does_not_take_its_place() {
    let (mut state, _) = with_picture();
    let picture = Picture::new(ImageId(0), "x".into(), Origin::Clipboard, (100, 50));
    let mut opened = Opened { missing: vec!["a mask".to_owned()], ..Opened::default() };
    opened.pictures.push(OpenedPicture { picture, stored: None, draft: String::new(), conversation: None });
    let path = std::path::absolute("work.glamm").unwrap();
    let saved_as = Some(SavedAs { path: path.clone(), is_newer: false });
    let recovered = Opened { saved_as, ..opened.clone() };
    for (recovered, opened) in [(false, opened), (true, recovered)] {
        let (file, result) = (PathBuf::from("work.glamm"), Ok(Box::new(opened)));
        was_read(&mut state, file, recovered, result);
        assert_eq!(state.session.keeping.file, None);
        assert_eq!(suggested(&mut state), Some(path.with_file_name("work-repaired.glamm")));
        state.update(Action::DialogClosed, 1.0);
    }
}

/// Where saving is suggested.
fn suggested(state: &mut State) -> Option<PathBuf> {
    let effects = state.update(Action::Command(Command::SaveSession), 1.0);
    effects.into_iter().find_map(|effect| match effect {
        Effect::AskForPath(question) => question.suggested,
        _ => None,
    })
}

#[test]
fn what_another_window_has_saved_is_not_replaced_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.glamm");
    let (mut state, image) = with_picture();
    draw(&mut state, image);
    let (_, snapshot, _) = saving(choose(&mut state, &path));
    carry_out(&mut state, path.clone(), &snapshot);
    draw(&mut state, image);
    let (_, _, if_there) = saving(state.update(Action::Command(Command::SaveSession), 1.0));
    assert_eq!(if_there, IfThere::ReplaceUnchanged(Stamp::of(&path).unwrap()));
    // The thread finds it otherwise.
    act(&mut state, KeepingAction::Storage(StorageEvent::InTheWay(path.clone())));
    assert!(state.is_asking());
    let (_, _, if_there) = saving(act(&mut state, KeepingAction::Replace(true)));
    assert_eq!(if_there, IfThere::Replace);
}

#[test]
fn recovered_work_does_not_take_the_place_of_a_newer_file() {
    let path = std::path::absolute("work.glamm").unwrap();
    for (is_newer, file) in [(false, Some(path.clone())), (true, None)] {
        let (mut state, _) = with_picture();
        let saved_as = Some(SavedAs { path: path.clone(), is_newer });
        let opened = Opened { saved_as, ..*opened_with_a_picture() };
        was_read(&mut state, "recovered".into(), true, Ok(Box::new(opened)));
        assert_eq!(state.session.keeping.file, file);
        if is_newer {
            assert!(state.session.notices[0].text.contains("work.glamm"));
            assert_eq!(suggested(&mut state), Some(path.with_file_name("work-recovered.glamm")));
        }
    }
}

#[test]
fn paths_are_absolute_wherever_a_session_was_named() {
    let (mut state, _) = with_picture();
    let here = std::path::absolute("work.glamm").unwrap();
    let (path, ..) = saving(choose(&mut state, Path::new("work.glamm")));
    assert_eq!(path, here);
    let result = Ok(Box::default());
    state.session.keeping.busy = None;
    was_read(&mut state, "work.glamm".into(), false, result);
    assert_eq!(state.session.keeping.file, Some(here));
}

#[test]
fn a_closed_picture_comes_back_though_its_file_was_written_without_it() {
    let folder = tempfile::tempdir().unwrap();
    let (mut state, image) = with_picture();
    let pasted = Arc::new(egui::ColorImage::filled([100, 50], egui::Color32::RED));
    let effects = state.update(Action::OpenPasted(pasted), 1.0);
    let pasted = effects.into_iter().find_map(|effect| match effect {
        Effect::Load { image, .. } => Some(image),
        _ => None,
    });
    let pasted = pasted.unwrap();
    load(&mut state, pasted);
    draw(&mut state, image);
    let path = folder.path().join("a.glamm");
    let (_, snapshot, _) = saving(choose(&mut state, &path));
    carry_out(&mut state, path.clone(), &snapshot);
    assert!(state.session.keeping.stored.contains_key(&pasted));
    state.update(Action::ClosePicture(pasted), 1.0);
    assert!(!state.session.pixels.contains_key(&pasted), "they lie in the file");
    let (_, snapshot, _) = saving(state.update(Action::Command(Command::SaveSession), 1.0));
    carry_out(&mut state, path, &snapshot);
    state.update(Action::Command(Command::Undo), 1.0);
    assert!(state.document().picture(pasted).is_some());
    assert_eq!(state.session.pixels[&pasted].size(), (100, 50));
    assert!(state.session.keeping.only_in_memory.contains(&pasted));
}

#[test]
fn what_is_being_written_is_kept_and_taken_up_again() {
    let (mut state, image) = with_picture();
    let job = ask(&mut state, "What?").id;
    answer(&mut state, job);
    let mut watched = Watched::default();
    assert!(state.to_keep(&mut watched).unwrap().is_some());
    assert!(state.to_keep(&mut watched).is_none(), "nothing has changed");
    state.update(Action::EditQuestion(ExchangeId(1)), 1.0);
    state.update(Action::SetEditing("Where".to_owned()), 1.0);
    let kept = state.to_keep(&mut watched).unwrap().unwrap().going_on;
    assert_eq!(kept.edited.unwrap().text, "Where");
    state.update(Action::Batch(crate::action::BatchAction::Prepare(Some("All".to_owned()))), 1.0);
    let kept = state.to_keep(&mut watched).unwrap().unwrap();
    assert_eq!(kept.going_on.question_for_all.as_deref(), Some("All"));

    let root = tempfile::tempdir().unwrap();
    let mut folder = crate::storage::recovery::RecoveryFolder::create(root.path()).unwrap();
    let mut kept = kept;
    kept.going_on.run = Some(("Each?".to_owned(), vec![image]));
    folder.keep(&kept).unwrap();
    let (path, result) =
        (folder.path().to_owned(), open(folder.path()).map(Box::new).map_err(|e| e.to_string()));
    was_read(&mut state, path, true, result);
    assert_eq!(state.shown_editing().unwrap().draft, "Where");
    assert_eq!(state.session.batch_prompt.as_deref(), Some("All"));
    let batch = state.session.batch.as_ref().unwrap();
    assert!(batch.paused && batch.prompt == "Each?" && batch.queue.len() == 1, "{batch:?}");
}

#[test]
fn a_missing_picture_is_looked_for_again_when_it_is_chosen() {
    let (mut state, image) = with_picture();
    state.session.pixels.remove(&image);
    let loads = |effects: &[Effect]| effects.iter().any(|effect| matches!(effect, Effect::Load { .. }));
    assert!(loads(&state.update(Action::SelectPicture(image), 1.0)));
    state.update(
        Action::Loader(LoaderEvent::Loaded { image, result: Err("it is on no disk".to_owned()) }),
        1.0,
    );
    assert!(state.session.unavailable.contains_key(&image));
    assert!(loads(&state.update(Action::SelectPicture(image), 1.0)));
    load(&mut state, image);
    assert!(state.session.unavailable.is_empty() && state.session.pixels.contains_key(&image));
}

#[test]
fn an_import_over_several_pictures_is_one_step() {
    use crate::export::{ExchangeEvent, ImportedEdits};
    let (mut state, first) = with_picture();
    let second = Arc::new(egui::ColorImage::filled([100, 50], egui::Color32::RED));
    state.update(Action::OpenPasted(second), 1.0);
    let second = state.session.arrivals[0].image;
    load(&mut state, second);
    let bounds = PixelBox { x0: 4.0, y0: 4.0, x1: 40.0, y1: 40.0 };
    let boxes = vec![(bounds, "door".to_owned())];
    let of = |image| Edit::Import { image, boxes: boxes.clone(), masks: Vec::new() };
    let result = Ok(ImportedEdits { edits: vec![of(first), of(second)], problems: Vec::new() });
    act(&mut state, KeepingAction::Exchange(ExchangeEvent::Imported { path: "a.json".into(), result }));
    let regions = |document: &Document| document.pictures().iter().map(|p| p.regions.len()).sum::<usize>();
    assert_eq!(regions(state.document()), 2);
    state.update(Action::Command(Command::Undo), 1.0);
    assert_eq!(regions(state.document()), 0);
}

#[test]
fn nothing_waits_for_a_job_that_was_refused() {
    use crate::export::ExchangeEvent;
    let (mut state, _) = with_picture();
    let import = |state: &mut State| {
        let effects = act(state, KeepingAction::PathChosen(PathPurpose::Import, vec!["a.json".into()]));
        effects.into_iter().find_map(|effect| match effect {
            Effect::Exchange(job) => Some(job),
            _ => None,
        })
    };
    let job = import(&mut state).unwrap();
    assert_eq!(state.session.keeping.busy, Some(Busy::Importing("a.json".into())));
    act(&mut state, KeepingAction::Exchange(ExchangeEvent::Refused(Box::new(job))));
    assert!(state.session.keeping.busy.is_none() && !state.session.notices.is_empty());
    assert!(import(&mut state).is_some(), "it can be tried again");
}

#[test]
fn pictures_of_other_files_stay_where_they_lie() {
    let (mut state, image) = with_picture();
    let (container, part) = ("/other.glamm".into(), "pictures/1/image.png".to_owned());
    let elsewhere = StoredImage { container, part, checksum: None };
    state.session.keeping.stored.insert(image, elsewhere.clone());
    draw(&mut state, image);
    state.update(Action::ClosePicture(image), 1.0);
    let result = Ok(Saved::default());
    let (path, snapshot) = (PathBuf::from("/a.glamm"), Box::new(state.snapshot()));
    act(&mut state, KeepingAction::Storage(StorageEvent::Saved { path, snapshot, result }));
    assert_eq!(state.session.keeping.stored.get(&image), Some(&elsewhere));
}

fn opened_with_a_picture() -> Box<Opened> {
    let picture = Picture::new(ImageId(0), "x".into(), Origin::Clipboard, (100, 50));
    let found = OpenedPicture { picture, stored: None, draft: "Why".to_owned(), conversation: None };
    Box::new(Opened { pictures: vec![found], ..Opened::default() })
}

#[test]
fn nothing_is_done_while_a_session_is_read_and_it_may_be_given_up() {
    let (mut state, image) = with_picture();
    act(&mut state, KeepingAction::Open("/b.glamm".into()));
    assert!(state.is_asking(), "the window waits for it");
    act(&mut state, KeepingAction::CancelOpening);
    assert!(!state.is_asking());
    draw(&mut state, image);
    let path = PathBuf::from("/b.glamm");
    let event = StorageEvent::Opened { path, recovered: false, result: Ok(opened_with_a_picture()) };
    act(&mut state, KeepingAction::Storage(event));
    assert_eq!(state.document().picture(image).unwrap().regions.len(), 1, "it comes too late");
    assert_eq!(state.session.keeping.file, None);
}

#[test]
fn a_new_session_waits_until_the_last_one_is_saved() {
    let folder = tempfile::tempdir().unwrap();
    let (mut state, image) = with_picture();
    draw(&mut state, image);
    let (path, snapshot, _) = saving(choose(&mut state, &folder.path().join("a.glamm")));
    state.update(Action::Command(Command::NewSession), 1.0);
    assert!(state.document().picture(image).is_some(), "it is not written yet");
    carry_out(&mut state, path, &snapshot);
    assert!(state.document().pictures().is_empty());
    assert_eq!(state.session.keeping.file, None, "the file is not that of the new one");
}

#[test]
fn the_window_stays_until_files_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let (mut state, _) = with_picture();
    let (path, snapshot, _) = saving(choose(&mut state, &folder.path().join("a.glamm")));
    assert!(!quits(&act(&mut state, KeepingAction::CloseRequested)));
    assert!(quits(&carry_out(&mut state, path, &snapshot)));

    let (mut state, _) = with_picture();
    state.session.exporting = Some(crate::state::exporting::ExportProgress::default());
    assert!(!quits(&act(&mut state, KeepingAction::CloseRequested)));
    let (folder, result) = (PathBuf::from("/out"), Ok(crate::export::Exported::default()));
    let effects =
        act(&mut state, KeepingAction::Exchange(crate::export::ExchangeEvent::Exported { folder, result }));
    assert!(quits(&effects));
}

/// The export that was asked for.
fn exporting(effects: Vec<Effect>) -> (crate::export::ExportRequest, IfThere) {
    let job = effects.into_iter().find_map(|effect| match effect {
        Effect::Exchange(crate::export::ExchangeJob::Export { request, if_there, .. }) => {
            Some((request, if_there))
        }
        _ => None,
    });
    job.unwrap_or_else(|| panic!("nothing is exported"))
}

#[test]
fn files_are_replaced_by_an_export_only_when_that_is_meant() {
    use crate::action::ExportAction;
    use crate::export::{ExchangeEvent, ExportInTheWay};
    let (mut state, _) = with_picture();
    let start = |state: &mut State| {
        state.update(Action::Command(Command::Export), 1.0);
        state.update(Action::Export(ExportAction::Folder("/out".to_owned())), 1.0);
        exporting(state.update(Action::Export(ExportAction::Start), 1.0))
    };
    for may in [false, true] {
        let (asked, if_there) = start(&mut state);
        assert_eq!(if_there, IfThere::Ask);
        let files = vec![PathBuf::from("/out/overlays/a.png")];
        let (snapshot, request) = (Box::default(), asked.clone());
        let found = ExportInTheWay { snapshot, request, files };
        act(&mut state, KeepingAction::Exchange(ExchangeEvent::InTheWay(found)));
        assert!(state.is_asking() && state.session.exporting.is_none());
        let effects = state.update(Action::Export(ExportAction::Replace(may)), 1.0);
        assert!(!state.is_asking());
        if may {
            assert_eq!(exporting(effects), (asked, IfThere::Replace));
        } else {
            assert!(effects.is_empty());
        }
    }
    state.update(Action::Export(ExportAction::Stop), 1.0);
    assert!(state.session.exporting.as_ref().unwrap().stop.is_cancelled());
}

#[test]
fn what_is_prepared_before_the_first_question_is_work() {
    for command in [Command::ChatSettings, Command::RenameConversation] {
        let (mut state, _) = with_picture();
        assert!(!state.is_unsaved());
        state.update(Action::Command(command), 1.0);
        if command == Command::ChatSettings {
            let settings = crate::document::Settings {
                system: Some("Be brief".to_owned()),
                ..crate::document::Settings::default()
            };
            state.update(Action::SetChatSettings(Some(settings)), 1.0);
        } else {
            state.update(Action::SetRenaming(Some("Doors".to_owned())), 1.0);
        }
        let kept = state.to_keep(&mut Watched::default()).unwrap().unwrap();
        let conversation = &kept.document.pictures()[0].conversations[0];
        assert!(conversation.settings.system.is_some() || conversation.title == "Doors");
        assert!(!quits(&state.update(Action::Command(Command::Quit), 1.0)));
        assert!(state.is_unsaved() && state.is_asking());
    }
}

#[test]
fn questions_that_are_being_written_are_asked_about() {
    let folder = tempfile::tempdir().unwrap();
    let (mut state, image) = with_picture();
    draw(&mut state, image);
    let (path, snapshot, _) = saving(choose(&mut state, &folder.path().join("a.glamm")));
    carry_out(&mut state, path.clone(), &snapshot);
    state.update(Action::SetDraft("What".to_owned()), 1.0);
    assert!(!quits(&state.update(Action::Command(Command::Quit), 1.0)));
    let (_, snapshot, _) = saving(act(&mut state, KeepingAction::Leave(LeaveAnswer::Save)));
    assert!(quits(&carry_out(&mut state, path.clone(), &snapshot)));
    assert_eq!(open(&path).unwrap().pictures[0].draft, "What");

    // As the session has them, they are no loss; other words are.
    let (mut state, _) = with_picture();
    was_read(&mut state, "/b.glamm".into(), false, Ok(opened_with_a_picture()));
    assert!(!state.would_lose());
    state.update(Action::SetDraft("Why not".to_owned()), 1.0);
    assert!(state.would_lose());
}

#[test]
fn a_run_that_waits_is_saved_with_the_session() {
    let folder = tempfile::tempdir().unwrap();
    let (mut state, image) = with_picture();
    let batch = crate::state::exporting::Batch::new(1, "Each?".to_owned(), [image].into());
    state.session.batch = Some(crate::state::exporting::Batch { paused: true, ..batch });
    assert!(!quits(&state.update(Action::Command(Command::Quit), 1.0)));
    act(&mut state, KeepingAction::Leave(LeaveAnswer::Stay));
    let (path, snapshot, _) = saving(choose(&mut state, &folder.path().join("a.glamm")));
    carry_out(&mut state, path.clone(), &snapshot);
    assert!(!state.would_lose());
    assert_eq!(open(&path).unwrap().going_on.run, Some(("Each?".to_owned(), vec![0])));
}

#[test]
fn files_dropped_with_a_session_are_said_to_be_left_out() {
    let (mut state, _) = with_picture();
    state.update(Action::OpenFiles(vec!["b.png".into(), "b.glamm".into()]), 1.0);
    assert!(state.session.notices[0].text.contains("1 other files"), "{:?}", state.session.notices);
}
