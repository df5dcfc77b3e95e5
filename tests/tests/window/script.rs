//! The engine's part, played from a script: commands are answered with recorded events, so that the
//! window is tested without weights and without waiting for a model.

use std::sync::Arc;
use std::time::Duration;

use crossbeam::channel::{Receiver, Sender, bounded};
use glamm::engine_link::EngineLink;
use glamm_engine::precision::{KeptAs, Precision};
use glamm_engine::protocol::{
    EncodeTimings, EncoderSides, EngineCommand, EngineEvent, FinishReason, Grounding, Held, JobId,
    JobRequest, JobStats, ModelInfo, ModelSource, Reply, Task,
};
use glamm_engine::vision::{BinaryMask, MaskCandidates, MaskLogits, MaskPrompt};

use crate::looks;

/// A reply to be played: words, and phrases with the mask of each.
pub(crate) struct Line {
    /// In order; a phrase has a mask.
    pub(crate) parts: Vec<(String, Option<BinaryMask>)>,
}

impl Line {
    /// From words and phrases.
    pub(crate) fn new<const N: usize>(parts: [(&str, Option<BinaryMask>); N]) -> Self {
        Self { parts: parts.into_iter().map(|(text, mask)| (text.to_owned(), mask)).collect() }
    }
}

/// The other ends of the window's channels.
pub(crate) struct Player {
    commands: Receiver<EngineCommand>,
    events: Sender<EngineEvent>,
    /// Replies still to be played, the next one last.
    pub(crate) lines: Vec<Line>,
    /// Jobs that were asked for, as they came.
    pub(crate) asked: Vec<JobRequest>,
}

impl Player {
    /// A player with nothing to say, and the link that the window talks to it by.
    pub(crate) fn new() -> (Self, EngineLink) {
        let (command_sender, commands) = bounded(32);
        let (events, event_receiver) = bounded(4096);
        let link = EngineLink::Channels { commands: command_sender, events: event_receiver };
        (Self { commands, events, lines: Vec::new(), asked: Vec::new() }, link)
    }

    /// Reports something.
    pub(crate) fn send(&self, event: EngineEvent) {
        assert!(self.events.try_send(event).is_ok(), "the window does not read its events");
    }

    /// Answers all commands that wait. A question is only noted; [`Self::start`] begins its reply.
    pub(crate) fn answer_commands(&mut self) {
        while let Ok(command) = self.commands.try_recv() {
            match command {
                EngineCommand::LoadModel(_) => self.send(EngineEvent::ModelLoaded(scripted_model())),
                EngineCommand::OpenImage { image, .. } => {
                    let timings =
                        EncodeTimings { grounding_encoder: Duration::from_millis(38), ..Default::default() };
                    self.send(EngineEvent::ImageEncoded { image, timings });
                }
                EngineCommand::Run(request) => match &request.task {
                    Task::Features { mask } => {
                        let maps = Arc::new(looks::maps(mask.is_some()));
                        self.send(EngineEvent::FeaturesExtracted { job: request.id, maps });
                    }
                    _ => self.asked.push(*request),
                },
                EngineCommand::UnloadModel => self.send(EngineEvent::ModelUnloaded),
                EngineCommand::CloseImage(_) | EngineCommand::Shutdown => {}
            }
        }
    }

    /// The last question, and the text of its last turn.
    pub(crate) fn question(&self) -> &str {
        let Some(JobRequest { task: Task::Converse { turns, .. }, .. }) = self.asked.last() else {
            return "";
        };
        turns.last().map_or("", |turn| &turn.user)
    }

    /// Plays the next line up to `parts` of its parts, without an end.
    pub(crate) fn start(&mut self, parts: usize) {
        let (line, job) = self.cue();
        self.play(&line, job, parts);
    }

    /// Plays the next line to its end.
    pub(crate) fn finish(&mut self) {
        self.finish_with(FinishReason::EndOfSequence);
    }

