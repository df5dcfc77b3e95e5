//! The panel at the right: its tabs, and the one that is chosen.

use egui::{CursorIcon, Frame, Margin, Panel, Rect, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use super::widgets::tooltip;
use super::{Shown, chat, masks_tab, regions_tab, tokens_tab};
use crate::command::Command;
use crate::state::ui_state::Tab;
use crate::theme;

/// The tabs, from left to right, each with the command that shows it.
const TABS: [(Tab, Command); 4] = [
    (Tab::Chat, Command::ShowChat),
    (Tab::Regions, Command::ShowRegions),
    (Tab::Masks, Command::ShowMasks),
    (Tab::Tokens, Command::ShowTokens),
];

pub(super) fn show(shown: &mut Shown<'_>, ui: &mut Ui) {
    Panel::top("tabs")
        .exact_size(44.0)
        .frame(Frame::new().fill(shown.tokens.panel).inner_margin(Margin::symmetric(18, 0)))
        .show(ui, |ui| bar(shown, ui));
    match shown.state.ui.tab {
        Tab::Chat => chat::show(shown, ui),
        Tab::Regions => regions_tab::show(shown, ui),
        Tab::Masks => masks_tab::show(shown, ui),
        Tab::Tokens => tokens_tab::show(shown, ui),
    }
}

fn bar(shown: &mut Shown<'_>, ui: &mut Ui) {
    ui.horizontal_centered(|ui| {
        ui.spacing_mut().item_spacing.x = 18.0;
        for (tab, command) in TABS {
            title(shown, ui, tab, command);
        }
    });
}

/// A tab's title, with how many things are behind it.
fn title(shown: &mut Shown<'_>, ui: &mut Ui, tab: Tab, command: Command) {
    let tokens = shown.tokens;
    let chosen = shown.state.ui.tab == tab;
    let label = command.info().label;
    let font = if chosen { theme::strong_font(theme::LABEL) } else { theme::label_font() };
    let words = ui.painter().layout_no_wrap(label.to_owned(), font, egui::Color32::PLACEHOLDER);
    let count = count(shown, tab);
    let number = (count > 0)
        .then(|| ui.painter().layout_no_wrap(count.to_string(), theme::small_font(), tokens.text_faint));
    let gap = 5.0;
    let width = words.size().x + number.as_ref().map_or(0.0, |number| gap + number.size().x);
    let (rect, response) = ui.allocate_exact_size(vec2(width, 44.0), Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::Tab, true, chosen, label));
    let hot = chosen || response.hovered() || response.has_focus();
    let color = if hot { tokens.text } else { tokens.text_soft };
    let baseline = rect.center().y;
    let words_size = words.size();
    ui.painter().galley(pos2(rect.left(), baseline - words_size.y * 0.5), words, color);
    if let Some(number) = number {
        let at = pos2(rect.left() + words_size.x + gap, baseline - number.size().y * 0.5 + 0.5);
        ui.painter().galley(at, number, tokens.text_faint);
    }
    if chosen || response.has_focus() {
        let line = Rect::from_min_max(pos2(rect.left(), rect.bottom() - 2.0), rect.max);
        let color = if chosen { tokens.accent } else { tokens.accent_line };
        ui.painter().rect_filled(line, 1.0, color);
    }
    let tip = tooltip(ui, command);
    if response.on_hover_cursor(CursorIcon::PointingHand).on_hover_text(tip).clicked() {
        shown.command(command);
    }
}

fn count(shown: &Shown<'_>, tab: Tab) -> usize {
    let Some(picture) = shown.state.picture() else { return 0 };
    match tab {
        Tab::Chat | Tab::Tokens => 0,
        Tab::Regions => picture.regions.len(),
        Tab::Masks => shown.state.mask_count(),
    }
}
