//! The Masks tab: every mask about the picture, with what it grounds and how large it is.

use std::ops::Range;

use egui::{
    Align2, CornerRadius, CursorIcon, Frame, Margin, Rect, Role, ScrollArea, Sense, Stroke, StrokeKind, Ui,
    UiBuilder, Vec2, WidgetInfo, pos2, vec2,
};

use super::widgets::{Kind, Naming, command_button, eye_button, name_field, paragraph};
use super::{Shown, mask_menu, text};
use crate::action::{Action, MaskAction};
use crate::command::Command;
use crate::document::{MaskEdit, MaskId};
use crate::state::ListedMask;
use crate::state::ui_state::MaskNaming;
use crate::theme;

const ROW: f32 = 40.0;
/// Between one row and the next.
const GAP: f32 = 6.0;

pub(super) fn show(shown: &mut Shown<'_>, ui: &mut Ui) {
    let count = shown.state.mask_count();
    ScrollArea::vertical().id_salt("masks").auto_shrink(false).show(ui, |ui| {
        Frame::new().inner_margin(Margin::symmetric(18, 14)).show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.spacing_mut().item_spacing.y = GAP;
            if count == 0 {
                let text = "There are no masks yet. Ask for a description with masks, and each phrase that \
                            the model grounds brings one; or choose Point and click on something.";
                paragraph(ui, text, theme::LABEL, shown.tokens.text_soft);
            } else {
                rows(shown, ui, count);
            }
            if shown.state.has_hidden_masks() {
                command_button(shown, ui, Command::ShowAllMasks, Kind::Plain);
            }
        });
    });
}

/// The rows in sight, in room for all.
fn rows(shown: &mut Shown<'_>, ui: &mut Ui, count: usize) {
    let height = count as f32 * (ROW + GAP) - GAP;
    let (all, _) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
    let rect_of = |place: usize| {
        let top = all.top() + place as f32 * (ROW + GAP);
        Rect::from_min_size(pos2(all.left(), top), vec2(all.width(), ROW))
    };
    scroll_to_name(shown, ui, rect_of);
    let seen = places_in_sight(ui.clip_rect().y_range().min - all.top(), ui.clip_rect().height(), count);
    for (place, listed) in seen.clone().zip(shown.state.listed_masks_at(seen)) {
        let id = egui::Id::unique(("mask row", listed.mask.id.0));
        let mut ui = ui.new_child(UiBuilder::new().scope_id(id).max_rect(rect_of(place)));
        row(shown, &mut ui, &listed);
    }
}

/// The rows that some height of the list shows, from `top` on.
fn places_in_sight(top: f32, height: f32, count: usize) -> Range<usize> {
    let first = (top / (ROW + GAP)).floor().max(0.0) as usize;
    let behind = ((top + height) / (ROW + GAP)).ceil().max(0.0) as usize;
    first.min(count)..behind.min(count)
}

/// Brings the row into sight in which a name is begun to be written.
fn scroll_to_name(shown: &Shown<'_>, ui: &Ui, rect_of: impl Fn(usize) -> Rect) {
    let id = egui::Id::unique("mask named before");
    let named = shown.state.ui.naming.as_ref().and_then(MaskNaming::first);
    let before = ui.data_mut(|data| std::mem::replace(data.get_temp_mut_or_default(id), named));
    if let Some(mask) = named.filter(|_| named != before)
        && let Some(place) = shown.state.place_in_list(mask)
    {
        ui.scroll_to_rect(rect_of(place), None);
    }
}

