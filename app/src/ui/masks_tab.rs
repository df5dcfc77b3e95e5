//! The Masks tab: every mask about the picture, with what it grounds and how large it is.

use egui::{
    Align2, CornerRadius, CursorIcon, Frame, Margin, Rect, Role, ScrollArea, Sense, Stroke, StrokeKind, Ui,
    Vec2, WidgetInfo, pos2, vec2,
};

use super::Shown;
use super::canvas::mask_menu;
use super::widgets::paragraph;
use crate::theme;
use crate::update::{Action, ListedMask};

const ROW: f32 = 40.0;

pub(super) fn show(shown: &mut Shown<'_>, ui: &mut Ui) {
    let masks = shown.state.listed_masks();
    ScrollArea::vertical().id_salt("masks").auto_shrink(false).show(ui, |ui| {
        Frame::new().inner_margin(Margin::symmetric(18, 14)).show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.spacing_mut().item_spacing.y = 6.0;
            if masks.is_empty() {
                let text = "There are no masks yet. Ask for a description with masks, and each phrase that \
                            the model grounds brings one; or choose Point and click on something.";
                paragraph(ui, text, theme::LABEL, shown.tokens.text_soft);
            }
            for listed in &masks {
                row(shown, ui, listed);
            }
        });
    });
}

fn row(shown: &mut Shown<'_>, ui: &mut Ui, listed: &ListedMask) {
    let tokens = shown.tokens;
    let id = listed.mask.id;
    let pinned = shown.state.ui.pinned.contains(&id);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::click());
    let name = if listed.phrase.is_empty() { "mask" } else { &listed.phrase };
    response.widget_info(|| WidgetInfo::selected(Role::ListItem, true, pinned, format!("Mask: {name}")));
    if response.hovered() || response.has_focus() {
        shown.hovered = Some(id);
    }
    let hot = pinned || shown.state.ui.hovered == Some(id) || response.hovered();
    let colors = tokens.phrase(listed.hue);
    let line = if pinned { Stroke::new(1.5, colors.mask) } else { Stroke::new(1.0, tokens.line) };
    let fill = if hot { tokens.raised_hover } else { tokens.raised };
    ui.painter().rect(rect, CornerRadius::same(theme::RADIUS), fill, line, StrokeKind::Inside);
    let swatch = Rect::from_center_size(pos2(rect.left() + 20.0, rect.center().y), Vec2::splat(14.0));
    ui.painter().rect_filled(swatch, CornerRadius::same(4), colors.mask);

    let figures = figures(listed);
    let figures = ui.painter().layout_no_wrap(figures, theme::small_font(), tokens.text_faint);
    let right = rect.right() - 12.0;
    let at = pos2(right - figures.size().x, rect.center().y - figures.size().y * 0.5);
    let room = (at.x - rect.left() - 50.0).max(20.0);
    ui.painter().galley(at, figures, tokens.text_faint);
    let mut job = egui::text::LayoutJob::simple_singleline(name.to_owned(), theme::label_font(), tokens.text);
    job.wrap = egui::text::TextWrapping::truncate_at_width(room);
    let words = ui.painter().layout_job(job);
    let place = Rect::from_min_max(pos2(rect.left() + 38.0, rect.top()), pos2(at.x, rect.bottom()));
    let at = Align2::LEFT_CENTER.align_size_within_rect(words.size(), place).min;
    ui.painter().galley(at, words, tokens.text);
    if response.clicked() {
        shown.send(Action::TogglePin(id));
    }
    mask_menu(shown, &response, id, None);
    response.on_hover_cursor(CursorIcon::PointingHand);
}

/// Share of the picture, and the model's own estimate of the mask's IoU.
fn figures(listed: &ListedMask) -> String {
    let percent = listed.mask.coverage * 100.0;
    let share = if percent < 10.0 { format!("{percent:.1} %") } else { format!("{percent:.0} %") };
    format!("{share}   IoU {:.2}", listed.mask.logits().predicted_iou)
}
