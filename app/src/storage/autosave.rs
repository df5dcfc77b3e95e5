//! The thread that keeps the work while the program runs.
//!
//! The window hands over what there is now; the thread writes the latest of it, twice a second at
//! most, and sleeps where nothing changes. The window never waits for it. Pictures that are nowhere else
//! are made ready on another thread, one at a time, so that the work need not wait for them either; what
//! could not be written is tried again after a while.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use glamm_engine::protocol::ImageId;

use super::abandoned::Abandoned;
use super::images;
use super::recovery::RecoveryFolder;
use super::snapshot::Snapshot;
use crate::document::Picture;

/// Rest between two writes.
const REST: Duration = Duration::from_millis(500);
/// What could not be written is tried again after this long.
const PATIENCE: Duration = Duration::from_secs(3);

enum Wish {
    Keep(Box<Snapshot>),
    Clear,
}

/// What there is to do.
enum Task {
    Wish(Wish),
    /// A picture was made ready.
    Write(ReadyImage),
    /// Try what failed.
    Again,
}

/// A picture as it is written, or why it cannot be had.
struct ReadyImage {
    image: ImageId,
    bytes: Result<Vec<u8>, String>,
}

/// Makes a picture ready to be written.
type Encoder = fn(&Picture, &Snapshot) -> Result<Vec<u8>, String>;

#[derive(Default)]
struct Desk {
    wish: Option<Wish>,
    ready: Option<ReadyImage>,
    /// What another program left and this one has taken over.
    adopted: Vec<Abandoned>,
    end: End,
}

/// Whether the program ends, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum End {
    #[default]
    NotYet,
    /// The user has left: what is not saved is not wanted.
    Well,
    /// Nobody was asked: by a panic, or because the desktop went away.
    Suddenly,
}

#[derive(Default)]
struct Shared {
    desk: Mutex<Desk>,
    changed: Condvar,
}

