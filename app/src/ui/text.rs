//! Text laid out so that right-to-left scripts can be read. For the panels, in place of egui's own
//! layout wherever words come from people or from the model.
//!
//! egui shapes a word well, Arabic letters joined and Hebrew letters from right to left, but puts the
//! words of every line from left to right and counts their letters twice. So text with such letters is
//! laid out here: cut into words, each shaped by egui, broken into lines, and put in the order of the
//! Unicode Bidirectional Algorithm. What comes out is a [`Galley`] as any other, with a glyph for every
//! character in the order of the text. Text without such letters goes to egui untouched.

use std::ops::Range;
use std::sync::Arc;

use egui::epaint::Mesh;
use egui::epaint::text::{Glyph, PlacedRow, Row, RowVisuals};
use egui::text::LayoutJob;
use egui::{Color32, Context, FontId, Galley, Rect, TextBuffer, TextStyle, Ui, WidgetText, pos2, vec2};
use unicode_bidi::{BidiInfo, Level, ParagraphBidiInfo};

use crate::bidi;

/// As [`egui::epaint::text::FontsView::layout_job`], for text in any direction.
pub(super) fn lay_out(ctx: &Context, job: LayoutJob) -> Arc<Galley> {
    if !bidi::has_right_to_left(&job.text) {
        return ctx.fonts_mut(|fonts| fonts.layout_job(job));
    }
    Arc::new(Composer { ctx, job, pixels_per_point: ctx.pixels_per_point() }.compose())
}

/// One line, however long.
pub(super) fn line(ctx: &Context, text: String, font: FontId, color: Color32) -> Arc<Galley> {
    lay_out(ctx, LayoutJob::simple_singleline(text, font, color))
}

/// One line, cut with `…` where it would be wider than this.
pub(super) fn cut_line(ctx: &Context, text: String, font: FontId, color: Color32, width: f32) -> Arc<Galley> {
    let mut job = LayoutJob::simple_singleline(text, font, color);
    job.wrap = egui::text::TextWrapping::truncate_at_width(width);
    lay_out(ctx, job)
}

/// Words for a button or a label of egui's own.
pub(super) fn for_widget(ctx: &Context, text: &str, font: FontId, color: Color32) -> WidgetText {
    if bidi::has_right_to_left(text) {
        line(ctx, text.to_owned(), font, color).into()
    } else {
        egui::RichText::new(text).font(font).color(color).into()
    }
}

/// Several lines for a label or a link of egui's own.
pub(super) fn wrapped(ctx: &Context, text: &str, font: FontId, color: Color32, width: f32) -> WidgetText {
    if bidi::has_right_to_left(text) {
        lay_out(ctx, LayoutJob::simple(text.to_owned(), font, color, width)).into()
    } else {
        egui::RichText::new(text).font(font).color(color).into()
    }
}

/// What is shown where the pointer rests.
pub(super) fn in_tooltip(ui: &Ui, text: &str) -> WidgetText {
    let (font, color) = (TextStyle::Body.resolve(ui.style()), ui.visuals().text_color());
    wrapped(ui.ctx(), text, font, color, ui.spacing().tooltip_width)
}

/// The layouter of a text field of one line.
pub(super) fn in_field(font: FontId, color: Color32) -> impl FnMut(&Ui, &dyn TextBuffer, f32) -> Arc<Galley> {
    move |ui, text, _width| line(ui.ctx(), text.as_str().to_owned(), font.clone(), color)
}

/// The layouter of a text field of several lines.
pub(super) fn in_area(font: FontId, color: Color32) -> impl FnMut(&Ui, &dyn TextBuffer, f32) -> Arc<Galley> {
    move |ui, text, width| {
        lay_out(ui.ctx(), LayoutJob::simple(text.as_str().to_owned(), font.clone(), color, width))
    }
}

/// What a unit is for line breaking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Goes on until a blank.
    Word,
    /// A character by itself: of Chinese, Japanese or Korean, or a sign between right-to-left words.
    Single,
    /// A blank at which a line may end.
    Blank,
}

