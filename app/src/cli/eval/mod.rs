//! `glamm eval`: measures a model.

pub mod agreement;
pub mod scenes;

use super::args::EvalCommand;
use super::error::CliError;

/// Runs the command.
///
/// # Errors
/// See [`CliError`].
pub(super) fn run(command: &EvalCommand) -> Result<(), CliError> {
    match command {
        EvalCommand::Scenes(args) => scenes::run(args),
        EvalCommand::Agreement(args) => agreement::run(args),
    }
}
