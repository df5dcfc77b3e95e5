//! Saving, opening and leaving sessions; what is offered after a sudden end; paths that are asked for.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use glamm_engine::protocol::{EngineCommand, FinishReason, Grounding, ImageId, JobId, JobStats, Reply};

use super::exporting::ExportAction;
use super::{Action, Effect, Inspect, Source, State};
use crate::document::{ConversationId, Document, Exchange, History, Origin, segments};
use crate::exporting::ExportProgress;
use crate::keeping::{LeaveAnswer, Leaving, PathPrompt, PathPurpose, PathQuestion};
use crate::storage::{Opened, SaveOptions, Saved, Snapshot, StorageEvent, StorageJob, Unfinished};

/// The ending of session files.
pub const SESSION_EXTENSION: &str = "glamm";

/// Something that happened around sessions.
#[derive(Debug)]
pub enum KeepingAction {
    /// The threads that keep work report.
    Storage(StorageEvent),
    /// A session was chosen.
    Open(PathBuf),
    /// Paths were chosen or typed.
    PathChosen(PathPurpose, Vec<PathBuf>),
    /// The desktop has no dialog to ask for a path with.
    NoDialog(PathQuestion),
    /// A path is being typed; `None`: no more.
    TypePath(Option<String>),
    /// The typed path is meant.
    ConfirmPath,
    /// The window is about to be closed.
    CloseRequested,
    /// The question about unsaved changes was answered.
    Leave(LeaveAnswer),
    /// Open what another program left.
    Recover(PathBuf),
    /// Remove what another program left.
    Discard(PathBuf),
    /// Do not ask again about what other programs left, for as long as this one runs.
    LeaveRecoverable,
}

/// What there was to keep when it was last looked at.
#[derive(Debug, Default)]
pub struct Watched {
    document: Document,
    drafts: HashMap<ImageId, String>,
    conversations: HashMap<ImageId, ConversationId>,
    current: Option<ImageId>,
    reply: Option<(JobId, usize, usize)>,
    file: Option<PathBuf>,
    unsaved: bool,
}

fn same_pictures(a: &Document, b: &Document) -> bool {
    let (a, b) = (a.pictures(), b.pictures());
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| Arc::ptr_eq(a, b))
}

impl State {
    /// Whether something would be lost if the session were left.
    pub fn is_unsaved(&self) -> bool {
        self.session.keeping.is_unsaved(self.document())
    }

    /// Whether a question stands over the window, which is to be answered before anything else.
    pub fn is_asking(&self) -> bool {
        let session = &self.session;
        let keeping = &session.keeping;
        let about_work =
            keeping.busy.is_none() && (keeping.leaving.is_some() || !keeping.recoverable.is_empty());
        keeping.path_prompt.is_some()
            || about_work
            || session.export.is_some()
            || session.batch_prompt.is_some()
    }

    /// What the window is called.
    pub fn title(&self) -> String {
        let unsaved = if self.is_unsaved() { "• " } else { "" };
        match self.session.keeping.name() {
            Some(name) => format!("{unsaved}{name} – GLaMM Desktop"),
            None => format!("{unsaved}GLaMM Desktop"),
        }
    }

    /// What is to be kept against a sudden end, if that has changed; the inner `None`: nothing.
    pub fn to_keep(&self, watched: &mut Watched) -> Option<Option<Snapshot>> {
        let reply = self.session.job.as_ref().map(|job| (job.id, job.chars, job.grounded.len()));
        let unsaved = self.is_unsaved();
        let same = same_pictures(self.document(), &watched.document)
            && self.ui.drafts == watched.drafts
            && self.ui.conversations == watched.conversations
            && self.ui.current == watched.current
            && reply == watched.reply
            && self.session.keeping.file == watched.file
            && unsaved == watched.unsaved;
        if same {
            return None;
        }
        *watched = Watched {
            document: self.document().clone(),
            drafts: self.ui.drafts.clone(),
            conversations: self.ui.conversations.clone(),
            current: self.ui.current,
            reply,
            file: self.session.keeping.file.clone(),
            unsaved,
        };
        let writing = self.ui.drafts.values().any(|draft| !draft.trim().is_empty());
        let something = unsaved || writing || self.session.job.is_some();
        Some(something.then(|| self.snapshot()))
    }

