//! One object as a stack of painted shapes, and its rasterisation: colours and, from the same
//! coverage, which pixel belongs to the object and to which of its parts.
//!
//! The drawing functions in `draw` fill a [`Sketch`] in the object's own coordinates: pixels at usual
//! size, x = 0 in the middle, y = 0 where it stands (or in its middle, for what floats), y downwards.

use tiny_skia::{
    FillRule, GradientStop, LinearGradient, Mask, Paint, Path, Pixmap, PixmapMut, PixmapPaint, Point, Rect,
    Shader, SpreadMode, Transform,
};

use super::{
    Color, PartKind,
    palette::{Shades, Tint},
    rng::SceneRng,
    shapes::{Shape, Xy, stroked},
};

/// What a painted shape is for the masks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// The object itself, no named part: takes pixels away from parts beneath.
    Body,
    /// A named part.
    Part(PartKind),
    /// Lines and lights on whatever lies beneath, whose part it stays; outside, body.
    Detail,
}

/// What a shape is filled with.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ink {
    /// One colour.
    Flat(Tint),
    /// One colour, with an opacity below 1; only for details.
    Clear(Tint, f32),
    /// From the first colour at the shape's top to the second at its bottom.
    Down(Tint, Tint),
}

impl From<Tint> for Ink {
    fn from(tint: Tint) -> Self {
        Self::Flat(tint)
    }
}

struct Layer {
    path: Path,
    ink: Ink,
    role: Role,
    /// Paint only inside this shape.
    clip: Option<Path>,
}

/// A place on an object where a small one can sit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Perch {
    /// Left and right end, and height.
    pub(crate) from: f32,
    pub(crate) to: f32,
    pub(crate) y: f32,
}

/// A soft patch on the ground or water under the object: a shadow, foam, a pool of light. Not part
/// of the object.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Underlay {
    pub(crate) center: Xy,
    pub(crate) radii: Xy,
    pub(crate) tint: Tint,
    pub(crate) alpha: f32,
}

/// An object being drawn.
pub(crate) struct Sketch {
    layers: Vec<Layer>,
    /// The colours of its named parts.
    pub(crate) parts: Vec<(PartKind, Color)>,
    /// Where something can sit on it.
    pub(crate) perch: Option<Perch>,
    /// What lies under it.
    pub(crate) underlays: Vec<Underlay>,
    /// Usual width of outlines, in the sketch's coordinates.
    pub(crate) line: f32,
    /// Proportions and style.
    pub(crate) rng: SceneRng,
}

impl Sketch {
    /// An empty one, to be drawn at `scale` image pixels per unit.
    pub(crate) fn new(scale: f32, rng: SceneRng) -> Self {
        Self {
            layers: Vec::new(),
            parts: Vec::new(),
            perch: None,
            underlays: Vec::new(),
            // Thin things keep a visible outline, large ones do not get a fat one.
            line: (0.75 + 0.5 * scale) / scale,
            rng,
        }
    }

    /// Says what colour a part is called by.
    pub(crate) fn declare(&mut self, part: PartKind, color: Color) -> Shades {
        self.parts.push((part, color));
        Shades::new(color, &mut self.rng)
    }

    /// Fills a shape.
    pub(crate) fn fill(&mut self, role: Role, shape: Shape, ink: impl Into<Ink>) {
        if let Some(path) = shape {
            self.layers.push(Layer { path, ink: ink.into(), role, clip: None });
        }
    }

    /// Fills the part of a shape that lies inside another.
    pub(crate) fn fill_inside(&mut self, clip: &Shape, role: Role, shape: Shape, ink: impl Into<Ink>) {
        if let (Some(path), Some(clip)) = (shape, clip.clone()) {
            self.layers.push(Layer { path, ink: ink.into(), role, clip: Some(clip) });
        }
    }

    /// Fills a shape and draws its outline, both of one role.
    pub(crate) fn outlined(&mut self, role: Role, shape: Shape, ink: impl Into<Ink>, line: Tint) {
        let outline = stroked(&shape, self.line);
        self.fill(role, shape, ink);
        self.fill(role, outline, line);
    }

    /// Several overlapping shapes with one outline around them all.
    pub(crate) fn outlined_group(&mut self, role: Role, shapes: &[Shape], ink: Ink, line: Tint) {
        for shape in shapes {
            self.fill(role, stroked(shape, self.line * 2.0), line);
        }
        for shape in shapes {
            self.fill(role, shape.clone(), ink);
        }
    }

    /// A line on what lies beneath.
    pub(crate) fn detail_line(&mut self, shape: &Shape, width: f32, ink: impl Into<Ink>) {
        self.fill(Role::Detail, stroked(shape, width), ink);
    }

    /// A shadow on the ground, `half_width` to each side.
    pub(crate) fn ground_shadow(&mut self, x: f32, half_width: f32) {
        self.underlays.push(Underlay {
            center: (x, 0.0),
            radii: (half_width, half_width * 0.16 + 1.5),
            tint: Tint::INK,
            alpha: 0.22,
        });
    }

    /// The object's extent under a transform.
    fn bounds(&self, transform: Transform) -> Option<Rect> {
        let mut all: Option<Rect> = None;
        for layer in &self.layers {
            let bounds = layer.path.clone().transform(transform)?.bounds();
            all = Some(match all {
                None => bounds,
                Some(a) => Rect::from_ltrb(
                    a.left().min(bounds.left()),
                    a.top().min(bounds.top()),
                    a.right().max(bounds.right()),
                    a.bottom().max(bounds.bottom()),
                )?,
            });
        }
        all
    }

