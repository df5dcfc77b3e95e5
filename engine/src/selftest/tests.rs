//! The recorded stages on the CPU, in the number formats that it has; and what the report makes of errors.

#![expect(clippy::print_stdout, reason = "tests; one shows the errors that limits go by")]

use super::*;

fn engine(golden: &Golden, precision: Precision, dtype: DType) -> Engine {
    let source = golden.source.clone();
    let spec = ModelSpec { source, device: DeviceChoice::Cpu, precision: Some(precision) };
    Engine::load_in(&spec, |_, _| dtype, |_| true).unwrap()
}

/// What is not within its limit.
fn faults(report: &Report) -> Vec<String> {
    let bad = report.rows.iter().filter(|row| !row.ok());
    bad.map(|row| format!("{} of {}: {:e}, not {}", row.stage, row.at, row.error, row.tolerance)).collect()
}

/// Also in a format that only a GPU computes in: no stage meets a tensor of another. (Not in bf16, in
/// which the CPU has no convolution.)
#[test]
fn recorded_stages_agree_in_single_and_half_precision() {
    let golden = Golden::embedded().unwrap();
    for dtype in [DType::F32, DType::F16] {
        let report = check(&golden, &engine(&golden, Precision::F32, dtype)).unwrap();
        for row in &report.rows {
            println!("{} {:40} {:9.1e} {}", report.format, row.stage, row.error, row.tolerance);
        }
        assert_eq!(report.format, dtype.as_str());
        assert_eq!(faults(&report), Vec::<String>::new(), "{dtype:?}");
        assert!(report.rows.len() > 20, "{:?}", report.rows);
    }
}

#[test]
fn the_cpu_is_judged_in_single_precision_whatever_is_asked_for() {
    for wanted in Precision::ALL.map(Some).into_iter().chain([None]) {
        assert_eq!(kept_in(&Device::Cpu, wanted), Precision::F32);
    }
    let golden = Golden::embedded().unwrap();
    let report = run(&golden, DeviceChoice::Cpu, Some(Precision::Bf16)).unwrap();
    assert_eq!((report.format, faults(&report)), ("f32", Vec::new()));
}

#[test]
fn a_processor_that_computes_something_else_is_found_out() {
    let golden = Golden::embedded().unwrap();
    let report = check(&golden, &engine(&golden, Precision::Q4K, DType::F32)).unwrap();
    assert!(!report.ok());
    // What is in blocks is off; what is in floating point as in the recorded model is not.
    let ok = |stage: &str| report.rows.iter().find(|row| row.stage == stage).map(Row::ok);
    assert_eq!(ok("language model, hidden states"), Some(false));
    assert_eq!(ok("pixel decoder, mask logits"), Some(true));
}

#[test]
fn nothing_compared_is_not_ok() {
    assert!(!Report::new("CPU".to_owned(), DType::F32).ok());
}

#[test]
fn the_worst_of_a_stage_is_kept() {
    let mut report = Report::new(crate::device::name(&Device::Cpu), DType::F32);
    for (at, error) in [("one", 0.1), ("two", f64::NAN), ("three", 0.2)] {
        report.note(("stage", at), Kind::Floats, error);
    }
    assert_eq!((report.rows.len(), report.rows[0].times), (1, 3));
    assert!(!report.ok(), "not a number is never ok");
}
