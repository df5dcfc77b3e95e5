//! Trees and flowers.

use super::other_than;
use crate::scenes::{
    Background, Color, PartKind,
    palette::{Shades, Tint},
    shapes::{
        Shape, Xy, circle, curve, ellipse, polar, polygon, polyline, rect, smooth, stroked, turned_ellipse,
    },
    sketch::{Ink, Role, Sketch},
};

/// A tree: its crown has the tree's colour.
pub(super) fn tree(s: &mut Sketch, color: Color, background: Background) {
    let leaves = s.declare(PartKind::Crown, color);
    let bark = s.declare(PartKind::Trunk, Color::Brown);
    if background == Background::Desert && s.rng.chance(0.7) {
        return palm(s, &leaves, &bark);
    }
    let conifer = if background == Background::Snow { 0.6 } else { 0.3 };
    if color == Color::Green && s.rng.chance(conifer) {
        conifer_tree(s, &leaves, &bark, background == Background::Snow);
    } else {
        broadleaf(s, &leaves, &bark);
    }
}

fn trunk(s: &mut Sketch, bark: &Shades, top: f32, width: f32) {
    s.ground_shadow(2.0, width * 2.4);
    let half = width / 2.0;
    let shape = polygon(&[
        (-half * 0.75, top),
        (half * 0.75, top),
        (half, -6.0),
        (half * 1.7, 0.0),
        (-half * 1.7, 0.0),
        (-half, -6.0),
    ]);
    s.outlined(Role::Part(PartKind::Trunk), shape, bark.base, bark.line);
    s.detail_line(
        &polyline(&[(-half * 0.2, top * 0.8), (-half * 0.3, -5.0)]),
        1.2,
        Ink::Clear(bark.line, 0.7),
    );
    s.detail_line(
        &polyline(&[(half * 0.45, top * 0.6), (half * 0.5, -8.0)]),
        1.0,
        Ink::Clear(bark.line, 0.6),
    );
}

fn broadleaf(s: &mut Sketch, leaves: &Shades, bark: &Shades) {
    let top = -s.rng.range(34.0, 46.0);
    let width = s.rng.range(9.0, 13.0);
    trunk(s, bark, top - 12.0, width);
    let crown = Role::Part(PartKind::Crown);
    let reach = s.rng.range(25.0, 33.0);
    let center: Xy = (0.0, top - reach * 0.62);
    let shapes: Vec<Shape> = if s.rng.chance(0.7) {
        let puffs = s.rng.whole(5, 7);
        let turn = s.rng.range(0.0, 360.0);
        let mut shapes = vec![circle(center.0, center.1, reach * 0.78)];
        for i in 0..puffs {
            let (x, y) = polar(center, turn + 360.0 * i as f32 / puffs as f32, reach * 0.6);
            shapes.push(circle(x, y * 0.9 + center.1 * 0.1, reach * s.rng.range(0.42, 0.56)));
        }
        shapes
    } else {
        vec![ellipse(center.0, center.1, reach * 0.86, reach * s.rng.range(1.0, 1.25))]
    };
    s.outlined_group(crown, &shapes, Ink::Flat(leaves.base), leaves.line);
    // Lighter leaves where the light falls, dark ones below.
    for _ in 0..6 {
        let at = s.rng.range(180.0, 320.0);
        let (x, y) = polar(center, at, reach * s.rng.range(0.2, 0.66));
        let r = reach * s.rng.range(0.12, 0.24);
        s.fill(Role::Detail, circle(x, y, r), Ink::Clear(leaves.light, 0.65));
    }
    for _ in 0..4 {
        let at = s.rng.range(10.0, 150.0);
        let (x, y) = polar(center, at, reach * s.rng.range(0.3, 0.66));
        let r = reach * s.rng.range(0.12, 0.2);
        s.fill(Role::Detail, circle(x, y, r), Ink::Clear(leaves.dark, 0.8));
    }
}

fn conifer_tree(s: &mut Sketch, leaves: &Shades, bark: &Shades, snowy: bool) {
    trunk(s, bark, -20.0, 9.0);
    let tiers = s.rng.whole(3, 4);
    let height = s.rng.range(80.0, 92.0);
    let half = s.rng.range(25.0, 31.0);
    let step = (height - 14.0) / (tiers as f32 + 0.6);
    for i in 0..tiers {
        let t = i as f32 / tiers as f32;
        let reach = half * (1.0 - 0.62 * t);
        let bottom = -14.0 - step * i as f32;
        let tier = polygon(&[(-reach, bottom), (0.0, bottom - step * 1.65), (reach, bottom)]);
        s.outlined(
            Role::Part(PartKind::Crown),
            tier.clone(),
            Ink::Down(leaves.light, leaves.base),
            leaves.line,
        );
        s.fill_inside(
            &tier,
            Role::Detail,
            rect(-reach, bottom - 4.0, reach * 2.0, 4.0),
            Ink::Clear(leaves.line, 0.3),
        );
        if snowy {
            let cap = polygon(&[
                (-reach * 0.45, bottom - step * 0.9),
                (0.0, bottom - step * 1.65),
                (reach * 0.3, bottom - step * 1.15),
                (0.0, bottom - step * 1.0),
            ]);
            s.fill(Role::Detail, cap, Tint::rgb(246, 250, 255));
        }
    }
}

