//! What can be written after `glamm models`. No behaviour.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use glamm_engine::precision::Precision;

/// `glamm models …`.
#[derive(Debug, Subcommand)]
pub enum ModelsCommand {
    /// Show which models there are, which are here, and what they need.
    List(ListArgs),
    /// Hold every tensor of a model's files against what the model needs.
    Check(CheckArgs),
    /// Write a model into one GGUF file, in fewer bits.
    Convert(ConvertArgs),
    /// Fetch a model into the cache of Hugging Face; what an earlier run began is gone on with.
    Pull(PullArgs),
    /// Remove a model from this machine.
    Remove(RemoveArgs),
}

/// `glamm models list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Print one JSON document instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// `glamm models pull`.
#[derive(Debug, Args)]
pub struct PullArgs {
    /// A name from `glamm models list`, or `owner/name` of the hub.
    #[arg(value_name = "NAME")]
    pub name: String,
    /// A branch, a tag or a commit.
    #[arg(long, value_name = "REV", default_value = "main")]
    pub revision: String,
    /// Print one JSON document at the end.
    #[arg(long)]
    pub json: bool,
}

/// `glamm models check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// What `--model` takes: a name, a checkpoint directory or a GGUF file.
    #[arg(value_name = "NAME|PATH")]
    pub model: String,
    /// Print one JSON document instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// `glamm models convert`.
#[derive(Debug, Args)]
pub struct ConvertArgs {
    /// What `--model` takes: a name, a checkpoint directory or a GGUF file.
    #[arg(value_name = "NAME|PATH")]
    pub source: String,
    /// `f32`, `f16`, `bf16`, `q8_0`, `q6k`, `q5k` or `q4k`.
    #[arg(long, value_name = "PRECISION")]
    pub quant: Precision,
    /// The file to write; it appears when it is complete.
    #[arg(long, value_name = "FILE.gguf")]
    pub out: PathBuf,
    /// Replace a file that is there already.
    #[arg(long)]
    pub replace: bool,
}

/// `glamm models remove`.
#[derive(Debug, Args)]
pub struct RemoveArgs {
    /// A name from `glamm models list`, or `owner/name` of the hub.
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Only this branch, tag or commit, and what no other version uses.
    #[arg(long, value_name = "REV")]
    pub revision: Option<String>,
    /// Do not ask.
    #[arg(long)]
    pub yes: bool,
}
