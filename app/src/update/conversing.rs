//! The conversations themselves: which is shown, what they are called, how the model is asked in
//! them, and copying from them.

use std::sync::Arc;

use glamm_engine::protocol::ImageId;

use crate::action::Effect;
use crate::copying::{self, ReplyFormat};
use crate::document::{ConversationEdit, ConversationId, Edit, Exchange, ExchangeId};
use crate::palette::{Rgb, phrase_color};
use crate::state::State;
use crate::state::ui_state::{ReplyPlace, Tab};

impl State {
    /// The conversation that is shown, as edits name it.
    pub fn shown_place(&self) -> Option<(ImageId, ConversationId)> {
        Some((self.ui.current?, self.conversation()?.id))
    }

    /// Changes the conversation that is shown.
    pub(super) fn change_conversation(&mut self, change: ConversationEdit) {
        if let Some((image, conversation)) = self.shown_place() {
            self.edit(&Edit::Conversation { image, conversation, change });
        }
    }

    pub(super) fn new_conversation(&mut self, image: ImageId) {
        self.close_fields();
        self.give_failed_back(image);
        let Some(settings) = self.conversation().map(|c| c.settings.clone()) else { return };
        self.edit(&Edit::AddConversation { image, settings });
        // The new one is the last one.
        self.ui.conversations.remove(&image);
        self.ui.pinned.clear();
    }

    pub(super) fn select_conversation(&mut self, id: ConversationId) {
        self.close_fields();
        let Some(picture) = self.picture() else { return };
        if picture.conversation(id).is_some() {
            self.ui.conversations.insert(picture.id, id);
        }
    }

    /// Shows the next conversation about the picture, or the one before; after the last comes the first.
    pub(super) fn step_conversation(&mut self, by: isize) {
        let (Some(picture), Some(shown)) = (self.picture(), self.conversation()) else { return };
        let there = &picture.conversations;
        let at = there.iter().position(|conversation| conversation.id == shown.id);
        let next = Self::beside(at, by, there.len()).and_then(|next| there.get(next));
        if let Some(id) = next.map(|conversation| conversation.id) {
            self.show_tab(Tab::Chat);
            self.select_conversation(id);
        }
    }

    pub(super) fn delete_conversation(&mut self) {
        let Some((image, conversation)) = self.shown_place() else { return };
        self.close_fields();
        if self.shown_job().is_some() {
            self.stop();
        }
        if self.shown_failure().is_some() {
            self.session.failures.remove(&image);
        }
        self.edit(&Edit::RemoveConversation { image, conversation });
        self.ui.conversations.remove(&image);
    }

    /// Begins to write a title, or goes on with the one that is half written.
    pub(super) fn rename_conversation(&mut self) {
        self.show_tab(Tab::Chat);
        if self.ui.renaming.is_none() {
            self.ui.renaming = self.conversation().map(|c| c.title.clone());
        }
    }

    pub(super) fn toggle_chat_settings(&mut self) {
        if self.ui.chat_settings.is_some() && self.is_chat_seen() {
            self.close_fields();
        } else {
            self.show_tab(Tab::Chat);
            self.close_fields();
            self.ui.chat_settings = self.conversation().map(|c| c.settings.clone());
        }
    }

    /// What closing the fields that stand open would change: the settings and the title of the
    /// conversation that is shown.
    pub(super) fn fields(&self) -> Vec<Edit> {
        let (Some((image, id)), Some(shown)) = (self.shown_place(), self.conversation()) else {
            return Vec::new();
        };
        let settings = self.ui.chat_settings.as_ref().filter(|settings| **settings != shown.settings);
        let title = self.ui.renaming.as_ref().filter(|title| title.trim() != shown.title);
        let changes = settings.cloned().map(ConversationEdit::Configure).into_iter();
        let changes = changes.chain(title.cloned().map(ConversationEdit::Rename));
        changes.map(|change| Edit::Conversation { image, conversation: id, change }).collect()
    }

    /// Keeps what is written in these fields.
    pub(super) fn keep_fields(&mut self) {
        for edit in self.fields() {
            self.edit(&edit);
        }
    }

    /// The same, and closes them: before something else is shown or asked.
    pub(super) fn close_fields(&mut self) {
        self.keep_fields();
        (self.ui.chat_settings, self.ui.renaming) = (None, None);
    }

    /// Shows the branch beside the one that ends the path.
    pub(super) fn step_branch(&mut self, by: isize) {
        if let Some(id) = self.branch_beside(by) {
            self.change_conversation(ConversationEdit::Show(id));
        }
    }

    /// The branch before or behind, at the last place of the path where there is one.
    pub fn branch_beside(&self, by: isize) -> Option<ExchangeId> {
        let conversation = self.conversation()?;
        let id = conversation.last_fork()?;
        let branches = conversation.branches(id);
        let at = branches.iter().position(|&branch| branch == id)?;
        branches.get(at.checked_add_signed(by)?).copied()
    }

    /// Lists the tokens of a reply of the conversation that is shown.
    pub(super) fn show_tokens(&mut self, exchange: ExchangeId) {
        if let Some((image, conversation)) = self.shown_place() {
            self.ui.tokens_of = Some(ReplyPlace { image, conversation, exchange });
            self.show_tab(Tab::Tokens);
        }
    }

    /// The reply whose tokens are listed: the one that was asked for, or that of the selected mask, or the
    /// last one.
    pub fn reply_with_tokens(&self) -> Option<&Arc<Exchange>> {
        let exchanges = self.shown_exchanges();
        let shown = self.shown_place();
        let asked = self.ui.tokens_of.filter(|of| Some((of.image, of.conversation)) == shown);
        let asked = exchanges.iter().find(|e| asked.is_some_and(|of| of.exchange == e.id));
        let selected = self.ui.inspection.selected;
        let has_it = |e: &&&Arc<Exchange>| e.masks.iter().flatten().any(|mask| Some(mask.id) == selected);
        asked.or_else(|| exchanges.iter().find(has_it)).or(exchanges.last()).copied()
    }

    pub(super) fn copy_reply(&mut self, id: ExchangeId, format: ReplyFormat, out: &mut Vec<Effect>) {
        let Some((.., exchange)) = self.shown_exchange(id) else { return };
        let count = exchange.reply.groundings.len();
        let colors: Vec<Rgb> = (0..count).map(|index| phrase_color(exchange.hue(index))).collect();
        out.push(Effect::Copy(copying::copied(&exchange.reply, &colors, format)));
    }
}
