//! Everything the user can ask for by name: one table, which the menus and the keyboard iterate.
//!
//! To add a command: a variant here, its row in [`Command::info`], when it can be used in
//! [`Command::is_enabled`], what it does in `update::commands`.

use egui::{Key, KeyboardShortcut, Modifiers};

use crate::session::ModelStatus;
use crate::ui_state::{Appearance, Tab, Tool};
use crate::update::State;

/// A menu of the menu bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Menu {
    /// Pictures in and out.
    File,
    /// Undo, regions.
    Edit,
    /// Questions, replies, conversations.
    Chat,
    /// Zoom, masks, appearance.
    View,
    /// Which weights.
    Model,
    /// How to use the program.
    Help,
}

impl Menu {
    /// From left to right.
    pub const ALL: [Self; 6] = [Self::File, Self::Edit, Self::Chat, Self::View, Self::Model, Self::Help];

    /// Its title.
    pub fn label(self) -> &'static str {
        match self {
            Self::File => "File",
            Self::Edit => "Edit",
            Self::Chat => "Chat",
            Self::View => "View",
            Self::Model => "Model",
            Self::Help => "Help",
        }
    }
}

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each one is described by its tooltip, below")]
pub enum Command {
    OpenPicture,
    OpenFolder,
    PastePicture,
    NewScene,
    NewSession,
    OpenSession,
    SaveSession,
    SaveSessionAs,
    KeepPictures,
    Export,
    Import,
    NextPicture,
    PreviousPicture,
    ClosePicture,
    Quit,
    Undo,
    Redo,
    SelectTool,
    BoxTool,
    PointTool,
    RenameRegion,
    DuplicateRegion,
    HideRegion,
    DeleteRegion,
    Ask,
    Stop,
    AskAboutAll,
    AnswerAgain,
    ContinueReply,
    EditQuestion,
    CopyReply,
    PreviousBranch,
    NextBranch,
    NewConversation,
    RenameConversation,
    DeleteConversation,
    ChatSettings,
    PromptLibrary,
    ZoomIn,
    ZoomOut,
    ZoomFit,
    ZoomActual,
    KeepZoom,
    ToggleMap,
    ToggleLoupe,
    ToggleEncoderFrames,
    ToggleMasks,
    UnpinMasks,
    ShowChat,
    ShowRegions,
    ShowMasks,
    ShowTokens,
    FollowSystem,
    LightMode,
    DarkMode,
    ToggleContrast,
    LargerInterface,
    SmallerInterface,
    NormalInterface,
    ManageModels,
    UseDemoModel,
    OpenModelFolder,
    OpenModelFile,
    StopLoading,
    UnloadModel,
    ShowPalette,
    ShowShortcuts,
    ShowTour,
    ShowLog,
    ShowAbout,
}

/// A row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Info {
    /// In menus and on buttons.
    pub label: &'static str,
    /// What it does, in a sentence.
    pub tooltip: &'static str,
    /// Keys, if it has any.
    pub shortcut: Option<KeyboardShortcut>,
    /// Where it is listed.
    pub menu: Menu,
    /// Whether a line is drawn above it in the menu.
    pub starts_group: bool,
}

const fn ctrl(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::COMMAND, key)
}

const fn ctrl_shift(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::COMMAND.plus(Modifiers::SHIFT), key)
}

const fn ctrl_alt(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::COMMAND.plus(Modifiers::ALT), key)
}

const fn plain(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::NONE, key)
}

