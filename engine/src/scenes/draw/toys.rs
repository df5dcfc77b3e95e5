//! Balls.

use super::other_than;
use crate::scenes::{
    Color,
    palette::{Shades, Tint},
    shapes::{Xy, circle, ellipse, polar, polygon, rect, stroked, turned_ellipse},
    sketch::{Ink, Role, Sketch},
};

/// A ball of one main colour with a pattern.
pub(super) fn ball(s: &mut Sketch, color: Color) {
    let skin = Shades::new(color, &mut s.rng);
    let trim = other_than(s, color, &[Color::White, Color::White, Color::Yellow, Color::Black, Color::Blue]);
    let trim = Shades::new(trim, &mut s.rng);
    let r = 19.0;
    let center: Xy = (0.0, -r);
    s.ground_shadow(2.0, r);
    let disc = circle(center.0, center.1, r);
    s.fill(Role::Body, disc.clone(), skin.base);
    let turn = s.rng.range(0.0, 360.0);
    match s.rng.whole(0, 3) {
        0 => {
            // A band around the middle.
            let (a, b) = (polar(center, turn, 24.0), polar(center, turn + 180.0, 24.0));
            let band = crate::scenes::shapes::bar(a, b, 8.5);
            s.fill_inside(&disc, Role::Body, band, trim.base);
        }
        1 => {
            // A beach ball's wedges.
            for i in 0..3 {
                let at = turn + 120.0 * i as f32;
                let wedge = polygon(&[center, polar(center, at, 30.0), polar(center, at + 46.0, 30.0)]);
                s.fill_inside(&disc, Role::Body, wedge, trim.base);
            }
            s.fill(Role::Body, circle(center.0, center.1, 4.0), skin.dark);
        }
        2 => {
            // Patches.
            let patches = (0..5).map(|i| polar(center, turn + 72.0 * i as f32, 16.0));
            for (x, y) in patches.chain([center]) {
                let spots: Vec<Xy> = (0..5).map(|i| polar((x, y), turn + 72.0 * i as f32, 4.8)).collect();
                s.fill_inside(&disc, Role::Body, polygon(&spots), trim.base);
            }
        }
        _ => {
            // Two curved seams with a stripe between them.
            let stripe = turned_ellipse(center, (7.0, r + 1.0), turn);
            s.fill_inside(&disc, Role::Body, stripe.clone(), trim.base);
            s.fill_inside(&disc, Role::Detail, stroked(&stripe, 1.4), skin.line);
        }
    }
    // Shadow below, light above.
    let below = rect(-r, -r * 0.7, r * 2.0, r);
    s.fill_inside(&disc, Role::Detail, below, Ink::Clear(Tint::INK, 0.10));
    s.fill(Role::Detail, ellipse(-6.5, -r - 8.0, 5.0, 3.4), Ink::Clear(Tint::WHITE, 0.55));
    s.fill(Role::Body, stroked(&disc, s.line * 1.2), skin.line);
}
