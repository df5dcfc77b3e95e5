//! Clicks that a mask is made of, and what a click on the picture offers.

use egui::{
    Align2, Color32, FontId, Id, Key, Modifiers, Painter, Popup, PopupAnchor, PopupCloseBehavior, PopupKind,
    Stroke, Ui, vec2,
};
use glamm_engine::vision::Click;

use crate::action::{Action, Offer};
use crate::canvas::view::View;
use crate::state::ui_state::Tool;
use crate::ui::Shown;
use crate::ui::widgets::presses;

/// Radius of a click's mark, in points.
const MARK: f32 = 7.0;

/// Enter or Escape: the mask is as it should be, the next click begins another. While one is being made,
/// Escape gives it up.
pub(super) fn keys(shown: &mut Shown<'_>, ui: &Ui) {
    let state = shown.state;
    let holds_pointer = state.ui.gesture.is_some() || state.held_brush().is_some();
    let escape = shown.escape && !holds_pointer;
    if escape && state.session.segmentation.is_some() {
        shown.send(Action::CancelSegmentation);
    } else if state.is_refining() {
        let free = !ui.ctx().egui_wants_keyboard_input() && !state.is_behind_dialog();
        if escape || free && presses(ui, Modifiers::NONE, Key::Enter) > 0 {
            shown.send(Action::PromptMask(None));
        }
    }
}

/// Plus and minus where was clicked.
pub(super) fn paint(shown: &Shown<'_>, painter: &Painter, view: &View) {
    if shown.state.ui.tool != Tool::Point {
        return;
    }
    let running = shown.state.session.segmentation.as_ref();
    let running = running.filter(|running| Some(running.image) == shown.state.ui.current);
    let clicks: Vec<Click> = match (running, shown.state.prompted()) {
        (Some(running), _) => running.points.clone(),
        (None, Some((_, points, _))) => points,
        (None, None) => return,
    };
    for click in clicks {
        let at = view.screen_from_image(egui::pos2(click.x + 0.5, click.y + 0.5));
        let tokens = shown.tokens;
        let (fill, sign) = if click.positive { (tokens.good, "+") } else { (tokens.bad, "\u{2212}") };
        painter.circle(at, MARK, fill, Stroke::new(1.5, Color32::WHITE));
        painter.text(at, Align2::CENTER_CENTER, sign, FontId::proportional(13.0), tokens.on_tag());
    }
}

/// What can be done about the place that was clicked.
pub(super) fn offer(shown: &mut Shown<'_>, ui: &Ui, painter: &Painter, view: &View) {
    let Some(at) = shown.state.ui.offered_at else { return };
    let place = view.screen_from_image(at);
    painter.circle(place, 4.0, shown.tokens.accent, Stroke::new(1.5, Color32::WHITE));
    let mut open = true;
    let mut taken = None;
    let anchor = PopupAnchor::Position(place + vec2(8.0, 8.0));
    Popup::new(Id::unique("offer"), ui.ctx().clone(), anchor, ui.layer_id())
        .kind(PopupKind::Menu)
        .close_behavior(PopupCloseBehavior::CloseOnClickOutside)
        .open_bool(&mut open)
        .show(|ui| {
            ui.set_min_width(190.0);
            ui.spacing_mut().item_spacing.y = 2.0;
            for offer in Offer::ALL {
                let enabled = offer.is_enabled(shown.state);
                let button =
                    egui::Button::new(offer.label()).frame_when_inactive(false).min_size(vec2(190.0, 28.0));
                let response = ui.add_enabled(enabled, button);
                let why_not = shown.state.why_not_ask().unwrap_or_default();
                if response.on_disabled_hover_text(why_not).clicked() {
                    taken = Some(offer);
                }
            }
        });
    if let Some(offer) = taken {
        shown.send(Action::TakeOffer { offer, at, mask: None });
    } else if !open {
        shown.send(Action::OfferAt(None));
    }
}
