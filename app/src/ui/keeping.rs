//! Questions about keeping work, each over the whole window: unsaved changes, what was recovered, and
//! paths where the desktop has no dialog for them.

use std::path::Path;
use std::time::SystemTime;

use egui::{Id, Key, Modal, RichText, TextEdit, Ui};

use super::Shown;
use super::widgets::{Kind, button, button_if, dialog_frame, focus_ring, paragraph};
use crate::action::{Action, ExportAction, KeepingAction};
use crate::state::keeping::{Busy, LeaveAnswer, Leaving, PathPrompt};
use crate::storage::Recoverable;
use crate::theme;
use crate::words::name_of;

pub(super) fn show(shown: &mut Shown<'_>, ui: &Ui) {
    let keeping = &shown.state.session.keeping;
    if let Some(prompt) = &keeping.path_prompt {
        path_prompt(shown, ui, prompt);
    } else if let Some(path) = &keeping.in_the_way {
        replace_question(shown, ui, path);
    } else if let Some(busy) = keeping.busy.as_ref().filter(|busy| busy.is_opening()) {
        opening(shown, ui, busy);
    } else if let Some(leaving) = keeping.departure.leaving() {
        match shown.state.waits_for(leaving) {
            Some(what) => waiting(shown, ui, leaving, &what),
            None => leave_question(shown, ui, leaving),
        }
    } else if keeping.busy.is_some() {
        // What is going on is said in the status line.
    } else if let Some(found) = keeping.recoverable.first() {
        recovery(shown, ui, found);
    }
}

fn modal<R>(shown: &Shown<'_>, ui: &Ui, title: &str, contents: impl FnOnce(&mut Ui) -> R) -> (R, bool) {
    let frame = dialog_frame(ui);
    let response = Modal::new(Id::unique(("keeping", title))).frame(frame).show(ui.ctx(), |ui| {
        ui.set_width(440.0);
        ui.label(RichText::new(title).font(theme::strong_font(18.0)).color(shown.tokens.text));
        ui.add_space(6.0);
        contents(ui)
    });
    let closed = response.should_close();
    (response.inner, closed)
}

fn send(shown: &mut Shown<'_>, action: KeepingAction) {
    shown.send(Action::Keeping(action));
}

fn replace_question(shown: &mut Shown<'_>, ui: &Ui, path: &Path) {
    let tokens = shown.tokens;
    let name = name_of(path);
    let folder = path.parent().unwrap_or(path).display();
    let text = format!("There is a file of this name in {folder}. What is in it will be lost.");
    let ([replace, keep], closed) = modal(shown, ui, &format!("Replace {name}?"), |ui| {
        paragraph(ui, &text, theme::TEXT, tokens.text_soft);
        ui.add_space(12.0);
        ui.horizontal(|ui| {
            [("Replace it", Kind::Plain), ("Cancel", Kind::Primary)]
                .map(|(label, kind)| button(ui, tokens, label, kind).clicked())
        })
        .inner
    });
    if replace || keep || closed {
        send(shown, KeepingAction::Replace(replace));
    }
}

/// Nothing is done in a session whose place another is about to take.
fn opening(shown: &mut Shown<'_>, ui: &Ui, busy: &Busy) {
    let tokens = shown.tokens;
    let can_be_cancelled = matches!(busy, Busy::Opening(_));
    let (cancelled, closed) = modal(shown, ui, &busy.words(), |ui| {
        ui.add_space(6.0);
        can_be_cancelled && button(ui, tokens, "Cancel", Kind::Plain).clicked()
    });
    if can_be_cancelled && (cancelled || closed) {
        send(shown, KeepingAction::CancelOpening);
    }
}

/// What is being written ends before the session does.
fn waiting(shown: &mut Shown<'_>, ui: &Ui, leaving: &Leaving, what: &str) {
    let text = match leaving {
        Leaving::Quit => "The window closes once this is done.",
        Leaving::Begin => "A new session begins once this is done.",
        Leaving::Open(_) | Leaving::Recover(_) => "The other session is opened once this is done.",
    };
    let tokens = shown.tokens;
    let exports = shown.state.session.keeping.busy.is_none();
    let ([stop, stay], closed) = modal(shown, ui, what, |ui| {
        paragraph(ui, text, theme::TEXT, tokens.text_soft);
        ui.add_space(12.0);
        ui.horizontal(|ui| {
            let stop = exports && button(ui, tokens, "Stop exporting", Kind::Plain).clicked();
            [stop, button(ui, tokens, "Cancel", Kind::Primary).clicked()]
        })
        .inner
    });
    if stop {
        shown.send(Action::Export(ExportAction::Stop));
    } else if stay || closed {
        send(shown, KeepingAction::Leave(LeaveAnswer::Stay));
    }
}

