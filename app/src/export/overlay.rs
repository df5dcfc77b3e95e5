//! The image with its masks blended and outlined in the colours of their phrases: for export and for
//! `--overlay` of `glamm ask`.
//!
//! Masks come one at a time. Edges are anti-aliased: the mask is smoothed over a few
//! pixels into a coverage between 0 and 1, which fades the filling in, and whose middle carries the
//! outline. Everything outside the mask's box (and a margin of the smoothing) stays untouched.

use glamm_engine::vision::{BinaryMask, PixelBox};
use image::RgbImage;

use super::annotations::Object;
use super::legend;
use crate::palette::Rgb;

/// Share of the mask's colour inside it.
const FILL_OPACITY: f32 = 0.42;
/// Share of the mask's colour along its edge.
const OUTLINE_OPACITY: f32 = 0.95;

/// Paints a mask over an image of the same size.
pub(crate) fn paint(image: &mut RgbImage, mask: &BinaryMask, color: Rgb) {
    let Some(bounds) = mask.bounding_box() else { return };
    let radius = smoothing_radius(image.width(), image.height());
    let margin = 2 * radius + 1;
    let x0 = (bounds.x0 as u32).saturating_sub(margin);
    let y0 = (bounds.y0 as u32).saturating_sub(margin);
    let x1 = (bounds.x1 as u32 + margin).min(image.width());
    let y1 = (bounds.y1 as u32 + margin).min(image.height());
    let (width, height) = ((x1 - x0) as usize, (y1 - y0) as usize);

    let mut coverage = Vec::with_capacity(width * height);
    for y in y0..y1 {
        coverage.extend((x0..x1).map(|x| f32::from(u8::from(mask.contains(x, y)))));
    }
    // Two passes of a box make a triangle: smooth enough for an edge, at a fixed cost a pixel.
    for _ in 0..2 {
        blur_rows(&mut coverage, width, radius as usize);
        blur_columns(&mut coverage, width, radius as usize);
    }

    for (row, line) in coverage.chunks_exact(width).enumerate() {
        for (column, &coverage) in line.iter().enumerate() {
            let opacity = opacity_at(coverage);
            if opacity > 0.0 {
                let pixel = image.get_pixel_mut(x0 + column as u32, y0 + row as u32);
                for (channel, tint) in pixel.0.iter_mut().zip(color.array()) {
                    let mixed = f32::from(*channel) * (1.0 - opacity) + f32::from(tint) * opacity;
                    *channel = mixed.round() as u8;
                }
            }
        }
    }
}

/// The picture with all masks, large ones below small ones, and all boxes.
pub(super) fn painted(pixels: &RgbImage, objects: &[Object]) -> RgbImage {
    let mut image = pixels.clone();
    let area = |object: &Object| object.mask.as_ref().map_or(0.0, |mask| mask.coverage);
    let mut order: Vec<(f32, &Object)> = objects.iter().map(|object| (area(object), object)).collect();
    order.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    for (_, object) in order {
        if let Some(mask) = object.binary() {
            paint(&mut image, &mask, object.color);
        }
    }
    for object in objects {
        if let Some(region) = object.region {
            paint_box(&mut image, region, object.color);
        }
    }
    image
}

/// The border of a box, inside it.
fn paint_box(image: &mut RgbImage, bounds: PixelBox, color: Rgb) {
    let bounds = bounds.clipped(image.width(), image.height());
    let thickness = 2 * smoothing_radius(image.width(), image.height());
    let [x0, y0, x1, y1] = [bounds.x0, bounds.y0, bounds.x1, bounds.y1].map(|at| at.round() as u32);
    for y in y0..y1.min(image.height()) {
        for x in x0..x1.min(image.width()) {
            let inside =
                x >= x0 + thickness && x + thickness < x1 && y >= y0 + thickness && y + thickness < y1;
            if !inside {
                image.put_pixel(x, y, image::Rgb(color.array()));
            }
        }
    }
}

/// [`painted`], and below it what each colour stands for.
pub(super) fn with_legend(pixels: &RgbImage, objects: &[Object]) -> RgbImage {
    let painted = painted(pixels, objects);
    let mut entries: Vec<(Rgb, String)> = Vec::new();
    for object in objects {
        let entry = (object.color, object.title());
        if !entries.contains(&entry) {
            entries.push(entry);
        }
    }
    legend::below(&painted, &entries)
}

/// 1 for images up to about 800 pixels, growing with them, so that outlines look alike at any size.
fn smoothing_radius(width: u32, height: u32) -> u32 {
    (width.max(height) / 500).clamp(1, 24)
}

