//! When each command can be used, and how it stands.

use egui::{Key, KeyboardShortcut, Modifiers};

use crate::action::Offer;
use crate::command::Command;
use crate::document::GroundedMask;
use crate::state::State;
use crate::state::inspection::{Brush, Layer, MaskView};
use crate::state::session::ModelStatus;
use crate::state::ui_state::{Appearance, Tab, Tool};

impl Command {
    /// Whether it would do something now.
    #[expect(clippy::too_many_lines, reason = "it is a table, one row a condition")]
    pub fn is_enabled(self, state: &State) -> bool {
        let session = &state.session;
        let picture = state.picture();
        let has_reply = state.conversation().is_some_and(|c| c.head().is_some());
        match self {
            Self::OpenPicture | Self::OpenFolder | Self::OpenModelFolder | Self::OpenModelFile => {
                !session.dialog_open
            }
            Self::Export => picture.is_some() && session.exporting.is_none(),
            Self::Import => picture.is_some() && !session.dialog_open && session.keeping.busy.is_none(),
            Self::AskAboutAll => picture.is_some() && session.batch.is_none(),
            Self::PauseRun => session.batch.as_ref().is_some_and(|batch| !batch.is_finished()),
            Self::WhatIsThis | Self::DescribeThis | Self::FindAlike => {
                state.offers_here() && self.offer().is_some_and(|offer| offer.is_enabled(state))
            }
            Self::NewSession => picture.is_some() || session.keeping.file.is_some(),
            Self::OpenSession => !session.dialog_open && session.keeping.busy.is_none(),
            Self::SaveSession | Self::SaveSessionAs => {
                !state.document().pictures().is_empty()
                    && session.keeping.busy.is_none()
                    && !session.dialog_open
            }
            Self::PastePicture
            | Self::NewScene
            | Self::KeepPictures
            | Self::Quit
            | Self::KeepZoom
            | Self::ToggleMap
            | Self::ToggleLoupe
            | Self::ToggleEncoderFrames
            | Self::ShowChat
            | Self::ShowRegions
            | Self::ShowMasks
            | Self::ShowTokens
            | Self::ToggleSidePanel
            | Self::ToggleFilmstrip
            | Self::FollowSystem
            | Self::LightMode
            | Self::DarkMode
            | Self::ToggleContrast
            | Self::LargerInterface
            | Self::SmallerInterface
            | Self::NormalInterface
            | Self::ShowPalette
            | Self::ShowTour
            | Self::ShowLog
            | Self::ShowAbout
            | Self::ManageModels
            | Self::UseDemoModel
            | Self::ShowShortcuts => true,
            Self::StopLoading => matches!(session.model, ModelStatus::Loading(_)),
            Self::UnloadModel => matches!(session.model, ModelStatus::Ready(_)),
            Self::NextPicture | Self::PreviousPicture => state.document().pictures().len() > 1,
            Self::ClosePicture
            | Self::SelectTool
            | Self::BoxTool
            | Self::PointTool
            | Self::NewRegion
            | Self::LayerNone
            | Self::LayerGrounding
            | Self::LayerGlobal
            | Self::ZoomIn
            | Self::ZoomOut
            | Self::ZoomFit
            | Self::ZoomActual
            | Self::RenameConversation
            | Self::ChatSettings
            | Self::PromptLibrary => picture.is_some(),
            Self::Undo => !session.findings.changes.is_empty() || state.history.undoable().is_some(),
            Self::Redo => state.history.redoable().is_some(),
            Self::SegmentRegion => state.ui.selected_region.is_some() && Offer::Segment.is_enabled(state),
            Self::ReferToRegion
            | Self::RenameRegion
            | Self::RecolorRegion
            | Self::DuplicateRegion
            | Self::HideRegion
            | Self::DeleteRegion => state.ui.selected_region.is_some(),
            Self::NextRegion | Self::PreviousRegion => picture.is_some_and(|p| !p.regions.is_empty()),
            Self::Ask => {
                let written = picture.is_some_and(|p| !state.ui.draft(p.id).trim().is_empty());
                written && state.why_not_ask().is_none()
            }
            Self::Stop => {
                let answering = session.job.as_ref().is_some_and(|job| !job.stopping);
                answering || session.segmentation.is_some()
            }
            Self::AnswerAgain => has_reply && state.why_not_ask().is_none(),
            Self::AskAgain => {
                state.shown_failure().is_some_and(|failure| !failure.too_long)
                    && state.why_not_ask().is_none()
            }
            Self::EditQuestion | Self::DeleteQuestion => has_reply && session.job.is_none(),
            Self::ContinueReply => {
                let last = state.conversation().and_then(|c| c.exchange(c.head()?));
                last.is_some_and(|e| e.is_unfinished()) && state.why_not_ask().is_none()
            }
            Self::CopyReply | Self::CopyReplyAsMarkdown | Self::CopyReplyAsHtml => {
                state.conversation().is_some_and(|c| !c.is_empty())
            }
            Self::PreviousBranch => session.job.is_none() && state.branch_beside(-1).is_some(),
            Self::NextBranch => session.job.is_none() && state.branch_beside(1).is_some(),
            Self::DeleteConversation => {
                picture.is_some_and(|p| p.conversations.len() > 1 || p.is_talked_about())
            }
            Self::NextConversation | Self::PreviousConversation => {
                picture.is_some_and(|p| p.conversations.len() > 1)
            }
            Self::NewConversation => state
                .conversation()
                .is_some_and(|conversation| state.shown_failure().is_some() || !conversation.is_empty()),
            Self::ToggleMasks => state.ui.masks_hidden || state.mask_count() > 0 || session.job.is_some(),
            Self::UnpinMasks => !state.ui.pinned.is_empty(),
            Self::NextMask | Self::PreviousMask => state.mask_count() > 0,
            Self::SoloMask
            | Self::HideMask
            | Self::RenameMask
            | Self::RecolorMask
            | Self::RegionAroundMask
            | Self::RemoveSpecks
            | Self::FillHoles
            | Self::SmoothMask
            | Self::Brush
            | Self::Eraser
            | Self::LargerBrush
            | Self::SmallerBrush => state.editable_mask().is_some(),
            Self::RefineMask => state.editable_mask().is_some_and(GroundedMask::is_of_places),
            Self::RaiseThreshold | Self::LowerThreshold => {
                state.editable_mask().is_some_and(|mask| !mask.is_from_file())
            }
            Self::DeleteMask => state.editable_mask().is_some_and(|mask| !state.is_of_a_phrase(mask.id)),
            Self::NextCandidate => state
                .editable_mask()
                .is_some_and(|mask| !mask.is_from_file() && mask.candidates.all().len() > 1),
            Self::ResetMask => state.editable_mask().is_some_and(GroundedMask::is_changed),
            Self::LayerAttention => {
                state.inspected_mask().is_some_and(|mask| mask.candidates.prompt.is_some())
            }
            Self::NextHead | Self::PreviousHead => state.heads().is_some(),
            Self::ViewOverlay | Self::ViewOutline | Self::ViewCutOut => state.inspected_mask().is_some(),
            Self::ViewHeat | Self::ViewContours | Self::ViewBand => {
                state.inspected_mask().is_some_and(|mask| !mask.is_from_file())
            }
            Self::CompareNext => state.inspected_mask().is_some() && state.mask_count() > 1,
            Self::CompareWithFile => state.inspected_mask().is_some() && !session.dialog_open,
            Self::EndComparison => state.ui.inspection.rival.is_some(),
            Self::ShowAllMasks => state.has_hidden_masks(),
        }
    }

