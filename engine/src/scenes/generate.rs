//! Composes a scene: picks what there is, tries places until everything can be seen, paints, and
//! reads the masks off the drawing.

use image::RgbImage;
use tiny_skia::Transform;

use super::{
    Background, Color, Kind, Object, Part, PartKind, Scene, Size,
    background::Stage,
    draw::{Setting, draw},
    repertoire::{self, Place},
    rng::SceneRng,
    shapes::{Xy, ellipse},
    sketch::{Ink, Label, Perch, Raster, Sketch, Underlay, paint_path},
};
use crate::vision::BinaryMask;

const SIDE: f32 = Scene::SIZE as f32;
/// Of each object at least this share can be seen.
const MIN_VISIBLE: f32 = 0.6;
/// And at least this many pixels.
const MIN_AREA: usize = 260;
/// A part is listed if this many of its pixels can be seen.
const MIN_PART_AREA: usize = 60;
/// Places tried for an object before it is left out.
const TRIES: usize = 48;

/// Makes the scene of a seed: always the same for the same seed.
///
/// Each object shows at least half of itself and a few hundred pixels; masks of different objects
/// have no pixel in common.
pub fn generate(seed: u64) -> Scene {
    let mut rng = SceneRng::new(seed);
    loop {
        // Almost always the first time: an unlucky placement starts over.
        if let Some(scene) = compose(seed, &mut rng.fork()) {
            return scene;
        }
    }
}

/// An object at its place.
struct Placed {
    kind: Kind,
    color: Color,
    size: Size,
    /// Larger is nearer.
    depth: f32,
    raster: Raster,
    sketch: Sketch,
    transform: Transform,
    supported_by: Option<usize>,
}

fn compose(seed: u64, rng: &mut SceneRng) -> Option<Scene> {
    let background = rng.weighted(&[
        (Background::Meadow, 1.0),
        (Background::Sea, 1.2),
        (Background::Road, 1.0),
        (Background::Snow, 1.0),
        (Background::Night, 1.0),
        (Background::Room, 1.4),
        (Background::Desert, 1.0),
    ]);
    let stage = Stage::new(background, rng)?;
    let zoomed = rng.chance(0.25);
    let wanted = if zoomed {
        rng.weighted(&[(2, 2.0), (3, 2.0), (4, 1.0)])
    } else {
        rng.weighted(&[(2, 1.0), (3, 2.0), (4, 2.6), (5, 2.2), (6, 1.6)])
    };
    let mut placement = Placement { background, stage, zoomed, placed: Vec::new() };
    for (kind, color) in plan(wanted, background, &placement.stage, rng) {
        placement.add(kind, color, rng);
    }
    (placement.placed.len() >= 2).then(|| placement.finish(seed))?
}

/// What there shall be, larger things first, so that small ones find their places between them.
fn plan(wanted: usize, background: Background, stage: &Stage, rng: &mut SceneRng) -> Vec<(Kind, Color)> {
    let choices = repertoire::kinds(background, stage);
    let mut plan: Vec<(Kind, Color)> = Vec::new();
    // Often several of a kind, to be counted and told apart.
    if rng.chance(0.42) {
        let kind = rng.weighted(&choices);
        if !repertoire::unique(kind) {
            let count = rng.weighted(&[(2, 3.0), (3, 2.0), (4, 1.0)]).min(wanted);
            let same = rng.chance(0.35).then(|| repertoire::color(kind, background, rng));
            for _ in 0..count {
                let color = same.unwrap_or_else(|| repertoire::color(kind, background, rng));
                plan.push((kind, color));
            }
        }
    }
    while plan.len() < wanted {
        let kind = rng.weighted(&choices);
        let there = plan.iter().filter(|(k, _)| *k == kind).count();
        if (repertoire::unique(kind) && there > 0) || (there > 0 && rng.chance(0.6)) {
            continue;
        }
        plan.push((kind, repertoire::color(kind, background, rng)));
    }
    let rank = |kind: Kind| match kind {
        Kind::House | Kind::Car => 0,
        Kind::Tree | Kind::Boat | Kind::Bicycle => 1,
        Kind::Person | Kind::Lamp | Kind::Chair | Kind::Cloud => 2,
        _ => 3,
    };
    plan.sort_by_key(|&(kind, _)| rank(kind));
    plan
}

struct Placement {
    background: Background,
    stage: Stage,
    zoomed: bool,
    placed: Vec<Placed>,
}

/// Where a sketch shall be tried.
struct Spot {
    at: Xy,
    depth: f32,
    supported_by: Option<usize>,
}

