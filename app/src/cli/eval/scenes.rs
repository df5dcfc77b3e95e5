//! `glamm eval scenes`: how good a model is on scenes whose truth is known.
//!
//! The arithmetic is the engine's ([`glamm_engine::eval`], which says what each figure means); here
//! it becomes a table for people or one JSON document. Shares lie between 0 and 1.

use std::fmt::Write;
use std::time::Instant;

use glamm_engine::eval::scenes::{Examination, Report, examine};
use glamm_engine::eval::tally::Tally;
use indicatif::ProgressBar;
use serde::Serialize;

use crate::cli::args::EvalScenesArgs;
use crate::cli::document::ModelEntry;
use crate::cli::error::CliError;
use crate::cli::model::{Progress, load, model_spec};
use crate::cli::print_json;
use crate::cli::terminal::{ColorMode, ReplyPrinter};

/// What `--json` prints. Each figure stands beside the number of things it was taken over.
#[derive(Debug, Serialize)]
pub struct EvalDocument {
    /// What was examined.
    pub model: ModelEntry,
    /// Seed of the first scene.
    pub seed: u64,
    /// Number of scenes.
    pub scenes: usize,
    /// Mean over scenes of the mean IoU over true masks, greedily paired one to one with the
    /// reply's masks; a true mask without a partner counts as 0.
    pub gcg_miou: f64,
    /// The same over pairs alone, as the official script has it.
    pub gcg_matched_miou: f64,
    /// COCO average precision of the masks at IoU 0.5, whatever their names.
    pub gcg_ap50: f64,
    /// Share of true masks found with IoU ≥ 0.5 by a phrase that names the thing.
    pub gcg_recall: f64,
    /// Grounded captions.
    pub gcg_count: usize,
    /// True masks in them.
    pub gcg_objects: usize,
    /// Sum of intersections over sum of unions, one expression one mask.
    pub refseg_ciou: f64,
    /// Mean IoU over expressions.
    pub refseg_giou: f64,
    /// Expressions.
    pub refseg_count: usize,
    /// Mean IoU of the mask of one click on an object.
    pub click_miou: f64,
    /// The same for the best of the click's candidates.
    pub click_best_miou: f64,
    /// The same after two clicks on what was wrong.
    pub three_clicks_miou: f64,
    /// The same for the box around an object.
    pub box_miou: f64,
    /// Objects clicked and framed.
    pub place_count: usize,
    /// Mean absolute error of the IoU that the model predicts of the masks of clicks and boxes.
    pub predicted_iou_error: f64,
    /// These masks.
    pub predicted_iou_count: usize,
    /// Share of boxes whose object was called by the right kind and colour.
    pub region_accuracy: f64,
    /// Boxes.
    pub region_count: usize,
    /// Share of right answers to questions for a colour, a number, a yes or no.
    pub qa_accuracy: f64,
    /// Such questions.
    pub qa_count: usize,
    /// Of these, questions for a colour.
    pub qa_color_accuracy: f64,
    /// Their number.
    pub qa_color_count: usize,
    /// Of these, questions for a number.
    pub qa_number_accuracy: f64,
    /// Their number.
    pub qa_number_count: usize,
    /// Of these, questions for a yes or no.
    pub qa_yes_no_accuracy: f64,
    /// Their number.
    pub qa_yes_no_count: usize,
    /// Share of right answers to other short questions (where, what place, which object).
    pub qa_other_accuracy: f64,
    /// Such questions.
    pub qa_other_count: usize,
    /// Share of requests for the mask of something absent that were refused in words.
    pub absent_accuracy: f64,
    /// Such requests.
    pub absent_count: usize,
    /// Share of right turns in conversations of several turns.
    pub dialogue_accuracy: f64,
    /// Such turns.
    pub dialogue_count: usize,
    /// Share of right answers in words, where the question was worded as in training.
    pub known_wording_accuracy: f64,
    /// Such answers.
    pub known_wording_count: usize,
    /// Share of right answers in words, where the question was worded as training never does.
    pub new_wording_accuracy: f64,
    /// Such answers.
    pub new_wording_count: usize,
    /// Scenes worked on at the same time.
    pub threads: usize,
    /// From the first scene to the last one.
    pub seconds: f64,
}

/// Runs the command.
///
/// # Errors
/// See [`CliError`].
pub(super) fn run(args: &EvalScenesArgs) -> Result<(), CliError> {
    let engine = load(&model_spec(&args.model)?)?;
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = args.threads.unwrap_or(cores);
    let bar = ProgressBar::new(args.scenes.count as u64).with_style(Progress::Scenes.style());
    let start = Instant::now();
    let examination = Examination { first_seed: args.scenes.seed, count: args.scenes.count, threads };
    let report = examine(&engine, examination, |done| bar.set_position(done as u64));
    bar.finish_and_clear();
    let document = EvalDocument::new(
        args,
        ModelEntry::from(engine.info()),
        &report?,
        (threads, start.elapsed().as_secs_f64()),
    );

    let mut printer = ReplyPrinter::new(std::io::stdout().lock(), ColorMode::Plain);
    if args.json { print_json(&mut printer, &document) } else { printer.write(&document.table()) }
}

