//! Opening, showing and closing pictures.

use std::path::PathBuf;
use std::sync::Arc;

use glamm_engine::protocol::{EngineCommand, ImageId};
use glamm_engine::scenes::NEW;

use crate::action::Effect;
use crate::canvas::view::Viewpoint;
use crate::document::{Document, Origin, Picture, Step};
use crate::notice::{NoticeId, Tone};
use crate::pictures::pixels::Pixels;
use crate::pictures::{LoaderEvent, Source};
use crate::state::State;
use crate::state::exporting::Batch;
use crate::state::keeping::Leaving;
use crate::state::session::{Arrival, Encoding};
use crate::storage::is_session;
use crate::words::name_of;

/// More files at once are most likely a mistake.
const MAX_FILES_AT_ONCE: usize = 5000;
/// Pictures that the loader is asked for at a time.
const MAX_LOADING: usize = 16;
/// Small copies of closed pictures that are kept.
const MAX_CLOSED_THUMBNAILS: usize = 32;
/// Pixels of all pictures in memory, where they can be had again; each takes about four bytes.
const MAX_PIXELS: u64 = 250_000_000;

impl State {
    pub(super) fn open_files(&mut self, mut paths: Vec<PathBuf>, out: &mut Vec<Effect>) {
        if let Some(session) = paths.iter().find(|path| is_session(path)) {
            // A session takes the place of everything else.
            if paths.len() > 1 {
                let (name, others) = (name_of(session), paths.len() - 1);
                self.session
                    .notify(format!("{name} is opened alone: {others} other files are left out"), Tone::Note);
            }
            return self.leave(Leaving::Open(session.clone()), out);
        }
        if paths.len() > MAX_FILES_AT_ONCE {
            let left_out = paths.len() - MAX_FILES_AT_ONCE;
            paths.truncate(MAX_FILES_AT_ONCE);
            let text =
                format!("Only the first {MAX_FILES_AT_ONCE} files are opened; {left_out} are left out");
            self.session.notify(text, Tone::Note);
        }
        let together = self.session.fresh_list();
        for (place, path) in paths.into_iter().enumerate() {
            // However it was typed, it is the same file.
            let path = std::path::absolute(&path).unwrap_or(path);
            let origin = Origin::File(path.clone());
            if let Some(id) = self.document().pictures().iter().find(|p| p.origin == origin).map(|p| p.id) {
                if place == 0 {
                    self.select_picture(id, out);
                }
            } else if let Some(arrival) = self.session.arrivals.iter_mut().find(|a| a.origin == origin) {
                arrival.select |= place == 0;
            } else {
                self.expect(origin, Source::File(path), (place == 0, together), out);
            }
        }
    }

    pub(super) fn open_pasted(&mut self, image: Arc<egui::ColorImage>, out: &mut Vec<Effect>) {
        let list = self.session.fresh_list();
        self.expect(Origin::Clipboard, Source::Pasted(image), (true, list), out);
    }

    pub(super) fn open_clipboard(&mut self, out: &mut Vec<Effect>) {
        let list = self.session.fresh_list();
        self.expect(Origin::Clipboard, Source::Clipboard, (true, list), out);
    }

    pub(super) fn open_scene(&mut self, seed: u64, select: bool, out: &mut Vec<Effect>) {
        let list = self.session.fresh_list();
        self.expect(Origin::Scene { seed }, Source::Scene(seed), (select, list), out);
    }

    /// A scene that hardly anybody has seen: seeded by the clock.
    pub(super) fn new_scene(&mut self, out: &mut Vec<Effect>) {
        let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let seed = seed_at(clock.map_or(0, |since| since.as_micros() as u64));
        self.open_scene(seed, true, out);
    }

    /// Waits for a picture: whether it is to be shown, and in which list it stands if it cannot be had.
    fn expect(
        &mut self,
        origin: Origin,
        source: Source,
        (select, list): (bool, NoticeId),
        out: &mut Vec<Effect>,
    ) {
        let image = self.session.fresh_image();
        let name = Self::name_of(&origin);
        self.session.arrivals.push(Arrival { image, name, origin, select, list, preview: None });
        self.session.wanted.push_back((image, source));
        self.load_wanted(out);
    }