impl Command {
    /// All of them, in the order of the menus.
    pub const ALL: [Self; 70] = [
        Self::OpenPicture,
        Self::OpenFolder,
        Self::PastePicture,
        Self::NewScene,
        Self::NewSession,
        Self::OpenSession,
        Self::SaveSession,
        Self::SaveSessionAs,
        Self::KeepPictures,
        Self::Export,
        Self::Import,
        Self::NextPicture,
        Self::PreviousPicture,
        Self::ClosePicture,
        Self::Quit,
        Self::Undo,
        Self::Redo,
        Self::SelectTool,
        Self::BoxTool,
        Self::PointTool,
        Self::RenameRegion,
        Self::DuplicateRegion,
        Self::HideRegion,
        Self::DeleteRegion,
        Self::Ask,
        Self::Stop,
        Self::AskAboutAll,
        Self::AnswerAgain,
        Self::ContinueReply,
        Self::EditQuestion,
        Self::CopyReply,
        Self::PreviousBranch,
        Self::NextBranch,
        Self::NewConversation,
        Self::RenameConversation,
        Self::DeleteConversation,
        Self::ChatSettings,
        Self::PromptLibrary,
        Self::ZoomIn,
        Self::ZoomOut,
        Self::ZoomFit,
        Self::ZoomActual,
        Self::KeepZoom,
        Self::ToggleMap,
        Self::ToggleLoupe,
        Self::ToggleEncoderFrames,
        Self::ToggleMasks,
        Self::UnpinMasks,
        Self::ShowChat,
        Self::ShowRegions,
        Self::ShowMasks,
        Self::ShowTokens,
        Self::FollowSystem,
        Self::LightMode,
        Self::DarkMode,
        Self::ToggleContrast,
        Self::LargerInterface,
        Self::SmallerInterface,
        Self::NormalInterface,
        Self::ManageModels,
        Self::UseDemoModel,
        Self::OpenModelFolder,
        Self::OpenModelFile,
        Self::StopLoading,
        Self::UnloadModel,
        Self::ShowPalette,
        Self::ShowShortcuts,
        Self::ShowTour,
        Self::ShowLog,
        Self::ShowAbout,
    ];

