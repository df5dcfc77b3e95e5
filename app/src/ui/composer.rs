//! Where questions are written: suggestions, the regions that can be referred to, the field, and
//! Ask, which turns into Stop in the same place.

use std::sync::Arc;

use egui::epaint::RectShape;
use egui::text::{CCursor, CCursorRange, CharIndex, LayoutJob};
use egui::text_edit::TextEditState;
use egui::{
    Align, Color32, CornerRadius, Frame, Galley, Id, Key, KeyboardShortcut, Layout, Margin, Modifiers, Pos2,
    Rect, ScrollArea, Sense, Shape, Stroke, StrokeKind, TextEdit, TextFormat, Ui, WidgetInfo, vec2,
};

use glamm_engine::protocol::ImageId;

use super::icons::{Icon, Look, icon_button};
use super::widgets::{Kind, close_button, command_button, was_pressed};
use super::{Shown, prompt_library, rich_text, text};
use crate::action::Action;
use crate::command::Command;
use crate::document::{Picture, Question, Region, RegionEdit, RegionTag};
use crate::prompts::SUGGESTED;
use crate::state::ui_state::LibraryView;
use crate::theme::{self, Tokens};

/// Height of a region's chip, and what lies between two.
const CHIP: f32 = 26.0;
const CHIP_GAP: f32 = 7.0;
/// Rows of chips that are in sight.
const CHIP_ROWS: f32 = 3.0;

/// The name of the field for a question about a picture, for giving it the keyboard. Each picture has its own,
/// which undoes what was typed about this picture alone.
pub fn question_id(image: ImageId) -> Id {
    Id::unique(("question", image))
}

pub(super) fn show(shown: &mut Shown<'_>, ui: &mut Ui) {
    let Some(picture) = shown.state.picture().cloned() else { return };
    ui.spacing_mut().item_spacing.y = 10.0;
    suggestions(shown, ui);
    regions(shown, ui, &picture);
    field(shown, ui, &picture);
}

fn suggestions(shown: &mut Shown<'_>, ui: &mut Ui) {
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(7.0, 7.0);
        for prompt in &SUGGESTED {
            let enabled = shown.state.why_not_prompt(prompt).is_none();
            if pill(ui, shown.tokens, &prompt.label, enabled).clicked() {
                shown.send(Action::Prompt(prompt.clone()));
            }
        }
        let open = shown.state.ui.library != LibraryView::Closed;
        let look = if open { Look::Chosen } else { Look::Plain };
        let library = icon_button(ui, shown.tokens, Icon::Library, look, Command::PromptLibrary.info().label);
        // While it is open, a click beside it closes it; here, too.
        if library.clicked() && !open {
            shown.command(Command::PromptLibrary);
        }
        prompt_library::show(shown, &library);
    });
}

fn pill(ui: &mut Ui, tokens: &Tokens, label: &str, enabled: bool) -> egui::Response {
    let font = egui::FontId::proportional(13.0);
    let galley = text::line(ui.ctx(), label.to_owned(), font, Color32::PLACEHOLDER);
    let sense = if enabled { Sense::click() } else { Sense::hover() };
    let (rect, response) = ui.allocate_exact_size(galley.size() + vec2(22.0, 10.0), sense);
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Button, enabled, label));
    let hot = enabled && (response.hovered() || response.has_focus());
    let fill = if hot { tokens.raised_hover } else { tokens.panel };
    let line = if response.has_focus() { tokens.accent } else { tokens.line };
    let text = if enabled { tokens.text_soft } else { theme::mix(tokens.panel, tokens.text_faint, 0.6) };
    let radius = CornerRadius::same((rect.height() * 0.5) as u8);
    ui.painter().rect(rect, radius, fill, Stroke::new(1.0, line), StrokeKind::Inside);
    ui.painter().galley(rect.min + vec2(11.0, 5.0), galley, text);
    response
}

