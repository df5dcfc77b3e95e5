//! Small parts that several panels share.

use egui::{
    Align2, Checkbox, Color32, Context, CornerRadius, CursorIcon, Event, Frame, Id, Key, KeyboardShortcut,
    Margin, Modifiers, Popup, PopupCloseBehavior, Rect, Response, RichText, Role, Sense, SetOpenCommand,
    Stroke, StrokeKind, TextEdit, Ui, Vec2, WidgetInfo, vec2,
};

use super::{Shown, text};
use crate::command::Command;
use crate::notice::Tone;
use crate::theme::{self, Tokens};

/// Longest name that is written in [`name_field`], in characters.
const LONGEST_NAME: usize = 80;

/// The frame of a dialog that stands over the window.
pub(super) fn dialog_frame(ui: &Ui) -> Frame {
    Frame::popup(ui.style()).inner_margin(24.0).corner_radius(14.0)
}

/// What opens beside a button, and closes with a click elsewhere; `width` and `margin` in points.
pub(super) fn popup<'a>(opener: &'a Response, open: &'a mut bool, width: f32, margin: i8) -> Popup<'a> {
    let style = opener.ctx.global_style();
    let frame = Frame::popup(&style).inner_margin(Margin::same(margin)).corner_radius(12.0);
    Popup::from_response(opener)
        .open_bool(open)
        .close_behavior(PopupCloseBehavior::CloseOnClickOutside)
        .frame(frame)
        .width(width)
}

/// How often a key was pressed in this frame with just these modifiers, as they were when it was: what is held
/// at the frame's end may be something else. The presses are taken.
pub(super) fn presses(ui: &Ui, modifiers: Modifiers, key: Key) -> usize {
    ui.input_mut(|i| {
        let before = i.events.len();
        i.events.retain(|event| !is_press(event, modifiers, key));
        before - i.events.len()
    })
}

/// Whether a key was pressed in this frame without modifiers; others may still hear of it.
pub(super) fn was_pressed(ui: &Ui, key: Key) -> bool {
    ui.input(|i| i.events.iter().any(|event| is_press(event, Modifiers::NONE, key)))
}

fn is_press(event: &Event, wanted: Modifiers, of: Key) -> bool {
    matches!(event, Event::Key { key, pressed: true, modifiers, .. } if *key == of && modifiers.matches_exact(wanted))
}

/// The menu of a widget: the other button opens it at the pointer, and while the widget has the keyboard Shift and
/// F10, or the menu key, open it beside the widget.
pub(super) fn context_menu(response: &Response, contents: impl FnOnce(&mut Ui)) {
    let beside = (response.has_focus() && takes_menu_key(&response.ctx)).then_some(response.rect);
    open_menu(response, beside, contents);
}

/// [`context_menu`] that the keyboard opens now beside this place, or not.
pub(super) fn open_menu(response: &Response, beside: Option<Rect>, contents: impl FnOnce(&mut Ui)) {
    let (ctx, memory) = (&response.ctx, response.id.with("menu by key"));
    if beside.is_some() {
        ctx.data_mut(|d| d.insert_temp(memory, beside));
    } else if response.secondary_clicked() {
        ctx.data_mut(|d| d.insert_temp(memory, None::<Rect>));
    }
    let popup = match ctx.data(|d| d.get_temp::<Option<Rect>>(memory)).flatten() {
        Some(place) => {
            let now = beside.map(|_| SetOpenCommand::Bool(true));
            Popup::menu(response).anchor(place).open_memory(now)
        }
        None => Popup::context_menu(response),
    };
    popup.show(|ui| {
        let first = ui.next_auto_id();
        contents(ui);
        if beside.is_some() {
            ui.memory_mut(|m| m.request_focus(first));
        }
    });
}

/// Whether the key that opens menus was pressed, which is answered once.
pub(super) fn takes_menu_key(ctx: &Context) -> bool {
    let is_menu = |event: &Event| {
        is_press(event, Modifiers::SHIFT, Key::F10) || is_press(event, Modifiers::NONE, Key::Menu)
    };
    ctx.input_mut(|i| {
        let before = i.events.len();
        i.events.retain(|event| !is_menu(event));
        i.events.len() < before
    })
}

