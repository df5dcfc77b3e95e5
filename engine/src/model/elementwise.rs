//! Activation functions and softmax on the CPU: in place, by all cores, and written so that the
//! compiler makes vector instructions of them. The tensor library computes the same one number at a
//! time, some of it on one core. Other processors and number formats go to the library.
//!
//! Each function changes the tensor that it is given, so callers hand over one of their own making.
#![expect(clippy::inline_always, reason = "or else a loop over lanes calls a function for each number")]

use std::ops::{Deref, Range};

use candle_core::{CpuStorage, D, DType, InplaceOp1, InplaceOp2, Layout, Result, Storage, Tensor};
use candle_nn::ops;

use super::threads;

/// Numbers that a core takes at a time.
pub(super) const SHARE: usize = 1 << 14;
/// Numbers that are worked on together.
pub(super) const LANES: usize = 16;

/// A function of each number alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Activation {
    /// `x · Φ(x)`, exact to single precision: `GELU` with the error function.
    Gelu,
    /// OpenAI's approximation of GELU: `x · sigmoid(1.702 x)`.
    QuickGelu,
    /// `x · sigmoid(x)`.
    Silu,
}

impl Activation {
    /// Of all numbers of a tensor.
    pub(super) fn of(self, x: Tensor) -> Result<Tensor> {
        if is_ours(&x) {
            let function = |_, values: &mut [f32]| self.change(values);
            x.inplace_op1(&Rows { name: "activation", width: 1, function })?;
            return Ok(x);
        }
        match self {
            Self::Gelu => x.gelu_erf(),
            Self::QuickGelu => &x * ops::sigmoid(&(&x * 1.702)?)?,
            Self::Silu => x.silu(),
        }
    }

    fn change(self, values: &mut [f32]) {
        match self {
            Self::Gelu => each(values, |x| x * normal_distribution(x)),
            Self::QuickGelu => each(values, |x| x * sigmoid(1.702 * x)),
            Self::Silu => each(values, |x| x * sigmoid(x)),
        }
    }
}

/// [`Activation::Gelu`] of a tensor.
pub(super) fn gelu(x: Tensor) -> Result<Tensor> {
    Activation::Gelu.of(x)
}

/// [`Activation::Silu`] of a tensor.
pub(super) fn silu(x: Tensor) -> Result<Tensor> {
    Activation::Silu.of(x)
}

/// What is done with the rows of a product while they are still in the processor's cache.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Finish<'a> {
    /// Added to every row.
    pub(super) bias: Option<&'a [f32]>,
    /// Of every number, afterwards.
    pub(super) activation: Option<Activation>,
}

impl Finish<'_> {
    /// Finishes a part of a row that begins at the output `first`.
    pub(super) fn apply(self, part: &mut [f32], first: usize) {
        if let Some(bias) = self.bias {
            part.iter_mut().zip(&bias[first..]).for_each(|(value, bias)| *value += bias);
        }
        if let Some(activation) = self.activation {
            activation.change(part);
        }
    }

    /// Finishes whole rows of `width` outputs, by all cores.
    pub(super) fn apply_to_rows(self, rows: &mut [f32], width: usize) {
        if self.bias.is_some() || self.activation.is_some() {
            in_shares(rows, width, &|_, rows: &mut [f32]| {
                rows.chunks_exact_mut(width).for_each(|row| self.apply(row, 0));
            });
        }
    }

    /// Finishes a product in place: in single precision, on the CPU.
    pub(super) fn of(self, product: Tensor) -> Result<Tensor> {
        let width = product.dim(D::Minus1)?;
        let function = |_, rows: &mut [f32]| rows.chunks_exact_mut(width).for_each(|row| self.apply(row, 0));
        product.inplace_op1(&Rows { name: "finish", width, function })?;
        Ok(product)
    }
}

/// Softmax of `[.., width]` over the last dimension, in place of `x` on the CPU.
pub(super) fn softmax(x: Tensor) -> Result<Tensor> {
    match x.dims().last() {
        Some(&width) if width > 0 && is_ours(&x) => {
            let function = |_, rows: &mut [f32]| rows.chunks_exact_mut(width).for_each(softmax_of_row);
            x.inplace_op1(&Rows { name: "softmax", width, function })?;
            Ok(x)
        }
        _ => ops::softmax_last_dim(&x),
    }
}

