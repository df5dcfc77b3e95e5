//! Two-way transformer of SAM's mask decoder: a few tokens and the cells of the image embedding
//! attend to each other in turn. Called by [`super::pixel_decoder`].
//!
//! Tokens are `[n, tokens, width]`, cells `[n, cells, width]`. Both have positions that are added
//! again before every attention: for tokens these are the tokens as they came in.

use candle_core::{Module, Result, Tensor};
use candle_nn::{LayerNorm, VarBuilder};

use super::config::GroundingConfig;
use super::cross_attention::{CellsToTokens, TokensToCells, split};
use super::elementwise;
use super::layers::dense;
use super::norms;
use super::projection::Projection;

const NORM_EPS: f64 = 1e-5;

/// All blocks and the last attention of tokens to cells.
#[derive(Debug, Clone)]
pub(super) struct TwoWayTransformer {
    layers: Vec<TwoWayBlock>,
    final_attn_token_to_image: TokensToCells,
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
            final_attn_token_to_image: TokensToCells::new(
                (width, heads),
                &vb.pp("final_attn_token_to_image"),
            )?,
            norm_final_attn: candle_nn::layer_norm(width, NORM_EPS, vb.pp("norm_final_attn"))?,
        })
    }

    /// Of `tokens` `[n, tokens, width]` and `cells` `[n, cells, width]`. `positions`
    /// `[1 or n, cells, width]` are the cells'.
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
        let (mixed, look) =
            self.final_attn_token_to_image.forward(&q, &cells.broadcast_add(positions)?, &cells)?;
        looks.push(look);
        Ok(Transformed { tokens: norms::layer_norm(&self.norm_final_attn, &(x + mixed)?)?, cells, looks })
    }
}

#[derive(Debug, Clone)]
struct TwoWayBlock {
    /// In the first block tokens are their own positions: attention replaces them, and no
    /// positions are added.
    is_first: bool,
    self_attn: SelfAttention,
    norm1: LayerNorm,
    cross_attn_token_to_image: TokensToCells,
    norm2: LayerNorm,
    lin1: Projection,
    lin2: Projection,
    norm3: LayerNorm,
    cross_attn_image_to_token: CellsToTokens,
    norm4: LayerNorm,
}

impl TwoWayBlock {
    fn new(config: &GroundingConfig, is_first: bool, vb: &VarBuilder) -> Result<Self> {
        let (width, inner) = (config.prompt_embed_dim, config.decoder_mlp_dim);
        let sizes = (width, config.decoder_num_heads);
        let norm = |name: &str| candle_nn::layer_norm(width, NORM_EPS, vb.pp(name));
        Ok(Self {
            is_first,
            self_attn: SelfAttention::new(sizes, &vb.pp("self_attn"))?,
            norm1: norm("norm1")?,
            cross_attn_token_to_image: TokensToCells::new(sizes, &vb.pp("cross_attn_token_to_image"))?,
            norm2: norm("norm2")?,
            lin1: dense(width, inner, &vb.pp("mlp.lin1"))?,
            lin2: dense(inner, width, &vb.pp("mlp.lin2"))?,
            norm3: norm("norm3")?,
            cross_attn_image_to_token: CellsToTokens::new(sizes, &vb.pp("cross_attn_image_to_token"))?,
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
            self.self_attn.forward(tokens, tokens)?
        } else {
            let q = (tokens + token_positions)?;
            (tokens + self.self_attn.forward(&q, tokens)?)?
        };
        let tokens = norms::layer_norm(&self.norm1, &tokens)?;

        let q = (&tokens + token_positions)?;
        let k = cells.broadcast_add(cell_positions)?;
        let (mixed, look) = self.cross_attn_token_to_image.forward(&q, &k, cells)?;
        let tokens = norms::layer_norm(&self.norm2, &(tokens + mixed)?)?;

        let mlp = self.lin2.forward(&self.lin1.forward(&tokens)?.relu()?)?;
        let tokens = norms::layer_norm(&self.norm3, &(tokens + mlp)?)?;

        let q = (&tokens + token_positions)?;
        let cells = elementwise::add(self.cross_attn_image_to_token.forward(&k, &q, &tokens)?, cells)?;
        Ok(((tokens, norms::layer_norm(&self.norm4, &cells)?), look))
    }
}

/// Multi-head attention of the tokens among each other.
#[derive(Debug, Clone)]
struct SelfAttention {
    heads: usize,
    q_proj: Projection,
    k_proj: Projection,
    v_proj: Projection,
    out_proj: Projection,
}

impl SelfAttention {
    fn new((width, heads): (usize, usize), vb: &VarBuilder) -> Result<Self> {
        let projection = |name: &str| dense(width, width, &vb.pp(name));
        Ok(Self {
            heads,
            q_proj: projection("q_proj")?,
            k_proj: projection("k_proj")?,
            v_proj: projection("v_proj")?,
            out_proj: projection("out_proj")?,
        })
    }

    /// `x` is what queries and keys are made of.
    fn forward(&self, x: &Tensor, values: &Tensor) -> Result<Tensor> {
        let (n, tokens, width) = x.dims3()?;
        let head = width / self.heads;
        let (q, k) =
            (split(&self.q_proj.forward(x)?, self.heads)?, split(&self.k_proj.forward(x)?, self.heads)?);
        let logits = ((q * (head as f64).powf(-0.5))?).matmul(&k.t()?)?;
        let mixed =
            elementwise::softmax(logits)?.matmul(&split(&self.v_proj.forward(values)?, self.heads)?)?;
        self.out_proj.forward(&mixed.transpose(1, 2)?.reshape((n, tokens, width))?)
    }
}
