//! Time on the clock and time on the processor, between two points of a program.
//!
//! Where other programs run too, the clock goes on while this one waits; the processor's time hardly
//! changes. Both together tell how far a measurement can be trusted.

use std::time::{Duration, Instant};

/// How long something took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lap {
    /// On the clock.
    pub wall: Duration,
    /// On all cores together, threads that wait in a loop included; `None` where the system does not
    /// tell.
    pub processor: Option<Duration>,
}

/// Started before what is measured.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch {
    wall: Instant,
    processor: Option<Duration>,
}

impl Stopwatch {
    /// Now.
    pub fn start() -> Self {
        Self { processor: processor_time(), wall: Instant::now() }
    }

    /// Since the start.
    pub fn lap(&self) -> Lap {
        let wall = self.wall.elapsed();
        let processor = processor_time().zip(self.processor).map(|(now, then)| now.saturating_sub(then));
        Lap { wall, processor }
    }
}

/// What this process has used so far.
#[cfg(unix)]
fn processor_time() -> Option<Duration> {
    use rustix::time::{ClockId, clock_gettime};
    Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).ok()
}

#[cfg(not(unix))]
fn processor_time() -> Option<Duration> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn sleep_takes_time_and_no_processor() {
        let watch = Stopwatch::start();
        std::thread::sleep(Duration::from_millis(60));
        let Lap { wall, processor } = watch.lap();
        assert!(wall >= Duration::from_millis(60));
        // Other tests of this process run meanwhile, on their own threads; so only that it is told.
        assert!(processor.is_some());
    }
}