fn palm(s: &mut Sketch, leaves: &Shades, bark: &Shades) {
    let height = s.rng.range(58.0, 68.0);
    let bend = s.rng.range(4.0, 12.0);
    s.ground_shadow(0.0, 16.0);
    let stem = stroked(&curve(&[(0.0, -3.0), (bend * 0.3, -height * 0.5), (bend, -height)]), 8.0);
    s.outlined(Role::Part(PartKind::Trunk), stem, bark.base, bark.line);
    for i in 1..7 {
        let t = i as f32 / 7.0;
        let x = bend * t * t;
        s.detail_line(&polyline(&[(x - 3.0, -height * t), (x + 3.0, -height * t - 2.0)]), 1.1, bark.line);
    }
    let crown: Xy = (bend, -height);
    for at in [200.0_f32, 340.0, 168.0, 12.0, 232.0, 308.0, 270.0] {
        let length = s.rng.range(27.0, 34.0);
        let tip = polar(crown, at + s.rng.range(-6.0, 6.0), length);
        let tip = (tip.0, tip.1 + 9.0);
        let (x, y) = (f32::midpoint(crown.0, tip.0), f32::midpoint(crown.1, tip.1));
        let (middle, under) = ((x, y - 9.0), (x, y + 2.5));
        // The one that stands upright is as wide as the others are high.
        let side = if (260.0..280.0).contains(&at) { 6.0 } else { 0.0 };
        let frond = smooth(&[crown, (middle.0 - side, middle.1), tip, (under.0 + side, under.1)]);
        s.outlined(Role::Part(PartKind::Crown), frond, Ink::Down(leaves.light, leaves.base), leaves.line);
    }
    for x in [-3.5, 3.5] {
        s.fill(Role::Detail, circle(crown.0 + x, crown.1 + 2.0, 3.2), bark.dark);
    }
}

/// A flower: its petals have the flower's colour. Indoors it grows in a pot.
pub(super) fn flower(s: &mut Sketch, color: Color, background: Background) {
    let petals = s.declare(PartKind::Petals, color);
    let green = Shades::new(Color::Green, &mut s.rng);
    let height = s.rng.range(42.0, 52.0);
    let foot = if background == Background::Room { -16.0 } else { 0.0 };
    let top = foot - height * if foot < 0.0 { 0.75 } else { 1.0 };
    let bend = s.rng.range(-4.0, 4.0);
    let stem = curve(&[(0.0, foot), (bend, f32::midpoint(foot, top)), (0.0, top)]);
    s.outlined(Role::Body, stroked(&stem, 3.2), green.base, green.line);
    for side in [-1.0_f32, 1.0] {
        let y = foot + (top - foot) * s.rng.range(0.22, 0.42);
        let leaf = turned_ellipse((side * 9.0 + bend * 0.6, y - 3.0), (10.0, 4.2), -28.0 * side);
        s.outlined(Role::Body, leaf, green.base, green.line);
    }
    if background == Background::Room {
        pot(s, color);
    } else {
        s.ground_shadow(0.0, 8.0);
    }
    let head: Xy = (0.0, top - 2.0);
    if s.rng.chance(0.25) {
        tulip(s, head, &petals);
    } else {
        daisy(s, head, color, &petals);
    }
}

fn pot(s: &mut Sketch, flower: Color) {
    s.ground_shadow(1.0, 13.0);
    let clay = other_than(s, flower, &[Color::Orange, Color::Brown, Color::White, Color::Blue]);
    let clay = Shades::new(clay, &mut s.rng);
    s.outlined(
        Role::Body,
        polygon(&[(-11.0, -15.0), (11.0, -15.0), (8.0, 0.0), (-8.0, 0.0)]),
        clay.base,
        clay.line,
    );
    s.outlined(Role::Body, rect(-12.5, -18.0, 25.0, 5.0), clay.light, clay.line);
}

fn daisy(s: &mut Sketch, head: Xy, color: Color, petals: &Shades) {
    let count = s.rng.whole(5, 9);
    let turn = s.rng.range(0.0, 60.0);
    let length = s.rng.range(8.5, 10.5);
    let width = (26.0 / count as f32).clamp(3.6, 5.6);
    let shapes: Vec<Shape> = (0..count)
        .map(|i| {
            let at = turn + 360.0 * i as f32 / count as f32;
            turned_ellipse(polar(head, at, 9.5), (length, width), at)
        })
        .collect();
    for shape in shapes {
        s.outlined(Role::Part(PartKind::Petals), shape, petals.base, petals.line);
    }
    let heart = other_than(s, color, &[Color::Yellow, Color::Orange, Color::Brown]);
    let heart = Shades::new(heart, &mut s.rng);
    s.outlined(Role::Body, circle(head.0, head.1, 5.6), heart.base, heart.line);
}

fn tulip(s: &mut Sketch, (x, y): Xy, petals: &Shades) {
    let role = Role::Part(PartKind::Petals);
    for side in [-1.0, 1.0] {
        let leaf = smooth(&[
            (x, y + 8.0),
            (x + 13.0 * side, y),
            (x + 12.0 * side, y - 17.0),
            (x + 2.0 * side, y - 7.0),
        ]);
        s.outlined(role, leaf, petals.base, petals.line);
    }
    let front = smooth(&[(x, y + 9.0), (x + 8.0, y - 2.0), (x, y - 17.0), (x - 8.0, y - 2.0)]);
    s.outlined(role, front, Ink::Down(petals.light, petals.base), petals.line);
}
