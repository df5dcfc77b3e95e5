//! The list of models, published ones first.

use egui::{
    Align, CornerRadius, CursorIcon, Layout, Rect, RichText, ScrollArea, Sense, Ui, UiBuilder, WidgetInfo,
    vec2,
};
use glamm_engine::models::{ModelEntry, ModelState};
use glamm_engine::size::ByteSize;

use super::super::Shown;
use super::super::widgets::bar;
use super::{is_in_use, send};
use crate::models::{Listing, ManagerAction, title};
use crate::theme;

pub(super) fn show(shown: &mut Shown<'_>, ui: &mut Ui, listing: &Listing) {
    ScrollArea::vertical().id_salt("models").auto_shrink(false).show(ui, |ui| {
        egui::Frame::new().inner_margin(10.0).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            let (published, own): (Vec<_>, Vec<_>) =
                listing.entries.iter().partition(|entry| entry.published.is_some());
            for entry in published {
                row(shown, ui, entry);
            }
            if !own.is_empty() {
                ui.add_space(8.0);
                let heading = RichText::new("On this machine").font(theme::small_font());
                ui.horizontal(|ui| {
                    ui.add_space(10.0);
                    ui.label(heading.color(shown.tokens.text_faint));
                });
            }
            for entry in own {
                row(shown, ui, entry);
            }
        });
    });
}

fn row(shown: &mut Shown<'_>, ui: &mut Ui, entry: &ModelEntry) {
    let tokens = shown.tokens;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 48.0), Sense::click());
    let chosen = shown.state.ui.models.selected == entry.name;
    let (name, state) = (title(entry), state(shown, entry));
    response.widget_info(|| {
        WidgetInfo::selected(egui::Role::Button, true, chosen, format!("Model: {name}, {state}"))
    });
    if response.clicked() {
        send(shown, ManagerAction::Select(entry.name.clone()));
    }
    let hot = response.hovered() || response.has_focus();
    if chosen || hot {
        let fill = if chosen { tokens.accent_soft } else { tokens.raised };
        ui.painter().rect_filled(rect, CornerRadius::same(theme::RADIUS), fill);
    }
    let inside = rect.shrink2(vec2(10.0, 6.0));
    // A child of its own: the row's height is settled.
    let mut text = ui.new_child(UiBuilder::new().max_rect(inside).layout(Layout::top_down(Align::Min)));
    text.spacing_mut().item_spacing.y = 1.0;
    let name = RichText::new(name).font(theme::medium_font(theme::LABEL)).color(tokens.text);
    text.add(egui::Label::new(name).truncate());
    let colour = if is_in_use(shown, entry) { tokens.good } else { tokens.text_faint };
    let state = RichText::new(state).font(theme::small_font()).color(colour);
    text.add(egui::Label::new(state).truncate());
    if let Some(transfer) = shown.state.session.library.transfers.get(&entry.name) {
        let line = Rect::from_min_size(inside.left_bottom() + vec2(0.0, 2.0), vec2(inside.width(), 3.0));
        bar(ui, tokens, line, transfer.bytes_here() as f32 / transfer.bytes().max(1) as f32);
    }
    response.on_hover_cursor(CursorIcon::PointingHand);
}

/// How a model is, in a few words.
fn state(shown: &Shown<'_>, entry: &ModelEntry) -> String {
    let library = &shown.state.session.library;
    if let Some(transfer) = library.transfers.get(&entry.name) {
        let share = transfer.bytes_here() as f64 / transfer.bytes().max(1) as f64;
        return format!("Downloading · {:.0} %", (share * 100.0).floor());
    }
    let in_use = if is_in_use(shown, entry) { "In use" } else { "Installed" };
    match (&entry.state, entry.download_bytes) {
        (ModelState::BuiltIn, _) if in_use == "In use" => "In use · part of the program".to_owned(),
        (ModelState::BuiltIn, _) => "Part of the program".to_owned(),
        (ModelState::Installed(found), _) => format!("{in_use} · {}", ByteSize(found.bytes)),
        (ModelState::Partial(found), Some(all)) => {
            format!("Partly here · {} of {}", ByteSize(found.bytes), ByteSize(all))
        }
        (ModelState::Partial(found), None) => format!("Partly here · {}", ByteSize(found.bytes)),
        (ModelState::Absent, Some(all)) => format!("Not here · {} to fetch", ByteSize(all)),
        (ModelState::Absent, None) => "Not here".to_owned(),
    }
}
