//! Reports of conversations: Markdown to go on writing in, and one HTML file that needs nothing else.
//!
//! In the HTML a phrase has the colour of its mask, and pointing at it shows the mask alone: the masks
//! are outlines over the picture, tied to their phrases by their numbers, with no script.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, RgbImage};

use super::annotations::Object;
use super::rings::polygons;
use crate::document::{Conversation, Exchange, GroundedMask, Picture, Piece, Segment, segments};
use crate::palette::phrase_color;

/// Pictures in the HTML are not larger than this, in pixels a side.
const LARGEST_SIDE: u32 = 1600;
const JPEG_QUALITY: u8 = 88;

/// The part about a picture; `file` is its overlay, beside the report.
pub(super) fn markdown(picture: &Picture, file: Option<&str>) -> String {
    let mut text = String::new();
    let (width, height) = picture.size;
    // Writing to a string cannot fail.
    let _ = writeln!(text, "## {}\n\n{width} × {height} pixels\n", escaped(&picture.name));
    if let Some(file) = file {
        let _ = writeln!(text, "![{}](<{file}>)\n", escaped(&picture.name));
    }
    for region in picture.regions.iter().filter(|region| !region.hidden) {
        let b = region.bounds;
        let title = escaped(&region.title());
        let _ = writeln!(
            text,
            "- [{}] {title}: {:.0}, {:.0} – {:.0}, {:.0}",
            region.tag.0, b.x0, b.y0, b.x1, b.y1
        );
    }
    if !picture.regions.is_empty() {
        text.push('\n');
    }
    let shown = said(picture);
    for conversation in &shown {
        if shown.len() > 1 {
            let _ = writeln!(text, "### {}\n", escaped(&conversation.name()));
        }
        for exchange in conversation.path() {
            text.push_str(&question(exchange));
            text.push_str(&reply(exchange));
        }
    }
    text
}

/// The conversations in which something was said.
fn said(picture: &Picture) -> Vec<&Conversation> {
    picture
        .conversations
        .iter()
        .map(|conversation| &**conversation)
        .filter(|c| c.path().next().is_some())
        .collect()
}

/// A question as a quotation.
fn question(exchange: &Exchange) -> String {
    let mut lines = Lines::default();
    lines.push(&exchange.question.draft());
    lines.broken().lines().fold(String::new(), |text, line| text + "> " + line + "\n") + "\n"
}

/// A reply with its phrases in bold.
fn reply(exchange: &Exchange) -> String {
    let mut lines = Lines::default();
    for segment in segments(&exchange.reply.text, &exchange.reply.groundings) {
        let words = segment.text.trim();
        if segment.groundings.is_empty() || words.is_empty() {
            lines.push(segment.text);
            continue;
        }
        let (before, after) = segment.text.split_once(words).unwrap_or_default();
        lines.push(before);
        lines.mark("**");
        lines.push(words);
        lines.mark("**");
        if let Some(change) = change_of(exchange, &segment) {
            lines.mark(&format!(" (mask {change})"));
        }
        lines.push(after);
    }
    lines.broken() + "\n"
}

