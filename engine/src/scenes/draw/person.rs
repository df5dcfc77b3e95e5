//! People.

use super::other_than;
use crate::scenes::{
    Color, PartKind,
    palette::{Shades, Tint},
    shapes::{Xy, bar, circle, curve, ellipse, polygon, rect, round_rect, smooth, stroked},
    sketch::{Ink, Role, Sketch},
};

/// Somebody seen from the front; the shirt has the person's colour.
pub(super) fn person(s: &mut Sketch, color: Color) {
    let shirt = s.declare(PartKind::Shirt, color);
    let skin = Shades::unnamed(s.rng.pick(&[
        Tint::rgb(255, 220, 190),
        Tint::rgb(240, 194, 150),
        Tint::rgb(200, 146, 104),
        Tint::rgb(140, 92, 62),
    ]));
    let hip = -s.rng.range(29.0, 34.0);
    let shoulder = hip - s.rng.range(25.0, 29.0);
    let wide = s.rng.range(12.5, 15.0);
    s.ground_shadow(1.0, 16.0);
    let hair = Shades::unnamed(s.rng.pick(&[
        Tint::rgb(60, 42, 34),
        Tint::rgb(36, 32, 36),
        Tint::rgb(226, 180, 90),
        Tint::rgb(150, 82, 42),
        Tint::rgb(196, 196, 202),
    ]));
    let style = s.rng.whole(0, 2);
    if style == 1 {
        // Long hair falls behind neck and shoulders.
        let fall = round_rect(-12.5, shoulder - 22.0, 25.0, 29.0, 9.0);
        s.outlined(Role::Body, fall, hair.base, hair.line);
    }
    legs(s, color, &skin, hip, wide);
    arms(s, &shirt, &skin, shoulder, wide);

    let role = Role::Part(PartKind::Shirt);
    s.fill(Role::Body, rect(-3.5, shoulder - 5.0, 7.0, 8.0), skin.dark);
    let torso = smooth(&[
        (-wide * 0.7, shoulder),
        (wide * 0.7, shoulder),
        (wide, shoulder + 6.0),
        (wide * 0.86, hip - 4.0),
        (wide * 0.86, hip + 2.0),
        (-wide * 0.86, hip + 2.0),
        (-wide * 0.86, hip - 4.0),
        (-wide, shoulder + 6.0),
    ]);
    s.outlined(role, torso.clone(), Ink::Down(shirt.base, shirt.dark), shirt.line);
    match s.rng.whole(0, 2) {
        0 => {
            for i in 1..4 {
                let y = shoulder + (hip - shoulder) * i as f32 / 4.0;
                s.fill_inside(&torso, Role::Detail, rect(-20.0, y, 40.0, 2.0), Ink::Clear(shirt.light, 0.9));
            }
        }
        1 => {
            for i in 0..3 {
                s.fill(Role::Detail, circle(0.0, shoulder + 8.0 + 6.0 * i as f32, 1.1), shirt.line);
            }
        }
        _ => {}
    }
    s.fill(Role::Detail, ellipse(0.0, shoulder + 0.5, 4.2, 2.8), skin.dark);
    head(s, (0.0, shoulder - 12.0), &skin, &hair, style);
}

fn legs(s: &mut Sketch, shirt: Color, skin: &Shades, hip: f32, wide: f32) {
    let cloth = other_than(s, shirt, &[Color::Blue, Color::Black, Color::Brown]);
    let cloth = Shades::new(cloth, &mut s.rng);
    let spread = s.rng.range(5.5, 8.0);
    let shoe = Tint::rgb(58, 50, 54);
    let skirt = s.rng.chance(0.25);
    for side in [-1.0_f32, 1.0] {
        let (top, foot): (Xy, Xy) = ((side * wide * 0.42, hip), (side * spread, -4.5));
        let fill = if skirt { skin } else { &cloth };
        s.outlined(Role::Body, bar(top, foot, if skirt { 6.0 } else { 9.0 }), fill.base, fill.line);
        s.fill(
            Role::Body,
            smooth(&[
                (foot.0 - 4.5, -0.3),
                (foot.0 - 4.0, -5.5),
                (foot.0 + 3.0 + side * 1.5, -5.0),
                (foot.0 + 5.0 + side * 2.0, -0.3),
            ]),
            shoe,
        );
    }
    if skirt {
        let shape = polygon(&[
            (-wide * 0.8, hip - 3.0),
            (wide * 0.8, hip - 3.0),
            (wide * 1.25, hip + 16.0),
            (-wide * 1.25, hip + 16.0),
        ]);
        s.outlined(Role::Body, shape, cloth.base, cloth.line);
    }
}

