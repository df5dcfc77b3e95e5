//! What this machine can do at best: reading memory in one long stream, multiplying and adding
//! numbers that never leave the registers. The limits that measured times are held against.

use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

/// Many times any cache.
const STREAM_BYTES: usize = 512 << 20;
/// Each measurement is repeated so often, and the best counts: nothing makes a processor faster than
/// it is, much makes it slower.
const REPEATS: usize = 5;
/// How long a measurement of arithmetic takes.
const SPELL: Duration = Duration::from_millis(60);
/// Rounds between looks at the clock.
const ROUNDS: usize = 10_000;
/// Independent sums in single precision: more than any processor has units for, times their latency, and
/// few enough that the compiler keeps them all in registers.
const SUMS: usize = 96;

/// Once for one thread, once for all that the engine uses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// A second, by one thread.
    pub one: f64,
    /// A second, by all together.
    pub all: f64,
}

/// The limits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Machine {
    /// Threads that are meant by "all".
    pub threads: usize,
    /// Bytes read from memory.
    pub read: Rate,
    /// Multiplications and additions in single precision.
    pub floats: Rate,
    /// Multiplications and additions of bytes into sums of 32 bits, by the instruction that is made
    /// for them; `None` where there is none (or none that is known here).
    pub bytes: Option<Rate>,
}

impl Machine {
    /// Measures, in a second or two.
    pub fn measure() -> Self {
        let threads = super::threads();
        let stream = Stream::default();
        let rate = |of: &dyn Fn(usize) -> f64| Rate { one: of(1), all: of(threads) };
        Self {
            threads,
            read: rate(&|threads| stream.best(threads)),
            floats: rate(&|threads| arithmetic(threads, FLOATS)),
            bytes: byte_kernel().map(|kernel| rate(&|threads| arithmetic(threads, kernel))),
        }
    }
}

/// Memory that is read from its beginning to its end, far more than any cache holds.
pub struct Stream(Vec<u64>);

impl Default for Stream {
    fn default() -> Self {
        Self::of(STREAM_BYTES)
    }
}

impl Stream {
    /// What [`Self::default`] takes.
    pub const BYTES: u64 = STREAM_BYTES as u64;

    fn of(bytes: usize) -> Self {
        Self(vec![1; bytes / size_of::<u64>()])
    }

    /// Bytes a second that all threads of the engine read just now, in the middle of several times: what
    /// a measurement right before or behind had at its disposal, on a machine that others use, too.
    pub fn rate_now(&self) -> f64 {
        let mut seconds = [0.0; REPEATS];
        seconds.fill_with(|| self.seconds(super::threads()));
        seconds.sort_by(f64::total_cmp);
        self.bytes() / seconds[REPEATS / 2]
    }

    /// Bytes a second at best.
    fn best(&self, threads: usize) -> f64 {
        self.bytes() / best(|| self.seconds(threads))
    }

    fn seconds(&self, threads: usize) -> f64 {
        let share = self.0.len().div_ceil(threads);
        let begin = Instant::now();
        at_once(self.0.chunks(share).map(|part| move || black_box(sum(part))));
        begin.elapsed().as_secs_f64()
    }

    fn bytes(&self) -> f64 {
        size_of_val(&*self.0) as f64
    }
}

fn sum(words: &[u64]) -> u64 {
    words.iter().fold(0, |sum, &word| sum.wrapping_add(word))
}

/// Arithmetic on registers alone.
#[derive(Clone, Copy)]
struct Kernel {
    /// Multiplications and additions in a round.
    operations: usize,
    /// Does so many rounds.
    run: fn(usize),
}

const FLOATS: Kernel = Kernel { operations: 2 * SUMS, run: float_products };

/// Operations a second.
fn arithmetic(threads: usize, kernel: Kernel) -> f64 {
    let seconds_a_round = best(|| {
        let begin = Instant::now();
        let rounds: usize = at_once((0..threads).map(|_| {
            move || {
                let mut rounds = 0;
                while begin.elapsed() < SPELL {
                    (kernel.run)(ROUNDS);
                    rounds += ROUNDS;
                }
                rounds
            }
        }))
        .into_iter()
        .sum();
        begin.elapsed().as_secs_f64() / rounds.max(1) as f64
    });
    kernel.operations as f64 / seconds_a_round
}

