//! Masks as polygons and back, for formats that have nothing else: COCO, LabelMe, YOLO.
//!
//! Outlines run along the edges of pixels, so that a polygon holds exactly the pixels of its mask:
//! corners have whole coordinates, the mask lies to the right of the way. Pixels that touch at a
//! corner alone belong to different outlines.

use std::collections::HashMap;

use hotcoco::mask;

use super::BinaryMask;

/// A place in pixels of the image, corners of pixels at whole numbers.
pub type Corner = (f32, f32);

/// A connected part of a mask.
#[derive(Debug, Clone, PartialEq)]
pub struct Polygon {
    /// Around it, clockwise as it is seen; the last corner is joined to the first.
    pub outline: Vec<Corner>,
    /// Around what is missing inside, counter-clockwise.
    pub holes: Vec<Vec<Corner>>,
}

impl Polygon {
    /// One ring without holes: each hole is joined to the outline by a cut that is gone both ways and
    /// has no width.
    pub fn single_ring(&self) -> Vec<Corner> {
        let mut ring = self.outline.clone();
        for hole in &self.holes {
            cut_to(&mut ring, hole);
        }
        ring
    }

    /// The polygon with fewer corners, none farther than `tolerance` pixels from the old outline.
    /// Holes that shrink to nothing are left out.
    #[must_use]
    pub fn simplified(&self, tolerance: f32) -> Self {
        let holes = self.holes.iter().map(|hole| simplify(hole, tolerance)).filter(|hole| hole.len() > 2);
        Self { outline: simplify(&self.outline, tolerance), holes: holes.collect() }
    }
}

/// One ring of several, joined by cuts without width.
pub fn joined(rings: &[Vec<Corner>]) -> Vec<Corner> {
    let mut rings = rings.iter();
    let mut all = rings.next().cloned().unwrap_or_default();
    for ring in rings {
        cut_to(&mut all, ring);
    }
    all
}

impl BinaryMask {
    /// The mask's parts, from the top; together they hold exactly its pixels.
    pub fn polygons(&self) -> Vec<Polygon> {
        let mut tracer =
            Tracer { mask: self, seen: vec![false; self.pixels().len()], left_of: HashMap::new() };
        let mut polygons: Vec<Polygon> = Vec::new();
        // For every ring the polygon it belongs to.
        let mut owners: Vec<usize> = Vec::new();
        for y in 0..self.height() {
            for x in 0..self.width() {
                if !tracer.starts(x, y) {
                    continue;
                }
                let ring = tracer.follow(x, y, owners.len());
                if doubled_area(&ring) > 0 {
                    owners.push(polygons.len());
                    polygons.push(Polygon { outline: corners(&ring), holes: Vec::new() });
                } else {
                    let owner = tracer.ring_left_of(x, y).and_then(|ring| owners.get(ring)).copied();
                    let owner = owner.unwrap_or(0);
                    owners.push(owner);
                    if let Some(polygon) = polygons.get_mut(owner) {
                        polygon.holes.push(corners(&ring));
                    }
                }
            }
        }
        polygons
    }

    /// The pixels in any of the rings, each `x0, y0, x1, y1 …`, as `pycocotools` counts them.
    pub fn from_rings(rings: &[Vec<f64>], width: u32, height: u32) -> Option<Self> {
        let good = |ring: &Vec<f64>| ring.len() >= 6 && ring.iter().all(|number| number.is_finite());
        let limits = [f64::from(width), f64::from(height)];
        let inside = |ring: &Vec<f64>| -> Vec<f64> {
            ring.iter().enumerate().map(|(at, number)| number.clamp(0.0, limits[at % 2])).collect()
        };
        let rings: Vec<Vec<f64>> = rings.iter().filter(|ring| good(ring)).map(inside).collect();
        if rings.is_empty() || width == 0 || height == 0 {
            return None;
        }
        let runs = mask::fr_polys(&rings, height, width).ok()?;
        let columns = mask::decode(&runs);
        Some(Self::from_fn(width, height, |x, y| {
            columns.get(x as usize * height as usize + y as usize).is_some_and(|&pixel| pixel != 0)
        }))
    }
}

type Ring = Vec<(i64, i64)>;

/// Follows the edges between a mask and what is around it.
struct Tracer<'a> {
    mask: &'a BinaryMask,
    /// For every pixel whether its upper edge was followed.
    seen: Vec<bool>,
    /// For pixels with nothing to their left, by place: the ring along that edge.
    left_of: HashMap<usize, usize>,
}

