//! Attention between a few tokens and the many cells of an image, in both directions: most of the work of
//! [`super::two_way_transformer`].
//!
//! Cells are never projected. A logit is `(W_q x)ᵀ (W_k y)`; with the few on the left, `W_kᵀ W_q x` is
//! computed for each token and head, and multiplied with the cells as they are. Values likewise:
//! `W_o W_v Σ a y`, the sum first, or `Σ a (W_o W_v y)` where the few are summed up. That is the same by the
//! law of association, and takes a third of the work while there are fewer tokens than twice the width of
//! a head. Rounding differs in the last bits.

use candle_core::{D, Module, Result, Tensor};
use candle_nn::VarBuilder;

use super::elementwise;
use super::layers::dense;
use super::projection::Projection;

/// Heads work in half the width of their inputs.
fn inner(width: usize) -> usize {
    width / 2
}

/// `[n, tokens, heads · head]` → `[n, heads, tokens, head]`.
pub(super) fn split(x: &Tensor, heads: usize) -> Result<Tensor> {
    let (n, tokens, inner) = x.dims3()?;
    x.reshape((n, tokens, heads, inner / heads))?.transpose(1, 2)?.contiguous()
}

/// `[n, heads, tokens, from]` times `[1, heads, from, to]`. Batches whose strides are not regular are no
/// product on every device, so that the weights are repeated for more than one.
fn in_heads(x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    match x.dim(0)? {
        1 => x.matmul(weight),
        n => x.matmul(&weight.repeat((n, 1, 1, 1))?),
    }
}

/// Queries and keys are divided by the square root of a head's width.
fn scale(width: usize, heads: usize) -> f64 {
    ((inner(width) / heads) as f64).powf(-0.5)
}

/// A few tokens look at many cells.
#[derive(Debug, Clone)]
pub(super) struct TokensToCells {
    heads: usize,
    scale: f64,
    q_proj: Projection,
    /// `[1, heads, head, width]`. A bias of the keys adds the same to all logits of a query, which softmax
    /// takes out again.
    k_weight: Tensor,
    /// `[1, heads, width, head]`.
    v_weight: Tensor,
    /// `[heads · head]`: the weights of a query add up to 1.
    v_bias: Tensor,
    out_proj: Projection,
}

impl TokensToCells {
    pub(super) fn new((width, heads): (usize, usize), vb: &VarBuilder) -> Result<Self> {
        let inner = inner(width);
        // Checkpoints have it, see `k_weight`.
        vb.pp("k_proj").get(inner, "bias")?;
        let of_heads =
            |name: &str| vb.pp(name).get((inner, width), "weight")?.reshape((1, heads, inner / heads, width));
        Ok(Self {
            heads,
            scale: scale(width, heads),
            q_proj: dense(width, inner, &vb.pp("q_proj"))?,
            k_weight: of_heads("k_proj")?,
            v_weight: of_heads("v_proj")?.transpose(2, 3)?.contiguous()?,
            v_bias: vb.pp("v_proj").get(inner, "bias")?,
            out_proj: dense(inner, width, &vb.pp("out_proj"))?,
        })
    }

    /// What `tokens` `[n, tokens, width]` find in `values` `[n, cells, width]` by `keys`, of the same shape;
    /// also the weights, `[n, heads, tokens, cells]`.
    pub(super) fn forward(
        &self,
        tokens: &Tensor,
        keys: &Tensor,
        values: &Tensor,
    ) -> Result<(Tensor, Tensor)> {
        let (n, count, width) = tokens.dims3()?;
        let (rows, cells) = (self.heads * count, keys.dim(1)?);
        let queries = split(&(self.q_proj.forward(tokens)? * self.scale)?, self.heads)?;
        let queries = in_heads(&queries, &self.k_weight)?.reshape((n, rows, width))?;
        let weights = elementwise::softmax(queries.matmul(&keys.transpose(1, 2)?)?)?;
        let found = weights.matmul(values)?.reshape((n, self.heads, count, width))?;
        let found = in_heads(&found, &self.v_weight)?.transpose(1, 2)?;
        let found = found.reshape((n, count, inner(width)))?.broadcast_add(&self.v_bias)?;
        Ok((self.out_proj.forward(&found)?, weights.reshape((n, self.heads, count, cells))?))
    }
}

/// Many cells look at a few tokens.
#[derive(Debug, Clone)]
pub(super) struct CellsToTokens {
    heads: usize,
    scale: f64,
    /// `[1, heads, head, width]`.
    q_weight: Tensor,
    /// `[1, heads, head, 1]`.
    q_bias: Tensor,
    k_proj: Projection,
    v_proj: Projection,
    /// `[1, heads, head, width]`.
    out_weight: Tensor,
    /// `[width]`.
    out_bias: Tensor,
}

