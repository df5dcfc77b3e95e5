//! Recorded reference data: what every stage of the model gave for a picture and a conversation, in the
//! official implementation or in the code that trained the demo model. `tests/golden/public/README.md`
//! describes the layout.
//!
//! Read by the self-test and, through it, by the parity suites. Nothing here knows sizes or names of a
//! particular set: they all come from its own manifest and configuration.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use image::RgbImage;
use serde::de::DeserializeOwned;

use crate::checkpoint::Checkpoint;
use crate::error::{CheckpointError, EngineError};
use crate::model::config::GlammConfig;
use crate::model::glamm::Slot;
use crate::protocol::{ModelSource, Turn};
use crate::selftest::manifest::{Case, ImageEntry, Manifest};
use crate::vision::{PixelBox, decode_image, load_image};

/// `tests/golden/demo`, as part of the binary.
macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_bytes!(concat!("../../../tests/golden/demo/", $name)).as_slice())),*]
    };
}

const EMBEDDED: &[(&str, &[u8])] = files![
    "manifest.json",
    "images/scene.png",
    "expected/image_scene.safetensors",
    "expected/segment_box.safetensors",
];

/// A set of reference data.
#[derive(Debug)]
pub struct Golden {
    /// Where its files are; `None` where they are part of the binary.
    directory: Option<PathBuf>,
    /// What was recorded.
    pub manifest: Manifest,
    /// The set's model; its weights are not read.
    pub checkpoint: Checkpoint,
    /// Where that is.
    pub source: ModelSource,
}

/// Tensors of one file.
#[derive(Debug)]
pub struct Recorded {
    tensors: HashMap<String, Tensor>,
    path: PathBuf,
}

impl Recorded {
    /// A tensor, where the set has it.
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.tensors.get(name)
    }

    /// A tensor that another one in the file makes no sense without.
    ///
    /// # Errors
    /// It is not there.
    pub fn need(&self, name: &str) -> Result<&Tensor, EngineError> {
        let missing = || CheckpointError::MissingTensor { name: name.to_owned(), path: self.path.clone() };
        Ok(self.get(name).ok_or_else(missing)?)
    }

    /// Names of all tensors.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }
}

impl Golden {
    /// The set of the demo model that is part of the binary.
    ///
    /// # Errors
    /// Its files do not fit each other: a build that its own tests do not pass.
    pub fn embedded() -> Result<Self, EngineError> {
        let path = Path::new("manifest.json");
        let manifest = parse(embedded(path)?, path)?;
        Ok(Self {
            directory: None,
            manifest,
            checkpoint: Checkpoint::of(&ModelSource::Demo)?,
            source: ModelSource::Demo,
        })
    }

    /// Opens a set of files.
    ///
    /// # Errors
    /// A file is missing or of another form.
    pub fn open(directory: &Path) -> Result<Self, EngineError> {
        let path = directory.join("manifest.json");
        let manifest: Manifest = parse(&read(&path)?, &path)?;
        let checkpoint = match &manifest.checkpoint {
            Some(path) => directory.join(path),
            None => find_checkpoint(directory)?,
        };
        Ok(Self {
            directory: Some(directory.to_owned()),
            manifest,
            checkpoint: Checkpoint::open(&checkpoint)?,
            source: ModelSource::Path(checkpoint),
        })
    }

    /// Sizes of the set's model.
    pub fn config(&self) -> &GlammConfig {
        self.checkpoint.config()
    }

