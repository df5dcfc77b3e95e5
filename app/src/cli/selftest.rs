//! `glamm selftest`: whether this build computes on this machine what was recorded.

use std::fmt::Write;

use glamm_engine::selftest::golden::Golden;
use glamm_engine::selftest::measure::Tolerance;
use glamm_engine::selftest::{self, Report, Row};
use serde::Serialize;

use super::args::SelftestArgs;
use super::error::CliError;
use super::model::{device_choice, with_spinner};
use super::print_json;
use super::terminal::{ColorMode, ReplyPrinter};

/// What `--json` prints.
#[derive(Debug, Serialize)]
pub struct SelftestDocument {
    /// The processor.
    pub device: String,
    /// The number format that was computed in: `f32`, `f16` or `bf16`.
    pub format: &'static str,
    /// Whether every stage is within its limit.
    pub ok: bool,
    /// In the order of the model.
    pub stages: Vec<StageRow>,
}

/// All comparisons of one stage.
#[derive(Debug, Serialize)]
pub struct StageRow {
    /// What was computed.
    pub stage: String,
    /// The largest error; `null` where results are no numbers.
    pub error: Option<f64>,
    /// The largest that is allowed.
    pub limit: f64,
    /// What errors are: `relative` (of the norm), `absolute`, or `differing` (a number or share).
    pub measure: &'static str,
    /// Whether it is.
    pub ok: bool,
    /// The picture or case of the largest error.
    pub at: String,
    /// Comparisons.
    pub times: usize,
}

/// Runs the command.
///
/// # Errors
/// [`CliError::Selftest`] where a stage is not as recorded; else see [`CliError`].
pub(super) fn run(args: &SelftestArgs) -> Result<(), CliError> {
    let device = device_choice(&args.device)?;
    let golden = match &args.golden {
        Some(directory) => Golden::open(directory),
        None => Golden::embedded(),
    }?;
    let report = with_spinner("computing", || selftest::run(&golden, device, args.precision))?;
    let mut printer = ReplyPrinter::new(std::io::stdout().lock(), ColorMode::Plain);
    if args.json {
        print_json(&mut printer, &SelftestDocument::new(&report))?;
    } else {
        printer.write(&table(&report))?;
    }
    let failed = report.rows.iter().filter(|row| !row.ok()).count();
    if report.ok() {
        return Ok(());
    }
    Err(CliError::Selftest { device: report.device, failed, stages: report.rows.len() })
}

impl SelftestDocument {
    fn new(report: &Report) -> Self {
        Self {
            device: report.device.clone(),
            format: report.format,
            ok: report.ok(),
            stages: report.rows.iter().map(StageRow::new).collect(),
        }
    }
}

impl StageRow {
    fn new(row: &Row) -> Self {
        Self {
            stage: row.stage.clone(),
            error: row.error.is_finite().then_some(row.error),
            limit: row.tolerance.limit(),
            measure: match row.tolerance {
                Tolerance::Relative(_) => "relative",
                Tolerance::Absolute(_) => "absolute",
                Tolerance::Count(_) => "differing",
            },
            ok: row.ok(),
            at: row.at.clone(),
            times: row.times,
        }
    }
}

fn table(report: &Report) -> String {
    let width = report.rows.iter().map(|row| row.stage.chars().count()).max().unwrap_or(0).max(5);
    let mut text = format!("{}, computing in {}\n\n", report.device, report.format);
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{:width$}  {:>11}  {:>16}  ok", "stage", "worst error", "allowed");
    for row in &report.rows {
        let verdict = if row.ok() { "yes" } else { "NO" };
        let Row { stage, error, tolerance, .. } = row;
        let _ = writeln!(text, "{stage:width$}  {error:>11.1e}  {tolerance:>16}  {verdict}");
    }
    text
}
