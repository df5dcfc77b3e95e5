//! Conversations recorded from the official implementation, for the parity tests of the language
//! model and of the whole way. `GLAMM_GOLDEN_DIR` names another directory of the same layout.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use glamm_engine::checkpoint::Checkpoint;
use glamm_engine::model::config::GlammConfig;
use glamm_engine::model::glamm::{Glamm, Slot};
use glamm_engine::protocol::{ModelSource, Turn};
use glamm_engine::text::tokenizer::Tokenizer;
use glamm_engine::vision::PixelBox;
use serde::Deserialize;

/// Every float stage must be this near, relative to its norm.
pub const RELATIVE: f64 = 1e-4;

/// A directory of recorded data.
pub struct Recorded {
    directory: PathBuf,
    pub manifest: Manifest,
}

#[derive(Deserialize)]
pub struct Manifest {
    images: HashMap<String, Image>,
    pub cases: Vec<Case>,
    tokens: HashMap<String, i64>,
    region_level_hidden_state_indices: Vec<usize>,
}

#[derive(Deserialize)]
pub struct Image {
    pub file: PathBuf,
    pub width: u32,
    pub height: u32,
    tensor_file: PathBuf,
}

#[derive(Deserialize)]
pub struct Case {
    pub id: String,
    image: String,
    user_text: String,
    follow_up_of: Option<String>,
    mode: String,
    pub max_new_tokens: Option<usize>,
    pub input_ids: Vec<i64>,
    pub answer_ids: Vec<u32>,
    pub ends_with_eos: bool,
    pub text_output: String,
    pub gcg_caption: String,
    pub gcg_phrases: Vec<String>,
    #[serde(default)]
    pub argmax_ids_along_the_forced_tokens: Vec<u32>,
    pub seg: Vec<Seg>,
    #[serde(default)]
    boxes_xyxy_pixels: Vec<[f32; 4]>,
    #[serde(default)]
    boxes_normalised: Vec<[f32; 4]>,
    tensor_file: PathBuf,
}

/// A `[SEG]` of the sequence.
#[derive(Deserialize)]
pub struct Seg {
    pub feeding_index_in_expanded: usize,
    pub in_prompt: bool,
    #[serde(rename = "pixels_with_abs_logit_below_1e_3")]
    pub near_zero: usize,
}

impl Case {
    /// Whether the model chose the answer itself.
    pub fn is_greedy(&self) -> bool {
        self.mode == "greedy"
    }
}

impl Recorded {
    pub fn open() -> Self {
        let public = || Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/public");
        let directory = std::env::var_os("GLAMM_GOLDEN_DIR").map_or_else(public, PathBuf::from);
        let manifest = fs::read_to_string(directory.join("manifest.json")).expect("a manifest");
        Self { manifest: serde_json::from_str(&manifest).expect("a manifest of the known form"), directory }
    }

    /// The checkpoint: the one directory that has a tokenizer.
    pub fn checkpoint_directory(&self) -> PathBuf {
        let entries = fs::read_dir(&self.directory).expect("a directory");
        let mut paths = entries.map(|entry| entry.expect("an entry").path());
        paths.find(|path| path.join("tokenizer.model").is_file()).expect("a checkpoint")
    }

    pub fn source(&self) -> ModelSource {
        ModelSource::Directory(self.checkpoint_directory())
    }

    pub fn model(&self) -> Model {
        let checkpoint = Checkpoint::open(&self.checkpoint_directory()).expect("a whole checkpoint");
        let weights = checkpoint.weights(&Device::Cpu, DType::F32, |_, _| true);
        let config = checkpoint.config().clone();
        let glamm = Glamm::new(&config, &weights.glamm, &weights.clip).expect("weights of the right shapes");
        Model { glamm, config, tokenizer: checkpoint.tokenizer().expect("a tokenizer") }
    }

    pub fn case(&self, id: &str) -> &Case {
        self.manifest.cases.iter().find(|case| case.id == id).expect("the case that is followed up")
    }

    pub fn image(&self, case: &Case) -> &Image {
        &self.manifest.images[&case.image]
    }

    pub fn image_path(&self, case: &Case) -> PathBuf {
        self.directory.join(&self.image(case).file)
    }

    /// Recorded tensors of a case.
    pub fn tensors(&self, case: &Case) -> HashMap<String, Tensor> {
        self.load(&case.tensor_file)
    }

    /// Recorded tensors of a case's image.
    pub fn image_tensors(&self, case: &Case) -> HashMap<String, Tensor> {
        self.load(&self.image(case).tensor_file)
    }