    /// Tensors of a file of the set.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn tensors(&self, file: &str) -> Result<Recorded, EngineError> {
        let path = self.path(file);
        let tensors = match self.directory {
            Some(_) => candle_core::safetensors::load(&path, &Device::Cpu),
            None => candle_core::safetensors::load_buffer(embedded(&path)?, &Device::Cpu),
        };
        let tensors = tensors.map_err(|error| malformed(&path, &error))?;
        Ok(Recorded { tensors, path })
    }

    /// A JSON file of the set; `None` where it has none.
    ///
    /// # Errors
    /// The file is there but of another form.
    pub fn json<T: DeserializeOwned>(&self, file: &str) -> Result<Option<T>, EngineError> {
        let path = self.path(file);
        if path.exists() { Ok(Some(parse(&read(&path)?, &path)?)) } else { Ok(None) }
    }

    /// The entry of a case's picture.
    ///
    /// # Errors
    /// There is none.
    pub fn image(&self, case: &Case) -> Result<&ImageEntry, EngineError> {
        let missing = || self.unfit(format!("no picture {}", case.image));
        self.manifest.images.get(&case.image).ok_or_else(missing)
    }

    /// A picture of the set.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn picture(&self, file: &str) -> Result<RgbImage, EngineError> {
        let path = self.path(file);
        Ok(match self.directory {
            Some(_) => load_image(&path)?,
            None => decode_image(embedded(&path)?, &path)?,
        })
    }

    /// The case that a case follows up.
    ///
    /// # Errors
    /// It is not there.
    pub fn parent(&self, case: &Case) -> Result<Option<&Case>, EngineError> {
        let Some(id) = &case.follow_up_of else { return Ok(None) };
        let parent = self.manifest.cases.iter().find(|other| other.id == *id);
        parent.map(Some).ok_or_else(|| self.unfit(format!("{} follows up {id}, which is missing", case.id)))
    }

    /// The conversation up to and with the question of a case.
    ///
    /// # Errors
    /// The case follows up one that is not there.
    pub fn turns(&self, case: &Case) -> Result<Vec<Turn>, EngineError> {
        let mut turns = Vec::new();
        if let Some(parent) = self.parent(case)? {
            turns = self.turns(parent)?;
            if let Some(question) = turns.last_mut() {
                question.reply = Some(parent.text_output.clone());
            }
        }
        let boxes = case.boxes_xyxy_pixels.iter();
        let regions = boxes.map(|&[x0, y0, x1, y1]| PixelBox { x0, y0, x1, y1 }).collect();
        turns.push(Turn { user: case.user_text.clone(), regions, reply: None });
        Ok(turns)
    }

    /// What is fed for a case: prompt and answer but the last token. `<bbox>` become regions as the
    /// set's README says: in order, surplus boxes dropped, a single box for all, none for none.
    ///
    /// # Errors
    /// The manifest does not say which id is the image's or a region's.
    pub fn slots(&self, case: &Case) -> Result<Vec<Slot>, EngineError> {
        let id_of = |name: &str| {
            self.manifest.tokens.get(name).copied().ok_or_else(|| self.unfit(format!("no id of {name}")))
        };
        let (placeholder, bbox) = (id_of("image_placeholder")?, id_of("bbox_token_idx")?);
        let patches = self.config().global_encoder.patches() as u32;
        let mut boxes = case.boxes_normalised.iter();
        let mut slots = Vec::new();
        for id in case.fed_ids() {
            let region = match &case.boxes_normalised[..] {
                _ if id != bbox => None,
                [single] => Some(single),
                _ => boxes.next(),
            };
            match region {
                Some(&sides) => slots.push(Slot::Region(sides)),
                None if id == placeholder => slots.extend((0..patches).map(Slot::Image)),
                None => slots.push(Slot::Token(id as u32)),
            }
        }
        Ok(slots)
    }

    /// Where a file of the set is.
    pub fn path(&self, file: &str) -> PathBuf {
        self.directory.as_deref().unwrap_or(Path::new("")).join(file)
    }

    /// The manifest does not hold together.
    fn unfit(&self, reason: String) -> EngineError {
        CheckpointError::Malformed { path: self.path("manifest.json"), reason }.into()
    }
}

/// The subdirectory with a tokenizer: the checkpoint, and not its vision tower.
fn find_checkpoint(directory: &Path) -> Result<PathBuf, CheckpointError> {
    let failed = |source| CheckpointError::Read { path: directory.to_owned(), source };
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.join("tokenizer.model").is_file() {
            return Ok(path);
        }
    }
    Err(CheckpointError::MissingFile {
        directory: directory.to_owned(),
        file: "tokenizer.model".to_owned(),
        hint: "a golden set has its checkpoint in a folder of its own".to_owned(),
    })
}

fn embedded(path: &Path) -> Result<&'static [u8], CheckpointError> {
    let found = EMBEDDED.iter().find(|(name, _)| path == Path::new(name));
    found.map(|(_, bytes)| *bytes).ok_or_else(|| malformed(path, &"it is not part of this binary"))
}

fn read(path: &Path) -> Result<Vec<u8>, CheckpointError> {
    std::fs::read(path).map_err(|source| CheckpointError::Read { path: path.to_owned(), source })
}

fn parse<T: DeserializeOwned>(bytes: &[u8], path: &Path) -> Result<T, CheckpointError> {
    serde_json::from_slice(bytes).map_err(|error| malformed(path, &error))
}

fn malformed(path: &Path, reason: &dyn std::fmt::Display) -> CheckpointError {
    let reason = reason.to_string().lines().next().unwrap_or_default().to_owned();
    CheckpointError::Malformed { path: path.to_owned(), reason }
}
