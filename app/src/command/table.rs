//! The rows of the command table: what each command is called, what it does, its keys, its menu.

use egui::{Key, KeyboardShortcut, Modifiers};

use super::{Command, Info, Menu};

const fn ctrl(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::COMMAND, key)
}

const fn ctrl_shift(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::COMMAND.plus(Modifiers::SHIFT), key)
}

const fn ctrl_alt(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::COMMAND.plus(Modifiers::ALT), key)
}

const fn shift(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::SHIFT, key)
}

const fn plain(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::NONE, key)
}

impl Command {
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
            Self::SoloMask => row(
                View,
                "Show mask alone",
                "Hide all masks but the one that is looked at, or show all again",
                Some(plain(Key::S)),
            ),
            Self::HideMask => {
                row(View, "Hide mask", "Hide or show the mask that is looked at", Some(shift(Key::H)))
            }
            Self::RenameMask => {
                row(View, "Rename mask", "Give the mask that is looked at a name", Some(shift(Key::F2)))
            }
            Self::ShowAllMasks => {
                row(View, "Show all masks", "Show every mask that is hidden", Some(shift(Key::M)))
            }
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

    /// Other keys for it, which other programs have taught people.
    pub fn other_shortcut(self) -> Option<KeyboardShortcut> {
        match self {
            Self::ShowPalette => Some(ctrl_shift(Key::P)),
            Self::ShowShortcuts => Some(plain(Key::F1)),
            _ => None,
        }
    }
}
