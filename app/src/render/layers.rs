//! Small pictures that the inspector makes: thumbnails of masks, maps in false colours. Made when
//! they are first shown; what was not shown for longest makes room.

use std::collections::HashMap;

use egui::{ColorImage, Context, TextureHandle, TextureId, TextureOptions};

/// Bytes that are kept on the GPU, and the texture that was asked for last.
const MAX_BYTES: usize = 64 << 20;

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
        let asked = self.asked;
        if let Some((texture, seen)) = self.textures.get_mut(&key) {
            *seen = asked;
            return texture.id();
        }
        let texture = ctx.load_texture(format!("layer {key}"), make(), TextureOptions::LINEAR);
        let id = texture.id();
        self.make_room(texture.byte_size());
        self.textures.insert(key, (texture, asked));
        id
    }

    /// Lets go of what was not shown for longest, until there is room for so many bytes.
    fn make_room(&mut self, wanted: usize) {
        let mut held: usize = self.textures.values().map(|(texture, _)| texture.byte_size()).sum();
        while held + wanted > MAX_BYTES {
            let oldest = self.textures.iter().min_by_key(|(_, (_, asked))| *asked).map(|(key, _)| *key);
            let Some((texture, _)) = oldest.and_then(|oldest| self.textures.remove(&oldest)) else { return };
            held -= texture.byte_size();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_shown_last_is_kept_as_far_as_there_is_room() {
        let ctx = Context::default();
        let mut layers = Layers::default();
        // A quarter of the room each.
        let quarter = || ColorImage::filled([2048, 2048], egui::Color32::RED);
        let mut made = 0;
        for key in [1, 2, 3, 4, 1, 5, 1, 2] {
            layers.get(&ctx, key, || {
                made += 1;
                quarter()
            });
        }
        assert_eq!((made, layers.textures.len()), (6, 4), "5 took the place of 2, and 2 that of 3");
    }
}
