//! What the encoders and the pixel decoder made of an image, as small maps for looking at.

use super::PixelBox;
use super::preprocess::{CropGeometry, FrameGeometry};

/// An encoder's features, each cell's reduced to three numbers by principal component analysis and
/// these shown as colours: cells of like colour have like features.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureMap {
    /// Cells across.
    pub columns: usize,
    /// Cells down.
    pub rows: usize,
    /// Red, green and blue of every cell, row-major: first, second and third component.
    pub rgb: Vec<[u8; 3]>,
    /// Share of the features' variance that each component holds.
    pub explained: [f32; 3],
    /// What the map shows, in pixels of the image; cells at the right and bottom may reach beyond it.
    pub covers: PixelBox,
}

/// What the mask tokens of one prompt looked at: the weights of the pixel decoder's token-to-image
/// attention, for each block and head.
#[derive(Debug, Clone, PartialEq)]
pub struct AttentionMaps {
    /// Attentions of tokens to the image: one in each block, and a last one.
    pub layers: usize,
    /// Heads of each.
    pub heads: usize,
    /// Cells across.
    pub columns: usize,
    /// Cells down.
    pub rows: usize,
    /// `layers × heads × rows × columns` weights. Of one head they sum to at most 1: what is missing
    /// went to the padding of the frame.
    pub weights: Vec<f32>,
    /// What the maps show, in pixels of the image.
    pub covers: PixelBox,
}

impl AttentionMaps {
    /// The map of one head, row-major; `None` where there is no such head.
    pub fn head(&self, layer: usize, head: usize) -> Option<&[f32]> {
        let cells = self.columns * self.rows;
        let at = (layer < self.layers && head < self.heads).then_some((layer * self.heads + head) * cells)?;
        self.weights.get(at..at + cells)
    }
}

/// All maps of an image.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureMaps {
    /// The global encoder's deepest features in use.
    pub global: FeatureMap,
    /// The grounding encoder's image embedding.
    pub grounding: FeatureMap,
    /// What a mask looked at, where one was asked about.
    pub attention: Option<AttentionMaps>,
}

/// The part of an image that the global encoder sees, in its pixels.
pub fn seen_by_global_encoder(image_size: (u32, u32), side: usize) -> PixelBox {
    let crop = CropGeometry::new(image_size, side);
    let (across, down) =
        (image_size.0 as f32 / crop.resized.0 as f32, image_size.1 as f32 / crop.resized.1 as f32);
    let (left, top) = crop.left_top;
    PixelBox {
        x0: left as f32 * across,
        y0: top as f32 * down,
        x1: (left + side) as f32 * across,
        y1: (top + side) as f32 * down,
    }
}

/// The square frame in which the grounding encoder sees an image, in the image's pixels: it begins
/// at the image's upper left corner and reaches beyond its shorter side, where it is padded.
pub fn frame_of_grounding_encoder(image_size: (u32, u32), side: usize) -> PixelBox {
    let frame = FrameGeometry::new(image_size, side);
    let (columns, rows) = frame.content;
    PixelBox {
        x0: 0.0,
        y0: 0.0,
        x1: side as f32 * image_size.0 as f32 / columns as f32,
        y1: side as f32 * image_size.1 as f32 / rows as f32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoders_see_what_their_geometry_says() {
        let wide = seen_by_global_encoder((200, 100), 50);
        assert_eq!(wide, PixelBox { x0: 50.0, y0: 0.0, x1: 150.0, y1: 100.0 });
        let tall = frame_of_grounding_encoder((100, 400), 64);
        assert_eq!(tall, PixelBox { x0: 0.0, y0: 0.0, x1: 400.0, y1: 400.0 });
    }

    #[test]
    fn heads_are_found_by_layer() {
        let maps = AttentionMaps {
            layers: 2,
            heads: 3,
            columns: 2,
            rows: 1,
            weights: (0..12).map(|i| i as f32).collect(),
            covers: PixelBox::default(),
        };
        assert_eq!(maps.head(1, 2), Some(&[10.0, 11.0][..]));
        assert_eq!(maps.head(2, 0), None);
        assert_eq!(maps.head(0, 3), None);
    }
}
