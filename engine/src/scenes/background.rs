//! What lies behind the objects, and where on it they can be: sky, ground, road, water.
//!
//! Nothing drawn here is of a [`Kind`](super::Kind): hills, waves, stars, markings, wallpaper.

mod room;

use tiny_skia::{Pixmap, Transform};

use super::{
    Background, Scene,
    palette::Tint,
    rng::SceneRng,
    shapes::{Shape, Xy, below_curve, circle, curve, ellipse, polygon, polyline, rect, stroked},
    sketch::{Ink, paint_path},
};

const SIDE: f32 = Scene::SIZE as f32;

/// A range of heights, upper first.
pub(crate) type Band = (f32, f32);

/// A painted background, and the places it offers. All in image pixels.
pub(crate) struct Stage {
    /// The picture so far.
    pub(crate) picture: Pixmap,
    /// Where the sky or wall ends.
    pub(crate) horizon: f32,
    /// Heights at which things can stand.
    pub(crate) ground: Option<Band>,
    /// Heights at which vehicles drive.
    pub(crate) road: Option<Band>,
    /// Heights of open water.
    pub(crate) water: Option<Band>,
}

impl Stage {
    /// Paints a random variant. `None` only if the picture cannot be allocated.
    pub(crate) fn new(background: Background, rng: &mut SceneRng) -> Option<Self> {
        let horizon = match background {
            Background::Sea => rng.range(95.0, 135.0),
            Background::Room => rng.range(150.0, 180.0),
            _ => rng.range(112.0, 150.0),
        };
        let mut stage = Self {
            picture: Pixmap::new(Scene::SIZE, Scene::SIZE)?,
            horizon,
            ground: Some((horizon + 28.0, 248.0)),
            road: None,
            water: None,
        };
        match background {
            Background::Meadow => stage.meadow(rng),
            Background::Sea => stage.sea(rng),
            Background::Road => stage.country_road(rng),
            Background::Snow => stage.snow(rng),
            Background::Night => stage.night(rng),
            Background::Room => stage.room(rng),
            Background::Desert => stage.desert(rng),
        }
        Some(stage)
    }

    fn fill(&mut self, shape: Shape, ink: impl Into<Ink>) {
        if let Some(path) = shape {
            paint_path(&mut self.picture.as_mut(), &path, ink.into(), Transform::identity(), None);
        }
    }

    fn sky(&mut self, top: Tint, bottom: Tint) {
        self.fill(rect(0.0, 0.0, SIDE, self.horizon + 60.0), Ink::Down(top, bottom));
    }

    fn day_sky(&mut self, rng: &mut SceneRng) {
        let (top, bottom) = rng.weighted(&[
            ((Tint::rgb(112, 182, 240), Tint::rgb(190, 224, 250)), 4.0),
            ((Tint::rgb(140, 204, 246), Tint::rgb(222, 240, 252)), 3.0),
            ((Tint::rgb(160, 184, 232), Tint::rgb(250, 220, 206)), 1.5),
            ((Tint::rgb(176, 196, 214), Tint::rgb(222, 230, 236)), 1.0),
        ]);
        self.sky(top, bottom);
    }

    /// A ridge of hills around a height, filled down to the bottom.
    fn hills(&mut self, rng: &mut SceneRng, height: f32, swing: f32, ink: Ink) {
        let count = rng.whole(3, 6);
        let points: Vec<Xy> = (0..=count + 1)
            .map(|i| {
                let x = (i as f32 - 0.5) / count as f32 * (SIDE + 60.0) - 30.0;
                (x, height + rng.range(-swing, swing))
            })
            .collect();
        self.fill(below_curve(&points, SIDE + 2.0), ink);
    }

