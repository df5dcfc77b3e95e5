//! A mask's values on the GPU: logits as they came from the pixel decoder, or painted pixels.

use std::sync::Arc;

use glamm_engine::vision::{BinaryMask, MaskLogits};
use wgpu::util::DeviceExt as _;

use crate::document::{EditedMask, GroundedMask};

/// Painted masks of larger pictures are uploaded at a fraction of their size.
const PAINTED_SIDE: usize = 4096;

/// What a mask is drawn from. Clones share it.
#[derive(Debug, Clone)]
pub enum Texels {
    /// A pixel decoder's values.
    Logits(Arc<MaskLogits>),
    /// Painted by hand: 1 inside, 0 outside.
    Painted(Arc<EditedMask>),
}

impl Texels {
    /// The values of a mask, and the threshold above which they are inside.
    pub fn of(mask: &GroundedMask) -> (Self, f32) {
        match &mask.edited {
            Some(edited) => (Self::Painted(Arc::clone(edited)), 0.5),
            None => (Self::Logits(Arc::clone(mask.logits())), mask.threshold),
        }
    }

    /// The same for as long as the values live, and of no others meanwhile.
    pub(super) fn address(&self) -> usize {
        match self {
            Self::Logits(logits) => Arc::as_ptr(logits).addr(),
            Self::Painted(edited) => Arc::as_ptr(edited).addr(),
        }
    }
}

/// Values of a mask as a grid.
pub(super) struct Grid {
    /// Cells across and down that are stored.
    size: (usize, usize),
    /// Cells across and down that show the picture; may end within a cell.
    pub(super) content: [f32; 2],
    /// One value a cell, row-major.
    values: Values,
    /// What [`Self::extent`] last found, and for which threshold.
    extent: Option<(f32, Option<[f32; 4]>)>,
}

enum Values {
    Logits(Arc<MaskLogits>),
    /// From 0 to 255.
    Shares(Vec<u8>),
}

impl Grid {
    /// `None` where the mask has a size that cannot be drawn.
    pub(super) fn new(texels: &Texels, max_side: usize) -> Option<Self> {
        let (size, content, values) = match texels {
            Texels::Logits(mask) => {
                let usable = mask.side > 0 && mask.side <= max_side;
                if !usable || mask.logits.len() != mask.side * mask.side {
                    return None;
                }
                let cells = |content: usize| content as f32 * mask.side as f32 / mask.frame.max(1) as f32;
                let content = [cells(mask.content.0), cells(mask.content.1)];
                ((mask.side, mask.side), content, Values::Logits(Arc::clone(mask)))
            }
            Texels::Painted(edited) => {
                let (width, height) = edited.size();
                let step = (width.max(height) as usize).div_ceil(PAINTED_SIDE.min(max_side)).max(1);
                let size = ((width as usize).div_ceil(step), (height as usize).div_ceil(step));
                if size.0 == 0 || size.1 == 0 {
                    return None;
                }
                let content = [width as f32 / step as f32, height as f32 / step as f32];
                (size, content, Values::Shares(shares(&edited.to_binary(), size, step)))
            }
        };
        Some(Self { size, content, values, extent: None })
    }

    pub(super) fn upload(&self, device: &wgpu::Device, queue: &wgpu::Queue) -> wgpu::TextureView {
        let (format, bytes): (_, &[u8]) = match &self.values {
            Values::Logits(mask) => (wgpu::TextureFormat::R32Float, bytemuck::cast_slice(&mask.logits)),
            Values::Shares(shares) => (wgpu::TextureFormat::R8Unorm, shares),
        };
        let (width, height) = (self.size.0 as u32, self.size.1 as u32);
        let descriptor = wgpu::TextureDescriptor {
            label: Some("mask values"),
            size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format,
            usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
            view_formats: &[],
        };
        let order = wgpu::util::TextureDataOrder::LayerMajor;
        let texture = device.create_texture_with_data(queue, &descriptor, order, bytes);
        texture.create_view(&wgpu::TextureViewDescriptor::default())
    }

    /// All of the grid that shows the picture: left, top, right, bottom, in cells.
    pub(super) fn whole(&self) -> [f32; 4] {
        [0.0, 0.0, self.content[0], self.content[1]]
    }

