//! Products with matrices in blocks, as a GPU's kernels compute them, against the unpacked matrix: the
//! model of the golden data is kept in floating point, so no other stage uses these kernels.

use candle_core::{DType, Device, Module, Tensor};
use candle_nn::Linear;

use super::{Kind, Report};
use crate::device;
use crate::error::EngineError;
use crate::model::format::Format;
use crate::model::matrix::{Matrix, PackedMatrix};
use crate::model::projection::Projection;

const OUTPUTS: usize = 96;
const INPUTS: usize = 512;

/// Notes the error of each format, for one row, as when tokens are generated, and for many.
pub(super) fn compare(device: &Device, report: &mut Report) -> Result<(), EngineError> {
    let weight = waves((OUTPUTS, INPUTS))?;
    for format in Format::ALL.into_iter().filter(|format| !format.is_float()) {
        let packed = PackedMatrix::pack(&weight, format)?;
        let unpacked = packed.rows(&(0..OUTPUTS as u32).collect::<Vec<_>>())?;
        let matrix = match device {
            Device::Cpu => Matrix::Packed(packed.into()),
            other => Matrix::Device(packed.on(other)?),
        };
        let (blocks, plain) = (Projection::new(matrix, None), Linear::new(unpacked, None));
        // The last is a part of a larger tensor, and so begins inside its memory.
        let whole = waves((40, INPUTS))?;
        for x in [whole.narrow(0, 0, 1)?, whole.clone(), whole.narrow(0, 7, 20)?.unsqueeze(0)?] {
            let there = x.to_device(device)?;
            let got = device::compute(device, || blocks.forward(&there))?;
            let error = report.tolerance(Kind::Blocks).error(&got, &plain.forward(&x)?)?;
            report.note((&format!("products in {}", format.name()), "waves"), Kind::Blocks, error);
        }
    }
    Ok(())
}

/// Numbers around 0 without a pattern that blocks could profit from.
fn waves(shape: (usize, usize)) -> candle_core::Result<Tensor> {
    let wave = |i: usize| (i as f32 * 0.731).sin() + 0.5 * (i as f32 * 0.117).cos();
    let values: Vec<f32> = (0..shape.0 * shape.1).map(wave).collect();
    Tensor::from_vec(values, shape, &Device::Cpu)?.to_dtype(DType::F32)
}
