//! The streamed reply on stdout: words as they come, phrases in the colours of their masks.
//!
//! Used by `ask`. Plain text leaves this module byte for byte as the model wrote it; only for a
//! terminal are colours added and control characters dropped. A reader that goes away (a closed
//! pipe) is no error: the printer falls silent and says so.

use std::io::{self, IsTerminal, Write};

use glamm_engine::job::Increment;

use super::error::CliError;
use crate::palette::{Rgb, phrase_color};

/// How phrases are coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ColorMode {
    /// Not at all.
    Plain,
    /// With the nearest of the 256 colours that nearly every terminal has.
    Ansi256,
    /// Exactly.
    TrueColor,
}

impl ColorMode {
    /// What suits stdout as it is now.
    pub(super) fn of_stdout() -> Self {
        Self::choose(io::stdout().is_terminal(), |name| std::env::var(name).ok())
    }

    /// The conventions of <https://no-color.org> and <https://bixense.com/clicolors>, and what
    /// terminals say of themselves in `COLORTERM` and `TERM`.
    fn choose(is_terminal: bool, variable: impl Fn(&str) -> Option<String>) -> Self {
        let is_set = |name| variable(name).is_some_and(|value| !value.is_empty());
        let forced = variable("CLICOLOR_FORCE").is_some_and(|value| value != "0" && !value.is_empty());
        if is_set("NO_COLOR") || !(is_terminal || forced) {
            return Self::Plain;
        }
        if matches!(variable("COLORTERM").as_deref(), Some("truecolor" | "24bit")) {
            return Self::TrueColor;
        }
        match variable("TERM").as_deref() {
            Some("dumb") if !forced => Self::Plain,
            _ => Self::Ansi256,
        }
    }

    fn start(self, color: Rgb) -> String {
        match self {
            Self::Plain => String::new(),
            Self::Ansi256 => format!("\x1b[1;38;5;{}m", nearest_of_256(color)),
            Self::TrueColor => format!("\x1b[1;38;2;{};{};{}m", color.r, color.g, color.b),
        }
    }
}

/// Writes a reply as text, piece by piece.
///
/// A phrase is coloured before its mask is there. Its colour is that of the next mask to come,
/// which is the colour [`crate::palette::grounding_colors`] gives it in the end, as long as a
/// phrase's `[SEG]`s follow before the next phrase begins, the order the model is trained on.
#[derive(Debug)]
pub(super) struct ReplyPrinter<W> {
    out: W,
    colors: ColorMode,
    in_phrase: bool,
    next_mask: usize,
    ends_in_newline: bool,
    reader_left: bool,
}

impl<W: Write> ReplyPrinter<W> {
    /// Writes to `out`.
    pub(super) fn new(out: W, colors: ColorMode) -> Self {
        Self { out, colors, in_phrase: false, next_mask: 0, ends_in_newline: true, reader_left: false }
    }

    /// Whether nobody reads any more.
    pub(super) fn reader_left(&self) -> bool {
        self.reader_left
    }

    /// Writes what a piece adds to the reply.
    ///
    /// # Errors
    /// [`CliError::Stdout`].
    pub(super) fn show(&mut self, piece: &Increment) -> Result<(), CliError> {
        match piece {
            Increment::ImageEncoded(_) => {}
            Increment::Text(text) => return self.text(text),
            Increment::PhraseOpened => self.in_phrase = true,
            Increment::PhraseClosed(_) => self.in_phrase = false,
            Increment::Mask { index, .. } => self.next_mask = index + 1,
        }
        Ok(())
    }

    /// Ends the last line.
    ///
    /// # Errors
    /// [`CliError::Stdout`].
    pub(super) fn finish(&mut self) -> Result<(), CliError> {
        if self.ends_in_newline { Ok(()) } else { self.write("\n") }
    }

    /// Writes text that is not part of a streamed reply: a document, a table.
    ///
    /// # Errors
    /// [`CliError::Stdout`].
    pub(super) fn write(&mut self, text: &str) -> Result<(), CliError> {
        if self.reader_left || text.is_empty() {
            return Ok(());
        }
        self.ends_in_newline = text.ends_with('\n');
        match self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.reader_left = true;
                Ok(())
            }
            result => result.map_err(CliError::Stdout),
        }
    }

    /// Each piece is coloured on its own, so that an interrupted reply leaves no colour behind.
    fn text(&mut self, text: &str) -> Result<(), CliError> {
        if self.colors == ColorMode::Plain {
            return self.write(text);
        }
        let shown: String = text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
        if !self.in_phrase || shown.is_empty() {
            return self.write(&shown);
        }
        let start = self.colors.start(phrase_color(self.next_mask));
        self.write(&format!("{start}{shown}\x1b[0m"))?;
        self.ends_in_newline = shown.ends_with('\n');
        Ok(())
    }
}

