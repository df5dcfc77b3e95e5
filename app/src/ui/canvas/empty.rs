//! Nothing is open: says what to do, or what is on its way.

use egui::{Rect, RichText, Ui, UiBuilder, vec2};

use super::picture;
use crate::canvas::view::{View, Viewpoint};
use crate::command::Command;
use crate::theme;
use crate::ui::Shown;
use crate::ui::widgets::{Kind, command_button};

pub(super) fn show(shown: &mut Shown<'_>, ui: &mut Ui, rect: Rect) {
    let arrivals = &shown.state.session.arrivals;
    let arrival = arrivals.iter().find(|arrival| arrival.select).or(arrivals.first()).cloned();
    if let Some((arrival, preview)) = arrival.as_ref().and_then(|a| Some((a, a.preview.as_ref()?))) {
        let [width, height] = preview.size.map(|side| side as u32);
        let place = View::new(Viewpoint::Fit, rect, (width, height), ui.pixels_per_point()).image_rect();
        let texture = shown.textures.preview(ui.ctx(), arrival.image, preview).id();
        picture::paint_preview(shown, ui.painter(), texture, place, &format!("Opening {} …", arrival.name));
        return;
    }
    let room = Rect::from_center_size(rect.center(), vec2(rect.width().min(420.0), 150.0));
    ui.scope_builder(UiBuilder::new().max_rect(room), |ui| {
        ui.vertical_centered(|ui| {
            let tokens = shown.tokens;
            if let Some(arrival) = arrival {
                ui.add(egui::Spinner::new().size(22.0).color(tokens.text_faint));
                let text = RichText::new(format!("Opening {} …", arrival.name));
                ui.label(text.color(tokens.text_soft));
                return;
            }
            let title = RichText::new("Open a picture").font(theme::strong_font(20.0));
            ui.label(title.color(tokens.text));
            let how = "Drop a file here, paste one, or take a scene of the demo model's world.";
            ui.label(RichText::new(how).color(tokens.text_soft));
            ui.add_space(8.0);
            ui.horizontal(|ui| {
                ui.add_space((ui.available_width() - 190.0).max(0.0) * 0.5);
                command_button(shown, ui, Command::OpenPicture, Kind::Primary);
                command_button(shown, ui, Command::NewScene, Kind::Plain);
            });
        });
    });
}
