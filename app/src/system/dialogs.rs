//! File dialogs, each on a thread of its own: the dialog is made on the window's thread (macOS asks
//! for that) and waited for elsewhere, so that no frame is blocked.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use rfd::{AsyncFileDialog, FileHandle};

use crate::action::{Action, KeepingAction};
use crate::state::keeping::{PathPurpose, PathQuestion};
use crate::storage::{PICTURE_EXTENSIONS, SESSION_EXTENSION};

/// A dialog that is gone sooner than this was never there.
const SHORTEST_DIALOG: Duration = Duration::from_millis(300);

/// Lets the user choose; `report` is told what. Where the desktop has no dialog, the window asks for a
/// typed path.
pub(crate) fn ask(question: PathQuestion, report: impl Fn(Action) + Send + 'static) -> std::io::Result<()> {
    let purpose = question.purpose;
    let mut dialog = AsyncFileDialog::new().set_title(purpose.title());
    let filters: &[(&str, &[&str])] = match purpose {
        PathPurpose::OpenPictures => {
            &[("Pictures and sessions", &PICTURES_AND_SESSIONS), ("All files", &["*"])]
        }
        PathPurpose::OpenSession | PathPurpose::SaveSession => &[("Sessions", &[SESSION_EXTENSION])],
        PathPurpose::OpenModelFile => &[("GLaMM in one file", &["gguf"]), ("All files", &["*"])],
        PathPurpose::Import => &[("COCO and LabelMe", &["json"]), ("All files", &["*"])],
        PathPurpose::OpenMask(_) => {
            &[("Masks and annotations", &PICTURES_AND_ANNOTATIONS), ("All files", &["*"])]
        }
        PathPurpose::FindPicture(_) => &[("Pictures", &PICTURE_EXTENSIONS), ("All files", &["*"])],
        PathPurpose::OpenFolder | PathPurpose::OpenModel | PathPurpose::ExportFolder => &[],
    };
    for (name, extensions) in filters {
        dialog = dialog.add_filter(*name, &in_both_cases(extensions));
    }
    if let Some(path) = &question.suggested {
        if let Some(folder) = path.parent().filter(|folder| folder.is_absolute()) {
            dialog = dialog.set_directory(folder);
        }
        if let Some(name) = path.file_name() {
            dialog = dialog.set_file_name(name.to_string_lossy());
        }
    }
    let one = |file: FileHandle| vec![file.path().to_path_buf()];
    match purpose {
        PathPurpose::OpenPictures => {
            let chosen = dialog.pick_files();
            wait(question, report, move || pollster::block_on(chosen).map(|files| paths(&files)))
        }
        PathPurpose::OpenFolder | PathPurpose::OpenModel | PathPurpose::ExportFolder => {
            let chosen = dialog.pick_folder();
            wait(question, report, move || pollster::block_on(chosen).map(one))
        }
        PathPurpose::OpenSession
        | PathPurpose::OpenModelFile
        | PathPurpose::Import
        | PathPurpose::OpenMask(_)
        | PathPurpose::FindPicture(_) => {
            let chosen = dialog.pick_file();
            wait(question, report, move || pollster::block_on(chosen).map(one))
        }
        PathPurpose::SaveSession => {
            let chosen = dialog.save_file();
            wait(question, report, move || pollster::block_on(chosen).map(one))
        }
    }
}

/// Some desktops tell large letters from small ones, and cameras write large ones.
fn in_both_cases(extensions: &[&str]) -> Vec<String> {
    let small = extensions.iter().map(|&extension| extension.to_owned());
    let large = extensions.iter().map(|extension| extension.to_ascii_uppercase());
    small.chain(large.filter(|large| !extensions.contains(&large.as_str()))).collect()
}

/// What "Open" reads.
const PICTURES_AND_SESSIONS: [&str; PICTURE_EXTENSIONS.len() + 1] = pictures_and(SESSION_EXTENSION);
/// What masks are read from.
const PICTURES_AND_ANNOTATIONS: [&str; PICTURE_EXTENSIONS.len() + 1] = pictures_and("json");

const fn pictures_and(other: &'static str) -> [&'static str; PICTURE_EXTENSIONS.len() + 1] {
    let mut all = [other; PICTURE_EXTENSIONS.len() + 1];
    let mut at = 0;
    while at < PICTURE_EXTENSIONS.len() {
        all[at] = PICTURE_EXTENSIONS[at];
        at += 1;
    }
    all
}

fn paths(files: &[FileHandle]) -> Vec<PathBuf> {
    files.iter().map(|file| file.path().to_path_buf()).collect()
}

fn wait(
    question: PathQuestion,
    report: impl Fn(Action) + Send + 'static,
    choose: impl FnOnce() -> Option<Vec<PathBuf>> + Send + 'static,
) -> std::io::Result<()> {
    let work = move || {
        let begin = Instant::now();
        // A desktop without a dialog service must not take the program with it.
        let chosen = std::panic::catch_unwind(std::panic::AssertUnwindSafe(choose)).unwrap_or_default();
        // Nothing chosen is a dialog that was cancelled, but nobody cancels that fast.
        let no_dialog = chosen.is_none() && begin.elapsed() < SHORTEST_DIALOG;
        let purpose = question.purpose;
        let chosen = chosen.map(|paths| KeepingAction::PathChosen(purpose, paths));
        let action = if no_dialog { Some(KeepingAction::NoDialog(question)) } else { chosen };
        [Action::DialogClosed].into_iter().chain(action.map(Action::Keeping)).for_each(report);
    };
    std::thread::Builder::new().name("file-dialog".to_owned()).spawn(work).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_cameras_are_shown() {
        assert_eq!(in_both_cases(&["jpg", "png"]), ["jpg", "png", "JPG", "PNG"]);
        assert_eq!(in_both_cases(&["*"]), ["*"]);
    }
}
