//! GLaMM inference: pixels and words in, words and pixel masks out.

pub mod checkpoint;
pub mod device;
pub mod engine;
pub mod error;
pub mod eval;
pub mod generate;
pub mod handle;
mod images;
pub mod job;
mod mailbox;
pub mod model;
pub mod protocol;
pub mod scenes;
pub mod text;
pub mod vision;
mod worker;

pub use engine::Engine;
pub use handle::{EngineHandle, SendError};
