//! How the user looks at things: what is selected, zoom, tools, drafts, appearance.
//!
//! Changed by `update` alone, never undone.

use std::collections::{BTreeSet, HashMap};

use egui::{Rect, pos2};
use glamm_engine::protocol::ImageId;
use serde::{Deserialize, Serialize};

use crate::canvas::gesture::Gesture;
use crate::canvas::view::Viewpoint;
use crate::document::{ConversationId, ExchangeId, MaskId, RegionTag, Settings};
use crate::models::Manager;
use crate::prompts::Prompt;
use crate::state::inspection::Inspection;
use crate::state::shell::Shell;

/// What dragging on the picture does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tool {
    /// Moves regions and the picture, pins masks.
    #[default]
    Select,
    /// Draws regions.
    Box,
    /// Makes masks of clicks.
    Point,
}

/// A tab of the panel at the right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Tab {
    /// The conversation.
    #[default]
    Chat,
    /// The boxes drawn on the picture.
    Regions,
    /// The masks on the picture.
    Masks,
    /// The tokens of the replies.
    Tokens,
}

/// Dark or light.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Appearance {
    /// As the desktop says.
    #[default]
    System,
    /// Always light.
    Light,
    /// Always dark.
    Dark,
}

/// How pictures are looked at, whichever it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Looks {
    /// Whether the next picture is shown as the one before was: at the same zoom, in the same place.
    pub keep_zoom: bool,
    /// Whether the small map of a picture that is not wholly in sight is left out.
    pub map_hidden: bool,
}

/// What of the prompt library is to be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LibraryView {
    /// Nothing.
    #[default]
    Closed,
    /// All prompts.
    Open,
    /// All prompts, and the one of the user's own at this place is being renamed.
    Renaming(usize),
}

/// One of many small changes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SmallStep {
    /// What was changed.
    pub of: Changed,
    /// The kind of change.
    pub kind: &'static str,
    /// When, in seconds.
    pub at: f64,
}

/// What small changes change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    /// A region of the current picture.
    Region(RegionTag),
    /// A mask.
    Mask(MaskId),
}

/// A question of a conversation that is being written anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Editing {
    /// About which picture.
    pub image: ImageId,
    /// In which conversation.
    pub conversation: ConversationId,
    /// Which question.
    pub exchange: ExchangeId,
    /// What it says now.
    pub draft: String,
}

/// A name that is being written for the masks of a phrase, or for one mask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaskNaming {
    /// Which masks.
    pub masks: Vec<MaskId>,
    /// What is written so far.
    pub written: String,
}

impl MaskNaming {
    /// The mask in whose place it is written.
    pub fn first(&self) -> Option<MaskId> {
        self.masks.first().copied()
    }
}

/// A draft that a prompt was written into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromptedDraft {
    /// About which picture.
    pub image: ImageId,
    /// What the user had written before.
    pub before: String,
    /// That and the prompt.
    pub draft: String,
}

/// A reply of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplyPlace {
    /// About which picture.
    pub image: ImageId,
    /// In which conversation.
    pub conversation: ConversationId,
    /// Which reply.
    pub exchange: ExchangeId,
}

