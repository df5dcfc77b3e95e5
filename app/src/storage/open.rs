//! Reading a session file or recovery folder, as far as it can be read.

use std::collections::HashMap;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use glamm_engine::protocol::ImageId;

use super::container::Container;
use super::decode;
use super::error::StorageError;
use super::schema::{
    EditedQuestionFile, FORMAT, GoingOnFile, OriginFile, PICTURE_ENTRY, PictureFile, SCHEMA, SESSION_ENTRY,
    SessionFile, StoredInFile,
};
use super::snapshot::{EditedQuestion, GoingOn, Snapshot, StoredImage};
use super::stamp::{SavedAs, Stamp};
use crate::document::{ConversationId, ExchangeId, MaskId, Origin, Picture};

/// JSON is bounded by what the whole file may unfold to: whatever was written can be read.
const MAX_JSON: u64 = u64::MAX;
/// Largest logits of one mask.
const MAX_MASK: u64 = 16 << 20;
/// Pictures of one session.
const MAX_PICTURES: usize = 20_000;
/// So many lines are said of what is missing; the rest is counted.
const MAX_MISSING: usize = 20;

/// A picture of a session.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenedPicture {
    /// The picture; its names are provisional, see [`Opened::name`].
    pub picture: Picture,
    /// Where it itself lies, if it is part of the session.
    pub stored: Option<StoredImage>,
    /// The question that was being written.
    pub draft: String,
    /// The conversation that was shown.
    pub conversation: Option<ConversationId>,
}

/// What was read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Opened {
    /// In the order of the filmstrip.
    pub pictures: Vec<OpenedPicture>,
    /// Place of the one that was on the canvas.
    pub current: Option<usize>,
    /// What is missing, for people.
    pub missing: Vec<String>,
    /// Where it was saved before, in what was kept for recovery.
    pub saved_as: Option<SavedAs>,
    /// How its file was when it was read or, in what was kept for recovery, when it was last saved.
    pub stamp: Option<Stamp>,
    /// What the user was at, by places in `pictures`.
    pub going_on: GoingOn<usize>,
}

impl Opened {
    /// Gives pictures and masks names that nothing else has.
    pub fn name(&mut self, fresh: &mut impl FnMut() -> u64) {
        for OpenedPicture { picture, .. } in &mut self.pictures {
            picture.id = ImageId(fresh());
            picture.for_each_mask(|grounded| grounded.id = MaskId(fresh()));
        }
    }

    /// All of it, as if it were open in a window.
    pub fn into_snapshot(mut self) -> Snapshot {
        let mut last = 0;
        self.name(&mut || {
            last += 1;
            last
        });
        let mut snapshot = Snapshot::default();
        for OpenedPicture { picture, stored, draft, conversation } in self.pictures {
            snapshot.stored.extend(stored.map(|stored| (picture.id, stored)));
            snapshot.conversations.extend(conversation.map(|conversation| (picture.id, conversation)));
            if !draft.is_empty() {
                snapshot.drafts.insert(picture.id, draft);
            }
            snapshot.document = snapshot.document.with_picture(Arc::new(picture));
        }
        snapshot
    }
}

/// Reads a session.
///
/// # Errors
/// Where nothing of it can be read.
pub fn open(path: &Path) -> Result<Opened, StorageError> {
    // Pictures are read out of it later, from wherever the program is then.
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    // What is written while it is read makes another file of it.
    let stamp = Stamp::of(&path);
    let opened = read(Container::open(&path)?, &path)?;
    Ok(Opened { stamp: opened.stamp.or(stamp), ..opened })
}

/// Reads a session file from bytes; `name` is for messages.
///
/// # Errors
/// As [`open`].
pub fn open_bytes(bytes: impl Read + Seek + Send + 'static, name: &Path) -> Result<Opened, StorageError> {
    read(Container::of_zip(Box::new(bytes), name)?, name)
}

