//! How good a model is: its free-running replies compared with known truth.
//!
//! The judges (`gcg`, `overlap`, `places`, `tally`, on top of `matching` and `average_precision`) are plain
//! arithmetic on masks and words; each says which published measure it follows. Nothing is teacher
//! forced: a model is judged by what it says when nobody helps it along.

pub mod agreement;
pub mod average_precision;
pub mod gcg;
pub mod matching;
pub mod overlap;
pub mod places;
pub mod scenes;
pub mod tally;

use crate::error::EngineError;

/// An evaluation that could not be finished.
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    /// The model failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The masks could not be scored.
    #[error("the masks could not be scored: {0}")]
    Scoring(#[from] hotcoco::Error),
    /// The system has no thread to give.
    #[error("a thread cannot be started: {0}")]
    Thread(#[source] std::io::Error),
    /// A thread ended before its work was done.
    #[error("internal error: a thread of the evaluation ended early; please report this")]
    Interrupted,
}
