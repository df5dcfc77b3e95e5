//! From a question to a job: Ask, Stop, asking again, in other words, or for another reply.

use std::sync::Arc;

use glamm_engine::protocol::{CancelToken, EngineCommand, ImageId, JobRequest, Sampling, Task, Turn};

use crate::action::{Effect, Field};
use crate::document::{Conversation, Exchange, ExchangeId, Question, RegionTag, Settings, bracketed};
use crate::state::State;
use crate::state::session::{Asked, FailedQuestion, ModelStatus, Place, RunningJob};
use crate::state::ui_state::{Editing, Tab};

/// How another reply is drawn where the most probable one is there already: near enough to it to
/// stay sensible.
const VARIED: (f64, Option<f64>) = (0.7, Some(0.9));

impl State {
    /// Puts the draft about the current picture to the model.
    pub(super) fn ask(&mut self, now: f64, out: &mut Vec<Effect>) {
        let Some(picture) = self.picture() else { return };
        let image = picture.id;
        let question = Question::from_draft(self.ui.draft(image), &picture.regions);
        // The words of another question that failed may take its place.
        let draft = self.ui.drafts.remove(&image);
        if self.ask_next(image, question, now, out) {
            self.ui.prompt_awaiting_region = None;
        } else if let Some(draft) = draft {
            self.ui.drafts.insert(image, draft);
        }
    }

    /// Asks at the end of the conversation that is shown.
    pub(super) fn ask_next(
        &mut self,
        image: ImageId,
        question: Question,
        now: f64,
        out: &mut Vec<Effect>,
    ) -> bool {
        self.close_fields();
        let Some(conversation) = self.conversation() else { return false };
        let place = Place { conversation: conversation.id, parent: conversation.head() };
        let sampling = conversation.settings.sampling.clone();
        self.ask_question(image, Asked { place, question, sampling, resumes: None }, now, out)
    }

    /// Asks the question again that could not be answered.
    pub(super) fn retry(&mut self, now: f64, out: &mut Vec<Effect>) {
        self.close_fields();
        let Some(image) = self.ui.current else { return };
        if let Some(failure) = self.session.failures.get(&image) {
            let asked = failure.asked.clone();
            self.ask_question(image, asked, now, out);
        }
    }

    /// Has a question answered once more, beside the reply that is there. The most probable words
    /// would be the same again, so that where these are asked for others are drawn.
    pub(super) fn regenerate(&mut self, id: ExchangeId, now: f64, out: &mut Vec<Effect>) {
        self.close_fields();
        let Some((image, conversation, exchange)) = self.shown_exchange(id) else { return };
        let drawn = self.session.fresh_draw(conversation.branches(id).len() as u64);
        let sampling = match conversation.settings.sampling {
            Sampling::Greedy => {
                let (temperature, top_p) = VARIED;
                Sampling::Random { temperature, top_p, seed: drawn }
            }
            Sampling::Random { temperature, top_p, seed } => {
                Sampling::Random { temperature, top_p, seed: seed.wrapping_add(drawn) }
            }
        };
        let place = Place { conversation: conversation.id, parent: exchange.parent };
        let question = exchange.question.clone();
        self.ask_question(image, Asked { place, question, sampling, resumes: None }, now, out);
    }

    /// Has a reply that was stopped or cut go on, in its place.
    pub(super) fn go_on(&mut self, id: ExchangeId, now: f64, out: &mut Vec<Effect>) {
        self.close_fields();
        let Some((image, conversation, exchange)) = self.shown_exchange(id) else { return };
        // What follows was said after the reply as it is.
        if !exchange.is_unfinished() || conversation.head() != Some(id) {
            return;
        }
        let sampling = match exchange.sampling {
            Sampling::Greedy => Sampling::Greedy,
            Sampling::Random { temperature, top_p, seed } => {
                let seed = seed.wrapping_add(exchange.stats.new_tokens as u64);
                Sampling::Random { temperature, top_p, seed }
            }
        };
        let place = Place { conversation: conversation.id, parent: exchange.parent };
        let question = exchange.question.clone();
        self.ask_question(image, Asked { place, question, sampling, resumes: Some(exchange) }, now, out);
    }

    /// Begins to write a question of the conversation in other words, or goes on with those that are there.
    pub(super) fn edit_question(&mut self, id: ExchangeId, out: &mut Vec<Effect>) {
        if let Some((image, conversation, exchange)) = self.shown_exchange(id) {
            if self.shown_editing().is_none_or(|editing| editing.exchange != id) {
                let (conversation, draft) = (conversation.id, exchange.question.draft());
                self.ui.editing = Some(Editing { image, conversation, exchange: id, draft });
            }
            self.show_tab(Tab::Chat);
            out.push(Effect::Focus(Field::EditedQuestion));
        }
    }