fn read(mut container: Container, path: &Path) -> Result<Opened, StorageError> {
    let mut opened = Opened::default();
    if container.is_torn {
        opened.missing.push("the end of the file".to_owned());
    }
    let index = index(&mut container, path, &mut opened.missing)?;
    if container.is_folder() {
        opened.stamp = index.saved_stamp;
        opened.saved_as = index.saved_as.map(|path| SavedAs::look(PathBuf::from(path), index.saved_stamp));
    }
    let folders: Vec<String> = index.pictures.into_iter().take(MAX_PICTURES).collect();
    let count = folders.len();
    let mut places = HashMap::new();
    for (place, folder) in folders.into_iter().enumerate() {
        match read_picture(&mut container, &folder, path, &mut opened.missing) {
            Ok(picture) => {
                if index.current == Some(place) {
                    opened.current = Some(opened.pictures.len());
                }
                places.insert(folder, opened.pictures.len());
                opened.pictures.push(picture);
            }
            Err(reason) => {
                opened.missing.push(format!("a picture and its conversation ({folder}: {reason})"));
            }
        }
    }
    opened.going_on = going_on(index.going_on.unwrap_or_default(), &places);
    if opened.pictures.is_empty() && count > 0 {
        let reason = format!("nothing of it can be read: {}", opened.missing.join("; "));
        return Err(StorageError::NoSession { path: path.to_owned(), reason });
    }
    let beyond = opened.missing.len().saturating_sub(MAX_MISSING);
    if beyond > 0 {
        opened.missing.truncate(MAX_MISSING);
        opened.missing.push(format!("{beyond} other things"));
    }
    Ok(opened)
}

/// What the user was at, as far as its pictures are there; `places` are those of their folders.
fn going_on(file: GoingOnFile, places: &HashMap<String, usize>) -> GoingOn<usize> {
    let GoingOnFile { edited, question_for_all, run } = file;
    let edited = edited.and_then(|EditedQuestionFile { picture, conversation, exchange, text }| {
        let (conversation, exchange) = (ConversationId(conversation), ExchangeId(exchange));
        Some(EditedQuestion { picture: *places.get(&picture)?, conversation, exchange, text })
    });
    let run = run.map(|run| {
        let pictures = run.pictures.iter().filter_map(|folder| places.get(folder).copied());
        (run.question, pictures.take(MAX_PICTURES).collect())
    });
    GoingOn { edited, question_for_all, run }
}

/// The index, or what can be told without it.
fn index(
    container: &mut Container,
    path: &Path,
    missing: &mut Vec<String>,
) -> Result<SessionFile, StorageError> {
    let no_session = |reason: String| StorageError::NoSession { path: path.to_owned(), reason };
    let read = container.read(SESSION_ENTRY, MAX_JSON).map_err(|error| error.to_string());
    let parsed = read.and_then(|bytes| {
        // Newer versions may have changed everything but these two.
        #[derive(serde::Deserialize)]
        struct Head {
            format: String,
            schema: u32,
        }
        let head: Head = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
        let newer = head.format == FORMAT && head.schema > SCHEMA;
        Ok((newer.then_some(head.schema), bytes))
    });
    let (newer, bytes) = match parsed {
        Ok(parsed) => parsed,
        Err(reason) => return salvage_index(container, &reason, missing).ok_or_else(|| no_session(reason)),
    };
    if let Some(found) = newer {
        return Err(StorageError::Newer { path: path.to_owned(), found, known: SCHEMA });
    }
    match serde_json::from_slice::<SessionFile>(&bytes) {
        Ok(index) if index.format == FORMAT => Ok(index),
        Ok(index) => Err(no_session(format!("it says of itself that it is {:?}", index.format))),
        Err(error) => {
            let reason = error.to_string();
            salvage_index(container, &reason, missing).ok_or_else(|| no_session(reason))
        }
    }
}

/// All pictures that are there, in no known order.
fn salvage_index(container: &Container, reason: &str, missing: &mut Vec<String>) -> Option<SessionFile> {
    let ending = format!("/{PICTURE_ENTRY}");
    let names = container.names_ending(&ending);
    let mut pictures: Vec<String> =
        names.iter().filter_map(|name| name.strip_suffix(&ending)).map(str::to_owned).collect();
    pictures.sort_by_key(|folder| (folder.len(), folder.clone()));
    missing.push(format!("the order of the pictures ({reason})"));
    (!pictures.is_empty()).then(|| SessionFile {
        format: FORMAT.to_owned(),
        schema: SCHEMA,
        program: String::new(),
        pictures,
        current: None,
        saved_as: None,
        saved_stamp: None,
        going_on: None,
    })
}

/// The parts below a picture's folder.
struct Below<'a> {
    container: &'a mut Container,
    folder: &'a str,
}

