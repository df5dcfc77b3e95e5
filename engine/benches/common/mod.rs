//! Random weights and inputs, so that no checkpoint is needed.

use std::sync::Arc;

use candle_core::{DType, Device, Result, Shape, Tensor};
use candle_nn::VarBuilder;
use candle_nn::var_builder::SimpleBackend;
use glamm_engine::model::format::Format;
use glamm_engine::model::matrix::{Matrix, PackedMatrix};
use glamm_engine::model::source::{MatrixSource, Source};

/// Random weights of any shape; matrices in `format`, in single precision as ordinary tensors.
pub(crate) fn random_weights(format: Format) -> Source<'static> {
    let tensors = VarBuilder::from_backend(Box::new(Noise), DType::F32, Device::Cpu);
    Source::new(tensors, Arc::new(Packed(format)))
}

/// Uniform noise of variance 1.
pub(crate) fn noise(shape: impl Into<Shape>) -> Tensor {
    uniform(&shape.into(), 1.0).expect("noise can be made of any shape")
}

/// Uniform noise of a standard deviation, by xorshift: a full-size layer takes a second.
fn uniform(shape: &Shape, deviation: f32) -> Result<Tensor> {
    let scale = 3f32.sqrt() * deviation;
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let values: Vec<f32> = (0..shape.elem_count())
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            scale * ((state >> 40) as f32 / (1u32 << 23) as f32 - 1.0)
        })
        .collect();
    Tensor::from_vec(values, shape.clone(), &Device::Cpu)
}

/// Noise of the variance that weights have after initialisation.
struct Noise;

impl Noise {
    fn tensor(shape: &Shape) -> Result<Tensor> {
        let inputs: usize = shape.dims().iter().skip(1).product();
        uniform(shape, (inputs.max(1) as f32).sqrt().recip())
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
        if self.0 == Format::F32 {
            return Ok(None);
        }
        let weights = Noise::tensor(&(rows, columns).into())?;
        let packed = PackedMatrix::pack(&weights, self.0.fitting(columns))?;
        Ok(Some(Matrix::Packed(Arc::new(packed))))
    }
}
