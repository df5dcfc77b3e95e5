//! What a drag on the canvas means: drawing, moving and resizing regions. Pure geometry in image
//! pixels; the canvas panel feeds it and `update` carries out what comes of it.

use egui::{Pos2, Vec2, pos2, vec2};
use glamm_engine::vision::PixelBox;

use crate::document::RegionTag;

/// One of the eight handles of a region, by the edges it moves: -1 left or top, 1 right or
/// bottom, 0 neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handle {
    /// Which vertical edge.
    pub x: i8,
    /// Which horizontal edge.
    pub y: i8,
}

impl Handle {
    /// All eight; corners first, since they win where handles lie over each other.
    pub const ALL: [Self; 8] = [
        Self { x: -1, y: -1 },
        Self { x: 1, y: -1 },
        Self { x: 1, y: 1 },
        Self { x: -1, y: 1 },
        Self { x: 0, y: -1 },
        Self { x: 1, y: 0 },
        Self { x: 0, y: 1 },
        Self { x: -1, y: 0 },
    ];

    /// Its place on the box.
    pub fn position(self, bounds: &PixelBox) -> Pos2 {
        let along = |low: f32, high: f32, side: i8| match side {
            -1 => low,
            1 => high,
            _ => f32::midpoint(low, high),
        };
        pos2(along(bounds.x0, bounds.x1, self.x), along(bounds.y0, bounds.y1, self.y))
    }
}

/// What a drag does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Grip {
    /// Draws a new region.
    Draw,
    /// Moves a region.
    Move(RegionTag, PixelBox),
    /// Resizes a region.
    Resize(RegionTag, PixelBox, Handle),
}

/// A drag in progress.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gesture {
    /// What it does.
    pub grip: Grip,
    /// Where it began, in image pixels.
    pub from: Pos2,
    /// Where the pointer is now, in image pixels.
    pub to: Pos2,
    /// An edge this near to the picture's border, in image pixels, snaps to it.
    pub snap: f32,
}

impl Gesture {
    /// The box that the drag makes, inside a picture of this size. What the drag moves comes to lie
    /// between pixels or, near it, on the picture's border.
    pub fn bounds(&self, size: (u32, u32)) -> PixelBox {
        let delta = self.to - self.from;
        match self.grip {
            Grip::Draw => {
                let (from, to) = (self.snapped(self.from, size), self.snapped(self.to, size));
                PixelBox::from_corners(from.into(), to.into())
            }
            Grip::Move(_, bounds) => {
                let there = moved(bounds, delta, size);
                // The nearer of two opposite borders wins.
                let (low, high) = (pos2(there.x0, there.y0), pos2(there.x1, there.y1));
                let by_low = self.snapped(low, size) - low;
                let by_high = self.snapped(high, size) - high;
                let pick = |low: f32, high: f32, low_edge: f32, high_edge: f32, end: f32| {
                    let at_end = (high_edge + high - end).abs() < 1e-3;
                    if at_end && (low_edge + low).abs() > 1e-3 { high } else { low }
                };
                let dx = pick(by_low.x, by_high.x, there.x0, there.x1, size.0 as f32);
                let dy = pick(by_low.y, by_high.y, there.y0, there.y1, size.1 as f32);
                moved(there, vec2(dx, dy), size)
            }
            Grip::Resize(_, bounds, handle) => {
                let there = resized(bounds, delta, handle, |at| self.snapped(at, size));
                there.clipped(size.0, size.1)
            }
        }
    }

    /// The place between pixels, or on the border, that is nearest.
    fn snapped(&self, at: Pos2, (width, height): (u32, u32)) -> Pos2 {
        let along = |at: f32, length: u32| {
            let end = length as f32;
            if at <= self.snap {
                0.0
            } else if at >= end - self.snap {
                end
            } else {
                at.round()
            }
        };
        pos2(along(at.x, width), along(at.y, height))
    }

    /// The region that is being changed; none while one is being drawn.
    pub fn region(&self) -> Option<RegionTag> {
        match self.grip {
            Grip::Draw => None,
            Grip::Move(tag, _) | Grip::Resize(tag, ..) => Some(tag),
        }
    }
}

