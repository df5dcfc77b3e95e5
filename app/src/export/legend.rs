//! What the colours of an overlay stand for: swatches and words on a band below the picture.

use harfrust::{Direction, ShapeOptions, ShaperData, UnicodeBuffer};
use image::{Rgb as Pixel, RgbImage};
use skrifa::instance::{LocationRef, Size};
use skrifa::outline::{DrawSettings, OutlinePen};
use skrifa::{FontRef, GlyphId, MetadataProvider};
use tiny_skia::{Color, FillRule, Paint, PathBuilder, Pixmap, Rect, Transform};

use crate::bidi;
use crate::palette::Rgb;
use crate::system::fonts;

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
    let pen = Writer::new(size);
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
        // What is wider than the picture goes on in the next rows, below its beginning.
        let parts = if long > room { pen.wrapped(text, room - swatch - gap) } else { vec![text] };
        for (place, part) in parts.into_iter().enumerate() {
            row += usize::from(place > 0);
            lines.push(Line { color: color.filter(|_| place == 0), text: part, x, row });
        }
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
        pen.write(&mut band, line.text, (left + swatch + gap, top + height * 0.5 + size * 0.36));
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

/// Writes words in one size, each script in the first face that has it.
struct Writer<'a> {
    faces: Vec<(FontRef<'a>, ShaperData)>,
    /// In pixels an em.
    size: f32,
}

/// A glyph of a line.
struct Placed {
    /// Place among the faces.
    face: usize,
    glyph: GlyphId,
    /// From the beginning of the line, and above the base line.
    at: (f32, f32),
}