    /// Asks the loader for the next pictures, a few at a time.
    pub(super) fn load_wanted(&mut self, out: &mut Vec<Effect>) {
        while self.session.loading.len() < MAX_LOADING {
            let Some((image, source)) = self.session.wanted.pop_front() else { return };
            self.session.loading.insert(image);
            out.push(Effect::Load { image, source });
        }
    }

    /// Notes that the pixels of a picture of the document are wanted.
    pub(super) fn want_pixels(&mut self, image: ImageId, at_once: bool) {
        let session = &mut self.session;
        let waits = session.wanted.iter().any(|(wanted, _)| *wanted == image);
        if session.pixels.contains_key(&image) || session.loading.contains(&image) || waits && !at_once {
            return;
        }
        session.wanted.retain(|(wanted, _)| *wanted != image);
        if let Some(source) = self.kept_source(image) {
            let wanted = &mut self.session.wanted;
            if at_once { wanted.push_front((image, source)) } else { wanted.push_back((image, source)) }
        }
    }

    pub(super) fn loader_event(&mut self, event: LoaderEvent, out: &mut Vec<Effect>) {
        match event {
            LoaderEvent::Previewed { image, preview } => {
                if let Some(arrival) = self.session.arrivals.iter_mut().find(|a| a.image == image) {
                    arrival.preview = Some(preview);
                }
            }
            LoaderEvent::Loaded { image, result } => self.picture_loaded(image, result, out),
        }
    }

    fn picture_loaded(&mut self, image: ImageId, result: Result<Arc<Pixels>, String>, out: &mut Vec<Effect>) {
        self.session.loading.remove(&image);
        if let Some(at) = self.session.arrivals.iter().position(|a| a.image == image) {
            let arrival = self.session.arrivals.remove(at);
            match result {
                Err(message) => {
                    self.never_came(image, &arrival.name, &message);
                    self.session.notify_in_list(arrival.list, message, "files could not be opened");
                    out.push(Effect::ForgetPicture(image));
                }
                Ok(pixels) => self.arrived(image, arrival, pixels, out),
            }
        } else if let Some(picture) = self.document().picture(image).cloned() {
            self.pixels_came(&picture, result, out);
        }
        self.trim_pixels(MAX_PIXELS, out);
        self.load_wanted(out);
    }

    fn arrived(&mut self, image: ImageId, arrival: Arrival, pixels: Arc<Pixels>, out: &mut Vec<Effect>) {
        let picture = Picture::new(image, arrival.name, arrival.origin, pixels.size());
        self.hold_pixels(image, pixels);
        self.history.open(&Arc::new(picture));
        let better_comes = self.session.arrivals.iter().any(|other| other.select);
        if arrival.select || self.ui.current.is_none() && !better_comes {
            self.select_picture(image, out);
        }
    }

    /// The pixels of a picture that is in the document already.
    fn pixels_came(&mut self, picture: &Picture, result: Result<Arc<Pixels>, String>, out: &mut Vec<Effect>) {
        let fitting = result.and_then(|pixels| {
            let ((width, height), (was_wide, was_high)) = (pixels.size(), picture.size);
            let reason =
                || format!("it has {width} × {height} pixels now instead of {was_wide} × {was_high}");
            if pixels.size() == picture.size { Ok(pixels) } else { Err(reason()) }
        });
        match fitting {
            Ok(pixels) => {
                self.session.unavailable.remove(&picture.id);
                self.session.tell_missing_are_there();
                self.hold_pixels(picture.id, pixels);
                if self.ui.current == Some(picture.id) {
                    self.encode(picture.id, out);
                }
            }
            Err(reason) => {
                self.session.notify_missing(format!("{} is missing: {reason}", picture.name));
                self.session.unavailable.insert(picture.id, reason);
            }
        }
    }

    fn hold_pixels(&mut self, image: ImageId, pixels: Arc<Pixels>) {
        self.session.thumbnails.insert(image, Arc::clone(&pixels.thumbnail));
        self.session.pixels.insert(image, pixels);
        self.session.lately_used.retain(|used| *used != image);
        self.session.lately_used.push(image);
    }

