//! The pixel decoder's candidates side by side, and how the mask is drawn.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use egui::{
    Align2, Color32, ColorImage, CursorIcon, Rect, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, vec2,
};
use glamm_engine::vision::MaskLogits;

use super::caption;
use crate::action::{Action, Inspect};
use crate::state::inspection::{Inspected, MaskView};
use crate::ui::Shown;
use crate::ui::widgets::choice_button;

/// Longest side of a thumbnail, in cells.
const SIDE: usize = 96;

pub(super) fn show(shown: &mut Shown<'_>, ui: &mut Ui, inspected: &Inspected) {
    ui.spacing_mut().item_spacing = vec2(6.0, 5.0);
    if !inspected.mask.is_from_file() {
        candidates(shown, ui, inspected);
    }
    caption(shown, ui, "View");
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(4.0, 4.0);
        let has_logits = !inspected.mask.is_from_file();
        for (view, label, hint) in MaskView::ALL.into_iter().filter(|(v, ..)| has_logits || !v.needs_logits())
        {
            let chosen = shown.state.shown_view() == view;
            if choice_button(ui, shown.tokens, label, chosen).on_hover_text(hint).clicked() {
                shown.send(Action::Inspect(Inspect::View(view)));
            }
        }
    });
}

/// All of them, side by side.
fn candidates(shown: &mut Shown<'_>, ui: &mut Ui, inspected: &Inspected) {
    let count = inspected.mask.candidates.all().len();
    caption(shown, ui, if count == 1 { "Candidate" } else { "Candidates" });
    egui::ScrollArea::horizontal().id_salt("candidates").max_height(88.0).show(ui, |ui| {
        ui.horizontal(|ui| {
            for index in 0..count {
                candidate(shown, ui, inspected, index);
            }
        });
    });
}

fn candidate(shown: &mut Shown<'_>, ui: &mut Ui, inspected: &Inspected, index: usize) {
    let tokens = shown.tokens;
    let candidates = &inspected.mask.candidates;
    let Some(logits) = candidates.all().get(index) else { return };
    let chosen = inspected.mask.chosen == index;
    let (rect, response) = ui.allocate_exact_size(vec2(57.0, 78.0), Sense::click());
    let label = format!("Candidate {}", index + 1);
    response.widget_info(|| WidgetInfo::selected(Role::Button, inspected.is_editable, chosen, &label));
    let color = tokens.phrase(inspected.hue).mask;
    let line = match (chosen, response.hovered() || response.has_focus()) {
        (true, _) => Stroke::new(1.5, color),
        (false, true) => Stroke::new(1.0, tokens.text_faint),
        (false, false) => Stroke::new(1.0, tokens.line),
    };
    ui.painter().rect(rect, 6.0, tokens.raised, line, StrokeKind::Inside);
    let frame = Rect::from_min_size(rect.min + vec2(4.0, 4.0), vec2(49.0, 49.0));
    ui.painter().rect_filled(frame, 3.0, tokens.canvas);
    let fill = if chosen { color } else { tokens.text_soft };
    let mut hasher = DefaultHasher::new();
    (inspected.mask.id, index, fill, std::sync::Arc::as_ptr(logits).addr()).hash(&mut hasher);
    let key = hasher.finish();
    let texture = shown.layers.get(ui.ctx(), key, || thumbnail(logits, fill));
    let (width, height) = (logits.image_size.0.max(1) as f32, logits.image_size.1.max(1) as f32);
    let scale = (frame.width() / width).min(frame.height() / height);
    let place = Rect::from_center_size(frame.center(), vec2(width * scale, height * scale));
    ui.painter().image(
        texture,
        place,
        Rect::from_min_max(egui::pos2(0.0, 0.0), egui::pos2(1.0, 1.0)),
        Color32::WHITE,
    );
    let used = if index == candidates.used_index() { "used " } else { "" };
    let estimate = format!("{:.2}", logits.predicted_iou);
    let text = format!("{used}{}", estimate.trim_start_matches('0'));
    let color = if chosen { tokens.text } else { tokens.text_faint };
    let at = egui::pos2(rect.center().x, rect.bottom() - 12.0);
    ui.painter().text(at, Align2::CENTER_CENTER, text, egui::FontId::proportional(11.0), color);
    let hint = if index == candidates.used_index() {
        "The candidate that the model takes; below it, its predicted IoU"
    } else {
        "Another mask of the same prompt; below it, its predicted IoU"
    };
    if response.clicked() && inspected.is_editable && !chosen {
        shown.send(Action::Inspect(Inspect::Choose(index)));
    }
    response.on_hover_cursor(CursorIcon::PointingHand).on_hover_text(hint);
}

/// The mask at threshold 0, small, on nothing.
fn thumbnail(mask: &MaskLogits, color: Color32) -> ColorImage {
    let (width, height) = mask.image_size;
    let longest = width.max(height).max(1) as f32;
    let side = |length: u32| ((length as f32 / longest * SIDE as f32).round() as usize).max(1);
    let (columns, rows) = (side(width), side(height));
    let pixel = |at: usize| {
        let place = |cell: usize, cells: usize, length: u32| {
            ((cell as f32 + 0.5) / cells as f32 * length as f32) as u32
        };
        let logit = mask.logit_at(place(at % columns, columns, width), place(at / columns, rows, height));
        if logit.is_some_and(|logit| logit > 0.0) { color } else { Color32::TRANSPARENT }
    };
    ColorImage::new([columns, rows], (0..columns * rows).map(pixel).collect())
}
