//! Linear layers and tables over matrices, however those are kept.

use candle_core::{DType, Device, Module, Result, Tensor};

use super::backend::Backend;
use super::elementwise::{self, Activation, Finish};
use super::matrix::Matrix;

/// A linear layer: a matrix, and a bias where it has one.
#[derive(Debug, Clone)]
pub struct Projection {
    weight: Matrix,
    bias: Option<Tensor>,
}

impl Projection {
    /// `bias` is `[outputs]`.
    pub fn new(weight: Matrix, bias: Option<Tensor>) -> Self {
        Self { weight, bias }
    }

    /// `[outputs]`, where there is one.
    pub(super) fn bias(&self) -> Option<&Tensor> {
        self.bias.as_ref()
    }

    /// Whether the matrix is kept as stored: in fewer bits than single precision, on the CPU.
    pub(super) fn is_packed(&self) -> bool {
        matches!(self.weight, Matrix::Packed(_))
    }

    /// Whether the matrix is in blocks of few bits.
    pub(super) fn is_in_blocks(&self) -> bool {
        match &self.weight {
            Matrix::Packed(matrix) => !matrix.format().is_float(),
            Matrix::Dense(_) | Matrix::Device(_) => false,
        }
    }

    /// `x` `[…, inputs]` times the transpose of the matrix, plus the bias, then `activation` of it:
    /// `[…, outputs]`, in the number format of `x`.
    pub(super) fn forward_then(&self, x: &Tensor, activation: Option<Activation>) -> Result<Tensor> {
        match &self.weight {
            Matrix::Dense(weight) => {
                let product = candle_nn::Linear::new(weight.clone(), None).forward(x)?;
                if elementwise::is_ours(&product) {
                    return self.finished(activation, |finish| finish.of(product));
                }
                self.finish_by_library(product, activation)
            }
            Matrix::Packed(matrix) => {
                self.finished(activation, |finish| matrix.multiply_and_finish(x, finish))?.to_dtype(x.dtype())
            }
            Matrix::Device(matrix) => {
                let product = Backend::of(x.device()).multiply_blocks(matrix, x)?.to_dtype(x.dtype())?;
                self.finish_by_library(product, activation)
            }
        }
    }

    /// What `multiply` does, told how to finish the product.
    fn finished(
        &self,
        activation: Option<Activation>,
        multiply: impl FnOnce(Finish<'_>) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let Some(bias) = &self.bias else { return multiply(Finish { bias: None, activation }) };
        let bias = bias.to_dtype(DType::F32)?.contiguous()?;
        multiply(Finish { bias: Some(&*elementwise::numbers(&bias)?), activation })
    }

    fn finish_by_library(&self, product: Tensor, activation: Option<Activation>) -> Result<Tensor> {
        let product = match &self.bias {
            Some(bias) => product.broadcast_add(bias)?,
            None => product,
        };
        match activation {
            Some(activation) => activation.of(product),
            None => Ok(product),
        }
    }
}

impl Module for Projection {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.forward_then(x, None)
    }
}

/// A table of vectors `[rows, width]`, looked up by row.
#[derive(Debug, Clone)]
pub struct Table(Matrix);

impl Table {
    /// The rows of `matrix`.
    pub fn new(matrix: Matrix) -> Self {
        Self(matrix)
    }

    /// Rows `ids`, `[ids, width]`, on `device` in `dtype`.
    ///
    /// # Errors
    /// There is no such row; else the tensor library's.
    pub fn rows(&self, ids: &[u32], dtype: DType, device: &Device) -> Result<Tensor> {
        let rows = match &self.0 {
            Matrix::Dense(table) => table.index_select(&Tensor::new(ids, device)?, 0)?,
            Matrix::Packed(table) => table.rows(ids)?.to_device(device)?,
            Matrix::Device(table) => table.embedding(&Tensor::new(ids, device)?)?,
        };
        rows.to_dtype(dtype)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::format::Format;
    use crate::model::matrix::PackedMatrix;
    use crate::model::testing::noise;

    #[test]
    fn tables_in_blocks_give_their_rows() {
        for format in [Format::Q8_0, Format::Q6K] {
            let packed = PackedMatrix::pack(&noise("matrix", (24, 512)), format).unwrap();
            let there = Table::new(Matrix::Device(packed.on(&Device::Cpu).unwrap()));
            let rows = there.rows(&[3, 0, 23], DType::F32, &Device::Cpu).unwrap();
            let here = packed.rows(&[3, 0, 23]).unwrap();
            assert_eq!(rows.to_vec2::<f32>().unwrap(), here.to_vec2::<f32>().unwrap(), "{format:?}");
        }
    }
}