/// The outline lies where the coverage is a half, that is, on the mask's edge; inside it is the filling.
fn opacity_at(coverage: f32) -> f32 {
    let fill = FILL_OPACITY * smoothstep(0.3, 0.7, coverage);
    let outline = OUTLINE_OPACITY * smoothstep(0.2, 0.6, 1.0 - (2.0 * coverage - 1.0).abs());
    fill.max(outline)
}

fn smoothstep(from: f32, to: f32, value: f32) -> f32 {
    let t = ((value - from) / (to - from)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// Replaces each value by the mean of the `2 * radius + 1` values around it; the row's ends go on.
fn blur_rows(values: &mut [f32], width: usize, radius: usize) {
    let mut line = vec![0.0; width];
    for row in values.chunks_exact_mut(width) {
        blur_line(row, &mut line, radius);
        row.copy_from_slice(&line);
    }
}

/// [`blur_rows`], from top to bottom. Keeps one running sum a column, to walk memory row by row.
fn blur_columns(values: &mut [f32], width: usize, radius: usize) {
    let height = values.len() / width;
    let source = values.to_vec();
    let row = |y: isize| {
        let y = y.clamp(0, height as isize - 1) as usize;
        &source[y * width..(y + 1) * width]
    };
    let reach = radius as isize;
    let mut sums = vec![0.0; width];
    for y in -reach..=reach {
        sums.iter_mut().zip(row(y)).for_each(|(sum, value)| *sum += value);
    }
    let scale = 1.0 / (2 * radius + 1) as f32;
    for (y, out) in values.chunks_exact_mut(width).enumerate() {
        out.iter_mut().zip(&sums).for_each(|(out, sum)| *out = sum * scale);
        let (leaving, entering) = (row(y as isize - reach), row(y as isize + reach + 1));
        for ((sum, leaving), entering) in sums.iter_mut().zip(leaving).zip(entering) {
            *sum += entering - leaving;
        }
    }
}

fn blur_line(source: &[f32], out: &mut [f32], radius: usize) {
    let last = source.len() as isize - 1;
    let at = |x: isize| source[x.clamp(0, last) as usize];
    let reach = radius as isize;
    let scale = 1.0 / (2 * radius + 1) as f32;
    let mut sum: f32 = (-reach..=reach).map(at).sum();
    for (x, out) in out.iter_mut().enumerate() {
        *out = sum * scale;
        sum += at(x as isize + reach + 1) - at(x as isize - reach);
    }
}

#[cfg(test)]
mod tests {
    use image::Rgb as Pixel;

    use super::*;
    use crate::palette::PHRASE_COLORS;

    const COLOR: Rgb = PHRASE_COLORS[1];

    fn square() -> BinaryMask {
        BinaryMask::from_fn(40, 40, |x, y| (10..30).contains(&x) && (10..30).contains(&y))
    }

    #[test]
    fn filling_is_blended_outline_is_strong_and_the_rest_untouched() {
        let grey = Pixel([100, 100, 100]);
        let mut image = RgbImage::from_pixel(40, 40, grey);
        paint(&mut image, &square(), COLOR);

        assert_eq!(*image.get_pixel(4, 20), grey, "far outside");
        let expected =
            COLOR.array().map(|c| (100.0 * (1.0 - FILL_OPACITY) + f32::from(c) * FILL_OPACITY).round() as u8);
        assert_eq!(image.get_pixel(20, 20).0, expected, "inside");
        let distance = |x: u32| {
            image
                .get_pixel(x, 20)
                .0
                .iter()
                .zip(COLOR.array())
                .map(|(&a, b)| u32::from(a.abs_diff(b)))
                .sum::<u32>()
        };
        let edge = (8..12).map(distance).min();
        assert!(edge < Some(distance(20) / 3), "the edge is nearer the colour than the filling");
    }

    #[test]
    fn a_mask_that_touches_the_border_and_a_tiny_image_are_painted() {
        for (width, height) in [(1, 1), (1, 7), (5, 3)] {
            let mut image = RgbImage::new(width, height);
            paint(&mut image, &BinaryMask::from_fn(width, height, |_, _| true), COLOR);
            assert!(image.pixels().all(|pixel| pixel.0[0] > 80), "{width} × {height}");
        }
    }

    #[test]
    fn an_empty_mask_changes_nothing() {
        let mut image = RgbImage::from_pixel(9, 9, Pixel([7, 8, 9]));
        paint(&mut image, &BinaryMask::empty(9, 9), COLOR);
        assert!(image.pixels().all(|pixel| pixel.0 == [7, 8, 9]));
    }

    #[test]
    fn blurring_keeps_the_sum_away_from_the_border() {
        let mut values = vec![0.0; 11 * 11];
        values[5 * 11 + 5] = 1.0;
        blur_rows(&mut values, 11, 2);
        blur_columns(&mut values, 11, 2);
        assert!((values.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        assert!((values[5 * 11 + 5] - 1.0 / 25.0).abs() < 1e-6);
    }
}
