//! What the inspector lays over the picture: views of the selected mask, maps, the difference of
//! two masks, what the encoders saw, the brush.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use eframe::egui_wgpu;
use egui::{
    Align2, Color32, ColorImage, CursorIcon, Painter, PointerButton, Pos2, Rect, Response, Shape, Stroke,
    StrokeKind, Ui, pos2, vec2,
};
use glamm_engine::vision::feature_maps::{FeatureMap, frame_of_grounding_encoder, seen_by_global_encoder};
use glamm_engine::vision::{MaskLogits, PixelBox};

use super::legend;
use super::picture::whole_texture;
use super::pointer::{Press, space_held};
use crate::action::{Action, Inspect};
use crate::canvas::view::View;
use crate::colormap::viridis;
use crate::document::Picture;
use crate::render::mask::{MaskDraw, MaskPaint, View as Drawing};
use crate::render::texels::Texels;
use crate::state::inspection::{Brush, Inspected, Layer, MaskView, ShownMaps, ShownStudy};
use crate::state::session::ModelStatus;
use crate::study::compare::Place;
use crate::study::{CleanUp, Compared, Stroke as BrushStroke};
use crate::theme;
use crate::ui::Shown;

/// Logits beyond these have the colours of the ends.
const HEAT_LIMIT: f32 = 16.0;
/// The band shows what changes sides where the threshold is moved by less than this.
const BAND: f32 = 1.0;

/// What a map over the picture is coloured by.
enum MapColors<'a> {
    /// Colours that are known.
    Given(&'a FeatureMap),
    /// One weight a cell; columns and rows.
    Weights([usize; 2], &'a [f32]),
}

impl MapColors<'_> {
    fn image(&self) -> ColorImage {
        let opaque = |[r, g, b]: [u8; 3]| Color32::from_rgb(r, g, b);
        match self {
            Self::Given(map) => {
                ColorImage::new([map.columns, map.rows], map.rgb.iter().copied().map(opaque).collect())
            }
            Self::Weights(size, weights) => {
                let most = weights.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
                let color = |weight: &f32| opaque(viridis((weight / most).sqrt()));
                ColorImage::new(*size, weights.iter().map(color).collect())
            }
        }
    }
}

/// Paints maps, which lie under the masks.
pub(super) fn paint_layer(shown: &mut Shown<'_>, ui: &Ui, painter: &Painter, view: &View) {
    let Some(layer) = shown.state.ui.inspection.layer else { return };
    let (key, maps) = match shown.state.shown_maps() {
        ShownMaps::There(key, maps) => (key, maps),
        ShownMaps::Making if shown.state.session.findings.mapping.is_none() => {
            return shown.send(Action::Inspect(Inspect::NeedMaps));
        }
        ShownMaps::Making | ShownMaps::Waiting(_) | ShownMaps::Failed | ShownMaps::Unknown => return,
    };
    let (covers, colors) = match layer {
        Layer::Global => (maps.global.covers, MapColors::Given(&maps.global)),
        Layer::Grounding => (maps.grounding.covers, MapColors::Given(&maps.grounding)),
        Layer::Attention { layer, head } => {
            let Some(attention) = &maps.attention else { return };
            let Some(weights) = attention.head(layer, head) else { return };
            (attention.covers, MapColors::Weights([attention.columns, attention.rows], weights))
        }
    };
    let mut hasher = DefaultHasher::new();
    (Arc::as_ptr(&maps).addr(), key, layer).hash(&mut hasher);
    let texture = shown.layers.get(ui.ctx(), hasher.finish(), || colors.image());
    let rect = view.screen_from_box(&covers);
    let painter = painter.with_clip_rect(painter.clip_rect().intersect(view.image_rect()));
    painter.image(texture, rect, whole_texture(), Color32::from_white_alpha(215));
}

/// Paints the selected mask where it is not drawn as the others are; returns whether it was.
pub(super) fn paint_view(shown: &mut Shown<'_>, ui: &Ui, painter: &Painter, view: &View) -> bool {
    let mask_view = match shown.state.shown_study() {
        None => return false,
        Some(ShownStudy::Comparison(what)) => return paint_difference(shown, ui, painter, view, &what),
        Some(ShownStudy::View(mask_view)) => mask_view,
    };
    let inspection = &shown.state.ui.inspection;
    let Some(inspected) = shown.state.inspected() else { return false };
    let mask = &inspected.mask;
    let (low, high) = range(mask.logits());
    let (texels, threshold) = match mask_view {
        MaskView::CutOut if inspection.threshold.is_none() || mask.is_from_file() => Texels::of(mask),
        _ => {
            let threshold = inspection.threshold.unwrap_or(mask.threshold);
            (Texels::Logits(Arc::clone(mask.logits())), threshold)
        }
    };
    let drawing = match mask_view {
        MaskView::CutOut => Drawing::CutOut,
        MaskView::Heat => Drawing::Heat { low, high },
        MaskView::Contours => Drawing::Contours { low, high, step: contour_step(low, high) },
        _ => Drawing::Band(BAND),
    };
    let phrase = shown.tokens.phrase(inspected.hue).mask;
    let color = if drawing == Drawing::CutOut { shown.tokens.canvas } else { phrase };
    let draw = MaskDraw { texels, threshold, color, view: drawing };
    let paint = MaskPaint { ctx: ui.ctx().clone(), image_rect: view.image_rect(), draws: vec![draw] };
    painter.add(egui_wgpu::Callback::new_paint_callback(painter.clip_rect(), paint));
    true
}

