//! Work in the formats of other programs. `import` is the way back.
//!
//! [`plan`] says what will be written, [`run`] writes it: both from a [`Snapshot`], so that the window
//! and `glamm export` give the same files. One file for each format; what they share stands here. One
//! picture is in memory at a time, and of its masks one at a time.

mod annotations;
mod coco;
mod grand_f;
pub mod import;
mod labelme;
mod legend;
mod masks;
mod open_pictures;
pub mod overlay;
mod report;
mod rings;
#[cfg(test)]
mod tests;
mod worker;
mod yolo;

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use glamm_engine::protocol::ImageId;
use image::{ExtendedColorType, RgbImage};
use serde::Serialize;

use crate::document::{Document, Picture};
use crate::storage::{Snapshot, StorageError, encode_png, pixels};
use crate::system::files;
use crate::words::counted;
use annotations::{Categories, Object, objects};

pub(crate) use worker::ExchangeDesk;
pub use worker::{ExchangeEvent, ExchangeJob, ExportInTheWay, ImportedEdits};

/// A form in which work can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Pictures with their masks and a legend.
    Overlay,
    /// Each mask as a black and white PNG.
    Masks,
    /// All masks of a picture as one PNG with a palette.
    Indexed,
    /// COCO's JSON, masks as run lengths and as polygons.
    Coco,
    /// Labels for training YOLO to segment.
    Yolo,
    /// LabelMe's JSON, one for each picture.
    LabelMe,
    /// Captions with grounded phrases, as in the GranD-f data set.
    GrandF,
    /// A report to go on writing in.
    Markdown,
    /// A report to look at and to send.
    Html,
}

impl Format {
    /// In the order of the dialog.
    pub const ALL: [Self; 9] = [
        Self::Overlay,
        Self::Masks,
        Self::Indexed,
        Self::Coco,
        Self::Yolo,
        Self::LabelMe,
        Self::GrandF,
        Self::Markdown,
        Self::Html,
    ];

    /// On the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Overlay => "overlay",
            Self::Masks => "masks",
            Self::Indexed => "indexed",
            Self::Coco => "coco",
            Self::Yolo => "yolo",
            Self::LabelMe => "labelme",
            Self::GrandF => "grandf",
            Self::Markdown => "markdown",
            Self::Html => "html",
        }
    }

    /// In the dialog.
    pub fn label(self) -> &'static str {
        match self {
            Self::Overlay => "Overlay",
            Self::Masks => "Masks, black and white",
            Self::Indexed => "Masks, indexed",
            Self::Coco => "COCO",
            Self::Yolo => "YOLO segmentation",
            Self::LabelMe => "LabelMe",
            Self::GrandF => "Grounded captions (GranD-f)",
            Self::Markdown => "Report, Markdown",
            Self::Html => "Report, HTML",
        }
    }

    /// What it is for, in a sentence.
    pub fn note(self) -> &'static str {
        match self {
            Self::Overlay => "Pictures with masks in the colours of their phrases, and a legend below",
            Self::Masks => "A PNG for each mask: 255 inside, 0 outside",
            Self::Indexed => {
                "A PNG for each picture: 0 outside, n where the n-th mask is; smaller masks on top"
            }
            Self::Coco => "JSON with run-length codes, and the same with polygons",
            Self::Yolo => "A text file for each picture, and data.yaml",
            Self::LabelMe => "A JSON file for each picture, with polygons and boxes",
            Self::GrandF => "JSON with captions, phrases, their places in the text and their masks",
            Self::Markdown => "Conversations as text, with overlays beside it",
            Self::Html => "One file with everything in it: point at a phrase to see its mask",
        }
    }

    /// Whether it is for annotations: the pictures themselves belong to it, and masks without a pixel are
    /// left out, as most of these forms hold none.
    fn is_annotation(self) -> bool {
        matches!(self, Self::Coco | Self::Yolo | Self::LabelMe | Self::GrandF)
    }

    /// The format of this name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }
}

/// What is to be written where.
#[derive(Debug, Clone, PartialEq)]
pub struct ExportRequest {
    /// At least one.
    pub formats: Vec<Format>,
    /// One picture, or all.
    pub only: Option<ImageId>,
    /// The folder; made if it is not there.
    pub out: PathBuf,
}

