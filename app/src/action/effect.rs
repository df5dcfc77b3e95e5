//! What is to be done outside because of what happened.

use glamm_engine::protocol::{EngineCommand, ImageId};

use crate::copying::Copied;
use crate::export::ExchangeJob;
use crate::models::ModelTask;
use crate::pictures::Source;
use crate::prompts::Prompt;
use crate::state::keeping::PathQuestion;
use crate::state::ui_state::Appearance;
use crate::storage::StorageJob;
use crate::study::Request;

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
    /// Have files of other programs written or read.
    Exchange(ExchangeJob),
    /// Have the model desk do something.
    Models(ModelTask),
    /// Look closely at masks.
    Study(Request),
    /// Forget the textures of a picture.
    ForgetPicture(ImageId),
    /// Give the keyboard to a text field.
    Focus(Field),
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

/// A text field that is given the keyboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The question.
    Question,
    /// The name of the selected region.
    RegionName,
    /// The question that is being written in other words.
    EditedQuestion,
}