/// The regions of the picture; pressing one refers to it. More than a few rows are scrolled, and those in sight
/// are laid out.
fn regions(shown: &mut Shown<'_>, ui: &mut Ui, picture: &Picture) {
    let Some(widest) = picture.regions.iter().map(|region| region.tag.0).max() else { return };
    let words =
        ui.painter().layout_no_wrap(chip_label(widest), theme::medium_font(13.0), Color32::PLACEHOLDER);
    let chip = vec2(words.size().x + 36.0, CHIP);
    let across = (((ui.available_width() + CHIP_GAP) / (chip.x + CHIP_GAP)) as usize).max(1);
    let rows = picture.regions.len().div_ceil(across);
    let most = CHIP_ROWS * (CHIP + CHIP_GAP) - CHIP_GAP;
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing = vec2(CHIP_GAP, CHIP_GAP);
        let area = ScrollArea::vertical().id_salt("region chips").max_height(most).min_scrolled_height(most);
        area.auto_shrink([false, true]).show_rows(ui, CHIP, rows, |ui, seen| {
            for row in picture.regions.chunks(across).skip(seen.start).take(seen.len()) {
                ui.horizontal(|ui| {
                    for region in row {
                        region_chip(shown, ui, region);
                    }
                });
            }
        });
    });
}

fn chip_label(number: u32) -> String {
    format!("region {number}")
}

fn region_chip(shown: &mut Shown<'_>, ui: &mut Ui, region: &Region) {
    let colors = shown.tokens.region(region.hue());
    let selected = shown.state.ui.selected_region == Some(region.tag);
    let label = chip_label(region.tag.0);
    let galley = ui.painter().layout_no_wrap(label, theme::medium_font(13.0), colors.text);
    let size = vec2(galley.size().x + 36.0, CHIP);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click_and_drag());
    response.dnd_set_drag_payload(region.tag);
    let about = format!("Refer to region {} in the question", region.tag.0);
    response.widget_info(|| WidgetInfo::selected(egui::Role::Button, true, selected, about.as_str()));
    let hot = response.hovered() || response.has_focus() || selected;
    let fill = if hot { colors.fill_strong } else { colors.fill };
    let radius = CornerRadius::same(theme::CHIP_RADIUS);
    ui.painter().rect(rect, radius, fill, Stroke::new(1.0, colors.line), StrokeKind::Inside);
    ui.painter().galley(rect.left_center() + vec2(9.0, -galley.size().y * 0.5), galley, colors.text);
    let cross = Rect::from_center_size(rect.right_center() - vec2(14.0, 0.0), vec2(18.0, 18.0));
    let delete = format!("Delete region {}", region.tag.0);
    if close_button(ui, shown.tokens, cross, response.id.with("delete"), &delete) {
        shown.send(Action::EditRegion(region.tag, RegionEdit::Remove));
    } else if response.clicked() {
        shown.send(Action::Refer(region.tag));
    }
    response.on_hover_text(about);
}

fn field(shown: &mut Shown<'_>, ui: &mut Ui, picture: &Picture) {
    let tokens = shown.tokens;
    let focused = ui.memory(|m| m.has_focus(question_id(picture.id)));
    let dropping = egui::DragAndDrop::has_payload_of_type::<RegionTag>(ui.ctx());
    let line = if focused || dropping { tokens.accent_line } else { tokens.line };
    let framed = Frame::new()
        .fill(tokens.raised)
        .stroke(Stroke::new(1.0, line))
        .corner_radius(CornerRadius::same(12))
        .inner_margin(Margin { left: 14, right: 10, top: 10, bottom: 10 })
        .show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 4.0;
            let laid_out = words(shown, ui, picture);
            let row = vec2(ui.available_width(), 30.0);
            ui.allocate_ui_with_layout(row, Layout::right_to_left(Align::Center), |ui| {
                let running = shown.state.session.job.as_ref();
                if running.is_some() {
                    command_button(shown, ui, Command::Stop, Kind::Primary);
                } else {
                    command_button(shown, ui, Command::Ask, Kind::Primary);
                }
                let elsewhere = running.is_some_and(|job| job.image != picture.id);
                let note = if elsewhere { "answering about another picture" } else { "" };
                ui.label(egui::RichText::new(note).font(theme::small_font()).color(tokens.text_faint));
            });
            laid_out
        });
    // A region's number that is dropped goes where it is dropped.
    if let Some(tag) = framed.response.dnd_release_payload::<RegionTag>()
        && let Some(pointer) = ui.input(|i| i.pointer.interact_pos())
    {
        let (galley, at) = framed.inner;
        let place = galley.cursor_from_pos(pointer - at);
        shown.send(Action::ReferAt(*tag, place.index.0));
    }
}

