//! A download as the window shows it: every event of it changes the picture of it, and nothing else.

use std::time::Duration;

use glamm_engine::hub::{DownloadEvent, Pause, PlannedFile};

/// How far a download is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Transfer {
    /// Its files; empty until the hub has said what there is.
    pub files: Vec<FileTransfer>,
    /// What it does.
    pub status: TransferStatus,
    /// Over the last seconds.
    pub bytes_per_second: Option<f64>,
    /// At this speed.
    pub time_left: Option<Duration>,
}

/// A file of a download.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileTransfer {
    /// Where it comes from: `owner/name`.
    pub repository: String,
    /// Its name there.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// What is here of it.
    pub bytes_here: u64,
}

/// What a download does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum TransferStatus {
    /// The hub is asked what there is.
    #[default]
    Asking,
    /// This file is coming.
    Fetching(usize),
    /// What is here of this file from an earlier time is read again.
    Checking(usize),
    /// The user wanted a pause; it may not have come yet.
    Paused,
    /// Nothing happens for the moment; why.
    Waiting(String),
    /// The user wanted it to end; it is about to.
    Stopping,
}

impl Transfer {
    /// Bytes that are here, of all files.
    pub fn bytes_here(&self) -> u64 {
        self.files.iter().map(|file| file.bytes_here).sum()
    }

    /// Size of all files; 0 while it is not known.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// Takes in what happened. Terminal events are the owner's, who ends this.
    pub fn take(&mut self, event: &DownloadEvent) {
        match event {
            DownloadEvent::Planned(files) => self.files = files.iter().map(FileTransfer::new).collect(),
            DownloadEvent::Started { file } => self.go_on(TransferStatus::Fetching(*file)),
            DownloadEvent::Checking { file } => self.go_on(TransferStatus::Checking(*file)),
            DownloadEvent::Progressed(progress) => {
                if let Some(file) = self.files.get_mut(progress.file) {
                    file.bytes_here = progress.file_bytes;
                }
                self.bytes_per_second = progress.bytes_per_second;
                self.time_left = progress.time_left;
                // While what is here is read again, nothing comes.
                if !matches!(self.status, TransferStatus::Checking(_)) {
                    self.go_on(TransferStatus::Fetching(progress.file));
                }
            }
            DownloadEvent::Waiting(Pause::Paused) => self.hold(TransferStatus::Paused),
            DownloadEvent::Waiting(Pause::Elsewhere { file }) => {
                let name = self.files.get(*file).map_or("the file", |file| &file.name);
                self.hold(TransferStatus::Waiting(format!("another program is fetching {name}")));
            }
            DownloadEvent::Waiting(Pause::Retrying { after, reason }) => {
                let seconds = after.as_secs_f64().ceil();
                self.hold(TransferStatus::Waiting(format!("{reason}; trying again in {seconds:.0} s")));
            }
            DownloadEvent::Fetched { file } => {
                if let Some(file) = self.files.get_mut(*file) {
                    file.bytes_here = file.bytes;
                }
            }
            DownloadEvent::Finished(_) | DownloadEvent::Failed(_) | DownloadEvent::Stopped => {}
        }
    }

    /// What the user wants is not taken back by an event that was on its way.
    fn go_on(&mut self, status: TransferStatus) {
        if !matches!(self.status, TransferStatus::Paused | TransferStatus::Stopping) {
            self.status = status;
        }
    }

    fn hold(&mut self, status: TransferStatus) {
        (self.bytes_per_second, self.time_left) = (None, None);
        self.go_on(status);
    }
}

impl FileTransfer {
    fn new(planned: &PlannedFile) -> Self {
        Self {
            repository: planned.repository.to_string(),
            name: planned.name.to_string(),
            bytes: planned.bytes,
            bytes_here: planned.bytes_here,
        }
    }
}

#[cfg(test)]
mod tests {
    use glamm_engine::hub::{FileName, Progress, RepoId};

    use super::*;

    fn planned() -> DownloadEvent {
        let file = |name: &str, bytes, bytes_here| PlannedFile {
            repository: RepoId::parse("a/b").unwrap(),
            name: FileName::parse(name).unwrap(),
            bytes,
            bytes_here,
        };
        DownloadEvent::Planned(vec![file("config.json", 10, 10), file("w.bin", 90, 20)])
    }

    fn progress(file_bytes: u64) -> DownloadEvent {
        DownloadEvent::Progressed(Progress {
            file: 1,
            file_bytes,
            bytes: 10 + file_bytes,
            total_bytes: 100,
            bytes_per_second: Some(5.0),
            time_left: Some(Duration::from_secs(8)),
        })
    }

    #[test]
    fn bytes_add_up_over_the_files() {
        let mut transfer = Transfer::default();
        assert_eq!((transfer.bytes(), transfer.bytes_here()), (0, 0));
        transfer.take(&planned());
        assert_eq!((transfer.bytes(), transfer.bytes_here()), (100, 30));
        transfer.take(&DownloadEvent::Checking { file: 1 });
        transfer.take(&progress(25));
        assert_eq!(transfer.status, TransferStatus::Checking(1));
        transfer.take(&DownloadEvent::Started { file: 1 });
        transfer.take(&progress(60));
        assert_eq!((transfer.bytes_here(), &transfer.status), (70, &TransferStatus::Fetching(1)));
        transfer.take(&DownloadEvent::Fetched { file: 1 });
        assert_eq!(transfer.bytes_here(), 100);
        transfer.take(&DownloadEvent::Fetched { file: 7 });
    }

    #[test]
    fn a_pause_is_not_taken_back_by_what_was_on_its_way() {
        let mut transfer = Transfer::default();
        transfer.take(&planned());
        transfer.status = TransferStatus::Paused;
        transfer.take(&progress(50));
        assert_eq!((transfer.bytes_here(), &transfer.status), (60, &TransferStatus::Paused));
        transfer.take(&DownloadEvent::Waiting(Pause::Paused));
        assert_eq!((transfer.bytes_per_second, transfer.time_left), (None, None));
        transfer.status = TransferStatus::Asking;
        transfer.take(&DownloadEvent::Waiting(Pause::Retrying {
            after: Duration::from_millis(1500),
            reason: "the hub is away".to_owned(),
        }));
        assert_eq!(
            transfer.status,
            TransferStatus::Waiting("the hub is away; trying again in 2 s".to_owned())
        );
        transfer.take(&DownloadEvent::Started { file: 1 });
        assert_eq!(transfer.status, TransferStatus::Fetching(1));
    }
}
