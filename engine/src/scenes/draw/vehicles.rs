//! Cars, boats and bicycles. They face to the right; the placement mirrors half of them.

use tiny_skia::PathBuilder;

use super::other_than;
use crate::scenes::{
    Color, PartKind,
    palette::{Shades, Tint},
    shapes::{
        Shape, Xy, bar, circle, curve, ellipse, polar, polygon, polyline, rect, round_rect, smooth, stroked,
    },
    sketch::{Ink, Perch, Role, Sketch, Underlay},
};

const GLASS: (Tint, Tint) = (Tint::rgb(206, 236, 253), Tint::rgb(138, 196, 240));

/// A car from the side: body of the car's colour, windows, wheels.
pub(super) fn car(s: &mut Sketch, color: Color) {
    let paint = Shades::new(color, &mut s.rng);
    let half = s.rng.range(47.0, 54.0);
    let wheel = s.rng.range(10.0, 11.5);
    let belt = -s.rng.range(25.0, 29.0);
    let top = belt - s.rng.range(18.0, 22.0);
    s.ground_shadow(0.0, half + 3.0);
    // Where the cabin begins and ends, at the belt and at the roof: saloon, estate, small car.
    let [rear, roof_from, roof_to, front] = s
        .rng
        .pick(&[[-0.62_f32, -0.36, 0.14, 0.44], [-0.92, -0.82, 0.12, 0.42], [-0.78, -0.46, 0.20, 0.52]])
        .map(|t| t * half);
    let cabin = Cabin { rear, roof_from, roof_to, front, belt, top };
    s.outlined(Role::Body, cabin.outline(), paint.base, paint.line);
    let body = smooth(&[
        (-half, belt + 7.0),
        (-half + 3.0, belt + 1.0),
        (-half * 0.4, belt - 1.0),
        (half * 0.45, belt - 1.0),
        (half - 5.0, belt + 5.0),
        (half, belt + 12.0),
        (half, -9.0),
        (half - 4.0, -7.0),
        (-half + 4.0, -7.0),
        (-half, -9.0),
    ]);
    s.outlined(Role::Body, body.clone(), Ink::Down(paint.base, paint.dark), paint.line);
    // The line between cabin and body disappears.
    s.fill(Role::Body, rect(rear + 3.0, belt - 1.5, front - rear - 8.0, 5.0), paint.base);

    car_windows(s, &cabin, &paint);
    s.fill_inside(&body, Role::Detail, rect(-half, -13.0, half * 2.0, 6.0), Ink::Clear(Tint::INK, 0.22));
    s.fill_inside(&body, Role::Detail, ellipse(half - 2.0, belt + 11.0, 4.5, 3.6), Tint::rgb(255, 246, 190));
    s.fill_inside(&body, Role::Detail, ellipse(-half + 1.0, belt + 10.0, 3.6, 3.4), Tint::rgb(226, 60, 50));

    s.parts.push((PartKind::Wheels, Color::Black));
    for at in [-0.56, 0.58] {
        car_wheel(s, half * at, wheel, &paint);
    }
    let roof = (roof_to - roof_from) * 0.25;
    let center = f32::midpoint(roof_from, roof_to);
    s.perch = Some(Perch { from: center - roof, to: center + roof, y: top + 1.0 });
}

/// A car above its belt line: where it begins and ends there and at the roof.
struct Cabin {
    rear: f32,
    roof_from: f32,
    roof_to: f32,
    front: f32,
    belt: f32,
    top: f32,
}

impl Cabin {
    fn outline(&self) -> Shape {
        let &Self { rear, roof_from, roof_to, front, belt, top } = self;
        let mut path = PathBuilder::new();
        path.move_to(rear, belt + 4.0);
        path.quad_to(rear + (roof_from - rear) * 0.5, top, roof_from + 4.0, top);
        path.line_to(roof_to - 3.0, top);
        path.quad_to(roof_to + (front - roof_to) * 0.4, top + 1.0, front, belt + 4.0);
        path.close();
        path.finish()
    }
}