impl Writer<'_> {
    fn new(size: f32) -> Self {
        let files = [fonts::MEDIUM].into_iter().chain(fonts::FALLBACKS);
        let face = |(_, data)| FontRef::new(data).ok().map(|font| (font.clone(), ShaperData::new(&font)));
        Self { faces: files.filter_map(face).collect(), size }
    }

    /// The first face that has the character.
    fn face_of(&self, c: char) -> Option<usize> {
        self.faces.iter().position(|(font, _)| font.charmap().map(c).is_some_and(|id| id != GlyphId::NOTDEF))
    }

    /// Where the line of text is cut because another face goes on: parts of the text, with their face.
    fn parts<'t>(&self, text: &'t str) -> Vec<(&'t str, usize)> {
        let mut parts: Vec<(usize, usize)> = Vec::new();
        for (at, c) in text.char_indices() {
            let face = self.face_of(c).or(parts.last().map(|part| part.1)).unwrap_or(0);
            if parts.last().is_none_or(|part| part.1 != face) {
                parts.push((at, face));
            }
        }
        let ends = parts.iter().skip(1).map(|part| part.0).chain([text.len()]);
        parts.iter().zip(ends).map(|(&(from, face), to)| (&text[from..to], face)).collect()
    }

    /// The glyphs of a line from left to right, and its width.
    fn line(&self, text: &str) -> (Vec<Placed>, f32) {
        let (mut glyphs, mut x) = (Vec::new(), 0.0);
        for (range, right_to_left) in bidi::runs_of_line(text) {
            let mut parts = self.parts(&text[range]);
            if right_to_left {
                parts.reverse();
            }
            for (part, face) in parts {
                x = self.shape(part, (face, right_to_left), x, &mut glyphs);
            }
        }
        (glyphs, x)
    }

    /// Adds a part of a line from `x` on; returns where it ends.
    fn shape(
        &self,
        text: &str,
        (face, right_to_left): (usize, bool),
        mut x: f32,
        glyphs: &mut Vec<Placed>,
    ) -> f32 {
        let Some((font, data)) = self.faces.get(face) else { return x };
        let units = font.metrics(Size::unscaled(), LocationRef::default()).units_per_em;
        let scale = self.size / f32::from(units.max(1));
        let mut buffer = UnicodeBuffer::new();
        buffer.push_str(text);
        let direction = if right_to_left { Direction::RightToLeft } else { Direction::LeftToRight };
        buffer.set_direction(direction);
        buffer.guess_segment_properties();
        let shaped = data.shaper(font).build().shape(buffer, ShapeOptions::new());
        for (info, position) in shaped.glyph_infos().iter().zip(shaped.glyph_positions()) {
            let at = (x + position.x_offset as f32 * scale, position.y_offset as f32 * scale);
            glyphs.push(Placed { face, glyph: GlyphId::new(info.glyph_id), at });
            x += position.x_advance as f32 * scale;
        }
        x
    }

    /// The text in parts that are no wider than this, cut between words where that can be.
    fn wrapped<'t>(&self, text: &'t str, room: f32) -> Vec<&'t str> {
        let (mut parts, mut rest) = (Vec::new(), text);
        while self.width(rest) > room {
            let ends = || rest.char_indices().map(|(at, _)| at).skip(1);
            let fit = ends().take_while(|&end| self.width(&rest[..end]) <= room).last();
            let Some(fit) = fit.or(ends().next()) else { break };
            let cut = rest[..fit].rfind(' ').filter(|&space| space > 0).unwrap_or(fit);
            parts.push(rest[..cut].trim_end());
            rest = rest[cut..].trim_start();
        }
        parts.push(rest);
        parts
    }

    fn width(&self, text: &str) -> f32 {
        self.line(text).1
    }

    /// Writes from a place on the base line.
    fn write(&self, band: &mut Pixmap, text: &str, (x, y): (f32, f32)) {
        let size = Size::new(self.size);
        for Placed { face, glyph, at } in self.line(text).0 {
            let Some(outline) = self.faces.get(face).and_then(|(font, _)| font.outline_glyphs().get(glyph))
            else {
                continue;
            };
            let mut pen = Pen { path: PathBuilder::new(), x: x + at.0, y: y - at.1 };
            let settings = DrawSettings::unhinted(size, LocationRef::default());
            if outline.draw(settings, &mut pen).is_ok()
                && let Some(path) = pen.path.finish()
            {
                band.fill_path(&path, &paint(TEXT), FillRule::Winding, Transform::identity(), None);
            }
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

    #[test]
    fn what_is_wider_than_the_picture_goes_on_below() {
        let writer = Writer::new(13.0);
        let text = "a very long phrase about something that stands in the middle of a narrow picture";
        let parts = writer.wrapped(text, 90.0);
        assert!(parts.len() > 3 && parts.iter().all(|part| writer.width(part) <= 90.0), "{parts:?}");
        assert_eq!(parts.join(" "), text);
        assert_eq!(
            writer.wrapped("unbreakable-as-it-has-no-blank", 60.0).concat(),
            "unbreakable-as-it-has-no-blank"
        );
        let picture = RgbImage::new(120, 40);
        let entries = |text: &str| [(phrase_color(0), text.to_owned())];
        let (one, many) = (below(&picture, &entries("a door")), below(&picture, &entries(text)));
        assert!(many.height() > one.height() + 60, "{} {}", one.height(), many.height());
        let in_margin = |x: u32| (40..many.height()).any(|y| many.get_pixel(x, y).0 != BACKGROUND);
        assert!(!(112..120).any(in_margin), "no words are cut");
    }

    #[test]
    fn every_script_is_written_in_the_order_it_is_read() {
        let writer = Writer::new(20.0);
        for text in ["a red car", "一輛紅色的車", "מכונית אדומה", "سيارة حمراء", "red סגול 赤"]
        {
            let (glyphs, width) = writer.line(text);
            assert!(width > 40.0 && glyphs.iter().all(|placed| placed.glyph != GlyphId::NOTDEF), "{text}");
        }
        let letters = |text| writer.line(text).0.into_iter().map(|placed| placed.glyph).collect::<Vec<_>>();
        let (mut forth, back) = (letters("אבג"), ["ג", "ב", "א"].map(|letter| letters(letter)[0]));
        assert_eq!(forth, back, "from the right");
        forth = letters("ببب");
        assert!(forth.windows(2).all(|pair| pair[0] != pair[1]), "joined at one side, at both, at the other");
    }
}