impl Tracer<'_> {
    fn inside(&self, x: i64, y: i64) -> bool {
        let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else { return false };
        self.mask.contains(x, y)
    }

    fn place(&self, x: i64, y: i64) -> usize {
        y as usize * self.mask.width() as usize + x as usize
    }

    /// Whether the pixel's upper edge is one, and not followed yet. Every ring has such an edge.
    fn starts(&self, x: u32, y: u32) -> bool {
        let (x, y) = (i64::from(x), i64::from(y));
        self.inside(x, y) && !self.inside(x, y - 1) && !self.seen[self.place(x, y)]
    }

    /// The pixels to the right and to the left of a step from a corner: east, south, west, north.
    fn sides(x: i64, y: i64, direction: usize) -> [(i64, i64); 2] {
        match direction {
            0 => [(x, y), (x, y - 1)],
            1 => [(x - 1, y), (x, y)],
            2 => [(x - 1, y - 1), (x - 1, y)],
            _ => [(x, y - 1), (x - 1, y - 1)],
        }
    }

    fn is_edge(&self, x: i64, y: i64, direction: usize) -> bool {
        let [right, left] = Self::sides(x, y, direction);
        self.inside(right.0, right.1) && !self.inside(left.0, left.1)
    }

    /// Follows the ring that begins with the upper edge of a pixel; gives its corners.
    fn follow(&mut self, x: u32, y: u32, number: usize) -> Ring {
        const STEPS: [(i64, i64); 4] = [(1, 0), (0, 1), (-1, 0), (0, -1)];
        let start = (i64::from(x), i64::from(y));
        let (mut at, mut direction) = (start, 0);
        let mut ring = vec![start];
        loop {
            match direction {
                0 => {
                    let place = self.place(at.0, at.1);
                    self.seen[place] = true;
                }
                3 => {
                    let place = self.place(at.0, at.1 - 1);
                    self.left_of.insert(place, number);
                }
                _ => {}
            }
            at = (at.0 + STEPS[direction].0, at.1 + STEPS[direction].1);
            // To the right first: pixels that touch at a corner stay apart.
            let turns = [1, 0, 3].map(|turn| (direction + turn) % 4);
            let next = turns.into_iter().find(|&next| self.is_edge(at.0, at.1, next));
            let Some(next) = next else { return ring };
            if at == start && next == 0 {
                return ring;
            }
            if next != direction {
                ring.push(at);
            }
            direction = next;
        }
    }

    /// The nearest ring to the left of a pixel of the mask.
    fn ring_left_of(&self, x: u32, y: u32) -> Option<usize> {
        let y = i64::from(y);
        (0..=i64::from(x)).rev().find_map(|x| self.left_of.get(&self.place(x, y)).copied())
    }
}

/// Twice the area; negative for a ring that goes counter-clockwise.
fn doubled_area(ring: &Ring) -> i64 {
    let next = ring.iter().cycle().skip(1);
    ring.iter().zip(next).map(|(a, b)| a.0 * b.1 - b.0 * a.1).sum()
}

fn corners(ring: &Ring) -> Vec<Corner> {
    ring.iter().map(|&(x, y)| (x as f32, y as f32)).collect()
}

fn squared_distance(a: Corner, b: Corner) -> f32 {
    (a.0 - b.0).powi(2) + (a.1 - b.1).powi(2)
}

/// Puts a hole into a ring, by way of the corner of the ring that is nearest to it.
fn cut_to(ring: &mut Vec<Corner>, hole: &[Corner]) {
    let Some(&first) = hole.first() else { return };
    let near = |(_, a): &(usize, &Corner), (_, b): &(usize, &Corner)| {
        squared_distance(**a, first).total_cmp(&squared_distance(**b, first))
    };
    let Some((at, &corner)) = ring.iter().enumerate().min_by(near) else { return };
    let way: Vec<Corner> = hole.iter().copied().chain([first, corner]).collect();
    let behind = at + 1;
    ring.splice(behind..behind, way);
}

/// Douglas and Peucker, on a closed ring: cut at its first corner and the one farthest from it.
fn simplify(ring: &[Corner], tolerance: f32) -> Vec<Corner> {
    let Some(&first) = ring.first() else { return Vec::new() };
    let far = |&a: &usize, &b: &usize| {
        squared_distance(ring[a], first).total_cmp(&squared_distance(ring[b], first))
    };
    let Some(middle) = (0..ring.len()).max_by(far) else { return Vec::new() };
    let closed: Vec<Corner> = ring.iter().copied().chain([first]).collect();
    let mut kept = vec![false; closed.len()];
    for end in [0, middle, closed.len() - 1] {
        kept[end] = true;
    }
    let mut parts = vec![(0, middle), (middle, closed.len() - 1)];
    while let Some((from, to)) = parts.pop() {
        let distance = |&at: &usize| distance_to_segment(closed[at], closed[from], closed[to]);
        let farthest = (from + 1..to).max_by(|a, b| distance(a).total_cmp(&distance(b)));
        if let Some(at) = farthest.filter(|at| distance(at) > tolerance) {
            kept[at] = true;
            parts.extend([(from, at), (at, to)]);
        }
    }
    kept.pop();
    closed.iter().zip(kept).filter(|(_, kept)| *kept).map(|(corner, _)| *corner).collect()
}