/// See the module.
#[derive(Debug)]
pub struct UiState {
    /// Where the canvas is on the screen.
    pub canvas: Rect,
    /// Physical pixels per point.
    pub pixels_per_point: f32,
    /// The picture on the canvas.
    pub current: Option<ImageId>,
    /// What the panel at the right shows.
    pub tab: Tab,
    /// The reply whose tokens were asked for; without one, that of the selected mask, or else the last one.
    pub tokens_of: Option<ReplyPlace>,
    /// What dragging does.
    pub tool: Tool,
    /// How each picture is looked at; fitted where there is no entry.
    pub views: HashMap<ImageId, Viewpoint>,
    /// The drag in progress on the canvas.
    pub gesture: Option<Gesture>,
    /// The region with handles, on the current picture.
    pub selected_region: Option<RegionTag>,
    /// The last change that was one of many small ones. The next one soon after is the same step.
    pub small_step: Option<SmallStep>,
    /// The conversation that is shown about each picture; the last one where there is no entry.
    pub conversations: HashMap<ImageId, ConversationId>,
    /// The question being written about each picture.
    pub drafts: HashMap<ImageId, String>,
    /// The draft that a prompt was written into last.
    pub prompted_draft: Option<PromptedDraft>,
    /// The question that is being written anew.
    pub editing: Option<Editing>,
    /// The title being written for the conversation that is shown.
    pub renaming: Option<String>,
    /// The settings of the conversation that is shown, while they are being changed.
    pub chat_settings: Option<Settings>,
    /// The prompt library.
    pub library: LibraryView,
    /// Where the text cursor is to go, in characters of the draft; taken by the composer.
    pub draft_cursor: Option<usize>,
    /// A prompt that waits for the region it is about to be drawn.
    pub prompt_awaiting_region: Option<Prompt>,
    /// The mask that clicks with the Point tool go to.
    pub prompted: Option<MaskId>,
    /// Where the picture was clicked, in its pixels, while it is offered what to do about the place.
    pub offered_at: Option<egui::Pos2>,
    /// The mask that the pointer is on, or all masks of the phrase that it is on.
    pub hovered: Vec<MaskId>,
    /// What the inspector shows.
    pub inspection: Inspection,
    /// The name that is being written for masks.
    pub naming: Option<MaskNaming>,
    /// Masks that stay brought out.
    pub pinned: BTreeSet<MaskId>,
    /// Where the pointer is, in pixels of the current picture, while it is on it.
    pub pointer: Option<(f32, f32)>,
    /// Whether masks are drawn at all.
    pub masks_hidden: bool,
    /// What goes for all pictures.
    pub looks: Looks,
    /// Dark or light.
    pub appearance: Appearance,
    /// Whether the note on what the demo model knows was dismissed.
    pub demo_note_dismissed: bool,
    /// Whether the list of shortcuts is open.
    pub shortcuts_open: bool,
    /// What the model manager shows.
    pub models: Manager,
    /// The window around the work.
    pub shell: Shell,
}

impl Default for UiState {
    fn default() -> Self {
        Self {
            // Until the canvas has been laid out once.
            canvas: Rect::from_min_max(pos2(0.0, 0.0), pos2(800.0, 600.0)),
            pixels_per_point: 1.0,
            current: None,
            tab: Tab::default(),
            tokens_of: None,
            tool: Tool::default(),
            views: HashMap::new(),
            gesture: None,
            selected_region: None,
            small_step: None,
            conversations: HashMap::new(),
            drafts: HashMap::new(),
            prompted_draft: None,
            editing: None,
            renaming: None,
            chat_settings: None,
            library: LibraryView::Closed,
            draft_cursor: None,
            prompt_awaiting_region: None,
            prompted: None,
            offered_at: None,
            hovered: Vec::new(),
            naming: None,
            pinned: BTreeSet::new(),
            inspection: Inspection::default(),
            pointer: None,
            masks_hidden: false,
            looks: Looks::default(),
            appearance: Appearance::default(),
            demo_note_dismissed: false,
            shortcuts_open: false,
            models: Manager::default(),
            shell: Shell::default(),
        }
    }
}

impl UiState {
    /// How the picture is looked at.
    pub fn view(&self, image: ImageId) -> Viewpoint {
        self.views.get(&image).copied().unwrap_or_default()
    }

    /// Whether something lies over the window that must be closed first.
    pub fn is_modal(&self) -> bool {
        let Shell { palette, about_open, .. } = &self.shell;
        self.shortcuts_open || self.models.is_open || palette.is_some() || *about_open
    }

    /// The draft about the picture.
    pub fn draft(&self, image: ImageId) -> &str {
        self.drafts.get(&image).map_or("", String::as_str)
    }
}
