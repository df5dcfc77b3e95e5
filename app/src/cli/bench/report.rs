//! What `glamm bench` prints: a JSON document, or the same as a table.

use std::fmt::Write;

use glamm_engine::bench::{FollowUp, Lap, Limit, Machine, Rate, Work};
use glamm_engine::protocol::ModelInfo;
use serde::Serialize;

use super::super::document::{ModelEntry, milliseconds};
use super::rows::Row;
use super::statistics::{median, median_processor, median_wall, rounded};

/// How to read the rest.
const NOTES: [&str; 3] = [
    "Times are medians over the runs; processor time is that of all threads together.",
    "Encodings and hidden states are noise, and the words of replies are prescribed, their logits \
     computed all the same; only the demo model's reply is its own.",
    "A share is of the bound named: reading the language model's matrices, and keys and values, once (memory), or the \
     products counted from the model's sizes, in bytes where matrices are kept in blocks, else in \
     single precision.",
];

/// All of it.
#[derive(Debug, Serialize)]
pub struct BenchDocument {
    /// What was measured.
    pub model: ModelEntry,
    /// Where.
    pub machine: MachineEntry,
    /// Reading the weights, once.
    pub load_ms: f64,
    /// One for each row of the table.
    pub rows: Vec<RowEntry>,
    /// The most memory that the process held from the loading of the model on, but for what measuring
    /// took; `null` where the system does not tell.
    pub peak_memory_bytes: Option<u64>,
    /// How to read it.
    pub notes: [&'static str; 3],
}

/// What the machine can do at best; see [`Machine`]. 10⁹ a second, by one thread and by all.
#[derive(Debug, Serialize)]
pub struct MachineEntry {
    /// Threads that are meant by all.
    pub threads: usize,
    /// Bytes read from memory.
    pub read_gb_s: [f64; 2],
    /// Operations in single precision.
    pub floats_gop_s: [f64; 2],
    /// Operations on bytes; `null` where no instruction for them is known.
    pub bytes_gop_s: Option<[f64; 2]>,
}

/// A row.
#[derive(Debug, Serialize)]
pub struct RowEntry {
    /// As `--only` takes it.
    pub row: String,
    /// For people.
    pub what: String,
    /// Runs that counted.
    pub runs: usize,
    /// Median on the clock; `null` where it could not be measured, and `note` says why.
    pub wall_ms: Option<f64>,
    /// Median on the processor, all threads together; `null` where the system does not tell.
    pub processor_ms: Option<f64>,
    /// On the clock, run by run.
    pub each_wall_ms: Vec<f64>,
    /// Where tokens are what is computed.
    pub tokens_per_second: Option<f64>,
    /// What it is bounded by: `memory`, `bytes` or `floats`.
    pub limit: Option<&'static str>,
    /// How much of that bound is reached, from 0 to 1.
    pub share: Option<f64>,
    /// Of decoding: the same by what memory was read at right before and behind each run; the median.
    pub share_by_turns: Option<f64>,
    /// 10⁹ operations a second, counted from the model's sizes.
    pub gop_s: Option<f64>,
    /// Of a whole turn.
    pub turn: Option<TurnEntry>,
    /// Of a conversation, turn by turn.
    pub follow_ups: Vec<FollowUpEntry>,
    /// What else is to be said.
    pub note: Option<String>,
}

/// Medians of a whole turn.
#[derive(Debug, Serialize)]
pub struct TurnEntry {
    /// Positions of the prompt, image included.
    pub prompt_tokens: usize,
    /// From the question to the first token.
    pub first_token_ms: f64,
    /// From the question to the last mask.
    pub last_mask_ms: f64,
}

/// The beginning of one turn of a conversation.
#[derive(Debug, Serialize)]
pub struct FollowUpEntry {
    /// From the question to the first token, on the clock.
    pub first_token_ms: f64,
    /// The same on the processor.
    pub processor_ms: Option<f64>,
    /// Positions of the prompt, image included.
    pub prompt_tokens: usize,
    /// Of these, positions that were remembered.
    pub cached_tokens: usize,
}

impl From<&FollowUp> for FollowUpEntry {
    fn from(turn: &FollowUp) -> Self {
        Self {
            first_token_ms: rounded(milliseconds(turn.lap.wall)),
            processor_ms: turn.lap.processor.map(|time| rounded(milliseconds(time))),
            prompt_tokens: turn.prompt_tokens,
            cached_tokens: turn.cached_tokens,
        }
    }
}

impl From<Machine> for MachineEntry {
    fn from(machine: Machine) -> Self {
        let billions = |rate: Rate| [rate.one, rate.all].map(|rate| rounded(rate / 1e9));
        Self {
            threads: machine.threads,
            read_gb_s: billions(machine.read),
            floats_gop_s: billions(machine.floats),
            bytes_gop_s: machine.bytes.map(billions),
        }
    }
}

impl RowEntry {
    /// The medians of `laps`.
    pub fn new(row: Row, what: String, laps: &[Lap]) -> Self {
        let ms = |seconds: f64| rounded(seconds * 1e3);
        Self {
            row: row.name(),
            what,
            runs: laps.len(),
            wall_ms: median_wall(laps).map(ms),
            processor_ms: median_processor(laps).map(ms),
            each_wall_ms: laps.iter().map(|lap| rounded(milliseconds(lap.wall))).collect(),
            tokens_per_second: None,
            limit: None,
            share: None,
            share_by_turns: None,
            gop_s: None,
            turn: None,
            follow_ups: Vec::new(),
            note: None,
        }
    }

