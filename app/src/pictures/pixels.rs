//! The pixels of an open picture, made ready for the model and for the screen.
//!
//! Made on the loader thread, since all of it takes time: the picture, and halves of it for showing
//! it smaller. What goes to the GPU is cut out of these in tiles (`render::tiles`), so a picture may
//! be larger than any texture.

use std::sync::Arc;

use egui::{Color32, ColorImage};
use image::RgbImage;

/// Longest side of a thumbnail, in pixels: enough for the filmstrip at 2×, and for the minimap.
const THUMBNAIL_SIDE: u32 = 192;
/// Levels end where the longest side gets this small: one tile.
const SMALLEST_SIDE: u32 = 512;

/// A picture at its own size and at halves of it, as an image pyramid (Burt and Adelson, 1983).
#[derive(Debug)]
pub struct Pixels {
    /// For the model, and level 0.
    pub rgb: Arc<RgbImage>,
    /// Level 1 and up, each half as large as the one before.
    halves: Vec<RgbImage>,
    /// For the filmstrip.
    pub thumbnail: Arc<ColorImage>,
}

impl Pixels {
    /// Prepares a picture.
    pub fn new(rgb: Arc<RgbImage>) -> Self {
        let mut halves: Vec<RgbImage> = Vec::new();
        loop {
            let present = halves.last().unwrap_or(&rgb);
            if present.width().max(present.height()) <= SMALLEST_SIDE {
                break;
            }
            halves.push(halved(present));
        }
        let thumbnail = Arc::new(thumbnail(halves.last().unwrap_or(&rgb)));
        Self { rgb, halves, thumbnail }
    }

    /// Width and height of the picture.
    pub fn size(&self) -> (u32, u32) {
        self.rgb.dimensions()
    }

    /// The picture halved this often; the smallest there is where that is more than needed.
    pub fn level(&self, halvings: u32) -> &RgbImage {
        match halvings.min(self.coarsest()) {
            0 => &self.rgb,
            more => self.halves.get(more as usize - 1).unwrap_or(&self.rgb),
        }
    }

    /// How often the smallest level was halved; it fits one tile.
    pub fn coarsest(&self) -> u32 {
        self.halves.len() as u32
    }

    /// The level to show where an image pixel is `scale` physical pixels wide: the smallest one
    /// that need not be magnified.
    pub fn level_for(&self, scale: f32) -> u32 {
        let fine_enough = |halvings: &u32| scale * (1_u32 << (*halvings).min(31)) as f32 <= 1.0;
        (0..=self.coarsest()).rev().find(fine_enough).unwrap_or(0)
    }
}

/// Means of two by two pixels; a last odd row or column is averaged with itself.
fn halved(rgb: &RgbImage) -> RgbImage {
    let (width, height) = (rgb.width() as usize, rgb.height() as usize);
    let across = width.div_ceil(2);
    let source: &[u8] = rgb.as_raw();
    let row = |y: usize| &source[y * width * 3..(y + 1) * width * 3];
    let mut bytes = Vec::with_capacity(across * height.div_ceil(2) * 3);
    for y in (0..height).step_by(2) {
        let (upper, lower) = (row(y), row((y + 1).min(height - 1)));
        let mean = |a: usize, b: usize| {
            let sum = [upper[a], upper[b], lower[a], lower[b]].map(u16::from).iter().sum::<u16>();
            ((sum + 2) / 4) as u8
        };
        for x in (0..width).step_by(2) {
            let (left, right) = (x * 3, (x + 1).min(width - 1) * 3);
            bytes.extend([mean(left, right), mean(left + 1, right + 1), mean(left + 2, right + 2)]);
        }
    }
    RgbImage::from_raw(across as u32, height.div_ceil(2) as u32, bytes).unwrap_or_default()
}

/// A small copy of a picture.
pub(crate) fn thumbnail(rgb: &RgbImage) -> ColorImage {
    let longest = rgb.width().max(rgb.height());
    if longest <= THUMBNAIL_SIDE {
        return color_image(rgb);
    }
    let side =
        |length: u32| ((u64::from(length) * u64::from(THUMBNAIL_SIDE)) / u64::from(longest)).max(1) as u32;
    color_image(&image::imageops::thumbnail(rgb, side(rgb.width()), side(rgb.height())))
}

fn color_image(rgb: &RgbImage) -> ColorImage {
    let size = [rgb.width() as usize, rgb.height() as usize];
    let pixels = rgb.pixels().map(|p| Color32::from_rgb(p[0], p[1], p[2])).collect();
    ColorImage::new(size, pixels)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixels(width: u32, height: u32) -> Pixels {
        let rgb = RgbImage::from_fn(width, height, |x, y| image::Rgb([x as u8, y as u8, 7]));
        Pixels::new(Arc::new(rgb))
    }

    #[test]
    fn levels_are_halves_down_to_one_tile() {
        for (w, h) in [(1, 1), (256, 256), (512, 3)] {
            let p = pixels(w, h);
            assert_eq!((p.coarsest(), p.level(9).dimensions()), (0, (w, h)));
        }
        let p = pixels(3001, 10);
        let sizes: Vec<_> = (0..=p.coarsest()).map(|halvings| p.level(halvings).dimensions()).collect();
        assert_eq!(sizes, [(3001, 10), (1501, 5), (751, 3), (376, 2)]);
    }

    #[test]
    fn the_level_is_the_smallest_that_is_fine_enough() {
        let p = pixels(2048, 2048);
        for (scale, expected) in [(2.0, 0), (1.0, 0), (0.6, 0), (0.5, 1), (0.3, 1), (0.25, 2), (0.01, 2)] {
            assert_eq!(p.level_for(scale), expected, "{scale}");
        }
    }

    #[test]
    fn halving_averages() {
        let rgb = RgbImage::from_vec(3, 1, vec![0, 0, 0, 100, 200, 50, 9, 9, 9]).unwrap_or_default();
        assert_eq!(halved(&rgb).into_raw(), [50, 100, 25, 9, 9, 9]);
    }

    #[test]
    fn thumbnails_keep_the_shape() {
        assert_eq!(pixels(4000, 1000).thumbnail.size, [192, 48]);
        assert_eq!(pixels(20_000, 1).thumbnail.size, [192, 1]);
    }
}
