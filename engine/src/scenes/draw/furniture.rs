//! Lamps and chairs.

use super::other_than;
use crate::scenes::{
    Color, PartKind,
    palette::{Shades, Tint},
    shapes::{bar, circle, curve, ellipse, polygon, polyline, round_rect, smooth},
    sketch::{Ink, Perch, Role, Sketch, Underlay},
};

/// A floor lamp or a table lamp; its shade has the lamp's colour.
pub(super) fn lamp(s: &mut Sketch, color: Color) {
    let cloth = s.declare(PartKind::Shade, color);
    let foot_color = other_than(s, color, &[Color::Brown, Color::Black, Color::White]);
    let foot = Shades::new(foot_color, &mut s.rng);
    let tall = s.rng.chance(0.6);
    let height = if tall { s.rng.range(78.0, 92.0) } else { s.rng.range(52.0, 60.0) };
    let (top, bottom, shade_height) = if tall {
        (s.rng.range(8.0, 13.0), s.rng.range(18.0, 23.0), s.rng.range(24.0, 30.0))
    } else {
        (s.rng.range(9.0, 14.0), s.rng.range(20.0, 25.0), s.rng.range(24.0, 28.0))
    };
    s.ground_shadow(2.0, 17.0);
    s.underlays.push(Underlay {
        center: (0.0, -height + shade_height * 0.6),
        radii: (bottom * 2.2, bottom * 2.0),
        tint: Tint::rgb(255, 240, 170),
        alpha: 0.5,
    });

    let lower = -height + shade_height;
    if tall {
        s.outlined(Role::Body, bar((0.0, lower - 4.0), (0.0, -3.0), 4.0), foot.base, foot.line);
        s.outlined(
            Role::Body,
            smooth(&[(-14.0, 0.0), (-9.0, -4.5), (0.0, -6.5), (9.0, -4.5), (14.0, 0.0)]),
            foot.base,
            foot.line,
        );
    } else {
        s.outlined(Role::Body, bar((0.0, lower - 4.0), (0.0, lower + 6.0), 4.0), foot.dark, foot.line);
        let belly = s.rng.range(11.0, 15.0);
        let body = smooth(&[
            (-6.0, 0.0),
            (-belly, lower * 0.42),
            (-4.0, lower + 3.0),
            (4.0, lower + 3.0),
            (belly, lower * 0.42),
            (6.0, 0.0),
        ]);
        s.outlined(Role::Body, body, Ink::Down(foot.light, foot.base), foot.line);
    }
    let shape = polygon(&[(-bottom, lower), (-top, -height), (top, -height), (bottom, lower)]);
    s.outlined(Role::Part(PartKind::Shade), shape.clone(), Ink::Down(cloth.base, cloth.light), cloth.line);
    if s.rng.chance(0.5) {
        for i in [-0.5_f32, 0.0, 0.5] {
            let pleat = polyline(&[(top * i, -height + 2.0), (bottom * i, lower - 2.0)]);
            s.detail_line(&pleat, 1.0, Ink::Clear(cloth.line, 0.4));
        }
    } else {
        let band = polyline(&[(-bottom, lower - 2.5), (bottom, lower - 2.5)]);
        s.fill_inside(
            &shape,
            Role::Detail,
            crate::scenes::shapes::stroked(&band, 3.5),
            Ink::Clear(cloth.line, 0.5),
        );
    }
    // The bulb shows below.
    s.fill(Role::Detail, ellipse(0.0, lower, 5.0, 2.2), Tint::rgb(255, 244, 190));
}

/// A wooden chair from the side, or an armchair from the front.
pub(super) fn chair(s: &mut Sketch, color: Color) {
    let wood = Shades::new(color, &mut s.rng);
    if s.rng.chance(0.35) {
        armchair(s, &wood);
    } else {
        side_chair(s, color, &wood);
    }
}

