//! Cats, dogs, fish and birds. Those seen from the side face to the right.

use super::other_than;
use crate::scenes::{
    Color,
    palette::{Shades, Tint},
    shapes::{Xy, bar, circle, curve, ellipse, polygon, polyline, rect, smooth, stroked, turned_ellipse},
    sketch::{Ink, Role, Sketch},
};

const NOSE: Tint = Tint::rgb(240, 140, 150);

/// A cat sitting with its face to us: pointed ears, whiskers, a curled tail.
pub(super) fn cat(s: &mut Sketch, color: Color) {
    let fur = Shades::new(color, &mut s.rng);
    let wide = s.rng.range(14.5, 17.5);
    let neck = -s.rng.range(24.0, 29.0);
    s.ground_shadow(3.0, wide + 6.0);
    let tail = curve(&[(wide - 5.0, -4.0), (wide + 9.0, -5.0), (wide + 12.0, -17.0), (wide + 6.0, -25.0)]);
    s.outlined(Role::Body, stroked(&tail, 6.0), fur.base, fur.line);
    let body = smooth(&[
        (-wide, -2.5),
        (-wide * 0.98, -12.0),
        (-wide * 0.6, neck - 2.0),
        (wide * 0.6, neck - 2.0),
        (wide * 0.98, -12.0),
        (wide, -2.5),
        (0.0, 0.0),
    ]);
    s.outlined(Role::Body, body.clone(), Ink::Down(fur.base, fur.dark), fur.line);
    let chest = if color == Color::White { fur.dark } else { fur.light };
    s.fill_inside(&body, Role::Detail, ellipse(0.0, neck + 10.0, wide * 0.45, 10.0), Ink::Clear(chest, 0.75));
    for side in [-1.0, 1.0] {
        s.outlined(Role::Body, ellipse(side * 6.0, -3.0, 5.2, 3.4), fur.base, fur.line);
    }
    cat_head(s, color, &fur, neck - 9.0);
}

fn cat_head(s: &mut Sketch, color: Color, fur: &Shades, y: f32) {
    let (rx, ry) = (s.rng.range(14.5, 16.5), 12.5);
    for side in [-1.0, 1.0] {
        let ear = polygon(&[
            (side * rx * 0.95, y - 3.0),
            (side * rx * 0.88, y - ry - 10.0),
            (side * rx * 0.15, y - ry + 1.0),
        ]);
        s.outlined(Role::Body, ear, fur.base, fur.line);
        let inner = polygon(&[
            (side * rx * 0.8, y - 7.0),
            (side * rx * 0.78, y - ry - 5.5),
            (side * rx * 0.4, y - ry + 1.0),
        ]);
        s.fill(Role::Detail, inner, NOSE);
    }
    s.outlined(Role::Body, ellipse(0.0, y, rx, ry), fur.base, fur.line);
    if s.rng.chance(0.5) {
        for x in [-4.5, 0.0, 4.5] {
            s.detail_line(&polyline(&[(x, y - ry + 1.5), (x * 0.8, y - ry + 6.0)]), 1.8, fur.line);
        }
    }
    let eye = if color == Color::Black { Tint::rgb(250, 214, 70) } else { Tint::rgb(90, 170, 80) };
    for side in [-1.0, 1.0] {
        s.fill(Role::Detail, ellipse(side * 6.2, y - 1.0, 3.1, 3.4), eye.lighter(0.2));
        s.fill(Role::Detail, ellipse(side * 6.2, y - 1.0, 1.2, 3.0), Tint::INK);
        let whisker = if color == Color::Black { Tint::rgb(200, 200, 208) } else { fur.line };
        for (dy, end) in [(4.0, 3.0), (6.0, 7.5)] {
            s.detail_line(
                &polyline(&[(side * 6.0, y + dy), (side * (rx + 4.5), y + end)]),
                0.8,
                Ink::Clear(whisker, 0.9),
            );
        }
    }
    s.fill(Role::Detail, polygon(&[(-2.4, y + 3.0), (2.4, y + 3.0), (0.0, y + 5.6)]), NOSE);
    let mouth = curve(&[(-4.0, y + 7.2), (-1.8, y + 8.0), (0.0, y + 5.8), (1.8, y + 8.0), (4.0, y + 7.2)]);
    s.detail_line(&mouth, 1.1, fur.line);
}

