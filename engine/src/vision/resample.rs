//! Antialiased resizing of 8-bit pictures, bit for bit as Pillow does it: the model was trained on
//! pictures that went through it. Called by [`super::preprocess`].
//!
//! Two passes, columns first, each with fixed-point weights and rounded to 8 bits. Only a window
//! of the result is ever computed, and only the source rows that it needs, so that cropping the
//! middle out of a very long picture costs no more than the crop.

use image::RgbImage;

/// Bits of a weight after the point (Pillow's `PRECISION_BITS` for 8-bit channels).
const PRECISION_BITS: u32 = 22;

/// Reconstruction filters, named as in Pillow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// Triangle.
    Bilinear,
    /// Cubic with a = -1/2.
    Bicubic,
}

impl Filter {
    /// Half the width of the filter, in source pixels where the picture is enlarged.
    fn support(self) -> f64 {
        match self {
            Self::Bilinear => 1.0,
            Self::Bicubic => 2.0,
        }
    }

    fn weight(self, x: f64) -> f64 {
        const A: f64 = -0.5;
        let x = x.abs();
        match self {
            Self::Bilinear if x < 1.0 => 1.0 - x,
            Self::Bicubic if x < 1.0 => ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0,
            Self::Bicubic if x < 2.0 => (((x - 5.0) * x + 8.0) * x - 4.0) * A,
            _ => 0.0,
        }
    }
}

/// A part of a resized picture, in its pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Columns left out at the left.
    pub left: usize,
    /// Rows left out at the top.
    pub top: usize,
    /// Columns wanted.
    pub width: usize,
    /// Rows wanted.
    pub height: usize,
}

/// The part `window` of `image` resized to `size` (width, height).
///
/// `window` must lie inside `size`, and neither may be empty.
pub fn resample(image: &RgbImage, size: (usize, usize), window: Window, filter: Filter) -> RgbImage {
    let (width, height) = (image.width() as usize, image.height() as usize);
    let columns = Taps::new(width, size.0, window.left..window.left + window.width, filter);
    let rows = Taps::new(height, size.1, window.top..window.top + window.height, filter);

    // First pass: every source row that the second pass reads, at its final width.
    let needed = rows.source_range();
    let stride = window.width * 3;
    let mut narrowed = vec![0u8; needed.len() * stride];
    let source_rows = image.as_raw().chunks_exact(width * 3).skip(needed.start);
    for (source, out) in source_rows.zip(narrowed.chunks_exact_mut(stride)) {
        if columns.is_copy(width) {
            out.copy_from_slice(source);
        } else {
            narrow_row(source, &columns, out);
        }
    }

    let mut pixels = vec![0u8; window.height * stride];
    if rows.is_copy(height) {
        pixels.copy_from_slice(&narrowed);
    } else {
        let mut sums = vec![0i32; stride];
        for (taps, out) in rows.iter().zip(pixels.chunks_exact_mut(stride)) {
            sums.fill(ROUNDING);
            let first = (taps.start - needed.start) * stride;
            for (source, &weight) in narrowed[first..].chunks_exact(stride).zip(taps.weights) {
                for (sum, &value) in sums.iter_mut().zip(source) {
                    *sum += i32::from(value) * weight;
                }
            }
            for (value, &sum) in out.iter_mut().zip(&sums) {
                *value = to_u8(sum);
            }
        }
    }
    let (width, height) = (window.width as u32, window.height as u32);
    // The buffer was made for exactly these sizes.
    RgbImage::from_raw(width, height, pixels).unwrap_or_else(|| RgbImage::new(width, height))
}

const ROUNDING: i32 = 1 << (PRECISION_BITS - 1);

fn to_u8(sum: i32) -> u8 {
    (sum >> PRECISION_BITS).clamp(0, 255) as u8
}

fn narrow_row(source: &[u8], columns: &Taps, out: &mut [u8]) {
    for (taps, pixel) in columns.iter().zip(out.chunks_exact_mut(3)) {
        let mut sums = [ROUNDING; 3];
        for (rgb, &weight) in source[taps.start * 3..].chunks_exact(3).zip(taps.weights) {
            for (sum, &value) in sums.iter_mut().zip(rgb) {
                *sum += i32::from(value) * weight;
            }
        }
        for (value, &sum) in pixel.iter_mut().zip(&sums) {
            *value = to_u8(sum);
        }
    }
}

/// For each wanted place along one axis: which source places it is made of, and how much of each.
struct Taps {
    /// Source place of the first weight, and where the weights begin in `weights`.
    starts: Vec<(usize, usize)>,
    weights: Vec<i32>,
    /// Length of the axis after resizing, all of it.
    full: usize,
}

