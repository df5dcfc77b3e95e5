//! Binary masks at the size of their image: what is drawn, measured, compared and written out.

use super::PixelBox;

/// A mask at the size of its image, row-major, one `bool` a pixel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BinaryMask {
    width: u32,
    height: u32,
    pixels: Vec<bool>,
}

impl BinaryMask {
    /// All background.
    pub fn empty(width: u32, height: u32) -> Self {
        Self { width, height, pixels: vec![false; width as usize * height as usize] }
    }

    /// Takes row-major pixels: `width · height` of them. Missing ones are background, surplus ones
    /// are dropped.
    pub(super) fn from_pixels(width: u32, height: u32, mut pixels: Vec<bool>) -> Self {
        pixels.resize(width as usize * height as usize, false);
        Self { width, height, pixels }
    }

    /// Asks `inside(x, y)` for every pixel.
    pub fn from_fn(width: u32, height: u32, mut inside: impl FnMut(u32, u32) -> bool) -> Self {
        let mut pixels = Vec::with_capacity(width as usize * height as usize);
        for y in 0..height {
            for x in 0..width {
                pixels.push(inside(x, y));
            }
        }
        Self { width, height, pixels }
    }

    /// The pixels whose middle lies in the box.
    pub fn of_box(bounds: PixelBox, width: u32, height: u32) -> Self {
        let within = |from: f32, at: u32, to: f32| (from..to).contains(&(at as f32 + 0.5));
        Self::from_fn(width, height, |x, y| {
            within(bounds.x0, x, bounds.x1) && within(bounds.y0, y, bounds.y1)
        })
    }

    /// Pixels across.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Pixels down.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Row-major pixels.
    pub fn pixels(&self) -> &[bool] {
        &self.pixels
    }

    /// Whether the pixel belongs to the mask; `false` outside the image.
    pub fn contains(&self, x: u32, y: u32) -> bool {
        x < self.width && y < self.height && self.pixels[y as usize * self.width as usize + x as usize]
    }

    /// Number of pixels in the mask.
    pub fn area(&self) -> usize {
        self.pixels.iter().filter(|&&p| p).count()
    }

    /// The smallest box that holds the mask; `None` where it is empty.
    pub fn bounding_box(&self) -> Option<PixelBox> {
        let (mut x0, mut y0, mut x1, mut y1) = (u32::MAX, u32::MAX, 0, 0);
        for y in 0..self.height {
            let start = y as usize * self.width as usize;
            let row = &self.pixels[start..start + self.width as usize];
            let Some(first) = row.iter().position(|&p| p) else { continue };
            let last = row.iter().rposition(|&p| p).unwrap_or(first);
            x0 = x0.min(first as u32);
            x1 = x1.max(last as u32 + 1);
            y0 = y0.min(y);
            y1 = y + 1;
        }
        (x1 > 0).then_some(PixelBox { x0: x0 as f32, y0: y0 as f32, x1: x1 as f32, y1: y1 as f32 })
    }

    /// Pixels in both, and pixels in either.
    ///
    /// Both masks must be of one size; where they are not, only the common part is compared.
    pub fn intersection_and_union(&self, other: &Self) -> (usize, usize) {
        let mut both = 0;
        for y in 0..self.height.min(other.height) {
            for x in 0..self.width.min(other.width) {
                both += usize::from(self.contains(x, y) && other.contains(x, y));
            }
        }
        (both, self.area() + other.area() - both)
    }

    /// Intersection over union; 0 where both are empty.
    pub fn iou(&self, other: &Self) -> f64 {
        let (intersection, union) = self.intersection_and_union(other);
        if union == 0 { 0.0 } else { intersection as f64 / union as f64 }
    }
}
