//! Masks and what is behind them: all candidates of a prompt, masks of clicks and boxes, and the
//! encoders' features and the pixel decoder's attention as maps. The part of [`Engine`] that works on
//! encodings which are there already; called for conversations and for jobs of their own.

use std::sync::Arc;

use candle_core::{DType, Device, IndexOp, Tensor};
use tracing::trace_span;

use super::Engine;
use super::encoding::{EncodedFrame, EncodedImage};
use crate::device;
use crate::error::{EngineError, PromptError};
use crate::model::pca::{self, Components};
use crate::model::pixel_decoder::DecodedMasks;
use crate::model::prompt_encoder::{PointKind, PointPrompt};
use crate::vision::feature_maps::{AttentionMaps, FeatureMap, FeatureMaps, seen_by_global_encoder};
use crate::vision::{Click, FrameGeometry, MaskCandidates, MaskLogits, MaskPrompt, PixelBox};

/// Share of cells at either end of a component that are shown as its darkest and brightest.
const OUTLIERS: f32 = 0.01;

impl Engine {
    /// Masks of clicks, a box, or both. A single click is ambiguous (a door, or the house?): the
    /// candidate taken is then the one of the largest predicted IoU among those that SAM trained for
    /// that, else the first.
    ///
    /// # Errors
    /// There is neither click nor box, or one is not on the image; the image is not through the grounding
    /// encoder; else the tensor library's.
    pub fn segment(
        &self,
        image: &EncodedImage,
        points: &[Click],
        region: Option<PixelBox>,
    ) -> Result<MaskCandidates, EngineError> {
        check_places(points, region, image.frame.geometry.image_size)?;
        let prompt = MaskPrompt::Places { points: points.to_vec(), region };
        let (masks, _) = self.decode(&image.frame, &prompt)?;
        let ambiguous = points.len() == 1 && region.is_none();
        let by_quality = |&a: &usize, &b: &usize| masks[a].predicted_iou.total_cmp(&masks[b].predicted_iou);
        let used = (1..masks.len()).filter(|_| ambiguous).max_by(by_quality).unwrap_or(0);
        candidates(masks, used, prompt)
    }

    /// Masks of a `[SEG]`, from the hidden state `[1, language width]` that predicted it. GLaMM uses
    /// the first.
    pub(crate) fn masks_of_seg(
        &self,
        frame: &EncodedFrame,
        predicted_by: &Tensor,
    ) -> Result<MaskCandidates, EngineError> {
        let _span = trace_span!("mask decode").entered();
        let state = device::compute(&self.device, || {
            self.model.text_projection.forward(predicted_by)?.flatten_all()?.to_dtype(DType::F32)?.to_vec1()
        })?;
        let prompt = MaskPrompt::Seg(state.into());
        let (masks, _) = self.decode(frame, &prompt)?;
        candidates(masks, 0, prompt)
    }

    /// The encoders' features as colours, and where `mask` names a prompt and one of its candidates,
    /// what that looked at.
    ///
    /// # Errors
    /// The mask is none of this model; the image is not through the grounding encoder; else the tensor
    /// library's.
    pub fn feature_maps(
        &self,
        image: &EncodedImage,
        mask: Option<(&MaskPrompt, usize)>,
    ) -> Result<FeatureMaps, EngineError> {
        let geometry = image.frame.geometry;
        let deepest = image.tokens.levels.last().ok_or(PromptError::ForeignMask)?;
        let side = deepest.dim(2)?;
        let covers = seen_by_global_encoder(geometry.image_size, self.config.global_encoder.image_size);
        let global = self.feature_map(deepest, (side, side), covers)?;
        let (cells, covers) = self.content_cells(geometry);
        let grounding = self.feature_map(image.frame.embedding()?, cells, covers)?;
        let attention =
            mask.map(|(prompt, index)| self.attention(&image.frame, prompt, index)).transpose()?;
        Ok(FeatureMaps { global, grounding, attention })
    }

    /// All masks of a prompt, and what the pixel decoder had on the way to them.
    fn decode(
        &self,
        frame: &EncodedFrame,
        prompt: &MaskPrompt,
    ) -> Result<(Vec<Arc<MaskLogits>>, DecodedMasks), EngineError> {
        let decoder = &self.model.pixel_decoder;
        device::compute(&self.device, || {
            let sparse = self.sparse(prompt, frame.geometry)?;
            let decoded = decoder.decode(frame.embedding()?, &sparse, &decoder.prompt_encoder.no_mask()?)?;
            let predicted = decoded.iou.i(0)?.to_dtype(DType::F32)?.to_vec1::<f32>()?;
            let masks = predicted.into_iter().enumerate().map(|(index, predicted_iou)| {
                let logits = decoded.logits.i((0, index))?;
                Ok(Arc::new(MaskLogits {
                    side: logits.dim(0)?,
                    logits: logits.flatten_all()?.to_dtype(DType::F32)?.to_vec1()?,
                    frame: frame.geometry.frame,
                    content: frame.geometry.content,
                    image_size: frame.geometry.image_size,
                    predicted_iou,
                }))
            });
            let masks = masks.collect::<Result<_, EngineError>>()?;
            Ok((masks, decoded))
        })
    }

