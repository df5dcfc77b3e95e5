//! Writing a session file: a zip of JSON, masks and pictures.
//!
//! What is dearest stands first, so that a file that loses its end loses the least: the JSON, then
//! the masks, then the pictures, and last what is only there for other programs.

use std::collections::HashMap;
use std::io::{Seek, Write};
use std::path::Path;
use std::sync::Arc;

use glamm_engine::protocol::ImageId;
use image::ExtendedColorType;
use serde::{Deserialize, Serialize};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::encode::{self, EncodedPicture, MaskNames};
use super::error::StorageError;
use super::images::{self, encode_png};
use super::masks;
use super::schema::{PICTURE_ENTRY, SESSION_ENTRY};
use super::snapshot::{Snapshot, StoredImage};
use super::stamp::Stamp;
use crate::document::{Origin, Picture};
use crate::pictures::pixels::Pixels;
use crate::system::files;

/// What was written.
#[derive(Debug, Clone, Default)]
pub struct Saved {
    /// How the file is now.
    pub stamp: Option<Stamp>,
    /// Where each picture now lies.
    pub stored: HashMap<ImageId, StoredImage>,
    /// What could not be put into the file, for people.
    pub missing: Vec<String>,
    /// Pictures that were closed and lay in the file as it was before, and nowhere else.
    pub closed: HashMap<ImageId, Arc<Pixels>>,
}

/// What goes into a session file beside the work itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SaveOptions {
    /// Whether the pictures go into it. Those that are nowhere else always do.
    pub with_pictures: bool,
}

impl Default for SaveOptions {
    fn default() -> Self {
        Self { with_pictures: true }
    }
}

/// Writes a session file whole, or leaves what was there.
///
/// # Errors
/// [`StorageError::Write`].
pub fn save(path: &Path, snapshot: &Snapshot, options: SaveOptions) -> Result<Saved, StorageError> {
    let closed = only_in(path, snapshot);
    let mut saved = Saved::default();
    files::write_with(path, |out| {
        saved = write(out, path, snapshot, options)?;
        Ok(())
    })
    .map_err(StorageError::write(path))?;
    Ok(Saved { closed, stamp: Stamp::of(path), ..saved })
}

/// Pixels of the closed pictures that lie in the file that is about to be written anew.
fn only_in(path: &Path, snapshot: &Snapshot) -> HashMap<ImageId, Arc<Pixels>> {
    let read = |picture: &Arc<Picture>| {
        let stored = snapshot.stored.get(&picture.id).filter(|stored| stored.container == path)?;
        if can_be_had_again(picture, snapshot) {
            return None;
        }
        let image = images::load_stored(stored).ok()?;
        Some((picture.id, Arc::new(Pixels::new(Arc::new(image)))))
    };
    snapshot.closed.iter().filter_map(read).collect()
}

/// Whether a session file may do without the picture itself.
fn can_be_had_again(picture: &Picture, snapshot: &Snapshot) -> bool {
    match &picture.origin {
        Origin::File(path) => encode::is_nameable(path) && images::is_still_in(path, picture, snapshot),
        Origin::Scene { .. } => true,
        Origin::Clipboard => false,
    }
}

/// The file's content; `path` is where it will lie.
fn write(
    out: &mut (impl Write + Seek),
    path: &Path,
    snapshot: &Snapshot,
    options: SaveOptions,
) -> std::io::Result<Saved> {
    let mut zip = Archive(ZipWriter::new(out));
    let mut saved = Saved::default();
    zip.json(SESSION_ENTRY, &encode::session(snapshot))?;
    let mut names = MaskNames::default();
    let mut encoded = Vec::new();
    for picture in snapshot.document.pictures() {
        let folder = encode::folder(picture.id);
        let EncodedPicture { mut file, logits, seen } = encode::picture(picture, snapshot, &mut names);
        let wanted = options.with_pictures || !can_be_had_again(picture, snapshot);
        let image = wanted.then(|| images::part_name(picture, snapshot));
        file.image.clone_from(&image);
        file.origin = encode::origin_beside(&picture.origin, path);
        zip.json(&format!("{folder}/{PICTURE_ENTRY}"), &file)?;
        encoded.push((picture, folder, image, logits, seen));
    }
    for (_, folder, _, logits, _) in &encoded {
        for (part, mask) in unique(logits) {
            zip.put(&format!("{folder}/{part}"), &masks::bytes(mask)?)?;
        }
    }
    for (picture, folder, image, ..) in &encoded {
        let Some(image) = image else { continue };
        match images::bytes(picture, snapshot) {
            Ok(bytes) => {
                let part = format!("{folder}/{image}");
                zip.put(&part, &bytes)?;
                let (container, checksum) = (path.to_owned(), Some(crc32fast::hash(&bytes)));
                saved.stored.insert(picture.id, StoredImage { container, part, checksum });
            }
            Err(reason) => saved.missing.push(format!("the picture {}: {reason}", picture.name)),
        }
    }
    for (_, folder, _, _, seen) in &encoded {
        for (part, mask) in unique(seen) {
            let pixels = mask.pixels();
            let grey: Vec<u8> = pixels.pixels().iter().map(|&inside| u8::from(inside) * 255).collect();
            let png = encode_png(&grey, mask.size(), ExtendedColorType::L8).map_err(std::io::Error::other)?;
            zip.put(&format!("{folder}/{part}"), &png)?;
        }
    }
    zip.0.finish()?;
    Ok(saved)
}

/// Each part once, in the order of their names.
fn unique<T>(parts: &[(String, T)]) -> Vec<(&str, &T)> {
    let mut unique: Vec<_> = parts.iter().map(|(name, part)| (name.as_str(), part)).collect();
    unique.sort_by_key(|(name, _)| *name);
    unique.dedup_by_key(|(name, _)| *name);
    unique
}

struct Archive<W: Write + Seek>(ZipWriter<W>);

impl<W: Write + Seek> Archive<W> {
    /// As it is: masks and pictures are packed in themselves.
    fn put(&mut self, name: &str, bytes: &[u8]) -> std::io::Result<()> {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        self.0.start_file(name, options)?;
        self.0.write_all(bytes)
    }

    fn json(&mut self, name: &str, value: &impl Serialize) -> std::io::Result<()> {
        self.put(name, &serde_json::to_vec(value)?)
    }
}
