//! A mask's values on the GPU: logits as they came from the pixel decoder, or painted pixels.

use std::sync::Arc;

use glamm_engine::vision::MaskLogits;
use wgpu::util::DeviceExt as _;

use crate::document::{EditedMask, GroundedMask};

/// Pixels of a painted mask that share a texel, across and down: a channel for each row, a bit for each pixel.
/// Mirrored in `shaders/common/logits.wgsl`.
const BLOCK: (usize, usize) = (8, 4);

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
        match mask.painted() {
            Some(painted) => (Self::Painted(Arc::clone(painted)), 0.5),
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

/// Values of a mask as a grid of cells: the pixel decoder's, or the pixels of the picture.
pub(super) struct Grid {
    /// Cells across and down that show the picture; may end within a cell.
    pub(super) content: [f32; 2],
    /// Cells for each pixel of the frame: the values are interpolated to the frame first, and from there
    /// to the picture. 1 where the cells are the frame.
    pub(super) cells_per_frame_pixel: f32,
    /// Number of the frame's last column and row that show the picture.
    pub(super) frame_last: [f32; 2],
    values: Values,
    /// Width and height of the texture.
    texture: (usize, usize),
    /// What [`Self::extent`] last found, and for which threshold.
    extent: Option<(f32, Option<[f32; 4]>)>,
}

enum Values {
    /// A texel for each cell, row-major.
    Logits(Arc<MaskLogits>),
    /// Blocks of pixels, row-major and without regard to the rows of the texture; and the pixels inside: left,
    /// top, right, bottom.
    Painted(Arc<EditedMask>, Option<[usize; 4]>),
}

impl Grid {
    /// `None` where the mask has a size that cannot be drawn.
    pub(super) fn new(texels: &Texels, max_side: usize) -> Option<Self> {
        match texels {
            Texels::Logits(mask) => Self::of_logits(mask, max_side),
            Texels::Painted(edited) => Self::of_painted(edited, max_side),
        }
    }

    fn of_logits(mask: &Arc<MaskLogits>, max_side: usize) -> Option<Self> {
        let usable = mask.side > 0 && mask.side <= max_side;
        if !usable || mask.logits.len() != mask.side * mask.side {
            return None;
        }
        let cells_per_frame_pixel = mask.side as f32 / mask.frame.max(1) as f32;
        let (columns, rows) = mask.content;
        Some(Self {
            content: [columns, rows].map(|pixels| pixels as f32 * cells_per_frame_pixel),
            cells_per_frame_pixel,
            frame_last: [columns, rows].map(|pixels| pixels.saturating_sub(1) as f32),
            values: Values::Logits(Arc::clone(mask)),
            texture: (mask.side, mask.side),
            extent: None,
        })
    }

    fn of_painted(edited: &Arc<EditedMask>, max_side: usize) -> Option<Self> {
        let blocks = blocks_of(edited);
        let width = (blocks.isqrt() + 1).min(max_side);
        let texture = (width, blocks.div_ceil(width));
        if blocks == 0 || texture.1 > max_side {
            return None;
        }
        let inside = edited.bounding_box().map(|around| [around.x0, around.y0, around.x1, around.y1]);
        let (width, height) = edited.size();
        Some(Self {
            content: [width, height].map(|pixels| pixels as f32),
            cells_per_frame_pixel: 1.0,
            frame_last: [width, height].map(|pixels| (pixels - 1) as f32),
            values: Values::Painted(Arc::clone(edited), inside.map(|sides| sides.map(|at| at as usize))),
            texture,
            extent: None,
        })
    }

    /// Whether the values were painted by hand.
    pub(super) fn is_painted(&self) -> bool {
        matches!(self.values, Values::Painted(..))
    }

    /// Of its texture: four for a logit or for a block of pixels.
    pub(super) fn bytes(&self) -> usize {
        self.texture.0 * self.texture.1 * 4
    }

    /// Makes the texture.
    pub(super) fn upload(&self, device: &wgpu::Device, queue: &wgpu::Queue) -> wgpu::TextureView {
        let painted;
        let (format, bytes): (_, &[u8]) = match &self.values {
            Values::Logits(mask) => (wgpu::TextureFormat::R32Float, bytemuck::cast_slice(&mask.logits)),
            Values::Painted(edited, _) => {
                painted = bits(edited, self.texture.0 * self.texture.1);
                (wgpu::TextureFormat::Rgba8Unorm, bytemuck::cast_slice(&painted))
            }
        };
        let (width, height) = (self.texture.0 as u32, self.texture.1 as u32);
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
        let cells = match &self.values {
            Values::Logits(mask) => cells_inside(mask, threshold),
            Values::Painted(_, inside) => *inside,
        };
        let found = cells.map(|cells| self.with_margin(cells));
        self.extent = Some((threshold, found));
        found
    }

    fn with_margin(&self, [left, top, right, bottom]: [usize; 4]) -> [f32; 4] {
        /// Interpolation, to the frame and to the picture, and outlines reach beyond the cells inside.
        const MARGIN: usize = 3;
        [
            left.saturating_sub(MARGIN) as f32,
            top.saturating_sub(MARGIN) as f32,
            ((right + MARGIN) as f32).min(self.content[0]),
            ((bottom + MARGIN) as f32).min(self.content[1]),
        ]
    }
}

/// Left, top, right and bottom of the cells above the threshold.
fn cells_inside(mask: &MaskLogits, threshold: f32) -> Option<[usize; 4]> {
    let (mut left, mut top, mut right, mut bottom) = (usize::MAX, usize::MAX, 0, 0);
    for (at, _) in mask.logits.iter().enumerate().filter(|(_, logit)| **logit > threshold) {
        let (column, row) = (at % mask.side, at / mask.side);
        (left, right) = (left.min(column), right.max(column + 1));
        (top, bottom) = (top.min(row), bottom.max(row + 1));
    }
    (right > 0).then_some([left, top, right, bottom])
}

/// Blocks of pixels from one row of blocks to the next.
fn blocks_across(mask: &EditedMask) -> usize {
    (mask.size().0 as usize).div_ceil(BLOCK.0)
}

fn blocks_of(mask: &EditedMask) -> usize {
    blocks_across(mask) * (mask.size().1 as usize).div_ceil(BLOCK.1)
}

/// The pixels inside as set bits, in so many blocks, of which the last ones may be left over.
fn bits(mask: &EditedMask, blocks: usize) -> Vec<[u8; BLOCK.1]> {
    let across = blocks_across(mask);
    let mut bits = vec![[0; BLOCK.1]; blocks];
    for (y, pixels) in mask.row_runs() {
        let (band, row) = (y as usize / BLOCK.1, y as usize % BLOCK.1);
        let (start, end) = (pixels.start as usize, pixels.end as usize);
        let reached = start / BLOCK.0..end.div_ceil(BLOCK.0);
        let touched = bits.iter_mut().skip(band * across).take(across).enumerate();
        for (column, block) in touched.take(reached.end).skip(reached.start) {
            let left = column * BLOCK.0;
            let (from, to) = (start.saturating_sub(left), (end - left).min(BLOCK.0));
            block[row] |= (0xff_u8 << from) & (0xff_u8 >> (BLOCK.0 - to));
        }
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;
    use glamm_engine::vision::BinaryMask;

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
    fn painted_pixels_are_bits_of_blocks() {
        let shapes: [fn(u32, u32) -> bool; 5] = [
            |_, _| true,
            |x, y| (x + y) % 3 == 0,
            |x, y| x > 4 && y > 1,
            |x, y| y == 3 || x == 10,
            |x, y| (7..17).contains(&x) && y > 4,
        ];
        for (shape, max_side) in shapes.into_iter().flat_map(|shape| [(shape, 8192), (shape, 4), (shape, 3)])
        {
            let painted = BinaryMask::from_fn(21, 11, shape);
            let edited = Arc::new(EditedMask::from(&painted));
            let mut grid = Grid::new(&Texels::Painted(Arc::clone(&edited)), max_side).unwrap();
            assert_eq!((grid.content, grid.frame_last), ([21.0, 11.0], [20.0, 10.0]));
            assert!(grid.texture.0 <= max_side && grid.texture.1 <= max_side, "{:?}", grid.texture);
            let blocks = bits(&edited, grid.texture.0 * grid.texture.1);
            assert!(blocks.len() >= 3 * 3);
            for (x, y) in (0..11).flat_map(|y| (0..21).map(move |x| (x, y))) {
                let block = blocks[(y / 4 * 3 + x / 8) as usize];
                let found = block[(y % 4) as usize] >> (x % 8) & 1 == 1;
                assert_eq!(found, painted.contains(x, y), "{x} {y} of at most {max_side}");
            }
            let count: u32 = blocks.iter().flatten().map(|byte| byte.count_ones()).sum();
            assert_eq!(u64::from(count), painted.area() as u64, "nothing beside the picture");
            assert!(grid.extent(0.5).is_some());
        }
        let empty = Texels::Painted(Arc::new(EditedMask::from(&BinaryMask::empty(9, 9))));
        assert_eq!(Grid::new(&empty, 8192).unwrap().extent(0.5), None);
        let large = Texels::Painted(Arc::new(EditedMask::from(&BinaryMask::empty(64, 64))));
        assert!(Grid::new(&large, 11).is_none(), "128 blocks do not fit into 121 texels");
    }
}
