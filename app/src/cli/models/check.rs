//! `glamm models check`: every tensor that a model needs against every tensor that it has.

use std::fmt::Write;

use glamm_engine::checkpoint::check::{CheckedTensor, Part, Report, Verdict, check};
use glamm_engine::models::LocateError;
use glamm_engine::protocol::ModelSource;
use indicatif::ProgressBar;
use serde::Serialize;

use super::args::CheckArgs;
use crate::cli::error::CliError;
use crate::cli::model::{Progress, model_source};
use crate::cli::print_json;
use crate::cli::terminal::{ColorMode, ReplyPrinter};

/// What `--json` prints.
#[derive(Debug, Serialize)]
pub struct CheckDocument {
    /// The checkpoint's folder or file, or the name of the model that is built in.
    pub directory: String,
    /// Whether the model can be used.
    pub good: bool,
    /// Files that are missing or cannot be used at all, one message each.
    pub bad_files: Vec<String>,
    /// How many tensors there are of each verdict.
    pub counts: Counts,
    /// Every tensor.
    pub tensors: Vec<TensorRow>,
}

/// Numbers of tensors.
#[derive(Debug, Default, Clone, Copy, Serialize)]
pub struct Counts {
    /// As they should be.
    pub good: usize,
    /// In no file.
    pub missing: usize,
    /// In a file, and unknown to the model. No fault.
    pub unexpected: usize,
    /// Of a wrong shape.
    pub wrong_shape: usize,
    /// Of a wrong type.
    pub wrong_type: usize,
    /// With infinite numbers or no numbers.
    pub not_finite: usize,
    /// Unreadable, or not what was written.
    pub damaged: usize,
}

/// One tensor. What there is not is `null`.
#[derive(Debug, Serialize)]
pub struct TensorRow {
    /// Its key.
    pub name: String,
    /// `glamm` or `clip`.
    pub part: &'static str,
    /// `good`, `missing`, `unexpected`, `wrong_shape`, `wrong_type`, `not_finite` or `damaged`.
    pub verdict: &'static str,
    /// More of the verdict, for people.
    pub detail: Option<String>,
    /// The shape that the configuration asks for.
    pub expected: Option<Vec<usize>>,
    /// The shape it has.
    pub found: Option<Vec<usize>>,
    /// `f32`, `bf16`.
    pub dtype: Option<String>,
    /// The name of the file it is in.
    pub file: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// [`CliError::UnfitModel`] after the table where there are faults.
pub(super) fn run(args: &CheckArgs) -> Result<(), CliError> {
    let bar = ProgressBar::new(0).with_style(Progress::Checking.style());
    let source = checked(&args.model)?;
    let report = check(&source, &mut |done_bytes, total_bytes| {
        bar.set_length(total_bytes);
        bar.set_position(done_bytes);
        true
    });
    bar.finish_and_clear();
    let report = report?;
    let document = CheckDocument::new(&source, &report);
    let mut printer = ReplyPrinter::new(std::io::stdout().lock(), ColorMode::Plain);
    if args.json { print_json(&mut printer, &document) } else { printer.write(&document.table()) }?;
    match report.faults().next() {
        None => Ok(()),
        Some(first) => {
            Err(CliError::UnfitModel { model: document.directory, faults: report.faults().count(), first })
        }
    }
}

/// The model that a name or path means, also where some of its files are missing.
fn checked(model: &str) -> Result<ModelSource, CliError> {
    match model_source(model) {
        Err(CliError::Locate(LocateError::Partial { path, .. })) => Ok(ModelSource::Path(path)),
        other => other,
    }
}

impl CheckDocument {
    fn new(source: &ModelSource, report: &Report) -> Self {
        let mut counts = Counts::default();
        for tensor in &report.tensors {
            let count = match tensor.verdict {
                Verdict::Good => &mut counts.good,
                Verdict::Missing => &mut counts.missing,
                Verdict::Unexpected => &mut counts.unexpected,
                Verdict::WrongShape => &mut counts.wrong_shape,
                Verdict::WrongType => &mut counts.wrong_type,
                Verdict::NotFinite(_) => &mut counts.not_finite,
                Verdict::Damaged(_) => &mut counts.damaged,
            };
            *count += 1;
        }
        Self {
            directory: match source {
                ModelSource::Demo => "demo".to_owned(),
                ModelSource::Path(path) => path.display().to_string(),
            },
            good: report.is_good(),
            bad_files: report.bad_files.iter().map(ToString::to_string).collect(),
            counts,
            tensors: report.tensors.iter().map(TensorRow::from).collect(),
        }
    }

    /// A line for each tensor and each bad file, and the sums.
    fn table(&self) -> String {
        let mut text = String::new();
        let width = self.tensors.iter().map(|row| row.name.len()).max().unwrap_or(0);
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{:<12}{:<width$}  {:<18}{:<18}{:<6}file",
            "verdict", "tensor", "expected", "found", "type"
        );
        for row in &self.tensors {
            let shape =
                |shape: &Option<Vec<usize>>| shape.as_deref().map_or_else(|| "-".to_owned(), dimensions);
            let _ = write!(
                text,
                "{:<12}{:<width$}  {:<18}{:<18}{:<6}{}",
                row.verdict.replace('_', " "),
                row.name,
                shape(&row.expected),
                shape(&row.found),
                row.dtype.as_deref().unwrap_or("-"),
                row.file.as_deref().unwrap_or("-"),
            );
            let _ = row.detail.iter().try_for_each(|detail| write!(text, "  {detail}"));
            text.push('\n');
        }
        for message in &self.bad_files {
            let _ = writeln!(text, "bad file    {message}");
        }
        let Counts { good, missing, unexpected, wrong_shape, wrong_type, not_finite, damaged } = self.counts;
        let _ = writeln!(
            text,
            "{good} good, {missing} missing, {unexpected} unexpected, {wrong_shape} of wrong shape, \
             {wrong_type} of wrong type, {not_finite} not finite, {damaged} damaged; {} bad files",
            self.bad_files.len()
        );
        text
    }
}

impl From<&CheckedTensor> for TensorRow {
    fn from(tensor: &CheckedTensor) -> Self {
        let (verdict, detail) = match &tensor.verdict {
            Verdict::Good => ("good", None),
            Verdict::Missing => ("missing", None),
            Verdict::Unexpected => ("unexpected", None),
            Verdict::WrongShape => ("wrong_shape", None),
            Verdict::WrongType => ("wrong_type", None),
            Verdict::NotFinite(count) => ("not_finite", Some(format!("{count} numbers"))),
            Verdict::Damaged(reason) => ("damaged", Some(reason.clone())),
        };
        let found = tensor.found.as_ref();
        Self {
            name: tensor.name.clone(),
            part: match tensor.part {
                Part::Glamm => "glamm",
                Part::Clip => "clip",
            },
            verdict,
            detail,
            expected: tensor.expected.clone(),
            found: found.map(|found| found.shape.clone()),
            dtype: found.map(|found| found.dtype.clone()),
            file: found.and_then(|found| Some(found.path.file_name()?.display().to_string())),
        }
    }
}

/// `4096×11008`; a single number has none.
fn dimensions(shape: &[usize]) -> String {
    if shape.is_empty() {
        return "scalar".to_owned();
    }
    shape.iter().map(usize::to_string).collect::<Vec<_>>().join("×")
}
