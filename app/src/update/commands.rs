//! What each command does.

use glamm_engine::protocol::{ImageId, ModelSource};
use glamm_engine::text::conversation::GROUNDED_CAPTION;

use crate::action::{BatchAction, Effect, Inspect, MaskAction};
use crate::canvas::view::Viewpoint;
use crate::command::Command;
use crate::copying::ReplyFormat;
use crate::document::{ConversationEdit, ExchangeId, MaskEdit, RegionEdit, RegionTag, Step};
use crate::palette::PHRASE_COLORS;
use crate::state::State;
use crate::state::inspection::{Brush, Layer};
use crate::state::keeping::{Leaving, PathPurpose};
use crate::state::ui_state::{Appearance, LibraryView, Tab, Tool};
use crate::study::CleanUp;

/// What one press of "Zoom in" multiplies by.
const ZOOM_STEP: f32 = 1.25;
/// By how much a key moves the threshold, in logits.
const THRESHOLD_STEP: f32 = 0.25;
/// By what a key multiplies the radius of the brush.
const BRUSH_STEP: f32 = 1.5;

fn toggle(switch: &mut bool) {
    *switch = !*switch;
}

impl State {
    #[expect(clippy::too_many_lines, reason = "one arm a command")]
    pub(super) fn run(&mut self, command: Command, now: f64, out: &mut Vec<Effect>) {
        if !command.is_enabled(self) {
            return;
        }
        match command {
            Command::OpenPicture => self.ask_for_path(PathPurpose::OpenPictures, out),
            Command::OpenFolder => self.ask_for_path(PathPurpose::OpenFolder, out),
            Command::NewSession => self.leave(Leaving::Begin, out),
            Command::OpenSession => self.ask_for_path(PathPurpose::OpenSession, out),
            Command::SaveSession => self.save_session(out),
            Command::SaveSessionAs => self.ask_for_path(PathPurpose::SaveSession, out),
            Command::Export => self.open_export_dialog(),
            Command::Import => self.ask_for_path(PathPurpose::Import, out),
            Command::AskAboutAll => self.prepare_batch(),
            Command::PauseRun => {
                let paused = self.session.batch.as_ref().is_some_and(|batch| batch.paused);
                let action = if paused { BatchAction::Resume } else { BatchAction::Pause };
                self.batch_action(action, out);
            }
            Command::WhatIsThis | Command::DescribeThis | Command::FindAlike => {
                if let Some(offer) = command.offer() {
                    self.take_offer_here(offer, now, out);
                }
            }
            Command::KeepPictures => toggle(&mut self.session.keeping.with_pictures),
            Command::PastePicture => self.open_clipboard(out),
            Command::NewScene => self.new_scene(out),
            Command::NextPicture => self.step_picture(1, out),
            Command::PreviousPicture => self.step_picture(-1, out),
            Command::ClosePicture => self.with_current(|state, image| state.close_picture(image, out)),
            Command::Quit => self.leave(Leaving::Quit, out),
            Command::Undo => {
                self.close_fields();
                // The last thing that was done may be a stroke that has not become pixels yet.
                if !self.take_back_change(out) {
                    let step = self.history.undo();
                    self.show_step(step, out);
                    if let Some(run) = step.and_then(|step| step.run) {
                        self.run_undone(run);
                    }
                }
            }
            Command::Redo => {
                self.close_fields();
                let step = self.redo(out);
                self.show_step(step, out);
            }
            Command::SelectTool => self.set_tool(Tool::Select),
            Command::BoxTool => self.set_tool(Tool::Box),
            Command::PointTool => self.set_tool(Tool::Point),
            Command::NewRegion => self.region_in_view(out),
            Command::ReferToRegion => self.with_region(|state, tag| state.refer(tag, out)),
            Command::SegmentRegion => self.with_region(|state, tag| state.segment_region(tag, out)),
            Command::RenameRegion => self.rename_region(out),
            Command::RecolorRegion => self.with_region(Self::recolor_region),
            Command::DuplicateRegion => self.with_region(|state, tag| {
                state.edit_region(tag, RegionEdit::Duplicate);
            }),
            Command::HideRegion => self.with_region(Self::toggle_region),
            Command::DeleteRegion => self.with_region(|state, tag| {
                state.edit_region(tag, RegionEdit::Remove);
            }),
            Command::NextRegion => self.select_region_beside(1),
            Command::PreviousRegion => self.select_region_beside(-1),
            Command::Ask => self.ask(now, out),
            Command::AskAgain => self.retry(now, out),
            Command::Stop => {
                self.session.cancel_segmentation();
                self.stop();
            }
            Command::NewConversation => self.with_current(Self::new_conversation),
            Command::RenameConversation => self.rename_conversation(),
            Command::DeleteConversation => self.delete_conversation(),
            Command::NextConversation => self.step_conversation(1),
            Command::PreviousConversation => self.step_conversation(-1),
            Command::ChatSettings => self.toggle_chat_settings(),
            Command::PromptLibrary => self.toggle_library(),
            Command::AnswerAgain => self.with_last(|state, id| state.regenerate(id, now, out)),
            Command::ContinueReply => self.with_last(|state, id| state.go_on(id, now, out)),
            Command::EditQuestion => self.with_last(|state, id| state.edit_question(id, out)),
            Command::DeleteQuestion => self.with_last(|state, id| {
                state.change_conversation(ConversationEdit::RemoveExchange(id));
            }),
            Command::CopyReply => self.with_last(|state, id| state.copy_reply(id, ReplyFormat::Text, out)),
            Command::CopyReplyAsMarkdown => {
                self.with_last(|state, id| state.copy_reply(id, ReplyFormat::Markdown, out));
            }
            Command::CopyReplyAsHtml => {
                self.with_last(|state, id| state.copy_reply(id, ReplyFormat::Html, out));
            }
            Command::PreviousBranch => self.step_branch(-1),
            Command::NextBranch => self.step_branch(1),
            Command::ZoomIn => self.zoom_by(ZOOM_STEP),
            Command::ZoomOut => self.zoom_by(1.0 / ZOOM_STEP),
            Command::ZoomFit => self.set_view(Viewpoint::Fit),
            Command::ZoomActual => {
                let scale = self.view().map_or(1.0, |view| view.scale());
                self.zoom_by(1.0 / (self.ui.pixels_per_point.max(0.1) * scale));
            }
            Command::KeepZoom => toggle(&mut self.ui.looks.keep_zoom),
            Command::ToggleMap => toggle(&mut self.ui.looks.map_hidden),
            Command::ToggleMasks => toggle(&mut self.ui.masks_hidden),
            Command::UnpinMasks => self.unpin_masks(),
            Command::SoloMask => self.with_mask(|mask, _| MaskAction::Solo(vec![mask])),
            Command::HideMask => self.with_mask(|mask, state| {
                let hidden = state.is_selected_hidden() == Some(true);
                MaskAction::Change(vec![mask], MaskEdit::Hide(!hidden))
            }),
            Command::RenameMask => self.with_mask(|mask, state| state.naming_of(&[mask])),
            Command::RecolorMask => self.with_mask(|mask, state| {
                let hue = state.find_mask(mask).map_or(0, |found| found.hue) + 1;
                MaskAction::Change(vec![mask], MaskEdit::Recolor(Some(hue % PHRASE_COLORS.len())))
            }),
            Command::ShowAllMasks => self.mask_action(MaskAction::ShowAll),
            Command::NextMask => self.step_mask(1),
            Command::PreviousMask => self.step_mask(-1),
            Command::RegionAroundMask => {
                if let Some(mask) = self.ui.inspection.selected {
                    self.region_around(mask);
                }
            }
            Command::RefineMask => self.prompt_mask(self.ui.inspection.selected),
            Command::DeleteMask => self.delete_mask(),
            Command::ViewOverlay
            | Command::ViewOutline
            | Command::ViewCutOut
            | Command::ViewHeat
            | Command::ViewContours
            | Command::ViewBand => {
                if let Some(view) = command.mask_view() {
                    self.inspect(Inspect::View(view), out);
                }
            }
            Command::LayerNone => self.inspect(Inspect::Layer(None), out),
            Command::LayerGrounding => self.inspect(Inspect::Layer(Some(Layer::Grounding)), out),
            Command::LayerGlobal => self.inspect(Inspect::Layer(Some(Layer::Global)), out),
            Command::LayerAttention => {
                self.inspect(Inspect::Layer(Some(Layer::Attention { layer: 0, head: 0 })), out);
            }
            Command::NextHead => self.step_head(1, out),
            Command::PreviousHead => self.step_head(-1, out),
            Command::NextCandidate => self.next_candidate(out),
            Command::RaiseThreshold => self.move_threshold(THRESHOLD_STEP, now),
            Command::LowerThreshold => self.move_threshold(-THRESHOLD_STEP, now),
            Command::RemoveSpecks => self.inspect(Inspect::CleanUp(CleanUp::RemoveSpecks), out),
            Command::FillHoles => self.inspect(Inspect::CleanUp(CleanUp::FillHoles), out),
            Command::SmoothMask => self.inspect(Inspect::CleanUp(CleanUp::Smooth), out),
            Command::Brush => self.take_brush(Brush::Paint, out),
            Command::Eraser => self.take_brush(Brush::Erase, out),
            Command::LargerBrush => self.widen_brush(BRUSH_STEP, out),
            Command::SmallerBrush => self.widen_brush(1.0 / BRUSH_STEP, out),
            Command::ResetMask => self.inspect(Inspect::Reset, out),
            Command::CompareNext => self.compare_next(),
            Command::CompareWithFile => self.inspect(Inspect::AskForTruth, out),
            Command::EndComparison => self.inspect(Inspect::Compare(None), out),
            Command::ShowChat => self.show_tab(Tab::Chat),
            Command::ShowRegions => self.show_tab(Tab::Regions),
            Command::ShowMasks => self.show_tab(Tab::Masks),
            Command::ShowTokens => self.show_tab(Tab::Tokens),
            Command::ToggleSidePanel => toggle(&mut self.ui.shell.hidden.side_panel),
            Command::ToggleFilmstrip => toggle(&mut self.ui.shell.hidden.filmstrip),
            Command::ToggleLoupe => toggle(&mut self.ui.inspection.loupe),
            Command::ToggleEncoderFrames => toggle(&mut self.ui.inspection.encoder_frames),
            Command::FollowSystem => self.set_appearance(Appearance::System, out),
            Command::LightMode => self.set_appearance(Appearance::Light, out),
            Command::DarkMode => self.set_appearance(Appearance::Dark, out),
            Command::ManageModels => self.toggle_manager(out),
            Command::UseDemoModel => self.load_model(self.spec_of(ModelSource::Demo), out),
            Command::OpenModelFolder => self.ask_for_path(PathPurpose::OpenModel, out),
            Command::OpenModelFile => self.ask_for_path(PathPurpose::OpenModelFile, out),
            Command::StopLoading | Command::UnloadModel => self.unload_model(out),
            Command::ToggleContrast => self.toggle_contrast(out),
            Command::LargerInterface => self.scale_by(1, out),
            Command::SmallerInterface => self.scale_by(-1, out),
            Command::NormalInterface => self.set_scale(1.0, out),
            Command::ShowPalette => self.toggle_palette(),
            Command::ShowTour => self.ui.shell.tour = Some(0),
            Command::ShowLog => toggle(&mut self.ui.shell.log_open),
            Command::ShowAbout => toggle(&mut self.ui.shell.about_open),
            Command::ShowShortcuts => toggle(&mut self.ui.shortcuts_open),
        }
    }

