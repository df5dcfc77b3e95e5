//! What is kept while the program runs, so that its sudden end costs next to nothing.
//!
//! Each running program has a folder of its own in the user's data, with the parts of a session file
//! unpacked: only what has changed is written, each part whole or not at all. The folder is locked
//! for as long as its program lives, and removed when it ends as it should; one that nobody holds was
//! left by a program that did not.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use glamm_engine::protocol::ImageId;

use super::atomic;
use super::encode::{self, EncodedPicture, MaskNames};
use super::images;
use super::masks;
use super::schema::{PICTURE_ENTRY, SESSION_ENTRY, SessionFile, StoredInFile};
use super::snapshot::Snapshot;
use crate::document::{ConversationId, Exchange, Origin, Picture};

const LOCK: &str = "lock";
/// In a folder whose content another one has taken over.
const SUPERSEDED: &str = "superseded";

/// The folder of this program.
#[derive(Debug)]
pub struct RecoveryFolder {
    path: PathBuf,
    _lock: File,
    names: MaskNames,
    written: HashMap<ImageId, WrittenPicture>,
    written_masks: HashSet<String>,
    index: Option<SessionFile>,
}

/// A picture as it was last written.
#[derive(Debug)]
struct WrittenPicture {
    picture: Arc<Picture>,
    draft: String,
    shown: Option<ConversationId>,
    unfinished: Option<Arc<Exchange>>,
    /// The part with the picture itself.
    image: Option<String>,
    /// Whether it was tried, and cannot be had.
    image_failed: bool,
}

