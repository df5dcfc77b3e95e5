//! How far a result is from what was recorded, and how far it may be. Used by the self-test and by the
//! parity suites.

use std::cmp::Ordering;
use std::fmt;

use candle_core::{DType, Device, Result, Tensor};

/// How far a stage may be off.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Tolerance {
    /// Of ‖a − b‖ / ‖b‖.
    Relative(f64),
    /// Of the largest difference.
    Absolute(f64),
    /// Of the number, or share, of values that differ.
    Count(f64),
}

impl Tolerance {
    /// The largest error that is allowed.
    pub fn limit(self) -> f64 {
        let (Self::Relative(limit) | Self::Absolute(limit) | Self::Count(limit)) = self;
        limit
    }

    /// Whether an error is. One that is not a number never is.
    pub fn allows(self, error: f64) -> bool {
        error <= self.limit()
    }

    /// How far `got`, of any number format on any processor, is from `want` of the same shape.
    ///
    /// # Errors
    /// The tensor library's; shapes that differ are an infinite error.
    pub fn error(self, got: &Tensor, want: &Tensor) -> Result<f64> {
        if got.dims() != want.dims() {
            return Ok(f64::INFINITY);
        }
        let values = |x: &Tensor| -> Result<Vec<f64>> {
            x.to_device(&Device::Cpu)?.to_dtype(DType::F64)?.flatten_all()?.to_vec1()
        };
        let (got, want) = (values(got)?, values(want)?);
        let differences = || got.iter().zip(&want).map(|(a, b)| (a - b).abs());
        let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
        Ok(match self {
            Self::Relative(_) => {
                let reference = norm(&mut want.iter().copied());
                let distance = norm(&mut differences());
                if reference > 0.0 { distance / reference } else { distance }
            }
            // `max` would drop a NaN.
            Self::Absolute(_) => differences().fold(0.0, |a, b| if b.is_nan() || b > a { b } else { a }),
            Self::Count(_) => {
                got.iter().zip(&want).filter(|(a, b)| a.partial_cmp(b) != Some(Ordering::Equal)).count()
                    as f64
            }
        })
    }
}

impl fmt::Display for Tolerance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&match self {
            Self::Relative(limit) => format!("{limit:.0e} relative"),
            Self::Absolute(limit) => format!("{limit:.0e} absolute"),
            Self::Count(limit) => format!("{limit} differing"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_what_their_names_say() {
        let tensor = |values: &[f32]| Tensor::new(values, &Device::Cpu).unwrap();
        let (want, got) = (tensor(&[3.0, 4.0, 0.0]), tensor(&[3.0, 4.5, 0.0]));
        let of = |tolerance: Tolerance| tolerance.error(&got, &want).unwrap();
        assert!((of(Tolerance::Relative(0.2)) - 0.1).abs() < 1e-9);
        assert!((of(Tolerance::Absolute(0.2)) - 0.5).abs() < 1e-9);
        assert!((of(Tolerance::Count(0.0)) - 1.0).abs() < 1e-9);
        assert!(!Tolerance::Absolute(0.2).allows(0.5) && Tolerance::Relative(0.2).allows(0.1));
    }

    #[test]
    fn what_is_no_number_or_of_another_shape_is_never_allowed() {
        let tensor = |values: &[f32]| Tensor::new(values, &Device::Cpu).unwrap();
        for tolerance in [Tolerance::Relative(1.0), Tolerance::Absolute(1.0), Tolerance::Count(0.0)] {
            let of = |got: &[f32]| tolerance.error(&tensor(got), &tensor(&[1.0, 2.0])).unwrap();
            assert!(!tolerance.allows(of(&[1.0, f32::NAN])), "{tolerance}");
            assert!(!tolerance.allows(of(&[1.0])), "{tolerance}");
        }
    }
}
