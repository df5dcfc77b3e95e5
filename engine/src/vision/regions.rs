//! Boxes drawn by the user or found around masks.

use serde::{Deserialize, Serialize};

/// An axis-parallel box in pixels of the original image: `x0 ≤ x < x1`, `y0 ≤ y < y1`, origin at
/// the upper left corner of the upper left pixel.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct PixelBox {
    /// Left edge.
    pub x0: f32,
    /// Top edge.
    pub y0: f32,
    /// Right edge, exclusive.
    pub x1: f32,
    /// Bottom edge, exclusive.
    pub y1: f32,
}

impl PixelBox {
    /// The box between two corners, in whatever order they are given.
    pub fn from_corners(a: (f32, f32), b: (f32, f32)) -> Self {
        Self { x0: a.0.min(b.0), y0: a.1.min(b.1), x1: a.0.max(b.0), y1: a.1.max(b.1) }
    }

    /// Width in pixels.
    pub fn width(&self) -> f32 {
        self.x1 - self.x0
    }

    /// Height in pixels.
    pub fn height(&self) -> f32 {
        self.y1 - self.y0
    }

    /// Area in square pixels; 0 for an inverted box.
    pub fn area(&self) -> f32 {
        self.width().max(0.0) * self.height().max(0.0)
    }

    /// The part of the box inside an image of `width` × `height` pixels; may be empty.
    #[must_use]
    pub fn clipped(&self, width: u32, height: u32) -> Self {
        let (w, h) = (width as f32, height as f32);
        Self {
            x0: self.x0.clamp(0.0, w),
            y0: self.y0.clamp(0.0, h),
            x1: self.x1.clamp(0.0, w),
            y1: self.y1.clamp(0.0, h),
        }
    }

    /// The same part, unless it is empty or the box has an edge that is not finite.
    pub fn within(&self, width: u32, height: u32) -> Option<Self> {
        let finite = [self.x0, self.y0, self.x1, self.y1].iter().all(|edge| edge.is_finite());
        Some(self.clipped(width, height)).filter(|part| finite && part.area() > 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_is_within_an_image_where_it_covers_some_of_it() {
        let within = |x0, y0, x1, y1| PixelBox { x0, y0, x1, y1 }.within(10, 20);
        assert_eq!(within(-4.0, 5.0, 100.0, 15.0), Some(PixelBox { x0: 0.0, y0: 5.0, x1: 10.0, y1: 15.0 }));
        for (x0, y0, x1, y1) in [
            (10.0, 0.0, 12.0, 5.0),
            (-3.0, -3.0, 0.0, 0.0),
            (5.0, 5.0, 5.0, 9.0),
            (9.0, 1.0, 2.0, 3.0),
            (0.0, 0.0, f32::INFINITY, 9.0),
            (f32::NAN, 0.0, 5.0, 9.0),
        ] {
            assert_eq!(within(x0, y0, x1, y1), None, "{x0} {y0} {x1} {y1}");
        }
    }
}
