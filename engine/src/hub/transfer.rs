//! Fetching one file: from where it broke off, until it is whole, and only if it is what it should be.
//!
//! What has come stands in `blobs/<checksum>.incomplete`, always a beginning of the file, so that any
//! end (a broken connection, Ctrl-C, a power cut) can be gone on from. The rest is asked for with
//! `Range` alone: `If-Range` would need the `ETag` of the storage that the hub sends us to, which is
//! another one than the hub's and is not known beforehand. It is not needed either, as the address
//! names a commit and the whole file is held against its checksum before it gets its name.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

use ureq::http::{Response, StatusCode};
use ureq::{Body, BodyReader};

use super::attempts::Attempts;
use super::cache::Repository;
use super::checksum::{Checksum, Hasher};
use super::client::{Client, Failure, RemoteFile};
use super::control::DownloadControl;
use super::error::HubError;
use super::progress::{DownloadEvent, Pause, Tracker};
use super::settings::{HubSettings, Origin};
use super::store;

/// Bytes read at a time.
const CHUNK: usize = 256 << 10;

/// A file to fetch.
#[derive(Debug)]
pub(super) struct Transfer<'a> {
    /// How.
    pub(super) settings: &'a HubSettings,
    /// Who may interrupt it.
    pub(super) control: &'a DownloadControl,
    /// Where from, and where to.
    pub(super) repository: &'a Repository,
    /// Of which version.
    pub(super) commit: &'a str,
    /// Which file.
    pub(super) file: &'a RemoteFile,
    /// Its place in the plan.
    pub(super) index: usize,
}

impl Transfer<'_> {
    /// Fetches the file, unless it is here, and puts it into its snapshot.
    ///
    /// # Errors
    /// See [`HubError`]. The cache stays intact, and keeps what came if it may be right.
    pub(super) fn run(&self, tracker: &mut Tracker<'_>) -> Result<(), HubError> {
        let pointer = self.repository.snapshot(self.commit).file(&self.file.name);
        if store::is_size(&pointer, self.file.size) {
            return Ok(());
        }
        let etag = self.file.checksum.as_str();
        let _lock = store::lock(self.repository, etag, self.control, || {
            tracker.tell(DownloadEvent::Waiting(Pause::Elsewhere { file: self.index }));
        })?;
        // Whoever had the lock may have fetched it.
        if store::has_blob(self.repository, self.file) {
            tracker.advance(self.index, self.file.size, 0);
        } else {
            tracker.tell(DownloadEvent::Started { file: self.index });
            self.fetch(tracker)?;
        }
        tracker.tell(DownloadEvent::Fetched { file: self.index });
        store::link(self.repository, self.commit, self.file)
    }

    fn fetch(&self, tracker: &mut Tracker<'_>) -> Result<(), HubError> {
        let mut partial = Partial::open(self.repository, self.file)?;
        self.read_again(&mut partial, tracker)?;
        let mut is_resumed = partial.length > 0;
        loop {
            tracker.advance(self.index, partial.length, 0);
            self.complete(&mut partial, tracker)?;
            match partial.finish() {
                Err(HubError::Checksum { .. }) if is_resumed => {
                    // What was here from another time may have been wrong from the start.
                    tracing::warn!(file = %self.file.name, "what was here does not fit: fetching it afresh");
                    is_resumed = false;
                    // `finish` has removed it.
                    partial = Partial::open(self.repository, self.file)?;
                    partial.restart()?;
                }
                Err(error) => return Err(error),
                Ok(()) => break,
            }
        }
        let blob = self.repository.blob(self.file.checksum.as_str());
        fs::rename(&partial.path, &blob).map_err(HubError::file("write", blob))
    }

    /// Reads what is here from another time, for the checksum. A pause does not hold it, the end does.
    fn read_again(&self, partial: &mut Partial, tracker: &mut Tracker<'_>) -> Result<(), HubError> {
        if partial.unread > 0 {
            tracker.tell(DownloadEvent::Checking { file: self.index });
        }
        while partial.read_on()? {
            if self.control.is_cancelled() {
                return Err(HubError::Cancelled);
            }
            tracker.advance(self.index, partial.length, 0);
        }
        Ok(())
    }

    /// Fetches what is missing, in as many attempts as it takes.
    fn complete(&self, partial: &mut Partial, tracker: &mut Tracker<'_>) -> Result<(), HubError> {
        let mut attempts = Attempts::new(self.settings, self.control);
        // A server that cannot begin in the middle sends the same bytes again: that is no progress.
        let mut furthest = partial.length;
        while partial.length < self.file.size {
            let client = attempts.client(tracker)?;
            let outcome = self.attempt(&client, partial, &attempts, tracker);
            if partial.length > furthest {
                furthest = partial.length;
                attempts.succeeded();
            }
            match outcome {
                Ok(()) => {}
                Err(Failure::Lasting(error @ HubError::Size { .. })) => {
                    store::remove_file(&partial.path)?;
                    return Err(error);
                }
                Err(failure) => attempts.failed(failure, tracker)?,
            }
        }
        Ok(())
    }

    /// One connection, as far as it goes.
    fn attempt(
        &self,
        client: &Client<'_>,
        partial: &mut Partial,
        attempts: &Attempts<'_>,
        tracker: &mut Tracker<'_>,
    ) -> Result<(), Failure> {
        let (response, origin) =
            client.open(self.repository.id(), self.commit, &self.file.name, partial.length)?;
        self.agree_on_start(&response, partial)?;
        let mut body = response.into_body().into_reader();
        let mut chunk = vec![0; CHUNK];
        while !attempts.is_interrupted() {
            let read = self.read(client, &origin, &mut body, &mut chunk)?;
            if read == 0 {
                break;
            }
            let bytes = chunk.get(..read).unwrap_or_default();
            let length = partial.length + bytes.len() as u64;
            if length > self.file.size {
                return Err(self.wrong_size(length).into());
            }
            partial.append(bytes)?;
            tracker.advance(self.index, length, read as u64);
        }
        if partial.length < self.file.size {
            let reason = "it ended early".to_owned();
            let error = HubError::Interrupted { what: self.file.name.to_string(), reason };
            return Err(Failure::Passing { error, wait: None });
        }
        Ok(())
    }

    fn read(
        &self,
        client: &Client<'_>,
        origin: &Origin,
        body: &mut BodyReader<'_>,
        chunk: &mut [u8],
    ) -> Result<usize, Failure> {
        loop {
            match body.read(chunk) {
                Ok(read) => return Ok(read),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    return Err(client.explain(ureq::Error::from(error), origin, self.file.name.as_str()));
                }
            }
        }
    }

    /// Makes sure that what comes begins where what is here ends.
    fn agree_on_start(&self, response: &Response<Body>, partial: &mut Partial) -> Result<(), Failure> {
        let announced = match response.status() {
            StatusCode::PARTIAL_CONTENT => {
                let header = response.headers().get("content-range").and_then(|value| value.to_str().ok());
                let (start, total) = header.and_then(content_range).unwrap_or_default();
                if start != partial.length {
                    let reason = "it begins at another place than was asked for".to_owned();
                    return Err(HubError::Answer { what: self.file.name.to_string(), reason }.into());
                }
                total
            }
            StatusCode::RANGE_NOT_SATISFIABLE => {
                partial.restart()?;
                let reason = "what is here does not fit".to_owned();
                let error = HubError::Interrupted { what: self.file.name.to_string(), reason };
                return Err(Failure::Passing { error, wait: None });
            }
            _ => {
                partial.restart()?;
                response.body().content_length()
            }
        };
        match announced {
            Some(size) if size != self.file.size => Err(self.wrong_size(size).into()),
            _ => Ok(()),
        }
    }

    fn wrong_size(&self, found: u64) -> HubError {
        HubError::Size { file: self.file.name.to_string(), expected: self.file.size, found }
    }
}

