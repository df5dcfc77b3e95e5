//! Pictures on the GPU: the tiles that are or were on the screen, and thumbnails.
//!
//! Owned by the application; used by the canvas and the filmstrip. Tiles are cut out on a thread of
//! their own and handed to the GPU a few a frame; until one is there, a coarser one shows in its
//! place. What was not seen for longest makes room.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crossbeam::channel::{Receiver, Sender, bounded};
use egui::{
    ColorImage, Context, Rect, TextureFilter, TextureHandle, TextureId, TextureOptions, TextureWrapMode,
};
use glamm_engine::protocol::ImageId;

use super::tiles::{TileKey, tiles_in};
use crate::pictures::pixels::Pixels;

/// Tiles on the GPU, each of about a megabyte; those on the screen always stay.
const MAX_TILES: usize = 192;
/// Thumbnails on the GPU: more than the filmstrip shows at once. Those not asked for for longest make room.
const MAX_THUMBNAILS: usize = 256;
/// Tiles that may wait to be cut out.
const MAX_WAITING: usize = 64;
/// Tiles handed to the GPU in one frame.
const MAX_UPLOADS: usize = 12;

/// Smoothed where pixels are smaller than the screen's, squares where they are larger.
const TILE_OPTIONS: TextureOptions = TextureOptions {
    magnification: TextureFilter::Nearest,
    minification: TextureFilter::Linear,
    wrap_mode: TextureWrapMode::ClampToEdge,
    mipmap_mode: None,
};

/// A part of a picture to be drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Patch {
    /// The texture.
    pub texture: TextureId,
    /// What it shows, in pixels of the picture.
    pub on_image: Rect,
    /// The part of the texture that shows it.
    pub uv: Rect,
}

struct Tile {
    texture: TextureHandle,
    /// The frame in which it was last drawn.
    seen: u64,
}

/// Textures of pictures.
pub struct Textures {
    tiles: HashMap<TileKey, Tile>,
    waiting: HashSet<TileKey>,
    /// And when each was last asked for.
    thumbnails: HashMap<ImageId, (TextureHandle, u64)>,
    thumbnails_asked: u64,
    /// Of pictures that are still being opened.
    previews: HashMap<ImageId, TextureHandle>,
    cutter: Cutter,
    frame: u64,
}

impl Textures {
    /// No textures yet; starts the thread that cuts tiles out. `wake` is called after each.
    ///
    /// # Errors
    /// Where the system has no thread to give.
    pub fn start(wake: impl Fn() + Send + 'static) -> std::io::Result<Self> {
        Ok(Self {
            tiles: HashMap::new(),
            waiting: HashSet::new(),
            thumbnails: HashMap::new(),
            thumbnails_asked: 0,
            previews: HashMap::new(),
            cutter: Cutter::start(wake)?,
            frame: 0,
        })
    }

    /// What to draw, in this order, to show a part of the picture (in its pixels) at `scale`
    /// physical pixels per image pixel. Called once a frame.
    pub fn patches(
        &mut self,
        ctx: &Context,
        image: ImageId,
        pixels: &Arc<Pixels>,
        part: Rect,
        scale: f32,
    ) -> Vec<Patch> {
        self.frame += 1;
        self.take_up(ctx);
        let size = pixels.size();
        let (level, coarsest) = (pixels.level_for(scale), pixels.coarsest());
        let wanted = tiles_in(image, size, level, part);
        let missing: Vec<TileKey> =
            wanted.iter().filter(|key| !self.tiles.contains_key(key)).copied().collect();
        let mut keys = Vec::new();
        if !missing.is_empty() {
            // The coarsest level is one tile, and made at once.
            for key in tiles_in(image, size, coarsest, part) {
                self.tiles.entry(key).or_insert_with(|| Tile::new(ctx, key, key.cut(pixels.level(coarsest))));
            }
            for key in missing.into_iter().filter(|_| level < coarsest) {
                self.order(key, pixels);
            }
            for halvings in (level + 1..=coarsest).rev() {
                keys.extend(tiles_in(image, size, halvings, part));
            }
        }
        keys.extend(wanted);
        let mut patches = Vec::with_capacity(keys.len());
        for key in keys {
            let Some(tile) = self.tiles.get_mut(&key) else { continue };
            tile.seen = self.frame;
            let place = key.placement(size);
            patches.push(Patch { texture: tile.texture.id(), on_image: place.on_image, uv: place.uv });
        }
        self.make_room();
        patches
    }

