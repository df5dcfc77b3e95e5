//! What a mask would be at every threshold: area, box, pieces, holes, stability. One sweep over the
//! logits from the highest down gives all of it.

mod runs;

use glamm_engine::vision::{MaskLogits, PixelBox};

use crate::document::EditedMask;

/// From one threshold to the next.
pub const STEP: f32 = 0.05;
/// SAM's offset of the stability score, in steps.
const STABILITY_STEPS: usize = 20;
/// Thresholds beyond these are not looked at.
const LIMIT: f32 = 20.0;
/// Pieces and holes by threshold are counted on a coarser grid of so many places a side where the picture is
/// larger.
const TOPOLOGY_SIDE: usize = 1024;

/// Properties of a mask as functions of the threshold. All lists have one entry for each threshold.
#[derive(Debug, Clone, PartialEq)]
pub struct Curves {
    /// The lowest threshold, a multiple of [`STEP`].
    pub first: f32,
    /// Pixels inside.
    pub area: Vec<u64>,
    /// The smallest box around them; `None` where there are none.
    pub bounds: Vec<Option<PixelBox>>,
    /// Connected pieces; pixels that touch at a corner are connected.
    pub components: Vec<u32>,
    /// Holes in them.
    pub holes: Vec<u32>,
    /// IoU of the masks one logit tighter and one wider, 0 to 1.
    pub stability: Vec<f32>,
}

/// What can be counted of pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shape {
    /// Pixels inside.
    pub area: u64,
    /// The smallest box around them.
    pub bounds: Option<PixelBox>,
    /// Connected pieces.
    pub components: u32,
    /// Holes in them.
    pub holes: u32,
}

/// The properties at one threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Facts {
    /// Of the pixels above it.
    pub shape: Shape,
    /// IoU of the masks one logit tighter and one wider.
    pub stability: f32,
}

impl Shape {
    /// Counts pixels that stand in no logits; takes a while where they are many pieces.
    pub fn of(mask: &EditedMask) -> Self {
        let (components, holes) = runs::pieces_and_holes(mask);
        Self { area: mask.area(), bounds: mask.bounding_box(), components, holes }
    }
}

impl Curves {
    /// Sweeps a mask; takes a while on a large picture.
    pub fn of(mask: &MaskLogits) -> Self {
        let values = mask.at_image_size();
        let scale = Scale::over(&values);
        let (width, height) = (mask.image_size.0 as usize, mask.image_size.1 as usize);
        let (area, bounds) = sweep(&values, width, &scale);
        let level = |x: usize, y: usize| scale.above(values[y * width + x]) as u16;
        let (components, holes) = topology(level, (width, height), scale.count);
        let stability = (0..scale.count)
            .map(|at| {
                let tighter = area.get(at + STABILITY_STEPS).copied().unwrap_or(0);
                let wider = match at.checked_sub(STABILITY_STEPS) {
                    Some(below) => area[below],
                    // Below the lowest threshold all pixels are inside.
                    None => values.len() as u64,
                };
                if wider == 0 { 0.0 } else { tighter as f32 / wider as f32 }
            })
            .collect();
        Self { first: scale.first, area, bounds, components, holes, stability }
    }

    /// The threshold of an entry.
    pub fn threshold(&self, at: usize) -> f32 {
        self.first + at as f32 * STEP
    }

    /// The highest threshold.
    pub fn last(&self) -> f32 {
        self.threshold(self.area.len().saturating_sub(1))
    }

    /// The threshold of the entry nearest to this one.
    pub fn nearest(&self, threshold: f32) -> f32 {
        self.threshold(self.entry(threshold).unwrap_or(0))
    }

    fn entry(&self, threshold: f32) -> Option<usize> {
        let at = ((threshold - self.first) / STEP).round().max(0.0) as usize;
        Some(at.min(self.area.len().checked_sub(1)?))
    }

