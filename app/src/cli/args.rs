//! What can be written on the command line, as clap sees it. No behaviour.
//!
//! Values whose mistakes have an exit code of their own (boxes, devices, models) are taken as text
//! here and read in `ask` and `model`, so that every such mistake is one line on stderr.

use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};
use glamm_engine::precision::Precision;

use super::bench::rows::Row;
use super::dev::DevCommand;
use super::models::args::ModelsCommand;
use crate::export::Format;

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
  8  a model could not be fetched or removed
  9  a session is missing, damaged or of a newer version
  10 the self-test found something that is not as recorded
Interrupted by Ctrl-C, a shell reports 130.";

/// Everything that works without a window.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Put one question about an image, and print the reply.
    Ask(AskArgs),
    /// Write a session in the formats of other programs.
    Export(ExportArgs),
    /// Write scenes of the procedural picture world, with annotations.
    Scenes(ScenesArgs),
    /// Measure a model against known truth.
    #[command(subcommand)]
    Eval(EvalCommand),
    /// Measure a model's speed.
    Bench(BenchArgs),
    /// See which models there are, fetch them, remove them.
    #[command(subcommand)]
    Models(ModelsCommand),
    /// Prove that this build computes on this machine what was recorded.
    Selftest(SelftestArgs),
    /// Tools for developers.
    #[command(subcommand, hide = true)]
    Dev(DevCommand),
}

impl Command {
    /// `--trace`.
    pub(super) fn trace(&self) -> Option<&Path> {
        match self {
            Self::Ask(AskArgs { trace, .. }) | Self::Bench(BenchArgs { trace, .. }) => trace.as_deref(),
            _ => None,
        }
    }
}

/// Which weights, and where they run.
#[derive(Debug, Clone, Args)]
pub struct ModelArgs {
    /// `demo` (built in), another name from `glamm models list`, a checkpoint directory in the Hugging
    /// Face layout, or a GGUF file.
    #[arg(long, value_name = "NAME|PATH", default_value = "demo")]
    pub model: String,
    /// `auto`, `cpu`, `cuda` or `metal`.
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    pub device: String,
    /// `f32`, `f16`, `bf16`, `q8_0`, `q6k`, `q5k` or `q4k`; chosen by the memory here where not given.
    #[arg(long, value_name = "PRECISION")]
    pub precision: Option<Precision>,
}

/// `glamm ask`.
#[derive(Debug, Args)]
pub struct AskArgs {
    /// PNG, JPEG, WebP, BMP, GIF or TIFF.
    pub image: PathBuf,
    /// The question; each `<bbox>` in it stands for one box, in order.
    pub prompt: String,
    /// A region in pixels of the image; may be given several times.
    #[arg(long = "box", value_name = "X0,Y0,X1,Y1", allow_hyphen_values = true)]
    pub boxes: Vec<String>,
    /// The weights and the processor.
    #[command(flatten)]
    pub model: ModelArgs,
    /// Print one JSON document at the end instead of streaming the reply.
    #[arg(long)]
    pub json: bool,
    /// Write the image with its masks, in the colours of their phrases.
    #[arg(long, value_name = "OUT.png")]
    pub overlay: Option<PathBuf>,
    /// Write each mask as `mask-01.png`, `mask-02.png` … (8-bit grey: 0 outside, 255 inside).
    #[arg(long, value_name = "DIR")]
    pub masks_dir: Option<PathBuf>,
    /// Write question, reply and masks as a session, to be opened in the window.
    #[arg(long, value_name = "FILE.glamm")]
    pub save: Option<PathBuf>,
    /// Cut the reply after this many tokens.
    #[arg(long, value_name = "N", default_value_t = 512, value_parser = positive)]
    pub max_new_tokens: usize,
    /// 0 takes the most probable token; higher is more varied.
    #[arg(long, value_name = "T", default_value_t = 0.0, value_parser = temperature)]
    pub temperature: f64,
    /// Start of the random sequence, where the temperature is above 0.
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub seed: u64,
    /// Write what was computed when, for ui.perfetto.dev or chrome://tracing.
    #[arg(long, value_name = "FILE.json")]
    pub trace: Option<PathBuf>,
}

/// `glamm export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// A `.glamm` file.
    pub session: PathBuf,
    /// `overlay`, `masks`, `indexed`, `coco`, `yolo`, `labelme`, `grandf`, `markdown`, `html`; several
    /// with commas between them.
    #[arg(long = "format", value_name = "FORMATS", required = true, value_delimiter = ',', value_parser = format)]
    pub formats: Vec<Format>,
    /// Directory to write; made if it is not there.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Only the picture of this name.
    #[arg(long, value_name = "NAME")]
    pub picture: Option<String>,
    /// Replace files that are there already. Files that the pictures come from are never replaced.
    #[arg(long)]
    pub replace: bool,
}

fn format(name: &str) -> Result<Format, String> {
    let names = || Format::ALL.map(Format::name).join(", ");
    Format::by_name(name).ok_or_else(|| format!("must be one of {}", names()))
}