    /// All there is to keep.
    pub fn snapshot(&self) -> Snapshot {
        let keeping = &self.session.keeping;
        Snapshot {
            document: self.document().clone(),
            current: self.ui.current,
            drafts: self.ui.drafts.clone(),
            conversations: self.ui.conversations.clone(),
            unfinished: self.unfinished(),
            pixels: self.session.pixels.clone(),
            stored: keeping.stored.clone(),
            saved_as: keeping.file.clone(),
            recovered_from: keeping.recovered_from.clone(),
        }
    }

    /// The reply on its way, as if it had been stopped here.
    fn unfinished(&self) -> Option<Unfinished> {
        let job = self.session.job.as_ref()?;
        let conversation = self.document().picture(job.image)?.conversation(job.asked.place.conversation)?;
        let groundings: Vec<_> = job.grounded.iter().map(|(grounding, _)| grounding.clone()).collect();
        let raw = marked(&job.text, &groundings);
        let reply = Reply { raw, text: job.text.clone(), groundings };
        let exchange = Exchange {
            id: conversation.free_exchange(),
            parent: job.asked.place.parent,
            question: job.asked.question.clone(),
            reply,
            tokens: Arc::new([]),
            masks: job.grounded.iter().map(|(_, mask)| mask.clone()).collect(),
            first_hue: job.first_hue,
            sampling: job.asked.sampling.clone(),
            reason: FinishReason::Cancelled,
            stats: JobStats::default(),
        };
        let (image, conversation) = (job.image, conversation.id);
        Some(Unfinished { image, conversation, exchange: Arc::new(exchange) })
    }

    pub(super) fn keeping_action(&mut self, action: KeepingAction, now: f64, out: &mut Vec<Effect>) {
        match action {
            KeepingAction::Storage(event) => self.storage_event(event, out),
            KeepingAction::Open(path) => self.leave(Leaving::Open(path), out),
            KeepingAction::PathChosen(purpose, paths) => self.path_chosen(purpose, paths, now, out),
            KeepingAction::NoDialog(PathQuestion { purpose, suggested }) => {
                let text = suggested.map(|path| path.to_string_lossy().into_owned()).unwrap_or_default();
                self.session.keeping.path_prompt = Some(PathPrompt { purpose, text });
            }
            KeepingAction::TypePath(typed) => {
                let prompt = &mut self.session.keeping.path_prompt;
                match (prompt.as_mut(), typed) {
                    (Some(prompt), Some(text)) => prompt.text = text,
                    _ => *prompt = None,
                }
            }
            KeepingAction::ConfirmPath => {
                if let Some(PathPrompt { purpose, text }) = self.session.keeping.path_prompt.take()
                    && !text.trim().is_empty()
                {
                    self.path_chosen(purpose, vec![PathBuf::from(text.trim())], now, out);
                }
            }
            KeepingAction::CloseRequested => self.leave(Leaving::Quit, out),
            KeepingAction::Leave(answer) => self.leave_answered(answer, out),
            KeepingAction::Recover(folder) => {
                self.session.keeping.recoverable.retain(|found| found.folder != folder);
                self.leave(Leaving::Recover(folder), out);
            }
            KeepingAction::Discard(folder) => {
                self.session.keeping.recoverable.retain(|found| found.folder != folder);
                out.push(Effect::Storage(StorageJob::Discard(folder)));
            }
            KeepingAction::LeaveRecoverable => self.session.keeping.recoverable.clear(),
        }
    }

    /// Asks for a path, by the desktop's dialog.
    pub(super) fn ask_for_path(&mut self, purpose: PathPurpose, out: &mut Vec<Effect>) {
        let suggested = match purpose {
            PathPurpose::SaveSession => Some(self.suggested_file()),
            PathPurpose::ExportFolder => {
                self.session.export.as_ref().map(|dialog| PathBuf::from(&dialog.folder))
            }
            _ => None,
        };
        self.session.dialog_open = true;
        out.push(Effect::AskForPath(PathQuestion { purpose, suggested }));
    }

