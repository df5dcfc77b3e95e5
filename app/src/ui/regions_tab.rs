//! The Regions tab: each box with its number, name, colour and coordinates.

use std::ops::Range;

use egui::{
    Align, CornerRadius, CursorIcon, DragValue, Frame, Id, Layout, Margin, Rect, Role, ScrollArea, Sense,
    Stroke, TextEdit, Ui, UiBuilder, Vec2, WidgetInfo, pos2, vec2,
};
use glamm_engine::protocol::ImageId;
use glamm_engine::vision::PixelBox;

use super::widgets::{self, Kind, button, close_button, command_button, eye_button, paragraph};
use super::{Shown, text};
use crate::action::Action;
use crate::command::Command;
use crate::document::{Picture, Region, RegionEdit, RegionTag};
use crate::palette::REGION_COLORS;
use crate::theme;

/// Between one card and the next.
const GAP: f32 = 8.0;

/// The field for a region's name, for giving it the keyboard.
pub fn region_name_id(image: ImageId, tag: RegionTag) -> Id {
    Id::unique(("region name", image, tag))
}

pub(super) fn show(shown: &mut Shown<'_>, ui: &mut Ui) {
    let picture = shown.state.picture().cloned();
    ScrollArea::vertical().id_salt("regions").auto_shrink(false).show(ui, |ui| {
        Frame::new().inner_margin(Margin::symmetric(18, 14)).show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.spacing_mut().item_spacing.y = GAP;
            let Some(picture) = picture.filter(|picture| !picture.regions.is_empty()) else {
                let text = "There are no regions yet. Choose Box and drag on the picture, then refer to the \
                            box in a question by its number.";
                paragraph(ui, text, theme::LABEL, shown.tokens.text_soft);
                command_button(shown, ui, Command::BoxTool, Kind::Plain);
                return;
            };
            cards(shown, ui, &picture);
        });
    });
}

/// Heights of cards, as far as they were seen at this width: those of regions that are not selected, of which
/// the highest counts, and that of the selected one.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Heights {
    width: f32,
    plain: f32,
    selected: f32,
}

impl Heights {
    /// Where the card at this place begins, below the first, if the selected one is at that place.
    fn top(&self, place: usize, selected: Option<usize>) -> f32 {
        let more = if selected.is_some_and(|at| at < place) { self.selected - self.plain } else { 0.0 };
        place as f32 * (self.plain + GAP) + more
    }

    /// The cards that some height of the list shows, from `top` on.
    fn in_sight(&self, top: f32, height: f32, count: usize, selected: Option<usize>) -> Range<usize> {
        // Tops grow with places.
        let places = |below: f32| {
            let (mut low, mut high) = (0, count);
            while low < high {
                let middle = usize::midpoint(low, high);
                if self.top(middle, selected) <= below { low = middle + 1 } else { high = middle }
            }
            low
        };
        places(top).saturating_sub(1)..places(top + height)
    }
}

/// The cards in sight, in room for all. The selected one is always there, since its name can be given the keyboard.
fn cards(shown: &mut Shown<'_>, ui: &mut Ui, picture: &Picture) {
    let (memory, width) = (Id::unique("heights of region cards"), ui.available_width());
    let known = ui.data(|d| d.get_temp::<Heights>(memory)).filter(|known| (known.width - width).abs() < 0.1);
    let before = known.unwrap_or(Heights { width, plain: 70.0, selected: 150.0 });
    let count = picture.regions.len();
    let selected =
        picture.regions.iter().position(|region| shown.state.ui.selected_region == Some(region.tag));
    let height = before.top(count, selected) - GAP;
    let (all, _) = ui.allocate_exact_size(vec2(width, height), Sense::hover());
    let rect_of = |place: usize| {
        let is_selected = selected == Some(place);
        let size = vec2(width, if is_selected { before.selected } else { before.plain });
        Rect::from_min_size(pos2(all.left(), all.top() + before.top(place, selected)), size)
    };
    follow(shown, ui, selected.map(rect_of));
    let clip = ui.clip_rect();
    let seen = before.in_sight(clip.top() - all.top(), clip.height(), count, selected);
    let beside = selected.filter(|place| !seen.contains(place));
    let mut found = if known.is_some() { before } else { Heights { plain: 0.0, ..before } };
    for place in seen.chain(beside) {
        let Some(region) = picture.regions.get(place) else { continue };
        let id = Id::unique(("region card", picture.id, region.tag));
        let mut ui = ui.new_child(UiBuilder::new().scope_id(id).max_rect(rect_of(place)));
        card(shown, &mut ui, picture, region);
        let height = ui.min_rect().height();
        if selected == Some(place) {
            found.selected = height;
        } else {
            found.plain = found.plain.max(height);
        }
    }
    if found.plain <= 0.0 {
        found.plain = before.plain;
    }
    if known != Some(found) {
        ui.data_mut(|d| d.insert_temp(memory, found));
        ui.ctx().request_repaint();
    }
}

