//! What there is to write of a picture: its masks with their phrases, and its boxes.

use std::collections::BTreeMap;
use std::sync::Arc;

use glamm_engine::vision::{BinaryMask, PixelBox};

use crate::document::{Exchange, GroundedMask, Picture};
use crate::palette::{Rgb, phrase_color, region_color};

/// A mask or a box of a picture.
#[derive(Debug, Clone)]
pub(super) struct Object {
    /// The words, as they stand in the reply; the region's name for a box.
    pub(super) phrase: String,
    /// What kind of thing it is: the words without an article.
    pub(super) category: String,
    /// As in the window.
    pub(super) color: Rgb,
    /// The mask; a box has none.
    pub(super) mask: Option<GroundedMask>,
    /// The box; a mask's own is found around it.
    pub(super) region: Option<PixelBox>,
}

impl Object {
    /// The mask at the size of the picture.
    pub(super) fn binary(&self) -> Option<BinaryMask> {
        self.mask.as_ref().map(GroundedMask::pixels)
    }

    /// "edited" or "changed", where the mask's pixels are others than those given.
    pub(super) fn change(&self) -> Option<&'static str> {
        self.mask.as_ref().and_then(GroundedMask::change)
    }

    /// The words, and whether the mask was changed.
    pub(super) fn title(&self) -> String {
        self.change().map_or_else(|| self.phrase.clone(), |change| format!("{} ({change})", self.phrase))
    }

    fn of_mask(mask: &GroundedMask, phrase: &str, hue: usize) -> Self {
        let words = mask.name.as_deref().unwrap_or(phrase).trim();
        Self {
            category: category(words),
            phrase: if words.is_empty() { UNNAMED.to_owned() } else { words.to_owned() },
            color: phrase_color(hue),
            mask: Some(mask.clone()),
            region: None,
        }
    }
}

/// Boxes of which nobody said what they are.
const REGION: &str = "region";
/// Masks without words.
const UNNAMED: &str = "object";

/// All masks of a picture, in the order of the replies, those that belong to none, and then its boxes.
/// What is hidden is left out.
pub(super) fn objects(picture: &Picture) -> Vec<Object> {
    let mut objects = Vec::new();
    for exchange in shown_exchanges(picture) {
        for (index, mask) in exchange.masks.iter().enumerate() {
            if let Some(mask) = mask.as_ref().filter(|mask| !mask.hidden) {
                objects.push(Object::of_mask(mask, &exchange.phrase(index), exchange.hue(index)));
            }
        }
    }
    for mask in picture.masks.iter().filter(|mask| !mask.hidden) {
        objects.push(Object::of_mask(mask, "", mask.hue.unwrap_or(0)));
    }
    objects.extend(picture.regions.iter().filter(|region| !region.hidden).map(|region| {
        let name = region.name.trim();
        Object {
            phrase: region.title(),
            category: if name.is_empty() { REGION.to_owned() } else { category(name) },
            color: region_color(region.hue()),
            mask: None,
            region: Some(region.bounds),
        }
    }));
    objects
}

/// The replies of every conversation, along the path that is shown.
pub(super) fn shown_exchanges(picture: &Picture) -> impl Iterator<Item = &Arc<Exchange>> {
    picture.conversations.iter().flat_map(|conversation| conversation.path())
}

/// `A red car` is a `red car`.
fn category(words: &str) -> String {
    let lower = words.to_lowercase();
    let articles = ["a ", "an ", "the "];
    let rest = articles.iter().find_map(|article| lower.strip_prefix(article)).unwrap_or(&lower);
    let rest = rest.trim();
    if rest.is_empty() { UNNAMED.to_owned() } else { rest.to_owned() }
}

/// Names of all kinds of things, in alphabetical order, numbered from 0.
#[derive(Debug, Default)]
pub(super) struct Categories {
    numbers: BTreeMap<String, usize>,
}

impl Categories {
    /// Those of these pictures.
    pub(super) fn of<'a>(pictures: impl Iterator<Item = &'a Picture>) -> Self {
        let names = pictures.flat_map(objects).map(|object| object.category);
        let mut numbers: BTreeMap<String, usize> = names.map(|name| (name, 0)).collect();
        numbers.values_mut().enumerate().for_each(|(place, number)| *number = place);
        Self { numbers }
    }

    /// In the order of their numbers.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.numbers.keys().map(String::as_str)
    }

    /// The number of a name.
    pub(super) fn number(&self, name: &str) -> usize {
        self.numbers.get(name).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::category;

    #[test]
    fn categories_have_no_article() {
        let cases = [("A red car", "red car"), ("the Theatre", "theatre"), ("an", "an"), ("", "object")];
        for (words, expected) in cases {
            assert_eq!(category(words), expected);
        }
    }
}