/// The taps of one place.
struct PlaceTaps<'a> {
    start: usize,
    weights: &'a [i32],
}

impl Taps {
    /// Pillow's `precompute_coeffs` for the places `wanted` of an axis resized `from → to`.
    fn new(from: usize, to: usize, wanted: std::ops::Range<usize>, filter: Filter) -> Self {
        let scale = from as f64 / to as f64;
        let filter_scale = scale.max(1.0);
        let support = filter.support() * filter_scale;
        let mut taps = Self { starts: Vec::with_capacity(wanted.len()), weights: Vec::new(), full: to };
        let mut exact = Vec::new();
        for place in wanted {
            let centre = (place as f64 + 0.5) * scale;
            // Conversion to an integer cuts towards zero, and below zero stays at zero.
            let start = (centre - support + 0.5) as usize;
            let end = ((centre + support + 0.5) as usize).min(from);
            exact.clear();
            exact.extend(
                (start..end).map(|x| filter.weight((x as f64 - centre + 0.5) * (1.0 / filter_scale))),
            );
            let total: f64 = exact.iter().sum();
            taps.starts.push((start, taps.weights.len()));
            taps.weights.extend(exact.iter().map(|w| fixed_point(if total == 0.0 { *w } else { w / total })));
        }
        taps
    }

    fn iter(&self) -> impl Iterator<Item = PlaceTaps<'_>> {
        let ends = self.starts.iter().skip(1).map(|s| s.1).chain([self.weights.len()]);
        self.starts
            .iter()
            .zip(ends)
            .map(|(&(start, first), end)| PlaceTaps { start, weights: &self.weights[first..end] })
    }

    /// Source places that any of the wanted ones reads.
    fn source_range(&self) -> std::ops::Range<usize> {
        let start = self.iter().map(|t| t.start).min().unwrap_or(0);
        let end = self.iter().map(|t| t.start + t.weights.len()).max().unwrap_or(0);
        start..end
    }

    /// Whether the axis keeps its length and is wanted whole: Pillow then skips the pass.
    fn is_copy(&self, from: usize) -> bool {
        self.full == from && self.starts.len() == from
    }
}

fn fixed_point(weight: f64) -> i32 {
    let scaled = weight * f64::from(1u32 << PRECISION_BITS);
    (if scaled < 0.0 { scaled - 0.5 } else { scaled + 0.5 }) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| {
            let n = x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(2_246_822_519);
            image::Rgb([(n >> 8) as u8, (n >> 16) as u8, (n >> 24) as u8])
        })
    }

    fn whole(size: (usize, usize)) -> Window {
        Window { left: 0, top: 0, width: size.0, height: size.1 }
    }

    #[test]
    fn a_window_is_cut_out_of_the_whole() {
        let image = noise(37, 23);
        for filter in [Filter::Bilinear, Filter::Bicubic] {
            for size in [(11, 50), (37, 23), (80, 9)] {
                let all = resample(&image, size, whole(size), filter);
                let window = Window { left: 3, top: 2, width: size.0 - 7, height: size.1 - 6 };
                let part = resample(&image, size, window, filter);
                for (x, y, pixel) in part.enumerate_pixels() {
                    assert_eq!(pixel, all.get_pixel(x + 3, y + 2), "{filter:?} {size:?} at {x},{y}");
                }
            }
        }
    }

    #[test]
    fn resizing_to_the_same_size_changes_nothing() {
        let image = noise(20, 31);
        assert_eq!(resample(&image, (20, 31), whole((20, 31)), Filter::Bicubic), image);
    }

    #[test]
    fn one_pixel_fills_everything() {
        let image = RgbImage::from_pixel(1, 1, image::Rgb([1, 128, 255]));
        let out = resample(&image, (9, 5), whole((9, 5)), Filter::Bicubic);
        assert!(out.pixels().all(|p| p.0 == [1, 128, 255]));
    }

    #[test]
    fn shrinking_by_two_with_the_triangle_weighs_one_three_three_one() {
        let row = RgbImage::from_fn(4, 1, |x, _| image::Rgb([[0, 80, 160, 240][x as usize]; 3]));
        let out = resample(&row, (2, 1), whole((2, 1)), Filter::Bilinear);
        // Beside the border one weight is cut off and the others grow: (3·0 + 3·80 + 160) / 7.
        assert_eq!([out.get_pixel(0, 0)[0], out.get_pixel(1, 0)[0]], [57, 183]);
    }
}