    fn meadow(&mut self, rng: &mut SceneRng) {
        self.day_sky(rng);
        let hue = rng.range(82.0, 102.0);
        let grass = |value: f32, saturation: f32| Tint::hsv(hue, saturation, value);
        if rng.chance(0.4) {
            let far = Ink::Flat(Tint::hsv(hue + 70.0, 0.22, 0.82));
            self.hills(rng, self.horizon - 22.0, 16.0, far);
        }
        self.hills(rng, self.horizon + 2.0, 12.0, Ink::Down(grass(0.88, 0.34), grass(0.82, 0.40)));
        self.hills(rng, self.horizon + 18.0, 8.0, Ink::Down(grass(0.82, 0.46), grass(0.68, 0.52)));
        self.tufts(rng, grass(0.58, 0.55), 26);
    }

    /// Tufts of grass, larger towards the viewer.
    fn tufts(&mut self, rng: &mut SceneRng, tint: Tint, count: usize) {
        for _ in 0..count {
            let (x, y) = (rng.range(0.0, SIDE), rng.range(self.horizon + 30.0, SIDE));
            let size = 2.0 + 3.5 * (y - self.horizon) / (SIDE - self.horizon);
            for lean in [-0.7, 0.0, 0.7] {
                let blade = polyline(&[(x, y), (x + lean * size, y - size)]);
                self.fill(stroked(&blade, 1.0), Ink::Clear(tint, 0.7));
            }
        }
    }

    fn sea(&mut self, rng: &mut SceneRng) {
        self.day_sky(rng);
        if rng.chance(0.35) {
            let x = rng.range(20.0, 220.0);
            let island = ellipse(x, self.horizon + 2.0, rng.range(28.0, 52.0), rng.range(7.0, 13.0));
            self.fill(island, Tint::rgb(150, 176, 190));
        }
        let beach = rng.chance(0.45).then(|| rng.range(196.0, 214.0));
        let hue = rng.range(184.0, 200.0);
        let (far, near) = (Tint::hsv(hue, 0.36, 0.86), Tint::hsv(hue + 5.0, 0.60, 0.70));
        self.water_surface(rng, far, near);
        let shore = beach.unwrap_or(SIDE);
        self.water = Some((self.horizon + 14.0, (shore - 12.0).min(240.0)));
        self.ground = beach.map(|shore| (shore + 14.0, 250.0));
        if let Some(shore) = beach {
            let sand = Tint::hsv(rng.range(38.0, 44.0), 0.30, 0.93);
            self.hills(rng, shore - 3.0, 4.0, Ink::Clear(Tint::WHITE, 0.7));
            self.hills(rng, shore + 2.0, 3.0, Ink::Down(sand, sand.darker(0.1)));
            self.pebbles(rng, shore + 12.0, sand.darker(0.25), 20);
        }
    }

    fn water_surface(&mut self, rng: &mut SceneRng, far: Tint, near: Tint) {
        self.fill(rect(0.0, self.horizon, SIDE, SIDE - self.horizon), Ink::Down(far, near));
        for _ in 0..34 {
            let y = rng.range(self.horizon + 4.0, SIDE);
            let t = (y - self.horizon) / (SIDE - self.horizon);
            let (x, reach) = (rng.range(-10.0, SIDE), 4.0 + 10.0 * t);
            let wave = curve(&[
                (x - reach, y),
                (x - reach * 0.4, y - 1.0 - 1.6 * t),
                (x + reach * 0.4, y),
                (x + reach, y - 1.0 - t),
            ]);
            self.fill(stroked(&wave, 0.9 + t), Ink::Clear(far.lighter(0.45), 0.5));
        }
    }

    fn pebbles(&mut self, rng: &mut SceneRng, from: f32, tint: Tint, count: usize) {
        for _ in 0..count {
            let (x, y) = (rng.range(0.0, SIDE), rng.range(from.min(SIDE - 2.0), SIDE));
            self.fill(ellipse(x, y, rng.range(0.8, 2.4), rng.range(0.6, 1.2)), Ink::Clear(tint, 0.7));
        }
    }

