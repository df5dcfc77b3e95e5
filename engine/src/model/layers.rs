//! Small layers shared by the parts of the vision side: a multi-layer perceptron, bilinear
//! resizing with aligned corners, and the hook between blocks of the long-running encoders.
//!
//! Interpolation is written as two matrix products, so that it runs on every device and in every
//! number format that has a matrix product.

use std::ops::ControlFlow;

use candle_core::{DType, Device, Module, Result, Tensor};
use candle_nn::VarBuilder;

use super::elementwise;
use super::matrix::Matrix;
use super::norms;
use super::projection::Projection;
use super::threads;

/// How far an encoder has come: asked for between its blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Blocks computed so far.
    pub done: usize,
    /// Blocks in all.
    pub total: usize,
}

/// Called between the blocks of an encoder: shows progress and may end the work, which makes the
/// encoder return [`Interrupted::Cancelled`].
pub type BetweenBlocks<'a> = &'a mut dyn FnMut(Progress) -> ControlFlow<()>;

/// Why work that can be cancelled came to no end.
#[derive(Debug, thiserror::Error)]
pub enum Interrupted {
    /// The hook between the blocks ended it.
    #[error("cancelled")]
    Cancelled,
    /// The tensor library failed.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}

/// What work that can be cancelled returns.
pub type Interruptible<T> = std::result::Result<T, Interrupted>;

/// A [`BetweenBlocks`] hook that never ends the work.
pub fn uninterrupted(_: Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Asks the hook whether to go on.
pub(super) fn go_on(hook: BetweenBlocks<'_>, done: usize, total: usize) -> Interruptible<()> {
    match hook(Progress { done, total }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(Interrupted::Cancelled),
    }
}

/// A linear layer of an ordinary tensor `[outputs, inputs]` with a bias.
pub(super) fn dense(inputs: usize, outputs: usize, vb: &VarBuilder) -> Result<Projection> {
    let weight = Matrix::Dense(vb.get((outputs, inputs), "weight")?);
    Ok(Projection::new(weight, Some(vb.get(outputs, "bias")?)))
}

/// SAM's `MLP`: linear layers `layers.0`, `layers.1`, … with ReLU between them.
#[derive(Debug, Clone)]
pub(super) struct ReluMlp {
    layers: Vec<Projection>,
}

impl ReluMlp {
    /// `widths` are those of the input, every hidden layer, and the output.
    pub(super) fn new(widths: &[usize], vb: &VarBuilder) -> Result<Self> {
        let vb = vb.pp("layers");
        let layers = widths
            .windows(2)
            .enumerate()
            .map(|(i, pair)| dense(pair[0], pair[1], &vb.pp(i)))
            .collect::<Result<_>>()?;
        Ok(Self { layers })
    }
}

impl Module for ReluMlp {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let mut x = x.clone();
        for (i, layer) in self.layers.iter().enumerate() {
            if i > 0 {
                x = x.relu()?;
            }
            x = layer.forward(&x)?;
        }
        Ok(x)
    }
}

/// Group norm (Wu and He, 2018) of `[n, channels, h, w]`.
#[derive(Debug, Clone)]
pub(super) struct GroupNorm {
    groups: usize,
    weight: Tensor,
    bias: Tensor,
    eps: f64,
}

impl GroupNorm {
    pub(super) fn new(groups: usize, channels: usize, eps: f64, vb: &VarBuilder) -> Result<Self> {
        Ok(Self { groups, weight: vb.get(channels, "weight")?, bias: vb.get(channels, "bias")?, eps })
    }

