//! Two-way transformer of SAM's mask decoder: a few tokens and the cells of the image embedding
//! attend to each other in turn. Called by [`super::pixel_decoder`].
//!
//! Tokens are `[n, tokens, width]`, cells `[n, cells, width]`. Both have positions that are added
//! again before every attention: for tokens these are the tokens as they came in.

use candle_core::{Module, Result, Tensor};
use candle_nn::{LayerNorm, Linear, VarBuilder, ops};

use super::config::GroundingConfig;

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
        Ok(Transformed { tokens: self.norm_final_attn.forward(&(x + mixed)?)?, cells, looks })
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
    lin1: Linear,
    lin2: Linear,
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
            lin1: candle_nn::linear(width, inner, vb.pp("mlp.lin1"))?,
            lin2: candle_nn::linear(inner, width, vb.pp("mlp.lin2"))?,
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
        let tokens = self.norm1.forward(&tokens)?;

        let q = (&tokens + token_positions)?;
        let k = cells.broadcast_add(cell_positions)?;
        let (mixed, look) = self.cross_attn_token_to_image.forward_and_weights(&q, &k, cells)?;
        let tokens = self.norm2.forward(&(tokens + mixed)?)?;

        let mlp = self.lin2.forward(&self.lin1.forward(&tokens)?.relu()?)?;
        let tokens = self.norm3.forward(&(tokens + mlp)?)?;

        let q = (&tokens + token_positions)?;
        let cells = (cells + self.cross_attn_image_to_token.forward(&k, &q, &tokens)?)?;
        Ok(((tokens, self.norm4.forward(&cells)?), look))
    }
}

/// Multi-head attention whose inner width may be less than that of its inputs.
#[derive(Debug, Clone)]
struct Attention {
    heads: usize,
    q_proj: Linear,
    k_proj: Linear,
    v_proj: Linear,
    out_proj: Linear,
}

impl Attention {
    fn new(width: usize, inner: usize, heads: usize, vb: &VarBuilder) -> Result<Self> {
        Ok(Self {
            heads,
            q_proj: candle_nn::linear(width, inner, vb.pp("q_proj"))?,
            k_proj: candle_nn::linear(width, inner, vb.pp("k_proj"))?,
            v_proj: candle_nn::linear(width, inner, vb.pp("v_proj"))?,
            out_proj: candle_nn::linear(inner, width, vb.pp("out_proj"))?,
        })
    }

    fn forward(&self, q: &Tensor, k: &Tensor, v: &Tensor) -> Result<Tensor> {
        self.forward_and_weights(q, k, v).map(|(mixed, _)| mixed)
    }

    /// Also the weights, `[n, heads, queries, keys]`.
    fn forward_and_weights(&self, q: &Tensor, k: &Tensor, v: &Tensor) -> Result<(Tensor, Tensor)> {
        let split = |x: Tensor| {
            let (n, tokens, inner) = x.dims3()?;
            x.reshape((n, tokens, self.heads, inner / self.heads))?.transpose(1, 2)?.contiguous()
        };
        let q = split(self.q_proj.forward(q)?)?;
        let k = split(self.k_proj.forward(k)?)?;
        let v = split(self.v_proj.forward(v)?)?;
        let (n, heads, tokens, head) = q.dims4()?;
        let logits = ((q * (head as f64).powf(-0.5))?).matmul(&k.t()?)?;
        let weights = ops::softmax_last_dim(&logits)?;
        let mixed = weights.matmul(&v)?.transpose(1, 2)?.reshape((n, tokens, heads * head))?;
        Ok((self.out_proj.forward(&mixed)?, weights))
    }
}
