//! Global image encoder: the vision tower of CLIP (Radford et al., 2021), of which GLaMM reads
//! hidden states in the middle. Called once for every image.
//!
//! Only the blocks below the deepest hidden state in use are loaded and computed; the tower's last
//! block and its final norm play no part. Every tensor is `[batch, 1 + patches, width]`, the class
//! token first.

use candle_core::{D, IndexOp, Module, Result, Tensor};
use candle_nn::LayerNorm;
use tracing::trace_span;

use super::config::{GlammConfig, GlobalEncoderConfig};
use super::elementwise::{self, Activation};
use super::layers::{BetweenBlocks, Interruptible, go_on};
use super::norms;
use super::projection::Projection;
use super::source::Source;
use super::tiled_attention::{self, Factors, Sight};

/// What the rest of GLaMM sees of the global encoder.
#[derive(Debug, Clone)]
pub struct GlobalFeatures {
    /// Patch features for the projector, `[batch, patches, width]`, row-major over the image.
    pub patches: Tensor,
    /// Feature maps for the region encoder, shallow level first, each `[batch, width, grid, grid]`.
    pub levels: Vec<Tensor>,
}

/// The vision tower of CLIP.
#[derive(Debug, Clone)]
pub struct GlobalEncoder {
    grid: usize,
    patch_size: usize,
    selected: usize,
    levels: Vec<usize>,
    patch_embedding: Tensor,
    class_embedding: Tensor,
    position_embedding: Tensor,
    pre_layer_norm: LayerNorm,
    blocks: Vec<Block>,
}

impl GlobalEncoder {
    /// `source` is at `vision_model`.
    ///
    /// # Errors
    /// A tensor is missing or of another shape, or `config` names a hidden state that is not there.
    pub fn new(config: &GlammConfig, source: &Source) -> Result<Self> {
        let clip = &config.global_encoder;
        let index = |layer: isize| {
            config.hidden_state_index(layer).ok_or_else(|| {
                candle_core::Error::Msg(format!("the vision tower has no hidden state {layer}")).bt()
            })
        };
        let selected = index(config.select_layer)?;
        let levels =
            config.region_encoder.level_layers.iter().map(|&l| index(l)).collect::<Result<Vec<_>>>()?;
        let (width, patch) = (clip.hidden_size, clip.patch_size);
        let vb = source.tensors();
        let embeddings = vb.pp("embeddings");
        let blocks = source.pp("encoder.layers");
        Ok(Self {
            grid: clip.grid(),
            patch_size: patch,
            selected,
            levels,
            patch_embedding: embeddings.get((width, 3, patch, patch), "patch_embedding.weight")?,
            class_embedding: embeddings.get(width, "class_embedding")?,
            position_embedding: embeddings.get((clip.patches() + 1, width), "position_embedding.weight")?,
            // The checkpoint's key is misspelt.
            pre_layer_norm: candle_nn::layer_norm(width, clip.layer_norm_eps, vb.pp("pre_layrnorm"))?,
            blocks: (0..config.blocks_in_use())
                .map(|i| Block::new(clip, &blocks.pp(i)))
                .collect::<Result<_>>()?,
        })
    }

    /// Features of normalised pixels `[batch, 3, size, size]`.
    ///
    /// # Errors
    /// [`super::layers::Interrupted::Cancelled`] where `between` ends the work; else the tensor library's.
    pub fn forward(&self, pixels: &Tensor, between: BetweenBlocks<'_>) -> Interruptible<GlobalFeatures> {
        let mut states = Vec::with_capacity(self.blocks.len() + 1);
        states.push(self.embed(pixels)?);
        for (done, block) in self.blocks.iter().enumerate() {
            go_on(&mut *between, done, self.blocks.len())?;
            let _span = trace_span!("global encoder block", index = done).entered();
            let next = block.forward(&states[done])?;
            states.push(next);
        }
        Ok(GlobalFeatures {
            patches: without_class_token(&states[self.selected])?.contiguous()?,
            levels: self.levels.iter().map(|&i| self.feature_map(&states[i])).collect::<Result<_>>()?,
        })
    }

    /// Hidden state 0, `[batch, 1 + patches, width]`, of normalised pixels `[batch, 3, size, size]`: patch,
    /// class and position embedding, then the first norm.
    ///
    /// # Errors
    /// The tensor library's.
    pub fn embed(&self, pixels: &Tensor) -> Result<Tensor> {
        let width = self.class_embedding.dim(0)?;
        let patches = pixels.conv2d(&self.patch_embedding, 0, self.patch_size, 1, 1)?;
        let patches = patches.flatten_from(2)?.transpose(1, 2)?;
        let class = self.class_embedding.reshape((1, 1, width))?;
        let class = class.broadcast_as((pixels.dim(0)?, 1, width))?;
        let tokens = Tensor::cat(&[&class, &patches], 1)?.broadcast_add(&self.position_embedding)?;
        self.pre_layer_norm.forward(&tokens)
    }