impl Kind {
    fn of(c: char, level: Level) -> Self {
        if c.is_whitespace() && !matches!(c, '\u{a0}' | '\u{202f}') {
            Self::Blank
        } else if level.is_rtl() && !bidi::is_of_word(c) || is_ideographic(c) {
            Self::Single
        } else {
            Self::Word
        }
    }
}

/// Whether lines may be broken on both sides.
fn is_ideographic(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}')
}

/// Characters that stay together.
#[derive(Clone)]
struct Span {
    /// Where they lie in the text.
    range: Range<usize>,
    section: usize,
    /// Even from left to right, odd from right to left.
    level: Level,
    kind: Kind,
}

/// A span, shaped, or room between two.
struct Unit {
    span: Span,
    /// As egui has it; room has none.
    row: Option<Arc<Row>>,
    width: f32,
}

struct Composer<'a> {
    ctx: &'a Context,
    job: LayoutJob,
    pixels_per_point: f32,
}

/// A line: its row without a place yet, and whether its paragraph runs from right to left.
struct Line {
    row: Row,
    width: f32,
    is_right_to_left: bool,
    ends_with_newline: bool,
}

impl Composer<'_> {
    fn compose(self) -> Galley {
        let mut lines = Vec::new();
        let mut elided = false;
        let mut from = 0;
        for paragraph in self.job.text.split_inclusive('\n') {
            let text = paragraph.strip_suffix('\n').unwrap_or(paragraph);
            let ends_with_newline = text.len() < paragraph.len();
            elided |= self.paragraph(from..from + text.len(), &mut lines);
            if let Some(last) = lines.last_mut() {
                last.ends_with_newline = ends_with_newline;
            }
            from += paragraph.len();
        }
        if self.job.text.ends_with('\n') {
            self.paragraph(from..from, &mut lines);
        }
        self.galley(lines, elided)
    }

    /// Adds the lines of a paragraph; returns whether something was left out.
    fn paragraph(&self, range: Range<usize>, lines: &mut Vec<Line>) -> bool {
        let info = ParagraphBidiInfo::new(&self.job.text[range.clone()], None);
        let base = info.paragraph_level;
        let mut units = self.units(&range, &info.levels, base);
        let room = self.job.wrap.max_width;
        let one_line = self.job.wrap.max_rows == 1;
        let cut = one_line && width(&units) > room;
        if cut {
            self.cut(&mut units, base, room);
        }
        let ends = if one_line { vec![units.len()] } else { ends_of_lines(&units, room) };
        let mut from = 0;
        for end in ends {
            if end < units.len() {
                // Blanks at the end of a full line take no room.
                let blanks = units[from..end].iter_mut().rev();
                blanks.take_while(|unit| unit.span.kind == Kind::Blank).for_each(|unit| unit.width = 0.0);
            }
            if let Some((row, width)) = self.row(&units[from..end], base, range.start) {
                lines.push(Line { row, width, is_right_to_left: base.is_rtl(), ends_with_newline: false });
            }
            from = end;
        }
        cut
    }

    fn units(&self, range: &Range<usize>, levels: &[Level], base: Level) -> Vec<Unit> {
        let mut spans: Vec<Span> = Vec::new();
        for (at, c) in self.job.text[range.clone()].char_indices() {
            let level = levels.get(at).copied().unwrap_or(Level::ltr());
            let place = range.start + at;
            let (section, kind, end) = (self.section(place), Kind::of(c, level), place + c.len_utf8());
            match spans.last_mut() {
                Some(last)
                    if kind == Kind::Word
                        && (last.section, last.level, last.kind) == (section, level, kind) =>
                {
                    last.range.end = end;
                }
                _ => spans.push(Span { range: place..end, section, level, kind }),
            }
        }
        let mut units = Vec::new();
        for (place, span) in spans.iter().enumerate() {
            let section = &self.job.sections[span.section];
            if span.range.start == section.byte_range.start.0 && section.leading_space > 0.0 {
                let before = place.checked_sub(1).and_then(|place| spans.get(place));
                units.push(room(section.leading_space, before, span, base));
            }
            self.shape(span.clone(), &mut units);
        }
        units
    }

    /// Shapes a span; one that is wider than a line is torn apart.
    fn shape(&self, span: Span, units: &mut Vec<Unit>) {
        let text = &self.job.text[span.range.clone()];
        let turned = span.level.is_rtl() && span.kind == Kind::Single;
        let text = if turned { text.chars().map(bidi::mirrored).collect() } else { text.to_owned() };
        let chars = text.chars().count();
        let Some(row) = self.shaped(text, span.section) else { return };
        if chars > 1 && self.job.wrap.max_rows != 1 && row.size.x > self.job.wrap.max_width {
            let halfway = self.job.text[span.range.clone()].char_indices().nth(chars / 2);
            let middle = span.range.start + halfway.map_or(0, |(at, _)| at);
            for range in [span.range.start..middle, middle..span.range.end] {
                self.shape(Span { range, ..span.clone() }, units);
            }
        } else {
            let width = row.size.x;
            units.push(Unit { span, row: Some(row), width });
        }
    }

    fn shaped(&self, text: String, section: usize) -> Option<Arc<Row>> {
        let format = self.job.sections[section].format.clone();
        let job = LayoutJob {
            break_on_newline: false,
            round_output_to_gui: false,
            ..LayoutJob::single_section(text, format)
        };
        let galley = self.ctx.fonts_mut(|fonts| fonts.layout_job(job));
        galley.rows.first().map(|placed| Arc::clone(&placed.row))
    }

    /// The section that a byte of the text belongs to.
    fn section(&self, at: usize) -> usize {
        let behind = self.job.sections.partition_point(|section| section.byte_range.start.0 <= at);
        behind.saturating_sub(1)
    }

    /// Takes units away from the end until `…` has room behind them.
    fn cut(&self, units: &mut Vec<Unit>, base: Level, room: f32) {
        let section = units.last().map_or(0, |unit| unit.span.section);
        let sign = self.job.wrap.overflow_character.map(String::from).unwrap_or_default();
        let Some(row) = self.shaped(sign, section) else { return };
        while width(units) + row.size.x > room && units.pop().is_some() {}
        let end = units.last().map_or(0, |unit| unit.span.range.end);
        let span = Span { range: end..end, section, level: base, kind: Kind::Single };
        let width = row.size.x;
        units.push(Unit { span, row: Some(row), width });
    }

    /// Puts units beside each other as they are read; returns the line and its width.
    fn row(&self, units: &[Unit], base: Level, from: usize) -> Option<(Row, f32)> {
        let Some(shaped) = units.iter().find_map(|unit| unit.row.as_ref()) else {
            return self.shaped(String::new(), self.section(from)).map(|row| (Row::clone(&row), 0.0));
        };
        let mut levels: Vec<Level> = units.iter().map(|unit| unit.span.level).collect();
        for (level, unit) in levels.iter_mut().zip(units).rev() {
            if unit.span.kind != Kind::Blank {
                break;
            }
            *level = base;
        }
        let mut places = vec![0.0; units.len()];
        let mut x = 0.0;
        for place in BidiInfo::reorder_visual(&levels) {
            places[place] = (x * self.pixels_per_point).round() / self.pixels_per_point;
            x += units[place].width;
        }
        let mut row = Row::clone(shaped);
        let mut glyphs = Vec::new();
        let mut mesh = Mesh::default();
        let mut height = 0.0_f32;
        for ((unit, level), x) in units.iter().zip(&levels).zip(places) {
            let Some(shaped) = &unit.row else { continue };
            let first_vertex = mesh.vertices.len() as u32;
            let text = &self.job.text[unit.span.range.clone()];
            glyphs.extend(glyphs_of(shaped, text, level.is_rtl(), (x, first_vertex)));
            append(&mut mesh, &shaped.visuals.mesh, x);
            height = height.max(shaped.size.y);
        }
        // The end of a line, and with it the caret behind it, is where reading ends.
        row.size = vec2(if base.is_rtl() { 0.0 } else { x }, height);
        row.glyphs = glyphs;
        row.visuals = RowVisuals {
            mesh_bounds: mesh.calc_bounds(),
            glyph_index_start: 0,
            glyph_vertex_range: 0..mesh.vertices.len(),
            mesh,
        };
        Some((row, x))
    }

    /// Puts lines below each other; those of right-to-left paragraphs end at the right.
    fn galley(self, lines: Vec<Line>, elided: bool) -> Galley {
        let widest = lines.iter().map(|line| line.width).fold(0.0, f32::max);
        let room = self.job.wrap.max_width;
        let right = if lines.len() > 1 && room.is_finite() { widest.max(room) } else { widest };
        let mut galley = Galley::clone(&self.ctx.fonts_mut(|fonts| fonts.layout_job(self.job)));
        galley.rows.clear();
        (galley.num_vertices, galley.num_indices, galley.elided) = (0, 0, elided);
        (galley.rect, galley.mesh_bounds) = (Rect::ZERO, Rect::NOTHING);
        let mut y = 0.0;
        for Line { row, width, is_right_to_left, ends_with_newline } in lines {
            let x = if is_right_to_left { right - width } else { 0.0 };
            let pos = pos2((x * self.pixels_per_point).round() / self.pixels_per_point, y);
            galley.rect |= Rect::from_min_size(pos, vec2(width, row.size.y));
            galley.mesh_bounds |= row.visuals.mesh_bounds.translate(pos.to_vec2());
            galley.num_vertices += row.visuals.mesh.vertices.len();
            galley.num_indices += row.visuals.mesh.indices.len();
            y += row.size.y;
            galley.rows.push(PlacedRow { pos, row: Arc::new(row), ends_with_newline });
        }
        galley
    }
}

