//! Reference data: `tests/golden/public`, recorded from the official implementation, and
//! `tests/golden/demo`, recorded from the demo model with the PyTorch code that trained it; or any
//! other directory of the same layout that the environment variable `GLAMM_GOLDEN_DIR` names. The
//! layout is described in the first one's README.
//!
//! Nothing here knows sizes or names of a particular set: they all come from its own manifest and
//! configuration.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use glamm_engine::checkpoint::Checkpoint;
use glamm_engine::model::config::GlammConfig;
use glamm_engine::model::source::Source;
use glamm_engine::precision::Precision;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::table::Failed;

/// Which reference data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Set {
    /// `tests/golden/public`: every stage, from the official implementation.
    Public,
    /// `tests/golden/demo`: the demo model, from the code that trained it.
    Demo,
    /// What `GLAMM_GOLDEN_DIR` names.
    Elsewhere,
}

impl Set {
    /// Those that tests go through.
    pub fn all() -> Vec<Self> {
        match std::env::var_os(ELSEWHERE) {
            Some(_) => vec![Self::Elsewhere],
            None => vec![Self::Public, Self::Demo],
        }
    }

    /// What follows the names of its tests.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Demo => "_demo",
            Self::Public | Self::Elsewhere => "",
        }
    }

    /// Opens it.
    ///
    /// # Errors
    /// A file is missing or of another form.
    pub fn open(self) -> Result<Golden, Failed> {
        let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
        let dir = match self {
            Self::Public => own.join("public"),
            Self::Demo => own.join("demo"),
            Self::Elsewhere => std::env::var_os(ELSEWHERE).map(PathBuf::from).unwrap_or_default(),
        };
        let manifest: Manifest = read_json(&dir.join("manifest.json"))?;
        let checkpoint_directory = match &manifest.checkpoint {
            Some(path) => dir.join(path),
            None => find_checkpoint(&dir)?,
        };
        let checkpoint = Checkpoint::open(&checkpoint_directory)?;
        Ok(Golden { dir, set: self, manifest, checkpoint, checkpoint_directory })
    }
}

/// Environment variable that names another set.
const ELSEWHERE: &str = "GLAMM_GOLDEN_DIR";

/// A set of reference data.
#[derive(Debug)]
pub struct Golden {
    /// Where it lies.
    pub dir: PathBuf,
    /// Which one it is.
    pub set: Set,
    /// What was recorded.
    pub manifest: Manifest,
    /// The set's model.
    pub checkpoint: Checkpoint,
    /// Its directory.
    pub checkpoint_directory: PathBuf,
}

/// `manifest.json`.
#[derive(Debug, Deserialize)]
pub struct Manifest {
    /// Path of the checkpoint from the set's directory, where it is not inside.
    pub checkpoint: Option<PathBuf>,
    /// Pictures by name.
    pub images: BTreeMap<String, ImageEntry>,
    /// Conversations.
    pub cases: Vec<Case>,
    /// Ids with a meaning, by name.
    pub tokens: BTreeMap<String, i64>,
    /// Hidden states of CLIP that feed the region encoder.
    pub region_level_hidden_state_indices: Vec<usize>,
    /// Hidden state of CLIP that feeds the projector.
    pub selected_hidden_state_index: usize,
}

/// A picture and what its preparation and encoding should give.
#[derive(Debug, Deserialize)]
pub struct ImageEntry {
    /// Path inside the set.
    pub file: String,
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// Path of its tensors inside the set.
    pub tensor_file: String,
    /// Prepared pictures (`clip336`, `sam1024`, …) among other things.
    #[serde(flatten)]
    pub other: BTreeMap<String, serde_json::Value>,
}

/// A prepared picture.
#[derive(Debug, Deserialize)]
pub struct Prepared {
    /// Path inside the set.
    pub file: String,
    /// CLIP: width and height before the crop.
    pub resized_wh: Option<(usize, usize)>,
    /// CLIP: what the crop leaves out.
    pub crop_left_top: Option<(usize, usize)>,
    /// SAM: height and width without padding.
    pub resize_list_hw: Option<(usize, usize)>,
}

impl ImageEntry {
    /// Prepared pictures of one encoder (`clip` or `sam`) with their sizes.
    ///
    /// # Errors
    /// The manifest's entry is of another form.
    pub fn prepared(&self, encoder: &str) -> Result<Vec<(usize, Prepared)>, Failed> {
        let mut found = Vec::new();
        for (key, value) in &self.other {
            if let Some(Ok(side)) = key.strip_prefix(encoder).map(str::parse) {
                found.push((side, serde_json::from_value(value.clone())?));
            }
        }
        Ok(found)
    }
}