/// Moves a box without changing its size, as far as a picture of this size reaches.
pub fn moved(bounds: PixelBox, delta: Vec2, (width, height): (u32, u32)) -> PixelBox {
    let size = vec2(width as f32, height as f32);
    let dx = delta.x.clamp(-bounds.x0, (size.x - bounds.x1).max(-bounds.x0));
    let dy = delta.y.clamp(-bounds.y0, (size.y - bounds.y1).max(-bounds.y0));
    PixelBox { x0: bounds.x0 + dx, y0: bounds.y0 + dy, x1: bounds.x1 + dx, y1: bounds.y1 + dy }
}

/// Moves the handle's edges, to where `snapped` puts them; a box turned inside out is turned back.
fn resized(bounds: PixelBox, delta: Vec2, handle: Handle, snapped: impl Fn(Pos2) -> Pos2) -> PixelBox {
    let mut next = bounds;
    let low = snapped(pos2(bounds.x0, bounds.y0) + delta);
    let high = snapped(pos2(bounds.x1, bounds.y1) + delta);
    match handle.x {
        -1 => next.x0 = low.x,
        1 => next.x1 = high.x,
        _ => {}
    }
    match handle.y {
        -1 => next.y0 = low.y,
        1 => next.y1 = high.y,
        _ => {}
    }
    PixelBox::from_corners((next.x0, next.y0), (next.x1, next.y1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOX: PixelBox = PixelBox { x0: 10.0, y0: 10.0, x1: 30.0, y1: 20.0 };

    fn check(grip: Grip, by: (f32, f32), expected: (f32, f32, f32, f32)) {
        let from = pos2(15.0, 15.0);
        let gesture = Gesture { grip, from, to: from + vec2(by.0, by.1), snap: 0.0 };
        let (x0, y0, x1, y1) = expected;
        assert_eq!(gesture.bounds((100, 50)), PixelBox { x0, y0, x1, y1 }, "{grip:?} {by:?}");
    }

    #[test]
    fn drags_make_boxes() {
        let tag = RegionTag(1);
        check(Grip::Draw, (20.0, 10.0), (15.0, 15.0, 35.0, 25.0));
        check(Grip::Draw, (-100.0, 100.0), (0.0, 15.0, 15.0, 50.0));
        check(Grip::Move(tag, BOX), (5.0, 5.0), (15.0, 15.0, 35.0, 25.0));
        check(Grip::Move(tag, BOX), (-99.0, 99.0), (0.0, 40.0, 20.0, 50.0));
        let right = Handle { x: 1, y: 0 };
        check(Grip::Resize(tag, BOX, right), (10.0, 99.0), (10.0, 10.0, 40.0, 20.0));
        check(Grip::Resize(tag, BOX, right), (-25.0, 0.0), (5.0, 10.0, 10.0, 20.0));
        check(Grip::Resize(tag, BOX, Handle { x: -1, y: -1 }), (-99.0, 5.0), (0.0, 15.0, 30.0, 20.0));
        check(Grip::Draw, (20.4, 9.6), (15.0, 15.0, 35.0, 25.0));
        check(Grip::Move(tag, BOX), (5.3, 4.8), (15.0, 15.0, 35.0, 25.0));
    }

    #[test]
    fn edges_snap_to_the_border() {
        let bounds = |grip, by: (f32, f32)| {
            let from = pos2(15.0, 15.0);
            let found = Gesture { grip, from, to: from + vec2(by.0, by.1), snap: 4.0 }.bounds((100, 50));
            (found.x0, found.y0, found.x1, found.y1)
        };
        let tag = RegionTag(1);
        assert_eq!(bounds(Grip::Draw, (82.0, 32.0)), (15.0, 15.0, 100.0, 50.0));
        assert_eq!(bounds(Grip::Draw, (-12.0, 10.0)), (0.0, 15.0, 15.0, 25.0));
        assert_eq!(bounds(Grip::Move(tag, BOX), (-7.0, 0.0)), (0.0, 10.0, 20.0, 20.0));
        assert_eq!(bounds(Grip::Move(tag, BOX), (68.0, 27.0)), (80.0, 40.0, 100.0, 50.0));
        let whole = PixelBox { x0: 0.0, y0: 0.0, x1: 100.0, y1: 50.0 };
        assert_eq!(bounds(Grip::Move(tag, whole), (3.0, 3.0)), (0.0, 0.0, 100.0, 50.0));
        let right = Handle { x: 1, y: 0 };
        assert_eq!(bounds(Grip::Resize(tag, BOX, right), (67.5, 0.0)), (10.0, 10.0, 100.0, 20.0));
    }
}
