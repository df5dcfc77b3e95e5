//! Masks as PNG: each one black and white, or all of a picture with a palette.

use glamm_engine::vision::BinaryMask;
use image::ExtendedColorType;
use serde::Serialize;

use super::annotations::Object;
use super::{Writer, plain_name};
use crate::document::Picture;
use crate::storage::{StorageError, encode_png};

/// What the numbers of a picture's indexed masks mean.
#[derive(Debug, Serialize)]
pub(super) struct Legend {
    file: String,
    /// In the order of their numbers, from 1.
    masks: Vec<LegendEntry>,
}

#[derive(Debug, Serialize)]
struct LegendEntry {
    number: usize,
    phrase: String,
    color: String,
    /// "edited" or "changed", where the pixels are others than those given.
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<&'static str>,
}

/// Where a mask goes: `masks/picture/01-a-red-car.png`.
pub(super) fn binary_path(stem: &str, place: usize, object: &Object) -> String {
    let words = plain_name(&object.phrase);
    format!("masks/{stem}/{:02}-{words}.png", place + 1)
}

/// Writes each mask: 8-bit grey, 255 inside.
pub(super) fn write_binary(
    writer: &mut Writer<'_>,
    stem: &str,
    objects: &[Object],
) -> Result<(), StorageError> {
    for (place, object) in objects.iter().filter(|object| object.mask.is_some()).enumerate() {
        let Some(mask) = object.binary() else { continue };
        let grey: Vec<u8> = mask.pixels().iter().map(|&inside| u8::from(inside) * 255).collect();
        let encoded = encode_png(&grey, (mask.width(), mask.height()), ExtendedColorType::L8);
        writer.encoded(&binary_path(stem, place, object), encoded)?;
    }
    Ok(())
}

/// More masks than this do not fit into a byte; the rest has the last number.
const MAX_INDEX: usize = 255;

/// What is to be said of masks that share the last number.
pub(super) fn beyond_index(objects: &[Object]) -> Option<String> {
    let count = objects.iter().filter(|object| object.mask.is_some()).count();
    (count > MAX_INDEX).then(|| {
        let shared = count - MAX_INDEX + 1;
        format!("numbers of their own for the last {shared} masks (indexed, they all are {MAX_INDEX})")
    })
}

/// Writes all masks of a picture with a palette; smaller masks lie on top of larger ones.
pub(super) fn write_indexed(
    writer: &mut Writer<'_>,
    stem: &str,
    picture: &Picture,
    objects: &[Object],
) -> Result<Legend, StorageError> {
    let (width, height) = picture.size;
    let with_masks: Vec<&Object> = objects.iter().filter(|object| object.mask.is_some()).collect();
    let area = |object: &Object| object.mask.as_ref().map_or(0.0, |mask| mask.coverage);
    let mut order: Vec<usize> = (0..with_masks.len()).collect();
    order.sort_by(|&a, &b| area(with_masks[b]).total_cmp(&area(with_masks[a])));
    let mut indices = vec![0_u8; width as usize * height as usize];
    for index in order {
        let number = (index + 1).min(MAX_INDEX) as u8;
        let mask = with_masks[index].binary().unwrap_or_else(|| BinaryMask::empty(width, height));
        for (at, _) in mask.pixels().iter().enumerate().filter(|(_, inside)| **inside) {
            if let Some(slot) = indices.get_mut(at) {
                *slot = number;
            }
        }
    }
    let colors = with_masks.iter().take(MAX_INDEX).flat_map(|object| object.color.array());
    let palette: Vec<u8> = [0, 0, 0].into_iter().chain(colors).collect();
    let file = format!("indexed/{stem}.png");
    let encoded = encode_indexed(&indices, width, height, &palette);
    writer.encoded(&file, encoded)?;
    let entry = |(place, object): (usize, &&Object)| LegendEntry {
        number: (place + 1).min(MAX_INDEX),
        phrase: object.phrase.clone(),
        color: object.color.hex(),
        change: object.change(),
    };
    Ok(Legend { file: format!("{stem}.png"), masks: with_masks.iter().enumerate().map(entry).collect() })
}

fn encode_indexed(indices: &[u8], width: u32, height: u32, palette: &[u8]) -> image::ImageResult<Vec<u8>> {
    let failed = |error: png::EncodingError| {
        image::ImageError::Encoding(image::error::EncodingError::new(
            image::error::ImageFormatHint::Exact(image::ImageFormat::Png),
            error,
        ))
    };
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_palette(palette);
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(indices).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(bytes)
}
