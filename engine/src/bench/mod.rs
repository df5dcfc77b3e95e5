//! Measuring: the parts of a loaded model one at a time, on input of chosen size, beside what this
//! machine could do at best. For `glamm bench` and for the benches of this crate; nothing else calls it.
//!
//! - [`Workbench`]: one method for each thing that is measured, which does it once.
//! - [`Lap`]: how long that took, on the clock and on the processor.
//! - [`Work`]: what it has to compute and read, by the sizes of the model.
//! - [`Machine`]: how fast memory is read and numbers are multiplied here; [`Stream`]: how fast just now.
//!
//! How long a computation takes does not depend on what the numbers are, so noise stands for
//! pictures, encodings and hidden states. It does depend on how many tokens a reply has, and models of
//! random weights do not know when to stop: where a reply is part of what is measured, its tokens are
//! prescribed ([`Workbench::grounded_turn`], [`Workbench::follow_ups`]). Logits are computed and
//! sampled for each of them all the same; only the outcome is replaced.

mod machine;
mod replies;
mod sequence;
mod stopwatch;
mod work;
mod workbench;

pub use machine::{Machine, Rate, Stream};
pub use replies::{FollowUp, GroundedTurn, Opening};
pub use sequence::{Sequence, logits};
pub use stopwatch::{Lap, Stopwatch};
pub use work::{Limit, Part, Work};
pub use workbench::Workbench;

/// Threads that the engine computes with on the CPU. `RAYON_NUM_THREADS` and `CANDLE_NUM_THREADS` set
/// it, before the process starts.
pub fn threads() -> usize {
    candle_core::utils::get_num_threads()
}
