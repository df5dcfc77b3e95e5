//! The Tokens tab: every token of a reply with its probability and what might have stood in its
//! place; where it is `[SEG]`, the mask that its hidden state became.

use egui::{
    Align2, CursorIcon, Frame, Margin, Rect, RichText, Role, ScrollArea, Sense, Ui, WidgetInfo, pos2, vec2,
};
use glamm_engine::protocol::{TokenChoice, TokenRecord};

use super::widgets::paragraph;
use super::{Shown, text};
use crate::action::Action;
use crate::document::{Exchange, MaskId};
use crate::theme::{self, PhraseColors, Tokens};

const ROW: f32 = 46.0;
const GAP: f32 = 4.0;
const MARGIN: i8 = 18;

pub(super) fn show(shown: &mut Shown<'_>, ui: &mut Ui) {
    let exchange = shown.state.reply_with_tokens().cloned();
    let Some(exchange) = exchange.filter(|exchange| !exchange.tokens.is_empty()) else {
        Frame::new().inner_margin(Margin::symmetric(MARGIN, 14)).show(ui, |ui| {
            let text = "Ask something, and the tokens of the reply are listed here: how sure the model was of \
                        each, what else it might have said, and which of them became masks.";
            paragraph(ui, text, theme::LABEL, shown.tokens.text_soft);
        });
        return;
    };
    Frame::new().inner_margin(Margin { left: MARGIN, right: MARGIN, top: 12, bottom: 6 }).show(ui, |ui| {
        let count = exchange.tokens.len();
        let sure: f64 = exchange.tokens.iter().map(|t| -f64::from(t.probability.max(1e-9)).ln()).sum();
        let perplexity = (sure / count as f64).exp();
        let text = format!("{count} tokens of “{}”, perplexity {perplexity:.2}", exchange.question.draft());
        ui.add(
            egui::Label::new(RichText::new(text).font(theme::small_font()).color(shown.tokens.text_faint))
                .truncate(),
        );
    });
    ui.spacing_mut().item_spacing.y = GAP;
    ScrollArea::vertical().id_salt("tokens").auto_shrink(false).show_rows(
        ui,
        ROW - GAP,
        exchange.tokens.len(),
        |ui, rows| {
            for at in rows {
                row(shown, ui, &exchange, at);
            }
        },
    );
}

fn row(shown: &mut Shown<'_>, ui: &mut Ui, exchange: &Exchange, at: usize) {
    let Some(token) = exchange.tokens.get(at) else { return };
    let mask = token.grounding.and_then(|index| exchange.masks.get(index)?.as_ref());
    let mask: Option<MaskId> = mask.map(|mask| mask.id);
    let found = mask.and_then(|id| shown.state.find_mask(id));
    let tokens = shown.tokens;
    let height = ROW - GAP;
    let sense = if mask.is_some() { Sense::click() } else { Sense::hover() };
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), sense);
    response.widget_info(|| {
        let label = format!("Token {}: {}, {}", at + 1, token.text.trim(), percent(token.probability));
        WidgetInfo::labeled(Role::ListItem, true, label)
    });
    let pinned = mask.is_some_and(|id| shown.state.ui.pinned.contains(&id));
    let hot = pinned || response.hovered();
    let detail = detail(token);
    let became = found.map(|found| (tokens.phrase(found.hue), found.name));
    paint(ui, tokens, rect, &Row { number: at + 1, token, detail: &detail, became, hot });
    if let Some(mask) = mask {
        if response.hovered() || response.has_focus() {
            shown.hovered = vec![mask];
        }
        if response.clicked() {
            shown.send(Action::TogglePin(mask));
        }
        response.on_hover_cursor(CursorIcon::PointingHand).on_hover_text(detail);
    } else {
        response.on_hover_text(detail);
    }
}

/// What is to be seen of a token.
struct Row<'a> {
    /// Its place in the reply, from 1.
    number: usize,
    token: &'a TokenRecord,
    /// What else it might have been.
    detail: &'a str,
    /// The mask that its hidden state became: its colours and its name.
    became: Option<(PhraseColors, String)>,
    /// Whether the pointer is on it, or its mask is pinned.
    hot: bool,
}

