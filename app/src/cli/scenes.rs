//! `glamm scenes`: writes scenes of the procedural picture world with all that is known of them.
//!
//! The form of the files is [`glamm_engine::scenes::dataset`]'s.

use glamm_engine::scenes::dataset::{Selection, export};
use indicatif::ProgressBar;

use super::args::ScenesArgs;
use super::error::CliError;
use super::model::Progress;
use super::terminal::{ColorMode, ReplyPrinter};

/// Runs the command.
///
/// # Errors
/// [`CliError::Dataset`].
pub(super) fn run(args: &ScenesArgs) -> Result<(), CliError> {
    let count = args.scenes.count as u64;
    let bar = ProgressBar::new(count).with_style(Progress::Scenes.style());
    let selection = Selection { first_seed: args.scenes.seed, count, examination: args.examination };
    let summary = export(&args.out, selection, |done| bar.set_position(done));
    bar.finish_and_clear();
    let summary = summary?;
    let mut printer = ReplyPrinter::new(std::io::stdout().lock(), ColorMode::Plain);
    printer.write(&format!(
        "{} images, {} masks and {} conversations in {}\n",
        summary.images,
        summary.annotations,
        summary.conversations,
        args.out.display()
    ))
}