    /// The pixel decoder's sparse prompt, `[1, tokens, width]`.
    fn sparse(&self, prompt: &MaskPrompt, geometry: FrameGeometry) -> Result<Tensor, EngineError> {
        let encoder = &self.model.pixel_decoder.prompt_encoder;
        Ok(match prompt {
            MaskPrompt::Seg(state) => {
                if state.len() != self.config.grounding.prompt_embed_dim {
                    return Err(PromptError::ForeignMask.into());
                }
                let state = Tensor::from_slice(state, (1, state.len()), &self.device)?;
                encoder.embed_text(&state)?
            }
            MaskPrompt::Places { points, region } => {
                encoder.embed_points(&in_frame(points, *region, geometry))?
            }
        })
    }

    /// Cells of the grounding encoder's grid that show the image, across and down, and what they
    /// show, in pixels of the image.
    fn content_cells(&self, geometry: FrameGeometry) -> ((usize, usize), PixelBox) {
        let patch = self.config.grounding.patch_size;
        let (width, height) = geometry.content;
        let (columns, rows) = (width.div_ceil(patch), height.div_ceil(patch));
        let reach = |cells: usize, content: usize, pixels: u32| {
            (cells * patch) as f32 * pixels as f32 / content.max(1) as f32
        };
        let (x1, y1) =
            (reach(columns, width, geometry.image_size.0), reach(rows, height, geometry.image_size.1));
        ((columns, rows), PixelBox { x0: 0.0, y0: 0.0, x1, y1 })
    }

    /// The upper left `columns × rows` cells of features `[1, channels, grid, grid]` as colours.
    fn feature_map(
        &self,
        features: &Tensor,
        (columns, rows): (usize, usize),
        covers: PixelBox,
    ) -> Result<FeatureMap, EngineError> {
        device::compute(&self.device, || {
            let cells = features.i(0)?.narrow(1, 0, rows)?.narrow(2, 0, columns)?;
            let cells = cells.contiguous()?.flatten_from(1)?.t()?.contiguous()?;
            let Components { scores, explained } = pca::first_three(&cells)?;
            Ok(FeatureMap { columns, rows, rgb: colors(&scores.to_vec2()?), explained, covers })
        })
    }

    fn attention(
        &self,
        frame: &EncodedFrame,
        prompt: &MaskPrompt,
        index: usize,
    ) -> Result<AttentionMaps, EngineError> {
        let (masks, decoded) = self.decode(frame, prompt)?;
        if index >= masks.len() {
            return Err(PromptError::ForeignMask.into());
        }
        let ((columns, rows), covers) = self.content_cells(frame.geometry);
        let grid = self.config.grounding.grid();
        let mut weights = Vec::new();
        let mut heads = 0;
        for look in &decoded.looks {
            let look = look.i((0, index))?;
            heads = look.dim(0)?;
            let maps = look.reshape((heads, grid, grid))?.narrow(1, 0, rows)?.narrow(2, 0, columns)?;
            let maps = maps.to_device(&Device::Cpu)?.to_dtype(DType::F32)?;
            weights.extend(maps.contiguous()?.flatten_all()?.to_vec1::<f32>()?);
        }
        Ok(AttentionMaps { layers: decoded.looks.len(), heads, columns, rows, weights, covers })
    }
}

fn candidates(
    masks: Vec<Arc<MaskLogits>>,
    used: usize,
    prompt: MaskPrompt,
) -> Result<MaskCandidates, EngineError> {
    MaskCandidates::new(masks, used, prompt).ok_or_else(|| PromptError::ForeignMask.into())
}

fn check_places(
    points: &[Click],
    region: Option<PixelBox>,
    (width, height): (u32, u32),
) -> Result<(), PromptError> {
    if points.is_empty() && region.is_none() {
        return Err(PromptError::NoPlace);
    }
    let on_image = |c: &Click| (0.0..=width as f32).contains(&c.x) && (0.0..=height as f32).contains(&c.y);
    if let Some(&Click { x, y, .. }) = points.iter().find(|click| !on_image(click)) {
        return Err(PromptError::ClickOutside { x, y, width, height });
    }
    let outside = |region: &PixelBox| region.within(width, height).is_none();
    if let Some(PixelBox { x0, y0, x1, y1 }) = region.filter(outside) {
        return Err(PromptError::BoxOutside { x0, y0, x1, y1, width, height });
    }
    Ok(())
}

