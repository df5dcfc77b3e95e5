//! Logits of a mask as bytes: 16 bits a cell, packed by zlib.
//!
//! Sixteen bits keep three decimal digits, far more than any threshold is set by, and the side of
//! zero on which a cell lies is kept always.

use std::io::{self, Read, Write};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use glamm_engine::vision::MaskLogits;
use half::f16;

use super::schema::LogitsFile;

/// More cells a side than any pixel decoder has.
const MAX_SIDE: usize = 2048;
/// A larger frame than any encoder has.
const MAX_FRAME: usize = 1 << 15;

/// The bytes of [`LogitsFile::logits`].
///
/// # Errors
/// Where there is no memory for them.
pub(super) fn bytes(mask: &MaskLogits) -> io::Result<Vec<u8>> {
    let cells: Vec<u8> = mask.logits.iter().flat_map(|&logit| narrow(logit).to_le_bytes()).collect();
    let mut packer = ZlibEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(&cells)?;
    packer.finish()
}

/// The nearest number of 16 bits that is finite and has the same sign.
fn narrow(logit: f32) -> f16 {
    let rounded = f16::from_f32(logit);
    if logit > 0.0 && rounded <= f16::ZERO {
        return f16::from_bits(1);
    }
    if logit.is_nan() { f16::MIN } else { rounded.clamp(f16::MIN, f16::MAX) }
}

/// Bytes that the mask takes in memory.
pub(super) fn memory(file: &LogitsFile) -> u64 {
    file.side as u64 * file.side as u64 * 4
}

/// The mask of a picture of this size, where its description and its bytes fit together.
///
/// # Errors
/// What is wrong.
pub(super) fn read(file: &LogitsFile, bytes: &[u8], image_size: (u32, u32)) -> Result<MaskLogits, String> {
    let LogitsFile { side, frame, content: [across, down], predicted_iou, .. } = *file;
    check(file)?;
    let wanted = side * side * 2;
    let mut cells = Vec::with_capacity(wanted);
    let unpacked = ZlibDecoder::new(bytes).take(wanted as u64 + 1).read_to_end(&mut cells);
    unpacked.map_err(|error| format!("it is damaged ({error})"))?;
    let length = cells.len();
    let (cells, _) = cells.as_chunks::<2>();
    if length != wanted {
        return Err(format!("it has other than {wanted} bytes"));
    }
    let logits: Vec<f32> = cells.iter().map(|&cell| f16::from_le_bytes(cell).to_f32()).collect();
    if logits.iter().any(|logit| !logit.is_finite()) {
        return Err("it holds what is no number".to_owned());
    }
    Ok(MaskLogits { side, logits, frame, content: (across, down), image_size, predicted_iou })
}

/// Whether the sizes can be those of a mask.
pub(super) fn check(file: &LogitsFile) -> Result<(), String> {
    let LogitsFile { side, frame, content: [across, down], predicted_iou, .. } = *file;
    let fits = |length: usize| (1..=frame).contains(&length);
    if !(1..=MAX_SIDE).contains(&side) || frame > MAX_FRAME || !fits(across) || !fits(down) {
        return Err(format!(
            "its sizes cannot be: {side} cells, a frame of {frame}, {across} × {down} of it"
        ));
    }
    if !predicted_iou.is_finite() {
        return Err("its estimate is no number".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(side: usize) -> LogitsFile {
        let (frame, content) = (64, [64, 32]);
        LogitsFile { logits: "x".into(), side, frame, content, predicted_iou: 0.5 }
    }

    fn mask(logits: Vec<f32>) -> MaskLogits {
        let side = logits.len().isqrt();
        let (content, image_size) = ((64, 32), (100, 50));
        MaskLogits { side, logits, frame: 64, content, image_size, predicted_iou: 0.5 }
    }

    #[test]
    fn logits_come_back_to_three_digits_and_keep_their_side() {
        let before = mask(vec![0.0, 1e-9, -1e-9, 12.345, -7.891, 3e5, -3e5, 0.1, -0.1]);
        let after = read(&file(3), &bytes(&before).unwrap(), (100, 50)).unwrap();
        for (a, b) in before.logits.iter().zip(&after.logits) {
            assert_eq!(*a > 0.0, *b > 0.0, "{a} {b}");
            assert!((a - b).abs() <= 0.001 * a.abs().max(0.001) || a.abs() > 65504.0, "{a} {b}");
        }
        assert_eq!(
            read(&file(3), &bytes(&after).unwrap(), (100, 50)).unwrap(),
            after,
            "nothing more is lost"
        );
    }

    #[test]
    fn what_is_no_mask_is_refused() {
        let good = bytes(&mask(vec![1.0; 4])).unwrap();
        assert!(read(&file(2), &good, (100, 50)).is_ok());
        assert!(read(&file(1), &good, (100, 50)).is_err());
        assert!(read(&file(3), &good, (100, 50)).is_err());
        assert!(read(&file(2), &good[..7], (100, 50)).is_err());
        assert!(read(&file(usize::MAX), &good, (100, 50)).is_err());
        let mut packer = ZlibEncoder::new(Vec::new(), Compression::fast());
        packer.write_all(&f16::NAN.to_le_bytes().repeat(4)).unwrap();
        assert!(read(&file(2), &packer.finish().unwrap(), (100, 50)).is_err());
        for bad in [
            LogitsFile { content: [0, 32], ..file(2) },
            LogitsFile { content: [65, 32], ..file(2) },
            LogitsFile { frame: usize::MAX, content: [usize::MAX, 1], ..file(2) },
            LogitsFile { predicted_iou: f32::NAN, ..file(2) },
        ] {
            assert!(check(&bad).is_err(), "{bad:?}");
        }
    }
}
