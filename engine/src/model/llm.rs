//! LLaMA (Touvron et al. 2023): RMSNorm before each half of a block, rotary positions, gated SiLU
//! MLP, no biases, an output layer of its own; grouped keys and values where the configuration
//! has fewer of them than queries.
//!
//! Takes embeddings, not token ids, because an image and its regions enter as embeddings; gives
//! the final-norm hidden states, because the one that predicts `[SEG]` becomes a mask. Weights
//! never change; the KV cache is an argument.

use std::cell::OnceCell;

use candle_core::{DType, Device, Module, Result, Tensor};
use candle_nn::{RmsNorm, rotary_emb};
use tracing::trace_span;

use super::attention::{self, Heads, Projected};
use super::config::LlmConfig;
use super::elementwise;
use super::kv_cache::KvCache;
use super::layers::{BetweenBlocks, Interruptible, go_on};
use super::projection::{Projection, Table};
use super::source::Source;
use super::tiled_attention::{self, Factors, Sight};

/// The language model.
#[derive(Debug)]
pub struct Llama {
    embedding: Table,
    blocks: Vec<Block>,
    norm: RmsNorm,
    output: Projection,
    rotary: Rotary,
    config: LlmConfig,
    dtype: DType,
    device: Device,
}

impl Llama {
    /// `source` is at the root of the checkpoint: `model.embed_tokens`, `model.layers`, `model.norm`
    /// and `lm_head`. The checkpoint's `rotary_emb.inv_freq` are rounded leftovers, not read.
    ///
    /// # Errors
    /// A tensor is missing or of another shape.
    pub fn new(config: &LlmConfig, source: &Source) -> Result<Self> {
        let root = source.pp("model");
        let (vocab, width) = (config.vocab_size, config.hidden_size);
        let blocks = (0..config.num_hidden_layers)
            .map(|i| Block::new(config, &root.pp("layers").pp(i)))
            .collect::<Result<_>>()?;
        Ok(Self {
            embedding: root.pp("embed_tokens").table(vocab, width)?,
            blocks,
            norm: candle_nn::rms_norm(width, config.rms_norm_eps, root.tensors().pp("norm"))?,
            output: source.pp("lm_head").linear_no_bias(width, vocab)?,
            rotary: Rotary::new(config),
            config: config.clone(),
            dtype: source.tensors().dtype(),
            device: source.tensors().device().clone(),
        })
    }

    /// An empty cache for one sequence. Where matrices are kept in fewer bits than the CPU computes
    /// in, so are keys and values.
    pub fn new_cache(&self) -> KvCache {
        let dtype = if self.output.is_packed() { DType::F16 } else { self.dtype };
        KvCache::new(&self.config, dtype, &self.device)
    }

    /// Input embeddings of token ids: `[ids, width]`.
    ///
    /// # Errors
    /// The tensor library's, also where an id is not in the vocabulary.
    pub fn embed(&self, ids: &[u32]) -> Result<Tensor> {
        self.embedding.rows(ids, self.dtype, &self.device)
    }

    /// Hidden states after the final norm, `[n, width]`, of `n` embeddings `[n, width]` that
    /// follow the positions in the cache. The new positions are added to the cache; on an error
    /// it stays as it was.
    ///
    /// # Errors
    /// [`super::layers::Interrupted::Cancelled`] where `between` ends the work; else the tensor library's,
    /// also where the cache has no room for `n` more positions.
    pub fn forward(
        &self,
        embeddings: &Tensor,
        cache: &mut KvCache,
        between: BetweenBlocks<'_>,
    ) -> Interruptible<Tensor> {
        let n = embeddings.dim(0)?;
        cache.reserve(n)?;
        let place = Place::new(&self.rotary, cache.len(), n, embeddings)?;
        let mut x = embeddings.clone();
        for (index, block) in self.blocks.iter().enumerate() {
            go_on(between, index, self.blocks.len())?;
            let _span = trace_span!("language model block", index).entered();
            x = block.forward(&x, &place, index, cache)?;
        }
        cache.advance(n);
        Ok(self.norm.forward(&x)?)
    }

    /// Output of block `index` for a whole sequence `[n, width]` of its inputs, for comparison
    /// with recorded states.
    ///
    /// # Errors
    /// The tensor library's, or no such block.
    pub fn block(&self, index: usize, x: &Tensor) -> Result<Tensor> {
        let Some(block) = self.blocks.get(index) else { candle_core::bail!("no block {index}") };
        let mut cache = self.new_cache();
        cache.reserve(x.dim(0)?)?;
        block.forward(x, &Place::new(&self.rotary, 0, x.dim(0)?, x)?, index, &cache)
    }