/// Clicks, then the corners of the box, in pixels of the frame: SAM's `apply_coords`.
fn in_frame(points: &[Click], region: Option<PixelBox>, geometry: FrameGeometry) -> Vec<PointPrompt> {
    let (width, height) = geometry.image_size;
    let across = geometry.content.0 as f32 / width.max(1) as f32;
    let down = geometry.content.1 as f32 / height.max(1) as f32;
    let at = |x: f32, y: f32, kind| PointPrompt { x: x * across, y: y * down, kind };
    let clicks = points.iter().map(|click| {
        at(click.x, click.y, if click.positive { PointKind::Foreground } else { PointKind::Background })
    });
    let corners = region.into_iter().flat_map(|region| {
        let PixelBox { x0, y0, x1, y1 } = region.clipped(width, height);
        [at(x0, y0, PointKind::BoxStart), at(x1, y1, PointKind::BoxEnd)]
    });
    clicks.chain(corners).collect()
}

/// Scores to bytes, each component stretched over its own range.
fn colors(scores: &[Vec<f32>]) -> Vec<[u8; 3]> {
    let mut rgb = vec![[0; 3]; scores.len()];
    for component in 0..3 {
        let mut sorted: Vec<f32> = scores.iter().map(|row| row[component]).collect();
        sorted.sort_by(f32::total_cmp);
        let cut = (sorted.len() as f32 * OUTLIERS) as usize;
        let (Some(&low), Some(&high)) = (sorted.get(cut), sorted.iter().rev().nth(cut)) else { continue };
        let range = high - low;
        for (color, row) in rgb.iter_mut().zip(scores) {
            let share = if range > 1e-12 { (row[component] - low) / range } else { 0.5 };
            color[component] = (share.clamp(0.0, 1.0) * 255.0).round() as u8;
        }
    }
    rgb
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_come_into_the_frame_as_in_sam() {
        // 200 × 100 becomes 64 × 32.
        let geometry = FrameGeometry::new((200, 100), 64);
        let points =
            [Click { x: 50.0, y: 25.0, positive: true }, Click { x: 0.0, y: 100.0, positive: false }];
        let region = PixelBox { x0: -10.0, y0: 0.0, x1: 100.0, y1: 50.0 };
        let found = in_frame(&points, Some(region), geometry);
        let kinds = [PointKind::Foreground, PointKind::Background, PointKind::BoxStart, PointKind::BoxEnd];
        let places = [(16.0, 8.0), (0.0, 32.0), (0.0, 0.0), (32.0, 16.0)];
        assert_eq!(found.len(), 4);
        for ((point, kind), (x, y)) in found.iter().zip(kinds).zip(places) {
            assert_eq!((point.kind, point.x, point.y), (kind, x, y));
        }
    }

    #[test]
    fn places_off_the_image_are_refused() {
        let click = |x, y| Click { x, y, positive: true };
        let check = |points: &[Click], region| check_places(points, region, (20, 10));
        assert_eq!(check(&[], None), Err(PromptError::NoPlace));
        assert_eq!(check(&[click(20.0, 10.0)], None), Ok(()));
        for (x, y) in [(-0.1, 5.0), (5.0, 10.5), (f32::NAN, 1.0), (f32::INFINITY, 1.0)] {
            assert!(matches!(check(&[click(x, y)], None), Err(PromptError::ClickOutside { .. })), "{x} {y}");
        }
        let region = |x0, x1| Some(PixelBox { x0, y0: 0.0, x1, y1: 5.0 });
        assert_eq!(check(&[], region(-5.0, 5.0)), Ok(()));
        for bad in [region(20.0, 30.0), region(5.0, 5.0), region(f32::NAN, 5.0)] {
            assert!(matches!(check(&[], bad), Err(PromptError::BoxOutside { .. })), "{bad:?}");
        }
    }

    #[test]
    fn components_fill_their_range() {
        let scores: Vec<Vec<f32>> = (0..11).map(|i| vec![i as f32, 5.0, -(i as f32)]).collect();
        let rgb = colors(&scores);
        assert_eq!((rgb[0], rgb[5], rgb[10]), ([0, 128, 255], [128, 128, 128], [255, 128, 0]));
        assert!(colors(&[]).is_empty());
    }
}