    /// Lets go of pixels beyond so many that can be had again, those not looked at for longest first. What was
    /// drawn of them goes, too: they may be others when they are read again.
    pub(super) fn trim_pixels(&mut self, most: u64, out: &mut Vec<Effect>) {
        let area = |pixels: &Pixels| u64::from(pixels.size().0) * u64::from(pixels.size().1);
        let mut held: u64 = self.session.pixels.values().map(|pixels| area(pixels)).sum();
        for image in self.session.lately_used.clone() {
            if held <= most {
                return;
            }
            if !self.is_needed(image) {
                if let Some(pixels) = self.session.pixels.remove(&image) {
                    held -= area(&pixels);
                    out.push(Effect::ForgetPicture(image));
                }
                if self.session.encodings.remove(&image).is_some() {
                    out.push(Effect::Engine(EngineCommand::CloseImage(image)));
                }
                self.session.lately_used.retain(|used| *used != image);
            }
        }
    }

    /// Whether the pixels of a picture are used, or could not be had again.
    pub(super) fn is_needed(&self, image: ImageId) -> bool {
        let session = &self.session;
        let pasted = |picture: &Picture| {
            picture.origin == Origin::Clipboard && !session.keeping.stored.contains_key(&image)
        };
        let is_asked_about = |batch: &Batch| batch.current.is_some_and(|(current, _)| current == image);
        self.ui.current == Some(image)
            || session.batch.as_ref().is_some_and(is_asked_about)
            || session.job_about(image).is_some()
            || session.keeping.only_in_memory.contains(&image)
            || session.segmentation.as_ref().is_some_and(|running| running.image == image)
            || session.findings.mapping.as_ref().is_some_and(|(_, (mapped, _))| *mapped == image)
            || self.document().picture(image).is_some_and(|picture| pasted(picture))
    }

    pub(super) fn select_picture(&mut self, image: ImageId, out: &mut Vec<Effect>) {
        if self.document().picture(image).is_none() {
            return;
        }
        if self.ui.current != Some(image) {
            self.close_fields();
            let before = self.picture().map(|picture| (picture.size, self.ui.view(picture.id)));
            self.carry_view(before, image);
            self.leave_picture();
            self.ui.current = Some(image);
            self.session.lately_used.retain(|used| *used != image);
            self.session.lately_used.push(image);
        }
        // What was missing may be there by now.
        self.session.unavailable.remove(&image);
        self.want_pixels(image, true);
        self.load_wanted(out);
        self.encode(image, out);
    }

    /// No picture is shown any more: what was begun on the one that was ends.
    pub(super) fn leave_picture(&mut self) {
        self.session.cancel_segmentation();
        self.put_brush_down();
        let ui = &mut self.ui;
        // A threshold that was not let go of belongs to the mask it was begun on.
        ui.inspection.threshold = None;
        ui.current = None;
        ui.selected_region = None;
        ui.gesture = None;
        ui.hovered.clear();
        ui.prompt_awaiting_region = None;
        (ui.prompted, ui.offered_at) = (None, None);
    }

    /// Closing can be undone, and the small copy is shown then until the picture is read again: those of the
    /// pictures that were closed last are kept.
    fn forget_old_thumbnails(&mut self, closed: ImageId) {
        self.session.closed.push_back(closed);
        if self.session.closed.len() > MAX_CLOSED_THUMBNAILS
            && let Some(oldest) = self.session.closed.pop_front()
            && self.document().picture(oldest).is_none()
            && !self.session.pixels.contains_key(&oldest)
        {
            self.session.thumbnails.remove(&oldest);
        }
    }

    /// Looks at the next picture as at the present one, where the user wants that: at the same zoom,
    /// at the same share of its width and height.
    fn carry_view(&mut self, before: Option<((u32, u32), Viewpoint)>, next: ImageId) {
        let (true, Some((size, view)), Some(after)) =
            (self.ui.looks.keep_zoom, before, self.document().picture(next))
        else {
            return;
        };
        let view = match view {
            Viewpoint::Fit => Viewpoint::Fit,
            Viewpoint::Free { scale, center } => {
                let share = |at: f32, from: u32, to: u32| at / from.max(1) as f32 * to as f32;
                let x = share(center.x, size.0, after.size.0);
                let y = share(center.y, size.1, after.size.1);
                Viewpoint::Free { scale, center: egui::pos2(x, y) }
            }
        };
        self.ui.views.insert(next, view);
    }

    /// Whether the engine has a picture, as far as is known.
    pub(super) fn is_handed_over(&self, image: ImageId) -> bool {
        matches!(self.session.encodings.get(&image), Some(Encoding::Waiting | Encoding::Done(_)))
    }