fn paint(ui: &Ui, tokens: &Tokens, rect: Rect, row: &Row<'_>) {
    let inside = rect.shrink2(vec2(f32::from(MARGIN), 1.0));
    let colors = row.became.as_ref().map(|(colors, _)| colors);
    let ground = inside.expand2(vec2(6.0, 0.0));
    match colors {
        Some(colors) => {
            let fill = if row.hot { colors.fill_strong } else { colors.fill };
            ui.painter().rect_filled(ground, 6.0, fill);
        }
        None if row.hot => {
            ui.painter().rect_filled(ground, 6.0, tokens.raised);
        }
        None => {}
    }
    let painter = ui.painter().with_clip_rect(inside.expand2(vec2(6.0, 2.0)).intersect(ui.clip_rect()));
    let (upper, lower) = (inside.top() + 12.0, inside.bottom() - 10.0);
    let color = colors.map_or(tokens.text, |colors| colors.text);
    let soft = colors.map_or(tokens.text_faint, |colors| colors.text);
    let small = theme::small_font();
    let words = inside.left() + 34.0;
    painter.text(pos2(inside.left(), upper), Align2::LEFT_CENTER, row.number, small.clone(), soft);
    let text = visible(&row.token.text);
    let text =
        painter.text(pos2(words, upper), Align2::LEFT_CENTER, text, theme::medium_font(theme::LABEL), color);
    let share = row.token.probability;
    let filled = colors.map_or(tokens.accent, |colors| colors.mask);
    probability(&painter, inside, upper, share, (tokens.line, filled));
    painter.text(pos2(inside.right(), upper), Align2::RIGHT_CENTER, percent(share), small, color);
    let room = inside.right() - 116.0 - text.right();
    if let Some((_, name)) = row.became.as_ref().filter(|_| room > 44.0) {
        let galley = clipped(&painter, format!("→ {name}"), room, color);
        painter.galley(pos2(text.right() + 10.0, upper - galley.size().y * 0.5), galley, color);
    }
    let galley = clipped(&painter, row.detail.to_owned(), inside.width() - 34.0, soft);
    painter.galley(pos2(words, lower - galley.size().y * 0.5), galley, soft);
}

fn clipped(
    painter: &egui::Painter,
    words: String,
    width: f32,
    color: egui::Color32,
) -> std::sync::Arc<egui::Galley> {
    text::cut_line(painter.ctx(), words, theme::small_font(), color, width)
}

/// A bar as long as the token was probable.
fn probability(
    painter: &egui::Painter,
    row: Rect,
    y: f32,
    share: f32,
    (ground, color): (egui::Color32, egui::Color32),
) {
    let bar = Rect::from_min_size(pos2(row.right() - 92.0, y - 2.0), vec2(44.0, 4.0));
    painter.rect_filled(bar, 2.0, ground);
    let filled = Rect::from_min_size(bar.min, vec2(bar.width() * share.clamp(0.0, 1.0), bar.height()));
    painter.rect_filled(filled, 2.0, color);
}

/// What else it might have been; of `[SEG]`, which state became the mask.
fn detail(token: &TokenRecord) -> String {
    let others = token.likeliest.iter().filter(|choice| choice.id != token.id && choice.probability >= 5e-4);
    let other = |choice: &TokenChoice| format!("{} {}", visible(&choice.text), percent(choice.probability));
    let mut parts: Vec<String> = others.map(other).collect();
    if token.grounding.is_some() {
        parts.insert(0, format!("fed by the state at position {}", token.predicted_at));
    } else if parts.is_empty() {
        parts.push("nothing else came near".to_owned());
    }
    parts.join("   ")
}

/// A leading blank is a word's beginning and left out; a token of blanks says so.
fn visible(text: &str) -> String {
    if text.trim().is_empty() { "(blank)".to_owned() } else { text.trim_start().to_owned() }
}

fn percent(share: f32) -> String {
    let percent = share * 100.0;
    if percent >= 99.95 { "100 %".to_owned() } else { format!("{percent:.1} %") }
}
