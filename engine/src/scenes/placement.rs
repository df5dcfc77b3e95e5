//! Finds places for objects, one after the other, such that each can be seen well enough.

use tiny_skia::{Point, Transform};

use super::{
    Background, Color, Kind, Scene, Size,
    background::Stage,
    draw::{Setting, draw},
    repertoire::{self, Place},
    rng::SceneRng,
    shapes::Xy,
    sketch::{Perch, Raster, Sketch},
};

const SIDE: f32 = Scene::SIZE as f32;
/// Of each object at least this share can be seen.
pub(crate) const MIN_VISIBLE: f32 = 0.6;
/// And at least this many pixels.
pub(crate) const MIN_AREA: usize = 260;
/// Places tried for an object before it is left out.
const TRIES: usize = 48;

/// An object at its place.
pub(crate) struct Placed {
    pub(crate) kind: Kind,
    pub(crate) color: Color,
    pub(crate) size: Size,
    /// Larger is nearer.
    pub(crate) depth: f32,
    pub(crate) raster: Raster,
    /// Pixels of the whole object.
    pub(crate) area: usize,
    /// Those of them that are seen.
    visible: usize,
    pub(crate) sketch: Sketch,
    /// From the sketch's coordinates to the picture's.
    pub(crate) transform: Transform,
    /// An index into [`Placement::placed`].
    pub(crate) supported_by: Option<usize>,
}

/// A scene in the making.
pub(crate) struct Placement {
    background: Background,
    pub(crate) stage: Stage,
    /// Fewer and larger objects, which may reach over the edge a little.
    zoomed: bool,
    /// In the order they were put there.
    pub(crate) placed: Vec<Placed>,
    /// Of each pixel, which object is seen there.
    front: Vec<Option<usize>>,
}

/// Where a sketch shall be tried.
struct Spot {
    at: Xy,
    depth: f32,
    supported_by: Option<usize>,
}

impl Placement {
    /// An empty one.
    pub(crate) fn new(background: Background, stage: Stage, zoomed: bool) -> Self {
        let front = vec![None; (Scene::SIZE * Scene::SIZE) as usize];
        Self { background, stage, zoomed, placed: Vec::new(), front }
    }

    /// Tries to give an object a place; leaves it out if there is none.
    pub(crate) fn add(&mut self, kind: Kind, color: Color, rng: &mut SceneRng) {
        let (factor, size) = self.factor(rng);
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
        let mut candidate = Placed {
            kind,
            color,
            size,
            depth: 0.0,
            area: raster.area(),
            visible: 0,
            raster,
            sketch,
            transform: pose,
            supported_by: None,
        };
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
                self.keep(candidate);
                return;
            }
        }
    }

    /// How many times its usual size an object is drawn, and what that is called. There is a gap
    /// between the names, so that nobody could argue.
    fn factor(&self, rng: &mut SceneRng) -> (f32, Size) {
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
        (factor, size)
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
        let mut at = Point::from_xy(rng.range(perch.from, perch.to), perch.y);
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
        let mut visible = 0;
        let mut lost = vec![0; self.placed.len()];
        candidate.raster.for_each_pixel(Scene::SIZE, |x, y, _| match self.front[pixel(x, y)] {
            Some(other) if self.placed[other].depth > candidate.depth => {}
            Some(other) => {
                visible += 1;
                lost[other] += 1;
            }
            None => visible += 1,
        });
        let enough = |visible: usize, placed: &Placed| {
            visible >= MIN_AREA && visible as f32 >= MIN_VISIBLE * placed.area as f32
        };
        enough(visible, candidate)
            && self.placed.iter().zip(lost).all(|(other, lost)| enough(other.visible - lost, other))
    }

    /// Puts the candidate into the scene.
    fn keep(&mut self, mut candidate: Placed) {
        let index = self.placed.len();
        candidate.raster.for_each_pixel(Scene::SIZE, |x, y, _| {
            let front = &mut self.front[pixel(x, y)];
            match *front {
                Some(other) if self.placed[other].depth > candidate.depth => return,
                Some(other) => self.placed[other].visible -= 1,
                None => {}
            }
            candidate.visible += 1;
            *front = Some(index);
        });
        self.placed.push(candidate);
    }
}

fn pixel(x: u32, y: u32) -> usize {
    (y * Scene::SIZE + x) as usize
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