impl Placement {
    /// Tries to give an object a place; leaves it out if there is none.
    fn add(&mut self, kind: Kind, color: Color, rng: &mut SceneRng) {
        let factor = if self.zoomed {
            rng.range(1.6, 1.95) * rng.weighted(&[(1.0, 3.0), (0.62, 1.0)])
        } else {
            match rng.weighted(&[(Size::Small, 1.0), (Size::Medium, 2.6), (Size::Large, 1.2)]) {
                Size::Small => rng.range(0.62, 0.72),
                Size::Medium => rng.range(0.9, 1.15),
                Size::Large => rng.range(1.42, 1.65),
            }
        };
        let size = match factor {
            f if f < 0.8 => Size::Small,
            f if f > 1.3 => Size::Large,
            _ => Size::Medium,
        };
        let scale = factor * repertoire::usual_scale(kind);
        let seat = self.free_seat(kind, rng);
        let airborne = seat.is_none()
            && kind == Kind::Bird
            && (self.stage.ground.is_none() || (self.background != Background::Room && rng.chance(0.6)));
        let mut sketch = Sketch::new(scale, rng.fork());
        draw(kind, color, Setting { background: self.background, airborne }, &mut sketch);
        let place = match (kind, airborne) {
            (Kind::Bird, false) => Place::Ground,
            _ => repertoire::place(kind),
        };
        let tilt =
            if seat.is_some() || place != repertoire::place(kind) { 0.0 } else { repertoire::max_tilt(kind) };
        let pose = Transform::from_scale(scale * rng.sign(), scale * rng.range(0.95, 1.05))
            .post_rotate(rng.range(-tilt, tilt));
        let Some(raster) = sketch.rasterize(pose) else { return };
        let mut candidate =
            Placed { kind, color, size, depth: 0.0, raster, sketch, transform: pose, supported_by: None };
        for attempt in 0..TRIES {
            let spot = match seat {
                Some((support, perch)) if attempt < TRIES / 3 => Some(self.spot_on(support, perch, rng)),
                _ => self.spot(place, kind, scale, rng),
            };
            let Some(spot) = spot else { return };
            // Whole pixels, so that the drawing can be moved instead of made again.
            let (x, y) = (spot.at.0.round(), spot.at.1.round());
            candidate.raster.moved_to(x as i32, y as i32);
            candidate.transform = pose.post_translate(x, y);
            candidate.depth = spot.depth;
            candidate.supported_by = spot.supported_by;
            if self.fits(&candidate) {
                self.placed.push(candidate);
                return;
            }
        }
    }

    /// Something placed that has room on it for this kind, now and then.
    fn free_seat(&self, kind: Kind, rng: &mut SceneRng) -> Option<(usize, Perch)> {
        let free = self.placed.iter().enumerate().find_map(|(index, support)| {
            let taken = self.placed.iter().any(|p| p.supported_by == Some(index));
            let perch = support.sketch.perch.filter(|_| !taken && repertoire::can_sit(kind, support.kind))?;
            Some((index, perch))
        })?;
        rng.chance(0.6).then_some(free)
    }

    fn spot_on(&self, support: usize, perch: Perch, rng: &mut SceneRng) -> Spot {
        let under = &self.placed[support];
        let mut at = tiny_skia::Point::from_xy(rng.range(perch.from, perch.to), perch.y);
        under.transform.map_point(&mut at);
        Spot { at: (at.x, at.y), depth: under.depth + 0.01, supported_by: Some(support) }
    }

    /// A random place of the right sort; `None` if the background has none.
    fn spot(&self, place: Place, kind: Kind, scale: f32, rng: &mut SceneRng) -> Option<Spot> {
        let x = rng.range(14.0 + 12.0 * scale, SIDE - 14.0 - 12.0 * scale);
        let near = |y: f32| Spot { at: (x, y), depth: 300.0 + y, supported_by: None };
        Some(match place {
            Place::Air => {
                let half = 22.0 * scale;
                let lowest = match kind {
                    Kind::Balloon => self.stage.horizon - 5.0,
                    Kind::Cloud => self.stage.horizon * 0.62,
                    _ => self.stage.horizon - half,
                };
                let y = rng.range(half + 4.0, lowest.max(half + 10.0));
                let depth = match kind {
                    Kind::Sun | Kind::Moon => 0.0,
                    Kind::Cloud => 1.0,
                    _ => rng.range(2.0, 3.0),
                };
                Spot { at: (x, y), depth, supported_by: None }
            }
            Place::Ground => near(within(self.stage.ground?, rng)),
            Place::Road => near(within(self.stage.road.or(self.stage.ground)?, rng)),
            Place::Afloat => near(within(self.stage.water?, rng)),
            Place::Water => {
                let (top, bottom) = self.stage.water?;
                let half = 16.0 * scale;
                near(rng.range(top + half, (bottom + 8.0 - half).max(top + half + 1.0)))
            }
        })
    }

    /// Whether everything would still be seen well enough with the candidate there.
    fn fits(&self, candidate: &Placed) -> bool {
        let [left, top, right, bottom] = candidate.raster.frame();
        let slack = if self.zoomed { 16 } else { 2 };
        let side = Scene::SIZE as i32;
        if left < -slack || top < -slack || right > side + slack || bottom > side + slack {
            return false;
        }
        if self.placed.iter().any(|other| other.kind == candidate.kind && overlap(other, candidate) > 0.1) {
            return false;
        }
        let mut all: Vec<&Placed> = self.placed.iter().chain([candidate]).collect();
        all.sort_by(|a, b| b.depth.total_cmp(&a.depth));
        // From the front: what is taken hides what comes behind.
        let mut taken = vec![false; (Scene::SIZE * Scene::SIZE) as usize];
        all.iter().all(|placed| {
            let mut visible = 0;
            placed.raster.for_each_pixel(Scene::SIZE, |x, y, _| {
                let pixel = &mut taken[(y * Scene::SIZE + x) as usize];
                visible += usize::from(!*pixel);
                *pixel = true;
            });
            visible >= MIN_AREA && visible as f32 >= MIN_VISIBLE * placed.raster.area() as f32
        })
    }

