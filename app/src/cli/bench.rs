//! `glamm bench`: how fast a model is on this machine.
//!
//! Each run encodes a scene of the procedural picture world afresh, asks for a grounded caption, and
//! asks a second question in the same conversation. The first run warms up and does not count;
//! medians over the others are reported.

use std::fmt::Write;
use std::time::Duration;

use glamm_engine::Engine;
use glamm_engine::job::{Increment, Question};
use glamm_engine::protocol::{EncodeTimings, JobStats, Turn};
use glamm_engine::scenes;
use glamm_engine::text::conversation::GROUNDED_CAPTION;
use image::RgbImage;
use indicatif::ProgressBar;
use serde::Serialize;

use super::args::BenchArgs;
use super::document::{ModelEntry, milliseconds};
use super::error::CliError;
use super::model::{Progress, load, model_spec};
use super::terminal::{ColorMode, ReplyPrinter};

/// The scene that is asked about: always the same.
const SCENE_SEED: u64 = 7;
const SECOND_QUESTION: &str = "How many houses are there?";
/// Enough for the caption of a scene, and an end for models that do not know when to stop.
const MAX_NEW_TOKENS: usize = 128;

/// What `--json` prints: medians over the runs. What a model did not do (no mask in its reply, no
/// second token) is `null`.
#[derive(Debug, Serialize)]
pub struct BenchDocument {
    /// What was measured.
    pub model: ModelEntry,
    /// Reading the weights, once.
    pub load_ms: f64,
    /// Measured runs.
    pub runs: usize,
    /// Resizing and normalising for both encoders.
    pub preprocess_ms: f64,
    /// CLIP and projector.
    pub global_encoder_ms: f64,
    /// SAM image encoder.
    pub grounding_encoder_ms: f64,
    /// The sum of these three, run by run.
    pub image_encoding_ms: f64,
    /// Positions in the first prompt, image included.
    pub prompt_tokens: usize,
    /// From the first question to its first token.
    pub time_to_first_token_ms: f64,
    /// Positions of the prompt a second until the first token.
    pub prefill_tokens_per_second: f64,
    /// Tokens in the first reply.
    pub new_tokens: usize,
    /// Tokens a second after the first one, the time for masks taken out.
    pub decode_tokens_per_second: Option<f64>,
    /// Masks in the first reply.
    pub masks: usize,
    /// The pixel decoder, for one mask.
    pub mask_decode_ms: Option<f64>,
    /// From the second question to its first token: most of its prompt is cached.
    pub follow_up_time_to_first_token_ms: f64,
    /// Positions of the second prompt that were cached.
    pub follow_up_cached_tokens: usize,
    /// The most memory that the process ever held; `null` where the system does not tell.
    pub peak_memory_bytes: Option<u64>,
}

/// One run.
#[derive(Debug, Clone, Copy)]
struct Run {
    encoding: EncodeTimings,
    first: JobStats,
    masks: usize,
    second: JobStats,
}

