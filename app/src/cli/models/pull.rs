//! `glamm models pull`: fetches a model, with a bar for each file and one for all.
//!
//! Ctrl-C needs no handling: what has come is on the disk at every moment, and the next run goes on
//! from there.

use std::time::Duration;

use glamm_engine::hub::{DownloadControl, DownloadEvent, HubSettings, Pause, PlannedFile};
use glamm_engine::models::{self, Origin, Target};
use indicatif::{DecimalBytes, MultiProgress, ProgressBar};
use serde::Serialize;

use super::args::PullArgs;
use crate::cli::error::CliError;
use crate::cli::model::Progress as Look;
use crate::cli::print_json;
use crate::cli::terminal::{ColorMode, ReplyPrinter};

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct PullDocument {
    /// What was asked for.
    name: String,
    /// The model, and behind it what it needs to run.
    repositories: Vec<PulledDocument>,
    /// Bytes of all files.
    bytes: u64,
    /// Bytes that were fetched now.
    fetched_bytes: u64,
}

/// A version that is here.
#[derive(Debug, Serialize)]
struct PulledDocument {
    commit: String,
    path: String,
}

/// Runs the command.
///
/// # Errors
/// [`CliError::Locate`], [`CliError::Hub`].
pub(super) fn run(args: &PullArgs) -> Result<(), CliError> {
    let mut printer = ReplyPrinter::new(std::io::stdout().lock(), ColorMode::Plain);
    let built_in = models::catalogue::find(&args.name).is_some_and(|entry| entry.origin == Origin::BuiltIn);
    if built_in {
        return printer.write(&format!("{} is part of the program\n", args.name));
    }
    let target = Target::parse(&args.name, &args.revision)
        .ok_or_else(|| models::LocateError::Unknown(args.name.clone()))?;
    let settings = HubSettings::from_env()?;
    let mut bars = Bars::new();
    let pulled =
        models::pull(&target, &settings, &DownloadControl::default(), &mut |event| bars.show(&event));
    bars.clear();
    let repositories: Vec<PulledDocument> = pulled?
        .into_iter()
        .map(|snapshot| PulledDocument { commit: snapshot.commit, path: snapshot.path.display().to_string() })
        .collect();
    let document = PullDocument {
        name: args.name.clone(),
        repositories,
        bytes: bars.bytes,
        fetched_bytes: bars.bytes - bars.bytes_before,
    };
    if args.json {
        return print_json(&mut printer, &document);
    }
    let path = document.repositories.first().map_or("", |model| model.path.as_str());
    let fetched = DecimalBytes(document.fetched_bytes);
    printer.write(&format!("{} is here, {fetched} were fetched: {path}\n", args.name))
}

/// What a person sees meanwhile, on stderr where that is a terminal.
struct Bars {
    all: MultiProgress,
    total: ProgressBar,
    file: ProgressBar,
    files: Vec<PlannedFile>,
    bytes: u64,
    bytes_before: u64,
}

impl Bars {
    fn new() -> Self {
        let all = MultiProgress::new();
        let file = all.add(ProgressBar::new(0).with_style(Look::File.style()));
        let total = all.add(ProgressBar::new_spinner().with_style(Look::Waiting.style()));
        total.set_message("asking the hub");
        total.enable_steady_tick(Duration::from_millis(100));
        Self { all, total, file, files: Vec::new(), bytes: 0, bytes_before: 0 }
    }

    fn show(&mut self, event: &DownloadEvent) {
        match event {
            DownloadEvent::Planned(files) => self.plan(files),
            DownloadEvent::Started { file } => {
                self.say(*file, "");
                self.file.set_length(self.files.get(*file).map_or(0, |file| file.bytes));
                self.file.set_position(0);
            }
            DownloadEvent::Checking { file } => self.say(*file, "reading what is here of "),
            DownloadEvent::Progressed(progress) => {
                self.say(progress.file, "");
                self.file.set_position(progress.file_bytes);
                self.total.set_position(progress.bytes);
                self.total.set_message(speed(progress.bytes_per_second, progress.time_left));
            }
            DownloadEvent::Waiting(Pause::Paused) => self.total.set_message("paused"),
            DownloadEvent::Waiting(Pause::Elsewhere { file }) => {
                self.say(*file, "another program is fetching ");
            }
            DownloadEvent::Waiting(Pause::Retrying { after, reason }) => {
                let message = format!("{reason}; trying again in {:.0} s", after.as_secs_f64().ceil());
                self.total.set_message(message);
            }
            // The plan counts what was here, progress what has come: this is one file more.
            DownloadEvent::Fetched { .. }
            | DownloadEvent::Finished(_)
            | DownloadEvent::Failed(_)
            | DownloadEvent::Stopped => {}
        }
    }

    fn plan(&mut self, files: &[PlannedFile]) {
        let here: u64 = files.iter().map(|file| file.bytes_here).sum();
        let bytes: u64 = files.iter().map(|file| file.bytes).sum();
        self.bytes += bytes;
        self.bytes_before += here;
        self.files = files.to_vec();
        self.total.disable_steady_tick();
        self.total.set_style(Look::Download.style());
        self.total.set_length(bytes);
        self.total.set_position(here);
        self.total.set_message("");
    }

    fn say(&self, file: usize, what: &str) {
        let name = self.files.get(file).map_or("", |file| file.name.as_str());
        self.file.set_message(format!("{what}{name}"));
    }

    fn clear(&self) {
        self.file.finish_and_clear();
        self.total.finish_and_clear();
        // Drawing is the only thing that can fail here.
        let _ = self.all.clear();
    }
}

fn speed(bytes_per_second: Option<f64>, left: Option<Duration>) -> String {
    let Some(speed) = bytes_per_second else { return String::new() };
    let left = left.map(|left| format!(", {} left", indicatif::HumanDuration(left))).unwrap_or_default();
    format!("{}/s{left}", DecimalBytes(speed as u64))
}