    /// Hidden state `to` from hidden state `from`, each `[batch, 1 + patches, width]`: `forward` in steps, for
    /// comparison with recorded states. Hidden state `k` is the output of block `k - 1`.
    ///
    /// # Errors
    /// The tensor library's, or no such blocks.
    pub fn advance(&self, state: &Tensor, from: usize, to: usize) -> Result<Tensor> {
        let Some(blocks) = self.blocks.get(from..to) else {
            candle_core::bail!("the vision tower has no blocks {from}..{to}")
        };
        blocks.iter().try_fold(state.clone(), |x, block| block.forward(&x))
    }

    /// A hidden state `[batch, 1 + patches, width]` as a map `[batch, width, grid, grid]`, the class token
    /// dropped.
    ///
    /// # Errors
    /// The tensor library's.
    pub fn feature_map(&self, state: &Tensor) -> Result<Tensor> {
        let patches = without_class_token(state)?.transpose(1, 2)?.contiguous()?;
        let (batch, width, _) = patches.dims3()?;
        patches.reshape((batch, width, self.grid, self.grid))
    }
}

fn without_class_token(state: &Tensor) -> Result<Tensor> {
    state.i((.., 1.., ..))
}

/// A pre-norm transformer block.
#[derive(Debug, Clone)]
struct Block {
    heads: usize,
    q_proj: Projection,
    k_proj: Projection,
    v_proj: Projection,
    out_proj: Projection,
    layer_norm1: LayerNorm,
    fc1: Projection,
    fc2: Projection,
    layer_norm2: LayerNorm,
}

impl Block {
    fn new(config: &GlobalEncoderConfig, source: &Source) -> Result<Self> {
        let (width, inner) = (config.hidden_size, config.intermediate_size);
        let attention = |name: &str| source.pp("self_attn").pp(name).linear(width, width);
        let norm =
            |name: &str| candle_nn::layer_norm(width, config.layer_norm_eps, source.tensors().pp(name));
        Ok(Self {
            heads: config.num_attention_heads,
            q_proj: attention("q_proj")?,
            k_proj: attention("k_proj")?,
            v_proj: attention("v_proj")?,
            out_proj: attention("out_proj")?,
            layer_norm1: norm("layer_norm1")?,
            fc1: source.pp("mlp.fc1").linear(width, inner)?,
            fc2: source.pp("mlp.fc2").linear(inner, width)?,
            layer_norm2: norm("layer_norm2")?,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let x = elementwise::add(self.attend(&norms::layer_norm(&self.layer_norm1, x)?)?, x)?;
        let hidden = norms::layer_norm(&self.layer_norm2, &x)?;
        let hidden = self.fc1.forward_then(&hidden, Some(Activation::QuickGelu))?;
        elementwise::add(self.fc2.forward(&hidden)?, &x)
    }

    fn attend(&self, x: &Tensor) -> Result<Tensor> {
        let (batch, tokens, width) = x.dims3()?;
        let shape = (batch, tokens, self.heads, width / self.heads);
        let split = |projection: &Projection| projection.forward(x)?.reshape(shape)?.transpose(1, 2);
        let (q, k, v) = (split(&self.q_proj)?, split(&self.k_proj)?, split(&self.v_proj)?);
        let mixed = match batch {
            1 => {
                let parts = [&q.get(0)?, &k.get(0)?, &v.get(0)?];
                tiled_attention::attend(parts, Sight::All, Factors::of(&self.q_proj))?
            }
            _ => None,
        };
        let mixed = match mixed {
            Some(mixed) => mixed,
            None => attend_by_library(&q, &k, &v)?,
        };
        self.out_proj.forward(&mixed.reshape((batch, tokens, width))?)
    }
}

/// `[batch, heads, tokens, width]` each, to `[batch, tokens, heads, width]`.
fn attend_by_library(q: &Tensor, k: &Tensor, v: &Tensor) -> Result<Tensor> {
    let scale = (q.dim(D::Minus1)? as f64).powf(-0.5);
    let weights = (q.contiguous()? * scale)?.matmul(&k.contiguous()?.t()?)?;
    elementwise::softmax(weights)?.matmul(&v.contiguous()?)?.transpose(1, 2)
}