    /// Whether a menu shows a tick before it; `None` for commands that are no choice.
    pub fn is_chosen(self, state: &State) -> Option<bool> {
        let ui = &state.ui;
        match self {
            Self::SelectTool => Some(ui.tool == Tool::Select),
            Self::BoxTool => Some(ui.tool == Tool::Box),
            Self::PointTool => Some(ui.tool == Tool::Point),
            Self::HideRegion => {
                let selected = ui.selected_region.and_then(|tag| state.picture()?.region(tag));
                Some(selected.is_some_and(|region| region.hidden))
            }
            Self::ToggleMasks => Some(!ui.masks_hidden),
            Self::SoloMask => ui.inspection.selected.map(|mask| state.are_alone(&[mask])),
            Self::HideMask => Some(state.is_selected_hidden() == Some(true)),
            Self::KeepZoom => Some(ui.looks.keep_zoom),
            Self::ToggleMap => Some(!ui.looks.map_hidden),
            Self::ToggleLoupe => Some(ui.inspection.loupe),
            Self::ToggleEncoderFrames => Some(ui.inspection.encoder_frames),
            Self::ShowChat => Some(ui.tab == Tab::Chat),
            Self::ShowRegions => Some(ui.tab == Tab::Regions),
            Self::ShowMasks => Some(ui.tab == Tab::Masks),
            Self::ShowTokens => Some(ui.tab == Tab::Tokens),
            Self::FollowSystem => Some(ui.appearance == Appearance::System),
            Self::LightMode => Some(ui.appearance == Appearance::Light),
            Self::DarkMode => Some(ui.appearance == Appearance::Dark),
            Self::UseDemoModel => Some(state.session.is_demo()),
            Self::ToggleContrast => Some(ui.shell.high_contrast),
            Self::ToggleSidePanel => Some(!ui.shell.hidden.side_panel),
            Self::ToggleFilmstrip => Some(!ui.shell.hidden.filmstrip),
            Self::Brush => Some(ui.inspection.brush == Some(Brush::Paint)),
            Self::Eraser => Some(ui.inspection.brush == Some(Brush::Erase)),
            Self::LayerNone => Some(ui.inspection.layer.is_none()),
            Self::LayerGrounding => Some(ui.inspection.layer == Some(Layer::Grounding)),
            Self::LayerGlobal => Some(ui.inspection.layer == Some(Layer::Global)),
            Self::LayerAttention => Some(matches!(ui.inspection.layer, Some(Layer::Attention { .. }))),
            Self::ShowLog => Some(ui.shell.log_open),
            Self::PauseRun => Some(state.session.batch.as_ref().is_some_and(|batch| batch.paused)),
            Self::KeepPictures => Some(state.session.keeping.with_pictures),
            _ => self.mask_view().map(|view| state.shown_view() == view),
        }
    }

