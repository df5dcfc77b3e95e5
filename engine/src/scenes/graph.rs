//! What the objects of a scene are to one another: left of, above, in front of, on, next to.
//!
//! Called by `text`, which may only say what this module is sure of. Every question about two
//! objects has three answers: a person would say yes, a person would say no, or people might
//! differ ([`Verdict`]). Text states only `Yes`, denies only `No`, and takes a description as
//! unambiguous only if it is `Yes` for one object and `No` for all others.

use super::{Background, Kind, Scene};
use crate::vision::PixelBox;

/// The answer to a question about the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Clearly not.
    No,
    /// People might differ: nothing is said about it.
    Unclear,
    /// Clearly so.
    Yes,
}

/// How one object stands to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Relation {
    /// Beside it, on the left.
    LeftOf,
    /// Beside it, on the right.
    RightOf,
    /// In the air, over it.
    Above,
    /// Below something that is in the air.
    Below,
    /// Hides a part of it.
    InFrontOf,
    /// Is partly hidden by it.
    Behind,
    /// Stands, sits or lies on it.
    On,
    /// Beside it with hardly a gap.
    NextTo,
}

impl Relation {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::On,
        Self::InFrontOf,
        Self::Behind,
        Self::NextTo,
        Self::Above,
        Self::Below,
        Self::LeftOf,
        Self::RightOf,
    ];

    /// As in "a tree left of a house".
    pub fn words(self) -> &'static str {
        match self {
            Self::LeftOf => "left of",
            Self::RightOf => "right of",
            Self::Above => "above",
            Self::Below => "under",
            Self::InFrontOf => "in front of",
            Self::Behind => "behind",
            Self::On => "on",
            Self::NextTo => "next to",
        }
    }

    /// What `b` is to `a` where `a` is this to `b`; `None` where English has no plain word for it.
    pub fn converse(self) -> Option<Self> {
        Some(match self {
            Self::LeftOf => Self::RightOf,
            Self::RightOf => Self::LeftOf,
            Self::Above => Self::Below,
            Self::Below => Self::Above,
            Self::InFrontOf => Self::Behind,
            Self::Behind => Self::InFrontOf,
            Self::NextTo => Self::NextTo,
            Self::On => return None,
        })
    }
}

/// Third of the picture an object is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// Clearly left of the middle.
    Left,
    /// Around the middle.
    Middle,
    /// Clearly right of the middle.
    Right,
}

impl Side {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Left, Self::Middle, Self::Right];

    /// As in "it is on the left".
    pub fn words(self) -> &'static str {
        match self {
            Self::Left => "on the left",
            Self::Middle => "in the middle",
            Self::Right => "on the right",
        }
    }
}

/// Touching pixel pairs that make two objects neighbours for sure.
const CONTACT: u32 = 8;

/// The relations of one scene's objects, which go by their index in [`Scene::objects`].
#[derive(Debug)]
pub struct Graph<'a> {
    scene: &'a Scene,
    /// For each pair, how many neighbouring pixels belong to one and to the other.
    contact: Vec<Vec<u32>>,
    /// Visible pixels of each object.
    areas: Vec<usize>,
}

impl<'a> Graph<'a> {
    /// Measures the scene.
    pub fn new(scene: &'a Scene) -> Self {
        Self {
            scene,
            contact: contacts(scene),
            areas: scene.objects.iter().map(|object| object.mask.area()).collect(),
        }
    }

