//! What the application and the engine thread say to each other.
//!
//! Commands are imperative, events past tense. Both are plain data: no tensor, no channel, no
//! handle of a library crosses this border. Every accepted job ends in exactly one terminal event
//! ([`EngineEvent::JobFinished`], [`EngineEvent::Segmented`], [`EngineEvent::FeaturesExtracted`] or
//! [`EngineEvent::JobFailed`]); a cancelled job *finishes*, with [`FinishReason::Cancelled`].

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::error::EngineError;
pub use crate::model::part::{LoadProgress, ModelPart, PartProgress};
use crate::precision::{KeptAs, Precision};
use crate::vision::{Click, FeatureMaps, MaskCandidates, MaskPrompt, PixelBox};

/// Names an image for as long as the application keeps it open. Chosen by the application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ImageId(pub u64);

/// Names one job. Chosen by the application, never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(pub u64);

/// Which weights to run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ModelSource {
    /// The small model that is part of the binary; it knows only the procedural picture world.
    #[default]
    Demo,
    /// A checkpoint directory in the Hugging Face layout, or one GGUF file.
    Path(PathBuf),
}

/// Which processor to run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceChoice {
    /// The fastest one that this build and this machine have.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The first NVIDIA GPU; needs a build with the `cuda` feature.
    Cuda,
    /// The Apple GPU; needs a build with the `metal` feature.
    Metal,
}

/// A model to load, and where.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ModelSpec {
    /// The weights.
    pub source: ModelSource,
    /// The processor.
    pub device: DeviceChoice,
    /// How precisely matrices are kept; `None` leaves it to the checkpoint and the memory here.
    pub precision: Option<Precision>,
}

/// Looked at between generated tokens and between encoder blocks. Clones share one state.
#[derive(Debug, Clone, Default)]
pub struct CancelToken(Arc<AtomicBool>);

impl CancelToken {
    /// Asks the job to end; it will finish with [`FinishReason::Cancelled`].
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether [`Self::cancel`] was called on this token or a clone of it.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// How the next token is chosen from the logits.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Sampling {
    /// The most probable token: what the official application does.
    #[default]
    Greedy,
    /// Drawn from the distribution sharpened or flattened by `temperature` (> 0), cut to the
    /// most probable tokens that together hold `top_p`; the same `seed` gives the same reply.
    Random {
        /// Divides the logits before the softmax.
        temperature: f64,
        /// Cumulative probability kept (nucleus sampling), if any.
        top_p: Option<f64>,
        /// Start of the random sequence.
        seed: u64,
    },
}

/// One question and, for finished turns, its answer.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Turn {
    /// What the user wrote; each `<bbox>` stands for one region, in order.
    pub user: String,
    /// Boxes for the `<bbox>` of this turn, in pixels of the original image.
    pub regions: Vec<PixelBox>,
    /// The raw reply ([`Reply::raw`]) of a finished turn; of the turn to be answered `None`, or how
    /// its reply begins.
    pub reply: Option<String>,
}

/// Something to compute on an opened image.
#[derive(Debug, Clone, PartialEq)]
pub enum Task {
    /// Answer the last turn of a conversation.
    Converse {
        /// What the model is told before the first question; `None` for what it was trained with.
        system: Option<String>,
        /// The conversation so far. The last turn has no reply yet, or the beginning of one that is
        /// to go on; of what is said then, events tell only what is new.
        turns: Vec<Turn>,
        /// How tokens are chosen.
        sampling: Sampling,
        /// The reply is cut after this many tokens.
        max_new_tokens: usize,
    },
    /// Make a mask of clicks, a box, or both, as SAM does. Answered by [`EngineEvent::Segmented`].
    Segment {
        /// Clicks; at least one where there is no box.
        points: Vec<Click>,
        /// A box around the mask, in pixels of the original image.
        region: Option<PixelBox>,
    },
    /// Make the encoders' features visible, and what a mask looked at. Answered by
    /// [`EngineEvent::FeaturesExtracted`].
    Features {
        /// The mask: what it was asked for with ([`MaskCandidates::prompt`]), and its place among
        /// the candidates.
        mask: Option<(MaskPrompt, usize)>,
    },
}

