//! Self-test: does this build, on this machine's processor, compute what was recorded? Every stage of
//! the model from its recorded input, then the whole way from a picture to masks.
//!
//! Called by `glamm selftest`, for users with a GPU that the authors do not have, and by the parity
//! suites on the CPU. The reference data of the demo model is part of the binary.
//!
//! Limits depend on the number format: those of single precision are the parity suites' own; those of
//! f16 allow four times the error that this format has on the CPU (`cargo test -p glamm-engine selftest
//! -- --nocapture` shows it), and bf16, which has three bits less, eight times as much.

mod blocks;
pub mod golden;
pub mod manifest;
pub mod measure;
mod stages;

use candle_core::{DType, Device};

use crate::device;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::precision::Precision;
use crate::protocol::{DeviceChoice, ModelSpec};
use golden::Golden;
use measure::Tolerance;
use stages::Stages;

/// What is compared, as far as it decides on the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Numbers of the parts that are computed in the number format of most.
    Floats,
    /// Numbers of the parts that are computed in single precision everywhere.
    Single,
    /// Logits of masks, which are in single precision too.
    Logits,
    /// Products with matrices in blocks: inputs are rounded to eight bits.
    Blocks,
    /// The share of tokens that would be others.
    Tokens,
    /// Whether a reply is another.
    Reply,
    /// What masks lack to overlap wholly.
    Masks,
}

/// What came out.
#[derive(Debug, Clone)]
pub struct Report {
    /// The processor, for people.
    pub device: String,
    /// The number format that was computed in: `f32`, `f16` or `bf16`.
    pub format: &'static str,
    /// All stages, in the order in which they were first compared.
    pub rows: Vec<Row>,
    dtype: DType,
}

/// All comparisons of one stage.
#[derive(Debug, Clone)]
pub struct Row {
    /// What was computed.
    pub stage: String,
    /// The largest error.
    pub error: f64,
    /// How large it may be.
    pub tolerance: Tolerance,
    /// The picture or case where it was found.
    pub at: String,
    /// Comparisons.
    pub times: usize,
}

impl Row {
    /// Whether the error is within its limit.
    pub fn ok(&self) -> bool {
        self.tolerance.allows(self.error)
    }
}

impl Report {
    fn new(device: String, dtype: DType) -> Self {
        Self { device, format: dtype.as_str(), rows: Vec::new(), dtype }
    }

    /// Whether every stage is.
    pub fn ok(&self) -> bool {
        !self.rows.is_empty() && self.rows.iter().all(Row::ok)
    }

    fn tolerance(&self, kind: Kind) -> Tolerance {
        match (kind, self.dtype) {
            (Kind::Floats, DType::BF16) => Tolerance::Relative(4e-2),
            (Kind::Floats, DType::F16) => Tolerance::Relative(5e-3),
            (Kind::Floats | Kind::Single, _) => Tolerance::Relative(1e-4),
            (Kind::Logits, _) => Tolerance::Absolute(1e-3),
            (Kind::Blocks, _) => Tolerance::Relative(2e-2),
            (Kind::Tokens | Kind::Reply, DType::F32) => Tolerance::Count(0.0),
            (Kind::Tokens, _) => Tolerance::Count(0.1),
            // One close call makes another reply.
            (Kind::Reply, _) => Tolerance::Count(1.0),
            (Kind::Masks, DType::F32) => Tolerance::Absolute(0.005),
            (Kind::Masks, _) => Tolerance::Absolute(0.05),
        }
    }

    fn note(&mut self, (stage, at): (&str, &str), kind: Kind, error: f64) {
        let tolerance = self.tolerance(kind);
        let known = self.rows.iter_mut().find(|row| row.stage == stage);
        let Some(row) = known else {
            let (stage, at) = (stage.to_owned(), at.to_owned());
            self.rows.push(Row { stage, error, tolerance, at, times: 1 });
            return;
        };
        row.times += 1;
        if error.is_nan() || error > row.error {
            (row.error, row.at) = (error, at.to_owned());
        }
    }
}

/// Runs every recorded case on a processor. `precision` is single or half precision, which decides on
/// the number format on a GPU; anything else leaves that to the processor. The CPU computes in single
/// precision, whatever is asked for. Nothing is kept less precisely than it is computed with: that would be another
/// model than the recorded one.
///
/// # Errors
/// The processor is not there, the data cannot be read, or the tensor library failed: that a result is
/// wrong is no error.
pub fn run(
    golden: &Golden,
    device: DeviceChoice,
    precision: Option<Precision>,
) -> Result<Report, EngineError> {
    let precision = Some(kept_in(&device::open(device)?, precision));
    let spec = ModelSpec { source: golden.source.clone(), device, precision };
    check(golden, &Engine::load(&spec, |_| true)?)
}

/// The precision of the number format to compute in on `device`, where `wanted` is asked for.
fn kept_in(device: &Device, wanted: Option<Precision>) -> Precision {
    match device::compute_dtype(device, wanted) {
        DType::F32 => Precision::F32,
        DType::BF16 => Precision::Bf16,
        _ => Precision::F16,
    }
}

fn check(golden: &Golden, engine: &Engine) -> Result<Report, EngineError> {
    let mut report = Report::new(engine.info().device.clone(), engine.dtype);
    Stages { golden, engine, report: &mut report }.run()?;
    blocks::compare(&engine.device, &mut report)?;
    Ok(report)
}

#[cfg(test)]
mod tests;
