//! One question over all pictures: the question, and how far it has come.

use egui::{Align2, Area, Id, Modal, Order, ProgressBar, RichText, ScrollArea, TextEdit, Ui, vec2};

use super::widgets::{CardLook, Kind, button, button_if, card, dialog_frame, focus_ring, paragraph};
use super::{Shown, text};
use crate::action::{Action, BatchAction};
use crate::state::exporting::{Batch, NotAnswered};
use crate::theme;

pub(super) fn show(shown: &mut Shown<'_>, ui: &Ui) {
    if let Some(prompt) = shown.state.session.batch_prompt.clone() {
        question(shown, ui, &prompt);
    } else if let Some(batch) = shown.state.session.batch.clone() {
        progress(shown, ui, &batch);
    }
}

fn send(shown: &mut Shown<'_>, action: BatchAction) {
    shown.send(Action::Batch(action));
}

fn question(shown: &mut Shown<'_>, ui: &Ui, prompt: &str) {
    let frame = dialog_frame(ui);
    let tokens = shown.tokens;
    let session = &shown.state.session;
    let count = shown.state.document().pictures().len() + session.arrivals.len();
    let mut written = prompt.to_owned();
    let modal = Modal::new(Id::unique("batch")).frame(frame).show(ui.ctx(), |ui| {
        ui.set_width(480.0);
        let title = format!("Ask about all {count} pictures");
        ui.label(RichText::new(title).font(theme::strong_font(18.0)).color(tokens.text));
        ui.add_space(6.0);
        let mut layouter = text::in_area(theme::label_font(), tokens.text);
        let field = TextEdit::multiline(&mut written)
            .layouter(&mut layouter)
            .desired_rows(3)
            .desired_width(f32::INFINITY);
        let field = ui.add(field.id(Id::unique("batch question")));
        focus_ring(ui, &field);
        field.widget_info(|| egui::WidgetInfo::labeled(egui::Role::TextInput, true, "Question for all"));
        ui.add_space(4.0);
        let note = "Each reply goes into the picture's own conversation. [1] means region 1 of each picture.";
        paragraph(ui, note, theme::SMALL, tokens.text_faint);
        ui.add_space(10.0);
        ui.horizontal(|ui| {
            let ready = !written.trim().is_empty() && count > 0;
            let start = button_if(ready, ui, tokens, "Ask about all", Kind::Primary).clicked();
            [start, button(ui, tokens, "Cancel", Kind::Plain).clicked()]
        })
        .inner
    });
    if written != prompt {
        send(shown, BatchAction::Prepare(Some(written)));
    }
    match modal.inner {
        [true, _] => send(shown, BatchAction::Start),
        [_, true] => send(shown, BatchAction::Prepare(None)),
        _ if modal.should_close() => send(shown, BatchAction::Prepare(None)),
        _ => {}
    }
}

fn progress(shown: &mut Shown<'_>, ui: &Ui, batch: &Batch) {
    let tokens = shown.tokens;
    let canvas = shown.state.ui.canvas;
    Area::new(Id::unique("batch progress"))
        .order(Order::Foreground)
        // The lower corners belong to legends and the map, the upper edge to hints.
        .pivot(Align2::LEFT_TOP)
        .fixed_pos(canvas.left_top() + vec2(16.0, 64.0))
        .show(ui.ctx(), |ui| {
            ui.set_width((canvas.width() - 40.0).clamp(200.0, 340.0));
            card(ui, tokens, CardLook::Note, None, |ui| {
                contents(shown, ui, batch);
            });
        });
}

fn contents(shown: &mut Shown<'_>, ui: &mut Ui, batch: &Batch) {
    let tokens = shown.tokens;
    let heading =
        if batch.is_finished() { "All pictures were asked about" } else { "Asking about all pictures" };
    ui.label(RichText::new(heading).font(theme::strong_font(theme::LABEL)).color(tokens.text));
    let share = batch.done() as f32 / batch.total.max(1) as f32;
    let bar = ui.add(ProgressBar::new(share).desired_height(6.0).fill(tokens.accent));
    ui.ctx().accesskit_node_builder(bar.id, |node| node.set_label("Pictures asked about"));
    let mut text = format!("{} of {}", batch.done(), batch.total);
    if batch.paused && !batch.is_finished() {
        text.push_str(" · paused");
    }
    if !batch.failed.is_empty() {
        text = format!("{text} · {} failed", batch.failed.len());
    }
    ui.label(RichText::new(text).font(theme::small_font()).color(tokens.text_soft));
    if let Some(why) = shown.state.why_run_waits() {
        paragraph(ui, why, theme::SMALL, tokens.text_soft);
    }
    if !batch.failed.is_empty() {
        ScrollArea::vertical().max_height(110.0).show(ui, |ui| {
            for NotAnswered { image, name, reason } in &batch.failed {
                let line = format!("{name}: {reason}");
                let (font, room) = (theme::small_font(), ui.available_width());
                if ui.link(text::wrapped(ui.ctx(), &line, font, tokens.bad, room)).clicked() {
                    shown.send(Action::SelectPicture(*image));
                }
            }
        });
    }
    ui.horizontal(|ui| {
        let mut pressed = |ui: &mut Ui, label: &str, action: BatchAction| {
            if button(ui, tokens, label, Kind::Plain).clicked() {
                shown.send(Action::Batch(action));
            }
        };
        if batch.is_finished() {
            if !batch.failed.is_empty() {
                pressed(ui, "Ask those again", BatchAction::RetryFailed);
            }
            pressed(ui, "Close", BatchAction::Stop);
        } else {
            if batch.paused {
                pressed(ui, "Resume", BatchAction::Resume);
            } else {
                pressed(ui, "Pause", BatchAction::Pause);
            }
            pressed(ui, "End", BatchAction::Stop);
        }
    });
}
