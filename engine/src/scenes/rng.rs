//! The generator's own random numbers: SplitMix64, so that a seed gives the same scene for ever,
//! whatever becomes of the random-number crates (Steele, Lea, Flood: Fast Splittable Pseudorandom
//! Number Generators, 2014).

/// A small deterministic source of random numbers. Scenes draw and place with it, and [`crate::fabricate`]
/// makes weights.
#[derive(Debug, Clone)]
pub(crate) struct SceneRng {
    state: u64,
}

impl SceneRng {
    /// Starts the sequence of a seed. Neighbouring seeds give unrelated sequences.
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Self { state: seed ^ 0x9E6C_63D0_876A_3F6B };
        rng.bits();
        rng
    }

    /// An independent sequence, so that what one object draws does not shift the next one's.
    pub(crate) fn fork(&mut self) -> Self {
        Self::new(self.bits())
    }

    /// 64 random bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform in `0..1`.
    pub(crate) fn unit(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / (1_u64 << 24) as f32
    }

    /// Uniform between `low` and `high`.
    pub(crate) fn range(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// A whole number of `low..=high`.
    pub(crate) fn whole(&mut self, low: usize, high: usize) -> usize {
        low + (self.bits() % (high - low + 1) as u64) as usize
    }

    /// True with this probability.
    pub(crate) fn chance(&mut self, probability: f32) -> bool {
        self.unit() < probability
    }

    /// 1 or −1.
    pub(crate) fn sign(&mut self) -> f32 {
        if self.chance(0.5) { 1.0 } else { -1.0 }
    }

    /// One of a list that must not be empty.
    pub(crate) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.whole(0, choices.len() - 1)]
    }

    /// One of a list that must not be empty, each as often as its weight says.
    pub(crate) fn weighted<T: Copy>(&mut self, choices: &[(T, f32)]) -> T {
        let total: f32 = choices.iter().map(|(_, weight)| weight).sum();
        let mut left = self.range(0.0, total);
        for &(choice, weight) in choices {
            left -= weight;
            if left < 0.0 {
                return choice;
            }
        }
        choices[choices.len() - 1].0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_never_changes() {
        let mut rng = SceneRng::new(1);
        let first: Vec<u64> = (0..3).map(|_| rng.bits()).collect();
        // From an independent implementation of SplitMix64.
        assert_eq!(first, [0xF8CC_5031_5568_A6C4, 0xAF69_12B7_92B9_BB73, 0x38C1_1427_4521_D3C5]);
        assert_ne!(SceneRng::new(1).bits(), SceneRng::new(2).bits());
    }

    #[test]
    fn numbers_stay_in_their_range_and_reach_all_of_it() {
        let mut rng = SceneRng::new(7);
        let units: Vec<f32> = (0..1000).map(|_| rng.unit()).collect();
        assert!(units.iter().all(|u| (0.0..1.0).contains(u)));
        assert!(units.iter().any(|&u| u < 0.02) && units.iter().any(|&u| u > 0.98));
        let mut seen = [false; 3];
        for _ in 0..100 {
            seen[rng.whole(0, 2)] = true;
        }
        assert_eq!(seen, [true; 3]);
    }

    #[test]
    fn weights_are_kept() {
        let mut rng = SceneRng::new(3);
        let heavy = (0..1000).filter(|_| rng.weighted(&[(false, 1.0), (true, 3.0)])).count();
        assert!((650..850).contains(&heavy), "{heavy}");
    }
}
