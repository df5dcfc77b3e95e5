//! COCO's compressed run-length encoding of masks, as `pycocotools` writes and reads it: columns
//! first, runs of background and mask in turn. Used by the scene data set and by `glamm ask --json`.

use hotcoco::{Rle as Runs, mask};
use serde::{Deserialize, Serialize};

use super::BinaryMask;

/// A mask in COCO's JSON form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rle {
    /// Height and width in pixels, in this order.
    pub size: [u32; 2],
    /// The compressed runs.
    pub counts: String,
}

/// A run-length code that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the run-length code of a mask of {} × {} pixels is damaged: {reason}", size[1], size[0])]
pub struct RleError {
    /// Height and width that the code claims.
    pub size: [u32; 2],
    /// What is wrong with it.
    pub reason: String,
}

impl BinaryMask {
    /// Encodes the mask.
    pub fn to_rle(&self) -> Rle {
        let (width, height) = (self.width(), self.height());
        let mut counts = Vec::new();
        let (mut inside, mut run) = (false, 0_u32);
        for x in 0..width {
            for y in 0..height {
                if self.contains(x, y) != inside {
                    counts.push(run);
                    (inside, run) = (!inside, 0);
                }
                run += 1;
            }
        }
        counts.push(run);
        Rle { size: [height, width], counts: mask::rle_to_string(&Runs { h: height, w: width, counts }) }
    }

    /// Decodes a mask.
    ///
    /// # Errors
    /// If the code holds characters outside the format, or more runs than the mask has pixels.
    pub fn from_rle(rle: &Rle) -> Result<Self, RleError> {
        let [height, width] = rle.size;
        let runs = mask::rle_from_string(&rle.counts, height, width)
            .map_err(|error| RleError { size: rle.size, reason: error.to_string() })?;
        let columns = mask::decode(&runs);
        Ok(Self::from_fn(width, height, |x, y| columns[(x * height + y) as usize] != 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring() -> BinaryMask {
        BinaryMask::from_fn(40, 30, |x, y| {
            let square = (x as i32 - 17).pow(2) + (y as i32 - 14).pow(2);
            (40..150).contains(&square)
        })
    }

    #[test]
    fn codes_are_those_of_pycocotools() {
        let corner = BinaryMask::from_fn(5, 4, |x, y| x < 2 && y < 3);
        assert_eq!(corner.to_rle(), Rle { size: [4, 5], counts: "0310<".into() });
        assert_eq!(BinaryMask::empty(5, 4).to_rle().counts, "d0");
        assert_eq!(BinaryMask::from_fn(5, 4, |_, _| true).to_rle().counts, "0d0");
        assert_eq!(
            ring().to_rle().counts,
            "R55f06K4M2N2N2ODJ05OO00O20NO40K150JO80H080H080H160KO50L120N10011K06<1N2N2N3L5JS9"
        );
    }

    #[test]
    fn decoding_gives_the_mask_back() {
        for mask in [ring(), BinaryMask::empty(7, 3), BinaryMask::from_fn(7, 3, |x, y| x == y)] {
            assert_eq!(BinaryMask::from_rle(&mask.to_rle()).unwrap(), mask);
        }
    }

    #[test]
    fn damaged_codes_are_refused() {
        let error = BinaryMask::from_rle(&Rle { size: [2, 2], counts: "e0".into() }).unwrap_err();
        assert!(error.to_string().contains("2 × 2"), "{error}");
    }
}