    /// The norm, and ReLU of it; on the CPU in place of `x`.
    pub(super) fn forward_then_relu(&self, x: Tensor) -> Result<Tensor> {
        let channels = x.dim(1)?;
        if [&x, &self.weight, &self.bias].into_iter().all(elementwise::is_ours) {
            let (weight, bias) = (elementwise::numbers(&self.weight)?, elementwise::numbers(&self.bias)?);
            return norms::group_norm_relu(x, self.groups, (&weight, &bias), self.eps as f32);
        }
        let (weight, bias) = (self.weight.clone(), self.bias.clone());
        candle_nn::GroupNorm::new(weight, bias, channels, self.groups, self.eps)?.forward(&x)?.relu()
    }
}

/// Applies one matrix to the columns and one to the rows of every channel.
///
/// `x` is `[n, c, h, w]`, `rows` `[out_h, h]`, `columns` `[out_w, w]`; the result is
/// `[n, c, out_h, out_w]`, contiguous.
pub(super) fn transform_planes(x: &Tensor, rows: &Tensor, columns: &Tensor) -> Result<Tensor> {
    let (n, c, h, w) = x.dims4()?;
    let (out_h, out_w) = (rows.dim(0)?, columns.dim(0)?);
    let x = x.reshape((n * c * h, w))?.matmul(&columns.t()?)?;
    let x = x.reshape((n * c, h, out_w))?.transpose(1, 2)?.contiguous()?;
    let x = x.reshape((n * c * out_w, h))?.matmul(&rows.t()?)?;
    x.reshape((n, c, out_w, out_h))?.transpose(2, 3)?.contiguous()
}

/// Bilinear resizing of `[n, c, h, w]` to `height × width`, the centres of the corner cells kept
/// in place (`align_corners=True` in PyTorch).
pub(super) fn resize_aligned(x: &Tensor, height: usize, width: usize) -> Result<Tensor> {
    let (_, _, h, w) = x.dims4()?;
    if (h, w) == (height, width) {
        return Ok(x.clone());
    }
    if elementwise::is_ours(x) {
        return resize_planes(x, height, width);
    }
    let rows = aligned_matrix(h, height, x.dtype(), x.device())?;
    let columns = aligned_matrix(w, width, x.dtype(), x.device())?;
    transform_planes(x, &rows, &columns)
}

/// [`resize_aligned`] on the CPU in single precision: each new row between two old ones, then each new
/// cell between two of that row.
fn resize_planes(x: &Tensor, height: usize, width: usize) -> Result<Tensor> {
    let (n, c, h, w) = x.dims4()?;
    let (rows, columns) = (aligned_places(h, height), aligned_places(w, width));
    let mut resized = vec![0f32; n * c * height * width];
    let numbers = elementwise::numbers(x)?;
    let numbers: &[f32] = &numbers;
    threads::each_chunk_mut(&mut resized, height * width, |plane, new| {
        let old = &numbers[plane * h * w..][..h * w];
        let mut between = vec![0f32; w];
        for (row, &(low, part)) in new.chunks_exact_mut(width).zip(&rows) {
            let (above, below) = (&old[low * w..][..w], &old[(low + 1).min(h - 1) * w..][..w]);
            for (between, (above, below)) in between.iter_mut().zip(above.iter().zip(below)) {
                *between = above + (below - above) * part;
            }
            for (cell, &(low, part)) in row.iter_mut().zip(&columns) {
                let (left, right) = (between[low], between[(low + 1).min(w - 1)]);
                *cell = left + (right - left) * part;
            }
        }
    });
    Tensor::from_vec(resized, (n, c, height, width), x.device())
}

/// For every new cell the old one at or before it, and how far it is on the way to the next.
fn aligned_places(from: usize, to: usize) -> Vec<(usize, f32)> {
    let step = if to > 1 { (from - 1) as f32 / (to - 1) as f32 } else { 0.0 };
    let place = |i: usize| {
        let at = step * i as f32;
        let low = (at as usize).min(from - 1);
        (low, at - low as f32)
    };
    (0..to).map(place).collect()
}

/// `[to, from]`: weight of every old cell in every new one.
fn aligned_matrix(from: usize, to: usize, dtype: DType, device: &Device) -> Result<Tensor> {
    let mut weights = vec![0f32; to * from];
    for (row, (low, part)) in weights.chunks_exact_mut(from).zip(aligned_places(from, to)) {
        row[low] += 1.0 - part;
        row[(low + 1).min(from - 1)] += part;
    }
    Tensor::from_vec(weights, (to, from), device)?.to_dtype(dtype)
}

/// `n` numbers from -1 to 1, both ends included; -1 alone where `n` is 1.
pub(super) fn linspace(n: usize, dtype: DType, device: &Device) -> Result<Tensor> {
    let step = if n > 1 { 2.0 / (n - 1) as f64 } else { 0.0 };
    let values: Vec<f32> = (0..n).map(|i| (step * i as f64 - 1.0) as f32).collect();
    Tensor::from_vec(values, n, device)?.to_dtype(dtype)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::{distance, noise};

    fn resized(rows: &[&[f32]], height: usize, width: usize) -> Vec<Vec<f32>> {
        let (h, w) = (rows.len(), rows[0].len());
        let x = Tensor::from_vec(rows.concat(), (1, 1, h, w), &Device::Cpu).unwrap();
        let y = resize_aligned(&x, height, width).unwrap();
        y.reshape((height, width)).unwrap().to_vec2().unwrap()
    }

    #[test]
    fn aligned_resizing_keeps_the_corners_and_is_linear_between_them() {
        let got = resized(&[&[0.0, 2.0], &[4.0, 6.0]], 3, 5);
        let want = [[0.0, 0.5, 1.0, 1.5, 2.0], [2.0, 2.5, 3.0, 3.5, 4.0], [4.0, 4.5, 5.0, 5.5, 6.0]];
        assert_eq!(got, want);
    }

    #[test]
    fn aligned_resizing_of_and_to_a_single_cell() {
        assert_eq!(resized(&[&[7.0]], 2, 2), [[7.0, 7.0], [7.0, 7.0]]);
        assert_eq!(resized(&[&[1.0, 2.0], &[3.0, 4.0]], 1, 1), [[1.0]]);
    }

    #[test]
    fn planes_are_resized_as_by_matrices() {
        let x = noise("x", (2, 3, 7, 5));
        for (height, width) in [(14, 10), (3, 4), (1, 1), (7, 9)] {
            let columns = aligned_matrix(5, width, DType::F32, &Device::Cpu).unwrap();
            let rows = aligned_matrix(7, height, DType::F32, &Device::Cpu).unwrap();
            let wanted = transform_planes(&x, &rows, &columns).unwrap();
            assert!(distance(&resize_aligned(&x, height, width).unwrap(), &wanted) < 1e-6);
        }
    }

    #[test]
    fn linspace_includes_both_ends() {
        let values = linspace(5, DType::F32, &Device::Cpu).unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(values, [-1.0, -0.5, 0.0, 0.5, 1.0]);
        assert_eq!(linspace(1, DType::F32, &Device::Cpu).unwrap().to_vec1::<f32>().unwrap(), [-1.0]);
    }
}
