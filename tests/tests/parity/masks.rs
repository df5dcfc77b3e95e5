//! Prompt encoder, mask decoder, masks at image size.

use candle_core::{Device, IndexOp, Tensor};
use glamm_engine::model::pixel_decoder::PixelDecoder;
use glamm_engine::model::prompt_encoder::{PointKind, PointPrompt};
use glamm_engine::vision::MaskLogits;
use glamm_tests::golden::{Case, Golden, Recorded, Set};
use glamm_tests::table::{EXACT, FLOATS, Failed, MASK_LOGITS, Outcome, compare, record};
use serde::Deserialize;

/// Logits so close to zero may fall on either side of it.
const NEAR_ZERO: f32 = 1e-3;

fn load(golden: &Golden) -> Result<PixelDecoder, Failed> {
    Ok(PixelDecoder::new(
        &golden.config().grounding,
        golden.weights().pp("model.grounding_encoder").tensors(),
    )?)
}

/// Cases with masks and their tensors.
fn cases_with_masks(golden: &Golden) -> Result<Vec<(&Case, Recorded)>, Failed> {
    let mut found = Vec::new();
    for case in &golden.manifest.cases {
        let recorded = golden.tensors(&case.tensor_file)?;
        if recorded.get("sam_mask_tokens_low_res_logits").is_some() {
            found.push((case, recorded));
        }
    }
    golden.check_compared(found.len(), "masks")?;
    Ok(found)
}

/// The recorded coarse logits of mask `index` of a case as the engine's own type.
fn mask_logits(
    golden: &Golden,
    case: &Case,
    recorded: &Recorded,
    index: usize,
) -> Result<MaskLogits, Failed> {
    let logits = recorded.need("sam_mask_tokens_low_res_logits")?.i((index, 0))?;
    let image =
        golden.manifest.images.get(&case.image).ok_or_else(|| format!("no picture {}", case.image))?;
    let (height, width) = case.resize_list_hw.ok_or("a case with masks lacks resize_list_hw")?;
    Ok(MaskLogits {
        side: logits.dim(0)?,
        logits: logits.flatten_all()?.to_vec1()?,
        frame: golden.config().grounding.image_size,
        content: (width, height),
        image_size: (image.width, image.height),
        predicted_iou: 0.0,
    })
}

/// Positions of the cells and the dense part without a mask.
pub(crate) fn dense_prompts(set: Set) -> Outcome {
    let golden = set.open()?;
    let decoder = load(&golden)?;
    let dense = decoder.prompt_encoder.no_mask()?;
    let mut compared = 0;
    if let Some(common) = golden.tensors_if_any("expected/common.safetensors")? {
        if let Some(want) = common.get("dense_pe") {
            compare("dense_pe", "common", &decoder.prompt_encoder.dense_positions()?, want, FLOATS)?;
            compared += 1;
        }
        if let Some(want) = common.get("no_mask_dense_vector") {
            compare("no_mask_dense_vector", "common", &dense.i((0, .., 0, 0))?, want, EXACT)?;
            compared += 1;
        }
    }
    for case in &golden.manifest.cases {
        if let Some(want) = golden.tensors(&case.tensor_file)?.get("sam_dense_embedding_first") {
            compare("sam_dense_embedding", &case.id, &dense, want, EXACT)?;
            compared += 1;
        }
    }
    golden.check_compared(compared, "dense prompts")
}

/// Clicks, boxes and masks as prompts, which no recorded conversation has: against SAM's own prompt
/// encoder on the weights of this repository's set.
pub(crate) fn point_and_mask_prompts(set: Set) -> Outcome {
    let golden = set.open()?;
    if set != Set::Public {
        return Ok(());
    }
    let encoder = load(&golden)?.prompt_encoder;
    let recorded = golden.tensors("../prompts.safetensors")?;
    let kinds = recorded
        .need("labels")?
        .to_vec1::<f32>()?
        .into_iter()
        .map(|label| if label > 0.0 { PointKind::Foreground } else { PointKind::Background });
    let places = recorded.need("points")?.to_vec2::<f32>()?;
    let points: Vec<_> = places
        .iter()
        .zip(kinds)
        .map(|(place, kind)| PointPrompt { x: place[0], y: place[1], kind })
        .collect();
    let sides = recorded.need("box")?.to_vec1::<f32>()?;
    let corners = [
        PointPrompt { x: sides[0], y: sides[1], kind: PointKind::BoxStart },
        PointPrompt { x: sides[2], y: sides[3], kind: PointKind::BoxEnd },
    ];
    let both = [&points[..], &corners[..]].concat();
    for (name, prompts) in
        [("sparse_points", &points[..]), ("sparse_box", &corners[..]), ("sparse_points_and_box", &both[..])]
    {
        compare(name, "prompts", &encoder.embed_points(prompts)?, recorded.need(name)?, FLOATS)?;
    }
    let dense = encoder.embed_mask(recorded.need("mask")?)?;
    compare("dense_mask", "prompts", &dense, recorded.need("dense_mask")?, FLOATS)
}

