//! What the colours of an overlay stand for: swatches and words on a band below the picture.

use image::{Rgb as Pixel, RgbImage};
use skrifa::instance::{LocationRef, Size};
use skrifa::outline::{DrawSettings, OutlinePen};
use skrifa::{FontRef, MetadataProvider};
use tiny_skia::{Color, FillRule, Paint, PathBuilder, Pixmap, Rect, Transform};

use crate::palette::Rgb;

const FONT: &[u8] = include_bytes!("../../../assets/fonts/Inter-Medium.ttf");
const BACKGROUND: [u8; 3] = [255, 255, 255];
const TEXT: [u8; 3] = [27, 30, 38];
/// More lines are left out, with a word about them.
const MAX_LINES: usize = 60;

/// The picture with the legend below it; the picture alone where there is nothing to explain.
pub(super) fn below(picture: &RgbImage, entries: &[(Rgb, String)]) -> RgbImage {
    let size = (picture.width() as f32 / 42.0).clamp(13.0, 64.0);
    let Some(band) = band(picture.width(), size, entries) else { return picture.clone() };
    let mut image = RgbImage::new(picture.width(), picture.height() + band.height());
    image::imageops::replace(&mut image, picture, 0, 0);
    for (at, pixel) in band.pixels().iter().enumerate() {
        let (x, y) = (at as u32 % band.width(), at as u32 / band.width());
        image.put_pixel(x, picture.height() + y, Pixel([pixel.red(), pixel.green(), pixel.blue()]));
    }
    image
}

struct Line<'a> {
    color: Option<Rgb>,
    text: &'a str,
    x: f32,
    row: usize,
}

/// The band, as wide as the picture.
fn band(width: u32, size: f32, entries: &[(Rgb, String)]) -> Option<Pixmap> {
    if entries.is_empty() {
        return None;
    }
    let font = FontRef::new(FONT).ok()?;
    let pen = Writer { font, size };
    let (margin, swatch, gap, height) = (size * 0.9, size * 1.1, size * 0.5, size * 1.7);
    let room = width as f32 - 2.0 * margin;
    let rest = entries.len().saturating_sub(MAX_LINES);
    let more = format!("and {rest} more");
    let shown = entries.iter().take(MAX_LINES).map(|(color, text)| (Some(*color), text.as_str()));
    let mut lines: Vec<Line<'_>> = Vec::new();
    let (mut x, mut row) = (0.0_f32, 0);
    for (color, text) in shown.chain((rest > 0).then_some((None, more.as_str()))) {
        let long = swatch + gap + pen.width(text);
        if x > 0.0 && x + long > room {
            (x, row) = (0.0, row + 1);
        }
        lines.push(Line { color, text, x, row });
        x += long + size * 1.6;
    }
    let mut band = Pixmap::new(width, (2.0 * margin * 0.7 + (row + 1) as f32 * height).ceil() as u32)?;
    band.fill(rgb(BACKGROUND));
    for line in lines {
        let (left, top) = (margin + line.x, margin * 0.7 + line.row as f32 * height);
        if let Some(color) = line.color {
            let place = Rect::from_xywh(left, top + (height - swatch) * 0.5, swatch, swatch)?;
            band.fill_rect(place, &paint(color.array()), Transform::identity(), None);
        }
        let start = left + if line.color.is_some() { swatch + gap } else { 0.0 };
        pen.write(&mut band, line.text, (start, top + height * 0.5 + size * 0.36));
    }
    Some(band)
}

fn rgb([r, g, b]: [u8; 3]) -> Color {
    Color::from_rgba8(r, g, b, 255)
}

fn paint(color: [u8; 3]) -> Paint<'static> {
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    paint.set_color(rgb(color));
    paint
}

/// Writes words in one size.
struct Writer<'a> {
    font: FontRef<'a>,
    /// In pixels an em.
    size: f32,
}

impl Writer<'_> {
    fn width(&self, text: &str) -> f32 {
        let metrics = self.font.glyph_metrics(Size::new(self.size), LocationRef::default());
        let charmap = self.font.charmap();
        let glyphs = text.chars().map(|c| charmap.map(c).unwrap_or_default());
        glyphs.filter_map(|glyph| metrics.advance_width(glyph)).sum()
    }

    /// Writes from a place on the base line.
    fn write(&self, band: &mut Pixmap, text: &str, (mut x, y): (f32, f32)) {
        let size = Size::new(self.size);
        let metrics = self.font.glyph_metrics(size, LocationRef::default());
        let (charmap, outlines) = (self.font.charmap(), self.font.outline_glyphs());
        for c in text.chars() {
            let glyph = charmap.map(c).unwrap_or_default();
            let mut pen = Pen { path: PathBuilder::new(), x, y };
            if let Some(outline) = outlines.get(glyph) {
                let settings = DrawSettings::unhinted(size, LocationRef::default());
                if outline.draw(settings, &mut pen).is_ok()
                    && let Some(path) = pen.path.finish()
                {
                    band.fill_path(&path, &paint(TEXT), FillRule::Winding, Transform::identity(), None);
                }
            }
            x += metrics.advance_width(glyph).unwrap_or_default();
        }
    }
}

/// Takes an outline whose vertical axis points up.
struct Pen {
    path: PathBuilder,
    x: f32,
    y: f32,
}

impl OutlinePen for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        self.path.move_to(self.x + x, self.y - y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.path.line_to(self.x + x, self.y - y);
    }

    fn quad_to(&mut self, cx: f32, cy: f32, x: f32, y: f32) {
        self.path.quad_to(self.x + cx, self.y - cy, self.x + x, self.y - y);
    }

    fn curve_to(&mut self, cx0: f32, cy0: f32, cx1: f32, cy1: f32, x: f32, y: f32) {
        let (a, b) = ((self.x + cx0, self.y - cy0), (self.x + cx1, self.y - cy1));
        self.path.cubic_to(a.0, a.1, b.0, b.1, self.x + x, self.y - y);
    }

    fn close(&mut self) {
        self.path.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::palette::phrase_color;

    #[test]
    fn colours_are_explained_below_the_picture() {
        let picture = RgbImage::from_pixel(300, 100, Pixel([9, 9, 9]));
        let entries: Vec<(Rgb, String)> =
            (0..9).map(|at| (phrase_color(at), format!("a phrase, number {at}"))).collect();
        let one = below(&picture, &entries[..1]);
        let many = below(&picture, &entries);
        assert!(
            one.height() > 120 && many.height() > one.height() + 60,
            "{} {}",
            one.height(),
            many.height()
        );
        assert_eq!(*many.get_pixel(150, 99), Pixel([9, 9, 9]), "the picture is untouched");
        for (color, _) in &entries {
            let count = many.pixels().filter(|pixel| pixel.0 == color.array()).count();
            assert!(count > 60, "{}: {count}", color.hex());
        }
        assert!(many.pixels().any(|pixel| pixel.0 == TEXT), "there are words");
        assert_eq!(below(&picture, &[]), picture);
    }
}