impl decode::Parts for Below<'_> {
    fn fetch(&mut self, name: &str, unfolded: u64) -> Result<Vec<u8>, String> {
        self.container.spend(unfolded)?;
        let part = format!("{}/{name}", self.folder);
        self.container.read(&part, MAX_MASK).map_err(|error| error.to_string())
    }

    fn look_through(&mut self, pixels: u64) -> Result<(), String> {
        self.container.look_through(pixels)
    }

    fn hold(&mut self, bytes: u64) -> Result<(), String> {
        self.container.spend(bytes)
    }
}

/// Where a picture is that is no longer where it was, but has been moved together with its session.
fn moved_along(origin: &Origin, relative: &str, session: &Path) -> Option<Origin> {
    let before = origin.file()?;
    let mut now = session.parent()?.to_owned();
    for part in relative.split('/') {
        if part != ".." {
            now.push(part);
        } else if !now.pop() {
            return None;
        }
    }
    (!before.is_file() && now.is_file()).then_some(Origin::File(now))
}

fn read_picture(
    container: &mut Container,
    folder: &str,
    path: &Path,
    missing: &mut Vec<String>,
) -> Result<OpenedPicture, String> {
    let bytes =
        container.read(&format!("{folder}/{PICTURE_ENTRY}"), MAX_JSON).map_err(|error| error.to_string())?;
    let file: PictureFile = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
    drop(bytes);
    let mut picture = decode::picture(&file, &mut Below { container, folder }, missing)?;
    if let OriginFile::File { relative: Some(relative), .. } = &file.origin
        && let Some(moved) = moved_along(&picture.origin, relative, path)
    {
        picture.origin = moved;
    }
    // Only what this program has kept itself may name other files.
    let elsewhere = file.stored_in.filter(|_| container.is_folder());
    let elsewhere = elsewhere.map(|StoredInFile { session, part, checksum }| StoredImage {
        container: PathBuf::from(session),
        part,
        checksum,
    });
    let stored = file.image.map(|name| {
        let part = format!("{folder}/{name}");
        let checksum = container.checksum(&part);
        StoredImage { container: path.to_owned(), part, checksum }
    });
    let stored = stored.or(elsewhere);
    let conversation = file.shown_conversation.map(ConversationId);
    Ok(OpenedPicture { picture, stored, draft: file.draft, conversation })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::document::Document;
    use crate::storage::{SaveOptions, save};

    /// A session in a folder of its own, without its pictures, which lie beside that folder.
    fn session(folder: &Path, picture: &Path) -> PathBuf {
        fs::create_dir_all(folder.join("sessions")).unwrap();
        let picture = Picture::new(ImageId(1), "a".to_owned(), Origin::File(picture.to_owned()), (4, 4));
        let document = Document::default().with_picture(Arc::new(picture));
        let path = folder.join("sessions/a.glamm");
        let snapshot = Snapshot { document, ..Snapshot::default() };
        save(&path, &snapshot, SaveOptions { with_pictures: false }).unwrap();
        path
    }

    fn origin_in(session: &Path) -> Origin {
        open(session).unwrap().pictures[0].picture.origin.clone()
    }

    #[test]
    fn pictures_that_were_moved_with_their_session_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let (before, after) = (folder.path().join("before"), folder.path().join("after"));
        fs::create_dir_all(before.join("pictures")).unwrap();
        let picture = before.join("pictures/ä.png");
        fs::write(&picture, b"not looked at here").unwrap();
        let path = session(&before, &picture);
        assert_eq!(origin_in(&path), Origin::File(picture.clone()));

        fs::create_dir_all(&after).unwrap();
        let copy = after.join("a.glamm");
        fs::copy(&path, &copy).unwrap();
        assert_eq!(origin_in(&copy), Origin::File(picture.clone()), "there it is still");
        fs::remove_file(&copy).unwrap();
        fs::remove_dir(&after).unwrap();
        fs::rename(&before, &after).unwrap();
        let moved = after.join("pictures/ä.png");
        assert_eq!(origin_in(&after.join("sessions/a.glamm")), Origin::File(moved.clone()));
        fs::remove_file(moved).unwrap();
        assert_eq!(origin_in(&after.join("sessions/a.glamm")), Origin::File(picture), "it is nowhere");
    }
}
