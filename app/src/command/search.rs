//! Finding commands by a few letters of what they are called.

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use crate::command::Command;

/// A command that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// Which one.
    pub command: Command,
    /// Whether it would do something now.
    pub enabled: bool,
}

/// What the palette shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Palette {
    /// What was typed.
    pub text: String,
    /// Place of the chosen command among those that were found.
    pub chosen: usize,
}

/// The commands whose menu and label have the letters of `text` in their order, or whose description has its words, the
/// best first; those that would do nothing now, as `is_enabled` says, come last. All of them in the order of
/// the menus, where there is no text.
pub fn search(text: &str, is_enabled: impl Fn(Command) -> bool) -> Vec<Hit> {
    let mut matcher = Matcher::new(Config::DEFAULT);
    let pattern = Pattern::parse(text, CaseMatching::Ignore, Normalization::Smart);
    let lower = text.to_lowercase();
    let is_in = |description: &str| {
        let description = description.to_lowercase();
        lower.split_whitespace().all(|word| description.contains(word))
    };
    let mut score = |words: &str| {
        let mut buffer = Vec::new();
        pattern.score(Utf32Str::new(words, &mut buffer), &mut matcher)
    };
    let mut found: Vec<(u32, Hit)> = Command::ALL
        .into_iter()
        .filter(|command| *command != Command::ShowPalette)
        .filter_map(|command| {
            let info = command.info();
            // What it is called counts twice what is said about it.
            let by_label =
                score(&format!("{} {}", info.menu.label(), info.label)).map(|score| 2 * score + 40);
            let said = is_in(info.tooltip).then(|| score(info.tooltip)).flatten();
            let best = by_label.max(said)?;
            Some((best, Hit { command, enabled: is_enabled(command) }))
        })
        .collect();
    if text.trim().is_empty() {
        return found.into_iter().map(|(_, hit)| hit).collect();
    }
    // Stable: commands that are as good stay in the order of the menus.
    found.sort_by_key(|(score, hit)| (!hit.enabled, std::cmp::Reverse(*score)));
    found.into_iter().map(|(_, hit)| hit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_letters_find_a_command() {
        let best = |text: &str| search(text, |_| true).first().map(|hit| hit.command);
        for (text, command) in [
            ("open", Command::OpenPicture),
            ("dark", Command::DarkMode),
            ("nwscn", Command::NewScene),
            ("MODELS", Command::ManageModels),
            ("gguf", Command::OpenModelFile),
            ("quit", Command::Quit),
        ] {
            assert_eq!(best(text), Some(command), "{text}");
        }
        assert_eq!(best("xyzzy"), None);
        let brush = search("brush", |command| command == Command::LayerGlobal);
        assert_eq!(brush.first().map(|hit| hit.command), Some(Command::Brush), "no letters of a description");
        assert_eq!(search("", |_| true).len(), Command::ALL.len() - 1);
    }

    #[test]
    fn what_does_nothing_now_comes_last() {
        let hits = search("o", |command| command != Command::OpenPicture);
        assert!(hits.len() > 2 && hits.is_sorted_by_key(|hit| !hit.enabled));
        assert_eq!(hits.last().map(|hit| (hit.command, hit.enabled)), Some((Command::OpenPicture, false)));
    }
}