    /// [`Self::encode`]; returns whether the engine has the picture now.
    pub(super) fn hand_over(&mut self, image: ImageId, out: &mut Vec<Effect>) -> bool {
        self.encode(image, out);
        self.is_handed_over(image)
    }

    /// Gives the picture to the engine, which encodes it ahead of the first question.
    pub(super) fn encode(&mut self, image: ImageId, out: &mut Vec<Effect>) {
        if self.is_handed_over(image) {
            return;
        }
        if let Some(pixels) = self.session.pixels.get(&image) {
            self.session.closing.retain(|closing| *closing != image);
            self.session.encodings.insert(image, Encoding::Waiting);
            let pixels = Arc::clone(&pixels.rgb);
            out.push(Effect::Engine(EngineCommand::OpenImage { image, pixels }));
        }
    }

    pub(super) fn step_picture(&mut self, by: isize, out: &mut Vec<Effect>) {
        let pictures = self.document().pictures();
        // Without one that is shown, as from the first.
        let at = pictures.iter().position(|p| Some(p.id) == self.ui.current).unwrap_or(0);
        let next = Self::beside(Some(at), by, pictures.len()).and_then(|next| pictures.get(next));
        if let Some(id) = next.map(|p| p.id) {
            self.select_picture(id, out);
        }
    }

    pub(super) fn close_picture(&mut self, image: ImageId, out: &mut Vec<Effect>) {
        if self.ui.current == Some(image) {
            // What is written in its fields is closed with it.
            self.close_fields();
        }
        let before = self.document().clone();
        self.history.close(image);
        self.put_closed_away(&before, out);
    }

    /// Makes the last undone step again, which may be that a picture was closed.
    pub(super) fn redo(&mut self, out: &mut Vec<Effect>) -> Option<Step> {
        let before = self.document().clone();
        let step = self.history.redo();
        self.put_closed_away(&before, out);
        step
    }

    /// Lets go of the pictures that were open before and are not any more; where the one on the canvas is among
    /// them, the one beside it is shown.
    fn put_closed_away(&mut self, before: &Document, out: &mut Vec<Effect>) {
        let is_open = |state: &Self, picture: &Picture| state.document().picture(picture.id).is_some();
        for (at, closed) in before.pictures().iter().enumerate() {
            if is_open(self, closed) {
                continue;
            }
            let (earlier, later) = before.pictures().split_at(at);
            let beside = later.iter().chain(earlier.iter().rev()).find(|other| is_open(self, other));
            self.put_away(closed, beside.map(|picture| picture.id), out);
        }
    }

    /// Lets go of a picture that was closed. Since closing can be undone, it is still known how it was looked
    /// at, what was being written about it, and which question could not be answered.
    fn put_away(&mut self, closed: &Picture, neighbour: Option<ImageId>, out: &mut Vec<Effect>) {
        let image = closed.id;
        if self.session.job_about(image).is_some() {
            self.take_question_back(closed);
            self.stop();
        }
        // What was pasted is nowhere else, and closing can be undone.
        let is_elsewhere =
            closed.origin != Origin::Clipboard || self.session.keeping.stored.contains_key(&image);
        if is_elsewhere {
            self.session.pixels.remove(&image);
        } else {
            self.session.keeping.only_in_memory.insert(image);
        }
        if self.session.encodings.remove(&image).is_some() {
            out.push(Effect::Engine(EngineCommand::CloseImage(image)));
        }
        out.push(Effect::ForgetPicture(image));
        self.forget_old_thumbnails(image);
        if self.ui.current == Some(image) {
            self.leave_picture();
            if let Some(next) = neighbour {
                self.carry_view(Some((closed.size, self.ui.view(image))), next);
                self.select_picture(next, out);
            }
        }
    }
}

/// The seed of a new scene at a time in microseconds.
fn seed_at(time: u64) -> u64 {
    NEW.start + time % (NEW.end - NEW.start)
}

#[cfg(test)]
mod tests {
    use glamm_engine::scenes::HELD_OUT;

    use super::*;

    #[test]
    fn new_scenes_are_none_that_are_held_out() {
        for time in [0, 1, HELD_OUT.end, NEW.end - 1, NEW.end, 1_800_000_000_000_000, u64::MAX] {
            assert!(NEW.contains(&seed_at(time)) && !HELD_OUT.contains(&seed_at(time)), "{time}");
        }
    }
}