/// A job for the engine thread.
#[derive(Debug, Clone)]
pub struct JobRequest {
    /// Its name in events.
    pub id: JobId,
    /// The image it is about; must have been opened.
    pub image: ImageId,
    /// Ends it early.
    pub cancel: CancelToken,
    /// What to do.
    pub task: Task,
}

/// What the application asks of the engine thread.
#[derive(Debug)]
pub enum EngineCommand {
    /// Load a model, in place of the present one. Answered by [`EngineEvent::ModelLoaded`] or
    /// [`EngineEvent::LoadFailed`]; by neither where another change of model overtakes it.
    LoadModel(ModelSpec),
    /// Take an image and encode it, before any question about it; without a model, as soon as there
    /// is one. Encodings given up or dropped for want of memory are made again for the next job.
    OpenImage {
        /// Its name from now on.
        image: ImageId,
        /// RGB, EXIF orientation already applied.
        pixels: Arc<image::RgbImage>,
    },
    /// Forget an image and its encodings.
    CloseImage(ImageId),
    /// Run a job.
    Run(Box<JobRequest>),
    /// Free the model's memory.
    UnloadModel,
    /// End the thread.
    Shutdown,
}

/// What a loaded model says of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelInfo {
    /// For people: "Demo model", or the directory's name.
    pub name: String,
    /// For people: "CPU", "CUDA 0".
    pub device: String,
    /// How matrices are kept.
    pub precision: KeptAs,
    /// Where its weights are.
    pub held: Held,
    /// Where the weights came from.
    pub source: ModelSource,
    /// Number of weights.
    pub parameters: usize,
    /// Whether they are random, and replies noise: those of `glamm dev fabricate` are.
    pub has_random_weights: bool,
    /// Positions the language model was trained for.
    pub context_length: usize,
    /// Sides of the two encoders' square inputs in their own pixels.
    pub encoder_sides: EncoderSides,
    /// Time from the command to ready.
    pub load_time: Duration,
}

/// Whose memory the weights of a model are in, and how many bytes of it are free again without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// The machine's. What is read where it lies in a file does not count: the system keeps of it what there is
    /// room for.
    Ram(u64),
    /// The graphics card's.
    Card(u64),
}

/// Sides of the encoders' square inputs, in pixels: 336 and 1024 in the full-size model. With
/// [`crate::vision::feature_maps`] they tell which part of an image each encoder sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncoderSides {
    /// CLIP.
    pub global: usize,
    /// SAM.
    pub grounding: usize,
}

/// Time spent in each encoder on an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EncodeTimings {
    /// Resizing and normalising for both encoders.
    pub preprocess: Duration,
    /// CLIP and projector.
    pub global_encoder: Duration,
    /// SAM image encoder; 0 where no mask was asked for yet.
    pub grounding_encoder: Duration,
}

impl EncodeTimings {
    /// All of it.
    pub fn total(&self) -> Duration {
        self.preprocess + self.global_encoder + self.grounding_encoder
    }
}

/// Why a reply ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinishReason {
    /// The model said so (`</s>`).
    EndOfSequence,
    /// `max_new_tokens` was reached.
    TokenLimit,
    /// The model's context is full.
    ContextFull,
    /// The user asked.
    Cancelled,
}

/// One `[SEG]` of a reply: a mask, and the words it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grounding {
    /// Characters (Unicode scalar values, not bytes) of [`Reply::text`] that the mask grounds.
    /// Empty where the model gave a mask without a phrase: the place in the text where it stood.
    pub span: Range<usize>,
}

/// A reply, taken apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reply {
    /// As decoded, with `<p>`, `</p>`, `[SEG]` and `</s>`: what a follow-up turn needs.
    pub raw: String,
    /// For people: without any marker.
    pub text: String,
    /// In the order of their `[SEG]`; a mask is named by its place in this list.
    pub groundings: Vec<Grounding>,
}

