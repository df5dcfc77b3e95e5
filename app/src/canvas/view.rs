//! Where picture and screen meet: zoom, pan and the map between the two.
//!
//! Screen lengths are egui points; image lengths are pixels of the picture, the origin being the
//! upper left corner of the upper left pixel.

use egui::{Pos2, Rect, Vec2, pos2, vec2};
use glamm_engine::vision::PixelBox;

/// Points left free around a fitted picture.
const MARGIN: f32 = 16.0;
/// A pixel is never larger than this on the screen, in points.
const MAX_SCALE: f32 = 64.0;
/// A picture can be made this much smaller than fitted, and always as small as it is at 100 %.
const MIN_OF_FIT: f32 = 0.25;

/// How a picture is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Viewpoint {
    /// All of it, as large as there is room.
    #[default]
    Fit,
    /// As the user put it.
    Free {
        /// Points per image pixel.
        scale: f32,
        /// The place of the picture that is in the middle of the canvas, in image pixels.
        center: Pos2,
    },
}

/// The map from picture to screen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct View {
    canvas: Rect,
    image_size: Vec2,
    scale: f32,
    pixels_per_point: f32,
    origin: Pos2,
    /// [`Self::origin`] before it was moved onto a pixel of the screen: what viewpoints are made
    /// from, so that moving and zooming gather no error.
    exact_origin: Pos2,
}

impl View {
    /// What a viewpoint means on a canvas of this place and size, of so many physical pixels per point.
    pub fn new(
        viewpoint: Viewpoint,
        canvas: Rect,
        (width, height): (u32, u32),
        pixels_per_point: f32,
    ) -> Self {
        let pixels_per_point = pixels_per_point.max(0.1);
        let image_size = vec2(width.max(1) as f32, height.max(1) as f32);
        let fit = fit_scale(canvas, image_size);
        let (scale, center) = match viewpoint {
            Viewpoint::Fit => (fit, (image_size * 0.5).to_pos2()),
            Viewpoint::Free { scale, center } => (clamp_scale(scale, fit, pixels_per_point), center),
        };
        let origin = canvas.center() - center.to_vec2() * scale;
        Self { canvas, image_size, scale, pixels_per_point, origin, exact_origin: origin }
    }

    /// The same view with the picture's corner on a pixel of the screen, so that at 100 % a pixel of
    /// the one is a pixel of the other.
    #[must_use]
    pub fn on_pixels(self) -> Self {
        let ratio = self.pixels_per_point;
        let origin = ((self.exact_origin.to_vec2() * ratio).round() / ratio).to_pos2();
        Self { origin, ..self }
    }

    /// The middle of the canvas, on the screen.
    pub fn canvas_center(&self) -> Pos2 {
        self.canvas.center()
    }

    /// Points per image pixel.
    pub fn scale(&self) -> f32 {
        self.scale
    }

    /// From image pixels to the screen.
    pub fn screen_from_image(&self, at: Pos2) -> Pos2 {
        self.origin + at.to_vec2() * self.scale
    }

    /// From the screen to image pixels; may lie outside the picture.
    pub fn image_from_screen(&self, at: Pos2) -> Pos2 {
        ((at - self.origin) / self.scale).to_pos2()
    }

    /// The picture on the screen; may reach beyond the canvas.
    pub fn image_rect(&self) -> Rect {
        Rect::from_min_size(self.origin, self.image_size * self.scale)
    }

    /// A box of the picture on the screen.
    pub fn screen_from_box(&self, bounds: &PixelBox) -> Rect {
        Rect::from_min_max(
            self.screen_from_image(pos2(bounds.x0, bounds.y0)),
            self.screen_from_image(pos2(bounds.x1, bounds.y1)),
        )
    }

    /// Width and height of the picture in its pixels.
    pub fn image_size(&self) -> Vec2 {
        self.image_size
    }

