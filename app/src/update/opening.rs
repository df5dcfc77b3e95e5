//! A session that was read takes the place of the present one.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use glamm_engine::protocol::{EngineCommand, ImageId};

use crate::action::Effect;
use crate::document::{Document, History};
use crate::notice::Tone;
use crate::pictures::Source;
use crate::state::State;
use crate::state::exporting::Batch;
use crate::state::keeping::{Busy, Writing};
use crate::state::ui_state::Editing;
use crate::storage::{EditedQuestion, GoingOn, Opened, SESSION_EXTENSION, SavedAs};
use crate::words::name_of;

impl State {
    pub(super) fn opened(
        &mut self,
        path: PathBuf,
        recovered: bool,
        result: Result<Box<Opened>, String>,
        out: &mut Vec<Effect>,
    ) {
        // Who has given it up meanwhile does not want it any more.
        let awaited = if recovered { Busy::Recovering } else { Busy::Opening(path.clone()) };
        if self.session.keeping.busy.take_if(|busy| *busy == awaited).is_none() {
            return;
        }
        // Pictures are read out of it later, from wherever the program is then.
        let path = std::path::absolute(&path).unwrap_or(path);
        let mut opened = match result {
            Ok(opened) => *opened,
            Err(message) => {
                self.session.notify(message, Tone::Failure);
                self.session.keeping.recent.retain(|known| *known != path);
                return;
            }
        };
        if !opened.missing.is_empty() {
            let name = if recovered { "The recovered work".to_owned() } else { name_of(&path) };
            let text = format!("{name} is damaged. What is missing: {}", opened.missing.join("; "));
            self.session.notify(text, Tone::Failure);
        }
        let whole = opened.missing.is_empty();
        let own = SavedAs { path: path.clone(), is_newer: false };
        let file = if recovered { opened.saved_as.take() } else { Some(own) };
        let (file, other) = match file {
            // What is left of a damaged file must not take its place: others may get more out of it.
            Some(SavedAs { path, .. }) if !whole => (None, Some(beside(&path, "repaired"))),
            Some(SavedAs { path, is_newer: true }) => {
                let name = name_of(&path);
                let text =
                    format!("{name} was written after this work was begun: save it under another name");
                self.session.notify(text, Tone::Note);
                (None, Some(beside(&path, "recovered")))
            }
            file => (file.map(|file| file.path), None),
        };
        self.replace_session(opened, file, out);
        let keeping = &mut self.session.keeping;
        keeping.beside_damaged = other;
        if recovered {
            keeping.recovered_from.push(path);
        } else if whole {
            self.remember_session(&path, out);
        }
        if recovered || !whole {
            // It is not what lies in the file.
            self.session.keeping.saved = Document::default();
            self.session.keeping.saved_writing = Writing::default();
        }
    }

    /// Puts a session in place of the present one.
    pub(super) fn replace_session(
        &mut self,
        mut opened: Opened,
        file: Option<PathBuf>,
        out: &mut Vec<Effect>,
    ) {
        self.stop();
        self.close_all(out);
        let session = &mut self.session;
        opened.name(&mut || session.fresh_image().0);
        let mut document = Document::default();
        let mut current = None;
        let mut images = Vec::new();
        for (place, opened_picture) in opened.pictures.into_iter().enumerate() {
            let picture = opened_picture.picture;
            let image = picture.id;
            images.push(image);
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
        session.keeping.stamp = opened.stamp.filter(|_| file.is_some());
        session.keeping.file = file;
        session.keeping.beside_damaged = None;
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
        self.take_up(opened.going_on, &images);
        self.session.keeping.saved_writing = self.writing();
    }

    /// Goes on with what the user was at when the program ended; `images` are the pictures in order.
    fn take_up(&mut self, going_on: GoingOn<usize>, images: &[ImageId]) {
        let GoingOn { edited, question_for_all, run } = going_on;
        self.ui.editing = edited.and_then(|EditedQuestion { picture, conversation, exchange, text }| {
            let image = *images.get(picture)?;
            let there = self.document().picture(image)?.conversation(conversation)?;
            there.exchange(exchange)?;
            Some(Editing { image, conversation, exchange, draft: text })
        });
        self.session.batch_prompt = question_for_all;
        self.session.batch = run.and_then(|(question, places)| {
            let queue: VecDeque<ImageId> =
                places.into_iter().filter_map(|place| images.get(place).copied()).collect();
            let batch = Batch::new(self.session.fresh_run(), question, queue);
            (batch.total > 0).then_some(Batch { paused: true, ..batch })
        });
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
        session.closed.clear();
        session.pixels.clear();
        session.failures.clear();
        session.arrivals.clear();
        session.wanted.clear();
        session.loading.clear();
        session.unavailable.clear();
        session.missing_list = None;
        session.lately_used.clear();
        session.keeping.stored.clear();
        session.keeping.only_in_memory.clear();
        session.batch = None;
        session.batch_prompt = None;
        session.export = None;
        session.export_in_the_way = None;
        session.keeping.in_the_way = None;
        self.leave_picture();
        let ui = &mut self.ui;
        ui.views.clear();
        ui.drafts.clear();
        ui.conversations.clear();
        ui.pinned.clear();
        (ui.chat_settings, ui.renaming, ui.editing) = (None, None, None);
    }

    /// Where the loader finds a picture of the document.
    pub(super) fn kept_source(&self, image: ImageId) -> Option<Source> {
        let picture = self.document().picture(image)?;
        let stored = self.session.keeping.stored.get(&image).cloned();
        Some(Source::Kept { stored, origin: picture.origin.clone() })
    }
}

/// A name beside a file that is to stay as it is.
fn beside(path: &Path, what: &str) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    path.with_file_name(format!("{stem}-{what}.{SESSION_EXTENSION}"))
}
