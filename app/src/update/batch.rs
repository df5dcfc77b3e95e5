//! One question over all pictures, one after the other: each reply is an edit like any other.
//!
//! [`State::advance_batch`] is called after every action. It looks at what became of the running
//! question, and asks the next one once the model is free.

use std::collections::VecDeque;

use glamm_engine::protocol::{EngineCommand, FinishReason, ImageId, JobId};

use crate::action::{BatchAction, Effect};
use crate::document::{Conversation, Question};
use crate::state::State;
use crate::state::exporting::{Batch, NotAnswered};
use crate::state::session::{Asked, ModelStatus, Place};

impl State {
    pub(super) fn batch_action(&mut self, action: BatchAction, out: &mut Vec<Effect>) {
        match action {
            BatchAction::Prepare(prompt) => self.session.batch_prompt = prompt,
            BatchAction::Start => {
                self.close_fields();
                let Some(prompt) = self.session.batch_prompt.take() else { return };
                let here = self.document().pictures().iter().map(|picture| picture.id);
                // Those that are on their way are asked about once they are there.
                let arriving = self.session.arrivals.iter().map(|arrival| arrival.image);
                let all: VecDeque<ImageId> = here.chain(arriving).collect();
                if !prompt.trim().is_empty() && !all.is_empty() {
                    // What was missing may be there by now.
                    self.session.unavailable.clear();
                    self.session.batch = Some(Batch::new(self.session.fresh_run(), prompt, all));
                }
            }
            BatchAction::Pause => {
                if let Some(batch) = &mut self.session.batch {
                    batch.paused = true;
                }
            }
            BatchAction::Resume => {
                self.redo_run(out);
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
                self.redo_run(out);
                let session = &mut self.session;
                if let Some(batch) = &mut session.batch {
                    let there = |image: &ImageId| self.history.present().picture(*image).is_some();
                    let failed = std::mem::take(&mut batch.failed);
                    let (again, never): (Vec<_>, Vec<_>) =
                        failed.into_iter().partition(|failed| there(&failed.image));
                    batch.failed = never;
                    for NotAnswered { image, .. } in again {
                        session.unavailable.remove(&image);
                        session.failures.remove(&image);
                        batch.queue.push_back(image);
                    }
                    batch.paused = false;
                }
            }
        }
        self.load_wanted(out);
    }

    /// What came of the run was undone: it waits, so that it can be redone.
    pub(super) fn run_undone(&mut self, run: u64) {
        let unfinished = |batch: &&mut Batch| batch.id == run && !batch.is_finished();
        if let Some(batch) = self.session.batch.as_mut().filter(unfinished) {
            batch.paused = true;
        }
        if self.session.job.as_ref().is_some_and(|job| job.run == Some(run)) {
            self.stop();
        }
    }

    /// The run is to go on: what came of it so far is there again.
    fn redo_run(&mut self, out: &mut Vec<Effect>) {
        let Some(run) = self.session.batch.as_ref().map(|batch| batch.id) else { return };
        let mut step = None;
        while self.history.is_undone(run) {
            step = self.redo(out);
        }
        self.show_step(step, out);
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
            batch.fail(image, self.name_in_document(image), failure.message.clone());
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

    /// Why the run does not go on by itself, if so.
    pub fn why_run_waits(&self) -> Option<&'static str> {
        let session = &self.session;
        session.batch.as_ref().filter(|batch| !batch.is_finished() && !batch.paused)?;
        match &session.model {
            ModelStatus::Ready(_) => None,
            ModelStatus::Loading(_) => Some("It goes on once the model is loaded"),
            ModelStatus::Failed(_) | ModelStatus::Unloaded => Some("It waits for a model: none is loaded"),
            ModelStatus::Gone => Some("The engine has stopped: restart the program to go on"),
        }
    }

    fn name_in_document(&self, image: ImageId) -> String {
        self.document().picture(image).map_or_else(String::new, |picture| picture.name.clone())
    }

    /// A picture that the run may wait for cannot be had.
    pub(super) fn never_came(&mut self, image: ImageId, name: &str, reason: &str) {
        if let Some(batch) = &mut self.session.batch
            && let Some(place) = batch.queue.iter().position(|waiting| *waiting == image)
        {
            batch.queue.remove(place);
            batch.fail(image, name, reason);
        }
    }

    /// The picture that is next: the one that is waited for, or the first that is not on its way still.
    fn take_next(&self, batch: &mut Batch) -> Option<ImageId> {
        if let Some((image, _)) = batch.current.take() {
            return Some(image);
        }
        let arrives = |image: &ImageId| self.session.arrivals.iter().any(|arrival| arrival.image == *image);
        let place = batch.queue.iter().position(|image| !arrives(image))?;
        batch.queue.remove(place)
    }

    fn ask_next_of(&mut self, batch: &mut Batch, now: f64, out: &mut Vec<Effect>) {
        while let Some(image) = self.take_next(batch) {
            let Some(picture) = self.document().picture(image).cloned() else {
                batch.total = batch.total.saturating_sub(1);
                continue;
            };
            if let Some(reason) = self.session.unavailable.get(&image) {
                batch.fail(image, picture.name.clone(), reason.clone());
                continue;
            }
            if !self.session.pixels.contains_key(&image) {
                batch.current = Some((image, None));
                self.want_pixels(image, true);
                self.load_wanted(out);
                return;
            }
            self.encode(image, out);
            let shown = self.ui.conversations.get(&image).and_then(|id| picture.conversation(*id));
            let Some(conversation) = shown.or(picture.conversations.last()) else { continue };
            let asked = asked_in(conversation, Question::from_draft(&batch.prompt, &picture.regions));
            self.ask_question(image, asked, now, out);
            batch.current = self.session.job.as_mut().map(|job| {
                job.run = Some(batch.id);
                (image, Some(job.id))
            });
            if batch.current.is_none() {
                batch.fail(image, picture.name.clone(), "the question could not be asked");
                continue;
            }
            return;
        }
    }
}

/// The question at the end of a conversation. Where the last reply there is one to this very question, and
/// was stopped, it goes on in its place.
fn asked_in(conversation: &Conversation, question: Question) -> Asked {
    let last = conversation.head().and_then(|head| conversation.exchange(head));
    let stopped = last.filter(|last| last.reason == FinishReason::Cancelled && last.question == question);
    let parent = stopped.map_or(conversation.head(), |stopped| stopped.parent);
    let place = Place { conversation: conversation.id, parent };
    let sampling = conversation.settings.sampling.clone();
    Asked { place, question, sampling, resumes: stopped.cloned() }
}
