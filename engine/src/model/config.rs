//! Sizes of every part, read from the checkpoint's own files: `config.json` of GLaMM and
//! `config.json` + `preprocessor_config.json` of the CLIP vision tower.
//!
//! Released checkpoints do not carry the sizes of the grounding encoder and the region encoder:
//! they are constants of the official code and the defaults here. A checkpoint of other sizes
//! (the demo model, test checkpoints) states them in an extra block of `config.json`.

mod limits;

use serde::Deserialize;

/// All of GLaMM.
#[derive(Debug, Clone, PartialEq)]
pub struct GlammConfig {
    /// The language model.
    pub llm: LlmConfig,
    /// CLIP.
    pub global_encoder: GlobalEncoderConfig,
    /// Features of user boxes.
    pub region_encoder: RegionEncoderConfig,
    /// SAM: image encoder, prompt encoder and mask decoder.
    pub grounding: GroundingConfig,
    /// Hidden state of the global encoder that feeds the projector, counted as in Python: -2 is
    /// the output of the last but one block.
    pub select_layer: isize,
    /// Directory name or hub id of the CLIP tower.
    pub vision_tower: String,
    /// Whether the weights are random, as those of [`crate::fabricate`], which adds this to the file.
    pub has_random_weights: bool,
}

/// LLaMA.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct LlmConfig {
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Inner width of the gated MLP.
    pub intermediate_size: usize,
    /// Number of blocks.
    pub num_hidden_layers: usize,
    /// Query heads.
    pub num_attention_heads: usize,
    /// Key and value heads; as many as query heads where the file does not say.
    #[serde(default)]
    pub num_key_value_heads: Option<usize>,
    /// Rows of the embedding, added tokens included.
    pub vocab_size: usize,
    /// Added to the mean square before the root.
    pub rms_norm_eps: f64,
    /// Base of the rotary frequencies.
    #[serde(default = "default_rope_theta")]
    pub rope_theta: f64,
    /// Positions the model was trained for.
    #[serde(default = "default_context")]
    pub max_position_embeddings: usize,
}

impl LlmConfig {
    /// Channels of one head.
    pub fn head_dim(&self) -> usize {
        self.hidden_size / self.num_attention_heads
    }

    /// Key and value heads.
    pub fn kv_heads(&self) -> usize {
        self.num_key_value_heads.unwrap_or(self.num_attention_heads)
    }
}

fn default_rope_theta() -> f64 {
    10_000.0
}

fn default_context() -> usize {
    4096
}

/// CLIP vision tower (`vision_config` of its `config.json`, or the whole file).
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct GlobalEncoderConfig {
    /// Width.
    pub hidden_size: usize,
    /// Inner width of the MLP.
    pub intermediate_size: usize,
    /// Number of blocks in the checkpoint (the last one is not needed).
    pub num_hidden_layers: usize,
    /// Heads.
    pub num_attention_heads: usize,
    /// Side of the square input in pixels.
    pub image_size: usize,
    /// Side of a patch in pixels.
    pub patch_size: usize,
    /// Of every LayerNorm.
    #[serde(default = "default_clip_eps")]
    pub layer_norm_eps: f64,
    /// Mean subtracted from each channel after scaling to 0..1.
    #[serde(skip, default = "default_clip_mean")]
    pub image_mean: [f32; 3],
    /// Divisor of each channel afterwards.
    #[serde(skip, default = "default_clip_std")]
    pub image_std: [f32; 3],
}

impl GlobalEncoderConfig {
    /// Patches along one side.
    pub fn grid(&self) -> usize {
        self.image_size / self.patch_size
    }

    /// Patches in all: the number of positions an image takes in the language model.
    pub fn patches(&self) -> usize {
        self.grid() * self.grid()
    }
}

fn default_clip_eps() -> f64 {
    1e-5
}

fn default_clip_mean() -> [f32; 3] {
    [0.481_454_66, 0.457_827_5, 0.408_210_73]
}

fn default_clip_std() -> [f32; 3] {
    [0.268_629_54, 0.261_302_6, 0.275_777_1]
}

