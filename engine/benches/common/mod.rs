//! What benches share: GLaMM's real sizes with random weights, so that no checkpoint is needed.

use std::sync::Arc;

use candle_core::{DType, Device, Result, Shape, Tensor};
use candle_nn::VarBuilder;
use candle_nn::var_builder::SimpleBackend;
use glamm_engine::model::config::GlammConfig;
use glamm_engine::model::matrix::{Format, Matrix, PackedMatrix};
use glamm_engine::model::source::{MatrixSource, Source};

/// The released model's.
pub(crate) fn real_sizes() -> GlammConfig {
    let (glamm, clip) = (
        include_str!("../../src/fabricate/fullscope/config.json"),
        include_str!("../../src/fabricate/fullscope/clip_config.json"),
    );
    GlammConfig::from_json(glamm, clip, None).expect("the released configuration can be read")
}

/// Random weights of any shape, matrices kept in `format`.
pub(crate) fn random_weights(format: Format) -> Source<'static> {
    let tensors = VarBuilder::from_backend(Box::new(Noise), DType::F32, Device::Cpu);
    Source::new(tensors, Arc::new(Packed(format)))
}

/// Normal noise.
pub(crate) fn noise(shape: impl Into<Shape>) -> Tensor {
    Tensor::randn(0f32, 1.0, shape, &Device::Cpu).expect("noise can be made of any shape")
}

/// Noise of the variance that weights have after initialisation.
struct Noise;

impl Noise {
    fn tensor(shape: &Shape) -> Result<Tensor> {
        let inputs: usize = shape.dims().iter().skip(1).product();
        Tensor::randn(0f32, (1.0 / inputs.max(1) as f32).sqrt(), shape, &Device::Cpu)
    }
}

impl SimpleBackend for Noise {
    fn get(&self, shape: Shape, _: &str, _: candle_nn::Init, _: DType, _: &Device) -> Result<Tensor> {
        Self::tensor(&shape)
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> Result<Tensor> {
        candle_core::bail!("the shape of {name} is not known")
    }

    fn contains_tensor(&self, _: &str) -> bool {
        true
    }
}

/// Matrices in one format.
struct Packed(Format);

impl MatrixSource for Packed {
    fn matrix(&self, _: &str, (rows, columns): (usize, usize)) -> Result<Option<Matrix>> {
        let weights = Noise::tensor(&(rows, columns).into())?;
        let packed = PackedMatrix::pack(&weights, self.0.fitting(columns))?;
        Ok(Some(Matrix::Packed(Arc::new(packed))))
    }
}
