//! The open pictures, one small below the other; those on their way as empty frames. Only what is in sight is
//! laid out: there may be thousands.

use std::ops::Range;

use egui::{
    Align2, CornerRadius, CursorIcon, Id, Rangef, Rect, Role, ScrollArea, Sense, Spinner, Stroke, StrokeKind,
    Ui, Vec2, WidgetInfo, pos2, vec2,
};

use super::widgets::context_menu;
use super::{Shown, text};
use crate::action::Action;
use crate::document::Picture;
use crate::state::session::Arrival;
use crate::theme;

/// Of a thumbnail, in points.
const SIDE: f32 = 56.0;
/// Between two of them, and before the first.
const GAP: f32 = 10.0;

pub(super) fn show(shown: &mut Shown<'_>, ui: &mut Ui) {
    ScrollArea::vertical().auto_shrink(false).show_viewport(ui, |ui, seen| {
        let state = shown.state;
        let (pictures, arrivals) = (state.document().pictures(), &state.session.arrivals);
        let count = pictures.len() + arrivals.len();
        let room = ui.max_rect();
        ui.set_height(place(room, count).top() - room.top());
        for at in in_sight(seen.y_range(), count) {
            let rect = place(room, at);
            if let Some(picture) = pictures.get(at) {
                thumbnail(shown, ui, picture, rect);
            } else if let Some(arrival) = arrivals.get(at - pictures.len()) {
                on_its_way(shown, ui, arrival, rect);
            }
        }
        let selected = pictures.iter().position(|picture| Some(picture.id) == state.ui.current);
        follow(shown, ui, selected.map(|at| place(room, at)));
    });
}

/// Where the thumbnail at this place is, on the screen.
fn place(room: Rect, at: usize) -> Rect {
    let top = room.top() + GAP + at as f32 * (SIDE + GAP);
    Rect::from_min_size(pos2(room.center().x - 0.5 * SIDE, top), Vec2::splat(SIDE))
}

/// The thumbnails that reach into this part of the column, and one more at either end, for the keyboard to go
/// on to.
fn in_sight(seen: Rangef, count: usize) -> Range<usize> {
    let step = SIDE + GAP;
    let first = ((seen.min / step).floor().max(0.0) as usize).saturating_sub(1);
    let end = (seen.max / step).ceil().max(0.0) as usize + 1;
    first.min(count)..end.min(count)
}

/// Scrolls to the picture on the canvas when it has become another.
fn follow(shown: &Shown<'_>, ui: &Ui, selected: Option<Rect>) {
    let memory = Id::unique("picture that the filmstrip shows");
    let current = shown.state.ui.current;
    if let Some(rect) = selected.filter(|_| ui.data(|d| d.get_temp(memory)) != Some(current)) {
        ui.data_mut(|d| d.insert_temp(memory, current));
        ui.scroll_to_rect(rect.expand(GAP), None);
    }
}

fn on_its_way(shown: &mut Shown<'_>, ui: &Ui, arrival: &Arrival, rect: Rect) {
    let response = ui.interact(rect, Id::unique(("arrival", arrival.image)), Sense::hover());
    let radius = CornerRadius::same(8);
    ui.painter().rect_filled(rect, radius, shown.tokens.raised);
    if let Some(preview) = &arrival.preview {
        let texture = shown.textures.preview(ui.ctx(), arrival.image, preview);
        egui::Image::new((texture.id(), rect.size()))
            .uv(middle_square(preview.size))
            .corner_radius(radius)
            .tint(egui::Color32::from_white_alpha(150))
            .paint_at(ui, rect);
    }
    Spinner::new().size(16.0).color(shown.tokens.text_faint).paint_at(ui, rect.shrink(20.0));
    response.on_hover_text(text::in_tooltip(ui, &format!("{} is being opened", arrival.name)));
}

fn thumbnail(shown: &mut Shown<'_>, ui: &Ui, picture: &Picture, rect: Rect) {
    let response = ui.interact(rect, Id::unique(("thumbnail", picture.id)), Sense::click());
    if response.gained_focus() {
        ui.scroll_to_rect(rect.expand(GAP), None);
    }
    let selected = shown.state.ui.current == Some(picture.id);
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, selected, &picture.name));
    let tokens = shown.tokens;
    let radius = CornerRadius::same(8);
    if let Some(image) = shown.state.session.thumbnails.get(&picture.id) {
        let size = image.size;
        let texture = shown.textures.thumbnail(ui.ctx(), picture.id, image);
        egui::Image::new((texture.id(), rect.size()))
            .uv(middle_square(size))
            .corner_radius(radius)
            .paint_at(ui, rect);
    }
    let stroke = if selected {
        Stroke::new(2.0, tokens.accent)
    } else if response.hovered() || response.has_focus() {
        Stroke::new(2.0, tokens.text_faint)
    } else {
        Stroke::new(1.0, tokens.line)
    };
    let around = if selected { rect.expand(2.0) } else { rect };
    ui.painter().rect_stroke(around, radius, stroke, StrokeKind::Outside);
    let talked_about = picture.is_talked_about();
    if talked_about {
        let at = rect.right_bottom() - vec2(8.0, 8.0);
        ui.painter().circle(at, 4.5, tokens.accent, Stroke::new(1.5, tokens.panel));
    }
    let missing = shown.state.session.unavailable.get(&picture.id);
    if missing.is_some() {
        let at = rect.right_top() + vec2(-9.0, 9.0);
        ui.painter().circle(at, 7.0, tokens.bad, Stroke::new(1.5, tokens.panel));
        ui.painter().text(at, Align2::CENTER_CENTER, "!", theme::small_font(), tokens.panel);
    }
    if response.clicked() {
        shown.send(Action::SelectPicture(picture.id));
    }
    context_menu(&response, |ui| {
        if ui.button("Close picture").clicked() {
            shown.send(Action::ClosePicture(picture.id));
            ui.close();
        }
    });
    let (width, height) = picture.size;
    response.on_hover_cursor(CursorIcon::PointingHand).on_hover_ui(|ui| {
        ui.label(text::in_tooltip(ui, &picture.name));
        ui.label(egui::RichText::new(format!("{width} × {height}")).font(theme::small_font()));
        if let Some(reason) = missing {
            ui.label(text::in_tooltip(ui, &format!("The picture is missing: {reason}")));
        }
    });
}

/// The part of a picture, in texture coordinates, that fills a square.
fn middle_square([width, height]: [usize; 2]) -> Rect {
    let (width, height) = (width.max(1) as f32, height.max(1) as f32);
    let side = width.min(height);
    Rect::from_center_size(pos2(0.5, 0.5), vec2(side / width, side / height))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_in_sight_is_laid_out() {
        let step = SIDE + GAP;
        let rows = |from: f32, to: f32| in_sight(Rangef::new(from * step, to * step), 5000);
        assert_eq!(rows(0.0, 10.0), 0..11);
        assert_eq!(rows(2500.5, 2510.5), 2499..2512);
        assert_eq!(rows(4995.0, 5005.0), 4994..5000);
        assert_eq!(in_sight(Rangef::new(-20.0, 600.0), 3), 0..3);
        assert_eq!(in_sight(Rangef::new(9000.0, 9600.0), 3), 3..3, "until the scroll area has noticed");
        assert_eq!(in_sight(Rangef::new(0.0, 600.0), 0), 0..0);
    }
}