    /// What was measured.
    pub fn scene(&self) -> &'a Scene {
        self.scene
    }

    /// Visible pixels of an object.
    pub fn area(&self, object: usize) -> usize {
        self.areas[object]
    }

    /// Whether `a` is `relation` to `b`.
    pub fn verdict(&self, a: usize, relation: Relation, b: usize) -> Verdict {
        if a == b {
            return Verdict::No;
        }
        match relation {
            Relation::LeftOf => self.left_of(a, b),
            Relation::RightOf => self.left_of(b, a),
            Relation::Above => self.above(a, b),
            Relation::Below => self.above(b, a),
            Relation::InFrontOf => self.in_front_of(a, b),
            Relation::Behind => self.in_front_of(b, a),
            Relation::On => self.on(a, b),
            Relation::NextTo => self.next_to(a, b),
        }
    }

    /// The most telling relation that holds between `a` and `b`, if any does.
    pub fn best_relation(&self, a: usize, b: usize) -> Option<Relation> {
        Relation::ALL.into_iter().find(|&relation| self.verdict(a, relation, b) == Verdict::Yes)
    }

    /// Where in the picture the object is, from left to right; `None` between two thirds.
    pub fn side(&self, object: usize) -> Option<Side> {
        let bounds = self.bounds(object);
        let center = center(bounds).0 / self.width();
        let (left, right) = (bounds.x0 / self.width(), bounds.x1 / self.width());
        match center {
            c if c < 0.37 && right < 0.62 => Some(Side::Left),
            c if c > 0.63 && left > 0.38 => Some(Side::Right),
            c if (0.43..=0.57).contains(&c) => Some(Side::Middle),
            _ => None,
        }
    }

    /// Whether the object floats in the open sky.
    pub fn in_sky(&self, object: usize) -> bool {
        self.airborne(object) && self.scene.background != Background::Room
    }

    /// Horizontal place of the object's middle, 0 to 1.
    pub fn horizontal(&self, object: usize) -> f32 {
        center(self.bounds(object)).0 / self.width()
    }

    /// Whether the object is clearly in the air and nothing carries it.
    pub fn airborne(&self, object: usize) -> bool {
        let it = &self.scene.objects[object];
        let flies = match it.kind {
            Kind::Sun | Kind::Moon | Kind::Cloud | Kind::Balloon => true,
            // Birds stand as often as they fly; this high up there is only sky.
            Kind::Bird => self.scene.background != Background::Room && it.bounds.y1 < 0.44 * self.height(),
            _ => false,
        };
        flies && it.supported_by.is_none()
    }

    fn bounds(&self, object: usize) -> PixelBox {
        self.scene.objects[object].bounds
    }

    fn width(&self) -> f32 {
        self.scene.image.width() as f32
    }

    fn height(&self) -> f32 {
        self.scene.image.height() as f32
    }

    /// Beside each other, on about one level, and hardly sharing a column.
    fn left_of(&self, a: usize, b: usize) -> Verdict {
        let alike = self.airborne(a) == self.airborne(b);
        let (a, b) = (self.bounds(a), self.bounds(b));
        let dx = center(b).0 - center(a).0;
        let dy = (center(b).1 - center(a).1).abs();
        if dx <= 0.0 {
            return Verdict::No;
        }
        let apart = dx > 0.1 * self.width() && overlap(a.x0, a.x1, b.x0, b.x1) < 0.3;
        if alike && apart && dx > 1.2 * dy { Verdict::Yes } else { Verdict::Unclear }
    }

    /// Only what is in the air is called above something, or perspective would make it wrong.
    fn above(&self, a: usize, b: usize) -> Verdict {
        let flies = self.airborne(a);
        let (a, b) = (self.bounds(a), self.bounds(b));
        let dy = center(b).1 - center(a).1;
        if dy <= 0.0 {
            return Verdict::No;
        }
        let over = overlap(a.x0, a.x1, b.x0, b.x1) > 0.5;
        let apart = dy > 0.12 * self.height() && overlap(a.y0, a.y1, b.y0, b.y1) < 0.2;
        if flies && over && apart { Verdict::Yes } else { Verdict::Unclear }
    }

    fn in_front_of(&self, a: usize, b: usize) -> Verdict {
        let touching = self.contact[a][b];
        let far = gap(self.bounds(a), self.bounds(b)) > 0.05 * self.width();
        if touching == 0 && far {
            return Verdict::No;
        }
        let carried = self.carried(a, b) || self.carried(b, a);
        let (box_a, box_b) = (self.bounds(a), self.bounds(b));
        let crossing = overlap(box_a.x0, box_a.x1, box_b.x0, box_b.x1) > 0.1
            && overlap(box_a.y0, box_a.y1, box_b.y0, box_b.y1) > 0.1;
        let hides = a > b && self.scene.objects[b].visible < 0.93;
        if touching >= 2 * CONTACT && crossing && hides && !carried { Verdict::Yes } else { Verdict::Unclear }
    }

    fn on(&self, a: usize, b: usize) -> Verdict {
        if self.carried(a, b) {
            Verdict::Yes
        } else if self.contact[a][b] == 0 {
            Verdict::No
        } else {
            Verdict::Unclear
        }
    }

    fn next_to(&self, a: usize, b: usize) -> Verdict {
        let (box_a, box_b) = (self.bounds(a), self.bounds(b));
        if gap(box_a, box_b) > 0.18 * self.width() {
            return Verdict::No;
        }
        let alike = self.airborne(a) == self.airborne(b);
        let carried = self.carried(a, b) || self.carried(b, a);
        let beside = overlap(box_a.x0, box_a.x1, box_b.x0, box_b.x1) < 0.15
            && overlap(box_a.y0, box_a.y1, box_b.y0, box_b.y1) > 0.5;
        let close = gap(box_a, box_b) < 0.07 * self.width();
        let hidden = self.contact[a][b] >= CONTACT;
        let between = (0..self.contact.len()).any(|it| self.contact[a][it] > 0 && self.contact[b][it] > 0);
        if alike && beside && close && !carried && !hidden && !between {
            Verdict::Yes
        } else {
            Verdict::Unclear
        }
    }

    fn carried(&self, a: usize, b: usize) -> bool {
        self.scene.objects[a].supported_by == Some(b)
    }
}

fn center(bounds: PixelBox) -> (f32, f32) {
    (f32::midpoint(bounds.x0, bounds.x1), f32::midpoint(bounds.y0, bounds.y1))
}

/// What two intervals share, as a part of the shorter one.
fn overlap(a0: f32, a1: f32, b0: f32, b1: f32) -> f32 {
    let shared = (a1.min(b1) - a0.max(b0)).max(0.0);
    shared / (a1 - a0).min(b1 - b0).max(1.0)
}

/// Pixels between two boxes; 0 where they touch or cross.
fn gap(a: PixelBox, b: PixelBox) -> f32 {
    let dx = (a.x0.max(b.x0) - a.x1.min(b.x1)).max(0.0);
    let dy = (a.y0.max(b.y0) - a.y1.min(b.y1)).max(0.0);
    dx.hypot(dy)
}

fn contacts(scene: &Scene) -> Vec<Vec<u32>> {
    let count = scene.objects.len();
    let (width, height) = (scene.image.width() as usize, scene.image.height() as usize);
    let mut owner = vec![usize::MAX; width * height];
    for (index, object) in scene.objects.iter().enumerate() {
        for (cell, _) in owner.iter_mut().zip(object.mask.pixels()).filter(|(_, inside)| **inside) {
            *cell = index;
        }
    }
    let mut contact = vec![vec![0; count]; count];
    let mut touch = |a: usize, b: usize| {
        if a != b && a < count && b < count {
            contact[a][b] += 1;
            contact[b][a] += 1;
        }
    };
    for y in 0..height {
        for x in 0..width {
            let here = owner[y * width + x];
            if x + 1 < width {
                touch(here, owner[y * width + x + 1]);
            }
            if y + 1 < height {
                touch(here, owner[(y + 1) * width + x]);
            }
        }
    }
    contact
}
