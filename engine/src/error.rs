//! Everything that can go wrong in the engine, said so that a user can act on it: what happened,
//! which file, what to do.

use std::path::PathBuf;

use crate::model::layers::Interrupted;
use crate::precision::{KeptAs, Precision};
use crate::size::ByteSize;

/// The engine's error. `Display` is one line, fit for a terminal or a dialog.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A file of the checkpoint is missing, damaged or not what the model needs.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// An image could not be read.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The question cannot be put to the model.
    #[error(transparent)]
    Prompt(#[from] PromptError),
    /// The wanted processor is not there.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The tensor library failed.
    #[error("the model could not be computed: {}", without_backtrace(.0))]
    Compute(#[from] candle_core::Error),
    /// The job was cancelled; turned into [`crate::protocol::FinishReason::Cancelled`] at the border.
    #[error("cancelled")]
    Cancelled,
    /// A job came before a model was loaded.
    #[error("no model is loaded: load one first")]
    NoModel,
    /// A job named an image that is not open.
    #[error("the image is no longer open: open it again")]
    UnknownImage,
    /// The engine thread caught a panic.
    #[error("internal error: {0}; please report this")]
    Panicked(String),
    /// The system has no thread to give.
    #[error("the engine thread cannot be started: {0}")]
    Thread(#[source] std::io::Error),
    /// The engine thread cannot be reached.
    #[error("the engine thread has ended: restart the application")]
    Disconnected,
}

impl From<Interrupted> for EngineError {
    fn from(interrupted: Interrupted) -> Self {
        match interrupted {
            Interrupted::Cancelled => Self::Cancelled,
            Interrupted::Tensor(error) => Self::Compute(error),
        }
    }
}

/// What a tensor library's error says. Its own `Display` adds a stack trace of many lines where the
/// environment asks for them.
pub(crate) fn without_backtrace(error: &candle_core::Error) -> String {
    match error {
        candle_core::Error::WithBacktrace { inner, .. } => without_backtrace(inner),
        other => other.to_string(),
    }
}

/// A checkpoint that cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// A file could not be opened or read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file that must be there is not.
    #[error("{} is missing from {}: {hint}", file, directory.display())]
    MissingFile {
        /// Where it was looked for.
        directory: PathBuf,
        /// Its name.
        file: String,
        /// What to do.
        hint: String,
    },
    /// A file is damaged, truncated or of another format.
    #[error("{} is damaged: {reason}", path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it, with the tensor's name where there is one.
        reason: String,
    },
    /// A file was given that holds no whole model.
    #[error("{} is no GGUF file with all of a model in it: give the folder of a checkpoint, or a file from `glamm models convert`", path.display())]
    NoModelFile {
        /// Which file.
        path: PathBuf,
    },
    /// A tensor that the model needs is in none of the files.
    #[error("tensor {name} is missing from {}", path.display())]
    MissingTensor {
        /// Its name.
        name: String,
        /// The checkpoint.
        path: PathBuf,
    },
    /// A tensor has another shape than the configuration asks for.
    #[error("tensor {name} in {} has shape {found:?}, but the configuration asks for {expected:?}", path.display())]
    Shape {
        /// Its name.
        name: String,
        /// The file it is in.
        path: PathBuf,
        /// What the configuration asks for.
        expected: Vec<usize>,
        /// What is there.
        found: Vec<usize>,
    },
    /// The configuration is not one that this engine can run.
    #[error("{}: {reason}", path.display())]
    Config {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

/// An image that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The file could not be opened.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not an image in a known format.
    #[error("{} is not an image this program can read (PNG, JPEG, WebP, BMP, GIF, TIFF)", path.display())]
    UnknownFormat {
        /// Which file.
        path: PathBuf,
    },
    /// The file is damaged.
    #[error("{} is damaged: {reason}", path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// What the decoder said.
        reason: String,
    },
    /// The image has too many pixels.
    #[error(
        "the image is {width} × {height}; the largest that can be opened is {limit_megapixels} megapixels"
    )]
    TooLarge {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
        /// The limit, in millions of pixels.
        limit_megapixels: u32,
    },
}

