//! Region encoder: turns a box drawn by the user into one input embedding of the language model
//! (GLaMM, section 3.1; the feature fusion is that of GPT4RoI, Zhang et al., 2023).
//!
//! Four hidden states of the global encoder become maps of four sizes, exchange channels with
//! their neighbours in a few rounds of convolution, and are pooled inside the box. The maps depend
//! on the image alone: [`RegionEncoder::feature_maps`] is called once for an image with boxes, and
//! [`RegionEncoder::forward`] for every set of boxes on it.
//!
//! Boxes are `[x0, y0, x1, y1]`, normalised by the width and height of the whole image, although
//! the maps show only the crop that the global encoder sees: the model was trained so.

use candle_core::{D, Device, IndexOp, Module, Result, Tensor};
use candle_nn::{Conv2d, Conv2dConfig, LayerNorm, Linear, VarBuilder};
use tracing::trace_span;

use super::config::RegionEncoderConfig;
use super::layers::{BetweenBlocks, GroupNorm, Interruptible, go_on, linspace, resize_aligned};
use super::projection::Projection;
use super::roi_align::RoiAlign;
use super::source::Source;
use super::winograd::Winograd;

const NORM_EPS: f64 = 1e-5;

/// Boxes to embeddings.
#[derive(Debug, Clone)]
pub struct RegionEncoder {
    /// Shallow first.
    levels: Vec<Level>,
    fuse_convs: Vec<FuseConv>,
    pos_embedd: BoxEmbedding,
    flatten_linear: Projection,
    updims: Projection,
}

/// What happens to the features of one level before and after they are fused with the others'.
#[derive(Debug, Clone)]
struct Level {
    input: InputConv,
    roi_align: RoiAlign,
    pooled: Conv2d,
}

impl RegionEncoder {
    /// `source` is at `model.region_encoder`.
    ///
    /// # Errors
    /// A tensor is missing or of another shape.
    pub fn new(config: &RegionEncoderConfig, source: &Source) -> Result<Self> {
        let (vb, matrices) = (source.tensors(), source.pp("roi_align"));
        let (fuse, head) = (vb.pp("mlvl_fuse"), vb.pp("roi_align"));
        let width = config.embed_dims;
        let cells = config.roi_output_size * config.roi_output_size;
        let same_size = Conv2dConfig { padding: 1, ..Conv2dConfig::default() };
        let levels = config.strides.iter().enumerate().map(|(i, &stride)| {
            let enlargement = 1 << (config.strides.len() - 1 - i);
            Ok(Level {
                input: InputConv::new(width, enlargement, &fuse.pp("input_conv").pp(i))?,
                roi_align: RoiAlign::new(config, stride),
                pooled: candle_nn::conv2d(width, width, 3, same_size, head.pp("pconvs").pp(i))?,
            })
        });
        Ok(Self {
            levels: levels.collect::<Result<_>>()?,
            fuse_convs: (0..config.num_fuse)
                .map(|i| FuseConv::new(width, config.gn_groups, &fuse.pp("fuse_convs").pp(i)))
                .collect::<Result<_>>()?,
            pos_embedd: BoxEmbedding::new(config, &head.pp("pos_embedd"))?,
            flatten_linear: matrices.pp("flatten_linear").linear(width * cells, config.inner_dims)?,
            updims: matrices.pp("updims").linear(config.inner_dims, config.out_dims)?,
        })
    }

    /// The fused maps of one image from the global encoder's levels, shallow (and, after
    /// enlarging, largest) first. `levels` are `[1, channels, grid, grid]` of any grid.
    ///
    /// # Errors
    /// [`super::layers::Interrupted::Cancelled`] where `between` ends the work; else the tensor library's.
    pub fn feature_maps(&self, levels: &[Tensor], between: BetweenBlocks<'_>) -> Interruptible<Vec<Tensor>> {
        let mut maps = self.input_maps(levels)?;
        let total = self.fuse_convs.len() * maps.len();
        for (round, conv) in self.fuse_convs.iter().enumerate() {
            let transformed = Winograd::new(conv.conv.weight(), None)?;
            let mut fused = Vec::with_capacity(maps.len());
            for level in 0..maps.len() {
                go_on(&mut *between, round * maps.len() + level, total)?;
                let _span = trace_span!("region fusion", round, level).entered();
                let x = exchange_channels(&maps, level)?;
                let x = match &transformed {
                    Some(transformed) => transformed.convolve(&x)?,
                    None => conv.conv.forward(&x)?,
                };
                fused.push(conv.gn.forward_then_relu(x)?);
            }
            maps = fused;
        }
        Ok(maps)
    }

