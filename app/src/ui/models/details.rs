//! One model: what it is for, what it needs, and what can be done with it.

use egui::{
    Align, CornerRadius, CursorIcon, Grid, Layout, RichText, Sense, Stroke, Ui, UiBuilder, WidgetInfo, vec2,
};
use glamm_engine::models::{Fit, Machine, ModelEntry, ModelState, Origin, Role};
use glamm_engine::precision::Precision;
use glamm_engine::protocol::{DeviceChoice, ModelInfo};
use glamm_engine::size::ByteSize;

use super::super::widgets::{CardLook, Kind, button, card, paragraph, sentence};
use super::super::{Shown, loading};
use super::{actions, convert, download, is_in_use, note, section, send};
use crate::models::{Listing, Manager, ManagerAction, automatic, source, title};
use crate::state::session::{ModelStatus, Session};
use crate::theme;

pub(super) fn show(shown: &mut Shown<'_>, ui: &mut Ui, listing: &Listing, entry: &ModelEntry) {
    let tokens = shown.tokens;
    ui.label(RichText::new(title(entry)).font(theme::strong_font(20.0)).color(tokens.text));
    let purpose = entry.published.map_or("a model of your own", |published| published.purpose);
    paragraph(ui, &capitalised(purpose), theme::TEXT, tokens.text_soft);
    outcome(shown, ui, entry);
    facts(shown, ui, entry);
    if is_in_use(shown, entry)
        && let ModelStatus::Loading(progress) = &shown.state.session.model
    {
        section(shown, ui, "Loading");
        loading::parts(shown, ui, progress);
    }
    if shown.state.session.library.transfers.contains_key(&entry.name) {
        section(shown, ui, "Download");
        download::show(shown, ui, entry);
        return;
    }
    ui.add_space(4.0);
    actions::show(shown, ui, listing, entry);
    let machine = listing.machine_without(loaded(&shown.state.session));
    if !entry.needs.is_empty() {
        section(shown, ui, "Memory");
        precisions(shown, ui, entry, machine);
        devices(shown, ui);
    } else if entry.role == Role::VisionTower {
        note(shown, ui, "It is fetched with the models that need it, and loaded with them.");
    }
    if source(entry).is_some() {
        convert::show(shown, ui, listing, entry);
    }
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

fn loaded(session: &Session) -> Option<&ModelInfo> {
    match &session.model {
        ModelStatus::Ready(info) => Some(info),
        _ => None,
    }
}

/// How the last thing done to it ended, or why it could not be loaded.
fn outcome(shown: &mut Shown<'_>, ui: &mut Ui, entry: &ModelEntry) {
    let tokens = shown.tokens;
    let state = shown.state;
    if let ModelStatus::Failed(failure) = &state.session.model
        && source(entry).as_ref() == Some(&state.session.spec.source)
    {
        card(ui, tokens, CardLook::Failure, None, |ui| loading::failure(shown, ui, failure));
    }
    let Some(outcome) = state.session.library.outcomes.get(&entry.name) else { return };
    let look = CardLook::from(outcome.tone);
    let read = card(ui, tokens, look, Some("Dismiss"), |ui| {
        paragraph(ui, &sentence(&outcome.text), theme::LABEL, tokens.text);
    });
    if read {
        send(shown, ManagerAction::DismissOutcome(entry.name.clone()));
    }
}

fn facts(shown: &Shown<'_>, ui: &mut Ui, entry: &ModelEntry) {
    let tokens = shown.tokens;
    let mut rows: Vec<(&str, String)> = Vec::new();
    if let Some(published) = entry.published {
        rows.push(("Licence", published.licence.to_owned()));
        if let Origin::Hub(id) = published.origin {
            rows.push(("From", format!("huggingface.co/{id}")));
        }
    }
    let size = match (&entry.state, entry.download_bytes) {
        (ModelState::Installed(found), _) => Some(ByteSize(found.bytes).to_string()),
        (ModelState::Partial(found), Some(all)) => {
            Some(format!("{} of about {}", ByteSize(found.bytes), ByteSize(all)))
        }
        (ModelState::Partial(found), None) => Some(format!("{}, not all of it", ByteSize(found.bytes))),
        (ModelState::Absent, Some(all)) => Some(format!("about {} to fetch", ByteSize(all))),
        (ModelState::Absent, None) | (ModelState::BuiltIn, _) => None,
    };
    rows.extend(size.map(|size| ("On disk", size)));
    rows.extend(entry.state.path().map(|path| ("Place", path.display().to_string())));
    ui.spacing_mut().interact_size.y = 18.0;
    Grid::new(("facts", &entry.name)).num_columns(2).spacing([16.0, 4.0]).show(ui, |ui| {
        for (what, text) in rows {
            ui.label(RichText::new(what).font(theme::label_font()).color(tokens.text_faint));
            let text = RichText::new(text).font(theme::label_font()).color(tokens.text_soft);
            ui.add(egui::Label::new(text).truncate().selectable(true));
            ui.end_row();
        }
    });
}

/// What the model takes in each precision, whether that fits, and the choice among them.
fn precisions(shown: &mut Shown<'_>, ui: &mut Ui, entry: &ModelEntry, machine: Option<Machine>) {
    ui.spacing_mut().item_spacing.y = 2.0;
    let Manager { precision: chosen, device, .. } = shown.state.ui.models;
    if entry.needs.len() > 1 {
        let by_itself = machine.and_then(|machine| automatic(entry, machine, device));
        let what = by_itself.map_or_else(String::new, |precision| format!("{precision} here"));
        let line = Line { name: "Automatic", memory: what, fit: None, chosen: chosen.is_none() };
        if line.show(shown, ui) {
            send(shown, ManagerAction::Precision(None));
        }
    }
    for (precision, need) in &entry.needs {
        let fit = machine.map(|machine| machine.fits_on(device, *need));
        let only = entry.needs.len() == 1;
        let memory = ByteSize(need.total_bytes()).to_string();
        let chosen = only || chosen == Some(*precision);
        if (Line { name: describe(*precision), memory, fit, chosen }).show(shown, ui) && !only {
            send(shown, ManagerAction::Precision(Some(*precision)));
        }
    }
}

/// A precision that can be chosen.
struct Line {
    name: &'static str,
    memory: String,
    fit: Option<Fit>,
    chosen: bool,
}

impl Line {
    fn show(self, shown: &Shown<'_>, ui: &mut Ui) -> bool {
        let tokens = shown.tokens;
        let (rect, response) =
            ui.allocate_exact_size(vec2(ui.available_width().min(560.0), 26.0), Sense::click());
        let (fit, colour) = match self.fit {
            Some(Fit::Now) => ("fits", tokens.good),
            Some(Fit::WhenOthersClose) => ("fits when other programs are closed", tokens.busy),
            Some(Fit::TooLarge) => ("too large for this machine", tokens.bad),
            None => ("", tokens.text_faint),
        };
        let label = format!("Precision: {}, {} {fit}", self.name, self.memory);
        let chosen = self.chosen;
        response
            .widget_info(|| WidgetInfo::selected(egui::Role::RadioButton, true, chosen, label.trim_end()));
        if response.hovered() || response.has_focus() {
            ui.painter().rect_filled(rect, CornerRadius::same(theme::RADIUS), tokens.raised);
        }
        let centre = rect.left_center() + vec2(12.0, 0.0);
        let ring = if chosen { tokens.accent } else { tokens.text_faint };
        ui.painter().circle_stroke(centre, 6.0, Stroke::new(1.4, ring));
        if chosen {
            ui.painter().circle_filled(centre, 3.2, tokens.accent);
        }
        for (x, text, colour) in [
            (28.0, self.name, if chosen { tokens.text } else { tokens.text_soft }),
            (196.0, self.memory.as_str(), tokens.text_soft),
            (290.0, fit, colour),
        ] {
            let at = rect.left_center() + vec2(x, 0.0);
            ui.painter().text(at, egui::Align2::LEFT_CENTER, text, theme::label_font(), colour);
        }
        response.on_hover_cursor(CursorIcon::PointingHand).clicked()
    }
}

/// A precision, for people.
pub(super) fn describe(precision: Precision) -> &'static str {
    match precision {
        Precision::F32 => "f32 · as trained",
        Precision::F16 => "f16 · half",
        Precision::Bf16 => "bf16 · half",
        Precision::Q8_0 => "q8_0 · eight bits",
        Precision::Q6K => "q6k · six bits",
        Precision::Q5K => "q5k · five bits",
        Precision::Q4K => "q4k · four bits",
    }
}

/// The processors of this build, where there is a choice.
fn devices(shown: &mut Shown<'_>, ui: &mut Ui) {
    let built_in: Vec<DeviceChoice> = glamm_engine::device::built_in().collect();
    if built_in.len() < 2 {
        note(shown, ui, "This build computes on the CPU.");
        return;
    }
    section(shown, ui, "Processor");
    let row = UiBuilder::new().layout(Layout::left_to_right(Align::Center));
    ui.scope_builder(row, |ui| {
        for choice in std::iter::once(DeviceChoice::Auto).chain(built_in) {
            let name = match choice {
                DeviceChoice::Auto => "Fastest",
                DeviceChoice::Cpu => "CPU",
                DeviceChoice::Cuda => "NVIDIA GPU",
                DeviceChoice::Metal => "Apple GPU",
            };
            let kind = if shown.state.ui.models.device == choice { Kind::Chosen } else { Kind::Plain };
            if button(ui, shown.tokens, name, kind).clicked() {
                send(shown, ManagerAction::Device(choice));
            }
        }
    });
}