    /// Hands tiles that are ready to the GPU.
    fn take_up(&mut self, ctx: &Context) {
        for (key, tile) in self.cutter.ready.try_iter().take(MAX_UPLOADS) {
            if self.waiting.remove(&key) {
                let mut tile = Tile::new(ctx, key, tile);
                tile.seen = self.frame;
                self.tiles.insert(key, tile);
            }
        }
        if !self.cutter.ready.is_empty() {
            ctx.request_repaint();
        }
    }

    /// Has a tile cut out, unless too many wait: it is asked for again in a later frame.
    fn order(&mut self, key: TileKey, pixels: &Arc<Pixels>) {
        if self.waiting.len() < MAX_WAITING
            && !self.waiting.contains(&key)
            && self.cutter.orders.try_send((key, Arc::clone(pixels))).is_ok()
        {
            self.waiting.insert(key);
        }
    }

    fn make_room(&mut self) {
        let surplus = self.tiles.len().saturating_sub(MAX_TILES);
        if surplus == 0 {
            return;
        }
        let mut unseen: Vec<(u64, TileKey)> = self
            .tiles
            .iter()
            .filter(|(_, tile)| tile.seen < self.frame)
            .map(|(key, tile)| (tile.seen, *key))
            .collect();
        unseen.sort_unstable_by_key(|(seen, _)| *seen);
        for (_, key) in unseen.into_iter().take(surplus) {
            self.tiles.remove(&key);
        }
    }

    /// The texture of a small copy of a picture that is being opened.
    pub fn preview(&mut self, ctx: &Context, image: ImageId, preview: &Arc<ColorImage>) -> &TextureHandle {
        self.previews.entry(image).or_insert_with(|| {
            let name = format!("preview {}", image.0);
            ctx.load_texture(name, Arc::clone(preview), TextureOptions::LINEAR)
        })
    }

    /// The texture of the thumbnail.
    pub fn thumbnail(
        &mut self,
        ctx: &Context,
        image: ImageId,
        thumbnail: &Arc<ColorImage>,
    ) -> &TextureHandle {
        self.previews.remove(&image);
        self.thumbnails_asked += 1;
        if self.thumbnails.len() >= MAX_THUMBNAILS && !self.thumbnails.contains_key(&image) {
            let oldest = self.thumbnails.iter().min_by_key(|(_, (_, asked))| *asked).map(|(image, _)| *image);
            self.thumbnails.retain(|image, _| Some(*image) != oldest);
        }
        let make = || {
            let name = format!("thumbnail {}", image.0);
            (ctx.load_texture(name, Arc::clone(thumbnail), TextureOptions::LINEAR), 0)
        };
        let (texture, asked) = self.thumbnails.entry(image).or_insert_with(make);
        *asked = self.thumbnails_asked;
        texture
    }

    /// Forgets a picture that was closed.
    pub fn forget(&mut self, image: ImageId) {
        self.tiles.retain(|key, _| key.image != image);
        self.waiting.retain(|key| key.image != image);
        self.thumbnails.remove(&image);
        self.previews.remove(&image);
    }
}

impl Tile {
    fn new(ctx: &Context, key: TileKey, pixels: ColorImage) -> Self {
        let name = format!("picture {} {}/{}/{}", key.image.0, key.halvings, key.column, key.row);
        Self { texture: ctx.load_texture(name, pixels, TILE_OPTIONS), seen: 0 }
    }
}

/// The thread that cuts tiles out of pictures; it ends with its owner.
struct Cutter {
    orders: Sender<(TileKey, Arc<Pixels>)>,
    ready: Receiver<(TileKey, ColorImage)>,
}

impl Cutter {
    fn start(wake: impl Fn() + Send + 'static) -> std::io::Result<Self> {
        let (orders, waiting) = bounded::<(TileKey, Arc<Pixels>)>(MAX_WAITING);
        let (done, ready) = bounded(MAX_WAITING);
        let work = move || {
            for (key, pixels) in waiting {
                let tile = key.cut(pixels.level(key.halvings));
                if done.send((key, tile)).is_err() {
                    return;
                }
                wake();
            }
        };
        std::thread::Builder::new().name("picture-tiles".to_owned()).spawn(work)?;
        Ok(Self { orders, ready })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thumbnails_that_were_not_asked_for_for_longest_make_room() {
        let (ctx, mut textures) = (Context::default(), Textures::start(|| ()).unwrap());
        let small = Arc::new(ColorImage::filled([2, 2], egui::Color32::RED));
        let first = textures.thumbnail(&ctx, ImageId(0), &small).id();
        for image in 1..3 * MAX_THUMBNAILS as u64 {
            textures.thumbnail(&ctx, ImageId(image), &small);
            assert_eq!(textures.thumbnail(&ctx, ImageId(0), &small).id(), first, "this one is in sight");
        }
        assert_eq!(textures.thumbnails.len(), MAX_THUMBNAILS);
    }
}