/// Scenes with seeds that follow each other.
#[derive(Debug, Clone, Copy, Args)]
pub struct SceneRange {
    /// How many scenes.
    #[arg(long, value_name = "N", value_parser = positive)]
    pub count: usize,
    /// Seed of the first one; the others follow it. The demo model never saw seeds below 100000.
    #[arg(long, value_name = "S")]
    pub seed: u64,
}

/// `glamm scenes`.
#[derive(Debug, Args)]
pub struct ScenesArgs {
    /// Which ones.
    #[command(flatten)]
    pub scenes: SceneRange,
    /// Directory to write; made if it is not there.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Write the questions that `glamm eval scenes` asks, instead of those for training.
    #[arg(long)]
    pub examination: bool,
}

/// `glamm eval …`.
#[derive(Debug, Subcommand)]
pub enum EvalCommand {
    /// Ask about scenes of the procedural picture world, and compare with what is known of them.
    Scenes(EvalScenesArgs),
    /// Compare a model kept in fewer bits with the same one in more, on such scenes.
    Agreement(EvalAgreementArgs),
}

/// `glamm eval agreement`.
#[derive(Debug, Args)]
pub struct EvalAgreementArgs {
    /// Which ones.
    #[command(flatten)]
    pub scenes: SceneRange,
    /// The weights and the processor; `--precision` is what is compared.
    #[command(flatten)]
    pub model: ModelArgs,
    /// The precision to compare with.
    #[arg(long, value_name = "PRECISION", default_value = "f32")]
    pub against: Precision,
    /// The weights to compare with, where these are not the same: what a GGUF file was made from.
    #[arg(long, value_name = "NAME|PATH")]
    pub reference: Option<String>,
    /// Print one JSON document instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// `glamm eval scenes`.
#[derive(Debug, Args)]
pub struct EvalScenesArgs {
    /// Which ones.
    #[command(flatten)]
    pub scenes: SceneRange,
    /// The weights and the processor.
    #[command(flatten)]
    pub model: ModelArgs,
    /// Copies of the model that work side by side; as many as the processor has cores by default.
    #[arg(long, value_name = "N", value_parser = positive)]
    pub threads: Option<usize>,
    /// Print one JSON document instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// `glamm bench`.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// The weights and the processor.
    #[command(flatten)]
    pub model: ModelArgs,
    /// Only these rows; several with commas between them.
    #[arg(long, value_name = "ROWS", value_enum, value_delimiter = ',')]
    pub only: Vec<Row>,
    /// Measured runs of each row; the median is reported.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = positive)]
    pub runs: usize,
    /// Threads to compute with on the CPU; as many as it has cores by default.
    #[arg(long, value_name = "N", value_parser = positive)]
    pub threads: Option<usize>,
    /// Write what was computed when, for ui.perfetto.dev or chrome://tracing.
    #[arg(long, value_name = "FILE.json")]
    pub trace: Option<PathBuf>,
    /// Print one JSON document instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// `glamm selftest`.
#[derive(Debug, Args)]
pub struct SelftestArgs {
    /// `auto`, `cpu`, `cuda` or `metal`.
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    pub device: String,
    /// The number format for a GPU to compute in: `f32`, `f16` or `bf16`; the one that it takes for
    /// models where not given. The CPU computes in `f32`, whatever is given.
    #[arg(long, value_name = "FORMAT", value_parser = number_format)]
    pub precision: Option<Precision>,
    /// A directory of recorded data, in place of what is part of the program: `tests/golden/public` of
    /// the source has the official implementation's.
    #[arg(long, value_name = "DIR")]
    pub golden: Option<PathBuf>,
    /// Print one JSON document instead of a table.
    #[arg(long)]
    pub json: bool,
}

fn number_format(text: &str) -> Result<Precision, String> {
    let known = text.parse().ok().filter(|precision: &Precision| !precision.is_quantised());
    known.ok_or_else(|| "must be f32, f16 or bf16".to_owned())
}

fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("must be at least 1".to_owned()),
        Ok(number) => Ok(number),
        Err(_) => Err("must be a whole number".to_owned()),
    }
}

fn temperature(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() && number >= 0.0 => Ok(number),
        _ => Err("must be a number from 0 upwards".to_owned()),
    }
}

#[cfg(test)]
mod tests {
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

        let command = Cli::try_parse_from(["glamm", "ask", "ask", "What is this?"]).unwrap();
        let Some(Command::Ask(ask)) = command.command else { unreachable!("parsed as {command:?}") };
        assert_eq!(ask.image, PathBuf::from("ask"));
    }

    #[test]
    fn boxes_may_begin_with_a_minus_sign() {
        let cli = Cli::try_parse_from(["glamm", "ask", "a.png", "?", "--box", "-4,0,8,9", "--box=1,2,3,4"]);
        let Some(Command::Ask(ask)) = cli.unwrap().command else { unreachable!("an ask") };
        assert_eq!(ask.boxes, ["-4,0,8,9", "1,2,3,4"]);
    }

    #[test]
    fn impossible_numbers_are_refused() {
        for (flag, value) in [("--max-new-tokens", "0"), ("--temperature", "nan"), ("--temperature", "-1")] {
            let argument = format!("{flag}={value}");
            assert!(Cli::try_parse_from(["glamm", "ask", "a.png", "?", &argument]).is_err(), "{argument}");
        }
    }
}