    pub(super) fn set_editing(&mut self, draft: String) {
        if let Some(editing) = &mut self.ui.editing {
            editing.draft = draft;
        }
    }

    /// Asks the question as it was written anew, beside the old one.
    pub(super) fn send_edited(&mut self, now: f64, out: &mut Vec<Effect>) {
        self.close_fields();
        let Some(Editing { exchange, draft, .. }) = self.shown_editing().cloned() else { return };
        let Some((image, conversation, exchange)) = self.shown_exchange(exchange) else { return };
        let Some(picture) = self.picture() else { return };
        let mut regions = picture.regions.clone();
        // What the question referred to, even where it is no longer on the picture.
        let gone = exchange.question.regions.iter().filter(|r| picture.region(r.tag).is_none());
        regions.extend(gone.cloned());
        let question = Question::from_draft(&draft, &regions);
        let place = Place { conversation: conversation.id, parent: exchange.parent };
        let sampling = conversation.settings.sampling.clone();
        if self.ask_question(image, Asked { place, question, sampling, resumes: None }, now, out) {
            let edited = self.ui.editing.take();
            if let Some(job) = &mut self.session.job {
                job.edited = edited;
            }
        }
    }

    /// The question that is being written anew, where it is among those that are shown.
    pub fn shown_editing(&self) -> Option<&Editing> {
        let editing = self.ui.editing.as_ref()?;
        let conversation = self.conversation()?;
        let is_shown = match self.shown_job() {
            Some(job) => job.follows.contains(&editing.exchange),
            None => conversation.is_on_path(editing.exchange),
        };
        let is_here = Some(editing.image) == self.ui.current && editing.conversation == conversation.id;
        (is_here && is_shown).then_some(editing)
    }

    /// An exchange of the conversation that is shown, and where it is.
    pub(super) fn shown_exchange(
        &self,
        id: ExchangeId,
    ) -> Option<(ImageId, Arc<Conversation>, Arc<Exchange>)> {
        let conversation = self.conversation()?;
        let exchange = conversation.exchange(id)?;
        Some((self.ui.current?, Arc::clone(conversation), Arc::clone(exchange)))
    }

