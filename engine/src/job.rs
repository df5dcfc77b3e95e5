//! What one conversation job takes, yields on the way and gives in the end: the plain types
//! between [`crate::engine::Engine`] (which computes) and its two callers, the engine thread
//! (which wraps them into events) and headless programs (which use them as they are).

use std::ops::Range;
use std::sync::Arc;

use crate::protocol::{
    EncodeTimings, EngineEvent, FinishReason, Grounding, ImageId, JobId, JobStats, Reply, Sampling,
    TokenRecord, Turn,
};
use crate::vision::MaskCandidates;

/// Asked between encoder blocks and between tokens: whether to give up. Called from the threads
/// that compute.
pub type StopCheck<'a> = &'a (dyn Fn() -> bool + Sync);

/// A conversation whose last turn is to be answered.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// What the model is told before the first question; `None` for what it was trained with.
    pub system: Option<&'a str>,
    /// Finished turns with their replies, then the open one.
    pub turns: &'a [Turn],
    /// How tokens are chosen.
    pub sampling: &'a Sampling,
    /// The reply is cut after this many tokens.
    pub max_new_tokens: usize,
}

impl<'a> Question<'a> {
    /// As the official application asks: the most probable tokens, the words of the training first.
    pub fn greedy(turns: &'a [Turn], max_new_tokens: usize) -> Self {
        Self { system: None, turns, sampling: &Sampling::Greedy, max_new_tokens }
    }
}

/// A piece of a reply, as soon as it is known.
#[derive(Debug, Clone)]
pub enum Increment {
    /// The image went through the grounding encoder, which the first mask waited for.
    ImageEncoded(EncodeTimings),
    /// The visible text grew by this.
    Text(String),
    /// The text that follows is part of a grounded phrase.
    PhraseOpened,
    /// The phrase ended; its characters in the visible text.
    PhraseClosed(Range<usize>),
    /// A mask was decoded.
    Mask {
        /// Place in [`Reply::groundings`].
        index: usize,
        /// The words it belongs to.
        grounding: Grounding,
        /// All masks of its `[SEG]`, and which of them it is.
        masks: MaskCandidates,
    },
}

impl Increment {
    /// The same news as an event of a job about an image.
    pub fn into_event(self, (job, image): (JobId, ImageId)) -> EngineEvent {
        match self {
            Self::ImageEncoded(timings) => EngineEvent::ImageEncoded { image, timings },
            Self::Text(text) => EngineEvent::TextGenerated { job, text },
            Self::PhraseOpened => EngineEvent::PhraseOpened { job },
            Self::PhraseClosed(span) => EngineEvent::PhraseClosed { job, span },
            Self::Mask { index, grounding, masks } => EngineEvent::MaskReady { job, index, grounding, masks },
        }
    }
}

/// A finished (or cancelled) reply.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Why it ended.
    pub reason: FinishReason,
    /// All of it; of a cancelled one, what there was by then.
    pub reply: Reply,
    /// The tokens it was decoded from.
    pub tokens: Arc<[TokenRecord]>,
    /// What it cost.
    pub stats: JobStats,
}

impl Answer {
    /// Numbers of the tokens in the vocabulary.
    pub fn token_ids(&self) -> Vec<u32> {
        self.tokens.iter().map(|token| token.id).collect()
    }

    /// A reply cancelled before its first token.
    pub(crate) fn cancelled() -> Self {
        let (reply, stats) = (Reply::default(), JobStats::default());
        Self { reason: FinishReason::Cancelled, reply, tokens: Arc::default(), stats }
    }
}
