//! What can be done with a model: load, fetch, remove.

use egui::{RichText, Ui};
use glamm_engine::models::{ModelEntry, ModelState, Target};
use glamm_engine::protocol::ModelSpec;
use glamm_engine::size::ByteSize;

use super::super::Shown;
use super::super::widgets::{CardLook, Kind, button, button_if, card, command_button, paragraph};
use super::{is_in_use, note, send};
use crate::command::Command;
use crate::models::{Listing, ManagerAction, files, source, title};
use crate::state::session::ModelStatus;
use crate::theme;

pub(super) fn show(shown: &mut Shown<'_>, ui: &mut Ui, listing: &Listing, entry: &ModelEntry) {
    if shown.state.ui.models.asked_to_remove.as_ref() == Some(&entry.name) {
        confirmation(shown, ui, entry);
        return;
    }
    ui.horizontal_wrapped(|ui| {
        load(shown, ui, entry);
        fetch(shown, ui, entry);
        check(shown, ui, entry);
        remove(shown, ui, entry);
    });
    let too_little = listing.free_disk_bytes.zip(entry.download_bytes).filter(|(free, all)| free < all);
    if let (ModelState::Absent, Some((free, _))) = (&entry.state, too_little) {
        note(shown, ui, &format!("There is not enough room on the disk: {} are free.", ByteSize(free)));
    }
}

fn load(shown: &mut Shown<'_>, ui: &mut Ui, entry: &ModelEntry) {
    let Some(source) = source(entry) else { return };
    let manager = &shown.state.ui.models;
    // What is stored in blocks stays as it is.
    let precision = manager.precision.filter(|_| entry.needs.len() != 1);
    let spec = ModelSpec { source, device: manager.device, precision };
    let session = &shown.state.session;
    if is_in_use(shown, entry) {
        let command = match session.model {
            ModelStatus::Loading(_) => Command::StopLoading,
            _ => Command::UnloadModel,
        };
        if session.spec != spec
            && matches!(session.model, ModelStatus::Ready(_))
            && button(ui, shown.tokens, "Load again like this", Kind::Primary).clicked()
        {
            send(shown, ManagerAction::Load(spec));
        }
        command_button(shown, ui, command, Kind::Plain);
        return;
    }
    if button_if(session.model != ModelStatus::Gone, ui, shown.tokens, "Load", Kind::Primary).clicked() {
        send(shown, ManagerAction::Load(spec));
    }
}

fn fetch(shown: &mut Shown<'_>, ui: &mut Ui, entry: &ModelEntry) {
    let label = match entry.state {
        ModelState::Absent => "Download",
        ModelState::Partial(_) if Target::parse(&entry.name, "main").is_some() => "Resume download",
        _ => return,
    };
    if button(ui, shown.tokens, label, Kind::Primary).clicked() {
        send(shown, ManagerAction::Pull(entry.name.clone()));
    }
}

/// Whether its files are those that were published is found out by reading all of them.
fn check(shown: &mut Shown<'_>, ui: &mut Ui, entry: &ModelEntry) {
    if files(entry).is_none() || entry.state == ModelState::BuiltIn {
        return;
    }
    let checking = shown.state.session.library.checking.as_ref();
    let own = checking.filter(|checking| checking.name == entry.name);
    let label = own.map_or_else(
        || "Check files".to_owned(),
        |checking| {
            let percent = checking.done_bytes.saturating_mul(100) / checking.total_bytes.max(1);
            format!("Stop checking · {percent} %")
        },
    );
    let free = checking.is_none() || own.is_some();
    let response = button_if(free, ui, shown.tokens, &label, Kind::Plain);
    if response.clicked() {
        send(shown, ManagerAction::Check(entry.name.clone()));
    }
    response.on_hover_text("Reads every number of it, and says what is missing or damaged");
}

fn remove(shown: &mut Shown<'_>, ui: &mut Ui, entry: &ModelEntry) {
    let Some(path) = entry.state.path() else { return };
    let library = &shown.state.session.library;
    if library.opened.contains(path) {
        let leave_out = button(ui, shown.tokens, "Leave out of the list", Kind::Plain);
        if leave_out.on_hover_text("The files stay where they are").clicked() {
            send(shown, ManagerAction::Forget(path.clone()));
        }
        return;
    }
    let removing = library.removing.as_ref() == Some(&entry.name);
    let in_use = is_in_use(shown, entry);
    let label = if removing { "Removing …" } else { "Remove…" };
    let response = button_if(!in_use && library.removing.is_none(), ui, shown.tokens, label, Kind::Plain);
    if response.clicked() {
        send(shown, ManagerAction::AskToRemove(Some(entry.name.clone())));
    }
    if in_use {
        response.on_disabled_hover_text("It is in use: load another model first");
    }
}

fn confirmation(shown: &mut Shown<'_>, ui: &mut Ui, entry: &ModelEntry) {
    let tokens = shown.tokens;
    let bytes = match &entry.state {
        ModelState::Installed(found) | ModelState::Partial(found) => found.bytes,
        ModelState::BuiltIn | ModelState::Absent => 0,
    };
    card(ui, tokens, CardLook::Failure, None, |ui| {
        let question = format!("Remove {}?", title(entry));
        ui.label(RichText::new(question).font(theme::strong_font(theme::LABEL)).color(tokens.text));
        let size = ByteSize(bytes);
        let text = match entry.state.path().filter(|_| entry.published.is_none()) {
            Some(path) => format!("{} is deleted, which frees {size}.", path.display()),
            None => format!(
                "Its files in the cache of Hugging Face are deleted, for other programs too; that frees \
                 {size}. They can be fetched again."
            ),
        };
        paragraph(ui, &text, theme::LABEL, tokens.text_soft);
        ui.horizontal(|ui| {
            if button(ui, tokens, "Remove", Kind::Primary).clicked() {
                send(shown, ManagerAction::Remove(entry.name.clone()));
            }
            if button(ui, tokens, "Keep", Kind::Plain).clicked() {
                send(shown, ManagerAction::AskToRemove(None));
            }
        });
    });
}
