//! `glamm models list`: the catalogue, what of it is on this machine, and what fits.

use std::fmt::Write;

use glamm_engine::models::{self, Fit, Machine, ModelEntry, ModelState, Origin, Places, Role};
use glamm_engine::precision::Precision;
use glamm_engine::protocol::DeviceChoice;
use indicatif::DecimalBytes;
use serde::Serialize;

use super::args::ListArgs;
use crate::cli::error::CliError;
use crate::cli::print_json;
use crate::cli::terminal::{ColorMode, ReplyPrinter};

/// What `--json` prints.
#[derive(Debug, Serialize)]
pub struct ListDocument {
    /// The catalogue in its order, then what else is in the cache and in the models directory.
    pub models: Vec<ModelDocument>,
    /// Memory of this machine; `null` where the system does not tell.
    pub machine: Option<MachineDocument>,
}

/// Memory of this machine.
#[derive(Debug, Serialize)]
pub struct MachineDocument {
    /// All of it.
    pub ram_bytes: u64,
    /// What programs can get at this moment.
    pub free_ram_bytes: u64,
    /// Of the graphics card; `null` in builds that compute on none.
    pub vram_bytes: Option<u64>,
}

/// One model. What nobody knows of a model is `null`.
#[derive(Debug, Serialize)]
pub struct ModelDocument {
    /// What `--model` calls it.
    pub name: String,
    /// For people.
    pub title: Option<&'static str>,
    /// `glamm`, or `vision_tower`, which the others need.
    pub role: &'static str,
    /// What it is for.
    pub purpose: Option<&'static str>,
    /// The licence that its model card states.
    pub licence: Option<&'static str>,
    /// Its repository on the hub.
    pub hub_id: Option<&'static str>,
    /// `built_in`, `installed`, `partial` or `absent`.
    pub state: &'static str,
    /// Its folder or file.
    pub path: Option<String>,
    /// Of its files here.
    pub bytes: Option<u64>,
    /// What is to be fetched for it, about.
    pub download_bytes: Option<u64>,
    /// What it needs to run, from the most precise weights to the smallest.
    pub memory: Vec<MemoryDocument>,
}

/// Memory in one precision.
#[derive(Debug, Serialize)]
pub struct MemoryDocument {
    /// `f32`, `f16` (also for bf16), `q8_0`, `q6k`, `q5k` or `q4k`.
    pub precision: &'static str,
    /// Of the weights, with those of the vision tower.
    pub weight_bytes: u64,
    /// Estimated for computing.
    pub working_bytes: u64,
    /// `now`, `when_others_close` or `too_large`; `null` where the machine's memory is unknown.
    pub fits: Option<&'static str>,
}

/// The precisions that the table has columns for.
const SHOWN: [Precision; 4] = [Precision::F32, Precision::F16, Precision::Q8_0, Precision::Q4K];

/// Runs the command.
///
/// # Errors
/// [`CliError::Stdout`].
pub(super) fn run(args: &ListArgs) -> Result<(), CliError> {
    let machine = Machine::look();
    let models = models::list(&Places::from_env());
    let document = ListDocument {
        models: models.iter().map(|entry| ModelDocument::new(entry, machine)).collect(),
        machine: machine.map(|found| MachineDocument {
            ram_bytes: found.ram_bytes,
            free_ram_bytes: found.free_ram_bytes,
            vram_bytes: found.vram_bytes,
        }),
    };
    let mut printer = ReplyPrinter::new(std::io::stdout().lock(), ColorMode::Plain);
    if args.json { print_json(&mut printer, &document) } else { printer.write(&document.table()) }
}

