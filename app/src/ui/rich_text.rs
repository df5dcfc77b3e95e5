//! Running text with chips in it: words on a coloured ground that can be hovered and pressed, and
//! that wrap with the sentence.

use std::ops::Range;
use std::sync::Arc;

use egui::epaint::text::Glyph;
use egui::text::LayoutJob;
use egui::text_selection::LabelSelectionState;
use egui::{
    Color32, CornerRadius, CursorIcon, Galley, Id, Pos2, Rect, Response, Role, Sense, Stroke, StrokeKind,
    TextFormat, Ui, Vec2, WidgetInfo, vec2,
};

use super::text;
use crate::theme;

/// Room between the words of a chip and its border.
const PAD: f32 = 6.0;
/// Room left of and right of the text, for chips at the ends of lines.
pub(super) const GUTTER: f32 = PAD + 1.0;

/// Chips of no more characters than this stay on one line.
const UNBROKEN: usize = 24;

/// Words on a ground of their own.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chip {
    /// Behind the words.
    pub(super) fill: Color32,
    /// Behind the words under the pointer.
    pub(super) fill_hover: Color32,
    /// Around the words.
    pub(super) line: Stroke,
    /// The words.
    pub(super) text: Color32,
    /// What it says to those who cannot see it.
    pub(super) label: String,
    /// What is worth knowing of it, told where the pointer rests on it.
    pub(super) hint: Option<String>,
    /// Whether it stays brought out; `None` where it cannot be pressed.
    pub(super) pinned: Option<bool>,
}

/// Text laid out.
pub(super) struct RichText {
    galley: Arc<Galley>,
    chips: Vec<(Range<usize>, Chip)>,
    color: Color32,
}

/// Collects words and chips.
pub(super) struct Builder {
    job: LayoutJob,
    chips: Vec<(Range<usize>, Chip)>,
    chars: usize,
    color: Color32,
    size: f32,
}

impl Builder {
    /// Text of this size and colour, no wider than `width`.
    pub(super) fn new(size: f32, color: Color32, width: f32) -> Self {
        let mut job = LayoutJob::default();
        // Lines that begin with a chip are moved right by its padding.
        job.wrap.max_width = (width - 2.0 * GUTTER - PAD).max(40.0);
        Self { job, chips: Vec::new(), chars: 0, color, size }
    }

    /// Adds words.
    pub(super) fn words(&mut self, text: &str) {
        self.append(text, theme::text_font(), self.color, false);
    }

    /// Adds a chip.
    pub(super) fn chip(&mut self, text: &str, chip: Chip) {
        let from = self.chars;
        // A short phrase is not torn apart at the end of a line.
        let whole = text.replace(' ', "\u{a0}");
        let text = if text.chars().count() <= UNBROKEN { &whole } else { text };
        self.append(text, theme::medium_font(self.size), chip.text, true);
        self.chips.push((from..self.chars, chip));
    }

    fn append(&mut self, text: &str, font: egui::FontId, color: Color32, is_chip: bool) {
        let follows_chip = self.chips.last().is_some_and(|(range, _)| range.end == self.chars);
        let space = if follows_chip { PAD } else { 0.0 } + if is_chip { PAD } else { 0.0 };
        let format = TextFormat {
            font_id: egui::FontId::new(self.size, font.family),
            color,
            line_height: Some((self.size * theme::LINE / theme::TEXT).round()),
            ..Default::default()
        };
        self.job.append(text, space, format);
        self.chars += text.chars().count();
    }

    /// Lays everything out.
    pub(super) fn build(self, ui: &Ui) -> RichText {
        let galley = text::lay_out(ui.ctx(), self.job);
        let galley = flush(galley, &self.chips);
        RichText { galley, chips: self.chips, color: self.color }
    }
}

/// Moves wrapped lines that begin with a chip to the right, so that the chip's border, not its
/// words, is flush with the lines of plain words.
fn flush(galley: Arc<Galley>, chips: &[(Range<usize>, Chip)]) -> Arc<Galley> {
    let mut row_start = 0;
    let mut moved: Option<Galley> = None;
    for (at, placed) in galley.rows.iter().enumerate() {
        // The first line has the padding already.
        let unpadded = placed.row.glyphs.first().is_some_and(|glyph| glyph.pos.x < 1.0);
        if unpadded && chips.iter().any(|(range, _)| range.contains(&row_start)) {
            moved.get_or_insert_with(|| Galley::clone(&galley)).rows[at].pos.x += PAD;
        }
        row_start += placed.char_count_including_newline().0;
    }
    let Some(mut moved) = moved else { return galley };
    moved.rect.max.x += PAD;
    moved.mesh_bounds.max.x += PAD;
    Arc::new(moved)
}

