//! The thread that keeps the work while the program runs.
//!
//! The window hands over what there is now; the thread writes the latest of it, twice a second at
//! most, and sleeps where nothing changes. The window never waits for it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::recovery::{Abandoned, RecoveryFolder};
use super::snapshot::Snapshot;

/// Rest between two writes.
const REST: Duration = Duration::from_millis(500);

enum Wish {
    Keep(Box<Snapshot>),
    Clear,
}

#[derive(Default)]
struct Desk {
    wish: Option<Wish>,
    /// What another program left and this one has taken over.
    adopted: Vec<Abandoned>,
    ended: bool,
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

/// The window's end of the thread. Dropping it is the program's good end: nothing stays.
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
        let shared = Arc::new(Shared::default());
        let (theirs, root) = (Arc::clone(&shared), root.to_owned());
        let thread = std::thread::Builder::new()
            .name("autosave".to_owned())
            .spawn(move || work(&theirs, &root, &complain))?;
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
        self.shared.with(|desk| desk.ended = true);
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            // It has nothing left to do but to remove its folder.
            let _ = thread.join();
        }
    }
}

fn work(shared: &Shared, root: &Path, complain: &impl Fn(String)) {
    let mut folder: Option<RecoveryFolder> = None;
    let mut complained = false;
    while let Some(wish) = next(shared) {
        let result = match wish {
            Wish::Clear => {
                if folder.as_mut().is_some_and(RecoveryFolder::clear) {
                    shared.with(|desk| desk.adopted.iter().for_each(Abandoned::supersede));
                }
                Ok(())
            }
            Wish::Keep(snapshot) => keep(&mut folder, root, &snapshot, shared),
        };
        match result {
            Ok(()) => complained = false,
            Err(error) if !complained => {
                complained = true;
                let place = root.display();
                complain(format!("Your work is not being kept against a sudden end: {place}: {error}"));
            }
            Err(_) => {}
        }
        rest(shared);
    }
    for abandoned in shared.with(|desk| std::mem::take(&mut desk.adopted)) {
        abandoned.delete();
    }
}

fn keep(
    folder: &mut Option<RecoveryFolder>,
    root: &Path,
    snapshot: &Snapshot,
    shared: &Shared,
) -> io::Result<()> {
    let folder = match folder {
        Some(folder) => folder,
        None => folder.insert(RecoveryFolder::create(root)?),
    };
    folder.keep(snapshot)?;
    let is_here =
        |abandoned: &&Abandoned| snapshot.recovered_from.iter().any(|path| path == abandoned.path());
    shared.with(|desk| desk.adopted.iter().filter(is_here).for_each(Abandoned::supersede));
    Ok(())
}

/// Waits for the next wish; `None` at the end.
fn next(shared: &Shared) -> Option<Wish> {
    let mut desk = shared.desk.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        if desk.ended {
            return None;
        }
        if let Some(wish) = desk.wish.take() {
            return Some(wish);
        }
        desk = shared.changed.wait(desk).unwrap_or_else(PoisonError::into_inner);
    }
}

/// Waits a while, but not for the end.
fn rest(shared: &Shared) {
    let desk = shared.desk.lock().unwrap_or_else(PoisonError::into_inner);
    drop(shared.changed.wait_timeout_while(desk, REST, |desk| !desk.ended));
}

/// Where recovery folders lie below the user's data.
pub fn recovery_root(data: &Path) -> PathBuf {
    data.join("recovery")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::super::tests::{document_of, snapshot};
    use super::*;
    use crate::storage::{open, recovery};
    use std::fs;
    use std::time::Instant;

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
        assert!(folders(root.path()).is_empty());
    }

    #[test]
    fn what_was_taken_over_goes_once_there_is_a_copy() {
        let root = tempfile::tempdir().unwrap();
        let left = root.path().join("left");
        fs::create_dir_all(left.join("pictures/1")).unwrap();
        fs::write(left.join("lock"), b"").unwrap();
        let index = r#"{"format":"glamm-session","schema":1,"pictures":["pictures/1"]}"#;
        fs::write(left.join("session.json"), index).unwrap();
        let found = recovery::abandoned(root.path()).pop().unwrap();
        let autosave = Autosave::start(root.path(), |_| {}).unwrap();
        autosave.adopter().adopt(found);
        autosave.keep(Snapshot { recovered_from: vec![left.clone()], ..snapshot(2) });
        wait("the copy", || left.join("superseded").exists());
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