    /// Why nothing can be asked about the current picture now, if so.
    pub fn why_not_ask(&self) -> Option<&'static str> {
        let image = self.ui.current?;
        if self.session.model == ModelStatus::Gone {
            Some("The engine has stopped")
        } else if self.session.job.is_some() {
            Some("A question is being answered")
        } else {
            self.why_not_look(image)
        }
    }

    /// Why the model cannot look at a picture now, if so.
    pub fn why_not_look(&self, image: ImageId) -> Option<&'static str> {
        if self.is_handed_over(image) || self.session.pixels.contains_key(&image) {
            None
        } else if self.session.unavailable.contains_key(&image) {
            Some("The picture is missing")
        } else {
            Some("The picture is still being opened")
        }
    }

    /// Sends a question to the engine; returns whether it did.
    pub(super) fn ask_question(
        &mut self,
        image: ImageId,
        asked: Asked,
        now: f64,
        out: &mut Vec<Effect>,
    ) -> bool {
        if self.session.job.is_some() || asked.question.text.is_empty() || !self.hand_over(image, out) {
            return false;
        }
        let picture = self.document().picture(image);
        let Some(conversation) = picture.and_then(|p| p.conversation(asked.place.conversation)) else {
            return false;
        };
        let before = conversation.path_to(asked.place.parent);
        let follows = before.iter().map(|exchange| exchange.id).collect();
        let mut turns: Vec<Turn> =
            before.into_iter().map(|e| e.question.turn(Some(e.reply.raw.clone()))).collect();
        turns.push(asked.question.turn(asked.resumes.as_ref().map(|e| e.reply.raw.clone())));
        let first_hue = conversation.hue_after(asked.place.parent);
        let Settings { system, max_new_tokens, .. } = conversation.settings.clone();
        let request = JobRequest {
            id: self.session.fresh_job(),
            image,
            cancel: CancelToken::default(),
            task: Task::Converse { system, turns, sampling: asked.sampling.clone(), max_new_tokens },
        };
        let is_it = |failure: &FailedQuestion| failure.asked.question == asked.question;
        if self.session.failures.get(&image).is_some_and(is_it) {
            self.session.failures.remove(&image);
        }
        self.give_failed_back(image);
        let job = RunningJob::new(&request, asked, follows, first_hue, now);
        self.session.job = Some(job);
        self.ui.tokens_of = None;
        out.push(Effect::Engine(EngineCommand::Run(Box::new(request))));
        true
    }

    /// The words of a question that could not be answered, where they stand nowhere else: one for all pictures
    /// was written elsewhere, and one that was asked again is in the conversation.
    pub(super) fn words_of(&self, image: ImageId, failure: &FailedQuestion) -> Option<String> {
        let Asked { place, question, .. } = &failure.asked;
        let picture = self.document().picture(image);
        let conversation = picture.and_then(|picture| picture.conversation(place.conversation));
        let is_it = |e: &Arc<Exchange>| e.parent == place.parent && e.question == *question;
        let is_there = conversation.is_some_and(|there| there.exchanges().iter().any(is_it));
        (failure.run.is_none() && !is_there).then(|| question.draft())
    }

    /// Forgets a question that could not be answered. Its words go back to where they were written, where
    /// nothing else is.
    pub(super) fn give_failed_back(&mut self, image: ImageId) {
        let Some(failure) = self.session.failures.remove(&image) else { return };
        if let Some(words) = self.words_of(image, &failure)
            && self.ui.draft(image).trim().is_empty()
        {
            self.ui.drafts.insert(image, words);
        }
    }

    /// Where a conversation was taken away, there is no place any more for the reply that is on its way to it,
    /// nor for what failed there: the next conversation may get the same number. So may the next question, in
    /// the place of one that was being written anew.
    pub(super) fn leave_what_is_gone(&mut self) {
        let is_gone = |run: Option<u64>, image: ImageId, place: Place| {
            let picture = self.history.of_run(run).picture(image);
            picture.is_some_and(|picture| picture.conversation(place.conversation).is_none())
        };
        if let Some(job) = self.session.job.as_mut()
            && is_gone(job.run, job.image, job.asked.place)
        {
            job.is_homeless = true;
            job.cancel.cancel();
        }
        let failures = self.session.failures.iter();
        let gone = failures.filter(|(image, failure)| is_gone(failure.run, **image, failure.asked.place));
        for image in gone.map(|(image, _)| *image).collect::<Vec<_>>() {
            self.give_failed_back(image);
        }
        self.leave_edited_where_gone();
    }

    /// Where a question that was being written anew is gone, its words become the draft, if there is none. That
    /// of a closed picture may come back.
    fn leave_edited_where_gone(&mut self) {
        let Some(Editing { image, conversation, exchange, .. }) = &self.ui.editing else { return };
        let Some(picture) = self.document().picture(*image) else { return };
        let there = picture.conversation(*conversation).and_then(|c| c.exchange(*exchange));
        if there.is_none()
            && let Some(Editing { image, draft, .. }) = self.ui.editing.take()
            && self.ui.draft(image).trim().is_empty()
        {
            self.ui.drafts.insert(image, draft);
        }
    }

    /// Asks the running job to end; the engine looks at the token, not into its queue.
    pub(super) fn stop(&mut self) {
        if let Some(job) = &mut self.session.job {
            job.cancel.cancel();
            job.stopping = true;
        }
    }

    /// The draft was typed in. A `<bbox>` that was typed out becomes the number of a region.
    pub(super) fn set_draft(&mut self, text: String) {
        let Some(picture) = self.picture() else { return };
        let image = picture.id;
        let text = match Question::numbered(&text, &picture.regions) {
            Some((numbered, cursor)) => {
                self.ui.draft_cursor = Some(cursor);
                numbered
            }
            None => text,
        };
        self.ui.drafts.insert(image, text);
    }

    /// There is another region: a `<bbox>` that was typed before it becomes its number.
    pub(super) fn number_draft(&mut self) {
        if let Some(draft) = self.ui.current.and_then(|image| self.ui.drafts.get(&image)) {
            self.set_draft(draft.clone());
        }
    }

    /// Writes a reference to a region at the end of the draft.
    pub(super) fn refer(&mut self, tag: RegionTag, out: &mut Vec<Effect>) {
        self.refer_at(tag, usize::MAX, out);
    }

    /// Writes a reference to a region at a place of the draft, in characters, apart from the words
    /// around it.
    pub(super) fn refer_at(&mut self, tag: RegionTag, place: usize, out: &mut Vec<Effect>) {
        let Some(image) = self.ui.current else { return };
        let draft = self.ui.drafts.entry(image).or_default();
        let at = draft.char_indices().nth(place).map_or(draft.len(), |(at, _)| at);
        let (before, after) = draft.split_at(at);
        let space = |needed: bool| if needed { " " } else { "" };
        let word_before = before.chars().next_back().is_some_and(|c| !c.is_whitespace());
        let word_after = after.chars().next().is_some_and(char::is_alphanumeric);
        let start = format!("{before}{}{}", space(word_before), bracketed(tag));
        self.ui.draft_cursor = Some(start.chars().count());
        *draft = format!("{start}{}{after}", space(word_after));
        self.show_tab(Tab::Chat);
        self.ui.selected_region = Some(tag);
        out.push(Effect::Focus(Field::Question));
    }
}
