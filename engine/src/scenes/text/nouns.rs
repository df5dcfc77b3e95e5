//! Noun phrases: how kinds, colours, sizes and numbers are put together in English.

use crate::scenes::{Background, Color, Kind, Object, PartKind, Size};

/// The bare noun phrase, without article: "small red house", "red cars", "person in blue".
pub(super) fn noun(kind: Kind, color: Option<Color>, size: Option<Size>, plural: bool) -> String {
    let mut words = Vec::new();
    if let Some(size @ (Size::Small | Size::Large)) = size {
        words.push(size.name());
    }
    // A person has the colour of the shirt, and nobody calls that "a red person".
    let dressed = kind == Kind::Person;
    if let (Some(color), false) = (color, dressed) {
        words.push(color.name());
    }
    words.push(if plural { kind.plural() } else { kind.name() });
    if let (Some(color), true) = (color, dressed) {
        words.extend(["in", color.name()]);
    }
    words.join(" ")
}

/// The object with its colour, and its size if that is wanted: "large red house".
pub(super) fn noun_of(object: &Object, sized: bool) -> String {
    noun(object.kind, Some(object.color), sized.then_some(object.size), false)
}

/// "a house", "an orange car".
pub(super) fn indefinite(noun: &str) -> String {
    let article = if noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {noun}")
}

/// "brown roof", and with an article where it is a single thing: "a brown roof", "black wheels".
pub(super) fn indefinite_part(kind: PartKind, color: Color) -> String {
    let noun = format!("{} {}", color.name(), kind.name());
    if kind.is_plural() { noun } else { indefinite(&noun) }
}

/// Parts whose colour says something that the object's own colour does not, the most telling first.
const TELLING: [PartKind; 3] = [PartKind::Roof, PartKind::Sail, PartKind::Door];

/// Index of the part worth mentioning, if the object has one.
pub(super) fn telling_part(object: &Object) -> Option<usize> {
    TELLING.into_iter().find_map(|kind| object.parts.iter().position(|part| part.kind == kind))
}

/// Whether the part is of a kind worth mentioning.
pub(super) fn is_telling(part: PartKind) -> bool {
    TELLING.contains(&part)
}

/// Numbers as words, "no" for 0, digits above twelve.
pub(super) fn number(count: usize) -> String {
    NUMBERS.get(count).map_or_else(|| count.to_string(), ToString::to_string)
}

/// The words for 0 to 12.
pub(super) const NUMBERS: [&str; 13] =
    ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];

/// What the object is called when it was named before: a person is no "it".
pub(super) fn pronoun(kind: Kind) -> &'static str {
    if kind == Kind::Person { "the person" } else { "it" }
}

/// "is" or "are".
pub(super) fn to_be(plural: bool) -> &'static str {
    if plural { "are" } else { "is" }
}

/// The place as a thing that is seen: "a meadow".
pub(super) fn place(background: Background) -> &'static str {
    match background {
        Background::Meadow => "a meadow",
        Background::Sea => "the sea",
        Background::Road => "a road",
        Background::Snow => "a snowy field",
        Background::Night => "a night scene",
        Background::Room => "a room",
        Background::Desert => "a desert",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noun_phrases_are_english() {
        assert_eq!(noun(Kind::House, Some(Color::Red), Some(Size::Large), false), "large red house");
        assert_eq!(noun(Kind::House, None, Some(Size::Medium), true), "houses");
        assert_eq!(noun(Kind::Person, Some(Color::Blue), Some(Size::Small), true), "small people in blue");
        assert_eq!(indefinite("orange car"), "an orange car");
        assert_eq!(indefinite_part(PartKind::Windows, Color::White), "white windows");
        assert_eq!((number(0), number(12), number(13)), ("no".into(), "twelve".into(), "13".into()));
    }
}
