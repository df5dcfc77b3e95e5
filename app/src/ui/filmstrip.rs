//! The open pictures, one small below the other; those on their way as empty frames.

use egui::{
    CornerRadius, CursorIcon, Rect, Role, ScrollArea, Sense, Spinner, Stroke, StrokeKind, Ui, Vec2,
    WidgetInfo, pos2, vec2,
};

use super::Shown;
use crate::document::Picture;
use crate::theme;
use crate::update::Action;

const SIDE: f32 = 56.0;

pub(super) fn show(shown: &mut Shown<'_>, ui: &mut Ui) {
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 10.0;
        ui.vertical_centered(|ui| {
            ui.add_space(10.0);
            let state = shown.state;
            for picture in state.document().pictures() {
                thumbnail(shown, ui, picture);
            }
            for arrival in &state.session.arrivals {
                let (rect, response) = ui.allocate_exact_size(Vec2::splat(SIDE), Sense::hover());
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
                response.on_hover_text(format!("{} is being opened", arrival.name));
            }
            ui.add_space(10.0);
        });
    });
}

fn thumbnail(shown: &mut Shown<'_>, ui: &mut Ui, picture: &Picture) {
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(SIDE), Sense::click());
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
    if response.clicked() {
        shown.send(Action::SelectPicture(picture.id));
    }
    response.context_menu(|ui| {
        if ui.button("Close picture").clicked() {
            shown.send(Action::ClosePicture(picture.id));
            ui.close();
        }
    });
    let (width, height) = picture.size;
    response.on_hover_cursor(CursorIcon::PointingHand).on_hover_ui(|ui| {
        ui.label(&picture.name);
        ui.label(egui::RichText::new(format!("{width} × {height}")).font(theme::small_font()));
    });
}

/// The part of a picture, in texture coordinates, that fills a square.
fn middle_square([width, height]: [usize; 2]) -> Rect {
    let (width, height) = (width.max(1) as f32, height.max(1) as f32);
    let side = width.min(height);
    Rect::from_center_size(pos2(0.5, 0.5), vec2(side / width, side / height))
}
