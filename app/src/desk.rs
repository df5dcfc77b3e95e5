//! A thread that is given jobs.

use std::fmt::Display;
use std::path::Path;
use std::thread::JoinHandle;

use crossbeam::channel::{Sender, TrySendError, bounded};

/// Jobs that may wait.
const CAPACITY: usize = 32;

/// A thread that does what it is given, one job after the other; dropping it waits for the last one.
pub(crate) struct Desk<J> {
    jobs: Option<Sender<J>>,
    thread: Option<JoinHandle<()>>,
}

impl<J: Send + 'static> Desk<J> {
    /// Starts the thread.
    ///
    /// # Errors
    /// Where the system has no thread to give.
    pub(crate) fn start(name: &str, mut work: impl FnMut(J) + Send + 'static) -> std::io::Result<Self> {
        let (jobs, waiting) = bounded(CAPACITY);
        let thread = std::thread::Builder::new().name(name.to_owned());
        let thread = thread.spawn(move || waiting.into_iter().for_each(&mut work))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Gives it a job; comes back where there are too many before it.
    pub(crate) fn send(&self, job: J) -> Option<J> {
        let Some(jobs) = &self.jobs else { return Some(job) };
        match jobs.try_send(job) {
            Ok(()) => None,
            Err(TrySendError::Full(job) | TrySendError::Disconnected(job)) => Some(job),
        }
    }
}

impl<J> Drop for Desk<J> {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // What it could not do it has told itself.
            let _ = thread.join();
        }
    }
}

/// A panic over one file must not take the thread with it.
pub(crate) fn guarded<T, E: Display>(path: &Path, work: impl FnOnce() -> Result<T, E>) -> Result<T, String> {
    let attempt = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
    match attempt {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(_) => Err(format!("{}: the program made a mistake over this file", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_is_done_before_the_end() {
        let done = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let count = std::sync::Arc::clone(&done);
        let desk = Desk::start("test", move |()| {
            std::thread::sleep(std::time::Duration::from_millis(20));
            count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        });
        let desk = desk.unwrap();
        for _ in 0..3 {
            assert!(desk.send(()).is_none());
        }
        drop(desk);
        assert_eq!(done.load(std::sync::atomic::Ordering::SeqCst), 3);
    }
}
