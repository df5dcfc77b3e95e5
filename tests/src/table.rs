//! The table of the parity suites: for every stage the worst error of all comparisons, and the
//! harness that prints it when the last test of a binary has ended.
//!
//! A parity binary has `harness = false` and hands its tests to [`main`]; inside a test every
//! comparison goes through [`compare`] or [`record`], which fail the test where the error is above
//! the tolerance.

use std::collections::BTreeMap;
use std::fmt::{Debug, Write as _};
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use candle_core::Tensor;
pub use glamm_engine::selftest::measure::Tolerance;
pub use libtest_mimic::Failed;
use libtest_mimic::Trial;

use crate::golden::Set;

/// What a parity test returns.
pub type Outcome = Result<(), Failed>;

/// Of every stage of floats but mask logits.
pub const FLOATS: Tolerance = Tolerance::Relative(1e-4);
/// Of mask logits.
pub const MASK_LOGITS: Tolerance = Tolerance::Absolute(1e-3);
/// Of what must be equal.
pub const EXACT: Tolerance = Tolerance::Count(0.0);

#[derive(Debug)]
struct Row {
    tolerance: Tolerance,
    worst: f64,
    at: String,
    comparisons: usize,
}

static ROWS: Mutex<BTreeMap<String, Row>> = Mutex::new(BTreeMap::new());

/// A test by its name.
pub type NamedTest = (&'static str, fn(Set) -> Outcome);

/// Runs the tests of a binary as `cargo test` would, with its filters and flags, each with every
/// set of reference data, then prints the table. A run of all tests that compared nothing at all is a failure.
pub fn main(tests: &[NamedTest]) -> ExitCode {
    let of_set = |set: Set| {
        let trial = move |&(name, test): &NamedTest| {
            Trial::test(format!("{name}{}", set.suffix()), move || test(set))
        };
        tests.iter().map(trial)
    };
    let trials = Set::all().into_iter().flat_map(of_set).collect();
    let arguments = libtest_mimic::Arguments::from_args();
    let ran_all = arguments.filter.is_none() && arguments.skip.is_empty() && !arguments.list;
    let conclusion = libtest_mimic::run(&arguments, trials);
    let rows = ROWS.lock().unwrap_or_else(PoisonError::into_inner);
    let mut out = std::io::stdout();
    if !rows.is_empty() && out.write_all(render(&rows).as_bytes()).is_err() {
        return ExitCode::FAILURE;
    }
    if ran_all && rows.is_empty() {
        let _ = writeln!(std::io::stderr(), "the golden set holds nothing that these tests compare");
        return ExitCode::FAILURE;
    }
    conclusion.exit_code()
}

fn render(rows: &BTreeMap<String, Row>) -> String {
    let width = rows.keys().map(String::len).max().unwrap_or(0).max("stage".len());
    let mut text =
        format!("{:width$}  {:>11}  {:>17}  {:>5}  worst at\n", "stage", "worst error", "allowed", "times");
    for (stage, row) in rows {
        let allowed = row.tolerance.to_string();
        // Some are found in whole texts.
        let at: String = row.at.chars().map(|c| if c.is_control() { ' ' } else { c }).take(40).collect();
        let _ = writeln!(
            text,
            "{stage:width$}  {:>11.2e}  {allowed:>17}  {:>5}  {at}",
            row.worst, row.comparisons
        );
    }
    text.push('\n');
    text
}

/// Notes an error of `stage` found in `at` (an image, a case), and fails where it is too large.
///
/// # Errors
/// The error is above the tolerance, or not a number.
pub fn record(stage: &str, at: &str, error: f64, tolerance: Tolerance) -> Outcome {
    let mut rows = ROWS.lock().unwrap_or_else(PoisonError::into_inner);
    let row = rows.entry(stage.to_owned()).or_insert_with(|| Row {
        tolerance,
        worst: -1.0,
        at: String::new(),
        comparisons: 0,
    });
    row.comparisons += 1;
    if error.is_nan() || error > row.worst {
        (row.worst, row.at) = (error, at.to_owned());
    }
    if tolerance.allows(error) {
        Ok(())
    } else {
        Err(format!("{stage} of {at} is off by {error:e}, more than {tolerance:?}").into())
    }
}

/// Notes whether `got` equals `want`.
///
/// # Errors
/// It does not; both are shown.
pub fn equal<T: PartialEq + Debug>(stage: &str, at: &str, got: &T, want: &T) -> Outcome {
    let differing = f64::from(u8::from(got != want));
    record(stage, at, differing, EXACT)
        .map_err(|_| format!("{stage} of {at} is {got:?}, not {want:?}").into())
}

/// Notes how far `got` is from `want`, both of one shape.
///
/// # Errors
/// The shapes differ, or the error is above the tolerance.
pub fn compare(stage: &str, at: &str, got: &Tensor, want: &Tensor, tolerance: Tolerance) -> Outcome {
    if got.dims() != want.dims() {
        return Err(format!("{stage} of {at} has shape {:?}, not {:?}", got.dims(), want.dims()).into());
    }
    record(stage, at, tolerance.error(got, want)?, tolerance)
}
