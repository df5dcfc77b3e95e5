//! Prefill and decode: from a prompt to tokens, one at a time, each with the hidden state that
//! predicted it (which becomes a mask where the token is `[SEG]`).
//!
//! A [`Context`] outlives the reply: the next prompt reuses the keys and values of the longest
//! beginning that both have in common, so a follow-up turn costs its own length only.

mod odds;

use std::ops::ControlFlow;

use candle_core::{Device, IndexOp, Tensor};
use candle_transformers::generation::LogitsProcessor;
use tracing::trace_span;

use crate::device;
use crate::error::{EngineError, PromptError};
use crate::job::StopCheck;
use crate::model::backend::Backend;
use crate::model::glamm::{Glamm, Slot};
use crate::model::kv_cache::KvCache;
use crate::model::llm::Llama;
use crate::protocol::{FinishReason, Sampling};
pub use odds::Odds;

/// Prompt positions computed in one forward pass, at most: bounds the memory of what is between the layers. Every
/// pass unpacks all matrices, so a first question, an image's 576 positions and its words, is one.
pub(crate) const PREFILL_CHUNK: usize = 1024;

/// What the language model remembers of one image's conversation.
#[derive(Debug)]
pub struct Context {
    cache: KvCache,
    /// What stands at each position of the cache.
    slots: Vec<Slot>,
}

impl Context {
    /// Remembers nothing.
    pub fn new(llm: &Llama) -> Self {
        Self { cache: llm.new_cache(), slots: Vec::new() }
    }

    /// Memory taken, in bytes.
    pub fn bytes(&self) -> usize {
        self.cache.bytes() + self.slots.capacity() * size_of::<Slot>()
    }

    /// Forgets everything and frees its memory.
    pub fn clear(&mut self) {
        self.cache.clear();
        self.slots = Vec::new();
    }

    /// Positions remembered.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Forgets what differs from `prompt`, and returns how many positions are left. The last
    /// position of the prompt is never among them: its hidden state is not remembered, but needed.
    fn keep_common_beginning(&mut self, prompt: &[Slot]) -> usize {
        let common = self.slots.iter().zip(prompt).take_while(|(old, new)| old == new).count();
        let kept = common.min(prompt.len().saturating_sub(1));
        self.slots.truncate(kept);
        self.cache.truncate(kept);
        kept
    }

    /// Computes `slots`, whose embeddings `[slots, width]` are given, behind what is remembered.
    /// Returns the last one's hidden state, `[1, width]`.
    fn extend(
        &mut self,
        llm: &Llama,
        slots: &[Slot],
        embeddings: &Tensor,
        stop: StopCheck<'_>,
    ) -> Result<Tensor, EngineError> {
        let mut between = |_| if stop() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        let hidden = llm.forward(embeddings, &mut self.cache, &mut between)?;
        self.slots.extend_from_slice(slots);
        Ok(hidden.i(hidden.dim(0)? - 1..)?)
    }
}

/// What of an image enters the language model.
#[derive(Debug, Clone, Copy)]
pub struct ImageInput<'a> {
    /// Projected patches, `[patches, width]`.
    pub tokens: &'a Tensor,
    /// Feature maps of the region encoder; needed where the prompt has regions.
    pub maps: Option<&'a [Tensor]>,
}

/// Where a reply ends, and how its tokens are chosen.
#[derive(Debug, Clone, Copy)]
pub struct Policy<'a> {
    /// The end-of-sequence token.
    pub end_of_sequence: u32,
    /// Tokens generated at most.
    pub max_new_tokens: usize,
    /// How they are chosen.
    pub sampling: &'a Sampling,
    /// Tokens that take the place of the first ones chosen, for measuring replies of known length
    /// ([`crate::bench`]; their odds are those of what they replace); empty otherwise.
    pub script: &'a [u32],
}

/// A step of the decode loop.
#[derive(Debug)]
pub enum Step {
    /// A token was chosen.
    Token {
        /// Its id.
        id: u32,
        /// The final-norm hidden state `[1, width]` from whose logits it was chosen.
        predicted_by: Tensor,
        /// The position of that state, from 0.
        predicted_at: usize,
        /// How probable it and the others were.
        odds: Odds,
    },
    /// The reply has ended.
    End(FinishReason),
}

/// A reply in the making.
pub struct Generation<'a> {
    llm: &'a Llama,
    context: &'a mut Context,
    policy: Policy<'a>,
    sampler: LogitsProcessor,
    /// Final-norm hidden state of the newest position, `[1, width]`.
    hidden: Tensor,
    /// The token chosen last; its keys and values are not computed yet.
    newest: Option<u32>,
    chosen: usize,
    reused: usize,
}

