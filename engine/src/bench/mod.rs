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

/// The scene that rows look at: always the same.
pub const SCENE_SEED: u64 = 7;
/// Positions behind which tokens are decoded: an image, a question and a part of the reply.
pub const DEPTH: usize = 700;
/// Positions of a first question with its image.
pub const PROMPT: usize = 640;
/// Regions of a question about regions.
pub const BOXES: usize = 4;
/// A grounded caption: its tokens and masks.
pub const CAPTION: (usize, usize) = (60, 4);
/// Questions of a conversation.
pub const TURNS: usize = 20;

/// Threads that the engine computes with on the CPU. `RAYON_NUM_THREADS` and `CANDLE_NUM_THREADS` set
/// it, before the process starts.
pub fn threads() -> usize {
    candle_core::utils::get_num_threads()
}