    /// Logits over the vocabulary, `[n, vocabulary]` in f32, of hidden states `[n, width]`.
    ///
    /// # Errors
    /// The tensor library's.
    pub fn logits(&self, hidden: &Tensor) -> Result<Tensor> {
        let _span = trace_span!("logits").entered();
        self.output.forward(hidden)?.to_dtype(DType::F32)
    }
}

/// Where a run of new positions stands: what all blocks share in one forward pass.
struct Place {
    /// `[n, head width / 2]`, in the model's number format.
    cos: Tensor,
    sin: Tensor,
    /// Positions before, and the new ones.
    past: usize,
    n: usize,
    /// Made when the first block asks for it: attention of our own goes without.
    mask: OnceCell<Tensor>,
}

impl Place {
    /// `n` positions behind `past` others, in the number format and on the device of `like`.
    fn new(rotary: &Rotary, past: usize, n: usize, like: &Tensor) -> Result<Self> {
        let (cos, sin) = rotary.at(past, n, like.dtype(), like.device())?;
        Ok(Self { cos, sin, past, n, mask: OnceCell::new() })
    }

    /// `[n, past + n]` in f32: 0 where a position may look, -∞ where it would see the future.
    /// `None` for a single position, which may look everywhere.
    fn mask(&self) -> Result<Option<&Tensor>> {
        if self.n > 1 && self.mask.get().is_none() {
            let mask = causal_mask(self.past, self.n, self.cos.device())?;
            self.mask.get_or_init(|| mask);
        }
        Ok(self.mask.get())
    }
}

fn causal_mask(past: usize, n: usize, device: &Device) -> Result<Tensor> {
    let width = past + n;
    let sees = |row: usize, column: usize| column <= past + row;
    let mask: Vec<f32> = (0..n * width)
        .map(|cell| if sees(cell / width, cell % width) { 0.0 } else { f32::NEG_INFINITY })
        .collect();
    Tensor::from_vec(mask, (n, width), device)
}

/// Rotary position embedding (Su et al. 2021): channel `i` of a head turns with channel
/// `i + width / 2`, by the position times a frequency that falls with `i`.
#[derive(Debug)]
struct Rotary {
    /// Exact f32, as the official code computes them; one for each pair of channels.
    frequencies: Vec<f32>,
}

impl Rotary {
    fn new(config: &LlmConfig) -> Self {
        let (width, theta) = (config.head_dim(), config.rope_theta as f32);
        let frequency = |i: usize| 1.0 / theta.powf((2 * i) as f32 / width as f32);
        Self { frequencies: (0..width / 2).map(frequency).collect() }
    }

    /// Cosines and sines of `n` positions from `start` on, each `[n, head width / 2]`.
    fn at(&self, start: usize, n: usize, dtype: DType, device: &Device) -> Result<(Tensor, Tensor)> {
        let pairs = self.frequencies.len();
        let angle = |cell: usize| (start + cell / pairs) as f32 * self.frequencies[cell % pairs];
        let table = |f: fn(f32) -> f32| {
            let values: Vec<f32> = (0..n * pairs).map(|cell| f(angle(cell))).collect();
            Tensor::from_vec(values, (n, pairs), device)?.to_dtype(dtype)
        };
        Ok((table(f32::cos)?, table(f32::sin)?))
    }
}

/// Attention, then MLP, each added to what came in.
#[derive(Debug)]
struct Block {
    input_norm: RmsNorm,
    attention: Attention,
    mlp_norm: RmsNorm,
    mlp: Mlp,
}

impl Block {
    fn new(config: &LlmConfig, source: &Source) -> Result<Self> {
        let vb = source.tensors();
        let norm = |name| candle_nn::rms_norm(config.hidden_size, config.rms_norm_eps, vb.pp(name));
        Ok(Self {
            input_norm: norm("input_layernorm")?,
            attention: Attention::new(config, &source.pp("self_attn"))?,
            mlp_norm: norm("post_attention_layernorm")?,
            mlp: Mlp::new(config, &source.pp("mlp"))?,
        })
    }

    fn forward(&self, x: &Tensor, place: &Place, index: usize, cache: &KvCache) -> Result<Tensor> {
        let x = (x + self.attention.forward(&self.input_norm.forward(x)?, place, index, cache)?)?;
        let y = self.mlp.forward(&self.mlp_norm.forward(&x)?)?;
        x + y
    }
}

