//! What tests of few and of many rows share: matrices, and what their products must be.
#![expect(clippy::unwrap_used, reason = "tests")]

use candle_core::quantized::QTensor;
use candle_core::{Device, Tensor};

use super::stored::StoredMatrix;
use crate::model::format::Format;
use crate::model::testing::noise;

pub(super) const BLOCKS: [Format; 6] =
    [Format::Q8_0, Format::Q5_0, Format::Q4_0, Format::Q6K, Format::Q5K, Format::Q4K];

/// A matrix in `format`, and its elements as the tensor library unpacks them.
pub(super) fn stored(format: Format, rows: usize, columns: usize) -> (Vec<u8>, Vec<f32>) {
    packed(format, &noise("matrix", (rows, columns)).affine(0.7, 0.1).unwrap())
}

fn packed(format: Format, matrix: &Tensor) -> (Vec<u8>, Vec<f32>) {
    let packed = QTensor::quantize(matrix, format.ggml()).unwrap();
    let elements = packed.dequantize(&Device::Cpu).unwrap();
    (packed.data().unwrap().into_owned(), elements.flatten_all().unwrap().to_vec1().unwrap())
}

/// That `product` is that of the rows `x` with a matrix of these elements.
pub(super) fn assert_product(product: &[f32], x: &[f32], elements: &[f32], columns: usize, within: f64) {
    let (rows, outputs) = (x.len() / columns, elements.len() / columns);
    assert_eq!(product.len(), rows * outputs);
    for (row, (input, products)) in x.chunks(columns).zip(product.chunks(outputs)).enumerate() {
        for (output, (weights, &got)) in elements.chunks(columns).zip(products).enumerate() {
            let want: f64 = input.iter().zip(weights).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
            assert!((f64::from(got) - want).abs() < within, "{row} {output} of {columns}: {got} {want}");
        }
    }
}

/// That sums of the largest bytes of every format, with one sign, fit into what they are added up in.
pub(super) fn assert_largest_sums_fit(rows: usize, multiply: impl Fn(&StoredMatrix<'_>, &[f32], &mut [f32])) {
    let (columns, outputs) = (512, 32);
    // The outermost values of a block are the largest bytes; half of the rows have all alike.
    let value = |at: usize| match (at / columns % 2, at % 16) {
        (0, 0) => -0.9f32,
        (0, _) => 1.0,
        (_, 0) => 0.9,
        (_, _) => -1.0,
    };
    let values: Vec<f32> = (0..outputs * columns).map(value).collect();
    let whole = Tensor::from_vec(values, (outputs, columns), &Device::Cpu).unwrap();
    for format in BLOCKS {
        let (bytes, elements) = packed(format, &whole);
        let matrix = StoredMatrix { format, stored: &bytes, rows: outputs, columns };
        for sign in [1.0, -1.0] {
            let mut product = vec![0.0; rows * outputs];
            multiply(&matrix, &vec![sign; rows * columns], &mut product);
            for (i, &got) in product.iter().enumerate() {
                let weights = &elements[i % outputs * columns..][..columns];
                let want = sign * weights.iter().sum::<f32>();
                assert!((got - want).abs() < 0.05, "{format:?} {i}: {got} {want}");
            }
        }
    }
}
