//! Messages that belong to no panel, over the lower part of the canvas: failures until they are dismissed, notes
//! for a while.

use std::time::Duration;

use egui::{Align2, Area, Id, Order, ScrollArea, Ui, vec2};

use super::Shown;
use super::widgets::{CardLook, card, paragraph, sentence};
use crate::action::Action;
use crate::notice::{Notice, Tone};
use crate::theme;

/// How long a note is there, in seconds.
const NOTE: f64 = 8.0;
/// Height of a list in a message.
const LIST: f32 = 120.0;

pub(super) fn show(shown: &mut Shown<'_>, ui: &Ui) {
    let notices = shown.state.session.notices.clone();
    if notices.is_empty() {
        return;
    }
    let canvas = shown.state.ui.canvas;
    let over: Vec<_> = notices.iter().filter(|notice| is_over(shown, ui, notice)).map(|n| n.id).collect();
    let width = (canvas.width() - 40.0).clamp(200.0, 460.0);
    let area = Area::new(Id::unique("notices"))
        .order(Order::Foreground)
        .pivot(Align2::CENTER_BOTTOM)
        .fixed_pos(canvas.center_bottom() - vec2(0.0, 16.0))
        .show(ui.ctx(), |ui| {
            ui.set_width(width);
            for notice in notices {
                let look = CardLook::from(notice.tone);
                let dismissed = card(ui, shown.tokens, look, Some("Dismiss"), |ui| {
                    let mut text = sentence(&notice.text);
                    if notice.times > 1 {
                        text = format!("{text} ({} times)", notice.times);
                    }
                    paragraph(ui, &text, theme::LABEL, shown.tokens.text);
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
    // What is being read stays.
    if !area.response.contains_pointer() {
        for notice in over {
            shown.send(Action::DismissNotice(notice));
        }
    }
}

/// Whether a note was there for long enough; if not, the window is drawn again when it will have been.
fn is_over(shown: &Shown<'_>, ui: &Ui, notice: &Notice) -> bool {
    if notice.tone == Tone::Failure {
        return false;
    }
    let id = Id::unique(("notice", notice.id));
    let since = ui.data_mut(|d| *d.get_temp_mut_or_insert_with(id, || shown.now));
    let left = since + NOTE - shown.now;
    if left > 0.0 {
        ui.ctx().request_repaint_after(Duration::from_secs_f64(left));
    }
    left <= 0.0
}
