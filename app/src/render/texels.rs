//! A mask's values on the GPU: logits as they came from the pixel decoder, or painted pixels.

use std::sync::Arc;

use glamm_engine::vision::MaskLogits;
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

/// Values of a mask as a grid.
pub(super) struct Grid {
    /// Cells across and down that are stored.
    size: (usize, usize),
    /// Cells across and down that show the picture; may end within a cell.
    pub(super) content: [f32; 2],
    /// Cells for each pixel of the frame: the values are interpolated to the frame first, and from there
    /// to the picture. 1 where the cells are the frame.
    pub(super) cells_per_frame_pixel: f32,
    /// Number of the frame's last column and row that show the picture.
    pub(super) frame_last: [f32; 2],
    /// One value a cell, row-major.
    values: Values,
    /// What [`Self::extent`] last found, and for which threshold.
    extent: Option<(f32, Option<[f32; 4]>)>,
}

enum Values {
    Logits(Arc<MaskLogits>),
    /// From 0 to 255, and the cells that are not 0: left, top, right, bottom.
    Shares(Vec<u8>, Option<[usize; 4]>),
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
            size: (mask.side, mask.side),
            content: [columns, rows].map(|pixels| pixels as f32 * cells_per_frame_pixel),
            cells_per_frame_pixel,
            frame_last: [columns, rows].map(|pixels| pixels.saturating_sub(1) as f32),
            values: Values::Logits(Arc::clone(mask)),
            extent: None,
        })
    }

    fn of_painted(edited: &EditedMask, max_side: usize) -> Option<Self> {
        let (width, height) = edited.size();
        let step = (width.max(height) as usize).div_ceil(PAINTED_SIDE.min(max_side)).max(1);
        let size = ((width as usize).div_ceil(step), (height as usize).div_ceil(step));
        if size.0 == 0 || size.1 == 0 {
            return None;
        }
        let cells = edited.bounding_box().map(|around| {
            let [left, top] = [around.x0, around.y0].map(|at| at as usize / step);
            let [right, bottom] = [around.x1, around.y1].map(|at| (at as usize).div_ceil(step));
            [left, top, right, bottom]
        });
        Some(Self {
            size,
            content: [width, height].map(|pixels| pixels as f32 / step as f32),
            cells_per_frame_pixel: 1.0,
            frame_last: [size.0, size.1].map(|cells| (cells - 1) as f32),
            values: Values::Shares(shares(edited, size, step), cells),
            extent: None,
        })
    }

    /// Whether the values were painted by hand.
    pub(super) fn is_painted(&self) -> bool {
        matches!(self.values, Values::Shares(..))
    }

    /// Of its texture.
    pub(super) fn bytes(&self) -> usize {
        let per_cell = if self.is_painted() { 1 } else { size_of::<f32>() };
        self.size.0 * self.size.1 * per_cell
    }

    /// Makes the texture. Shares are let go of afterwards: they are in the texture, and are made anew of the runs
    /// of pixels where another is wanted.
    pub(super) fn upload(&mut self, device: &wgpu::Device, queue: &wgpu::Queue) -> wgpu::TextureView {
        let (format, bytes): (_, &[u8]) = match &self.values {
            Values::Logits(mask) => (wgpu::TextureFormat::R32Float, bytemuck::cast_slice(&mask.logits)),
            Values::Shares(shares, _) => (wgpu::TextureFormat::R8Unorm, shares),
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
        if let Values::Shares(shares, _) = &mut self.values {
            *shares = Vec::new();
        }
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
            Values::Logits(mask) => self.cells_inside(mask.logits.iter().map(|&logit| logit > threshold)),
            Values::Shares(_, cells) => *cells,
        };
        let found = cells.map(|cells| self.with_margin(cells));
        self.extent = Some((threshold, found));
        found
    }

    fn cells_inside(&self, inside: impl Iterator<Item = bool>) -> Option<[usize; 4]> {
        let (mut left, mut top, mut right, mut bottom) = (usize::MAX, usize::MAX, 0, 0);
        for (at, _) in inside.enumerate().filter(|(_, inside)| *inside) {
            let (column, row) = (at % self.size.0, at / self.size.0);
            (left, right) = (left.min(column), right.max(column + 1));
            (top, bottom) = (top.min(row), bottom.max(row + 1));
        }
        (right > 0).then_some([left, top, right, bottom])
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

/// Share of each square of `step` pixels a side that is inside. Costs as much as there are runs of pixels and
/// squares from the first to the last of a row that are reached, however large the picture is.
fn shares(mask: &EditedMask, (columns, rows): (usize, usize), step: usize) -> Vec<u8> {
    let side = step as i32;
    let all = side * side;
    let mut shares = vec![0; columns * rows];
    // By how much the count of pixels changes from each square of a row to the next; the places behind the
    // last one belong to runs that end with the row.
    let mut changes = vec![0i32; columns + 2];
    let mut runs = mask.row_runs().peekable();
    for (row, line) in shares.chunks_exact_mut(columns.max(1)).enumerate() {
        let (mut first, mut behind) = (columns, 0);
        while let Some((_, pixels)) = runs.next_if(|(y, _)| *y as usize / step == row) {
            first = first.min(pixels.start as usize / step);
            behind = behind.max((pixels.end as usize).div_ceil(step));
            for (at, sign) in [(pixels.start as usize, 1), (pixels.end as usize, -1)] {
                // All squares from here on are inside by a row of pixels, this one by what is left of it.
                let (square, within) = (at / step, (at % step) as i32);
                changes[square] += sign * (side - within);
                changes[square + 1] += sign * within;
            }
        }
        let mut count = 0;
        for at in first..behind {
            count += std::mem::take(&mut changes[at]);
            line[at] = if count == all { 255 } else { (count * 255 / all) as u8 };
        }
        changes[behind..].iter_mut().take(2).for_each(|change| *change = 0);
    }
    shares
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
    fn painted_masks_are_made_to_fit() {
        let painted = BinaryMask::from_fn(10, 5, |x, y| x < 3 && y < 2);
        let texels = || Texels::Painted(Arc::new(EditedMask::from(&painted)));
        let whole = Grid::new(&texels(), 8192).unwrap();
        assert_eq!((whole.size, whole.content), ((10, 5), [10.0, 5.0]));
        let half = Grid::new(&texels(), 5).unwrap();
        assert_eq!((half.size, half.content), ((5, 3), [5.0, 2.5]));
        let Values::Shares(shares, cells) = half.values else { panic!("painted") };
        assert_eq!(shares[..3], [255, 127, 0]);
        assert!(shares[5..].iter().all(|&share| share == 0));
        assert_eq!(cells, Some([0, 0, 2, 1]));
    }

    #[test]
    fn shares_are_those_of_all_pixels() {
        let shapes: [fn(u32, u32) -> bool; 4] =
            [|_, _| true, |x, y| (x + y) % 3 == 0, |x, y| x > 4 && y > 1, |x, y| y == 3 || x == 10];
        for (shape, max_side) in shapes.into_iter().flat_map(|shape| [(shape, 8192), (shape, 4), (shape, 3)])
        {
            let painted = BinaryMask::from_fn(11, 7, shape);
            let mut grid =
                Grid::new(&Texels::Painted(Arc::new(EditedMask::from(&painted))), max_side).unwrap();
            let step = 11usize.div_ceil(max_side);
            let inside = |column: usize, row: usize| {
                let pixels = (0..step * step).map(|at| (column * step + at % step, row * step + at / step));
                pixels.filter(|&(x, y)| painted.contains(x as u32, y as u32)).count()
            };
            let columns = grid.size.0;
            let expected: Vec<u8> = (0..columns * grid.size.1)
                .map(|at| (inside(at % columns, at / columns) * 255 / (step * step)) as u8)
                .collect();
            let Values::Shares(found, _) = &grid.values else { panic!("painted") };
            assert_eq!(*found, expected, "{max_side}");
            assert!(grid.extent(0.5).is_some());
        }
        let empty = Texels::Painted(Arc::new(EditedMask::from(&BinaryMask::empty(9, 9))));
        assert_eq!(Grid::new(&empty, 8192).unwrap().extent(0.5), None);
    }
}