    /// Beside the first picture that is a file, with its name.
    fn suggested_file(&self) -> PathBuf {
        if let Some(file) = &self.session.keeping.file {
            return file.clone();
        }
        let pictures = self.document().pictures();
        let beside = pictures.iter().find_map(|picture| match &picture.origin {
            Origin::File(path) => Some(path.with_extension(SESSION_EXTENSION)),
            _ => None,
        });
        beside.unwrap_or_else(|| Path::new("session").with_extension(SESSION_EXTENSION))
    }

    fn path_chosen(
        &mut self,
        purpose: PathPurpose,
        mut paths: Vec<PathBuf>,
        now: f64,
        out: &mut Vec<Effect>,
    ) {
        if paths.is_empty() {
            return;
        }
        match purpose {
            PathPurpose::OpenPictures => self.open_files(paths, out),
            PathPurpose::OpenFolder => out.push(Effect::Storage(StorageJob::ListFolder(paths.remove(0)))),
            PathPurpose::OpenModel | PathPurpose::OpenModelFile => {
                let more = self.update(Action::OpenModel(paths.remove(0)), now);
                out.extend(more);
            }
            PathPurpose::OpenSession => self.leave(Leaving::Open(paths.remove(0)), out),
            PathPurpose::SaveSession => self.start_saving(with_ending(paths.remove(0)), out),
            PathPurpose::ExportFolder => {
                let folder = paths.remove(0).to_string_lossy().into_owned();
                self.export_action(ExportAction::Folder(folder), out);
            }
            PathPurpose::OpenMask(image) => {
                self.inspect(Inspect::ReadTruth(image, paths.remove(0)), out);
            }
            PathPurpose::Import => {
                let (path, document) = (paths.remove(0), self.document().clone());
                self.session.keeping.busy = Some(format!("Reading {} …", file_name(&path)));
                out.push(Effect::Storage(StorageJob::Import { path, document }));
            }
        }
    }

    /// Saves the session where it is, or asks where.
    pub(super) fn save_session(&mut self, out: &mut Vec<Effect>) {
        match self.session.keeping.file.clone() {
            Some(path) => self.start_saving(path, out),
            None => self.ask_for_path(PathPurpose::SaveSession, out),
        }
    }

    fn start_saving(&mut self, path: PathBuf, out: &mut Vec<Effect>) {
        let snapshot = Box::new(self.snapshot());
        let options = SaveOptions { with_pictures: self.session.keeping.with_pictures };
        self.session.keeping.busy = Some(format!("Saving {} …", file_name(&path)));
        out.push(Effect::Storage(StorageJob::Save { path, snapshot, options }));
    }

    /// Goes on to what ends the session, or asks first.
    pub(super) fn leave(&mut self, leaving: Leaving, out: &mut Vec<Effect>) {
        if self.is_unsaved() {
            self.session.keeping.leaving = Some(leaving);
            self.session.keeping.saving_to_leave = false;
        } else {
            self.left(leaving, out);
        }
    }

    fn leave_answered(&mut self, answer: LeaveAnswer, out: &mut Vec<Effect>) {
        match answer {
            LeaveAnswer::Stay => self.session.keeping.leaving = None,
            LeaveAnswer::Discard => {
                if let Some(leaving) = self.session.keeping.leaving.take() {
                    self.left(leaving, out);
                }
            }
            LeaveAnswer::Save => {
                self.session.keeping.saving_to_leave = true;
                self.save_session(out);
            }
        }
    }