    /// Paints everything and reads off the truth. `None` if an object cannot be seen.
    fn finish(mut self, seed: u64) -> Option<Scene> {
        let mut order: Vec<usize> = (0..self.placed.len()).collect();
        order.sort_by(|&a, &b| self.placed[a].depth.total_cmp(&self.placed[b].depth));
        let sorted: Vec<&Placed> = order.iter().map(|&index| &self.placed[index]).collect();
        for placed in &sorted {
            for underlay in &placed.sketch.underlays {
                paint_underlay(&mut self.stage.picture, underlay, placed);
            }
            placed.raster.paint_onto(&mut self.stage.picture);
        }
        let owners = Owners::of(&sorted);
        let objects = sorted
            .iter()
            .enumerate()
            .map(|(index, placed)| {
                let mask = owners.mask(|owner, _| owner == index);
                let bounds = mask.bounding_box()?;
                let visible = mask.area() as f32 / placed.raster.area() as f32;
                // Indices of the placement become indices of the depth order.
                let supported_by =
                    placed.supported_by.and_then(|support| order.iter().position(|&i| i == support));
                let parts = parts(placed, index, &owners);
                let Placed { kind, color, size, .. } = **placed;
                Some(Object { kind, color, size, mask, bounds, visible, parts, supported_by })
            })
            .collect::<Option<Vec<_>>>()?;
        let pixels = self.stage.picture.pixels();
        let image = RgbImage::from_fn(Scene::SIZE, Scene::SIZE, |x, y| {
            let p = pixels[(y * Scene::SIZE + x) as usize];
            image::Rgb([p.red(), p.green(), p.blue()])
        });
        Some(Scene { seed, background: self.background, objects, image })
    }
}

fn parts(placed: &Placed, index: usize, owners: &Owners) -> Vec<Part> {
    placed
        .sketch
        .parts
        .iter()
        .map(|&(kind, color)| {
            let mask = owners.mask(|owner, part| owner == index && part == Some(kind));
            Part { kind, color, mask }
        })
        .filter(|part| part.mask.area() >= MIN_PART_AREA)
        .collect()
}

fn within(band: (f32, f32), rng: &mut SceneRng) -> f32 {
    rng.range(band.0, band.1)
}

/// Share of the smaller one's frame that lies in the other's.
fn overlap(a: &Placed, b: &Placed) -> f32 {
    let (p, q) = (a.raster.frame(), b.raster.frame());
    let width = (p[2].min(q[2]) - p[0].max(q[0])).max(0);
    let height = (p[3].min(q[3]) - p[1].max(q[1])).max(0);
    let area = |f: [i32; 4]| (f[2] - f[0]) * (f[3] - f[1]);
    (width * height) as f32 / area(p).min(area(q)).max(1) as f32
}

fn paint_underlay(picture: &mut tiny_skia::Pixmap, underlay: &Underlay, placed: &Placed) {
    // Rings that add up: a soft edge at little cost. Things that sit on others throw no shadow.
    if placed.supported_by.is_some() {
        return;
    }
    const RINGS: i32 = 5;
    let alpha = underlay.alpha / RINGS as f32;
    for ring in 1..=RINGS {
        let t = ring as f32 / RINGS as f32;
        let (x, y) = underlay.center;
        if let Some(path) = ellipse(x, y, underlay.radii.0 * t, underlay.radii.1 * t) {
            paint_path(
                &mut picture.as_mut(),
                &path,
                Ink::Clear(underlay.tint, alpha),
                placed.transform,
                None,
            );
        }
    }
}

/// For each pixel of the picture, the front-most object there and its part.
struct Owners {
    pixels: Vec<Option<(usize, Option<PartKind>)>>,
}

impl Owners {
    /// Of objects from back to front; an owner is an index into that list.
    fn of(sorted: &[&Placed]) -> Self {
        let side = Scene::SIZE;
        let mut pixels = vec![None; (side * side) as usize];
        for (index, placed) in sorted.iter().enumerate() {
            placed.raster.for_each_pixel(side, |x, y, label| {
                let part = match label {
                    Label::Part(part) => Some(part),
                    Label::Body | Label::Outside => None,
                };
                pixels[(y * side + x) as usize] = Some((index, part));
            });
        }
        Self { pixels }
    }

    fn mask(&self, belongs: impl Fn(usize, Option<PartKind>) -> bool) -> BinaryMask {
        BinaryMask::from_fn(Scene::SIZE, Scene::SIZE, |x, y| {
            self.pixels[(y * Scene::SIZE + x) as usize].is_some_and(|(owner, part)| belongs(owner, part))
        })
    }
}

#[cfg(test)]
#[path = "generate_tests.rs"]
mod tests;