    /// What it does with a place of the picture, if that is what it does.
    pub fn offer(self) -> Option<Offer> {
        match self {
            Self::WhatIsThis => Some(Offer::WhatIsThis),
            Self::DescribeThis => Some(Offer::Describe),
            Self::FindAlike => Some(Offer::FindAlike),
            _ => None,
        }
    }

    /// How it has the mask drawn that is looked at, if that is what it does.
    pub fn mask_view(self) -> Option<MaskView> {
        match self {
            Self::ViewOverlay => Some(MaskView::Overlay),
            Self::ViewOutline => Some(MaskView::Outline),
            Self::ViewCutOut => Some(MaskView::CutOut),
            Self::ViewHeat => Some(MaskView::Heat),
            Self::ViewContours => Some(MaskView::Contours),
            Self::ViewBand => Some(MaskView::Band),
            _ => None,
        }
    }

    /// The label in menus, which says what would be undone.
    pub fn menu_label(self, state: &State) -> String {
        let label = self.info().label;
        let step = match self {
            Self::Undo => {
                let change = state.session.findings.changes.back().map(|change| change.what.label());
                change.or(state.history.undoable().map(|step| step.label))
            }
            Self::Redo => state.history.redoable().map(|step| step.label),
            _ => None,
        };
        step.map_or_else(|| label.to_owned(), |step| format!("{label} {step}"))
    }

    /// Whether the shortcut also works while something lies over the window.
    pub fn works_over_modals(self) -> bool {
        matches!(self, Self::Quit | Self::ManageModels | Self::ShowShortcuts | Self::ShowPalette)
    }

    /// Whether one of its shortcuts also works while a text field has the keyboard: not where the field
    /// has a use for it, or would write it.
    pub fn works_while_typing(self, shortcut: KeyboardShortcut) -> bool {
        let for_text = matches!(self, Self::Undo | Self::Redo | Self::PastePicture);
        let is_function = (Key::F1..=Key::F35).contains(&shortcut.logical_key);
        let is_free = is_function || shortcut.logical_key == Key::Escape;
        let writes = shortcut.modifiers.is_none() || shortcut.modifiers == Modifiers::SHIFT;
        !for_text && (is_free || !writes)
    }
}
