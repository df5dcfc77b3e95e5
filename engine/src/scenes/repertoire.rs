//! What there can be in a scene: which kinds on which background and how often, their usual extent,
//! and the colours each comes in.

use super::{Background, Color, Kind, background::Stage, rng::SceneRng};

/// Where an object of a kind is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the sky or before a wall, its middle given.
    Air,
    /// Standing on the ground.
    Ground,
    /// On the road if there is one, else on the ground.
    Road,
    /// Floating, its waterline given.
    Afloat,
    /// In the water, its middle given.
    Water,
}

/// Kinds that fit the background, with weights; only those for which the stage has a place.
pub(crate) fn kinds(background: Background, stage: &Stage) -> Vec<(Kind, f32)> {
    let all = match background {
        Background::Meadow => MEADOW,
        Background::Sea => SEA,
        Background::Road => ROAD,
        Background::Snow => SNOW,
        Background::Night => NIGHT,
        Background::Room => ROOM,
        Background::Desert => DESERT,
    };
    all.iter().copied().filter(|&(kind, _)| band_exists(place(kind), stage)).collect()
}

fn band_exists(place: Place, stage: &Stage) -> bool {
    match place {
        Place::Air => true,
        Place::Ground => stage.ground.is_some(),
        Place::Road => stage.road.or(stage.ground).is_some(),
        Place::Afloat | Place::Water => stage.water.is_some(),
    }
}

/// Where a kind usually is. Birds may also stand: the placement decides.
pub(crate) fn place(kind: Kind) -> Place {
    match kind {
        Kind::Sun | Kind::Moon | Kind::Cloud | Kind::Balloon | Kind::Bird => Place::Air,
        Kind::Car | Kind::Bicycle => Place::Road,
        Kind::Boat => Place::Afloat,
        Kind::Fish => Place::Water,
        Kind::House
        | Kind::Tree
        | Kind::Person
        | Kind::Cat
        | Kind::Dog
        | Kind::Flower
        | Kind::Ball
        | Kind::Lamp
        | Kind::Chair => Place::Ground,
    }
}

/// At most one of these in a scene.
pub(crate) fn unique(kind: Kind) -> bool {
    matches!(kind, Kind::Sun | Kind::Moon)
}

/// Small enough to sit on something, and given to it.
pub(crate) fn can_sit(kind: Kind, on: Kind) -> bool {
    match on {
        Kind::Chair => matches!(kind, Kind::Cat | Kind::Ball | Kind::Bird),
        Kind::House => matches!(kind, Kind::Bird),
        Kind::Car => matches!(kind, Kind::Bird | Kind::Cat),
        _ => false,
    }
}

/// How far a pose may lean, in degrees.
pub(crate) fn max_tilt(kind: Kind) -> f32 {
    match kind {
        Kind::Sun | Kind::Moon => 20.0,
        Kind::Fish => 16.0,
        Kind::Balloon | Kind::Bird => 10.0,
        Kind::Boat | Kind::Flower => 5.0,
        Kind::Tree | Kind::Person => 2.5,
        _ => 1.0,
    }
}

/// Factor from the drawings' units to pixels for a middle-sized object.
pub(crate) fn usual_scale(kind: Kind) -> f32 {
    match kind {
        Kind::Bird | Kind::Flower => 1.2,
        Kind::Balloon | Kind::Dog | Kind::Cat => 1.1,
        _ => 1.0,
    }
}

/// A colour that the kind comes in, and that can be told from the background.
pub(crate) fn color(kind: Kind, background: Background, rng: &mut SceneRng) -> Color {
    use Color as C;
    let any: Vec<(Color, f32)> = Color::ALL.iter().map(|&c| (c, 1.0)).collect();
    let choices: Vec<(Color, f32)> = match kind {
        Kind::Sun => vec![(C::Yellow, 3.0), (C::Orange, 1.5)],
        Kind::Moon => vec![(C::Yellow, 1.0), (C::White, 1.0)],
        Kind::Cloud => vec![(C::White, 1.0)],
        Kind::Tree => {
            vec![(C::Green, 5.0), (C::Orange, 1.2), (C::Yellow, 1.2), (C::Red, 1.2), (C::Pink, 1.2)]
        }
        Kind::Cat => {
            vec![(C::Orange, 2.0), (C::Black, 2.0), (C::White, 2.0), (C::Brown, 1.5), (C::Yellow, 0.7)]
        }
        Kind::Dog => {
            vec![(C::Brown, 2.0), (C::Black, 1.5), (C::White, 2.0), (C::Orange, 1.2), (C::Yellow, 1.5)]
        }
        Kind::Flower => {
            any.into_iter().filter(|(c, _)| !matches!(c, C::Green | C::Black | C::Brown)).collect()
        }
        Kind::Fish | Kind::Balloon => any.into_iter().filter(|(c, _)| !matches!(c, C::Brown)).collect(),
        Kind::House => any.into_iter().filter(|(c, _)| !matches!(c, C::Black)).collect(),
        _ => any,
    };
    let hidden = match background {
        Background::Snow => Some(C::White),
        Background::Night => Some(C::Black),
        _ => None,
    };
    let choices: Vec<(Color, f32)> =
        choices.into_iter().filter(|&(c, _)| Some(c) != hidden || matches!(kind, Kind::Cloud)).collect();
    rng.weighted(&choices)
}

