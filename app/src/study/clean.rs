//! Changing a mask's pixels on request: specks, holes, rough edges, the brush and the eraser.

use glamm_engine::vision::BinaryMask;

/// Pieces smaller than this share of the largest are specks.
const SPECK: f64 = 0.02;
/// Radius of smoothing, as a share of the picture's longer side.
const SMOOTHING: f32 = 0.006;

/// Something to be done to a mask.
#[derive(Debug, Clone, PartialEq)]
pub enum CleanUp {
    /// Take small pieces away.
    RemoveSpecks,
    /// Fill what is enclosed.
    FillHoles,
    /// Round off the edge.
    Smooth,
    /// Add what a brush passed over, or take it away.
    Stroke(Stroke),
}

/// The way of a round brush over the picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Stroke {
    /// Where it went, in pixels of the picture.
    pub path: Vec<(f32, f32)>,
    /// In pixels of the picture.
    pub radius: f32,
    /// Whether it takes away.
    pub erases: bool,
}

impl CleanUp {
    /// What "Undo …" is followed by in the menu.
    pub fn label(&self) -> &'static str {
        match self {
            Self::RemoveSpecks => "remove specks",
            Self::FillHoles => "fill holes",
            Self::Smooth => "smooth mask",
            Self::Stroke(Stroke { erases: false, .. }) => "paint on mask",
            Self::Stroke(Stroke { erases: true, .. }) => "erase from mask",
        }
    }

    /// The mask after it.
    pub fn apply(&self, mask: &BinaryMask) -> BinaryMask {
        match self {
            Self::RemoveSpecks => without_specks(mask),
            Self::FillHoles => filled(mask),
            Self::Smooth => smooth(mask),
            Self::Stroke(stroke) => painted(mask, stroke),
        }
    }
}

fn without_specks(mask: &BinaryMask) -> BinaryMask {
    let pieces = Pieces::of(mask, true);
    let largest = pieces.sizes.iter().copied().max().unwrap_or(0);
    let smallest = largest as f64 * SPECK;
    BinaryMask::from_fn(mask.width(), mask.height(), |x, y| {
        pieces.at(x, y).is_some_and(|piece| pieces.sizes[piece] as f64 >= smallest)
    })
}

fn filled(mask: &BinaryMask) -> BinaryMask {
    let ground = Pieces::of(mask, false);
    BinaryMask::from_fn(mask.width(), mask.height(), |x, y| {
        ground.at(x, y).is_none_or(|piece| !ground.at_border[piece])
    })
}

/// Pixels of one kind in pieces that are connected: those of the mask by edges and corners, those of
/// the ground by edges, so that a closed line of pixels encloses what is within.
struct Pieces {
    width: usize,
    /// 0 for pixels of the other kind.
    labels: Vec<u32>,
    /// Pixels of each piece.
    sizes: Vec<usize>,
    /// Whether the piece touches the border of the picture.
    at_border: Vec<bool>,
}

impl Pieces {
    fn of(mask: &BinaryMask, inside: bool) -> Self {
        let (width, height) = (mask.width() as usize, mask.height() as usize);
        let mut pieces =
            Self { width, labels: vec![0; width * height], sizes: Vec::new(), at_border: Vec::new() };
        let pixels = mask.pixels();
        let mut waiting = Vec::new();
        for start in 0..pixels.len() {
            if pixels[start] != inside || pieces.labels[start] != 0 {
                continue;
            }
            let label = pieces.sizes.len() as u32 + 1;
            let (mut size, mut border) = (0, false);
            pieces.labels[start] = label;
            waiting.push(start);
            while let Some(at) = waiting.pop() {
                let (x, y) = (at % width, at / width);
                size += 1;
                border |= x == 0 || y == 0 || x + 1 == width || y + 1 == height;
                for ny in y.saturating_sub(1)..=(y + 1).min(height - 1) {
                    for nx in x.saturating_sub(1)..=(x + 1).min(width - 1) {
                        let other = ny * width + nx;
                        let reached = inside || nx == x || ny == y;
                        if reached && pixels[other] == inside && pieces.labels[other] == 0 {
                            pieces.labels[other] = label;
                            waiting.push(other);
                        }
                    }
                }
            }
            pieces.sizes.push(size);
            pieces.at_border.push(border);
        }
        pieces
    }

    /// The piece that the pixel belongs to.
    fn at(&self, x: u32, y: u32) -> Option<usize> {
        (self.labels[y as usize * self.width + x as usize] as usize).checked_sub(1)
    }
}

/// Blurs and cuts at one half: corners are rounded, thin hairs vanish, narrow gaps close.
fn smooth(mask: &BinaryMask) -> BinaryMask {
    let (width, height) = (mask.width() as usize, mask.height() as usize);
    let radius = (width.max(height) as f32 * SMOOTHING).round().max(1.0) as usize;
    let mut values: Vec<f32> = mask.pixels().iter().map(|&inside| f32::from(u8::from(inside))).collect();
    // Two boxes one after the other come near to a bell.
    for _ in 0..2 {
        for row in values.chunks_exact_mut(width.max(1)) {
            blur(row, radius);
        }
        let mut column = vec![0.0; height];
        for x in 0..width {
            for (y, value) in column.iter_mut().enumerate() {
                *value = values[y * width + x];
            }
            blur(&mut column, radius);
            for (y, value) in column.iter().enumerate() {
                values[y * width + x] = *value;
            }
        }
    }
    BinaryMask::from_fn(mask.width(), mask.height(), |x, y| values[y as usize * width + x as usize] > 0.5)
}