fn distance_to_segment(at: Corner, from: Corner, to: Corner) -> f32 {
    let along = (to.0 - from.0, to.1 - from.1);
    let length = along.0 * along.0 + along.1 * along.1;
    let share = if length > 0.0 {
        (((at.0 - from.0) * along.0 + (at.1 - from.1) * along.1) / length).clamp(0.0, 1.0)
    } else {
        0.0
    };
    squared_distance(at, (from.0 + share * along.0, from.1 + share * along.1)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(picture: &[&str]) -> BinaryMask {
        let (width, height) = (picture[0].len() as u32, picture.len() as u32);
        BinaryMask::from_fn(width, height, |x, y| picture[y as usize].as_bytes()[x as usize] == b'#')
    }

    fn flat(ring: &[Corner]) -> Vec<f64> {
        ring.iter().flat_map(|&(x, y)| [f64::from(x), f64::from(y)]).collect()
    }

    fn there_and_back(mask: &BinaryMask) -> BinaryMask {
        let rings: Vec<_> = mask.polygons().iter().map(|polygon| flat(&polygon.single_ring())).collect();
        BinaryMask::from_rings(&rings, mask.width(), mask.height())
            .unwrap_or_else(|| BinaryMask::empty(mask.width(), mask.height()))
    }

    #[test]
    fn outlines_follow_the_edges_of_pixels() {
        let found = drawn(&["....", ".##.", ".#..", "...."]).polygons();
        let outline = vec![(1.0, 1.0), (3.0, 1.0), (3.0, 2.0), (2.0, 2.0), (2.0, 3.0), (1.0, 3.0)];
        assert_eq!(found, [Polygon { outline, holes: Vec::new() }]);
        assert!(drawn(&["..", ".."]).polygons().is_empty());
    }

    #[test]
    fn corners_do_not_join_and_holes_belong_to_what_they_are_in() {
        assert_eq!(drawn(&["#.", ".#"]).polygons().len(), 2);
        let nested = drawn(&["#######", "#.....#", "#.###.#", "#.#.#.#", "#.###.#", "#.....#", "#######"]);
        let found = nested.polygons();
        let holes: Vec<_> = found.iter().map(|polygon| polygon.holes.len()).collect();
        assert_eq!(holes, [1, 1]);
        let side_by_side = drawn(&["#####", "#.#.#", "#####"]);
        assert_eq!(side_by_side.polygons()[0].holes.len(), 2);
    }

    #[test]
    fn polygons_hold_exactly_the_pixels_of_their_mask() {
        let mut state = 9_u32;
        let mut noise = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 30 != 0
        };
        let random: Vec<BinaryMask> =
            (1..12).map(|side| BinaryMask::from_fn(side * 3, side * 2, |_, _| noise())).collect();
        let ring = BinaryMask::from_fn(64, 48, |x, y| {
            let square = (x as i32 - 30).pow(2) + (y as i32 - 22).pow(2);
            (90..400).contains(&square)
        });
        for mask in random.iter().chain([&ring, &drawn(&["#"]), &drawn(&["#####", "#.#.#", "#####"])]) {
            let back = there_and_back(mask);
            assert_eq!(back, *mask, "{} × {}", mask.width(), mask.height());
        }
    }

    #[test]
    fn simpler_polygons_stay_near() {
        let disc =
            BinaryMask::from_fn(200, 200, |x, y| (x as i32 - 100).pow(2) + (y as i32 - 90).pow(2) < 80 * 80);
        let exact = &disc.polygons()[0];
        let simple = exact.simplified(1.0);
        assert!(simple.outline.len() * 3 < exact.outline.len(), "{}", simple.outline.len());
        let back = BinaryMask::from_rings(&[flat(&simple.outline)], 200, 200).unwrap();
        assert!(back.iou(&disc) > 0.97);
        assert_eq!(exact.simplified(0.0), *exact);
    }

    #[test]
    fn rings_that_are_none_are_passed_over() {
        assert!(BinaryMask::from_rings(&[vec![1.0, 2.0, 3.0, 4.0]], 9, 9).is_none());
        assert!(BinaryMask::from_rings(&[vec![f64::NAN; 6]], 9, 9).is_none());
        let beyond = vec![-1e30, -5.0, 1e30, -5.0, 1e30, 1e300, -5.0, 1e30];
        assert_eq!(BinaryMask::from_rings(&[beyond], 9, 5).unwrap().area(), 45);
    }
}