/// What became of a text on the screen.
pub(super) struct Painted {
    /// The text as a whole.
    pub(super) response: Response,
    /// The chips, in their order.
    pub(super) chips: Vec<Response>,
}

impl RichText {
    /// Its size, gutters included.
    pub(super) fn size(&self) -> Vec2 {
        self.galley.size() + vec2(2.0 * GUTTER, 0.0)
    }

    /// Where the next word would go, relative to the upper left corner, gutters included.
    pub(super) fn end(&self) -> Rect {
        let end = self.galley.pos_from_cursor(self.galley.end());
        end.translate(vec2(GUTTER, 0.0))
    }

    /// Paints at a place for which room was made already.
    pub(super) fn show_at(self, ui: &mut Ui, at: Pos2) -> Painted {
        let rect = Rect::from_min_size(at, self.size());
        let id = ui.next_auto_id();
        ui.skip_ahead_auto_ids(1);
        let response = ui.interact(rect, id, Sense::click_and_drag());
        let text = self.galley.text().to_owned();
        response.widget_info(|| WidgetInfo::labeled(Role::Label, true, text.replace('\u{a0}', " ")));
        let origin = at + vec2(GUTTER, 0.0);
        let chips: Vec<Response> = self
            .chips
            .iter()
            .enumerate()
            .map(|(place, (range, chip))| {
                show_chip(ui, &self.galley, origin, range, chip, id.with(("chip", place)))
            })
            .collect();
        let response = response.on_hover_cursor(CursorIcon::Text);
        LabelSelectionState::label_text_selection(
            ui,
            &response,
            origin,
            self.galley,
            self.color,
            Stroke::NONE,
        );
        Painted { response, chips }
    }
}

fn show_chip(ui: &Ui, galley: &Galley, origin: Pos2, range: &Range<usize>, chip: &Chip, id: Id) -> Response {
    let pieces = pieces(galley, origin, range, PAD);
    let sense = if chip.pinned.is_some() { Sense::click() } else { Sense::hover() };
    let mut response: Option<Response> = None;
    for (place, (rect, _)) in pieces.iter().enumerate() {
        let piece = ui.interact(*rect, id.with(("piece", place)), sense);
        if place == 0 {
            let role = if chip.pinned.is_some() { Role::Button } else { Role::Label };
            piece.widget_info(|| WidgetInfo::selected(role, true, chip.pinned == Some(true), &chip.label));
        }
        response = Some(match response {
            Some(first) => first | piece,
            None => piece,
        });
    }
    let response = response.unwrap_or_else(|| ui.interact(Rect::NOTHING, id, Sense::hover()));
    let hot = chip.pinned.is_some() && (response.hovered() || response.has_focus());
    for (rect, radius) in pieces {
        let fill = if hot { chip.fill_hover } else { chip.fill };
        ui.painter().rect(rect, radius, fill, chip.line, StrokeKind::Inside);
    }
    let response = match &chip.hint {
        Some(hint) => response.on_hover_text(hint),
        None => response,
    };
    if chip.pinned.is_some() { response.on_hover_cursor(CursorIcon::PointingHand) } else { response }
}

/// The rectangles of a chip, one a line, with the corners that are its own rounded.
pub(super) fn pieces(
    galley: &Galley,
    origin: Pos2,
    range: &Range<usize>,
    pad: f32,
) -> Vec<(Rect, CornerRadius)> {
    let mut pieces = Vec::new();
    let mut row_start = 0;
    for placed in &galley.rows {
        let count = placed.row.glyphs.len();
        let from = range.start.max(row_start).saturating_sub(row_start);
        let to = range.end.min(row_start + count).saturating_sub(row_start);
        if range.start < row_start + count && from < to {
            let visible = placed.row.glyphs[from..to].iter().rposition(|g| !g.chr.is_whitespace());
            let last = visible.map_or(to - 1, |at| from + at);
            let (left, right) = extent(&placed.row.glyphs[from..=last]);
            let rect = placed.rect();
            let rect = Rect::from_min_max(
                origin + vec2(rect.left() + left - pad, rect.top() + 1.0),
                origin + vec2(rect.left() + right + pad, rect.bottom() - 1.0),
            );
            let round = |own: bool| if own { theme::CHIP_RADIUS } else { 1 };
            let (begins, ends) = (range.start >= row_start, range.end <= row_start + count);
            let radius =
                CornerRadius { nw: round(begins), sw: round(begins), ne: round(ends), se: round(ends) };
            pieces.push((rect, radius));
        }
        row_start += placed.char_count_including_newline().0;
    }
    pieces
}

