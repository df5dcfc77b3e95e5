//! What passes between the window and the model desk.

use std::path::PathBuf;
use std::sync::Arc;

use glamm_engine::hub::DownloadEvent;
use glamm_engine::precision::Precision;
use glamm_engine::protocol::ModelSource;

use super::{Findings, Listing};

/// What the desk is asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelTask {
    /// Look at what there is; models at these places count, too.
    Look(Vec<PathBuf>),
    /// Fetch a model, or go on fetching it.
    Pull(String),
    /// Hold a download.
    Pause(String),
    /// Let it go on.
    Resume(String),
    /// End it; what came is kept.
    Cancel(String),
    /// Take a model off the disk.
    Remove {
        /// Which one, for reports.
        name: String,
        /// Where it is, as the list shows it.
        path: PathBuf,
    },
    /// Look through all files of a model.
    Check(ModelSource),
    /// End that.
    CancelCheck,
    /// Write a model into one file.
    Convert {
        /// Which one, for reports.
        name: String,
        /// Its weights.
        source: ModelSource,
        /// How precisely its matrices are kept.
        precision: Precision,
        /// The file.
        out: PathBuf,
    },
    /// End the conversion; no file is left.
    CancelConversion,
}

/// What the desk reports.
#[derive(Debug, Clone)]
pub enum ModelNews {
    /// What there is.
    Listed(Arc<Listing>),
    /// Something happened in the download of the model `name`.
    Download {
        /// Which model.
        name: String,
        /// What happened.
        event: DownloadEvent,
    },
    /// Something could not even begin.
    Refused {
        /// Which model it was about.
        name: String,
        /// Why, and what to do.
        reason: String,
    },
    /// A model was removed: bytes that are free again, or why not.
    Removed {
        /// Which model.
        name: String,
        /// Bytes that are free again, or why there are none.
        result: Result<u64, String>,
    },
    /// Files are being looked through.
    Checking {
        /// Bytes looked at.
        done_bytes: u64,
        /// Bytes in all.
        total_bytes: u64,
    },
    /// They were looked through: what was found, `None` where that was cancelled, or why it could not be done.
    Checked(Result<Option<Findings>, String>),
    /// The conversion goes on.
    Converting {
        /// Bytes of the model done.
        done_bytes: u64,
        /// Bytes of the model in all.
        total_bytes: u64,
    },
    /// The conversion ended: the size of the file, `None` where it was cancelled, or why it failed.
    Converted(Result<Option<u64>, String>),
}
