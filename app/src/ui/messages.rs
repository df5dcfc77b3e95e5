//! Questions and replies.

use egui::text::LayoutJob;
use egui::{
    CornerRadius, Galley, Id, Pos2, Rect, Response, Sense, Stroke, StrokeKind, TextFormat, Ui, UiBuilder,
    Vec2, pos2, vec2,
};
use glamm_engine::protocol::{FinishReason, Grounding, Sampling};

use super::message_actions::Places;
use super::rich_text::{Builder, Chip, GUTTER, RichText};
use super::status_line::{duration, speed};
use super::widgets::{context_menu, open_menu, takes_menu_key};
use super::{Shown, icons, mask_menu, message_actions, message_editor};
use crate::document::{Exchange, GroundedMask, MaskId, Piece, Question, Segment, segments};
use crate::palette::first_of_phrase;
use crate::state::session::{ModelStatus, RunningJob};
use crate::theme::{self, Tokens};
use crate::words::counted;

/// Share of the panel that a question may take.
const QUESTION_WIDTH: f32 = 0.86;

/// A question, laid out in its bubble.
struct Bubble {
    text: RichText,
}

impl Bubble {
    const PADDING: Vec2 = vec2(7.0, 9.0);

    fn lay_out(tokens: &Tokens, ui: &Ui, question: &Question, width: f32) -> Self {
        let room = (width * QUESTION_WIDTH - 2.0 * Self::PADDING.x).max(60.0);
        let mut text = Builder::new(theme::TEXT, tokens.text, room);
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
                        hint: None,
                        pinned: None,
                    };
                    text.chip(&format!("region {}", region.tag.0), chip);
                }
            }
        }
        Self { text: text.build(ui) }
    }

    fn size(&self) -> Vec2 {
        self.text.size() + 2.0 * Self::PADDING
    }

    /// Paints it with its upper right corner here.
    fn show_at(self, tokens: &Tokens, ui: &mut Ui, right_top: Pos2) -> Response {
        let size = self.size();
        let rect = Rect::from_min_size(right_top - vec2(size.x, 0.0), size);
        let radius = CornerRadius { nw: 12, ne: 12, sw: 12, se: 3 };
        let line = Stroke::new(1.0, tokens.accent_line);
        ui.painter().rect(rect, radius, tokens.accent_soft, line, StrokeKind::Inside);
        self.text.show_at(ui, rect.min + Self::PADDING).response
    }
}

/// A question, at the right, with its regions as chips.
pub(super) fn question(shown: &mut Shown<'_>, ui: &mut Ui, question: &Question) {
    let bubble = Bubble::lay_out(shown.tokens, ui, question, ui.available_width());
    let size = vec2(ui.available_width(), bubble.size().y);
    let (rect, _) = ui.allocate_exact_size(size, Sense::hover());
    bubble.show_at(shown.tokens, ui, rect.right_top());
}

/// An exchange of this width, with what can be done with it; whether it is the last one shown. Drawn
/// with its upper left corner at `at`, or only measured. Returns its height.
pub(super) fn exchange(
    shown: &mut Shown<'_>,
    ui: &mut Ui,
    exchange: &Exchange,
    (width, is_last): (f32, bool),
    at: Option<Pos2>,
) -> f32 {
    if shown.state.shown_editing().is_some_and(|editing| editing.exchange == exchange.id) {
        return message_editor::show(shown, ui, exchange, width, at);
    }
    let tokens = shown.tokens;
    let bubble = Bubble::lay_out(tokens, ui, &exchange.question, width);
    let masks: Vec<Option<&GroundedMask>> = exchange.masks.iter().map(Option::as_ref).collect();
    let groundings = &exchange.reply.groundings;
    let grounded = Grounded { groundings, masks: &masks, first_hue: exchange.first_hue };
    let reply = GroundedText::lay_out(shown, ui, &exchange.reply.text, &grounded, width);
    let stats = stats(tokens, ui, exchange, width);
    let question_height = bubble.size().y;
    let reply_height = reply.text.size().y;
    let height =
        question_height + TO_REPLY + reply_height + TO_STATS + stats.size().y + TO_ACTIONS + icons::SIDE;
    let Some(at) = at else { return height };

    let row = Rect::from_min_size(at, vec2(width, height));
    let id = Id::unique((
        "exchange",
        shown.state.ui.current,
        shown.state.conversation().map(|c| c.id),
        exchange.id,
    ));
    let builder = UiBuilder::new().scope_id(id).max_rect(row);
    let mut ui = ui.new_child(builder);
    let ui = &mut ui;
    let bubble_left = row.right() - bubble.size().x;
    let question = bubble.show_at(tokens, ui, row.right_top());
    let mut y = at.y + question_height + TO_REPLY;
    let reply = reply.show_at(shown, ui, pos2(at.x, y));
    y += reply_height + TO_STATS;
    let figures = Rect::from_min_size(pos2(at.x + GUTTER, y), stats.size());
    ui.painter().galley(figures.min, std::sync::Arc::clone(&stats), tokens.text_faint);
    let figures = ui.interact(figures, id.with("figures"), Sense::hover());
    figures.on_hover_text(in_words(exchange));
    y += stats.size().y + TO_ACTIONS;
    let places = Places {
        row,
        pencil: pos2(bubble_left - icons::SIDE - 4.0, at.y + (question_height - icons::SIDE) * 0.5),
        bar: Rect::from_min_size(pos2(at.x + GUTTER - 5.0, y), vec2(width - GUTTER, icons::SIDE)),
    };
    let has_keyboard = message_actions::show(shown, ui, exchange, &places, is_last);
    let by_key = (has_keyboard && takes_menu_key(ui.ctx())).then_some(places.bar);
    open_menu(&question, by_key, |ui| message_actions::menu(shown, ui, exchange));
    context_menu(&reply, |ui| message_actions::menu(shown, ui, exchange));
    height
}