/// What a button is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// One of many.
    Plain,
    /// Chosen among its neighbours.
    Chosen,
    /// What one most likely wants.
    Primary,
}

/// What a command does, and its keys.
pub(super) fn tooltip(ui: &Ui, command: Command) -> String {
    let info = command.info();
    format!("{}  ({})", info.tooltip, keys(ui, info.shortcut))
}

/// Keys as they are called on this system, and as they are labelled.
pub(super) fn keys(ui: &Ui, shortcut: KeyboardShortcut) -> String {
    let labels = [
        (Key::Questionmark, "?"),
        (Key::Comma, ","),
        (Key::Period, "."),
        (Key::OpenBracket, "["),
        (Key::CloseBracket, "]"),
    ];
    let called = ui.ctx().format_shortcut(&shortcut);
    labels.iter().fold(called, |keys, (key, label)| keys.replace(key.name(), label))
}

/// A button for a command: its label, tooltip and shortcut from the table.
pub(super) fn command_button(shown: &mut Shown<'_>, ui: &mut Ui, command: Command, kind: Kind) -> Response {
    let enabled = command.is_enabled(shown.state);
    let response = button_if(enabled, ui, shown.tokens, command.info().label, kind);
    let mut tooltip = tooltip(ui, command);
    let asks = matches!(command, Command::Ask | Command::AskAgain);
    if let Some(why) = shown.state.why_not_ask().filter(|_| asks) {
        tooltip = format!("{tooltip}\n{why}");
    }
    if response.clicked() {
        shown.command(command);
    }
    response.on_hover_text(&tooltip).on_disabled_hover_text(tooltip)
}

/// A button with a label.
pub(super) fn button(ui: &mut Ui, tokens: &Tokens, label: &str, kind: Kind) -> Response {
    button_if(true, ui, tokens, label, kind)
}

/// The same, where pressing it may do nothing now.
pub(super) fn button_if(enabled: bool, ui: &mut Ui, tokens: &Tokens, label: &str, kind: Kind) -> Response {
    let font = if kind == Kind::Primary { theme::strong_font(theme::LABEL) } else { theme::label_font() };
    let galley = text::line(ui.ctx(), label.to_owned(), font, Color32::PLACEHOLDER);
    let size = vec2(galley.size().x + 24.0, 30.0);
    let sense = if enabled { Sense::click() } else { Sense::hover() };
    let (rect, response) = ui.allocate_exact_size(size, sense);
    response.widget_info(|| match kind {
        Kind::Chosen => WidgetInfo::selected(Role::Button, enabled, true, label),
        Kind::Plain | Kind::Primary => WidgetInfo::labeled(Role::Button, enabled, label),
    });
    let hot = enabled && (response.hovered() || response.has_focus());
    let (fill, line, text) = match kind {
        Kind::Primary if hot => (tokens.accent_hover, tokens.accent_hover, tokens.on_accent),
        Kind::Primary if enabled => (tokens.accent, tokens.accent, tokens.on_accent),
        Kind::Chosen => (tokens.accent_soft, tokens.accent_line, tokens.text),
        _ if hot => (tokens.raised_hover, tokens.line, tokens.text),
        _ if enabled => (tokens.raised, tokens.line, tokens.text_soft),
        _ => (tokens.raised, tokens.line, theme::mix(tokens.panel, tokens.text_faint, 0.6)),
    };
    let radius = CornerRadius::same(theme::RADIUS);
    ui.painter().rect(rect, radius, fill, Stroke::new(1.0, line), StrokeKind::Inside);
    if response.has_focus() {
        ui.painter().rect_stroke(
            rect.expand(2.0),
            radius,
            Stroke::new(1.5, tokens.accent),
            StrokeKind::Outside,
        );
    }
    let at = Align2::CENTER_CENTER.align_size_within_rect(galley.size(), rect).min;
    ui.painter().galley(at, galley, text);
    if enabled { response.on_hover_cursor(CursorIcon::PointingHand) } else { response }
}