impl CellsToTokens {
    pub(super) fn new((width, heads): (usize, usize), vb: &VarBuilder) -> Result<Self> {
        let (inner, q, out) = (inner(width), vb.pp("q_proj"), vb.pp("out_proj"));
        let of_heads = |weight: Tensor| weight.reshape((1, heads, inner / heads, ()));
        Ok(Self {
            heads,
            scale: scale(width, heads),
            q_weight: of_heads(q.get((inner, width), "weight")?)?,
            q_bias: of_heads(q.get(inner, "bias")?)?,
            k_proj: dense(width, inner, &vb.pp("k_proj"))?,
            v_proj: dense(width, inner, &vb.pp("v_proj"))?,
            out_weight: of_heads(out.get((width, inner), "weight")?.t()?.contiguous()?)?,
            out_bias: out.get(width, "bias")?,
        })
    }

    /// What `cells` `[n, cells, width]` find in `values` `[n, tokens, width]` by `keys`, of the same shape.
    pub(super) fn forward(&self, cells: &Tensor, keys: &Tensor, values: &Tensor) -> Result<Tensor> {
        let (n, count, width) = keys.dims3()?;
        let (rows, of_image) = (self.heads * count, cells.dim(1)?);
        let keys = split(&(self.k_proj.forward(keys)? * self.scale)?, self.heads)?;
        let start = in_heads(&keys, &self.q_bias)?;
        let keys = in_heads(&keys, &self.q_weight)?.reshape((n, rows, width))?;
        let logits = keys.matmul(&cells.transpose(1, 2)?)?.reshape((n, self.heads, count, of_image))?;
        let weights = elementwise::softmax_of_columns(logits.broadcast_add(&start)?)?;
        let values = split(&self.v_proj.forward(values)?, self.heads)?;
        let values = in_heads(&values, &self.out_weight)?.reshape((n, rows, width))?;
        let weights = weights.reshape((n, rows, of_image))?.transpose(D::Minus1, D::Minus2)?;
        elementwise::add_bias(weights.matmul(&values)?, &self.out_bias)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use candle_core::{DType, Device};

    use super::*;
    use crate::model::testing::{distance, noise};

    const WIDTH: usize = 16;
    const HEADS: usize = 2;

    fn weights() -> VarBuilder<'static> {
        let mut tensors = HashMap::new();
        for (name, outputs, inputs) in
            [("q_proj", 8, WIDTH), ("k_proj", 8, WIDTH), ("v_proj", 8, WIDTH), ("out_proj", WIDTH, 8)]
        {
            tensors.insert(format!("{name}.weight"), noise(name, (outputs, inputs)));
            tensors.insert(format!("{name}.bias"), noise(&format!("{name} bias"), outputs));
        }
        VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu)
    }

    /// Attention as it is defined: all three are projected.
    fn plain(vb: &VarBuilder, q: &Tensor, k: &Tensor, v: &Tensor) -> (Tensor, Tensor) {
        let project = |name: &str, x: &Tensor| {
            let inputs = x.dim(D::Minus1).unwrap();
            let outputs = if name == "out_proj" { WIDTH } else { WIDTH / 2 };
            dense(inputs, outputs, &vb.pp(name)).unwrap().forward(x).unwrap()
        };
        let [q, k, v] = [("q_proj", q), ("k_proj", k), ("v_proj", v)]
            .map(|(name, x)| split(&project(name, x), HEADS).unwrap());
        let logits = (q.matmul(&k.t().unwrap()).unwrap() * scale(WIDTH, HEADS)).unwrap();
        let weights = candle_nn::ops::softmax_last_dim(&logits).unwrap();
        let mixed = weights.matmul(&v).unwrap().transpose(1, 2).unwrap().flatten_from(2).unwrap();
        (project("out_proj", &mixed), weights)
    }

    #[test]
    fn both_directions_are_attention() {
        let vb = weights();
        for n in [1, 2] {
            let [tokens, more] = ["tokens", "more"].map(|name| noise(name, (n, 5, WIDTH)));
            let [cells, others] = ["cells", "others"].map(|name| noise(name, (n, 37, WIDTH)));
            let (want, want_weights) = plain(&vb, &tokens, &cells, &others);
            let few = TokensToCells::new((WIDTH, HEADS), &vb).unwrap();
            let (got, weights) = few.forward(&tokens, &cells, &others).unwrap();
            assert!(distance(&got, &want) < 1e-5 && distance(&weights, &want_weights) < 1e-5);
            let (want, _) = plain(&vb, &cells, &tokens, &more);
            let many = CellsToTokens::new((WIDTH, HEADS), &vb).unwrap();
            assert!(distance(&many.forward(&cells, &tokens, &more).unwrap(), &want) < 1e-5);
        }
    }
}