/// Between a question and its reply.
const TO_REPLY: f32 = 14.0;
/// Between a reply and its figures.
const TO_STATS: f32 = 5.0;
/// Between these and the buttons.
const TO_ACTIONS: f32 = 3.0;
/// What an exchange takes beside its text, about.
pub(super) const BESIDE_TEXT: f32 = 18.0 + TO_REPLY + TO_STATS + 18.0 + TO_ACTIONS + icons::SIDE;

/// The figures below a reply, with what they mean.
fn in_words(exchange: &Exchange) -> String {
    let stats = &exchange.stats;
    let seconds = |time: std::time::Duration| duration(time.as_secs_f64());
    let words = match exchange.sampling {
        Sampling::Greedy => "The most probable words".to_owned(),
        Sampling::Random { temperature, top_p, seed } => {
            let top_p = top_p.map_or_else(String::new, |share| format!(", top-p {share:.2}"));
            format!("Drawn at temperature {temperature:.2}{top_p}, seed {seed}")
        }
    };
    format!(
        "First token after {}, all {} after {}, of which {} for masks\n{} tokens read, {} of them remembered\n{words}",
        seconds(stats.time_to_first_token),
        stats.new_tokens,
        seconds(stats.time_to_first_token + stats.decode_time),
        seconds(stats.mask_time),
        stats.prompt_tokens,
        stats.cached_tokens,
    )
}

/// What the reply cost, and why it ended where that is worth a word.
fn stats(tokens: &Tokens, ui: &Ui, exchange: &Exchange, width: f32) -> std::sync::Arc<Galley> {
    let stats = &exchange.stats;
    let masks = exchange.masks.iter().flatten().count();
    let mut parts = Vec::new();
    if masks > 0 {
        parts.push(counted(masks, "mask"));
    }
    parts.push(counted(stats.new_tokens, "token"));
    parts.push(duration(stats.time_to_first_token.as_secs_f64()));
    if stats.tokens_per_second() > 0.0 {
        parts.push(speed(stats.tokens_per_second()));
    }
    // A part is not torn apart at the end of a line.
    let figures = parts.iter().map(|part| part.replace(' ', "\u{a0}")).collect::<Vec<_>>().join("    ");
    let mut job = LayoutJob::default();
    job.wrap.max_width = width - 2.0 * GUTTER;
    let format = |color| TextFormat {
        font_id: theme::small_font(),
        color,
        line_height: Some((theme::SMALL * 1.45).round()),
        ..Default::default()
    };
    job.append(&figures, 0.0, format(tokens.text_faint));
    let (why, color) = match exchange.reason {
        FinishReason::Cancelled => ("    stopped", tokens.text_faint),
        FinishReason::TokenLimit => {
            ("    cut\u{a0}at\u{a0}the\u{a0}limit\u{a0}of\u{a0}tokens", tokens.text_faint)
        }
        FinishReason::ContextFull => {
            ("\nThe conversation fills the model's context: start a new one.", tokens.bad)
        }
        FinishReason::EndOfSequence => ("", tokens.text_faint),
    };
    job.append(why, 0.0, format(color));
    ui.ctx().fonts_mut(|fonts| fonts.layout_job(job))
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
            ui.add(egui::Spinner::new().size(15.0).color(shown.tokens.text_faint));
            let seconds = (shown.now - job.asked_at).max(0.0);
            let text = if seconds < 2.0 { doing.to_owned() } else { format!("{doing}  {seconds:.0} s") };
            ui.label(egui::RichText::new(text).size(theme::LABEL).color(shown.tokens.text_faint));
        });
        return;
    }
    let state = shown.state;
    let (mut groundings, mut masks): (Vec<Grounding>, Vec<Option<&GroundedMask>>) =
        state.running_masks(job).map(|(grounding, mask)| (grounding.clone(), mask)).unzip();
    // Phrases whose mask is still being computed, and the one being written, show their colour
    // already; their places follow those of the masks that are there.
    let open = job.open_phrase.filter(|&from| from < job.chars).map(|from| from..job.chars);
    for span in job.waiting_phrases.iter().cloned().chain(open) {
        groundings.push(Grounding { span });
        masks.push(None);
    }
    let grounded = Grounded { groundings: &groundings, masks: &masks, first_hue: job.first_hue };
    // As a finished reply: its left gutter lies in the margin.
    let text = GroundedText::lay_out(shown, ui, &job.text, &grounded, ui.available_width() + GUTTER);
    let end = text.text.end();
    let (rect, _) = ui.allocate_exact_size(text.text.size() - vec2(GUTTER, 0.0), Sense::hover());
    let at = rect.min - vec2(GUTTER, 0.0);
    text.show_at(shown, ui, at);
    caret(shown, ui, end.translate(at.to_vec2()), shown.now);
}

