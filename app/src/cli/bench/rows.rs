//! What is measured: one row for each bar of `engine/PERFORMANCE.md`, on the model that was loaded.
//!
//! Each row is done once more than it counts, to warm up; a whole turn and a conversation are long
//! enough to do without. Inputs are noise and the words of replies prescribed, as
//! [`glamm_engine::bench`] tells; the demo model's own reply is real from end to end.

use clap::ValueEnum;
use glamm_engine::Engine;
use glamm_engine::bench::{
    BOXES, CAPTION, DEPTH, FollowUp, GroundedTurn, Lap, Machine, Opening, PROMPT, Part, Stopwatch, Stream,
    TURNS, Workbench,
};
use glamm_engine::job::Question;
use glamm_engine::protocol::Turn;
use glamm_engine::text::conversation::GROUNDED_CAPTION;
use image::RgbImage;
use indicatif::ProgressBar;

use super::super::error::CliError;
use super::children;
use super::report::{FollowUpEntry, RowEntry, TurnEntry};
use super::statistics::{PeakMemory, rounded};

/// Tokens decoded in one run.
const TOKENS: usize = 16;
/// Enough for the caption of a scene.
const MAX_NEW_TOKENS: usize = 256;

/// A row of the table, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Row {
    /// The language model, a token at a time, at 700 positions.
    Decode,
    /// The language model, a prompt of 640 positions.
    Prefill,
    /// SAM's image encoder.
    GroundingEncoder,
    /// CLIP and the projector.
    GlobalEncoder,
    /// Feature maps and 4 boxes.
    RegionEncoder,
    /// 1 mask.
    PixelDecoder,
    /// 8 masks at once.
    #[value(name = "pixel-decoder-8")]
    PixelDecoder8,
    /// A grounded caption of 60 tokens with 4 masks, the image encoded before.
    Turn,
    /// The same, asked as the image is opened.
    TurnWordsFirst,
    /// The same, but both encoders run before the first word.
    TurnEncodersFirst,
    /// Time to the first token of 20 questions in one conversation.
    FollowUps,
    /// The demo model's caption of a scene from picture to last mask, on one core.
    DemoReply,
    /// From the start of the program to the first frame of its window.
    FirstFrame,
}

impl Row {
    /// As `--only` takes it and JSON has it.
    pub fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

/// A loaded model that is measured.
pub struct Bench<'a> {
    /// The model.
    pub engine: &'a Engine,
    /// Its parts.
    pub parts: Workbench<'a>,
    /// What is looked at.
    pub picture: &'a RgbImage,
    /// Whether it is the built-in model.
    pub is_demo: bool,
    /// `--device`, for processes of their own.
    pub device: &'a str,
    /// Runs that count.
    pub runs: usize,
}

