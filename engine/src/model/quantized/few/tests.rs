//! Products of few rows are those of the rounded input with the unpacked matrix.

use super::*;
use crate::model::quantized::processor::{Avx2, Vnni};
use crate::model::quantized::rounding::round;
use crate::model::quantized::testing::{BLOCKS, assert_largest_sums_fit, assert_product, stored};
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

fn check<K: Kernel>(format: Format, (rows, columns, outputs): (usize, usize, usize)) {
    let (bytes, elements) = stored(format, outputs, columns);
    let matrix = StoredMatrix { format, stored: &bytes, rows: outputs, columns };
    let x: Vec<f32> = noise("input", rows * columns).to_vec1().unwrap();
    let mut product = vec![0.0; rows * outputs];
    multiply::<K>(&matrix, &x, &mut product);
    assert_product(&product, &rounded(format, &x), &elements, columns, 1e-4);
}

#[test]
fn products_are_those_of_the_rounded_rows() {
    multiplied_by::<Vnni>();
    multiplied_by::<Avx2>();
}

fn multiplied_by<K: Kernel>() {
    if !K::is_available() {
        return; // This processor has no such kernel.
    }
    for format in BLOCKS {
        for rows in 1..=2 * TOGETHER + 3 {
            check::<K>(format, (rows, 512, 3));
        }
        // Several shares, the last one smaller.
        let row = format.bytes(768);
        check::<K>(format, (2, 768, SMALL / row + SHARE / row / 2));
        if format.block() == 32 {
            check::<K>(format, (1, 32, 5));
            check::<K>(format, (5, 96, 5));
        }
    }
}

#[test]
fn the_largest_sums_fit() {
    largest_by::<Vnni>();
    largest_by::<Avx2>();
}

fn largest_by<K: Kernel>() {
    if K::is_available() {
        assert_largest_sums_fit(1, multiply::<K>);
    }
}

#[test]
fn what_is_no_number_stays_none() {
    no_numbers_by::<Vnni>();
    no_numbers_by::<Avx2>();
}

fn no_numbers_by<K: Kernel>() {
    if !K::is_available() {
        return; // This processor has no such kernel.
    }
    for format in BLOCKS {
        let (bytes, _) = stored(format, 7, 512);
        let matrix = StoredMatrix { format, stored: &bytes, rows: 7, columns: 512 };
        let mut x = vec![0.5; 3 * 512];
        (x[3], x[2 * 512 + 300]) = (f32::NAN, f32::INFINITY);
        let mut product = vec![0.0; 3 * 7];
        multiply::<K>(&matrix, &x, &mut product);
        let (first, others) = product.split_at(7);
        let (second, third) = others.split_at(7);
        assert!(first.iter().chain(third).all(|value| value.is_nan()), "{format:?}");
        assert!(second.iter().all(|value| value.is_finite()), "{format:?}");
    }
}
