//! What is going on right now: the model, the pictures' pixels, the running job, what went wrong.
//!
//! Derived from events, never saved and never undone. Changed by `update` alone.

use std::collections::{HashMap, HashSet, VecDeque};
use std::ops::Range;
use std::sync::Arc;

use egui::ColorImage;
use glamm_engine::protocol::{
    CancelToken, EncodeTimings, Grounding, ImageId, JobId, JobRequest, LoadProgress, ModelInfo, ModelSource,
    ModelSpec, Sampling,
};

use glamm_engine::vision::{Click, PixelBox};

use crate::document::{ConversationId, Exchange, ExchangeId, GroundedMask, MaskId, Origin, Question};
use crate::export::ExportInTheWay;
use crate::models::{Library, Offer};
use crate::notice::{Notice, NoticeId, Tone};
use crate::pictures::Source;
use crate::pictures::pixels::Pixels;
use crate::prompts::Prompt;
use crate::state::exporting::{Batch, ExportDialog, ExportProgress};
use crate::state::inspection::Findings;
use crate::state::keeping::Keeping;
use crate::state::ui_state::Editing;

/// Messages that are shown at a time.
const MAX_NOTICES: usize = 4;

/// Where the model is on its way.
#[derive(Debug, Clone, PartialEq)]
pub enum ModelStatus {
    /// Its files are being read.
    Loading(LoadProgress),
    /// Questions can be answered.
    Ready(ModelInfo),
    /// It could not be loaded.
    Failed(LoadFailure),
    /// There is none, as asked.
    Unloaded,
    /// The engine thread has ended.
    Gone,
}

impl ModelStatus {
    /// Nothing is read yet.
    pub fn loading() -> Self {
        Self::Loading(LoadProgress::default())
    }
}

/// Why a model could not be loaded, and ways out.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadFailure {
    /// Why, and what to do.
    pub message: String,
    /// What is here and fits.
    pub offers: Vec<Offer>,
}

/// Where an image is on its way into the model.
#[derive(Debug, Clone, PartialEq)]
pub enum Encoding {
    /// The engine has it.
    Waiting,
    /// Its encodings are cached.
    Done(EncodeTimings),
    /// It could not be encoded, and why.
    Failed(String),
}

/// Where in the conversations about a picture a question is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// In which conversation.
    pub conversation: ConversationId,
    /// Behind which exchange; `None` at the beginning.
    pub parent: Option<ExchangeId>,
}

/// A question as it is put to the model.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Where it stands.
    pub place: Place,
    /// The question.
    pub question: Question,
    /// How the tokens of its reply are chosen.
    pub sampling: Sampling,
    /// The exchange whose reply goes on, where there is one already.
    pub resumes: Option<Arc<Exchange>>,
}

/// A reply on its way.
#[derive(Debug)]
pub struct RunningJob {
    /// Its name in events.
    pub id: JobId,
    /// What it is about.
    pub image: ImageId,
    /// What was asked.
    pub asked: Asked,
    /// The exchanges that the model was told of, oldest first: some may be undone before the reply ends.
    pub follows: Vec<ExchangeId>,
    /// Ends it.
    pub cancel: CancelToken,
    /// Whether the user pressed Stop.
    pub stopping: bool,
    /// Whether its conversation was taken away meanwhile: another one may have the same number by now.
    pub is_homeless: bool,
    /// Whether the engine has taken it up.
    pub started: bool,
    /// Seconds on the window's clock when it was asked.
    pub asked_at: f64,
    /// The reply so far.
    pub text: String,
    /// Length of `text` in characters.
    pub chars: usize,
    /// Where the phrase began that is being written.
    pub open_phrase: Option<usize>,
    /// Finished phrases, in characters, for which no mask has come yet.
    pub waiting_phrases: Vec<Range<usize>>,
    /// Masks so far, in the order of their `[SEG]`; those of a reply that goes on as they were when it was
    /// asked to. [`crate::state::State::running_masks`] has them as they are now.
    pub grounded: Vec<(Grounding, Option<GroundedMask>)>,
    /// Place in the palette of the first grounding.
    pub first_hue: usize,
    /// The run of one question over many pictures that it is of, if any.
    pub run: Option<u64>,
    /// The field that the question was written in, where it is one in other words.
    pub edited: Option<Editing>,
}