    /// Begins to write one question for all pictures, with what is written about this one.
    fn prepare_batch(&mut self) {
        let draft = self.ui.current.map(|image| self.ui.draft(image).to_owned());
        let draft = draft.filter(|draft| !draft.trim().is_empty());
        self.session.batch_prompt = Some(draft.unwrap_or_else(|| GROUNDED_CAPTION.to_owned()));
    }

    fn toggle_library(&mut self) {
        let open = self.ui.library != LibraryView::Closed && self.is_chat_seen();
        self.ui.library = if open { LibraryView::Closed } else { LibraryView::Open };
        self.show_tab(Tab::Chat);
    }

    fn unpin_masks(&mut self) {
        self.ui.pinned.clear();
        self.select_mask(None);
    }

    fn zoom_by(&mut self, factor: f32) {
        if let Some(view) = self.view() {
            self.set_view(view.zoomed(factor, view.canvas_center()));
        }
    }

    fn with_current(&mut self, work: impl FnOnce(&mut Self, ImageId)) {
        if let Some(image) = self.ui.current {
            work(self, image);
        }
    }

    /// Does something with the last exchange that is shown.
    fn with_last(&mut self, work: impl FnOnce(&mut Self, ExchangeId)) {
        if let Some(id) = self.conversation().and_then(|c| c.head()) {
            work(self, id);
        }
    }

