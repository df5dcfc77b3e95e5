//! The pixels of an open picture, made ready for the model and for the screen.
//!
//! Made on the loader thread, since all of it takes time; what is left for the window's thread is
//! to hand a finished level to the GPU.

use std::sync::Arc;

use egui::{Color32, ColorImage};
use image::RgbImage;

/// Longest side of a thumbnail, in pixels: enough for the filmstrip at 2×.
const THUMBNAIL_SIDE: u32 = 128;
/// Levels end where the longest side gets this small.
const SMALLEST_SIDE: u32 = 512;

/// A picture at its own size and, for minified display, at halves of it.
#[derive(Debug)]
pub struct Pixels {
    /// For the model.
    pub rgb: Arc<RgbImage>,
    /// Each half as large as the one before. The first is not always the picture's own size: what
    /// the GPU cannot hold is left out.
    pub levels: Vec<Level>,
    /// For the filmstrip.
    pub thumbnail: Arc<ColorImage>,
}

/// The picture, made smaller.
#[derive(Debug)]
pub struct Level {
    /// How often it was halved.
    pub halvings: u32,
    /// The pixels.
    pub image: Arc<ColorImage>,
}

impl Pixels {
    /// Prepares a picture for a GPU with textures of at most `max_side` pixels a side.
    pub fn new(rgb: Arc<RgbImage>, max_side: u32) -> Self {
        let mut levels = Vec::new();
        let mut halvings = 0;
        let mut smaller: Option<RgbImage> = None;
        loop {
            let present = smaller.as_ref().unwrap_or(&rgb);
            let longest = present.width().max(present.height());
            if longest <= max_side {
                levels.push(Level { halvings, image: Arc::new(color_image(present)) });
            }
            if longest <= max_side.min(SMALLEST_SIDE) {
                break;
            }
            smaller = Some(halved(present));
            halvings += 1;
        }
        let smallest = smaller.as_ref().unwrap_or(&rgb);
        let thumbnail = Arc::new(color_image(&thumbnail(smallest)));
        Self { rgb, levels, thumbnail }
    }

    /// Width and height of the picture.
    pub fn size(&self) -> (u32, u32) {
        self.rgb.dimensions()
    }

    /// The level to show where an image pixel is `scale` physical pixels wide: the smallest one
    /// that need not be magnified.
    pub fn level_for(&self, scale: f32) -> Option<&Level> {
        let fine_enough = |level: &&Level| scale * (1_u32 << level.halvings.min(31)) as f32 <= 1.0;
        self.levels.iter().rev().find(fine_enough).or(self.levels.first())
    }
}

fn color_image(rgb: &RgbImage) -> ColorImage {
    let size = [rgb.width() as usize, rgb.height() as usize];
    let pixels = rgb.pixels().map(|p| Color32::from_rgb(p[0], p[1], p[2])).collect();
    ColorImage::new(size, pixels)
}

/// Means of two by two pixels; a last odd row or column is averaged with itself.
fn halved(rgb: &RgbImage) -> RgbImage {
    let (width, height) = rgb.dimensions();
    RgbImage::from_fn(width.div_ceil(2), height.div_ceil(2), |x, y| {
        let (x0, y0) = (x * 2, y * 2);
        let (x1, y1) = ((x0 + 1).min(width - 1), (y0 + 1).min(height - 1));
        let four = [(x0, y0), (x1, y0), (x0, y1), (x1, y1)].map(|(x, y)| rgb.get_pixel(x, y).0);
        image::Rgb(std::array::from_fn(|c| {
            let sum: u16 = four.iter().map(|p| u16::from(p[c])).sum();
            ((sum + 2) / 4) as u8
        }))
    })
}

fn thumbnail(rgb: &RgbImage) -> RgbImage {
    let longest = rgb.width().max(rgb.height());
    if longest <= THUMBNAIL_SIDE {
        return rgb.clone();
    }
    let side = |length: u32| ((length * THUMBNAIL_SIDE) / longest).max(1);
    image::imageops::thumbnail(rgb, side(rgb.width()), side(rgb.height()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixels(width: u32, height: u32, max_side: u32) -> Pixels {
        let rgb = RgbImage::from_fn(width, height, |x, y| image::Rgb([x as u8, y as u8, 7]));
        Pixels::new(Arc::new(rgb), max_side)
    }

    #[test]
    fn small_pictures_have_one_level() {
        for (w, h) in [(1, 1), (256, 256), (512, 3)] {
            let p = pixels(w, h, 8192);
            assert_eq!(p.levels.len(), 1);
            assert_eq!(p.levels[0].image.size, [w as usize, h as usize]);
        }
    }

    #[test]
    fn levels_too_large_for_the_gpu_are_left_out() {
        let p = pixels(3000, 10, 1024);
        let found: Vec<_> = p.levels.iter().map(|l| (l.halvings, l.image.size)).collect();
        assert_eq!(found, [(2, [750, 3]), (3, [375, 2])]);
        assert_eq!(p.level_for(4.0).map(|l| l.halvings), Some(2), "the best there is");
    }

    #[test]
    fn the_level_is_the_smallest_that_is_fine_enough() {
        let p = pixels(2048, 2048, 8192);
        for (scale, expected) in [(2.0, 0), (1.0, 0), (0.6, 0), (0.5, 1), (0.3, 1), (0.25, 2), (0.01, 2)] {
            assert_eq!(p.level_for(scale).map(|l| l.halvings), Some(expected), "{scale}");
        }
    }

    #[test]
    fn halving_averages() {
        let rgb = RgbImage::from_vec(3, 1, vec![0, 0, 0, 100, 200, 50, 9, 9, 9]).unwrap_or_default();
        assert_eq!(halved(&rgb).into_raw(), [50, 100, 25, 9, 9, 9]);
    }
}
