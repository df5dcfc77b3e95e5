//! Right and wrong answers, counted. Used by `scenes`.

use std::ops::AddAssign;

/// So many of so many.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// Right answers.
    pub right: usize,
    /// All answers.
    pub count: usize,
}

impl Tally {
    /// Adds one answer.
    pub fn add(&mut self, is_right: bool) {
        self.right += usize::from(is_right);
        self.count += 1;
    }

    /// Share of right answers; 0 where there were none.
    pub fn accuracy(&self) -> f64 {
        self.right as f64 / self.count.max(1) as f64
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.right += other.right;
        self.count += other.count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted() {
        let mut tally = Tally::default();
        for is_right in [true, false, true, true] {
            tally.add(is_right);
        }
        tally += Tally { right: 0, count: 2 };
        assert_eq!(tally, Tally { right: 3, count: 6 });
        assert!((tally.accuracy() - 0.5).abs() < f64::EPSILON);
        assert!(Tally::default().accuracy().abs() < f64::EPSILON);
    }
}