    fn country_road(&mut self, rng: &mut SceneRng) {
        self.day_sky(rng);
        let city = rng.chance(0.35);
        let hue = rng.range(80.0, 104.0);
        if city {
            self.skyline(rng);
        }
        let verge = Tint::hsv(hue, 0.38, 0.80);
        self.hills(
            rng,
            self.horizon + 8.0,
            if city { 2.0 } else { 9.0 },
            Ink::Down(verge.lighter(0.15), verge.darker(0.15)),
        );
        let top = rng.range(self.horizon + 44.0, 200.0);
        let height = rng.range(48.0, 62.0);
        let slope = rng.range(-7.0, 7.0);
        let asphalt = Tint::hsv(225.0, 0.07, rng.range(0.46, 0.56));
        let band = |from: f32, to: f32| {
            polygon(&[
                (-2.0, from + slope),
                (SIDE + 2.0, from - slope),
                (SIDE + 2.0, to - slope),
                (-2.0, to + slope),
            ])
        };
        self.fill(band(top - 4.0, top + height + 4.0), verge.mix(Tint::rgb(200, 190, 170), 0.7));
        self.fill(band(top, top + height), Ink::Down(asphalt, asphalt.darker(0.12)));
        let mark = if rng.chance(0.5) { Tint::rgb(246, 240, 220) } else { Tint::rgb(250, 220, 120) };
        let start = rng.range(-20.0, 10.0);
        for i in 0..8 {
            let x = start + 40.0 * i as f32;
            let y = |x: f32| top + height * 0.5 + slope * (1.0 - 2.0 * x / SIDE);
            self.fill(stroked(&polyline(&[(x, y(x)), (x + 18.0, y(x + 18.0))]), 3.0), mark);
        }
        self.tufts(rng, Tint::hsv(hue, 0.5, 0.6), 8);
        self.road = Some((top + 14.0, (top + height - 4.0).min(246.0)));
        self.ground = Some((self.horizon + 26.0, top - 2.0));
    }

    /// Pale towers far away, without windows or roofs.
    fn skyline(&mut self, rng: &mut SceneRng) {
        let mut x = -5.0;
        while x < SIDE {
            let (width, height) = (rng.range(14.0, 30.0), rng.range(12.0, 48.0));
            let haze = Tint::rgb(186, 204, 224).darker(rng.range(0.0, 0.08));
            self.fill(rect(x, self.horizon - height, width, height + 30.0), haze);
            x += width + rng.range(-3.0, 8.0);
        }
    }

    fn snow(&mut self, rng: &mut SceneRng) {
        let (top, bottom) = rng.pick(&[
            (Tint::rgb(150, 186, 222), Tint::rgb(216, 230, 244)),
            (Tint::rgb(170, 182, 206), Tint::rgb(226, 226, 238)),
            (Tint::rgb(126, 180, 232), Tint::rgb(206, 230, 250)),
        ]);
        self.sky(top, bottom);
        let ice = |depth: f32| Tint::rgb(246, 250, 255).mix(Tint::rgb(178, 202, 230), depth);
        if rng.chance(0.5) {
            self.peaks(rng, ice(0.75));
        }
        self.hills(rng, self.horizon + 2.0, 10.0, Ink::Down(ice(0.35), ice(0.25)));
        self.hills(rng, self.horizon + 22.0, 7.0, Ink::Down(ice(0.05), ice(0.3)));
        for _ in 0..5 {
            let (x, y) = (rng.range(0.0, SIDE), rng.range(self.horizon + 34.0, SIDE));
            self.fill(ellipse(x, y, rng.range(14.0, 34.0), 2.4), Ink::Clear(ice(0.9), 0.35));
        }
        for _ in 0..rng.pick(&[0, 30, 70]) {
            let (x, y) = (rng.range(0.0, SIDE), rng.range(0.0, SIDE));
            self.fill(circle(x, y, rng.range(0.7, 1.7)), Ink::Clear(Tint::WHITE, 0.9));
        }
    }