/// Region encoder: four levels of CLIP features, fused, and pooled in user boxes.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub struct RegionEncoderConfig {
    /// Channels of the feature maps: the width of CLIP.
    pub embed_dims: usize,
    /// Width after flattening the pooled features.
    pub inner_dims: usize,
    /// Hidden width of the box embedding.
    pub pos_hidden: usize,
    /// Width of the language model.
    pub out_dims: usize,
    /// Rounds of fusion between levels.
    pub num_fuse: usize,
    /// Groups of every GroupNorm.
    pub gn_groups: usize,
    /// Side of the pooled grid.
    pub roi_output_size: usize,
    /// Samples along each side of a pooled cell.
    pub roi_sampling_ratio: usize,
    /// Size of a cell of each level in the units of `box_scale`, shallow level first.
    pub strides: Vec<f64>,
    /// Normalised boxes are multiplied by this, whatever CLIP's input size.
    pub box_scale: f64,
    /// Hidden states that feed the levels, shallow level first, counted as in Python.
    pub level_layers: Vec<isize>,
}

impl Default for RegionEncoderConfig {
    fn default() -> Self {
        Self {
            embed_dims: 1024,
            inner_dims: 1024,
            pos_hidden: 256,
            out_dims: 4096,
            num_fuse: 5,
            gn_groups: 64,
            roi_output_size: 14,
            roi_sampling_ratio: 2,
            strides: vec![14.0 / 8.0, 14.0 / 4.0, 14.0 / 2.0, 14.0],
            box_scale: 224.0,
            level_layers: vec![-11, -8, -5, -2],
        }
    }
}

/// SAM.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub struct GroundingConfig {
    /// Side of the square input in pixels.
    pub image_size: usize,
    /// Side of a patch in pixels.
    pub patch_size: usize,
    /// Width of the image encoder.
    pub encoder_embed_dim: usize,
    /// Blocks of the image encoder.
    pub encoder_depth: usize,
    /// Heads of the image encoder.
    pub encoder_num_heads: usize,
    /// Blocks that attend over the whole grid; the others attend in windows.
    pub global_attn_indexes: Vec<usize>,
    /// Side of a window in patches.
    pub window_size: usize,
    /// Inner width of the image encoder's MLP, in multiples of its width.
    pub mlp_ratio: f64,
    /// Channels of the image embedding, width of prompts and of the mask decoder.
    pub prompt_embed_dim: usize,
    /// Channels inside the prompt encoder's mask branch.
    pub mask_in_chans: usize,
    /// Two-way blocks of the mask decoder.
    pub decoder_depth: usize,
    /// Heads of the mask decoder.
    pub decoder_num_heads: usize,
    /// Inner width of the mask decoder's MLP.
    pub decoder_mlp_dim: usize,
    /// Masks of the decoder beside the one in use.
    pub num_multimask_outputs: usize,
    /// Layers of the IoU head.
    pub iou_head_depth: usize,
    /// Width of the IoU head.
    pub iou_head_hidden_dim: usize,
    /// Width of the `[SEG]` embedding after the text projection (`out_dim` of `config.json`).
    #[serde(skip)]
    pub text_embed_dim: usize,
}

impl GroundingConfig {
    /// Patches along one side of the frame.
    pub fn grid(&self) -> usize {
        self.image_size / self.patch_size
    }
}

impl Default for GroundingConfig {
    fn default() -> Self {
        Self {
            image_size: 1024,
            patch_size: 16,
            encoder_embed_dim: 1280,
            encoder_depth: 32,
            encoder_num_heads: 16,
            global_attn_indexes: vec![7, 15, 23, 31],
            window_size: 14,
            mlp_ratio: 4.0,
            prompt_embed_dim: 256,
            mask_in_chans: 16,
            decoder_depth: 2,
            decoder_num_heads: 8,
            decoder_mlp_dim: 2048,
            num_multimask_outputs: 3,
            iou_head_depth: 3,
            iou_head_hidden_dim: 256,
            text_embed_dim: 256,
        }
    }
}

/// The parts of `config.json` that are not the language model's own.
#[derive(Debug, Deserialize)]
struct GlammFile {
    #[serde(flatten)]
    llm: LlmConfig,
    #[serde(default = "default_out_dim")]
    out_dim: usize,
    #[serde(default = "default_select_layer")]
    mm_vision_select_layer: isize,
    #[serde(default)]
    mm_vision_tower: Option<String>,
    #[serde(default)]
    random_weights: bool,
    #[serde(alias = "tiny_arch", default)]
    arch: ArchFile,
}

