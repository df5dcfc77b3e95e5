//! Everything the user can ask for by name: one table, which the menus and the keyboard iterate.
//!
//! To add a command: a variant here, its row in `table` ([`Command::info`]), when it can be used in
//! `update::when` ([`Command::is_enabled`]), what it does in `update::commands`.

mod keys;
pub mod search;
mod table;

use egui::KeyboardShortcut;

/// A menu of the menu bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Menu {
    /// Pictures in and out.
    File,
    /// Undo, regions.
    Edit,
    /// Questions, replies, conversations.
    Chat,
    /// Zoom, panels, appearance.
    View,
    /// Which masks are shown; how one is looked at, and its pixels changed.
    Mask,
    /// Which weights.
    Model,
    /// How to use the program.
    Help,
}

impl Menu {
    /// From left to right.
    pub const ALL: [Self; 7] =
        [Self::File, Self::Edit, Self::Chat, Self::View, Self::Mask, Self::Model, Self::Help];

    /// Its title.
    pub fn label(self) -> &'static str {
        match self {
            Self::File => "File",
            Self::Edit => "Edit",
            Self::Chat => "Chat",
            Self::View => "View",
            Self::Mask => "Mask",
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
    NewRegion,
    ReferToRegion,
    SegmentRegion,
    RenameRegion,
    RecolorRegion,
    DuplicateRegion,
    HideRegion,
    DeleteRegion,
    NextRegion,
    PreviousRegion,
    Ask,
    Stop,
    AskAboutAll,
    PauseRun,
    WhatIsThis,
    DescribeThis,
    FindAlike,
    AskAgain,
    AnswerAgain,
    ContinueReply,
    EditQuestion,
    DeleteQuestion,
    CopyReply,
    CopyReplyAsMarkdown,
    CopyReplyAsHtml,
    PreviousBranch,
    NextBranch,
    NewConversation,
    RenameConversation,
    DeleteConversation,
    NextConversation,
    PreviousConversation,
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
    ShowChat,
    ShowRegions,
    ShowMasks,
    ShowTokens,
    ToggleSidePanel,
    ToggleFilmstrip,
    FollowSystem,
    LightMode,
    DarkMode,
    ToggleContrast,
    LargerInterface,
    SmallerInterface,
    NormalInterface,
    ToggleMasks,
    ShowAllMasks,
    UnpinMasks,
    NextMask,
    PreviousMask,
    SoloMask,
    HideMask,
    RenameMask,
    RecolorMask,
    RegionAroundMask,
    RefineMask,
    DeleteMask,
    ViewOverlay,
    ViewOutline,
    ViewCutOut,
    ViewHeat,
    ViewContours,
    ViewBand,
    LayerNone,
    LayerGrounding,
    LayerGlobal,
    LayerAttention,
    NextHead,
    PreviousHead,
    NextCandidate,
    RaiseThreshold,
    LowerThreshold,
    RemoveSpecks,
    FillHoles,
    SmoothMask,
    Brush,
    Eraser,
    LargerBrush,
    SmallerBrush,
    ResetMask,
    CompareNext,
    CompareWithFile,
    EndComparison,
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
    /// Keys.
    pub shortcut: KeyboardShortcut,
    /// Where it is listed.
    pub menu: Menu,
    /// Whether a line is drawn above it in the menu.
    pub starts_group: bool,
}

/// One that is missing from the list is in no menu and has no keys.
const _: () = assert!(Command::ALL.len() == Command::LAST as usize + 1, "Command::ALL lacks a command");

impl Command {
    /// All keys that stand for it.
    pub fn shortcuts(self) -> impl Iterator<Item = KeyboardShortcut> {
        [self.info().shortcut].into_iter().chain(self.other_shortcut())
    }

    /// The last of the variants.
    const LAST: Self = Self::ShowAbout;