/// Softmax of `[.., rows, columns]` over the last dimension but one, of each column; in place of `x` on
/// the CPU.
pub(super) fn softmax_of_columns(x: Tensor) -> Result<Tensor> {
    match *x.dims() {
        [.., rows, columns] if rows * columns > 0 && is_ours(&x) => {
            let function = |_, matrices: &mut [f32]| {
                matrices.chunks_exact_mut(rows * columns).for_each(|matrix| softmax_down(matrix, columns));
            };
            x.inplace_op1(&Rows { name: "softmax of columns", width: rows * columns, function })?;
            Ok(x)
        }
        _ => ops::softmax(&x, D::Minus2),
    }
}

/// The numbers of a tensor, lent by `G`.
struct Numbers<G> {
    storage: G,
    range: Range<usize>,
}

impl<G: Deref<Target = Storage>> Deref for Numbers<G> {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match &*self.storage {
            Storage::Cpu(CpuStorage::F32(values)) => &values[self.range.clone()],
            _ => &[],
        }
    }
}

/// The numbers of a tensor in single precision on the CPU, one after the other.
pub(super) fn numbers(tensor: &Tensor) -> Result<impl Deref<Target = [f32]>> {
    let (storage, layout) = tensor.storage_and_layout();
    match (&*storage, layout.contiguous_offsets()) {
        (Storage::Cpu(CpuStorage::F32(_)), Some((start, end))) => Ok(Numbers { storage, range: start..end }),
        _ => candle_core::bail!("{:?} in {:?} do not lie one after the other", tensor.dims(), tensor.dtype()),
    }
}

/// `x` plus a vector `[width]` for its last dimension, in place of `x`.
pub(super) fn add_bias(x: Tensor, bias: &Tensor) -> Result<Tensor> {
    if !is_ours(&x) || !is_ours(bias) || x.dim(D::Minus1)? != bias.elem_count() {
        return x.broadcast_add(bias);
    }
    Finish { bias: Some(&*numbers(bias)?), activation: None }.of(x)
}

/// `x + y`, in place of `x`.
pub(super) fn add(x: Tensor, y: &Tensor) -> Result<Tensor> {
    if !is_ours(&x) || !is_ours(y) || x.dims() != y.dims() {
        return x + y;
    }
    x.inplace_op2(y, &Sum)?;
    Ok(x)
}

/// Whether a tensor is computed with here: in single precision on the CPU, one number after the other.
pub(super) fn is_ours(x: &Tensor) -> bool {
    x.device().is_cpu() && x.dtype() == DType::F32 && x.is_contiguous()
}

/// A function of the number of a row of `width` numbers and of that row and some behind it.
pub(super) struct Rows<F> {
    pub(super) name: &'static str,
    pub(super) width: usize,
    pub(super) function: F,
}

impl<F: Fn(usize, &mut [f32]) + Sync> InplaceOp1 for Rows<F> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let (CpuStorage::F32(values), Some((start, end))) = (storage, layout.contiguous_offsets()) else {
            candle_core::bail!("{}: numbers in single precision, one after the other", self.name)
        };
        in_shares(&mut values[start..end], self.width, &self.function);
        Ok(())
    }
}

/// Gives `function` all `values`, some whole rows of `width` numbers at a time with the number of the first, on all
/// cores.
fn in_shares(values: &mut [f32], width: usize, function: &(impl Fn(usize, &mut [f32]) + Sync)) {
    let rows = (SHARE / width).max(1);
    if values.len() <= rows * width {
        // Nothing to divide: other threads that compute are not to be waited for.
        function(0, values);
        return;
    }
    threads::each_chunk_mut(values, rows * width, |index, share| function(index * rows, share));
}

struct Sum;

impl InplaceOp2 for Sum {
    fn name(&self) -> &'static str {
        "sum"
    }

    fn cpu_fwd(&self, sum: &mut CpuStorage, layout: &Layout, more: &CpuStorage, of: &Layout) -> Result<()> {
        let (CpuStorage::F32(sum), CpuStorage::F32(more)) = (sum, more) else {
            candle_core::bail!("sum: numbers in single precision")
        };
        let (Some((start, end)), Some((from, to))) = (layout.contiguous_offsets(), of.contiguous_offsets())
        else {
            candle_core::bail!("sum: numbers one after the other")
        };
        let more = &more[from..to];
        threads::each_chunk_mut(&mut sum[start..end], SHARE, |index, sum| {
            sum.iter_mut().zip(&more[index * SHARE..]).for_each(|(sum, more)| *sum += more);
        });
        Ok(())
    }
}

