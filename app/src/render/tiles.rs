//! Pictures cut into tiles, so that a picture may be larger than any texture and the GPU holds only
//! what is seen. Pure geometry and cutting; [`super::textures`] decides which tiles are there.
//!
//! Lengths are pixels of one level of the pyramid unless said otherwise.

use egui::{Color32, ColorImage, Pos2, Rect, pos2};
use glamm_engine::protocol::ImageId;
use image::RgbImage;

/// Pixels a side that a tile shows.
pub const SIDE: u32 = 512;
/// Pixels of the neighbours around it, so that smoothing does not end at its edge.
const APRON: u32 = 1;

/// Names a tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TileKey {
    /// Of which picture.
    pub image: ImageId,
    /// Of which level.
    pub halvings: u32,
    /// From the left.
    pub column: u32,
    /// From the top.
    pub row: u32,
}

/// What a tile shows, and what its texture holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Placement {
    /// In pixels of the picture itself.
    pub on_image: Rect,
    /// The same part, in texture coordinates.
    pub uv: Rect,
}

/// Size of a picture after some halvings.
pub fn level_size((width, height): (u32, u32), halvings: u32) -> (u32, u32) {
    let halve = |length: u32| (0..halvings).fold(length, |length, _| length.div_ceil(2));
    (halve(width), halve(height))
}

/// The tiles of a level that show a part of the picture, those in the middle of it first.
pub fn tiles_in(image: ImageId, size: (u32, u32), halvings: u32, part: Rect) -> Vec<TileKey> {
    let (width, height) = level_size(size, halvings);
    let per_tile = (u64::from(SIDE) << halvings.min(31)) as f32;
    let range = |from: f32, to: f32, length: u32| {
        let last = length.div_ceil(SIDE);
        let first = ((from / per_tile).floor().max(0.0) as u32).min(last);
        first..((to / per_tile).ceil().max(0.0) as u32).min(last)
    };
    let columns = range(part.left(), part.right(), width);
    let rows = range(part.top(), part.bottom(), height);
    let mut keys: Vec<TileKey> = rows
        .flat_map(|row| columns.clone().map(move |column| TileKey { image, halvings, column, row }))
        .collect();
    let middle = part.center();
    let distance = |key: &TileKey| {
        let at = pos2(key.column as f32 + 0.5, key.row as f32 + 0.5).to_vec2() * per_tile;
        (at.to_pos2() - middle).length_sq()
    };
    keys.sort_by(|a, b| distance(a).total_cmp(&distance(b)));
    keys
}

impl TileKey {
    /// Where it is.
    pub fn placement(self, size: (u32, u32)) -> Placement {
        let (from, to) = self.covered(level_size(size, self.halvings));
        let pixel = (1_u64 << self.halvings.min(31)) as f32;
        // The last pixels of a level may stand for less than a whole of its pixels.
        let end = |tile: u32, length: u32| ((tile + 1) as f32 * SIDE as f32).min(length as f32 / pixel);
        let start = pos2((self.column * SIDE) as f32, (self.row * SIDE) as f32);
        let shown = Rect::from_min_max(start, pos2(end(self.column, size.0), end(self.row, size.1)));
        let texture = |at: Pos2| {
            pos2(
                (at.x - from.0 as f32) / (to.0 - from.0).max(1) as f32,
                (at.y - from.1 as f32) / (to.1 - from.1).max(1) as f32,
            )
        };
        let on_image = Rect::from_min_max(
            (shown.min.to_vec2() * pixel).to_pos2(),
            (shown.max.to_vec2() * pixel).to_pos2(),
        );
        Placement { on_image, uv: Rect::from_min_max(texture(shown.min), texture(shown.max)) }
    }

    /// The pixels of its texture, its apron included.
    pub fn cut(self, level: &RgbImage) -> ColorImage {
        let (from, to) = self.covered(level.dimensions());
        let (width, height) = ((to.0 - from.0) as usize, (to.1 - from.1) as usize);
        let across = level.width() as usize;
        let bytes: &[u8] = level.as_raw();
        let mut pixels = Vec::with_capacity(width * height);
        for y in from.1..to.1 {
            let start = (y as usize * across + from.0 as usize) * 3;
            let row = bytes.get(start..start + width * 3).unwrap_or_default();
            pixels.extend(row.as_chunks::<3>().0.iter().map(|[r, g, b]| Color32::from_rgb(*r, *g, *b)));
        }
        ColorImage::new([width, height], pixels)
    }

    /// From and to, inside a level of this size.
    fn covered(self, (width, height): (u32, u32)) -> ((u32, u32), (u32, u32)) {
        let from = |tile: u32, length: u32| (tile * SIDE).saturating_sub(APRON).min(length);
        let to = |tile: u32, length: u32| ((tile + 1) * SIDE + APRON).min(length);
        ((from(self.column, width), from(self.row, height)), (to(self.column, width), to(self.row, height)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pictures::pixels::Pixels;
    use egui::vec2;
    use std::sync::Arc;

    const IMAGE: ImageId = ImageId(1);

    fn whole(size: (u32, u32)) -> Rect {
        Rect::from_min_size(Pos2::ZERO, vec2(size.0 as f32, size.1 as f32))
    }

    #[test]
    fn tiles_cover_the_picture_once() {
        for size in [(1, 1), (512, 512), (513, 100), (3000, 2001), (20_000, 3)] {
            for halvings in 0..4 {
                let keys = tiles_in(IMAGE, size, halvings, whole(size));
                let area: f32 = keys.iter().map(|key| key.placement(size).on_image.area()).sum();
                let wanted = size.0 as f32 * size.1 as f32;
                assert!((area - wanted).abs() < wanted * 1e-4, "{size:?} {halvings}: {area}");
                for key in keys {
                    let uv = key.placement(size).uv;
                    assert!(uv.min.x >= 0.0 && uv.max.x <= 1.0001 && uv.min.x < uv.max.x, "{uv:?}");
                }
            }
        }
    }

    #[test]
    fn only_what_is_seen_is_asked_for() {
        let part = Rect::from_min_max(pos2(600.0, 10.0), pos2(1100.0, 500.0));
        let keys = tiles_in(IMAGE, (4000, 4000), 0, part);
        let mut places: Vec<_> = keys.iter().map(|key| (key.column, key.row)).collect();
        places.sort_unstable();
        assert_eq!(places, [(1, 0), (2, 0)]);
        assert!(tiles_in(IMAGE, (4000, 4000), 0, part.translate(vec2(-9000.0, 0.0))).is_empty());
        assert_eq!(keys[0].column, 1, "the middle first");
    }

    #[test]
    fn a_tile_shows_the_pixels_of_its_place() {
        let size = (1300, 700);
        let rgb = RgbImage::from_fn(size.0, size.1, |x, y| image::Rgb([(x / 8) as u8, (y / 8) as u8, 9]));
        let pixels = Pixels::new(Arc::new(rgb));
        for key in tiles_in(IMAGE, size, 0, whole(size)) {
            let texture = key.cut(pixels.level(0));
            let Placement { on_image, uv } = key.placement(size);
            let [width, height] = texture.size;
            for share in [0.01, 0.5, 0.99] {
                let at = on_image.lerp_inside(vec2(share, share));
                let there = uv.lerp_inside(vec2(share, share));
                let (column, row) = ((there.x * width as f32) as usize, (there.y * height as f32) as usize);
                let found = texture.pixels[row * width + column];
                let wanted = pixels.rgb.get_pixel(at.x as u32, at.y as u32).0;
                assert_eq!([found.r(), found.g(), found.b()], wanted, "{key:?} {at:?}");
            }
        }
    }
}