/// Both panes, and the door between them.
fn car_windows(s: &mut Sketch, cabin: &Cabin, paint: &Shades) {
    let &Cabin { rear, roof_from, roof_to, front, belt, top } = cabin;
    s.parts.push((PartKind::Windows, Color::Blue));
    let middle = f32::midpoint(roof_from, roof_to) + 1.0;
    let (low, high) = (belt + 0.5, top + 4.5);
    for pane in [
        polygon(&[(rear + 7.0, low), (roof_from + 3.5, high), (middle - 2.0, high), (middle - 2.0, low)]),
        polygon(&[(middle + 2.0, low), (middle + 2.0, high), (roof_to - 2.0, high), (front - 6.5, low)]),
    ] {
        s.outlined(Role::Part(PartKind::Windows), pane, Ink::Down(GLASS.0, GLASS.1), paint.line);
    }
    s.detail_line(&polyline(&[(middle, belt + 3.0), (middle, -11.0)]), 1.1, Ink::Clear(paint.line, 0.8));
    s.detail_line(&polyline(&[(middle - 9.0, belt + 7.0), (middle - 4.0, belt + 7.0)]), 1.8, paint.line);
}

fn car_wheel(s: &mut Sketch, x: f32, r: f32, paint: &Shades) {
    let wheels = Role::Part(PartKind::Wheels);
    s.fill(Role::Body, circle(x, -r, r + 2.2), paint.line.darker(0.3));
    s.outlined(wheels, circle(x, -r, r), Tint::rgb(46, 48, 56), Tint::rgb(24, 24, 30));
    s.fill(wheels, circle(x, -r, r * 0.5), Tint::rgb(198, 204, 214));
    s.fill(Role::Detail, circle(x, -r, r * 0.18), Tint::rgb(90, 96, 108));
}

/// A sailing boat: hull of the boat's colour, mast and sail. Stands at its waterline.
pub(super) fn boat(s: &mut Sketch, color: Color) {
    let paint = s.declare(PartKind::Hull, color);
    let sail_color = if color != Color::White && s.rng.chance(0.6) {
        Color::White
    } else {
        other_than(
            s,
            color,
            &[Color::Red, Color::Orange, Color::Yellow, Color::Blue, Color::Pink, Color::Purple],
        )
    };
    let cloth = s.declare(PartKind::Sail, sail_color);
    let half = s.rng.range(34.0, 42.0);
    let deep = s.rng.range(17.0, 21.0);
    let mast = s.rng.range(62.0, 74.0);
    let mast_x = s.rng.range(-4.0, 3.0);
    s.underlays.push(Underlay {
        center: (0.0, -1.0),
        radii: (half * 1.15, 5.0),
        tint: Tint::rgb(235, 248, 255),
        alpha: 0.85,
    });

    let wood = Shades::unnamed(Tint::rgb(134, 92, 62));
    s.outlined(Role::Body, bar((mast_x, -deep), (mast_x, -deep - mast), 2.6), wood.base, wood.line);
    let sail = Role::Part(PartKind::Sail);
    let foot = -deep - 5.0;
    let peak = -deep - mast + 3.0;
    let boom = s.rng.range(24.0, 30.0);
    let main = bent_sail((mast_x - 2.0, peak), (mast_x - 2.0, foot), (mast_x - boom, foot));
    s.outlined(sail, main, Ink::Down(cloth.light, cloth.base), cloth.line);
    if s.rng.chance(0.75) {
        let jib = bent_sail((mast_x + 2.5, peak + 8.0), (mast_x + 2.5, foot), (half * 0.78, foot));
        s.outlined(sail, jib, cloth.base, cloth.line);
    }
    for i in 1..4 {
        let y = foot + (peak - foot) * i as f32 / 4.5;
        let reach = boom * (1.0 - i as f32 / 4.5);
        s.detail_line(
            &polyline(&[(mast_x - 3.0, y), (mast_x - reach * 0.9, y)]),
            0.9,
            Ink::Clear(cloth.line, 0.5),
        );
    }
    let flag =
        polygon(&[(mast_x, -deep - mast), (mast_x - 12.0, -deep - mast + 3.5), (mast_x, -deep - mast + 7.0)]);
    s.fill(
        Role::Body,
        flag,
        if sail_color == Color::Red { Tint::rgb(255, 210, 60) } else { Tint::rgb(226, 54, 50) },
    );
    boat_hull(s, color, &paint, half, deep);
}

fn boat_hull(s: &mut Sketch, color: Color, paint: &Shades, half: f32, deep: f32) {
    let mut hull = PathBuilder::new();
    hull.move_to(-half, -deep);
    hull.line_to(half * 1.08, -deep - 2.0);
    hull.quad_to(half * 0.9, 0.0, half * 0.55, 0.0);
    hull.line_to(-half * 0.6, 0.0);
    hull.quad_to(-half * 0.92, -2.0, -half, -deep);
    hull.close();
    let hull = hull.finish();
    let role = Role::Part(PartKind::Hull);
    s.outlined(role, hull.clone(), Ink::Down(paint.base, paint.dark), paint.line);
    let stripe = rect(-half * 1.1, -deep + 4.0, half * 2.3, 2.6);
    let trim = if color == Color::White { Tint::rgb(70, 100, 160) } else { Tint::rgb(248, 248, 244) };
    s.fill_inside(&hull, Role::Detail, stripe, trim);
    if s.rng.chance(0.5) {
        for i in -1..=1 {
            s.fill(Role::Detail, circle(half * 0.34 * i as f32, -deep * 0.42, 2.3), Ink::Flat(paint.line));
        }
    }
}

