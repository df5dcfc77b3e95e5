//! Matrices that tests of few and of many rows multiply.
#![expect(clippy::unwrap_used, reason = "tests")]

use candle_core::quantized::QTensor;
use candle_core::{Device, Tensor};

use crate::model::format::Format;
use crate::model::testing::noise;

pub(super) const BLOCKS: [Format; 6] =
    [Format::Q8_0, Format::Q5_0, Format::Q4_0, Format::Q6K, Format::Q5K, Format::Q4K];

/// A matrix in `format`, and its elements as the tensor library unpacks them.
pub(super) fn stored(format: Format, rows: usize, columns: usize) -> (Vec<u8>, Vec<f32>) {
    packed(format, &noise("matrix", (rows, columns)).affine(0.7, 0.1).unwrap())
}

/// One whose outermost values are the largest bytes of the format; half of the rows have all alike.
pub(super) fn largest(format: Format, (rows, columns): (usize, usize)) -> (Vec<u8>, Vec<f32>) {
    let value = |at: usize| match (at / columns % 2, at % 16) {
        (0, 0) => -0.9f32,
        (0, _) => 1.0,
        (_, 0) => 0.9,
        (_, _) => -1.0,
    };
    let values: Vec<f32> = (0..rows * columns).map(value).collect();
    packed(format, &Tensor::from_vec(values, (rows, columns), &Device::Cpu).unwrap())
}

fn packed(format: Format, matrix: &Tensor) -> (Vec<u8>, Vec<f32>) {
    let packed = QTensor::quantize(matrix, format.ggml()).unwrap();
    let elements = packed.dequantize(&Device::Cpu).unwrap();
    (packed.data().unwrap().into_owned(), elements.flatten_all().unwrap().to_vec1().unwrap())
}
