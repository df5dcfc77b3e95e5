//! Products with a matrix in blocks, where the processor multiplies bytes (AVX-512 VNNI, AVX2). Called by
//! [`super::matrix`], which has the tensor library's kernels for everything else.
//!
//! A prompt or an image is hundreds of rows, so the matrix is read once for all of them: a panel of 32
//! of its rows is unpacked to bytes in an order that suits the processor, is multiplied with every row
//! of the input, and is forgotten ([`many`], with [`vnni`] or [`avx2`]). Few rows, above all the single one of a token of a reply, go through
//! [`few`], where blocks are unpacked in registers; without VNNI the tensor library does as well there. Thus the blocks stay as they are stored, perhaps in a mapped file,
//! and no second copy of the matrix is kept. Inputs are rounded to eight bits, with a scale for every
//! block, as GGML does.
//!
//! What the processor has is asked for at run time.

#[cfg(target_arch = "x86_64")]
mod activations;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod few;
#[cfg(target_arch = "x86_64")]
mod many;
#[cfg(target_arch = "x86_64")]
mod panel;
#[cfg(target_arch = "x86_64")]
mod turn;
#[cfg(target_arch = "x86_64")]
mod vnni;

#[cfg(target_arch = "x86_64")]
use self::{avx2::Avx2, many::Kernel as _, vnni::Vnni};
use super::elementwise::Finish;
use super::format::Format;

/// From so many rows of input on, unpacking the matrix pays.
#[cfg(target_arch = "x86_64")]
const MANY_ROWS: usize = 12;

