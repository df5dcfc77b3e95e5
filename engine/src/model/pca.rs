//! Principal component analysis, for looking at features: the three directions in which they vary
//! most.

use candle_core::{D, DType, Device, Result, Tensor};

/// Enough for components whose variances differ by a tenth; closer ones may stay mixed, which the
/// eye does not see.
const ITERATIONS: usize = 150;

/// The first principal components of a set of features.
#[derive(Debug, Clone)]
pub struct Components {
    /// Place of every feature along each component, `[features, 3]`, on the CPU, in f32.
    pub scores: Tensor,
    /// Share of the variance that each component holds, 0 to 1, falling.
    pub explained: [f32; 3],
}

/// The first three components of features `[features, channels]`; those beyond the number of
/// channels hold nothing. Signs are chosen so that the largest weight is positive.
///
/// # Errors
/// The tensor library's.
pub fn first_three(features: &Tensor) -> Result<Components> {
    let features = features.to_dtype(DType::F32)?;
    let centred = features.broadcast_sub(&features.mean_keepdim(0)?)?;
    let covariance = centred.t()?.contiguous()?.matmul(&centred)?.to_device(&Device::Cpu)?;
    let channels = covariance.dim(0)?;
    let total: f32 =
        (0..channels).map(|i| covariance.get(i)?.get(i)?.to_scalar::<f32>()).sum::<Result<_>>()?;

    // Orthogonal iteration: the product with the covariance turns vectors towards the largest
    // components, and making them orthogonal keeps them from all becoming the first.
    // The start is arbitrary; squares, since equal steps through a sine would lie in one plane.
    let start = (0..3 * channels).map(|i| (1.0 + (i * i % 7919) as f32 * 12.9898).sin());
    let mut vectors = Tensor::from_iter(start, &Device::Cpu)?.reshape((3, channels))?;
    for _ in 0..ITERATIONS {
        vectors = orthonormal(&vectors.matmul(&covariance)?)?;
    }
    let turned = vectors.matmul(&covariance)?;
    let variances = (turned * &vectors)?.sum(D::Minus1)?.to_vec1::<f32>()?;
    let share = |i: usize| if total > 0.0 { (variances[i] / total).clamp(0.0, 1.0) } else { 0.0 };
    let scores = centred.to_device(&Device::Cpu)?.matmul(&vectors.t()?.contiguous()?)?;
    Ok(Components { scores, explained: [share(0), share(1), share(2)] })
}

/// Rows made orthogonal to those before them and of length 1; rows that are combinations of those
/// before become 0.
fn orthonormal(rows: &Tensor) -> Result<Tensor> {
    let mut done: Vec<Vec<f32>> = Vec::new();
    for mut row in rows.to_vec2::<f32>()? {
        let before = length(&row);
        for other in &done {
            let along: f32 = row.iter().zip(other).map(|(a, b)| a * b).sum();
            row.iter_mut().zip(other).for_each(|(a, b)| *a -= along * b);
        }
        let after = length(&row);
        let largest = row.iter().copied().fold(0.0f32, |most, x| if x.abs() > most.abs() { x } else { most });
        let scale = if after > before * 1e-5 { largest.signum() / after } else { 0.0 };
        done.push(row.into_iter().map(|x| x * scale).collect());
    }
    let (count, width) = rows.dims2()?;
    Tensor::from_vec(done.concat(), (count, width), &Device::Cpu)
}

fn length(row: &[f32]) -> f32 {
    row.iter().map(|x| x * x).sum::<f32>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Features that vary along three known directions only, with standard deviations 5, 2 and 1, and
    /// so many that the three are nearly uncorrelated.
    #[test]
    fn known_components_are_found() {
        let (count, channels) = (4000, 12);
        let latent = (crate::model::testing::noise("latent", (count, 3)) * 3f64.sqrt()).unwrap();
        let latent = latent.broadcast_mul(&Tensor::new(&[5f32, 2.0, 1.0], &Device::Cpu).unwrap()).unwrap();
        let mut directions = vec![0f32; 3 * channels];
        for i in 0..3 {
            directions[i * channels + 4 * i] = 0.6;
            directions[i * channels + 4 * i + 1] = -0.8;
        }
        let directions = Tensor::from_vec(directions, (3, channels), &Device::Cpu).unwrap();
        let features = (latent.matmul(&directions).unwrap() + 7.0).unwrap();
        let found = first_three(&features).unwrap();
        assert!((found.explained.iter().sum::<f32>() - 1.0).abs() < 1e-3, "{:?}", found.explained);
        assert!(found.explained[0] > 0.7 && found.explained[2] < 0.1, "{:?}", found.explained);
        // A score is the latent variable without its mean, but for the sign.
        let latent = latent.broadcast_sub(&latent.mean_keepdim(0).unwrap()).unwrap();
        let products = found.scores.t().unwrap().contiguous().unwrap().matmul(&latent).unwrap();
        let norms = |x: &Tensor| x.sqr().unwrap().sum(0).unwrap().sqrt().unwrap().to_vec1::<f32>().unwrap();
        let (a, b) = (norms(&found.scores), norms(&latent));
        for (i, row) in products.to_vec2::<f32>().unwrap().iter().enumerate() {
            let cosine = row[i].abs() / (a[i] * b[i]);
            assert!(cosine > 0.98, "component {i}: {cosine}");
        }
    }

    #[test]
    fn features_without_variance_or_with_few_channels_are_no_trouble() {
        let flat = Tensor::ones((9, 4), DType::F32, &Device::Cpu).unwrap();
        let found = first_three(&flat).unwrap();
        assert!(found.explained.iter().all(|share| *share == 0.0));
        let narrow = Tensor::randn(0f32, 1.0, (9, 2), &Device::Cpu).unwrap();
        let found = first_three(&narrow).unwrap();
        assert!((found.explained[0] + found.explained[1] - 1.0).abs() < 1e-3);
        let third = found.scores.get_on_dim(1, 2).unwrap().to_vec1::<f32>().unwrap();
        assert!(third.iter().all(|x| x.abs() < 1e-3), "{third:?}");
    }
}