/// Scrolls to the selected region when it has become another.
fn follow(shown: &Shown<'_>, ui: &Ui, selected: Option<Rect>) {
    let memory = Id::unique("region that the list shows");
    let now = (shown.state.ui.current, shown.state.ui.selected_region);
    let before = ui.data_mut(|d| std::mem::replace(d.get_temp_mut_or_insert_with(memory, || now), now));
    if let Some(rect) = selected.filter(|_| before != now) {
        ui.scroll_to_rect(rect, None);
    }
}

fn card(shown: &mut Shown<'_>, ui: &mut Ui, picture: &Picture, region: &Region) {
    let tokens = shown.tokens;
    let selected = shown.state.ui.selected_region == Some(region.tag);
    let line = if selected { tokens.accent_line } else { tokens.line };
    let frame = Frame::new()
        .fill(tokens.raised)
        .stroke(Stroke::new(1.0, line))
        .corner_radius(CornerRadius::same(10))
        .inner_margin(Margin { left: 10, right: 8, top: 7, bottom: 7 });
    let response = frame
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.spacing_mut().item_spacing = vec2(6.0, 8.0);
            ui.spacing_mut().interact_size.y = 26.0;
            heading(shown, ui, picture.id, region);
            coordinates(shown, ui, picture, region);
            if selected {
                swatches(shown, ui, region);
                ui.horizontal_wrapped(|ui| {
                    if button(ui, tokens, "Ask about it", Kind::Plain).clicked() {
                        shown.command(Command::ShowChat);
                        shown.send(Action::Refer(region.tag));
                    }
                    if button(ui, tokens, "Segment this", Kind::Plain).clicked() {
                        shown.send(Action::SegmentRegion(region.tag));
                    }
                    if button(ui, tokens, "Duplicate", Kind::Plain).clicked() {
                        shown.send(Action::EditRegion(region.tag, RegionEdit::Duplicate));
                    }
                });
            }
        })
        .response;
    let pressed = ui.input(|i| i.pointer.primary_pressed()) && response.contains_pointer();
    if pressed && !selected {
        shown.send(Action::SelectRegion(Some(region.tag)));
    }
}

/// The tag, the name, an eye and a cross.
fn heading(shown: &mut Shown<'_>, ui: &mut Ui, image: ImageId, region: &Region) {
    let tokens = shown.tokens;
    ui.horizontal(|ui| {
        tag(shown, ui, region);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let number = region.tag.0;
            let (cross, _) = ui.allocate_exact_size(Vec2::splat(24.0), Sense::hover());
            let id = Id::unique(("delete region", number));
            if close_button(ui, tokens, cross, id, &format!("Delete region {number}")) {
                shown.send(Action::EditRegion(region.tag, RegionEdit::Remove));
            }
            let (place, _) = ui.allocate_exact_size(Vec2::splat(24.0), Sense::hover());
            let verb = if region.hidden { "Show" } else { "Hide" };
            let about = format!("{verb} region {number}");
            if eye_button(ui, tokens, place, Id::unique(("eye", number)), (!region.hidden, &about)) {
                shown.send(Action::EditRegion(region.tag, RegionEdit::Hide(!region.hidden)));
            }
            let mut name = region.name.clone();
            let mut layouter = text::in_field(theme::label_font(), tokens.text);
            let field = TextEdit::singleline(&mut name)
                .layouter(&mut layouter)
                .id(region_name_id(image, region.tag))
                .hint_text(format!("region {number}"))
                .font(theme::label_font())
                .frame(Frame::NONE)
                .margin(Margin::symmetric(4, 4))
                .align(egui::Align2::LEFT_CENTER);
            let response = ui.add_sized(vec2(ui.available_width(), 26.0), field);
            ui.ctx().accesskit_node_builder(response.id, |node| {
                node.set_label(format!("Name of region {number}"));
            });
            if response.changed() {
                shown.send(Action::StepRegion(region.tag, RegionEdit::Rename(name)));
            }
        });
    });
}