/// The field; returns the text as it is laid out, and where.
fn words(shown: &mut Shown<'_>, ui: &mut Ui, picture: &Picture) -> (Arc<Galley>, Pos2) {
    let tokens = shown.tokens;
    let mut draft = shown.state.ui.draft(picture.id).to_owned();
    // Before the field takes what was typed since.
    if let Some(place) = shown.state.ui.draft_cursor {
        let mut state = TextEditState::load(ui.ctx(), question_id(picture.id)).unwrap_or_default();
        state.cursor.set_char_range(Some(CCursorRange::one(CCursor::new(CharIndex(place)))));
        state.store(ui.ctx(), question_id(picture.id));
        shown.send(Action::DraftCursorPlaced);
    }
    let regions = &picture.regions;
    let mut layouter =
        |ui: &Ui, text: &dyn egui::TextBuffer, width: f32| lay_out(ui, tokens, text.as_str(), regions, width);
    let output = ScrollArea::vertical()
        .id_salt("question")
        .max_height(theme::LINE * 6.0)
        .show(ui, |ui| {
            // The ground of references comes before the text, but its place is known after it.
            let ground = ui.painter().add(Shape::Noop);
            let output = TextEdit::multiline(&mut draft)
                .id(question_id(picture.id))
                .hint_text("Ask about the picture")
                .font(theme::text_font())
                .desired_rows(2)
                .desired_width(f32::INFINITY)
                .frame(Frame::NONE)
                .char_limit(4000)
                .return_key(KeyboardShortcut::new(Modifiers::SHIFT, Key::Enter))
                .layouter(&mut layouter)
                .show(ui);
            let shapes = grounds(tokens, &output.galley, output.galley_pos, regions);
            ui.painter().set(ground, Shape::Vec(shapes));
            output
        })
        .inner;
    let response = output.response.response;
    ui.ctx().accesskit_node_builder(response.id, |node| node.set_label("Question"));
    if response.changed() {
        shown.send(Action::SetDraft(draft));
    }
    if response.has_focus() && was_pressed(ui, Key::Enter) {
        shown.command(Command::Ask);
    }
    (output.galley, output.galley_pos)
}

/// The ground behind each reference to a region, in the region's colour.
fn grounds(tokens: &Tokens, galley: &Galley, origin: Pos2, regions: &[Region]) -> Vec<Shape> {
    let text = galley.text();
    let mut shapes = Vec::new();
    for (range, region) in Question::references(text, regions) {
        let from = text[..range.start].chars().count();
        let chars = from..from + text[range].chars().count();
        for (rect, radius) in rich_text::pieces(galley, origin, &chars, 0.0) {
            let colors = tokens.region(region.hue());
            let line = Stroke::new(1.0, colors.line);
            shapes.push(RectShape::new(rect, radius, colors.fill, line, StrokeKind::Inside).into());
        }
    }
    shapes
}

/// References to regions are set in the region's colour; their brackets are room around the number.
fn lay_out(ui: &Ui, tokens: &Tokens, text: &str, regions: &[Region], width: f32) -> Arc<Galley> {
    let plain = TextFormat {
        font_id: theme::text_font(),
        color: tokens.text,
        line_height: Some(theme::LINE),
        ..Default::default()
    };
    let mut job = LayoutJob::default();
    job.wrap.max_width = width;
    let mut done = 0;
    for (range, region) in Question::references(text, regions) {
        let colors = tokens.region(region.hue());
        let bracket = TextFormat { color: Color32::TRANSPARENT, ..plain.clone() };
        let number =
            TextFormat { color: colors.text, font_id: theme::medium_font(theme::TEXT), ..plain.clone() };
        job.append(&text[done..range.start], 0.0, plain.clone());
        job.append("[", 0.0, bracket.clone());
        job.append(&text[range.start + 1..range.end - 1], 0.0, number);
        job.append("]", 0.0, bracket);
        done = range.end;
    }
    job.append(&text[done..], 0.0, plain);
    text::lay_out(ui.ctx(), job)
}