/// A box to be ticked; returns whether it was pressed.
pub(super) fn check_box(ui: &mut Ui, tokens: &Tokens, label: &str, mut ticked: bool) -> Response {
    let label = mark_looks(label, tokens);
    ui.scope(|ui| {
        show_marked(ui, tokens, ticked);
        ui.add(Checkbox::new(&mut ticked, label))
    })
    .inner
}

/// One of several choices, of which one is taken.
pub(super) fn radio(ui: &mut Ui, tokens: &Tokens, label: &str, chosen: bool) -> Response {
    let label = mark_looks(label, tokens);
    ui.scope(|ui| {
        show_marked(ui, tokens, chosen);
        ui.radio(chosen, label)
    })
    .inner
}

/// The words beside a mark, whatever colour the mark has.
fn mark_looks(label: &str, tokens: &Tokens) -> RichText {
    RichText::new(label).size(theme::LABEL).color(tokens.text)
}

/// Marks of boxes and choices: filled with the accent where they are set, and an outline that can be seen where
/// they are not.
fn show_marked(ui: &mut Ui, tokens: &Tokens, set: bool) {
    let widgets = &mut ui.visuals_mut().widgets;
    for state in [&mut widgets.inactive, &mut widgets.hovered, &mut widgets.active] {
        let (fill, line) =
            if set { (tokens.accent, tokens.accent) } else { (tokens.panel, tokens.text_faint) };
        (state.bg_fill, state.bg_stroke) = (fill, Stroke::new(1.0, line));
        state.fg_stroke = Stroke::new(1.75, tokens.on_accent);
    }
    // Under the pointer, or with the keyboard.
    widgets.hovered.bg_stroke.color = if set { tokens.accent_hover } else { tokens.accent };
    widgets.active.bg_stroke = Stroke::new(2.0, tokens.text);
}

/// Around a text field that has the keyboard: egui outlines it in the colour of text that is chosen.
pub(super) fn focus_ring(ui: &Ui, field: &Response) {
    if field.has_focus() {
        let line = Stroke::new(1.5, ui.visuals().hyperlink_color);
        let radius = CornerRadius::same(theme::RADIUS);
        ui.painter().rect_stroke(field.rect, radius, line, StrokeKind::Inside);
    }
}

/// How much of something is done, from 0 to 1, as a line that fills.
pub(super) fn bar(ui: &Ui, tokens: &Tokens, rect: Rect, share: f32) {
    let radius = CornerRadius::same((rect.height() * 0.5) as u8);
    ui.painter().rect_filled(rect, radius, tokens.raised_hover);
    let width = rect.width() * share.clamp(0.0, 1.0);
    if width >= 1.0 {
        ui.painter().rect_filled(
            Rect::from_min_size(rect.min, vec2(width, rect.height())),
            radius,
            tokens.accent,
        );
    }
}

/// A small round button with a cross; `label` is for those who cannot see it.
pub(super) fn close_button(ui: &mut Ui, tokens: &Tokens, rect: Rect, id: Id, label: &str) -> bool {
    let response = ui.interact(rect, id, Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, label));
    let hot = response.hovered() || response.has_focus();
    if hot {
        ui.painter().circle_filled(rect.center(), rect.width() * 0.5, tokens.raised_hover);
    }
    let color = if hot { tokens.text } else { tokens.text_faint };
    let arm = 3.5;
    for turn in [vec2(arm, arm), vec2(arm, -arm)] {
        ui.painter().line_segment([rect.center() - turn, rect.center() + turn], Stroke::new(1.4, color));
    }
    response.on_hover_cursor(CursorIcon::PointingHand).on_hover_text(label).clicked()
}

