//! What the sizes of a configuration must be: each within limits that no model comes near, and all of
//! them fitting each other. What passes can be listed and counted without overflow, and soon.

use std::ops::RangeInclusive;

use super::{ConfigError, GlammConfig, GlobalEncoderConfig, GroundingConfig, LlmConfig, RegionEncoderConfig};

/// Of a layer, and of an image in pixels.
const WIDTHS: RangeInclusive<usize> = 1..=1 << 17;
/// Blocks of one kind behind each other.
const DEPTHS: RangeInclusive<usize> = 0..=4096;
/// Rows of the table of tokens.
const TOKENS: RangeInclusive<usize> = 1..=1 << 22;
/// Positions of a conversation.
const POSITIONS: RangeInclusive<usize> = 1..=1 << 26;
/// Patches along one side of an image.
const MAX_GRID: usize = 1024;
/// Levels of the region encoder, of which each has twice the side of the next.
const MAX_LEVELS: usize = 8;
/// Small numbers: masks, layers of a head, cells and samples of a box.
const FEW: RangeInclusive<usize> = 1..=64;
/// The mask decoder turns its matrices when it is built, so that their sizes are taken at once.
const DECODER_WIDTHS: RangeInclusive<usize> = 1..=1024;
const DECODER_DEPTHS: RangeInclusive<usize> = 0..=16;

const OWN: &str = "config.json";
const TOWER: &str = "CLIP config.json";

impl GlammConfig {
    /// # Errors
    /// The file with sizes that no model has, and what is wrong with them.
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let in_file = |file| move |what| (file, what);
        self.llm.validate().map_err(in_file(OWN))?;
        self.global_encoder.validate().map_err(in_file(TOWER))?;
        self.region_encoder.validate().map_err(in_file(OWN))?;
        self.grounding.validate().map_err(in_file(OWN))?;
        self.validate_joints().map_err(in_file(OWN))
    }

    /// What the parts say of each other.
    fn validate_joints(&self) -> Result<(), String> {
        let region = &self.region_encoder;
        check(
            self.hidden_state_index(self.select_layer).is_some(),
            "mm_vision_select_layer names no hidden state of the vision tower",
        )?;
        check(
            region.level_layers.iter().all(|&l| self.hidden_state_index(l).is_some()),
            "the vision tower has fewer layers than the region encoder needs",
        )?;
        check(
            region.embed_dims == self.global_encoder.hidden_size,
            "the region encoder's embed_dims is not the vision tower's hidden_size",
        )?;
        check(region.out_dims == self.llm.hidden_size, "the region encoder's out_dims is not hidden_size")
    }
}

impl LlmConfig {
    fn validate(&self) -> Result<(), String> {
        within("hidden_size", self.hidden_size, WIDTHS)?;
        within("intermediate_size", self.intermediate_size, WIDTHS)?;
        within("num_hidden_layers", self.num_hidden_layers, DEPTHS)?;
        within("vocab_size", self.vocab_size, TOKENS)?;
        within("max_position_embeddings", self.max_position_embeddings, POSITIONS)?;
        check(
            divides(self.num_attention_heads, self.hidden_size),
            "hidden_size is not a multiple of num_attention_heads",
        )?;
        check(self.head_dim().is_multiple_of(2), "the width of a head is odd")?;
        check(
            divides(self.kv_heads(), self.num_attention_heads),
            "num_attention_heads is not a multiple of num_key_value_heads",
        )
    }
}

impl GlobalEncoderConfig {
    fn validate(&self) -> Result<(), String> {
        within("hidden_size", self.hidden_size, WIDTHS)?;
        within("intermediate_size", self.intermediate_size, WIDTHS)?;
        within("num_hidden_layers", self.num_hidden_layers, DEPTHS)?;
        within("image_size", self.image_size, WIDTHS)?;
        check(
            divides(self.num_attention_heads, self.hidden_size),
            "hidden_size is not a multiple of num_attention_heads",
        )?;
        check(divides(self.patch_size, self.image_size), "image_size is not a multiple of patch_size")?;
        check(self.grid() <= MAX_GRID, "patch_size is too small for image_size")
    }
}