/// A dog standing, seen from the side: hanging ears, a long snout, a collar.
pub(super) fn dog(s: &mut Sketch, color: Color) {
    let fur = Shades::new(color, &mut s.rng);
    let half = s.rng.range(21.0, 26.0);
    let belly = -s.rng.range(15.0, 19.0);
    let back = belly - s.rng.range(15.0, 17.5);
    s.ground_shadow(0.0, half + 6.0);
    let tail = curve(&[(-half + 2.0, back + 5.0), (-half - 7.0, back - 4.0), (-half - 6.0, back - 14.0)]);
    s.outlined(Role::Body, stroked(&tail, 5.0), fur.base, fur.line);
    for x in [-half + 10.0, half - 10.0] {
        s.fill(Role::Body, bar((x, belly - 3.0), (x, -3.0), 6.4), fur.line.mix(fur.dark, 0.55));
    }
    for x in [-half + 4.5, half - 4.5] {
        s.outlined(Role::Body, bar((x, belly - 4.0), (x, -3.5), 6.6), fur.base, fur.line);
        s.outlined(Role::Body, ellipse(x + 1.8, -2.4, 4.6, 2.6), fur.base, fur.line);
    }
    let body = smooth(&[
        (-half, back + 6.0),
        (-half * 0.5, back),
        (half * 0.5, back + 0.5),
        (half, back + 2.0),
        (half, belly + 1.0),
        (0.0, belly),
        (-half, belly + 1.0),
    ]);
    s.outlined(Role::Body, body.clone(), Ink::Down(fur.base, fur.dark), fur.line);
    if s.rng.chance(0.45) {
        let spot = if color == Color::White { Tint::rgb(88, 60, 44) } else { fur.line };
        let x = s.rng.range(-half * 0.5, half * 0.2);
        s.fill_inside(&body, Role::Detail, ellipse(x, back + 5.0, 7.5, 5.5), Ink::Clear(spot, 0.75));
    }
    dog_head(s, color, &fur, (half + 3.0, back - 8.0));
}

fn dog_head(s: &mut Sketch, color: Color, fur: &Shades, (x, y): Xy) {
    // Neck, then collar, then the head over it.
    s.outlined(Role::Body, bar((x - 7.0, y + 14.0), (x - 2.0, y + 2.0), 13.0), fur.base, fur.line);
    let collar = if matches!(color, Color::Red | Color::Orange) {
        Tint::rgb(50, 110, 220)
    } else {
        Tint::rgb(224, 54, 50)
    };
    s.fill(Role::Body, bar((x - 9.5, y + 8.0), (x + 2.5, y + 12.5), 3.6), collar);
    s.fill(Role::Body, circle(x + 2.0, y + 15.0, 2.2), Tint::rgb(252, 208, 70));
    let snout = smooth(&[
        (x + 2.0, y - 4.0),
        (x + 15.0, y - 0.5),
        (x + 17.5, y + 4.0),
        (x + 13.0, y + 8.0),
        (x + 2.0, y + 8.5),
    ]);
    s.outlined(Role::Body, snout, fur.light.mix(fur.base, 0.5), fur.line);
    s.outlined(Role::Body, ellipse(x, y, 11.0, 10.5), fur.base, fur.line);
    s.fill(Role::Body, ellipse(x + 8.0, y + 3.2, 6.5, 4.4), fur.light.mix(fur.base, 0.5));
    s.fill(Role::Body, ellipse(x + 16.2, y + 0.8, 3.0, 2.5), Tint::INK);
    s.detail_line(&curve(&[(x + 6.0, y + 7.0), (x + 10.0, y + 6.2), (x + 14.0, y + 6.0)]), 1.1, fur.line);
    if color == Color::Black {
        s.fill(Role::Detail, circle(x + 4.0, y - 2.5, 2.6), Tint::WHITE);
    }
    s.fill(Role::Detail, circle(x + 4.2, y - 2.5, 1.8), Tint::INK);
    let ear = match color {
        Color::White => Tint::rgb(110, 74, 52),
        Color::Black => fur.light,
        _ => fur.line.mix(fur.dark, 0.6),
    };
    let flap = smooth(&[
        (x - 8.5, y - 9.0),
        (x - 1.5, y - 8.0),
        (x - 1.5, y + 2.0),
        (x - 5.5, y + 9.0),
        (x - 10.5, y + 4.0),
    ]);
    s.outlined(Role::Body, flap, ear, fur.line);
}