/// An eye, open or struck through; `about` says what pressing it does.
pub(super) fn eye_button(
    ui: &mut Ui,
    tokens: &Tokens,
    rect: Rect,
    id: Id,
    (open, about): (bool, &str),
) -> bool {
    let response = ui.interact(rect, id, Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, about));
    let hot = response.hovered() || response.has_focus();
    let center = rect.center();
    if hot {
        ui.painter().circle_filled(center, 12.0, tokens.raised_hover);
    }
    let stroke = Stroke::new(1.4, if hot { tokens.text } else { tokens.text_faint });
    let lid = |up: f32| {
        let points = (0..=12).map(|i| {
            let t = i as f32 / 12.0 * 2.0 - 1.0;
            center + vec2(t * 7.5, up * 4.6 * (1.0 - t * t))
        });
        egui::Shape::line(points.collect(), stroke)
    };
    ui.painter().extend([lid(-1.0), lid(1.0)]);
    ui.painter().circle_filled(center, 2.2, stroke.color);
    if !open {
        ui.painter().line_segment([center + vec2(-6.0, 6.0), center + vec2(6.0, -6.0)], stroke);
    }
    response.on_hover_cursor(CursorIcon::PointingHand).on_hover_text(about).clicked()
}

/// A swatch for each colour; returns the place of the one that was pressed. `of` is what they colour.
pub(super) fn swatches(
    ui: &mut Ui,
    tokens: &Tokens,
    colors: impl Iterator<Item = Color32>,
    chosen: usize,
    of: &str,
) -> Option<usize> {
    let mut pressed = None;
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(4.0, 2.0);
        for (place, color) in colors.enumerate() {
            let (rect, response) = ui.allocate_exact_size(Vec2::splat(24.0), Sense::click());
            let about = format!("Colour {} for {of}", place + 1);
            let chosen = place == chosen;
            response.widget_info(|| WidgetInfo::selected(Role::RadioButton, true, chosen, about.as_str()));
            let swatch = Rect::from_center_size(rect.center(), Vec2::splat(16.0));
            ui.painter().rect_filled(swatch, CornerRadius::same(4), color);
            if chosen || response.hovered() || response.has_focus() {
                let line = Stroke::new(1.5, if chosen { tokens.text } else { tokens.text_faint });
                ui.painter().rect_stroke(swatch.expand(2.5), CornerRadius::same(6), line, StrokeKind::Inside);
            }
            if response.on_hover_cursor(CursorIcon::PointingHand).clicked() {
                pressed = Some(place);
            }
        }
    });
    pressed
}

/// What happened to a name that is being written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Naming {
    /// It is this so far.
    Goes(String),
    /// It is this.
    Ends(String),
    /// It stays what it was.
    GivenUp,
}

/// The field of a name that is being written; it takes the keyboard when it appears, and Enter, Escape
/// or a click elsewhere end it.
pub(super) fn name_field(ui: &mut Ui, id: Id, mut name: String, about: &str, width: f32) -> Option<Naming> {
    let mut layouter = text::in_field(theme::label_font(), ui.visuals().text_color());
    let field = TextEdit::singleline(&mut name)
        .layouter(&mut layouter)
        .id(id)
        .char_limit(LONGEST_NAME)
        .hint_text(about)
        .font(theme::label_font())
        .desired_width(width);
    let response = ui.add(field);
    focus_ring(ui, &response);
    ui.ctx().accesskit_node_builder(response.id, |node| node.set_label(about));
    // One that is out of sight for a while does not hear that it has lost the keyboard.
    let (drawn, pass) = (id.with("drawn"), ui.ctx().cumulative_pass_nr());
    let before = ui.data(|d| d.get_temp::<u64>(drawn));
    if before.is_none_or(|before| before + 1 < pass) {
        response.request_focus();
    }
    ui.data_mut(|d| d.insert_temp(drawn, pass));
    if response.lost_focus() {
        ui.data_mut(|d| d.remove::<u64>(drawn));
        let given_up = ui.input(|i| i.key_pressed(Key::Escape));
        return Some(if given_up { Naming::GivenUp } else { Naming::Ends(name) });
    }
    response.changed().then_some(Naming::Goes(name))
}

