//! Layer norm and group norm on the CPU: by all cores, and in vector instructions, as in
//! [`super::elementwise`]; the tensor library sums up one number after the other. Other processors and
//! number formats go to the library.

use candle_core::{Module, Result, Tensor};
use candle_nn::LayerNorm;

use super::elementwise::{LANES, Rows, SHARE, each, fold, is_ours, numbers};
use super::threads;

/// Layer norm (Ba et al., 2016) of `[.., width]` over the last dimension.
pub(super) fn layer_norm(norm: &LayerNorm, x: &Tensor) -> Result<Tensor> {
    let (weight, Some(bias)) = (norm.weight(), norm.bias()) else { return norm.forward(x) };
    if !norm.remove_mean() || ![x, weight, bias].into_iter().all(is_ours) {
        return norm.forward(x);
    }
    let (weight, bias) = (numbers(weight)?, numbers(bias)?);
    let normalised = normalised(&numbers(x)?, (&weight, &bias), norm.eps() as f32);
    Tensor::from_vec(normalised, x.dims(), x.device())
}

fn normalised(x: &[f32], (weight, bias): (&[f32], &[f32]), eps: f32) -> Vec<f32> {
    let mut normalised = vec![0.0; x.len()];
    let width = weight.len();
    let share = width * (SHARE / width).max(1);
    threads::each_chunk_mut(&mut normalised, share, |index, normalised| {
        let x = x[index * share..].chunks_exact(width);
        for (x, row) in x.zip(normalised.chunks_exact_mut(width)) {
            row.copy_from_slice(x);
            let mean = fold(row, 0.0, |sum, x| sum + x) / width as f32;
            each(row, |x| x - mean);
            let factor = (sum_of_squares(row) / width as f32 + eps).sqrt().recip();
            let affine = weight.iter().zip(bias);
            row.iter_mut().zip(affine).for_each(|(x, (weight, bias))| *x = *x * factor * weight + bias);
        }
    });
    normalised
}

/// Group norm of `[n, channels, h, w]`, then ReLU, in place of `x`.
pub(super) fn group_norm_relu(
    x: Tensor,
    groups: usize,
    (weight, bias): (&[f32], &[f32]),
    eps: f32,
) -> Result<Tensor> {
    let (_, channels, h, w) = x.dims4()?;
    if groups == 0 || !channels.is_multiple_of(groups) || [weight.len(), bias.len()] != [channels; 2] {
        candle_core::bail!("{channels} channels in {groups} groups");
    }
    // A row is a group of one map; which, is known from its number.
    let (plane, of_group) = (h * w, channels / groups);
    let width = of_group * plane;
    let normalise = |(index, group): (usize, &mut [f32])| {
        let count = group.len() as f32;
        let mean = fold(group, 0.0, |sum, x| sum + x) / count;
        each(group, |x| x - mean);
        let factor = (sum_of_squares(group) / count + eps).sqrt().recip();
        let first = index % groups * of_group;
        for (channel, plane) in (first..).zip(group.chunks_exact_mut(plane)) {
            let (factor, bias) = (factor * weight[channel], bias[channel]);
            each(plane, |x| (x * factor + bias).max(0.0));
        }
    };
    let function = |first: usize, some: &mut [f32]| {
        (first..).zip(some.chunks_exact_mut(width)).for_each(normalise);
    };
    x.inplace_op1(&Rows { name: "group-norm", width, function })?;
    Ok(x)
}

fn sum_of_squares(values: &[f32]) -> f32 {
    let (whole, rest) = values.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for lanes in whole {
        for (sum, value) in sums.iter_mut().zip(lanes) {
            *sum += value * value;
        }
    }
    sums.iter().sum::<f32>() + rest.iter().map(|value| value * value).sum::<f32>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::{distance, noise};

    #[test]
    fn group_norms_are_the_library_s() {
        let x = noise("x", (2, 6, 3, 7)).affine(3.0, 2.0).unwrap();
        let (weight, bias) = (noise("weight", 6), noise("bias", 6));
        let norm = candle_nn::GroupNorm::new(weight.clone(), bias.clone(), 6, 3, 1e-5).unwrap();
        let wanted = norm.forward(&x).unwrap().relu().unwrap();
        let affine = (numbers(&weight).unwrap(), numbers(&bias).unwrap());
        let got = group_norm_relu(x, 3, (&affine.0, &affine.1), 1e-5).unwrap();
        assert!(distance(&got, &wanted) < 1e-5);
        // So many groups that cores take some each.
        let x = noise("many", (40, 6, 20, 20)).affine(3.0, 2.0).unwrap();
        let wanted = norm.forward(&x).unwrap().relu().unwrap();
        let got = group_norm_relu(x, 3, (&affine.0, &affine.1), 1e-5).unwrap();
        assert!(distance(&got, &wanted) < 1e-5);
    }

    #[test]
    fn norms_are_the_library_s() {
        for width in [8, 37, 1280] {
            let x = noise("x", (3, 5, width)).affine(3.0, 2.0).unwrap();
            let norm = LayerNorm::new(noise("weight", width), noise("bias", width), 1e-6);
            assert!(distance(&layer_norm(&norm, &x).unwrap(), &norm.forward(&x).unwrap()) < 1e-5);
        }
    }
}
