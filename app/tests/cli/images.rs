//! Images of every sort that people have.

use std::path::{Path, PathBuf};

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, GrayImage, ImageBuffer, ImageEncoder, Luma, Rgba};

use super::{ask, json};

/// Runs a question on the image, and gives the size that the model saw.
#[track_caller]
fn size_of(path: &Path) -> (u64, u64) {
    let document = json(ask(path, "Describe the image.").arg("--max-new-tokens=4"));
    let [width, height] = ["width", "height"].map(|key| document["image"][key].as_u64().unwrap());
    (width, height)
}

#[track_caller]
fn check(name: &str, picture: &DynamicImage) {
    let directory = tempfile::tempdir().unwrap();
    let path: PathBuf = directory.path().join(name);
    picture.save(&path).unwrap();
    assert_eq!(size_of(&path), (u64::from(picture.width()), u64::from(picture.height())));
}

#[test]
fn grey_alpha_and_sixteen_bits_are_read() {
    check("grey.png", &GrayImage::from_fn(37, 21, |x, y| Luma([(x * y) as u8])).into());
    let alpha = ImageBuffer::from_fn(20, 40, |x, y| Rgba([x as u8, y as u8, 90, (x * 12) as u8]));
    check("alpha.png", &DynamicImage::ImageRgba8(alpha));
    let deep = ImageBuffer::from_fn(16, 16, |x, y| Luma([(x * 4000 + y) as u16]));
    check("deep.png", &DynamicImage::ImageLuma16(deep));
    check("palette.gif", &DynamicImage::new_rgba8(9, 7));
    check("plain.webp", &DynamicImage::new_rgb8(15, 11));
}

#[test]
fn the_smallest_and_the_thinnest_are_read() {
    for (width, height) in [(1, 1), (1, 300), (300, 1)] {
        check("tiny.png", &DynamicImage::new_rgb8(width, height));
    }
}

#[test]
fn a_hundred_megapixels_are_read() {
    check("huge.png", &GrayImage::from_fn(10_000, 10_000, |x, y| Luma([((x ^ y) >> 6) as u8])).into());
}

#[test]
fn a_photo_taken_sideways_is_turned() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sideways.jpg");
    let mut encoder = JpegEncoder::new(std::fs::File::create(&path).unwrap());
    // TIFF header, one directory entry: orientation (0x0112), short, 1 value, 6 (turn right).
    let exif: &[u8] = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    encoder.set_exif_metadata(exif.to_vec()).unwrap();
    encoder.encode_image(&DynamicImage::new_rgb8(40, 24)).unwrap();
    assert_eq!(size_of(&path), (24, 40));
}

/// `cmyk.jpg` is 32 × 24 pixels in cyan, magenta, yellow and black, which the image library cannot
/// write; made with Pillow: `Image.new("CMYK", (32, 24))`, pixel `(x*8, y*10, 128, (x+y)*3)`,
/// `save("cmyk.jpg", quality=70)`.
#[test]
fn print_colors_are_read() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/cmyk.jpg");
    assert_eq!(size_of(&path), (32, 24));
}