/// The legend of what is over the picture; returns where it is.
pub(super) fn paint_legend(shown: &mut Shown<'_>, ui: &mut Ui, rect: Rect) -> Option<Rect> {
    let view = match shown.state.shown_study() {
        Some(ShownStudy::Comparison(what)) => return Some(legend::comparison(shown, ui, rect, &what)),
        Some(ShownStudy::View(view)) => Some(view),
        None => None,
    };
    let inspection = &shown.state.ui.inspection;
    if let Some((view, mask)) = view.zip(shown.state.inspected_mask()) {
        let (low, high) = range(mask.logits());
        let values = (low, high, inspection.threshold.unwrap_or(mask.threshold));
        match view {
            MaskView::Heat => return Some(legend::logits(shown, ui, rect, values, None)),
            MaskView::Contours => {
                return Some(legend::logits(shown, ui, rect, values, Some(contour_step(low, high))));
            }
            MaskView::Band => return Some(legend::band(shown, ui, rect, BAND)),
            MaskView::Overlay | MaskView::Outline | MaskView::CutOut => {}
        }
    }
    inspection.layer.map(|layer| legend::layer(shown, ui, rect, layer))
}

fn range(mask: &MaskLogits) -> (f32, f32) {
    let (mut low, mut high) = (-1f32, 1f32);
    for &logit in mask.logits.iter().filter(|logit| logit.is_finite()) {
        (low, high) = (low.min(logit), high.max(logit));
    }
    (low.max(-HEAT_LIMIT), high.min(HEAT_LIMIT))
}

/// About ten lines, at round numbers.
fn contour_step(low: f32, high: f32) -> f32 {
    let rough = (high - low) / 10.0;
    [0.5, 1.0, 2.0, 5.0].into_iter().find(|step| *step >= rough).unwrap_or(5.0)
}

/// Two masks over each other: what only the one has, only the other, both.
fn paint_difference(shown: &mut Shown<'_>, ui: &Ui, painter: &Painter, view: &View, what: &Compared) -> bool {
    let Some(found) = shown.state.session.findings.compared(what) else {
        shown.send(Action::Inspect(Inspect::NeedComparison));
        return false;
    };
    let Some(comparison) = found.there().cloned() else { return false };
    let colors = legend::difference_colors(shown);
    let mut hasher = DefaultHasher::new();
    let counts = [comparison.first_only, comparison.second_only, comparison.both];
    (what, counts, colors, "difference").hash(&mut hasher);
    let texture = shown.layers.get(ui.ctx(), hasher.finish(), || {
        let pixel = |place: &Place| match place {
            Place::Neither => Color32::TRANSPARENT,
            Place::First => colors[0],
            Place::Second => colors[1],
            Place::Both => colors[2],
        };
        let (width, height) = comparison.size;
        ColorImage::new([width as usize, height as usize], comparison.map.iter().map(pixel).collect())
    });
    painter.image(texture, view.image_rect(), whole_texture(), Color32::from_white_alpha(190));
    true
}

/// What the encoders saw: the global encoder a square out of the middle, the grounding encoder all
/// of the picture in a padded frame.
pub(super) fn paint_encoder_frames(shown: &Shown<'_>, painter: &Painter, view: &View, picture: &Picture) {
    let ModelStatus::Ready(info) = &shown.state.session.model else { return };
    if !shown.state.ui.inspection.encoder_frames {
        return;
    }
    let sides = info.encoder_sides;
    let frame = view.screen_from_box(&frame_of_grounding_encoder(picture.size, sides.grounding));
    let crop = seen_by_global_encoder(picture.size, sides.global);
    let seen = view.screen_from_box(&crop);
    let image = view.image_rect();
    let shade = Color32::from_black_alpha(110);
    // What the crop leaves out, at either side.
    for rest in [
        Rect::from_min_max(image.min, pos2(seen.left(), image.bottom())),
        Rect::from_min_max(pos2(seen.right(), image.top()), image.max),
        Rect::from_min_max(image.min, pos2(image.right(), seen.top())),
        Rect::from_min_max(pos2(image.left(), seen.bottom()), image.max),
    ] {
        if rest.is_positive() {
            painter.rect_filled(rest, 0.0, shade);
        }
    }
    let tokens = shown.tokens;
    outline(painter, frame, tokens.text_faint, Align2::RIGHT_BOTTOM, "SAM's frame, padded");
    outline(painter, seen, tokens.accent, Align2::LEFT_TOP, "CLIP sees this");
}