/// The shortest of several times.
fn best(measure: impl Fn() -> f64) -> f64 {
    (0..REPEATS).map(|_| measure()).fold(f64::INFINITY, f64::min)
}

/// Runs all, each on a thread of its own, the last one here.
fn at_once<T: Send, F: FnOnce() -> T + Send>(tasks: impl Iterator<Item = F>) -> Vec<T> {
    let mut tasks: Vec<F> = tasks.collect();
    thread::scope(|scope| {
        let Some(own) = tasks.pop() else { return Vec::new() };
        let named = |task| thread::Builder::new().name("bench".to_owned()).spawn_scoped(scope, task);
        // Where the system gives no thread, there are fewer.
        let others: Vec<_> = tasks.into_iter().filter_map(|task| named(task).ok()).collect();
        let own = own();
        others.into_iter().filter_map(|other| other.join().ok()).chain([own]).collect()
    })
}

/// `sum = sum · a + b` for every sum, which the compiler turns into the widest instructions that the
/// build allows.
fn float_products(rounds: usize) {
    let (a, b) = (black_box(0.999f32), black_box(0.5f32));
    let mut sums = [1f32; SUMS];
    for _ in 0..rounds {
        for sum in &mut sums {
            *sum = multiply_and_add(*sum, a, b);
        }
    }
    black_box(sums);
}

/// In one instruction where the build has it; `mul_add` would else be a call of a function.
fn multiply_and_add(x: f32, a: f32, b: f32) -> f32 {
    if cfg!(any(target_feature = "fma", target_arch = "aarch64")) { x.mul_add(a, b) } else { x * a + b }
}

#[cfg(target_arch = "x86_64")]
fn byte_kernel() -> Option<Kernel> {
    let there = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vnni");
    there.then_some(vnni::KERNEL)
}

#[cfg(not(target_arch = "x86_64"))]
fn byte_kernel() -> Option<Kernel> {
    None
}

#[cfg(target_arch = "x86_64")]
mod vnni {
    #![expect(unsafe_code, reason = "the processor's own instructions")]

    use std::arch::x86_64::{_mm512_dpbusd_epi32, _mm512_set1_epi32};
    use std::hint::black_box;

    use super::Kernel;

    /// Registers of sums, for the same reason as in single precision.
    const REGISTERS: usize = 12;

    /// Four products in each of 16 lanes of every register. Only for processors that have the instruction.
    pub(super) const KERNEL: Kernel = Kernel { operations: 2 * 4 * 16 * REGISTERS, run: products };

    fn products(rounds: usize) {
        // SAFETY: only handed out by `byte_kernel`, which asks the processor.
        unsafe { dot(rounds) }
    }

    #[target_feature(enable = "avx512f,avx512vnni")]
    fn dot(rounds: usize) {
        let (a, b) = (black_box(_mm512_set1_epi32(0x0102_0301)), black_box(_mm512_set1_epi32(0x0301_0201)));
        let mut sums = [_mm512_set1_epi32(0); REGISTERS];
        for _ in 0..rounds {
            for sum in &mut sums {
                *sum = _mm512_dpbusd_epi32(*sum, a, b);
            }
        }
        black_box(sums);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_all_run_and_their_results_come_back() {
        let mut found = at_once((0..3).map(|task| move || task * 10));
        found.sort_unstable();
        assert_eq!(found, [0, 10, 20]);
        assert!(at_once(std::iter::empty::<fn() -> u8>()).is_empty());
    }

    #[test]
    fn rates_are_numbers() {
        let stream = Stream::of(1 << 19);
        assert_eq!(sum(&stream.0), 1 << 16);
        for rate in [stream.best(1), stream.best(3), stream.rate_now(), arithmetic(2, FLOATS)] {
            assert!(rate.is_finite() && rate > 0.0, "{rate}");
        }
    }
}