    fn set_appearance(&mut self, appearance: Appearance, out: &mut Vec<Effect>) {
        self.ui.appearance = appearance;
        out.push(Effect::SetAppearance(appearance));
    }

    /// Takes a tool in the hand; a brush that was there is put down.
    pub(super) fn set_tool(&mut self, tool: Tool) {
        self.ui.tool = tool;
        self.ui.gesture = None;
        self.put_brush_down();
        self.ui.offered_at = None;
        // A mask that was made of a region or a place can be refined at once.
        if tool != Tool::Point {
            self.ui.prompted = None;
        }
        if tool == Tool::Select {
            self.ui.prompt_awaiting_region = None;
        }
    }

    /// After undo or redo: shows the picture that changed.
    pub(super) fn show_step(&mut self, step: Option<Step>, out: &mut Vec<Effect>) {
        self.ui.gesture = None;
        if let Some(step) = step {
            self.select_picture(step.image, out);
            if let Some(conversation) = step.conversation {
                self.select_conversation(conversation);
            }
        }
        let there = |state: &Self, tag: RegionTag| state.picture().is_some_and(|p| p.region(tag).is_some());
        if self.ui.selected_region.is_some_and(|tag| !there(self, tag)) {
            self.ui.selected_region = None;
        }
    }
}