/// Changes every number.
#[inline(always)]
pub(super) fn each(values: &mut [f32], f: impl Fn(f32) -> f32) {
    for value in values {
        *value = f(*value);
    }
}

/// The lanes' results, and that of what is left over, taken together.
pub(super) fn fold(values: &[f32], start: f32, f: impl Fn(f32, f32) -> f32) -> f32 {
    let (whole, rest) = values.as_chunks::<LANES>();
    let mut folded = [start; LANES];
    for lanes in whole {
        for (folded, value) in folded.iter_mut().zip(lanes) {
            *folded = f(*folded, *value);
        }
    }
    folded.iter().chain(rest).fold(start, |folded, value| f(folded, *value))
}

/// Softmax of one row, not all of whose numbers are minus infinity.
pub(super) fn softmax_of_row(row: &mut [f32]) {
    let factor = 1.0 / exponentials(row);
    each(row, |x| x * factor);
}

/// Softmax of one row but for the division: turns logits into powers of e, the largest into 1, and
/// returns their sum.
pub(super) fn exponentials(row: &mut [f32]) -> f32 {
    let largest = fold(row, f32::NEG_INFINITY, |a, b| if b > a { b } else { a });
    each(row, |x| exp(x - largest));
    fold(row, 0.0, |a, b| a + b)
}

/// Softmax of each column of a matrix, many columns at a time.
fn softmax_down(matrix: &mut [f32], columns: usize) {
    const TOGETHER: usize = 8 * LANES;
    for first in (0..columns).step_by(TOGETHER) {
        let range = first..columns.min(first + TOGETHER);
        let (mut largest, mut sums) = ([f32::NEG_INFINITY; TOGETHER], [0.0; TOGETHER]);
        for row in matrix.chunks_exact(columns) {
            for (largest, x) in largest.iter_mut().zip(&row[range.clone()]) {
                *largest = if *x > *largest { *x } else { *largest };
            }
        }
        for row in matrix.chunks_exact_mut(columns) {
            for ((x, largest), sum) in row[range.clone()].iter_mut().zip(&largest).zip(&mut sums) {
                *x = exp(*x - largest);
                *sum += *x;
            }
        }
        let factors = sums.map(f32::recip);
        for row in matrix.chunks_exact_mut(columns) {
            row[range.clone()].iter_mut().zip(&factors).for_each(|(x, factor)| *x *= factor);
        }
    }
}

#[inline(always)]
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// `Φ(x)`, by Abramowitz and Stegun 7.1.26: to 1e-7.
#[inline(always)]
fn normal_distribution(x: f32) -> f32 {
    let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * z);
    let sum = t * (-1.453_152_1 + t * 1.061_405_4);
    let sum = t * (0.254_829_6 + t * (-0.284_496_72 + t * (1.421_413_8 + sum)));
    let tail = 0.5 * sum * exp(-z * z);
    if x < 0.0 { tail } else { 1.0 - tail }
}