// How often the kinds come up on each background.

const MEADOW: &[(Kind, f32)] = &[
    (Kind::House, 3.0),
    (Kind::Tree, 3.0),
    (Kind::Sun, 2.2),
    (Kind::Cloud, 2.0),
    (Kind::Person, 2.0),
    (Kind::Cat, 1.6),
    (Kind::Dog, 2.0),
    (Kind::Bird, 2.0),
    (Kind::Flower, 3.4),
    (Kind::Bicycle, 2.0),
    (Kind::Balloon, 1.6),
    (Kind::Ball, 1.6),
    (Kind::Chair, 0.5),
];

const SEA: &[(Kind, f32)] = &[
    (Kind::Boat, 5.0),
    (Kind::Fish, 6.0),
    (Kind::Sun, 2.2),
    (Kind::Cloud, 2.2),
    (Kind::Bird, 2.0),
    (Kind::Balloon, 1.4),
    (Kind::Person, 2.0),
    (Kind::Ball, 2.0),
    (Kind::Dog, 1.2),
    (Kind::Chair, 1.6),
];

const ROAD: &[(Kind, f32)] = &[
    (Kind::Car, 6.0),
    (Kind::Bicycle, 3.4),
    (Kind::House, 2.4),
    (Kind::Tree, 2.2),
    (Kind::Person, 1.8),
    (Kind::Dog, 1.0),
    (Kind::Cat, 1.0),
    (Kind::Sun, 1.8),
    (Kind::Cloud, 1.6),
    (Kind::Bird, 1.0),
    (Kind::Balloon, 1.0),
    (Kind::Flower, 1.0),
];

const SNOW: &[(Kind, f32)] = &[
    (Kind::House, 2.6),
    (Kind::Tree, 2.8),
    (Kind::Person, 2.4),
    (Kind::Dog, 2.0),
    (Kind::Cat, 1.4),
    (Kind::Bird, 2.0),
    (Kind::Sun, 1.8),
    (Kind::Cloud, 1.4),
    (Kind::Ball, 1.4),
    (Kind::Car, 1.8),
    (Kind::Balloon, 1.2),
    (Kind::Bicycle, 0.8),
];

const NIGHT: &[(Kind, f32)] = &[
    (Kind::Moon, 12.0),
    (Kind::House, 2.4),
    (Kind::Tree, 2.0),
    (Kind::Cat, 2.2),
    (Kind::Car, 2.0),
    (Kind::Person, 1.8),
    (Kind::Dog, 1.6),
    (Kind::Cloud, 1.6),
    (Kind::Balloon, 1.2),
    (Kind::Bird, 1.2),
    (Kind::Flower, 1.0),
    (Kind::Boat, 4.0),
    (Kind::Fish, 3.0),
];

const ROOM: &[(Kind, f32)] = &[
    (Kind::Lamp, 7.0),
    (Kind::Chair, 6.0),
    (Kind::Cat, 3.0),
    (Kind::Dog, 1.8),
    (Kind::Ball, 2.8),
    (Kind::Balloon, 2.6),
    (Kind::Person, 2.0),
    (Kind::Flower, 2.4),
    (Kind::Bicycle, 0.8),
    (Kind::Bird, 0.8),
];

const DESERT: &[(Kind, f32)] = &[
    (Kind::Sun, 3.0),
    (Kind::Cloud, 1.2),
    (Kind::Car, 2.4),
    (Kind::Person, 2.0),
    (Kind::Dog, 1.4),
    (Kind::Bird, 1.8),
    (Kind::Tree, 2.6),
    (Kind::House, 1.8),
    (Kind::Ball, 1.4),
    (Kind::Balloon, 1.6),
    (Kind::Bicycle, 1.4),
    (Kind::Cat, 1.0),
    (Kind::Flower, 0.8),
];