    /// Mountains with white tops.
    fn peaks(&mut self, rng: &mut SceneRng, rock: Tint) {
        let mut x = rng.range(-30.0, 10.0);
        while x < SIDE {
            let (half, rise) = (rng.range(34.0, 60.0), rng.range(30.0, 58.0));
            let base = self.horizon + 16.0;
            let tip = (x + half, base - rise);
            self.fill(polygon(&[(x, base), tip, (x + half * 2.0, base)]), rock);
            let cap = polygon(&[
                (tip.0 - half * 0.3, tip.1 + rise * 0.3),
                tip,
                (tip.0 + half * 0.3, tip.1 + rise * 0.3),
                (tip.0 + half * 0.06, tip.1 + rise * 0.2),
            ]);
            self.fill(cap, Tint::rgb(248, 251, 255));
            x += half * rng.range(1.0, 1.7);
        }
    }

    fn night(&mut self, rng: &mut SceneRng) {
        let hue = rng.range(222.0, 250.0);
        self.sky(Tint::hsv(hue, 0.62, 0.20), Tint::hsv(hue - 6.0, 0.50, 0.42));
        for _ in 0..rng.whole(25, 60) {
            let (x, y) = (rng.range(0.0, SIDE), rng.range(0.0, self.horizon));
            let glow = Ink::Clear(Tint::rgb(255, 250, 226), rng.range(0.4, 1.0));
            self.fill(circle(x, y, rng.range(0.5, 1.3)), glow);
        }
        if rng.chance(0.3) {
            let (far, near) = (Tint::hsv(hue - 14.0, 0.52, 0.44), Tint::hsv(hue - 8.0, 0.60, 0.28));
            self.water_surface(rng, far, near);
            self.water = Some((self.horizon + 14.0, 240.0));
            self.ground = None;
        } else {
            let ground = rng.range(150.0, 236.0);
            let grass = |v: f32| Tint::hsv(ground, 0.34, v);
            self.hills(rng, self.horizon, 12.0, Ink::Flat(grass(0.34)));
            self.hills(rng, self.horizon + 18.0, 8.0, Ink::Down(grass(0.40), grass(0.28)));
            self.tufts(rng, grass(0.52), 18);
        }
    }

    fn desert(&mut self, rng: &mut SceneRng) {
        let (top, bottom) = rng.pick(&[
            (Tint::rgb(120, 190, 236), Tint::rgb(252, 236, 206)),
            (Tint::rgb(160, 206, 232), Tint::rgb(248, 226, 196)),
            (Tint::rgb(150, 172, 220), Tint::rgb(252, 208, 178)),
        ]);
        self.sky(top, bottom);
        let hue = rng.range(32.0, 40.0);
        let sand = |saturation: f32, value: f32| Tint::hsv(hue, saturation, value);
        if rng.chance(0.45) {
            let mut x = rng.range(-20.0, 40.0);
            while x < SIDE {
                let (width, height) = (rng.range(34.0, 70.0), rng.range(14.0, 34.0));
                let y = self.horizon - height + 6.0;
                let mesa = polygon(&[
                    (x, y + height + 12.0),
                    (x + 7.0, y),
                    (x + width - 7.0, y),
                    (x + width, y + height + 12.0),
                ]);
                self.fill(mesa, Tint::hsv(hue - 14.0, 0.30, 0.82));
                x += width + rng.range(20.0, 90.0);
            }
        }
        self.hills(rng, self.horizon + 2.0, 13.0, Ink::Down(sand(0.34, 0.95), sand(0.42, 0.90)));
        self.hills(rng, self.horizon + 20.0, 9.0, Ink::Down(sand(0.38, 0.97), sand(0.46, 0.86)));
        for _ in 0..7 {
            let (x, y) = (rng.range(0.0, SIDE), rng.range(self.horizon + 36.0, SIDE));
            let ripple = curve(&[(x - 22.0, y), (x - 8.0, y - 3.0), (x + 8.0, y), (x + 22.0, y - 2.0)]);
            self.fill(stroked(&ripple, 1.4), Ink::Clear(sand(0.55, 0.75), 0.6));
        }
        self.pebbles(rng, self.horizon + 30.0, sand(0.5, 0.6), 24);
    }
}
