//! Fetching repositories: what there is, whether it fits, file by file.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crossbeam::channel::{Receiver, Sender, TryRecvError, bounded};

use super::attempts::{Attempts, ask};
use super::cache::{Repository, Snapshot};
use super::client::RemoteFile;
use super::control::DownloadControl;
use super::error::HubError;
use super::name::{FileName, RepoId};
use super::progress::{DownloadEvent, PlannedFile, Tracker};
use super::settings::HubSettings;
use super::store;
use super::transfer::Transfer;

/// Events that may wait for the listener.
const EVENT_CAPACITY: usize = 256;

/// What to fetch.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The repository.
    pub repository: RepoId,
    /// A branch, a tag or a commit.
    pub revision: FileName,
    /// Picks the files that are needed among those that there are.
    pub select: fn(&[FileName]) -> Vec<FileName>,
}

/// A version that is to be here, as the hub describes it.
#[derive(Debug)]
struct Version {
    repository: Repository,
    revision: FileName,
    commit: String,
    files: Vec<RemoteFile>,
}

/// Fetches what is not here yet, and gives the folders of the versions in the order of `wanted`.
/// Events go to `report` from this thread; terminal ones are the caller's.
///
/// # Errors
/// See [`HubError`]. Whatever happens, the cache stays intact, what came of a file is gone on from the
/// next time, and a branch points to a version only when that is here as a whole.
pub fn pull(
    settings: &HubSettings,
    wanted: &[Wanted],
    control: &DownloadControl,
    report: &mut dyn FnMut(DownloadEvent),
) -> Result<Vec<Snapshot>, HubError> {
    if settings.offline {
        let what: Vec<&str> = wanted.iter().map(|wanted| wanted.repository.as_str()).collect();
        return Err(HubError::Offline { what: what.join(" or ") });
    }
    let mut tracker = Tracker::new(report);
    let versions = wanted
        .iter()
        .map(|wanted| describe(settings, wanted, control, &mut tracker))
        .collect::<Result<Vec<_>, _>>()?;
    plan(settings, &versions, &mut tracker)?;
    let mut index = 0;
    for version in &versions {
        for file in &version.files {
            let (repository, commit) = (&version.repository, version.commit.as_str());
            Transfer { settings, control, repository, commit, file, index }.run(&mut tracker)?;
            index += 1;
        }
        store::set_reference(&version.repository, &version.revision, &version.commit)?;
    }
    Ok(versions.iter().map(|version| version.repository.snapshot(&version.commit)).collect())
}

/// Asks the hub what a version consists of.
fn describe(
    settings: &HubSettings,
    wanted: &Wanted,
    control: &DownloadControl,
    tracker: &mut Tracker<'_>,
) -> Result<Version, HubError> {
    let id = &wanted.repository;
    let mut attempts = Attempts::new(settings, control);
    let listing = ask(&mut attempts, tracker, |client| client.list(id, &wanted.revision))?;
    let names = (wanted.select)(&listing.files);
    if names.is_empty() {
        if let Some(name) = listing.unsafe_name {
            return Err(HubError::UnsafeName { repository: id.to_string(), name });
        }
        let reason = "none of its files belongs to a model of this kind".to_owned();
        return Err(HubError::Answer { what: id.to_string(), reason });
    }
    let mut files = Vec::with_capacity(names.len());
    for name in &names {
        let mut attempts = Attempts::new(settings, control);
        files.push(ask(&mut attempts, tracker, |client| client.describe(id, &listing.commit, name))?);
    }
    let repository = settings.cache.repository(id);
    Ok(Version { repository, revision: wanted.revision.clone(), commit: listing.commit, files })
}

/// Tells what is to come, and makes sure that there is room for it.
fn plan(settings: &HubSettings, versions: &[Version], tracker: &mut Tracker<'_>) -> Result<(), HubError> {
    let mut planned = Vec::new();
    for version in versions {
        planned.extend(version.files.iter().map(|file| PlannedFile {
            repository: version.repository.id().clone(),
            name: file.name.clone(),
            bytes: file.size,
            bytes_here: store::bytes_here(&version.repository, &version.commit, file),
        }));
    }
    let needed = planned.iter().map(|file| file.bytes - file.bytes_here).fold(0, u64::saturating_add);
    tracker.plan(planned);
    let directory = settings.cache.root();
    match store::free_space(directory) {
        Some(free) if free < needed => {
            Err(HubError::NoSpace { needed, free, directory: directory.to_owned() })
        }
        _ => Ok(()),
    }
}

/// A download on a thread of its own, for a window. Dropping it stops it, and waits for nothing: the thread
/// ends at its next look at the control, and what it leaves is gone on from whenever that is.
#[derive(Debug)]
pub struct Download {
    control: DownloadControl,
    events: Receiver<DownloadEvent>,
}

impl Download {
    /// Starts the thread `glamm-download`, which does `work` and closes with exactly one of
    /// [`DownloadEvent::Finished`], [`DownloadEvent::Failed`] (also after a panic) and [`DownloadEvent::Stopped`]. `wake` is
    /// called after every event, and must not block. Progress that nobody fetches is left out; the
    /// thread waits with other events until they are fetched.
    ///
    /// # Errors
    /// Where the system has no thread to give.
    pub fn spawn(
        wake: impl Fn() + Send + 'static,
        work: impl FnOnce(&DownloadControl, &mut dyn FnMut(DownloadEvent)) -> Result<Vec<Snapshot>, HubError>
        + Send
        + 'static,
    ) -> std::io::Result<Self> {
        let (sender, events) = bounded(EVENT_CAPACITY);
        let control = DownloadControl::default();
        let inner = control.clone();
        std::thread::Builder::new().name("glamm-download".to_owned()).spawn(move || {
            let mut report = |event| send(&sender, event, &wake);
            let attempt = AssertUnwindSafe(|| work(&inner, &mut report));
            let last = match catch_unwind(attempt).unwrap_or(Err(HubError::BrokeOff)) {
                Ok(snapshots) => {
                    DownloadEvent::Finished(snapshots.into_iter().map(|snapshot| snapshot.path).collect())
                }
                Err(HubError::Cancelled) => DownloadEvent::Stopped,
                Err(error) => DownloadEvent::Failed(Arc::new(error)),
            };
            report(last);
        })?;
        Ok(Self { control, events })
    }

    /// Pauses, resumes and stops it.
    pub fn control(&self) -> &DownloadControl {
        &self.control
    }

    /// The next event.
    ///
    /// # Errors
    /// None is waiting, or it has ended and all are fetched.
    pub fn try_next(&self) -> Result<DownloadEvent, TryRecvError> {
        self.events.try_recv()
    }

    /// Waits for the next event; `None` once it has ended and all are fetched.
    pub fn next(&self) -> Option<DownloadEvent> {
        self.events.recv().ok()
    }
}

fn send(sender: &Sender<DownloadEvent>, event: DownloadEvent, wake: &impl Fn()) {
    // A listener that is gone has stopped the download, too.
    if matches!(event, DownloadEvent::Progressed(_)) {
        let _ = sender.try_send(event);
    } else {
        let _ = sender.send(event);
    }
    wake();
}

impl Drop for Download {
    fn drop(&mut self) {
        self.control.cancel();
    }
}
