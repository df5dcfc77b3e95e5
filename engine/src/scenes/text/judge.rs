//! What is true of a turn, and whether a reply says it. Used by the evaluation, which cannot ask
//! for the very words: any sentence that names the right thing counts.

use serde::Serialize;

use super::nouns::NUMBERS;
use crate::scenes::graph::Side;
use crate::scenes::{Background, Color, Kind};

/// What a right reply says. Masks are judged apart, against the turn's targets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Truth {
    /// A caption that names these things, with a mask for each (grounded) or without.
    Caption {
        /// What is in the picture, as in the reference reply.
        phrases: Vec<String>,
        /// Whether `[SEG]` is wanted.
        grounded: bool,
    },
    /// One object.
    Object(Kind, Color),
    /// A colour.
    Color(Color),
    /// How many.
    Count(usize),
    /// Yes or no.
    YesNo(bool),
    /// Part of the picture.
    Where(Side),
    /// The background.
    Place(Background),
    /// There is no such thing: words that say so, and no mask.
    Absent,
    /// A mask.
    Segment,
}

/// [`Truth`] as it stands in the exported conversations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TruthRecord {
    /// Which [`Truth`].
    pub about: &'static str,
    /// Its value in words; empty where it has none.
    pub value: Vec<String>,
}

impl Truth {
    /// For JSON.
    pub fn record(&self) -> TruthRecord {
        let (about, value) = match self {
            Self::Caption { phrases, grounded: true } => ("grounded", phrases.clone()),
            Self::Caption { phrases, grounded: false } => ("caption", phrases.clone()),
            Self::Object(kind, color) => ("object", vec![kind.name().into(), color.name().into()]),
            Self::Color(color) => ("color", vec![color.name().into()]),
            Self::Count(count) => ("count", vec![count.to_string()]),
            Self::YesNo(yes) => ("yes_no", vec![if *yes { "yes" } else { "no" }.into()]),
            Self::Where(side) => ("where", vec![side_word(*side).into()]),
            Self::Place(background) => ("place", vec![background.name().into()]),
            Self::Absent => ("absent", Vec::new()),
            Self::Segment => ("segment", Vec::new()),
        };
        TruthRecord { about, value }
    }
}

/// Whether a reply, with or without GLaMM's markers, says what is true.
///
/// The first kind, colour, number or side named is what counts, so that a reply that goes on
/// ("a red house next to a green tree") is judged by what it is about.
pub fn judge(reply: &str, truth: &Truth) -> bool {
    let segs = reply.matches("[SEG]").count();
    let words = words(reply);
    match truth {
        Truth::Caption { phrases, grounded } => {
            let named: Vec<Kind> = words.iter().filter_map(|word| kind_of(word)).collect();
            let wanted = |phrase: &String| self::words(phrase).iter().find_map(|word| kind_of(word));
            (segs > 0) == (*grounded && !phrases.is_empty())
                && phrases.iter().filter_map(wanted).all(|kind| named.contains(&kind))
        }
        Truth::Object(kind, color) => {
            words.iter().find_map(|word| kind_of(word)) == Some(*kind)
                && words.iter().find_map(|word| color_of(word)) == Some(*color)
        }
        Truth::Color(color) => words.iter().find_map(|word| color_of(word)) == Some(*color),
        Truth::Count(count) => words.iter().find_map(|word| number_of(word)) == Some(*count),
        Truth::YesNo(yes) => words.first().is_some_and(|word| word == if *yes { "yes" } else { "no" }),
        Truth::Where(side) => {
            words.iter().find_map(|word| Side::ALL.into_iter().find(|it| side_word(*it) == word))
                == Some(*side)
        }
        Truth::Place(background) => words.iter().find_map(|word| background_of(word)) == Some(*background),
        Truth::Absent => segs == 0 && words.iter().any(|word| word == "no" || word == "not"),
        Truth::Segment => segs > 0,
    }
}

fn words(text: &str) -> Vec<String> {
    let bare = text.replace("[SEG]", " ").replace("</s>", " ").replace("<p>", " ").replace("</p>", " ");
    bare.split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

fn kind_of(word: &str) -> Option<Kind> {
    Kind::ALL.into_iter().find(|kind| kind.name() == word || kind.plural() == word)
}

fn color_of(word: &str) -> Option<Color> {
    Color::ALL.into_iter().find(|color| color.name() == word)
}

fn number_of(word: &str) -> Option<usize> {
    NUMBERS.iter().position(|number| *number == word).or_else(|| word.parse().ok())
}

fn background_of(word: &str) -> Option<Background> {
    let bare = if word == "snowy" { "snow" } else { word };
    Background::ALL.into_iter().find(|background| background.name() == bare)
}

fn side_word(side: Side) -> &'static str {
    match side {
        Side::Left => "left",
        Side::Middle => "middle",
        Side::Right => "right",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(truth: &Truth, right: &[&str], wrong: &[&str]) {
        for reply in right {
            assert!(judge(reply, truth), "{reply} should be right for {truth:?}");
        }
        for reply in wrong {
            assert!(!judge(reply, truth), "{reply} should be wrong for {truth:?}");
        }
    }

    #[test]
    fn replies_are_judged_by_what_they_are_about() {
        check(
            &Truth::Object(Kind::House, Color::Red),
            &["A red house.", "It is a small red house with a brown roof next to a green tree.</s>"],
            &["A brown house with a red roof.", "A red tree next to a red house.", "A house.", ""],
        );
        check(&Truth::Object(Kind::Person, Color::Blue), &["A person in blue."], &["A person in red."]);
        check(&Truth::Color(Color::Pink), &["The ball is pink."], &["The ball is red.", "A ball."]);
        check(&Truth::Count(2), &["There are two cars.", "2"], &["There is one car.", "There are 12."]);
        check(&Truth::Count(0), &["There are no cars."], &["There is one car.", "None at all"]);
        check(&Truth::YesNo(false), &["No, it is red.", "no"], &["Yes, it is.", "It is not."]);
        check(
            &Truth::Where(Side::Left),
            &["It is on the left, right of nothing."],
            &["The cat is on the right.", "In the middle, left of the dog."],
        );
        check(&Truth::Place(Background::Snow), &["It is a snowy field."], &["It is a road."]);
        check(&Truth::Segment, &["Sure, it is [SEG]."], &["Sure, it is."]);
        check(
            &Truth::Absent,
            &["There is no cat in this image."],
            &["Sure, it is [SEG].", "There is no cat [SEG].", "Here it is."],
        );
        let caption = |grounded| Truth::Caption {
            phrases: vec!["two red cars".into(), "a person in red".into()],
            grounded,
        };
        check(
            &caption(true),
            &["There are <p> cars </p> [SEG] and <p> a person </p> [SEG]."],
            &["There are two red cars and a person.", "There are <p> two red cars </p> [SEG]."],
        );
        check(&caption(false), &["Two cars and people."], &["A car.", "A car and a person [SEG]."]);
    }
}
