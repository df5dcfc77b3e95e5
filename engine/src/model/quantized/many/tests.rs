//! Panels hold the elements, and products of many rows are those of the rounded input with them.

use super::*;
use crate::model::quantized::processor::{Avx2, Vnni};
use crate::model::quantized::testing::{BLOCKS, assert_largest_sums_fit, assert_product, stored};
use crate::model::testing::noise;

#[test]
fn panels_hold_the_elements() {
    unpacked_by::<Vnni>();
    unpacked_by::<Avx2>();
}

fn unpacked_by<K: Kernel>() {
    if !K::is_available() {
        return; // This processor has no such kernel.
    }
    for format in BLOCKS {
        // More than is unpacked at a time.
        let (rows, columns) = (40, 768);
        let (bytes, elements) = stored(format, rows, columns);
        let matrix = StoredMatrix { format, stored: &bytes, rows, columns };
        let mut panel = Panel::new();
        // The second panel is not full.
        for first in [0, WIDTH] {
            // SAFETY: `is_available` was asked.
            unsafe { K::unpack(&mut panel, &matrix, first) };
            for (lane, column) in (0..WIDTH).flat_map(|lane| (0..columns).map(move |column| (lane, column))) {
                let (half, place) = (lane / 16, lane % 16);
                let four = panel.bytes[column / 4][half].0[place].to_le_bytes();
                let of_block = column / block(format);
                let scale = panel.scales[of_block][half].0[place];
                let offset = match common_offset(format) {
                    Some(offset) => offset as f32 * scale,
                    None => panel.offsets[of_block][half].0[place],
                };
                let got = f32::from(four[column % 4]) * scale - offset;
                let row = first + lane;
                let want = if row < rows { elements[row * columns + column] } else { 0.0 };
                assert!((got - want).abs() < 1e-5, "{format:?} {row} {column}: {got} {want}");
            }
        }
    }
}

/// `x` as its bytes have it.
fn rounded<const BLOCK: usize>(x: &[f32], columns: usize) -> Vec<f32> {
    let activations = Activations::<BLOCK>::new(x, columns, 0);
    let groups: Vec<_> = activations.groups().collect();
    let value = |row: usize, column: usize| {
        let group = &groups[row / ROWS];
        let byte = group.bytes[column / 4][row % ROWS].to_le_bytes()[column % 4].cast_signed();
        f32::from(byte) * group.blocks[column / BLOCK].scale[row % ROWS]
    };
    let rows = x.len() / columns;
    (0..rows)
        .flat_map(|row| (0..columns).map(move |column| (row, column)))
        .map(|(r, c)| value(r, c))
        .collect()
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
    for (format, columns) in BLOCKS.into_iter().map(|format| (format, 768)).chain([(Format::Q8_0, 96)]) {
        // Neither fills groups nor panels.
        let (rows, outputs) = (2 * ROWS + 2, 40);
        let (bytes, elements) = stored(format, outputs, columns);
        let x: Vec<f32> = noise("input", rows * columns).to_vec1().unwrap();
        let x_rounded = match block(format) {
            16 => rounded::<16>(&x, columns),
            _ => rounded::<32>(&x, columns),
        };
        assert!(x.iter().zip(&x_rounded).all(|(x, rounded)| (x - rounded).abs() <= 0.5 / 127.0 + 1e-6));
        let mut product = vec![0.0; rows * outputs];
        let matrix = StoredMatrix { format, stored: &bytes, rows: outputs, columns };
        multiply::<K>(&matrix, &x, Finish::default(), &mut product);
        assert_product(&product, &x_rounded, &elements, columns, 2e-3);
    }
}

#[test]
fn the_largest_sums_fit() {
    largest_by::<Vnni>();
    largest_by::<Avx2>();
}

fn largest_by<K: Kernel>() {
    if K::is_available() {
        assert_largest_sums_fit(2 * ROWS, |matrix, x, product| {
            multiply::<K>(matrix, x, Finish::default(), product);
        });
    }
}
