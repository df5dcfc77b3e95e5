//! The only place that changes state.
//!
//! Panels read [`State`] and leave [`Action`]s; once a frame the application hands these, and the
//! engine's events, to [`State::update`], which answers with [`Effect`]s: what is to be done
//! outside (a command for the engine, a file to be read, a dialog). Nothing here waits, draws, or
//! touches a file or a thread, so all of it is tested without a window.

mod asking;
mod batch;
mod commands;
mod conversing;
mod engine;
mod exporting;
mod inspect;
pub mod keeping;
mod kept;
mod masks;
mod models;
mod opening;
mod pictures;
mod prompting;
mod regions;
mod segment;
mod shell;
#[cfg(test)]
mod tests;
mod visible;

use std::path::PathBuf;
use std::sync::Arc;

use glamm_engine::protocol::{EngineCommand, EngineEvent, ImageId, ModelSource, ModelSpec};

use glamm_engine::vision::Click;

use crate::canvas::gesture::Gesture;
use crate::canvas::view::{View, Viewpoint};
use crate::command::Command;
use crate::copying::{Copied, ReplyFormat};
use crate::document::{
    Conversation, ConversationId, Document, Edit, ExchangeId, History, MaskId, Origin, Picture, RegionEdit,
    RegionTag, Settings,
};
use crate::keeping::PathQuestion;
use crate::models::{ManagerAction, ModelNews, ModelTask};
use crate::pixels::Pixels;
use crate::prompts::Prompt;
use crate::session::{Session, Tone};
use crate::shell::ShellAction;
use crate::storage::{StorageJob, StoredImage};
use crate::study::{Finding, Request};
use crate::ui_state::{Appearance, LibraryView, UiState};

pub use batch::BatchAction;
pub use exporting::ExportAction;
pub use inspect::{BRUSH_RADII, Inspect, Inspected};
pub use keeping::KeepingAction;
pub use kept::Watched;
pub use masks::MaskAction;
pub use segment::Offer;
pub use visible::{ListedMask, VisibleMask};

