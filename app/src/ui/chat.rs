//! The Chat tab: what was said about the picture, and below it the place to ask.

use egui::{Frame, Margin, Panel, RichText, Ui};

use super::widgets::{CardLook, Kind, card, command_button, paragraph, sentence};
use super::{Shown, composer, conversation_bar, loading, message_list, messages};
use crate::action::Action;
use crate::command::Command;
use crate::document::{Origin, Picture};
use crate::state::session::{Encoding, FailedQuestion, ModelStatus};
use crate::theme;

/// A model of fewer bytes is there before its progress could be read.
const SLOW: u64 = 200_000_000;

pub(super) fn show(shown: &mut Shown<'_>, ui: &mut Ui) {
    let frame = Frame::new().fill(shown.tokens.panel);
    if shown.state.picture().is_some() {
        Panel::top("conversation bar")
            .exact_size(40.0)
            .frame(frame.inner_margin(Margin { left: 18, right: 12, top: 0, bottom: 0 }))
            .show(ui, |ui| conversation_bar::show(shown, ui));
    }
    Panel::bottom("composer")
        .show_separator_line(false)
        .frame(frame.inner_margin(Margin { left: 18, right: 18, top: 6, bottom: 16 }))
        .show(ui, |ui| composer::show(shown, ui));
    message_list::show(shown, ui);
}

/// What stands above the messages: what one should know, and what there is to do.
pub(super) fn before_messages(shown: &mut Shown<'_>, ui: &mut Ui) {
    model_note(shown, ui);
    let state = shown.state;
    if state.picture().is_none() {
        paragraph(ui, "Open a picture to ask about it.", theme::TEXT, shown.tokens.text_faint);
        return;
    }
    let silent = state.conversation().is_some_and(|c| c.is_empty());
    if silent && state.shown_job().is_none() && state.shown_failure().is_none() {
        greeting(shown, ui);
    }
}

/// What stands below the messages: the reply on its way, and what went wrong.
pub(super) fn behind_messages(shown: &mut Shown<'_>, ui: &mut Ui) {
    let state = shown.state;
    let Some(picture) = state.picture() else { return };
    if let Some(job) = state.shown_job() {
        messages::question(shown, ui, &job.asked.question);
        messages::running(shown, ui, job);
    }
    if let Some(failure) = state.shown_failure() {
        failed(shown, ui, failure);
    }
    encoding_note(shown, ui, picture);
}

/// What one should know about the model: that there is none, or what the demo model knows.
fn model_note(shown: &mut Shown<'_>, ui: &mut Ui) {
    let tokens = shown.tokens;
    let state = shown.state;
    match &state.session.model {
        ModelStatus::Failed(failure) => {
            card(ui, tokens, CardLook::Failure, None, |ui| loading::failure(shown, ui, failure));
        }
        ModelStatus::Unloaded => {
            card(ui, tokens, CardLook::Note, None, |ui| {
                title(shown, ui, "No model is loaded");
                ui.horizontal_wrapped(|ui| {
                    command_button(shown, ui, Command::UseDemoModel, Kind::Plain);
                    command_button(shown, ui, Command::ManageModels, Kind::Plain);
                });
            });
        }
        ModelStatus::Loading(progress) if progress.total_bytes() > SLOW => {
            card(ui, tokens, CardLook::Note, None, |ui| {
                title(shown, ui, "Loading the model");
                loading::parts(shown, ui, progress);
                command_button(shown, ui, Command::StopLoading, Kind::Plain);
            });
        }
        ModelStatus::Gone => {
            card(ui, tokens, CardLook::Failure, None, |ui| {
                title(shown, ui, "The engine has stopped");
                paragraph(ui, "Restart the program to go on.", theme::LABEL, tokens.text_soft);
            });
        }
        ModelStatus::Ready(info) if info.has_random_weights => {
            card(ui, tokens, CardLook::Note, None, |ui| {
                title(shown, ui, "The weights of this model are random");
                let text = "It was made to try its size and speed. What it says and marks is noise.";
                paragraph(ui, text, theme::LABEL, tokens.text_soft);
            });
        }
        ModelStatus::Loading(_) | ModelStatus::Ready(_) => {
            let foreign = state.picture().is_some_and(|p| !matches!(p.origin, Origin::Scene { .. }));
            if state.session.is_demo() && !state.ui.demo_note_dismissed {
                demo_note(shown, ui, foreign);
            }
        }
    }
}

fn demo_note(shown: &mut Shown<'_>, ui: &mut Ui, foreign: bool) {
    let tokens = shown.tokens;
    let heading = if foreign { "The demo model knows drawn scenes only" } else { "This is the demo model" };
    let text = if foreign {
        "If this picture is not one of them, what it says about it means nothing. For photographs, load \
         a GLaMM checkpoint."
    } else {
        "It is small and knows only this drawn picture world. For photographs, load a GLaMM \
         checkpoint."
    };
    let dismissed = card(ui, tokens, CardLook::Note, Some("Dismiss the note"), |ui| {
        title(shown, ui, heading);
        paragraph(ui, text, theme::LABEL, tokens.text_soft);
        command_button(shown, ui, Command::ManageModels, Kind::Plain);
    });
    if dismissed {
        shown.send(Action::DismissDemoNote);
    }
}

fn greeting(shown: &Shown<'_>, ui: &mut Ui) {
    let tokens = shown.tokens;
    ui.add_space(4.0);
    ui.label(RichText::new("Ask about the picture").font(theme::strong_font(17.0)).color(tokens.text));
    let text = "Phrases that the model grounds come back as coloured chips, each with its mask on the \
                picture. To ask about a place, choose Box and draw around it.";
    paragraph(ui, text, theme::TEXT, tokens.text_soft);
}

fn failed(shown: &mut Shown<'_>, ui: &mut Ui, failure: &FailedQuestion) {
    let tokens = shown.tokens;
    messages::question(shown, ui, &failure.asked.question);
    card(ui, tokens, CardLook::Failure, None, |ui| {
        title(shown, ui, "This could not be answered");
        paragraph(ui, &sentence(&failure.message), theme::LABEL, tokens.text_soft);
        ui.horizontal_wrapped(|ui| {
            if failure.too_long {
                command_button(shown, ui, Command::NewConversation, Kind::Plain);
            } else {
                command_button(shown, ui, Command::AskAgain, Kind::Plain);
            }
        });
    });
}

fn encoding_note(shown: &Shown<'_>, ui: &mut Ui, picture: &Picture) {
    if let Some(Encoding::Failed(message)) = shown.state.session.encodings.get(&picture.id) {
        card(ui, shown.tokens, CardLook::Failure, None, |ui| {
            title(shown, ui, "The model cannot take in this picture");
            paragraph(ui, &sentence(message), theme::LABEL, shown.tokens.text_soft);
        });
    }
}

fn title(shown: &Shown<'_>, ui: &mut Ui, text: &str) {
    ui.label(RichText::new(text).font(theme::strong_font(theme::LABEL)).color(shown.tokens.text));
}