/// Runs the command.
///
/// # Errors
/// See [`CliError`].
pub(super) fn run(args: &BenchArgs) -> Result<(), CliError> {
    let engine = load(&model_spec(&args.model)?)?;
    let picture = scenes::generate(SCENE_SEED).image;
    let bar = ProgressBar::new(args.runs as u64 + 1).with_style(Progress::Runs.style());
    let mut runs = Vec::with_capacity(args.runs);
    for number in 0..=args.runs {
        let run = Run::measure(&engine, &picture)?;
        if number > 0 {
            runs.push(run);
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    let document = BenchDocument::new(&engine, &runs);
    let mut printer = ReplyPrinter::new(std::io::stdout().lock(), ColorMode::Plain);
    if args.json { super::print_json(&mut printer, &document) } else { printer.write(&document.table()) }
}

impl Run {
    fn measure(engine: &Engine, picture: &RgbImage) -> Result<Self, CliError> {
        let (mut image, encoding) = engine.encode(picture, &|| false)?;
        let mut turns = vec![Turn { user: GROUNDED_CAPTION.to_owned(), ..Turn::default() }];
        let mut masks = 0;
        let mut ask = |turns: &[Turn], masks: &mut usize| {
            let question = Question::greedy(turns, MAX_NEW_TOKENS);
            engine.converse(&mut image, question, &|| false, &mut |piece| {
                *masks += usize::from(matches!(piece, Increment::Mask { .. }));
            })
        };
        let first = ask(&turns, &mut masks)?;
        turns[0].reply = Some(first.reply.raw);
        turns.push(Turn { user: SECOND_QUESTION.to_owned(), ..Turn::default() });
        let second = ask(&turns, &mut 0)?;
        Ok(Self { encoding, first: first.stats, masks, second: second.stats })
    }

    fn decode_tokens_per_second(&self) -> Option<f64> {
        let seconds = self.first.decode_time.saturating_sub(self.first.mask_time).as_secs_f64();
        (self.first.new_tokens > 1 && seconds > 0.0).then(|| (self.first.new_tokens - 1) as f64 / seconds)
    }

    fn mask_decode_ms(&self) -> Option<f64> {
        (self.masks > 0).then(|| milliseconds(self.first.mask_time) / self.masks as f64)
    }
}

impl BenchDocument {
    fn new(engine: &Engine, runs: &[Run]) -> Self {
        let info = engine.info();
        let time = |of: fn(&Run) -> Duration| round(median(runs.iter().map(|run| milliseconds(of(run)))));
        let first = runs.first().map(|run| run.first).unwrap_or_default();
        Self {
            model: ModelEntry::from(info),
            load_ms: round(milliseconds(info.load_time)),
            runs: runs.len(),
            preprocess_ms: time(|run| run.encoding.preprocess),
            global_encoder_ms: time(|run| run.encoding.global_encoder),
            grounding_encoder_ms: time(|run| run.encoding.grounding_encoder),
            image_encoding_ms: time(|run| run.encoding.total()),
            prompt_tokens: first.prompt_tokens,
            time_to_first_token_ms: time(|run| run.first.time_to_first_token),
            prefill_tokens_per_second: round(median(runs.iter().map(|run| {
                let seconds = run.first.time_to_first_token.as_secs_f64().max(f64::MIN_POSITIVE);
                (run.first.prompt_tokens - run.first.cached_tokens) as f64 / seconds
            }))),
            new_tokens: first.new_tokens,
            decode_tokens_per_second: median_of_some(runs, Run::decode_tokens_per_second),
            masks: runs.first().map_or(0, |run| run.masks),
            mask_decode_ms: median_of_some(runs, Run::mask_decode_ms),
            follow_up_time_to_first_token_ms: time(|run| run.second.time_to_first_token),
            follow_up_cached_tokens: runs.first().map_or(0, |run| run.second.cached_tokens),
            peak_memory_bytes: peak_memory_bytes(),
        }
    }

    fn table(&self) -> String {
        let mut text =
            format!("{} on {}, median of {} runs\n", self.model.name, self.model.device, self.runs);
        let mut row = |what: &str, value: String| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{what:<28}{value}");
        };
        let ms = |value: f64| format!("{value:>10.2} ms");
        let rate = |value: f64| format!("{value:>10.1} tokens/s");
        row("loading", ms(self.load_ms));
        row("image encoding", ms(self.image_encoding_ms));
        row("  preparing", ms(self.preprocess_ms));
        row("  global encoder", ms(self.global_encoder_ms));
        row("  grounding encoder", ms(self.grounding_encoder_ms));
        row("first token", ms(self.time_to_first_token_ms));
        row("first token of a follow-up", ms(self.follow_up_time_to_first_token_ms));
        row("prefill", rate(self.prefill_tokens_per_second));
        if let Some(value) = self.decode_tokens_per_second {
            row("decoding", rate(value));
        }
        if let Some(value) = self.mask_decode_ms {
            row("one mask", ms(value));
        }
        if let Some(bytes) = self.peak_memory_bytes {
            row("peak memory", format!("{:>10.1} MB", bytes as f64 / 1e6));
        }
        text
    }
}

fn median_of_some(runs: &[Run], of: fn(&Run) -> Option<f64>) -> Option<f64> {
    let values: Vec<f64> = runs.iter().filter_map(of).collect();
    (!values.is_empty()).then(|| round(median(values)))
}

/// The middle value; of an even number, the mean of the two in the middle; 0 of none.
fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.get(middle) {
        None => 0.0,
        Some(&upper) if values.len() % 2 == 1 => upper,
        Some(&upper) => f64::midpoint(values[middle - 1], upper),
    }
}

fn round(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

/// Linux keeps the high-water mark of a process's memory in `/proc/self/status`, in kibibytes.
fn peak_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::float_cmp, reason = "means of small whole numbers are exact")]
    fn medians_are_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median([]), 0.0);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn memory_is_told_on_linux() {
        assert!(peak_memory_bytes().is_some_and(|bytes| bytes > 1_000_000));
    }
}
