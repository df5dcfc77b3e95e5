//! The command line: reads the arguments, runs a command, turns its failure into one line on stderr
//! and an exit code. Called by `main`.
//!
//! Stdout carries results and nothing else; progress and mistakes go to stderr.

use std::fs::File;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use glamm_engine::error::ImageError;
use serde::Serialize;
use tracing_subscriber::filter::{EnvFilter, LevelFilter, Targets};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

pub mod args;
mod ask;
pub mod bench;
pub mod dev;
pub mod document;
pub mod error;
pub mod eval;
mod export;
mod first_frame;
pub mod model;
pub mod models;
mod outputs;
mod save;
mod scenes;
pub mod selftest;
mod terminal;
mod trace;

use args::{Cli, Command, ModelArgs};
use error::CliError;
use terminal::ReplyPrinter;
use trace::{Recorder, TraceFile};

use crate::WindowOptions;
use crate::system::log::KeepLines;

/// Runs the program with the arguments of the process.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    match traced(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error.to_string());
            ExitCode::from(error.exit_code())
        }
    }
}

/// Carries out what was asked, with its trace where one is wanted.
fn traced(cli: Cli) -> Result<(), CliError> {
    let trace = cli.command.as_ref().and_then(Command::trace).map(TraceFile::create).transpose()?;
    start_logging(trace.as_ref().map(TraceFile::recorder));
    let result = carry_out(cli);
    // What a turn did before it failed is what a trace is looked at for.
    let written = trace.map_or(Ok(()), TraceFile::write);
    result.and(written)
}

fn carry_out(cli: Cli) -> Result<(), CliError> {
    match cli.command {
        Some(Command::Ask(args)) => ask::run(&args),
        Some(Command::Export(args)) => export::run(&args),
        Some(Command::Scenes(args)) => scenes::run(&args),
        Some(Command::Eval(command)) => eval::run(&command),
        Some(Command::Bench(args)) => bench::run(&args),
        Some(Command::Models(command)) => models::run(&command),
        Some(Command::Selftest(args)) => selftest::run(&args),
        Some(Command::Dev(command)) => dev::run(&command),
        None => open_window(cli.image, &cli.model),
    }
}

/// Opens the window, unless its arguments are wrong: that is better told where they were typed.
fn open_window(image: Option<PathBuf>, model: &ModelArgs) -> Result<(), CliError> {
    let model = model::model_spec(model)?;
    if let Some(path) = &image {
        File::open(path).map_err(|source| ImageError::Read { path: path.clone(), source })?;
    }
    crate::run_window(WindowOptions { image, model }).map_err(CliError::Window)
}

/// What the program logs about itself is kept for the log panel, and shown where `GLAMM_LOG` asks for it, for example
/// `GLAMM_LOG=debug` or `GLAMM_LOG=glamm_engine=trace`.
fn start_logging(trace: Option<Recorder>) {
    // Of other programs' parts only what went wrong.
    let own = Targets::new()
        .with_target("glamm", LevelFilter::DEBUG)
        .with_target("glamm_engine", LevelFilter::DEBUG)
        .with_default(LevelFilter::WARN);
    let shown = EnvFilter::try_from_env("GLAMM_LOG")
        .ok()
        .map(|filter| tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_filter(filter));
    let trace = trace.map(|recorder| recorder.with_filter(Recorder::filter()));
    tracing_subscriber::registry().with(KeepLines.with_filter(own)).with(shown).with(trace).init();
}

#[expect(clippy::print_stderr, reason = "the one place where the command line speaks beside its results")]
fn complain(message: &str) {
    eprintln!("glamm: {message}");
}

/// Prints a document as indented JSON with a newline after it.
fn print_json<W: std::io::Write>(
    printer: &mut ReplyPrinter<W>,
    document: &impl Serialize,
) -> Result<(), CliError> {
    let text = serde_json::to_string_pretty(document).map_err(|error| CliError::Stdout(error.into()))?;
    printer.write(&text)?;
    printer.finish()
}