fn arms(s: &mut Sketch, shirt: &Shades, skin: &Shades, shoulder: f32, wide: f32) {
    for side in [-1.0_f32, 1.0] {
        let from: Xy = (side * (wide - 2.5), shoulder + 5.0);
        let (elbow, hand): (Xy, Xy) = s.rng.weighted(&[
            ((((side) * (wide + 5.0)), shoulder + 15.0), (side * (wide + 4.5), shoulder + 26.0)).weight(0.6),
            ((side * (wide + 9.0), shoulder + 4.0), (side * (wide + 11.0), shoulder - 11.0)).weight(0.2),
            ((side * (wide + 8.0), shoulder + 13.0), (side * (wide - 1.0), shoulder + 22.0)).weight(0.2),
        ]);
        s.outlined(Role::Body, stroked(&curve(&[from, elbow, hand]), 5.4), skin.base, skin.line);
        s.fill(Role::Body, circle(hand.0, hand.1, 3.6), skin.base);
        let cuff: Xy = (from.0 + (elbow.0 - from.0) * 0.8, from.1 + (elbow.1 - from.1) * 0.8);
        s.outlined(Role::Part(PartKind::Shirt), bar(from, cuff, 7.4), shirt.base, shirt.line);
    }
}

/// Writes a choice with its weight.
trait Weighted: Sized {
    fn weight(self, weight: f32) -> (Self, f32) {
        (self, weight)
    }
}

impl Weighted for (Xy, Xy) {}

fn head(s: &mut Sketch, (x, y): Xy, skin: &Shades, hair: &Shades, style: usize) {
    let face = ellipse(x, y, 10.0, 11.0);
    s.outlined(Role::Body, face.clone(), skin.base, skin.line);
    let fringe = s.rng.range(3.5, 6.0);
    match style {
        0 | 1 => {
            let cap = circle(x, y - 1.0, 12.0);
            s.fill_inside(&cap, Role::Body, rect(x - 13.0, y - 14.0, 26.0, 14.0 - fringe), hair.base);
            s.fill_inside(&cap, Role::Body, rect(x - 13.0, y - 8.0, 3.6, 8.0), hair.base);
            s.fill_inside(&cap, Role::Body, rect(x + 9.4, y - 8.0, 3.6, 8.0), hair.base);
        }
        _ => {
            let tuft = smooth(&[
                (x - 10.5, y - 3.0),
                (x - 8.0, y - 11.5),
                (x, y - 14.0),
                (x + 8.0, y - 11.5),
                (x + 10.5, y - 3.0),
                (x + 4.0, y - 7.0),
                (x - 4.0, y - 7.0),
            ]);
            s.outlined(Role::Body, tuft, hair.base, hair.line);
        }
    }
    for side in [-1.0, 1.0] {
        s.fill(Role::Detail, circle(x + side * 3.8, y + 0.5, 1.4), Tint::INK);
        s.fill(Role::Detail, circle(x + side * 6.2, y + 4.2, 1.8), Ink::Clear(Tint::rgb(240, 110, 100), 0.4));
    }
    s.detail_line(
        &curve(&[(x - 3.6, y + 4.8), (x, y + 6.8), (x + 3.6, y + 4.8)]),
        1.2,
        Tint::rgb(130, 50, 46),
    );
}
