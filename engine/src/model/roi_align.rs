//! RoIAlign (He et al., 2017) as the official code computes it: mmcv's operator with a fixed
//! number of samples in each cell, averaging, and boxes shifted by half a pixel.
//!
//! Bilinear sampling on an upright grid is separable, and so are mmcv's rules at the borders; so a
//! box is two small matrices, one for each axis, and pooling is two matrix products. That runs on
//! every device, and only the features are ever in half precision, never the box's geometry.

use candle_core::{Result, Tensor};

use super::config::RegionEncoderConfig;
use super::layers::transform_planes;

/// Pools one level of feature maps.
#[derive(Debug, Clone)]
pub(super) struct RoiAlign {
    output_size: usize,
    samples: usize,
    box_scale: f32,
    spatial_scale: f32,
}

impl RoiAlign {
    /// `stride` is the size of a cell of this level in the units of the scaled boxes.
    pub(super) fn new(config: &RegionEncoderConfig, stride: f64) -> Self {
        Self {
            output_size: config.roi_output_size,
            samples: config.roi_sampling_ratio,
            box_scale: config.box_scale as f32,
            spatial_scale: (1.0 / stride) as f32,
        }
    }

    /// `map` is `[1, channels, h, w]`, the result `[boxes, channels, output_size, output_size]`.
    pub(super) fn forward(&self, map: &Tensor, boxes: &[[f32; 4]]) -> Result<Tensor> {
        let (_, _, h, w) = map.dims4()?;
        let matrix = |start: f32, end: f32, cells: usize| {
            let weights = self.axis_weights(start, end, cells);
            Tensor::from_vec(weights, (self.output_size, cells), map.device())?.to_dtype(map.dtype())
        };
        let pooled = boxes
            .iter()
            .map(|&[x0, y0, x1, y1]| transform_planes(map, &matrix(y0, y1, h)?, &matrix(x0, x1, w)?))
            .collect::<Result<Vec<_>>>()?;
        Tensor::cat(&pooled, 0)
    }

    /// `[output_size, cells]`, row-major: the weight of every cell of the map in every pooled one.
    /// A side may be of no or negative length: mmcv asks for no minimum.
    fn axis_weights(&self, start: f32, end: f32, cells: usize) -> Vec<f32> {
        let start = start * self.box_scale * self.spatial_scale - 0.5;
        let end = end * self.box_scale * self.spatial_scale - 0.5;
        let bin = (end - start) / self.output_size as f32;
        let share = 1.0 / self.samples as f32;
        let last = cells - 1;
        let mut weights = vec![0.0; self.output_size * cells];
        for (i, row) in weights.chunks_exact_mut(cells).enumerate() {
            for sample in 0..self.samples {
                let offset = (sample as f32 + 0.5) * bin / self.samples as f32;
                let at = start + i as f32 * bin + offset;
                // More than one cell outside counts as zero, less is drawn to the border.
                if !(-1.0..=cells as f32).contains(&at) {
                    continue;
                }
                let at = at.clamp(0.0, last as f32);
                let low = at as usize;
                let part = at - low as f32;
                row[low] += (1.0 - part) * share;
                row[(low + 1).min(last)] += part * share;
            }
        }
        weights
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two pooled cells with two samples each, one unit of the box to a cell of the map.
    fn small() -> RoiAlign {
        RoiAlign { output_size: 2, samples: 2, box_scale: 1.0, spatial_scale: 1.0 }
    }

    #[test]
    fn a_box_over_four_cells_averages_them_in_pairs() {
        // Samples at 0, 1 and 2, 3: the half-pixel offset puts them on the cells' centres.
        let want = [0.5, 0.5, 0.0, 0.0, 0.0, 0.0, 0.5, 0.5];
        assert_eq!(small().axis_weights(0.0, 4.0, 4), want);
    }

    #[test]
    fn samples_just_outside_stick_to_the_border_and_far_ones_vanish() {
        // Samples at -1.5 (gone), -0.5 (to cell 0) and 0.5, 1.5 (between cells).
        let want = [0.5, 0.0, 0.0, 0.25, 0.5, 0.25];
        assert_eq!(small().axis_weights(-1.5, 2.5, 3), want);
        assert!(small().axis_weights(9.0, 12.0, 4).iter().all(|&w| w == 0.0));
    }

    #[test]
    fn an_empty_side_samples_one_place() {
        assert_eq!(small().axis_weights(1.5, 1.5, 3), [0.0, 1.0, 0.0, 0.0, 1.0, 0.0]);
    }
}
