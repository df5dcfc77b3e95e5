//! The Regions tab: each box with its number, name, colour and coordinates.

use egui::{
    Align, CornerRadius, CursorIcon, DragValue, Frame, Id, Layout, Margin, Role, ScrollArea, Sense, Stroke,
    TextEdit, Ui, Vec2, WidgetInfo, vec2,
};
use glamm_engine::vision::PixelBox;

use super::widgets::{self, Kind, button, close_button, command_button, eye_button, paragraph};
use super::{Shown, text};
use crate::command::Command;
use crate::document::{Picture, Region, RegionEdit};
use crate::palette::REGION_COLORS;
use crate::theme;
use crate::update::Action;

/// The name field of the selected region, for giving it the keyboard.
pub fn region_name_id() -> Id {
    Id::unique("region name")
}

pub(super) fn show(shown: &mut Shown<'_>, ui: &mut Ui) {
    let picture = shown.state.picture().cloned();
    ScrollArea::vertical().id_salt("regions").auto_shrink(false).show(ui, |ui| {
        Frame::new().inner_margin(Margin::symmetric(18, 14)).show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.spacing_mut().item_spacing.y = 8.0;
            let Some(picture) = picture.filter(|picture| !picture.regions.is_empty()) else {
                let text = "There are no regions yet. Choose Box and drag on the picture, then refer to the \
                            box in a question by its number.";
                paragraph(ui, text, theme::LABEL, shown.tokens.text_soft);
                command_button(shown, ui, Command::BoxTool, Kind::Plain);
                return;
            };
            for region in &picture.regions {
                card(shown, ui, &picture, region);
            }
        });
    });
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
            heading(shown, ui, region, selected);
            coordinates(shown, ui, picture, region);
            if selected {
                swatches(shown, ui, region);
                ui.horizontal_wrapped(|ui| {
                    if button(ui, tokens, "Ask about it", Kind::Plain, true).clicked() {
                        shown.command(Command::ShowChat);
                        shown.send(Action::Refer(region.tag));
                    }
                    if button(ui, tokens, "Segment this", Kind::Plain, true).clicked() {
                        shown.send(Action::SegmentRegion(region.tag));
                    }
                    if button(ui, tokens, "Duplicate", Kind::Plain, true).clicked() {
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
fn heading(shown: &mut Shown<'_>, ui: &mut Ui, region: &Region, selected: bool) {
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
            let id = if selected { region_name_id() } else { Id::unique(("region name", number)) };
            let mut layouter = text::in_field(theme::label_font(), tokens.text);
            let field = TextEdit::singleline(&mut name)
                .layouter(&mut layouter)
                .id(id)
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
