//! From a draft to a job: suggestions, references to regions, Ask, Stop, asking again.

use glamm_engine::protocol::{CancelToken, EngineCommand, ImageId, JobRequest, Task, Turn};

use super::{Effect, State};
use crate::document::{Question, RegionTag, Settings, bracketed};
use crate::session::{Place, RunningJob};
use crate::suggestions::{self, Suggestion};
use crate::ui_state::{Tab, Tool};

impl State {
    /// Puts the draft about the current picture to the model.
    pub(super) fn ask(&mut self, now: f64, out: &mut Vec<Effect>) {
        let Some(picture) = self.picture() else { return };
        let image = picture.id;
        let question = Question::from_draft(self.ui.draft(image), &picture.regions);
        self.ask_next(image, question, now, out);
    }

    /// Asks at the end of the conversation that is shown.
    pub(super) fn ask_next(&mut self, image: ImageId, question: Question, now: f64, out: &mut Vec<Effect>) {
        if let Some(conversation) = self.conversation() {
            let place = Place { conversation: conversation.id, parent: conversation.head() };
            self.ask_question(image, place, question, now, out);
        }
    }

    /// Asks the question again that could not be answered.
    pub(super) fn retry(&mut self, now: f64, out: &mut Vec<Effect>) {
        let Some(image) = self.ui.current else { return };
        if let Some(failure) = self.session.failures.get(&image) {
            let (place, question) = (failure.place, failure.question.clone());
            self.ask_question(image, place, question, now, out);
        }
    }

    pub(super) fn ask_question(
        &mut self,
        image: ImageId,
        place: Place,
        question: Question,
        now: f64,
        out: &mut Vec<Effect>,
    ) {
        if self.session.job.is_some() || question.text.is_empty() {
            return;
        }
        let picture = self.document().picture(image);
        let Some(conversation) = picture.and_then(|p| p.conversation(place.conversation)) else { return };
        let before = conversation.path_to(place.parent);
        let mut turns: Vec<Turn> =
            before.into_iter().map(|e| e.question.turn(Some(e.reply.raw.clone()))).collect();
        turns.push(question.turn(None));
        let first_hue = conversation.hue_after(place.parent);
        let Settings { system, sampling, max_new_tokens } = conversation.settings.clone();
        let request = JobRequest {
            id: self.session.fresh_job(),
            image,
            cancel: CancelToken::default(),
            task: Task::Converse { system, turns, sampling: sampling.clone(), max_new_tokens },
        };
        self.session.job = Some(RunningJob {
            id: request.id,
            image,
            place,
            question,
            cancel: request.cancel.clone(),
            stopping: false,
            started: false,
            asked_at: now,
            text: String::new(),
            chars: 0,
            open_phrase: None,
            waiting_phrases: Vec::new(),
            grounded: Vec::new(),
            first_hue,
            sampling,
        });
        self.session.failures.remove(&image);
        self.ui.drafts.remove(&image);
        self.ui.prompt_awaiting_region = None;
        out.push(Effect::Engine(EngineCommand::Run(Box::new(request))));
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
        self.ui.tab = Tab::Chat;
        self.ui.selected_region = Some(tag);
        out.push(Effect::FocusQuestion);
    }

    /// Writes a suggestion into the draft, or asks it where nothing is missing.
    pub(super) fn suggest(&mut self, suggestion: &Suggestion, now: f64, out: &mut Vec<Effect>) {
        let Some(picture) = self.picture() else { return };
        let image = picture.id;
        match *suggestion {
            Suggestion::Ask { prompt, .. } => {
                let question = Question::from_draft(prompt, &picture.regions);
                self.ask_next(image, question, now, out);
            }
            Suggestion::Complete { before, after, .. } => {
                self.ui.drafts.insert(image, format!("{before}{after}"));
                self.ui.draft_cursor = Some(before.chars().count());
                out.push(Effect::FocusQuestion);
            }
            Suggestion::AboutRegion { prompt, .. } => {
                let selected = self.ui.selected_region.and_then(|tag| picture.region(tag));
                if let Some(tag) = selected.or(picture.regions.last()).map(|r| r.tag) {
                    self.draft_about(image, prompt, tag, out);
                } else {
                    self.ui.tool = Tool::Box;
                    self.ui.prompt_awaiting_region = Some(prompt);
                }
            }
        }
    }

    /// A region was drawn: completes the prompt that waited for it.
    pub(super) fn region_drawn(&mut self, tag: RegionTag, out: &mut Vec<Effect>) {
        if let (Some(image), Some(prompt)) = (self.ui.current, self.ui.prompt_awaiting_region.take()) {
            self.draft_about(image, prompt, tag, out);
        }
    }

    fn draft_about(&mut self, image: ImageId, prompt: &str, tag: RegionTag, out: &mut Vec<Effect>) {
        let draft = prompt.replace(suggestions::REGION, &bracketed(tag));
        self.ui.draft_cursor = Some(draft.chars().count());
        self.ui.drafts.insert(image, draft);
        out.push(Effect::FocusQuestion);
    }
}
