//! What is kept against a sudden end, and when that has changed.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use glamm_engine::protocol::{FinishReason, Grounding, ImageId, JobId, JobStats, Reply};

use crate::document::{ConversationId, Document, Exchange, Settings, segments};
use crate::state::State;
use crate::state::keeping::Writing;
use crate::state::ui_state::Editing;
use crate::storage::{EditedQuestion, GoingOn, Snapshot, Stamp, Unfinished};

/// What there was to keep when it was last looked at.
#[derive(Debug, Default)]
pub struct Watched {
    document: Document,
    writing: Writing,
    chat_settings: Option<Settings>,
    renaming: Option<String>,
    conversations: HashMap<ImageId, ConversationId>,
    current: Option<ImageId>,
    reply: Option<(JobId, usize, usize)>,
    file: Option<PathBuf>,
    stamp: Option<Stamp>,
    unsaved: bool,
}

impl State {
    /// What is to be kept against a sudden end, if that has changed; the inner `None`: nothing.
    pub fn to_keep(&self, watched: &mut Watched) -> Option<Option<Snapshot>> {
        let reply = self.session.job.as_ref().map(|job| (job.id, job.chars, job.grounded.len()));
        let unsaved = self.is_unsaved();
        let writing = self.writing();
        let same = self.document().is_same(&watched.document)
            && writing == watched.writing
            && self.ui.chat_settings == watched.chat_settings
            && self.ui.renaming == watched.renaming
            && self.ui.conversations == watched.conversations
            && self.ui.current == watched.current
            && reply == watched.reply
            && self.session.keeping.file == watched.file
            && self.session.keeping.stamp == watched.stamp
            && unsaved == watched.unsaved;
        if same {
            return None;
        }
        let something = unsaved
            || self.session.job.is_some()
            || !self.fields().is_empty()
            || writing.is_beyond(&Writing::default());
        *watched = Watched {
            document: self.document().clone(),
            writing,
            chat_settings: self.ui.chat_settings.clone(),
            renaming: self.ui.renaming.clone(),
            conversations: self.ui.conversations.clone(),
            current: self.ui.current,
            reply,
            file: self.session.keeping.file.clone(),
            stamp: self.session.keeping.stamp,
            unsaved,
        };
        Some(something.then(|| self.snapshot()))
    }

    /// All there is to keep.
    pub fn snapshot(&self) -> Snapshot {
        let keeping = &self.session.keeping;
        Snapshot {
            document: self.as_written(),
            current: self.ui.current,
            drafts: self.drafts(),
            conversations: self.ui.conversations.clone(),
            unfinished: self.unfinished(),
            going_on: self.going_on(),
            closed: Vec::new(),
            pixels: self.session.pixels.clone(),
            stored: keeping.stored.clone(),
            saved_as: keeping.file.clone(),
            saved_stamp: keeping.stamp,
            recovered_from: keeping.recovered_from.clone(),
        }
    }

    /// The document with what is being written in its fields.
    fn as_written(&self) -> Document {
        let edits = self.fields();
        edits.iter().fold(self.document().clone(), |document, edit| document.apply(edit).unwrap_or(document))
    }

    /// What is being written, beside the document.
    pub(super) fn writing(&self) -> Writing {
        Writing { drafts: self.drafts(), going_on: self.going_on() }
    }

    /// The questions that are being written about open pictures, and before them those that could not be
    /// answered: their words are nowhere else.
    fn drafts(&self) -> HashMap<ImageId, String> {
        let is_open = |image: ImageId| self.document().picture(image).is_some();
        let mut drafts = self.ui.drafts.clone();
        drafts.retain(|&image, _| is_open(image));
        let failures = self.session.failures.iter();
        for (&image, failure) in failures.filter(|(image, _)| is_open(**image)) {
            if let Some(failed) = self.words_of(image, failure) {
                let draft = drafts.entry(image).or_default();
                *draft = if draft.trim().is_empty() { failed } else { format!("{failed}\n{draft}") };
            }
        }
        drafts
    }

    /// What the user is at, beside the drafts.
    fn going_on(&self) -> GoingOn<ImageId> {
        let is_open = |editing: &&Editing| self.document().picture(editing.image).is_some();
        let edited = self.ui.editing.as_ref().filter(is_open).map(|editing| EditedQuestion {
            picture: editing.image,
            conversation: editing.conversation,
            exchange: editing.exchange,
            text: editing.draft.clone(),
        });
        let run = self.session.batch.as_ref().filter(|batch| !batch.is_finished()).map(|batch| {
            let current = batch.current.iter().map(|(image, _)| image);
            (batch.prompt.clone(), current.chain(&batch.queue).copied().collect())
        });
        GoingOn { edited, question_for_all: self.session.batch_prompt.clone(), run }
    }

    /// The reply on its way, as if it had been stopped here.
    fn unfinished(&self) -> Option<Unfinished> {
        let job = self.session.job.as_ref().filter(|job| !job.is_homeless)?;
        let conversation = self.document().picture(job.image)?.conversation(job.asked.place.conversation)?;
        let groundings: Vec<_> = job.grounded.iter().map(|(grounding, _)| grounding.clone()).collect();
        let raw = marked(&job.text, &groundings);
        let reply = Reply { raw, text: job.text.clone(), groundings };
        // One that goes on stands in its own place.
        let resumed = self.resumed_exchange(job).map(|there| (there.id, there.parent));
        let (id, parent) =
            resumed.unwrap_or_else(|| (conversation.free_exchange(), conversation.last_of(&job.follows)));
        let exchange = Exchange {
            id,
            parent,
            question: job.asked.question.clone(),
            reply,
            tokens: Arc::new([]),
            masks: self.running_masks(job).map(|(_, mask)| mask.cloned()).collect(),
            first_hue: job.first_hue,
            sampling: job.asked.sampling.clone(),
            reason: FinishReason::Cancelled,
            stats: JobStats::default(),
        };
        let (image, conversation) = (job.image, conversation.id);
        Some(Unfinished { image, conversation, exchange: Arc::new(exchange) })
    }
}

/// A reply as the model would have written it: what a follow-up question needs.
fn marked(text: &str, groundings: &[Grounding]) -> String {
    let mut raw = String::new();
    for segment in segments(text, groundings) {
        if segment.groundings.is_empty() {
            raw.push_str(segment.text);
        } else {
            raw.extend(["<p> ", segment.text.trim(), " </p>"]);
            raw.extend(segment.groundings.iter().map(|_| " [SEG]"));
        }
    }
    raw
}
