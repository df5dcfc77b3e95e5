//! `glamm models convert`: all of a model in one GGUF file, its matrices in fewer bits.

use glamm_engine::engine::open_checkpoint;
use indicatif::{DecimalBytes, ProgressBar};

use super::args::ConvertArgs;
use crate::cli::error::CliError;
use crate::cli::model::{Progress, model_source};
use crate::cli::terminal::{ColorMode, ReplyPrinter};

/// Runs the command.
///
/// # Errors
/// [`CliError::InTheWay`], where another file lies there; else see [`CliError`].
pub(super) fn run(args: &ConvertArgs) -> Result<(), CliError> {
    if args.out.is_file() && !args.replace {
        return Err(CliError::InTheWay(args.out.clone()));
    }
    let checkpoint = open_checkpoint(&model_source(&args.source)?)?;
    let total_bytes = checkpoint.total_bytes();
    let bar = ProgressBar::new(0).with_style(Progress::Converting.style());
    let shown = bar.clone();
    let result = checkpoint.convert(args.quant, &args.out, &mut move |done_bytes, total_bytes| {
        shown.set_length(total_bytes);
        shown.set_position(done_bytes);
        true
    });
    bar.finish_and_clear();
    let converted = result?;
    let (from, to) = (DecimalBytes(total_bytes), DecimalBytes(converted.bytes));
    let (file, tensors) = (args.out.display(), converted.tensors);
    let mut printer = ReplyPrinter::new(std::io::stdout().lock(), ColorMode::Plain);
    printer.write(&format!("{file}: {tensors} tensors, {to} (from {from})\n"))
}