/// A fish: a body with scales or stripes, fins, and a forked tail.
pub(super) fn fish(s: &mut Sketch, color: Color) {
    let skin = Shades::new(color, &mut s.rng);
    let long = s.rng.range(23.0, 27.0);
    let tall = s.rng.range(13.0, 17.5);
    let fin = other_than(s, color, &[color, Color::Orange, Color::Yellow]);
    let fin = if s.rng.chance(0.6) { skin } else { Shades::new(fin, &mut s.rng) };
    let tail = smooth(&[(-long + 6.0, 0.0), (-long - 13.0, -13.5), (-long - 8.0, 0.0), (-long - 13.0, 13.5)]);
    s.outlined(Role::Body, tail, fin.dark, skin.line);
    let back = smooth(&[(-10.0, -tall + 4.0), (-8.0, -tall - 8.0), (6.0, -tall - 4.0), (12.0, -tall + 5.0)]);
    s.outlined(Role::Body, back, fin.dark, skin.line);
    let under = smooth(&[(-5.0, tall - 4.0), (-9.0, tall + 7.0), (4.0, tall - 2.0)]);
    s.outlined(Role::Body, under, fin.dark, skin.line);
    let body = smooth(&[
        (-long, 0.0),
        (-long * 0.4, -tall * 0.9),
        (long * 0.4, -tall * 0.9),
        (long, 1.0),
        (long * 0.4, tall * 0.9),
        (-long * 0.4, tall * 0.9),
    ]);
    s.outlined(Role::Body, body.clone(), Ink::Down(skin.base, skin.light), skin.line);
    if s.rng.chance(0.5) {
        let stripe = if color == Color::White { Tint::rgb(240, 130, 60) } else { Tint::rgb(252, 250, 244) };
        for x in [-9.0_f32, 2.0] {
            let band = rect(x, -20.0, 4.6, 40.0);
            s.fill_inside(&body, Role::Detail, band, stripe);
        }
    } else {
        for (x, y) in
            [(-12.0, -3.0), (-12.0, 5.0), (-5.0, 0.0), (-5.0, 8.0), (-5.0, -8.0), (2.0, -4.0), (2.0, 5.0)]
        {
            let scale = curve(&[(x - 1.0, y - 3.2), (x + 2.2, y), (x - 1.0, y + 3.2)]);
            s.fill_inside(&body, Role::Detail, stroked(&scale, 1.2), Ink::Clear(skin.line, 0.75));
        }
    }
    s.outlined(Role::Body, smooth(&[(0.0, 2.0), (-8.0, 9.0), (-9.0, 3.0)]), fin.dark, skin.line);
    s.fill(Role::Detail, circle(long * 0.58, -tall * 0.2, 4.0), Tint::WHITE);
    s.detail_line(&circle(long * 0.58, -tall * 0.2, 4.0), 0.8, skin.line);
    s.fill(Role::Detail, circle(long * 0.63, -tall * 0.2, 2.2), Tint::INK);
    s.detail_line(&curve(&[(long - 2.0, 4.0), (long - 6.0, 5.5), (long - 8.0, 4.2)]), 1.3, skin.line);
}