/// A note on a card with a heading and, where `dismiss` names it, a cross; returns whether that
/// was pressed.
pub(super) fn card(
    ui: &mut Ui,
    tokens: &Tokens,
    look: CardLook,
    dismiss: Option<&str>,
    contents: impl FnOnce(&mut Ui),
) -> bool {
    let (fill, line) = match look {
        CardLook::Note => (tokens.raised, tokens.line),
        CardLook::Failure => (tokens.bad_soft, theme::mix(tokens.panel, tokens.bad, 0.45)),
    };
    let frame =
        egui::Frame::new().fill(fill).stroke(Stroke::new(1.0, line)).corner_radius(10.0).inner_margin(
            egui::Margin { left: 14, right: if dismiss.is_some() { 36 } else { 14 }, top: 11, bottom: 12 },
        );
    let shown = frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.spacing_mut().item_spacing.y = 6.0;
        contents(ui);
    });
    let Some(label) = dismiss else { return false };
    let rect = shown.response.rect;
    let cross = Rect::from_center_size(rect.right_top() + vec2(-20.0, 20.0), Vec2::splat(22.0));
    close_button(ui, tokens, cross, shown.response.id.with("dismiss"), label)
}

/// What a card is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CardLook {
    /// Something to know.
    Note,
    /// Something went wrong.
    Failure,
}

impl From<Tone> for CardLook {
    fn from(tone: Tone) -> Self {
        match tone {
            Tone::Note => Self::Note,
            Tone::Failure => Self::Failure,
        }
    }
}

/// Wrapped text of the panels.
pub(super) fn paragraph(ui: &mut Ui, words: &str, size: f32, color: Color32) {
    let mut job = egui::text::LayoutJob::single_section(
        words.to_owned(),
        egui::TextFormat {
            font_id: egui::FontId::proportional(size),
            color,
            line_height: Some((size * 1.45).round()),
            ..Default::default()
        },
    );
    job.wrap.max_width = ui.available_width();
    ui.add(egui::Label::new(text::lay_out(ui.ctx(), job)).selectable(true));
}

/// An error's line as a sentence: with a capital, unless it begins with a path or a name.
pub(super) fn sentence(text: &str) -> String {
    let first_word = text.split_whitespace().next().unwrap_or_default();
    let mut chars = text.chars();
    match chars.next() {
        Some(first) if first_word.chars().all(char::is_lowercase) => {
            first.to_uppercase().chain(chars).collect()
        }
        _ => text.to_owned(),
    }
}

/// A flat button in a row of text.
pub(super) fn small_button(ui: &mut Ui, tokens: &Tokens, label: &str) -> Response {
    let response = flat_button(ui, tokens, label, false);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, label));
    response
}

/// One of a row of choices.
pub(super) fn choice_button(ui: &mut Ui, tokens: &Tokens, label: &str, chosen: bool) -> Response {
    let response = flat_button(ui, tokens, label, chosen);
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, chosen, label));
    response
}

fn flat_button(ui: &mut Ui, tokens: &Tokens, label: &str, chosen: bool) -> Response {
    let galley = ui.painter().layout_no_wrap(label.to_owned(), theme::small_font(), Color32::PLACEHOLDER);
    let (rect, response) = ui.allocate_exact_size(galley.size() + vec2(16.0, 8.0), Sense::click());
    let hot = response.hovered() || response.has_focus();
    let (fill, line, text) = match (chosen, hot) {
        (true, _) => (tokens.accent_soft, tokens.accent_line, tokens.text),
        (false, true) => (tokens.raised_hover, tokens.line, tokens.text),
        (false, false) => (tokens.raised, tokens.line, tokens.text_soft),
    };
    ui.painter().rect(rect, CornerRadius::same(5), fill, Stroke::new(1.0, line), StrokeKind::Inside);
    let at = Align2::CENTER_CENTER.align_size_within_rect(galley.size(), rect).min;
    ui.painter().galley(at, galley, text);
    response.on_hover_cursor(CursorIcon::PointingHand)
}

#[cfg(test)]
mod tests {
    use super::sentence;

    #[test]
    fn errors_become_sentences() {
        for (text, expected) in [
            ("the box is empty", "The box is empty"),
            ("pytorch_model.bin is missing", "pytorch_model.bin is missing"),
            ("/tmp/a.png is damaged", "/tmp/a.png is damaged"),
            ("änderung", "Änderung"),
            ("", ""),
        ] {
            assert_eq!(sentence(text), expected);
        }
    }
}