impl RegionEncoderConfig {
    fn validate(&self) -> Result<(), String> {
        for (name, width) in [
            ("embed_dims", self.embed_dims),
            ("inner_dims", self.inner_dims),
            ("pos_hidden", self.pos_hidden),
            ("out_dims", self.out_dims),
        ] {
            within(name, width, WIDTHS)?;
        }
        within("num_fuse", self.num_fuse, DEPTHS)?;
        within("roi_output_size", self.roi_output_size, FEW)?;
        within("roi_sampling_ratio", self.roi_sampling_ratio, FEW)?;
        within("the number of strides", self.strides.len(), 1..=MAX_LEVELS)?;
        check(
            self.strides.len() == self.level_layers.len(),
            "the region encoder has not as many strides as levels",
        )?;
        check(
            self.embed_dims.is_multiple_of(4) && divides(self.gn_groups, self.embed_dims),
            "the region encoder's embed_dims does not divide into quarters and groups",
        )?;
        check(self.strides.iter().all(|&s| s > 0.0), "the region encoder's strides must be positive")
    }
}

impl GroundingConfig {
    fn validate(&self) -> Result<(), String> {
        for (name, width) in [
            ("the grounding encoder's image_size", self.image_size),
            ("encoder_embed_dim", self.encoder_embed_dim),
            ("window_size", self.window_size),
            ("mask_in_chans", self.mask_in_chans),
            ("decoder_mlp_dim", self.decoder_mlp_dim),
            ("iou_head_hidden_dim", self.iou_head_hidden_dim),
            // The inner width of the encoder's MLP. What is no number becomes 0.
            ("mlp_ratio times the width", (self.encoder_embed_dim as f64 * self.mlp_ratio) as usize),
        ] {
            within(name, width, WIDTHS)?;
        }
        within("encoder_depth", self.encoder_depth, DEPTHS)?;
        within("the number of global_attn_indexes", self.global_attn_indexes.len(), DEPTHS)?;
        within("prompt_embed_dim", self.prompt_embed_dim, DECODER_WIDTHS)?;
        within("decoder_depth", self.decoder_depth, DECODER_DEPTHS)?;
        within("decoder_num_heads", self.decoder_num_heads, DECODER_WIDTHS)?;
        within("num_multimask_outputs", self.num_multimask_outputs, FEW)?;
        within("iou_head_depth", self.iou_head_depth, FEW)?;
        check(
            divides(self.patch_size, self.image_size),
            "the grounding encoder's image_size is not a multiple of its patch_size",
        )?;
        check(self.grid() <= MAX_GRID, "the grounding encoder's patch_size is too small for its image_size")?;
        check(
            divides(self.encoder_num_heads, self.encoder_embed_dim),
            "the grounding encoder's width is not a multiple of its heads",
        )?;
        check(
            divides(self.decoder_num_heads * 2, self.prompt_embed_dim)
                && self.prompt_embed_dim.is_multiple_of(8),
            "prompt_embed_dim does not divide into the mask decoder's heads",
        )?;
        check(
            self.text_embed_dim == self.prompt_embed_dim,
            "out_dim is not the mask decoder's prompt_embed_dim",
        )
    }
}

fn check(holds: bool, what: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what.to_owned()) }
}

fn within(name: &str, value: usize, range: RangeInclusive<usize>) -> Result<(), String> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(format!("{name} is {value}, and not from {} to {}", range.start(), range.end()))
}