    /// The maps before the first round of fusion.
    ///
    /// # Errors
    /// The tensor library's, or another number of levels than the model has.
    pub fn input_maps(&self, levels: &[Tensor]) -> Result<Vec<Tensor>> {
        if levels.len() != self.levels.len() {
            candle_core::bail!("{} feature levels, not {}", levels.len(), self.levels.len());
        }
        levels.iter().zip(&self.levels).map(|(features, level)| level.input.forward(features)).collect()
    }

    /// One embedding for every box: `[boxes, language width]`. `maps` are those of
    /// [`Self::feature_maps`].
    ///
    /// # Errors
    /// The tensor library's; `boxes` must not be empty.
    pub fn forward(&self, maps: &[Tensor], boxes: &[[f32; 4]]) -> Result<Tensor> {
        let _span = trace_span!("regions", boxes = boxes.len()).entered();
        let pooled = self.pool(&self.roi_align(maps, boxes)?)?;
        let positions = self.embed_boxes(boxes, pooled.device())?;
        self.combine(&pooled, &positions)
    }

    /// Pooled features and embedded boxes, each `[boxes, inner]`, to `[boxes, language width]`.
    ///
    /// # Errors
    /// The tensor library's.
    pub fn combine(&self, pooled: &Tensor, positions: &Tensor) -> Result<Tensor> {
        self.updims.forward(&(pooled + positions)?)
    }

    /// The features inside each box, level by level: `[boxes, channels, side, side]`.
    ///
    /// # Errors
    /// The tensor library's.
    pub fn roi_align(&self, maps: &[Tensor], boxes: &[[f32; 4]]) -> Result<Vec<Tensor>> {
        maps.iter().zip(&self.levels).map(|(map, level)| level.roi_align.forward(map, boxes)).collect()
    }

    /// Pooled features of all levels to one vector: `[boxes, inner]`.
    ///
    /// # Errors
    /// The tensor library's.
    pub fn pool(&self, rois: &[Tensor]) -> Result<Tensor> {
        let mut sum: Option<Tensor> = None;
        for (roi, level) in rois.iter().zip(&self.levels) {
            let x = level.pooled.forward(roi)?;
            sum = Some(match sum {
                Some(sum) => (sum + x)?,
                None => x,
            });
        }
        let Some(sum) = sum else { candle_core::bail!("no feature levels to pool from") };
        self.flatten_linear.forward(&sum.relu()?.flatten_from(1)?)
    }

    /// Embedding of the boxes' places: `[boxes, inner]`.
    ///
    /// # Errors
    /// The tensor library's.
    pub fn embed_boxes(&self, boxes: &[[f32; 4]], device: &Device) -> Result<Tensor> {
        let dtype = self.pos_embedd.first.weight().dtype();
        let flat = boxes.iter().flatten().copied().collect();
        self.pos_embedd.forward(&Tensor::from_vec(flat, (boxes.len(), 4), device)?.to_dtype(dtype)?)
    }
}

/// Enlarges a level (bilinear, corners aligned), appends the coordinates x and y from -1 to 1 as
/// two channels, and applies a 1 × 1 convolution.
///
/// The convolution mixes channels and the enlargement mixes places, so they commute: we convolve
/// the small map, 64 times cheaper for the largest level, and add the share of the coordinates
/// and the bias at full size.
#[derive(Debug, Clone)]
struct InputConv {
    enlargement: usize,
    weight: Tensor,
    bias: Tensor,
}