    fn left(&mut self, leaving: Leaving, out: &mut Vec<Effect>) {
        match leaving {
            Leaving::Quit => {
                self.session.keeping.may_close = true;
                out.push(Effect::Quit);
            }
            Leaving::Begin => self.replace_session(Opened::default(), None, out),
            Leaving::Open(path) => {
                self.session.keeping.busy = Some(format!("Opening {} …", file_name(&path)));
                out.push(Effect::Storage(StorageJob::Open(path)));
            }
            Leaving::Recover(folder) => {
                self.session.keeping.busy = Some("Recovering your work …".to_owned());
                out.push(Effect::Storage(StorageJob::Recover(folder)));
            }
        }
    }

    fn storage_event(&mut self, event: StorageEvent, out: &mut Vec<Effect>) {
        match event {
            StorageEvent::LookedAround { recent, recoverable } => {
                self.session.keeping.recent = recent;
                self.session.keeping.recoverable = recoverable;
            }
            StorageEvent::Opened { path, recovered, result } => self.opened(path, recovered, result, out),
            StorageEvent::Saved { path, document, result } => self.saved(&path, document, result, out),
            StorageEvent::NotKept(message) => self.session.notify(message, true),
            StorageEvent::Refused => {
                self.session.keeping.busy = None;
                self.session.exporting = None;
                self.session.notify("Too much is being read and written: try again in a moment", true);
            }
            StorageEvent::ExportProgressed { done, total } => {
                self.session.exporting = Some(ExportProgress { done, total });
            }
            StorageEvent::Exported { folder, result } => self.exported(&folder, result),
            StorageEvent::Imported { path, result } => {
                self.session.keeping.busy = None;
                self.imported(&path, result);
            }
            StorageEvent::FolderListed { folder, result } => self.folder_listed(&folder, result, out),
        }
    }

    fn opened(
        &mut self,
        path: PathBuf,
        recovered: bool,
        result: Result<Box<Opened>, String>,
        out: &mut Vec<Effect>,
    ) {
        self.session.keeping.busy = None;
        let opened = match result {
            Ok(opened) => *opened,
            Err(message) => {
                self.session.notify(message, true);
                self.session.keeping.recent.retain(|known| *known != path);
                return;
            }
        };
        if !opened.missing.is_empty() {
            let name = if recovered { "The recovered work".to_owned() } else { file_name(&path) };
            let text = format!("{name} is damaged. What is missing: {}", opened.missing.join("; "));
            self.session.notify(text, true);
        }
        let whole = opened.missing.is_empty();
        let file = if recovered { opened.saved_as.clone() } else { Some(path.clone()) };
        self.replace_session(opened, file, out);
        let keeping = &mut self.session.keeping;
        if recovered {
            keeping.recovered_from.push(path);
        } else if whole {
            self.remember_session(&path, out);
        }
        if recovered || !whole {
            // It is not what lies in the file.
            self.session.keeping.saved = Document::default();
        }
    }

    /// Puts a session in place of the present one.
    fn replace_session(&mut self, mut opened: Opened, file: Option<PathBuf>, out: &mut Vec<Effect>) {
        self.stop();
        self.close_all(out);
        let session = &mut self.session;
        let ids = std::cell::RefCell::new(session);
        opened.name(|| ids.borrow_mut().fresh_image(), || ids.borrow_mut().fresh_mask());
        let session = ids.into_inner();
        let mut document = Document::default();
        let mut current = None;
        for (place, opened_picture) in opened.pictures.into_iter().enumerate() {
            let picture = opened_picture.picture;
            let image = picture.id;
            if let Some(stored) = opened_picture.stored {
                session.keeping.stored.insert(image, stored);
            }
            if !opened_picture.draft.is_empty() {
                self.ui.drafts.insert(image, opened_picture.draft);
            }
            if let Some(conversation) = opened_picture.conversation {
                self.ui.conversations.insert(image, conversation);
            }
            if place == 0 || opened.current == Some(place) {
                current = Some(image);
            }
            document = document.with_picture(Arc::new(picture));
        }
        session.keeping.file = file;
        session.keeping.saved = document.clone();
        session.keeping.recovered_from.clear();
        self.history = History::of(document);
        if let Some(image) = current {
            self.select_picture(image, out);
        }
        let all: Vec<_> = self.document().pictures().iter().map(|picture| picture.id).collect();
        for image in all {
            self.want_pixels(image, false);
        }
        self.load_wanted(out);
    }