/// Causal self-attention over the cache and the new positions.
#[derive(Debug)]
struct Attention {
    query: Projection,
    key: Projection,
    value: Projection,
    output: Projection,
    heads: Heads,
}

impl Attention {
    fn new(config: &LlmConfig, source: &Source) -> Result<Self> {
        let (heads, kv_heads, head_dim) = (config.num_attention_heads, config.kv_heads(), config.head_dim());
        let width = config.hidden_size;
        Ok(Self {
            query: source.pp("q_proj").linear_no_bias(width, heads * head_dim)?,
            key: source.pp("k_proj").linear_no_bias(width, kv_heads * head_dim)?,
            value: source.pp("v_proj").linear_no_bias(width, kv_heads * head_dim)?,
            output: source.pp("o_proj").linear_no_bias(heads * head_dim, width)?,
            heads: Heads { queries: heads, shared: kv_heads, width: head_dim },
        })
    }

    fn forward(&self, x: &Tensor, place: &Place, index: usize, cache: &KvCache) -> Result<Tensor> {
        let new = Projected {
            query: self.query.forward(x)?,
            key: self.key.forward(x)?,
            value: self.value.forward(x)?,
        };
        let mixed = if attention::is_for(x) {
            attention::attend(self.heads, &new, (&place.cos, &place.sin), (cache, index))?
        } else {
            self.attend(&new, place, index, cache)?
        };
        self.output.forward(&mixed)
    }

    /// What [`attention::attend`] does, in tensors.
    fn attend(&self, new: &Projected, place: &Place, index: usize, cache: &KvCache) -> Result<Tensor> {
        let Heads { queries, shared, width } = self.heads;
        let (n, dtype) = (new.query.dim(0)?, new.query.dtype());
        let query = rotate(&self.split(&new.query, queries)?, place)?;
        let key = rotate(&self.split(&new.key, shared)?, place)?;
        let value = self.split(&new.value, shared)?;
        let (keys, values) = cache.write(index, &key, &value)?;
        let (keys, values) = (keys.to_dtype(dtype)?, values.to_dtype(dtype)?);

        let parts = [&query, &keys, &values];
        if let Some(mixed) = tiled_attention::attend(parts, Sight::Past, Factors::of(&self.query))? {
            return Ok(mixed);
        }

        // Query heads that share a key head are so many more rows of one product.
        let rows = queries / shared * n;
        let query = (query * (width as f64).powf(-0.5))?;
        let scores = query.reshape((shared, rows, width))?.matmul(&keys.t()?)?;
        let scores = scores.to_dtype(DType::F32)?.reshape((queries, n, ()))?;
        let scores = match place.mask()? {
            Some(mask) => scores.broadcast_add(mask)?,
            None => scores,
        };
        let weights = elementwise::softmax(scores)?.to_dtype(dtype)?;
        let mixed = weights.reshape((shared, rows, ()))?.matmul(&values)?;
        let mixed = mixed.reshape((queries, n, width))?.transpose(0, 1)?;
        mixed.reshape((n, queries * width))
    }

    /// `[n, heads · width]` → `[heads, n, width]`, contiguous.
    fn split(&self, x: &Tensor, heads: usize) -> Result<Tensor> {
        x.reshape((x.dim(0)?, heads, self.heads.width))?.transpose(0, 1)?.contiguous()
    }
}

/// Turns `[heads, n, width]` to its positions.
fn rotate(x: &Tensor, place: &Place) -> Result<Tensor> {
    rotary_emb::rope(&x.unsqueeze(0)?, &place.cos, &place.sin)?.squeeze(0)
}

/// `down(silu(gate(x)) · up(x))`.
#[derive(Debug)]
struct Mlp {
    gate: Projection,
    up: Projection,
    down: Projection,
}

impl Mlp {
    fn new(config: &LlmConfig, source: &Source) -> Result<Self> {
        let (width, inner) = (config.hidden_size, config.intermediate_size);
        Ok(Self {
            gate: source.pp("gate_proj").linear_no_bias(width, inner)?,
            up: source.pp("up_proj").linear_no_bias(width, inner)?,
            down: source.pp("down_proj").linear_no_bias(inner, width)?,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.down.forward(&(elementwise::silu(self.gate.forward(x)?)? * self.up.forward(x)?)?)
    }
}

#[cfg(test)]
mod tests;
