//! What the mask is at its threshold, and the slider that moves it.

use egui::{RichText, Slider, Ui};

use super::{caption, fact, grouped};
use crate::action::{Action, Inspect};
use crate::state::inspection::Inspected;
use crate::study::curves::STEP;
use crate::theme;
use crate::ui::Shown;
use crate::ui::widgets::small_button;

pub(super) fn show(shown: &mut Shown<'_>, ui: &mut Ui, inspected: &Inspected) {
    let mask = &inspected.mask;
    ui.spacing_mut().item_spacing.y = 1.0;
    caption(shown, ui, "Mask");
    ui.add_space(3.0);
    let findings = &shown.state.session.findings;
    let (curves, failed) =
        (findings.curves(mask.logits()).cloned(), findings.no_curves(mask.logits()).is_some());
    if curves.is_none() && !failed {
        shown.send(Action::Inspect(Inspect::NeedCurves));
    }
    let threshold = shown.state.ui.inspection.threshold.unwrap_or(mask.threshold);
    let facts = curves.as_ref().and_then(|curves| curves.at(threshold));
    let estimate = format!("{:.2}", mask.logits().predicted_iou);
    fact(shown, ui, "Predicted IoU", &estimate, "The pixel decoder's own estimate of the IoU with the truth");
    let share =
        |area: u64| 100.0 * area as f64 / (f64::from(mask.size().0) * f64::from(mask.size().1)).max(1.0);
    if let Some(edited) = &mask.edited {
        let area = edited.area();
        let text = format!("{} px · {:.1} %", grouped(area), share(area));
        fact(shown, ui, "Area", &text, "Pixels inside, and their share of the picture");
        fact(
            shown,
            ui,
            "Pixels",
            "painted by hand",
            "The threshold no longer counts; moving it gives the painting up",
        );
    } else if let Some(facts) = facts {
        let hint = "IoU of the masks cut one logit higher and one lower; near 1 for firm edges";
        fact(shown, ui, "Stability", &format!("{:.2}", facts.stability), hint);
        let text = format!("{} px · {:.1} %", grouped(facts.area), share(facts.area));
        fact(shown, ui, "Area", &text, "Pixels inside, and their share of the picture");
        let bounds = facts.bounds.map_or_else(
            || "nothing inside".to_owned(),
            |b| format!("{:.0} {:.0} {:.0} {:.0}", b.x0, b.y0, b.x1, b.y1),
        );
        fact(shown, ui, "Box", &bounds, "Left, top, right and bottom, in pixels");
        let pieces = format!("{} · {}", facts.components, facts.holes);
        fact(shown, ui, "Pieces · holes", &pieces, "Connected pieces of the mask, and holes in them");
    } else if failed {
        fact(shown, ui, "Area", "–", "Could not be counted");
    } else {
        fact(shown, ui, "Area", "…", "Being counted");
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
    slider(shown, ui, inspected, threshold);
}

fn slider(shown: &mut Shown<'_>, ui: &mut Ui, inspected: &Inspected, threshold: f32) {
    let (low, high) = shown.state.session.findings.thresholds(inspected.mask.logits());
    let mut value = threshold;
    ui.spacing_mut().slider_width = ui.available_width() - 4.0;
    let response = ui
        .add_enabled_ui(inspected.is_editable, |ui| {
            ui.visuals_mut().selection.bg_fill = shown.tokens.accent;
            let slider = Slider::new(&mut value, low..=high).step_by(f64::from(STEP)).show_value(false);
            ui.add(slider.trailing_fill(true))
        })
        .inner
        .on_hover_text("Logits above the threshold are inside; double-click for 0");
    response.widget_info(|| egui::WidgetInfo::slider(inspected.is_editable, f64::from(value), "Threshold"));
    // The slider rounds what it is given to its steps.
    let moved = (value - threshold).abs() > 0.5 * STEP;
    if response.double_clicked() {
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
        if inspected.mask.is_changed() && small_button(ui, shown.tokens, "Reset").clicked() {
            shown.send(Action::Inspect(Inspect::Reset));
        }
    });
}