    /// All of them, in the order of the menus.
    pub const ALL: [Self; 124] = [
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
        Self::NewRegion,
        Self::ReferToRegion,
        Self::SegmentRegion,
        Self::RenameRegion,
        Self::RecolorRegion,
        Self::DuplicateRegion,
        Self::HideRegion,
        Self::DeleteRegion,
        Self::NextRegion,
        Self::PreviousRegion,
        Self::Ask,
        Self::Stop,
        Self::AskAboutAll,
        Self::PauseRun,
        Self::WhatIsThis,
        Self::DescribeThis,
        Self::FindAlike,
        Self::AskAgain,
        Self::AnswerAgain,
        Self::ContinueReply,
        Self::EditQuestion,
        Self::DeleteQuestion,
        Self::CopyReply,
        Self::CopyReplyAsMarkdown,
        Self::CopyReplyAsHtml,
        Self::PreviousBranch,
        Self::NextBranch,
        Self::NewConversation,
        Self::RenameConversation,
        Self::DeleteConversation,
        Self::NextConversation,
        Self::PreviousConversation,
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
        Self::ShowChat,
        Self::ShowRegions,
        Self::ShowMasks,
        Self::ShowTokens,
        Self::ToggleSidePanel,
        Self::ToggleFilmstrip,
        Self::FollowSystem,
        Self::LightMode,
        Self::DarkMode,
        Self::ToggleContrast,
        Self::LargerInterface,
        Self::SmallerInterface,
        Self::NormalInterface,
        Self::ToggleMasks,
        Self::ShowAllMasks,
        Self::UnpinMasks,
        Self::NextMask,
        Self::PreviousMask,
        Self::SoloMask,
        Self::HideMask,
        Self::RenameMask,
        Self::RecolorMask,
        Self::RegionAroundMask,
        Self::RefineMask,
        Self::DeleteMask,
        Self::ViewOverlay,
        Self::ViewOutline,
        Self::ViewCutOut,
        Self::ViewHeat,
        Self::ViewContours,
        Self::ViewBand,
        Self::LayerNone,
        Self::LayerGrounding,
        Self::LayerGlobal,
        Self::LayerAttention,
        Self::NextHead,
        Self::PreviousHead,
        Self::NextCandidate,
        Self::RaiseThreshold,
        Self::LowerThreshold,
        Self::RemoveSpecks,
        Self::FillHoles,
        Self::SmoothMask,
        Self::Brush,
        Self::Eraser,
        Self::LargerBrush,
        Self::SmallerBrush,
        Self::ResetMask,
        Self::CompareNext,
        Self::CompareWithFile,
        Self::EndComparison,
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::{Key, Modifiers};
    use std::collections::HashSet;

    #[test]
    fn no_two_commands_share_a_label_or_a_shortcut() {
        let mut labels = HashSet::new();
        let mut shortcuts = HashSet::new();
        for command in Command::ALL {
            let info = command.info();
            assert!(labels.insert(info.label), "{}", info.label);
            assert!(!info.tooltip.is_empty());
            for shortcut in command.shortcuts() {
                assert!(shortcuts.insert(shortcut), "{} has a shortcut of another", info.label);
            }
        }
        assert_eq!(Command::ALL.iter().collect::<HashSet<_>>().len(), Command::ALL.len());
    }

    #[test]
    fn every_command_has_keys_that_reach_it_on_every_system() {
        for command in Command::ALL {
            let KeyboardShortcut { modifiers, logical_key } = command.info().shortcut;
            // On Windows these are Cut, Copy and Paste before anybody else hears of them.
            let is_clipboard = match logical_key {
                Key::Delete => modifiers.shift,
                Key::Insert => modifiers.shift || modifiers.command,
                _ => false,
            };
            assert!(!is_clipboard, "{}", command.info().label);
        }
    }

    #[test]
    fn what_keyboards_lack_has_other_keys() {
        let plain = |key| KeyboardShortcut::new(Modifiers::NONE, key);
        let ctrl = |key| KeyboardShortcut::new(Modifiers::COMMAND, key);
        let ctrl_alt = |key| KeyboardShortcut::new(Modifiers::COMMAND | Modifiers::ALT, key);
        for (command, keys) in [
            (Command::DeleteRegion, plain(Key::Backspace)),
            (Command::ZoomIn, ctrl(Key::Equals)),
            (Command::LargerInterface, ctrl_alt(Key::Equals)),
        ] {
            assert!(command.shortcuts().any(|shortcut| shortcut == keys), "{command:?}");
        }
    }
}