impl<'a> Generation<'a> {
    /// Computes what of the prompt is not in the context yet.
    ///
    /// # Errors
    /// [`PromptError::TooLong`] where the prompt exceeds the model's context;
    /// [`EngineError::Cancelled`] where `stop` said so; else the tensor library's.
    pub fn start(
        model: &'a Glamm,
        context: &'a mut Context,
        (prompt, image): (&[Slot], ImageInput<'_>),
        policy: Policy<'a>,
        stop: StopCheck<'_>,
    ) -> Result<Self, EngineError> {
        let limit = context.cache.limit();
        if prompt.len() > limit {
            return Err(PromptError::TooLong { tokens: prompt.len(), limit }.into());
        }
        let reused = context.keep_common_beginning(prompt);
        let mut hidden = None;
        for chunk in prompt[reused..].chunks(PREFILL_CHUNK) {
            let _span = trace_span!("prefill chunk", positions = chunk.len()).entered();
            hidden = Some(device::compute(image.tokens.device(), || {
                let embeddings = model.embed(chunk, image.tokens, image.maps)?;
                context.extend(&model.llm, chunk, &embeddings, stop)
            })?);
        }
        let hidden = hidden.ok_or(PromptError::Empty)?;
        let sampler = sampler(policy.sampling);
        Ok(Self { llm: &model.llm, context, policy, sampler, hidden, newest: None, chosen: 0, reused })
    }

    /// Positions of the prompt that were in the context already.
    pub fn reused(&self) -> usize {
        self.reused
    }

    /// Chooses the next token, or says why there is none.
    ///
    /// # Errors
    /// The tensor library's.
    pub fn next(&mut self, stop: StopCheck<'_>) -> Result<Step, EngineError> {
        if let Some(reason) = self.reason_to_end(stop) {
            return Ok(Step::End(reason));
        }
        let _span = trace_span!("decode step", position = self.context.len()).entered();
        if let Some(id) = self.newest {
            let (llm, context) = (self.llm, &mut *self.context);
            let fed = device::compute(self.hidden.device(), || {
                context.extend(llm, &[Slot::Token(id)], &llm.embed(&[id])?, stop)
            });
            match fed {
                Ok(hidden) => self.hidden = hidden,
                Err(EngineError::Cancelled) => return Ok(Step::End(FinishReason::Cancelled)),
                Err(error) => return Err(error),
            }
        }
        let (sampled, odds) = self.choose()?;
        let id = self.policy.script.get(self.chosen).copied().unwrap_or(sampled);
        self.newest = Some(id);
        self.chosen += 1;
        let predicted_at = self.context.len().saturating_sub(1);
        Ok(Step::Token { id, predicted_by: self.hidden.clone(), predicted_at, odds })
    }

    /// The next token. Drawing one at random takes all logits to the CPU: a nucleus is found by sorting
    /// them, which the tensor library does not do for a vocabulary on a GPU.
    fn choose(&mut self) -> Result<(u32, Odds), EngineError> {
        let (llm, hidden) = (self.llm, &self.hidden);
        let stays = Backend::of(hidden.device()).keeps_logits();
        if stays && matches!(self.policy.sampling, Sampling::Greedy) {
            let pass = || Odds::of_likeliest(&llm.logits(hidden)?.i(0)?);
            return Ok(device::compute(hidden.device(), pass)?);
        }
        let logits = device::compute(hidden.device(), || llm.logits(hidden)?.i(0)?.to_device(&Device::Cpu))?;
        let id = self.sampler.sample(&logits)?;
        Ok((id, Odds::new(&logits.to_vec1::<f32>()?, id)))
    }

    fn reason_to_end(&self, stop: StopCheck<'_>) -> Option<FinishReason> {
        if self.newest == Some(self.policy.end_of_sequence) {
            return Some(FinishReason::EndOfSequence);
        }
        if self.chosen >= self.policy.max_new_tokens {
            return Some(FinishReason::TokenLimit);
        }
        let full = self.context.len() >= self.context.cache.limit();
        if full && self.newest.is_some() {
            return Some(FinishReason::ContextFull);
        }
        stop().then_some(FinishReason::Cancelled)
    }
}

fn sampler(sampling: &Sampling) -> LogitsProcessor {
    match *sampling {
        Sampling::Greedy => LogitsProcessor::new(0, None, None),
        Sampling::Random { temperature, top_p, seed } => LogitsProcessor::new(seed, Some(temperature), top_p),
    }
}

#[cfg(test)]
mod tests;
