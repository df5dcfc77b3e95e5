//! The whole way: from the picture's file and the user's text to tokens, words and masks.

use std::sync::Arc;
use std::time::Duration;

use candle_core::{Device, IndexOp, Tensor};
use glamm_engine::encoding::EncodedImage;
use glamm_engine::job::{Answer, Increment, Question};
use glamm_engine::model::layers::uninterrupted;
use glamm_engine::protocol::{
    CancelToken, EngineCommand, EngineEvent, FinishReason, ImageId, JobId, JobRequest, Reply, Sampling, Task,
    Turn,
};
use glamm_engine::text::gcg::{gcg_caption, gcg_phrases};
use glamm_engine::vision::preprocess::{Planes, prepare_global, prepare_grounding};
use glamm_engine::vision::{BinaryMask, MaskLogits};
use glamm_engine::{Engine, EngineHandle};
use glamm_tests::golden::{Case, Golden, Set};
use glamm_tests::table::{FLOATS, Failed, MASK_LOGITS, Outcome, Tolerance, compare, equal, record};

/// Masks must overlap at least so much.
const MASK_IOU: Tolerance = Tolerance::Absolute(1.0 - 0.995);
const PATIENCE: Duration = Duration::from_mins(10);

/// The answer to the last of `turns`, and its masks.
fn ask(
    engine: &Engine,
    image: &mut EncodedImage,
    turns: &[Turn],
    max_new_tokens: usize,
) -> Result<(Answer, Vec<Arc<MaskLogits>>), Failed> {
    let question = Question::greedy(turns, max_new_tokens);
    let mut masks = Vec::new();
    let mut keep_masks = |increment| {
        if let Increment::Mask { index, masks: found, .. } = increment {
            masks.push((index, Arc::clone(found.used())));
        }
    };
    let answer = engine.converse(image, question, &|| false, &mut keep_masks)?;
    if !masks.iter().enumerate().all(|(place, (index, _))| place == *index) {
        return Err("masks come out of order".into());
    }
    Ok((answer, masks.into_iter().map(|(_, mask)| mask).collect()))
}

fn limit(case: &Case) -> Result<usize, Failed> {
    case.max_new_tokens.ok_or_else(|| format!("{} lacks max_new_tokens", case.id).into())
}

fn compare_reply(case: &Case, reply: &Reply) -> Outcome {
    equal("reply", &case.id, &reply.raw, &case.text_output)?;
    equal("GCG caption", &case.id, &gcg_caption(&reply.raw), &case.gcg_caption)?;
    equal("GCG phrases", &case.id, &gcg_phrases(&reply.raw), &case.gcg_phrases)
}

/// Masks of the newest answer, or, with `all`, of every `[SEG]`, against the recorded ones.
fn compare_masks(golden: &Golden, case: &Case, masks: &[Arc<MaskLogits>], all: bool) -> Outcome {
    let skipped = if all { 0 } else { case.seg.iter().filter(|seg| seg.in_prompt).count() };
    equal("number of masks", &case.id, &masks.len(), &(case.seg.len() - skipped))?;
    if masks.is_empty() {
        return Ok(());
    }
    let recorded = golden.tensors(&case.tensor_file)?;
    let recorded = recorded.need("mask_logits")?;
    let entry = golden.image(case)?;
    for ((index, mask), seg) in (skipped..).zip(masks).zip(&case.seg[skipped..]) {
        let want = recorded.get(index)?;
        let shape = (entry.height as usize, entry.width as usize);
        let got = Tensor::from_vec(mask.at_image_size(), shape, &Device::Cpu)?;
        compare("mask_logits, from the file", &case.id, &got, &want, MASK_LOGITS)?;

        let want: Vec<f32> = want.flatten_all()?.to_vec1()?;
        let at = |x: u32, y: u32| want[(y * entry.width + x) as usize];
        let ours = mask.threshold(0.0);
        let theirs = BinaryMask::from_fn(entry.width, entry.height, |x, y| at(x, y) > 0.0);
        let overlap = if ours == theirs { 1.0 } else { ours.iou(&theirs) };
        record("masks, from the file: 1 - IoU", &case.id, 1.0 - overlap, MASK_IOU)?;
        let flipped: Vec<f32> = want
            .iter()
            .zip(ours.pixels().iter().zip(theirs.pixels()))
            .filter_map(|(&logit, (a, b))| (a != b).then_some(logit))
            .collect();
        let surely = flipped.iter().filter(|logit| logit.abs() >= 1e-3).count();
        equal("mask pixels not near zero", &case.id, &surely, &0)?;
        let allowed = Tolerance::Count(seg.pixels_with_abs_logit_below_1e_3 as f64);
        record("mask pixels near zero", &case.id, flipped.len() as f64, allowed)?;
    }
    Ok(())
}

/// Every greedy case from its file and text, each with a context of its own.
pub(crate) fn greedy(set: Set) -> Outcome {
    let golden = set.open()?;
    let engine = Engine::load(&golden.spec(), |_| true)?;
    for case in golden.greedy_cases() {
        let pixels = golden.picture(&golden.image(case)?.file)?;
        let mut image = engine.encode(&pixels, &|| false)?.0;
        let (answer, masks) = ask(&engine, &mut image, &golden.turns(case)?, limit(case)?)?;
        equal("generated ids", &case.id, &answer.token_ids(), &case.answer_ids)?;
        let end = if case.ends_with_eos { FinishReason::EndOfSequence } else { FinishReason::TokenLimit };
        equal("reason to end", &case.id, &answer.reason, &end)?;
        compare_reply(case, &answer.reply)?;
        compare_masks(&golden, case, &masks, false)?;
    }
    Ok(())
}

