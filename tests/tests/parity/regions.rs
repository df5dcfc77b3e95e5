//! Region encoder.

use candle_core::{Device, Tensor};
use glamm_engine::model::layers::uninterrupted;
use glamm_engine::model::region_encoder::RegionEncoder;
use glamm_tests::golden::{Case, Golden, Recorded, Set};
use glamm_tests::table::{FLOATS, Failed, Outcome, compare};

fn load(golden: &Golden) -> Result<RegionEncoder, Failed> {
    let weights = golden.weights().pp("model.region_encoder");
    Ok(RegionEncoder::new(&golden.config().region_encoder, &weights)?)
}

/// Every `stride`-th channel, as maps are recorded.
fn subsample(map: &Tensor, stride: usize) -> candle_core::Result<Tensor> {
    let channels: Vec<u32> = (0..map.dim(1)? as u32).step_by(stride).collect();
    map.index_select(&Tensor::new(channels, map.device())?, 1)
}

/// Recorded hidden states of the case's picture as maps, shallow first.
fn levels(golden: &Golden, case: &Case) -> Result<Vec<Tensor>, Failed> {
    let image =
        golden.manifest.images.get(&case.image).ok_or_else(|| format!("no picture {}", case.image))?;
    let recorded = golden.tensors(&image.tensor_file)?;
    let grid = golden.config().global_encoder.grid();
    let indices = &golden.manifest.region_level_hidden_state_indices;
    indices
        .iter()
        .map(|index| {
            let state = recorded.need(&format!("clip_hidden_{index}"))?;
            let patches = state.narrow(1, 1, grid * grid)?.transpose(1, 2)?.contiguous()?;
            Ok(patches.reshape((1, (), grid, grid))?)
        })
        .collect()
}

fn compare_levels(
    stage: &str,
    at: &str,
    got: &[Tensor],
    recorded: &Recorded,
    stride: usize,
) -> Result<usize, Failed> {
    let mut compared = 0;
    for (level, got) in got.iter().enumerate() {
        let name = format!("region_{stage}_l{level}");
        if let Some(want) = recorded.get(&name) {
            compare(&name, at, &subsample(got, stride)?, want, FLOATS)?;
            compared += 1;
        }
    }
    Ok(compared)
}

fn stride(case: &Case, stage: &str) -> usize {
    case.region_channel_stride.get(stage).copied().unwrap_or(1)
}

fn boxes(recorded: &Recorded) -> Result<Option<Vec<[f32; 4]>>, Failed> {
    let Some(boxes) = recorded.get("boxes_normalised") else { return Ok(None) };
    let rows = boxes.to_vec2::<f32>()?;
    let four = |row: Vec<f32>| <[f32; 4]>::try_from(row).map_err(|row| format!("a box of {}", row.len()));
    Ok(Some(rows.into_iter().map(four).collect::<Result<_, _>>()?))
}

/// Maps before and after fusion, and RoIAlign on them.
pub(crate) fn feature_maps(set: Set) -> Outcome {
    let golden = set.open()?;
    let encoder = load(&golden)?;
    let mut compared = [0; 3];
    for case in &golden.manifest.cases {
        let recorded = golden.tensors(&case.tensor_file)?;
        let Some(boxes) = boxes(&recorded)? else { continue };
        let levels = levels(&golden, case)?;
        let input = encoder.input_maps(&levels)?;
        compared[0] += compare_levels("input_conv", &case.id, &input, &recorded, stride(case, "input_conv"))?;
        let fused = encoder.feature_maps(&levels, &mut uninterrupted)?;
        compared[1] += compare_levels("fused", &case.id, &fused, &recorded, stride(case, "fused"))?;
        let rois = encoder.roi_align(&fused, &boxes)?;
        compared[2] += compare_levels("roi", &case.id, &rois, &recorded, stride(case, "roi"))?;
    }
    compared.iter().try_for_each(|&count| golden.check_compared(count, "region maps"))
}

/// From RoI features and boxes to embeddings, from recorded features where they are complete.
pub(crate) fn embeddings(set: Set) -> Outcome {
    let golden = set.open()?;
    let encoder = load(&golden)?;
    let mut compared = 0;
    for case in &golden.manifest.cases {
        let recorded = golden.tensors(&case.tensor_file)?;
        let Some(boxes) = boxes(&recorded)? else { continue };
        let fused = encoder.feature_maps(&levels(&golden, case)?, &mut uninterrupted)?;
        let mut rois = encoder.roi_align(&fused, &boxes)?;
        for (level, roi) in rois.iter_mut().enumerate() {
            match recorded.get(&format!("region_roi_l{level}")) {
                Some(complete) if complete.dims() == roi.dims() => *roi = complete.clone(),
                _ => {}
            }
        }
        let flat = recorded.need("region_flatten_linear_out")?;
        compare("region_flatten_linear_out", &case.id, &encoder.pool(&rois)?, flat, FLOATS)?;
        let places = recorded.need("region_box_pos_embedding")?;
        let got = encoder.embed_boxes(&boxes, &Device::Cpu)?;
        compare("region_box_pos_embedding", &case.id, &got, places, FLOATS)?;
        let want = recorded.need("region_embeddings")?;
        compare("region_embeddings", &case.id, &encoder.combine(flat, places)?, want, FLOATS)?;
        let whole = encoder.forward(&fused, &boxes)?;
        compare("region_embeddings, whole encoder", &case.id, &whole, want, FLOATS)?;
        compared += 1;
    }
    golden.check_compared(compared, "region embeddings")
}

/// The synthetic 24 × 24 features of the reference data's section 8a.
pub(crate) fn real_geometry(set: Set) -> Outcome {
    const GRID: usize = 24;
    const ROI_STRIDE: usize = 16;
    let golden = set.open()?;
    let Some(recorded) = golden.tensors_if_any("expected/region_24x24.safetensors")? else {
        return golden.check_compared(0, "synthetic region features");
    };
    let encoder = load(&golden)?;
    let channels = golden.config().region_encoder.embed_dims;
    let level_map = |level: usize| {
        let mut values = Vec::with_capacity(channels * GRID * GRID);
        for c in 0..channels {
            for i in 0..GRID * GRID {
                let phase = 0.05 * (i + 1) as f64 * (1 + c % 7) as f64;
                values.push((phase + 0.9 * level as f64 + 0.31 * c as f64).sin() as f32);
            }
        }
        Tensor::from_vec(values, (1, channels, GRID, GRID), &Device::Cpu)
    };
    let levels = (0..golden.config().region_encoder.strides.len()).map(level_map);
    let levels = levels.collect::<candle_core::Result<Vec<_>>>()?;
    let boxes = boxes(&recorded)?.ok_or("the golden set lacks boxes_normalised")?;

    let fused = encoder.feature_maps(&levels, &mut uninterrupted)?;
    let rois = encoder.roi_align(&fused, &boxes)?;
    let at = "synthetic 24x24";
    let compared = compare_levels("roi", at, &rois, &recorded, ROI_STRIDE)?;
    golden.check_compared(compared, "synthetic RoI features")?;
    let want = recorded.need("region_flatten_linear_out")?;
    compare("region_flatten_linear_out", at, &encoder.pool(&rois)?, want, FLOATS)?;
    let want = recorded.need("region_embeddings")?;
    compare("region_embeddings, whole encoder", at, &encoder.forward(&fused, &boxes)?, want, FLOATS)
}
