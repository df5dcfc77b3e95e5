//! The engine thread's loop: takes commands, owns the model and the images, reports events.
//!
//! What always holds: every job it takes gets exactly one terminal event, which is its last; a
//! panic or an error inside the model becomes an event, and the thread and the model live on; it
//! waits only for commands and for room in the event queue, and neither wait outlives the handle.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use crossbeam::channel::{Receiver, RecvError, SendTimeoutError, Sender, TryRecvError};

use crate::device;
use crate::error::{DeviceError, EngineError};
use crate::images::{ImageCache, OpenImages};
use crate::job::{Answer, Increment, Question, StopCheck};
use crate::loaded_model::LoadedModel;
use crate::mailbox::Mailbox;
use crate::protocol::{EngineCommand, EngineEvent, ImageId, JobRequest, LoadProgress, ModelSpec, Task};

/// How often a worker that waits for room in the event queue looks whether the handle is gone.
const ABANDON_CHECK: Duration = Duration::from_millis(20);

/// State of the engine thread.
pub(crate) struct Worker<B: LoadedModel> {
    commands: Receiver<EngineCommand>,
    outbox: Arc<Outbox>,
    mailbox: Arc<Mailbox>,
    model: Option<B>,
    images: OpenImages<B::Image>,
    /// The most that caches of images may take beside the model, in bytes.
    cache_budget: usize,
}

impl<B: LoadedModel> Worker<B> {
    /// A worker without model or images.
    pub(crate) fn new(
        commands: Receiver<EngineCommand>,
        events: Sender<EngineEvent>,
        mailbox: Arc<Mailbox>,
        wake: Box<dyn Fn() + Send + Sync>,
    ) -> Self {
        let outbox = Arc::new(Outbox { events, mailbox: Arc::clone(&mailbox), wake });
        Self { commands, outbox, mailbox, model: None, images: OpenImages::new(), cache_budget: 0 }
    }

    /// Works until [`EngineCommand::Shutdown`] comes or the handle is gone.
    pub(crate) fn run(mut self) {
        while let Ok(command) = self.next_command() {
            self.mailbox.settle(&command);
            if self.mailbox.is_abandoned() {
                return;
            }
            match command {
                EngineCommand::LoadModel(spec) => self.load(&spec),
                EngineCommand::UnloadModel => {
                    self.unload();
                    self.outbox.send(EngineEvent::ModelUnloaded);
                }
                EngineCommand::OpenImage { image, pixels } => self.images.open(image, pixels),
                EngineCommand::CloseImage(image) => self.images.close(image),
                EngineCommand::Run(job) => self.run_job(&job),
                EngineCommand::Shutdown => break,
            }
        }
        self.decline_the_rest();
    }

    /// The next command. As long as there is none, images are encoded.
    fn next_command(&mut self) -> Result<EngineCommand, RecvError> {
        loop {
            match self.commands.try_recv() {
                Ok(command) => return Ok(command),
                Err(TryRecvError::Disconnected) => return Err(RecvError),
                Err(TryRecvError::Empty) if self.encode_ahead() => {}
                Err(TryRecvError::Empty) => return self.commands.recv(),
            }
        }
    }

    /// Jobs that were queued behind the end of the thread end cancelled.
    fn decline_the_rest(&self) {
        self.mailbox.end();
        while let Ok(command) = self.commands.try_recv() {
            if let EngineCommand::Run(job) = command {
                self.outbox.send(finished(&job, Answer::cancelled()));
            }
        }
    }

    fn unload(&mut self) {
        self.images.forget_caches();
        if self.model.take().is_some() {
            device::give_memory_back();
        }
    }

