//! A look through all files of a model, and what was found in them.

use glamm_engine::checkpoint::check::{Report, Verdict};

use crate::words::counted;

/// A model whose files are being looked through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checking {
    /// Which model.
    pub name: String,
    /// Bytes looked at.
    pub done_bytes: u64,
    /// Bytes in all; 0 while the files are opened.
    pub total_bytes: u64,
}

/// What was found in the files of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Findings {
    /// Tensors that are as they should be.
    pub good: usize,
    /// Tensors and files that are not.
    pub faults: usize,
    /// What is wrong with the first of those.
    pub first: Vec<String>,
}

impl Findings {
    /// Faults that are told one by one.
    const TOLD: usize = 3;

    pub(super) fn new(report: &Report) -> Self {
        let good = report.tensors.iter().filter(|tensor| tensor.verdict == Verdict::Good).count();
        let first = report.faults().take(Self::TOLD).collect();
        Self { good, faults: report.faults().count(), first }
    }

    /// For people.
    pub fn says(&self) -> String {
        let good = counted(self.good, "tensor");
        if self.faults == 0 {
            return format!("The files were checked: {good}, all as they should be.");
        }
        let more = self.faults - self.first.len();
        let more = if more > 0 { format!("; and {more} more") } else { String::new() };
        let faults = counted(self.faults, "fault");
        let are = if self.good == 1 { "is" } else { "are" };
        let first = self.first.join("; ");
        format!("The files were checked: {faults}, beside {good} that {are} good. {first}{more}.")
    }
}
