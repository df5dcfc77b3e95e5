//! Image files to pixels, as the official code reads them (OpenCV's `IMREAD_COLOR`): turned
//! upright by their EXIF orientation, alpha ignored and not blended, grey widened to three
//! channels, sixteen bits cut to eight, the first frame of an animation. Called when an image is
//! opened, from the window and from the command line.

use std::fs::File;
use std::io::{self, Cursor, Read as _};
use std::path::Path;

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, RgbImage};

use crate::error::ImageError;

/// The largest image that can be opened, in millions of pixels.
pub const LIMIT_MEGAPIXELS: u32 = 200;

/// The most memory a decoder may take: the largest image in four channels of sixteen bits, twice.
const LIMIT_BYTES: u64 = LIMIT_MEGAPIXELS as u64 * 1_000_000 * 8 * 2;

/// The largest file that is read.
const LIMIT_FILE: u64 = 2 << 30;
/// This many bytes show the format.
const BEGINNING: u64 = 64;

/// Reads an image file.
///
/// # Errors
/// The file cannot be read, is no image, is damaged, or has too many pixels.
pub fn load_image(path: &Path) -> Result<RgbImage, ImageError> {
    let bytes = read_image(path).map_err(|source| ImageError::Read { path: path.to_owned(), source })?;
    decode_image(&bytes.ok_or_else(|| ImageError::UnknownFormat { path: path.to_owned() })?, path)
}

/// All of an image file, or of a pipe; `None` where it begins otherwise than images do, whatever else is in it.
fn read_image(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let mut file = File::open(path)?;
    let mut bytes = Vec::new();
    file.by_ref().take(BEGINNING).read_to_end(&mut bytes)?;
    if image::guess_format(&bytes).is_err() {
        return Ok(None);
    }
    file.take(LIMIT_FILE).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LIMIT_FILE {
        return Err(io::Error::other(format!("it has more than {} GB", LIMIT_FILE >> 30)));
    }
    Ok(Some(bytes))
}

/// Decodes the content of an image file; `name` is for messages alone.
///
/// # Errors
/// The bytes are no image, are damaged, or hold too many pixels.
pub fn decode_image(bytes: &[u8], name: &Path) -> Result<RgbImage, ImageError> {
    let wrong = |error: image::ImageError| match error {
        image::ImageError::Unsupported(e)
            if matches!(e.kind(), image::error::UnsupportedErrorKind::Format(_)) =>
        {
            ImageError::UnknownFormat { path: name.to_owned() }
        }
        other => ImageError::Malformed { path: name.to_owned(), reason: other.to_string() },
    };
    let format =
        image::guess_format(bytes).map_err(|_| ImageError::UnknownFormat { path: name.to_owned() })?;
    if format == ImageFormat::Jpeg && !ends_as_jpeg(bytes) {
        let reason = "the file ends before the picture does".to_owned();
        return Err(ImageError::Malformed { path: name.to_owned(), reason });
    }
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(LIMIT_BYTES);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(wrong)?;

    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > u64::from(LIMIT_MEGAPIXELS) * 1_000_000 {
        return Err(ImageError::TooLarge { width, height, limit_megapixels: LIMIT_MEGAPIXELS });
    }
    if width == 0 || height == 0 {
        return Err(ImageError::Malformed { path: name.to_owned(), reason: "it has no pixels".to_owned() });
    }
    let orientation = decoder.orientation().map_err(wrong)?;
    let decoded = DynamicImage::from_decoder(decoder).map_err(wrong)?;
    let mut upright = DynamicImage::ImageRgb8(into_rgb8(decoded));
    upright.apply_orientation(orientation);
    Ok(upright.into_rgb8())
}

/// Three channels of eight bits. Of sixteen bits the upper eight stay, as libpng cuts them; the
/// `image` crate would round.
fn into_rgb8(image: DynamicImage) -> RgbImage {
    match image {
        DynamicImage::ImageLuma16(_)
        | DynamicImage::ImageLumaA16(_)
        | DynamicImage::ImageRgb16(_)
        | DynamicImage::ImageRgba16(_) => {
            let wide = image.into_rgb16();
            let (width, height) = wide.dimensions();
            RgbImage::from_fn(width, height, |x, y| {
                image::Rgb(wide.get_pixel(x, y).0.map(|value| (value >> 8) as u8))
            })
        }
        other => other.into_rgb8(),
    }
}

/// Whether a JPEG goes on to its end marker. The decoder would fill the missing part with grey and
/// say nothing.
fn ends_as_jpeg(bytes: &[u8]) -> bool {
    const END: u8 = 0xd9;
    let mut at = 2;
    loop {
        // Compressed data holds 0xff only before 0x00 or a restart marker (0xd0 to 0xd7), and any
        // number of 0xff may stand before a marker.
        let marker = loop {
            match (bytes.get(at), bytes.get(at + 1)) {
                (Some(0xff), Some(&marker)) if !matches!(marker, 0x00 | 0x01 | 0xd0..=0xd8 | 0xff) => {
                    break marker;
                }
                (Some(_), Some(_)) => at += 1,
                _ => return false,
            }
        };
        if marker == END {
            return true;
        }
        // Every other marker begins a segment that tells its own length.
        let Some(&[high, low]) = bytes.get(at + 2..at + 4) else { return false };
        at += 2 + usize::from(u16::from_be_bytes([high, low])).max(2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::allocating;

    #[test]
    fn what_is_no_picture_is_not_read_to_its_end() {
        let scratch = tempfile::tempdir().unwrap();
        // A file with a hole takes no room on the disk.
        let film = scratch.path().join("film.mp4");
        File::create(&film).unwrap().set_len(50 << 30).unwrap();
        let (loaded, most) = allocating(|| load_image(&film));
        assert!(matches!(loaded, Err(ImageError::UnknownFormat { .. })), "{loaded:?}");
        assert!(most < 1 << 20, "{most} bytes");
        let folder = load_image(scratch.path());
        assert!(matches!(folder, Err(ImageError::Read { .. })), "{folder:?}");
    }
}