/// A generated token: what was chosen, and what might have been.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenRecord {
    /// Its number in the vocabulary.
    pub id: u32,
    /// As the vocabulary has it, a blank for SentencePiece's `▁`; markers by their names.
    pub text: String,
    /// By the model, before temperature and nucleus: softmax of the plain logits.
    pub probability: f32,
    /// The most probable tokens, the chosen one among them where it belongs there; best first.
    pub likeliest: Vec<TokenChoice>,
    /// Position in the language model's sequence (prompt, image and reply so far, from 0) whose
    /// hidden state predicted it. Where the token is `[SEG]`, that state became the mask.
    pub predicted_at: usize,
    /// Where the token is `[SEG]`: the place of its mask in [`Reply::groundings`].
    pub grounding: Option<usize>,
}

/// A token that might have been chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenChoice {
    /// Its number in the vocabulary.
    pub id: u32,
    /// As in [`TokenRecord::text`].
    pub text: String,
    /// As in [`TokenRecord::probability`].
    pub probability: f32,
}

/// What a job cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JobStats {
    /// Positions in the prompt, image included.
    pub prompt_tokens: usize,
    /// Of these, positions whose keys and values were still cached from the turn before.
    pub cached_tokens: usize,
    /// Tokens in the reply.
    pub new_tokens: usize,
    /// From the start of the job to its first token.
    pub time_to_first_token: Duration,
    /// From the first token to the last one, masks included; not what the first mask waited for the
    /// image's encoding.
    pub decode_time: Duration,
    /// Time in the pixel decoder.
    pub mask_time: Duration,
}

impl JobStats {
    /// Generated tokens per second after the first one; 0 where there were fewer than two.
    pub fn tokens_per_second(&self) -> f64 {
        let seconds = self.decode_time.as_secs_f64();
        if self.new_tokens < 2 || seconds <= 0.0 {
            return 0.0;
        }
        (self.new_tokens - 1) as f64 / seconds
    }
}

/// What the engine thread reports.
#[derive(Debug, Clone)]
pub enum EngineEvent {
    /// A model is being loaded.
    LoadProgressed(LoadProgress),
    /// Commands that need a model can be sent from now on.
    ModelLoaded(ModelInfo),
    /// No model is loaded now.
    LoadFailed(Arc<EngineError>),
    /// No model is loaded now, as asked.
    ModelUnloaded,
    /// The image's encodings are cached.
    ImageEncoded {
        /// Which image.
        image: ImageId,
        /// How long it took.
        timings: EncodeTimings,
    },
    /// The image could not be encoded.
    ImageFailed {
        /// Which image.
        image: ImageId,
        /// Why.
        error: Arc<EngineError>,
    },
    /// The job was taken up.
    JobStarted {
        /// Which job.
        job: JobId,
    },
    /// The visible text grew.
    TextGenerated {
        /// Which job.
        job: JobId,
        /// To be appended to what is there.
        text: String,
    },
    /// The text that follows is part of a grounded phrase.
    PhraseOpened {
        /// Which job.
        job: JobId,
    },
    /// The phrase ended.
    PhraseClosed {
        /// Which job.
        job: JobId,
        /// Its characters in the visible text.
        span: Range<usize>,
    },
    /// A mask was decoded.
    MaskReady {
        /// Which job.
        job: JobId,
        /// Place in [`Reply::groundings`].
        index: usize,
        /// The words it belongs to.
        grounding: Grounding,
        /// All masks of its `[SEG]`, and which of them it is.
        masks: MaskCandidates,
    },
    /// The reply ended as it should, or the job was cancelled; the last event of the job.
    JobFinished {
        /// Which job.
        job: JobId,
        /// Why it ended.
        reason: FinishReason,
        /// All of the reply.
        reply: Reply,
        /// The tokens it was decoded from.
        tokens: Arc<[TokenRecord]>,
        /// What it cost.
        stats: JobStats,
    },
    /// The masks of clicks or a box; the last event of a [`Task::Segment`].
    Segmented {
        /// Which job.
        job: JobId,
        /// All masks, and which of them SAM takes.
        masks: MaskCandidates,
    },
    /// Maps of an image; the last event of a [`Task::Features`].
    FeaturesExtracted {
        /// Which job.
        job: JobId,
        /// The maps.
        maps: Arc<FeatureMaps>,
    },
    /// The job could not be done; the last event of the job.
    JobFailed {
        /// Which job.
        job: JobId,
        /// Why.
        error: Arc<EngineError>,
    },
}
