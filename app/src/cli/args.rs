//! What can be written on the command line, as clap sees it. No behaviour.
//!
//! Values whose mistakes have an exit code of their own (boxes, devices, models) are taken as text
//! here and read in `ask` and `model`, so that every such mistake is one line on stderr.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Talk about an image, and see every phrase as a mask.
#[derive(Debug, Parser)]
#[command(name = "glamm", version, about, args_conflicts_with_subcommands = true, after_help = EXIT_CODES)]
pub struct Cli {
    /// Work without a window.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Image to open in the window; one named like a command is opened as `./ask`.
    pub image: Option<PathBuf>,
    /// The weights and the processor.
    #[command(flatten)]
    pub model: ModelArgs,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  done (also when the reader of the output went away)
  1  the model or the window failed
  2  the command line could not be understood
  3  the image is missing, unreadable or of an unknown format
  4  the model is missing, damaged or of an unknown kind
  5  the question or one of its boxes cannot be put to the model
  6  the processor is unknown or not there
  7  an output could not be written
Interrupted by Ctrl-C, a shell reports 130.";

/// Everything that works without a window.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write scenes of the procedural picture world, with annotations.
    Scenes(ScenesArgs),
}

/// Which weights, and where they run.
#[derive(Debug, Clone, Args)]
pub struct ModelArgs {
    /// `demo` (built in), or a checkpoint directory in the Hugging Face layout.
    #[arg(long, value_name = "NAME|DIR", default_value = "demo")]
    pub model: String,
    /// `auto`, `cpu`, `cuda` or `metal`.
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    pub device: String,
}

/// `glamm scenes`.
#[derive(Debug, Args)]
pub struct ScenesArgs {
    /// How many scenes.
    #[arg(long, value_name = "N", value_parser = positive)]
    pub count: usize,
    /// Seed of the first one; the others follow it.
    #[arg(long, value_name = "S")]
    pub seed: u64,
    /// Directory to write; made if it is not there.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Write the questions that `glamm eval scenes` asks, instead of those for training.
    #[arg(long)]
    pub examination: bool,
}

fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("must be at least 1".to_owned()),
        Ok(number) => Ok(number),
        Err(_) => Err("must be a whole number".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use clap::CommandFactory;

    use super::*;

    #[test]
    fn definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_file_is_told_from_a_command() {
        let picture = Cli::try_parse_from(["glamm", "picture.png"]).unwrap();
        assert!(picture.command.is_none());
        assert_eq!(picture.image.unwrap(), PathBuf::from("picture.png"));

        let named_like_a_command = Cli::try_parse_from(["glamm", "./ask"]).unwrap();
        assert!(named_like_a_command.command.is_none());
        assert_eq!(named_like_a_command.image.unwrap(), PathBuf::from("./ask"));
    }
}
