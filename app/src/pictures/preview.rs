//! A first look at a photograph before its pixels are decoded: the small copy that cameras put into
//! the EXIF block. Called by the loader thread; a large photograph takes seconds to decode, this
//! takes none.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use egui::ColorImage;
use exif::{In, Tag};
use image::metadata::Orientation;
use image::{DynamicImage, ImageFormat};

use crate::pictures::pixels::thumbnail;

/// Embedded copies are small; more is a damaged file.
const MOST_BYTES: usize = 1 << 20;

/// The copy inside the file, upright; `None` where there is none that can be read.
pub(crate) fn embedded(path: &Path) -> Option<ColorImage> {
    let mut file = BufReader::new(File::open(path).ok()?);
    let exif = exif::Reader::new().read_from_container(&mut file).ok()?;
    let number = |tag, of| exif.get_field(tag, of)?.value.get_uint(0);
    let from = number(Tag::JPEGInterchangeFormat, In::THUMBNAIL)? as usize;
    let length = number(Tag::JPEGInterchangeFormatLength, In::THUMBNAIL)? as usize;
    let bytes = exif.buf().get(from..from.checked_add(length.min(MOST_BYTES))?)?;
    let mut image = image::load_from_memory_with_format(bytes, ImageFormat::Jpeg).ok()?;
    let orientation = number(Tag::Orientation, In::PRIMARY).and_then(|o| Orientation::from_exif(o as u8));
    image.apply_orientation(orientation.unwrap_or(Orientation::NoTransforms));
    Some(thumbnail(&DynamicImage::into_rgb8(image)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{Rgb, RgbImage};
    use std::io::Cursor;

    fn jpeg(image: &RgbImage) -> Vec<u8> {
        let mut bytes = Vec::new();
        image.write_to(&mut Cursor::new(&mut bytes), ImageFormat::Jpeg).unwrap();
        bytes
    }

    /// A TIFF block with one directory for the picture (its orientation) and one for its copy.
    fn exif_block(orientation: u16, copy: &[u8]) -> Vec<u8> {
        let entry = |tag: u16, kind: u16, value: u32| {
            let mut bytes = Vec::new();
            bytes.extend(tag.to_le_bytes());
            bytes.extend(kind.to_le_bytes());
            bytes.extend(1_u32.to_le_bytes());
            bytes.extend(value.to_le_bytes());
            bytes
        };
        let mut block = b"II*\0\x08\0\0\0".to_vec();
        block.extend(1_u16.to_le_bytes());
        block.extend(entry(0x0112, 3, u32::from(orientation)));
        block.extend(26_u32.to_le_bytes());
        block.extend(2_u16.to_le_bytes());
        block.extend(entry(0x0201, 4, 56));
        block.extend(entry(0x0202, 4, copy.len() as u32));
        block.extend(0_u32.to_le_bytes());
        assert_eq!(block.len(), 56);
        block.extend(copy);
        block
    }

    fn photograph(block: &[u8]) -> Vec<u8> {
        let plain = jpeg(&RgbImage::from_pixel(640, 480, Rgb([90, 90, 90])));
        let mut bytes = plain[..2].to_vec();
        bytes.extend([0xff, 0xe1]);
        bytes.extend((block.len() as u16 + 8).to_be_bytes());
        bytes.extend(b"Exif\0\0");
        bytes.extend(block);
        bytes.extend(&plain[2..]);
        bytes
    }

    #[test]
    fn the_copy_of_a_camera_is_found_and_turned() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("photo.jpg");
        let copy = jpeg(&RgbImage::from_pixel(160, 120, Rgb([200, 30, 30])));
        std::fs::write(&path, photograph(&exif_block(6, &copy))).unwrap();
        let found = embedded(&path).unwrap();
        assert_eq!(found.size, [120, 160], "turned by 90 degrees");
        assert!(found.pixels[0].r() > 180 && found.pixels[0].g() < 60);
    }

    #[test]
    fn anything_else_has_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("photo.jpg");
        let plain = jpeg(&RgbImage::new(8, 8));
        let mut beyond = exif_block(1, &plain);
        beyond.truncate(70);
        for bytes in
            [plain.clone(), photograph(&exif_block(1, b"no picture")), photograph(&beyond), Vec::new()]
        {
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(embedded(&path), None);
        }
        assert_eq!(embedded(&folder.path().join("missing.jpg")), None);
    }
}
