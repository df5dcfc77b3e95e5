//! The messages of the conversation that is shown, however many: only those in view are laid out.

use std::collections::HashSet;
use std::sync::Arc;

use egui::{Align, Rect, ScrollArea, Ui, UiBuilder, pos2, vec2};
use glamm_engine::protocol::{ImageId, JobId};

use super::rich_text::GUTTER;
use super::row_heights::{RowEvent, RowHeights};
use super::{Shown, chat, messages};
use crate::document::{ConversationId, Exchange};
use crate::theme;

/// Left and right of the messages.
const MARGIN: f32 = 18.0;
/// Between two messages.
const GAP: f32 = 16.0;

/// What is remembered of the list from frame to frame.
#[derive(Debug)]
pub struct MessageList {
    heights: RowHeights<Arc<Exchange>>,
    /// What the heights are of.
    of: Option<(ImageId, ConversationId)>,
    width: f32,
    /// Where the view must be in the next frame to show the same.
    next_offset: Option<f32>,
    /// Conversations that have a place where they were left.
    seen: HashSet<(ImageId, ConversationId)>,
    /// The job whose question was brought into view.
    job: Option<JobId>,
}

impl Default for MessageList {
    fn default() -> Self {
        Self {
            heights: RowHeights::new(GAP),
            of: None,
            width: 0.0,
            next_offset: None,
            seen: HashSet::new(),
            job: None,
        }
    }
}

impl MessageList {
    /// Takes the messages as they are now.
    fn update(&mut self, of: (ImageId, ConversationId), exchanges: &[&Arc<Exchange>], width: f32) {
        if self.of != Some(of) {
            self.heights = RowHeights::new(GAP);
            self.next_offset = None;
            self.of = Some(of);
        }
        if (self.width - width).abs() > 0.1 {
            self.heights.forget();
            self.width = width;
        }
        self.heights.update(exchanges, Arc::ptr_eq, |exchange| estimate(exchange, width));
    }
}

/// About how high an exchange is, without laying it out.
fn estimate(exchange: &Exchange, width: f32) -> f32 {
    const PER_CHARACTER: f32 = 7.6;
    let lines = |chars: usize, width: f32| (chars as f32 * PER_CHARACTER / width.max(40.0)).ceil().max(1.0);
    let question = lines(exchange.question.text.chars().count(), width * 0.8);
    let reply = lines(exchange.reply.text.chars().count(), width);
    (question + reply) * theme::LINE + messages::BESIDE_TEXT
}

pub(super) fn show(shown: &mut Shown<'_>, ui: &mut Ui) {
    let state = shown.state;
    let mut list = std::mem::take(shown.messages);
    let exchanges = state.shown_exchanges();
    let width = ui.available_width() - 2.0 * MARGIN;
    let of = state.ui.current.zip(state.conversation().map(|c| c.id));
    // Before anything was said, what stands first is what one should read first.
    let begun = !exchanges.is_empty() || state.shown_job().is_some();
    let mut area =
        ScrollArea::vertical().id_salt(("chat", of, begun)).auto_shrink(false).stick_to_bottom(begun);
    if let Some(of) = of {
        list.update(of, &exchanges, width);
        if list.seen.insert(of) {
            // One that was not seen before opens at its end.
            list.next_offset = Some((list.heights.total() - ui.available_height()).max(0.0));
        }
    }
    if let Some(offset) = list.next_offset.take() {
        area = area.vertical_scroll_offset(offset);
    }
    let output = area.show_viewport(ui, |ui, _| {
        ui.spacing_mut().item_spacing.y = 0.0;
        ui.add_space(GAP);
        block(ui, width, |ui| chat::before_messages(shown, ui));
        let shift = rows(shown, ui, &mut list, &exchanges, width);
        block(ui, width, |ui| chat::behind_messages(shown, ui));
        let job = state.shown_job().map(|job| job.id);
        if job.is_some() && job != list.job {
            ui.scroll_to_cursor(Some(Align::BOTTOM));
        }
        list.job = job;
        shift
    });
    if output.inner.abs() > 0.01 {
        list.next_offset = Some(output.state.unclamped_offset().y + output.inner);
        ui.ctx().request_repaint();
    }
    *shown.messages = list;
}

/// Something of the full width, with its own gaps.
fn block(ui: &mut Ui, width: f32, contents: impl FnOnce(&mut Ui)) {
    let top = ui.next_widget_position();
    let rect = Rect::from_min_size(pos2(top.x + MARGIN, top.y), vec2(width, f32::INFINITY));
    let used = ui.scope_builder(UiBuilder::new().max_rect(rect), |ui| {
        ui.set_width(width);
        ui.spacing_mut().item_spacing.y = 14.0;
        contents(ui);
    });
    if used.response.rect.height() > 0.0 {
        ui.add_space(GAP);
    }
}

/// The messages in view. Returns how much those above it have grown.
fn rows(
    shown: &mut Shown<'_>,
    ui: &mut Ui,
    list: &mut MessageList,
    exchanges: &[&Arc<Exchange>],
    width: f32,
) -> f32 {
    let top = ui.next_widget_position();
    let seen = ui.clip_rect();
    let view = (seen.top() - top.y)..(seen.bottom() - top.y);
    // What stands left and right of the text has its place in the margin: the words are flush with all else.
    let (left, width) = (top.x + MARGIN - GUTTER, width + GUTTER);
    let last = exchanges.len().saturating_sub(1);
    let shift = list.heights.show(view, |place, event| {
        let Some(exchange) = exchanges.get(place) else { return 0.0 };
        let at = match event {
            RowEvent::Measure => None,
            RowEvent::Draw { top: below } => Some(pos2(left, top.y + below)),
        };
        messages::exchange(shown, ui, exchange, (width, place == last), at)
    });
    // In the next frame the view lies further down by as much.
    let height = list.heights.total() - shift;
    ui.allocate_space(vec2(width - GUTTER + 2.0 * MARGIN, height.max(0.0)));
    shift
}
