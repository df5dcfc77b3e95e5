//! Area, box, pieces, holes and stability by threshold.

use std::sync::Arc;

use egui::{Color32, RichText, Role, Sense, Spinner, Ui, WidgetInfo, vec2};
use egui_plot::{AxisHints, Line, LineStyle, Plot, PlotPoints, VLine, uniform_grid_spacer};
use glamm_engine::vision::PixelBox;

use super::{caption, grouped};
use crate::action::{Action, Inspect};
use crate::state::inspection::Inspected;
use crate::study::Curves;
use crate::theme;
use crate::ui::Shown;
use crate::ui::widgets::{paragraph, small_button};

/// What stands above the plot of a mask whose pixels are painted.
const OF_LOGITS: &str = "By threshold, of the model's mask";
/// A line of so many points is as fine as the screen.
const POINTS: usize = 240;
/// Numbers of the axis are this far apart at least, in points.
const LABELS_APART: f32 = 28.0;
/// In a low panel the plot is scrolled to, rather than pressed flat.
const LEAST_HEIGHT: f32 = 72.0;

pub(super) fn show(shown: &mut Shown<'_>, ui: &mut Ui, inspected: &Inspected) {
    let mask = &inspected.mask;
    let is_moved = shown.state.ui.inspection.threshold.is_some();
    let threshold = shown.state.ui.inspection.threshold.unwrap_or(mask.threshold);
    if mask.is_from_file() {
        caption(shown, ui, "By threshold");
        let words = "A mask from a file has no logits: there is nothing to cut elsewhere.";
        return paragraph(ui, words, theme::SMALL, shown.tokens.text_faint);
    }
    let is_painted = mask.painted().is_some();
    caption(shown, ui, if is_painted { OF_LOGITS } else { "By threshold" });
    let findings = &shown.state.session.findings;
    let Some(curves) = findings.curves(mask.logits()).cloned() else {
        return nothing(shown, ui, findings.no_curves(mask.logits()));
    };
    let tokens = shown.tokens;
    let colors =
        [tokens.phrase(inspected.hue).mask, tokens.good, tokens.accent, tokens.busy, tokens.text_faint];
    let pixels = f64::from(mask.size().0) * f64::from(mask.size().1);
    legend(shown, ui, &curves, (threshold, pixels), colors);
    let thresholds = AxisHints::new_x()
        .label_spacing(LABELS_APART..=1.5 * LABELS_APART)
        .tick_label_font(theme::small_font())
        .tick_label_color(tokens.text_faint);
    let plot = Plot::new("curves")
        .height((ui.available_height() - 2.0).max(LEAST_HEIGHT))
        .custom_x_axes(vec![thresholds])
        .x_grid_spacer(uniform_grid_spacer(|grid| steps(grid.bounds)))
        .show_axes([true, false])
        .show_grid([true, false])
        .grid_color(tokens.line)
        .show_background(false)
        .set_margin_fraction(vec2(0.0, 0.06))
        .include_y(0.0)
        .include_y(1.0)
        .allow_drag(false)
        .allow_zoom(false)
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .allow_axis_zoom_drag(false)
        .allow_double_click_reset(false)
        .show_x(false)
        .show_y(false)
        .sense(Sense::click_and_drag());
    let lines = lines(&curves, pixels, colors);
    let found = plot.show(ui, move |plot| {
        for line in lines {
            plot.line(line);
        }
        // The threshold does not count where pixels are painted.
        if !is_painted || is_moved {
            plot.vline(VLine::new("threshold", threshold).color(tokens.text).width(1.0));
        }
        plot.pointer_coordinate().map(|at| at.x as f32)
    });
    let response = found.response.on_hover_text("Drag to move the threshold");
    let what = "Area, box, pieces, holes and stability";
    let about = if is_painted {
        format!("{what} of the model's mask, by threshold")
    } else {
        format!("{what} by threshold, which is {threshold:.2}")
    };
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, about.as_str()));
    // Let go of outside the window, the threshold is where it was last.
    let last = shown.state.ui.inspection.threshold.filter(|_| response.drag_stopped());
    if let Some(at) = found.inner.or(last).filter(|_| inspected.is_editable) {
        // What is told of it is told of this entry.
        let at = curves.nearest(at);
        if response.drag_stopped() || response.clicked() {
            shown.send(Action::Inspect(Inspect::DropThreshold(at)));
        } else if response.dragged() {
            shown.send(Action::Inspect(Inspect::DragThreshold(at)));
        }
    }
}

/// In the place of the plot while there are no curves, or where there are none, for this reason.
fn nothing(shown: &mut Shown<'_>, ui: &mut Ui, failure: Option<&str>) {
    ui.add_space(if failure.is_some() { 20.0 } else { 40.0 });
    ui.vertical_centered(|ui| {
        let Some(why) = failure else {
            ui.add(Spinner::new().color(shown.tokens.text_faint));
            return;
        };
        ui.label(RichText::new(why).font(theme::small_font()).color(shown.tokens.bad));
        if small_button(ui, shown.tokens, "Try again").clicked() {
            shown.send(Action::Inspect(Inspect::TryAgain));
        }
    });
}

/// Share of the picture, which has so many pixels, that a box takes.
fn share_of_box(bounds: Option<PixelBox>, pixels: f64) -> f64 {
    bounds.map_or(0.0, |bounds| f64::from(bounds.width()) * f64::from(bounds.height()) / pixels.max(1.0))
}