    /// Closes every picture, without a way back.
    fn close_all(&mut self, out: &mut Vec<Effect>) {
        let session = &mut self.session;
        for image in session.encodings.drain().map(|(image, _)| image) {
            out.push(Effect::Engine(EngineCommand::CloseImage(image)));
        }
        for image in session.thumbnails.drain().map(|(image, _)| image) {
            out.push(Effect::ForgetPicture(image));
        }
        session.pixels.clear();
        session.failures.clear();
        session.arrivals.clear();
        session.wanted.clear();
        session.loading.clear();
        session.unavailable.clear();
        session.lately_used.clear();
        session.keeping.stored.clear();
        session.batch = None;
        session.export = None;
        let ui = &mut self.ui;
        ui.views.clear();
        ui.drafts.clear();
        ui.conversations.clear();
        ui.pinned.clear();
        ui.current = None;
        ui.selected_region = None;
        ui.gesture = None;
        ui.hovered = None;
        ui.prompt_awaiting_region = None;
    }

    fn saved(
        &mut self,
        path: &Path,
        document: Document,
        result: Result<Saved, String>,
        out: &mut Vec<Effect>,
    ) {
        let keeping = &mut self.session.keeping;
        keeping.busy = None;
        let saved = match result {
            Ok(saved) => saved,
            Err(message) => {
                keeping.leaving = None;
                self.session.notify(message, true);
                return;
            }
        };
        keeping.stored = saved.stored;
        keeping.saved = document;
        keeping.file = Some(path.to_owned());
        let leaving = keeping.leaving.take_if(|_| keeping.saving_to_leave);
        if saved.missing.is_empty() {
            self.session.notify(format!("Saved {}", file_name(path)), false);
        } else {
            let text = format!("{} was saved without {}", file_name(path), saved.missing.join("; "));
            self.session.notify(text, true);
        }
        self.remember_session(path, out);
        if let Some(leaving) = leaving {
            // What was changed while the file was being written is asked about again.
            self.leave(leaving, out);
        }
    }

    fn remember_session(&mut self, path: &Path, out: &mut Vec<Effect>) {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        self.session.keeping.remember(&path);
        out.push(Effect::Storage(StorageJob::Remember(self.session.keeping.recent.clone())));
    }

    fn folder_listed(&mut self, folder: &Path, result: Result<Vec<PathBuf>, String>, out: &mut Vec<Effect>) {
        match result {
            Ok(paths) if paths.is_empty() => {
                self.session.notify(format!("There are no pictures in {}", folder.display()), false);
            }
            Ok(paths) => self.open_files(paths, out),
            Err(message) => self.session.notify(message, true),
        }
    }

    /// Where the loader finds a picture of the document.
    pub(super) fn kept_source(&self, image: ImageId) -> Option<Source> {
        let picture = self.document().picture(image)?;
        let stored = self.session.keeping.stored.get(&image).cloned();
        Some(Source::Kept { stored, origin: picture.origin.clone() })
    }
}

/// A reply as the model would have written it: what a follow-up question needs.
fn marked(text: &str, groundings: &[Grounding]) -> String {
    let mut raw = String::new();
    for segment in segments(text, groundings) {
        if segment.groundings.is_empty() {
            raw.push_str(segment.text);
        } else {
            raw.extend(["<p> ", segment.text.trim(), " </p>"]);
            raw.extend(segment.groundings.iter().map(|_| " [SEG]"));
        }
    }
    raw
}

/// Whether a file is named like a session.
pub fn is_session(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(SESSION_EXTENSION))
}

/// For messages.
fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

/// A session file has its ending, whatever was typed.
fn with_ending(path: PathBuf) -> PathBuf {
    if is_session(&path) {
        return path;
    }
    let mut name = path.into_os_string();
    name.push(".");
    name.push(SESSION_EXTENSION);
    PathBuf::from(name)
}
