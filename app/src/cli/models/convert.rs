//! `glamm models convert`: all of a model in one GGUF file, its matrices in fewer bits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use glamm_engine::engine::open_checkpoint;
use glamm_engine::error::EngineError;
use indicatif::{DecimalBytes, ProgressBar};

use super::args::ConvertArgs;
use crate::cli::error::CliError;
use crate::cli::model::{Progress, model_source};
use crate::cli::terminal::{ColorMode, ReplyPrinter};

/// Runs the command. Ctrl-C stops it, and leaves nothing behind.
///
/// # Errors
/// [`CliError::InTheWay`], where another file lies there; [`CliError::Interrupted`]; else see [`CliError`].
pub(super) fn run(args: &ConvertArgs) -> Result<(), CliError> {
    if args.out.is_file() && !args.replace {
        return Err(CliError::InTheWay(args.out.clone()));
    }
    let checkpoint = open_checkpoint(&model_source(&args.source)?)?;
    let total_bytes = checkpoint.total_bytes();
    let stop = stop_at_ctrl_c();
    let bar = ProgressBar::new(0).with_style(Progress::Converting.style());
    let shown = bar.clone();
    let result = checkpoint.convert(args.quant, &args.out, &mut move |done_bytes, total_bytes| {
        shown.set_length(total_bytes);
        shown.set_position(done_bytes);
        !stop.load(Ordering::Relaxed)
    });
    bar.finish_and_clear();
    let converted = result.map_err(|error| match error {
        EngineError::Cancelled => CliError::Interrupted(args.out.clone()),
        other => other.into(),
    })?;
    let (from, to) = (DecimalBytes(total_bytes), DecimalBytes(converted.bytes));
    let (file, tensors) = (args.out.display(), converted.tensors);
    let mut printer = ReplyPrinter::new(std::io::stdout().lock(), ColorMode::Plain);
    printer.write(&format!("{file}: {tensors} tensors, {to} (from {from})\n"))
}

/// Becomes true when Ctrl-C is pressed. Where the system does not let that be known, Ctrl-C ends the program as ever,
/// and leaves a half-written file that the next conversion writes over.
fn stop_at_ctrl_c() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let pressed = Arc::clone(&stop);
    if let Err(error) = ctrlc::set_handler(move || pressed.store(true, Ordering::Relaxed)) {
        tracing::warn!("Ctrl-C cannot be waited for: {error}");
    }
    stop
}