    /// Its row in the table.
    #[expect(clippy::too_many_lines, reason = "it is a table, one row a command")]
    pub fn info(self) -> Info {
        use Menu::{Chat, Edit, File, Help, Model, View};
        let row =
            |menu, label, tooltip, shortcut| Info { label, tooltip, shortcut, menu, starts_group: false };
        let group = |info| Info { starts_group: true, ..info };
        match self {
            Self::OpenPicture => row(File, "Open…", "Open pictures from files", Some(ctrl(Key::O))),
            Self::PastePicture => {
                row(File, "Paste picture", "Open the picture on the clipboard", Some(ctrl(Key::V)))
            }
            Self::NewScene => row(
                File,
                "New scene",
                "Make a fresh scene of the demo model's picture world",
                Some(ctrl(Key::N)),
            ),
            Self::OpenFolder => {
                row(File, "Open folder…", "Open all pictures of a folder", Some(ctrl_shift(Key::O)))
            }
            Self::NewSession => {
                group(row(File, "New session", "Close everything and begin anew", Some(ctrl_alt(Key::N))))
            }
            Self::OpenSession => row(
                File,
                "Open session…",
                "Open pictures and conversations that were saved",
                Some(ctrl_alt(Key::O)),
            ),
            Self::SaveSession => {
                row(File, "Save session", "Save all pictures, regions and conversations", Some(ctrl(Key::S)))
            }
            Self::SaveSessionAs => {
                row(File, "Save session as…", "Save the session under another name", Some(ctrl_shift(Key::S)))
            }
            Self::KeepPictures => row(
                File,
                "Pictures in session files",
                "Put copies of the pictures into session files, so that these can be taken elsewhere",
                None,
            ),
            Self::Export => group(row(
                File,
                "Export…",
                "Write masks, boxes and conversations for other programs",
                Some(ctrl_shift(Key::E)),
            )),
            Self::Import => {
                row(File, "Import…", "Read boxes and masks of COCO or LabelMe onto the open pictures", None)
            }
            Self::AskAboutAll => row(
                Edit,
                "Ask about all pictures…",
                "Put one question to every picture of the filmstrip",
                Some(ctrl_alt(Key::Enter)),
            ),
            Self::NextPicture => group(row(
                File,
                "Next picture",
                "Show the next picture of the filmstrip",
                Some(plain(Key::PageDown)),
            )),
            Self::PreviousPicture => {
                row(File, "Previous picture", "Show the picture before", Some(plain(Key::PageUp)))
            }
            Self::ClosePicture => {
                row(File, "Close picture", "Close the picture and its conversation", Some(ctrl(Key::W)))
            }
            Self::Quit => group(row(File, "Quit", "Close the window", Some(ctrl(Key::Q)))),
            Self::Undo => row(Edit, "Undo", "Take the last change back", Some(ctrl(Key::Z))),
            Self::Redo => {
                row(Edit, "Redo", "Make the change again that was taken back", Some(ctrl_shift(Key::Z)))
            }
            Self::SelectTool => {
                group(row(Edit, "Select", "Move regions and the picture, pin masks", Some(plain(Key::V))))
            }
            Self::BoxTool => {
                row(Edit, "Box", "Draw a box around what you want to ask about", Some(plain(Key::B)))
            }
            Self::PointTool => row(
                Edit,
                "Point",
                "Make a mask: click what belongs to it, and with Alt what does not",
                Some(plain(Key::P)),
            ),
            Self::RenameRegion => {
                group(row(Edit, "Rename region", "Give the selected region a name", Some(plain(Key::F2))))
            }
            Self::DuplicateRegion => row(
                Edit,
                "Duplicate region",
                "Put another region like the selected one beside it",
                Some(ctrl(Key::D)),
            ),
            Self::HideRegion => row(
                Edit,
                "Hide region",
                "Leave the selected region out on the picture, or show it again",
                Some(plain(Key::H)),
            ),
            Self::DeleteRegion => {
                row(Edit, "Delete region", "Delete the selected region", Some(plain(Key::Delete)))
            }
            Self::Ask => row(Chat, "Ask", "Put the question to the model", Some(ctrl(Key::Enter))),
            Self::Stop => row(Chat, "Stop", "Stop the reply", Some(plain(Key::Escape))),
            Self::AnswerAgain => row(
                Chat,
                "Answer again",
                "Have the last question answered in other words, beside the reply",
                Some(ctrl(Key::R)),
            ),
            Self::ContinueReply => row(
                Chat,
                "Continue reply",
                "Have a reply go on that was stopped or cut",
                Some(ctrl_shift(Key::Enter)),
            ),
            Self::EditQuestion => row(
                Chat,
                "Edit question",
                "Write the last question in other words, beside the old one",
                Some(ctrl(Key::E)),
            ),
            Self::CopyReply => {
                row(Chat, "Copy reply", "Copy the last reply as text", Some(ctrl_shift(Key::C)))
            }
            Self::PreviousBranch => group(row(
                Chat,
                "Previous branch",
                "Show the question or reply before this one, at the same place",
                Some(KeyboardShortcut::new(Modifiers::ALT, Key::ArrowLeft)),
            )),
            Self::NextBranch => row(
                Chat,
                "Next branch",
                "Show the question or reply behind this one, at the same place",
                Some(KeyboardShortcut::new(Modifiers::ALT, Key::ArrowRight)),
            ),
            Self::NewConversation => group(row(
                Chat,
                "New conversation",
                "Talk about this picture from the beginning",
                Some(ctrl_shift(Key::N)),
            )),
            Self::RenameConversation => {
                row(Chat, "Rename conversation", "Give the conversation a name", Some(ctrl_shift(Key::R)))
            }
            Self::DeleteConversation => {
                row(Chat, "Delete conversation", "Take the conversation away", Some(ctrl_shift(Key::Delete)))
            }
            Self::ChatSettings => group(row(
                Chat,
                "Chat settings",
                "How words are chosen, how long a reply may be, and the system prompt",
                Some(ctrl_shift(Key::G)),
            )),
            Self::PromptLibrary => {
                row(Chat, "Prompt library", "Prompts for every task, and your own", Some(ctrl(Key::L)))
            }
            Self::ZoomIn => row(View, "Zoom in", "Show the picture larger", Some(ctrl(Key::Plus))),
            Self::ZoomOut => row(View, "Zoom out", "Show the picture smaller", Some(ctrl(Key::Minus))),
            Self::ZoomFit => row(View, "Fit", "Show all of the picture", Some(plain(Key::F))),
            Self::ZoomActual => row(
                View,
                "Actual size",
                "Show a pixel of the picture as a pixel of the screen",
                Some(plain(Key::Num1)),
            ),
            Self::KeepZoom => row(
                View,
                "Keep zoom",
                "Show the next picture at the same zoom and place as this one",
                Some(plain(Key::K)),
            ),
            Self::ToggleMap => row(
                View,
                "Hide map",
                "Hide or show the small map of a picture that is not wholly in sight",
                Some(plain(Key::N)),
            ),
            Self::ToggleMasks => {
                group(row(View, "Hide masks", "Hide or show all masks", Some(plain(Key::M))))
            }
            Self::UnpinMasks => row(View, "Unpin masks", "Let go of all pinned phrases", Some(plain(Key::U))),
            Self::ShowChat => group(row(View, "Chat", "Show the conversation", Some(ctrl(Key::Num1)))),
            Self::ShowRegions => row(View, "Regions", "List the regions", Some(ctrl(Key::Num2))),
            Self::ShowMasks => row(View, "Masks", "List the masks", Some(ctrl(Key::Num3))),
            Self::ShowTokens => row(
                View,
                "Tokens",
                "List the tokens of the reply with their probabilities",
                Some(ctrl(Key::Num4)),
            ),
            Self::ToggleLoupe => row(
                View,
                "Loupe",
                "Show the pixels around the pointer and their exact values",
                Some(plain(Key::L)),
            ),
            Self::ToggleEncoderFrames => row(
                View,
                "What the encoders saw",
                "Draw CLIP's crop and SAM's padded frame on the picture",
                Some(plain(Key::E)),
            ),
            Self::FollowSystem => {
                group(row(View, "Follow the system", "Dark or light as the desktop says", None))
            }
            Self::LightMode => row(View, "Light", "Always light", None),
            Self::DarkMode => row(View, "Dark", "Always dark", None),
            Self::ToggleContrast => row(View, "High contrast", "Colours further apart, stronger lines", None),
            Self::LargerInterface => {
                group(row(View, "Larger interface", "Show everything larger", Some(ctrl_alt(Key::Plus))))
            }
            Self::SmallerInterface => {
                row(View, "Smaller interface", "Show everything smaller", Some(ctrl_alt(Key::Minus)))
            }
            Self::NormalInterface => row(
                View,
                "Normal interface",
                "Show everything as large as designed",
                Some(ctrl_alt(Key::Num0)),
            ),
            Self::ManageModels => row(
                Model,
                "Models…",
                "Fetch, convert, remove and load models; see what fits into this machine",
                Some(ctrl(Key::M)),
            ),
            Self::UseDemoModel => {
                row(Model, "Demo model", "Load the small model that comes with the program", None)
            }
            Self::OpenModelFolder => {
                row(Model, "Open model folder…", "Load a GLaMM checkpoint in the Hugging Face layout", None)
            }
            Self::OpenModelFile => row(Model, "Open model file…", "Load a GLaMM in one GGUF file", None),
            Self::StopLoading => {
                group(row(Model, "Stop loading", "Give up loading the model; none is loaded then", None))
            }
            Self::UnloadModel => row(Model, "Unload model", "Give the model's memory back", None),
            Self::ShowPalette => {
                row(Help, "Command palette…", "Find any command by a few letters", Some(ctrl(Key::K)))
            }
            Self::ShowShortcuts => {
                row(Help, "Keyboard shortcuts", "List all shortcuts", Some(plain(Key::Questionmark)))
            }
            Self::ShowTour => group(row(Help, "Tour", "Show the three steps of the beginning again", None)),
            Self::ShowLog => {
                row(Help, "Log", "Show what the program says about itself", Some(ctrl_shift(Key::L)))
            }
            Self::ShowAbout => row(Help, "About", "Version, licences of the program and of its parts", None),
        }
    }