/// A bird, flying (origin in its middle) or standing.
pub(super) fn bird(s: &mut Sketch, color: Color, airborne: bool) {
    let down = Shades::new(color, &mut s.rng);
    // Standing on its legs, the body's middle is this high.
    let y = if airborne { 0.0 } else { -22.0 };
    let beak = if matches!(color, Color::Orange | Color::Yellow) {
        Tint::rgb(214, 64, 40)
    } else {
        Tint::rgb(255, 164, 40)
    };
    if airborne {
        far_wing(s, &down, y);
    } else {
        bird_legs(s, y, beak.darker(0.15));
    }
    let tail =
        polygon(&[(-12.0, y - 4.0), (-29.0, y - 8.5), (-31.0, y - 2.0), (-27.0, y + 2.5), (-12.0, y + 6.0)]);
    s.outlined(Role::Body, tail, down.dark, down.line);
    s.outlined(
        Role::Body,
        polygon(&[(20.0, y - 12.0), (30.0, y - 7.5), (20.0, y - 4.0)]),
        beak,
        beak.darker(0.4),
    );
    let body = smooth(&[
        (-18.0, y),
        (-8.0, y - 9.5),
        (4.0, y - 12.0),
        (12.0, y - 19.0),
        (21.0, y - 15.0),
        (22.5, y - 7.0),
        (17.0, y + 4.0),
        (4.0, y + 11.5),
        (-8.0, y + 9.0),
    ]);
    s.outlined(Role::Body, body.clone(), Ink::Down(down.base, down.base), down.line);
    let breast = if color == Color::White { down.dark } else { down.light };
    s.fill_inside(
        &body,
        Role::Detail,
        turned_ellipse((10.0, y + 4.0), (11.0, 6.5), -30.0),
        Ink::Clear(breast, 0.85),
    );
    if color == Color::Black {
        s.fill(Role::Detail, circle(15.5, y - 11.5, 2.7), Tint::WHITE);
    }
    s.fill(Role::Detail, circle(15.8, y - 11.5, 1.9), Tint::INK);
    s.fill(Role::Detail, circle(16.4, y - 12.2, 0.6), Tint::WHITE);
    near_wing(s, &down, y, airborne);
}

fn bird_legs(s: &mut Sketch, y: f32, tint: Tint) {
    s.ground_shadow(0.0, 14.0);
    for x in [-2.0, 4.0] {
        s.fill(Role::Body, bar((x, y + 9.0), (x + 1.0, -1.5), 2.4), tint);
        s.fill(Role::Body, bar((x - 2.5, -1.3), (x + 5.0, -1.3), 2.4), tint);
    }
}

/// Raised in flight, folded otherwise.
fn near_wing(s: &mut Sketch, down: &Shades, y: f32, airborne: bool) {
    if airborne {
        let rise = s.rng.range(20.0, 26.0);
        let wing = smooth(&[
            (8.0, y - 4.0),
            (-2.0, y - rise),
            (-14.0, y - rise - 8.0),
            (-13.0, y - rise + 6.0),
            (-9.0, y - 3.0),
            (0.0, y + 3.0),
        ]);
        s.outlined(Role::Body, wing, down.dark, down.line);
        s.detail_line(
            &polyline(&[(-10.0, y - rise + 6.0), (-2.0, y - 8.0)]),
            1.2,
            Ink::Clear(down.line, 0.7),
        );
    } else {
        let wing =
            smooth(&[(8.0, y - 4.0), (-2.0, y - 7.0), (-18.0, y + 1.0), (-4.0, y + 6.5), (5.0, y + 4.0)]);
        s.outlined(Role::Body, wing, down.dark, down.line);
        s.detail_line(
            &curve(&[(-12.0, y + 0.5), (-4.0, y + 1.5), (3.0, y)]),
            1.2,
            Ink::Clear(down.line, 0.7),
        );
    }
}

fn far_wing(s: &mut Sketch, down: &Shades, y: f32) {
    let wing = smooth(&[(10.0, y - 6.0), (8.0, y - 22.0), (2.0, y - 30.0), (-1.0, y - 16.0), (2.0, y - 4.0)]);
    s.outlined(Role::Body, wing, down.line.mix(down.dark, 0.6), down.line);
}