/// What each line is, and its value at the threshold.
fn legend(
    shown: &Shown<'_>,
    ui: &mut Ui,
    curves: &Curves,
    (threshold, pixels): (f32, f64),
    colors: [Color32; 5],
) {
    let Some(facts) = curves.at(threshold) else { return };
    let values = [
        format!("area {}", grouped(facts.shape.area)),
        format!("box {:.1} %", 100.0 * share_of_box(facts.shape.bounds, pixels)),
        format!("pieces {}", facts.shape.components),
        format!("holes {}", facts.shape.holes),
        format!("stability {:.2}", facts.stability),
    ];
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(2.0, 0.0);
        for (text, color) in values.into_iter().zip(colors) {
            let words = ui.painter().layout_no_wrap(text, theme::small_font(), shown.tokens.text_soft);
            // Mark and words stay together where the line breaks.
            let (rect, _) = ui.allocate_exact_size(vec2(words.size().x + 22.0, 16.0), Sense::hover());
            ui.painter().hline(
                rect.left()..=rect.left() + 10.0,
                rect.center().y,
                egui::Stroke::new(2.0, color),
            );
            let at = egui::pos2(rect.left() + 15.0, rect.center().y - words.size().y * 0.5);
            ui.painter().galley(at, words, shown.tokens.text_soft);
        }
    });
}

/// Each line has a scale of its own, from 0 to its highest point; that of the area ends at the mask
/// twice as large as at threshold 0, since below it the whole picture floods in; that of the box at the whole
/// picture, which has so many pixels.
fn lines(curves: &Arc<Curves>, pixels: f64, colors: [Color32; 5]) -> Vec<Line<'static>> {
    let at_zero = curves.at(0.0).map_or(1, |facts| facts.shape.area.max(1));
    let most = |values: &[u32]| f64::from(values.iter().copied().max().unwrap_or(1).max(1));
    let (pieces, holes) = (most(&curves.components), most(&curves.holes));
    let area: Vec<f64> = curves.area.iter().map(|&a| (a as f64 / (2.0 * at_zero as f64)).min(1.0)).collect();
    let boxes: Vec<f64> = curves.bounds.iter().map(|&bounds| share_of_box(bounds, pixels)).collect();
    let components: Vec<f64> = curves.components.iter().map(|&c| f64::from(c) / pieces).collect();
    let holes: Vec<f64> = curves.holes.iter().map(|&h| f64::from(h) / holes).collect();
    let stability: Vec<f64> = curves.stability.iter().map(|&s| f64::from(s)).collect();
    let line = |name: &str, values: Vec<f64>, color, width, style| {
        let every = (values.len() / POINTS).max(1);
        let point = |(at, &value): (usize, &f64)| [f64::from(curves.threshold(at)), value];
        let points: Vec<_> = values.iter().enumerate().step_by(every).map(point).collect();
        let points = if style == LineStyle::Solid { points } else { without_level_parts(points) };
        Line::new(name, PlotPoints::from(points)).color(color).width(width).style(style)
    };
    let dashed = LineStyle::Dashed { length: 6.0 };
    let dotted = LineStyle::Dotted { spacing: 5.0 };
    vec![
        line("stability", stability, colors[4], 1.25, LineStyle::Solid),
        line("holes", holes, colors[3], 1.5, dotted),
        line("pieces", components, colors[2], 1.5, dashed),
        line("box", boxes, colors[1], 1.25, LineStyle::Solid),
        line("area", area, colors[0], 2.0, LineStyle::Solid),
    ]
}

/// Distances of the axis's lines and numbers: about four of the middle ones fit, at round thresholds.
fn steps((from, to): (f64, f64)) -> [f64; 3] {
    let step = [0.5, 1.0, 2.0, 5.0].into_iter().find(|step| (to - from) / step <= 9.0).unwrap_or(10.0);
    [step, 2.0 * step, 10.0 * step]
}

/// Only the ends of parts that run level: dashes begin anew at each point.
fn without_level_parts(points: Vec<[f64; 2]>) -> Vec<[f64; 2]> {
    let mut kept: Vec<[f64; 2]> = Vec::new();
    for point in points {
        if let [.., before, last] = &mut kept[..]
            && before[1].to_bits() == last[1].to_bits()
            && last[1].to_bits() == point[1].to_bits()
        {
            *last = point;
        } else {
            kept.push(point);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_is_a_share_of_the_picture() {
        let quarter = PixelBox { x0: 4.0, y0: 2.0, x1: 9.0, y1: 6.0 };
        assert!((share_of_box(Some(quarter), 10.0 * 8.0) - 0.25).abs() < 1e-9);
        assert!(share_of_box(None, 80.0).abs() < 1e-9);
    }

    #[test]
    fn level_parts_keep_their_ends() {
        let points = |heights: &[f64]| heights.iter().zip(0..).map(|(y, x)| [f64::from(x), *y]).collect();
        let left = |heights: &[f64]| without_level_parts(points(heights));
        assert_eq!(left(&[1.0, 1.0, 1.0, 1.0]), [[0.0, 1.0], [3.0, 1.0]]);
        assert_eq!(left(&[1.0, 1.0, 1.0, 2.0, 2.0]), [[0.0, 1.0], [2.0, 1.0], [3.0, 2.0], [4.0, 2.0]]);
        assert_eq!(left(&[1.0, 2.0, 1.0]).len(), 3);
        assert_eq!(left(&[]).len(), 0);
    }

    #[test]
    fn the_axis_has_a_few_round_numbers() {
        for (bounds, expected) in [((-8.0, 8.0), 2.0), ((-1.0, 1.0), 0.5), ((-30.0, 30.0), 10.0)] {
            assert!((steps(bounds)[0] - expected).abs() < 1e-9, "{bounds:?}");
        }
    }
}
