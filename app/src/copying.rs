//! A reply for the clipboard: as plain text, as Markdown, and as HTML in which phrases have the
//! colours of their masks.
//!
//! Pure: `update` makes the text, the application puts it on the clipboard.

use glamm_engine::protocol::Reply;

use crate::document::segments;
use crate::palette::Rgb;

/// How a reply is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyFormat {
    /// The words.
    Text,
    /// Phrases in bold.
    Markdown,
    /// Phrases in colour, for word processors and mails.
    Html,
}

impl ReplyFormat {
    /// In the order of the menu.
    pub const ALL: [Self; 3] = [Self::Text, Self::Markdown, Self::Html];

    /// In the menu.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Text => "Text",
            Self::Markdown => "Markdown",
            Self::Html => "Coloured text (HTML)",
        }
    }
}

/// What goes on the clipboard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Copied {
    /// Plain text.
    Text(String),
    /// Rich text, and the same words for programs that take none.
    Html {
        /// A fragment that stands for itself.
        html: String,
        /// The words.
        text: String,
    },
}

/// The reply in this format; `colors` has one for each grounding.
pub fn copied(reply: &Reply, colors: &[Rgb], format: ReplyFormat) -> Copied {
    let text = reply.text.trim().to_owned();
    match format {
        ReplyFormat::Text => Copied::Text(text),
        ReplyFormat::Markdown => Copied::Text(markdown(reply)),
        ReplyFormat::Html => Copied::Html { html: html(reply, colors), text },
    }
}

/// The reply with its phrases in bold.
fn markdown(reply: &Reply) -> String {
    let mut out = String::new();
    for segment in segments(&reply.text, &reply.groundings) {
        let words = segment.text.trim();
        if segment.groundings.is_empty() || words.is_empty() {
            escape_markdown(segment.text, &mut out);
            continue;
        }
        // Bold begins and ends at a word.
        let (before, after) = around(segment.text);
        out.extend([before, "**"]);
        escape_markdown(words, &mut out);
        out.extend(["**", after]);
    }
    out.trim().to_owned()
}

/// The reply with a coloured ground behind each phrase.
fn html(reply: &Reply, colors: &[Rgb]) -> String {
    let mut out = String::from("<meta charset=\"utf-8\"><p>");
    for segment in segments(reply.text.trim_end(), &reply.groundings) {
        let color = segment.groundings.first().and_then(|&index| colors.get(index));
        let (Some(color), false) = (color, segment.text.trim().is_empty()) else {
            escape_html(segment.text, &mut out);
            continue;
        };
        let (before, after) = around(segment.text);
        out.push_str(before);
        let (ground, line) = (color.toward_white(0.62).hex(), color.hex());
        out.extend(["<span style=\"background-color:", &ground, ";border-bottom:2px solid ", &line]);
        out.push_str(";color:#14161c\">");
        escape_html(segment.text.trim(), &mut out);
        out.extend(["</span>", after]);
    }
    out.push_str("</p>");
    out
}

/// The blanks before and behind the words of a text.
fn around(text: &str) -> (&str, &str) {
    let words = text.trim_start();
    let before = &text[..text.len() - words.len()];
    (before, &words[words.trim_end().len()..])
}

fn escape_markdown(text: &str, out: &mut String) {
    for c in text.chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '~' | '|') {
            out.push('\\');
        }
        out.push(c);
    }
}

fn escape_html(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::palette::phrase_color;
    use glamm_engine::protocol::Grounding;

    fn reply(text: &str, spans: &[std::ops::Range<usize>]) -> Reply {
        let groundings = spans.iter().map(|span| Grounding { span: span.clone() }).collect();
        Reply { raw: String::new(), text: text.to_owned(), groundings }
    }

    fn check(reply: &Reply, format: ReplyFormat, expected: &str) {
        let colors: Vec<Rgb> = (0..reply.groundings.len()).map(phrase_color).collect();
        match copied(reply, &colors, format) {
            Copied::Text(found) => assert_eq!(found, expected),
            Copied::Html { html, text } => {
                assert_eq!(text, reply.text.trim());
                assert_eq!(html.strip_prefix("<meta charset=\"utf-8\">"), Some(expected));
            }
        }
    }

    #[test]
    #[expect(clippy::single_range_in_vec_init, reason = "a list of one span")]
    fn phrases_stand_out() {
        let shown = reply("It shows a *red* house & more. ", &[9..22]);
        check(&shown, ReplyFormat::Text, "It shows a *red* house & more.");
        check(&shown, ReplyFormat::Markdown, "It shows **a \\*red\\* house** & more.");
        check(
            &shown,
            ReplyFormat::Html,
            "<p>It shows <span style=\"background-color:#b6d5ff;border-bottom:2px solid #4090ff;\
             color:#14161c\">a *red* house</span> &amp; more.</p>",
        );
    }

    #[test]
    #[expect(clippy::single_range_in_vec_init, reason = "a list of one span")]
    fn odd_replies_are_copied_whole() {
        check(&reply("größe <b>", &[]), ReplyFormat::Html, "<p>größe &lt;b&gt;</p>");
        check(&reply("It is .", &[6..6]), ReplyFormat::Markdown, "It is .");
        check(&reply("a cat here", &[1..6]), ReplyFormat::Markdown, "a **cat** here");
        check(&reply("", &[]), ReplyFormat::Markdown, "");
    }
}