/// The groundings of a text.
struct Grounded<'a> {
    groundings: &'a [Grounding],
    /// One a grounding.
    masks: &'a [Option<&'a GroundedMask>],
    first_hue: usize,
}

impl Grounded<'_> {
    /// Place of a mask in the palette, where the user gave it no other.
    fn hue(&self, index: usize) -> usize {
        self.first_hue + first_of_phrase(self.groundings, index)
    }
}

/// A reply, laid out.
struct GroundedText {
    text: RichText,
    /// The masks of each chip.
    chips: Vec<Vec<MaskId>>,
}

impl GroundedText {
    fn lay_out(shown: &Shown<'_>, ui: &Ui, text: &str, grounded: &Grounded<'_>, width: f32) -> Self {
        let mut builder = Builder::new(theme::TEXT, shown.tokens.text, width);
        let mut chips: Vec<Vec<MaskId>> = Vec::new();
        for segment in segments(text, grounded.groundings) {
            match segment.groundings.first() {
                None => builder.words(segment.text),
                Some(&first) => {
                    let masks: Vec<&GroundedMask> = segment
                        .groundings
                        .iter()
                        .filter_map(|&g| grounded.masks.get(g).copied().flatten())
                        .collect();
                    let chip = chip(shown, &segment, grounded.hue(first), &masks);
                    builder.chip(if segment.text.is_empty() { "mask" } else { segment.text }, chip);
                    chips.push(masks.iter().map(|mask| mask.id).collect());
                }
            }
        }
        Self { text: builder.build(ui), chips }
    }

    /// Paints it, and links its chips with their masks.
    fn show_at(self, shown: &mut Shown<'_>, ui: &mut Ui, at: Pos2) -> Response {
        let painted = self.text.show_at(ui, at);
        let chips = painted.chips.iter().zip(&self.chips);
        for (response, masks) in chips.filter(|(_, masks)| !masks.is_empty()) {
            if response.hovered() || response.has_focus() {
                shown.hovered.clone_from(masks);
            }
            if response.clicked() {
                mask_menu::toggle_pins(shown, masks);
            }
            mask_menu::show(shown, response, masks, None);
        }
        painted.response
    }
}

/// A phrase in its colour, which the user may have chosen; without ground where its masks are hidden.
fn chip(shown: &Shown<'_>, segment: &Segment<'_>, hue: usize, masks: &[&GroundedMask]) -> Chip {
    let ui_state = &shown.state.ui;
    let colors = shown.tokens.phrase(masks.first().and_then(|mask| mask.hue).unwrap_or(hue));
    let pinned = masks.iter().any(|mask| ui_state.pinned.contains(&mask.id));
    let hot = pinned || masks.iter().any(|mask| ui_state.hovered.contains(&mask.id));
    let hidden = !masks.is_empty() && masks.iter().all(|mask| mask.hidden);
    let words = segment.text.trim();
    let label = if words.is_empty() { "Mask".to_owned() } else { format!("Phrase: {words}") };
    let change = masks.iter().find_map(|mask| mask.change());
    Chip {
        fill: match (hidden, hot) {
            (true, _) => shown.tokens.panel,
            (false, true) => colors.fill_strong,
            (false, false) => colors.fill,
        },
        fill_hover: if hidden { shown.tokens.raised_hover } else { colors.fill_strong },
        line: if pinned { Stroke::new(1.75, colors.mask) } else { Stroke::new(1.0, colors.line) },
        text: if hidden { shown.tokens.text_soft } else { colors.text },
        label: change.map_or(label.clone(), |change| format!("{label}, {change}")),
        hint: change.map(|change| format!("Its mask is {change}: no longer as it was given")),
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
