//! The thread that looks closely at masks: their properties at every threshold, clean-up,
//! comparison, masks from files. All of it may take a while on a large picture, and no frame of the
//! window waits for it.

pub mod clean;
pub mod compare;
pub mod curves;
pub mod identity;
pub mod truth;

use std::path::PathBuf;
use std::sync::Arc;

use crossbeam::channel::{Receiver, Sender, TrySendError, bounded};
use glamm_engine::protocol::ImageId;

use crate::document::{EditedMask, GroundedMask, Picture};

pub use clean::{CleanUp, Stroke};
pub use compare::Comparison;
pub use curves::{Curves, Shape};
pub use identity::{CandidateKey, Compared, PaintedKey, PixelsKey, Same};
pub use truth::Truth;

/// Requests that may wait.
const CAPACITY: usize = 64;

/// What a mask is compared with.
#[derive(Debug, Clone)]
pub enum Other {
    /// A mask of the same picture.
    Mask(Box<GroundedMask>),
    /// Pixels from a file.
    Truth(Arc<EditedMask>),
}

/// Something to be looked at.
#[derive(Debug, Clone)]
pub enum Request {
    /// The chosen candidate at every threshold.
    Curves(Box<GroundedMask>),
    /// What can be counted of pixels that count in place of logits.
    Shape(Arc<EditedMask>),
    /// Change a mask's pixels.
    CleanUp {
        /// Comes back with the answer.
        number: u64,
        /// As it is.
        mask: Box<GroundedMask>,
        /// What is to be done.
        what: CleanUp,
    },
    /// Compare two masks.
    Compare {
        /// One.
        mask: Box<GroundedMask>,
        /// The other.
        other: Other,
    },
    /// Read the masks of a file, for comparison.
    ReadTruth {
        /// Of which picture.
        picture: Arc<Picture>,
        /// What is to be compared; the mask of the file that is most like it comes first.
        mask: Option<Box<GroundedMask>>,
        /// The file.
        path: PathBuf,
    },
}

/// Names a request in answers.
#[derive(Debug, Clone, PartialEq)]
pub enum About {
    /// See [`Request::Curves`].
    Curves(CandidateKey),
    /// See [`Request::Shape`].
    Shape(PaintedKey),
    /// See [`Request::CleanUp`].
    CleanUp(u64),
    /// See [`Request::Compare`].
    Compare(Compared),
    /// See [`Request::ReadTruth`].
    ReadTruth(ImageId),
}

impl Request {
    /// Its name.
    pub fn about(&self) -> About {
        match self {
            Self::Curves(mask) => About::Curves(Same::of(mask.logits())),
            Self::Shape(painted) => About::Shape(Same::of(painted)),
            Self::CleanUp { number, .. } => About::CleanUp(*number),
            Self::Compare { mask, other } => About::Compare([PixelsKey::of(mask), other.key()]),
            Self::ReadTruth { picture, .. } => About::ReadTruth(picture.id),
        }
    }
}

impl Other {
    /// Its pixels.
    pub fn key(&self) -> PixelsKey {
        match self {
            Self::Mask(mask) => PixelsKey::of(mask),
            Self::Truth(pixels) => PixelsKey::Painted(Same::of(pixels)),
        }
    }
}

/// What was found.
#[derive(Debug, Clone)]
pub enum Finding {
    /// See [`Request::Curves`].
    Curves(CandidateKey, Arc<Curves>),
    /// See [`Request::Shape`].
    Shape(PaintedKey, Arc<Shape>),
    /// See [`Request::CleanUp`]: all pixels of the mask now.
    Cleaned(u64, Arc<EditedMask>),
    /// See [`Request::Compare`].
    Compared(Compared, Arc<Comparison>),
    /// See [`Request::ReadTruth`].
    Truths {
        /// Of which picture.
        image: ImageId,
        /// The masks, or why there are none.
        truths: Result<Vec<Truth>, String>,
    },
    /// Something that was asked could not be done, and why.
    Failed(About, String),
}

/// The window's end of the thread, which ends with it.
#[derive(Debug)]
pub(crate) struct Study {
    requests: Sender<Request>,
}

impl Study {
    /// Starts the thread; `report` is told what it finds.
    ///
    /// # Errors
    /// Where the system has no thread to give.
    pub(crate) fn start(report: impl Fn(Finding) + Send + 'static) -> std::io::Result<Self> {
        let (requests, waiting) = bounded(CAPACITY);
        std::thread::Builder::new().name("mask-study".to_owned()).spawn(move || work(&waiting, &report))?;
        Ok(Self { requests })
    }

    /// Asks for something; refused at once where too much waits already.
    pub(crate) fn ask(&self, request: Request) -> Option<Finding> {
        let (request, refused) = match self.requests.try_send(request) {
            Ok(()) => return None,
            Err(TrySendError::Full(request)) => {
                (request, "Too many masks are being worked on: try again in a moment")
            }
            Err(TrySendError::Disconnected(request)) => {
                (request, "Masks can no longer be worked on: restart the program")
            }
        };
        Some(Finding::Failed(request.about(), refused.to_owned()))
    }
}

fn work(waiting: &Receiver<Request>, report: &impl Fn(Finding)) {
    while let Ok(request) = waiting.recv() {
        let about = request.about();
        let attempt = std::panic::AssertUnwindSafe(|| answer(request));
        report(std::panic::catch_unwind(attempt).unwrap_or_else(|_| {
            Finding::Failed(about, "A mask could not be worked on; please report this".to_owned())
        }));
    }
}

/// Does what is asked; for the thread, and for tests.
pub fn answer(request: Request) -> Finding {
    match request {
        Request::Curves(mask) => {
            Finding::Curves(Same::of(mask.logits()), Arc::new(Curves::of(mask.logits())))
        }
        Request::Shape(painted) => Finding::Shape(Same::of(&painted), Arc::new(Shape::of(&painted))),
        Request::CleanUp { number, mask, what } => {
            Finding::Cleaned(number, Arc::new(EditedMask::from(&what.apply(&mask.pixels()))))
        }
        Request::Compare { mask, other } => {
            let compared = [PixelsKey::of(&mask), other.key()];
            let other = match other {
                Other::Mask(other) => other.pixels(),
                Other::Truth(pixels) => pixels.to_binary(),
            };
            Finding::Compared(compared, Arc::new(Comparison::of(&mask.pixels(), &other)))
        }
        Request::ReadTruth { picture, mask, path } => {
            Finding::Truths { image: picture.id, truths: truth::read(&path, &picture, mask.as_deref()) }
        }
    }
}
