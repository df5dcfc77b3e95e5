//! `glamm export`: a session in the formats of other programs, without a window.

use glamm_engine::protocol::ImageId;
use indicatif::ProgressBar;

use super::args::ExportArgs;
use super::error::CliError;
use super::model::Progress;
use super::terminal::{ColorMode, ReplyPrinter};
use crate::export::{ExportRequest, in_the_way, run as export};
use crate::storage;

/// Runs the command.
///
/// # Errors
/// [`CliError::Storage`], where the session cannot be read or the files cannot be written;
/// [`CliError::InTheWay`], where other files lie there.
pub(super) fn run(args: &ExportArgs) -> Result<(), CliError> {
    let opened = storage::open(&args.session)?;
    for missing in &opened.missing {
        super::complain(&format!("{} is damaged; what is missing: {missing}", args.session.display()));
    }
    let snapshot = opened.into_snapshot();
    let only = args.picture.as_deref().map(|name| find(&snapshot, name)).transpose()?;
    let request = ExportRequest { formats: args.formats.clone(), only, out: args.out.clone() };
    if let (Some(first), false) = (in_the_way(&snapshot.document, &request).first(), args.replace) {
        return Err(CliError::InTheWay(first.clone()));
    }
    let bar = ProgressBar::new(0).with_style(Progress::Scenes.style());
    let exported = export(&snapshot, &request, &mut |done, total| {
        bar.set_length(total as u64);
        bar.set_position(done as u64);
        true
    });
    bar.finish_and_clear();
    let exported = exported?;
    for problem in &exported.problems {
        super::complain(&format!("left out: {problem}"));
    }
    let mut printer = ReplyPrinter::new(std::io::stdout().lock(), ColorMode::Plain);
    for file in &exported.files {
        printer.write(&format!("{}\n", args.out.join(file).display()))?;
    }
    printer.finish()
}

fn find(snapshot: &storage::Snapshot, name: &str) -> Result<ImageId, CliError> {
    let found = snapshot.document.pictures().iter().find(|picture| picture.name == name);
    found.map(|picture| picture.id).ok_or_else(|| CliError::NoSuchPicture(name.to_owned()))
}
