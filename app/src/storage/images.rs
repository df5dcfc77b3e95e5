//! The picture itself, as bytes to be kept.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use glamm_engine::vision::{decode_image, load_image};
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder, RgbImage};

use super::container::Container;
use super::snapshot::{Snapshot, StoredImage};
use crate::document::{Origin, Picture};

/// More bytes than a picture may have that can be opened.
pub(crate) const MAX_IMAGE_BYTES: u64 = 2 << 30;

/// What the part with the picture's bytes is called. Its ending is what they most likely will be;
/// what they are is told by their first ones.
pub(super) fn part_name(picture: &Picture, snapshot: &Snapshot) -> String {
    let stored = snapshot.stored.get(&picture.id).map(|stored| Path::new(&stored.part));
    let path = stored.or(picture.origin.file());
    let format = path.and_then(|path| image::ImageFormat::from_path(path).ok());
    let extension = format.and_then(|format| format.extensions_str().first().copied());
    format!("image.{}", extension.unwrap_or("png"))
}

/// The bytes of the file that the picture came from, as long as it still shows the same; a PNG of
/// its pixels otherwise.
///
/// # Errors
/// Where neither can be had; why.
pub(super) fn bytes(picture: &Picture, snapshot: &Snapshot) -> Result<Vec<u8>, String> {
    let no_copy = match snapshot.stored.get(&picture.id).map(read_stored) {
        Some(Ok(bytes)) => return Ok(bytes),
        Some(Err(reason)) => Some(reason),
        None => None,
    };
    let pixels = snapshot.pixels.get(&picture.id);
    let in_file = match &picture.origin {
        Origin::File(path) => read_regular(path).ok(),
        Origin::Scene { .. } | Origin::Clipboard => None,
    };
    match (in_file, pixels) {
        (Some(bytes), Some(pixels)) if shows(&bytes, &pixels.rgb) => Ok(bytes),
        (_, Some(pixels)) => png(&pixels.rgb),
        (Some(bytes), None) if dimensions(&bytes) == Some(picture.size) => Ok(bytes),
        _ => match &picture.origin {
            Origin::Scene { seed } => png(&glamm_engine::scenes::generate(*seed).image),
            // Why its copy is none says more.
            Origin::File(path) => {
                Err(no_copy.unwrap_or_else(|| format!("{} is no longer what it was", path.display())))
            }
            Origin::Clipboard => Err(no_copy.unwrap_or_else(|| "it was pasted, and is gone".to_owned())),
        },
    }
}

/// Whether the file that a picture came from shows it still, by its pixels where they are in memory, or else
/// by its copy in a session file. Without either there is nothing to lose but the file.
pub(super) fn is_still_in(path: &Path, picture: &Picture, snapshot: &Snapshot) -> bool {
    let Ok(bytes) = read_regular(path) else { return false };
    if let Some(pixels) = snapshot.pixels.get(&picture.id) {
        return shows(&bytes, &pixels.rgb);
    }
    match snapshot.stored.get(&picture.id).map(read_stored) {
        Some(Ok(copy)) => copy == bytes,
        Some(Err(_)) | None => dimensions_may_be(&bytes, picture.size),
    }
}

/// The pixels of a picture, from memory or from where it came from.
///
/// # Errors
/// Where it cannot be had; why.
pub(crate) fn pixels(picture: &Picture, snapshot: &Snapshot) -> Result<std::sync::Arc<RgbImage>, String> {
    if let Some(pixels) = snapshot.pixels.get(&picture.id) {
        return Ok(std::sync::Arc::clone(&pixels.rgb));
    }
    let loaded = load_kept(snapshot.stored.get(&picture.id), &picture.origin)?;
    if loaded.dimensions() == picture.size {
        return Ok(std::sync::Arc::new(loaded));
    }
    let ((w, h), (was_w, was_h)) = (loaded.dimensions(), picture.size);
    Err(format!("it has {w} × {h} pixels now instead of {was_w} × {was_h}"))
}

/// Reads a picture of a session: its copy there, or else from where it came.
///
/// # Errors
/// Where it cannot be had; why.
pub(crate) fn load_kept(stored: Option<&StoredImage>, origin: &Origin) -> Result<RgbImage, String> {
    let copy = stored.map(load_stored);
    if let Some(Ok(image)) = copy {
        return Ok(image);
    }
    let original = match origin {
        Origin::File(path) => load_regular(path),
        Origin::Scene { seed } => Ok(glamm_engine::scenes::generate(*seed).image),
        Origin::Clipboard => Err("it was pasted, and is gone".to_owned()),
    };
    // Why the copy is none says more.
    original.map_err(|error| copy.and_then(Result::err).unwrap_or(error))
}

/// Reads a picture out of a session.
///
/// # Errors
/// Where it is not there or no picture; why.
pub(crate) fn load_stored(stored: &StoredImage) -> Result<RgbImage, String> {
    decode_image(&read_stored(stored)?, Path::new(&stored.part)).map_err(|error| error.to_string())
}

/// Reads a picture from a file that a session names: only if it is a file (and no device, say).
///
/// # Errors
/// Where it is not there or no picture; why.
pub(crate) fn load_regular(path: &Path) -> Result<RgbImage, String> {
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => load_image(path).map_err(|error| error.to_string()),
        Ok(_) => Err(format!("{} is no file", path.display())),
        Err(error) => Err(format!("{} cannot be read: {error}", path.display())),
    }
}

fn read_stored(stored: &StoredImage) -> Result<Vec<u8>, String> {
    let mut container = Container::open(&stored.container).map_err(|error| error.to_string())?;
    let found = container.checksum(&stored.part);
    if let (Some(found), Some(wanted)) = (found, stored.checksum)
        && found != wanted
    {
        let path = stored.container.display();
        return Err(format!("{path} was written anew, and {} is another picture now", stored.part));
    }
    let read = container.read(&stored.part, MAX_IMAGE_BYTES);
    read.map_err(|error| format!("{} in {}: {error}", stored.part, stored.container.display()))
}

fn read_regular(path: &Path) -> std::io::Result<Vec<u8>> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(std::io::ErrorKind::InvalidInput.into());
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_IMAGE_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether the file's content is this picture.
fn shows(bytes: &[u8], pixels: &RgbImage) -> bool {
    dimensions_may_be(bytes, pixels.dimensions())
        && decode_image(bytes, Path::new("picture")).is_ok_and(|found| found == *pixels)
}

/// Cheap: by the header alone. Orientation may turn the picture.
fn dimensions_may_be(bytes: &[u8], (width, height): (u32, u32)) -> bool {
    let reader = image::ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok();
    let found = reader.and_then(|reader| reader.into_dimensions().ok());
    found.is_some_and(|found| found == (width, height) || found == (height, width))
}

fn dimensions(bytes: &[u8]) -> Option<(u32, u32)> {
    decode_image(bytes, Path::new("picture")).ok().map(|image| image.dimensions())
}

fn png(pixels: &RgbImage) -> Result<Vec<u8>, String> {
    encode_png(pixels.as_raw(), pixels.dimensions(), ExtendedColorType::Rgb8)
        .map_err(|error| format!("it cannot be encoded: {error}"))
}

/// Encodes pixels as PNG, quickly rather than small.
///
/// # Errors
/// Where their number and size do not fit.
pub(crate) fn encode_png(
    pixels: &[u8],
    (width, height): (u32, u32),
    color: ExtendedColorType,
) -> image::ImageResult<Vec<u8>> {
    let mut bytes = Vec::new();
    PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, FilterType::Adaptive)
        .write_image(pixels, width, height, color)?;
    Ok(bytes)
}