impl ModelDocument {
    fn new(entry: &ModelEntry, machine: Option<Machine>) -> Self {
        let (state, found) = match &entry.state {
            ModelState::BuiltIn => ("built_in", None),
            ModelState::Installed(found) => ("installed", Some(found)),
            ModelState::Partial(found) => ("partial", Some(found)),
            ModelState::Absent => ("absent", None),
        };
        let published = entry.published;
        let memory = entry.needs.iter().map(|(precision, need)| MemoryDocument {
            precision: precision.name(),
            weight_bytes: need.weight_bytes,
            working_bytes: need.working_bytes,
            // On the processor that is taken where nobody chooses.
            fits: machine.map(|machine| match machine.fits_on(DeviceChoice::Auto, *need) {
                Fit::Now => "now",
                Fit::WhenOthersClose => "when_others_close",
                Fit::TooLarge => "too_large",
            }),
        });
        Self {
            name: entry.name.clone(),
            title: published.map(|entry| entry.title),
            role: match entry.role {
                Role::Glamm => "glamm",
                Role::VisionTower => "vision_tower",
            },
            purpose: published.map(|entry| entry.purpose),
            licence: published.map(|entry| entry.licence),
            hub_id: published.and_then(|entry| match entry.origin {
                Origin::Hub(id) => Some(id),
                Origin::BuiltIn => None,
            }),
            state,
            path: found.map(|found| found.path.display().to_string()),
            bytes: found.map(|found| found.bytes),
            download_bytes: entry.download_bytes,
            memory: memory.collect(),
        }
    }

    /// Bytes on the disk, or to fetch.
    fn size(&self) -> String {
        let size = |bytes: u64| DecimalBytes(bytes).to_string();
        match (self.bytes, self.download_bytes) {
            (Some(bytes), _) => size(bytes),
            (None, Some(bytes)) => format!("~{}", size(bytes)),
            (None, None) => String::new(),
        }
    }

    /// Memory in each precision; `!` where it does not fit, `*` where other programs are in the way.
    fn needs(&self) -> String {
        SHOWN.map(|precision| format!("{:>12}", self.need(precision))).concat()
    }

    fn need(&self, precision: Precision) -> String {
        let found = self.memory.iter().find(|need| need.precision == precision.name());
        let Some(need) = found else { return String::new() };
        let mark = match need.fits {
            Some("too_large") => "!",
            Some("when_others_close") => "*",
            _ => "",
        };
        format!("{} {mark}", DecimalBytes(need.weight_bytes + need.working_bytes)).trim_end().to_owned()
    }
}

impl ListDocument {
    fn table(&self) -> String {
        let precisions = SHOWN.map(|precision| format!("{:>12}", precision.name())).concat();
        let width = self.models.iter().map(|model| model.name.chars().count()).max().unwrap_or(0).max(4);
        let mut text = format!("{:<width$}  {:<9} {:>10} {precisions}  for\n", "name", "state", "on disk");
        // Writing to a string cannot fail.
        for model in &self.models {
            let _ = writeln!(
                text,
                "{:<width$}  {:<9} {:>10} {:<48}  {}{}",
                model.name,
                model.state.replace('_', " "),
                model.size(),
                model.needs(),
                model.purpose.unwrap_or("a model of your own"),
                model.licence.map(|licence| format!(" ({licence})")).unwrap_or_default(),
            );
        }
        if let Some(machine) = &self.machine {
            let _ = writeln!(
                text,
                "\nThe four columns are memory for weights of that precision with CLIP, one question and its answer.\n\
                 This machine has {}, {} of it free: ! does not fit, * only when other programs are closed.",
                DecimalBytes(machine.ram_bytes),
                DecimalBytes(machine.free_ram_bytes),
            );
            if let Some(vram) = machine.vram_bytes {
                let _ = writeln!(text, "The graphics card has {}.", DecimalBytes(vram));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_graphics_card_decides_what_fits() {
        let listed = models::list(&Places::default());
        let fullscope = listed.iter().find(|entry| entry.name == "fullscope").unwrap();
        let machine = Machine {
            ram_bytes: 128 << 30,
            free_ram_bytes: 100 << 30,
            vram_bytes: Some(12 << 30),
            free_vram_bytes: Some(12 << 30),
        };
        let fits = |machine| {
            let memory = ModelDocument::new(fullscope, Some(machine)).memory;
            memory.iter().find(|need| need.precision == "f16").unwrap().fits
        };
        assert_eq!(fits(machine), Some("too_large"));
        assert_eq!(fits(Machine { vram_bytes: None, ..machine }), Some("now"));
    }
}
