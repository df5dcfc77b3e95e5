//! Pictures on the GPU: one texture for each level that is or was on the screen, and thumbnails.
//!
//! Owned by the application; used by the canvas and the filmstrip. Uploading happens on the first
//! frame that shows a level, from pixels that the loader made ready.

use std::collections::HashMap;
use std::sync::Arc;

use egui::{TextureFilter, TextureHandle, TextureOptions, TextureWrapMode};
use glamm_engine::protocol::ImageId;

use crate::pixels::Pixels;

/// From here on a pixel of the picture is a square on the screen; below, pictures are smoothed.
const SHARP_FROM: f32 = 8.0;

fn options(sharp: bool) -> TextureOptions {
    TextureOptions {
        magnification: if sharp { TextureFilter::Nearest } else { TextureFilter::Linear },
        minification: TextureFilter::Linear,
        wrap_mode: TextureWrapMode::ClampToEdge,
        mipmap_mode: None,
    }
}

/// Textures of pictures.
#[derive(Default)]
pub struct Textures {
    /// By picture, halvings, and whether its pixels are drawn as squares.
    levels: HashMap<(ImageId, u32, bool), TextureHandle>,
    thumbnails: HashMap<ImageId, TextureHandle>,
}

impl Textures {
    /// The texture for showing the picture with `scale` physical pixels per image pixel.
    pub fn level(
        &mut self,
        ctx: &egui::Context,
        image: ImageId,
        pixels: &Pixels,
        scale: f32,
    ) -> Option<&TextureHandle> {
        let level = pixels.level_for(scale)?;
        // Other levels of this picture can come back; those of other pictures make room.
        self.levels.retain(|(other, ..), _| *other == image);
        let sharp = scale >= SHARP_FROM;
        let texture = self.levels.entry((image, level.halvings, sharp)).or_insert_with(|| {
            ctx.load_texture(format!("picture {}", image.0), Arc::clone(&level.image), options(sharp))
        });
        Some(texture)
    }

    /// The texture of the thumbnail.
    pub fn thumbnail(&mut self, ctx: &egui::Context, image: ImageId, pixels: &Pixels) -> &TextureHandle {
        self.thumbnails.entry(image).or_insert_with(|| {
            let name = format!("thumbnail {}", image.0);
            ctx.load_texture(name, Arc::clone(&pixels.thumbnail), TextureOptions::LINEAR)
        })
    }

    /// Forgets a picture that was closed.
    pub fn forget(&mut self, image: ImageId) {
        self.levels.retain(|(other, ..), _| *other != image);
        self.thumbnails.remove(&image);
    }
}