/// The number in the region's colour.
fn tag(shown: &mut Shown<'_>, ui: &mut Ui, region: &Region) {
    let color = shown.tokens.region(region.hue()).mask;
    let (rect, response) = ui.allocate_exact_size(vec2(24.0, 21.0), Sense::click_and_drag());
    response.dnd_set_drag_payload(region.tag);
    let about = format!("Select region {}", region.tag.0);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, about.as_str()));
    ui.painter().rect_filled(rect, CornerRadius::same(4), color);
    let font = theme::strong_font(13.0);
    let on_tag = shown.tokens.on_tag();
    ui.painter().text(rect.center(), egui::Align2::CENTER_CENTER, region.tag.0, font, on_tag);
    if response.on_hover_cursor(CursorIcon::PointingHand).on_hover_text(about).clicked() {
        shown.send(Action::SelectRegion(Some(region.tag)));
    }
}

/// The four edges and the size, each to be dragged or typed.
fn coordinates(shown: &mut Shown<'_>, ui: &mut Ui, picture: &Picture, region: &Region) {
    let (width, height) = (picture.size.0 as f32, picture.size.1 as f32);
    let before = region.bounds;
    let mut now = before;
    let number = region.tag.0;
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 5.0;
        ui.spacing_mut().interact_size = vec2(40.0, 24.0);
        ui.spacing_mut().button_padding = vec2(5.0, 3.0);
        let edges = [
            ("Left", &mut now.x0, 0.0..=before.x1 - 1.0),
            ("Top", &mut now.y0, 0.0..=before.y1 - 1.0),
            ("Right", &mut now.x1, before.x0 + 1.0..=width),
            ("Bottom", &mut now.y1, before.y0 + 1.0..=height),
        ];
        for (edge, value, range) in edges {
            let field = DragValue::new(value).range(range).speed(0.5).max_decimals(0);
            let response = ui.add(field);
            let label = format!("{edge} edge of region {number}");
            ui.ctx().accesskit_node_builder(response.id, |node| node.set_label(label.as_str()));
            response.on_hover_text(format!("{edge} edge, in pixels of the picture"));
        }
        let size = format!("{:.0} × {:.0}", before.width(), before.height());
        ui.label(egui::RichText::new(size).font(theme::small_font()).color(shown.tokens.text_faint));
    });
    if now != before {
        shown.send(Action::StepRegion(region.tag, changed(before, now)));
    }
}

/// Both edges of a side by the same amount is a move.
fn changed(before: PixelBox, now: PixelBox) -> RegionEdit {
    let same_size = (now.width() - before.width()).abs() + (now.height() - before.height()).abs() < 1e-3;
    if same_size { RegionEdit::Move(now) } else { RegionEdit::Resize(now) }
}

/// One swatch for each colour of regions.
pub(super) fn swatches(shown: &mut Shown<'_>, ui: &mut Ui, region: &Region) {
    let colors = (0..REGION_COLORS.len()).map(|place| shown.tokens.region(place).mask);
    let chosen = region.hue() % REGION_COLORS.len();
    if let Some(place) =
        widgets::swatches(ui, shown.tokens, colors, chosen, &format!("region {}", region.tag.0))
    {
        shown.send(Action::EditRegion(region.tag, RegionEdit::Recolor(Some(place))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_cards_in_sight_are_laid_out() {
        let heights = Heights { width: 300.0, plain: 72.0, selected: 152.0 };
        let seen = |top, selected| heights.in_sight(top, 400.0, 1000, selected);
        assert_eq!(seen(0.0, None), 0..6);
        assert_eq!(seen(80.0, None), 1..7);
        assert_eq!(seen(0.0, Some(0)), 0..5, "the selected one is higher");
        assert_eq!(seen(100.0, Some(0)), 0..6);
        assert_eq!(seen(165.0, Some(0)), 1..7);
        assert_eq!(seen(79_900.0, None), 998..1000);
        assert_eq!(heights.in_sight(0.0, 400.0, 0, None), 0..0);
    }
}
