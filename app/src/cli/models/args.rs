//! What can be written after `glamm models`. No behaviour.

use clap::{Args, Subcommand};

/// `glamm models …`.
#[derive(Debug, Subcommand)]
pub enum ModelsCommand {
    /// Show which models there are, and which are here.
    List(ListArgs),
}

/// `glamm models list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Print one JSON document instead of a table.
    #[arg(long)]
    pub json: bool,
}