    /// Whether it would do something now.
    pub fn is_enabled(self, state: &State) -> bool {
        let session = &state.session;
        let picture = state.picture();
        match self {
            Self::OpenPicture | Self::OpenFolder | Self::OpenModelFolder | Self::OpenModelFile => {
                !session.dialog_open
            }
            Self::Export => picture.is_some() && session.exporting.is_none(),
            Self::Import => picture.is_some() && !session.dialog_open && session.keeping.busy.is_none(),
            Self::AskAboutAll => picture.is_some() && session.batch.is_none(),
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
            | Self::ZoomIn
            | Self::ZoomOut
            | Self::ZoomFit
            | Self::ZoomActual
            | Self::RenameConversation
            | Self::ChatSettings
            | Self::PromptLibrary => picture.is_some(),
            Self::Undo => state.history.undoable().is_some(),
            Self::Redo => state.history.redoable().is_some(),
            Self::RenameRegion | Self::DuplicateRegion | Self::HideRegion | Self::DeleteRegion => {
                state.ui.selected_region.is_some()
            }
            Self::Ask => {
                let written = picture.is_some_and(|p| !state.ui.draft(p.id).trim().is_empty());
                written && session.job.is_none() && session.model != ModelStatus::Gone
            }
            Self::Stop => session.job.as_ref().is_some_and(|job| !job.stopping),
            Self::AnswerAgain | Self::EditQuestion => {
                let last = state.conversation().and_then(|c| c.head());
                last.is_some() && session.job.is_none()
            }
            Self::ContinueReply => {
                let last = state.conversation().and_then(|c| c.exchange(c.head()?));
                last.is_some_and(|e| e.is_unfinished()) && session.job.is_none()
            }
            Self::CopyReply => state.conversation().is_some_and(|c| !c.is_empty()),
            Self::PreviousBranch => session.job.is_none() && state.branch_beside(-1).is_some(),
            Self::NextBranch => session.job.is_none() && state.branch_beside(1).is_some(),
            Self::DeleteConversation => {
                picture.is_some_and(|p| p.conversations.len() > 1 || p.is_talked_about())
            }
            Self::NewConversation => state
                .conversation()
                .is_some_and(|conversation| state.shown_failure().is_some() || !conversation.is_empty()),
            Self::ToggleMasks => picture.is_some_and(|p| p.is_talked_about()) || session.job.is_some(),
            Self::UnpinMasks => !state.ui.pinned.is_empty(),
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
            Self::ToggleMasks => Some(ui.masks_hidden),
            Self::KeepZoom => Some(ui.looks.keep_zoom),
            Self::ToggleMap => Some(ui.looks.map_hidden),
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
            Self::ShowLog => Some(ui.shell.log_open),
            Self::KeepPictures => Some(state.session.keeping.with_pictures),
            _ => None,
        }
    }