/// The room that a section keeps before its first span. It stands where the text changes from one to
/// the other: within text that runs one way, at its place there.
fn room(width: f32, before: Option<&Span>, behind: &Span, base: Level) -> Unit {
    let at = behind.range.start;
    let level = before.map(|span| span.level).filter(|level| *level == behind.level).unwrap_or(base);
    Unit { span: Span { range: at..at, kind: Kind::Word, level, ..behind.clone() }, row: None, width }
}

/// A glyph for each character of a unit, in the order of the text. In a right-to-left word, whose
/// letters may be joined, each has an equal share of the room, and begins at its right side.
fn glyphs_of(row: &Row, text: &str, turned: bool, (x, first_vertex): (f32, u32)) -> Vec<Glyph> {
    let count = text.chars().count();
    let mut glyphs = Vec::with_capacity(count.max(row.glyphs.len()));
    if !turned && row.glyphs.len() == count || count == 0 {
        glyphs.extend_from_slice(&row.glyphs);
        for glyph in &mut glyphs {
            glyph.pos.x += x;
            glyph.first_vertex += first_vertex;
        }
    } else if let Some(model) = row.glyphs.first() {
        let share = row.size.x / count as f32;
        for (place, chr) in text.chars().enumerate() {
            let mut glyph = *model;
            let place = if turned { count - place } else { place };
            (glyph.chr, glyph.first_vertex) = (chr, first_vertex);
            glyph.advance_width = if turned { -share } else { share };
            glyph.pos.x = x + share * place as f32;
            glyphs.push(glyph);
        }
    }
    glyphs
}