fn row(shown: &mut Shown<'_>, ui: &mut Ui, listed: &ListedMask) {
    let tokens = shown.tokens;
    let id = listed.mask.id;
    let pinned = shown.state.ui.pinned.contains(&id);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::click());
    let name = listed.title();
    let change = listed.mask.change();
    let label = format!("Mask: {name}{}", change.map_or_else(String::new, |change| format!(", {change}")));
    response.widget_info(|| WidgetInfo::selected(Role::ListItem, true, pinned, &label));
    if response.hovered() || response.has_focus() {
        shown.hovered = vec![id];
    }
    let hot = pinned || shown.state.ui.hovered.contains(&id) || response.hovered();
    let colors = tokens.phrase(listed.hue);
    let line = if pinned { Stroke::new(1.5, colors.mask) } else { Stroke::new(1.0, tokens.line) };
    let fill = if hot { tokens.raised_hover } else { tokens.raised };
    ui.painter().rect(rect, CornerRadius::same(theme::RADIUS), fill, line, StrokeKind::Inside);
    let swatch = Rect::from_center_size(pos2(rect.left() + 20.0, rect.center().y), Vec2::splat(14.0));
    if listed.mask.hidden {
        let line = Stroke::new(1.5, colors.mask);
        ui.painter().rect_stroke(swatch, CornerRadius::same(4), line, StrokeKind::Inside);
    } else {
        ui.painter().rect_filled(swatch, CornerRadius::same(4), colors.mask);
    }
    let eye = Rect::from_center_size(pos2(rect.right() - 22.0, rect.center().y), Vec2::splat(24.0));
    show_or_hide(shown, ui, listed, eye, &name);

    let right = eye.left() - 6.0;
    let font = || theme::label_font();
    // A name comes before the model's estimate, where there is no room for both.
    let wanted = text::line(ui.ctx(), name.clone(), font(), tokens.text).size().x;
    let small = |text| ui.painter().layout_no_wrap(text, theme::small_font(), tokens.text_faint);
    let figures = |parts: &[&str]| small(parts.join("   "));
    let (share, estimate) = (share(listed), estimate(listed));
    let figures_of = |estimate: Option<&str>| {
        let parts = change.into_iter().chain([share.as_str()]).chain(estimate);
        figures(&parts.collect::<Vec<_>>())
    };
    let mut figures_shown = figures_of(estimate.as_deref());
    if wanted > right - figures_shown.size().x - rect.left() - 50.0 {
        figures_shown = figures_of(None);
    }
    let figures = figures_shown;
    let at = pos2(right - figures.size().x, rect.center().y - figures.size().y * 0.5);
    let room = (at.x - rect.left() - 50.0).max(20.0);
    ui.painter().galley(at, figures, tokens.text_faint);
    let place = Rect::from_min_max(pos2(rect.left() + 38.0, rect.top()), pos2(at.x, rect.bottom()));
    let naming = shown.state.ui.naming.clone();
    if let Some(naming) = naming.filter(|naming| naming.first() == Some(id)) {
        write_name(shown, ui, naming, place.shrink2(vec2(0.0, 4.0)));
        return;
    }
    let color = if listed.mask.hidden { tokens.text_faint } else { tokens.text };
    let words = text::cut_line(ui.ctx(), name, font(), color, room);
    let at = Align2::LEFT_CENTER.align_size_within_rect(words.size(), place).min;
    ui.painter().galley(at, words, color);
    if response.clicked() {
        shown.send(Action::TogglePin(id));
    }
    mask_menu::show(shown, &response, &[id], None);
    response.on_hover_cursor(CursorIcon::PointingHand);
}

fn show_or_hide(shown: &mut Shown<'_>, ui: &mut Ui, listed: &ListedMask, place: Rect, name: &str) {
    let MaskId(number) = listed.mask.id;
    if shown.state.picture().is_none_or(|picture| picture.mask(listed.mask.id).is_none()) {
        // Its reply is still on its way.
        return;
    }
    let hidden = listed.mask.hidden;
    let about = format!("{} mask: {name}", if hidden { "Show" } else { "Hide" });
    if eye_button(ui, shown.tokens, place, egui::Id::unique(("mask eye", number)), (!hidden, &about)) {
        let change = MaskAction::Change(vec![listed.mask.id], MaskEdit::Hide(!hidden));
        shown.send(Action::Mask(change));
    }
}

fn write_name(shown: &mut Shown<'_>, ui: &mut Ui, naming: MaskNaming, place: Rect) {
    let MaskNaming { masks, written } = naming;
    let builder = UiBuilder::new().max_rect(place).layout(egui::Layout::left_to_right(egui::Align::Center));
    let naming = ui
        .scope_builder(builder, |ui| {
            name_field(ui, egui::Id::unique("mask name"), written, "Name of the mask", place.width() - 16.0)
        })
        .inner;
    let action = match naming {
        None => return,
        Some(Naming::Goes(written)) => MaskAction::Name(Some(MaskNaming { masks, written })),
        Some(Naming::Ends(name)) => MaskAction::NameWritten(masks, name),
        Some(Naming::GivenUp) => MaskAction::Name(None),
    };
    shown.send(Action::Mask(action));
}

/// Share of the picture.
fn share(listed: &ListedMask) -> String {
    let percent = listed.mask.coverage * 100.0;
    if percent < 10.0 { format!("{percent:.1} %") } else { format!("{percent:.0} %") }
}

/// The model's own estimate of the mask's IoU, where the mask is the model's.
fn estimate(listed: &ListedMask) -> Option<String> {
    let is_own = !listed.mask.is_from_file();
    is_own.then(|| format!("IoU {:.2}", listed.mask.logits().predicted_iou))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rows_in_sight_are_laid_out() {
        assert_eq!(places_in_sight(0.0, 460.0, 2000), 0..10);
        assert_eq!(places_in_sight(-14.0, 460.0, 2000), 0..10);
        assert_eq!(places_in_sight(69.0, 460.0, 2000), 1..12);
        assert_eq!(places_in_sight(91_900.0, 460.0, 2000), 1997..2000);
        assert_eq!(places_in_sight(99_000.0, 460.0, 2000), 2000..2000);
        assert_eq!(places_in_sight(0.0, 460.0, 3), 0..3);
    }
}
