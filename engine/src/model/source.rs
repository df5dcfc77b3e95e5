//! The weights that a model is built from, at some place in a checkpoint.
//!
//! Tensors come from a `candle_nn::VarBuilder`, in the number format that the model computes in.
//! Large matrices may come another way: as they are stored, see [`super::matrix`].

use std::sync::Arc;

use candle_core::{DType, Result};
use candle_nn::VarBuilder;

use super::matrix::Matrix;
use super::projection::{Projection, Table};

/// Hands out matrices that are kept in a format of their own.
pub trait MatrixSource: Send + Sync {
    /// The matrix `name` of `shape` (rows, columns); `None` where it is to be had as a tensor.
    ///
    /// # Errors
    /// It is missing, damaged or of another shape.
    fn matrix(&self, name: &str, shape: (usize, usize)) -> Result<Option<Matrix>>;
}

/// The weights at and below one place.
#[derive(Clone)]
pub struct Source<'a> {
    tensors: VarBuilder<'a>,
    matrices: Option<Arc<dyn MatrixSource + 'a>>,
}

impl<'a> Source<'a> {
    /// `matrices` knows the same names as `tensors`.
    pub fn new(tensors: VarBuilder<'a>, matrices: Arc<dyn MatrixSource + 'a>) -> Self {
        Self { tensors, matrices: Some(matrices) }
    }

    /// The place `name` below this one.
    #[must_use]
    pub fn pp(&self, name: impl ToString) -> Self {
        Self { tensors: self.tensors.pp(name), matrices: self.matrices.clone() }
    }

    /// The same place, its parts computed in single precision whatever the rest is computed in.
    #[must_use]
    pub fn in_single_precision(&self) -> Self {
        Self { tensors: self.tensors.to_dtype(DType::F32), matrices: self.matrices.clone() }
    }

    /// Everything that is no large matrix.
    pub fn tensors(&self) -> &VarBuilder<'a> {
        &self.tensors
    }

    /// The linear layer here, with `weight` `[outputs, inputs]` and `bias` `[outputs]`.
    ///
    /// # Errors
    /// A tensor is missing or of another shape.
    pub fn linear(&self, inputs: usize, outputs: usize) -> Result<Projection> {
        let weight = self.matrix((outputs, inputs))?;
        Ok(Projection::new(weight, Some(self.tensors.get(outputs, "bias")?)))
    }

    /// The linear layer here, with `weight` `[outputs, inputs]` alone.
    ///
    /// # Errors
    /// The tensor is missing or of another shape.
    pub fn linear_no_bias(&self, inputs: usize, outputs: usize) -> Result<Projection> {
        Ok(Projection::new(self.matrix((outputs, inputs))?, None))
    }

    /// The table of vectors here: `weight` `[rows, width]`.
    ///
    /// # Errors
    /// The tensor is missing or of another shape.
    pub fn table(&self, rows: usize, width: usize) -> Result<Table> {
        Ok(Table::new(self.matrix((rows, width))?))
    }

    fn matrix(&self, shape: (usize, usize)) -> Result<Matrix> {
        let name = match self.tensors.prefix() {
            place if place.is_empty() => "weight".to_owned(),
            place => format!("{place}.weight"),
        };
        let kept = self.matrices.as_ref().map(|matrices| matrices.matrix(&name, shape)).transpose()?;
        match kept.flatten() {
            Some(matrix) => Ok(matrix),
            None => self.tensors.get(shape, "weight").map(Matrix::Dense),
        }
    }
}

impl<'a> From<VarBuilder<'a>> for Source<'a> {
    /// All as tensors.
    fn from(tensors: VarBuilder<'a>) -> Self {
        Self { tensors, matrices: None }
    }
}