impl RunningJob {
    /// A job that was just sent; a reply that goes on begins with what was said before.
    pub fn new(
        request: &JobRequest,
        asked: Asked,
        follows: Vec<ExchangeId>,
        first_hue: usize,
        now: f64,
    ) -> Self {
        let before = asked.resumes.as_deref();
        let text = before.map_or_else(String::new, |e| e.reply.text.clone());
        let grounded = before.map_or_else(Vec::new, |e| {
            e.reply.groundings.iter().cloned().zip(e.masks.iter().cloned()).collect()
        });
        Self {
            id: request.id,
            image: request.image,
            first_hue: before.map_or(first_hue, |e| e.first_hue),
            asked,
            follows,
            cancel: request.cancel.clone(),
            stopping: false,
            is_homeless: false,
            started: false,
            asked_at: now,
            chars: text.chars().count(),
            text,
            open_phrase: None,
            waiting_phrases: Vec::new(),
            grounded,
            run: None,
            edited: None,
        }
    }
}

/// Clicks or a box on their way to a mask.
#[derive(Debug)]
pub struct Segmentation {
    /// Its name in events.
    pub id: JobId,
    /// What it is about.
    pub image: ImageId,
    /// Ends it.
    pub cancel: CancelToken,
    /// Clicks so far.
    pub points: Vec<Click>,
    /// The box, if there is one.
    pub region: Option<PixelBox>,
    /// What becomes of the mask.
    pub after: AfterSegmentation,
}

/// What becomes of a mask once it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AfterSegmentation {
    /// It is added to the picture, under this name.
    AddMask(String),
    /// It takes the place of this one.
    Refine(MaskId),
    /// The region around it is asked about with this prompt.
    Ask(&'static str),
}

/// A question that could not be answered.
#[derive(Debug, Clone)]
pub struct FailedQuestion {
    /// The question.
    pub asked: Asked,
    /// Why, and what to do.
    pub message: String,
    /// Whether only a new conversation helps.
    pub too_long: bool,
    /// The run of one question over many pictures that it is of, if any.
    pub run: Option<u64>,
}

/// A picture on its way from a file, the clipboard or the scene generator.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrival {
    /// Its name once it is there.
    pub image: ImageId,
    /// For people.
    pub name: String,
    /// Where it comes from.
    pub origin: Origin,
    /// Whether it is to be shown once it is there.
    pub select: bool,
    /// The message that it is listed in if it cannot be had: one for all that were opened together.
    pub list: NoticeId,
    /// A small copy, where there is one before the picture itself.
    pub preview: Option<Arc<egui::ColorImage>>,
}

/// See the module.
#[derive(Debug)]
pub struct Session {
    /// What was last asked to be loaded.
    pub spec: ModelSpec,
    /// The model.
    pub model: ModelStatus,
    /// The models that there are, and what is being done to them.
    pub library: Library,
    /// Pixels of the open pictures.
    pub pixels: HashMap<ImageId, Arc<Pixels>>,
    /// Pictures that the engine was given.
    pub encodings: HashMap<ImageId, Encoding>,
    /// Pictures that the engine is still to be told to forget.
    pub closing: Vec<ImageId>,
    /// Whether the engine is still to be told to put its model away: its queue was full.
    pub unload_due: bool,
    /// Pictures on their way.
    pub arrivals: Vec<Arrival>,
    /// Pictures that the loader is still to be asked for, the next one first.
    pub wanted: VecDeque<(ImageId, Source)>,
    /// Pictures that the loader was asked for.
    pub loading: HashSet<ImageId>,
    /// Pictures of the document that cannot be had, and why.
    pub unavailable: HashMap<ImageId, String>,
    /// The message that lists them.
    pub missing_list: Option<NoticeId>,
    /// Small copies of the open pictures, also of those whose pixels are not in memory.
    pub thumbnails: HashMap<ImageId, Arc<ColorImage>>,
    /// The pictures that were closed last, whose small copies are kept; the latest last.
    pub closed: VecDeque<ImageId>,
    /// Pictures in the order in which they were last shown or loaded, the latest last.
    pub lately_used: Vec<ImageId>,
    /// Where the work is kept.
    pub keeping: Keeping,
    /// The export dialog, where it is open.
    pub export: Option<ExportDialog>,
    /// An export that would replace files, and may or not.
    pub export_in_the_way: Option<ExportInTheWay>,
    /// An export that is going on.
    pub exporting: Option<ExportProgress>,
    /// The question for all pictures that is being written.
    pub batch_prompt: Option<String>,
    /// One question that is being put to all pictures.
    pub batch: Option<Batch>,
    /// The reply on its way; there is one at most.
    pub job: Option<RunningJob>,
    /// The mask of clicks on its way; there is one at most.
    pub segmentation: Option<Segmentation>,
    /// The last question about each picture, where it could not be answered.
    pub failures: HashMap<ImageId, FailedQuestion>,
    /// Tokens a second of the last reply.
    pub tokens_per_second: Option<f64>,
    /// What was found out about masks.
    pub findings: Findings,
    /// What the user has not dismissed yet.
    pub notices: Vec<Notice>,
    /// The user's own prompts.
    pub prompts: Vec<Prompt>,
    /// Whether a file dialog is open.
    pub dialog_open: bool,
    next_id: u64,
    last_draw: u64,
}

