//! `glamm ask`: one question about one image, without a window.
//!
//! Everything that can be wrong with the request is found before the model is loaded: the device,
//! the image, the boxes, the question, the places to write to.

use std::path::Path;
use std::sync::Arc;

use glamm_engine::Engine;
use glamm_engine::error::PromptError;
use glamm_engine::job::{Answer, Increment, Question};
use glamm_engine::protocol::{CancelToken, EncodeTimings, ModelSpec, Sampling, Turn};
use glamm_engine::text::conversation::mark_regions;
use glamm_engine::vision::{self, MaskCandidates, MaskLogits, PixelBox};
use image::RgbImage;

use super::args::AskArgs;
use super::document::{
    AskDocument, CandidateEntry, ImageEntry, ModelEntry, PhraseEntry, Timings, TokenEntry, corners,
    finish_reason,
};
use super::error::CliError;
use super::model::{load, model_spec, with_spinner};
use super::outputs::{ImageOutput, MaskDirectory};
use super::save::{self, Asked};
use super::terminal::{ColorMode, ReplyPrinter};
use crate::export::overlay;
use crate::palette::grounding_colors;
use crate::storage;

/// Logits by which a mask is cut higher and lower for its stability score, as in SAM.
const STABILITY_OFFSET: f32 = 1.0;

/// Runs the command.
///
/// # Errors
/// See [`CliError`].
pub(super) fn run(args: &AskArgs) -> Result<(), CliError> {
    let request = Request::prepare(args)?;
    let colors = if args.json { ColorMode::Plain } else { ColorMode::of_stdout() };
    let mut printer = ReplyPrinter::new(std::io::stdout().lock(), colors);

    let engine = load(&request.model)?;
    let mut encoded =
        with_spinner("encoding the image", || engine.begin_encoding(&request.pixels, &|| false))?;

    let cancel = CancelToken::default();
    let mut masks: Vec<MaskCandidates> = Vec::new();
    let mut failure = None;
    let mut report = |piece: Increment| {
        if let Increment::Mask { masks: found, .. } = &piece {
            masks.push(found.clone());
        }
        if args.json || failure.is_some() {
            return;
        }
        if let Err(error) = printer.show(&piece) {
            failure = Some(error);
        }
        // Nobody reads: go on only for the sake of files that are to be written.
        if failure.is_some() || (printer.reader_left() && !request.writes_files()) {
            cancel.cancel();
        }
    };
    let question = Question {
        sampling: &request.sampling,
        ..Question::greedy(std::slice::from_ref(&request.turn), args.max_new_tokens)
    };
    let answer = engine.converse(&mut encoded, question, &|| cancel.is_cancelled(), &mut report)?;
    if let Some(failure) = failure {
        return Err(failure);
    }
    if !args.json {
        printer.finish()?;
    }

    let outcome = Outcome { answer, masks, encoding: encoded.timings() };
    finish(args, request, &engine, outcome, &mut printer)
}

/// A request that nothing is wrong with, as far as can be seen without the model.
struct Request {
    model: ModelSpec,
    pixels: RgbImage,
    turn: Turn,
    sampling: Sampling,
    overlay: Option<ImageOutput>,
    masks: Option<MaskDirectory>,
    saves: bool,
}

impl Request {
    fn prepare(args: &AskArgs) -> Result<Self, CliError> {
        let model = model_spec(&args.model)?;
        let boxes: Vec<PixelBox> = args.boxes.iter().map(|text| parse_box(text)).collect::<Result<_, _>>()?;
        let user = mark_regions(&args.prompt, boxes.len())?;
        let pixels = with_spinner("reading the image", || vision::load_image(&args.image))?;
        let regions = boxes.into_iter().map(|region| inside(region, &pixels)).collect::<Result<_, _>>()?;
        let overlay = args.overlay.as_deref().map(ImageOutput::reserve).transpose()?;
        let masks = args.masks_dir.as_deref().map(MaskDirectory::reserve).transpose()?;
        args.save.as_deref().map(can_be_written).transpose()?;
        let sampling = if args.temperature > 0.0 {
            Sampling::Random { temperature: args.temperature, top_p: None, seed: args.seed }
        } else {
            Sampling::Greedy
        };
        let turn = Turn { user, regions, reply: None };
        Ok(Self { model, pixels, turn, sampling, overlay, masks, saves: args.save.is_some() })
    }

    fn writes_files(&self) -> bool {
        self.overlay.is_some() || self.masks.is_some() || self.saves
    }
}

/// Tries whether there can be a file of this name.
fn can_be_written(path: &Path) -> Result<(), CliError> {
    storage::try_to_write(path).map_err(CliError::output(path))
}

/// What the model gave.
struct Outcome {
    answer: Answer,
    masks: Vec<MaskCandidates>,
    encoding: EncodeTimings,
}

