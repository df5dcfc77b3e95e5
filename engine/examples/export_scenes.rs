//! Writes a data set of scenes: `export_scenes COUNT FIRST_SEED DIRECTORY [examination]`.
//! With `examination`, the questions are those of the evaluation instead of those of training.

#![allow(clippy::print_stderr, reason = "progress of a command line tool")]

use std::path::Path;

use glamm_engine::scenes::dataset::{Selection, export};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, count, first_seed, directory, rest @ ..] = &arguments[..] else {
        return Err("usage: export_scenes COUNT FIRST_SEED DIRECTORY [examination]".into());
    };
    let examination = rest.first().is_some_and(|word| word == "examination");
    let selection = Selection { first_seed: first_seed.parse()?, count: count.parse()?, examination };
    let summary = export(Path::new(directory), selection, |done| {
        if done % 1000 == 0 {
            eprintln!("{done} scenes");
        }
    })?;
    eprintln!("{summary:?}");
    Ok(())
}
