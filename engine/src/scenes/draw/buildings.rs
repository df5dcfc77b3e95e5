//! Houses.

use super::other_than;
use crate::scenes::{
    Background, Color, PartKind,
    palette::{Shades, Tint},
    shapes::{Shape, bar, circle, polygon, polyline, rect, round_rect},
    sketch::{Ink, Perch, Role, Sketch},
};

/// A house seen from the front: wall of the house's colour, roof, door and windows.
pub(super) fn house(s: &mut Sketch, color: Color, background: Background) {
    let wall = Shades::new(color, &mut s.rng);
    let width = s.rng.range(64.0, 88.0);
    let height = s.rng.range(40.0, 56.0);
    s.ground_shadow(4.0, width * 0.6);
    chimney(s, width, height);

    let half = width / 2.0;
    s.outlined(Role::Body, rect(-half, -height, width, height), Ink::Down(wall.base, wall.dark), wall.line);
    if s.rng.chance(0.5) {
        for i in 1..5 {
            let y = -height * i as f32 / 5.0;
            s.detail_line(&polyline(&[(-half + 1.5, y), (half - 1.5, y)]), 0.8, Ink::Clear(wall.line, 0.35));
        }
    }
    s.fill(Role::Detail, rect(-half, -4.0, width, 4.0), Ink::Clear(wall.line, 0.45));
    // The eaves throw a shadow on the wall.
    s.fill(Role::Detail, rect(-half, -height, width, 4.5), Ink::Clear(Tint::INK, 0.18));
    front(s, color, width, height, background);
    roof(s, color, width, height);
}

fn chimney(s: &mut Sketch, width: f32, height: f32) {
    if s.rng.chance(0.6) {
        let brick = Shades::unnamed(Tint::rgb(150, 92, 78));
        let x = s.rng.sign() * width * s.rng.range(0.2, 0.28) - 5.0;
        let top = -height - s.rng.range(28.0, 36.0);
        s.outlined(Role::Body, rect(x, top, 10.0, 36.0), brick.base, brick.line);
        s.outlined(Role::Body, rect(x - 1.5, top, 13.0, 4.0), brick.dark, brick.line);
    }
}

fn roof(s: &mut Sketch, wall: Color, width: f32, height: f32) {
    const COLORS: [Color; 8] = [
        Color::Red,
        Color::Orange,
        Color::Brown,
        Color::Blue,
        Color::Purple,
        Color::Black,
        Color::Green,
        Color::Red,
    ];
    let color = other_than(s, wall, &COLORS);
    let tiles = s.declare(PartKind::Roof, color);
    let rise = s.rng.range(28.0, 42.0);
    let half = width / 2.0 + s.rng.range(5.0, 9.0);
    // Half the length of the ridge: nothing for a gable.
    let ridge = if s.rng.chance(0.6) { 0.0 } else { width * s.rng.range(0.2, 0.32) };
    let shape: Shape =
        polygon(&[(-half, -height), (-ridge, -height - rise), (ridge, -height - rise), (half, -height)]);
    s.outlined(Role::Part(PartKind::Roof), shape, Ink::Down(tiles.light, tiles.base), tiles.line);
    for row in 1..4 {
        let t = row as f32 / 4.0;
        let reach = half + (ridge - half) * t - 2.0;
        let y = -height - rise * t;
        s.detail_line(&polyline(&[(-reach, y), (reach, y)]), 1.0, Ink::Clear(tiles.line, 0.45));
    }
    s.detail_line(&polyline(&[(-half, -height), (half, -height)]), s.line * 1.8, tiles.line);
    s.perch = Some(Perch { from: -ridge.max(2.0) * 0.9, to: ridge.max(2.0) * 0.9, y: -height - rise + 1.0 });
}

fn front(s: &mut Sketch, wall: Color, width: f32, height: f32, background: Background) {
    let door_color = other_than(
        s,
        wall,
        &[Color::Brown, Color::Brown, Color::Red, Color::Blue, Color::Green, Color::White, Color::Purple],
    );
    let wood = s.declare(PartKind::Door, door_color);
    let door_width = s.rng.range(15.0, 19.0);
    let door_height = (height * 0.68).min(32.0);
    let place = s.rng.pick(&[-0.27, 0.0, 0.0, 0.27]);
    let x = width * place - door_width / 2.0;
    let radius = if s.rng.chance(0.4) { 7.0 } else { 1.0 };
    let door = round_rect(x, -door_height, door_width, door_height + radius, radius);
    let above_ground = rect(x - 5.0, -door_height - 5.0, door_width + 10.0, door_height + 5.0);
    let outline = crate::scenes::shapes::stroked(&door, s.line * 1.4);
    s.fill_inside(&above_ground, Role::Part(PartKind::Door), door, Ink::Down(wood.base, wood.dark));
    s.fill_inside(&above_ground, Role::Part(PartKind::Door), outline, wood.line);
    s.detail_line(
        &rect(x + 3.5, -door_height + 4.5, door_width - 7.0, door_height * 0.35),
        0.9,
        Ink::Clear(wood.line, 0.7),
    );
    s.fill(Role::Detail, circle(x + door_width - 3.2, -door_height * 0.45, 1.4), Tint::rgb(250, 205, 90));

    // At night somebody is at home.
    let lit = background == Background::Night || s.rng.chance(0.25);
    let glass_color = if lit && wall != Color::Yellow { Color::Yellow } else { Color::Blue };
    s.parts.push((PartKind::Windows, glass_color));
    let side = (width * 0.2).clamp(13.0, 16.0);
    let y = -height * 0.74;
    let places: &[f32] = if place == 0.0 {
        &[-0.32, 0.32]
    } else if place < 0.0 {
        &[0.02, 0.3]
    } else {
        &[-0.3, -0.02]
    };
    for &at in places {
        window(s, (width * at - side / 2.0, y), side, glass_color);
    }
}

fn window(s: &mut Sketch, (x, y): (f32, f32), side: f32, color: Color) {
    let glass = if color == Color::Yellow {
        (Tint::rgb(255, 238, 150), Tint::rgb(255, 214, 84))
    } else {
        (Tint::rgb(176, 222, 252), Tint::rgb(116, 182, 240))
    };
    let windows = Role::Part(PartKind::Windows);
    s.fill(Role::Body, rect(x - 2.0, y - 2.0, side + 4.0, side + 4.0), Tint::rgb(250, 250, 248));
    s.fill(windows, rect(x, y, side, side), Ink::Down(glass.0, glass.1));
    let frame = Tint::rgb(92, 98, 118);
    s.detail_line(&rect(x, y, side, side), 0.9, frame);
    s.detail_line(&polyline(&[(x + side / 2.0, y), (x + side / 2.0, y + side)]), 1.1, Tint::WHITE);
    s.detail_line(&polyline(&[(x, y + side / 2.0), (x + side, y + side / 2.0)]), 1.1, Tint::WHITE);
    s.fill(Role::Detail, bar((x - 2.0, y + side + 2.0), (x + side + 2.0, y + side + 2.0), 1.8), frame);
}
