//! Where work on models is done: each kind on a thread of its own, so that no frame waits for a
//! directory, a checksum or the network. The window hands in a [`ModelTask`] and fetches the
//! [`ModelNews`].

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam::channel::{Receiver, Sender, TrySendError, bounded, never};
use glamm_engine::engine::open_checkpoint;
use glamm_engine::error::EngineError;
use glamm_engine::hub::{self, Download, DownloadEvent};
use glamm_engine::models::{self, Machine, Places, Target};
use glamm_engine::precision::Precision;
use glamm_engine::protocol::{CancelToken, ModelSource};
use glamm_engine::size::ByteSize;

use super::{Access, Listing, ModelNews, ModelTask};

/// Looks and removals that may wait.
const CAPACITY: usize = 16;
/// News that may wait; whoever has more waits for the window.
const NEWS: usize = 64;

/// See the module. Dropping it ends downloads and the conversion.
#[derive(Debug)]
pub(crate) struct ModelDesk {
    access: Access,
    wake: Wake,
    requests: Sender<Request>,
    news: Receiver<ModelNews>,
    sender: Sender<ModelNews>,
    downloads: HashMap<String, Download>,
    conversion: Option<Running>,
}

/// A conversion on its thread.
#[derive(Debug)]
struct Running {
    token: CancelToken,
    thread: JoinHandle<()>,
}

/// Tells the window that there is news.
#[derive(Clone)]
struct Wake(Arc<dyn Fn() + Send + Sync>);

impl std::fmt::Debug for Wake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wake")
    }
}

/// What the thread that looks is asked.
#[derive(Debug)]
enum Request {
    Look(Vec<PathBuf>),
    Remove { name: String, path: PathBuf },
}

impl ModelDesk {
    /// Starts the thread that looks; `wake` is called after everything that happened.
    ///
    /// # Errors
    /// Where the system has no thread to give.
    pub(crate) fn start(access: Access, wake: impl Fn() + Send + Sync + 'static) -> std::io::Result<Self> {
        let (requests, waiting) = bounded(CAPACITY);
        let (sender, news) = bounded(NEWS);
        let wake = Wake(Arc::new(wake));
        let (places, out, awake) = (access.places.clone(), sender.clone(), wake.clone());
        std::thread::Builder::new()
            .name("model-desk".to_owned())
            .spawn(move || look_and_remove(&waiting, &places, &out, &awake))?;
        let (downloads, conversion) = (HashMap::new(), None);
        Ok(Self { access, wake, requests, news, sender, downloads, conversion })
    }

    /// Begins a task; the answer is news that is there at once, where it could not begin.
    pub(crate) fn begin(&mut self, task: ModelTask) -> Option<ModelNews> {
        match task {
            ModelTask::Look(others) => {
                // One that waits already sees the same.
                let _ = self.requests.try_send(Request::Look(others));
                None
            }
            ModelTask::Remove { name, path } => {
                match self.requests.try_send(Request::Remove { name, path }) {
                    Ok(()) => None,
                    Err(TrySendError::Full(request) | TrySendError::Disconnected(request)) => {
                        let Request::Remove { name, .. } = request else { return None };
                        let reason = "too much is going on: try again in a moment".to_owned();
                        Some(ModelNews::Removed { name, result: Err(reason) })
                    }
                }
            }
            ModelTask::Pull(name) => self.pull(name),
            ModelTask::Pause(name) => self.with_download(&name, |download| download.control().pause()),
            ModelTask::Resume(name) => self.with_download(&name, |download| download.control().resume()),
            ModelTask::Cancel(name) => self.with_download(&name, |download| download.control().cancel()),
            ModelTask::Convert { name: _, source, precision, bytes, out } => {
                self.convert(source, precision, bytes, out)
            }
            ModelTask::CancelConversion => {
                self.conversion.iter().for_each(|running| running.token.cancel());
                None
            }
        }
    }

    /// The next thing that happened, if one waits.
    pub(crate) fn next(&mut self) -> Option<ModelNews> {
        if let Ok(news) = self.news.try_recv() {
            return Some(news);
        }
        let (name, event) =
            self.downloads.iter().find_map(|(name, download)| Some((name.clone(), download.try_next()?)))?;
        let ended =
            matches!(event, DownloadEvent::Finished(_) | DownloadEvent::Failed(_) | DownloadEvent::Stopped);
        if ended {
            // Its thread is at its end, so that joining it takes no time.
            self.downloads.remove(&name);
        }
        Some(ModelNews::Download { name, event })
    }

    fn with_download(&self, name: &str, change: impl FnOnce(&Download)) -> Option<ModelNews> {
        self.downloads.get(name).map(change);
        None
    }

    fn pull(&mut self, name: String) -> Option<ModelNews> {
        if self.downloads.contains_key(&name) {
            return None;
        }
        let Some(target) = Target::parse(&name, "main") else {
            let reason = "it does not come from the hub".to_owned();
            return Some(ModelNews::Refused { name, reason });
        };
        let (access, wake) = (self.access.clone(), self.wake.clone());
        let started = Download::spawn(
            move || (wake.0)(),
            // The environment and the token's file are read on the download's own thread.
            move |control, report| models::pull(&target, &access.hub()?, control, report),
        );
        match started {
            Ok(download) => {
                self.downloads.insert(name, download);
                None
            }
            Err(error) => Some(ModelNews::Refused { name, reason: error.to_string() }),
        }
    }

