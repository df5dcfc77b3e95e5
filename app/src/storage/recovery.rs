//! What is kept while the program runs, so that its sudden end costs next to nothing.
//!
//! Each running program has a folder of its own in the user's data, with the parts of a session file
//! unpacked: only what has changed is written, each part whole or not at all. The folder is locked
//! for as long as its program lives, and removed when it ends as it should; one that nobody holds was
//! left by a program that did not, and is removed only if there is nothing in it.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use glamm_engine::protocol::ImageId;

use super::abandoned::{LOCK, SUPERSEDED, remove};
use super::encode::{self, EncodedPicture, MaskNames};
use super::schema::{PICTURE_ENTRY, SESSION_ENTRY, SessionFile, StoredInFile};
use super::snapshot::{Snapshot, StoredImage};
use super::{images, masks};
use crate::document::{ConversationId, Exchange, Origin, Picture};
use crate::system::files;

/// Folder of the pictures' folders.
const PICTURES: &str = "pictures";

/// The folder of this program. Dropped, it stays for the next one, if there is something in it.
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
    /// Where the picture lay in a session file.
    stored: Option<StoredImage>,
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
        while let Some(picture) = self.lacking(snapshot) {
            let bytes = images::bytes(picture, snapshot);
            self.keep_image(snapshot, picture.id, bytes)?;
        }
        Ok(())
    }

    /// Forgets everything: there is nothing to lose. Says whether there was something before.
    pub fn clear(&mut self) -> bool {
        let had_work = !self.is_empty();
        if had_work {
            // Whatever ends the program meanwhile, no half of it is offered.
            let superseded = self.path.join(SUPERSEDED);
            let _ = fs::write(&superseded, b"");
            let _ = fs::remove_file(self.path.join(SESSION_ENTRY));
            let _ = fs::remove_dir_all(self.path.join(PICTURES));
            let _ = fs::remove_file(superseded);
        }
        self.index = None;
        self.written.clear();
        self.written_masks.clear();
        self.names = MaskNames::default();
        had_work
    }

    /// Removes it: the program ends as it should.
    pub(super) fn delete(mut self) {
        self.clear();
    }

    /// Whether nothing was kept.
    fn is_empty(&self) -> bool {
        self.index.is_none() && self.written.is_empty()
    }

    /// Writes what has changed of the work, without pictures: the one that the user is at first, then the
    /// index, then the others, of which there may be many.
    ///
    /// # Errors
    /// As [`Self::keep`].
    pub(super) fn keep_work(&mut self, snapshot: &Snapshot) -> io::Result<()> {
        let pictures = snapshot.document.pictures();
        let is_current = |picture: &&Arc<Picture>| Some(picture.id) == snapshot.current;
        if let Some(current) = pictures.iter().find(is_current) {
            self.keep_picture(current, snapshot)?;
        }
        self.keep_index(snapshot)?;
        for picture in pictures {
            self.keep_picture(picture, snapshot)?;
        }
        self.tidy(snapshot);
        Ok(())
    }

    fn keep_index(&mut self, snapshot: &Snapshot) -> io::Result<()> {
        let mut index = encode::session(snapshot);
        index.saved_as = snapshot.saved_as.as_ref().and_then(|path| path.to_str()).map(str::to_owned);
        index.saved_stamp = snapshot.saved_stamp;
        if self.index.as_ref() != Some(&index) {
            files::write(&self.path.join(SESSION_ENTRY), &serde_json::to_vec(&index)?)?;
            self.index = Some(index);
        }
        Ok(())
    }

    /// Writes a picture and what was said about it, where that has changed.
    fn keep_picture(&mut self, picture: &Arc<Picture>, snapshot: &Snapshot) -> io::Result<()> {
        let unfinished = snapshot.unfinished(picture.id).map(|reply| Arc::clone(&reply.exchange));
        let shown = snapshot.conversations.get(&picture.id).copied();
        let draft = snapshot.draft(picture.id);
        let stored = snapshot.stored.get(&picture.id);
        let before = self.written.get(&picture.id);
        let same = before.is_some_and(|before| {
            let same_reply = match (&before.unfinished, &unfinished) {
                (Some(a), Some(b)) => Arc::ptr_eq(a, b),
                (None, None) => true,
                _ => false,
            };
            let same_looks = before.draft == draft && before.shown == shown;
            let same_place = before.stored.as_ref() == stored;
            same_reply && same_looks && same_place && Arc::ptr_eq(&before.picture, picture)
        });
        if same {
            return Ok(());
        }
        let (image, image_failed) =
            before.map_or((None, false), |before| (before.image.clone(), before.image_failed));
        self.write_picture(picture, snapshot, image.clone())?;
        let (picture, draft, stored) = (Arc::clone(picture), draft.to_owned(), stored.cloned());
        let written = WrittenPicture { picture, draft, shown, unfinished, stored, image, image_failed };
        self.written.insert(written.picture.id, written);
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
                files::write_soon(&self.path.join(&part), &masks::bytes(&mask)?)?;
                self.written_masks.insert(part);
            }
        }
        let in_session = snapshot.stored.get(&picture.id).filter(|stored| is_in_file(stored));
        file.stored_in = in_session.filter(|_| image.is_none()).map(|stored| StoredInFile {
            session: stored.container.to_string_lossy().into_owned(),
            part: stored.part.clone(),
            checksum: stored.checksum,
        });
        file.image = image;
        files::write(&folder.join(PICTURE_ENTRY), &serde_json::to_vec(&file)?)
    }

    /// The next picture that cannot be had from elsewhere after the program's end, and of which there is
    /// no copy yet. Its work was written before.
    pub(super) fn lacking<'a>(&self, snapshot: &'a Snapshot) -> Option<&'a Arc<Picture>> {
        let lacks = |picture: &&Arc<Picture>| {
            let written = self.written.get(&picture.id);
            written.is_some_and(|written| written.image.is_none() && !written.image_failed)
        };
        snapshot.document.pictures().iter().filter(lacks).find(|picture| is_only_here(picture, snapshot))
    }

    /// Writes the copy of a picture, or notes that there can be none.
    ///
    /// # Errors
    /// As [`Self::keep`]; the copy is lacking as before then.
    pub(super) fn keep_image(
        &mut self,
        snapshot: &Snapshot,
        image: ImageId,
        bytes: Result<Vec<u8>, String>,
    ) -> io::Result<()> {
        let Some(picture) = snapshot.document.picture(image) else { return Ok(()) };
        let Some(written) = self.written.get_mut(&image) else { return Ok(()) };
        let Ok(bytes) = bytes else {
            written.image_failed = true;
            return Ok(());
        };
        let name = images::part_name(picture, snapshot);
        files::write_soon(&self.path.join(encode::folder(image)).join(&name), &bytes)?;
        self.write_picture(picture, snapshot, Some(name.clone()))?;
        if let Some(written) = self.written.get_mut(&image) {
            written.image = Some(name);
        }
        Ok(())
    }

    /// Whether a picture that is said to lie somewhere could not be copied, so that what it was recovered
    /// from is needed still.
    pub(super) fn has_lost_images(&self, snapshot: &Snapshot) -> bool {
        let is_lost = |(id, written): (&ImageId, &WrittenPicture)| {
            written.image_failed && snapshot.stored.contains_key(id)
        };
        self.written.iter().any(is_lost)
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

/// Whether a picture lies in a session file that will be there after the program's end.
fn is_in_file(stored: &StoredImage) -> bool {
    encode::is_nameable(&stored.container) && stored.container.is_file()
}

fn is_only_here(picture: &Picture, snapshot: &Snapshot) -> bool {
    match (snapshot.stored.get(&picture.id), &picture.origin) {
        (Some(stored), _) => !is_in_file(stored),
        (None, Origin::File(path)) => !encode::is_nameable(path) || !path.is_file(),
        (None, Origin::Scene { .. }) => false,
        (None, Origin::Clipboard) => true,
    }
}

impl Drop for RecoveryFolder {
    fn drop(&mut self) {
        if self.is_empty() {
            remove(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::abandoned::abandoned;
    use super::super::tests::{document_of, snapshot, unfinished};
    use super::*;
    use crate::storage::{SaveOptions, open, save};

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
            assert!(opened.pictures[0].stored.is_some(), "its file is not there");
            assert!(opened.pictures[1].stored.is_none(), "a scene can be drawn again");
        }
        drop(folder);
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
        assert!(!folder.path.join(SUPERSEDED).exists(), "what is kept now is offered");
        drop(folder);
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0, "there was nothing to lose");
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
    fn a_copy_that_could_not_be_written_is_lacking_still() {
        let root = tempfile::tempdir().unwrap();
        let mut folder = RecoveryFolder::create(root.path()).unwrap();
        let snapshot = snapshot(6);
        folder.keep_work(&snapshot).unwrap();
        let (gone, pasted) = (ImageId(1), ImageId(3));
        assert_eq!(folder.lacking(&snapshot).unwrap().id, gone);
        let bytes = images::bytes(snapshot.document.picture(gone).unwrap(), &snapshot);
        folder.keep_image(&snapshot, gone, bytes).unwrap();
        assert_eq!(folder.lacking(&snapshot).unwrap().id, pasted);
        // Where the copy is to be, something else lies in its way.
        let place = folder.path.join("pictures/3/image.png");
        fs::create_dir(&place).unwrap();
        assert!(folder.keep(&snapshot).is_err());
        assert_eq!(folder.lacking(&snapshot).unwrap().id, pasted);
        fs::remove_dir(&place).unwrap();
        folder.keep(&snapshot).unwrap();
        assert!(folder.lacking(&snapshot).is_none() && !folder.has_lost_images(&snapshot));
        assert!(open(folder.path()).unwrap().pictures[2].stored.is_some());
    }

    #[test]
    fn what_the_user_was_at_is_kept() {
        use crate::document::ExchangeId;
        use crate::storage::{EditedQuestion, GoingOn};
        let root = tempfile::tempdir().unwrap();
        let mut folder = RecoveryFolder::create(root.path()).unwrap();
        let (conversation, exchange) = (ConversationId(1), ExchangeId(7));
        let text = "Is [1]".to_owned();
        let going_on = GoingOn {
            edited: Some(EditedQuestion { picture: ImageId(2), conversation, exchange, text: text.clone() }),
            question_for_all: Some("What is".to_owned()),
            run: Some(("Where?".to_owned(), vec![ImageId(3), ImageId(1)])),
        };
        let mut snapshot = Snapshot { going_on, ..snapshot(8) };
        folder.keep(&snapshot).unwrap();
        let found = open(folder.path()).unwrap().going_on;
        assert_eq!(found.edited, Some(EditedQuestion { picture: 1, conversation, exchange, text }));
        assert_eq!(found.question_for_all.as_deref(), Some("What is"));
        assert_eq!(found.run, Some(("Where?".to_owned(), vec![2, 0])));
        snapshot.going_on = GoingOn::default();
        folder.keep(&snapshot).unwrap();
        assert!(open(folder.path()).unwrap().going_on.is_nothing());
    }

    #[cfg(unix)]
    #[test]
    fn pictures_whose_place_has_no_name_in_unicode_are_copied() {
        use std::os::unix::ffi::OsStringExt as _;
        let root = tempfile::tempdir().unwrap();
        let mut folder = RecoveryFolder::create(root.path()).unwrap();
        let mut snapshot = snapshot(3);
        let name = std::ffi::OsString::from_vec(b"/pictures/\xff.png".to_vec());
        let mut picture = Picture::clone(snapshot.document.picture(ImageId(1)).unwrap());
        picture.origin = Origin::File(name.into());
        let others = snapshot.document.without_picture(ImageId(1));
        snapshot.document = others.with_picture(Arc::new(picture));
        folder.keep(&snapshot).unwrap();
        let opened = open(folder.path()).unwrap();
        assert!(opened.pictures[0].stored.is_some());
        let session = root.path().join("a.glamm");
        save(&session, &snapshot, SaveOptions { with_pictures: false }).unwrap();
        assert!(open(&session).unwrap().pictures[0].stored.is_some());
    }

    #[test]
    fn a_good_end_leaves_nothing() {
        let root = tempfile::tempdir().unwrap();
        let mut folder = RecoveryFolder::create(root.path()).unwrap();
        folder.keep(&snapshot(1)).unwrap();
        folder.delete();
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    }

    #[test]
    fn the_first_edit_is_kept_before_the_other_pictures() {
        let root = tempfile::tempdir().unwrap();
        let mut folder = RecoveryFolder::create(root.path()).unwrap();
        let snapshot = snapshot(5);
        // Another picture cannot be written; the user is at the second one.
        fs::create_dir_all(folder.path.join("pictures/1")).unwrap();
        fs::write(folder.path.join("pictures/1/masks"), b"in the way").unwrap();
        assert!(folder.keep(&snapshot).is_err());
        drop(folder);
        let found = abandoned(root.path());
        assert_eq!((found.len(), found[0].pictures), (1, 3));
        let opened = open(found[0].path()).unwrap();
        let current = snapshot.document.picture(ImageId(2)).unwrap();
        assert_eq!((opened.pictures.len(), &opened.pictures[0].picture.name), (1, &current.name));
        assert_eq!(opened.missing.len(), 2, "{:?}", opened.missing);
    }

    #[test]
    fn work_without_a_readable_index_is_offered() {
        let root = tempfile::tempdir().unwrap();
        let mut folder = RecoveryFolder::create(root.path()).unwrap();
        let snapshot = snapshot(7);
        folder.keep(&snapshot).unwrap();
        let path = folder.path.clone();
        drop(folder);
        let offered = || abandoned(root.path()).into_iter().map(|found| found.pictures).collect::<Vec<_>>();
        for index in
            [Some("{\"format\": \"glamm-sess"), Some(r#"{"format":"glamm-session","schema":99}"#), None]
        {
            match index {
                Some(text) => fs::write(path.join(SESSION_ENTRY), text).unwrap(),
                None => fs::remove_file(path.join(SESSION_ENTRY)).unwrap(),
            }
            assert_eq!(offered(), [3], "{index:?}");
        }
        let opened = open(&path).unwrap();
        assert_eq!(document_of(&opened, &snapshot.document), Some(snapshot.document));
        assert!(opened.missing[0].contains("order"), "{:?}", opened.missing);
        fs::remove_dir_all(path.join(PICTURES)).unwrap();
        assert!(offered().is_empty());
        assert!(!path.exists(), "there is nothing in it");
    }

    #[test]
    fn pictures_whose_file_is_there_are_not_copied() {
        let root = tempfile::tempdir().unwrap();
        let mut folder = RecoveryFolder::create(&root.path().join("recovery")).unwrap();
        let mut snapshot = snapshot(3);
        let file = root.path().join("a.png");
        snapshot.pixels[&ImageId(1)].rgb.save(&file).unwrap();
        let mut picture = Picture::clone(snapshot.document.picture(ImageId(1)).unwrap());
        picture.origin = Origin::File(file);
        let others = snapshot.document.without_picture(ImageId(1));
        snapshot.document = others.with_picture(Arc::new(picture));
        folder.keep(&snapshot).unwrap();
        let opened = open(folder.path()).unwrap();
        let copied: Vec<bool> = opened.pictures.iter().map(|picture| picture.stored.is_some()).collect();
        assert_eq!(copied.iter().filter(|copied| **copied).count(), 1, "the pasted one alone");
    }
}
