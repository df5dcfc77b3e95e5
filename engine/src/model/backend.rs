//! Where one kind of processor needs another formulation of the same mathematics than the others:
//! which, is decided here and nowhere else. `engine/BACKENDS.md` lists every operation with the
//! place in the tensor library that supports or lacks it, and so the reasons.
//!
//! Called by the parts of the model that have more than one way to go. All ways run on the CPU too,
//! where tests hold them against each other.

use candle_core::quantized::QMatMul;
use candle_core::{D, DType, Device, Module, Result, Tensor};

use super::format::Format;
use super::tiled_attention;

/// A kind of processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// This machine's cores.
    Cpu,
    /// An NVIDIA GPU.
    Cuda,
    /// An Apple GPU.
    Metal,
}

impl Backend {
    /// The kind that `device` is of.
    pub fn of(device: &Device) -> Self {
        match device {
            Device::Cpu => Self::Cpu,
            Device::Cuda(_) => Self::Cuda,
            Device::Metal(_) => Self::Metal,
        }
    }

    /// Attention weights of the grounding encoder that are computed at a time. On the CPU 4 MiB in f32,
    /// which stay in its cache, where all heads of a global block would take 1 GiB. A GPU is kept busy
    /// by large products only: 256 MiB.
    pub(crate) fn attention_elements(self) -> usize {
        match self {
            Self::Cpu => 1 << 20,
            Self::Cuda | Self::Metal => 1 << 26,
        }
    }

    /// Whether strips of a grid, images and masks pass one after the other: little memory in use is memory
    /// within reach of a core, but a GPU is kept busy by much at once.
    pub(crate) fn takes_parts(self) -> bool {
        self == Self::Cpu
    }

    /// Whether the language model's attention over a prompt holds the weights of all heads at once: it does
    /// where there are no kernels by tiles for heads of this width.
    pub(crate) fn holds_attention_weights(self, head_width: usize) -> bool {
        self != Self::Cpu || !tiled_attention::is_available(head_width)
    }

    /// Whether logits over the vocabulary stay where they are, and only what is asked of them comes to
    /// the CPU: elsewhere a copy would make the decode loop wait for far more than it needs.
    pub(crate) fn keeps_logits(self) -> bool {
        self != Self::Cpu
    }

    /// Up to so many rows of input, a matrix in `format` is multiplied as it is stored; with more, it is widened to
    /// single precision in passing, stretch by stretch, which they share, and multiplied by the fast routine
    /// for that. So it pays soon for plain numbers, later for blocks, whose dot products in eight bits are
    /// taken one by one, and never where this program has a `kernel` of its own for many rows of them.
    pub(crate) fn rows_as_stored(format: Format, kernel: bool) -> usize {
        match (format.is_float(), kernel) {
            (true, _) => 4,
            (false, false) => 32,
            (false, true) => usize::MAX,
        }
    }

    /// `x` `[…, inputs]` times the transpose of a matrix in blocks that the tensor library holds:
    /// `[…, outputs]`, in f32.
    ///
    /// GPU kernels take inputs of two or three dimensions in f32 (CUDA), or lose all but the first of
    /// a batch (Metal): so inputs go in as plain rows. Metal's kernel for several rows also reads from
    /// the beginning of the buffer, wherever the tensor begins: a part of a larger one is copied first.
    ///
    /// # Errors
    /// The tensor library's.
    pub(crate) fn multiply_blocks(self, matrix: &QMatMul, x: &Tensor) -> Result<Tensor> {
        let x = x.to_dtype(DType::F32)?;
        if self == Self::Cpu {
            return matrix.forward(&x);
        }
        let mut shape = x.dims().to_vec();
        let rows = x.reshape(((), x.dim(D::Minus1)?))?.contiguous()?;
        let begins_inside = rows.layout().start_offset() != 0;
        let rows = if self == Self::Metal && begins_inside { rows.force_contiguous()? } else { rows };
        let product = matrix.forward(&rows)?;
        if let Some(last) = shape.last_mut() {
            *last = product.dim(D::Minus1)?;
        }
        product.reshape(shape)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::quantized::{GgmlDType, QTensor};

    use super::*;
    use crate::model::testing::{distance, noise};

    #[test]
    fn blocks_are_widened_for_many_rows_where_there_is_no_kernel() {
        let rows = |format, kernel| Backend::rows_as_stored(format, kernel);
        assert_eq!(rows(Format::F16, true), rows(Format::F16, false));
        assert!(rows(Format::F16, false) < rows(Format::Q4K, false));
        assert!(rows(Format::Q4K, false) < 576, "an image");
        assert_eq!(rows(Format::Q4K, true), usize::MAX);
    }

    #[test]
    fn products_in_blocks_agree_however_they_are_formulated() {
        let matrix = QTensor::quantize(&noise("matrix", (24, 512)), GgmlDType::Q4K).unwrap();
        let matrix = QMatMul::from_qtensor(matrix).unwrap();
        let whole = noise("input", (3, 2, 4, 512));
        let inside = whole.narrow(0, 1, 1).unwrap();
        let one_row = whole.reshape((24, 512)).unwrap().narrow(0, 7, 1).unwrap();
        assert_ne!(inside.layout().start_offset(), 0);
        for x in [whole.clone(), inside, one_row, whole.transpose(1, 2).unwrap()] {
            let plain = Backend::Cpu.multiply_blocks(&matrix, &x.force_contiguous().unwrap()).unwrap();
            for other in [Backend::Cuda, Backend::Metal] {
                let product = other.multiply_blocks(&matrix, &x).unwrap();
                assert_eq!(product.dims(), plain.dims());
                assert!(distance(&product, &plain) < 1e-6, "{other:?} {:?}", x.dims());
            }
        }
    }
}
