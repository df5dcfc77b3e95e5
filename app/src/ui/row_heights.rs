//! Where the rows of a long list lie, when most of them were never laid out.
//!
//! Every row has a height: an estimate until it was seen, then what it measured. The list scrolls
//! smoothly because a row that turns out otherwise than estimated moves what is above the view, not
//! what is in it. Pure arithmetic; `message_list` and `log_panel` draw by it.

use std::ops::Range;

/// The height of one row, without the gap behind it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Height {
    points: f32,
    measured: bool,
}

/// See the module. `K` is what a row shows.
#[derive(Debug, Clone)]
pub(super) struct RowHeights<K> {
    rows: Vec<(K, Height)>,
    gap: f32,
}

impl<K: Clone> RowHeights<K> {
    /// No rows, which will have this much between them.
    pub(super) fn new(gap: f32) -> Self {
        Self { rows: Vec::new(), gap }
    }

    /// Forgets the rows before the one that is now the first, if it was there before.
    pub(super) fn begin_with(&mut self, first: &K, same: impl Fn(&K, &K) -> bool) {
        if let Some(place) = self.rows.iter().position(|(known, _)| same(known, first)) {
            self.rows.drain(..place);
        }
    }

    /// Takes the rows as they are now. A row at the same place that is the `same` keeps its height.
    pub(super) fn update(
        &mut self,
        keys: &[&K],
        same: impl Fn(&K, &K) -> bool,
        mut estimate: impl FnMut(&K) -> f32,
    ) {
        for (place, &key) in keys.iter().enumerate() {
            match self.rows.get_mut(place) {
                Some((known, _)) if same(known, key) => {}
                Some(row) => *row = (key.clone(), Height { points: estimate(key), measured: false }),
                None => self.rows.push((key.clone(), Height { points: estimate(key), measured: false })),
            }
        }
        self.rows.truncate(keys.len());
    }

    /// Forgets what was measured: the width has changed. What was measured stays as the estimate.
    pub(super) fn forget(&mut self) {
        for (_, height) in &mut self.rows {
            height.measured = false;
        }
    }

    /// Notes what a row measured; returns by how much it is higher than was thought.
    pub(super) fn measure(&mut self, place: usize, points: f32) -> f32 {
        let Some((_, height)) = self.rows.get_mut(place) else { return 0.0 };
        let more = points - height.points;
        *height = Height { points, measured: true };
        more
    }

    /// The height of a row, if it was measured.
    pub(super) fn measured(&self, place: usize) -> Option<f32> {
        self.rows.get(place).filter(|(_, h)| h.measured).map(|(_, h)| h.points)
    }

    /// Height of all rows with the gaps between and behind them.
    pub(super) fn total(&self) -> f32 {
        self.rows.iter().map(|(_, height)| height.points + self.gap).sum()
    }

    /// The first row that reaches below `top`, and where it begins; both measured from the list's
    /// upper edge. The number of rows where none does.
    pub(super) fn first_below(&self, top: f32) -> (usize, f32) {
        let mut begin = 0.0;
        for (place, (_, height)) in self.rows.iter().enumerate() {
            let end = begin + height.points;
            if end > top {
                return (place, begin);
            }
            begin = end + self.gap;
        }
        (self.rows.len(), begin)
    }

    /// Lays out what is to be seen in `view`, from top to bottom: `lay_out` says how high a row is,
    /// and is told where it goes. Returns how much what is above the view has grown: the view must
    /// move down by so much in the next frame, to show the same.
    pub(super) fn show(&mut self, view: Range<f32>, mut row: impl FnMut(usize, RowEvent) -> f32) -> f32 {
        let (first, mut begin) = self.first_below(view.start);
        let mut shift = 0.0;
        for place in first..self.rows.len() {
            if begin >= view.end {
                break;
            }
            let more = if self.measured(place).is_some() {
                0.0
            } else {
                let points = row(place, RowEvent::Measure);
                self.measure(place, points)
            };
            // What begins above the view grows upwards.
            if begin < view.start {
                begin -= more;
                shift += more;
            }
            let points = row(place, RowEvent::Draw { top: begin });
            let later = self.measure(place, points);
            debug_assert!(later.is_finite());
            begin += points + self.gap;
        }
        shift
    }
}

