//! Parity of the whole way with the official implementation: from the image file and the user's
//! text to tokens, words and masks.
#![expect(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "tests")]
#![expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "tests")]
#![expect(missing_docs, unreachable_pub, reason = "tests")]

mod recorded;

use std::sync::Arc;
use std::time::Duration;

use candle_core::{Device, IndexOp, Tensor};
use glamm_engine::engine::EncodedImage;
use glamm_engine::job::{Answer, Increment, Question};
use glamm_engine::model::layers::uninterrupted;
use glamm_engine::protocol::{
    CancelToken, DeviceChoice, EngineCommand, EngineEvent, FinishReason, ImageId, JobId, JobRequest,
    JobStats, ModelSpec, Sampling, Task,
};
use glamm_engine::text::gcg::{gcg_caption, gcg_phrases};
use glamm_engine::vision::preprocess::{Planes, prepare_global, prepare_grounding};
use glamm_engine::vision::{BinaryMask, MaskLogits, load_image};
use glamm_engine::{Engine, EngineHandle};
use recorded::{Case, Model, RELATIVE, Recorded, Table, relative};

const MASK_LOGITS: f64 = 1e-3;
const MASK_IOU: f64 = 0.995;

fn engine(recorded: &Recorded) -> Engine {
    let spec = ModelSpec { source: recorded.source(), device: DeviceChoice::Cpu };
    Engine::load(&spec, |_, _| true).unwrap()
}

fn encode(engine: &Engine, recorded: &Recorded, case: &Case) -> EncodedImage {
    let pixels = load_image(&recorded.image_path(case)).unwrap();
    engine.encode(&pixels, &|| false).unwrap().0
}

/// The answer to a case, and its masks.
fn ask(
    engine: &Engine,
    recorded: &Recorded,
    image: &mut EncodedImage,
    case: &Case,
) -> (Answer, Vec<Arc<MaskLogits>>) {
    let turns = recorded.turns(case);
    let max_new_tokens = case.max_new_tokens.expect("a greedy case has a limit");
    let question = Question { turns: &turns, sampling: &Sampling::Greedy, max_new_tokens };
    let mut masks = Vec::new();
    let mut keep_masks = |increment| {
        if let Increment::Mask { index, mask, .. } = increment {
            assert_eq!(index, masks.len(), "masks come in order");
            masks.push(mask);
        }
    };
    let answer = engine.converse(image, question, &|| false, &mut keep_masks).unwrap();
    (answer, masks)
}

/// Masks against the recorded logits `[masks, height, width]`, from number `first` on.
fn compare_masks(
    recorded: &Recorded,
    case: &Case,
    first: usize,
    masks: &[Arc<MaskLogits>],
    table: &mut Table,
) {
    assert_eq!(masks.len() + first, case.seg.len(), "{}: number of masks", case.id);
    if masks.is_empty() {
        return;
    }
    let expected = &recorded.tensors(case)["mask_logits"];
    let image = recorded.image(case);
    for (index, mask) in masks.iter().enumerate() {
        let expected: Vec<f32> = expected.i(first + index).unwrap().flatten_all().unwrap().to_vec1().unwrap();
        let logits = mask.at_image_size();
        assert_eq!(logits.len(), expected.len());
        let off = logits.iter().zip(&expected).map(|(a, b)| f64::from((a - b).abs()));
        table.add("mask_logits (absolute)", case, off.fold(0.0, f64::max), MASK_LOGITS);

        let ours = mask.threshold(0.0);
        let at = |x: u32, y: u32| expected[(y * image.width + x) as usize];
        let theirs = BinaryMask::from_fn(image.width, image.height, |x, y| at(x, y) > 0.0);
        table.add("mask (1 - IoU)", case, 1.0 - ours.iou(&theirs), 1.0 - MASK_IOU);
        let pixels = ours.pixels().iter().zip(theirs.pixels());
        let flipped: Vec<usize> = pixels.enumerate().filter(|(_, (a, b))| a != b).map(|(at, _)| at).collect();
        assert!(flipped.iter().all(|&at| expected[at].abs() < 1e-3), "{}: only near zero", case.id);
        assert!(flipped.len() <= case.seg[first + index].near_zero);
        table.add("mask (pixels flipped near zero)", case, flipped.len() as f64, 1e3);
    }
}

