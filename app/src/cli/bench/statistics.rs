//! Medians, and what the system knows of the process.

use std::time::Duration;

use glamm_engine::bench::Lap;

/// The middle value; of an even number, the mean of the two in the middle; `None` of none.
pub(super) fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    Some(if values.len() % 2 == 1 { upper } else { f64::midpoint(values[middle - 1], upper) })
}

/// The median on the clock, in seconds.
pub(super) fn median_wall(laps: &[Lap]) -> Option<f64> {
    median(laps.iter().map(|lap| lap.wall.as_secs_f64()))
}

/// The median on the processor, in seconds; `None` where the system does not tell.
pub(super) fn median_processor(laps: &[Lap]) -> Option<f64> {
    let times: Option<Vec<Duration>> = laps.iter().map(|lap| lap.processor).collect();
    median(times?.iter().map(Duration::as_secs_f64))
}

/// To three places.
pub(super) fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

/// The most memory that the process ever held since the beginning, but for what measuring took.
#[derive(Debug)]
pub(super) struct PeakMemory {
    /// Until the high-water mark was last forgotten.
    before: Option<u64>,
}

impl PeakMemory {
    /// From now on.
    pub(super) fn from_now() -> Self {
        forget_high_water();
        Self { before: None }
    }

    /// Does `work`, all through which `bytes` are held that do not count.
    pub(super) fn leaving_out<T>(&mut self, bytes: u64, work: impl FnOnce() -> T) -> T {
        self.note(0);
        let result = work();
        self.note(bytes);
        result
    }

    /// In bytes; `None` where the system does not tell.
    pub(super) fn bytes(&self) -> Option<u64> {
        self.before.max(high_water())
    }

    /// Remembers the mark without so many bytes, and has it begin anew.
    fn note(&mut self, left_out: u64) {
        self.before = self.before.max(high_water().map(|bytes| bytes.saturating_sub(left_out)));
        forget_high_water();
    }
}

/// Lets the high-water mark begin anew, where the system can.
fn forget_high_water() {
    // Linux has this meaning of 5; elsewhere there is no such file, and no mark is told.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// Linux keeps the high-water mark of a process's memory in `/proc/self/status`, in kibibytes.
fn high_water() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_are_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median([]), None);
    }

    #[test]
    fn a_time_that_one_run_lacks_has_no_median() {
        let lap = |processor| Lap { wall: Duration::from_secs(1), processor };
        let known = lap(Some(Duration::from_secs(2)));
        assert_eq!(median_processor(&[known, known]), Some(2.0));
        assert_eq!(median_processor(&[known, lap(None)]), None);
        assert_eq!(median_wall(&[known, lap(None)]), Some(1.0));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn memory_is_told_on_linux() {
        assert!(PeakMemory { before: None }.bytes().is_some_and(|bytes| bytes > 1_000_000));
    }
}
