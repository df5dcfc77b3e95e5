//! The rows of the command table: what each command is called, what it does, its keys, its menu.

use egui::Key;

use super::keys::{alt, ctrl, ctrl_alt, ctrl_shift, plain, shift};
use super::{Command, Info, Menu};

impl Command {
    /// Its row in the table.
    #[expect(clippy::too_many_lines, reason = "it is a table, one row a command")]
    pub fn info(self) -> Info {
        use Menu::{Chat, Edit, File, Help, Mask, Model, View};
        let row =
            |menu, label, tooltip, shortcut| Info { label, tooltip, shortcut, menu, starts_group: false };
        let group = |info| Info { starts_group: true, ..info };
        match self {
            Self::OpenPicture => row(File, "Open…", "Open pictures from files", ctrl(Key::O)),
            Self::PastePicture => {
                row(File, "Paste picture", "Open the picture on the clipboard", ctrl(Key::V))
            }
            Self::NewScene => {
                row(File, "New scene", "Make a fresh scene of the demo model's picture world", ctrl(Key::N))
            }
            Self::OpenFolder => {
                row(File, "Open folder…", "Open all pictures of a folder", ctrl_shift(Key::O))
            }
            Self::NewSession => {
                group(row(File, "New session", "Close everything and begin anew", ctrl_alt(Key::N)))
            }
            Self::OpenSession => row(
                File,
                "Open session…",
                "Open pictures and conversations that were saved",
                ctrl_alt(Key::O),
            ),
            Self::SaveSession => {
                row(File, "Save session", "Save all pictures, regions and conversations", ctrl(Key::S))
            }
            Self::SaveSessionAs => {
                row(File, "Save session as…", "Save the session under another name", ctrl_shift(Key::S))
            }
            Self::KeepPictures => row(
                File,
                "Pictures in session files",
                "Put copies of the pictures into session files, so that these can be taken elsewhere",
                ctrl_shift(Key::K),
            ),
            Self::Export => group(row(
                File,
                "Export…",
                "Write masks, boxes and conversations for other programs",
                ctrl_shift(Key::E),
            )),
            Self::Import => row(
                File,
                "Import…",
                "Read boxes and masks of COCO or LabelMe onto the open pictures",
                ctrl_shift(Key::I),
            ),
            Self::AskAboutAll => row(
                Chat,
                "Ask about all pictures…",
                "Put one question to every picture of the filmstrip",
                ctrl_alt(Key::Enter),
            ),
            Self::NextPicture => group(row(
                File,
                "Next picture",
                "Show the next picture of the filmstrip",
                plain(Key::PageDown),
            )),
            Self::PreviousPicture => {
                row(File, "Previous picture", "Show the picture before", plain(Key::PageUp))
            }
            Self::ClosePicture => {
                row(File, "Close picture", "Close the picture and its conversation", ctrl(Key::W))
            }
            Self::Quit => group(row(File, "Quit", "Close the window", ctrl(Key::Q))),
            Self::Undo => row(Edit, "Undo", "Take the last change back", ctrl(Key::Z)),
            Self::Redo => row(Edit, "Redo", "Make the change again that was taken back", ctrl_shift(Key::Z)),
            Self::SelectTool => {
                group(row(Edit, "Select", "Move regions and the picture, pin masks", plain(Key::V)))
            }
            Self::BoxTool => row(Edit, "Box", "Draw a box around what you want to ask about", plain(Key::B)),
            Self::PointTool => row(
                Edit,
                "Point",
                "Make a mask: click what belongs to it, and with Alt what does not",
                plain(Key::P),
            ),
            Self::NewRegion => group(row(
                Edit,
                "New region",
                "Put a region in the middle of what is seen; arrow keys move it",
                shift(Key::B),
            )),
            Self::ReferToRegion => {
                row(Edit, "Ask about region", "Refer to the selected region in the question", plain(Key::A))
            }
            Self::SegmentRegion => {
                row(Edit, "Segment region", "Make a mask of what the selected region frames", shift(Key::P))
            }
            Self::RenameRegion => {
                row(Edit, "Rename region", "Give the selected region a name", plain(Key::F2))
            }
            Self::RecolorRegion => {
                row(Edit, "Recolour region", "Give the region the next colour of the palette", plain(Key::Y))
            }
            Self::DuplicateRegion => row(
                Edit,
                "Duplicate region",
                "Put another region like the selected one beside it",
                ctrl(Key::D),
            ),
            Self::HideRegion => row(
                Edit,
                "Hide region",
                "Leave the selected region out on the picture, or show it again",
                plain(Key::H),
            ),
            Self::DeleteRegion => {
                row(Edit, "Delete region", "Delete the selected region", plain(Key::Delete))
            }
            Self::NextRegion => group(row(Edit, "Next region", "Select the next region", ctrl(Key::J))),
            Self::PreviousRegion => {
                row(Edit, "Previous region", "Select the region before", ctrl_shift(Key::J))
            }
            Self::PauseRun => row(
                Chat,
                "Pause asking about all",
                "Have the question about all pictures wait, or go on",
                ctrl_alt(Key::P),
            ),
            Self::WhatIsThis => group(row(
                Chat,
                "What is this?",
                "Ask what the selected region or mask shows, or the place under the pointer",
                plain(Key::W),
            )),
            Self::DescribeThis => row(
                Chat,
                "Describe this region",
                "Have the selected region or mask described, or what is under the pointer",
                shift(Key::W),
            ),
            Self::FindAlike => row(
                Chat,
                "Find more like this",
                "Ask for masks of all that is like the selected region or mask, or what is under the pointer",
                shift(Key::L),
            ),
            Self::Ask => row(Chat, "Ask", "Put the question to the model", ctrl(Key::Enter)),
            Self::Stop => {
                row(Chat, "Stop", "Stop the reply, and the mask that is being made", plain(Key::Escape))
            }
            Self::AskAgain => group(row(
                Chat,
                "Ask again",
                "Put the question once more that could not be answered",
                ctrl_alt(Key::R),
            )),
            Self::AnswerAgain => row(
                Chat,
                "Answer again",
                "Have the last question answered in other words, beside the reply",
                ctrl(Key::R),
            ),
            Self::ContinueReply => row(
                Chat,
                "Continue reply",
                "Have a reply go on that was stopped or cut",
                ctrl_shift(Key::Enter),
            ),
            Self::EditQuestion => row(
                Chat,
                "Edit question",
                "Write the last question in other words, beside the old one",
                ctrl(Key::E),
            ),
            Self::DeleteQuestion => row(
                Chat,
                "Delete question and what follows",
                "Take the last question and its reply away",
                ctrl_alt(Key::W),
            ),
            Self::CopyReply => row(Chat, "Copy reply", "Copy the last reply as text", ctrl_shift(Key::C)),
            Self::CopyReplyAsMarkdown => row(
                Chat,
                "Copy reply as Markdown",
                "Copy the last reply with its phrases in bold",
                ctrl_alt(Key::C),
            ),
            Self::CopyReplyAsHtml => row(
                Chat,
                "Copy reply as HTML",
                "Copy the last reply with its phrases in their colours, for word processors and mails",
                ctrl_shift(Key::H),
            ),
            Self::PreviousBranch => group(row(
                Chat,
                "Previous branch",
                "Show the question or reply before this one, at the same place",
                alt(Key::ArrowLeft),
            )),
            Self::NextBranch => row(
                Chat,
                "Next branch",
                "Show the question or reply behind this one, at the same place",
                alt(Key::ArrowRight),
            ),
            Self::NewConversation => group(row(
                Chat,
                "New conversation",
                "Talk about this picture from the beginning",
                ctrl_shift(Key::N),
            )),
            Self::RenameConversation => {
                row(Chat, "Rename conversation", "Give the conversation a name", ctrl_shift(Key::R))
            }
            Self::DeleteConversation => {
                row(Chat, "Delete conversation", "Take the conversation away", ctrl_shift(Key::W))
            }
            Self::NextConversation => row(
                Chat,
                "Next conversation",
                "Show the next conversation about the picture",
                alt(Key::ArrowDown),
            ),
            Self::PreviousConversation => {
                row(Chat, "Previous conversation", "Show the conversation before", alt(Key::ArrowUp))
            }
            Self::ChatSettings => group(row(
                Chat,
                "Chat settings",
                "How words are chosen, how long a reply may be, and the system prompt",
                ctrl_shift(Key::G),
            )),
            Self::PromptLibrary => {
                row(Chat, "Prompt library", "Prompts for every task, and your own", ctrl(Key::L))
            }
            Self::ZoomIn => row(View, "Zoom in", "Show the picture larger", ctrl(Key::Plus)),
            Self::ZoomOut => row(View, "Zoom out", "Show the picture smaller", ctrl(Key::Minus)),
            Self::ZoomFit => row(View, "Fit", "Show all of the picture", plain(Key::F)),
            Self::ZoomActual => row(
                View,
                "Actual size",
                "Show a pixel of the picture as a pixel of the screen",
                plain(Key::Num1),
            ),
            Self::KeepZoom => row(
                View,
                "Keep zoom",
                "Show the next picture at the same zoom and place as this one",
                plain(Key::K),
            ),
            Self::ToggleMap => row(
                View,
                "Map",
                "Show or hide the small map of a picture that is not wholly in sight",
                plain(Key::N),
            ),
            Self::ShowChat => group(row(View, "Chat", "Show the conversation", ctrl(Key::Num1))),
            Self::ShowRegions => row(View, "Regions", "List the regions", ctrl(Key::Num2)),
            Self::ShowMasks => row(View, "Masks", "List the masks", ctrl(Key::Num3)),
            Self::ShowTokens => {
                row(View, "Tokens", "List the tokens of the reply with their probabilities", ctrl(Key::Num4))
            }
            Self::ToggleLoupe => {
                row(View, "Loupe", "Show the pixels around the pointer and their exact values", plain(Key::L))
            }
            Self::ToggleEncoderFrames => row(
                View,
                "What the encoders saw",
                "Draw CLIP's crop and SAM's padded frame on the picture",
                plain(Key::E),
            ),
            Self::ToggleSidePanel => {
                row(View, "Side panel", "Show or hide the panel with the tabs", plain(Key::F4))
            }
            Self::ToggleFilmstrip => {
                row(View, "Filmstrip", "Show or hide the column of pictures", plain(Key::F3))
            }
            Self::FollowSystem => {
                group(row(View, "Follow the system", "Dark or light as the desktop says", plain(Key::F5)))
            }
            Self::LightMode => row(View, "Light", "Always light", plain(Key::F6)),
            Self::DarkMode => row(View, "Dark", "Always dark", plain(Key::F7)),
            Self::ToggleContrast => {
                row(View, "High contrast", "Colours further apart, stronger lines", plain(Key::F8))
            }
            Self::LargerInterface => {
                group(row(View, "Larger interface", "Show everything larger", ctrl_alt(Key::Plus)))
            }
            Self::SmallerInterface => {
                row(View, "Smaller interface", "Show everything smaller", ctrl_alt(Key::Minus))
            }
            Self::NormalInterface => {
                row(View, "Normal interface", "Show everything as large as designed", ctrl_alt(Key::Num0))
            }
            Self::ToggleMasks => row(Mask, "Masks on the picture", "Show or hide all masks", plain(Key::M)),
            Self::ShowAllMasks => {
                row(Mask, "Show all masks", "Show every mask that is hidden", shift(Key::M))
            }
            Self::UnpinMasks => row(Mask, "Unpin masks", "Let go of all pinned phrases", plain(Key::U)),
            Self::NextMask => group(row(Mask, "Next mask", "Look at the next mask", plain(Key::J))),
            Self::PreviousMask => row(Mask, "Previous mask", "Look at the mask before", shift(Key::J)),
            Self::SoloMask => row(
                Mask,
                "Show mask alone",
                "Hide all masks but the one that is looked at, or show all again",
                plain(Key::S),
            ),
            Self::HideMask => {
                row(Mask, "Hide mask", "Hide or show the mask that is looked at", shift(Key::H))
            }
            Self::RenameMask => {
                row(Mask, "Rename mask", "Give the mask that is looked at a name", shift(Key::F2))
            }
            Self::RecolorMask => {
                row(Mask, "Recolour mask", "Give the mask the next colour of the palette", plain(Key::G))
            }
            Self::RegionAroundMask => row(
                Mask,
                "Region around mask",
                "Draw a region around the mask that is looked at",
                shift(Key::R),
            ),
            Self::RefineMask => row(
                Mask,
                "Refine by clicks",
                "Click what belongs to the mask that is looked at, if it was made by clicks or of a box",
                plain(Key::R),
            ),
            Self::DeleteMask => row(
                Mask,
                "Delete mask",
                "Delete the mask that is looked at, if it is of no reply",
                shift(Key::Backspace),
            ),
            Self::ViewOverlay => {
                group(row(Mask, "Overlay", "Draw the mask as tint and outline", alt(Key::Num1)))
            }
            Self::ViewOutline => row(Mask, "Outline", "Draw the outline of the mask alone", alt(Key::Num2)),
            Self::ViewCutOut => {
                row(Mask, "Cut-out", "Show the picture inside the mask, nothing outside", alt(Key::Num3))
            }
            Self::ViewHeat => row(Mask, "Heat", "Show the pixel decoder's logits as colours", alt(Key::Num4)),
            Self::ViewContours => row(Mask, "Contours", "Draw lines of equal logits", alt(Key::Num5)),
            Self::ViewBand => row(
                Mask,
                "Band",
                "Show what would change sides if the threshold moved by one logit",
                alt(Key::Num6),
            ),
            Self::LayerNone => group(row(Mask, "No layer", "Lay no map over the picture", alt(Key::Num0))),
            Self::LayerGrounding => row(
                Mask,
                "Grounding features",
                "Lay the grounding encoder's features over the picture, in false colours",
                alt(Key::Num7),
            ),
            Self::LayerGlobal => row(
                Mask,
                "Global features",
                "Lay the global encoder's features over the picture, in false colours",
                alt(Key::Num8),
            ),
            Self::LayerAttention => row(
                Mask,
                "Attention of the mask",
                "Show what the mask looked at in the pixel decoder, head by head",
                alt(Key::Num9),
            ),
            Self::NextHead => row(
                Mask,
                "Next head",
                "Show what the mask looked at in the next head of attention",
                plain(Key::Period),
            ),
            Self::PreviousHead => {
                row(Mask, "Previous head", "Show the head of attention before", plain(Key::Comma))
            }
            Self::NextCandidate => group(row(
                Mask,
                "Next candidate",
                "Take the next of the pixel decoder's masks",
                plain(Key::C),
            )),
            Self::RaiseThreshold => {
                row(Mask, "Raise threshold", "Cut the logits higher: the mask gets smaller", plain(Key::T))
            }
            Self::LowerThreshold => {
                row(Mask, "Lower threshold", "Cut the logits lower: the mask gets larger", shift(Key::T))
            }
            Self::RemoveSpecks => group(row(
                Mask,
                "Remove specks",
                "Take away pieces smaller than a fiftieth of the largest",
                shift(Key::S),
            )),
            Self::FillHoles => row(Mask, "Fill holes", "Fill what the mask encloses", shift(Key::F)),
            Self::SmoothMask => row(Mask, "Smooth", "Round off the edge", shift(Key::G)),
            Self::Brush => row(
                Mask,
                "Brush",
                "Drag on the picture to add to the mask; Escape puts the brush down",
                plain(Key::D),
            ),
            Self::Eraser => row(
                Mask,
                "Eraser",
                "Drag on the picture to take from the mask; Escape puts it down",
                plain(Key::X),
            ),
            Self::LargerBrush => row(
                Mask,
                "Larger brush",
                "Make the brush and the eraser half as wide again",
                plain(Key::CloseBracket),
            ),
            Self::SmallerBrush => row(
                Mask,
                "Smaller brush",
                "Make the brush and the eraser narrower by a third",
                plain(Key::OpenBracket),
            ),
            Self::ResetMask => {
                row(Mask, "Reset mask", "Back to the pixels that the model or the file gave", shift(Key::Z))
            }
            Self::CompareNext => group(row(
                Mask,
                "Compare with next mask",
                "Show where the mask differs from another one, and from the next",
                shift(Key::C),
            )),
            Self::CompareWithFile => row(
                Mask,
                "Compare with a file…",
                "Compare with annotations of COCO or LabelMe, or with a picture of the same size: what is brighter than half of its brightest pixel is inside",
                shift(Key::O),
            ),
            Self::EndComparison => {
                row(Mask, "End comparison", "Show the mask again as it was", shift(Key::X))
            }
            Self::ManageModels => row(
                Model,
                "Models…",
                "Fetch, convert, remove and load models; see what fits into this machine",
                ctrl(Key::M),
            ),
            Self::UseDemoModel => row(
                Model,
                "Demo model",
                "Load the small model that comes with the program",
                ctrl_shift(Key::D),
            ),
            Self::OpenModelFolder => row(
                Model,
                "Open model folder…",
                "Load a GLaMM checkpoint in the Hugging Face layout",
                ctrl_shift(Key::F),
            ),
            Self::OpenModelFile => {
                row(Model, "Open model file…", "Load a GLaMM in one GGUF file", ctrl_shift(Key::M))
            }
            Self::StopLoading => group(row(
                Model,
                "Stop loading",
                "Give up loading the model; none is loaded then",
                ctrl_shift(Key::X),
            )),
            Self::UnloadModel => {
                row(Model, "Unload model", "Give the model's memory back", ctrl_shift(Key::U))
            }
            Self::ShowPalette => {
                row(Help, "Command palette…", "Find any command by a few letters", ctrl(Key::K))
            }
            Self::ShowShortcuts => {
                row(Help, "Keyboard shortcuts", "List all shortcuts", plain(Key::Questionmark))
            }
            Self::ShowTour => {
                group(row(Help, "Tour", "Show the three steps of the beginning again", shift(Key::F1)))
            }
            Self::ShowLog => row(Help, "Log", "Show what the program says about itself", ctrl_shift(Key::L)),
            Self::ShowAbout => {
                row(Help, "About", "Version, licences of the program and of its parts", ctrl_shift(Key::A))
            }
        }
    }
}
