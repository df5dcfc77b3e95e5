//! Paths of simple shapes, in whatever coordinates the caller draws in (y grows downwards).
//!
//! Each returns `None` where the numbers enclose nothing, and whoever paints skips those.

use tiny_skia::{LineCap, LineJoin, Path, PathBuilder, Rect, Stroke, Transform};

/// A path, if the numbers make one.
pub(crate) type Shape = Option<Path>;

/// A point as (x, y).
pub(crate) type Xy = (f32, f32);

/// A circle around a centre.
pub(crate) fn circle(x: f32, y: f32, radius: f32) -> Shape {
    PathBuilder::from_circle(x, y, radius)
}

/// An axis-parallel ellipse around a centre.
pub(crate) fn ellipse(x: f32, y: f32, rx: f32, ry: f32) -> Shape {
    PathBuilder::from_oval(Rect::from_ltrb(x - rx, y - ry, x + rx, y + ry)?)
}

/// An ellipse turned by `degrees` clockwise around its centre.
pub(crate) fn turned_ellipse(center: Xy, radii: Xy, degrees: f32) -> Shape {
    let (x, y) = center;
    ellipse(x, y, radii.0, radii.1)?.transform(Transform::from_rotate_at(degrees, x, y))
}

/// A rectangle from its upper left corner.
pub(crate) fn rect(x: f32, y: f32, width: f32, height: f32) -> Shape {
    Some(PathBuilder::from_rect(Rect::from_xywh(x, y, width, height)?))
}

/// A rectangle with rounded corners, from its upper left corner.
pub(crate) fn round_rect(x: f32, y: f32, width: f32, height: f32, radius: f32) -> Shape {
    let r = radius.min(width / 2.0).min(height / 2.0);
    let (right, bottom) = (x + width, y + height);
    let mut path = PathBuilder::new();
    path.move_to(x + r, y);
    path.line_to(right - r, y);
    path.quad_to(right, y, right, y + r);
    path.line_to(right, bottom - r);
    path.quad_to(right, bottom, right - r, bottom);
    path.line_to(x + r, bottom);
    path.quad_to(x, bottom, x, bottom - r);
    path.line_to(x, y + r);
    path.quad_to(x, y, x + r, y);
    path.close();
    path.finish()
}

/// A closed polygon.
pub(crate) fn polygon(points: &[Xy]) -> Shape {
    let mut path = PathBuilder::new();
    push_lines(&mut path, points);
    path.close();
    path.finish()
}

/// An open line through points, to be stroked.
pub(crate) fn polyline(points: &[Xy]) -> Shape {
    let mut path = PathBuilder::new();
    push_lines(&mut path, points);
    path.finish()
}

fn push_lines(path: &mut PathBuilder, points: &[Xy]) {
    for (i, &(x, y)) in points.iter().enumerate() {
        if i == 0 { path.move_to(x, y) } else { path.line_to(x, y) }
    }
}

/// A closed smooth curve through points (Catmull–Rom).
pub(crate) fn smooth(points: &[Xy]) -> Shape {
    let n = points.len();
    if n < 3 {
        return None;
    }
    let mut path = PathBuilder::new();
    path.move_to(points[0].0, points[0].1);
    for i in 0..n {
        push_curve(&mut path, [points[(i + n - 1) % n], points[i], points[(i + 1) % n], points[(i + 2) % n]]);
    }
    path.close();
    path.finish()
}

/// An open smooth curve through points, to be stroked.
pub(crate) fn curve(points: &[Xy]) -> Shape {
    open_curve(points)?.finish()
}

fn open_curve(points: &[Xy]) -> Option<PathBuilder> {
    let last = points.len().checked_sub(1)?;
    let mut path = PathBuilder::new();
    path.move_to(points[0].0, points[0].1);
    for i in 0..last {
        push_curve(
            &mut path,
            [points[i.saturating_sub(1)], points[i], points[i + 1], points[(i + 2).min(last)]],
        );
    }
    Some(path)
}

/// The Bézier segment from the second to the third of four points of a Catmull–Rom curve.
fn push_curve(path: &mut PathBuilder, [before, from, to, after]: [Xy; 4]) {
    let out = (from.0 + (to.0 - before.0) / 6.0, from.1 + (to.1 - before.1) / 6.0);
    let into = (to.0 - (after.0 - from.0) / 6.0, to.1 - (after.1 - from.1) / 6.0);
    path.cubic_to(out.0, out.1, into.0, into.1, to.0, to.1);
}

/// The closed region below a smooth curve, down to `bottom`: hills, dunes.
pub(crate) fn below_curve(points: &[Xy], bottom: f32) -> Shape {
    let (first, last) = (points.first()?, points.last()?);
    let mut path = open_curve(points)?;
    path.line_to(last.0, bottom);
    path.line_to(first.0, bottom);
    path.close();
    path.finish()
}

/// The outline of a line of some width, with round ends and joins.
pub(crate) fn stroked(path: &Shape, width: f32) -> Shape {
    let stroke = Stroke { width, line_cap: LineCap::Round, line_join: LineJoin::Round, ..Stroke::default() };
    // The scale says how finely curves are flattened: objects are drawn up to twice their size.
    path.as_ref()?.stroke(&stroke, 2.0)
}

/// A straight bar with round ends.
pub(crate) fn bar(from: Xy, to: Xy, width: f32) -> Shape {
    stroked(&polyline(&[from, to]), width)
}

/// The point at an angle (degrees, clockwise from the right) and distance from a centre.
pub(crate) fn polar(center: Xy, degrees: f32, radius: f32) -> Xy {
    let (sin, cos) = degrees.to_radians().sin_cos();
    (center.0 + radius * cos, center.1 + radius * sin)
}
