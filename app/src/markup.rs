//! Replies as Markdown and as HTML: what the clipboard gets and what reports say. Whatever is said in a reply
//! stays text, and its lines stay lines.

use glamm_engine::protocol::Reply;

use crate::document::{Segment, segments};

/// A reply with its phrases in bold; `note` is said in brackets after one.
pub(crate) fn markdown(reply: &Reply, note: impl Fn(&Segment<'_>) -> Option<String>) -> String {
    let mut lines = Lines::default();
    for segment in segments(&reply.text, &reply.groundings) {
        let (before, words, after) = apart(segment.text);
        if segment.groundings.is_empty() || words.is_empty() {
            lines.push(segment.text);
            continue;
        }
        // Bold begins and ends at a word.
        lines.push(before);
        lines.mark("**");
        lines.push(words);
        lines.mark("**");
        if let Some(note) = note(&segment) {
            lines.mark(&format!(" ({note})"));
        }
        lines.push(after);
    }
    lines.broken()
}

/// A reply as HTML, without a tag around it; `phrase` makes an element of the words of a phrase, which are HTML
/// already and may be none.
pub(crate) fn html(reply: &Reply, phrase: impl Fn(&Segment<'_>, String) -> String) -> String {
    let mut out = String::new();
    for segment in segments(&reply.text, &reply.groundings) {
        if segment.groundings.is_empty() {
            out.push_str(&escaped_html(segment.text));
            continue;
        }
        let (before, words, after) = apart(segment.text);
        out.push_str(&escaped_html(before));
        out.push_str(&phrase(&segment, escaped_html(words)));
        out.push_str(&escaped_html(after));
    }
    // Lines end; the last one needs no mark for it.
    out.trim_end_matches("<br>").trim_end().to_owned()
}

/// The blanks before the words of a text, the words, and the blanks behind them.
fn apart(text: &str) -> (&str, &str, &str) {
    let words = text.trim();
    let (before, after) = text.split_once(words).unwrap_or_default();
    (before, words, after)
}

/// Text in the middle of a line, in which nothing is read as a mark.
pub(crate) fn escaped(text: &str) -> String {
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
pub(crate) struct Lines {
    text: String,
    at: Place,
}

impl Lines {
    /// Adds text that stays text.
    pub(crate) fn push(&mut self, text: &str) {
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
    pub(crate) fn mark(&mut self, mark: &str) {
        self.text.push_str(mark);
        self.at = Place::Within;
    }

    /// All of it: lines that follow each other stay lines of their own, without blanks around them, which would
    /// be marks.
    pub(crate) fn broken(&self) -> String {
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

/// Text in HTML, in which nothing is read as a mark.
pub(crate) fn escaped_html(text: &str) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> String {
        let mut lines = Lines::default();
        lines.push(text);
        lines.broken()
    }

    #[test]
    fn text_stays_text() {
        assert_eq!(escaped_html("<b> & \"c\"\n\u{7}"), "&lt;b&gt; &amp; &quot;c&quot;<br>");
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