    /// What the mask is at the entry nearest to a threshold.
    pub fn at(&self, threshold: f32) -> Option<Facts> {
        let at = self.entry(threshold)?;
        let shape = Shape {
            area: self.area[at],
            bounds: self.bounds[at],
            components: self.components[at],
            holes: self.holes[at],
        };
        Some(Facts { shape, stability: self.stability[at] })
    }
}

/// Thresholds by number.
struct Scale {
    first: f32,
    count: usize,
}

impl Scale {
    /// From below the lowest value to above the highest, whole logits, 0 always among them.
    fn over(values: &[f32]) -> Self {
        let (mut low, mut high) = (0f32, 0f32);
        for &value in values.iter().filter(|value| value.is_finite()) {
            (low, high) = (low.min(value), high.max(value));
        }
        let first = (low.floor() - 1.0).max(-LIMIT);
        let last = (high.ceil() + 1.0).min(LIMIT);
        Self { first, count: ((last - first) / STEP).round() as usize + 1 }
    }

    /// Number of thresholds that the value is above: it is inside at those numbered below.
    fn above(&self, value: f32) -> usize {
        // A value equal to a threshold is not above it.
        (((value - self.first) / STEP).ceil().max(0.0) as usize).min(self.count)
    }
}

/// Area and box at every threshold.
fn sweep(values: &[f32], width: usize, scale: &Scale) -> (Vec<u64>, Vec<Option<PixelBox>>) {
    #[derive(Clone, Copy)]
    struct Reach {
        left: u32,
        top: u32,
        right: u32,
        bottom: u32,
    }
    let nowhere = Reach { left: u32::MAX, top: u32::MAX, right: 0, bottom: 0 };
    // By number of thresholds below the value: what joins when the threshold sinks to that one.
    let mut joins = vec![(0u64, nowhere); scale.count + 1];
    for (y, row) in (0u32..).zip(values.chunks(width.max(1))) {
        for (x, &value) in (0u32..).zip(row) {
            let (count, reach) = &mut joins[scale.above(value)];
            *count += 1;
            *reach = Reach {
                left: reach.left.min(x),
                top: reach.top.min(y),
                right: reach.right.max(x + 1),
                bottom: reach.bottom.max(y + 1),
            };
        }
    }
    let (mut area, mut bounds) = (vec![0; scale.count], vec![None; scale.count]);
    let (mut inside, mut reach) = (0, nowhere);
    for at in (0..scale.count).rev() {
        let (count, joined) = joins[at + 1];
        inside += count;
        reach = Reach {
            left: reach.left.min(joined.left),
            top: reach.top.min(joined.top),
            right: reach.right.max(joined.right),
            bottom: reach.bottom.max(joined.bottom),
        };
        area[at] = inside;
        bounds[at] = (inside > 0).then_some(PixelBox {
            x0: reach.left as f32,
            y0: reach.top as f32,
            x1: reach.right as f32,
            y1: reach.bottom as f32,
        });
    }
    (area, bounds)
}

