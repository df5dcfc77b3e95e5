//! The command line end to end: the real binary, real files, exit codes and output.
//!
//! Most tests run the small checkpoint of `tests/golden/public`: random weights, briefly fitted to
//! give grounded answers, whose replies to a few questions are recorded beside it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail this way")]

mod ask;
mod check;
mod errors;
mod export;
mod images;
mod models;
mod others;
mod selftest;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The golden data.
fn golden(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/public").join(path)
}

/// The binary, without anything in the environment that changes its output.
fn glamm() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_glamm"));
    for variable in ["NO_COLOR", "CLICOLOR_FORCE", "COLORTERM", "GLAMM_LOG", "RUST_BACKTRACE"] {
        command.env_remove(variable);
    }
    command.stdin(Stdio::null());
    command
}

/// `glamm ask` with the golden checkpoint.
fn ask(image: &Path, prompt: &str) -> Command {
    let mut command = glamm();
    command.arg("ask").arg(image).arg(prompt).arg("--model").arg(golden("glamm-tiny")).arg("--precision=f32");
    command
}

/// Runs a command that must succeed, and gives its stdout.
#[track_caller]
fn stdout(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let complaint = text(&output.stderr);
    assert!(output.status.success(), "{command:?} ended with {}: {complaint}", output.status);
    assert_eq!(complaint, "", "{command:?} complained");
    text(&output.stdout)
}

/// Runs a command that prints a JSON document.
#[track_caller]
fn json(command: &mut Command) -> serde_json::Value {
    serde_json::from_str(&stdout(command.arg("--json"))).unwrap()
}

/// Runs a command that must fail: with this code, and one line on stderr that has these words.
#[track_caller]
fn fails(command: &mut Command, code: i32, words: &[&str]) -> Output {
    let output = command.output().unwrap();
    let complaint = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{command:?}: {complaint}");
    assert!(complaint.starts_with("glamm: "), "{command:?}: {complaint}");
    assert_eq!(complaint.lines().count(), 1, "{command:?}: {complaint}");
    for word in words {
        assert!(complaint.contains(word), "{command:?}: no `{word}` in {complaint}");
    }
    assert!(output.stdout.is_empty(), "{command:?} printed something");
    output
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}