/// Replaces each value by the mean of those at most `radius` away; the line goes on with its ends.
fn blur(line: &mut [f32], radius: usize) {
    let (Some(&first), Some(&last)) = (line.first(), line.last()) else { return };
    let before = line.to_vec();
    let at = |i: isize| match usize::try_from(i) {
        Err(_) => first,
        Ok(i) => before.get(i).copied().unwrap_or(last),
    };
    let radius = radius as isize;
    let mut sum: f32 = (-radius..=radius).map(at).sum();
    let count = (2 * radius + 1) as f32;
    for (i, value) in (0isize..).zip(line.iter_mut()) {
        *value = sum / count;
        sum += at(i + radius + 1) - at(i - radius);
    }
}

fn painted(mask: &BinaryMask, stroke: &Stroke) -> BinaryMask {
    let (width, height) = (mask.width() as usize, mask.height() as usize);
    let mut pixels = mask.pixels().to_vec();
    let radius = stroke.radius.max(0.5);
    let dot = stroke.path.first().map(|&only| (only, only));
    let segments = stroke.path.windows(2).map(|pair| (pair[0], pair[1]));
    for (a, b) in dot.into_iter().chain(segments) {
        let reach = |low: f32, high: f32, length: usize| {
            let first = (low.min(high) - radius).floor().clamp(0.0, length as f32) as usize;
            first..((low.max(high) + radius).ceil().clamp(0.0, length as f32) as usize)
        };
        for y in reach(a.1, b.1, height) {
            for x in reach(a.0, b.0, width) {
                if distance((x as f32 + 0.5, y as f32 + 0.5), a, b) <= radius {
                    pixels[y * width + x] = !stroke.erases;
                }
            }
        }
    }
    BinaryMask::from_fn(mask.width(), mask.height(), |x, y| pixels[y as usize * width + x as usize])
}

/// From a place to a line between two others.
fn distance(p: (f32, f32), a: (f32, f32), b: (f32, f32)) -> f32 {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let length = dx * dx + dy * dy;
    let along = if length > 0.0 { ((p.0 - a.0) * dx + (p.1 - a.1) * dy) / length } else { 0.0 };
    let along = along.clamp(0.0, 1.0);
    (p.0 - a.0 - along * dx).hypot(p.1 - a.1 - along * dy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(rows: &[&str]) -> BinaryMask {
        BinaryMask::from_fn(rows[0].len() as u32, rows.len() as u32, |x, y| {
            rows[y as usize].as_bytes()[x as usize] == b'#'
        })
    }

    #[test]
    fn specks_go_and_pieces_stay() {
        let block = |x: u32, y: u32| x < 20 && y < 20;
        let with_speck = BinaryMask::from_fn(40, 30, |x, y| block(x, y) || (x == 35 && y == 20));
        let found = CleanUp::RemoveSpecks.apply(&with_speck);
        assert_eq!(found, BinaryMask::from_fn(40, 30, block));
        let piece = BinaryMask::from_fn(40, 30, |x, y| block(x, y) || (x >= 30 && y >= 25));
        assert_eq!(CleanUp::RemoveSpecks.apply(&piece), piece);
        let empty = BinaryMask::empty(5, 5);
        assert_eq!(CleanUp::RemoveSpecks.apply(&empty), empty);
    }

    #[test]
    fn holes_are_filled_and_bays_are_not() {
        let found =
            CleanUp::FillHoles.apply(&mask(&["......", ".###..", ".#.#.#", ".###.#", ".....#", "...###"]));
        let want = mask(&["......", ".###..", ".###.#", ".###.#", ".....#", "...###"]);
        assert_eq!(found, want);
        // A line that is closed at its corners only encloses, too.
        let diamond = mask(&["..#..", ".#.#.", "#...#", ".#.#.", "..#.."]);
        assert_eq!(CleanUp::FillHoles.apply(&diamond).area(), 13);
    }

    #[test]
    fn smoothing_takes_hairs_and_keeps_the_body() {
        let body = |x: u32, y: u32| (20..80).contains(&x) && (20..80).contains(&y);
        let hairy = BinaryMask::from_fn(100, 100, |x, y| body(x, y) || (x == 50 && y < 20));
        let found = CleanUp::Smooth.apply(&hairy);
        assert!(!found.contains(50, 5) && found.contains(50, 50));
        let whole = BinaryMask::from_fn(100, 100, body);
        assert!(found.iou(&whole) > 0.98, "{}", found.iou(&whole));
        let full = BinaryMask::from_fn(9, 4, |_, _| true);
        assert_eq!(CleanUp::Smooth.apply(&full), full, "the border is no edge");
    }

    #[test]
    fn strokes_are_as_wide_as_the_brush() {
        let empty = BinaryMask::empty(40, 20);
        let stroke = |path: &[(f32, f32)], erases| Stroke { path: path.to_vec(), radius: 3.0, erases };
        let dot = CleanUp::Stroke(stroke(&[(10.0, 10.0)], false)).apply(&empty);
        assert!(dot.contains(10, 10) && dot.contains(12, 10) && !dot.contains(13, 10));
        let line = CleanUp::Stroke(stroke(&[(5.0, 10.0), (35.0, 10.0)], false)).apply(&empty);
        assert!((5..35).all(|x| line.contains(x, 7) && line.contains(x, 12) && !line.contains(x, 13)));
        let cut = CleanUp::Stroke(stroke(&[(20.0, -5.0), (20.0, 90.0)], true)).apply(&line);
        assert!(!cut.contains(20, 10) && cut.contains(10, 10) && cut.contains(30, 10));
        let none = CleanUp::Stroke(stroke(&[], false)).apply(&line);
        assert_eq!(none, line);
    }
}