/// "edited" or "changed", where a mask of these words has other pixels than those given.
fn change_of(exchange: &Exchange, segment: &Segment<'_>) -> Option<&'static str> {
    let masks = segment.groundings.iter().filter_map(|&index| exchange.masks.get(index)?.as_ref());
    masks.filter(|mask| !mask.hidden).find_map(GroundedMask::change)
}

/// Text in the middle of a line, in which nothing is read as a mark.
fn escaped(text: &str) -> String {
    let mut lines = Lines { at: Place::Within, ..Lines::default() };
    lines.push(&text.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.text
}

/// Where in a line its next character stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Place {
    /// Nothing but blanks before it.
    #[default]
    Start,
    /// Nothing but digits before it.
    Number,
    /// Somewhere else.
    Within,
}

/// Text of several lines, in which Markdown finds no marks but those that were meant.
#[derive(Debug, Default)]
struct Lines {
    text: String,
    at: Place,
}

impl Lines {
    /// Adds text that stays text.
    fn push(&mut self, text: &str) {
        for c in text.chars().filter(|&c| c == '\n' || !c.is_control()) {
            let begins_list = match self.at {
                Place::Start => matches!(c, '-' | '+' | '='),
                Place::Number => matches!(c, '.' | ')'),
                Place::Within => false,
            };
            let anywhere = "\\`*_[]<>#|!~&".contains(c);
            if begins_list || anywhere {
                self.text.push('\\');
            }
            self.at = match self.at {
                _ if c == '\n' => Place::Start,
                Place::Start if c.is_whitespace() => Place::Start,
                Place::Start | Place::Number if c.is_ascii_digit() => Place::Number,
                Place::Start | Place::Number | Place::Within => Place::Within,
            };
            self.text.push(c);
        }
    }

    /// Adds a mark.
    fn mark(&mut self, mark: &str) {
        self.text.push_str(mark);
        self.at = Place::Within;
    }

    /// All of it: lines that follow each other stay lines of their own, without blanks around them, which would
    /// be marks.
    fn broken(&self) -> String {
        let mut broken = String::new();
        let mut lines = self.text.trim_end().lines().map(str::trim).peekable();
        while let Some(line) = lines.next() {
            broken.push_str(line);
            if !line.is_empty() && lines.peek().is_some_and(|next| !next.is_empty()) {
                broken.push_str("  ");
            }
            broken.push('\n');
        }
        broken
    }
}

/// Grows with every picture.
#[derive(Debug, Default)]
pub(super) struct Html {
    body: String,
    /// Masks so far: each has a number in the whole file.
    masks: usize,
}

impl Html {
    /// Adds a picture with its conversation.
    pub(super) fn add(&mut self, picture: &Picture, objects: &[Object], pixels: Option<&RgbImage>) {
        let first = self.masks;
        let (width, height) = picture.size;
        let name = html(&picture.name);
        let body = &mut self.body;
        let _ =
            writeln!(body, "<section>\n<h2>{name}</h2>\n<svg viewBox=\"0 0 {width} {height}\" role=\"img\">");
        let _ = writeln!(body, "<title>{name}</title>");
        if let Some(data) = pixels.and_then(data_url) {
            let _ = writeln!(body, "<image width=\"{width}\" height=\"{height}\" href=\"{data}\"/>");
        } else {
            let _ = writeln!(body, "<rect width=\"{width}\" height=\"{height}\" fill=\"#ccc\"/>");
        }
        self.masks += paint_masks(body, objects, first);
        body.push_str("</svg>\n");
        let mut number = first;
        let shown = said(picture);
        for conversation in &shown {
            if shown.len() > 1 {
                let _ = writeln!(body, "<h3>{}</h3>", html(&conversation.name()));
            }
            for exchange in conversation.path() {
                asked_and_said(body, exchange, &mut number);
            }
        }
        body.push_str("</section>\n");
    }

    /// The file.
    pub(super) fn finish(&self) -> String {
        let mut style = String::from(STYLE);
        for number in 0..self.masks {
            let _ = writeln!(
                style,
                "body:has(.p{number}:hover) .m{number},body:has(.p{number}:focus) .m{number}{{opacity:1!important}}"
            );
        }
        let body = &self.body;
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n<title>GLaMM report</title>\n\
             <style>\n{style}</style>\n</head>\n<body>\n{body}</body>\n</html>\n"
        )
    }
}

