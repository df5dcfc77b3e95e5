//! Work divided among the threads that the tensor library keeps for computing.

use std::any::Any;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Mutex, PoisonError};

use candle_core::utils::barrier_pool;

/// How many threads those are, with the one that divides.
pub(super) fn count() -> usize {
    barrier_pool().n_workers() + 1
}

/// Does `work` for all of `0..items`, in stretches, on all threads; returns when all is done.
///
/// # Panics
/// Where `work` does, when all threads are through. The pool itself would be unusable ever after if it saw
/// the panic: it lets go of a lock while unwinding.
pub(super) fn divide(items: usize, work: impl Fn(Range<usize>) + Sync) {
    let panic: Mutex<Option<Box<dyn Any + Send>>> = Mutex::new(None);
    barrier_pool().execute_chunked(items, |range| {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| work(range)))
            && let Ok(mut panic) = panic.lock()
        {
            panic.get_or_insert(payload);
        }
    });
    if let Ok(Some(payload)) = panic.into_inner() {
        resume_unwind(payload);
    }
}

/// Does `work` for all chunks of `length` values, of which the last may have fewer, with the number of each, on
/// all threads; returns when all is done.
///
/// # Panics
/// As [`divide`], and where `length` is 0.
pub(super) fn each_chunk_mut<T: Send>(
    values: &mut [T],
    length: usize,
    work: impl Fn(usize, &mut [T]) + Sync,
) {
    let chunks: Vec<_> = values.chunks_mut(length).map(Mutex::new).collect();
    divide(chunks.len(), |range| {
        for index in range {
            // Nobody else asks for it: each is worked on once.
            work(index, &mut chunks[index].lock().unwrap_or_else(PoisonError::into_inner));
        }
    });
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn a_panic_is_passed_on_and_the_threads_work_on() {
        let broken = catch_unwind(|| divide(1000, |range| assert!(!range.contains(&777), "at 777")));
        let Err(payload) = broken else { panic!("it went unnoticed") };
        assert_eq!(payload.downcast_ref::<&str>(), Some(&"at 777"));
        let done = AtomicUsize::new(0);
        divide(1000, |range| {
            done.fetch_add(range.len(), Ordering::Relaxed);
        });
        assert_eq!(done.into_inner(), 1000);
    }

    #[test]
    fn every_chunk_is_worked_on_once() {
        let mut values = vec![1; 1003];
        each_chunk_mut(&mut values, 10, |index, chunk| {
            assert_eq!(chunk.len(), if index == 100 { 3 } else { 10 });
            for value in chunk {
                *value += index;
            }
        });
        assert!(values.iter().enumerate().all(|(place, &value)| value == 1 + place / 10));
        each_chunk_mut(&mut [0; 0], 10, |_, _| panic!("there is none"));
    }
}
