//! The line above the messages: which conversation it is, the others, and how the model is asked.

use egui::{
    Align, Align2, Color32, CornerRadius, CursorIcon, Layout, Popup, Response, Role, Sense, Stroke, Ui,
    WidgetInfo, vec2,
};

use super::icons::{Icon, Look, command_icon, icon_button};
use super::widgets::{Naming, name_field};
use super::{Shown, chat_settings, text};
use crate::action::Action;
use crate::command::Command;
use crate::document::{Conversation, ConversationEdit, Edit};
use crate::theme::{self, Tokens};

pub(super) fn show(shown: &mut Shown<'_>, ui: &mut Ui) {
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        command_icon(shown, ui, Command::NewConversation, Icon::Plus);
        let open = shown.state.ui.chat_settings.is_some();
        let look = if open { Look::Chosen } else { Look::Plain };
        let settings = icon_button(ui, shown.tokens, Icon::Sliders, look, Command::ChatSettings.info().label);
        // While they are open, a click beside them closes them; here, too.
        if settings.clicked() && !open {
            shown.command(Command::ChatSettings);
        }
        chat_settings::show(shown, &settings);
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| name(shown, ui));
    });
}

/// The conversation's name, which opens the list of all, or the field in which it is written.
fn name(shown: &mut Shown<'_>, ui: &mut Ui) {
    let Some(conversation) = shown.state.conversation().cloned() else { return };
    if let Some(title) = &shown.state.ui.renaming {
        rename(shown, ui, title.clone());
        return;
    }
    let response = name_button(ui, shown.tokens, &conversation.name());
    if response.double_clicked() {
        shown.command(Command::RenameConversation);
    }
    Popup::menu(&response).width(300.0).show(|ui| list(shown, ui, &conversation));
}

fn name_button(ui: &mut Ui, tokens: &Tokens, name: &str) -> Response {
    let room = (ui.available_width() - 34.0).max(40.0);
    let font = theme::strong_font(theme::LABEL);
    let galley = text::cut_line(ui.ctx(), name.replace('\n', " "), font, Color32::PLACEHOLDER, room);
    let size = vec2(galley.size().x + 30.0, 28.0);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("Conversation: {name}")));
    let hot = response.hovered() || response.has_focus();
    let rect = rect.translate(vec2(-8.0, 0.0));
    if hot {
        ui.painter().rect_filled(rect, CornerRadius::same(theme::RADIUS), tokens.raised_hover);
    }
    let at = Align2::LEFT_CENTER.align_size_within_rect(galley.size(), rect).min + vec2(8.0, 0.0);
    let arrow = rect.right_center() - vec2(12.0, 0.0);
    ui.painter().galley(at, galley, tokens.text);
    let points = [vec2(-3.5, -1.8), vec2(0.0, 1.8), vec2(3.5, -1.8)].map(|by| arrow + by);
    ui.painter().line(points.to_vec(), Stroke::new(1.4, tokens.text_faint));
    response.on_hover_cursor(CursorIcon::PointingHand)
}

fn list(shown: &mut Shown<'_>, ui: &mut Ui, current: &Conversation) {
    let Some(picture) = shown.state.picture() else { return };
    egui::ScrollArea::vertical().max_height(320.0).show(ui, |ui| {
        for conversation in &picture.conversations {
            let chosen = conversation.id == current.id;
            let name = conversation.name();
            let short: String = name.chars().take(44).collect();
            let short = if short.len() < name.len() { format!("{short}…") } else { short };
            let short = text::for_widget(ui.ctx(), &short, theme::label_font(), shown.tokens.text_soft);
            if ui.selectable_label(chosen, short).clicked() {
                shown.send(Action::SelectConversation(conversation.id));
                ui.close();
            }
        }
    });
    ui.separator();
    for command in [Command::NewConversation, Command::RenameConversation, Command::DeleteConversation] {
        let enabled = command.is_enabled(shown.state);
        if ui.add_enabled(enabled, egui::Button::new(command.info().label)).clicked() {
            shown.command(command);
            ui.close();
        }
    }
}

fn rename(shown: &mut Shown<'_>, ui: &mut Ui, title: String) {
    let id = ui.scope_id().with("renaming");
    let naming = name_field(ui, id, title, "Name of the conversation", f32::INFINITY);
    if let (Some(Naming::Ends(title)), Some((image, conversation))) = (&naming, shown.state.shown_place()) {
        let change = ConversationEdit::Rename(title.clone());
        shown.send(Action::Edit(Edit::Conversation { image, conversation, change }));
    }
    match naming {
        Some(Naming::Goes(title)) => shown.send(Action::SetRenaming(Some(title))),
        Some(Naming::Ends(_) | Naming::GivenUp) => shown.send(Action::SetRenaming(None)),
        None => {}
    }
}