impl Shared {
    fn with<T>(&self, work: impl FnOnce(&mut Desk) -> T) -> T {
        work(&mut self.desk.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The window's end of the thread. Dropping it is a sudden end, for which the work was kept: it is written
/// to its last change, and stays. [`Self::end_well`] is the other one.
pub struct Autosave {
    shared: Arc<Shared>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Autosave {
    /// Starts the thread, with a folder of its own below `root`. `complain` is told, once, what keeps
    /// the work from being kept.
    ///
    /// # Errors
    /// Where the system has no thread to give.
    pub fn start(root: &Path, complain: impl Fn(String) + Send + 'static) -> io::Result<Self> {
        Self::start_with(root, complain, images::bytes)
    }

    fn start_with(
        root: &Path,
        complain: impl Fn(String) + Send + 'static,
        encoder: Encoder,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let keeper = Keeper {
            shared: Arc::clone(&shared),
            root: root.to_owned(),
            encoder,
            folder: None,
            latest: None,
            failed: false,
            encoding: false,
        };
        let thread =
            std::thread::Builder::new().name("autosave".to_owned()).spawn(move || keeper.work(&complain))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Hands over what there is now; what was handed over before and not written yet is out of date.
    pub fn keep(&self, snapshot: Snapshot) {
        self.wish(Wish::Keep(Box::new(snapshot)));
    }

    /// Says that there is nothing to lose.
    pub fn clear(&self) {
        self.wish(Wish::Clear);
    }

    /// Says that the program ends as it should: nothing of what was kept is to stay.
    pub fn end_well(&self) {
        self.end(End::Well);
    }

    fn end(&self, end: End) {
        self.shared.with(|desk| {
            if desk.end == End::NotYet {
                desk.end = end;
            }
        });
        self.shared.changed.notify_one();
    }

    /// What can give the thread a folder from elsewhere.
    pub(super) fn adopter(&self) -> Adopter {
        Adopter(Arc::clone(&self.shared))
    }

    fn wish(&self, wish: Wish) {
        self.shared.with(|desk| desk.wish = Some(wish));
        self.shared.changed.notify_one();
    }
}

/// Gives the thread what other programs left.
pub(super) struct Adopter(Arc<Shared>);

impl Adopter {
    /// Takes over what another program left. It goes as soon as this one has its own copy, or ends well.
    pub(super) fn adopt(&self, abandoned: Abandoned) {
        self.0.with(|desk| desk.adopted.push(abandoned));
    }
}

impl Drop for Autosave {
    fn drop(&mut self) {
        self.end(End::Suddenly);
        if let Some(thread) = self.thread.take() {
            // It has nothing left to do but to write the last change, or to remove its folder.
            let _ = thread.join();
        }
    }
}

/// The thread's own.
struct Keeper {
    shared: Arc<Shared>,
    root: PathBuf,
    encoder: Encoder,
    folder: Option<RecoveryFolder>,
    /// What is to be kept, for as long as not all of it is.
    latest: Option<Box<Snapshot>>,
    /// Whether it could not be written.
    failed: bool,
    /// Whether a picture is being made ready.
    encoding: bool,
}

impl Keeper {
    fn work(mut self, complain: &impl Fn(String)) {
        let mut complained = false;
        while let Some(task) = self.next() {
            let rests = !matches!(task, Task::Write(_));
            match self.carry_out(task) {
                Ok(()) => complained = false,
                Err(error) => {
                    self.failed = true;
                    if !std::mem::replace(&mut complained, true) {
                        let place = self.root.display();
                        complain(format!(
                            "Your work is not being kept against a sudden end: {place}: {error}"
                        ));
                    }
                }
            }
            if rests {
                rest(&self.shared);
            }
        }
        let (end, adopted) = self.shared.with(|desk| (desk.end, std::mem::take(&mut desk.adopted)));
        if end == End::Well {
            adopted.into_iter().for_each(Abandoned::delete);
            if let Some(folder) = self.folder.take() {
                folder.delete();
            }
        }
    }

    /// Waits for what is to be done, for a while at most where something failed; `None` at the end, which at
    /// a sudden one comes once the last change is written.
    fn next(&self) -> Option<Task> {
        let patience = self.failed.then_some(PATIENCE);
        let begin = Instant::now();
        let mut desk = self.shared.desk.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if desk.end == End::Well {
                return None;
            }
            if let Some(wish) = desk.wish.take() {
                return Some(Task::Wish(wish));
            }
            if let Some(ready) = desk.ready.take() {
                return Some(Task::Write(ready));
            }
            if desk.end == End::Suddenly && !self.encoding {
                return None;
            }
            let changed = &self.shared.changed;
            desk = match patience.map(|patience| patience.saturating_sub(begin.elapsed())) {
                None => changed.wait(desk).unwrap_or_else(PoisonError::into_inner),
                Some(Duration::ZERO) => return Some(Task::Again),
                Some(left) => changed.wait_timeout(desk, left).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
    }

    fn carry_out(&mut self, task: Task) -> io::Result<()> {
        match task {
            Task::Wish(Wish::Clear) => {
                (self.latest, self.failed) = (None, false);
                if self.folder.as_mut().is_some_and(RecoveryFolder::clear) {
                    self.shared.with(|desk| desk.adopted.iter().for_each(Abandoned::supersede));
                }
                Ok(())
            }
            Task::Wish(Wish::Keep(snapshot)) => {
                self.latest = Some(snapshot);
                self.keep()
            }
            Task::Again => self.keep(),
            Task::Write(ReadyImage { image, bytes }) => {
                self.encoding = false;
                if let (Some(folder), Some(snapshot)) = (&mut self.folder, &self.latest) {
                    folder.keep_image(snapshot, image, bytes)?;
                }
                self.go_on()
            }
        }
    }

    /// Writes the work.
    fn keep(&mut self) -> io::Result<()> {
        let Some(snapshot) = &self.latest else { return Ok(()) };
        let folder = match &mut self.folder {
            Some(folder) => folder,
            None => self.folder.insert(RecoveryFolder::create(&self.root)?),
        };
        folder.keep_work(snapshot)?;
        self.failed = false;
        self.go_on()
    }

    /// Has the next picture made ready; without one, all is kept.
    fn go_on(&mut self) -> io::Result<()> {
        let (Some(folder), Some(snapshot)) = (&self.folder, &self.latest) else { return Ok(()) };
        if self.encoding {
            return Ok(());
        }
        if let Some(picture) = folder.lacking(snapshot) {
            let (picture, snapshot) = (Arc::clone(picture), Snapshot::clone(snapshot));
            let (shared, encoder) = (Arc::clone(&self.shared), self.encoder);
            std::thread::Builder::new().name("autosave-picture".to_owned()).spawn(move || {
                let attempt = std::panic::AssertUnwindSafe(|| encoder(&picture, &snapshot));
                let bytes = std::panic::catch_unwind(attempt)
                    .unwrap_or_else(|_| Err("the program made a mistake over it".to_owned()));
                shared.with(|desk| desk.ready = Some(ReadyImage { image: picture.id, bytes }));
                shared.changed.notify_one();
            })?;
            self.encoding = true;
            return Ok(());
        }
        if !folder.has_lost_images(snapshot) {
            let is_here =
                |abandoned: &&Abandoned| snapshot.recovered_from.iter().any(|path| path == abandoned.path());
            self.shared.with(|desk| desk.adopted.iter().filter(is_here).for_each(Abandoned::supersede));
        }
        self.latest = None;
        Ok(())
    }
}

/// Waits a while, but not for the end.
fn rest(shared: &Shared) {
    let desk = shared.desk.lock().unwrap_or_else(PoisonError::into_inner);
    drop(shared.changed.wait_timeout_while(desk, REST, |desk| desk.end == End::NotYet));
}

/// Where recovery folders lie below the user's data.
pub fn recovery_root(data: &Path) -> PathBuf {
    data.join("recovery")
}

#[cfg(test)]
mod tests {
    use super::super::abandoned::abandoned;
    use super::super::tests::{document_of, snapshot};
    use super::*;
    use crate::storage::open;
    use std::fs;

    fn wait(what: &str, done: impl Fn() -> bool) {
        let begin = Instant::now();
        while !done() {
            assert!(begin.elapsed() < Duration::from_secs(30), "waited in vain for {what}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn folders(root: &Path) -> Vec<PathBuf> {
        fs::read_dir(root).into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
    }

    #[test]
    fn the_latest_is_kept_and_goes_at_the_end() {
        let root = tempfile::tempdir().unwrap();
        let autosave = Autosave::start(root.path(), |_| {}).unwrap();
        let last = snapshot(9);
        for seed in [1, 2, 3] {
            autosave.keep(snapshot(seed));
        }
        autosave.keep(last.clone());
        // While another one is being written, names and masks do not match yet.
        let is_kept = || {
            let found = folders(root.path()).first().and_then(|folder| open(folder).ok());
            let found = found.filter(|opened| opened.missing.is_empty());
            found.is_some_and(|opened| document_of(&opened, &last.document) == Some(last.document.clone()))
        };
        wait("the last", is_kept);
        autosave.clear();
        wait("nothing", || !folders(root.path())[0].join("session.json").exists());
        drop(autosave);
        assert!(folders(root.path()).is_empty(), "there is nothing to lose");
    }

    #[test]
    fn a_sudden_end_leaves_the_last_change_and_a_good_one_nothing() {
        let root = tempfile::tempdir().unwrap();
        let autosave = Autosave::start(root.path(), |_| {}).unwrap();
        autosave.keep(snapshot(1));
        autosave.keep(snapshot(2));
        // As when a panic unwinds, or the desktop goes away.
        drop(autosave);
        let mut found = abandoned(root.path());
        let opened = open(found[0].path()).unwrap();
        let last = snapshot(2).document;
        assert_eq!(document_of(&opened, &last), Some(last));
        assert!(opened.pictures[2].stored.is_some(), "the pasted picture");

        let autosave = Autosave::start(root.path(), |_| {}).unwrap();
        autosave.adopter().adopt(found.remove(0));
        autosave.keep(Snapshot { recovered_from: vec!["/elsewhere".into()], ..snapshot(3) });
        drop(autosave);
        let left = abandoned(root.path());
        assert_eq!(left.len(), 2, "what was taken over, too");

        let autosave = Autosave::start(root.path(), |_| {}).unwrap();
        for abandoned in left {
            autosave.adopter().adopt(abandoned);
        }
        autosave.keep(snapshot(4));
        autosave.end_well();
        drop(autosave);
        assert!(folders(root.path()).is_empty());
    }

    /// Waits for word from the test, as the encoder of a huge picture would take its time.
    fn slowly(picture: &Picture, snapshot: &Snapshot) -> Result<Vec<u8>, String> {
        while snapshot.recovered_from.iter().all(|gate| gate.exists()) {
            std::thread::sleep(Duration::from_millis(5));
        }
        images::bytes(picture, snapshot)
    }

    #[test]
    fn edits_are_kept_within_two_seconds_whatever_the_pictures_take() {
        let (root, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let gate = elsewhere.path().join("gate");
        fs::write(&gate, b"").unwrap();
        let autosave = Autosave::start_with(root.path(), |_| {}, slowly).unwrap();
        let kept = || folders(root.path()).first().and_then(|folder| open(folder).ok());
        let mut last = Snapshot { recovered_from: vec![gate.clone()], ..snapshot(1) };
        for draft in ["one", "two", "three"] {
            last.drafts.insert(ImageId(3), draft.to_owned());
            let begin = Instant::now();
            autosave.keep(last.clone());
            let is_kept =
                || kept().is_some_and(|opened| opened.pictures.get(2).is_some_and(|p| p.draft == draft));
            wait(draft, is_kept);
            assert!(begin.elapsed() < Duration::from_secs(2), "{draft}: {:?}", begin.elapsed());
        }
        assert!(kept().unwrap().pictures[2].stored.is_none(), "the pasted picture is on its way");
        fs::remove_file(&gate).unwrap();
        wait("the picture", || kept().is_some_and(|opened| opened.pictures[2].stored.is_some()));
    }

    #[test]
    fn what_could_not_be_written_is_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        fs::write(&root, b"in the way").unwrap();
        let (sender, receiver) = crossbeam::channel::bounded(8);
        let autosave = Autosave::start(&root, move |message| sender.try_send(message).unwrap()).unwrap();
        autosave.keep(snapshot(1));
        assert!(receiver.recv_timeout(Duration::from_secs(30)).is_ok());
        fs::remove_file(&root).unwrap();
        wait("the work", || folders(&root).first().is_some_and(|folder| open(folder).is_ok()));
        drop(autosave);
    }

    #[test]
    fn what_was_taken_over_goes_once_there_is_a_copy() {
        let root = tempfile::tempdir().unwrap();
        let left = root.path().join("left");
        fs::create_dir_all(left.join("pictures/1")).unwrap();
        fs::write(left.join("lock"), b"").unwrap();
        let index = r#"{"format":"glamm-session","schema":1,"pictures":["pictures/1"]}"#;
        fs::write(left.join("session.json"), index).unwrap();
        let found = abandoned(root.path()).pop().unwrap();
        let autosave = Autosave::start(root.path(), |_| {}).unwrap();
        autosave.adopter().adopt(found);
        autosave.keep(Snapshot { recovered_from: vec![left.clone()], ..snapshot(2) });
        wait("the copy", || left.join("superseded").exists());
        autosave.end_well();
        drop(autosave);
        assert!(folders(root.path()).is_empty());
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_said_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, b"").unwrap();
        let (sender, receiver) = crossbeam::channel::bounded(8);
        let autosave = Autosave::start(&file, move |message| sender.try_send(message).unwrap()).unwrap();
        autosave.keep(snapshot(1));
        let message = receiver.recv_timeout(Duration::from_secs(30)).unwrap();
        assert!(message.contains("file"), "{message}");
        autosave.keep(snapshot(2));
        std::thread::sleep(REST * 2);
        assert!(receiver.try_recv().is_err());
    }
}
