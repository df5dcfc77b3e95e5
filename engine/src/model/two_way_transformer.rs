//! Two-way transformer of SAM's mask decoder: a few tokens and the cells of the image embedding
//! attend to each other in turn. Called by [`super::pixel_decoder`].
//!
//! Tokens are `[n, tokens, width]`, cells `[n, cells, width]`. Both have positions that are added
//! again before every attention: for tokens these are the tokens as they came in.

use candle_core::{Module, Result, Tensor};
use candle_nn::{LayerNorm, VarBuilder};

use super::config::GroundingConfig;
use super::elementwise;
use super::layers::dense;
use super::matrix::Projection;
use super::norms;
use super::tiled_attention::{self, Factors, Sight};

const NORM_EPS: f64 = 1e-5;

/// All blocks and the last attention of tokens to cells.
#[derive(Debug, Clone)]
pub(super) struct TwoWayTransformer {
    layers: Vec<TwoWayBlock>,
    final_attn_token_to_image: Attention,
    norm_final_attn: LayerNorm,
}

/// Tokens and cells after all blocks.
pub(super) struct Transformed {
    /// `[n, tokens, width]`.
    pub(super) tokens: Tensor,
    /// `[n, cells, width]`.
    pub(super) cells: Tensor,
    /// Weights of every attention of tokens to cells, `[n, heads, tokens, cells]`.
    pub(super) looks: Vec<Tensor>,
}

impl TwoWayTransformer {
    /// `vb` is at `mask_decoder.transformer`.
    pub(super) fn new(config: &GroundingConfig, vb: &VarBuilder) -> Result<Self> {
        let (width, heads) = (config.prompt_embed_dim, config.decoder_num_heads);
        Ok(Self {
            layers: (0..config.decoder_depth)
                .map(|i| TwoWayBlock::new(config, i == 0, &vb.pp("layers").pp(i)))
                .collect::<Result<_>>()?,
            final_attn_token_to_image: Attention::new(
                width,
                width / 2,
                heads,
                &vb.pp("final_attn_token_to_image"),
            )?,
            norm_final_attn: candle_nn::layer_norm(width, NORM_EPS, vb.pp("norm_final_attn"))?,
        })
    }

    /// `positions` are the cells'.
    pub(super) fn forward(&self, tokens: &Tensor, cells: &Tensor, positions: &Tensor) -> Result<Transformed> {
        let mut looks = Vec::with_capacity(self.layers.len() + 1);
        let mut state = (tokens.clone(), cells.clone());
        for layer in &self.layers {
            let (next, look) = layer.forward(&state.0, &state.1, tokens, positions)?;
            state = next;
            looks.push(look);
        }
        let (x, cells) = state;
        let q = (&x + tokens)?;
        let k = cells.broadcast_add(positions)?;
        let (mixed, look) = self.final_attn_token_to_image.forward_and_weights(&q, &k, &cells)?;
        looks.push(look);
        Ok(Transformed { tokens: norms::layer_norm(&self.norm_final_attn, &(x + mixed)?)?, cells, looks })
    }
}

#[derive(Debug, Clone)]
struct TwoWayBlock {
    /// In the first block tokens are their own positions: attention replaces them, and no
    /// positions are added.
    is_first: bool,
    self_attn: Attention,
    norm1: LayerNorm,
    cross_attn_token_to_image: Attention,
    norm2: LayerNorm,
    lin1: Projection,
    lin2: Projection,
    norm3: LayerNorm,
    cross_attn_image_to_token: Attention,
    norm4: LayerNorm,
}

impl TwoWayBlock {
    fn new(config: &GroundingConfig, is_first: bool, vb: &VarBuilder) -> Result<Self> {
        let (width, inner) = (config.prompt_embed_dim, config.decoder_mlp_dim);
        let attention =
            |inner, name: &str| Attention::new(width, inner, config.decoder_num_heads, &vb.pp(name));
        let norm = |name: &str| candle_nn::layer_norm(width, NORM_EPS, vb.pp(name));
        Ok(Self {
            is_first,
            self_attn: attention(width, "self_attn")?,
            norm1: norm("norm1")?,
            cross_attn_token_to_image: attention(width / 2, "cross_attn_token_to_image")?,
            norm2: norm("norm2")?,
            lin1: dense(width, inner, &vb.pp("mlp.lin1"))?,
            lin2: dense(inner, width, &vb.pp("mlp.lin2"))?,
            norm3: norm("norm3")?,
            cross_attn_image_to_token: attention(width / 2, "cross_attn_image_to_token")?,
            norm4: norm("norm4")?,
        })
    }