#[test]
fn parity_end_to_end_greedy() {
    let recorded = Recorded::open();
    let engine = engine(&recorded);
    let mut table = Table::default();
    for case in recorded.manifest.cases.iter().filter(|case| case.is_greedy()) {
        let mut image = encode(&engine, &recorded, case);
        let (answer, masks) = ask(&engine, &recorded, &mut image, case);
        assert_eq!(answer.token_ids, case.answer_ids, "{}: tokens", case.id);
        let ended = if case.ends_with_eos { FinishReason::EndOfSequence } else { FinishReason::TokenLimit };
        assert_eq!(answer.reason, ended, "{}", case.id);
        assert_eq!(answer.reply.raw, case.text_output, "{}: text", case.id);
        assert_eq!(gcg_caption(&answer.reply.raw), case.gcg_caption, "{}: caption", case.id);
        assert_eq!(gcg_phrases(&answer.reply.raw), case.gcg_phrases, "{}: phrases", case.id);
        let spans = answer.reply.groundings.iter().map(|grounding| grounding.span.clone());
        let words = spans
            .filter(|span| !span.is_empty())
            .map(|span| answer.reply.text.chars().skip(span.start).take(span.len()).collect::<String>());
        assert_eq!(words.collect::<Vec<_>>(), case.gcg_phrases, "{}: grounded words", case.id);
        let in_prompt = case.seg.iter().filter(|seg| seg.in_prompt).count();
        compare_masks(&recorded, case, in_prompt, &masks, &mut table);
    }
    table.finish();
}

#[test]
fn parity_end_to_end_follow_up_through_the_cache() {
    let recorded = Recorded::open();
    let engine = engine(&recorded);
    let mut table = Table::default();
    for case in recorded.manifest.cases.iter().filter(|case| case.is_greedy()) {
        let turns = recorded.turns(case);
        if turns.len() < 2 {
            continue;
        }
        // Every turn of the conversation in order, on one encoding of the image.
        let mut image = encode(&engine, &recorded, case);
        let mut remembered = 0;
        let mut answered = None;
        for end in 1..=turns.len() {
            let mut asked = turns[..end].to_vec();
            asked.last_mut().unwrap().reply = None;
            let question = Question {
                turns: &asked,
                sampling: &Sampling::Greedy,
                max_new_tokens: case.max_new_tokens.unwrap(),
            };
            let mut masks = Vec::new();
            let mut keep_masks = |increment| {
                if let Increment::Mask { mask, .. } = increment {
                    masks.push(mask);
                }
            };
            let answer = engine.converse(&mut image, question, &|| false, &mut keep_masks).unwrap();
            let JobStats { prompt_tokens, cached_tokens, new_tokens, .. } = answer.stats;
            assert_eq!(cached_tokens, remembered, "{}: everything but the new turn was cached", case.id);
            remembered = prompt_tokens + new_tokens - 1;
            answered = Some((answer, masks));
        }
        let (answer, masks) = answered.unwrap();
        assert_eq!(answer.token_ids, case.answer_ids, "{}", case.id);
        let in_prompt = case.seg.iter().filter(|seg| seg.in_prompt).count();
        compare_masks(&recorded, case, in_prompt, &masks, &mut table);
    }
    table.finish();
}

/// Pixels as an encoder takes them.
fn upload(planes: Planes) -> Tensor {
    Tensor::from_vec(planes.values, (1, 3, planes.side, planes.side), &Device::Cpu).unwrap()
}

