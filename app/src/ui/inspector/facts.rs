//! What the mask is at its threshold, and the slider that moves it.

use std::sync::Arc;

use egui::{PointerButton, RichText, Slider, SliderClamping, Ui};

use super::{caption, fact, grouped};
use crate::action::{Action, Inspect};
use crate::document::{EditedMask, GroundedMask};
use crate::state::inspection::{Found, Inspected};
use crate::study::Shape;
use crate::study::curves::STEP;
use crate::theme;
use crate::ui::Shown;
use crate::ui::widgets::small_button;

pub(super) fn show(shown: &mut Shown<'_>, ui: &mut Ui, inspected: &Inspected) {
    let mask = &inspected.mask;
    ui.spacing_mut().item_spacing.y = 1.0;
    caption(shown, ui, "Mask");
    ui.add_space(3.0);
    let threshold = shown.state.ui.inspection.threshold.unwrap_or(mask.threshold);
    if !mask.is_from_file() {
        let findings = &shown.state.session.findings;
        let failed = findings.no_curves(mask.logits()).is_some();
        if findings.curves(mask.logits()).is_none() && !failed {
            shown.send(Action::Inspect(Inspect::NeedCurves));
        }
        let estimate = format!("{:.2}", mask.logits().predicted_iou);
        let hint = "The pixel decoder's own estimate of the IoU with the truth";
        fact(shown, ui, "Predicted IoU", &estimate, hint);
    }
    match mask.painted() {
        Some(painted) => of_painted(shown, ui, mask, painted),
        None => of_logits(shown, ui, mask, threshold),
    }
    if let Some((place, token)) = &inspected.token {
        let text = format!("#{} {} · p {:.2}", place + 1, token.text.trim(), token.probability);
        let hint = format!(
            "The token that asked for the mask, its place in the reply and its probability. It was predicted by \
             the hidden state at position {}, which became the prompt of the pixel decoder",
            token.predicted_at
        );
        fact(shown, ui, "Token", &text, &hint);
    }
    ui.add_space(5.0);
    if mask.is_from_file() {
        reset(shown, ui, mask);
    } else {
        slider(shown, ui, inspected, threshold);
    }
}

/// Of pixels above the threshold.
fn of_logits(shown: &Shown<'_>, ui: &mut Ui, mask: &GroundedMask, threshold: f32) {
    let findings = &shown.state.session.findings;
    match findings.curves(mask.logits()).and_then(|curves| curves.at(threshold)) {
        Some(facts) => {
            let hint = "IoU of the masks cut one logit higher and one lower; near 1 for firm edges";
            fact(shown, ui, "Stability", &format!("{:.2}", facts.stability), hint);
            shape(shown, ui, mask, &facts.shape);
        }
        None => nothing(shown, ui, findings.no_curves(mask.logits()).is_some()),
    }
}

/// Of pixels that count in place of logits.
fn of_painted(shown: &mut Shown<'_>, ui: &mut Ui, mask: &GroundedMask, painted: &Arc<EditedMask>) {
    let (words, hint) = match (mask.is_from_file(), mask.is_changed()) {
        (true, false) => ("from a file", "The file says which they are; there are no logits to be cut"),
        (true, true) => ("painted by hand", "Reset takes them back to those of the file"),
        (false, _) => ("painted by hand", "The threshold no longer counts; moving it gives the painting up"),
    };
    fact(shown, ui, "Pixels", words, hint);
    match shown.state.session.findings.shape(painted) {
        Some(Found::There(found)) => shape(shown, ui, mask, found),
        Some(found) => nothing(shown, ui, found.failure().is_some()),
        None => {
            nothing(shown, ui, false);
            shown.send(Action::Inspect(Inspect::NeedShape));
        }
    }
}

/// What was counted.
fn shape(shown: &Shown<'_>, ui: &mut Ui, mask: &GroundedMask, shape: &Shape) {
    let (width, height) = mask.size();
    let share = 100.0 * shape.area as f64 / (f64::from(width) * f64::from(height)).max(1.0);
    let text = format!("{} px · {share:.1} %", grouped(shape.area));
    fact(shown, ui, "Area", &text, "Pixels inside, and their share of the picture");
    let bounds = shape.bounds.map_or_else(
        || "nothing inside".to_owned(),
        |b| format!("{:.0} {:.0} {:.0} {:.0}", b.x0, b.y0, b.x1, b.y1),
    );
    fact(shown, ui, "Box", &bounds, "Left, top, right and bottom, in pixels");
    let pieces = format!("{} · {}", shape.components, shape.holes);
    fact(shown, ui, "Pieces · holes", &pieces, "Connected pieces of the mask, and holes in them");
}

/// Where nothing was counted yet, or nothing could be.
fn nothing(shown: &Shown<'_>, ui: &mut Ui, failed: bool) {
    let (value, hint) = if failed { ("–", "Could not be counted") } else { ("…", "Being counted") };
    fact(shown, ui, "Area", value, hint);
}

/// A way back to the pixels that were given.
fn reset(shown: &mut Shown<'_>, ui: &mut Ui, mask: &GroundedMask) {
    if mask.is_changed() && small_button(ui, shown.tokens, "Reset").clicked() {
        shown.send(Action::Inspect(Inspect::Reset));
    }
}

fn slider(shown: &mut Shown<'_>, ui: &mut Ui, inspected: &Inspected, threshold: f32) {
    let (low, high) = shown.state.session.findings.thresholds(&inspected.mask);
    let mut value = threshold;
    ui.spacing_mut().slider_width = ui.available_width() - 4.0;
    let response = ui
        .add_enabled_ui(inspected.is_editable, |ui| {
            ui.visuals_mut().selection.bg_fill = shown.tokens.accent;
            let slider = Slider::new(&mut value, low..=high).step_by(f64::from(STEP)).show_value(false);
            // What is only looked at stays as it is.
            ui.add(slider.clamping(SliderClamping::Edits).trailing_fill(true))
        })
        .inner
        .on_hover_text("Logits above the threshold are inside; double-click for 0");
    response.widget_info(|| egui::WidgetInfo::slider(inspected.is_editable, f64::from(value), "Threshold"));
    // The slider rounds what it is given to its steps.
    let moved = (value - threshold).abs() > 0.5 * STEP;
    // The slider feels drags alone, and each click moves it to the pointer.
    let double = ui.input(|i| i.pointer.button_double_clicked(PointerButton::Primary));
    if double && response.contains_pointer() {
        shown.send(Action::Inspect(Inspect::DropThreshold(0.0)));
    } else if response.drag_stopped() || (moved && !response.dragged()) {
        let value = if moved { value } else { threshold };
        shown.send(Action::Inspect(Inspect::DropThreshold(value)));
    } else if moved {
        shown.send(Action::Inspect(Inspect::DragThreshold(value)));
    }
    ui.horizontal(|ui| {
        let text = format!("Threshold {value:.2}");
        ui.label(RichText::new(text).font(theme::small_font()).color(shown.tokens.text_soft));
        reset(shown, ui, &inspected.mask);
    });
}
