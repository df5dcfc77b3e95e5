//! What findings are about: not which mask, but what it is made of at the moment. A mask that is refined,
//! painted on or cut elsewhere keeps its name, and what was found out before is no longer about it.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Weak};

use glamm_engine::vision::MaskLogits;

use crate::document::{EditedMask, GroundedMask};

/// Names a shared value: equal for its clones alone. Does not keep the value, but its address from being
/// given to another.
pub struct Same<T>(Weak<T>);

impl<T> Same<T> {
    /// The name of this value.
    pub fn of(value: &Arc<T>) -> Self {
        Self(Arc::downgrade(value))
    }
}

impl<T> Clone for Same<T> {
    fn clone(&self) -> Self {
        Self(Weak::clone(&self.0))
    }
}

impl<T> PartialEq for Same<T> {
    fn eq(&self, other: &Self) -> bool {
        Weak::ptr_eq(&self.0, &other.0)
    }
}

impl<T> Eq for Same<T> {}

impl<T> Hash for Same<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.as_ptr().addr().hash(state);
    }
}

impl<T> fmt::Debug for Same<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Same({:p})", self.0.as_ptr())
    }
}

/// A candidate of a mask; what curves and attention are about.
pub type CandidateKey = Same<MaskLogits>;

/// Pixels that count in place of logits.
pub type PaintedKey = Same<EditedMask>;

/// Pixels of a mask: equal for as long as they stay as they are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PixelsKey {
    /// Logits, cut at the threshold of these bits.
    Cut(Same<MaskLogits>, u32),
    /// Painted by hand, or from a file.
    Painted(PaintedKey),
}

impl PixelsKey {
    /// The pixels that a mask has now.
    pub fn of(mask: &GroundedMask) -> Self {
        match mask.painted() {
            Some(painted) => Self::Painted(Same::of(painted)),
            None => Self::Cut(Same::of(mask.logits()), mask.threshold.to_bits()),
        }
    }
}

/// What is compared: the pixels of a mask, and of another.
pub type Compared = [PixelsKey; 2];