/// `eˣ` to the last but one bit; 0 below -87, infinite above 88.
#[inline(always)]
fn exp(x: f32) -> f32 {
    /// Added to a number that is small beside it, rounds it to a whole one.
    const WHOLE: f32 = 12_582_912.0;
    const LOWEST: f32 = -87.0;
    const HIGHEST: f32 = 88.0;
    let bounded = if x < LOWEST { LOWEST } else { x };
    let bounded = if bounded > HIGHEST { HIGHEST } else { bounded };
    let shifted = bounded * std::f32::consts::LOG2_E + WHOLE;
    let twos = shifted - WHOLE;
    // ln 2 in two parts, the first of few digits.
    let rest = bounded - twos * 0.693_359_4 + twos * 2.121_944_4e-4;
    let series = 1.0 / 720.0;
    let series = series * rest + 1.0 / 120.0;
    let series = series * rest + 1.0 / 24.0;
    let series = series * rest + 1.0 / 6.0;
    let series = series * rest + 0.5;
    let series = series * rest * rest + rest + 1.0;
    // The lowest bits of `shifted` are the whole number; it moves the exponent.
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(127 << 23));
    let value = series * power;
    if x < LOWEST {
        0.0
    } else if x > HIGHEST {
        f32::INFINITY
    } else {
        value
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::model::testing::{distance, noise};

    /// `f` of many numbers is `wanted` of them, to a few units in the seventh digit.
    fn check(f: fn(Tensor) -> Result<Tensor>, wanted: fn(&Tensor) -> Result<Tensor>) {
        // Not a multiple of anything.
        let x = Tensor::arange_step(-110f32, 110.0, 0.003_7, &Device::Cpu).unwrap();
        let exact = wanted(&x.to_dtype(DType::F64).unwrap()).unwrap().to_vec1::<f64>().unwrap();
        let got = f(x.copy().unwrap()).unwrap().to_vec1::<f32>().unwrap();
        let x = x.to_vec1::<f32>().unwrap();
        for (x, (got, exact)) in x.iter().zip(got.iter().zip(&exact)) {
            let allowed = 5e-7 * f64::from(x.abs()).max(1.0);
            assert!((f64::from(*got) - exact).abs() <= allowed, "{x}: {got}, not {exact}");
        }
    }

    #[test]
    fn activations_are_exact() {
        check(gelu, Tensor::gelu_erf);
        check(|x| Activation::QuickGelu.of(x), |x| x * ops::sigmoid(&(x * 1.702)?)?);
        check(silu, Tensor::silu);
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "limits are exact")]
    fn exponentials_have_their_limits() {
        for i in -870..=880 {
            let x = i as f32 / 10.0;
            let wanted = f64::from(x).exp();
            assert!((f64::from(exp(x)) - wanted).abs() <= 4e-7 * wanted, "{x}");
        }
        assert_eq!([exp(f32::NEG_INFINITY), exp(-200.0), exp(0.0)], [0.0, 0.0, 1.0]);
        assert_eq!(exp(200.0), f32::INFINITY);
        assert!(exp(f32::NAN).is_nan());
    }

    #[test]
    fn softmax_of_columns_is_the_library_s() {
        let x = noise("columns", (3, 5, 300)).affine(9.0, 0.0).unwrap();
        let wanted = ops::softmax(&x, D::Minus2).unwrap();
        assert!(distance(&softmax_of_columns(x).unwrap(), &wanted) < 1e-6);
    }

    #[test]
    fn softmax_is_the_library_s() {
        for width in [1, 7, 196, 5000] {
            let x = noise("logits", (5, 3, width)).affine(30.0, 3.0).unwrap();
            let wanted = ops::softmax_last_dim(&x).unwrap();
            let got = softmax(x).unwrap();
            assert_eq!(got.dims(), [5, 3, width]);
            assert!(distance(&got, &wanted) < 1e-6);
        }
        let masked = Tensor::new(&[[0.5f32, f32::NEG_INFINITY], [f32::NAN, 1.0]], &Device::Cpu).unwrap();
        let rows = softmax(masked).unwrap().to_vec2::<f32>().unwrap();
        assert_eq!(rows[0], vec![1.0, 0.0]);
        assert!(rows[1].iter().all(|value| value.is_nan()));
    }

    #[test]
    fn sums_are_the_library_s() {
        let (x, y) = (noise("x", (3, SHARE)), noise("y", (3, SHARE)));
        let wanted = (&x + &y).unwrap();
        // The first row is no part of what the others are added to.
        for (start, rows) in [(1, 2), (0, 1)] {
            let part = |tensor: &Tensor| tensor.narrow(0, start, rows).unwrap();
            let sum = add(part(&x), &part(&y)).unwrap();
            assert!(distance(&sum, &part(&wanted)) < 1e-9);
        }
    }

    #[test]
    fn parts_of_a_tensor_stay_apart() {
        let whole = Tensor::ones((4, 3), DType::F32, &Device::Cpu).unwrap();
        softmax(whole.narrow(0, 1, 2).unwrap()).unwrap();
        let sums: Vec<f32> = whole.sum(1).unwrap().to_vec1().unwrap();
        assert!(sums.iter().zip([3.0, 1.0, 1.0, 3.0]).all(|(sum, wanted)| (sum - wanted).abs() < 1e-6));
    }
}
