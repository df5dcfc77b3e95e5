//! What needs a process of its own: another number of threads, which the tensor library reads once at
//! the beginning, and the start of the program itself.

use std::io::{self, BufRead, BufReader};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use glamm_engine::bench::{Lap, Stopwatch};
use indicatif::ProgressBar;
use serde::Deserialize;

use super::super::error::CliError;
use super::super::first_frame::{FIRST_FRAME, MODEL_READY};
use super::report::RowEntry;
use super::rows::Row;
use super::statistics::median;

/// This program, to compute with so many threads.
fn program(threads: usize) -> io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    for variable in ["RAYON_NUM_THREADS", "CANDLE_NUM_THREADS"] {
        command.env(variable, threads.to_string());
    }
    Ok(command)
}

/// Runs what was typed with so many threads, and waits for its end.
///
/// # Errors
/// [`CliError::Again`].
pub(super) fn this_command_with(threads: usize) -> Result<ExitStatus, CliError> {
    let run = || program(threads)?.args(std::env::args_os().skip(1)).status();
    run().map_err(CliError::Again)
}

/// What is read of the document of a process.
#[derive(Deserialize)]
struct Document {
    rows: Vec<Measured>,
}

#[derive(Deserialize)]
struct Measured {
    what: String,
    runs: usize,
    wall_ms: Option<f64>,
    processor_ms: Option<f64>,
    each_wall_ms: Vec<f64>,
}

/// The demo model's reply with one thread.
///
/// # Errors
/// [`CliError::Again`]. A process that failed makes a row that says so.
pub(super) fn demo_reply(device: &str, runs: usize) -> Result<RowEntry, CliError> {
    let row = Row::DemoReply;
    let run = || {
        let (name, runs) = (row.name(), runs.to_string());
        let arguments = [
            "bench",
            "--model=demo",
            "--json",
            "--only",
            name.as_str(),
            "--device",
            device,
            "--runs",
            runs.as_str(),
        ];
        program(1)?.args(arguments).stdin(Stdio::null()).output()
    };
    let output = run().map_err(CliError::Again)?;
    let document = serde_json::from_slice(&output.stdout).ok();
    let measured = document.and_then(|document: Document| document.rows.into_iter().next());
    let Some(Measured { what, runs, wall_ms, processor_ms, each_wall_ms }) = measured else {
        let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Ok(RowEntry::missing(row, "demo model, whole reply, one core", why));
    };
    Ok(RowEntry { runs, wall_ms, processor_ms, each_wall_ms, ..RowEntry::new(row, what, &[]) })
}

/// When the window of a program that was just started came to its first frame, and when its model
/// could be asked.
#[derive(Debug, Default, Clone, Copy)]
struct Milestones {
    frame: Option<Duration>,
    model: Option<Duration>,
}

/// How long the program takes to the first frame of its window, the demo model embedded; the first
/// start does not count.
///
/// # Errors
/// [`CliError::Again`]. Where no window can be opened, a row that says so.
pub(super) fn first_frame(runs: usize, bar: &ProgressBar) -> Result<RowEntry, CliError> {
    bar.set_length(runs as u64);
    let what = "start of the program to its window's first frame".to_owned();
    let mut starts = Vec::with_capacity(runs);
    for number in 0..=runs {
        let start = start_window().map_err(CliError::Again)?;
        if start.frame.is_none() {
            let why = "no window could be opened here: is there a display?".to_owned();
            return Ok(RowEntry::missing(Row::FirstFrame, &what, why));
        }
        if number > 0 {
            starts.push(start);
            bar.inc(1);
        }
    }
    let lap = |start: &Milestones| Some(Lap { wall: start.frame?, processor: None });
    let laps: Vec<Lap> = starts.iter().filter_map(lap).collect();
    let ready = median(starts.iter().filter_map(|start| Some(start.model?.as_secs_f64() * 1e3)));
    let note = ready.map(|ms| format!("the model can be asked after {ms:.0} ms"));
    Ok(RowEntry { note, ..RowEntry::new(Row::FirstFrame, what, &laps) })
}

/// The clock begins before the process does.
fn start_window() -> io::Result<Milestones> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["dev", "first-frame"]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let watch = Stopwatch::start();
    let mut child = command.spawn()?;
    let mut reached = Milestones::default();
    for line in child.stdout.take().into_iter().flat_map(|told| BufReader::new(told).lines()) {
        match line?.as_str() {
            FIRST_FRAME => reached.frame = Some(watch.lap().wall),
            MODEL_READY => reached.model = Some(watch.lap().wall),
            _ => {}
        }
    }
    child.wait()?;
    Ok(reached)
}
