//! What one may look behind: the record of every token, masks of clicks and boxes, and what the
//! pixel decoder looked at.

use candle_core::{D, Device, IndexOp, Tensor};
use glamm_engine::Engine;
use glamm_engine::encoding::EncodedImage;
use glamm_engine::job::{Answer, Question};
use glamm_engine::protocol::Sampling;
use glamm_engine::vision::{Click, MaskCandidates, PixelBox};
use glamm_tests::golden::{Case, Golden, Recorded, Set};
use glamm_tests::table::{EXACT, FLOATS, Failed, MASK_LOGITS, Outcome, compare, equal, record};

fn encode(golden: &Golden, engine: &Engine, file: &str) -> Result<EncodedImage, Failed> {
    Ok(engine.encode(&golden.picture(file)?, &|| false)?.0)
}

/// Probabilities, alternatives, and the position whose state fed each mask.
pub(crate) fn token_records(set: Set) -> Outcome {
    let golden = set.open()?;
    let engine = Engine::load(&golden.spec(), |_| true)?;
    let mut compared = 0;
    for case in golden.greedy_cases() {
        let mut image = encode(&golden, &engine, &golden.image(case)?.file)?;
        let turns = golden.turns(case)?;
        let max_new_tokens = case.max_new_tokens.ok_or("a greedy case lacks max_new_tokens")?;
        let question = Question { system: None, turns: &turns, sampling: &Sampling::Greedy, max_new_tokens };
        let answer = engine.converse(&mut image, question, &|| false, &mut |_| {})?;
        let fed: Vec<_> =
            answer.tokens.iter().filter(|t| t.grounding.is_some()).map(|t| t.predicted_at).collect();
        let new = case.seg.iter().filter(|seg| !seg.in_prompt);
        let want: Vec<_> = new.map(|seg| seg.feeding_index_in_expanded).collect();
        equal("positions that feed masks", &case.id, &fed, &want)?;
        let order: Vec<_> = answer.tokens.iter().filter_map(|t| t.grounding).collect();
        equal("order of masks", &case.id, &order, &(0..want.len()).collect())?;
        if let Some(logits) = golden.tensors(&case.tensor_file)?.get("logits_generated_steps") {
            compare_odds(case, &answer, logits)?;
            compared += 1;
        }
    }
    if set == Set::Public { golden.check_compared(compared, "token probabilities") } else { Ok(()) }
}

/// `logits` are `[tokens, vocabulary]`.
fn compare_odds(case: &Case, answer: &Answer, logits: &Tensor) -> Outcome {
    let logits = logits.to_vec2::<f32>()?;
    equal("tokens with logits", &case.id, &answer.tokens.len(), &logits.len())?;
    for (token, logits) in answer.tokens.iter().zip(&logits) {
        let highest = logits.iter().copied().fold(f32::MIN, f32::max);
        let sum: f64 = logits.iter().map(|&l| f64::from(l - highest).exp()).sum();
        let mut odds: Vec<f64> = logits.iter().map(|&l| f64::from(l - highest).exp() / sum).collect();
        let off = (f64::from(token.probability) - odds[token.id as usize]).abs();
        record("token probabilities", &case.id, off, MASK_LOGITS)?;
        for choice in &token.likeliest {
            let off = (f64::from(choice.probability) - odds[choice.id as usize]).abs();
            record("token probabilities", &case.id, off, MASK_LOGITS)?;
        }
        odds.sort_by(|a, b| b.total_cmp(a));
        for (choice, want) in token.likeliest.iter().zip(odds) {
            record("likeliest tokens", &case.id, (f64::from(choice.probability) - want).abs(), MASK_LOGITS)?;
        }
    }
    Ok(())
}

/// Clicks and boxes from the picture's file on, against SAM's own code on the weights of this
/// repository's set, all candidates; and what the mask tokens looked at.
pub(crate) fn segments(set: Set) -> Outcome {
    let golden = set.open()?;
    if set != Set::Public {
        return Ok(());
    }
    let engine = Engine::load(&golden.spec(), |_| true)?;
    let image = encode(&golden, &engine, &golden.manifest.images["wide"].file)?;
    let recorded = golden.tensors("../segments.safetensors")?;
    for name in ["click", "clicks", "box", "both"] {
        let (points, region) = places(&recorded, name)?;
        let masks = engine.segment(&image, &points, region)?;
        let want = recorded.need(&format!("{name}_logits"))?;
        equal("number of candidates", name, &masks.all().len(), &want.dim(0)?)?;
        for (index, mask) in masks.all().iter().enumerate() {
            let got = Tensor::from_slice(&mask.logits, (mask.side, mask.side), &Device::Cpu)?;
            compare("masks of clicks and boxes", name, &got, &want.get(index)?, MASK_LOGITS)?;
        }
        let iou = recorded.need(&format!("{name}_iou"))?;
        let got: Vec<f32> = masks.all().iter().map(|mask| mask.predicted_iou).collect();
        compare("predicted IoU of clicks and boxes", name, &Tensor::new(got, &Device::Cpu)?, iou, FLOATS)?;
        let best_of_three = 1 + iou.narrow(0, 1, iou.dim(0)? - 1)?.argmax(D::Minus1)?.to_scalar::<u32>()?;
        let want = if name == "click" { best_of_three as usize } else { 0 };
        equal("candidate in use", name, &masks.used_index(), &want)?;
        compare_looks(&engine, &image, &masks, recorded.need(&format!("{name}_looks"))?, name)?;
    }
    Ok(())
}

fn places(recorded: &Recorded, name: &str) -> Result<(Vec<Click>, Option<PixelBox>), Failed> {
    let points = match recorded.get(&format!("{name}_clicks")) {
        Some(rows) => rows.to_vec2::<f32>()?,
        None => Vec::new(),
    };
    let points = points.iter().map(|row| Click { x: row[0], y: row[1], positive: row[2] > 0.0 }).collect();
    let region = match recorded.get(&format!("{name}_box")) {
        Some(sides) => {
            let sides = sides.to_vec1::<f32>()?;
            Some(PixelBox { x0: sides[0], y0: sides[1], x1: sides[2], y1: sides[3] })
        }
        None => None,
    };
    Ok((points, region))
}

/// `looks` are `[layers, mask tokens, heads, cells]`.
fn compare_looks(
    engine: &Engine,
    image: &EncodedImage,
    masks: &MaskCandidates,
    looks: &Tensor,
    name: &str,
) -> Outcome {
    let prompt = masks.prompt.as_ref().ok_or("the prompt is lost")?;
    let (layers, tokens, heads, cells) = looks.dims4()?;
    let side = cells.isqrt();
    for index in 0..tokens {
        let maps = engine.feature_maps(image, Some((prompt, index)))?.attention.ok_or("no attention")?;
        equal("layers and heads", name, &(maps.layers, maps.heads), &(layers, heads))?;
        let want = looks.i((.., index))?.reshape((layers, heads, side, side))?;
        let want = want.narrow(2, 0, maps.rows)?.narrow(3, 0, maps.columns)?;
        let shape = (layers, heads, maps.rows, maps.columns);
        let got = Tensor::from_slice(&maps.weights, shape, &Device::Cpu)?;
        compare("token-to-image attention", name, &got, &want, FLOATS)?;
    }
    let past = engine.feature_maps(image, Some((prompt, tokens)));
    record("masks that are not there", name, f64::from(u8::from(past.is_ok())), EXACT)
}