/// A file that will be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// Below the folder.
    pub path: PathBuf,
    /// What is in it, in a few words.
    pub what: String,
}

/// What was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exported {
    /// Below the folder, in the order of writing.
    pub files: Vec<PathBuf>,
    /// What could not be written, for people.
    pub problems: Vec<String>,
    /// Whether it was ended before all was written.
    pub stopped: bool,
}

/// A picture under the name its files have.
#[derive(Debug, Clone)]
struct Named {
    picture: Arc<Picture>,
    /// A plain file name without ending that no other picture has.
    stem: String,
}

impl Named {
    fn image_path(&self) -> String {
        format!("images/{}.png", self.stem)
    }
}

/// The files that [`run`] writes.
pub fn plan(document: &Document, request: &ExportRequest) -> Vec<Planned> {
    let named = named(document, request.only);
    let mut planned = Vec::new();
    let mut add = |path: String, what: String| planned.push(Planned { path: PathBuf::from(path), what });
    let has = |format| request.formats.contains(&format);
    let needs_images = request.formats.iter().any(|format| format.is_annotation());
    for named in &named {
        let objects = objects(&named.picture);
        let masks: Vec<&Object> = objects.iter().filter(|object| object.mask.is_some()).collect();
        let (stem, count) = (&named.stem, masks.len());
        if needs_images {
            add(named.image_path(), "the picture".to_owned());
        }
        if has(Format::Overlay) {
            add(format!("overlays/{stem}.png"), counted(count, "mask"));
        }
        if has(Format::Masks) {
            for (place, object) in masks.iter().enumerate() {
                add(masks::binary_path(stem, place, object), object.phrase.clone());
            }
        }
        if has(Format::Indexed) {
            add(format!("indexed/{stem}.png"), counted(count, "mask"));
        }
        if has(Format::Yolo) {
            add(format!("labels/{stem}.txt"), counted(count, "mask"));
        }
        if has(Format::LabelMe) {
            add(format!("labelme/{stem}.json"), counted(objects.len(), "shape"));
        }
        if has(Format::Markdown) {
            add(format!("report-files/{stem}.png"), "for the report".to_owned());
        }
    }
    let pictures = counted(named.len(), "picture");
    let wholes = [
        (Format::Indexed, "indexed/legend.json", "what the numbers mean"),
        (Format::Coco, "coco-rle.json", pictures.as_str()),
        (Format::Coco, "coco-polygons.json", pictures.as_str()),
        (Format::Yolo, "data.yaml", "names of the classes"),
        (Format::GrandF, "grandf.json", pictures.as_str()),
        (Format::Markdown, "report.md", pictures.as_str()),
        (Format::Html, "report.html", pictures.as_str()),
    ];
    for (format, path, what) in wholes {
        if has(format) {
            add(path.to_owned(), what.to_owned());
        }
    }
    planned
}

/// Files that are there already and that [`run`] would replace.
pub fn in_the_way(document: &Document, request: &ExportRequest) -> Vec<PathBuf> {
    let originals = originals(document);
    let planned = plan(document, request).into_iter().map(|planned| request.out.join(planned.path));
    planned.filter(|path| path.symlink_metadata().is_ok() && !is_among(&originals, path)).collect()
}

/// The files that the pictures come from. They are never written.
fn originals(document: &Document) -> HashSet<PathBuf> {
    let file = |picture: &Arc<Picture>| fs::canonicalize(picture.origin.file()?).ok();
    document.pictures().iter().filter_map(file).collect()
}

fn is_among(files: &HashSet<PathBuf>, path: &Path) -> bool {
    fs::canonicalize(path).is_ok_and(|path| files.contains(&path))
}