/// Pieces and holes at every one of `count` thresholds, of a picture of whose pixels it is known how many
/// thresholds they are above. Pieces are counted by joining places from the highest down;
/// holes follow from Euler's formula: pieces less holes are corners less edges plus places, each of
/// which is there from the highest value around it on.
fn topology(
    above: impl Fn(usize, usize) -> u16,
    (width, height): (usize, usize),
    count: usize,
) -> (Vec<u32>, Vec<u32>) {
    let stride = width.max(height).div_ceil(TOPOLOGY_SIDE).max(1);
    let (columns, rows) = (width.div_ceil(stride), height.div_ceil(stride));
    let level: Vec<u16> =
        (0..columns * rows).map(|at| above(at % columns * stride, at / columns * stride)).collect();
    let at = |x: usize, y: usize| level[y * columns + x];

    let mut euler = vec![0i64; count + 1];
    for y in 0..=rows {
        for x in 0..=columns {
            let (left, right) = (x.checked_sub(1), (x < columns).then_some(x));
            let (up, down) = (y.checked_sub(1), (y < rows).then_some(y));
            let highest = |xs: &[Option<usize>], ys: &[Option<usize>]| {
                let pairs = xs.iter().flatten().flat_map(|&x| ys.iter().flatten().map(move |&y| (x, y)));
                pairs.map(|(x, y)| at(x, y)).max()
            };
            // The corner at the upper left of this place, the edges above and left of it, itself.
            let parts = [
                (highest(&[left, right], &[up, down]), 1),
                (highest(&[right], &[up, down]), -1),
                (highest(&[left, right], &[down]), -1),
                (highest(&[right], &[down]), 1),
            ];
            for (level, sign) in parts {
                if let Some(level) = level {
                    euler[level as usize] += sign;
                }
            }
        }
    }

    let mut order: Vec<u32> = (0..level.len() as u32).collect();
    order.sort_unstable_by_key(|&place| std::cmp::Reverse(level[place as usize]));
    let mut forest = Forest::new(level.len());
    let (mut components, mut holes) = (vec![0; count], vec![0; count]);
    let (mut pieces, mut sum) = (0i64, 0i64);
    let mut next = order.into_iter().peekable();
    for threshold in (0..count).rev() {
        while let Some(place) = next.next_if(|&place| level[place as usize] as usize > threshold) {
            pieces += 1 - forest.add(place as usize, columns, rows);
        }
        sum += euler[threshold + 1];
        components[threshold] = pieces as u32;
        holes[threshold] = (pieces - sum).max(0) as u32;
    }
    (components, holes)
}

/// Union of sets of places, or of runs of them, that touch.
struct Forest {
    /// `NOBODY` for places that were not added.
    parent: Vec<u32>,
}

const NOBODY: u32 = u32::MAX;

impl Forest {
    fn new(places: usize) -> Self {
        Self { parent: vec![NOBODY; places] }
    }

    /// All there, each for itself.
    fn of_singles(count: usize) -> Self {
        Self { parent: (0..count as u32).collect() }
    }

    /// Makes one set of those of two places; whether they were two.
    fn join(&mut self, one: u32, other: u32) -> bool {
        let (root, joins) = (self.root(one), self.root(other));
        self.parent[joins as usize] = root;
        root != joins
    }

    fn root(&mut self, place: u32) -> u32 {
        let mut at = place;
        while self.parent[at as usize] != at {
            let up = self.parent[self.parent[at as usize] as usize];
            self.parent[at as usize] = up;
            at = up;
        }
        at
    }

