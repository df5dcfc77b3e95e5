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
mod keeping;
mod kept;
mod masks;
mod missing;
mod models;
mod opening;
mod pictures;
mod prompting;
mod regions;
mod segment;
mod shell;
#[cfg(test)]
mod tests;
mod when;

use std::path::PathBuf;

use glamm_engine::protocol::{EngineCommand, ModelSource, ModelSpec};

use crate::action::{Action, Effect};
use crate::canvas::view::Viewpoint;
use crate::document::{Edit, History, Origin};
use crate::notice::Tone;
use crate::state::State;
use crate::state::session::Session;
use crate::state::ui_state::UiState;
use crate::storage::is_session;
use crate::words::name_of;

pub use kept::Watched;

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
        let is_session = picture.as_deref().is_some_and(is_session);
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
            Action::Loader(event) => self.loader_event(event, out),
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
            Action::PromptsElsewhere(elsewhere) => self.prompts_elsewhere(elsewhere, out),
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
            Action::SetChatSettings(None) => self.close_fields(),
            Action::SetView(viewpoint) => self.set_view(viewpoint),
            Action::CanvasPlaced { rect, pixels_per_point } => {
                self.ui.canvas = rect;
                self.ui.pixels_per_point = pixels_per_point;
            }
            Action::Hover { masks, pointer } => {
                self.ui.hovered = masks;
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
        self.leave_what_is_gone();
        self.advance_batch(now, &mut effects);
        self.keep_export_planned();
        effects
    }

    fn set_view(&mut self, viewpoint: Viewpoint) {
        if let Some(image) = self.ui.current {
            self.ui.views.insert(image, viewpoint);
        }
    }

    /// Makes an edit; one that cannot be made changes nothing (a click without a drag, say). Whether it was
    /// made.
    fn edit(&mut self, edit: &Edit) -> bool {
        self.edit_as(edit, None)
    }

    /// The same, where it may come of a run of one question over all pictures.
    fn edit_as(&mut self, edit: &Edit, run: Option<u64>) -> bool {
        self.ui.small_step = None;
        let made = match run {
            Some(run) => self.history.apply_in_run(edit, run),
            None => self.history.apply(edit),
        };
        if let Err(error) = &made {
            tracing::debug!(%error, ?edit, "an edit was refused");
        }
        made.is_ok()
    }

    /// The place `by` steps from `at` among `count` in a ring. From none, forward leads to the first and back
    /// to the last one.
    fn beside(at: Option<usize>, by: isize, count: usize) -> Option<usize> {
        let count = isize::try_from(count).ok().filter(|count| *count > 0)?;
        let next = at.map_or(by.min(0), |at| at as isize + by);
        usize::try_from(next.rem_euclid(count)).ok()
    }

    /// The name of a picture that comes from there.
    fn name_of(origin: &Origin) -> String {
        match origin {
            Origin::File(path) => name_of(path),
            Origin::Scene { seed } => match seed.checked_sub(GALLERY_SEED).filter(|place| *place < GALLERY) {
                Some(place) => format!("Sample {}", place + 1),
                None => format!("Scene {seed}"),
            },
            Origin::Clipboard => "Pasted picture".to_owned(),
        }
    }
}