const STYLE: &str = "\
body{font:16px/1.6 Inter,system-ui,sans-serif;max-width:900px;margin:2em auto;padding:0 1em;color:#1b1e26;background:#fff}
h2{font-size:1.2em}
h3{font-size:1em;margin:2em 0 0}
section{margin-bottom:4em}
svg{width:100%;height:auto;max-height:80vh;background:#eee;border-radius:6px}
.m{fill-opacity:.42;stroke-opacity:.95;stroke-width:2;vector-effect:non-scaling-stroke;fill-rule:evenodd}
body:has(.p:hover) .m,body:has(.p:focus) .m{opacity:.08}
.box{fill:none;stroke-width:2;vector-effect:non-scaling-stroke}
.q{color:#444956;margin:1.2em 0 .2em;font-weight:600}
.p{border-radius:4px;padding:.1em .25em;cursor:default}
@media (prefers-color-scheme:dark){body{color:#e7e9ef;background:#18191f}.q{color:#b9bdc8}}
";

/// Draws masks and boxes; returns the number of masks.
fn paint_masks(body: &mut String, objects: &[Object], first: usize) -> usize {
    let mut count = 0;
    let mut paths: Vec<(usize, String)> = Vec::new();
    for object in objects {
        let color = object.color.hex();
        if let Some(b) = object.region {
            let (width, height) = (b.width(), b.height());
            let place = format!("x=\"{}\" y=\"{}\" width=\"{width}\" height=\"{height}\"", b.x0, b.y0);
            paths.push((0, format!("<rect class=\"box\" {place} stroke=\"{color}\"/>\n")));
        }
        let Some(mask) = object.binary() else { continue };
        let mut outline = String::new();
        for ring in polygons(&mask, 0.5) {
            for (place, (x, y)) in ring.iter().enumerate() {
                let _ = write!(outline, "{}{x} {y}", if place == 0 { 'M' } else { 'L' });
            }
            outline.push('Z');
        }
        let class = first + count;
        let words = html(&object.title());
        let path = format!(
            "<path class=\"m m{class}\" fill=\"{color}\" stroke=\"{color}\" d=\"{outline}\"><title>{words}</title></path>\n"
        );
        paths.push((mask.area(), path));
        count += 1;
    }
    // Large ones first, so that small ones can be pointed at.
    paths.sort_by_key(|(area, _)| std::cmp::Reverse(*area));
    body.extend(paths.into_iter().map(|(_, path)| path));
    count
}

/// A question and its reply; `number` counts the masks.
fn asked_and_said(body: &mut String, exchange: &Exchange, number: &mut usize) {
    body.push_str("<p class=\"q\">");
    for piece in exchange.question.pieces() {
        match piece {
            Piece::Text(text) => body.push_str(&html(text)),
            Piece::Region(region) => {
                let _ = write!(body, "[{}]", region.tag.0);
            }
        }
    }
    body.push_str("</p>\n<p>");
    let mut numbers = Vec::new();
    for index in 0..exchange.reply.groundings.len() {
        let has_mask = exchange.masks.get(index).is_some_and(|mask| mask.as_ref().is_some_and(|m| !m.hidden));
        numbers.push(has_mask.then_some(*number));
        *number += usize::from(has_mask);
    }
    for segment in segments(&exchange.reply.text, &exchange.reply.groundings) {
        let words = html(segment.text);
        let Some(&first) = segment.groundings.first() else {
            body.push_str(&words);
            continue;
        };
        let classes = segment.groundings.iter().filter_map(|&index| numbers.get(index).copied().flatten());
        let classes = classes.fold(String::new(), |all, number| all + " p" + &number.to_string());
        let named = exchange.masks.get(first).and_then(Option::as_ref).and_then(|mask| mask.hue);
        let color = phrase_color(named.unwrap_or_else(|| exchange.hue(first))).hex();
        let words = if words.trim().is_empty() { "●".to_owned() } else { words };
        let title = change_of(exchange, &segment)
            .map_or_else(String::new, |change| format!(" title=\"Its mask is {change}\""));
        let _ = write!(
            body,
            "<span class=\"p{classes}\" tabindex=\"0\"{title} style=\"background:{color}55;box-shadow:inset 0 -2px {color}\">{words}</span>"
        );
    }
    body.push_str("</p>\n");
}

/// Text that HTML would read as marks.
fn html(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' => escaped.push_str("<br>"),
            c if c.is_control() => {}
            c => escaped.push(c),
        }
    }
    escaped
}

/// The picture as part of a file.
fn data_url(pixels: &RgbImage) -> Option<String> {
    let longest = pixels.width().max(pixels.height());
    let smaller;
    let shown = if longest > LARGEST_SIDE {
        let side =
            |length: u32| (u64::from(length) * u64::from(LARGEST_SIDE) / u64::from(longest)).max(1) as u32;
        smaller = image::imageops::thumbnail(pixels, side(pixels.width()), side(pixels.height()));
        &smaller
    } else {
        pixels
    };
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY)
        .encode(shown.as_raw(), shown.width(), shown.height(), ExtendedColorType::Rgb8)
        .ok()?;
    Some(format!("data:image/jpeg;base64,{}", STANDARD.encode(bytes)))
}

#[cfg(test)]
mod tests {
    use super::{Lines, escaped, html};

    fn lines(text: &str) -> String {
        let mut lines = Lines::default();
        lines.push(text);
        lines.broken()
    }

    #[test]
    fn text_stays_text() {
        assert_eq!(html("<b> & \"c\"\n\u{7}"), "&lt;b&gt; &amp; &quot;c&quot;<br>");
        assert_eq!(escaped("*a* [1] <x> \n&amp;"), "\\*a\\* \\[1\\] \\<x\\> \\&amp;");
    }

    #[test]
    fn lines_stay_lines_and_begin_no_lists() {
        assert_eq!(lines("one\ntwo\n\nthree\n\n"), "one  \ntwo\n\nthree\n");
        assert_eq!(
            lines("1. one\n 22) two\n3.5 m\n- four + -\n  + five\n---"),
            "1\\. one  \n22\\) two  \n3\\.5 m  \n\\- four + -  \n\\+ five  \n\\---\n"
        );
        assert_eq!(lines("    no code\n~~~\n=== 4."), "no code  \n\\~\\~\\~  \n\\=== 4.\n");
    }

    #[test]
    fn a_number_that_is_said_in_parts_begins_no_list() {
        let mut parts = Lines::default();
        parts.push("so\n1");
        parts.push(". and ");
        parts.mark("**");
        parts.push("- a cat");
        parts.mark("**");
        assert_eq!(parts.broken(), "so  \n1\\. and **- a cat**\n");
    }
}