impl RecoveryFolder {
    /// Makes a folder below `root`.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn create(root: &Path) -> io::Result<Self> {
        fs::create_dir_all(root)?;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        for attempt in 0..100 {
            let path = root.join(format!("{}-{}-{attempt}", now.as_secs(), std::process::id()));
            match fs::create_dir(&path) {
                Ok(()) => {
                    let lock = File::create(path.join(LOCK))?;
                    lock.try_lock().map_err(io::Error::from)?;
                    return Ok(Self {
                        path,
                        _lock: lock,
                        names: MaskNames::default(),
                        written: HashMap::new(),
                        written_masks: HashSet::new(),
                        index: None,
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes what has changed since the last time: the work first, then pictures that are nowhere else.
    ///
    /// # Errors
    /// Where the disk is full, say; what could be written is there.
    pub fn keep(&mut self, snapshot: &Snapshot) -> io::Result<()> {
        self.keep_work(snapshot)?;
        self.keep_images(snapshot)?;
        self.tidy(snapshot);
        Ok(())
    }

    /// Forgets everything: there is nothing to lose. Says whether there was something before.
    pub fn clear(&mut self) -> bool {
        let had_work = self.index.take().is_some();
        if had_work {
            // The index goes first: without it there is nothing to recover.
            let _ = fs::remove_file(self.path.join(SESSION_ENTRY));
            let _ = fs::remove_dir_all(self.path.join("pictures"));
        }
        self.written.clear();
        self.written_masks.clear();
        self.names = MaskNames::default();
        had_work
    }

    fn keep_work(&mut self, snapshot: &Snapshot) -> io::Result<()> {
        for picture in snapshot.document.pictures() {
            let unfinished = snapshot.unfinished(picture.id).map(|reply| Arc::clone(&reply.exchange));
            let shown = snapshot.conversations.get(&picture.id).copied();
            let draft = snapshot.draft(picture.id);
            let before = self.written.get(&picture.id);
            let same = before.is_some_and(|before| {
                let same_reply = match (&before.unfinished, &unfinished) {
                    (Some(a), Some(b)) => Arc::ptr_eq(a, b),
                    (None, None) => true,
                    _ => false,
                };
                let same_looks = before.draft == draft && before.shown == shown;
                same_reply && same_looks && Arc::ptr_eq(&before.picture, picture)
            });
            if same {
                continue;
            }
            let (image, image_failed) =
                before.map_or((None, false), |before| (before.image.clone(), before.image_failed));
            self.write_picture(picture, snapshot, image.clone())?;
            let (picture, draft) = (Arc::clone(picture), draft.to_owned());
            let written = WrittenPicture { picture, draft, shown, unfinished, image, image_failed };
            self.written.insert(written.picture.id, written);
        }
        let mut index = encode::session(snapshot);
        index.saved_as = snapshot.saved_as.as_ref().map(|path| path.to_string_lossy().into_owned());
        if self.index.as_ref() != Some(&index) {
            atomic::write(&self.path.join(SESSION_ENTRY), &serde_json::to_vec_pretty(&index)?)?;
            self.index = Some(index);
        }
        Ok(())
    }

    fn write_picture(
        &mut self,
        picture: &Picture,
        snapshot: &Snapshot,
        image: Option<String>,
    ) -> io::Result<()> {
        let folder = self.path.join(encode::folder(picture.id));
        fs::create_dir_all(folder.join("masks"))?;
        let EncodedPicture { mut file, logits, .. } = encode::picture(picture, snapshot, &mut self.names);
        for (name, mask) in logits {
            let part = format!("{}/{name}", encode::folder(picture.id));
            if !self.written_masks.contains(&part) {
                atomic::write_soon(&self.path.join(&part), &masks::bytes(&mask)?)?;
                self.written_masks.insert(part);
            }
        }
        let in_session = snapshot.stored.get(&picture.id).filter(|stored| stored.container.is_file());
        file.stored_in = in_session.filter(|_| image.is_none()).map(|stored| StoredInFile {
            session: stored.container.to_string_lossy().into_owned(),
            part: stored.part.clone(),
        });
        file.image = image;
        atomic::write(&folder.join(PICTURE_ENTRY), &serde_json::to_vec(&file)?)
    }

    /// Pictures that cannot be had from elsewhere after the program's end.
    fn keep_images(&mut self, snapshot: &Snapshot) -> io::Result<()> {
        for picture in snapshot.document.pictures() {
            let only_here = match snapshot.stored.get(&picture.id) {
                Some(stored) => !stored.container.is_file(),
                None => picture.origin == Origin::Clipboard,
            };
            let missing = |written: &&mut WrittenPicture| written.image.is_none() && !written.image_failed;
            let Some(written) = self.written.get_mut(&picture.id).filter(missing) else { continue };
            if !only_here {
                continue;
            }
            let Ok(bytes) = images::bytes(picture, snapshot) else {
                written.image_failed = true;
                continue;
            };
            let name = images::part_name(picture, snapshot);
            written.image = Some(name.clone());
            atomic::write_soon(&self.path.join(encode::folder(picture.id)).join(&name), &bytes)?;
            self.write_picture(picture, snapshot, Some(name))?;
        }
        Ok(())
    }

    /// Removes pictures that were closed.
    fn tidy(&mut self, snapshot: &Snapshot) {
        let closed: Vec<ImageId> =
            self.written.keys().filter(|id| snapshot.document.picture(**id).is_none()).copied().collect();
        for id in closed {
            self.written.remove(&id);
            let folder = encode::folder(id);
            self.written_masks.retain(|part| !part.starts_with(&format!("{folder}/")));
            // It is no longer in the index; what stays costs room and nothing else.
            let _ = fs::remove_dir_all(self.path.join(folder));
        }
        self.names.forget_unused();
    }
}

impl Drop for RecoveryFolder {
    fn drop(&mut self) {
        // The program ends as it should.
        remove(&self.path);
    }
}

/// What a program left that did not end as it should. Held by this one: no other sees it.
#[derive(Debug)]
pub struct Abandoned {
    path: PathBuf,
    _lock: File,
    /// When it was last written.
    pub when: SystemTime,
    /// Pictures in it.
    pub pictures: usize,
}

impl Abandoned {
    /// The folder, for [`super::open`].
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Says that its content is kept elsewhere now: should this program end suddenly too, it is not
    /// offered again.
    pub fn supersede(&self) {
        let _ = atomic::write(&self.path.join(SUPERSEDED), b"");
    }

    /// Removes it.
    pub fn delete(self) {
        remove(&self.path);
    }
}

/// Everything that was left below `root`, the newest first. What has no work in it is removed.
pub fn abandoned(root: &Path) -> Vec<Abandoned> {
    let Ok(folders) = fs::read_dir(root) else { return Vec::new() };
    let mut found: Vec<Abandoned> = folders.flatten().filter_map(|folder| adopt(&folder.path())).collect();
    found.sort_by_key(|abandoned| std::cmp::Reverse(abandoned.when));
    found
}

fn adopt(path: &Path) -> Option<Abandoned> {
    if !fs::symlink_metadata(path).ok()?.is_dir() {
        return None;
    }
    // A folder without a lock is just being made, or is none of ours.
    let lock = File::open(path.join(LOCK)).ok()?;
    lock.try_lock().ok()?;
    let index = path.join(SESSION_ENTRY);
    let pictures = fs::read(&index).ok().and_then(|bytes| serde_json::from_slice::<SessionFile>(&bytes).ok());
    let worth = pictures.filter(|index| !index.pictures.is_empty() && !path.join(SUPERSEDED).exists());
    let Some(worth) = worth else {
        remove(path);
        return None;
    };
    let newest = |folder: &String| fs::metadata(path.join(folder).join(PICTURE_ENTRY)).ok()?.modified().ok();
    let times = worth.pictures.iter().filter_map(newest);
    let when = times.chain(fs::metadata(&index).ok()?.modified().ok()).max()?;
    Some(Abandoned { path: path.to_owned(), _lock: lock, when, pictures: worth.pictures.len() })
}

/// Removes a folder so that no half of it is ever offered.
fn remove(path: &Path) {
    let _ = fs::remove_file(path.join(SESSION_ENTRY));
    let _ = fs::remove_dir_all(path);
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::super::tests::{document_of, snapshot, unfinished};
    use super::*;
    use crate::storage::{SaveOptions, open, save};

    /// What a program leaves that is killed now.
    fn kill(folder: RecoveryFolder) {
        // The lock goes with the process, the folder stays.
        let path = folder.path.clone();
        let aside = path.with_extension("aside");
        fs::rename(&path, &aside).unwrap();
        drop(folder);
        fs::rename(&aside, &path).unwrap();
    }

    #[test]
    fn what_was_kept_is_offered_after_a_sudden_end() {
        let root = tempfile::tempdir().unwrap();
        let mut folder = RecoveryFolder::create(root.path()).unwrap();
        for seed in 0..6 {
            // Another session each time: what was kept before must not shine through.
            let snapshot = snapshot(seed);
            folder.keep(&snapshot).unwrap();
            assert!(abandoned(root.path()).is_empty(), "it is held");
            let opened = open(folder.path()).unwrap();
            assert!(opened.missing.is_empty(), "{:?}", opened.missing);
            assert_eq!(document_of(&opened, &snapshot.document).unwrap(), snapshot.document);
            assert!(opened.pictures[2].stored.is_some(), "the pasted picture");
            assert!(opened.pictures[0].stored.is_none(), "the file is where it is");
        }
        kill(folder);
        let found = abandoned(root.path());
        assert_eq!((found.len(), found[0].pictures), (1, 3));
        assert!(abandoned(root.path()).is_empty(), "offered to one program only");
        found[0].supersede();
        drop(found);
        assert!(abandoned(root.path()).is_empty());
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0, "and removed");
    }

    #[test]
    fn only_what_changes_is_written() {
        let root = tempfile::tempdir().unwrap();
        let mut folder = RecoveryFolder::create(root.path()).unwrap();
        let mut snapshot = snapshot(4);
        folder.keep(&snapshot).unwrap();
        let files = |folder: &RecoveryFolder| {
            let picture = |id: u64| folder.path.join(format!("pictures/{id}/picture.json"));
            [1, 2, 3].map(|id| fs::metadata(picture(id)).unwrap().modified().unwrap())
        };
        let before = files(&folder);
        std::thread::sleep(std::time::Duration::from_millis(20));
        let (unfinished, count) = unfinished(&snapshot, ImageId(2));
        snapshot.unfinished = Some(unfinished);
        folder.keep(&snapshot).unwrap();
        let after = files(&folder);
        assert_eq!([0, 1, 2].map(|at| before[at] == after[at]), [true, false, true]);
        let kept = open(folder.path()).unwrap();
        assert_eq!(kept.pictures[1].picture.conversations[0].exchanges().len(), count + 1);
        snapshot.document = snapshot.document.without_picture(ImageId(2));
        folder.keep(&snapshot).unwrap();
        assert!(!folder.path.join("pictures/2").exists());
        assert_eq!(open(folder.path()).unwrap().pictures.len(), 2);
        folder.clear();
        kill(folder);
        assert!(abandoned(root.path()).is_empty(), "there was nothing to lose");
    }

    #[test]
    fn pictures_that_lie_in_a_session_file_are_found_there() {
        let root = tempfile::tempdir().unwrap();
        let session = root.path().join("a.glamm");
        let mut snapshot = snapshot(2);
        snapshot.stored = save(&session, &snapshot, SaveOptions::default()).unwrap().stored;
        let mut folder = RecoveryFolder::create(&root.path().join("recovery")).unwrap();
        folder.keep(&snapshot).unwrap();
        let opened = open(folder.path()).unwrap();
        for (picture, kept) in opened.pictures.iter().zip(snapshot.document.pictures()) {
            assert_eq!(picture.stored, snapshot.stored.get(&kept.id).cloned(), "not copied, but named");
        }
    }

    #[test]
    fn a_good_end_leaves_nothing() {
        let root = tempfile::tempdir().unwrap();
        let mut folder = RecoveryFolder::create(root.path()).unwrap();
        folder.keep(&snapshot(1)).unwrap();
        drop(folder);
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    }
}