/// The nearest entry of the 6 × 6 × 6 colour cube (16 to 231) of xterm's table.
fn nearest_of_256(color: Rgb) -> u8 {
    const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let level = |channel: u8| {
        let distances = LEVELS.iter().map(|&level| level.abs_diff(channel));
        distances.enumerate().min_by_key(|&(_, distance)| distance).map_or(0, |(i, _)| i as u8)
    };
    16 + 36 * level(color.r) + 6 * level(color.g) + level(color.b)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use glamm_engine::protocol::Grounding;
    use glamm_engine::vision::{MaskCandidates, MaskLogits};

    use super::*;

    fn mask_of(index: usize, span: std::ops::Range<usize>) -> Increment {
        let mask = MaskLogits {
            side: 1,
            logits: vec![1.0],
            frame: 1,
            content: (1, 1),
            image_size: (1, 1),
            predicted_iou: 1.0,
        };
        let masks = MaskCandidates::from(Arc::new(mask));
        Increment::Mask { index, grounding: Grounding { span }, masks }
    }

    fn says(text: &str) -> Increment {
        Increment::Text(text.to_owned())
    }

    /// Two phrases, of which the first has two masks.
    fn reply() -> [Increment; 13] {
        [
            says("A "),
            Increment::PhraseOpened,
            says("red "),
            says("car"),
            Increment::PhraseClosed(2..9),
            mask_of(0, 2..9),
            mask_of(1, 2..9),
            says(" by "),
            Increment::PhraseOpened,
            says("a tree"),
            Increment::PhraseClosed(13..19),
            mask_of(2, 13..19),
            says("."),
        ]
    }

    fn printed(colors: ColorMode) -> String {
        let mut printer = ReplyPrinter::new(Vec::new(), colors);
        for piece in reply() {
            printer.show(&piece).unwrap();
        }
        printer.finish().unwrap();
        String::from_utf8(printer.out).unwrap()
    }

    #[test]
    fn plain_text_is_untouched() {
        assert_eq!(printed(ColorMode::Plain), "A red car by a tree.\n");
    }

    #[test]
    fn each_phrase_has_the_color_of_its_first_mask() {
        let Rgb { r, g, b } = phrase_color(2);
        let text = printed(ColorMode::TrueColor);
        assert!(text.contains(&format!("\x1b[1;38;2;{r};{g};{b}ma tree\x1b[0m.")), "{text:?}");
        assert!(printed(ColorMode::Ansi256).contains("\x1b[1;38;5;69mred \x1b[0m"), "{text:?}");
    }

    #[test]
    fn a_terminal_gets_no_control_characters_of_the_model() {
        let mut printer = ReplyPrinter::new(Vec::new(), ColorMode::TrueColor);
        printer.show(&says("a\x1b[2Jb\n")).unwrap();
        printer.finish().unwrap();
        assert_eq!(printer.out, b"a[2Jb\n");
    }

    #[test]
    fn a_closed_pipe_is_no_error() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut printer = ReplyPrinter::new(Closed, ColorMode::Plain);
        printer.show(&says("a")).unwrap();
        assert!(printer.reader_left());
        printer.finish().unwrap();
    }

    #[test]
    fn colors_follow_the_conventions() {
        fn choose(is_terminal: bool, variables: &[(&str, &str)]) -> ColorMode {
            ColorMode::choose(is_terminal, |name| {
                variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
            })
        }
        let truecolor = ("COLORTERM", "truecolor");
        assert_eq!(choose(true, &[truecolor]), ColorMode::TrueColor);
        assert_eq!(choose(true, &[("TERM", "xterm-256color")]), ColorMode::Ansi256);
        assert_eq!(choose(true, &[("TERM", "dumb")]), ColorMode::Plain);
        assert_eq!(choose(true, &[truecolor, ("NO_COLOR", "1")]), ColorMode::Plain);
        assert_eq!(choose(false, &[truecolor]), ColorMode::Plain);
        assert_eq!(choose(false, &[truecolor, ("CLICOLOR_FORCE", "1")]), ColorMode::TrueColor);
    }
}
