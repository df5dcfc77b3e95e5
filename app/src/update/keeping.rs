//! Saving, opening and leaving sessions; what is offered after a sudden end; paths that are asked for.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use glamm_engine::protocol::ImageId;

use crate::action::{Action, Effect, ExportAction, Inspect, KeepingAction};
use crate::export::ExchangeJob;
use crate::notice::Tone;
use crate::pictures::pixels::Pixels;
use crate::state::State;
use crate::state::exporting::ExportProgress;
use crate::state::keeping::{
    Busy, Departure, LeaveAnswer, Leaving, PathPrompt, PathPurpose, PathQuestion, Writing, typed_path,
};
use crate::storage::{
    IfThere, Opened, SESSION_EXTENSION, SaveOptions, Saved, Snapshot, StorageEvent, StorageJob, StoredImage,
    is_session,
};
use crate::words::name_of;

/// What is said where a thread has too many jobs before it.
pub(super) const TOO_MUCH: &str = "Too much is being read and written: try again in a moment";

impl State {
    /// Whether something would be lost if the session were left.
    pub fn is_unsaved(&self) -> bool {
        self.session.keeping.is_unsaved(self.document())
    }

    /// Whether a question stands over the window, which is to be answered before anything else.
    pub fn is_asking(&self) -> bool {
        let session = &self.session;
        let keeping = &session.keeping;
        let opens = keeping.busy.as_ref().is_some_and(Busy::is_opening);
        let recovers = keeping.busy.is_none() && !keeping.recoverable.is_empty();
        keeping.path_prompt.is_some()
            || keeping.in_the_way.is_some()
            || keeping.departure.leaving().is_some()
            || opens
            || recovers
            || session.export.is_some()
            || session.export_in_the_way.is_some()
            || session.batch_prompt.is_some()
    }

    /// Whether work would be lost if the session ended now: what is not saved, what is being written, and
    /// what is on its way. A reply that is being written is work, too.
    pub fn would_lose(&self) -> bool {
        let session = &self.session;
        let comes =
            session.job.is_some() || session.segmentation.is_some() || !session.findings.changes.is_empty();
        comes || !self.is_written()
    }

    /// Whether all that was made, and what is being typed, is in the file.
    fn is_written(&self) -> bool {
        !self.is_unsaved() && !self.writing().is_beyond(&self.session.keeping.saved_writing)
    }

    /// What must end before the session can, for people.
    pub fn waits_for(&self, leaving: &Leaving) -> Option<String> {
        let exporting = self.session.exporting.as_ref().filter(|_| *leaving == Leaving::Quit);
        let busy = self.session.keeping.busy.as_ref().map(Busy::words);
        busy.or_else(|| exporting.map(ExportProgress::words))
    }

    /// What the window is called.
    pub fn title(&self) -> String {
        let unsaved = if self.is_unsaved() { "• " } else { "" };
        match self.session.keeping.name() {
            Some(name) => format!("{unsaved}{name} – GLaMM Desktop"),
            None => format!("{unsaved}GLaMM Desktop"),
        }
    }

