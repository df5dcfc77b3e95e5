//! Questions and replies.

use egui::{Align, CornerRadius, Layout, Rect, Sense, Stroke, StrokeKind, Ui, vec2};
use glamm_engine::protocol::{FinishReason, Grounding};

use super::Shown;
use super::rich_text::{Builder, Chip, GUTTER};
use super::status_line::duration;
use super::widgets::paragraph;
use crate::document::{Exchange, MaskId, Piece, Question, Segment, segments};
use crate::session::{ModelStatus, RunningJob};
use crate::theme;
use crate::update::Action;

/// Share of the panel that a question may take.
const QUESTION_WIDTH: f32 = 0.86;

/// A question, at the right, with its regions as chips.
pub(super) fn question(shown: &mut Shown<'_>, ui: &mut Ui, question: &Question) {
    let tokens = shown.tokens;
    let padding = vec2(7.0, 9.0);
    let mut text =
        Builder::new(theme::TEXT, tokens.text, ui.available_width() * QUESTION_WIDTH - 2.0 * padding.x);
    for piece in question.pieces() {
        match piece {
            Piece::Text(words) => text.words(words),
            Piece::Region(region) => {
                let colors = tokens.region(region.hue());
                let chip = Chip {
                    fill: colors.fill,
                    fill_hover: colors.fill_strong,
                    line: Stroke::new(1.0, colors.line),
                    text: colors.text,
                    label: format!("Region {}", region.tag.0),
                    pinned: None,
                };
                text.chip(&format!("region {}", region.tag.0), chip);
            }
        }
    }
    let text = text.build(ui);
    let size = text.size() + 2.0 * padding;
    ui.with_layout(Layout::right_to_left(Align::TOP), |ui| {
        let (rect, _) = ui.allocate_exact_size(size, Sense::hover());
        let radius = CornerRadius { nw: 12, ne: 12, sw: 12, se: 3 };
        let line = Stroke::new(1.0, tokens.accent_line);
        ui.painter().rect(rect, radius, tokens.accent_soft, line, StrokeKind::Inside);
        text.show_at(ui, rect.min + padding);
    });
}

/// A finished reply and what it cost.
pub(super) fn reply(shown: &mut Shown<'_>, ui: &mut Ui, exchange: &Exchange) {
    let masks: Vec<Option<MaskId>> = exchange.masks.iter().map(|m| m.as_ref().map(|m| m.id)).collect();
    let reply = &exchange.reply;
    let grounded = Grounded { groundings: &reply.groundings, masks: &masks, first_hue: exchange.first_hue };
    let response = grounded_text(shown, ui, &reply.text, &grounded, None);
    response.context_menu(|ui| {
        if ui.button("Copy reply").clicked() {
            ui.ctx().copy_text(reply.text.clone());
            ui.close();
        }
    });
    ui.add_space(-8.0);
    stats(shown, ui, exchange);
}

fn stats(shown: &Shown<'_>, ui: &mut Ui, exchange: &Exchange) {
    let stats = &exchange.stats;
    let masks = exchange.masks.iter().flatten().count();
    let mut parts = Vec::new();
    match masks {
        0 => {}
        1 => parts.push("1 mask".to_owned()),
        more => parts.push(format!("{more} masks")),
    }
    parts.push(format!("{} to first word", duration(stats.time_to_first_token.as_secs_f64())));
    if stats.tokens_per_second() > 0.0 {
        parts.push(format!("{:.0} tokens/s", stats.tokens_per_second()));
    }
    match exchange.reason {
        FinishReason::Cancelled => parts.push("stopped".to_owned()),
        FinishReason::TokenLimit => parts.push("cut at the limit of tokens".to_owned()),
        FinishReason::EndOfSequence | FinishReason::ContextFull => {}
    }
    ui.horizontal(|ui| {
        ui.add_space(GUTTER);
        paragraph(ui, &parts.join("     "), theme::SMALL, shown.tokens.text_faint);
    });
}

