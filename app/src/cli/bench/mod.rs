//! `glamm bench`: how fast a model is on this machine, row by row, and what of the machine's limits
//! that is.
//!
//! [`rows`] says what is measured and does it, `children` what needs a process of its own, [`report`] is
//! what is printed. The measuring itself is the engine's: [`glamm_engine::bench`].

mod children;
pub mod report;
pub mod rows;
mod statistics;

use clap::ValueEnum;
use glamm_engine::Engine;
use glamm_engine::bench::{self, Machine, SCENE_SEED, Workbench};
use glamm_engine::protocol::ModelSource;
use glamm_engine::scenes;
use indicatif::ProgressBar;

use super::args::BenchArgs;
use super::error::CliError;
use super::model::{Progress, load, model_spec, with_spinner};
use super::terminal::{ColorMode, ReplyPrinter};
use report::BenchDocument;
use rows::{Bench, Row};
use statistics::PeakMemory;

/// Runs the command.
///
/// # Errors
/// See [`CliError`].
pub(super) fn run(args: &BenchArgs) -> Result<(), CliError> {
    if let Some(threads) = args.threads.filter(|&threads| threads != bench::threads()) {
        // The tensor library reads the number once, when the process begins.
        let status = children::this_command_with(threads)?;
        // It has done the work, and said what was wrong.
        std::process::exit(status.code().unwrap_or(1));
    }
    let spec = model_spec(&args.model)?;
    let machine = with_spinner("what the machine can do", Machine::measure);
    // What was measured of the machine is none of the model's.
    let peak = PeakMemory::from_now();
    let engine = load(&spec)?;
    let document = measure(args, (&engine, spec.source == ModelSource::Demo), (machine, peak))?;
    let mut printer = ReplyPrinter::new(std::io::stdout().lock(), ColorMode::Plain);
    if args.json { super::print_json(&mut printer, &document) } else { printer.write(&document.table()) }
}

fn measure(
    args: &BenchArgs,
    (engine, is_demo): (&Engine, bool),
    (machine, mut peak): (Machine, PeakMemory),
) -> Result<BenchDocument, CliError> {
    let picture = scenes::generate(SCENE_SEED).image;
    let bench = Bench {
        engine,
        parts: Workbench::new(engine, &picture)?,
        picture: &picture,
        is_demo,
        device: &args.model.device,
        runs: args.runs,
    };
    let wanted: &[Row] = if args.only.is_empty() { Row::value_variants() } else { &args.only };
    let mut document = BenchDocument::new(engine.info(), machine);
    for &row in wanted {
        let bar = ProgressBar::new(0).with_style(Progress::Runs.style());
        bar.set_message(row.name());
        bar.enable_steady_tick(std::time::Duration::from_millis(200));
        document.rows.push(bench.measure(row, &bar, &machine, &mut peak)?);
        bar.finish_and_clear();
    }
    document.peak_memory_bytes = peak.bytes();
    Ok(document)
}
