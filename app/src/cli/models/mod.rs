//! `glamm models …`: one file for each command.

pub mod args;
pub mod check;
mod convert;
pub mod list;
mod pull;
mod remove;

use super::error::CliError;
use args::ModelsCommand;

/// Runs the command.
///
/// # Errors
/// See [`CliError`].
pub(super) fn run(command: &ModelsCommand) -> Result<(), CliError> {
    match command {
        ModelsCommand::List(args) => list::run(args),
        ModelsCommand::Check(args) => check::run(args),
        ModelsCommand::Convert(args) => convert::run(args),
        ModelsCommand::Pull(args) => pull::run(args),
        ModelsCommand::Remove(args) => remove::run(args),
    }
}
