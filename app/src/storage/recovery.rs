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
mod tests;
