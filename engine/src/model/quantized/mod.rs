//! Products with a matrix in blocks, where the processor multiplies bytes (AVX-512 VNNI, AVX2). Called by
//! [`super::matrix`], which has the tensor library's kernels for everything else.
//!
//! A prompt or an image is hundreds of rows, so the matrix is read once for all of them: a panel of 32
//! of its rows is unpacked to bytes in an order that suits the processor, is multiplied with every row
//! of the input, and is forgotten ([`many`]). Few rows, above all the single one of a token of a reply, go
//! through [`few`], where blocks are unpacked in registers. Thus the blocks stay as they are stored, perhaps
//! in a mapped file, and no second copy of the matrix is kept. Inputs are rounded to eight bits, with a scale
//! for every block, as GGML does.

#[cfg(target_arch = "x86_64")]
mod few;
#[cfg(target_arch = "x86_64")]
mod many;
#[cfg(target_arch = "x86_64")]
mod processor;
#[cfg(target_arch = "x86_64")]
mod rounding;
#[cfg(target_arch = "x86_64")]
mod stored;
#[cfg(all(test, target_arch = "x86_64"))]
mod testing;

use super::elementwise::Finish;
use super::format::Format;
#[cfg(target_arch = "x86_64")]
use {
    processor::{Avx2, Processor as _, Vnni},
    stored::StoredMatrix,
};

/// From so many rows of input on, unpacking a matrix in `format` to panels pays.
#[cfg(target_arch = "x86_64")]
fn many_rows(format: Format) -> usize {
    match format {
        Format::Q5K | Format::Q6K => 20,
        Format::Q4K => 12,
        _ => 8,
    }
}

/// Whether this processor has what the kernels need.
pub(super) fn is_available() -> bool {
    #[cfg(target_arch = "x86_64")]
    return Vnni::is_available() || Avx2::is_available();
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// `x` `[rows, columns]` times the transpose of the matrix `[outputs, columns]` that is `stored` in
/// `format`, finished, into `product` `[rows, outputs]`. Returns whether it was done: not for other
/// formats or on other processors; `product` is then untouched.
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
        let matrix = StoredMatrix { format, stored, rows: outputs, columns };
        let (x, product) = (&x[..rows * columns], &mut product[..rows * outputs]);
        if Vnni::is_available() {
            multiply_by::<Vnni>(&matrix, x, finish, product);
        } else if Avx2::is_available() {
            multiply_by::<Avx2>(&matrix, x, finish, product);
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

#[cfg(target_arch = "x86_64")]
fn multiply_by<K: few::Kernel + many::Kernel>(
    matrix: &StoredMatrix<'_>,
    x: &[f32],
    finish: Finish<'_>,
    product: &mut [f32],
) {
    if x.len() < many_rows(matrix.format) * matrix.columns {
        few::multiply::<K>(matrix, x, product);
        finish.apply_to_rows(product, matrix.rows);
    } else {
        many::multiply::<K>(matrix, x, finish, product);
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::testing::stored;
    use super::*;

    #[test]
    fn what_is_no_number_stays_none() {
        for rows in [2, many_rows(Format::Q8_0)] {
            let (bytes, _) = stored(Format::Q8_0, 32, 64);
            let mut x = vec![0.5; rows * 64];
            (x[3], x[64]) = (f32::NAN, f32::INFINITY);
            let mut product = vec![0.0; rows * 32];
            if multiply((Format::Q8_0, &bytes), (rows, 64, 32), &x, (Finish::default(), &mut product)) {
                assert!(product[..64].iter().all(|value| value.is_nan()));
                assert!(product[64..].iter().all(|value| value.is_finite()));
            }
        }
    }

    #[test]
    fn plain_numbers_are_left_to_others() {
        let (bytes, _) = stored(Format::Q8_0, 32, 64);
        for rows in [1, 24] {
            let mut product = vec![7.0; rows * 32];
            let x = vec![0.5; rows * 64];
            assert!(!multiply((Format::F16, &bytes), (rows, 64, 32), &x, (Finish::default(), &mut product)));
            assert_eq!(product, vec![7.0; rows * 32]);
        }
    }
}