impl Session {
    /// A session that waits for this model.
    pub fn new(spec: ModelSpec) -> Self {
        Self {
            spec,
            model: ModelStatus::loading(),
            library: Library::default(),
            pixels: HashMap::new(),
            encodings: HashMap::new(),
            closing: Vec::new(),
            unload_due: false,
            arrivals: Vec::new(),
            wanted: VecDeque::new(),
            loading: HashSet::new(),
            unavailable: HashMap::new(),
            missing_list: None,
            thumbnails: HashMap::new(),
            closed: VecDeque::new(),
            lately_used: Vec::new(),
            keeping: Keeping::default(),
            export: None,
            export_in_the_way: None,
            exporting: None,
            batch_prompt: None,
            batch: None,
            job: None,
            segmentation: None,
            failures: HashMap::new(),
            tokens_per_second: None,
            findings: Findings::default(),
            notices: Vec::new(),
            prompts: Vec::new(),
            dialog_open: false,
            next_id: 1,
            last_draw: 0,
        }
    }

    fn fresh(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// A name no image had.
    pub fn fresh_image(&mut self) -> ImageId {
        ImageId(self.fresh())
    }

    /// A name no job had.
    pub fn fresh_job(&mut self) -> JobId {
        JobId(self.fresh())
    }

    /// A number no change of pixels had.
    pub fn fresh_change(&mut self) -> u64 {
        self.fresh()
    }

    /// A number no run of one question had.
    pub fn fresh_run(&mut self) -> u64 {
        self.fresh()
    }

    /// A name for a message that may come to be.
    pub fn fresh_list(&mut self) -> NoticeId {
        self.fresh()
    }

    /// A name no mask had.
    pub fn fresh_mask(&mut self) -> MaskId {
        MaskId(self.fresh())
    }

    /// A number above all that it gave before, and `least` or more: a reply that is drawn with it is another
    /// one, also where those before it were deleted.
    pub fn fresh_draw(&mut self, least: u64) -> u64 {
        self.last_draw = least.max(self.last_draw + 1);
        self.last_draw
    }

    /// Shows a message; where there are too many, the oldest note gives way, or else the oldest failure. What is
    /// said again is shown as the newest, and how often it was said.
    pub fn notify(&mut self, text: impl Into<String>, tone: Tone) {
        let (id, text) = (self.fresh(), text.into());
        let before = self.notices.iter().position(|notice| notice.text == text);
        let times = 1 + before.map_or(0, |place| self.notices.remove(place).times);
        self.show_notice(Notice { id, text, list: Vec::new(), tone, times });
    }

    /// Shows that another picture of the document cannot be had. What is tried again in vain is listed once.
    pub fn notify_missing(&mut self, text: String) {
        let id = self.missing_list.unwrap_or_else(|| self.fresh_list());
        self.missing_list = Some(id);
        let is_listed = |notice: &Notice| notice.id == id && notice.list.contains(&text);
        if !self.notices.iter().any(is_listed) {
            self.notify_in_list(id, text, "pictures are missing");
        }
    }

    /// The message about missing pictures goes where none is missing any more.
    pub fn tell_missing_are_there(&mut self) {
        if self.unavailable.is_empty()
            && let Some(id) = self.missing_list.take()
        {
            self.notices.retain(|notice| notice.id != id);
        }
    }

    /// Shows that the same has happened to another thing; `what` says it of several.
    pub fn notify_in_list(&mut self, id: NoticeId, text: String, what: &str) {
        if let Some(notice) = self.notices.iter_mut().find(|notice| notice.id == id) {
            notice.list.push(text);
            notice.text = format!("{} {what}", notice.list.len());
        } else {
            self.show_notice(Notice {
                id,
                text: text.clone(),
                list: vec![text],
                tone: Tone::Failure,
                times: 1,
            });
        }
    }

    fn show_notice(&mut self, notice: Notice) {
        self.notices.push(notice);
        if self.notices.len() > MAX_NOTICES {
            // A failure may not have been read yet.
            let note = self.notices.iter().position(|notice| notice.tone == Tone::Note);
            self.notices.remove(note.unwrap_or(0));
        }
    }

    /// Whether the demo model is loaded, or asked for.
    pub fn is_demo(&self) -> bool {
        self.spec.source == ModelSource::Demo
    }

    /// Gives up the mask of clicks that is on its way.
    pub fn cancel_segmentation(&mut self) {
        if let Some(running) = self.segmentation.take() {
            running.cancel.cancel();
        }
    }

    /// The running job, where it is about this image.
    pub fn job_about(&self, image: ImageId) -> Option<&RunningJob> {
        self.job.as_ref().filter(|job| job.image == image)
    }
}