    /// The label in menus, which says what would be undone.
    pub fn menu_label(self, state: &State) -> String {
        let label = self.info().label;
        let step = match self {
            Self::Undo => state.history.undoable(),
            Self::Redo => state.history.redoable(),
            _ => None,
        };
        step.map_or_else(|| label.to_owned(), |step| format!("{label} {}", step.label))
    }

    /// Other keys for it, which other programs have taught people.
    pub fn other_shortcut(self) -> Option<KeyboardShortcut> {
        match self {
            Self::ShowPalette => Some(ctrl_shift(Key::P)),
            Self::ShowShortcuts => Some(plain(Key::F1)),
            _ => None,
        }
    }

    /// Whether the shortcut also works while something lies over the window.
    pub fn works_over_modals(self) -> bool {
        matches!(self, Self::Quit | Self::ManageModels | Self::ShowShortcuts | Self::ShowPalette)
    }

    /// Whether one of its shortcuts also works while a text field has the keyboard: not where the field
    /// has a use for it, or would write it.
    pub fn works_while_typing(self, shortcut: KeyboardShortcut) -> bool {
        let for_text = matches!(self, Self::Undo | Self::Redo | Self::PastePicture);
        let is_free = matches!(shortcut.logical_key, Key::Escape | Key::F1);
        !for_text && (is_free || !shortcut.modifiers.is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_two_commands_share_a_label_or_a_shortcut() {
        let mut labels = HashSet::new();
        let mut shortcuts = HashSet::new();
        for command in Command::ALL {
            let info = command.info();
            assert!(labels.insert(info.label), "{}", info.label);
            assert!(!info.tooltip.is_empty());
            for shortcut in info.shortcut.into_iter().chain(command.other_shortcut()) {
                assert!(shortcuts.insert(shortcut), "{} has a shortcut of another", info.label);
            }
        }
        assert_eq!(Command::ALL.iter().collect::<HashSet<_>>().len(), Command::ALL.len());
    }
}
