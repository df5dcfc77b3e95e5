//! Chance with a seed: the same seed gives the same text. Used all over `text`.

use crate::scenes::rng::SceneRng;

/// A seeded source of choices.
#[derive(Debug)]
pub(super) struct Dice(SceneRng);

impl Dice {
    /// Dice for one purpose: different `stream`s of one seed know nothing of each other.
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        Self(SceneRng::new(seed.wrapping_add(stream << 48)))
    }

    /// True with this probability.
    pub(super) fn chance(&mut self, probability: f32) -> bool {
        self.0.chance(probability)
    }

    /// A whole number below `count`, which must be above 0.
    pub(super) fn below(&mut self, count: usize) -> usize {
        self.0.whole(0, count - 1)
    }

    /// A number between -1 and 1.
    pub(super) fn signed(&mut self) -> f32 {
        self.0.range(-1.0, 1.0)
    }

    /// One of the items; `None` of none.
    pub(super) fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        if items.is_empty() { None } else { items.get(self.below(items.len())) }
    }

    /// Puts the items in random order (Fisher and Yates).
    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}
