//! `glamm models list`: the catalogue, and what of it is on this machine.

use std::fmt::Write;

use glamm_engine::models::{self, ModelEntry, ModelState, Origin, Places, Role};
use indicatif::DecimalBytes;
use serde::Serialize;

use super::args::ListArgs;
use crate::cli::error::CliError;
use crate::cli::print_json;
use crate::cli::terminal::{ColorMode, ReplyPrinter};

/// What `--json` prints.
#[derive(Debug, Serialize)]
pub struct ListDocument {
    /// The catalogue in its order, then what else is in the models directory.
    pub models: Vec<ModelDocument>,
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
}

/// Runs the command.
///
/// # Errors
/// [`CliError::Stdout`].
pub(super) fn run(args: &ListArgs) -> Result<(), CliError> {
    let models = models::list(&Places::from_env()).iter().map(ModelDocument::from).collect();
    let document = ListDocument { models };
    let mut printer = ReplyPrinter::new(std::io::stdout().lock(), ColorMode::Plain);
    if args.json { print_json(&mut printer, &document) } else { printer.write(&document.table()) }
}

impl From<&ModelEntry> for ModelDocument {
    fn from(entry: &ModelEntry) -> Self {
        let (state, found) = match &entry.state {
            ModelState::BuiltIn => ("built_in", None),
            ModelState::Installed(found) => ("installed", Some(found)),
            ModelState::Partial(found) => ("partial", Some(found)),
            ModelState::Absent => ("absent", None),
        };
        let published = entry.published;
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
        }
    }
}

impl ListDocument {
    fn table(&self) -> String {
        let mut text =
            format!("{:<18}{:<12}{:>10}  {:<12}{}\n", "name", "state", "on disk", "licence", "for");
        for model in &self.models {
            let bytes = model.bytes.map_or_else(String::new, |bytes| DecimalBytes(bytes).to_string());
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "{:<18}{:<12}{bytes:>10}  {:<12}{}",
                model.name,
                model.state.replace('_', " "),
                model.licence.unwrap_or(""),
                model.purpose.unwrap_or("a model of your own"),
            );
        }
        text
    }
}
