//! Products of few rows are those of the rounded input with the unpacked matrix.

use super::*;
use crate::model::format::Format;
use crate::model::quantized::activations::round;
use crate::model::quantized::tests::{BLOCKS, stored};
use crate::model::testing::noise;

fn rounded(format: Format, x: &[f32]) -> Vec<f32> {
    fn blocks<const N: usize>(x: &[f32]) -> Vec<f32> {
        let block = |x| {
            let (bytes, scale) = round::<N>(x);
            bytes.map(|byte| f32::from(byte) * scale)
        };
        x.as_chunks().0.iter().flat_map(block).collect()
    }
    if format.block() == 256 { blocks::<256>(x) } else { blocks::<32>(x) }
}

fn check(format: Format, (rows, columns, outputs): (usize, usize, usize)) {
    let (bytes, elements) = stored(format, outputs, columns);
    let matrix = StoredMatrix { format, stored: &bytes, rows: outputs, columns };
    let x: Vec<f32> = noise("input", rows * columns).to_vec1().unwrap();
    let mut product = vec![0.0; rows * outputs];
    multiply(&matrix, &x, &mut product);
    for (input, products) in rounded(format, &x).chunks(columns).zip(product.chunks(outputs)) {
        for (weights, &got) in elements.chunks(columns).zip(products) {
            let want: f64 = input.iter().zip(weights).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
            assert!((f64::from(got) - want).abs() < 1e-4, "{format:?} {rows} {columns}: {got} {want}");
        }
    }
}

#[test]
fn products_are_those_of_the_rounded_rows() {
    if !is_available() {
        return;
    }
    for format in BLOCKS {
        for rows in 1..=2 * TOGETHER + 3 {
            check(format, (rows, 512, 3));
        }
        // Several shares, the last one smaller.
        let row = format.bytes(768);
        check(format, (2, 768, SMALL / row + SHARE / row / 2));
        if format.block() == 32 {
            check(format, (1, 32, 5));
            check(format, (5, 96, 5));
        }
    }
}

#[test]
fn what_is_no_number_stays_none() {
    if !is_available() {
        return;
    }
    for format in BLOCKS {
        let (bytes, _) = stored(format, 7, 512);
        let matrix = StoredMatrix { format, stored: &bytes, rows: 7, columns: 512 };
        let mut x = vec![0.5; 3 * 512];
        (x[3], x[2 * 512 + 300]) = (f32::NAN, f32::INFINITY);
        let mut product = vec![0.0; 3 * 7];
        multiply(&matrix, &x, &mut product);
        let (first, others) = product.split_at(7);
        let (second, third) = others.split_at(7);
        assert!(first.iter().chain(third).all(|value| value.is_nan()), "{format:?}");
        assert!(second.iter().all(|value| value.is_finite()), "{format:?}");
    }
}
