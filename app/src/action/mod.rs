//! What can happen ([`Action`]), and what is to be done outside because of it ([`Effect`]).
//!
//! Panels, threads and the system leave actions; `update` alone carries them out.

mod effect;
mod inspect;
mod keeping;

use std::path::PathBuf;
use std::sync::Arc;

use glamm_engine::protocol::{EngineCommand, EngineEvent, ImageId};
use glamm_engine::vision::Click;

use crate::canvas::gesture::Gesture;
use crate::canvas::view::Viewpoint;
use crate::command::Command;
use crate::copying::ReplyFormat;
use crate::document::{ConversationId, Edit, ExchangeId, MaskId, RegionEdit, RegionTag, Settings};
use crate::models::{ManagerAction, ModelNews};
use crate::pictures::LoaderEvent;
use crate::prompts::Prompt;
use crate::state::shell::ShellAction;
use crate::state::ui_state::LibraryView;
use crate::study::Finding;
use crate::system::shared_list::Elsewhere;

pub use effect::{Effect, Field};
pub use inspect::{Inspect, MaskAction};
pub use keeping::{BatchAction, ExportAction, KeepingAction};

/// Something that happened.
#[derive(Debug)]
pub enum Action {
    /// The user asked for something by name.
    Command(Command),
    /// Files were chosen, dropped or given on the command line.
    OpenFiles(Vec<PathBuf>),
    /// A picture was pasted.
    OpenPasted(Arc<egui::ColorImage>),
    /// A file dialog was closed.
    DialogClosed,
    /// A model folder or file was chosen.
    OpenModel(PathBuf),
    /// Something happened to the window around the work.
    Shell(ShellAction),
    /// Something was done in the model manager.
    Manager(ManagerAction),
    /// Something happened to the models of this machine.
    Models(ModelNews),
    /// The loader has made something of a picture.
    Loader(LoaderEvent),
    /// The engine reported something.
    Engine(EngineEvent),
    /// The engine did not take a command.
    EngineRefused(EngineCommand),
    /// The engine thread has ended.
    EngineGone,
    /// Something the user should know failed outside.
    Failed(String),
    /// Show a picture.
    SelectPicture(ImageId),
    /// Close a picture.
    ClosePicture(ImageId),
    /// Show a conversation about the current picture.
    SelectConversation(ConversationId),
    /// Change the document.
    Edit(Edit),
    /// A drag on the canvas goes on, or ends nowhere.
    Gesture(Option<Gesture>),
    /// A drag on the canvas ended.
    FinishGesture,
    /// Select a region, or none.
    SelectRegion(Option<RegionTag>),
    /// Change a region of the current picture.
    EditRegion(RegionTag, RegionEdit),
    /// The same, by one of many small changes that are one step together.
    StepRegion(RegionTag, RegionEdit),
    /// Move the selected region, in pixels.
    NudgeRegion {
        /// To the right.
        dx: f32,
        /// Down.
        dy: f32,
    },
    /// Put a region around a mask of the current picture.
    RegionAround(MaskId),
    /// Make a mask of what a region frames.
    SegmentRegion(RegionTag),
    /// A click with the Point tool.
    ClickPoint(Click),
    /// Clicks with the Point tool go to this mask from now on, or begin a new one.
    PromptMask(Option<MaskId>),
    /// Offer what can be done about a place of the picture, in its pixels, or no longer.
    OfferAt(Option<egui::Pos2>),
    /// Do one of these things.
    TakeOffer {
        /// Which one.
        offer: Offer,
        /// Where, in pixels of the picture.
        at: egui::Pos2,
        /// The mask that is meant, where several may lie there; without one, the smallest.
        mask: Option<MaskId>,
    },
    /// Give up the mask that is being made.
    CancelSegmentation,
    /// Write a reference to a region into the draft.
    Refer(RegionTag),
    /// The same at a place of the draft, in characters.
    ReferAt(RegionTag, usize),
    /// The draft was typed in.
    SetDraft(String),
    /// The composer has placed the text cursor.
    DraftCursorPlaced,
    /// Start from a prompt.
    Prompt(Prompt),
    /// Put the draft among the user's own prompts.
    KeepPrompt,
    /// Give one of the user's own prompts another name.
    RenamePrompt(usize, String),
    /// Take one of the user's own prompts away.
    RemovePrompt(usize),
    /// Others of the user's own prompts were read than are known.
    PromptsElsewhere(Elsewhere<Prompt>),
    /// Open or close the prompt library, or rename a prompt in it.
    SetLibrary(LibraryView),
    /// Have a question answered once more.
    Regenerate(ExchangeId),
    /// Have a reply that was cut go on.
    Continue(ExchangeId),
    /// Write a question in other words.
    EditQuestion(ExchangeId),
    /// The edited question was typed in.
    SetEditing(String),
    /// Ask the edited question.
    SendEditing,
    /// Leave the question as it was.
    CancelEditing,
    /// List the tokens of a reply.
    ShowTokens(ExchangeId),
    /// Copy a reply.
    CopyReply(ExchangeId, ReplyFormat),
    /// The title of the conversation was typed in, or is done.
    SetRenaming(Option<String>),
    /// The settings of the conversation were changed; `None` closes and keeps them.
    SetChatSettings(Option<Settings>),
    /// Look at the current picture in another way.
    SetView(Viewpoint),
    /// The canvas has this place and size now.
    CanvasPlaced {
        /// On the screen.
        rect: egui::Rect,
        /// Physical pixels per point.
        pixels_per_point: f32,
    },
    /// The pointer is on this mask, or on the phrase of these masks, and there on the picture.
    Hover {
        /// The masks.
        masks: Vec<MaskId>,
        /// In pixels of the current picture.
        pointer: Option<(f32, f32)>,
    },
    /// Pin a mask, or let go of it.
    TogglePin(MaskId),
    /// Something was done to masks: hidden, coloured, named.
    Mask(MaskAction),
    /// Something was done in the inspector.
    Inspect(Inspect),
    /// The study thread has found something.
    Studied(Finding),
    /// A message was read.
    DismissNotice(u64),
    /// The note about the demo model was read.
    DismissDemoNote,
    /// The list of shortcuts was closed.
    CloseShortcuts,
    /// Something around sessions.
    Keeping(KeepingAction),
    /// Something in the export dialog.
    Export(ExportAction),
    /// Something about the question for all pictures.
    Batch(BatchAction),
}

/// What can be done about a place of the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// Ask for its name.
    WhatIsThis,
    /// Ask for a description.
    Describe,
    /// Make a mask of it.
    Segment,
    /// Ask for masks of whatever is like it.
    FindAlike,
}
