//! Files to the encoders' inputs.

use candle_core::{Device, Tensor};
use glamm_engine::vision::preprocess::{
    CropGeometry, FrameGeometry, Planes, crop_for_global_encoder, prepare_global, prepare_grounding,
    resize_for_grounding_encoder,
};
use glamm_tests::golden::Set;
use glamm_tests::table::{EXACT, Outcome, Tolerance, record};
use serde::Deserialize;
use serde_json::Value;

/// Largest share of 8-bit values that may be off by more than 1, and by how much at most.
const OFF_BY_MORE: Tolerance = Tolerance::Count(1e-3);
const OFF_AT_MOST: Tolerance = Tolerance::Absolute(2.0);

#[derive(Deserialize)]
struct FrameCase {
    w: u32,
    h: u32,
    out_hw: (usize, usize),
}

#[derive(Deserialize)]
struct CropCase {
    w: u32,
    h: u32,
    resized_hw: (usize, usize),
    crop_top_left: (usize, usize),
}

/// Sizes and crops for many picture sizes.
pub(crate) fn geometry(set: Set) -> Outcome {
    let golden = set.open()?;
    let all: serde_json::Map<String, Value> = golden.json("geometry_cases.json")?.unwrap_or_default();
    let mut compared = 0;
    for (key, cases) in &all {
        if let Some(Ok(frame)) = key.strip_prefix("sam_").map(str::parse) {
            for case in serde_json::from_value::<Vec<FrameCase>>(cases.clone())? {
                let content = FrameGeometry::new((case.w, case.h), frame).content;
                let wrong = f64::from(u8::from((content.1, content.0) != case.out_hw));
                record("sam geometry", &format!("{}x{} to {frame}", case.w, case.h), wrong, EXACT)?;
                compared += 1;
            }
        } else if let Some(Ok(side)) = key.strip_prefix("clip_").map(str::parse) {
            for case in serde_json::from_value::<Vec<CropCase>>(cases.clone())? {
                let crop = CropGeometry::new((case.w, case.h), side);
                let found = ((crop.resized.1, crop.resized.0), (crop.left_top.1, crop.left_top.0));
                let wrong = f64::from(u8::from(found != (case.resized_hw, case.crop_top_left)));
                record("clip geometry", &format!("{}x{} to {side}", case.w, case.h), wrong, EXACT)?;
                compared += 1;
            }
        }
    }
    golden.check_compared(compared, "geometry cases")
}

/// 8-bit pictures at every recorded size.
pub(crate) fn prepared(set: Set) -> Outcome {
    let golden = set.open()?;
    let mut compared = 0;
    for (name, entry) in &golden.manifest.images {
        let picture = golden.picture(&entry.file)?;
        for (side, want) in entry.prepared("clip")? {
            let crop = CropGeometry::new(picture.dimensions(), side);
            let found = (Some(crop.resized), Some(crop.left_top));
            let wrong = f64::from(u8::from(found != (want.resized_wh, want.crop_left_top)));
            record("clip geometry", name, wrong, EXACT)?;
            let at = format!("{name} at {side}");
            let got = crop_for_global_encoder(&picture, side);
            compare_pixels("clip crop", &at, &got, &golden.picture(&want.file)?)?;
            compared += 1;
        }
        for (frame, want) in entry.prepared("sam")? {
            let at = format!("{name} at {frame}");
            let content = FrameGeometry::new(picture.dimensions(), frame).content;
            let wrong = f64::from(u8::from(Some((content.1, content.0)) != want.resize_list_hw));
            record("sam geometry", name, wrong, EXACT)?;
            let got = resize_for_grounding_encoder(&picture, frame);
            compare_pixels("sam resize", &at, &got, &golden.picture(&want.file)?)?;
            compared += 1;
        }
    }
    golden.check_compared(compared, "prepared pictures")
}

fn compare_pixels(stage: &str, at: &str, got: &image::RgbImage, want: &image::RgbImage) -> Outcome {
    if got.dimensions() != want.dimensions() {
        return Err(format!("{stage} of {at} is {:?}, not {:?}", got.dimensions(), want.dimensions()).into());
    }
    let differences = got.as_raw().iter().zip(want.as_raw()).map(|(a, b)| a.abs_diff(*b));
    let worst = differences.clone().max().unwrap_or(0);
    let off = differences.filter(|&d| d > 1).count() as f64 / want.as_raw().len().max(1) as f64;
    record(&format!("{stage}, steps of 1/255"), at, f64::from(worst), OFF_AT_MOST)?;
    record(&format!("{stage}, share off by more than one"), at, off, OFF_BY_MORE)
}

/// Normalised and padded pixels at the model's own sizes.
pub(crate) fn encoder_inputs(set: Set) -> Outcome {
    let golden = set.open()?;
    let clip = &golden.config().global_encoder;
    let mut compared = 0;
    for (name, entry) in &golden.manifest.images {
        let recorded = golden.tensors(&entry.tensor_file)?;
        let picture = golden.picture(&entry.file)?;
        if let Some(want) = recorded.get("clip_pixel_values") {
            let got = prepare_global(&picture, clip.image_size, clip.image_mean, clip.image_std);
            compare_planes("clip_pixel_values", name, &got, want, clip.image_std.map(|s| s * 255.0))?;
            compared += 1;
        }
        if let Some(want) = recorded.get("sam_input") {
            let (got, _) = prepare_grounding(&picture, golden.config().grounding.image_size);
            compare_planes("sam_input", name, &got, want, [58.395, 57.12, 57.375])?;
            compared += 1;
        }
    }
    golden.check_compared(compared, "encoder inputs")
}

/// Compares in steps of 1/255 of the picture: `spread` is a channel's standard deviation in them.
fn compare_planes(stage: &str, at: &str, got: &Planes, want: &Tensor, spread: [f32; 3]) -> Outcome {
    let shape = [1, 3, got.side, got.side];
    if want.dims() != shape {
        return Err(format!("{stage} of {at} has shape {shape:?}, not {:?}", want.dims()).into());
    }
    let spread = Tensor::from_slice(&spread, (3, 1), &Device::Cpu)?;
    let got = Tensor::from_slice(&got.values, (3, got.side * got.side), &Device::Cpu)?;
    let steps = (got - want.reshape((3, ()))?)?.abs()?.broadcast_mul(&spread)?.flatten_all()?;
    let steps = steps.to_vec1::<f32>()?;
    let worst = steps.iter().fold(0f32, |a, &b| if b > a || b.is_nan() { b } else { a });
    // Room for rounding in floats: a whole step is the smallest true difference.
    let off = steps.iter().filter(|&&s| s > 1.01).count() as f64 / steps.len() as f64;
    record(&format!("{stage}, steps of 1/255"), at, f64::from(worst), Tolerance::Absolute(2.01))?;
    record(&format!("{stage}, share off by more than one"), at, off, OFF_BY_MORE)
}
