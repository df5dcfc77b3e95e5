//! What is seen in the sky: sun, moon, clouds, balloons. Their origin is their middle.

use crate::scenes::{
    Color,
    palette::{Shades, Tint},
    shapes::{Shape, Xy, circle, curve, ellipse, polar, polygon, smooth, stroked},
    sketch::{Ink, Role, Sketch, Underlay},
};

/// A disc with rays, sometimes with a face.
pub(super) fn sun(s: &mut Sketch, color: Color) {
    let fire = Shades::new(color, &mut s.rng);
    let r = s.rng.range(19.0, 23.0);
    s.underlays.push(Underlay {
        center: (0.0, 0.0),
        radii: (r * 2.4, r * 2.4),
        tint: fire.light,
        alpha: 0.55,
    });
    let rays = s.rng.whole(9, 13);
    let turn = s.rng.range(0.0, 40.0);
    let reach = r + s.rng.range(9.0, 13.0);
    let wedges = s.rng.chance(0.6);
    for i in 0..rays {
        let at = turn + 360.0 * i as f32 / rays as f32;
        if wedges {
            let half = 360.0 / rays as f32 * 0.34;
            let ray = polygon(&[
                polar((0.0, 0.0), at - half, r + 2.0),
                polar((0.0, 0.0), at, reach),
                polar((0.0, 0.0), at + half, r + 2.0),
            ]);
            s.fill(Role::Body, ray, fire.base);
        } else {
            let ray =
                crate::scenes::shapes::bar(polar((0.0, 0.0), at, r - 1.0), polar((0.0, 0.0), at, reach), 3.6);
            s.fill(Role::Body, ray, fire.base);
        }
    }
    s.outlined(Role::Body, circle(0.0, 0.0, r), Ink::Down(fire.light, fire.base), fire.dark);
    if s.rng.chance(0.4) {
        face(s, r, fire.line);
    }
}

fn face(s: &mut Sketch, r: f32, ink: Tint) {
    for x in [-0.35, 0.35] {
        s.fill(Role::Detail, ellipse(r * x, -r * 0.18, 1.6, 2.3), ink);
    }
    let smile = curve(&[(-r * 0.42, r * 0.22), (0.0, r * 0.48), (r * 0.42, r * 0.22)]);
    s.detail_line(&smile, 1.7, ink);
}

/// A crescent, or full with craters.
pub(super) fn moon(s: &mut Sketch, color: Color) {
    let rock = Shades::new(color, &mut s.rng);
    let r = s.rng.range(22.0, 26.0);
    s.underlays.push(Underlay {
        center: (0.0, 0.0),
        radii: (r * 2.0, r * 2.0),
        tint: rock.light,
        alpha: 0.28,
    });
    if s.rng.chance(0.6) {
        let disc = crescent(r, s.rng.range(0.25, 0.5));
        s.outlined(Role::Body, disc, Ink::Down(rock.light, rock.base), rock.dark);
        s.fill(Role::Detail, circle(-r * 0.72, r * 0.1, 2.2), Ink::Clear(rock.line, 0.35));
    } else {
        let disc = circle(0.0, 0.0, r);
        s.outlined(Role::Body, disc.clone(), Ink::Down(rock.light, rock.base), rock.dark);
        for _ in 0..s.rng.whole(4, 6) {
            let at = s.rng.range(0.0, 360.0);
            let (x, y) = polar((0.0, 0.0), at, s.rng.range(3.0, r * 0.72));
            let size = s.rng.range(2.0, 4.6);
            s.fill_inside(&disc, Role::Detail, circle(x, y, size), Ink::Clear(rock.line, 0.38));
        }
    }
}

/// Open to the right: the outer arc, and back along the edge of a disc shifted by `depth` radii.
fn crescent(r: f32, depth: f32) -> Shape {
    let mut points: Vec<Xy> = (0..=20).map(|i| polar((0.0, 0.0), 50.0 + 13.0 * i as f32, r)).collect();
    let (tip_x, tip_y) = polar((0.0, 0.0), 50.0, r);
    let inner = tip_x - r * (0.35 + depth);
    points.extend((1..20).map(|i| {
        let t = i as f32 / 20.0 * std::f32::consts::PI;
        (tip_x - (tip_x - inner) * t.sin(), -tip_y * t.cos())
    }));
    polygon(&points)
}

/// A heap of puffs with a flat bottom.
pub(super) fn cloud(s: &mut Sketch, color: Color) {
    let mist = Shades::new(color, &mut s.rng);
    let half = s.rng.range(34.0, 46.0);
    let puffs = s.rng.whole(3, 5);
    let mut shapes: Vec<Shape> = vec![ellipse(0.0, 7.0, half, 9.5)];
    for i in 0..puffs {
        let t = (i as f32 + 0.5) / puffs as f32 * 2.0 - 1.0;
        let r = (17.0 - 7.0 * t.abs()) * s.rng.range(0.85, 1.2);
        shapes.push(circle(t * half * 0.72, 4.0 - r * s.rng.range(0.45, 0.7), r));
    }
    let line = Tint::rgb(150, 170, 200);
    s.outlined_group(Role::Body, &shapes, Ink::Flat(mist.base), line);
    s.fill(Role::Detail, ellipse(0.0, 12.0, half * 0.86, 3.6), Ink::Clear(Tint::rgb(150, 175, 215), 0.45));
    s.fill(
        Role::Detail,
        ellipse(-half * 0.2, -2.0, half * 0.3, 4.0),
        Ink::Clear(Tint::rgb(190, 208, 235), 0.35),
    );
}

/// A toy balloon on a string.
pub(super) fn balloon(s: &mut Sketch, color: Color) {
    let skin = Shades::new(color, &mut s.rng);
    let r = s.rng.range(18.0, 21.5);
    let tall = r * s.rng.range(1.12, 1.32);
    let bottom = tall * 0.9;
    let length = s.rng.range(26.0, 40.0);
    let sway = s.rng.range(3.0, 7.0);
    let string = curve(&[
        (0.0, bottom + 3.0),
        (sway, bottom + length * 0.35),
        (-sway, bottom + length * 0.7),
        (sway * 0.5, bottom + length),
    ]);
    s.fill(Role::Body, stroked(&string, 1.9), Tint::rgb(236, 236, 240));
    s.fill(Role::Body, stroked(&string, 1.1), Tint::rgb(110, 104, 116));
    let knot = polygon(&[(0.0, bottom - 2.0), (-4.0, bottom + 4.0), (4.0, bottom + 4.0)]);
    s.outlined(Role::Body, knot, skin.dark, skin.line);
    let shell = smooth(&[
        (0.0, -tall),
        (r * 0.72, -tall * 0.7),
        (r, -tall * 0.12),
        (r * 0.66, tall * 0.52),
        (0.0, bottom),
        (-r * 0.66, tall * 0.52),
        (-r, -tall * 0.12),
        (-r * 0.72, -tall * 0.7),
    ]);
    s.outlined(Role::Body, shell.clone(), Ink::Down(skin.light, skin.base), skin.line);
    s.fill_inside(
        &shell,
        Role::Detail,
        ellipse(r * 0.75, tall * 0.1, r * 0.42, tall),
        Ink::Clear(skin.line, 0.16),
    );
    s.fill(
        Role::Detail,
        crate::scenes::shapes::turned_ellipse((-r * 0.42, -tall * 0.45), (r * 0.17, tall * 0.26), 24.0),
        Ink::Clear(Tint::WHITE, 0.7),
    );
}
