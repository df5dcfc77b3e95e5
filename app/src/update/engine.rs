//! What the engine's events change. Events of a job or an image that is no longer there are
//! dropped.

use std::sync::Arc;

use glamm_engine::error::{EngineError, PromptError};
use glamm_engine::protocol::{
    EngineCommand, EngineEvent, FinishReason, Grounding, JobId, JobStats, Reply, TokenRecord,
};
use glamm_engine::vision::MaskCandidates;

use crate::action::Effect;
use crate::document::{ConversationEdit, Edit, Exchange, GroundedMask, Picture, Question};
use crate::notice::Tone;
use crate::state::State;
use crate::state::inspection::Layer;
use crate::state::session::{Asked, Encoding, FailedQuestion, ModelStatus, Place, RunningJob};

/// So many pictures the engine is told again to forget at once: its queue has room for other things besides.
const CLOSED_AT_ONCE: usize = 16;
/// A question is named by so many of its first characters.
const WORDS_OF_QUESTION: usize = 60;

/// How a reply ended.
struct Ended {
    reason: FinishReason,
    reply: Reply,
    tokens: Arc<[TokenRecord]>,
    stats: JobStats,
}

impl State {
    pub(super) fn engine_event(&mut self, event: EngineEvent, now: f64, out: &mut Vec<Effect>) {
        let has_ended = ends_work(&event);
        match event {
            EngineEvent::LoadProgressed(progress) => self.session.model = ModelStatus::Loading(progress),
            EngineEvent::ModelLoaded(info) => {
                self.session.model = ModelStatus::Ready(info);
                self.session.findings.forget_maps();
                if let Some(Layer::Attention { layer, head }) = &mut self.ui.inspection.layer {
                    // Another model may have fewer of either.
                    (*layer, *head) = (0, 0);
                }
                self.refresh_manager(out);
            }
            EngineEvent::LoadFailed(error) => self.load_failed(error.to_string(), out),
            EngineEvent::ModelUnloaded => {
                self.session.model = ModelStatus::Unloaded;
                self.refresh_manager(out);
            }
            EngineEvent::ImageEncoded { image, timings } => {
                if let Some(encoding) = self.session.encodings.get_mut(&image) {
                    *encoding = Encoding::Done(timings);
                }
            }
            EngineEvent::ImageFailed { image, error } => {
                if let Some(encoding) = self.session.encodings.get_mut(&image) {
                    *encoding = Encoding::Failed(error.to_string());
                }
            }
            EngineEvent::JobStarted { job } => self.with_job(job, |job| job.started = true),
            EngineEvent::TextGenerated { job, text } => self.with_job(job, |job| {
                job.chars += text.chars().count();
                job.text.push_str(&text);
            }),
            EngineEvent::PhraseOpened { job } => {
                self.with_job(job, |job| job.open_phrase = Some(job.chars));
            }
            EngineEvent::PhraseClosed { job, span } => self.with_job(job, |job| {
                job.open_phrase = None;
                job.waiting_phrases.push(span);
            }),
            EngineEvent::MaskReady { job, index, grounding, masks } => {
                self.mask_ready(job, index, grounding, masks);
            }
            EngineEvent::JobFinished { job, reason, reply, tokens, stats } => {
                self.job_finished(job, Ended { reason, reply, tokens, stats });
            }
            EngineEvent::Segmented { job, masks } => self.segmented(job, masks, now, out),
            EngineEvent::FeaturesExtracted { job, maps } => self.maps_ready(job, maps),
            EngineEvent::JobFailed { job, error } => self.job_failed(job, &error),
        }
        if std::mem::take(&mut self.session.unload_due) {
            out.push(Effect::Engine(EngineCommand::UnloadModel));
        }
        if has_ended {
            // What it had no room for before, it may have now.
            let some = self.session.closing.len().min(CLOSED_AT_ONCE);
            let closing = self.session.closing.drain(..some);
            out.extend(closing.map(|image| Effect::Engine(EngineCommand::CloseImage(image))));
        }
    }