/// Writes the files, then the document.
fn finish(
    args: &AskArgs,
    mut request: Request,
    engine: &Engine,
    outcome: Outcome,
    printer: &mut ReplyPrinter<impl std::io::Write>,
) -> Result<(), CliError> {
    let (width, height) = request.pixels.dimensions();
    if let Some(path) = &args.save {
        let Request { pixels, turn, sampling, .. } = &request;
        let Outcome { answer, masks, .. } = &outcome;
        save::write(path, &Asked { image: &args.image, pixels, turn, sampling, answer, masks })?;
    }
    let phrases = if args.json || request.writes_files() {
        work_out_masks(&mut request, &outcome, args.json)?
    } else {
        Vec::new()
    };
    if let Some(output) = request.overlay.take() {
        output.write(&request.pixels)?;
    }
    if !args.json {
        return Ok(());
    }
    let info = engine.info();
    let document = AskDocument {
        image: ImageEntry { path: args.image.display().to_string(), width, height },
        prompt: request.turn.user,
        boxes: request.turn.regions.into_iter().map(corners).collect(),
        model: ModelEntry::from(info),
        timings: Timings::new(info, outcome.encoding, &outcome.answer),
        tokens: outcome.answer.tokens.iter().map(TokenEntry::from).collect(),
        finish_reason: finish_reason(outcome.answer.reason),
        text: outcome.answer.reply.text,
        raw: outcome.answer.reply.raw,
        phrases,
    };
    super::print_json(printer, &document)
}

/// Brings each mask to the size of the image, one at a time (an image may have 100 megapixels):
/// paints it, writes it, describes it. Large masks come first, so that parts are painted over wholes.
fn work_out_masks(
    request: &mut Request,
    outcome: &Outcome,
    described: bool,
) -> Result<Vec<PhraseEntry>, CliError> {
    let reply = &outcome.answer.reply;
    let colors = grounding_colors(&reply.groundings);
    let mut order: Vec<usize> = (0..outcome.masks.len().min(reply.groundings.len())).collect();
    order.sort_by_key(|&index| std::cmp::Reverse(coarse_area(outcome.masks[index].used())));

    let mut entries = vec![None; order.len()];
    for index in order {
        let candidates = &outcome.masks[index];
        let logits = candidates.used();
        let mask = logits.threshold(0.0);
        if let Some(directory) = &request.masks {
            directory.write(index, &mask)?;
        }
        if request.overlay.is_some() {
            overlay::paint(&mut request.pixels, &mask, colors[index]);
        }
        if described {
            let span = &reply.groundings[index].span;
            entries[index] = Some(PhraseEntry {
                text: reply.text.chars().skip(span.start).take(span.len()).collect(),
                span: [span.start, span.end],
                bounds: mask.bounding_box().map(corners),
                area: mask.area(),
                mask: mask.to_rle(),
                predicted_iou: logits.predicted_iou,
                stability_score: logits.stability_score(STABILITY_OFFSET),
                candidates: describe_candidates(candidates),
                color: colors[index].hex(),
            });
        }
    }
    Ok(entries.into_iter().flatten().collect())
}

fn describe_candidates(candidates: &MaskCandidates) -> Vec<CandidateEntry> {
    let entry = |(index, logits): (usize, &Arc<MaskLogits>)| {
        let mask = logits.threshold(0.0);
        let (predicted_iou, used) = (logits.predicted_iou, index == candidates.used_index());
        CandidateEntry { used, predicted_iou, area: mask.area(), mask: mask.to_rle() }
    };
    candidates.all().iter().enumerate().map(entry).collect()
}

fn coarse_area(mask: &MaskLogits) -> usize {
    mask.logits.iter().filter(|&&logit| logit > 0.0).count()
}

fn parse_box(text: &str) -> Result<PixelBox, CliError> {
    let numbers: Vec<f32> = text
        .split(',')
        .map(|number| number.trim().parse().ok().filter(|number: &f32| number.is_finite()))
        .collect::<Option<_>>()
        .ok_or_else(|| CliError::MalformedBox(text.to_owned()))?;
    let &[x0, y0, x1, y1] = numbers.as_slice() else { return Err(CliError::MalformedBox(text.to_owned())) };
    if x0 >= x1 || y0 >= y1 {
        return Err(CliError::EmptyBox(text.to_owned()));
    }
    Ok(PixelBox { x0, y0, x1, y1 })
}

/// The part of a box that lies inside the image.
fn inside(region: PixelBox, pixels: &RgbImage) -> Result<PixelBox, PromptError> {
    let (width, height) = pixels.dimensions();
    let PixelBox { x0, y0, x1, y1 } = region;
    region.within(width, height).ok_or(PromptError::BoxOutside { x0, y0, x1, y1, width, height })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_are_four_finite_numbers_in_order() {
        let good = parse_box(" 1, 2.5,30,4e1").unwrap();
        assert_eq!(good, PixelBox { x0: 1.0, y0: 2.5, x1: 30.0, y1: 40.0 });
        for text in ["", "1,2,3", "1,2,3,4,5", "a,b,c,d", "1,2,nan,4", "1,2,inf,4", "1;2;3;4"] {
            assert!(matches!(parse_box(text), Err(CliError::MalformedBox(_))), "{text}");
        }
        for text in ["5,5,5,9", "9,1,2,3", "1,9,2,3"] {
            assert!(matches!(parse_box(text), Err(CliError::EmptyBox(_))), "{text}");
        }
    }

    #[test]
    fn boxes_are_cut_at_the_border_and_refused_beyond() {
        let image = RgbImage::new(10, 20);
        let across = inside(parse_box("-4,5,100,15").unwrap(), &image).unwrap();
        assert_eq!(across, PixelBox { x0: 0.0, y0: 5.0, x1: 10.0, y1: 15.0 });
        for text in ["10,0,12,5", "-3,-3,0,0", "0,20,5,30"] {
            assert!(inside(parse_box(text).unwrap(), &image).is_err(), "{text}");
        }
    }
}
