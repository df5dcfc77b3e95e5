//! The real window, driven with keyboard and mouse by `window.sh`: open, draw a box,
//! ask, look at a mask, save, end it by force, recover, export, quit. It needs a display server that draws
//! into memory and hands to type with; where they are not installed the test is ignored, and says what
//! is missing.

#![expect(clippy::print_stderr, reason = "a test that is left out says so")]

use std::path::Path;
use std::process::Command;

use libtest_mimic::{Arguments, Failed, Trial};

/// What the script calls.
const TOOLS: [&str; 4] = ["Xvfb", "xdotool", "import", "python3"];

fn main() {
    let missing: Vec<&str> = TOOLS.into_iter().filter(|tool| !is_installed(tool)).collect();
    if !missing.is_empty() {
        eprintln!("the window is not driven: {} not installed", missing.join(", "));
    }
    let trial = Trial::test("open_box_ask_inspect_save_kill_recover_export", drive)
        .with_ignored_flag(!missing.is_empty());
    libtest_mimic::run(&Arguments::from_args(), vec![trial]).exit();
}

fn is_installed(tool: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(tool).is_file())
}

fn drive() -> Result<(), Failed> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/end_to_end/window.sh");
    let output = Command::new("bash").arg(script).arg(env!("CARGO_BIN_EXE_glamm")).output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    Err(format!("{}\n{}{}", output.status, said[0], said[1]).into())
}
