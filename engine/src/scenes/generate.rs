//! Composes a scene: picks what there is, has it placed, paints, and reads the masks off the drawing.

use image::RgbImage;

use super::{
    Background, Color, Kind, Object, Part, PartKind, Scene,
    background::Stage,
    placement::{Placed, Placement},
    repertoire,
    rng::SceneRng,
    shapes::ellipse,
    sketch::{Ink, Label, Underlay, paint_path},
};
use crate::vision::BinaryMask;

/// A part is listed if this many of its pixels can be seen.
const MIN_PART_AREA: usize = 60;

/// Makes the scene of a seed: always the same for the same seed.
///
/// There are two to six objects; each shows at least half of itself and a few hundred pixels; masks of different objects
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
    let mut placement = Placement::new(background, stage, zoomed);
    for (kind, color) in plan(wanted, background, &placement.stage, rng) {
        placement.add(kind, color, rng);
    }
    if placement.placed.len() < 2 {
        return None;
    }
    finish(placement, seed, background)
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
        if there > 0 && (repertoire::unique(kind) || rng.chance(0.6)) {
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

/// Paints everything and reads off the truth. `None` if an object cannot be seen.
fn finish(placement: Placement, seed: u64, background: Background) -> Option<Scene> {
    let Placement { placed, mut stage, .. } = placement;
    let mut order: Vec<usize> = (0..placed.len()).collect();
    order.sort_by(|&a, &b| placed[a].depth.total_cmp(&placed[b].depth));
    let sorted: Vec<&Placed> = order.iter().map(|&index| &placed[index]).collect();
    for placed in &sorted {
        for underlay in &placed.sketch.underlays {
            paint_underlay(&mut stage.picture, underlay, placed);
        }
        placed.raster.paint_onto(&mut stage.picture);
    }
    let owners = Owners::of(&sorted);
    let objects = sorted
        .iter()
        .enumerate()
        .map(|(index, placed)| {
            let mask = owners.mask(|owner, _| owner == index);
            let bounds = mask.bounding_box()?;
            let visible = mask.area() as f32 / placed.area as f32;
            // Indices of the placement become indices of the depth order.
            let supported_by =
                placed.supported_by.and_then(|support| order.iter().position(|&i| i == support));
            let parts = parts(placed, index, &owners);
            let Placed { kind, color, size, .. } = **placed;
            Some(Object { kind, color, size, mask, bounds, visible, parts, supported_by })
        })
        .collect::<Option<Vec<_>>>()?;
    let pixels = stage.picture.pixels();
    let image = RgbImage::from_fn(Scene::SIZE, Scene::SIZE, |x, y| {
        let p = pixels[(y * Scene::SIZE + x) as usize];
        image::Rgb([p.red(), p.green(), p.blue()])
    });
    Some(Scene { seed, background, objects, image })
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

fn paint_underlay(picture: &mut tiny_skia::Pixmap, underlay: &Underlay, placed: &Placed) {
    const RINGS: i32 = 5;
    // What sits on others throws no shadow on the ground.
    if placed.supported_by.is_some() {
        return;
    }
    // Rings that add up: a soft edge at little cost.
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
mod tests;
