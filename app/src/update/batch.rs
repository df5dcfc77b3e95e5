//! One question over all pictures, one after the other: each reply is an edit like any other.
//!
//! [`State::advance_batch`] is called after every action. It looks at what became of the running
//! question, and asks the next one once the model is free.

use std::collections::VecDeque;

use glamm_engine::protocol::{EngineCommand, ImageId, JobId};

use super::{Effect, State};
use crate::document::Question;
use crate::exporting::Batch;
use crate::session::{Asked, ModelStatus, Place};

/// What the user does with the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BatchAction {
    /// Ask for the question; `None`: rather not.
    Prepare(Option<String>),
    /// Begin, with the question that was written.
    Start,
    /// Go on later.
    Pause,
    /// Go on.
    Resume,
    /// End it, or put the finished one away.
    Stop,
    /// Ask once more about those that failed.
    RetryFailed,
}

impl State {
    pub(super) fn batch_action(&mut self, action: BatchAction, out: &mut Vec<Effect>) {
        match action {
            BatchAction::Prepare(prompt) => self.session.batch_prompt = prompt,
            BatchAction::Start => {
                let Some(prompt) = self.session.batch_prompt.take() else { return };
                let all: VecDeque<ImageId> = self.document().pictures().iter().map(|p| p.id).collect();
                if !prompt.trim().is_empty() && !all.is_empty() {
                    let total = all.len();
                    self.session.batch = Some(Batch {
                        prompt,
                        queue: all,
                        current: None,
                        total,
                        answered: 0,
                        failed: Vec::new(),
                        paused: false,
                        stopped: false,
                    });
                }
            }
            BatchAction::Pause => {
                if let Some(batch) = &mut self.session.batch {
                    batch.paused = true;
                }
            }
            BatchAction::Resume => {
                if let Some(batch) = &mut self.session.batch {
                    batch.paused = false;
                }
            }
            BatchAction::Stop => {
                let running = self.session.batch.take().and_then(|batch| batch.current);
                let is_ours = |job: JobId| self.session.job.as_ref().is_some_and(|running| running.id == job);
                if let Some((_, Some(job))) = running
                    && is_ours(job)
                {
                    self.stop();
                }
            }
            BatchAction::RetryFailed => {
                if let Some(batch) = &mut self.session.batch {
                    batch.queue.extend(batch.failed.drain(..).map(|(image, _)| image));
                    batch.paused = false;
                }
            }
        }
        self.load_wanted(out);
    }

    /// Takes the run a step on, where it can be.
    pub(super) fn advance_batch(&mut self, now: f64, out: &mut Vec<Effect>) {
        let Some(mut batch) = self.session.batch.take() else { return };
        if let Some((image, Some(job))) = batch.current {
            if let Some(running) = self.session.job.as_ref().filter(|running| running.id == job) {
                batch.stopped |= running.stopping;
                self.session.batch = Some(batch);
                return;
            }
            batch.current = None;
            self.take_result(&mut batch, image, out);
        }
        let ready = matches!(self.session.model, ModelStatus::Ready(_)) && self.session.job.is_none();
        if ready && !batch.paused {
            self.ask_next_of(&mut batch, now, out);
        }
        self.session.batch = Some(batch);
    }

    /// What became of the question about a picture.
    fn take_result(&mut self, batch: &mut Batch, image: ImageId, out: &mut Vec<Effect>) {
        if let Some(failure) = self.session.failures.get(&image) {
            batch.failed.push((image, failure.message.clone()));
        } else if std::mem::take(&mut batch.stopped) {
            // The user pressed Stop: the run waits, this picture first.
            batch.queue.push_front(image);
            batch.paused = true;
        } else {
            batch.answered += 1;
        }
        if self.ui.current != Some(image) && self.session.encodings.remove(&image).is_some() {
            out.push(Effect::Engine(EngineCommand::CloseImage(image)));
        }
    }

    fn ask_next_of(&mut self, batch: &mut Batch, now: f64, out: &mut Vec<Effect>) {
        while let Some(image) =
            batch.current.take().map(|(image, _)| image).or_else(|| batch.queue.pop_front())
        {
            let Some(picture) = self.document().picture(image).cloned() else {
                batch.total = batch.total.saturating_sub(1);
                continue;
            };
            if let Some(reason) = self.session.unavailable.get(&image) {
                batch.failed.push((image, reason.clone()));
                continue;
            }
            if !self.session.pixels.contains_key(&image) {
                batch.current = Some((image, None));
                self.want_pixels(image, true);
                self.load_wanted(out);
                return;
            }
            self.encode(image, out);
            let question = Question::from_draft(&batch.prompt, &picture.regions);
            let draft = self.ui.drafts.get(&image).cloned();
            let shown = self.ui.conversations.get(&image).and_then(|id| picture.conversation(*id));
            let Some(conversation) = shown.or(picture.conversations.last()) else { continue };
            let place = Place { conversation: conversation.id, parent: conversation.head() };
            let sampling = conversation.settings.sampling.clone();
            self.ask_question(image, Asked { place, question, sampling, resumes: None }, now, out);
            if let Some(draft) = draft {
                // What the user is writing about this picture is none of the run's business.
                self.ui.drafts.insert(image, draft);
            }
            batch.current = self.session.job.as_ref().map(|job| (image, Some(job.id)));
            if batch.current.is_none() {
                batch.failed.push((image, "the question could not be asked".to_owned()));
                continue;
            }
            return;
        }
    }
}
