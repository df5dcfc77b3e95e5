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
use crate::document::{Conversation, Exchange, GroundedMask, Picture, Piece, Segment};
use crate::markup::{self, Lines, escaped, escaped_html};
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
    let note = |segment: &Segment<'_>| change_of(exchange, segment).map(|change| format!("mask {change}"));
    markup::markdown(&exchange.reply, note) + "\n"
}

/// "edited" or "changed", where a mask of these words has other pixels than those given.
fn change_of(exchange: &Exchange, segment: &Segment<'_>) -> Option<&'static str> {
    let masks = segment.groundings.iter().filter_map(|&index| exchange.masks.get(index)?.as_ref());
    masks.filter(|mask| !mask.hidden).find_map(GroundedMask::change)
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
        let name = escaped_html(&picture.name);
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
                let _ = writeln!(body, "<h3>{}</h3>", escaped_html(&conversation.name()));
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
        let words = escaped_html(&object.title());
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
            Piece::Text(text) => body.push_str(&escaped_html(text)),
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
    let phrase = |segment: &Segment<'_>, words: String| {
        let classes = segment.groundings.iter().filter_map(|&index| numbers.get(index).copied().flatten());
        let classes = classes.fold(String::new(), |all, number| all + " p" + &number.to_string());
        let first = segment.groundings.first().copied().unwrap_or_default();
        let color = phrase_color(exchange.hue(first)).hex();
        let words = if words.is_empty() { "●".to_owned() } else { words };
        let title = change_of(exchange, segment)
            .map_or_else(String::new, |change| format!(" title=\"Its mask is {change}\""));
        format!(
            "<span class=\"p{classes}\" tabindex=\"0\"{title} style=\"background:{color}55;box-shadow:inset 0 -2px {color}\">{words}</span>"
        )
    };
    body.push_str(&markup::html(&exchange.reply, phrase));
    body.push_str("</p>\n");
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
