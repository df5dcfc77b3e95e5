//! `glamm models remove`: takes a model off the disk, after asking.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use glamm_engine::hub::FileName;
use glamm_engine::models::{self, LocateError, Places};
use indicatif::DecimalBytes;

use super::args::RemoveArgs;
use crate::cli::error::CliError;
use crate::cli::terminal::{ColorMode, ReplyPrinter};

/// Runs the command.
///
/// # Errors
/// [`CliError::Locate`], [`CliError::Unconfirmed`], [`CliError::Hub`].
pub(super) fn run(args: &RemoveArgs) -> Result<(), CliError> {
    let found = models::removable(&args.name, &Places::from_env())
        .ok_or_else(|| CliError::NothingToRemove(args.name.clone()))?;
    let revision = args
        .revision
        .as_ref()
        .map(|text| {
            FileName::parse(text).ok_or_else(|| LocateError::Unknown(format!("{} at {text}", args.name)))
        })
        .transpose()?;
    if !args.yes && !confirmed(&format!("Remove {} from {}?", args.name, found.path().display()))? {
        return Err(CliError::Unconfirmed);
    }
    let freed = found.remove(revision.as_ref())?;
    let mut printer = ReplyPrinter::new(io::stdout().lock(), ColorMode::Plain);
    printer.write(&format!("{} is removed, {} are free again\n", args.name, DecimalBytes(freed.bytes)))
}

/// Asks on the terminal. Without one there is nobody to ask.
fn confirmed(question: &str) -> Result<bool, CliError> {
    if !io::stdin().is_terminal() {
        return Err(CliError::Unconfirmed);
    }
    let mut terminal = io::stderr().lock();
    write!(terminal, "{question} [y/N] ").and_then(|()| terminal.flush()).map_err(CliError::Stdout)?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(CliError::Stdout)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}