impl EvalDocument {
    fn new(
        args: &EvalScenesArgs,
        model: ModelEntry,
        report: &Report,
        (threads, seconds): (usize, f64),
    ) -> Self {
        let share = |tally: Tally| round(tally.accuracy());
        Self {
            model,
            seed: args.scenes.seed,
            scenes: args.scenes.count,
            gcg_miou: round(report.gcg.miou),
            gcg_matched_miou: round(report.gcg.matched_miou),
            gcg_ap50: round(report.gcg.ap50),
            gcg_recall: round(report.gcg.recall),
            gcg_count: report.gcg.images,
            gcg_objects: report.gcg.objects,
            refseg_ciou: round(report.refseg.ciou()),
            refseg_giou: round(report.refseg.giou()),
            refseg_count: report.refseg.count(),
            click_miou: round(report.places.click.value()),
            click_best_miou: round(report.places.click_best.value()),
            three_clicks_miou: round(report.places.corrected.value()),
            box_miou: round(report.places.framed.value()),
            place_count: report.places.framed.count,
            predicted_iou_error: round(report.places.estimate_error.value()),
            predicted_iou_count: report.places.estimate_error.count,
            region_accuracy: share(report.region),
            region_count: report.region.count,
            qa_accuracy: share(report.qa()),
            qa_count: report.qa().count,
            qa_color_accuracy: share(report.qa_color),
            qa_color_count: report.qa_color.count,
            qa_number_accuracy: share(report.qa_count),
            qa_number_count: report.qa_count.count,
            qa_yes_no_accuracy: share(report.qa_yes_no),
            qa_yes_no_count: report.qa_yes_no.count,
            qa_other_accuracy: share(report.qa_other),
            qa_other_count: report.qa_other.count,
            absent_accuracy: share(report.absent),
            absent_count: report.absent.count,
            dialogue_accuracy: share(report.dialogue),
            dialogue_count: report.dialogue.count,
            known_wording_accuracy: share(report.known_wording),
            known_wording_count: report.known_wording.count,
            new_wording_accuracy: share(report.new_wording),
            new_wording_count: report.new_wording.count,
            threads,
            seconds: (seconds * 10.0).round() / 10.0,
        }
    }

    fn table(&self) -> String {
        let rows = [
            ("grounded captions", "mIoU", self.gcg_miou, self.gcg_count),
            ("", "mIoU over pairs", self.gcg_matched_miou, self.gcg_count),
            ("", "AP50", self.gcg_ap50, self.gcg_objects),
            ("", "recall", self.gcg_recall, self.gcg_objects),
            ("referring segmentation", "cIoU", self.refseg_ciou, self.refseg_count),
            ("", "gIoU", self.refseg_giou, self.refseg_count),
            ("one click", "mIoU", self.click_miou, self.place_count),
            ("", "best candidate", self.click_best_miou, self.place_count),
            ("three clicks", "mIoU", self.three_clicks_miou, self.place_count),
            ("boxes", "mIoU", self.box_miou, self.place_count),
            ("predicted IoU", "mean error", self.predicted_iou_error, self.predicted_iou_count),
            ("absent things", "refused", self.absent_accuracy, self.absent_count),
            ("objects in boxes", "named", self.region_accuracy, self.region_count),
            ("short answers", "right", self.qa_accuracy, self.qa_count),
            ("  colours", "right", self.qa_color_accuracy, self.qa_color_count),
            ("  numbers", "right", self.qa_number_accuracy, self.qa_number_count),
            ("  yes or no", "right", self.qa_yes_no_accuracy, self.qa_yes_no_count),
            ("other short answers", "right", self.qa_other_accuracy, self.qa_other_count),
            ("turns of conversations", "right", self.dialogue_accuracy, self.dialogue_count),
            ("wordings of training", "right", self.known_wording_accuracy, self.known_wording_count),
            ("other wordings", "right", self.new_wording_accuracy, self.new_wording_count),
        ];
        let mut text = format!(
            "{} on {}: {} scenes from seed {}, {} s\n",
            self.model.name, self.model.device, self.scenes, self.seed, self.seconds
        );
        for (what, figure, value, count) in rows {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{what:<24}{figure:<16}{value:>7.3}  of {count}");
        }
        text
    }
}

/// Four digits: more would only be noise.
fn round(share: f64) -> f64 {
    (share * 1e4).round() / 1e4
}
