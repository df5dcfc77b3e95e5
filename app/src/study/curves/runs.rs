//! Pieces and holes of pixels that are known as runs within rows: exact on a picture of any size, in a time
//! that grows with the runs.

use std::ops::Range;

use super::Forest;
use crate::document::EditedMask;

/// A row, and columns of it that follow each other.
type Run = (u32, Range<u32>);

/// How far beyond their ends runs of two rows reach each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// They touch along an edge.
    Edges,
    /// They touch along an edge or at a corner.
    Corners,
}

/// How many pieces pixels are, which touch at a corner, too; and how many holes there are in them: pieces of the
/// ground that do not come to the border.
pub(super) fn pieces_and_holes(mask: &EditedMask) -> (u32, u32) {
    let (width, height) = mask.size();
    let inside: Vec<Run> = mask.row_runs().collect();
    let ground = ground(&inside, (width, height));
    let (_, pieces) = joined(&inside, Reach::Corners);
    let (mut forest, all) = joined(&ground, Reach::Edges);
    let mut is_open = vec![false; ground.len()];
    let mut open = 0;
    for (at, (row, columns)) in (0..).zip(&ground) {
        let at_border = *row == 0 || row + 1 == height || columns.start == 0 || columns.end == width;
        let known = &mut is_open[forest.root(at) as usize];
        open += u32::from(at_border && !*known);
        *known |= at_border;
    }
    (pieces, all - open)
}

/// What is not inside.
fn ground(inside: &[Run], (width, height): (u32, u32)) -> Vec<Run> {
    let mut ground = Vec::new();
    let mut inside = inside.iter().peekable();
    for row in 0..height {
        let mut from = 0;
        while let Some((_, columns)) = inside.next_if(|(of, _)| *of == row) {
            if from < columns.start {
                ground.push((row, from..columns.start));
            }
            from = columns.end;
        }
        if from < width {
            ground.push((row, from..width));
        }
    }
    ground
}

/// Joins the runs that touch, which are in the order of their rows and columns. How many pieces are left.
fn joined(runs: &[Run], reach: Reach) -> (Forest, u32) {
    let by = u32::from(reach == Reach::Corners);
    let mut forest = Forest::of_singles(runs.len());
    let mut pieces = runs.len() as u32;
    // The first one that may touch the next run; those before it touch none that follow.
    let mut first = 0;
    for (at, (row, columns)) in runs.iter().enumerate() {
        let is_behind =
            |(of, other): &Run| of + 1 < *row || of + 1 == *row && other.end + by <= columns.start;
        while is_behind(&runs[first]) {
            first += 1;
        }
        let touches = |(of, other): &Run| of + 1 == *row && other.start < columns.end + by;
        for above in (first..at).take_while(|above| touches(&runs[*above])) {
            pieces -= u32::from(forest.join(at as u32, above as u32));
        }
    }
    (forest, pieces)
}

#[cfg(test)]
mod tests {
    use glamm_engine::vision::BinaryMask;

    use super::super::topology;
    use super::*;

    fn counted(pixels: &BinaryMask) -> (u32, u32) {
        pieces_and_holes(&EditedMask::from(pixels))
    }

    #[test]
    fn dots_on_a_large_picture_are_not_overlooked() {
        let dots = |x: u32, y: u32| (x / 2 == 1000 || x / 2 == 1003) && y / 2 == 1201;
        assert_eq!(counted(&BinaryMask::from_fn(4096, 3000, dots)), (2, 0));
        let holes = |x: u32, y: u32| !dots(x, y);
        assert_eq!(counted(&BinaryMask::from_fn(4096, 3000, holes)), (1, 2));
    }

    #[test]
    fn runs_are_joined_as_places_are() {
        let mut state = 1u32;
        for (width, height) in [(1, 1), (1, 9), (9, 1), (2, 2), (7, 5), (16, 13), (31, 20)] {
            for share in [2, 4, 6, 7] {
                let pixels = BinaryMask::from_fn(width, height, |_, _| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 16) % 8 < share
                });
                let inside = |x: usize, y: usize| u16::from(pixels.contains(x as u32, y as u32));
                let (pieces, holes) = topology(inside, (width as usize, height as usize), 1);
                assert_eq!(counted(&pixels), (pieces[0], holes[0]), "{width} × {height}, {share} of 8");
            }
        }
    }

    #[test]
    fn nothing_and_everything_are_counted() {
        assert_eq!(counted(&BinaryMask::empty(5, 4)), (0, 0));
        assert_eq!(counted(&BinaryMask::from_fn(5, 4, |_, _| true)), (1, 0));
    }
}