    pub(super) fn keeping_action(&mut self, action: KeepingAction, now: f64, out: &mut Vec<Effect>) {
        match action {
            KeepingAction::Storage(event) => self.storage_event(event, out),
            KeepingAction::Exchange(event) => self.exchange_event(event, out),
            KeepingAction::Open(path) => self.leave(Leaving::Open(path), out),
            KeepingAction::Find(image) => {
                if !self.session.dialog_open {
                    self.ask_for_path(PathPurpose::FindPicture(image), out);
                }
            }
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
                    match purpose {
                        PathPurpose::SaveSession => {
                            self.start_saving(with_ending(typed_path(&text)), IfThere::Ask, out);
                        }
                        _ => self.path_chosen(purpose, vec![typed_path(&text)], now, out),
                    }
                }
            }
            KeepingAction::Replace(may) => {
                if let Some(path) = self.session.keeping.in_the_way.take()
                    && may
                {
                    self.start_saving(path, IfThere::Replace, out);
                }
            }
            KeepingAction::CloseRequested => self.leave(Leaving::Quit, out),
            KeepingAction::Leave(answer) => self.leave_answered(answer, out),
            KeepingAction::CancelOpening => {
                self.session.keeping.busy.take_if(|busy| matches!(busy, Busy::Opening(_)));
                self.go_on_leaving(out);
            }
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
            PathPurpose::FindPicture(image) => {
                self.document().picture(image).and_then(|picture| picture.origin.file()).map(Path::to_owned)
            }
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
        let keeping = &self.session.keeping;
        if let Some(file) = keeping.file.as_ref().or(keeping.beside_damaged.as_ref()) {
            return file.clone();
        }
        let pictures = self.document().pictures();
        let beside = pictures.iter().find_map(|picture| picture.origin.file());
        beside.unwrap_or(Path::new("session")).with_extension(SESSION_EXTENSION)
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
            PathPurpose::SaveSession => {
                let path = paths.remove(0);
                // The desktop's dialog has asked about this very file, but not about one with its ending.
                let if_there = if is_session(&path) { IfThere::Replace } else { IfThere::Ask };
                self.start_saving(with_ending(path), if_there, out);
            }
            PathPurpose::ExportFolder => {
                let folder = paths.remove(0).to_string_lossy().into_owned();
                self.export_action(ExportAction::Folder(folder), out);
            }
            PathPurpose::FindPicture(image) => self.found(image, paths.remove(0), out),
            PathPurpose::OpenMask(image) => {
                self.inspect(Inspect::ReadTruth(image, paths.remove(0)), out);
            }
            PathPurpose::Import => {
                let (path, document) = (paths.remove(0), self.document().clone());
                if self.begin(Busy::Importing(path.clone())) {
                    out.push(Effect::Exchange(ExchangeJob::Import { path, document }));
                }
            }
        }
    }

    /// Saves the session where it is, or asks where.
    pub(super) fn save_session(&mut self, out: &mut Vec<Effect>) {
        match self.session.keeping.file.clone() {
            Some(path) => self.start_saving(path, self.if_own_is_there(), out),
            None => self.ask_for_path(PathPurpose::SaveSession, out),
        }
    }

    /// The session's own file is what is meant, unless another window has written it.
    fn if_own_is_there(&self) -> IfThere {
        self.session.keeping.stamp.map_or(IfThere::Ask, IfThere::ReplaceUnchanged)
    }

    fn start_saving(&mut self, path: PathBuf, if_there: IfThere, out: &mut Vec<Effect>) {
        // Pictures are read out of it later, from wherever the program is then.
        let path = std::path::absolute(&path).unwrap_or(path);
        if !self.begin(Busy::Saving(path.clone())) {
            return;
        }
        self.keep_fields();
        let snapshot = Box::new(Snapshot { closed: self.history.closed(), ..self.snapshot() });
        let options = SaveOptions { with_pictures: self.session.keeping.with_pictures };
        // However it was named.
        let is_own = self.session.keeping.file.as_ref() == Some(&path);
        let if_there = if is_own && if_there == IfThere::Ask { self.if_own_is_there() } else { if_there };
        out.push(Effect::Storage(StorageJob::Save { path, snapshot, options, if_there }));
    }

    /// Notes what is being read or written from now on; `false` where something else is, which is said.
    fn begin(&mut self, what: Busy) -> bool {
        if let Some(busy) = &self.session.keeping.busy {
            let text = format!("{} This has to end first: try again in a moment", busy.words());
            self.session.notify(text, Tone::Failure);
            return false;
        }
        self.session.keeping.busy = Some(what);
        true
    }

    /// Goes on to what ends the session, or asks first.
    pub(super) fn leave(&mut self, leaving: Leaving, out: &mut Vec<Effect>) {
        self.close_fields();
        if self.waits_for(&leaving).is_some() || self.would_lose() {
            self.session.keeping.departure = Departure::Asking(leaving);
        } else {
            self.left(leaving, out);
        }
    }

    /// Leaves, once nothing that was waited for goes on and nothing would be lost.
    pub(super) fn go_on_leaving(&mut self, out: &mut Vec<Effect>) {
        if let Departure::Asking(leaving) = self.session.keeping.departure.clone()
            && self.waits_for(&leaving).is_none()
            && !self.would_lose()
        {
            self.left(leaving, out);
        }
    }

    fn leave_answered(&mut self, answer: LeaveAnswer, out: &mut Vec<Effect>) {
        let Some(leaving) = self.session.keeping.departure.leaving().cloned() else { return };
        match answer {
            LeaveAnswer::Stay => self.session.keeping.departure = Departure::Staying,
            LeaveAnswer::Discard => self.left(leaving, out),
            LeaveAnswer::Save => {
                self.session.keeping.departure = Departure::Saving(leaving);
                self.save_session(out);
            }
        }
    }

    fn left(&mut self, leaving: Leaving, out: &mut Vec<Effect>) {
        self.session.keeping.departure = Departure::Staying;
        match leaving {
            Leaving::Quit => {
                self.session.keeping.departure = Departure::MayClose;
                out.push(Effect::Quit);
            }
            Leaving::Begin => self.replace_session(Opened::default(), None, out),
            Leaving::Open(path) => {
                let path = std::path::absolute(&path).unwrap_or(path);
                if self.begin(Busy::Opening(path.clone())) {
                    out.push(Effect::Storage(StorageJob::Open(path)));
                }
            }
            Leaving::Recover(folder) => {
                if self.begin(Busy::Recovering) {
                    out.push(Effect::Storage(StorageJob::Recover(folder)));
                }
            }
        }
    }

    fn storage_event(&mut self, event: StorageEvent, out: &mut Vec<Effect>) {
        match event {
            StorageEvent::LookedAround { recent, recoverable } => {
                self.session.keeping.recent = recent;
                self.session.keeping.recoverable = recoverable;
            }
            StorageEvent::RecentElsewhere(elsewhere) => {
                self.session.keeping.remember_others(elsewhere);
                out.push(Effect::Storage(StorageJob::Remember(self.session.keeping.recent.clone())));
            }
            StorageEvent::Opened { path, recovered, result } => self.opened(path, recovered, result, out),
            StorageEvent::Saved { path, snapshot, result } => self.saved(&path, &snapshot, result, out),
            StorageEvent::InTheWay(path) => {
                self.session.keeping.busy = None;
                self.session.keeping.in_the_way = Some(path);
            }
            StorageEvent::NotKept(message) => self.session.notify(message, Tone::Failure),
            StorageEvent::Refused(job) => self.refused(&job),
            StorageEvent::Found(found) => self.found_along(found, out),
            StorageEvent::FolderListed { folder, result } => self.folder_listed(&folder, result, out),
        }
        self.go_on_leaving(out);
    }

    fn refused(&mut self, job: &StorageJob) {
        match job {
            StorageJob::Open(_) | StorageJob::Recover(_) | StorageJob::Save { .. } => {
                self.session.keeping.busy = None;
            }
            StorageJob::LookAround
            | StorageJob::LookAgain
            | StorageJob::Discard(_)
            | StorageJob::Remember(_)
            | StorageJob::ListFolder(_)
            | StorageJob::LookFor(_) => {}
        }
        self.session.notify(TOO_MUCH, Tone::Failure);
    }

    fn saved(
        &mut self,
        path: &Path,
        snapshot: &Snapshot,
        result: Result<Saved, String>,
        out: &mut Vec<Effect>,
    ) {
        let keeping = &mut self.session.keeping;
        keeping.busy = None;
        let saved = match result {
            Ok(saved) => saved,
            Err(message) => {
                keeping.departure = Departure::Staying;
                self.session.notify(message, Tone::Failure);
                return;
            }
        };
        keeping.saved = snapshot.document.clone();
        keeping.saved_writing =
            Writing { drafts: snapshot.drafts.clone(), going_on: snapshot.going_on.clone() };
        (keeping.file, keeping.stamp) = (Some(path.to_owned()), saved.stamp);
        keeping.beside_damaged = None;
        self.now_lie_in(path, saved.stored, saved.closed);
        if saved.missing.is_empty() {
            self.session.notify(format!("Saved {}", name_of(path)), Tone::Note);
        } else {
            let text = format!("{} was saved without {}", name_of(path), saved.missing.join("; "));
            self.session.notify(text, Tone::Failure);
        }
        self.remember_session(path, out);
        // Who left without waiting for the file has been answered now, if nothing would be lost.
        let Departure::Saving(leaving) = self.session.keeping.departure.clone() else { return };
        if self.is_written() && self.waits_for(&leaving).is_none() {
            // A reply that is being written is in the file as far as it had come.
            self.left(leaving, out);
        } else {
            // What was changed while the file was being written is asked about again.
            self.session.keeping.departure = Departure::Asking(leaving);
        }
    }

    /// Notes where pictures lie now that a session file was written. Those that were closed and lay in
    /// the file before are in memory alone: closing can be undone.
    fn now_lie_in(
        &mut self,
        path: &Path,
        stored: HashMap<ImageId, StoredImage>,
        closed: HashMap<ImageId, Arc<Pixels>>,
    ) {
        let keeping = &mut self.session.keeping;
        let before = std::mem::replace(&mut keeping.stored, stored);
        let can_come_back = self.history.closed();
        let elsewhere = can_come_back.iter().filter_map(|picture| {
            let (image, stored) = before.get_key_value(&picture.id)?;
            (stored.container != path).then(|| (*image, stored.clone()))
        });
        keeping.stored.extend(elsewhere);
        keeping.only_in_memory.retain(|image| can_come_back.iter().any(|picture| picture.id == *image));
        for (image, pixels) in closed {
            keeping.only_in_memory.insert(image);
            self.session.pixels.insert(image, pixels);
        }
    }

    pub(super) fn remember_session(&mut self, path: &Path, out: &mut Vec<Effect>) {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        self.session.keeping.remember(&path);
        out.push(Effect::Storage(StorageJob::Remember(self.session.keeping.recent.clone())));
    }

    fn folder_listed(&mut self, folder: &Path, result: Result<Vec<PathBuf>, String>, out: &mut Vec<Effect>) {
        match result {
            Ok(paths) if paths.is_empty() => {
                self.session.notify(format!("There are no pictures in {}", folder.display()), Tone::Note);
            }
            Ok(paths) => self.open_files(paths, out),
            Err(message) => self.session.notify(message, Tone::Failure),
        }
    }
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
