//! How far two masks agree.

use glamm_engine::vision::BinaryMask;

/// Difference maps of larger pictures are drawn smaller.
const MAP_SIDE: u32 = 2048;

/// Where a place of a picture belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// To neither mask.
    Neither,
    /// To the first alone.
    First,
    /// To the second alone.
    Second,
    /// To both.
    Both,
}

/// Two masks of one picture, compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// Intersection over union; 0 where both are empty.
    pub iou: f64,
    /// Twice the intersection over the sum of the areas.
    pub dice: f64,
    /// Pixels of each mask that the other lacks, and pixels of both.
    pub first_only: usize,
    /// See `first_only`.
    pub second_only: usize,
    /// See `first_only`.
    pub both: usize,
    /// Width and height of the map.
    pub size: (u32, u32),
    /// Row-major.
    pub map: Vec<Place>,
}

impl Comparison {
    /// Compares masks of one size; where they are not, what one lacks counts as outside.
    pub fn of(first: &BinaryMask, second: &BinaryMask) -> Self {
        let (both, union) = first.intersection_and_union(second);
        let (a, b) = (first.area(), second.area());
        let share = |part: usize, whole: usize| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
        let (width, height) = (first.width(), first.height());
        let step = width.max(height).div_ceil(MAP_SIDE).max(1);
        let size = (width.div_ceil(step), height.div_ceil(step));
        let mut map = Vec::with_capacity(size.0 as usize * size.1 as usize);
        for y in 0..size.1 {
            for x in 0..size.0 {
                let at = (x * step, y * step);
                map.push(match (first.contains(at.0, at.1), second.contains(at.0, at.1)) {
                    (false, false) => Place::Neither,
                    (true, false) => Place::First,
                    (false, true) => Place::Second,
                    (true, true) => Place::Both,
                });
            }
        }
        Self {
            iou: share(both, union),
            dice: share(2 * both, a + b),
            first_only: a - both,
            second_only: b - both,
            both,
            size,
            map,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agreement_is_counted_and_drawn() {
        let first = BinaryMask::from_fn(4, 1, |x, _| x < 2);
        let second = BinaryMask::from_fn(4, 1, |x, _| x == 1 || x == 2);
        let found = Comparison::of(&first, &second);
        assert_eq!((found.first_only, found.second_only, found.both), (1, 1, 1));
        assert!((found.iou - 1.0 / 3.0).abs() < 1e-9 && (found.dice - 0.5).abs() < 1e-9);
        assert_eq!(found.map, [Place::First, Place::Both, Place::Second, Place::Neither]);
        let nothing = BinaryMask::empty(4, 1);
        assert!(Comparison::of(&nothing, &nothing).iou.abs() < 1e-9);
    }

    #[test]
    fn large_maps_are_drawn_smaller() {
        let all = BinaryMask::from_fn(5000, 3, |_, _| true);
        let found = Comparison::of(&all, &all);
        assert_eq!(found.size, (1667, 1));
        assert!(found.map.iter().all(|place| *place == Place::Both));
    }
}