    /// Plays the next line to its end, which comes for this reason.
    pub(crate) fn finish_with(&mut self, reason: FinishReason) {
        let (line, job) = self.cue();
        let reply = self.play(&line, job, line.parts.len());
        let stats = JobStats {
            prompt_tokens: 120,
            cached_tokens: 0,
            new_tokens: 24,
            time_to_first_token: Duration::from_millis(180),
            decode_time: Duration::from_millis(195),
            mask_time: Duration::from_millis(40),
        };
        self.send(EngineEvent::JobFinished {
            job,
            reason,
            reply,
            tokens: looks::tokens(&line).into(),
            stats,
        });
    }

    /// Answers the mask that was last asked for.
    pub(crate) fn segment(&mut self, mask: &BinaryMask) {
        let request = self.asked.last().unwrap_or_else(|| panic!("nothing was asked"));
        let Task::Segment { points, region } = &request.task else { panic!("no mask was asked for") };
        let prompt = MaskPrompt::Places { points: points.clone(), region: *region };
        let masks = MaskCandidates::new(vec![Arc::new(logits(mask))], 0, prompt);
        let masks = masks.unwrap_or_else(|| panic!("there is one mask"));
        self.send(EngineEvent::Segmented { job: request.id, masks });
    }

    fn cue(&mut self) -> (Line, JobId) {
        let line = self.lines.pop().unwrap_or_else(|| panic!("the script has ended"));
        let job = self.asked.last().unwrap_or_else(|| panic!("nothing was asked")).id;
        self.send(EngineEvent::JobStarted { job });
        (line, job)
    }

    fn play(&self, line: &Line, job: JobId, parts: usize) -> Reply {
        let mut reply = Reply::default();
        for (text, mask) in line.parts.iter().take(parts) {
            let from = reply.text.chars().count();
            if mask.is_some() {
                self.send(EngineEvent::PhraseOpened { job });
            }
            for word in text.split_inclusive(' ') {
                self.send(EngineEvent::TextGenerated { job, text: word.to_owned() });
            }
            reply.text.push_str(text);
            let span = from..reply.text.chars().count();
            if let Some(mask) = mask {
                reply.raw.extend(["<p> ", text.as_str(), " </p> [SEG]"]);
                self.send(EngineEvent::PhraseClosed { job, span: span.clone() });
                let grounding = Grounding { span };
                let index = reply.groundings.len();
                let masks = looks::candidates(mask);
                reply.groundings.push(grounding.clone());
                self.send(EngineEvent::MaskReady { job, index, grounding, masks });
            } else {
                reply.raw.push_str(text);
            }
        }
        reply
    }
}

/// Logits of a quarter of the mask's resolution, as a pixel decoder would give them.
pub(crate) fn logits(mask: &BinaryMask) -> MaskLogits {
    const CELL: u32 = 4;
    let longest = mask.width().max(mask.height());
    let side = longest.div_ceil(CELL);
    let mut logits = Vec::with_capacity((side * side) as usize);
    for row in 0..side {
        for column in 0..side {
            let inside = (0..CELL * CELL)
                .filter(|i| mask.contains(column * CELL + i % CELL, row * CELL + i / CELL))
                .count();
            logits.push((inside as f32 / (CELL * CELL) as f32 - 0.5) * 16.0);
        }
    }
    MaskLogits {
        side: side as usize,
        logits,
        frame: (side * CELL) as usize,
        content: (mask.width() as usize, mask.height() as usize),
        image_size: (mask.width(), mask.height()),
        predicted_iou: 0.94,
    }
}

/// What the script says of its model.
pub(crate) fn scripted_model() -> ModelInfo {
    ModelInfo {
        name: "Scripted model".to_owned(),
        device: "CPU".to_owned(),
        source: ModelSource::Demo,
        parameters: 5_400_000,
        has_random_weights: false,
        precision: KeptAs::Precision(Precision::F32),
        held: Held::Ram(0),
        context_length: 512,
        encoder_sides: EncoderSides { global: 336, grounding: 1024 },
        load_time: Duration::from_millis(80),
    }
}