    fn load(&self, file: &Path) -> HashMap<String, Tensor> {
        candle_core::safetensors::load(self.directory.join(file), &Device::Cpu).expect("recorded tensors")
    }

    /// The conversation up to and with the question of a case.
    pub fn turns(&self, case: &Case) -> Vec<Turn> {
        let mut turns = match &case.follow_up_of {
            Some(parent) => {
                let parent = self.case(parent);
                let mut turns = self.turns(parent);
                turns.last_mut().expect("a question").reply = Some(parent.text_output.clone());
                turns
            }
            None => Vec::new(),
        };
        let regions = case.boxes_xyxy_pixels.iter();
        let regions = regions.map(|&[x0, y0, x1, y1]| PixelBox { x0, y0, x1, y1 }).collect();
        turns.push(Turn { user: case.user_text.clone(), regions, reply: None });
        turns
    }

    /// What is fed for a case: prompt and answer but the last token. `<bbox>` become regions as the
    /// specification says: in order, surplus boxes dropped, a single box for all, none for none.
    pub fn slots(&self, case: &Case, patches: usize) -> Vec<Slot> {
        let (placeholder, bbox) =
            (self.manifest.tokens["image_placeholder"], self.manifest.tokens["bbox_token_idx"]);
        let answer = case.answer_ids.iter().map(|&id| i64::from(id));
        let ids: Vec<i64> = case.input_ids.iter().copied().chain(answer).collect();
        let mut boxes = case.boxes_normalised.iter();
        let mut slots = Vec::new();
        for &id in &ids[..ids.len() - 1] {
            if id == placeholder {
                slots.extend((0..patches as u32).map(Slot::Image));
                continue;
            }
            let region = match &case.boxes_normalised[..] {
                [single] if id == bbox => Some(single),
                _ if id == bbox => boxes.next(),
                _ => None,
            };
            slots.push(region.map_or(Slot::Token(id as u32), |&sides| Slot::Region(sides)));
        }
        slots
    }

    /// Feature maps of the region encoder from the recorded hidden states of the global encoder.
    pub fn region_maps(&self, case: &Case, model: &Glamm) -> Vec<Tensor> {
        let tensors = self.image_tensors(case);
        let level = |index: &usize| {
            model.global_encoder.feature_map(&tensors[&format!("clip_hidden_{index}")]).expect("a map")
        };
        let levels: Vec<Tensor> = self.manifest.region_level_hidden_state_indices.iter().map(level).collect();
        let mut uninterrupted = glamm_engine::model::layers::uninterrupted;
        model.region_encoder.feature_maps(&levels, &mut uninterrupted).expect("maps")
    }
}

/// A checkpoint, built.
pub struct Model {
    pub glamm: Glamm,
    pub config: GlammConfig,
    pub tokenizer: Tokenizer,
}

/// ‖a − b‖ / ‖b‖.
pub fn relative(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.dims(), b.dims(), "shapes");
    let norm = |x: &Tensor| {
        let squares = x.to_dtype(DType::F64).and_then(|x| x.sqr()).and_then(|x| x.sum_all());
        squares.and_then(|sum| sum.to_scalar::<f64>()).expect("a norm").sqrt()
    };
    norm(&(a - b).expect("one shape")) / norm(b)
}

/// Worst errors by stage.
#[derive(Default)]
pub struct Table(BTreeMap<&'static str, (f64, f64, String)>);

impl Table {
    /// Notes an error of a stage, and the bound it must keep.
    pub fn add(&mut self, stage: &'static str, case: &Case, error: f64, bound: f64) {
        let worst = self.0.entry(stage).or_insert((0.0, bound, String::new()));
        // Not a number is the worst of all.
        if error.is_nan() || error >= worst.0 {
            *worst = (error, bound, case.id.clone());
        }
    }

    /// Prints the table, whatever the test harness does with `print!`, and checks the bounds.
    pub fn finish(self) {
        let rows = self.0.iter().map(|(stage, (error, bound, case))| {
            format!("{stage:<36} {error:>10.2e}  (bound {bound:.0e}, worst in {case})\n")
        });
        let text: String = rows.collect();
        std::io::stdout().lock().write_all(text.as_bytes()).expect("standard output");
        for (stage, (error, bound, case)) in self.0 {
            assert!(error <= bound, "{stage} is off by {error:e} in {case}; the bound is {bound:e}");
        }
    }
}
