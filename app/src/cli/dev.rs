//! `glamm dev …`: what developers of this program need, and its users do not.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use glamm_engine::bench;
use glamm_engine::fabricate::{Recipe, Sizes, WeightFormat, fabricate};
use indicatif::{DecimalBytes, ProgressBar};

use super::args::ModelArgs;
use super::error::CliError;
use super::model::{Progress, load, model_spec};
use super::terminal::{ColorMode, ReplyPrinter};
use super::{first_frame, print_json};

/// `glamm dev …`.
#[derive(Debug, Subcommand)]
pub enum DevCommand {
    /// Write a checkpoint of random weights in exactly the released layout, with CLIP inside.
    Fabricate(FabricateArgs),
    /// Open the window, say when it has shown its first frame, and close it.
    FirstFrame,
    /// Print the language model's logits behind each of some tokens, for comparison with other programs.
    Logits(LogitsArgs),
}

/// `glamm dev logits`.
#[derive(Debug, Args)]
pub struct LogitsArgs {
    /// The weights and the processor.
    #[command(flatten)]
    pub model: ModelArgs,
    /// Numbers of tokens, from the first position on.
    #[arg(long, value_name = "N,N…", required = true, value_delimiter = ',')]
    pub tokens: Vec<u32>,
}

/// `glamm dev fabricate`.
#[derive(Debug, Args)]
pub struct FabricateArgs {
    /// `fullscope` (18.5 GB), `demo`, or a `config.json` with the block `arch` and CLIP's beside it.
    #[arg(long, value_name = "fullscope|demo|FILE")]
    pub config: PathBuf,
    /// Of the random numbers.
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub seed: u64,
    /// Of the weight files.
    #[arg(long, value_enum, default_value = "bin")]
    pub format: Format,
    /// Directory to write; made if it is not there, and empty otherwise.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

/// `--format`.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Format {
    /// As `torch.save` writes, and as the releases are.
    Bin,
    /// `.safetensors`.
    Safetensors,
}

/// Runs the command.
///
/// # Errors
/// See [`CliError`].
pub(super) fn run(command: &DevCommand) -> Result<(), CliError> {
    match command {
        DevCommand::Fabricate(args) => run_fabricate(args),
        DevCommand::FirstFrame => first_frame::run(),
        DevCommand::Logits(args) => run_logits(args),
    }
}

/// A JSON list for each token.
fn run_logits(args: &LogitsArgs) -> Result<(), CliError> {
    let engine = load(&model_spec(&args.model)?)?;
    let logits = bench::logits(&engine, &args.tokens)?;
    print_json(&mut ReplyPrinter::new(std::io::stdout().lock(), ColorMode::Plain), &logits)
}

fn run_fabricate(args: &FabricateArgs) -> Result<(), CliError> {
    let sizes = match args.config.to_str() {
        Some("fullscope") => Sizes::FullScope,
        Some("demo") => Sizes::Demo,
        _ => Sizes::File(args.config.clone()),
    };
    let format = match args.format {
        Format::Bin => WeightFormat::Torch,
        Format::Safetensors => WeightFormat::Safetensors,
    };
    let bar = ProgressBar::new(0).with_style(Progress::Writing.style());
    let recipe = Recipe { sizes, seed: args.seed, format };
    let made = fabricate(&recipe, &args.out, &|done_bytes, total_bytes| {
        bar.set_length(total_bytes);
        bar.set_position(done_bytes);
    });
    bar.finish_and_clear();
    let made = made?;
    let mut printer = ReplyPrinter::new(std::io::stdout().lock(), ColorMode::Plain);
    let (bytes, out) = (DecimalBytes(made.bytes), args.out.display());
    printer.write(&format!(
        "{} tensors, {bytes} of random weights in {out}: its replies are noise\n",
        made.tensors
    ))
}