/// A question that cannot be put to the model.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PromptError {
    /// Nothing was asked.
    #[error("the question is empty: write one")]
    Empty,
    /// More `<bbox>` than boxes.
    #[error("the question has {markers} <bbox> but only {boxes} boxes were given: add a box for each")]
    TooFewBoxes {
        /// `<bbox>` in the text.
        markers: usize,
        /// Boxes given.
        boxes: usize,
    },
    /// Some `<bbox>`, but fewer than boxes.
    #[error(
        "{boxes} boxes were given, but the question has only {markers} <bbox>: write one for each box, or none"
    )]
    TooManyBoxes {
        /// `<bbox>` in the text.
        markers: usize,
        /// Boxes given.
        boxes: usize,
    },
    /// A box has no area inside the image.
    #[error("box {x0},{y0},{x1},{y1} has no area inside the image of {width} × {height} pixels")]
    BoxOutside {
        /// Left.
        x0: f32,
        /// Top.
        y0: f32,
        /// Right.
        x1: f32,
        /// Bottom.
        y1: f32,
        /// Image width.
        width: u32,
        /// Image height.
        height: u32,
    },
    /// Neither a click nor a box.
    #[error("nothing says what to segment: click on it, or draw a box around it")]
    NoPlace,
    /// A click lies outside the image.
    #[error("the click at {x},{y} is not on the image of {width} × {height} pixels")]
    ClickOutside {
        /// From the left.
        x: f32,
        /// From the top.
        y: f32,
        /// Image width.
        width: u32,
        /// Image height.
        height: u32,
    },
    /// A mask that the pixel decoder cannot be asked for again.
    #[error("the mask belongs to another model: ask for it again")]
    ForeignMask,
    /// The conversation does not fit the model's context.
    #[error(
        "the conversation has {tokens} tokens, but the model reads at most {limit}: start a new conversation"
    )]
    TooLong {
        /// Its length.
        tokens: usize,
        /// The model's limit.
        limit: usize,
    },
}

/// A processor that cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DeviceError {
    /// The binary was built without support for it.
    #[error(
        "this build of GLaMM Desktop has no {device} support: rebuild with `--features {feature}`, or use --device cpu"
    )]
    NotBuilt {
        /// For people.
        device: &'static str,
        /// Cargo feature.
        feature: &'static str,
    },
    /// The weights are larger than the memory.
    #[error(
        "the model needs {} of memory in {precision}, but {} are free: {}",
        ByteSize(*.needed), ByteSize(*.free), way_out(*.smaller)
    )]
    NoMemory {
        /// How precisely its matrices were to be kept.
        precision: KeptAs,
        /// Bytes that it takes at most.
        needed: u64,
        /// Bytes that there are.
        free: u64,
        /// The most precise choice that fits, and its bytes.
        smaller: Option<(Precision, u64)>,
    },
    /// It ran out of memory in the middle of something.
    #[error("the memory of {device} was not enough for the model in {precision}, and was freed: {}", way_out(*.smaller))]
    OutOfMemory {
        /// For people.
        device: String,
        /// How precisely its matrices are kept.
        precision: KeptAs,
        /// The next smaller choice for the same weights, and its bytes.
        smaller: Option<(Precision, u64)>,
    },
    /// The machine does not have it, or its driver does not answer.
    #[error("no {device} device could be opened ({reason}): use --device cpu")]
    Unavailable {
        /// For people.
        device: &'static str,
        /// What the driver said.
        reason: String,
    },
}

fn way_out(smaller: Option<(Precision, u64)>) -> String {
    match smaller {
        Some((precision, bytes)) => {
            format!("close other programs, or choose {precision}, which needs {}", ByteSize(bytes))
        }
        None => "close other programs, or choose a smaller model".to_owned(),
    }
}
