//! Opening image files of every kind that users have: orientation, alpha, depth, colour space,
//! size, damage. The small files lie in `fixtures/images`, made by the script beside them.

#![allow(clippy::unwrap_used, reason = "a failed test should stop")]

use std::io::Cursor;
use std::path::{Path, PathBuf};

use glamm_engine::error::ImageError;
use glamm_engine::vision::{decode_image, load_image};
use image::{ImageEncoder, ImageFormat, Rgb, RgbImage};

/// Upper left, upper right, lower left, lower right quarter of the picture in most fixtures.
const QUARTERS: [[u8; 3]; 4] = [[220, 30, 30], [30, 200, 40], [40, 50, 210], [230, 220, 40]];

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/images").join(name)
}

fn open(name: &str) -> RgbImage {
    load_image(&fixture(name)).unwrap_or_else(|error| panic!("{error}"))
}

#[track_caller]
fn check_quarters(name: &str, tolerance: u8) {
    let picture = open(name);
    assert_eq!(picture.dimensions(), (16, 8), "{name}");
    for ((x, y), want) in [(1, 1), (14, 1), (1, 6), (14, 6)].into_iter().zip(QUARTERS) {
        let got = picture.get_pixel(x, y).0;
        let off = got.iter().zip(want).map(|(a, b)| a.abs_diff(b)).max();
        assert!(off <= Some(tolerance), "{name} at {x},{y}: {got:?}, not {want:?}");
    }
}

#[test]
fn every_exif_orientation_comes_out_upright() {
    for orientation in 1..=8 {
        check_quarters(&format!("exif_{orientation}.jpg"), 12);
    }
}

#[test]
fn cmyk_jpegs_have_their_colours() {
    check_quarters("cmyk.jpg", 12);
}

#[test]
fn every_format_is_read() {
    for name in ["plain.webp", "plain.bmp", "plain.tiff", "palette.png", "animated.gif"] {
        check_quarters(name, 0);
    }
}

#[test]
fn alpha_is_dropped_and_not_blended() {
    check_quarters("rgba.png", 0);
    let picture = open("grey_alpha.png");
    let values: Vec<u8> = picture.pixels().map(|p| p[0]).collect();
    assert_eq!(values, [0, 40, 80, 120, 160, 200, 240, 255]);
    assert!(picture.pixels().all(|p| p[0] == p[1] && p[1] == p[2]));
}

#[test]
fn of_sixteen_bits_the_upper_eight_stay() {
    check_quarters("rgb16.png", 0);
    let values: Vec<u8> = open("grey16.png").pixels().map(|p| p[1]).collect();
    assert_eq!(values, [0, 0, 1, 0x7f, 0x80, 0xfe, 0xff, 0xff]);
}

#[test]
fn small_and_bilevel_pictures_are_read() {
    assert_eq!(open("one_pixel.png").into_raw(), [12, 34, 56]);
    assert!(open("bilevel.png").pixels().all(|p| p.0 == [0; 3] || p.0 == [255; 3]));
}

#[test]
fn a_missing_file_is_named() {
    let error = load_image(&fixture("not there.png")).unwrap_err();
    assert!(matches!(error, ImageError::Read { .. }), "{error}");
    assert!(error.to_string().contains("not there.png"), "{error}");
}

#[test]
fn what_is_no_image_is_said_to_be_none() {
    for bytes in [&b""[..], b"x", b"just some text, no image at all", b"%PDF-1.7 and so on"] {
        let error = decode_image(bytes, Path::new("notes.txt")).unwrap_err();
        assert!(matches!(error, ImageError::UnknownFormat { .. }), "{error}");
        assert!(error.to_string().contains("notes.txt"), "{error}");
    }
}

#[test]
fn truncated_files_are_said_to_be_damaged() {
    let noise = RgbImage::from_fn(90, 70, |x, y| {
        let n = x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(2_246_822_519);
        Rgb([(n >> 8) as u8, (n >> 16) as u8, (n >> 24) as u8])
    });
    for format in [
        ImageFormat::Jpeg,
        ImageFormat::Png,
        ImageFormat::WebP,
        ImageFormat::Bmp,
        ImageFormat::Tiff,
        ImageFormat::Gif,
    ] {
        let mut bytes = Vec::new();
        noise.write_to(&mut Cursor::new(&mut bytes), format).unwrap();
        assert_eq!(decode_image(&bytes, Path::new("whole")).unwrap().dimensions(), (90, 70));
        for percent in [20, 50, 90] {
            let kept = bytes.len() * percent / 100;
            match decode_image(&bytes[..kept], Path::new("cut")) {
                Err(ImageError::Malformed { .. }) => {}
                other => panic!("{format:?} cut at {percent} %: {:?}", other.map(|p| p.dimensions())),
            }
        }
    }
}

#[test]
fn damaged_files_never_panic() {
    for entry in std::fs::read_dir(fixture("")).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x55;
            let _ = decode_image(&damaged, &path);
            let _ = decode_image(&bytes[..at], &path);
        }
    }
}

#[test]
fn a_hundred_megapixels_are_opened_and_more_than_the_limit_is_refused() {
    let png = |width, height| {
        let mut bytes = Vec::new();
        let encoder = image::codecs::png::PngEncoder::new_with_quality(
            Cursor::new(&mut bytes),
            image::codecs::png::CompressionType::Fast,
            image::codecs::png::FilterType::NoFilter,
        );
        let rows = vec![200u8; width as usize * height as usize];
        encoder.write_image(&rows, width, height, image::ExtendedColorType::L8).unwrap();
        bytes
    };
    let picture = decode_image(&png(10_000, 10_000), Path::new("large.png")).unwrap();
    assert_eq!(picture.dimensions(), (10_000, 10_000));
    assert_eq!(picture.get_pixel(9_999, 9_999), &Rgb([200; 3]));
    let error = decode_image(&png(20_001, 10_000), Path::new("larger.png")).unwrap_err();
    assert!(matches!(error, ImageError::TooLarge { width: 20_001, height: 10_000, .. }), "{error}");
}