    /// Adds a place, and returns how many pieces it joined.
    fn add(&mut self, place: usize, columns: usize, rows: usize) -> i64 {
        let own = place as u32;
        self.parent[place] = own;
        let (x, y) = (place % columns, place / columns);
        let mut joined = 0;
        for ny in y.saturating_sub(1)..=(y + 1).min(rows - 1) {
            for nx in x.saturating_sub(1)..=(x + 1).min(columns - 1) {
                let other = (ny * columns + nx) as u32;
                if self.parent[other as usize] != NOBODY {
                    joined += i64::from(self.join(own, other));
                }
            }
        }
        joined
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use glamm_engine::vision::BinaryMask;

    /// Logits that are used as they are: grid, frame and picture are one.
    fn mask(rows: &[&str]) -> MaskLogits {
        let side = rows.len().max(rows[0].len());
        let mut logits = vec![-9.0; side * side];
        for (y, row) in rows.iter().enumerate() {
            for (x, digit) in row.bytes().enumerate() {
                logits[y * side + x] = if digit == b'.' { -5.0 } else { f32::from(digit - b'0') };
            }
        }
        let (width, height) = (rows[0].len(), rows.len());
        MaskLogits {
            side,
            logits,
            frame: side,
            content: (width, height),
            image_size: (width as u32, height as u32),
            predicted_iou: 1.0,
        }
    }

    #[test]
    fn rings_and_dots_are_counted_at_every_threshold() {
        let curves = Curves::of(&mask(&[
            "........7",
            ".33333...",
            ".3...3...",
            ".3.6.3...",
            ".3...3...",
            ".33333...",
            "......2..",
        ]));
        let at = |threshold| {
            let facts = curves.at(threshold).unwrap();
            (facts.shape.area, facts.shape.components, facts.shape.holes)
        };
        assert_eq!(at(6.5), (1, 1, 0));
        assert_eq!(at(5.0), (2, 2, 0));
        assert_eq!(at(3.0), (2, 2, 0), "equal is not above");
        assert_eq!(at(2.5), (18, 3, 1));
        assert_eq!(at(0.0), (19, 3, 1), "the corner of the ring touches the last dot");
        assert_eq!(at(-6.0), (63, 1, 0));
        let bounds = curves.at(2.5).unwrap().shape.bounds.unwrap();
        assert_eq!((bounds.x0, bounds.y0, bounds.x1, bounds.y1), (1.0, 0.0, 9.0, 6.0));
        assert_eq!(curves.at(15.0).unwrap().shape.bounds, None);
    }

    #[test]
    fn areas_and_stability_are_those_of_the_mask() {
        let side = 16;
        let logits =
            (0..side * side).map(|i| ((i % side) as f32 * 0.7).sin() * 6.0 - (i / side) as f32 * 0.3);
        let mask = MaskLogits {
            side,
            logits: logits.collect(),
            frame: 64,
            content: (64, 40),
            image_size: (160, 100),
            predicted_iou: 1.0,
        };
        let curves = Curves::of(&mask);
        for threshold in [-3.0, -1.5, 0.0, 0.5, 2.0] {
            let facts = curves.at(threshold).unwrap();
            let pixels = mask.threshold(threshold);
            // The thresholds of the list are multiples of 0.05 but for rounding.
            assert!(facts.shape.area.abs_diff(pixels.area() as u64) <= 2, "{threshold}");
            let (a, b) = (facts.shape.bounds.unwrap(), pixels.bounding_box().unwrap());
            assert!((a.x0 - b.x0).abs() <= 1.0 && (a.y1 - b.y1).abs() <= 1.0, "{threshold}: {a:?} {b:?}");
        }
        assert!((curves.at(0.0).unwrap().stability - mask.stability_score(1.0)).abs() < 0.01);
    }

    #[test]
    fn painted_pixels_are_counted_as_logits_are() {
        let rows =
            ["........7", ".33333...", ".3...3...", ".3.6.3...", ".3...3...", ".33333...", "......2.."];
        let logits = mask(&rows);
        let painted = EditedMask::from(&logits.threshold(2.5));
        let shape = Shape::of(&painted);
        assert_eq!(shape, Curves::of(&logits).at(2.5).unwrap().shape);
        assert_eq!((shape.area, shape.components, shape.holes), (18, 3, 1));
        let nothing = Shape::of(&EditedMask::from(&BinaryMask::empty(9, 7)));
        assert_eq!(nothing, Shape { area: 0, bounds: None, components: 0, holes: 0 });
    }

    #[test]
    fn a_threshold_is_rounded_to_the_entry_that_is_shown_for_it() {
        let curves = Curves::of(&mask(&["00", "55"]));
        for threshold in [-99.0, -0.93, 0.0, 0.013, 2.524, 2.526, 99.0] {
            let nearest = curves.nearest(threshold);
            assert_eq!(curves.at(nearest), curves.at(threshold), "{threshold}");
            assert!((curves.first..=curves.last()).contains(&nearest), "{threshold}");
        }
        assert!((curves.nearest(2.524) - 2.5).abs() < 1e-4);
    }

    #[test]
    fn nothing_unusual_is_fatal() {
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30, -1e30, 0.0] {
            let mut flat = mask(&["00", "00"]);
            flat.logits.fill(value);
            let curves = Curves::of(&flat);
            assert!(curves.at(0.0).is_some() && curves.at(f32::NAN).is_some(), "{value}");
            assert!(curves.last() <= LIMIT && curves.first >= -LIMIT);
        }
    }
}