    /// One that could not be measured.
    pub fn missing(row: Row, what: &str, why: String) -> Self {
        Self { note: Some(why), ..Self::new(row, what.to_owned(), &[]) }
    }

    /// A run is of so many tokens.
    #[must_use]
    pub fn with_tokens(mut self, tokens: usize) -> Self {
        self.tokens_per_second = self.wall_ms.map(|ms| rounded(tokens as f64 * 1e3 / ms));
        self
    }

    /// A run does so much.
    #[must_use]
    pub fn with_work(mut self, work: Work, machine: &Machine) -> Self {
        let Some(seconds) = self.wall_ms.map(|ms| ms / 1e3) else { return self };
        let (name, done, possible) = match work.limit {
            Limit::Memory => ("memory", work.bytes, Some(machine.read)),
            Limit::Floats => ("floats", Some(work.operations), Some(machine.floats)),
            Limit::Bytes => ("bytes", Some(work.operations), machine.bytes),
        };
        self.gop_s = Some(rounded(work.operations / seconds / 1e9));
        self.limit = Some(name);
        self.share = done.zip(possible).map(|(done, possible)| rounded(done / seconds / possible.all));
        self
    }

    /// Memory was read at these rates, bytes a second, before the first of `laps` and behind each.
    #[must_use]
    pub fn with_rates(mut self, work: Work, laps: &[Lap], rates: &[f64]) -> Self {
        let share = |bytes: f64, (lap, around): (&Lap, &[f64])| {
            let rate = around.iter().sum::<f64>() / around.len() as f64;
            bytes / lap.wall.as_secs_f64() / rate
        };
        self.share_by_turns = work.bytes.and_then(|bytes| {
            median(laps.iter().zip(rates.windows(2)).map(|pair| share(bytes, pair))).map(rounded)
        });
        self
    }
}

impl BenchDocument {
    /// Without rows yet.
    pub fn new(info: &ModelInfo, machine: Machine) -> Self {
        Self {
            model: ModelEntry::from(info),
            machine: machine.into(),
            load_ms: rounded(milliseconds(info.load_time)),
            rows: Vec::new(),
            peak_memory_bytes: None,
            notes: NOTES,
        }
    }

    /// For people.
    pub fn table(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write_table(&mut text);
        text
    }

    fn write_table(&self, text: &mut String) -> std::fmt::Result {
        let (model, machine) = (&self.model, &self.machine);
        writeln!(
            text,
            "{}, {}, on {}, {} threads",
            model.name, model.precision, model.device, machine.threads
        )?;
        let pair = |[one, all]: [f64; 2]| format!("{one:.0} with one thread, {all:.0} with all");
        writeln!(text, "memory      {} GB/s", pair(machine.read_gb_s))?;
        writeln!(text, "f32         {} · 10⁹ operations/s", pair(machine.floats_gop_s))?;
        if let Some(rate) = machine.bytes_gop_s {
            writeln!(text, "bytes       {} · 10⁹ operations/s", pair(rate))?;
        }
        writeln!(text, "loading     {:.0} ms", self.load_ms)?;
        if let Some(bytes) = self.peak_memory_bytes {
            writeln!(text, "peak memory {:.0} MB", bytes as f64 / 1e6)?;
        }
        writeln!(
            text,
            "\n{:<52} {:>11} {:>14} {:>9}  share of",
            "", "clock, ms", "processor, ms", "tokens/s"
        )?;
        for row in &self.rows {
            row.write(text)?;
        }
        writeln!(text)?;
        self.notes.iter().try_for_each(|note| writeln!(text, "{note}"))
    }
}

impl RowEntry {
    fn write(&self, text: &mut String) -> std::fmt::Result {
        let number = |value: Option<f64>, places: usize| match value {
            Some(value) => format!("{value:.places$}"),
            None => "-".to_owned(),
        };
        let share = match (self.share, self.limit) {
            (Some(share), Some(limit)) => format!("{:>3.0} % {limit}", share * 100.0),
            _ => String::new(),
        };
        let line = format!(
            "{:<52} {:>11} {:>14} {:>9}  {share}",
            self.what,
            number(self.wall_ms, 1),
            number(self.processor_ms, 1),
            self.tokens_per_second.map_or_else(String::new, |rate| number(Some(rate), 2)),
        );
        writeln!(text, "{}", line.trim_end())?;
        if let Some(share) = self.share_by_turns {
            writeln!(
                text,
                "  {:.0} % of what memory was read at right before and behind each run",
                share * 100.0
            )?;
        }
        if let Some(turn) = &self.turn {
            let (first, last) = (turn.first_token_ms, turn.last_mask_ms);
            writeln!(text, "  first token after {first:.0} ms, last mask after {last:.0} ms")?;
        }
        if let [first, later @ ..] = &self.follow_ups[..] {
            let slowest = later.iter().map(|turn| turn.first_token_ms).fold(0.0, f64::max);
            writeln!(
                text,
                "  question 1: {:.0} ms; slowest later one: {slowest:.0} ms",
                first.first_token_ms
            )?;
        }
        self.note.iter().try_for_each(|note| writeln!(text, "  {note}"))
    }
}