/// Whether this processor has what a kernel for many rows needs.
pub(super) fn is_available() -> bool {
    #[cfg(target_arch = "x86_64")]
    return Vnni::is_available() || Avx2::is_available();
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// `x` `[rows, columns]` times the transpose of the matrix `[outputs, columns]` that is `stored` in
/// `format`, finished, into `product` `[rows, outputs]`. Returns whether it was done: not for other
/// formats, for few rows, or on other processors; `product` is then untouched.
pub(super) fn multiply(
    (format, stored): (Format, &[u8]),
    (rows, columns, outputs): (usize, usize, usize),
    x: &[f32],
    (finish, product): (Finish<'_>, &mut [f32]),
) -> bool {
    if format.is_float() || !columns.is_multiple_of(format.block()) || product.is_empty() || columns == 0 {
        return false;
    }
    #[cfg(target_arch = "x86_64")]
    {
        let matrix = panel::StoredMatrix { format, stored, rows: outputs, columns };
        let (x, product) = (&x[..rows * columns], &mut product[..rows * outputs]);
        let has_vnni = Vnni::is_available() && few::is_available();
        if rows < MANY_ROWS && has_vnni {
            few::multiply(&matrix, x, product);
            finish.apply_to_rows(product, outputs);
        } else if rows < MANY_ROWS {
            return false;
        } else if has_vnni {
            many::multiply::<Vnni>(&matrix, x, finish, product);
        } else if Avx2::is_available() {
            many::multiply::<Avx2>(&matrix, x, finish, product);
        } else {
            return false;
        }
        true
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        let _ = (rows, stored, outputs, x, finish, product);
        false
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    #![expect(unsafe_code, reason = "what the processor has is asked for first")]

    use candle_core::quantized::QTensor;

    use super::activations::{Activations, ROWS};
    use super::panel::{Panel, StoredMatrix, WIDTH, block, common_offset};
    use super::*;
    use crate::model::testing::noise;

    pub(super) const BLOCKS: [Format; 6] =
        [Format::Q8_0, Format::Q5_0, Format::Q4_0, Format::Q6K, Format::Q5K, Format::Q4K];

    /// A matrix in `format`, and its elements as the tensor library unpacks them.
    pub(super) fn stored(format: Format, rows: usize, columns: usize) -> (Vec<u8>, Vec<f32>) {
        let matrix = noise("matrix", (rows, columns)).affine(0.7, 0.1).unwrap();
        let packed = QTensor::quantize(&matrix, format.ggml()).unwrap();
        let elements = packed.dequantize(&candle_core::Device::Cpu).unwrap();
        (packed.data().unwrap().into_owned(), elements.flatten_all().unwrap().to_vec1().unwrap())
    }

    #[test]
    fn panels_hold_the_elements() {
        unpacked_by::<Vnni>();
        unpacked_by::<Avx2>();
    }

    fn unpacked_by<K: many::Kernel>() {
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
                for (lane, column) in
                    (0..WIDTH).flat_map(|lane| (0..columns).map(move |column| (lane, column)))
                {
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

    fn multiplied_by<K: many::Kernel>() {
        if !K::is_available() {
            return; // This processor has no such kernel.
        }
        for (format, columns) in BLOCKS.into_iter().map(|format| (format, 768)).chain([(Format::Q8_0, 96)]) {
            // Neither fills groups nor panels.
            let (rows, outputs) = (MANY_ROWS + 2, 40);
            let (bytes, elements) = stored(format, outputs, columns);
            let x: Vec<f32> = noise("input", rows * columns).to_vec1().unwrap();
            let x_rounded = match block(format) {
                16 => rounded::<16>(&x, columns),
                _ => rounded::<32>(&x, columns),
            };
            assert!(x.iter().zip(&x_rounded).all(|(x, rounded)| (x - rounded).abs() <= 0.5 / 127.0 + 1e-6));
            let mut product = vec![0.0; rows * outputs];
            let matrix = StoredMatrix { format, stored: &bytes, rows: outputs, columns };
            many::multiply::<K>(&matrix, &x, Finish::default(), &mut product);
            for (i, &got) in product.iter().enumerate() {
                let (row, output) = (i / outputs, i % outputs);
                let input = &x_rounded[row * columns..][..columns];
                let weights = &elements[output * columns..][..columns];
                let want: f64 = input.iter().zip(weights).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
                assert!((f64::from(got) - want).abs() < 2e-3, "{format:?} {row} {output}: {got} {want}");
            }
        }
    }

    /// The largest bytes that there are, with one sign: sums that do not fit would show.
    #[test]
    fn the_largest_sums_fit() {
        largest_by::<Vnni>();
        largest_by::<Avx2>();
    }

    fn largest_by<K: many::Kernel>() {
        if !K::is_available() {
            return; // This processor has no such kernel.
        }
        for (format, sign) in BLOCKS.into_iter().flat_map(|format| [(format, 1.0), (format, -1.0)]) {
            let (rows, columns, outputs) = (MANY_ROWS, 512, 32);
            // The outermost values of a block are the largest bytes; half of the rows have all alike.
            let value = |at: usize| match (at / columns % 2, at % 16) {
                (0, 0) => -0.9f32,
                (0, _) => 1.0,
                (_, 0) => 0.9,
                (_, _) => -1.0,
            };
            let values: Vec<f32> = (0..outputs * columns).map(value).collect();
            let whole = candle_core::Tensor::from_vec(values, (outputs, columns), &candle_core::Device::Cpu);
            let packed = QTensor::quantize(&whole.unwrap(), format.ggml()).unwrap();
            let elements = packed.dequantize(&candle_core::Device::Cpu).unwrap();
            let elements: Vec<f32> = elements.flatten_all().unwrap().to_vec1().unwrap();
            let bytes = packed.data().unwrap().into_owned();
            let x = vec![sign; rows * columns];
            let mut product = vec![0.0; rows * outputs];
            let matrix = StoredMatrix { format, stored: &bytes, rows: outputs, columns };
            many::multiply::<K>(&matrix, &x, Finish::default(), &mut product);
            for (i, &got) in product.iter().enumerate() {
                let weights = &elements[i % outputs * columns..][..columns];
                let want = sign * weights.iter().sum::<f32>();
                assert!((got - want).abs() < 0.05, "{format:?} {i}: {got} {want}");
            }
        }
    }

    #[test]
    fn what_is_no_number_stays_none() {
        let (bytes, _) = stored(Format::Q8_0, 32, 64);
        let mut x = vec![0.5; MANY_ROWS * 64];
        (x[3], x[64]) = (f32::NAN, f32::INFINITY);
        let mut product = vec![0.0; MANY_ROWS * 32];
        if multiply((Format::Q8_0, &bytes), (MANY_ROWS, 64, 32), &x, (Finish::default(), &mut product)) {
            assert!(product[..64].iter().all(|value| value.is_nan()));
            assert!(product[64..].iter().all(|value| value.is_finite()));
        }
    }

    #[test]
    fn plain_numbers_are_left_to_others() {
        let (bytes, _) = stored(Format::Q8_0, 32, 64);
        let mut product = vec![7.0; MANY_ROWS * 32];
        let x = vec![0.5; MANY_ROWS * 64];
        assert!(!multiply((Format::F16, &bytes), (MANY_ROWS, 64, 32), &x, (Finish::default(), &mut product)));
        assert_eq!(product, [7.0; MANY_ROWS * 32]);
    }
}