impl Bench<'_> {
    /// Measures a row. `bar` is told how far it is, and `peak` what is no memory of the model's.
    ///
    /// # Errors
    /// See [`CliError`].
    pub(super) fn measure(
        &self,
        row: Row,
        bar: &ProgressBar,
        machine: &Machine,
        peak: &mut PeakMemory,
    ) -> Result<RowEntry, CliError> {
        let parts = &self.parts;
        let part = |what: &str, part: Part, laps: Vec<Lap>| {
            RowEntry::new(row, what.to_owned(), &laps).with_work(parts.work(part), machine)
        };
        Ok(match row {
            Row::Decode => peak.leaving_out(Stream::BYTES, || self.decode(bar, machine))?,
            Row::Prefill => self.prefill(bar, machine)?,
            Row::GroundingEncoder => {
                let laps = self.warm(bar, || Ok(parts.grounding_encoder()?))?;
                part("grounding encoder (SAM), one image", Part::GroundingEncoder, laps)
            }
            Row::GlobalEncoder => {
                let laps = self.warm(bar, || Ok(parts.global_encoder()?))?;
                part("global encoder (CLIP) and projector, one image", Part::GlobalEncoder, laps)
            }
            Row::RegionEncoder => {
                let laps = self.warm(bar, || Ok(parts.region_encoder(BOXES)?))?;
                part(&format!("region encoder, {BOXES} boxes"), Part::RegionEncoder { boxes: BOXES }, laps)
            }
            Row::PixelDecoder => {
                let laps = self.warm(bar, || Ok(parts.pixel_decoder(1)?))?;
                part("pixel decoder, 1 mask", Part::PixelDecoder { masks: 1 }, laps)
            }
            Row::PixelDecoder8 => {
                let laps = self.warm(bar, || Ok(parts.pixel_decoder(8)?))?;
                part("pixel decoder, 8 masks", Part::PixelDecoder { masks: 8 }, laps)
            }
            Row::Turn => self.turn(row, Opening::Encoded, bar)?,
            Row::TurnWordsFirst => self.turn(row, Opening::WordsFirst, bar)?,
            Row::TurnEncodersFirst => self.turn(row, Opening::EncodersFirst, bar)?,
            Row::FollowUps => self.follow_ups(bar)?,
            Row::DemoReply => self.demo_reply(bar)?,
            Row::FirstFrame => children::first_frame(self.runs, bar)?,
        })
    }

    fn decode(&self, bar: &ProgressBar, machine: &Machine) -> Result<RowEntry, CliError> {
        // Memory is what it hangs on, and may be read at another speed a second later.
        let stream = Stream::default();
        let mut sequence = self.parts.sequence()?;
        let depth = DEPTH.min(sequence.limit().saturating_sub(TOKENS + 1));
        sequence.decode(depth, TOKENS)?;
        let mut rates = vec![stream.rate_now()];
        let laps = repeat(bar, self.runs, || {
            let lap = sequence.decode(depth, TOKENS)?;
            rates.push(stream.rate_now());
            Ok(Lap {
                wall: lap.wall / TOKENS as u32,
                processor: lap.processor.map(|time| time / TOKENS as u32),
            })
        })?;
        let work = self.parts.work(Part::Decode { depth });
        let row = RowEntry::new(Row::Decode, format!("decoding, one token at {depth} positions"), &laps);
        Ok(row.with_tokens(1).with_work(work, machine).with_rates(work, &laps, &rates))
    }

    fn prefill(&self, bar: &ProgressBar, machine: &Machine) -> Result<RowEntry, CliError> {
        let mut sequence = self.parts.sequence()?;
        let positions = PROMPT.min(sequence.limit());
        let laps = self.warm(bar, || Ok(sequence.prefill(positions)?))?;
        let row = RowEntry::new(Row::Prefill, format!("prefill, {positions} positions"), &laps);
        Ok(row.with_tokens(positions).with_work(self.parts.work(Part::Prefill { positions }), machine))
    }

    fn turn(&self, row: Row, opening: Opening, bar: &ProgressBar) -> Result<RowEntry, CliError> {
        let turns = repeat(bar, self.runs, || Ok(self.parts.grounded_turn(opening, CAPTION)?))?;
        let laps: Vec<Lap> = turns.iter().map(|turn: &GroundedTurn| turn.lap).collect();
        let (tokens, masks) = turns.first().map_or((0, 0), |turn| (turn.new_tokens, turn.masks));
        let image = match opening {
            Opening::Encoded => "",
            Opening::WordsFirst => ", image just opened, words first",
            Opening::EncodersFirst => ", image just opened, encoders first",
        };
        let what = format!("whole turn, {tokens} new tokens, {masks} masks{image}");
        Ok(RowEntry { turn: TurnEntry::of(&turns), ..RowEntry::new(row, what, &laps) })
    }

    /// One conversation, whatever the number of runs: its turns are runs enough. The time is that of
    /// the last turn.
    fn follow_ups(&self, bar: &ProgressBar) -> Result<RowEntry, CliError> {
        bar.set_length(TURNS as u64);
        let found = self.parts.follow_ups(TURNS, &mut || bar.inc(1))?;
        let last: Vec<Lap> = found.last().map(|turn: &FollowUp| turn.lap).into_iter().collect();
        let what = format!("time to first token of question {TURNS} in a conversation");
        let entries = found.iter().map(FollowUpEntry::from).collect();
        Ok(RowEntry { follow_ups: entries, ..RowEntry::new(Row::FollowUps, what, &last) })
    }

    fn demo_reply(&self, bar: &ProgressBar) -> Result<RowEntry, CliError> {
        if !self.is_demo || glamm_engine::bench::threads() != 1 {
            return children::demo_reply(self.device, self.runs);
        }
        let mut masks = 0;
        let laps = self.warm(bar, || {
            let (lap, found) = self.whole_reply()?;
            masks = found;
            Ok(lap)
        })?;
        let what = format!("demo model, whole reply with {masks} masks, one core");
        Ok(RowEntry::new(Row::DemoReply, what, &laps))
    }

    /// From the picture to the end of the model's own reply, and its masks.
    fn whole_reply(&self) -> Result<(Lap, usize), CliError> {
        let turns = [Turn { user: GROUNDED_CAPTION.to_owned(), ..Turn::default() }];
        let watch = Stopwatch::start();
        let (mut image, _) = self.engine.encode(self.picture, &|| false)?;
        let question = Question::greedy(&turns, MAX_NEW_TOKENS);
        let answer = self.engine.converse(&mut image, question, &|| false, &mut |_| {})?;
        Ok((watch.lap(), answer.reply.groundings.len()))
    }

    /// Once to warm up, then the runs that count.
    fn warm<T>(
        &self,
        bar: &ProgressBar,
        mut run: impl FnMut() -> Result<T, CliError>,
    ) -> Result<Vec<T>, CliError> {
        run()?;
        repeat(bar, self.runs, run)
    }
}

fn repeat<T>(
    bar: &ProgressBar,
    runs: usize,
    mut run: impl FnMut() -> Result<T, CliError>,
) -> Result<Vec<T>, CliError> {
    bar.set_length(runs as u64);
    let mut found = Vec::with_capacity(runs);
    for _ in 0..runs {
        found.push(run()?);
        bar.inc(1);
    }
    Ok(found)
}

impl TurnEntry {
    fn of(turns: &[GroundedTurn]) -> Option<Self> {
        let middle = |of: fn(&GroundedTurn) -> std::time::Duration| {
            super::statistics::median(turns.iter().map(|turn| of(turn).as_secs_f64() * 1e3)).map(rounded)
        };
        Some(Self {
            prompt_tokens: turns.first()?.prompt_tokens,
            first_token_ms: middle(|turn| turn.first_token)?,
            last_mask_ms: middle(|turn| turn.last_mask)?,
        })
    }
}
