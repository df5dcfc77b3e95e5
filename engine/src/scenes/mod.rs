//! The procedural picture world: scenes of which the truth of every pixel is known.
//!
//! [`generate`] makes a scene from a seed: the picture, and for every object and part its visible
//! mask, box and attributes. `text` (see there) says things about it in English. Used by the
//! application ("New scene"), the tests, and the training and evaluation of the demo model.
//!
//! The way of a scene: `repertoire` says what there can be, `background` paints the stage, `draw`
//! sketches each object as a stack of shapes, `sketch` turns those into colours and masks,
//! `placement` finds each a place where it can be seen, `generate` puts all together. To add a kind:
//! name it in [`Kind`] and `names`, draw it in `draw`, and give it places, weights and colours in
//! `repertoire`.

mod background;
pub mod dataset;
mod draw;
mod generate;
pub mod graph;
mod names;
mod palette;
mod placement;
mod repertoire;
pub(crate) mod rng;
mod shapes;
mod sketch;
pub mod text;

use std::ops::Range;

pub use generate::generate;

use crate::vision::{BinaryMask, PixelBox};

/// Seeds of scenes that the demo model was never trained on: for validation and evaluation.
pub const HELD_OUT: Range<u64> = 0..100_000;
/// Seeds of the application's new scenes: none that is held out, and all so small that names are short. Scenes
/// for training have seeds from 1,000,000 on, so that the demo model may have seen some.
pub const NEW: Range<u64> = HELD_OUT.end..1_000_000_000;

/// What an object is. [`Object::color`] is the colour of what one would name it by: a house's wall, a
/// tree's crown, a boat's hull, a person's shirt, a flower's petals, a lamp's shade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Has a roof, a door and windows.
    House,
    /// Has a trunk and a crown.
    Tree,
    /// Has wheels and windows.
    Car,
    /// Has a sail and a hull.
    Boat,
    /// In the sky, mostly.
    Sun,
    /// In the night sky.
    Moon,
    /// In the sky.
    Cloud,
    /// Has a head and a shirt.
    Person,
    /// Has a head and a tail.
    Cat,
    /// Has a head, ears and a tail.
    Dog,
    /// Has a tail fin.
    Fish,
    /// Has a wing and a beak.
    Bird,
    /// Has petals and a stem.
    Flower,
    /// Has wheels and a frame.
    Bicycle,
    /// Has a string.
    Balloon,
    /// Round, with a stripe.
    Ball,
    /// Has a shade and a foot.
    Lamp,
    /// Has a seat and legs.
    Chair,
}

/// What a part of an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PartKind {
    /// Of a house.
    Roof,
    /// Of a house.
    Door,
    /// Of a house or car; all windows of one object are one part.
    Windows,
    /// Of a car or bicycle; all wheels of one object are one part.
    Wheels,
    /// Of a tree.
    Trunk,
    /// Of a tree.
    Crown,
    /// Of a boat.
    Sail,
    /// Of a boat.
    Hull,
    /// Of a person.
    Shirt,
    /// Of a flower.
    Petals,
    /// Of a lamp.
    Shade,
}

/// The colour an object or part is called by. Drawn in varying shades.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Color {
    /// Red.
    Red,
    /// Orange.
    Orange,
    /// Yellow.
    Yellow,
    /// Green.
    Green,
    /// Blue.
    Blue,
    /// Purple.
    Purple,
    /// Pink.
    Pink,
    /// Brown.
    Brown,
    /// White.
    White,
    /// Black.
    Black,
}

/// Where the scene plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Background {
    /// Hills and grass.
    Meadow,
    /// Water below the sky.
    Sea,
    /// A road through the country.
    Road,
    /// Winter.
    Snow,
    /// A dark sky with stars.
    Night,
    /// Indoors: wall and floor.
    Room,
    /// Sand and sky.
    Desert,
}

/// How large an object is drawn, next to what is usual for its kind: a factor below 0.8 is small, one
/// above 1.3 large, and none lies near those borders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Size {
    /// Clearly smaller than usual.
    Small,
    /// Neither; not mentioned in text.
    Medium,
    /// Clearly larger than usual.
    Large,
}

/// A named part of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// What it is.
    pub kind: PartKind,
    /// Its colour, which may differ from the object's.
    pub color: Color,
    /// Visible pixels; a subset of the object's.
    pub mask: BinaryMask,
}

/// One thing in the scene.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// What it is.
    pub kind: Kind,
    /// The colour it is called by.
    pub color: Color,
    /// Among its kind.
    pub size: Size,
    /// Visible pixels, after occlusion by objects in front. Never tiny: the generator places
    /// objects so that each stays recognisable.
    pub mask: BinaryMask,
    /// The smallest box around the visible pixels.
    pub bounds: PixelBox,
    /// Visible share of the whole object, 0 to 1.
    pub visible: f32,
    /// Named parts, only those of which enough is visible.
    pub parts: Vec<Part>,
    /// What it stands on or hangs from, as an index into [`Scene::objects`], if it is another object.
    pub supported_by: Option<usize>,
}

/// A picture and all that is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// What it was made from.
    pub seed: u64,
    /// Where it plays.
    pub background: Background,
    /// From back to front.
    pub objects: Vec<Object>,
    /// RGB, square.
    pub image: image::RgbImage,
}
