//! How each kind of object is drawn. Called by the placement, once for each object.
//!
//! Every function fills a [`Sketch`] with a random variant of its kind at usual size. What the
//! object is called by (its colour) is the colour of most of its surface.

mod buildings;
mod creatures;
mod furniture;
mod person;
mod plants;
mod sky;
mod toys;
mod vehicles;

use super::{Background, Color, Kind, sketch::Sketch};

/// What a drawing must know of its surroundings.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting {
    pub(crate) background: Background,
    /// Flies (birds).
    pub(crate) airborne: bool,
}

/// Draws an object of a kind and colour.
pub(crate) fn draw(kind: Kind, color: Color, setting: Setting, sketch: &mut Sketch) {
    match kind {
        Kind::House => buildings::house(sketch, color, setting.background),
        Kind::Tree => plants::tree(sketch, color, setting.background),
        Kind::Car => vehicles::car(sketch, color),
        Kind::Boat => vehicles::boat(sketch, color),
        Kind::Sun => sky::sun(sketch, color),
        Kind::Moon => sky::moon(sketch, color),
        Kind::Cloud => sky::cloud(sketch, color),
        Kind::Person => person::person(sketch, color),
        Kind::Cat => creatures::cat(sketch, color),
        Kind::Dog => creatures::dog(sketch, color),
        Kind::Fish => creatures::fish(sketch, color),
        Kind::Bird => creatures::bird(sketch, color, setting.airborne),
        Kind::Flower => plants::flower(sketch, color, setting.background),
        Kind::Bicycle => vehicles::bicycle(sketch, color),
        Kind::Balloon => sky::balloon(sketch, color),
        Kind::Ball => toys::ball(sketch, color),
        Kind::Lamp => furniture::lamp(sketch, color),
        Kind::Chair => furniture::chair(sketch, color),
    }
}

/// A colour other than one, of a list that must hold another.
fn other_than(sketch: &mut Sketch, color: Color, choices: &[Color]) -> Color {
    let others: Vec<Color> = choices.iter().copied().filter(|&c| c != color).collect();
    sketch.rng.pick(&others)
}
