//! Frames of a window, timed: by the clock, and by what the processor worked for them.

use std::time::{Duration, Instant};

use crate::stage::Stage;

/// Frames of each measurement.
const FRAMES: usize = 120;

/// Processor time of this thread, as exact as the system's clock tick; `None` where it does not say.
fn processor_time() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

fn report(what: &str, part: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let (middle, high) = (times[times.len() / 2], times[times.len() * 95 / 100]);
    let longest = times[times.len() - 1];
    println!("{what:<28} {part:<9} median {middle:>9.2?}   95 % {high:>9.2?}   longest {longest:>9.2?}");
}

/// Times what the window itself does for a frame (input, state, layout, accessibility, uploads); `before`
/// does something to it first, untimed.
pub(crate) fn window(stage: &mut Stage, what: &str, mut before: impl FnMut(&mut Stage, usize)) {
    let (mut clock, mut work) = (Vec::new(), Duration::ZERO);
    for frame in 0..FRAMES {
        before(stage, frame);
        let (begin, worked) = (Instant::now(), processor_time());
        stage.window.step();
        clock.push(begin.elapsed());
        work += worked.zip(processor_time()).map_or(Duration::ZERO, |(from, to)| to.saturating_sub(from));
    }
    report(what, "window", clock);
    let mean = work / FRAMES as u32;
    println!("{what:<28} {:<9} mean   {mean:>9.2?}", "processor");
}

/// Times a frame with tessellation, the GPU, and reading it back.
pub(crate) fn drawn(stage: &mut Stage, what: &str, mut before: impl FnMut(&mut Stage, usize)) {
    let mut clock = Vec::new();
    for frame in 0..FRAMES / 10 {
        before(stage, frame);
        let begin = Instant::now();
        stage.window.step();
        stage.window.render().unwrap();
        clock.push(begin.elapsed());
    }
    report(what, "drawn", clock);
}