/// Writes the files, over others of the same names, but never over a file that a picture comes from.
/// `progress` is told how many pictures are done, of how many; `false` ends it.
///
/// # Errors
/// [`StorageError::Write`] where the folder does not take them. Pictures that cannot be had are among
/// [`Exported::problems`].
pub fn run(
    snapshot: &Snapshot,
    request: &ExportRequest,
    progress: &mut dyn FnMut(usize, usize) -> bool,
) -> Result<Exported, StorageError> {
    let named = named(&snapshot.document, request.only);
    let categories = Categories::of(named.iter().map(|named| &*named.picture));
    let mut writer = Writer {
        folder: &request.out,
        originals: originals(&snapshot.document),
        exported: Exported::default(),
        made: HashSet::new(),
    };
    let mut parts = Parts::new(&request.formats, &categories);
    let count = named.len();
    for (done, named) in named.iter().enumerate() {
        if !progress(done, count) {
            writer.exported.stopped = true;
            return Ok(writer.exported);
        }
        let found = pixels(&named.picture, snapshot);
        let pixels = match &found {
            Ok(pixels) => Some(&**pixels),
            Err(reason) => {
                writer.exported.problems.push(format!("the picture {}: {reason}", named.picture.name));
                None
            }
        };
        parts.add(&mut writer, named, done as u64 + 1, pixels)?;
    }
    parts.finish(&mut writer)?;
    progress(count, count);
    Ok(writer.exported)
}

/// What grows with every picture: one for each format that is one file.
struct Parts<'a> {
    formats: &'a [Format],
    categories: &'a Categories,
    coco: coco::Coco,
    grand_f: Vec<grand_f::Caption>,
    legend: Vec<masks::Legend>,
    markdown: String,
    html: report::Html,
}

impl<'a> Parts<'a> {
    fn new(formats: &'a [Format], categories: &'a Categories) -> Self {
        Self {
            formats,
            categories,
            coco: coco::Coco::default(),
            grand_f: Vec::new(),
            legend: Vec::new(),
            markdown: String::new(),
            html: report::Html::default(),
        }
    }

    fn has(&self, format: Format) -> bool {
        self.formats.contains(&format)
    }

    fn add(
        &mut self,
        writer: &mut Writer<'_>,
        named: &Named,
        id: u64,
        pixels: Option<&RgbImage>,
    ) -> Result<(), StorageError> {
        let Named { picture, stem } = named;
        let objects = objects(picture);
        if self.formats.iter().any(|format| format.is_annotation()) {
            if let Some(pixels) = pixels {
                writer.png(&named.image_path(), pixels)?;
            }
            writer.problem(&picture.name, empty_masks(&objects));
        }
        if let Some(pixels) = pixels.filter(|_| self.has(Format::Overlay)) {
            writer.png(&format!("overlays/{stem}.png"), &overlay::with_legend(pixels, &objects))?;
        }
        if self.has(Format::Masks) {
            masks::write_binary(writer, stem, &objects)?;
        }
        if self.has(Format::Indexed) {
            self.legend.push(masks::write_indexed(writer, stem, picture, &objects)?);
            writer.problem(&picture.name, masks::beyond_index(&objects));
        }
        if self.has(Format::Coco) {
            self.coco.add(id, named, &objects);
        }
        if self.has(Format::Yolo) {
            writer.text(&format!("labels/{stem}.txt"), &yolo::labels(picture, &objects, self.categories))?;
        }
        if self.has(Format::LabelMe) {
            writer.json(&format!("labelme/{stem}.json"), &labelme::file(named, &objects))?;
        }
        if self.has(Format::GrandF) {
            self.grand_f.extend(grand_f::captions(named, id));
        }
        if self.has(Format::Markdown) {
            let file = format!("report-files/{stem}.png");
            if let Some(pixels) = pixels {
                writer.png(&file, &overlay::painted(pixels, &objects))?;
            }
            self.markdown.push_str(&report::markdown(picture, pixels.map(|_| file.as_str())));
        }
        if self.has(Format::Html) {
            self.html.add(picture, &objects, pixels);
        }
        Ok(())
    }

    fn finish(self, writer: &mut Writer<'_>) -> Result<(), StorageError> {
        if self.has(Format::Indexed) {
            writer.json("indexed/legend.json", &self.legend)?;
        }
        if self.has(Format::Coco) {
            writer.json("coco-rle.json", &self.coco.with_run_lengths(self.categories))?;
            writer.json("coco-polygons.json", &self.coco.with_polygons(self.categories))?;
        }
        if self.has(Format::Yolo) {
            writer.text("data.yaml", &yolo::data(self.categories))?;
        }
        if self.has(Format::GrandF) {
            writer.json("grandf.json", &self.grand_f)?;
        }
        if self.has(Format::Markdown) {
            writer.text("report.md", &self.markdown)?;
        }
        if self.has(Format::Html) {
            writer.text("report.html", &self.html.finish())?;
        }
        Ok(())
    }
}