    /// A rectangle of the picture on the screen.
    pub fn screen_from_rect(&self, rect: Rect) -> Rect {
        Rect::from_min_max(self.screen_from_image(rect.min), self.screen_from_image(rect.max))
    }

    /// The part of the picture that is in sight, in its pixels; without area where none is.
    pub fn visible_part(&self) -> Rect {
        let all = self.image_size.to_pos2();
        let (from, to) = (self.image_from_screen(self.canvas.min), self.image_from_screen(self.canvas.max));
        Rect::from_min_max(from.clamp(Pos2::ZERO, all), to.clamp(Pos2::ZERO, all))
    }

    /// Whether all of the picture is in sight.
    pub fn shows_all(&self) -> bool {
        self.canvas.expand(1.0).contains_rect(self.image_rect())
    }

    /// The viewpoint with this place of the picture in the middle of the canvas.
    pub fn centered(&self, at: Pos2) -> Viewpoint {
        Viewpoint::Free { scale: self.scale, center: at.clamp(Pos2::ZERO, self.image_size.to_pos2()) }
    }

    /// The viewpoint after zooming so that the place under `anchor` (on the screen) stays there.
    pub fn zoomed(&self, factor: f32, anchor: Pos2) -> Viewpoint {
        if !factor.is_finite() || factor <= 0.0 {
            return self.viewpoint_at(self.exact_origin, self.scale);
        }
        let fit = fit_scale(self.canvas, self.image_size);
        let scale = clamp_scale(self.scale * factor, fit, self.pixels_per_point);
        let held = (anchor - self.exact_origin) / self.scale;
        self.viewpoint_at(anchor - held * scale, scale)
    }

    /// The viewpoint after moving the picture by `delta` on the screen; some of it always stays in
    /// sight.
    pub fn panned(&self, delta: Vec2) -> Viewpoint {
        self.viewpoint_at(self.exact_origin + delta, self.scale)
    }

    fn viewpoint_at(&self, origin: Pos2, scale: f32) -> Viewpoint {
        let center = (self.canvas.center() - origin) / scale;
        let center = center.clamp(Vec2::ZERO, self.image_size).to_pos2();
        Viewpoint::Free { scale, center }
    }
}

fn fit_scale(canvas: Rect, image_size: Vec2) -> f32 {
    let room = (canvas.size() - Vec2::splat(2.0 * MARGIN)).max(Vec2::splat(1.0));
    (room.x / image_size.x).min(room.y / image_size.y).clamp(1e-4, MAX_SCALE)
}