fn side_chair(s: &mut Sketch, color: Color, wood: &Shades) {
    let width = s.rng.range(40.0, 48.0);
    let seat = -s.rng.range(30.0, 36.0);
    let top = seat - s.rng.range(36.0, 44.0);
    let half = width / 2.0;
    let thick = 5.5;
    s.ground_shadow(2.0, half + 4.0);
    // The far legs first, in the dark shade.
    for x in [-half + 9.0, half - 9.0] {
        s.fill(Role::Body, bar((x, seat), (x, -6.0), thick * 0.8), wood.line.mix(wood.dark, 0.5));
    }
    // Back: two posts with slats or a board, leaning a little.
    let lean = s.rng.range(3.0, 7.0);
    let back =
        polygon(&[(-half - lean, top), (-half - lean + 13.0, top), (-half + 11.0, seat), (-half, seat)]);
    s.outlined(Role::Body, back, Ink::Down(wood.light, wood.base), wood.line);
    for i in 1..4 {
        let t = i as f32 / 4.0;
        let (x, y) = (-half - lean * (1.0 - t), top + (seat - top) * t);
        s.detail_line(&polyline(&[(x + 2.0, y), (x + 10.5, y)]), 1.6, Ink::Clear(wood.line, 0.6));
    }
    for (x, foot) in [(-half + 4.0, -half + 1.0), (half - 4.0, half - 2.0)] {
        let leg = polygon(&[(x - 3.0, seat), (x + 3.5, seat), (foot + 2.2, 0.0), (foot - 2.2, 0.0)]);
        s.outlined(Role::Body, leg, wood.base, wood.line);
    }
    s.outlined(Role::Body, round_rect(-half - 1.0, seat - 4.0, width + 3.0, 8.0, 2.5), wood.base, wood.line);
    let mut rest = seat - 4.0;
    if s.rng.chance(0.4) {
        let cushion = other_than(s, color, &[Color::Red, Color::White, Color::Yellow, Color::Blue]);
        let cloth = Shades::new(cushion, &mut s.rng);
        s.outlined(
            Role::Body,
            round_rect(-half + 10.0, seat - 9.0, width - 11.0, 6.0, 3.0),
            cloth.base,
            cloth.line,
        );
        rest = seat - 8.0;
    }
    s.perch = Some(Perch { from: 0.0, to: half * 0.35, y: rest + 1.0 });
}

fn armchair(s: &mut Sketch, cloth: &Shades) {
    let width = s.rng.range(56.0, 66.0);
    let height = s.rng.range(58.0, 66.0);
    let half = width / 2.0;
    s.ground_shadow(0.0, half + 4.0);
    for x in [-half + 8.0, half - 8.0] {
        s.outlined(Role::Body, bar((x, -7.0), (x, -2.0), 5.0), Tint::rgb(96, 66, 48), Tint::rgb(60, 40, 30));
    }
    s.outlined(
        Role::Body,
        round_rect(-half + 6.0, -height, width - 12.0, height - 6.0, 14.0),
        Ink::Down(cloth.light, cloth.base),
        cloth.line,
    );
    for x in [-10.0, 10.0] {
        s.fill(Role::Detail, circle(x, -height + 16.0, 1.5), cloth.line);
    }
    let dip = curve(&[(-half + 12.0, -34.0), (0.0, -31.0), (half - 12.0, -34.0)]);
    s.detail_line(&dip, 1.2, Ink::Clear(cloth.line, 0.6));
    s.outlined(Role::Body, round_rect(-half + 9.0, -28.0, width - 18.0, 22.0, 5.0), cloth.base, cloth.line);
    s.detail_line(&polyline(&[(-half + 12.0, -18.0), (half - 12.0, -18.0)]), 1.2, cloth.line);
    for x in [-half, half - 13.0] {
        s.outlined(Role::Body, round_rect(x, -37.0, 13.0, 33.0, 6.0), cloth.dark, cloth.line);
    }
    s.perch = Some(Perch { from: -4.0, to: 4.0, y: -26.0 });
}