/// From image embedding and projected `[SEG]` to the logits of all mask tokens, all `[SEG]` of a
/// case at once and each alone.
pub(crate) fn pixel_decoder(set: Set) -> Outcome {
    let golden = set.open()?;
    let decoder = load(&golden)?;
    for (case, recorded) in cases_with_masks(&golden)? {
        let image =
            golden.manifest.images.get(&case.image).ok_or_else(|| format!("no picture {}", case.image))?;
        let image = golden.tensors(&image.tensor_file)?;
        let embedding = image.need("sam_image_embedding")?;
        let sparse = recorded.need("sam_sparse_embedding")?;
        let states = recorded.need("seg_pred_embedding")?;
        let got = decoder.prompt_encoder.embed_text(states)?;
        compare("sam_sparse_embedding", &case.id, &got, sparse, EXACT)?;

        let logits = recorded.need("sam_mask_tokens_low_res_logits")?;
        let iou = recorded.need("sam_iou_predictions")?;
        let dense = decoder.prompt_encoder.no_mask()?;
        let all = decoder.decode(embedding, sparse, &dense)?;
        compare("sam_mask_tokens_low_res_logits", &case.id, &all.logits, logits, MASK_LOGITS)?;
        compare("sam_iou_predictions", &case.id, &all.iou, iou, FLOATS)?;
        for index in 0..states.dim(0)? {
            let alone = decoder.forward(embedding, &states.narrow(0, index, 1)?)?;
            let want = logits.narrow(0, index, 1)?;
            compare("sam_mask_tokens_low_res_logits", &case.id, &alone.logits, &want, MASK_LOGITS)?;
            compare("sam_iou_predictions", &case.id, &alone.iou, &iou.narrow(0, index, 1)?, FLOATS)?;
        }
    }
    Ok(())
}

/// Coarse logits to the original size.
pub(crate) fn at_image_size(set: Set) -> Outcome {
    let golden = set.open()?;
    for (case, recorded) in cases_with_masks(&golden)? {
        let want = recorded.need("mask_logits")?;
        for index in 0..want.dim(0)? {
            let mask = mask_logits(&golden, case, &recorded, index)?;
            let (width, height) = mask.image_size;
            let shape = (height as usize, width as usize);
            let got = Tensor::from_vec(mask.at_image_size(), shape, &Device::Cpu)?;
            compare("mask_logits", &case.id, &got, &want.get(index)?, MASK_LOGITS)?;
        }
    }
    Ok(())
}

/// Masks as sets of pixels: equal but where the recorded logit is next to zero.
pub(crate) fn binary(set: Set) -> Outcome {
    let golden = set.open()?;
    for (case, recorded) in cases_with_masks(&golden)? {
        let want = recorded.need("mask_logits")?;
        for (index, seg) in case.seg.iter().enumerate() {
            let mask = mask_logits(&golden, case, &recorded, index)?.threshold(0.0);
            let logits = want.get(index)?.flatten_all()?.to_vec1::<f32>()?;
            let wrong = mask
                .pixels()
                .iter()
                .zip(&logits)
                .filter(|&(&inside, &logit)| inside != (logit > 0.0) && logit.abs() >= NEAR_ZERO)
                .count();
            record("binary masks, wrong pixels", &case.id, wrong as f64, EXACT)?;
            let beyond =
                mask.area().abs_diff(seg.mask_area_gt0).saturating_sub(seg.pixels_with_abs_logit_below_1e_3);
            record("binary masks, area beyond doubt", &case.id, beyond as f64, EXACT)?;
        }
    }
    Ok(())
}

#[derive(Deserialize)]
struct GeometryCases {
    #[serde(default)]
    postprocess: Vec<PostprocessCase>,
}

#[derive(Deserialize)]
struct PostprocessCase {
    hw: (usize, usize),
    resize_list_hw: (usize, usize),
    area_0: usize,
    area_1: usize,
}

/// The synthetic logits of the reference data's section 8a at the sizes of the real model.
pub(crate) fn real_geometry(set: Set) -> Outcome {
    const SIDE: usize = 256;
    const EVERY: usize = 16;
    let golden = set.open()?;
    let cases: Option<GeometryCases> = golden.json("geometry_cases.json")?;
    let recorded = golden.tensors_if_any("expected/postprocess_1024.safetensors")?;
    let (Some(cases), Some(recorded)) = (cases, recorded) else {
        return golden.check_compared(0, "synthetic logits");
    };
    for case in &cases.postprocess {
        let (height, width) = case.hw;
        let at = format!("synthetic {height}x{width}");
        let want = recorded.need(&format!("mask_{height}x{width}"))?;
        for (k, area) in [case.area_0, case.area_1].into_iter().enumerate() {
            let mask = MaskLogits {
                side: SIDE,
                logits: synthetic_logits(k, SIDE),
                frame: 1024,
                content: (case.resize_list_hw.1, case.resize_list_hw.0),
                image_size: (width as u32, height as u32),
                predicted_iou: 0.0,
            };
            let all = mask.at_image_size();
            let rows = (0..height).step_by(EVERY);
            let some: Vec<f32> =
                rows.flat_map(|y| all[y * width..(y + 1) * width].iter().copied().step_by(EVERY)).collect();
            let shape = (height.div_ceil(EVERY), width.div_ceil(EVERY));
            let got = Tensor::from_vec(some, shape, &Device::Cpu)?;
            compare("mask_logits", &at, &got, &want.get(k)?, MASK_LOGITS)?;
            let doubtful = all.iter().filter(|logit| logit.abs() < NEAR_ZERO).count();
            let beyond = mask.area(0.0).abs_diff(area).saturating_sub(doubtful);
            record("binary masks, area beyond doubt", &at, beyond as f64, EXACT)?;
        }
    }
    golden.check_compared(cases.postprocess.len(), "synthetic logits")
}

fn synthetic_logits(k: usize, side: usize) -> Vec<f32> {
    let k = k as f64;
    (0..side * side)
        .map(|i| {
            let (x, y) = (i % side, i / side);
            let wave = 3.0 * (0.071 * x as f64 + 0.4 * k).sin() + 2.0 * (0.053 * y as f64 - 0.3 * k).cos();
            (wave - 0.5 + 0.02 * ((7 * x + 13 * y) % 11) as f64) as f32
        })
        .collect()
}