fn width(units: &[Unit]) -> f32 {
    units.iter().map(|unit| unit.width).sum()
}

/// Where each line ends, as places among the units; blanks at the end of a line belong to it.
fn ends_of_lines(units: &[Unit], room: f32) -> Vec<usize> {
    let mut ends = Vec::new();
    let (mut from, mut x, mut chance) = (0, 0.0, None);
    for (at, unit) in units.iter().enumerate() {
        let free = unit.span.kind == Kind::Single && !unit.span.level.is_rtl();
        if at > from && (free || units[at - 1].span.kind == Kind::Blank) {
            chance = Some(at);
        }
        if x + unit.width > room && unit.span.kind != Kind::Blank && at > from {
            let end = chance.take().unwrap_or(at);
            ends.push(end);
            from = end;
            x = width(&units[from..at]);
        }
        x += unit.width;
    }
    ends.push(units.len());
    ends
}

fn append(mesh: &mut Mesh, other: &Mesh, x: f32) {
    let first = mesh.vertices.len() as u32;
    mesh.indices.extend(other.indices.iter().map(|index| index + first));
    mesh.vertices.extend(other.vertices.iter().map(|vertex| {
        let pos = vertex.pos + vec2(x, 0.0);
        egui::epaint::Vertex { pos, ..*vertex }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theme;

    /// Lays text out in a window of its own.
    fn laid_out(text: &str, max_width: f32) -> Arc<Galley> {
        let ctx = Context::default();
        theme::install(&ctx);
        let mut found = None;
        let mut output = ctx.run_ui(egui::RawInput::default(), |ui| {
            let job = LayoutJob::simple(text.to_owned(), theme::text_font(), Color32::WHITE, max_width);
            found = Some(lay_out(ui.ctx(), job));
        });
        output.textures_delta.clear();
        found.unwrap_or_else(|| panic!("nothing was laid out"))
    }

    /// The words of the first line as they stand, from left to right.
    fn words_as_seen(galley: &Galley) -> Vec<String> {
        let row = &galley.rows[0].row;
        let mut words: Vec<(f32, String)> = Vec::new();
        let mut within = false;
        for glyph in &row.glyphs {
            let x = glyph.pos.x.min(glyph.max_x());
            if glyph.chr.is_whitespace() {
                within = false;
            } else if let Some((left, word)) = words.last_mut().filter(|_| within) {
                *left = left.min(x);
                word.push(glyph.chr);
            } else {
                words.push((x, glyph.chr.to_string()));
                within = true;
            }
        }
        words.sort_by(|a, b| a.0.total_cmp(&b.0));
        words.into_iter().map(|(_, word)| word).collect()
    }

    #[test]
    fn words_stand_as_they_are_read() {
        for (text, expected) in [
            ("מה יש בתמונה", ["בתמונה", "יש", "מה"].as_slice()),
            ("ما في الصورة", &["الصورة", "في", "ما"]),
            ("the words בית אדום mean red house", &["the", "words", "אדום", "בית", "mean", "red", "house"]),
            ("יש 12 חתולים", &["חתולים", "12", "יש"]),
            ("חתול cat כלב", &["כלב", "cat", "חתול"]),
        ] {
            assert_eq!(words_as_seen(&laid_out(text, f32::INFINITY)), expected, "{text}");
        }
    }

    #[test]
    fn there_is_a_glyph_for_every_character() {
        for text in ["מה יש\nבתמונה (שלי)?\n", "السلام عليكم ورحمة الله وبركاته", "שָׁלוֹם red 画像 עולם"]
        {
            for width in [f32::INFINITY, 90.0] {
                let galley = laid_out(text, width);
                let mut seen = String::new();
                for placed in &galley.rows {
                    seen.extend(placed.row.glyphs.iter().map(|glyph| glyph.chr));
                    seen.extend(placed.ends_with_newline.then_some('\n'));
                }
                assert_eq!(seen, text);
                assert!(galley.rect.width() <= width + 0.5, "{text}: {}", galley.rect);
            }
        }
    }

    #[test]
    fn labels_keep_to_the_room_that_there_is() {
        let ctx = Context::default();
        theme::install(&ctx);
        let mut found = None;
        let mut output = ctx.run_ui(egui::RawInput::default(), |ui| {
            let (words, font) = ("מה יש בתמונה הגדולה הזאת", theme::text_font());
            found = Some(wrapped(ui.ctx(), words, font, Color32::WHITE, 120.0));
        });
        output.textures_delta.clear();
        let Some(WidgetText::Galley(galley)) = found else { panic!("{found:?}") };
        assert!(galley.rows.len() > 1 && galley.rect.width() <= 120.5, "{}", galley.rect);
        assert_eq!(words_as_seen(&galley).last().map(String::as_str), Some("מה"));
    }

    #[test]
    fn paragraphs_end_where_their_language_ends() {
        let galley = laid_out("first line of all\nשלום", 300.0);
        let [first, second] = galley.rows.as_slice() else { panic!("two lines") };
        assert!(first.pos.x.abs() < 0.1 && second.pos.x > 240.0);
        let end = galley.pos_from_cursor(galley.end());
        assert!((end.left() - second.pos.x).abs() < 0.6, "the caret stands at the left of the last word");
        let brackets = laid_out("(שלום)", f32::INFINITY);
        let glyphs = &brackets.rows[0].row.glyphs;
        assert!(glyphs[0].pos.x > glyphs[5].pos.x, "the first bracket stands at the right");
    }
}
