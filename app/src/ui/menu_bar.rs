//! The menu bar: the program's name, the menus, and how the model is.

use egui::{
    Align, Button, Color32, CornerRadius, CursorIcon, Key, Layout, MenuBar, Modifiers, RichText, ScrollArea,
    Sense, Stroke, StrokeKind, Ui, vec2,
};

use super::widgets::{keys, presses};
use super::{Shown, text};
use crate::action::{Action, KeepingAction};
use crate::command::{Command, Menu};
use crate::state::session::ModelStatus;
use crate::theme;

/// In a narrower bar the program's name would press the model's pill flat.
const NAME_FROM: f32 = 800.0;
/// What a label is preceded by where there may be a tick: a blank is about 4 points wide.
const TICK_ROOM: &str = "     ";
/// What the pill has beside its text.
const PILL: f32 = 42.0;

pub(super) fn show(shown: &mut Shown<'_>, ui: &mut Ui) {
    MenuBar::new().ui(ui, |ui| {
        // The bar itself is only as high as its buttons; the panel is higher.
        ui.set_min_height(44.0);
        if ui.available_width() >= NAME_FROM {
            ui.label(RichText::new("GLaMM Desktop").font(theme::strong_font(15.0)).color(shown.tokens.text));
            ui.add_space(8.0);
        }
        ui.spacing_mut().item_spacing.x = 0.0;
        ui.spacing_mut().button_padding = vec2(8.0, 4.0);
        // As everywhere: F10 goes to the menus, arrows through them, Enter opens one.
        let mut called = presses(ui, Modifiers::NONE, Key::F10) > 0;
        for menu in Menu::ALL {
            let button = ui.menu_button(menu.label(), |ui| menu_items(shown, ui, menu)).response;
            if std::mem::take(&mut called) {
                button.request_focus();
            }
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| model_pill(shown, ui));
    });
}

/// A menu that is longer than the window is high is scrolled.
fn menu_items(shown: &mut Shown<'_>, ui: &mut Ui, menu: Menu) {
    ui.set_min_width(230.0);
    let room = ui.ctx().content_rect().bottom() - ui.cursor().top() - 16.0;
    ScrollArea::vertical().max_height(room.max(120.0)).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 1.0;
        ui.spacing_mut().interact_size.y = 27.0;
        ui.spacing_mut().button_padding.y = 3.0;
        items(shown, ui, menu);
    });
}

fn items(shown: &mut Shown<'_>, ui: &mut Ui, menu: Menu) {
    let commands = || Command::ALL.into_iter().filter(|command| command.info().menu == menu);
    // Where some may have a tick, all leave room for it.
    let ticks = commands().any(|command| command.is_chosen(shown.state).is_some());
    for command in commands() {
        let info = command.info();
        if info.starts_group {
            ui.separator();
        }
        let label = command.menu_label(shown.state);
        let button = Button::new(if ticks { format!("{TICK_ROOM}{label}") } else { label })
            .shortcut_text(keys(ui, info.shortcut));
        let response = ui.add_enabled(command.is_enabled(shown.state), button).on_hover_text(info.tooltip);
        if command.is_chosen(shown.state) == Some(true) {
            let at = response.rect.left_center() + vec2(9.0, 0.0);
            let points = [vec2(0.0, 0.5), vec2(3.5, 4.0), vec2(9.5, -3.5)].map(|by| at + by);
            ui.painter().line(points.to_vec(), Stroke::new(1.6, shown.tokens.text_soft));
        }
        if response.clicked() {
            shown.command(command);
            ui.close();
        }
        if command == Command::OpenSession {
            recent_sessions(shown, ui);
        }
    }
}

fn recent_sessions(shown: &mut Shown<'_>, ui: &mut Ui) {
    let recent = &shown.state.session.keeping.recent;
    ui.add_enabled_ui(!recent.is_empty(), |ui| {
        ui.menu_button("Open recent", |ui| {
            ui.set_min_width(220.0);
            for path in recent {
                let name = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy();
                let font = egui::TextStyle::Button.resolve(ui.style());
                let name = text::for_widget(ui.ctx(), &name, font, Color32::PLACEHOLDER);
                let whole = text::in_tooltip(ui, &path.display().to_string());
                if ui.button(name).on_hover_text(whole).clicked() {
                    shown.actions.push(Action::Keeping(KeepingAction::Open(path.clone())));
                    ui.close();
                }
            }
        });
    });
}

/// A dot, the model's name, its precision, its device and what it does; pressed, it opens the model
/// manager.
fn model_pill(shown: &mut Shown<'_>, ui: &mut Ui) {
    let (dot, text) = describe(shown);
    let tokens = shown.tokens;
    let room = ui.available_width() - PILL;
    let galley =
        text::cut_line(ui.ctx(), text.clone(), theme::label_font(), tokens.text_soft, room.max(40.0));
    let (rect, response) = ui.allocate_exact_size(vec2(galley.size().x + PILL, 28.0), Sense::click());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, text.as_str()));
    let hot = response.hovered() || response.has_focus();
    let fill = if hot { tokens.raised_hover } else { tokens.raised };
    let line = if response.has_focus() { tokens.accent } else { tokens.line };
    let radius = CornerRadius::same(14);
    ui.painter().rect(rect, radius, fill, Stroke::new(1.0, line), StrokeKind::Inside);
    ui.painter().circle_filled(rect.left_center() + vec2(17.0, 0.0), 4.0, dot);
    let at = rect.left_center() + vec2(29.0, -galley.size().y * 0.5);
    ui.painter().galley(at, galley, tokens.text_soft);
    let tooltip = format!("{text}\n{}", Command::ManageModels.info().tooltip);
    if response.on_hover_cursor(CursorIcon::PointingHand).on_hover_text(tooltip).clicked() {
        shown.command(Command::ManageModels);
    }
}

fn describe(shown: &Shown<'_>) -> (Color32, String) {
    let tokens = shown.tokens;
    let session = &shown.state.session;
    match &session.model {
        ModelStatus::Loading(progress) if progress.total_bytes() > 0 => {
            let percent = progress.done_bytes() as f64 / progress.total_bytes() as f64 * 100.0;
            (tokens.busy, format!("Loading the model · {percent:.0} %"))
        }
        ModelStatus::Loading(_) => (tokens.busy, "Loading the model …".to_owned()),
        ModelStatus::Unloaded => (tokens.text_faint, "No model".to_owned()),
        ModelStatus::Failed(_) => (tokens.bad, "No model".to_owned()),
        ModelStatus::Gone => (tokens.bad, "Engine stopped".to_owned()),
        ModelStatus::Ready(info) => {
            let (dot, doing) = if session.job.as_ref().is_some_and(|job| job.started) {
                (tokens.accent, "answering")
            } else if super::status_line::is_encoding(shown.state) {
                (tokens.busy, "encoding")
            } else {
                (tokens.good, "ready")
            };
            (dot, format!("{} · {} · {} · {doing}", info.name, info.precision, info.device))
        }
    }
}
