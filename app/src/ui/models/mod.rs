//! The model manager: which models there are, what each needs, and what is being done to it. A list on
//! the left, the details of one model on the right, this machine below.

mod actions;
mod convert;
mod details;
mod download;
mod list;

use std::sync::Arc;

use egui::{Align, Id, Layout, Modal, RichText, ScrollArea, Ui, UiBuilder, pos2, vec2};
use glamm_engine::models::{Machine, ModelEntry};
use glamm_engine::size::ByteSize;

use super::Shown;
use super::widgets::{Kind, button, command_button, paragraph};
use crate::action::Action;
use crate::command::Command;
use crate::models::{Listing, ManagerAction};
use crate::theme;

/// Width of the list.
const LIST: f32 = 288.0;

pub(super) fn show(shown: &mut Shown<'_>, ui: &Ui) {
    if !shown.state.ui.models.is_open {
        return;
    }
    let room = ui.ctx().content_rect().size() - vec2(48.0, 48.0);
    let size = vec2(room.x.min(960.0), room.y.min(640.0));
    let frame = egui::Frame::popup(ui.style()).inner_margin(0.0).corner_radius(14.0);
    let modal = Modal::new(Id::unique("models")).frame(frame).show(ui.ctx(), |ui| {
        ui.set_min_size(size);
        ui.set_max_size(size);
        let all = egui::Rect::from_min_size(ui.max_rect().min, size);
        let (head, foot) = (all.top() + 56.0, all.bottom() - 52.0);
        let left = all.left() + LIST;
        let part = |ui: &mut Ui, min, max| {
            ui.new_child(UiBuilder::new().max_rect(egui::Rect::from_min_max(min, max)))
        };
        let closed = heading(shown, &mut part(ui, all.min, pos2(all.right(), head)));
        let lines = egui::Stroke::new(1.0, shown.tokens.line);
        ui.painter().hline(all.x_range(), head, lines);
        ui.painter().hline(all.x_range(), foot, lines);
        ui.painter().vline(left, head..=foot, lines);
        let listing = shown.state.session.library.listing.clone();
        if let Some(listing) = &listing {
            list::show(shown, &mut part(ui, pos2(all.left(), head), pos2(left, foot)), listing);
            selected(shown, &mut part(ui, pos2(left, head), pos2(all.right(), foot)), listing);
        } else {
            let mut ui = part(ui, pos2(all.left(), head), pos2(all.right(), foot));
            ui.centered_and_justified(egui::Ui::spinner);
        }
        footer(shown, &mut part(ui, pos2(all.left(), foot), all.max), listing.as_deref());
        ui.advance_cursor_after_rect(all);
        closed
    });
    if modal.inner || modal.should_close() {
        shown.send(Action::Manager(ManagerAction::Close));
    }
}

fn heading(shown: &Shown<'_>, ui: &mut Ui) -> bool {
    let inside = ui.max_rect().shrink2(vec2(20.0, 0.0));
    let builder = UiBuilder::new().max_rect(inside).layout(Layout::left_to_right(Align::Center));
    ui.scope_builder(builder, |ui| {
        ui.label(RichText::new("Models").font(theme::strong_font(18.0)).color(shown.tokens.text));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            button(ui, shown.tokens, "Close", Kind::Plain).clicked()
        })
        .inner
    })
    .inner
}

fn selected(shown: &mut Shown<'_>, ui: &mut Ui, listing: &Arc<Listing>) {
    let Some(entry) = listing.entry(&shown.state.ui.models.selected) else { return };
    ScrollArea::vertical().id_salt(("model", &entry.name)).auto_shrink(false).show(ui, |ui| {
        egui::Frame::new().inner_margin(egui::Margin::symmetric(22, 18)).show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.spacing_mut().item_spacing.y = 8.0;
            details::show(shown, ui, listing, entry);
        });
    });
}

/// Where models can come from besides the list, and what this machine has.
fn footer(shown: &mut Shown<'_>, ui: &mut Ui, listing: Option<&Listing>) {
    let inside = ui.max_rect().shrink2(vec2(20.0, 0.0));
    let builder = UiBuilder::new().max_rect(inside).layout(Layout::left_to_right(Align::Center));
    ui.scope_builder(builder, |ui| {
        command_button(shown, ui, Command::OpenModelFolder, Kind::Plain);
        command_button(shown, ui, Command::OpenModelFile, Kind::Plain);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let Some(text) = listing.and_then(machine_line) else { return };
            ui.label(RichText::new(text).font(theme::small_font()).color(shown.tokens.text_faint));
        });
    });
}

fn machine_line(listing: &Listing) -> Option<String> {
    let Machine { ram_bytes, free_ram_bytes, vram_bytes, .. } = listing.machine?;
    let mut parts = vec![format!("{} of memory, {} free", ByteSize(ram_bytes), ByteSize(free_ram_bytes))];
    parts.extend(vram_bytes.map(|bytes| format!("graphics card {}", ByteSize(bytes))));
    parts.extend(listing.free_disk_bytes.map(|bytes| format!("{} free on disk", ByteSize(bytes))));
    Some(parts.join(" · "))
}

/// A heading within the details.
fn section(shown: &Shown<'_>, ui: &mut Ui, title: &str) {
    ui.add_space(8.0);
    ui.label(RichText::new(title).font(theme::strong_font(theme::LABEL)).color(shown.tokens.text));
}

/// A note within the details.
fn note(shown: &Shown<'_>, ui: &mut Ui, text: &str) {
    paragraph(ui, text, theme::SMALL, shown.tokens.text_faint);
}

fn send(shown: &mut Shown<'_>, action: ManagerAction) {
    shown.send(Action::Manager(action));
}

/// Whether the window runs this model, or is loading it.
fn is_in_use(shown: &Shown<'_>, entry: &ModelEntry) -> bool {
    use crate::state::session::ModelStatus;
    let session = &shown.state.session;
    let loaded = matches!(session.model, ModelStatus::Ready(_) | ModelStatus::Loading(_));
    loaded && crate::models::source(entry).as_ref() == Some(&session.spec.source)
}
