//! The panels, one file each. They read the state and leave actions; none changes state.
//!
//! To add a panel: a file here with `pub(crate) fn show(shown: &mut Shown, ui: &mut Ui)`, and a call in
//! [`show`].

mod about;
mod batch;
mod canvas;
mod chat;
mod chat_settings;
mod command_palette;
mod composer;
mod conversation_bar;
mod export;
mod filmstrip;
mod icons;
mod inspector;
mod keeping;
mod loading;
mod log_panel;
mod mask_menu;
mod masks_tab;
mod menu_bar;
mod message_actions;
mod message_editor;
mod message_list;
mod messages;
mod models;
mod notices;
mod prompt_library;
mod regions_tab;
mod rich_text;
mod row_heights;
mod shortcuts;
mod side_panel;
mod status_line;
mod text;
mod tokens_tab;
mod toolbar;
mod tour;
mod widgets;

use egui::{
    Align2, CentralPanel, CornerRadius, Frame, Id, LayerId, Margin, Order, Panel, Rect, Ui, UiBuilder, vec2,
};

use crate::action::Action;
use crate::command::Command;
use crate::document::{MaskId, RegionTag};
use crate::render::layers::Layers;
use crate::render::textures::Textures;
use crate::state::State;
use crate::state::shell::ShellAction;
use crate::theme::{self, Tokens};

pub use composer::question_id;
pub use message_editor::edited_question_id;
pub use message_list::MessageList;
pub use regions_tab::region_name_id;

/// What the panels see, and what they leave.
pub struct Shown<'a> {
    /// What is.
    pub state: &'a State,
    /// Colours and sizes.
    pub tokens: &'static Tokens,
    /// Pictures on the GPU.
    pub textures: &'a mut Textures,
    /// Thumbnails of masks and maps on the GPU.
    pub layers: &'a mut Layers,
    /// Where the messages lie.
    pub messages: &'a mut MessageList,
    /// Seconds on the window's clock.
    pub now: f64,
    /// Whether Escape was pressed, and nothing over the canvas had a use for it.
    pub escape: bool,
    /// What the user did.
    pub actions: Vec<Action>,
    /// The mask that the pointer is on, or all masks of the phrase that it is on.
    pub hovered: Vec<MaskId>,
    /// Where the pointer is on the picture, in its pixels.
    pub pointer: Option<(f32, f32)>,
}

impl Shown<'_> {
    fn send(&mut self, action: Action) {
        self.actions.push(action);
    }

    fn command(&mut self, command: Command) {
        self.send(Action::Command(command));
    }
}

/// Lays the panels out: menu bar, status line, filmstrip, the panel with tabs, and the canvas with
/// its tools in the rest.
pub fn show(shown: &mut Shown<'_>, ui: &mut Ui) {
    let tokens = shown.tokens;
    let frame = Frame::new().fill(tokens.panel);
    Panel::top("menu bar")
        .exact_size(44.0)
        .frame(frame.inner_margin(Margin::symmetric(14, 0)))
        .show(ui, |ui| menu_bar::show(shown, ui));
    Panel::bottom("status line")
        .exact_size(28.0)
        .frame(frame.inner_margin(Margin::symmetric(14, 0)))
        .show(ui, |ui| status_line::show(shown, ui));
    if !shown.state.ui.shell.hidden.filmstrip {
        Panel::left("filmstrip").exact_size(76.0).frame(frame).show(ui, |ui| filmstrip::show(shown, ui));
    }
    if !shown.state.ui.shell.hidden.side_panel {
        right_panel(shown, ui);
    }
    inspector::show(shown, ui);
    Panel::top("toolbar")
        .exact_size(44.0)
        .frame(frame.inner_margin(Margin::symmetric(14, 0)))
        .show(ui, |ui| toolbar::show(shown, ui));
    CentralPanel::no_frame().show(ui, |ui| canvas::show(shown, ui));
    dragged_region(shown, ui);
    notices::show(shown, ui);
    models::show(shown, ui);
    shortcuts::show(shown, ui);
    export::show(shown, ui);
    batch::show(shown, ui);
    keeping::show(shown, ui);
    about::show(shown, ui);
    log_panel::show(shown, ui);
    tour::show(shown, ui);
    command_palette::show(shown, ui);
}

/// The panel with tabs, as wide as the user has drawn it.
fn right_panel(shown: &mut Shown<'_>, ui: &mut Ui) {
    let width = ui.available_width();
    let panel = Panel::right("side panel")
        .resizable(true)
        .default_size(shown.state.ui.shell.side_panel.unwrap_or_else(|| (width * 0.32).clamp(340.0, 460.0)))
        .size_range(300.0..=(width - 440.0).clamp(320.0, 900.0))
        .frame(Frame::new().fill(shown.tokens.panel))
        .show(ui, |ui| {
            // What is wider than the panel is cut, and does not make the panel wider.
            let room = ui.max_rect();
            side_panel::show(shown, &mut ui.new_child(UiBuilder::new().max_rect(room)));
            ui.advance_cursor_after_rect(room);
        });
    let width = panel.response.rect.width().round();
    if shown.state.ui.shell.side_panel != Some(width) {
        shown.send(Action::Shell(ShellAction::SidePanel(width)));
    }
}

/// A region's number on its way into the question, beside the pointer.
fn dragged_region(shown: &Shown<'_>, ui: &Ui) {
    let ctx = ui.ctx();
    let (Some(tag), Some(pointer)) =
        (egui::DragAndDrop::payload::<RegionTag>(ctx), ui.input(|i| i.pointer.interact_pos()))
    else {
        return;
    };
    let Some(region) = shown.state.picture().and_then(|picture| picture.region(*tag)) else { return };
    let painter = ctx.layer_painter(LayerId::new(Order::Tooltip, Id::unique("dragged region")));
    let rect = Rect::from_min_size(pointer + vec2(10.0, 6.0), vec2(22.0, 19.0));
    painter.rect_filled(rect, CornerRadius::same(4), shown.tokens.region(region.hue()).mask);
    let font = theme::strong_font(13.0);
    painter.text(rect.center(), Align2::CENTER_CENTER, region.tag.0, font, shown.tokens.on_tag());
}