    fn convert(
        &mut self,
        source: ModelSource,
        precision: Precision,
        bytes: u64,
        out: PathBuf,
    ) -> Option<ModelNews> {
        let (token, sender, wake) = (CancelToken::default(), self.sender.clone(), self.wake.clone());
        let inner = token.clone();
        let work = move || {
            let mut told = None;
            let mut report = |done_bytes: u64, total_bytes: u64| {
                let permille = done_bytes.saturating_mul(1000) / total_bytes.max(1);
                if told != Some(permille) {
                    told = Some(permille);
                    // Progress that nobody fetches may be left out.
                    let _ = sender.try_send(ModelNews::Converting { done_bytes, total_bytes });
                    (wake.0)();
                }
                !inner.is_cancelled()
            };
            let attempt =
                std::panic::AssertUnwindSafe(|| write_one_file(&source, precision, bytes, &out, &mut report));
            let result = std::panic::catch_unwind(attempt)
                .unwrap_or_else(|_| Err("the conversion broke off; please report this".to_owned()));
            let _ = sender.send(ModelNews::Converted(result));
            (wake.0)();
        };
        let started = std::thread::Builder::new().name("model-conversion".to_owned()).spawn(work);
        match started {
            Ok(thread) => {
                self.conversion = Some(Running { token, thread });
                None
            }
            Err(error) => Some(ModelNews::Converted(Err(error.to_string()))),
        }
    }
}

impl Drop for ModelDesk {
    fn drop(&mut self) {
        // Nobody reads news any more, so that nobody waits for that.
        self.news = never();
        if let Some(Running { token, thread }) = self.conversion.take() {
            token.cancel();
            // It removes what it wrote; after a panic there is nothing more to do.
            let _ = thread.join();
        }
    }
}

fn look_and_remove(waiting: &Receiver<Request>, places: &Places, out: &Sender<ModelNews>, wake: &Wake) {
    while let Ok(request) = waiting.recv() {
        let news = match request {
            Request::Look(others) => ModelNews::Listed(Arc::new(look(places, others))),
            Request::Remove { name, path } => {
                let result = match models::removable_at(&path, places) {
                    Some(found) => found.remove(None).map_err(|error| error.to_string()),
                    None => Err("it is not here any more".to_owned()),
                };
                ModelNews::Removed { name, result: result.map(|freed| freed.bytes) }
            }
        };
        if out.send(news).is_err() {
            return;
        }
        (wake.0)();
    }
}

fn look(places: &Places, others: Vec<PathBuf>) -> Listing {
    let places = Places { others, ..places.clone() };
    let own = places.directory.as_ref().map(|directory| (directory.clone(), hub::free_space(directory)));
    Listing {
        entries: models::list(&places),
        machine: Machine::look(),
        free_disk_bytes: places.cache.as_ref().and_then(|cache| hub::free_space(cache.root())),
        own,
    }
}

/// Writes the model into the file `out`, which must not be there yet; `bytes` is about its size.
/// `None` where `report` ended it.
fn write_one_file(
    source: &ModelSource,
    precision: Precision,
    bytes: u64,
    out: &Path,
    report: &mut dyn FnMut(u64, u64) -> bool,
) -> Result<Option<u64>, String> {
    if out.exists() {
        return Err(format!("{} is there already: remove it first", out.display()));
    }
    if let Some(directory) = out.parent() {
        std::fs::create_dir_all(directory)
            .map_err(|error| format!("cannot make {}: {error}", directory.display()))?;
        if let Some(free) = hub::free_space(directory).filter(|free| *free < bytes) {
            let (needed, free) = (ByteSize(bytes), ByteSize(free));
            let place = directory.display();
            return Err(format!("{needed} are needed in {place}, but only {free} are free: make room"));
        }
    }
    let converted = open_checkpoint(source).and_then(|model| model.convert(precision, out, report));
    match converted {
        Ok(converted) => Ok(Some(converted.bytes)),
        Err(EngineError::Cancelled) => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_that_closes_leaves_no_half_of_a_conversion() {
        let scratch = tempfile::tempdir().unwrap();
        let mut access = Access::from_env();
        access.places = Places::default();
        let mut desk = ModelDesk::start(access, || ()).unwrap();
        let out = scratch.path().join("demo.gguf");
        let task = ModelTask::Convert {
            name: "demo".to_owned(),
            source: ModelSource::Demo,
            precision: Precision::Q4K,
            bytes: 1,
            out: out.clone(),
        };
        assert!(desk.begin(task).is_none());
        let part = scratch.path().join("demo.gguf.part");
        while !part.exists() && !out.exists() {
            std::thread::yield_now();
        }
        drop(desk);
        assert!(!part.exists());
    }
}
