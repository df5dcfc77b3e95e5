//! Images of odd shapes, all the way to the model; what formats can be read is tested beside the reader.

use std::path::{Path, PathBuf};

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageEncoder};

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
fn the_smallest_and_the_thinnest_are_read() {
    for (width, height) in [(1, 1), (1, 300), (300, 1)] {
        check("tiny.png", &DynamicImage::new_rgb8(width, height));
    }
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