fn divides(part: usize, whole: usize) -> bool {
    part > 0 && whole > 0 && whole.is_multiple_of(part)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use serde_json::{Value, json};

    use super::*;
    use crate::memory;
    use crate::model::backend::Backend;
    use crate::testing::allocating;

    /// Listing what is refused, or the largest that is not, takes no longer, also in a build that is not
    /// optimised, and no more memory.
    const PATIENCE: Duration = Duration::from_secs(20);
    const MEMORY: usize = 256 << 20;

    /// The memory plan of the released sizes, of which `change` changes GLaMM's and CLIP's.
    fn plan(change: impl Fn(&mut Value, &mut Value)) -> Result<(), String> {
        let mut glamm = json!({
            "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32, "num_attention_heads": 32,
            "vocab_size": 32007, "rms_norm_eps": 1e-5, "arch": { "sam": {}, "region": {} }
        });
        let mut clip = json!({
            "hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16,
            "image_size": 336, "patch_size": 14
        });
        change(&mut glamm, &mut clip);
        let start = Instant::now();
        let (planned, most) = allocating(|| {
            let config = GlammConfig::from_json(&glamm.to_string(), &clip.to_string(), None)
                .map_err(|(file, what)| format!("{file}: {what}"))?;
            memory::needs(&config, Backend::Cpu).map(drop)
        });
        assert!(most < MEMORY && start.elapsed() < PATIENCE, "{most} bytes in {:?}", start.elapsed());
        planned
    }

    #[test]
    fn sizes_without_end_are_refused() {
        plan(|_, _| ()).unwrap();
        for size in ["hidden_size", "intermediate_size", "num_hidden_layers"] {
            for value in [1 << 40, 1_000_000_000_000, u64::MAX] {
                let own = plan(|glamm, _| glamm[size] = json!(value)).unwrap_err();
                let tower = plan(|_, clip| clip[size] = json!(value)).unwrap_err();
                assert!(
                    own.starts_with("config.json: ") && tower.starts_with("CLIP config.json: "),
                    "{size}"
                );
            }
        }
        for (part, size, value) in [
            ("", "vocab_size", 1 << 40),
            ("", "max_position_embeddings", u64::MAX),
            ("", "num_key_value_heads", 0),
            ("/arch/sam", "iou_head_depth", 1_000_000_000_000_000),
            ("/arch/sam", "iou_head_depth", 0),
            ("/arch/sam", "encoder_depth", u64::MAX),
            ("/arch/sam", "decoder_depth", 1 << 20),
            ("/arch/sam", "decoder_num_heads", u64::MAX),
            ("/arch/sam", "num_multimask_outputs", u64::MAX),
            ("/arch/sam", "image_size", 1 << 60),
            ("/arch/sam", "window_size", u64::MAX),
            ("/arch/sam", "mlp_ratio", u64::MAX),
            ("/arch/region", "num_fuse", u64::MAX),
            ("/arch/region", "roi_output_size", u64::MAX),
            ("/arch/region", "roi_sampling_ratio", u64::MAX),
        ] {
            let error = plan(|glamm, _| glamm.pointer_mut(part).unwrap()[size] = json!(value)).unwrap_err();
            assert!(error.starts_with("config.json: "), "{size}: {error}");
        }
    }

    #[test]
    fn more_than_one_size_without_end_is_refused() {
        let wide = plan(|glamm, _| {
            glamm["out_dim"] = json!(1_000_000);
            glamm["arch"]["sam"]["prompt_embed_dim"] = json!(1_000_000);
        });
        assert!(wide.unwrap_err().contains("prompt_embed_dim is 1000000"));
        let levels = plan(|glamm, _| {
            glamm["arch"]["region"]["strides"] = json!(vec![1.0; 100]);
            glamm["arch"]["region"]["level_layers"] = json!(vec![-2; 100]);
        });
        assert!(levels.unwrap_err().contains("strides is 100"));
        let patches = plan(|_, clip| {
            clip["image_size"] = json!(1 << 17);
            clip["patch_size"] = json!(1);
        });
        assert!(patches.unwrap_err().starts_with("CLIP config.json: patch_size"));
        // Each within its limit, and together more than any machine has.
        let large = plan(|glamm, _| {
            for size in ["hidden_size", "intermediate_size"] {
                glamm[size] = json!(1 << 17);
            }
            glamm["arch"]["region"]["out_dims"] = json!(1 << 17);
            glamm["num_hidden_layers"] = json!(4096);
        });
        assert!(large.unwrap_err().contains("numbers"));
    }

    #[test]
    fn the_largest_that_is_counted_is_counted_soon() {
        let deep = plan(|glamm, clip| {
            (glamm["num_hidden_layers"], clip["num_hidden_layers"]) = (json!(4096), json!(4096));
            for size in ["hidden_size", "intermediate_size"] {
                glamm[size] = json!(1024);
            }
            glamm["arch"]["region"]["out_dims"] = json!(1024);
            glamm["arch"]["sam"]["decoder_depth"] = json!(16);
            (glamm["arch"]["sam"]["prompt_embed_dim"], glamm["out_dim"]) = (json!(1024), json!(1024));
        });
        deep.unwrap();
    }
}
