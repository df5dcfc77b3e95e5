//! The self-test of the program, on every golden set: the stages that it has are not compared elsewhere
//! but in finer steps.

use glamm_engine::precision::Precision;
use glamm_engine::protocol::DeviceChoice;
use glamm_engine::selftest;
use glamm_tests::golden::Set;
use glamm_tests::table::{Outcome, record};

/// All stages, on the CPU.
pub(crate) fn stages(set: Set) -> Outcome {
    let report = selftest::run(&*set.open()?, DeviceChoice::Cpu, Some(Precision::F32))?;
    for row in &report.rows {
        record(&format!("self-test: {}", row.stage), &row.at, row.error, row.tolerance)?;
    }
    if report.ok() { Ok(()) } else { Err("the self-test compared nothing".into()) }
}