    /// The engine's queue was full.
    pub(super) fn engine_refused(&mut self, command: &EngineCommand, out: &mut Vec<Effect>) {
        match command {
            EngineCommand::Run(request) => {
                let message = "The engine is busy: ask again in a moment".to_owned();
                self.fail(request.id, message, false);
            }
            EngineCommand::OpenImage { image, .. } => {
                // Selecting the picture again, or asking about it, offers it again.
                self.session.encodings.remove(image);
            }
            EngineCommand::LoadModel(_) => {
                let message = "the engine is busy: load the model again in a moment".to_owned();
                self.load_failed(message, out);
            }
            EngineCommand::CloseImage(image) => self.session.closing.push(*image),
            EngineCommand::UnloadModel => self.session.unload_due = true,
            // The window's end does it, too.
            EngineCommand::Shutdown => {}
        }
    }

    pub(super) fn engine_gone(&mut self) {
        self.session.model = ModelStatus::Gone;
        self.session.segmentation = None;
        if let Some(id) = self.session.job.as_ref().map(|job| job.id) {
            self.fail(id, EngineError::Disconnected.to_string(), false);
        }
    }

    fn with_job(&mut self, id: JobId, change: impl FnOnce(&mut RunningJob)) {
        if let Some(job) = self.session.job.as_mut().filter(|job| job.id == id) {
            change(job);
        }
    }

    fn mask_ready(&mut self, id: JobId, index: usize, grounding: Grounding, masks: MaskCandidates) {
        let mask_id = self.session.fresh_mask();
        self.with_job(id, |job| {
            job.waiting_phrases.retain(|span| *span != grounding.span);
            if job.grounded.len() <= index {
                let nowhere = || (Grounding { span: 0..0 }, None);
                job.grounded.resize_with(index + 1, nowhere);
            }
            job.grounded[index] = (grounding, Some(GroundedMask::new(mask_id, masks)));
        });
    }

    fn job_finished(&mut self, id: JobId, Ended { reason, reply, tokens, stats }: Ended) {
        if self.segmentation_ended(id, None) || self.maps_failed(id, Ok(reason)) {
            return;
        }
        let Some(job) = self.session.job.take_if(|job| job.id == id) else { return };
        if job.is_homeless {
            return self.homeless_ended(&job);
        }
        let stopped_early = reason == FinishReason::Cancelled && reply.text.trim().is_empty();
        if stopped_early && reply.groundings.is_empty() {
            self.nothing_was_said(&job);
            return;
        }
        if stats.tokens_per_second() > 0.0 {
            self.session.tokens_per_second = Some(stats.tokens_per_second());
        }
        let mut masks: Vec<_> = self.running_masks(&job).map(|(_, mask)| mask.cloned()).collect();
        masks.resize(reply.groundings.len(), None);
        let resumed = self.resumed_exchange(&job).map(|there| (there.id, there.parent));
        let RunningJob { image, asked, follows, first_hue, stopping, run, .. } = job;
        let Asked { place: Place { conversation, .. }, question, sampling, resumes } = asked;
        let picture = self.history.of_run(run).picture(image);
        let Some(there) = picture.and_then(|p| p.conversation(conversation)) else {
            if !stopping {
                self.reply_is_lost(&question);
            }
            return;
        };
        let (id, parent) = resumed.unwrap_or_else(|| (there.free_exchange(), there.last_of(&follows)));
        let moved = resumed.is_none() && parent != follows.last().copied();
        let exchange = Arc::new(Exchange {
            id,
            parent,
            question,
            reply,
            tokens: resumes.as_ref().map_or(tokens.clone(), |before| both(&before.tokens, &tokens)),
            masks,
            first_hue,
            sampling,
            reason,
            stats: resumes.as_ref().map_or(stats, |before| together(before.stats, stats)),
        });
        let change = match resumed {
            Some(_) => ConversationEdit::Extend(Arc::clone(&exchange)),
            None => ConversationEdit::Add(Arc::clone(&exchange)),
        };
        let edit = Edit::Conversation { image, conversation, change };
        if !self.edit_as(&edit, run) {
            self.reply_is_lost(&exchange.question);
        } else if moved {
            let text =
                "What the last question followed was undone: its reply stands behind what is left of it";
            self.session.notify(text, Tone::Note);
        }
    }