#[test]
fn parity_end_to_end_along_the_recorded_tokens() {
    let recorded = Recorded::open();
    let Model { glamm, config, .. } = recorded.model();
    let clip = &config.global_encoder;
    let mut table = Table::default();
    for case in &recorded.manifest.cases {
        let pixels = load_image(&recorded.image_path(case)).unwrap();
        let crop = upload(prepare_global(&pixels, clip.image_size, clip.image_mean, clip.image_std));
        let (frame, geometry) = prepare_grounding(&pixels, config.grounding.image_size);
        let image = glamm.encode_global(&crop, &mut uninterrupted).unwrap();
        let maps = glamm.region_encoder.feature_maps(&image.levels, &mut uninterrupted).unwrap();
        let embedding = glamm.grounding_encoder.forward(&upload(frame), &mut uninterrupted).unwrap();

        let slots = recorded.slots(case, clip.patches());
        let rows = glamm.embed(&slots, &image.tokens, Some(&maps)).unwrap();
        let hidden = glamm.llm.forward(&rows, &mut glamm.llm.new_cache(), &mut uninterrupted).unwrap();
        let tensors = recorded.tensors(case);
        let error = relative(&hidden, &tensors["last_hidden_state"]);
        table.add("last_hidden_state, from the file", case, error, RELATIVE);

        let masks: Vec<Arc<MaskLogits>> = case
            .seg
            .iter()
            .map(|seg| {
                let row = seg.feeding_index_in_expanded;
                let decoded = glamm.decode_mask(&embedding, &hidden.i(row..=row).unwrap()).unwrap();
                let logits = decoded.logits.i((0, 0)).unwrap();
                Arc::new(MaskLogits {
                    side: logits.dim(0).unwrap(),
                    logits: logits.flatten_all().unwrap().to_vec1().unwrap(),
                    frame: geometry.frame,
                    content: geometry.content,
                    image_size: geometry.image_size,
                    predicted_iou: 0.0,
                })
            })
            .collect();
        compare_masks(&recorded, case, 0, &masks, &mut table);
    }
    table.finish();
}

#[test]
fn parity_end_to_end_through_the_engine_thread() {
    let recorded = Recorded::open();
    let handle = EngineHandle::spawn(|| {}).unwrap();
    let spec = ModelSpec { source: recorded.source(), device: DeviceChoice::Cpu };
    handle.try_send(EngineCommand::LoadModel(spec)).unwrap();
    let cases: Vec<&Case> = recorded.manifest.cases.iter().filter(|case| case.is_greedy()).collect();
    let mut table = Table::default();
    for (number, case) in cases.iter().enumerate() {
        let (image, id) = (ImageId(number as u64), JobId(number as u64));
        let pixels = Arc::new(load_image(&recorded.image_path(case)).unwrap());
        handle.try_send(EngineCommand::OpenImage { image, pixels }).unwrap();
        let task = Task::Converse {
            turns: recorded.turns(case),
            sampling: Sampling::Greedy,
            max_new_tokens: case.max_new_tokens.unwrap(),
        };
        let job = JobRequest { id, image, cancel: CancelToken::default(), task };
        handle.try_send(EngineCommand::Run(Box::new(job))).unwrap();
        let (mut text, mut masks, mut encoded) = (String::new(), Vec::new(), false);
        let reply = loop {
            match handle.recv_timeout(Duration::from_secs(120)).expect("the engine answers") {
                EngineEvent::ImageEncoded { image: which, .. } => encoded = which == image,
                EngineEvent::TextGenerated { job, text: more } if job == id => text.push_str(&more),
                EngineEvent::MaskReady { job, mask, .. } if job == id => masks.push(mask),
                EngineEvent::JobFinished { job, reply, .. } if job == id => break reply,
                EngineEvent::JobFailed { error, .. } => panic!("{}: {error}", case.id),
                EngineEvent::LoadFailed(error) | EngineEvent::ImageFailed { error, .. } => panic!("{error}"),
                _ => {}
            }
        };
        assert!(encoded, "the image is encoded before the question");
        assert_eq!((&reply.raw, &reply.text), (&case.text_output, &text), "{}", case.id);
        let in_prompt = case.seg.iter().filter(|seg| seg.in_prompt).count();
        compare_masks(&recorded, case, in_prompt, &masks, &mut table);
    }
    table.finish();
}
