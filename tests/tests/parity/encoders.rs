//! Global encoder, grounding encoder.

use std::ops::ControlFlow;

use glamm_engine::model::global_encoder::GlobalEncoder;
use glamm_engine::model::grounding_encoder::GroundingEncoder;
use glamm_engine::model::layers::{Interrupted, Progress, uninterrupted};
use glamm_tests::golden::{Golden, Recorded, Set};
use glamm_tests::table::{EXACT, FLOATS, Outcome, compare};

fn for_each_image(golden: &Golden, mut test: impl FnMut(&str, &Recorded) -> Outcome) -> Outcome {
    for (name, entry) in &golden.manifest.images {
        test(name, &golden.tensors(&entry.tensor_file)?)?;
    }
    golden.check_compared(golden.manifest.images.len(), "pictures")
}

/// The numbers behind `prefix` in the names of recorded tensors, ascending.
fn recorded_indices(recorded: &Recorded, prefix: &str) -> Vec<usize> {
    let mut indices: Vec<usize> =
        recorded.names().filter_map(|name| name.strip_prefix(prefix)?.parse().ok()).collect();
    indices.sort_unstable();
    indices
}

/// Each recorded hidden state from the one recorded before it.
pub(crate) fn global_hidden_states(set: Set) -> Outcome {
    let golden = set.open()?;
    let encoder = GlobalEncoder::new(golden.config(), &golden.clip_weights())?;
    for_each_image(&golden, |name, recorded| {
        let mut before = None;
        for index in recorded_indices(recorded, "clip_hidden_") {
            let stage = format!("clip_hidden_{index}");
            let want = recorded.need(&stage)?;
            let got = match before {
                None => {
                    let first = encoder.embed(recorded.need("clip_pixel_values")?)?;
                    encoder.advance(&first, 0, index)?
                }
                Some((from, state)) => encoder.advance(state, from, index)?,
            };
            compare(&stage, name, &got, want, FLOATS)?;
            before = Some((index, want));
        }
        Ok(())
    })
}

/// What the encoder hands on, from pixels.
pub(crate) fn global_features(set: Set) -> Outcome {
    let golden = set.open()?;
    let encoder = GlobalEncoder::new(golden.config(), &golden.clip_weights())?;
    for_each_image(&golden, |name, recorded| {
        let features = encoder.forward(recorded.need("clip_pixel_values")?, &mut uninterrupted)?;
        let want = recorded.need("clip_selected_patch_features")?;
        compare("clip_selected_patch_features", name, &features.patches, want, FLOATS)?;
        let indices = &golden.manifest.region_level_hidden_state_indices;
        if features.levels.len() != indices.len() {
            return Err(format!("{} feature levels, not {}", features.levels.len(), indices.len()).into());
        }
        for (level, index) in features.levels.iter().zip(indices) {
            let want = recorded.need(&format!("clip_hidden_{index}"))?;
            compare("clip feature levels", name, level, &encoder.feature_map(want)?, FLOATS)?;
        }
        Ok(())
    })
}

fn load_grounding_encoder(golden: &Golden) -> Result<GroundingEncoder, glamm_tests::table::Failed> {
    let weights = golden.weights().pp("model.grounding_encoder.image_encoder");
    Ok(GroundingEncoder::new(&golden.config().grounding, &weights)?)
}

/// Each recorded block from the one recorded before it, and the neck from the last block.
pub(crate) fn grounding_blocks(set: Set) -> Outcome {
    let golden = set.open()?;
    let encoder = load_grounding_encoder(&golden)?;
    for_each_image(&golden, |name, recorded| {
        let patches = recorded.need("sam_patch_embed")?;
        let got = encoder.patch_embed(recorded.need("sam_input")?)?;
        compare("sam_patch_embed", name, &got, patches, FLOATS)?;

        let mut x = encoder.add_positions(patches)?;
        for index in 0..encoder.depth() {
            x = encoder.block(index, &x)?;
            let stage = format!("sam_block_{index}");
            if let Some(want) = recorded.get(&stage) {
                compare(&stage, name, &x, want, FLOATS)?;
                x = want.clone();
            }
        }
        let got = encoder.neck(&x)?;
        compare("sam neck", name, &got, recorded.need("sam_image_embedding")?, FLOATS)
    })
}

/// The whole encoder from pixels, one picture or two at a time; and that it stops when told to.
pub(crate) fn grounding_encoder(set: Set) -> Outcome {
    let golden = set.open()?;
    let encoder = load_grounding_encoder(&golden)?;
    for_each_image(&golden, |name, recorded| {
        let pixels = recorded.need("sam_input")?;
        let want = recorded.need("sam_image_embedding")?;
        let got = encoder.forward(pixels, &mut uninterrupted)?;
        compare("sam_image_embedding", name, &got, want, FLOATS)?;
        // Recorded images are one batch each; two at once must not see each other.
        let both = candle_core::Tensor::cat(&[pixels, pixels], 0)?;
        let both = encoder.forward(&both, &mut uninterrupted)?;
        let difference = (both.get(0)? - both.get(1)?)?;
        compare("sam batch items", name, &difference, &difference.zeros_like()?, EXACT)?;
        compare("sam_image_embedding", name, &both.narrow(0, 1, 1)?, want, FLOATS)?;

        let mut asked = 0;
        let stopped = encoder.forward(pixels, &mut |progress: Progress| {
            asked += 1;
            if progress.done == 1 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        match stopped {
            Err(Interrupted::Cancelled) if asked == 2 => Ok(()),
            other => Err(format!("cancelled before block 1, the encoder gave {other:?}").into()),
        }
    })
}