    /// A reply has ended whose conversation was taken away: who deleted that knows.
    fn homeless_ended(&mut self, job: &RunningJob) {
        if !job.stopping {
            self.reply_is_lost(&job.asked.question);
        }
    }

    /// There is no place any more for a reply that has ended.
    fn reply_is_lost(&mut self, question: &Question) {
        let words: String = question.draft().chars().take(WORDS_OF_QUESTION).collect();
        let text = format!("The reply to “{words}” is lost: its conversation is no longer there");
        self.session.notify(text, Tone::Failure);
    }

    fn nothing_was_said(&mut self, job: &RunningJob) {
        if let Some(picture) = self.document().picture(job.image).cloned() {
            self.give_question_back(job, &picture);
        }
    }

    /// The question about a picture that was closed goes back before its reply is stopped: it may not be heard
    /// of again.
    pub(super) fn take_question_back(&mut self, closed: &Picture) {
        if let Some(job) = self.session.job.take() {
            if !job.is_homeless {
                self.give_question_back(&job, closed);
            }
            self.session.job = Some(job);
        }
    }

    /// A question goes back to where it was written; one for all pictures was written elsewhere.
    fn give_question_back(&mut self, job: &RunningJob, picture: &Picture) {
        let RunningJob { asked, edited, run: None, .. } = job else { return };
        if let Some(edited) = edited {
            self.ui.editing.get_or_insert_with(|| edited.clone());
            return;
        }
        let conversation = picture.conversation(asked.place.conversation);
        let is_new = conversation.is_some_and(|c| c.head() == asked.place.parent);
        if is_new && self.ui.draft(picture.id).trim().is_empty() {
            self.ui.drafts.insert(picture.id, asked.question.draft());
        }
    }

    fn job_failed(&mut self, id: JobId, error: &EngineError) {
        let too_long = matches!(error, EngineError::Prompt(PromptError::TooLong { .. }));
        self.fail(id, error.to_string(), too_long);
    }

    fn fail(&mut self, id: JobId, message: String, too_long: bool) {
        if self.segmentation_ended(id, Some(message.clone())) || self.maps_failed(id, Err(message.clone())) {
            return;
        }
        let Some(job) = self.session.job.take_if(|job| job.id == id) else { return };
        if job.is_homeless {
            self.homeless_ended(&job);
        } else if self.document().picture(job.image).is_some() {
            let failure = FailedQuestion { asked: job.asked, message, too_long, run: job.run };
            self.session.failures.insert(job.image, failure);
        }
    }
}

/// Whether the engine has done something, and goes on to the next.
fn ends_work(event: &EngineEvent) -> bool {
    match event {
        EngineEvent::ModelLoaded(_)
        | EngineEvent::LoadFailed(_)
        | EngineEvent::ModelUnloaded
        | EngineEvent::ImageEncoded { .. }
        | EngineEvent::ImageFailed { .. }
        | EngineEvent::JobFinished { .. }
        | EngineEvent::Segmented { .. }
        | EngineEvent::FeaturesExtracted { .. }
        | EngineEvent::JobFailed { .. } => true,
        EngineEvent::LoadProgressed(_)
        | EngineEvent::JobStarted { .. }
        | EngineEvent::TextGenerated { .. }
        | EngineEvent::PhraseOpened { .. }
        | EngineEvent::PhraseClosed { .. }
        | EngineEvent::MaskReady { .. } => false,
    }
}

/// The tokens of a reply that was made in two parts.
fn both(first: &[TokenRecord], second: &[TokenRecord]) -> Arc<[TokenRecord]> {
    first.iter().chain(second).cloned().collect()
}

/// The cost of a reply that was made in two parts.
fn together(first: JobStats, second: JobStats) -> JobStats {
    JobStats {
        new_tokens: first.new_tokens + second.new_tokens,
        decode_time: first.decode_time + second.decode_time,
        mask_time: first.mask_time + second.mask_time,
        ..first
    }
}