    fn load(&mut self, spec: &ModelSpec) {
        self.unload();
        let outbox = Arc::clone(&self.outbox);
        let mut told = None;
        let progress = move |progress: &LoadProgress| {
            // A hundred events are enough for a bar, and one more for each part.
            let percent = progress.done_bytes().saturating_mul(100) / progress.total_bytes().max(1);
            let state = Some((percent, progress.current()));
            if told != state {
                told = state;
                outbox.send(EngineEvent::LoadProgressed(*progress));
            }
            !outbox.mailbox.loading_is_pointless()
        };
        match guarded(|| B::load(spec, Box::new(progress))) {
            Ok(model) => {
                self.outbox.send(EngineEvent::ModelLoaded(model.info().clone()));
                self.cache_budget = model.cache_budget();
                self.model = Some(model);
                self.images.expect_latest();
            }
            // Overtaken by another model change, whose own event follows, or by the end.
            Err(EngineError::Cancelled) => device::give_memory_back(),
            Err(error) => {
                device::give_memory_back();
                self.outbox.send(EngineEvent::LoadFailed(Arc::new(error)));
            }
        }
    }

    /// Encodes an image before a job needs it, if one is expected; answers whether there was. Words can soon be
    /// asked for, and whoever asks does not wait for what masks need: any command interrupts that, and
    /// it goes on when the worker is idle again. Nor does a question about another image wait for what
    /// words about this one need, which then begins anew.
    fn encode_ahead(&mut self) -> bool {
        let Some(id) = self.images.expected().filter(|_| self.model.is_some()) else { return false };
        let (commands, mailbox) = (self.commands.clone(), Arc::clone(&self.mailbox));
        let result = self
            .begin_encoding(id, &|| mailbox.encoding_is_pointless(id) || mailbox.another_comes_first(id))
            .and_then(|()| self.finish_encoding(id, &|| !commands.is_empty() || mailbox.is_abandoned()));
        match result {
            // The command that is waiting says how it goes on.
            Err(EngineError::Cancelled) => {}
            Ok(()) => self.images.settle(id),
            Err(error) => {
                self.images.settle(id);
                let error = Arc::new(self.relieve(error).error);
                self.outbox.send(EngineEvent::ImageFailed { image: id, error });
            }
        }
        true
    }

    /// The same failure. Where memory ran out, everything but the model is freed first, so that what comes
    /// next finds more than this did.
    fn relieve(&mut self, error: EngineError) -> Failure {
        let Some(model) = &self.model else { return Failure { error, freed_bytes: 0 } };
        let error = model.variant().explain(error);
        let ran_out = matches!(error, EngineError::Device(DeviceError::OutOfMemory { .. }));
        Failure { error, freed_bytes: if ran_out { self.images.forget_caches() } else { 0 } }
    }

    /// Makes sure that the image is encoded as far as words need it.
    fn begin_encoding(&mut self, id: ImageId, stop: StopCheck<'_>) -> Result<(), EngineError> {
        let model = self.model.as_ref().ok_or(EngineError::NoModel)?;
        let image = self.images.touch(id).ok_or(EngineError::UnknownImage)?;
        if image.cache.is_none() {
            image.cache = Some(guarded(|| model.begin_encoding(&image.pixels, stop))?);
            self.images.trim(self.cache_budget);
        }
        Ok(())
    }

    /// Makes sure that an image whose encoding was begun is encoded as masks need it.
    fn finish_encoding(&mut self, id: ImageId, stop: StopCheck<'_>) -> Result<(), EngineError> {
        let model = self.model.as_ref().ok_or(EngineError::NoModel)?;
        let cache = self.images.touch(id).and_then(|image| image.cache.as_mut());
        let cache = cache.ok_or(EngineError::UnknownImage)?;
        if !cache.is_complete() {
            let timings = guarded(|| model.finish_encoding(cache, stop))?;
            self.outbox.send(EngineEvent::ImageEncoded { image: id, timings });
        }
        Ok(())
    }

