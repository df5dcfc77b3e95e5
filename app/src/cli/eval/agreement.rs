//! `glamm eval agreement`: what keeping a model in fewer bits costs.

use glamm_engine::eval::agreement::{Agreement, compare};
use glamm_engine::protocol::{ModelSource, ModelSpec};
use indicatif::ProgressBar;
use serde::Serialize;

use crate::cli::args::EvalAgreementArgs;
use crate::cli::document::ModelEntry;
use crate::cli::error::CliError;
use crate::cli::model::{Progress, load, model_source, model_spec};
use crate::cli::print_json;
use crate::cli::terminal::{ColorMode, ReplyPrinter};

/// What `--json` prints. Shares and IoU lie between 0 and 1.
#[derive(Debug, Serialize)]
pub struct AgreementDocument {
    /// What was compared.
    pub model: ModelEntry,
    /// With what.
    pub reference: ModelEntry,
    /// Seed of the first scene.
    pub seed: u64,
    /// Number of scenes.
    pub scenes: usize,
    /// Share of replies that are the same to the last token.
    pub same_replies: f64,
    /// Share of the reference's tokens before the first difference.
    pub same_tokens: f64,
    /// The reference's tokens.
    pub tokens: usize,
    /// Mean IoU of the masks of the same phrases.
    pub mask_iou: f64,
    /// The worst of them.
    pub worst_mask_iou: f64,
    /// Such masks.
    pub masks: usize,
    /// Mean IoU of the masks of the same boxes, one around each thing in a scene.
    pub box_mask_iou: f64,
    /// The worst of them.
    pub worst_box_mask_iou: f64,
    /// Such masks.
    pub box_masks: usize,
}

/// Runs the command.
///
/// # Errors
/// See [`CliError`].
pub(super) fn run(args: &EvalAgreementArgs) -> Result<(), CliError> {
    let spec = model_spec(&args.model)?;
    let source = args.reference.as_deref().map_or_else(|| Ok(spec.source.clone()), model_source)?;
    let reference = ModelSpec { source, precision: Some(args.against), ..spec.clone() };
    let same_weights = spec.source == reference.source;
    // One file is as it is, whatever precision is asked for.
    if same_weights && matches!(&spec.source, ModelSource::Path(path) if path.is_file()) {
        return Err(CliError::SameModel);
    }
    let (model, reference) = (load(&spec)?, load(&reference)?);
    if same_weights && model.info().precision == reference.info().precision {
        return Err(CliError::SameModel);
    }
    let bar = ProgressBar::new(args.scenes.count as u64).with_style(Progress::Scenes.style());
    let agreement = compare(&model, &reference, (args.scenes.seed, args.scenes.count), |done| {
        bar.set_position(done as u64);
    });
    bar.finish_and_clear();
    let entries = (ModelEntry::from(model.info()), ModelEntry::from(reference.info()));
    let document = AgreementDocument::new(args, entries, &agreement?);
    let mut printer = ReplyPrinter::new(std::io::stdout().lock(), ColorMode::Plain);
    if args.json { print_json(&mut printer, &document) } else { printer.write(&document.table()) }
}

impl AgreementDocument {
    fn new(
        args: &EvalAgreementArgs,
        (model, reference): (ModelEntry, ModelEntry),
        found: &Agreement,
    ) -> Self {
        // More digits would only be noise.
        let round = |share: f64| (share * 1e4).round() / 1e4;
        Self {
            model,
            reference,
            seed: args.scenes.seed,
            scenes: args.scenes.count,
            same_replies: round(found.replies.accuracy()),
            same_tokens: round(found.tokens.accuracy()),
            tokens: found.tokens.count,
            mask_iou: round(found.phrases.iou()),
            worst_mask_iou: round(found.phrases.worst_iou),
            masks: found.phrases.count,
            box_mask_iou: round(found.boxes.iou()),
            worst_box_mask_iou: round(found.boxes.worst_iou),
            box_masks: found.boxes.count,
        }
    }

    fn table(&self) -> String {
        format!(
            "{} in {} against {} in {}: {} scenes from seed {}\n\
             same replies  {:>7.3}\n\
             same tokens   {:>7.3}  of {}\n\
             mask IoU      {:>7.3}  of {}, the worst {:.3}\n\
             box mask IoU  {:>7.3}  of {}, the worst {:.3}\n",
            self.model.name,
            self.model.precision,
            self.reference.name,
            self.reference.precision,
            self.scenes,
            self.seed,
            self.same_replies,
            self.same_tokens,
            self.tokens,
            self.mask_iou,
            self.masks,
            self.worst_mask_iou,
            self.box_mask_iou,
            self.box_masks,
            self.worst_box_mask_iou,
        )
    }
}
