//! How good a model is: its free-running replies compared with known truth.
//!
//! The judges (`gcg`, `overlap`, `tally`, on top of `matching` and `average_precision`) are plain
//! arithmetic on masks and words; each says which published measure it follows. Nothing is teacher
//! forced: a model is judged by what it says when nobody helps it along.

pub mod average_precision;
pub mod gcg;
pub mod matching;
pub mod overlap;
pub mod tally;
