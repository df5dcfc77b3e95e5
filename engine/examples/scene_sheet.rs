//! Writes a contact sheet of the picture world, to look at what the generator draws.
//!
//! ```text
//! cargo run -p glamm-engine --example scene_sheet -- OUT.png [FIRST_SEED] [COLUMNS] [ROWS] [masks]
//! ```
//!
//! With `masks`, every object's mask is outlined in a colour of its own and every part's is tinted.

use std::error::Error;

use glamm_engine::{
    scenes::{Scene, generate},
    vision::BinaryMask,
};
use image::{Rgb, RgbImage};

const OBJECTS: [[u8; 3]; 6] =
    [[255, 0, 0], [0, 220, 0], [0, 80, 255], [255, 240, 0], [255, 0, 255], [0, 240, 255]];
const PARTS: [[u8; 3]; 3] = [[255, 255, 255], [0, 0, 0], [255, 128, 0]];
const GAP: u32 = 4;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let out = arguments.next().ok_or("which file shall be written?")?;
    let first: u64 = arguments.next().map_or(Ok(0), |text| text.parse())?;
    let columns: u32 = arguments.next().map_or(Ok(6), |text| text.parse())?;
    let rows: u32 = arguments.next().map_or(Ok(5), |text| text.parse())?;
    let masks = arguments.next().is_some_and(|word| word == "masks");
    let step = Scene::SIZE + GAP;
    let mut sheet = RgbImage::new(columns * step, rows * step);
    for index in 0..columns * rows {
        let mut scene = generate(first + u64::from(index));
        if masks {
            show_masks(&mut scene);
        }
        let (x, y) = (index % columns * step, index / columns * step);
        image::imageops::replace(&mut sheet, &scene.image, i64::from(x), i64::from(y));
    }
    sheet.save(out)?;
    Ok(())
}

fn show_masks(scene: &mut Scene) {
    for (object, color) in scene.objects.iter().zip(OBJECTS) {
        blend(&mut scene.image, &object.mask, color, 0.15);
        for (part, color) in object.parts.iter().zip(PARTS) {
            blend(&mut scene.image, &part.mask, color, 0.35);
        }
    }
}

/// Tints a mask, and draws its border at full strength.
fn blend(image: &mut RgbImage, mask: &BinaryMask, color: [u8; 3], strength: f32) {
    for (x, y, Rgb(channels)) in image.enumerate_pixels_mut() {
        if !mask.contains(x, y) {
            continue;
        }
        let neighbours = [(x.wrapping_sub(1), y), (x + 1, y), (x, y.wrapping_sub(1)), (x, y + 1)];
        let border = neighbours.iter().any(|&(x, y)| !mask.contains(x, y));
        let amount = if border { 1.0 } else { strength };
        for (channel, target) in channels.iter_mut().zip(color) {
            let mixed = f32::from(*channel) * (1.0 - amount) + f32::from(target) * amount;
            *channel = mixed.round() as u8;
        }
    }
}
