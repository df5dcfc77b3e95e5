//! Indoors: wallpaper, skirting board, floor, perhaps a rug.

use super::{SIDE, Stage};
use crate::scenes::{
    palette::Tint,
    rng::SceneRng,
    shapes::{Xy, circle, ellipse, polyline, rect, stroked},
    sketch::Ink,
};

impl Stage {
    /// Paints a room and says where its floor is.
    pub(super) fn room(&mut self, rng: &mut SceneRng) {
        let wall = Tint::hsv(rng.range(0.0, 360.0), rng.range(0.06, 0.20), rng.range(0.86, 0.95));
        self.fill(rect(0.0, 0.0, SIDE, SIDE), Ink::Down(wall, wall.darker(0.06)));
        self.wallpaper(rng, wall);
        let floor = Tint::hsv(rng.range(26.0, 38.0), rng.range(0.22, 0.38), rng.range(0.66, 0.84));
        let top = self.horizon;
        self.fill(rect(0.0, top, SIDE, SIDE - top), Ink::Down(floor.darker(0.08), floor));
        match rng.whole(0, 2) {
            0 => {
                for i in 1..5 {
                    let y = top + (SIDE - top) * (i as f32 / 5.0).powf(1.3);
                    self.fill(
                        stroked(&polyline(&[(0.0, y), (SIDE, y)]), 1.0),
                        Ink::Clear(floor.darker(0.4), 0.5),
                    );
                }
            }
            1 => {
                for i in -6..=6 {
                    let x = i as f32;
                    let seam = polyline(&[(SIDE / 2.0 + x * 26.0, top), (SIDE / 2.0 + x * 52.0, SIDE)]);
                    self.fill(stroked(&seam, 1.0), Ink::Clear(floor.darker(0.4), 0.5));
                }
            }
            _ => {}
        }
        self.fill(rect(0.0, top - 7.0, SIDE, 7.0), wall.lighter(0.6));
        self.fill(rect(0.0, top - 1.0, SIDE, 1.4), floor.darker(0.35));
        if rng.chance(0.5) {
            let hue = rng.range(0.0, 360.0);
            let (x, y) = (rng.range(80.0, 176.0), f32::midpoint(top, SIDE) + 6.0);
            let (rx, ry) = (rng.range(60.0, 92.0), (SIDE - top) * rng.range(0.26, 0.36));
            self.fill(ellipse(x, y, rx, ry), Tint::hsv(hue, 0.26, 0.78));
            self.fill(stroked(&ellipse(x, y, rx * 0.86, ry * 0.84), 2.0), Tint::hsv(hue, 0.14, 0.90));
        }
        self.ground = Some((top + 12.0, 250.0));
    }

    fn wallpaper(&mut self, rng: &mut SceneRng, wall: Tint) {
        let ink = Ink::Clear(wall.darker(rng.range(0.08, 0.16)), 0.8);
        let step = rng.range(18.0, 30.0);
        let count = (SIDE / step) as usize + 1;
        match rng.whole(0, 4) {
            0 => {
                for i in 0..count {
                    self.fill(rect(i as f32 * step, 0.0, step * 0.4, SIDE), ink);
                }
            }
            1 => {
                for (i, j) in (0..count).flat_map(|i| (0..count).map(move |j| (i, j))) {
                    let shift = if j % 2 == 0 { 0.0 } else { step / 2.0 };
                    self.fill(circle(i as f32 * step + shift, j as f32 * step, 2.2), ink);
                }
            }
            2 => {
                // Panelling below a rail.
                let rail = self.horizon - rng.range(40.0, 60.0);
                self.fill(rect(0.0, rail, SIDE, SIDE), ink);
                self.fill(rect(0.0, rail, SIDE, 3.5), wall.lighter(0.5));
            }
            3 => {
                for i in 0..count {
                    let y = i as f32 * step;
                    let zigzag: Vec<Xy> = (0..=count * 2)
                        .map(|k| (k as f32 * step / 2.0, y + if k % 2 == 0 { 0.0 } else { step * 0.3 }))
                        .collect();
                    self.fill(stroked(&polyline(&zigzag), 1.4), ink);
                }
            }
            _ => {}
        }
    }
}