    /// Draws the object under a transform (scale and rotation) that keeps the origin at (0, 0).
    ///
    /// `None` where there is nothing to draw or it would be unreasonably large.
    pub(crate) fn rasterize(&self, transform: Transform) -> Option<Raster> {
        let bounds = self.bounds(transform)?;
        let (left, top) = (bounds.left().floor() as i32 - 1, bounds.top().floor() as i32 - 1);
        let width = (bounds.right().ceil() as i32 + 1 - left) as u32;
        let height = (bounds.bottom().ceil() as i32 + 1 - top) as u32;
        if width > 600 || height > 600 {
            return None;
        }
        let to_crop = transform.post_translate(-left as f32, -top as f32);
        let mut pixmap = Pixmap::new(width, height)?;
        let mut owners = vec![Label::Outside; (width * height) as usize];
        for layer in &self.layers {
            let clip = match &layer.clip {
                None => None,
                Some(path) => Some(coverage(path, width, height, to_crop)?),
            };
            paint_path(&mut pixmap.as_mut(), &layer.path, layer.ink, to_crop, clip.as_ref());
            let label = match layer.role {
                Role::Body => Label::Body,
                Role::Part(part) => Label::Part(part),
                Role::Detail => continue,
            };
            let covered = coverage(&layer.path, width, height, to_crop)?;
            let clip = clip.as_ref().map(Mask::data);
            for (i, (owner, &c)) in owners.iter_mut().zip(covered.data()).enumerate() {
                if c >= 128 && clip.is_none_or(|clip| clip[i] >= 128) {
                    *owner = label;
                }
            }
        }
        // The object is what all shapes together cover, seams and details included.
        for (owner, pixel) in owners.iter_mut().zip(pixmap.pixels()) {
            let inside = pixel.alpha() >= 128;
            *owner = match (inside, *owner) {
                (false, _) => Label::Outside,
                (true, Label::Outside) => Label::Body,
                (true, label) => label,
            };
        }
        Some(Raster { origin: (0, 0), left, top, pixmap, labels: owners })
    }
}

/// Coverage of a path, 0 to 255, on a grid.
fn coverage(path: &Path, width: u32, height: u32, transform: Transform) -> Option<Mask> {
    let mut mask = Mask::new(width, height)?;
    mask.fill_path(path, FillRule::Winding, true, transform);
    Some(mask)
}

/// Fills a path, anti-aliased.
pub(crate) fn paint_path(
    pixmap: &mut PixmapMut<'_>,
    path: &Path,
    ink: Ink,
    transform: Transform,
    clip: Option<&Mask>,
) {
    let shader = match ink {
        Ink::Flat(tint) => Shader::SolidColor(tint.with_alpha(1.0)),
        Ink::Clear(tint, alpha) => Shader::SolidColor(tint.with_alpha(alpha)),
        Ink::Down(top, bottom) => {
            let bounds = path.bounds();
            LinearGradient::new(
                Point::from_xy(0.0, bounds.top()),
                Point::from_xy(0.0, bounds.bottom()),
                vec![
                    GradientStop::new(0.0, top.with_alpha(1.0)),
                    GradientStop::new(1.0, bottom.with_alpha(1.0)),
                ],
                SpreadMode::Pad,
                Transform::identity(),
            )
            // A shape without height has no gradient.
            .unwrap_or(Shader::SolidColor(top.with_alpha(1.0)))
        }
    };
    let paint = Paint { shader, anti_alias: true, ..Paint::default() };
    pixmap.fill_path(path, &paint, FillRule::Winding, transform, clip);
}

/// Whose a pixel is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Label {
    /// Not the object's.
    Outside,
    /// The object's, of no named part.
    Body,
    /// A named part's.
    Part(PartKind),
}

/// An object drawn at its place; may reach over the image's edges.
pub(crate) struct Raster {
    /// Where the sketch's origin is.
    origin: (i32, i32),
    left: i32,
    top: i32,
    pixmap: Pixmap,
    labels: Vec<Label>,
}

impl Raster {
    /// Pixels of the whole object, those outside the image included.
    pub(crate) fn area(&self) -> usize {
        self.labels.iter().filter(|&&label| label != Label::Outside).count()
    }

    /// Calls `visit(x, y, label)` for each pixel of the object that lies in a square image.
    pub(crate) fn for_each_pixel(&self, image_side: u32, mut visit: impl FnMut(u32, u32, Label)) {
        let width = self.pixmap.width() as usize;
        for (row, labels) in (self.top..).zip(self.labels.chunks_exact(width)) {
            for (column, &label) in (self.left..).zip(labels) {
                let inside = |v: i32| (0..image_side as i32).contains(&v);
                if label != Label::Outside && inside(row) && inside(column) {
                    visit(column as u32, row as u32, label);
                }
            }
        }
    }

    /// Left, top, right, bottom of the drawn area.
    pub(crate) fn frame(&self) -> [i32; 4] {
        let (width, height) = (self.pixmap.width() as i32, self.pixmap.height() as i32);
        [self.left, self.top, self.left + width, self.top + height]
    }

    /// Moves it by whole pixels, so that the sketch's origin comes to lie there. It must have been
    /// drawn with the origin at (0, 0).
    pub(crate) fn moved_to(&mut self, x: i32, y: i32) {
        self.left += x - self.origin.0;
        self.top += y - self.origin.1;
        self.origin = (x, y);
    }

    /// Blends the object into the picture.
    pub(crate) fn paint_onto(&self, picture: &mut Pixmap) {
        picture.draw_pixmap(
            self.left,
            self.top,
            self.pixmap.as_ref(),
            &PixmapPaint::default(),
            Transform::identity(),
            None,
        );
    }
}
