//! File dialogs, each on a thread of its own: the dialog is made on the window's thread (macOS asks
//! for that) and waited for elsewhere, so that no frame is blocked.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crossbeam::channel::Sender;
use rfd::{AsyncFileDialog, FileHandle};

use crate::update::Action;

/// What the image decoder reads.
const EXTENSIONS: [&str; 8] = ["png", "jpg", "jpeg", "webp", "bmp", "gif", "tif", "tiff"];

/// A dialog that is gone sooner than this was never there.
const SHORTEST_DIALOG: Duration = Duration::from_millis(300);
const NO_DIALOG: &str = "No file dialog could be opened (is xdg-desktop-portal running?): drop the file on \
                         the window, or name it on the command line";

/// Lets the user choose pictures.
pub(crate) fn ask_for_pictures(
    results: Sender<Action>,
    wake: impl Fn() + Send + 'static,
) -> std::io::Result<()> {
    let dialog = AsyncFileDialog::new()
        .set_title("Open pictures")
        .add_filter("Pictures", &EXTENSIONS)
        .add_filter("All files", &["*"]);
    let chosen = dialog.pick_files();
    wait(results, wake, move || pollster::block_on(chosen).map(|files| Action::OpenFiles(paths(&files))))
}

/// Lets the user choose a folder with a checkpoint.
pub(crate) fn ask_for_model_folder(
    results: Sender<Action>,
    wake: impl Fn() + Send + 'static,
) -> std::io::Result<()> {
    let dialog = AsyncFileDialog::new().set_title("Open a model folder");
    let chosen = dialog.pick_folder();
    wait(results, wake, move || {
        pollster::block_on(chosen).map(|folder| Action::OpenModel(folder.path().to_path_buf()))
    })
}

/// Lets the user choose a model in one file.
pub(crate) fn ask_for_model_file(
    results: Sender<Action>,
    wake: impl Fn() + Send + 'static,
) -> std::io::Result<()> {
    let dialog = AsyncFileDialog::new()
        .set_title("Open a model file")
        .add_filter("GLaMM in one file", &["gguf"])
        .add_filter("All files", &["*"]);
    let chosen = dialog.pick_file();
    wait(results, wake, move || {
        pollster::block_on(chosen).map(|file| Action::OpenModel(file.path().to_path_buf()))
    })
}

fn paths(files: &[FileHandle]) -> Vec<PathBuf> {
    files.iter().map(|file| file.path().to_path_buf()).collect()
}

fn wait(
    results: Sender<Action>,
    wake: impl Fn() + Send + 'static,
    choose: impl FnOnce() -> Option<Action> + Send + 'static,
) -> std::io::Result<()> {
    let work = move || {
        let begin = Instant::now();
        // A desktop without a dialog service must not take the program with it.
        let chosen = std::panic::catch_unwind(std::panic::AssertUnwindSafe(choose)).unwrap_or_default();
        // Nothing chosen is a dialog that was cancelled, but nobody cancels that fast.
        let no_dialog = chosen.is_none() && begin.elapsed() < SHORTEST_DIALOG;
        let chosen = if no_dialog { Some(Action::Failed(NO_DIALOG.to_owned())) } else { chosen };
        for action in chosen.into_iter().chain([Action::DialogClosed]) {
            // The window may have been closed meanwhile.
            if results.send(action).is_err() {
                return;
            }
        }
        wake();
    };
    std::thread::Builder::new().name("file-dialog".to_owned()).spawn(work).map(|_| ())
}