/// First byte and size of the whole file in `bytes 5-9/10`; the size may be unknown (`*`).
fn content_range(header: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = header.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (start, _) = range.split_once('-')?;
    Some((start.trim().parse().ok()?, total.trim().parse().ok()))
}

/// The beginning of a file, with the checksum so far.
#[derive(Debug)]
struct Partial {
    path: PathBuf,
    file: File,
    /// Bytes that the checksum covers.
    length: u64,
    /// Bytes from another time behind them, which are to be read first.
    unread: u64,
    size: u64,
    name: String,
    checksum: Checksum,
    hasher: Hasher,
}

impl Partial {
    /// Opens what is here.
    fn open(repository: &Repository, file: &RemoteFile) -> Result<Self, HubError> {
        let path = repository.incomplete(file.checksum.as_str());
        if let Some(parent) = path.parent() {
            store::make_directory(parent)?;
        }
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        let opened = options.open(&path).map_err(HubError::file("write", &path))?;
        let length = opened.metadata().map_err(HubError::file("read", &path))?.len();
        let mut partial = Self {
            path,
            file: opened,
            length: 0,
            unread: length,
            size: file.size,
            name: file.name.to_string(),
            checksum: file.checksum.clone(),
            hasher: file.checksum.hasher(file.size),
        };
        if length > file.size {
            partial.restart()?;
        }
        Ok(partial)
    }

    /// Reads a stretch of what is here; whether there was any.
    fn read_on(&mut self) -> Result<bool, HubError> {
        let mut chunk = vec![0; CHUNK.min(self.unread as usize)];
        let read = self.file.read(&mut chunk).map_err(HubError::file("read", &self.path))?;
        self.hasher.update(chunk.get(..read).unwrap_or_default());
        self.length += read as u64;
        self.unread = if read == 0 { 0 } else { self.unread.saturating_sub(read as u64) };
        Ok(read > 0)
    }

    /// Begins again.
    fn restart(&mut self) -> Result<(), HubError> {
        if self.length > 0 || self.file.metadata().is_ok_and(|found| found.len() > 0) {
            self.file.set_len(0).map_err(HubError::file("write", &self.path))?;
        }
        self.file.seek(SeekFrom::Start(0)).map_err(HubError::file("write", &self.path))?;
        (self.length, self.unread) = (0, 0);
        self.hasher = self.checksum.hasher(self.size);
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), HubError> {
        self.file.write_all(bytes).map_err(HubError::file("write", &self.path))?;
        self.hasher.update(bytes);
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Makes sure that all is on the disk and right. What is wrong is removed.
    fn finish(&self) -> Result<(), HubError> {
        let found = self.hasher.clone().finish();
        if found == self.checksum.as_str() {
            return self.file.sync_all().map_err(HubError::file("write", &self.path));
        }
        store::remove_file(&self.path)?;
        Err(HubError::Checksum {
            file: self.name.clone(),
            expected: self.checksum.as_str().to_owned(),
            found,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read() {
        assert_eq!(content_range("bytes 5-9/10"), Some((5, Some(10))));
        assert_eq!(content_range("bytes 5-9/*"), Some((5, None)));
        for wrong in ["", "bytes */10", "bytes 5/10", "items 5-9/10", "bytes -9/10"] {
            assert_eq!(content_range(wrong), None, "{wrong}");
        }
    }
}
