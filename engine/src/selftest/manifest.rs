//! `manifest.json` of a golden set: pictures, conversations, and the files that hold what was recorded
//! of each. Read by [`super::golden`].

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

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
    pub fn prepared(&self, encoder: &str) -> Result<Vec<(usize, Prepared)>, serde_json::Error> {
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
    /// Who chose the answer.
    pub mode: Mode,
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

/// Who chose the tokens of a recorded answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The model.
    Greedy,
    /// The data.
    TeacherForced,
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

impl Case {
    /// Ids of prompt and answer but the last, which is never fed.
    pub fn fed_ids(&self) -> Vec<i64> {
        let answer = self.answer_ids.iter().map(|&id| i64::from(id));
        let mut ids: Vec<i64> = self.input_ids.iter().copied().chain(answer).collect();
        ids.pop();
        ids
    }
}
