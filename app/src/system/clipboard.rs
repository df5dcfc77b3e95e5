//! Rich text for the clipboard. Plain text goes through egui.

use std::sync::{Mutex, PoisonError};

/// On X11 and Wayland what was copied is there for as long as its owner is.
static OWNER: Mutex<Option<arboard::Clipboard>> = Mutex::new(None);

/// Puts HTML on the clipboard, with the same words as text for programs that take no HTML. Done on a
/// thread of its own: the clipboard of some systems lets one wait. `report` is told why it failed.
///
/// # Errors
/// Where the system has no thread to give.
pub(crate) fn copy_html(
    html: String,
    text: String,
    report: impl Fn(String) + Send + 'static,
) -> std::io::Result<()> {
    let work = move || {
        if let Err(error) = put(&html, &text) {
            report(format!("The reply could not be copied with its colours: {error}"));
        }
    };
    std::thread::Builder::new().name("clipboard".to_owned()).spawn(work).map(|_| ())
}

fn put(html: &str, text: &str) -> Result<(), arboard::Error> {
    let mut owner = OWNER.lock().unwrap_or_else(PoisonError::into_inner);
    let clipboard = match owner.as_mut() {
        Some(clipboard) => clipboard,
        None => owner.insert(arboard::Clipboard::new()?),
    };
    clipboard.set_html(html, Some(text))
}