    /// Tokens and cells, and the weights of the tokens' look at the cells.
    fn forward(
        &self,
        tokens: &Tensor,
        cells: &Tensor,
        token_positions: &Tensor,
        cell_positions: &Tensor,
    ) -> Result<((Tensor, Tensor), Tensor)> {
        let tokens = if self.is_first {
            self.self_attn.forward(tokens, tokens, tokens)?
        } else {
            let q = (tokens + token_positions)?;
            (tokens + self.self_attn.forward(&q, &q, tokens)?)?
        };
        let tokens = norms::layer_norm(&self.norm1, &tokens)?;

        let q = (&tokens + token_positions)?;
        let k = cells.broadcast_add(cell_positions)?;
        let (mixed, look) = self.cross_attn_token_to_image.forward_and_weights(&q, &k, cells)?;
        let tokens = norms::layer_norm(&self.norm2, &(tokens + mixed)?)?;

        let mlp = self.lin2.forward(&self.lin1.forward(&tokens)?.relu()?)?;
        let tokens = norms::layer_norm(&self.norm3, &(tokens + mlp)?)?;

        let q = (&tokens + token_positions)?;
        let cells = elementwise::add(self.cross_attn_image_to_token.forward(&k, &q, &tokens)?, cells)?;
        Ok(((tokens, norms::layer_norm(&self.norm4, &cells)?), look))
    }
}

/// Multi-head attention whose inner width may be less than that of its inputs.
#[derive(Debug, Clone)]
struct Attention {
    heads: usize,
    q_proj: Projection,
    k_proj: Projection,
    v_proj: Projection,
    out_proj: Projection,
}

impl Attention {
    fn new(width: usize, inner: usize, heads: usize, vb: &VarBuilder) -> Result<Self> {
        Ok(Self {
            heads,
            q_proj: dense(width, inner, &vb.pp("q_proj"))?,
            k_proj: dense(width, inner, &vb.pp("k_proj"))?,
            v_proj: dense(width, inner, &vb.pp("v_proj"))?,
            out_proj: dense(inner, width, &vb.pp("out_proj"))?,
        })
    }

    fn forward(&self, q: &Tensor, k: &Tensor, v: &Tensor) -> Result<Tensor> {
        let parts = self.project(q, k, v)?;
        if parts[0].dim(0)? == 1 {
            let [q, k, v] = [parts[0].get(0)?, parts[1].get(0)?, parts[2].get(0)?];
            if let Some(mixed) = tiled_attention::attend([&q, &k, &v], Sight::All, Factors::Single)? {
                return self.out_proj.forward(&mixed.unsqueeze(0)?);
            }
        }
        self.mix(parts).map(|(mixed, _)| mixed)
    }

    /// Also the weights, `[n, heads, queries, keys]`.
    fn forward_and_weights(&self, q: &Tensor, k: &Tensor, v: &Tensor) -> Result<(Tensor, Tensor)> {
        self.mix(self.project(q, k, v)?)
    }

    /// Queries, keys and values, `[n, heads, tokens, width]`.
    fn project(&self, q: &Tensor, k: &Tensor, v: &Tensor) -> Result<[Tensor; 3]> {
        let split = |x: Tensor| {
            let (n, tokens, inner) = x.dims3()?;
            x.reshape((n, tokens, self.heads, inner / self.heads))?.transpose(1, 2)
        };
        let (q, k, v) = (self.q_proj.forward(q)?, self.k_proj.forward(k)?, self.v_proj.forward(v)?);
        Ok([split(q)?, split(k)?, split(v)?])
    }

    fn mix(&self, parts: [Tensor; 3]) -> Result<(Tensor, Tensor)> {
        let [q, k, v] = parts.map(|part| part.contiguous());
        let (q, k, v) = (q?, k?, v?);
        let (n, heads, tokens, head) = q.dims4()?;
        let logits = ((q * (head as f64).powf(-0.5))?).matmul(&k.t()?)?;
        let weights = elementwise::softmax(logits)?;
        let mixed = weights.matmul(&v)?.transpose(1, 2)?.reshape((n, tokens, heads * head))?;
        Ok((self.out_proj.forward(&mixed)?, weights))
    }
}