/// Writes files below the folder, each whole or not at all.
struct Writer<'a> {
    folder: &'a Path,
    /// Files that stay as they are.
    originals: HashSet<PathBuf>,
    exported: Exported,
    made: HashSet<PathBuf>,
}

impl Writer<'_> {
    /// Notes that something is not there as one may expect.
    fn problem(&mut self, picture: &str, what: Option<String>) {
        self.exported.problems.extend(what.map(|what| format!("{what} of {picture}")));
    }

    fn bytes(&mut self, name: &str, bytes: &[u8]) -> Result<(), StorageError> {
        let path = self.folder.join(name);
        if is_among(&self.originals, &path) {
            self.exported.problems.push(format!("{name}, which is the file that a picture comes from"));
            return Ok(());
        }
        if let Some(folder) = path.parent()
            && self.made.insert(folder.to_owned())
        {
            fs::create_dir_all(folder).map_err(StorageError::write(folder))?;
        }
        files::write(&path, bytes).map_err(StorageError::write(&path))?;
        self.exported.files.push(PathBuf::from(name));
        Ok(())
    }

    fn text(&mut self, name: &str, text: &str) -> Result<(), StorageError> {
        self.bytes(name, text.as_bytes())
    }

    fn json(&mut self, name: &str, value: &impl Serialize) -> Result<(), StorageError> {
        let failed = |error: serde_json::Error| StorageError::write(&self.folder.join(name))(error.into());
        let text = serde_json::to_vec_pretty(value).map_err(failed)?;
        self.bytes(name, &text)
    }

    fn png(&mut self, name: &str, pixels: &RgbImage) -> Result<(), StorageError> {
        let encoded = encode_png(pixels.as_raw(), pixels.dimensions(), ExtendedColorType::Rgb8);
        self.encoded(name, encoded)
    }

    fn encoded(&mut self, name: &str, encoded: image::ImageResult<Vec<u8>>) -> Result<(), StorageError> {
        let failed = |error| StorageError::write(&self.folder.join(name))(std::io::Error::other(error));
        let bytes = encoded.map_err(failed)?;
        self.bytes(name, &bytes)
    }
}

/// What is to be said of masks that have no pixel.
fn empty_masks(objects: &[Object]) -> Option<String> {
    let is_empty = |object: &&Object| object.binary().is_some_and(|mask| mask.area() == 0);
    let count = objects.iter().filter(is_empty).count();
    (count > 0).then(|| format!("{} without a pixel, which annotations do not hold,", counted(count, "mask")))
}

/// Gives each picture a file name of its own.
fn named(document: &Document, only: Option<ImageId>) -> Vec<Named> {
    let mut taken = HashSet::new();
    let all = document.pictures().iter().map(|picture| {
        let words = Path::new(&picture.name).file_stem().unwrap_or_default().to_string_lossy();
        let base = Some(plain_name(&words)).filter(|name| !name.is_empty());
        let base = base.unwrap_or_else(|| "picture".to_owned());
        let mut stem = base.clone();
        let mut count = 1;
        while !taken.insert(stem.to_lowercase()) {
            count += 1;
            stem = format!("{base}-{count}");
        }
        Named { picture: Arc::clone(picture), stem }
    });
    let all: Vec<Named> = all.collect();
    all.into_iter().filter(|named| only.is_none_or(|only| named.picture.id == only)).collect()
}

/// Words as a file name that every system takes.
fn plain_name(words: &str) -> String {
    let mut name = String::new();
    for c in words.chars() {
        if c.is_alphanumeric() || matches!(c, '_' | '.') {
            name.push(c);
        } else if !name.ends_with('-') && !name.is_empty() {
            name.push('-');
        }
        if name.len() > 80 {
            break;
        }
    }
    name.trim_matches(['-', '.']).to_owned()
}
