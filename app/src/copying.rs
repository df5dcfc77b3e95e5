//! A reply for the clipboard: as plain text, as Markdown, and as HTML in which phrases have the
//! colours of their masks.
//!
//! Pure: `update` makes the text, the application puts it on the clipboard.

use glamm_engine::protocol::Reply;

use crate::document::Segment;
use crate::markup;
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
        ReplyFormat::Markdown => Copied::Text(markup::markdown(reply, |_| None).trim().to_owned()),
        ReplyFormat::Html => Copied::Html { html: html(reply, colors), text },
    }
}

/// The reply with a coloured ground behind each phrase.
fn html(reply: &Reply, colors: &[Rgb]) -> String {
    let phrase = |segment: &Segment<'_>, words: String| {
        let color = segment.groundings.first().and_then(|&index| colors.get(index));
        let (Some(color), false) = (color, words.is_empty()) else { return words };
        let (ground, line) = (color.toward_white(0.62).hex(), color.hex());
        format!(
            "<span style=\"background-color:{ground};border-bottom:2px solid {line};color:#14161c\">{words}</span>"
        )
    };
    format!("<meta charset=\"utf-8\"><p>{}</p>", markup::html(reply, phrase))
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
        check(&shown, ReplyFormat::Markdown, "It shows **a \\*red\\* house** \\& more.");
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
        let lines = reply("two:\n- a cat\n1. a dog\n", &[]);
        check(&lines, ReplyFormat::Markdown, "two:  \n\\- a cat  \n1\\. a dog");
        check(&lines, ReplyFormat::Html, "<p>two:<br>- a cat<br>1. a dog</p>");
    }
}