/// One turn of a conversation and what it should give.
#[derive(Debug, Deserialize)]
pub struct Case {
    /// Its name.
    pub id: String,
    /// Name of the picture.
    pub image: String,
    /// What the user wrote.
    pub user_text: String,
    /// The case whose answer came before.
    pub follow_up_of: Option<String>,
    /// `greedy` or `teacher_forced`.
    pub mode: String,
    /// Where generation stops at the latest, where ids were generated.
    pub max_new_tokens: Option<usize>,
    /// Prompt.
    pub input_ids: Vec<i64>,
    /// Answer.
    pub answer_ids: Vec<u32>,
    /// The prompt as text.
    pub prompt: String,
    /// The answer as text.
    #[serde(default)]
    pub text_output: String,
    /// The answer without markers.
    pub gcg_caption: String,
    /// Its grounded phrases.
    pub gcg_phrases: Vec<String>,
    /// Whether the answer ended by itself.
    pub ends_with_eos: bool,
    /// Of a forced answer: the token that the model would have chosen at each place.
    #[serde(default)]
    pub argmax_ids_along_the_forced_tokens: Vec<u32>,
    /// One for each `[SEG]` in prompt and answer.
    #[serde(default)]
    pub seg: Vec<SegEntry>,
    /// Boxes in pixels of the picture.
    #[serde(default)]
    pub boxes_xyxy_pixels: Vec<[f32; 4]>,
    /// The same as fractions of the picture's width and height.
    #[serde(default)]
    pub boxes_normalised: Vec<[f32; 4]>,
    /// Every how many channels region maps are recorded, by stage.
    #[serde(default)]
    pub region_channel_stride: BTreeMap<String, usize>,
    /// Height and width of the picture in SAM's frame.
    pub resize_list_hw: Option<(usize, usize)>,
    /// Path of its tensors inside the set.
    pub tensor_file: String,
    /// Everything else.
    #[serde(flatten)]
    pub other: BTreeMap<String, serde_json::Value>,
}

/// A `[SEG]` and its mask.
#[derive(Debug, Deserialize)]
pub struct SegEntry {
    /// Index into the expanded sequence of the state that feeds the mask.
    pub feeding_index_in_expanded: usize,
    /// Whether it belongs to an earlier turn.
    pub in_prompt: bool,
    /// Pixels inside.
    pub mask_area_gt0: usize,
    /// Pixels that may be on either side.
    pub pixels_with_abs_logit_below_1e_3: usize,
}

/// Tensors of one file.
#[derive(Debug)]
pub struct Recorded(HashMap<String, Tensor>);

impl Recorded {
    /// A tensor, where the set has it.
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.0.get(name)
    }

    /// A tensor that another one in the file makes no sense without.
    ///
    /// # Errors
    /// It is not there.
    pub fn need(&self, name: &str) -> Result<&Tensor, Failed> {
        self.0.get(name).ok_or_else(|| format!("the golden set lacks {name}").into())
    }

    /// Names of all tensors.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl Golden {
    /// Sizes of the set's model.
    pub fn config(&self) -> &GlammConfig {
        self.checkpoint.config()
    }

    /// Tensors of a file of the set.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn tensors(&self, file: &str) -> Result<Recorded, Failed> {
        let path = self.dir.join(file);
        let tensors = candle_core::safetensors::load(&path, &Device::Cpu)
            .map_err(|e| format!("{}: {e}", path.display()))?;
        Ok(Recorded(tensors))
    }

    /// Tensors of a file that not every set has.
    ///
    /// # Errors
    /// The file is there but cannot be read.
    pub fn tensors_if_any(&self, file: &str) -> Result<Option<Recorded>, Failed> {
        if self.dir.join(file).exists() { self.tensors(file).map(Some) } else { Ok(None) }
    }

    /// A JSON file of the set; `None` where it has none.
    ///
    /// # Errors
    /// The file is there but of another form.
    pub fn json<T: DeserializeOwned>(&self, file: &str) -> Result<Option<T>, Failed> {
        let path = self.dir.join(file);
        if path.exists() { read_json(&path).map(Some) } else { Ok(None) }
    }

    /// The entry of a case's picture.
    ///
    /// # Errors
    /// There is none.
    pub fn image(&self, case: &Case) -> Result<&ImageEntry, Failed> {
        self.manifest.images.get(&case.image).ok_or_else(|| format!("no picture {}", case.image).into())
    }

    /// A picture of the set.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn picture(&self, file: &str) -> Result<image::RgbImage, Failed> {
        Ok(glamm_engine::vision::load_image(&self.dir.join(file))?)
    }

    /// Weights of GLaMM, widened to f32, at the root of the checkpoint.
    pub fn weights(&self) -> Source<'static> {
        self.checkpoint.weights(&Device::Cpu, (DType::F32, Some(Precision::F32)), |_| true).glamm
    }

    /// Weights of CLIP, widened to f32, at `vision_model`.
    pub fn clip_weights(&self) -> Source<'static> {
        self.checkpoint.weights(&Device::Cpu, (DType::F32, Some(Precision::F32)), |_| true).clip
    }

    /// Fails a test that found nothing to compare in the public set, which has all stages; another
    /// set may lack some.
    ///
    /// # Errors
    /// See above.
    pub fn check_compared(&self, comparisons: usize, what: &str) -> Result<(), Failed> {
        if comparisons == 0 && self.set == Set::Public {
            return Err(format!("nothing was compared: the golden set holds no {what}").into());
        }
        Ok(())
    }
}

/// The subdirectory with a tokenizer: the checkpoint, and not its vision tower.
fn find_checkpoint(dir: &Path) -> Result<PathBuf, Failed> {
    for entry in std::fs::read_dir(dir).map_err(|e| format!("{}: {e}", dir.display()))? {
        let path = entry?.path();
        if path.join("tokenizer.model").is_file() {
            return Ok(path);
        }
    }
    Err(format!("no GLaMM checkpoint in {}", dir.display()).into())
}

fn read(path: &Path) -> Result<String, Failed> {
    std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()).into())
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, Failed> {
    serde_json::from_str(&read(path)?).map_err(|e| format!("{}: {e}", path.display()).into())
}
