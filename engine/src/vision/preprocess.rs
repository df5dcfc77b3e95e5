//! Pictures to the two encoders' inputs, as the official code prepares them. Called once for every
//! image; plain data, which becomes a tensor at the model's border.
//!
//! The global encoder sees a square cut out of the middle; the grounding encoder sees the whole
//! picture in the upper left of a square frame.

use image::RgbImage;

use super::resample::{Filter, Window, resample};

/// Mean of SAM's channels, on the scale 0..255.
const GROUNDING_MEAN: [f32; 3] = [123.675, 116.28, 103.53];
/// Spread of SAM's channels, on the scale 0..255.
const GROUNDING_STD: [f32; 3] = [58.395, 57.12, 57.375];

/// A square picture as floats, one plane a channel: red, green, blue, each row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Planes {
    /// Side in pixels.
    pub side: usize,
    /// `3 · side · side` values.
    pub values: Vec<f32>,
}

/// How a picture lies in the square frame of the grounding encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameGeometry {
    /// Side of the frame in its own pixels.
    pub frame: usize,
    /// Width and height, in the frame's pixels, of the part at the upper left that shows the
    /// picture; the rest is padding.
    pub content: (usize, usize),
    /// Width and height of the picture in its own pixels.
    pub image_size: (u32, u32),
}

impl FrameGeometry {
    /// Where SAM puts a picture: its longer side fills the frame.
    pub fn new(image_size: (u32, u32), frame: usize) -> Self {
        let (width, height) = image_size;
        let scale = frame as f64 / f64::from(width.max(height).max(1));
        // A picture thousands of times as long as wide still keeps one row.
        let side = |length: u32| ((f64::from(length) * scale + 0.5) as usize).clamp(1, frame);
        Self { frame, content: (side(width), side(height)), image_size }
    }
}

/// How the global encoder cuts its square out of a resized picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CropGeometry {
    /// Width and height after resizing.
    pub resized: (usize, usize),
    /// Columns and rows cut off at the left and top.
    pub left_top: (usize, usize),
    /// Side of the square.
    pub side: usize,
}

impl CropGeometry {
    /// Where CLIP cuts: the shorter side becomes `side`, and the middle of the longer one stays.
    pub fn new(image_size: (u32, u32), side: usize) -> Self {
        let (width, height) = (image_size.0 as usize, image_size.1 as usize);
        let shorter = width.min(height).max(1);
        let scaled = |length: usize| side * length / shorter;
        let resized = (scaled(width), scaled(height));
        Self { resized, left_top: ((resized.0 - side) / 2, (resized.1 - side) / 2), side }
    }
}

/// The square that the global encoder sees, in 8 bits.
pub fn crop_for_global_encoder(image: &RgbImage, side: usize) -> RgbImage {
    let crop = CropGeometry::new(image.dimensions(), side);
    let window = Window { left: crop.left_top.0, top: crop.left_top.1, width: side, height: side };
    resample(image, crop.resized, window, Filter::Bicubic)
}

/// The picture at the size at which the grounding encoder sees it, in 8 bits, without padding.
pub fn resize_for_grounding_encoder(image: &RgbImage, frame: usize) -> RgbImage {
    let (width, height) = FrameGeometry::new(image.dimensions(), frame).content;
    let window = Window { left: 0, top: 0, width, height };
    resample(image, (width, height), window, Filter::Bilinear)
}

/// Input of the global encoder; `mean` and `std` are on the scale 0..1.
pub fn prepare_global(image: &RgbImage, side: usize, mean: [f32; 3], std: [f32; 3]) -> Planes {
    let crop = crop_for_global_encoder(image, side);
    into_planes(&crop, side, |value, channel| (f32::from(value) / 255.0 - mean[channel]) / std[channel])
}

/// Input of the grounding encoder, and how the picture lies in it. Padding is zero after
/// normalisation.
pub fn prepare_grounding(image: &RgbImage, frame: usize) -> (Planes, FrameGeometry) {
    let resized = resize_for_grounding_encoder(image, frame);
    let planes = into_planes(&resized, frame, |value, channel| {
        (f32::from(value) - GROUNDING_MEAN[channel]) / GROUNDING_STD[channel]
    });
    (planes, FrameGeometry::new(image.dimensions(), frame))
}

/// `normalise(value, channel)` of every value, at the upper left of planes of zeros.
fn into_planes(image: &RgbImage, side: usize, normalise: impl Fn(u8, usize) -> f32) -> Planes {
    let mut values = vec![0.0; 3 * side * side];
    for (channel, plane) in values.chunks_exact_mut(side * side).enumerate() {
        for (out, row) in plane.chunks_exact_mut(side).zip(image.rows()) {
            for (value, pixel) in out.iter_mut().zip(row) {
                *value = normalise(pixel[channel], channel);
            }
        }
    }
    Planes { side, values }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extreme_shapes_keep_at_least_one_row_and_column() {
        for size in [(1, 1), (1, 5000), (5000, 1), (3, 2000), (100_000, 2)] {
            let geometry = FrameGeometry::new(size, 1024);
            assert!(geometry.content.0 >= 1 && geometry.content.1 >= 1, "{size:?}");
            let crop = CropGeometry::new(size, 336);
            assert!(crop.left_top.0 + 336 <= crop.resized.0, "{size:?}");
            assert!(crop.left_top.1 + 336 <= crop.resized.1, "{size:?}");
        }
    }

    #[test]
    fn extreme_pictures_are_prepared() {
        for (width, height) in [(1, 1), (3, 2000), (2000, 3), (1, 60_000)] {
            let image = RgbImage::from_pixel(width, height, image::Rgb([10, 20, 30]));
            let global = prepare_global(&image, 56, [0.0; 3], [1.0; 3]);
            assert!(global.values[..56 * 56].iter().all(|&v| (v - 10.0 / 255.0).abs() < 1e-6));
            let (grounding, geometry) = prepare_grounding(&image, 64);
            let inside = grounding.values.iter().filter(|&&v| v != 0.0).count();
            assert_eq!(inside, 3 * geometry.content.0 * geometry.content.1);
        }
    }
}
