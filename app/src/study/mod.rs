//! The thread that looks closely at masks: their properties at every threshold, clean-up,
//! comparison, masks from files. All of it may take a while on a large picture, and no frame of the
//! window waits for it.

pub mod clean;
pub mod compare;
pub mod curves;
pub mod truth;

use std::path::PathBuf;
use std::sync::Arc;

use crossbeam::channel::{Receiver, Sender, TrySendError, bounded};
use glamm_engine::protocol::ImageId;

use crate::document::{EditedMask, GroundedMask, MaskId, Picture};
use crate::update::Action;

pub use clean::{CleanUp, Stroke};
pub use compare::Comparison;
pub use curves::Curves;
pub use truth::Truth;

/// Requests that may wait.
const CAPACITY: usize = 64;

/// A candidate of a mask; what curves are about.
pub type CandidateKey = (MaskId, usize);

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
    /// Change a mask's pixels.
    CleanUp {
        /// On which picture.
        image: ImageId,
        /// As it is.
        mask: Box<GroundedMask>,
        /// What is to be done.
        what: CleanUp,
    },
    /// Compare two masks.
    Compare {
        /// Comes back with the answer.
        ticket: u64,
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

/// What was found.
#[derive(Debug, Clone)]
pub enum Finding {
    /// See [`Request::Curves`].
    Curves(CandidateKey, Arc<Curves>),
    /// See [`Request::CleanUp`].
    Cleaned {
        /// On which picture.
        image: ImageId,
        /// Which mask.
        mask: MaskId,
        /// All its pixels now.
        pixels: Arc<EditedMask>,
        /// What was done, for the menu.
        label: &'static str,
    },
    /// See [`Request::Compare`].
    Compared(u64, Arc<Comparison>),
    /// See [`Request::ReadTruth`].
    Truths {
        /// Of which picture.
        image: ImageId,
        /// The masks, or why there are none.
        truths: Result<Vec<Truth>, String>,
    },
    /// Something that was asked could not be done, and why.
    Failed(String),
}

/// The window's end of the thread, which ends with it.
#[derive(Debug)]
pub(crate) struct Study {
    requests: Sender<Request>,
}

impl Study {
    /// Starts the thread. What it finds goes into `results`; `wake` is called after each.
    ///
    /// # Errors
    /// Where the system has no thread to give.
    pub(crate) fn start(results: Sender<Action>, wake: impl Fn() + Send + 'static) -> std::io::Result<Self> {
        let (requests, waiting) = bounded(CAPACITY);
        std::thread::Builder::new()
            .name("mask-study".to_owned())
            .spawn(move || work(&waiting, &results, &wake))?;
        Ok(Self { requests })
    }

    /// Asks for something; refused at once where too much waits already.
    pub(crate) fn ask(&self, request: Request) -> Option<Action> {
        let refused = match self.requests.try_send(request) {
            Ok(()) => return None,
            Err(TrySendError::Full(_)) => "Too many masks are being worked on: try again in a moment",
            Err(TrySendError::Disconnected(_)) => "Masks can no longer be worked on: restart the program",
        };
        Some(Action::Studied(Finding::Failed(refused.to_owned())))
    }
}

fn work(waiting: &Receiver<Request>, results: &Sender<Action>, wake: &impl Fn()) {
    while let Ok(request) = waiting.recv() {
        let attempt = std::panic::AssertUnwindSafe(|| answer(request));
        let action = match std::panic::catch_unwind(attempt) {
            Ok(finding) => Action::Studied(finding),
            Err(_) => Action::Studied(Finding::Failed(
                "A mask could not be worked on; please report this".to_owned(),
            )),
        };
        if results.send(action).is_err() {
            return;
        }
        wake();
    }
}

/// Does what is asked; for the thread, and for tests.
pub fn answer(request: Request) -> Finding {
    match request {
        Request::Curves(mask) => Finding::Curves((mask.id, mask.chosen), Arc::new(Curves::of(mask.logits()))),
        Request::CleanUp { image, mask, what } => {
            let pixels = Arc::new(EditedMask::from(&what.apply(&mask.pixels())));
            Finding::Cleaned { image, mask: mask.id, pixels, label: what.label() }
        }
        Request::Compare { ticket, mask, other } => {
            let other = match other {
                Other::Mask(other) => other.pixels(),
                Other::Truth(pixels) => pixels.to_binary(),
            };
            Finding::Compared(ticket, Arc::new(Comparison::of(&mask.pixels(), &other)))
        }
        Request::ReadTruth { picture, mask, path } => {
            Finding::Truths { image: picture.id, truths: truth::read(&path, &picture, mask.as_deref()) }
        }
    }
}