fn leave_question(shown: &mut Shown<'_>, ui: &Ui, leaving: &Leaving) {
    let name = shown.state.session.keeping.name();
    let title = name.map_or_else(|| "Save this session?".to_owned(), |name| format!("Save {name}?"));
    let what = match leaving {
        Leaving::Quit => {
            "What is not saved will be lost when the window closes: regions, replies, questions being written."
        }
        Leaving::Begin | Leaving::Open(_) | Leaving::Recover(_) => {
            "What is not saved will be lost when another session takes its place: regions, replies, questions \
             being written."
        }
    };
    let tokens = shown.tokens;
    let (answer, closed) = modal(shown, ui, &title, |ui| {
        paragraph(ui, what, theme::TEXT, tokens.text_soft);
        ui.add_space(12.0);
        ui.horizontal(|ui| {
            let save = button(ui, tokens, "Save", Kind::Primary).clicked();
            let discard = button(ui, tokens, "Don't save", Kind::Plain).clicked();
            let stay = button(ui, tokens, "Cancel", Kind::Plain).clicked();
            let answers =
                [(save, LeaveAnswer::Save), (discard, LeaveAnswer::Discard), (stay, LeaveAnswer::Stay)];
            answers.into_iter().find(|(pressed, _)| *pressed).map(|(_, answer)| answer)
        })
        .inner
    });
    if let Some(answer) = answer.or(closed.then_some(LeaveAnswer::Stay)) {
        send(shown, KeepingAction::Leave(answer));
    }
}

fn recovery(shown: &mut Shown<'_>, ui: &Ui, found: &Recoverable) {
    let tokens = shown.tokens;
    let pictures = match found.pictures {
        1 => "one picture".to_owned(),
        count => format!("{count} pictures"),
    };
    let ago = ago(SystemTime::now().duration_since(found.when).unwrap_or_default().as_secs());
    let text = format!(
        "The program ended suddenly {ago}, with work on {pictures} that was not saved. It has been kept."
    );
    let more = shown.state.session.keeping.recoverable.len() - 1;
    let (pressed, closed) = modal(shown, ui, "Recover your work?", |ui| {
        paragraph(ui, &text, theme::TEXT, tokens.text_soft);
        if more > 0 {
            let text = format!("{more} older ones will be offered after this.");
            paragraph(ui, &text, theme::LABEL, tokens.text_faint);
        }
        ui.add_space(12.0);
        ui.horizontal(|ui| {
            [("Recover", Kind::Primary), ("Delete it", Kind::Plain), ("Later", Kind::Plain)]
                .map(|(label, kind)| button(ui, tokens, label, kind).clicked())
        })
        .inner
    });
    match pressed {
        [true, ..] => send(shown, KeepingAction::Recover(found.folder.clone())),
        [_, true, _] => send(shown, KeepingAction::Discard(found.folder.clone())),
        [.., true] => send(shown, KeepingAction::LeaveRecoverable),
        _ if closed => send(shown, KeepingAction::LeaveRecoverable),
        _ => {}
    }
}

/// Roughly how long since.
fn ago(seconds: u64) -> String {
    let count = |number: u64, unit: &str| match number {
        1 => format!("one {unit} ago"),
        _ => format!("{number} {unit}s ago"),
    };
    match seconds {
        0..60 => "just now".to_owned(),
        60..3600 => count(seconds / 60, "minute"),
        3600..86_400 => count(seconds / 3600, "hour"),
        _ => count(seconds / 86_400, "day"),
    }
}

fn path_prompt(shown: &mut Shown<'_>, ui: &Ui, prompt: &PathPrompt) {
    let tokens = shown.tokens;
    let mut text = prompt.text.clone();
    let note = "This desktop has no file dialog (is xdg-desktop-portal running?): type the path here.";
    let ((entered, [confirmed, cancelled]), closed) = modal(shown, ui, prompt.purpose.title(), |ui| {
        paragraph(ui, note, theme::LABEL, tokens.text_faint);
        ui.add_space(4.0);
        let field = ui.add(
            TextEdit::singleline(&mut text)
                .id(Id::unique("path"))
                .desired_width(f32::INFINITY)
                .hint_text("/path/to/file"),
        );
        focus_ring(ui, &field);
        field.widget_info(|| egui::WidgetInfo::labeled(egui::Role::TextInput, true, "Path"));
        let entered = field.lost_focus() && ui.input(|i| i.key_pressed(Key::Enter));
        if !field.has_focus() && !entered {
            field.request_focus();
        }
        ui.add_space(12.0);
        let verb = if prompt.purpose.is_for_writing() { "Save here" } else { "Open this" };
        let pressed = ui.horizontal(|ui| {
            let ready = !text.trim().is_empty();
            let confirmed = button_if(ready, ui, tokens, verb, Kind::Primary).clicked();
            [confirmed, button(ui, tokens, "Cancel", Kind::Plain).clicked()]
        });
        (entered, pressed.inner)
    });
    if text != prompt.text {
        send(shown, KeepingAction::TypePath(Some(text)));
    }
    if entered || confirmed {
        send(shown, KeepingAction::ConfirmPath);
    } else if cancelled || closed {
        send(shown, KeepingAction::TypePath(None));
    }
}

#[cfg(test)]
mod tests {
    use super::ago;

    #[test]
    fn times_are_rough() {
        let cases = [(5, "just now"), (61, "one minute ago"), (7300, "2 hours ago"), (90_000, "one day ago")];
        for (seconds, expected) in cases {
            assert_eq!(ago(seconds), expected);
        }
    }
}