    fn run_job(&mut self, job: &JobRequest) {
        self.outbox.send(EngineEvent::JobStarted { job: job.id });
        let mut pieces = 0;
        let mut result = self.perform(job, &mut pieces).map_err(|error| self.relieve(error));
        // With that memory it may succeed. Of a reply that has begun nothing is to be said twice.
        if pieces == 0 && matches!(result, Err(Failure { freed_bytes: 1.., .. })) {
            result = self.perform(job, &mut pieces).map_err(|error| self.relieve(error));
        }
        self.images.trim(self.cache_budget);
        self.outbox.send(match result {
            Ok(event) => event,
            Err(Failure { error: EngineError::Cancelled, .. }) => finished(job, Answer::cancelled()),
            Err(Failure { error, .. }) => EngineEvent::JobFailed { job: job.id, error: Arc::new(error) },
        });
    }

    /// Does the job; the last event of it is returned. Pieces of a reply that were sent are counted.
    fn perform(&mut self, job: &JobRequest, pieces: &mut usize) -> Result<EngineEvent, EngineError> {
        let mailbox = Arc::clone(&self.mailbox);
        let stop = || job.cancel.is_cancelled() || mailbox.shutdown_waits();
        if stop() {
            return Err(EngineError::Cancelled);
        }
        self.begin_encoding(job.image, &stop)?;
        if !matches!(job.task, Task::Converse { .. }) {
            self.finish_encoding(job.image, &stop)?;
        }
        let model = self.model.as_ref().ok_or(EngineError::NoModel)?;
        let image = self.images.touch(job.image).ok_or(EngineError::UnknownImage)?;
        let cache = image.cache.as_mut().ok_or(EngineError::UnknownImage)?;
        match &job.task {
            Task::Converse { system, turns, sampling, max_new_tokens } => {
                let (system, max_new_tokens) = (system.as_deref(), *max_new_tokens);
                let question = Question { system, turns, sampling, max_new_tokens };
                let outbox = &self.outbox;
                let mut report = |increment: Increment| {
                    *pieces += usize::from(!matches!(increment, Increment::ImageEncoded(_)));
                    outbox.send(increment.into_event((job.id, job.image)));
                };
                let result = guarded(|| model.converse(cache, question, &stop, &mut report));
                if matches!(result, Err(EngineError::Panicked(_) | EngineError::Compute(_))) {
                    // What broke in the middle may have left the context half-written.
                    cache.drop_context();
                }
                result.map(|answer| finished(job, answer))
            }
            Task::Segment { points, region } => {
                let masks = guarded(|| model.segment(cache, points, *region))?;
                Ok(EngineEvent::Segmented { job: job.id, masks })
            }
            Task::Features { mask } => {
                let mask = mask.as_ref().map(|(prompt, index)| (prompt, *index));
                let maps = Arc::new(guarded(|| model.feature_maps(cache, mask))?);
                Ok(EngineEvent::FeaturesExtracted { job: job.id, maps })
            }
        }
    }
}

/// Why something was not done.
struct Failure {
    error: EngineError,
    /// Memory that was freed because of it.
    freed_bytes: usize,
}

fn finished(job: &JobRequest, answer: Answer) -> EngineEvent {
    let Answer { reason, reply, tokens, stats } = answer;
    EngineEvent::JobFinished { job: job.id, reason, reply, tokens, stats }
}

/// Runs model code; a panic in it becomes [`EngineError::Panicked`].
fn guarded<T>(work: impl FnOnce() -> Result<T, EngineError>) -> Result<T, EngineError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| {
        let message = payload
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "a panic without a message".to_owned());
        Err(EngineError::Panicked(message))
    })
}

/// The worker's end of the event queue.
struct Outbox {
    events: Sender<EngineEvent>,
    mailbox: Arc<Mailbox>,
    wake: Box<dyn Fn() + Send + Sync>,
}

impl Outbox {
    /// Queues an event and wakes the application; waits for room as long as the handle lives.
    fn send(&self, event: EngineEvent) {
        let mut waiting = event;
        while !self.mailbox.is_abandoned() {
            match self.events.send_timeout(waiting, ABANDON_CHECK) {
                Ok(()) => {
                    (self.wake)();
                    return;
                }
                Err(SendTimeoutError::Timeout(event)) => waiting = event,
                Err(SendTimeoutError::Disconnected(_)) => return,
            }
        }
    }
}

#[cfg(test)]
mod tests;