#[derive(Debug, Deserialize)]
struct TowerName {
    mm_vision_tower: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct ArchFile {
    #[serde(default)]
    sam: GroundingConfig,
    #[serde(default)]
    region: Option<RegionEncoderConfig>,
}

/// CLIP's `config.json`: the whole model's with the tower inside, or the tower's own.
#[derive(Debug, Deserialize)]
struct ClipFile {
    vision_config: serde_json::Value,
}

#[derive(Debug, Deserialize)]
struct PreprocessorFile {
    image_mean: Option<[f32; 3]>,
    image_std: Option<[f32; 3]>,
}

/// Name of the file in which a size is wrong or missing, and what is wrong.
pub type ConfigError = (&'static str, String);

impl GlammConfig {
    /// Reads the texts of GLaMM's `config.json`, CLIP's `config.json` and, where there is one,
    /// CLIP's `preprocessor_config.json`.
    ///
    /// # Errors
    /// Which of the three files cannot be used, and why: not JSON, a size missing, or sizes that
    /// do not fit each other.
    pub fn from_json(glamm: &str, clip: &str, preprocessor: Option<&str>) -> Result<Self, ConfigError> {
        let file: GlammFile = serde_json::from_str(glamm).map_err(|e| ("config.json", e.to_string()))?;
        let mut global_encoder = clip_config(clip).map_err(|e| ("CLIP config.json", e.to_string()))?;
        if let Some(text) = preprocessor {
            let found: PreprocessorFile =
                serde_json::from_str(text).map_err(|e| ("preprocessor_config.json", e.to_string()))?;
            global_encoder.image_mean = found.image_mean.unwrap_or(global_encoder.image_mean);
            global_encoder.image_std = found.image_std.unwrap_or(global_encoder.image_std);
        }
        let region_encoder = file.arch.region.unwrap_or_else(|| RegionEncoderConfig {
            embed_dims: global_encoder.hidden_size,
            out_dims: file.llm.hidden_size,
            ..RegionEncoderConfig::default()
        });
        let mut grounding = file.arch.sam;
        grounding.text_embed_dim = file.out_dim;
        let config = Self {
            llm: file.llm,
            global_encoder,
            region_encoder,
            grounding,
            select_layer: file.mm_vision_select_layer,
            vision_tower: file.mm_vision_tower.unwrap_or_else(default_tower),
            has_random_weights: file.random_weights,
        };
        config.validate()?;
        Ok(config)
    }

    /// The vision tower that GLaMM's `config.json` names; its configuration is needed for
    /// [`Self::from_json`].
    ///
    /// # Errors
    /// Why the text is not a configuration.
    pub fn vision_tower_name(glamm: &str) -> Result<String, String> {
        let named: TowerName = serde_json::from_str(glamm).map_err(|e| e.to_string())?;
        Ok(named.mm_vision_tower.unwrap_or_else(default_tower))
    }

    /// Hidden state `layer` (as in Python, from the end where negative) as an index into the list
    /// that begins with the output of the embeddings. `None` where there is no such state.
    pub fn hidden_state_index(&self, layer: isize) -> Option<usize> {
        let states = self.global_encoder.num_hidden_layers as isize + 1;
        let index = if layer < 0 { states + layer } else { layer };
        (0..states).contains(&index).then_some(index as usize)
    }

    /// Blocks of the vision tower below the deepest hidden state in use: no others are computed.
    pub fn blocks_in_use(&self) -> usize {
        let layers = self.region_encoder.level_layers.iter().copied().chain([self.select_layer]);
        layers.filter_map(|layer| self.hidden_state_index(layer)).max().unwrap_or(0)
    }
}

fn clip_config(text: &str) -> serde_json::Result<GlobalEncoderConfig> {
    match serde_json::from_str::<ClipFile>(text) {
        Ok(whole) => serde_json::from_value(whole.vision_config),
        Err(_) => serde_json::from_str(text),
    }
}

fn default_out_dim() -> usize {
    256
}

fn default_select_layer() -> isize {
    -2
}

fn default_tower() -> String {
    "openai/clip-vit-large-patch14-336".to_owned()
}