/// A triangle whose longest side, from top to clew, is blown out a little.
fn bent_sail(top: Xy, tack: Xy, clew: Xy) -> Shape {
    let mut path = PathBuilder::new();
    path.move_to(top.0, top.1);
    path.line_to(tack.0, tack.1);
    path.line_to(clew.0, clew.1);
    let belly = (f32::midpoint(top.0, clew.0) + (clew.0 - top.0) * 0.16, f32::midpoint(top.1, clew.1));
    path.quad_to(belly.0, belly.1, top.0, top.1);
    path.close();
    path.finish()
}

/// A bicycle: frame of the bicycle's colour.
pub(super) fn bicycle(s: &mut Sketch, color: Color) {
    let paint = Shades::new(color, &mut s.rng);
    let r = s.rng.range(18.0, 20.5);
    let base = s.rng.range(25.0, 28.0);
    s.ground_shadow(0.0, base + r * 0.8);
    s.parts.push((PartKind::Wheels, Color::Black));
    for x in [-base, base] {
        bicycle_wheel(s, x, r);
    }
    let rear: Xy = (-base, -r);
    let crank: Xy = (-3.0, -r + 2.0);
    let saddle: Xy = (-base * 0.42, -r * 2.15);
    let head: Xy = (base * 0.66, -r * 2.25);
    let front: Xy = (base, -r);
    let dark = Tint::rgb(52, 52, 60);
    let tubes = [
        bar(rear, crank, 4.6),
        bar(rear, (saddle.0 + 1.0, saddle.1 + 6.0), 4.2),
        bar(crank, saddle, 4.8),
        bar(crank, (head.0 + 1.0, head.1 + 6.0), 5.0),
        bar((saddle.0 + 0.5, saddle.1 + 5.0), (head.0, head.1 + 4.0), 5.0),
        bar(head, front, 4.8),
    ];
    s.outlined_group(Role::Body, &tubes, Ink::Flat(paint.base), paint.line);
    s.outlined(Role::Body, circle(crank.0, crank.1, 4.6), paint.light, paint.line);
    s.detail_line(&polyline(&[(crank.0, crank.1), (crank.0 + 5.0, crank.1 + 6.0)]), 2.2, dark);
    s.fill(Role::Body, bar(saddle, (saddle.0 - 1.0, saddle.1 - 4.0), 2.6), dark);
    s.fill(
        Role::Body,
        smooth(&[
            (saddle.0 - 10.0, saddle.1 - 7.0),
            (saddle.0 + 8.0, saddle.1 - 5.5),
            (saddle.0, saddle.1 - 3.0),
            (saddle.0 - 8.0, saddle.1 - 2.5),
        ]),
        dark,
    );
    let grip = curve(&[head, (head.0 - 1.0, head.1 - 7.0), (head.0 + 7.0, head.1 - 9.0)]);
    s.fill(Role::Body, stroked(&grip, 3.2), dark);
    if s.rng.chance(0.35) {
        let wicker = Shades::unnamed(Tint::rgb(190, 140, 88));
        s.outlined(
            Role::Body,
            round_rect(head.0 + 6.0, head.1 - 3.0, 16.0, 11.0, 2.0),
            wicker.base,
            wicker.line,
        );
    }
}

fn bicycle_wheel(s: &mut Sketch, x: f32, r: f32) {
    let wheels = Role::Part(PartKind::Wheels);
    // The pale disc stands for the blur of the spokes, so that a wheel is one region.
    s.fill(wheels, circle(x, -r, r - 1.0), Tint::rgb(222, 226, 232));
    for i in 0..6 {
        let (from, to) =
            (polar((x, -r), 30.0 * i as f32, r - 2.0), polar((x, -r), 30.0 * i as f32 + 180.0, r - 2.0));
        s.detail_line(&polyline(&[from, to]), 0.8, Tint::rgb(140, 146, 158));
    }
    s.fill(wheels, stroked(&circle(x, -r, r - 1.9), 3.8), Tint::rgb(38, 38, 46));
    s.fill(Role::Detail, circle(x, -r, 2.6), Tint::rgb(70, 74, 84));
}
