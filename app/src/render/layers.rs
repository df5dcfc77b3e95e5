//! Small pictures that the inspector makes: thumbnails of masks, maps in false colours. Made when
//! they are first shown; what was not shown for longest makes room.

use std::collections::HashMap;

use egui::{ColorImage, Context, TextureHandle, TextureId, TextureOptions};

/// So many are kept.
const MAX_TEXTURES: usize = 64;

/// Textures by a number that says what is on them.
#[derive(Default)]
pub struct Layers {
    textures: HashMap<u64, (TextureHandle, u64)>,
    asked: u64,
}

impl Layers {
    /// The texture of this number; `make` is called where it is not there.
    pub fn get(&mut self, ctx: &Context, key: u64, make: impl FnOnce() -> ColorImage) -> TextureId {
        self.asked += 1;
        if self.textures.len() >= MAX_TEXTURES && !self.textures.contains_key(&key) {
            let oldest = self.textures.iter().min_by_key(|(_, (_, asked))| *asked).map(|(key, _)| *key);
            if let Some(oldest) = oldest {
                self.textures.remove(&oldest);
            }
        }
        let make = || (ctx.load_texture(format!("layer {key}"), make(), TextureOptions::LINEAR), 0);
        let (texture, asked) = self.textures.entry(key).or_insert_with(make);
        *asked = self.asked;
        texture.id()
    }
}
