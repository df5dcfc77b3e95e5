//! What can be done with an exchange: another branch, copy, another reply, go on, ask in other words.
//!
//! The signs stay out of sight until the pointer or the keyboard is there; which branch is shown is
//! always said.

use egui::{Align, Layout, Popup, Pos2, Rect, RichText, Ui, UiBuilder, Vec2};

use super::Shown;
use super::icons::{self, Icon, Look, icon_button};
use crate::action::Action;
use crate::copying::ReplyFormat;
use crate::document::{ConversationEdit, Edit, Exchange, ExchangeId};
use crate::theme;

/// Where the parts go.
pub(super) struct Places {
    /// The whole exchange.
    pub(super) row: Rect,
    /// Upper left corner of the pencil beside the question.
    pub(super) pencil: Pos2,
    /// Below the reply.
    pub(super) bar: Rect,
}

/// Returns whether one of the signs has the keyboard.
pub(super) fn show(
    shown: &mut Shown<'_>,
    ui: &mut Ui,
    exchange: &Exchange,
    places: &Places,
    is_last: bool,
) -> bool {
    let focus = ui.scope_id().with("focus within");
    let focused = ui.data(|d| d.get_temp::<bool>(focus)).unwrap_or(false);
    let hot = is_last || focused || ui.rect_contains_pointer(places.row);
    let idle = shown.state.session.job.is_none();
    let mut within = false;

    let pencil = Rect::from_min_size(places.pencil, Vec2::splat(icons::SIDE));
    ui.scope_builder(UiBuilder::new().max_rect(pencil), |ui| {
        ui.set_opacity(if focused || ui.rect_contains_pointer(places.row) { 1.0 } else { 0.0 });
        let response = icon_button(ui, shown.tokens, Icon::Pencil, Look::enabled(idle), "Edit question");
        within |= response.has_focus();
        if response.clicked() {
            shown.send(Action::EditQuestion(exchange.id));
        }
    });

    let layout = Layout::left_to_right(Align::Center);
    ui.scope_builder(UiBuilder::new().max_rect(places.bar).layout(layout), |ui| {
        ui.spacing_mut().item_spacing.x = 2.0;
        within |= branches(shown, ui, exchange, idle);
        ui.set_opacity(if hot { 1.0 } else { 0.0 });
        let copy = icon_button(ui, shown.tokens, Icon::Copy, Look::Plain, "Copy reply");
        Popup::menu(&copy).show(|ui| copy_menu(shown, ui, exchange.id));
        let can_ask = Look::enabled(shown.state.why_not_ask().is_none());
        let again = icon_button(ui, shown.tokens, Icon::Again, can_ask, "Answer again");
        if again.clicked() {
            shown.send(Action::Regenerate(exchange.id));
        }
        within |= copy.has_focus() || again.has_focus();
        if is_last && exchange.is_unfinished() {
            let go_on = icon_button(ui, shown.tokens, Icon::GoOn, can_ask, "Continue reply");
            within |= go_on.has_focus();
            if go_on.clicked() {
                shown.send(Action::Continue(exchange.id));
            }
        }
    });
    if within != focused {
        ui.data_mut(|d| d.insert_temp(focus, within));
        ui.ctx().request_repaint();
    }
    within
}

/// Which of how many branches is shown, and the ways to the others.
fn branches(shown: &mut Shown<'_>, ui: &mut Ui, exchange: &Exchange, idle: bool) -> bool {
    let Some(conversation) = shown.state.conversation() else { return false };
    let branches = conversation.branches(exchange.id);
    let Some(at) = branches.iter().position(|&id| id == exchange.id).filter(|_| branches.len() > 1) else {
        return false;
    };
    let before = at.checked_sub(1).and_then(|at| branches.get(at)).copied();
    let behind = branches.get(at + 1).copied();
    let mut focused = false;
    let mut step = |shown: &mut Shown<'_>, ui: &mut Ui, icon, to: Option<ExchangeId>, label| {
        let look = Look::enabled(idle && to.is_some());
        let response = icon_button(ui, shown.tokens, icon, look, label);
        focused |= response.has_focus();
        if let Some(id) = to.filter(|_| response.clicked()) {
            show_branch(shown, id);
        }
    };
    step(shown, ui, Icon::Left, before, "Previous branch");
    let text = format!("{}/{}", at + 1, branches.len());
    ui.label(RichText::new(text).font(theme::small_font()).color(shown.tokens.text_soft));
    step(shown, ui, Icon::Right, behind, "Next branch");
    ui.add_space(4.0);
    focused
}

fn show_branch(shown: &mut Shown<'_>, id: ExchangeId) {
    let Some((image, conversation)) = shown.state.shown_place() else { return };
    shown.send(Action::Edit(Edit::Conversation { image, conversation, change: ConversationEdit::Show(id) }));
}

fn copy_menu(shown: &mut Shown<'_>, ui: &mut Ui, id: ExchangeId) {
    for format in ReplyFormat::ALL {
        if ui.button(format.label()).clicked() {
            shown.send(Action::CopyReply(id, format));
            ui.close();
        }
    }
}

/// The same in the menu that the right button opens, and what is rarely wanted.
pub(super) fn menu(shown: &mut Shown<'_>, ui: &mut Ui, exchange: &Exchange) {
    let idle = shown.state.session.job.is_none();
    let can_ask = shown.state.why_not_ask().is_none();
    let is_last = shown.state.conversation().and_then(|c| c.head()) == Some(exchange.id);
    ui.menu_button("Copy reply as", |ui| copy_menu(shown, ui, exchange.id));
    ui.separator();
    item(shown, ui, "Answer again", can_ask, Action::Regenerate(exchange.id));
    // What follows was said after the reply as it is.
    if is_last && exchange.is_unfinished() {
        item(shown, ui, "Continue reply", can_ask, Action::Continue(exchange.id));
    }
    item(shown, ui, "Edit question", idle, Action::EditQuestion(exchange.id));
    item(shown, ui, "Show tokens", !exchange.tokens.is_empty(), Action::ShowTokens(exchange.id));
    ui.separator();
    let Some((image, conversation)) = shown.state.shown_place() else { return };
    let change = ConversationEdit::RemoveExchange(exchange.id);
    let delete = Action::Edit(Edit::Conversation { image, conversation, change });
    item(shown, ui, "Delete question and what follows", idle, delete);
}

fn item(shown: &mut Shown<'_>, ui: &mut Ui, label: &str, enabled: bool, action: Action) {
    if ui.add_enabled(enabled, egui::Button::new(label)).clicked() {
        shown.send(action);
        ui.close();
    }
}
