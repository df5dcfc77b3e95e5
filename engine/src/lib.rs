//! GLaMM inference: pixels and words in, words and pixel masks out.

pub mod checkpoint;
pub mod error;
pub mod model;
pub mod protocol;
pub mod scenes;
pub mod text;
pub mod vision;