/// What is asked of whoever draws a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum RowEvent {
    /// How high is it?
    Measure,
    /// Draw it, this far below the upper edge of the list; how high is it?
    Draw {
        /// Its upper edge.
        top: f32,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten rows, thought to be 10 high, of which `high` are really 30 high.
    fn shown(view: Range<f32>, high: &[usize]) -> (RowHeights<u32>, Vec<(usize, f32)>, f32) {
        let keys: Vec<u32> = (0..10).collect();
        let mut heights = RowHeights::new(2.0);
        heights.update(&keys.iter().collect::<Vec<_>>(), u32::eq, |_| 10.0);
        let mut drawn = Vec::new();
        let shift = heights.show(view, |place, event| {
            if let RowEvent::Draw { top } = event {
                drawn.push((place, top));
            }
            if high.contains(&place) { 30.0 } else { 10.0 }
        });
        (heights, drawn, shift)
    }

    #[test]
    fn only_what_is_in_view_is_laid_out() {
        let (heights, drawn, shift) = shown(13.0..40.0, &[]);
        assert_eq!(drawn, [(1, 12.0), (2, 24.0), (3, 36.0)]);
        assert_eq!((shift, heights.total()), (0.0, 120.0));
        assert_eq!((heights.measured(0), heights.measured(2)), (None, Some(10.0)));
        assert_eq!(shown(500.0..600.0, &[]).1, []);
    }

    #[test]
    fn what_is_in_view_stays_where_it_is() {
        // Row 1 begins above the view and is higher than thought: row 2 stays at 24.
        let (heights, drawn, shift) = shown(13.0..40.0, &[1]);
        assert_eq!(drawn, [(1, -8.0), (2, 24.0), (3, 36.0)]);
        assert_eq!((shift, heights.total()), (20.0, 140.0));
        // In the next frame the view is further down by as much, and all is where it was.
        let mut heights = heights;
        let mut drawn = Vec::new();
        let again = heights.show(33.0..60.0, |place, event| {
            if let RowEvent::Draw { top } = event {
                drawn.push((place, top - 20.0));
            }
            if place == 1 { 30.0 } else { 10.0 }
        });
        assert_eq!((again, drawn), (0.0, vec![(1, -8.0), (2, 24.0), (3, 36.0)]));
    }

    #[test]
    fn rows_in_the_view_push_those_below() {
        let (_, drawn, shift) = shown(12.0..70.0, &[2]);
        assert_eq!(drawn, [(1, 12.0), (2, 24.0), (3, 56.0), (4, 68.0)]);
        assert!(shift.abs() < f32::EPSILON);
    }

    #[test]
    fn rows_keep_their_heights_while_they_are_the_same() {
        let (mut heights, ..) = shown(0.0..200.0, &[3]);
        heights.update(&[&0, &1, &2, &3, &77], u32::eq, |_| 50.0);
        assert_eq!((heights.measured(3), heights.measured(4)), (Some(30.0), None));
        assert!((heights.total() - (30.0 + 30.0 + 50.0 + 10.0)).abs() < 1e-3);
        heights.forget();
        assert_eq!(heights.measured(3), None);
        assert!((heights.total() - 120.0).abs() < 1e-3, "as estimates they stay");
    }

    #[test]
    fn rows_keep_their_heights_when_the_first_ones_go() {
        let (mut heights, ..) = shown(0.0..200.0, &[3]);
        heights.begin_with(&2, u32::eq);
        heights.update(&[&2, &3, &4, &10], u32::eq, |_| 50.0);
        assert_eq!([0, 1, 3].map(|place| heights.measured(place)), [Some(10.0), Some(30.0), None]);
        heights.begin_with(&77, u32::eq);
        assert_eq!(heights.measured(1), Some(30.0), "that was not there before");
    }
}
