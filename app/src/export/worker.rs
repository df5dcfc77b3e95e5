//! The thread that writes for other programs and reads what they wrote. Saving waits for none of it.

use std::path::PathBuf;

use glamm_engine::protocol::CancelToken;

use super::{ExportRequest, Exported, import, in_the_way, run};
use crate::desk::{Desk, guarded};
use crate::document::{Document, Edit};
use crate::storage::{IfThere, Snapshot};

/// Something to write for other programs, or to read of them.
#[derive(Debug)]
pub enum ExchangeJob {
    /// Write files for other programs.
    Export {
        /// What.
        snapshot: Box<Snapshot>,
        /// How and where.
        request: ExportRequest,
        /// Whether other files may lie there.
        if_there: IfThere,
        /// Ends it early.
        stop: CancelToken,
    },
    /// Read boxes and masks of another program.
    Import {
        /// The file.
        path: PathBuf,
        /// The open pictures.
        document: Document,
    },
}

/// What came of it.
#[derive(Debug)]
pub enum ExchangeEvent {
    /// An export goes on.
    Progressed {
        /// Pictures written.
        done: usize,
        /// Pictures in all.
        total: usize,
    },
    /// Nothing was exported: other files lie there.
    InTheWay(ExportInTheWay),
    /// Files were written, or not.
    Exported {
        /// The folder.
        folder: PathBuf,
        /// What was written, or why not all.
        result: Result<Exported, String>,
    },
    /// Boxes and masks were read, or not.
    Imported {
        /// The file.
        path: PathBuf,
        /// What is in it, or why nothing.
        result: Result<ImportedEdits, String>,
    },
    /// A job was not taken: there are too many.
    Refused(Box<ExchangeJob>),
}

/// An export that would replace files.
#[derive(Debug)]
pub struct ExportInTheWay {
    /// What is to be exported.
    pub snapshot: Box<Snapshot>,
    /// How and where.
    pub request: ExportRequest,
    /// What lies there.
    pub files: Vec<PathBuf>,
}

/// What a file of another program brings into the document.
#[derive(Debug, Default, PartialEq)]
pub struct ImportedEdits {
    /// One [`Edit::Import`] for each picture that the file knows; the masks in it have no names yet.
    pub edits: Vec<Edit>,
    /// What was left out, for people.
    pub problems: Vec<String>,
}

/// The window's end of the thread. Dropping it waits until what is being written is written.
pub(crate) struct ExchangeDesk {
    desk: Desk<ExchangeJob>,
}

impl ExchangeDesk {
    /// Starts the thread. `report` is called with what came of each job.
    ///
    /// # Errors
    /// Where the system has no thread to give.
    pub(crate) fn start(report: impl Fn(ExchangeEvent) + Send + 'static) -> std::io::Result<Self> {
        let desk = Desk::start("export", move |job| report(carry_out(job, &report)))?;
        Ok(Self { desk })
    }

    /// Gives the thread a job; [`ExchangeEvent::Refused`] where it has too many.
    pub(crate) fn send(&self, job: ExchangeJob) -> Option<ExchangeEvent> {
        self.desk.send(job).map(|job| ExchangeEvent::Refused(Box::new(job)))
    }
}

fn carry_out(job: ExchangeJob, report: &impl Fn(ExchangeEvent)) -> ExchangeEvent {
    match job {
        ExchangeJob::Export { snapshot, request, if_there, stop } => {
            if if_there != IfThere::Replace {
                let files = in_the_way(&snapshot.document, &request);
                if !files.is_empty() {
                    return ExchangeEvent::InTheWay(ExportInTheWay { snapshot, request, files });
                }
            }
            let mut progress = |done, total| {
                report(ExchangeEvent::Progressed { done, total });
                !stop.is_cancelled()
            };
            let result = guarded(&request.out, || run(&snapshot, &request, &mut progress));
            ExchangeEvent::Exported { folder: request.out, result }
        }
        ExchangeJob::Import { path, document } => {
            let result = guarded(&path, || {
                let imported = import::read(&path, &document);
                imported.map(|found| ImportedEdits { edits: import::edits(&found), problems: found.problems })
            });
            ExchangeEvent::Imported { path, result }
        }
    }
}