/// From the left of the leftmost glyph to the right of the rightmost, whichever way they run.
fn extent(glyphs: &[Glyph]) -> (f32, f32) {
    let ends = glyphs.iter().flat_map(|glyph| [glyph.pos.x, glyph.max_x()]);
    ends.fold((f32::INFINITY, f32::NEG_INFINITY), |(left, right), x| (left.min(x), right.max(x)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bidi;

    fn chip() -> Chip {
        let color = Color32::WHITE;
        Chip {
            fill: color,
            fill_hover: color,
            line: Stroke::NONE,
            text: color,
            label: String::new(),
            hint: None,
            pinned: None,
        }
    }

    #[test]
    fn chips_are_flush_with_the_words_at_the_start_of_lines() {
        let ctx = egui::Context::default();
        theme::install(&ctx);
        let mut seen = 0;
        let mut output = ctx.run_ui(egui::RawInput::default(), |ui| {
            let mut text = Builder::new(theme::TEXT, Color32::WHITE, 170.0);
            for _ in 0..8 {
                text.words("and there is ");
                text.chip("a tall green tree", chip());
                text.words(" ");
            }
            let text = text.build(ui);
            for (range, _) in &text.chips {
                for (rect, _) in pieces(&text.galley, Pos2::ZERO, range, PAD) {
                    assert!(rect.left() > -0.6 && rect.right() <= 170.0 - GUTTER, "{rect}");
                    seen += usize::from(rect.left() < 0.6);
                }
            }
        });
        output.textures_delta.clear();
        assert!(seen > 1, "some chips begin a line");
    }

    /// Lays out words and chips (in brackets) in a window of its own.
    fn lay_out(parts: &[&str], width: f32) -> (Vec<(Rect, CornerRadius)>, Vec<f32>, Vec2) {
        let ctx = egui::Context::default();
        theme::install(&ctx);
        let mut found = None;
        let mut output = ctx.run_ui(egui::RawInput::default(), |ui| {
            let mut builder = Builder::new(theme::TEXT, Color32::WHITE, width);
            for part in parts {
                match part.strip_prefix('[') {
                    Some(words) => builder.chip(words.trim_end_matches(']'), chip()),
                    None => builder.words(part),
                }
            }
            let text = builder.build(ui);
            let grounds =
                text.chips.iter().flat_map(|(range, _)| pieces(&text.galley, Pos2::ZERO, range, PAD));
            let starts = text.galley.rows.iter().map(|row| row.pos.x).collect();
            found = Some((grounds.collect(), starts, text.size()));
        });
        output.textures_delta.clear();
        found.unwrap_or_default()
    }

    #[test]
    fn any_script_stays_within_the_width() {
        for text in [
            "an_unbroken_word_of_very_many_characters_that_fits_on_no_line_at_all_however_wide_it_may_be",
            "這是一張沒有空格的很長的中文句子，用來檢查換行是否正確，不應該超出訊息的寬度。",
            "هذا نص عربي طويل لاختبار التفاف الأسطر في الرسائل حتى لا يخرج عن العرض المحدد",
            "👩‍👩‍👧‍👦🏳️‍🌈👍🏽🇩🇪 emoji 👩‍👩‍👧‍👦🏳️‍🌈👍🏽🇩🇪 in a row 👩‍👩‍👧‍👦🏳️‍🌈👍🏽🇩🇪👩‍👩‍👧‍👦🏳️‍🌈👍🏽🇩🇪👩‍👩‍👧‍👦🏳️‍🌈👍🏽🇩🇪👩‍👩‍👧‍👦",
        ] {
            // Chips that end a line stand out of it by their padding, into the gutter.
            let leftmost = if bidi::has_right_to_left(text) { -GUTTER } else { -0.6 };
            for parts in [vec![text], vec!["It is ", &format!("[{text}]"), "."]] {
                let (grounds, starts, size) = lay_out(&parts, 240.0);
                assert!(starts.len() > 1, "{text} wraps");
                assert!(size.x <= 240.5, "{text}: {} wide", size.x);
                for (ground, _) in grounds {
                    assert!(ground.left() >= leftmost && ground.right() <= 240.0, "{text}: {ground}");
                }
            }
        }
    }
}
