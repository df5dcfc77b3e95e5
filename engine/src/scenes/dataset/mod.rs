//! Writes scenes and the conversations about them to disk, for training and evaluation.
//!
//! A data set is a directory with
//! - `images/000000.png` …: the pictures;
//! - `annotations.json`: COCO's object-detection form (Lin et al. 2014), with a category for every
//!   kind of object and of part, masks as compressed run lengths, and in `attributes` what COCO has
//!   no field for;
//! - `conversations.jsonl`: one conversation a line, see [`ConversationRecord`].
//!
//! Scenes are made and written by a few threads, one scene in memory each; the files come out the
//! same however many there are. Called by `glamm scenes`.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crossbeam::channel;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use serde::Serialize;

use super::generate;
use records::{ImageRecord, InfoRecord, SceneRecord, categories};

mod records;

pub use records::{AnnotationRecord, CategoryRecord, ConversationRecord, PhraseRecord, TurnRecord};

/// Threads that make scenes.
const THREADS: usize = 2;
/// Finished scenes that may wait to be written, for each thread.
const WAITING: usize = 8;

/// A data set that cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// A file or directory cannot be written.
    #[error("cannot write {}: {source}: choose another directory or make room", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A thread cannot be started.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
}

/// Which scenes to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Selection {
    /// The seed of the first one; each next one has the next seed.
    pub first_seed: u64,
    /// How many.
    pub count: u64,
    /// Whether to write the questions of an examination ([`super::text::evaluation`]) or, as for training,
    /// those of [`super::text::training`].
    pub examination: bool,
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Pictures.
    pub images: u64,
    /// Masks, of objects and of parts.
    pub annotations: u64,
    /// Conversations.
    pub conversations: u64,
}

/// Writes the scenes into a directory, which is made if need be. `progress` is told the number of
/// scenes written so far.
///
/// # Errors
/// If a file cannot be written. What was written before stays.
pub fn export(
    directory: &Path,
    selection: Selection,
    mut progress: impl FnMut(u64),
) -> Result<Summary, DatasetError> {
    let images = directory.join("images");
    fs::create_dir_all(&images).map_err(|source| DatasetError::Write { path: images.clone(), source })?;
    let mut output = Output::create(directory)?;
    let mut summary = Summary::default();
    std::thread::scope(|scope| {
        // One channel a thread, read in turn, keeps the order without a buffer that could grow.
        // Leaving early drops the receivers, which ends the threads.
        let mut finished = Vec::new();
        for thread in 0..THREADS {
            let (sender, receiver) = channel::bounded(WAITING);
            finished.push(receiver);
            let images = &images;
            std::thread::Builder::new()
                .name(format!("scenes-{thread}"))
                .spawn_scoped(scope, move || {
                    for index in (thread as u64..selection.count).step_by(THREADS) {
                        if sender.send(write_scene(images, selection, index)).is_err() {
                            return;
                        }
                    }
                })
                .map_err(DatasetError::Thread)?;
        }
        for index in 0..selection.count {
            let Ok(record) = finished[index as usize % THREADS].recv() else { break };
            output.add(record?, &mut summary)?;
            progress(index + 1);
        }
        Ok(())
    })?;
    output.finish()?;
    Ok(summary)
}

/// Makes a scene, writes its picture, and gives back its records, with ids that count from 0.
fn write_scene(images: &Path, selection: Selection, index: u64) -> Result<SceneRecord, DatasetError> {
    let scene = generate(selection.first_seed + index);
    let record = SceneRecord::new(&scene, index, selection.examination);
    let path = images.join(&record.image.file_name);
    let written = File::create(&path).and_then(|file| {
        let encoder =
            PngEncoder::new_with_quality(BufWriter::new(file), CompressionType::Fast, FilterType::Adaptive);
        let (width, height) = scene.image.dimensions();
        encoder
            .write_image(scene.image.as_raw(), width, height, ExtendedColorType::Rgb8)
            .map_err(io::Error::other)
    });
    written.map_err(|source| DatasetError::Write { path, source })?;
    Ok(record)
}

/// The files that all scenes share.
struct Output {
    annotations: JsonFile,
    conversations: JsonFile,
    /// Written at the end, since `annotations.json` holds one list after the other.
    images: Vec<ImageRecord>,
}

impl Output {
    fn create(directory: &Path) -> Result<Self, DatasetError> {
        let mut annotations = JsonFile::create(directory.join("annotations.json"))?;
        annotations.text("{\"annotations\":[")?;
        let conversations = JsonFile::create(directory.join("conversations.jsonl"))?;
        Ok(Self { annotations, conversations, images: Vec::new() })
    }

    fn add(&mut self, mut record: SceneRecord, summary: &mut Summary) -> Result<(), DatasetError> {
        // Ids go on from scene to scene; COCO's begin with 1.
        let first = summary.annotations + 1;
        for annotation in &mut record.annotations {
            annotation.id += first;
            annotation.attributes.part_of = annotation.attributes.part_of.map(|owner| owner + first);
            if annotation.id > 1 {
                self.annotations.text(",")?;
            }
            self.annotations.text("\n")?;
            self.annotations.json(annotation)?;
        }
        for conversation in &mut record.conversations {
            conversation.shift_ids(first);
            self.conversations.json(conversation)?;
            self.conversations.text("\n")?;
        }
        summary.images += 1;
        summary.annotations += record.annotations.len() as u64;
        summary.conversations += record.conversations.len() as u64;
        self.images.push(record.image);
        Ok(())
    }

    fn finish(mut self) -> Result<(), DatasetError> {
        self.annotations.text("],\n\"images\":")?;
        self.annotations.json(&self.images)?;
        self.annotations.text(",\n\"categories\":")?;
        self.annotations.json(&categories())?;
        self.annotations.text(",\n\"licenses\":[],\n\"info\":")?;
        let info = InfoRecord {
            description: "Procedural scenes of GLaMM Desktop",
            version: env!("CARGO_PKG_VERSION"),
        };
        self.annotations.json(&info)?;
        self.annotations.text("}\n")?;
        self.annotations.flush()?;
        self.conversations.flush()
    }
}

/// A file that JSON is written to piece by piece.
struct JsonFile {
    path: PathBuf,
    file: BufWriter<File>,
}

impl JsonFile {
    fn create(path: PathBuf) -> Result<Self, DatasetError> {
        match File::create(&path) {
            Ok(file) => Ok(Self { path, file: BufWriter::new(file) }),
            Err(source) => Err(DatasetError::Write { path, source }),
        }
    }

    fn text(&mut self, text: &str) -> Result<(), DatasetError> {
        let written = self.file.write_all(text.as_bytes());
        self.checked(written)
    }

    fn json(&mut self, value: &impl Serialize) -> Result<(), DatasetError> {
        let written = serde_json::to_writer(&mut self.file, value).map_err(io::Error::from);
        self.checked(written)
    }

    fn flush(&mut self) -> Result<(), DatasetError> {
        let written = self.file.flush();
        self.checked(written)
    }

    fn checked(&self, written: io::Result<()>) -> Result<(), DatasetError> {
        written.map_err(|source| DatasetError::Write { path: self.path.clone(), source })
    }
}

#[cfg(test)]
mod tests;