    /// The part of it that holds all values above the threshold, and the outline around them. `None`
    /// where there are none.
    pub(super) fn extent(&mut self, threshold: f32) -> Option<[f32; 4]> {
        if let Some((of, found)) = self.extent
            && of.to_bits() == threshold.to_bits()
        {
            return found;
        }
        let found = match &self.values {
            Values::Logits(mask) => self.extent_of(mask.logits.iter().map(|&logit| logit > threshold)),
            Values::Shares(shares) => self.extent_of(shares.iter().map(|&share| share > 0)),
        };
        self.extent = Some((threshold, found));
        found
    }

    fn extent_of(&self, inside: impl Iterator<Item = bool>) -> Option<[f32; 4]> {
        /// Cubics and outlines reach beyond the cells inside.
        const MARGIN: usize = 3;
        let (mut left, mut top, mut right, mut bottom) = (usize::MAX, usize::MAX, 0, 0);
        for (at, _) in inside.enumerate().filter(|(_, inside)| *inside) {
            let (column, row) = (at % self.size.0, at / self.size.0);
            (left, right) = (left.min(column), right.max(column + 1));
            (top, bottom) = (top.min(row), bottom.max(row + 1));
        }
        (right > 0).then(|| {
            [
                left.saturating_sub(MARGIN) as f32,
                top.saturating_sub(MARGIN) as f32,
                ((right + MARGIN) as f32).min(self.content[0]),
                ((bottom + MARGIN) as f32).min(self.content[1]),
            ]
        })
    }
}

/// Share of each square of `step` pixels a side that is inside.
fn shares(mask: &BinaryMask, (columns, rows): (usize, usize), step: usize) -> Vec<u8> {
    let width = mask.width() as usize;
    let mut counts = vec![0u32; columns * rows];
    for (y, line) in mask.pixels().chunks_exact(width.max(1)).enumerate() {
        let cells = &mut counts[y / step * columns..][..columns];
        for (cell, pixels) in cells.iter_mut().zip(line.chunks(step)) {
            *cell += pixels.iter().filter(|&&inside| inside).count() as u32;
        }
    }
    let all = (step * step) as u32;
    counts.into_iter().map(|count| (count * 255 / all) as u8).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn the_extent_holds_the_mask_and_stays_on_the_image() {
        let grid = |inside: &[usize]| {
            let mut logits = vec![-1.0; 20 * 20];
            for &at in inside {
                logits[at] = 1.0;
            }
            // The image takes the upper half of the frame.
            let (content, image_size) = ((40, 20), (80, 40));
            let mask = MaskLogits { side: 20, logits, frame: 40, content, image_size, predicted_iou: 1.0 };
            Grid::new(&Texels::Logits(Arc::new(mask)), 8192).unwrap()
        };
        assert_eq!(grid(&[]).extent(0.0), None);
        assert_eq!(grid(&[5 * 20 + 10]).extent(0.0), Some([7.0, 2.0, 14.0, 9.0]));
        let mut corners = grid(&[0, 9 * 20 + 19]);
        assert_eq!(corners.extent(0.0), Some([0.0, 0.0, 20.0, 10.0]));
        assert_eq!(corners.extent(2.0), None, "the threshold counts");
        assert_eq!(corners.extent(-2.0), Some(corners.whole()));
    }

    #[test]
    fn painted_masks_are_made_to_fit() {
        let painted = BinaryMask::from_fn(10, 5, |x, y| x < 3 && y < 2);
        let texels = || Texels::Painted(Arc::new(EditedMask::from(&painted)));
        let whole = Grid::new(&texels(), 8192).unwrap();
        assert_eq!((whole.size, whole.content), ((10, 5), [10.0, 5.0]));
        let half = Grid::new(&texels(), 5).unwrap();
        assert_eq!((half.size, half.content), ((5, 3), [5.0, 2.5]));
        let Values::Shares(shares) = half.values else { panic!("painted") };
        assert_eq!(shares[..3], [255, 127, 0]);
        assert!(shares[5..].iter().all(|&share| share == 0));
    }
}