/// Everything the window shows.
#[derive(Debug)]
pub struct State {
    /// What the user made, and the ways back.
    pub history: History,
    /// What is going on.
    pub session: Session,
    /// How the user looks at it.
    pub ui: UiState,
}

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
    /// The loader has found a small copy of a picture that it is about to make ready.
    PicturePreviewed {
        /// Which one.
        image: ImageId,
        /// The copy.
        preview: Arc<egui::ColorImage>,
    },
    /// The loader has made a picture ready.
    PictureLoaded {
        /// Which one.
        image: ImageId,
        /// Its pixels, or why there are none.
        result: Result<Arc<Pixels>, String>,
    },
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
    /// The user's own prompts were read.
    PromptsRead(Vec<Prompt>),
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
    /// Ask the failed question again.
    Retry,
    /// Look at the current picture in another way.
    SetView(Viewpoint),
    /// The canvas has this place and size now.
    CanvasPlaced {
        /// On the screen.
        rect: egui::Rect,
        /// Physical pixels per point.
        pixels_per_point: f32,
    },
    /// The pointer is on this mask or its phrase, and there on the picture.
    Hover {
        /// The mask.
        mask: Option<MaskId>,
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

/// Something to be done outside.
#[derive(Debug)]
pub enum Effect {
    /// Send a command to the engine.
    Engine(EngineCommand),
    /// Make a picture ready, under this name.
    Load {
        /// Its name.
        image: ImageId,
        /// Where it comes from.
        source: Source,
    },
    /// Let the user choose files or a folder.
    AskForPath(PathQuestion),
    /// Have sessions read or written.
    Storage(StorageJob),
    /// Have the model desk do something.
    Models(ModelTask),
    /// Look closely at masks.
    Study(Request),
    /// Forget the textures of a picture.
    ForgetPicture(ImageId),
    /// Give the keyboard to the question.
    FocusQuestion,
    /// Give the keyboard to the name of the selected region.
    FocusRegionName,
    /// Give the keyboard to the question that is being written in other words.
    FocusEditedQuestion,
    /// Put something on the clipboard.
    Copy(Copied),
    /// Keep the user's own prompts.
    KeepPrompts(Vec<Prompt>),
    /// Dark or light.
    SetAppearance(Appearance),
    /// Whether colours are further apart.
    SetContrast(bool),
    /// Size of everything, 1 as designed.
    SetScale(f32),
    /// Close the window.
    Quit,
}

/// Where the loader finds a picture.
#[derive(Debug, Clone)]
pub enum Source {
    /// In a file.
    File(PathBuf),
    /// In the procedural picture world.
    Scene(u64),
    /// On the clipboard.
    Clipboard,
    /// Pasted already.
    Pasted(Arc<egui::ColorImage>),
    /// In a session, or else where it came from.
    Kept {
        /// Its copy in the session.
        stored: Option<StoredImage>,
        /// Where it came from.
        origin: Origin,
    },
}

/// How many scenes the gallery starts with.
const GALLERY: u64 = 6;
/// The first seed of the gallery; behind those of new scenes, and far from those of evaluation.
const GALLERY_SEED: u64 = 7_000_000_000;

impl State {
    /// A window that is about to load a model, with nothing open; and what is to be done first.
    pub fn start(model: ModelSpec, picture: Option<PathBuf>) -> (Self, Vec<Effect>) {
        let mut state = Self {
            history: History::default(),
            session: Session::new(model.clone()),
            ui: UiState::default(),
        };
        (state.ui.models.precision, state.ui.models.device) = (model.precision, model.device);
        let mut effects = vec![Effect::Engine(EngineCommand::LoadModel(model))];
        let is_session = picture.as_deref().is_some_and(keeping::is_session);
        let has_picture = picture.is_some();
        if let Some(path) = picture {
            state.open_files(vec![path], &mut effects);
        }
        if state.session.spec.source == ModelSource::Demo && !is_session {
            for place in 0..GALLERY {
                let select = place == 0 && !has_picture;
                state.open_scene(GALLERY_SEED + place, select, &mut effects);
            }
        }
        (state, effects)
    }

    /// What is open.
    pub fn document(&self) -> &Document {
        self.history.present()
    }

    /// The picture on the canvas.
    pub fn picture(&self) -> Option<&Arc<Picture>> {
        self.document().picture(self.ui.current?)
    }

    /// The conversation that is shown.
    pub fn conversation(&self) -> Option<&Arc<Conversation>> {
        let picture = self.picture()?;
        let chosen = self.ui.conversations.get(&picture.id).and_then(|id| picture.conversation(*id));
        chosen.or(picture.conversations.last())
    }

    /// Carries out one action; `now` is the window's clock in seconds.
    pub fn update(&mut self, action: Action, now: f64) -> Vec<Effect> {
        let mut effects = Vec::new();
        let out = &mut effects;
        match action {
            Action::Command(command) => self.run(command, now, out),
            Action::OpenFiles(paths) => self.open_files(paths, out),
            Action::OpenPasted(image) => self.open_pasted(image, out),
            Action::DialogClosed => self.session.dialog_open = false,
            Action::OpenModel(path) => self.load_model(self.spec_of(ModelSource::Path(path)), out),
            Action::Shell(action) => self.shell_action(action, now, out),
            Action::Manager(action) => self.manager_action(action, now, out),
            Action::Models(news) => self.model_news(news, out),
            Action::PicturePreviewed { image, preview } => {
                if let Some(arrival) = self.session.arrivals.iter_mut().find(|a| a.image == image) {
                    arrival.preview = Some(preview);
                }
            }
            Action::PictureLoaded { image, result } => self.picture_loaded(image, result, out),
            Action::Engine(event) => self.engine_event(event, now, out),
            Action::EngineRefused(command) => self.engine_refused(&command, out),
            Action::EngineGone => self.engine_gone(),
            Action::Failed(message) => self.session.notify(message, Tone::Failure),
            Action::SelectPicture(image) => self.select_picture(image, out),
            Action::ClosePicture(image) => self.close_picture(image, out),
            Action::SelectConversation(id) => self.select_conversation(id),
            Action::Edit(edit) => {
                self.edit(&edit);
            }
            Action::Gesture(gesture) => self.ui.gesture = gesture,
            Action::FinishGesture => self.finish_gesture(out),
            Action::SelectRegion(tag) => self.ui.selected_region = tag,
            Action::EditRegion(tag, change) => self.edit_region(tag, change),
            Action::StepRegion(tag, change) => self.step_region(tag, change, now),
            Action::NudgeRegion { dx, dy } => self.nudge_region(dx, dy, now),
            Action::RegionAround(mask) => self.region_around(mask),
            Action::SegmentRegion(tag) => self.segment_region(tag, out),
            Action::ClickPoint(click) => self.click_point(click, out),
            Action::PromptMask(mask) => self.prompt_mask(mask),
            Action::OfferAt(place) => self.ui.offered_at = place,
            Action::TakeOffer { offer, at, mask } => self.take_offer(offer, at, mask, now, out),
            Action::CancelSegmentation => self.session.cancel_segmentation(),
            Action::Refer(tag) => self.refer(tag, out),
            Action::ReferAt(tag, place) => self.refer_at(tag, place, out),
            Action::SetDraft(text) => self.set_draft(text),
            Action::DraftCursorPlaced => self.ui.draft_cursor = None,
            Action::Prompt(prompt) => self.prompt(&prompt, now, out),
            Action::KeepPrompt => self.keep_prompt(out),
            Action::RenamePrompt(place, label) => self.rename_prompt(place, &label, out),
            Action::RemovePrompt(place) => self.remove_prompt(place, out),
            Action::PromptsRead(prompts) => self.session.prompts = prompts,
            Action::SetLibrary(library) => self.set_library(library, out),
            Action::Regenerate(id) => self.regenerate(id, now, out),
            Action::Continue(id) => self.go_on(id, now, out),
            Action::EditQuestion(id) => self.edit_question(id, out),
            Action::SetEditing(draft) => self.set_editing(draft),
            Action::SendEditing => self.send_edited(now, out),
            Action::CancelEditing => self.ui.editing = None,
            Action::ShowTokens(id) => self.show_tokens(id),
            Action::CopyReply(id, format) => self.copy_reply(id, format, out),
            Action::SetRenaming(title) => self.ui.renaming = title,
            Action::SetChatSettings(Some(settings)) => self.ui.chat_settings = Some(settings),
            Action::SetChatSettings(None) => self.close_chat_settings(),
            Action::Retry => self.retry(now, out),
            Action::SetView(viewpoint) => self.set_view(viewpoint),
            Action::CanvasPlaced { rect, pixels_per_point } => {
                self.ui.canvas = rect;
                self.ui.pixels_per_point = pixels_per_point;
            }
            Action::Hover { mask, pointer } => {
                self.ui.hovered = mask;
                self.ui.pointer = pointer;
            }
            Action::TogglePin(mask) => self.toggle_pin(mask),
            Action::Mask(action) => self.mask_action(action),
            Action::Inspect(what) => self.inspect(what, out),
            Action::Studied(finding) => self.studied(finding, out),
            Action::DismissNotice(id) => self.session.notices.retain(|n| n.id != id),
            Action::DismissDemoNote => self.ui.demo_note_dismissed = true,
            Action::CloseShortcuts => self.ui.shortcuts_open = false,
            Action::Keeping(action) => self.keeping_action(action, now, out),
            Action::Export(action) => self.export_action(action, out),
            Action::Batch(action) => self.batch_action(action, out),
        }
        self.advance_batch(now, &mut effects);
        self.keep_export_planned();
        effects
    }

    /// How the current picture lies on the canvas.
    pub fn view(&self) -> Option<View> {
        let picture = self.picture()?;
        let ui = &self.ui;
        let view = View::new(ui.view(picture.id), ui.canvas, picture.size, ui.pixels_per_point);
        Some(view.on_pixels())
    }

    fn set_view(&mut self, viewpoint: Viewpoint) {
        if let Some(image) = self.ui.current {
            self.ui.views.insert(image, viewpoint);
        }
    }

    /// Makes an edit; one that cannot be made changes nothing (a click without a drag, say). Whether it was
    /// made.
    fn edit(&mut self, edit: &Edit) -> bool {
        self.ui.small_step = None;
        let made = self.history.apply(edit);
        if let Err(error) = &made {
            tracing::debug!(%error, ?edit, "an edit was refused");
        }
        made.is_ok()
    }

    /// Makes an edit that comes of a run of one question over all pictures. Whether it was made.
    fn edit_in_run(&mut self, edit: &Edit, run: u64) -> bool {
        self.ui.small_step = None;
        let made = self.history.apply_in_run(edit, run);
        if let Err(error) = &made {
            tracing::debug!(%error, ?edit, "an edit was refused");
        }
        made.is_ok()
    }

    /// The name of a picture that comes from there.
    fn name_of(origin: &Origin) -> String {
        match origin {
            Origin::File(path) => path
                .file_name()
                .map_or_else(|| path.display().to_string(), |n| n.to_string_lossy().into_owned()),
            Origin::Scene { seed } => match seed.checked_sub(GALLERY_SEED).filter(|place| *place < GALLERY) {
                Some(place) => format!("Sample {}", place + 1),
                None => format!("Scene {seed}"),
            },
            Origin::Clipboard => "Pasted picture".to_owned(),
        }
    }
}
