//! What can be written after `glamm models`. No behaviour.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `glamm models …`.
#[derive(Debug, Subcommand)]
pub enum ModelsCommand {
    /// Show which models there are, and which are here.
    List(ListArgs),
    /// Hold every tensor of a checkpoint directory against what the model needs.
    Check(CheckArgs),
}

/// `glamm models list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Print one JSON document instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// `glamm models check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// A checkpoint directory in the Hugging Face layout.
    pub directory: PathBuf,
    /// Print one JSON document instead of a table.
    #[arg(long)]
    pub json: bool,
}