/// Follow-ups asked after their parents on one encoding of the image: everything but the new turn
/// comes out of the cache, and changes nothing.
pub(crate) fn follow_ups(set: Set) -> Outcome {
    let golden = set.open()?;
    let engine = Engine::load(&golden.spec(), |_| true)?;
    let mut compared = 0;
    for case in golden.greedy_cases() {
        let Some(parent) = golden.parent(case)? else { continue };
        let pixels = golden.picture(&golden.image(case)?.file)?;
        let mut image = engine.encode(&pixels, &|| false)?.0;
        let turns = golden.turns(case)?;
        let mut remembered = 0;
        for count in 1..turns.len() {
            let mut asked = turns[..count].to_vec();
            asked[count - 1].reply = None;
            let stats = ask(&engine, &mut image, &asked, limit(case)?)?.0.stats;
            // The last token of a reply is never fed.
            remembered = stats.prompt_tokens + stats.new_tokens - 1;
        }
        let (answer, masks) = ask(&engine, &mut image, &turns, limit(case)?)?;
        if case.input_ids.starts_with(&parent.fed_ids()) {
            equal("positions reused", &case.id, &answer.stats.cached_tokens, &remembered)?;
            compared += 1;
        }
        equal("generated ids, through the cache", &case.id, &answer.token_ids(), &case.answer_ids)?;
        compare_reply(case, &answer.reply)?;
        compare_masks(&golden, case, &masks, false)?;
    }
    golden.check_compared(compared, "follow-ups")
}

fn upload(planes: Planes) -> candle_core::Result<Tensor> {
    Tensor::from_vec(planes.values, (1, 3, planes.side, planes.side), &Device::Cpu)
}

/// Every case, the forced ones too, along its recorded tokens.
pub(crate) fn along_recorded_tokens(set: Set) -> Outcome {
    let golden = set.open()?;
    let model = golden.model()?.glamm;
    let clip = &golden.config().global_encoder;
    for case in &golden.manifest.cases {
        let pixels = golden.picture(&golden.image(case)?.file)?;
        let crop = upload(prepare_global(&pixels, clip.image_size, clip.image_mean, clip.image_std))?;
        let (frame, geometry) = prepare_grounding(&pixels, golden.config().grounding.image_size);
        let image = model.encode_global(&crop, &mut uninterrupted)?;
        let maps = model.region_encoder.feature_maps(&image.levels, &mut uninterrupted)?;
        let embedding = model.grounding_encoder.forward(&upload(frame)?, &mut uninterrupted)?;

        let rows = model.embed(&golden.slots(case)?, &image.tokens, Some(&maps))?;
        let hidden = model.llm.forward(&rows, &mut model.llm.new_cache(), &mut uninterrupted)?;
        let recorded = golden.tensors(&case.tensor_file)?;
        let want = recorded.need("last_hidden_state")?;
        compare("last_hidden_state, from the file", &case.id, &hidden, want, FLOATS)?;

        let mut masks = Vec::new();
        for seg in &case.seg {
            let row = seg.feeding_index_in_expanded;
            let state = model.text_projection.forward(&hidden.i(row..=row)?)?;
            let decoded = model.pixel_decoder.forward(&embedding, &state)?;
            let logits = decoded.logits.i((0, 0))?;
            masks.push(Arc::new(MaskLogits {
                side: logits.dim(0)?,
                logits: logits.flatten_all()?.to_vec1()?,
                frame: geometry.frame,
                content: geometry.content,
                image_size: geometry.image_size,
                predicted_iou: decoded.iou.i((0, 0))?.to_scalar()?,
            }));
        }
        compare_masks(&golden, case, &masks, true)?;
    }
    Ok(())
}

/// The same through commands and events.
pub(crate) fn engine_thread(set: Set) -> Outcome {
    let golden = set.open()?;
    let handle = EngineHandle::spawn(|| {})?;
    handle.try_send(EngineCommand::LoadModel(golden.spec()))?;
    for (number, case) in (0..).zip(golden.greedy_cases()) {
        let (image, id) = (ImageId(number), JobId(number));
        let pixels = Arc::new(golden.picture(&golden.image(case)?.file)?);
        handle.try_send(EngineCommand::OpenImage { image, pixels })?;
        let task = Task::Converse {
            system: None,
            turns: golden.turns(case)?,
            sampling: Sampling::Greedy,
            max_new_tokens: limit(case)?,
        };
        let job = JobRequest { id, image, cancel: CancelToken::default(), task };
        handle.try_send(EngineCommand::Run(Box::new(job)))?;
        let (reply, text, masks) = follow(&handle, id)?;
        equal("text of events", &case.id, &text, &reply.text)?;
        compare_reply(case, &reply)?;
        compare_masks(&golden, case, &masks, false)?;
    }
    Ok(())
}

/// Reads a job's events to its end: the reply, the text told on the way, the masks.
fn follow(handle: &EngineHandle, id: JobId) -> Result<(Reply, String, Vec<Arc<MaskLogits>>), Failed> {
    let (mut told, mut masks) = (String::new(), Vec::new());
    loop {
        match handle.recv_timeout(PATIENCE)? {
            EngineEvent::TextGenerated { job, text } if job == id => told.push_str(&text),
            EngineEvent::MaskReady { job, masks: found, .. } if job == id => {
                masks.push(Arc::clone(found.used()));
            }
            EngineEvent::JobFinished { job, reply, .. } if job == id => return Ok((reply, told, masks)),
            EngineEvent::JobFailed { error, .. }
            | EngineEvent::ImageFailed { error, .. }
            | EngineEvent::LoadFailed(error) => return Err(error.to_string().into()),
            _ => {}
        }
    }
}