/// A reply on its way: what there is, a caret, and before the first word what is being done.
pub(super) fn running(shown: &mut Shown<'_>, ui: &mut Ui, job: &RunningJob) {
    if job.text.is_empty() {
        let doing = if job.stopping {
            "Stopping …"
        } else if !matches!(shown.state.session.model, ModelStatus::Ready(_)) {
            "Waiting for the model …"
        } else if super::status_line::is_encoding(shown.state) {
            "Looking at the picture …"
        } else {
            "Reading the question …"
        };
        ui.horizontal(|ui| {
            ui.add_space(GUTTER);
            ui.add(egui::Spinner::new().size(15.0).color(shown.tokens.text_faint));
            let seconds = (shown.now - job.asked_at).max(0.0);
            let text = if seconds < 2.0 { doing.to_owned() } else { format!("{doing}  {seconds:.0} s") };
            ui.label(egui::RichText::new(text).size(theme::LABEL).color(shown.tokens.text_faint));
        });
        return;
    }
    let mut groundings: Vec<Grounding> = job.grounded.iter().map(|(g, _)| g.clone()).collect();
    let mut masks: Vec<Option<MaskId>> = job.grounded.iter().map(|(_, m)| m.as_ref().map(|m| m.id)).collect();
    // Phrases whose mask is still being computed, and the one being written, show their colour
    // already; their places follow those of the masks that are there.
    let open = job.open_phrase.filter(|&from| from < job.chars).map(|from| from..job.chars);
    for span in job.waiting_phrases.iter().cloned().chain(open) {
        groundings.push(Grounding { span });
        masks.push(None);
    }
    let grounded = Grounded { groundings: &groundings, masks: &masks, first_hue: job.first_hue };
    grounded_text(shown, ui, &job.text, &grounded, Some(shown.now));
}

/// The groundings of a text.
struct Grounded<'a> {
    groundings: &'a [Grounding],
    /// One a grounding.
    masks: &'a [Option<MaskId>],
    first_hue: usize,
}

fn grounded_text(
    shown: &mut Shown<'_>,
    ui: &mut Ui,
    text: &str,
    grounded: &Grounded<'_>,
    caret_at: Option<f64>,
) -> egui::Response {
    let mut builder = Builder::new(theme::TEXT, shown.tokens.text, ui.available_width());
    let mut chips: Vec<Vec<MaskId>> = Vec::new();
    for segment in segments(text, grounded.groundings) {
        match segment.groundings.first() {
            None => builder.words(segment.text),
            Some(&first) => {
                let masks: Vec<MaskId> = segment
                    .groundings
                    .iter()
                    .filter_map(|&g| grounded.masks.get(g).copied().flatten())
                    .collect();
                let chip = chip(shown, &segment, grounded.first_hue + first, &masks);
                builder.chip(if segment.text.is_empty() { "mask" } else { segment.text }, chip);
                chips.push(masks);
            }
        }
    }
    let laid_out = builder.build(ui);
    let end = laid_out.end();
    let painted = laid_out.show(ui);
    for (response, masks) in painted.chips.iter().zip(&chips) {
        if (response.hovered() || response.has_focus())
            && let Some(mask) = masks.first()
        {
            shown.hovered = Some(*mask);
        }
        if response.clicked() {
            for mask in masks {
                shown.send(Action::TogglePin(*mask));
            }
        }
    }
    if let Some(now) = caret_at {
        caret(shown, ui, end.translate(painted.response.rect.min.to_vec2()), now);
    }
    painted.response
}

fn chip(shown: &Shown<'_>, segment: &Segment<'_>, hue: usize, masks: &[MaskId]) -> Chip {
    let ui_state = &shown.state.ui;
    let colors = shown.tokens.phrase(hue);
    let pinned = masks.iter().any(|mask| ui_state.pinned.contains(mask));
    let hot = pinned || masks.iter().any(|mask| ui_state.hovered == Some(*mask));
    let words = segment.text.trim();
    Chip {
        fill: if hot { colors.fill_strong } else { colors.fill },
        fill_hover: colors.fill_strong,
        line: if pinned { Stroke::new(1.75, colors.mask) } else { Stroke::new(1.0, colors.line) },
        text: colors.text,
        label: if words.is_empty() { "Mask".to_owned() } else { format!("Phrase: {words}") },
        pinned: (!masks.is_empty()).then_some(pinned),
    }
}

/// A block at the end of the text, on for half of every second.
fn caret(shown: &Shown<'_>, ui: &Ui, end: Rect, now: f64) {
    ui.ctx().request_repaint_after(std::time::Duration::from_millis(250));
    if now.fract() < 0.6 {
        let rect = Rect::from_min_size(end.min + vec2(3.0, 5.0), vec2(7.0, end.height() - 9.0));
        ui.painter().rect_filled(rect, CornerRadius::same(1), shown.tokens.text_faint);
    }
}
