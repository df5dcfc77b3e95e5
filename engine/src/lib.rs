//! GLaMM inference: pixels and words in, words and pixel masks out.
//!
//! ```text
//!  EngineCommand                         Engine                       model::glamm
//!  ─────────────▶  handle ─▶ worker ─▶  load · encode · converse  ─▶  pure functions of
//!  ◀─────────────  (one named thread)   (no threads, no channels)     tensors and a KV cache
//!  EngineEvent
//! ```
//!
//! Two ways in. A user interface holds an [`EngineHandle`], which owns the engine thread, never
//! blocks, and speaks the plain data of [`protocol`]. A headless program may call [`Engine`] itself;
//! the thread does nothing else.
//!
//! A tour, from the outside in:
//! - [`handle`], `worker`, `mailbox`, `images`: the thread, its queues, what it caches per image;
//!   `loaded_model` is what it needs of a model.
//! - [`engine`]: one loaded model; its [`encoding`]: an image on its way into it; its `inspect`: masks of
//!   clicks and boxes, all candidates, features and attention as maps. [`job`] holds what a conversation
//!   takes and yields.
//! - [`generate`]: prefill, decode loop, sampling, reuse of the KV cache between turns.
//! - [`text`]: tokenizer, conversation template, the parser of grounded replies.
//! - [`checkpoint`]: files to tensors; [`manifest`]: which tensors those must be; [`mod@memory`]: what they take and
//!   what there is. [`vision`]: pictures, boxes and masks as plain data.
//! - [`hub`]: the cache of Hugging Face and downloads into it; [`models`]: which models there are and
//!   what of them is here.
//! - [`model`]: the network, one file for each part, named as in the paper.
//! - [`fabricate`]: synthetic checkpoints in the layout of the released ones.
//! - [`mod@bench`]: measuring, for `glamm bench` and the benches of this crate.
//! - [`scenes`]: the procedural picture world of the demo model.
//! - [`pages`]: the program's allocator.
//! - [`selftest`]: recorded cases through the model, stage by stage, on any processor.
//!
//! What always holds: `model` knows nothing of files, threads or text; no tensor leaves this crate
//! but for tests that look inside; an error says what happened and what to do.
//!
//! ```no_run
//! use glamm_engine::Engine;
//! use glamm_engine::job::{Increment, Question};
//! use glamm_engine::protocol::{ModelSpec, Turn};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let engine = Engine::load(&ModelSpec::default(), |_progress| true)?;
//! let pixels = glamm_engine::vision::load_image("boat.png".as_ref())?;
//! let (mut image, _timings) = engine.encode(&pixels, &|| false)?;
//! let turns = [Turn { user: "Can you please segment the boat in this image?".into(), ..Turn::default() }];
//! let question = Question::greedy(&turns, 128);
//! let answer = engine.converse(&mut image, question, &|| false, &mut |increment| {
//!     if let Increment::Mask { masks, .. } = increment {
//!         let _pixels = masks.used().threshold(0.0);
//!     }
//! })?;
//! assert!(!answer.reply.text.is_empty());
//! # Ok(())
//! # }
//! ```

pub mod bench;
pub mod checkpoint;
mod demo_model;
pub mod device;
pub mod engine;
pub mod error;
pub mod eval;
pub mod fabricate;
mod files;
pub mod generate;
pub mod gguf;
pub mod handle;
pub mod hub;
mod images;
pub mod job;
mod loaded_model;
mod mailbox;
pub mod manifest;
pub mod memory;
pub mod model;
pub mod models;
pub mod pages;
pub mod precision;
pub mod protocol;
pub mod released;
pub mod scenes;
pub mod selftest;
pub mod size;
#[cfg(test)]
pub(crate) mod testing;
pub mod text;
pub mod vision;
mod worker;

pub use engine::{Engine, encoding};
pub use handle::{EngineHandle, SendError};
