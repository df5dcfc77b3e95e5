//! Nothing is open: says what to do, or what is on its way.

use egui::{Rect, RichText, Ui, UiBuilder, vec2};

use crate::command::Command;
use crate::theme;
use crate::ui::Shown;
use crate::ui::widgets::{Kind, command_button};

pub(super) fn show(shown: &mut Shown<'_>, ui: &mut Ui, rect: Rect) {
    let room = Rect::from_center_size(rect.center(), vec2(rect.width().min(420.0), 150.0));
    ui.scope_builder(UiBuilder::new().max_rect(room), |ui| {
        ui.vertical_centered(|ui| {
            let tokens = shown.tokens;
            if let Some(arrival) = shown.state.session.arrivals.first() {
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