fn outline(painter: &Painter, rect: Rect, color: Color32, at: Align2, text: &str) {
    let corners =
        [rect.left_top(), rect.right_top(), rect.right_bottom(), rect.left_bottom(), rect.left_top()];
    painter.rect_stroke(rect, 0.0, Stroke::new(2.5, Color32::from_black_alpha(90)), StrokeKind::Middle);
    painter.extend(Shape::dashed_line(&corners, Stroke::new(1.5, color), 6.0, 4.0));
    let galley = painter.layout_no_wrap(text.to_owned(), theme::small_font(), Color32::WHITE);
    let room = rect.intersect(painter.clip_rect()).shrink(4.0);
    let card = at.align_size_within_rect(galley.size() + vec2(10.0, 4.0), room);
    painter.rect_filled(card, 4.0, Color32::from_black_alpha(170));
    painter.galley(card.min + vec2(5.0, 2.0), galley, Color32::WHITE);
}

/// Strokes that have not become pixels yet, as the brush left them.
pub(super) fn paint_strokes(shown: &Shown<'_>, painter: &Painter, view: &View) {
    let state = shown.state;
    let here = state.session.findings.changes.iter().filter(|change| Some(change.image) == state.ui.current);
    for change in here {
        if let CleanUp::Stroke(stroke) = &change.what {
            let hue = state.find_mask(change.mask).map_or(0, |found| found.hue);
            paint_stroke(painter, view, stroke, color_of(shown, stroke.erases, hue));
        }
    }
}

/// Of strokes that paint on a mask of this colour, or erase.
fn color_of(shown: &Shown<'_>, erases: bool, hue: usize) -> Color32 {
    if erases { shown.tokens.bad } else { shown.tokens.phrase(hue).mask }
}

/// The brush in the hand: paints with the left button, until Escape gives the stroke up. Where the picture is
/// moved, it waits.
pub(super) fn brush(
    shown: &mut Shown<'_>,
    ui: &Ui,
    response: &Response,
    view: &View,
    painter: &Painter,
    (brush, press): (Brush, Option<Press>),
) {
    let Some(Inspected { hue, .. }) = shown.state.inspected() else { return };
    let inspection = &shown.state.ui.inspection;
    let (radius, stroke) = (inspection.brush_radius, inspection.stroke.clone());
    if shown.escape {
        let what = if stroke.is_some() { Inspect::Stroke(None) } else { Inspect::Brush(None) };
        shown.send(Action::Inspect(what));
        return;
    }
    let erases = brush == Brush::Erase;
    if let Some(stroke) = &stroke {
        paint_stroke(painter, view, stroke, color_of(shown, erases, hue));
    }
    let pointer = ui.input(|i| i.pointer.interact_pos()).filter(|at| response.rect.contains(*at));
    let moves = press == Some(Press::Pans) || stroke.is_none() && space_held(ui);
    if let Some(at) = pointer.filter(|_| !moves && (response.hovered() || response.dragged())) {
        ui.ctx().set_cursor_icon(CursorIcon::None);
        painter.circle_stroke(at, radius * view.scale(), Stroke::new(2.5, Color32::from_black_alpha(120)));
        painter.circle_stroke(at, radius * view.scale(), Stroke::new(1.25, Color32::WHITE));
    }
    let is_down = response.is_pointer_button_down_on() || response.dragged_by(PointerButton::Primary);
    if is_down && press == Some(Press::Works) {
        let Some(at) = pointer.map(|at| view.image_from_screen(at)) else { return };
        let mut path = stroke.map_or_else(Vec::new, |stroke| stroke.path);
        if path.last().is_none_or(|last| *last != (at.x, at.y)) {
            path.push((at.x, at.y));
            shown.send(Action::Inspect(Inspect::Stroke(Some(BrushStroke { path, radius, erases }))));
        }
    } else if stroke.is_some() {
        shown.send(Action::Inspect(Inspect::FinishStroke));
    }
}

fn paint_stroke(painter: &Painter, view: &View, stroke: &BrushStroke, color: Color32) {
    let color = color.gamma_multiply(0.55);
    let radius = stroke.radius * view.scale();
    let path: Vec<Pos2> = stroke.path.iter().map(|&(x, y)| view.screen_from_image(pos2(x, y))).collect();
    if let [only] = path[..] {
        painter.circle_filled(only, radius, color);
    } else {
        painter.add(Shape::line(path, Stroke::new(2.0 * radius, color)));
    }
}

/// The box that lies under a place of the screen, for tests and for the loupe.
pub(super) fn pixel_at(view: &View, at: Pos2, (width, height): (u32, u32)) -> Option<(u32, u32)> {
    let place = view.image_from_screen(at);
    let inside = place.x >= 0.0 && place.y >= 0.0 && place.x < width as f32 && place.y < height as f32;
    inside.then_some((place.x as u32, place.y as u32))
}

/// A pixel's box.
pub(super) fn box_of((x, y): (u32, u32)) -> PixelBox {
    let (x, y) = (x as f32, y as f32);
    PixelBox { x0: x, y0: y, x1: x + 1.0, y1: y + 1.0 }
}
