//! Messages that belong to no panel, over the lower part of the canvas, until they are dismissed.

use egui::{Align2, Area, Id, Order, ScrollArea, Ui, vec2};

use super::Shown;
use super::widgets::{CardLook, card, paragraph, sentence};
use crate::theme;
use crate::update::Action;

/// Height of a list in a message.
const LIST: f32 = 120.0;

pub(super) fn show(shown: &mut Shown<'_>, ui: &Ui) {
    let notices = shown.state.session.notices.clone();
    if notices.is_empty() {
        return;
    }
    let canvas = shown.state.ui.canvas;
    let width = (canvas.width() - 40.0).clamp(200.0, 460.0);
    Area::new(Id::unique("notices"))
        .order(Order::Foreground)
        .pivot(Align2::CENTER_BOTTOM)
        .fixed_pos(canvas.center_bottom() - vec2(0.0, 16.0))
        .show(ui.ctx(), |ui| {
            ui.set_width(width);
            for notice in notices {
                let look = if notice.is_error { CardLook::Failure } else { CardLook::Note };
                let dismissed = card(ui, shown.tokens, look, Some("Dismiss"), |ui| {
                    paragraph(ui, &sentence(&notice.text), theme::LABEL, shown.tokens.text);
                    if notice.list.len() > 1 {
                        let area = ScrollArea::vertical().id_salt(notice.id).max_height(LIST);
                        area.show(ui, |ui| {
                            for line in &notice.list {
                                paragraph(ui, line, theme::SMALL, shown.tokens.text_soft);
                            }
                        });
                    }
                });
                if dismissed {
                    shown.send(Action::DismissNotice(notice.id));
                }
            }
        });
}