fn clamp_scale(scale: f32, fit: f32, pixels_per_point: f32) -> f32 {
    scale.clamp((fit * MIN_OF_FIT).min(1.0 / pixels_per_point), MAX_SCALE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canvas() -> Rect {
        Rect::from_min_size(pos2(100.0, 50.0), vec2(800.0, 600.0))
    }

    fn looked(viewpoint: Viewpoint, canvas: Rect, size: (u32, u32)) -> View {
        View::new(viewpoint, canvas, size, 1.0)
    }

    fn close(a: Pos2, b: Pos2) -> bool {
        a.distance(b) < 0.01
    }

    #[test]
    fn a_fitted_picture_is_centred_and_whole() {
        for size in [(256, 256), (4000, 10), (10, 4000), (1, 1)] {
            let view = looked(Viewpoint::Fit, canvas(), size);
            assert!(close(view.image_rect().center(), canvas().center()), "{size:?}");
            assert!(canvas().contains_rect(view.image_rect()), "{size:?}");
        }
    }

    #[test]
    fn zooming_keeps_the_place_under_the_pointer() {
        let anchor = pos2(400.0, 300.0);
        let view = looked(Viewpoint::Fit, canvas(), (256, 256));
        let before = view.image_from_screen(anchor);
        let view = looked(view.zoomed(3.0, anchor), canvas(), (256, 256));
        assert!(close(view.image_from_screen(anchor), before));
        let back = looked(view.zoomed(1.0 / 3.0, anchor), canvas(), (256, 256));
        assert!(close(back.image_from_screen(anchor), before));
    }

    #[test]
    fn zoom_has_limits() {
        let view = looked(Viewpoint::Fit, canvas(), (256, 256));
        for factor in [1e9, 1e-9, f32::NAN, f32::INFINITY, 0.0] {
            let zoomed = looked(view.zoomed(factor, canvas().center()), canvas(), (256, 256));
            assert!(zoomed.scale().is_finite() && zoomed.scale() <= MAX_SCALE, "{factor}");
            assert!(zoomed.scale() >= view.scale() * MIN_OF_FIT * 0.999, "{factor}");
        }
    }

    #[test]
    fn small_pictures_can_be_seen_at_their_own_size() {
        for ratio in [1.0, 1.5, 3.0] {
            let fitted = View::new(Viewpoint::Fit, canvas(), (20, 20), ratio);
            let wanted = 1.0 / ratio;
            let actual = fitted.zoomed(wanted / fitted.scale(), canvas().center());
            let actual = View::new(actual, canvas(), (20, 20), ratio);
            assert!((actual.scale() - wanted).abs() < 1e-5, "{ratio}: {}", actual.scale());
            let smaller = View::new(actual.zoomed(0.1, canvas().center()), canvas(), (20, 20), ratio);
            assert!((smaller.scale() - wanted).abs() < 1e-5, "and no smaller");
        }
    }

    #[test]
    fn at_full_size_pixels_lie_on_pixels() {
        let odd = Rect::from_min_size(pos2(76.0, 88.3), vec2(801.0, 607.7));
        for ratio in [1.0, 1.25, 2.0] {
            let free = Viewpoint::Free { scale: 1.0 / ratio, center: pos2(100.3, 57.8) };
            let view = View::new(free, odd, (300, 200), ratio).on_pixels();
            let corner = view.image_rect().min.to_vec2() * ratio;
            assert!((corner - corner.round()).length() < 1e-3, "{corner:?}");
            let before = view.image_from_screen(pos2(300.0, 300.0));
            let mut moved = view;
            for by in [vec2(0.3, 0.3); 40].into_iter().chain([vec2(-12.0, -12.0)]) {
                moved = View::new(moved.panned(by), odd, (300, 200), ratio).on_pixels();
            }
            // A pixel of the screen is one of the picture, and may be rounded either way.
            assert!(moved.image_from_screen(pos2(300.0, 300.0)).distance(before) < 1.5, "no drift");
        }
    }

    #[test]
    fn what_is_in_sight() {
        let view = looked(Viewpoint::Fit, canvas(), (256, 256));
        assert!(view.shows_all());
        assert!(
            close(view.visible_part().min, Pos2::ZERO) && close(view.visible_part().max, pos2(256.0, 256.0))
        );
        let near = looked(Viewpoint::Free { scale: 8.0, center: pos2(20.0, 128.0) }, canvas(), (256, 256));
        assert!(!near.shows_all());
        let part = near.visible_part();
        assert!(
            close(part.min, pos2(0.0, 128.0 - 37.5)) && close(part.max, pos2(70.0, 128.0 + 37.5)),
            "{part}"
        );
        let there = looked(near.centered(pos2(200.0, 900.0)), canvas(), (256, 256));
        assert!(close(there.image_from_screen(canvas().center()), pos2(200.0, 256.0)));
    }

    #[test]
    fn some_of_the_picture_stays_in_sight() {
        let view = looked(Viewpoint::Fit, canvas(), (256, 256));
        let away = looked(view.panned(vec2(1e6, -1e6)), canvas(), (256, 256));
        assert!(away.image_rect().intersects(canvas()));
    }

    #[test]
    fn screen_and_image_are_inverse() {
        let free = Viewpoint::Free { scale: 3.5, center: pos2(20.0, 90.0) };
        let view = looked(free, canvas(), (300, 200));
        let at = pos2(17.25, 101.5);
        assert!(close(view.image_from_screen(view.screen_from_image(at)), at));
    }
}
