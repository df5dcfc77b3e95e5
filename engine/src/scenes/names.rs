//! The English words for what is in a scene, and the lists of all there is.
//!
//! Used by the scene texts, the annotation export and the evaluation. Words are lower case, and each
//! value of one type has a word of its own.

use super::{Background, Color, Kind, PartKind, Scene, Size};

impl Kind {
    /// Every kind, in the order of the definition.
    pub const ALL: [Self; 18] = [
        Self::House,
        Self::Tree,
        Self::Car,
        Self::Boat,
        Self::Sun,
        Self::Moon,
        Self::Cloud,
        Self::Person,
        Self::Cat,
        Self::Dog,
        Self::Fish,
        Self::Bird,
        Self::Flower,
        Self::Bicycle,
        Self::Balloon,
        Self::Ball,
        Self::Lamp,
        Self::Chair,
    ];

    /// The noun for one: "house".
    pub const fn name(self) -> &'static str {
        match self {
            Self::House => "house",
            Self::Tree => "tree",
            Self::Car => "car",
            Self::Boat => "boat",
            Self::Sun => "sun",
            Self::Moon => "moon",
            Self::Cloud => "cloud",
            Self::Person => "person",
            Self::Cat => "cat",
            Self::Dog => "dog",
            Self::Fish => "fish",
            Self::Bird => "bird",
            Self::Flower => "flower",
            Self::Bicycle => "bicycle",
            Self::Balloon => "balloon",
            Self::Ball => "ball",
            Self::Lamp => "lamp",
            Self::Chair => "chair",
        }
    }

    /// The noun for several: "houses", "people", "fish".
    pub const fn plural(self) -> &'static str {
        match self {
            Self::House => "houses",
            Self::Tree => "trees",
            Self::Car => "cars",
            Self::Boat => "boats",
            Self::Sun => "suns",
            Self::Moon => "moons",
            Self::Cloud => "clouds",
            Self::Person => "people",
            Self::Cat => "cats",
            Self::Dog => "dogs",
            Self::Fish => "fish",
            Self::Bird => "birds",
            Self::Flower => "flowers",
            Self::Bicycle => "bicycles",
            Self::Balloon => "balloons",
            Self::Ball => "balls",
            Self::Lamp => "lamps",
            Self::Chair => "chairs",
        }
    }
}

impl PartKind {
    /// Every kind of part, in the order of the definition.
    pub const ALL: [Self; 11] = [
        Self::Roof,
        Self::Door,
        Self::Windows,
        Self::Wheels,
        Self::Trunk,
        Self::Crown,
        Self::Sail,
        Self::Hull,
        Self::Shirt,
        Self::Petals,
        Self::Shade,
    ];

    /// The noun, plural where the part is several things: "roof", "windows".
    pub const fn name(self) -> &'static str {
        match self {
            Self::Roof => "roof",
            Self::Door => "door",
            Self::Windows => "windows",
            Self::Wheels => "wheels",
            Self::Trunk => "trunk",
            Self::Crown => "crown",
            Self::Sail => "sail",
            Self::Hull => "hull",
            Self::Shirt => "shirt",
            Self::Petals => "petals",
            Self::Shade => "shade",
        }
    }

    /// Whether [`PartKind::name`] is a plural.
    pub const fn is_plural(self) -> bool {
        matches!(self, Self::Windows | Self::Wheels | Self::Petals)
    }
}

impl Color {
    /// Every colour, in the order of the definition.
    pub const ALL: [Self; 10] = [
        Self::Red,
        Self::Orange,
        Self::Yellow,
        Self::Green,
        Self::Blue,
        Self::Purple,
        Self::Pink,
        Self::Brown,
        Self::White,
        Self::Black,
    ];

    /// The adjective: "red".
    pub const fn name(self) -> &'static str {
        match self {
            Self::Red => "red",
            Self::Orange => "orange",
            Self::Yellow => "yellow",
            Self::Green => "green",
            Self::Blue => "blue",
            Self::Purple => "purple",
            Self::Pink => "pink",
            Self::Brown => "brown",
            Self::White => "white",
            Self::Black => "black",
        }
    }
}

impl Background {
    /// Every background, in the order of the definition.
    pub const ALL: [Self; 7] =
        [Self::Meadow, Self::Sea, Self::Road, Self::Snow, Self::Night, Self::Room, Self::Desert];

    /// The noun: "meadow".
    pub const fn name(self) -> &'static str {
        match self {
            Self::Meadow => "meadow",
            Self::Sea => "sea",
            Self::Road => "road",
            Self::Snow => "snow",
            Self::Night => "night",
            Self::Room => "room",
            Self::Desert => "desert",
        }
    }
}

impl Size {
    /// Every size, smallest first.
    pub const ALL: [Self; 3] = [Self::Small, Self::Medium, Self::Large];

    /// The adjective: "small".
    pub const fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Medium => "medium",
            Self::Large => "large",
        }
    }
}

impl Scene {
    /// Width and height of the picture, in pixels.
    pub const SIZE: u32 = 256;

    /// How many objects are of this kind.
    pub fn count(&self, kind: Kind) -> usize {
        self.objects.iter().filter(|object| object.kind == kind).count()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_value_has_a_word_of_its_own() {
        let distinct = |words: Vec<&str>| words.iter().collect::<HashSet<_>>().len() == words.len();
        assert!(distinct(Kind::ALL.map(Kind::name).to_vec()));
        assert!(distinct(Kind::ALL.map(Kind::plural).to_vec()));
        assert!(distinct(PartKind::ALL.map(PartKind::name).to_vec()));
        assert!(distinct(Color::ALL.map(Color::name).to_vec()));
        assert!(distinct(Background::ALL.map(Background::name).to_vec()));
        assert!(distinct(Size::ALL.map(Size::name).to_vec()));
    }
}