impl InputConv {
    fn new(width: usize, enlargement: usize, vb: &VarBuilder) -> Result<Self> {
        Ok(Self {
            enlargement,
            weight: vb.get((width, width + 2, 1, 1), "weight")?,
            bias: vb.get(width, "bias")?,
        })
    }
}

impl Module for InputConv {
    fn forward(&self, level: &Tensor) -> Result<Tensor> {
        let (batch, channels, h, w) = level.dims4()?;
        let (height, width) = (h * self.enlargement, w * self.enlargement);
        let features = level.conv2d(&self.weight.narrow(1, 0, channels)?.contiguous()?, 0, 1, 1, 1)?;
        let features = resize_aligned(&features, height, width)?;
        let weight = |channel: usize| self.weight.i((.., channel, .., ..));
        let (dtype, device) = (level.dtype(), level.device());
        let x = linspace(width, dtype, device)?.reshape((1, width))?;
        let y = linspace(height, dtype, device)?.reshape((height, 1))?;
        let along_x = weight(channels)?.broadcast_mul(&x)?;
        let along_y = weight(channels + 1)?.broadcast_mul(&y)?;
        let along_y = along_y.broadcast_add(&self.bias.reshape(((), 1, 1))?)?;
        let place = along_x.broadcast_add(&along_y)?;
        if batch == 1 { features + place.unsqueeze(0)? } else { features.broadcast_add(&place) }
    }
}

/// What a level convolves in a round of fusion: the first half of its own channels, the last
/// quarter of the next deeper level's, the third quarter of the next shallower level's, both
/// brought to its size. At the ends a level borrows from itself.
fn exchange_channels(maps: &[Tensor], level: usize) -> Result<Tensor> {
    let own = &maps[level];
    let deeper = &maps[(level + 1).min(maps.len() - 1)];
    let shallower = &maps[level.saturating_sub(1)];
    let (_, channels, height, width) = own.dims4()?;
    let (half, quarter) = (channels / 2, channels / 4);
    let borrow = |from: &Tensor, start: usize| {
        resize_aligned(&from.narrow(1, start, quarter)?.contiguous()?, height, width)
    };
    Tensor::cat(&[&own.narrow(1, 0, half)?, &borrow(deeper, half + quarter)?, &borrow(shallower, half)?], 1)
}

/// Convolution, group norm, ReLU; one set of weights for all levels.
#[derive(Debug, Clone)]
struct FuseConv {
    conv: Conv2d,
    gn: GroupNorm,
}

impl FuseConv {
    fn new(width: usize, groups: usize, vb: &VarBuilder) -> Result<Self> {
        let same_size = Conv2dConfig { padding: 1, ..Conv2dConfig::default() };
        Ok(Self {
            conv: candle_nn::conv2d_no_bias(width, width, 3, same_size, vb.pp("conv"))?,
            gn: GroupNorm::new(groups, width, NORM_EPS, &vb.pp("gn"))?,
        })
    }
}

/// Where a box is, as a vector.
#[derive(Debug, Clone)]
struct BoxEmbedding {
    first: Linear,
    first_norm: LayerNorm,
    second: Linear,
    second_norm: LayerNorm,
}

impl BoxEmbedding {
    fn new(config: &RegionEncoderConfig, vb: &VarBuilder) -> Result<Self> {
        let (hidden, inner) = (config.pos_hidden, config.inner_dims);
        Ok(Self {
            first: candle_nn::linear(4, hidden, vb.pp(0))?,
            first_norm: candle_nn::layer_norm(hidden, NORM_EPS, vb.pp(2))?,
            second: candle_nn::linear(hidden, inner, vb.pp(3))?,
            second_norm: candle_nn::layer_norm(inner, NORM_EPS, vb.pp(5))?,
        })
    }
}

impl Module for BoxEmbedding {
    fn forward(&self, boxes: &Tensor) -> Result<Tensor> {
        debug_assert_eq!(boxes.dim(D::Minus1)?, 4);
        let x = self.first_norm.forward(&self.first.forward(boxes)?.relu()?)?;
        self.second_norm.forward(&self.second.forward(&x)?.relu()?)
    }
}
