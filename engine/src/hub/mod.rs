//! The model hub of Hugging Face: its cache on this machine, and downloads into it.
//!
//! ```text
//!  settings   what the environment says                    cache, name, checksum
//!     │                                                     what is here, and where
//!     ▼                                                          ▲
//!  download ─▶ attempts ─▶ client ─▶ HTTPS                       │
//!  the plan    once more?  one request                           │
//!     └──────▶ transfer ── one file ──▶ store ── locks, blobs, links
//! ```
//!
//! The cache has the layout of the `huggingface_hub` package, so that what a Python tool fetched is
//! found here and is not fetched again, and the other way round. Called by [`crate::checkpoint`],
//! which looks for CLIP in it, and by [`crate::models`]. Nothing in this module knows GLaMM.
//!
//! This is a layer of our own over `ureq`, because neither release of `hf-hub` does what is needed:
//! 0.5 checks no checksum and has no way to stop or to pause, 1.0 brings an asynchronous runtime and
//! a second TLS library and resumes nothing outside its own storage protocol. `ureq` has a time limit for each read
//! and can shut its connections down from another thread; the rest is the protocol, which is small:
//! `GET /api/models/ID/revision/REV` lists the files of a version, `HEAD /ID/resolve/COMMIT/FILE`
//! tells size and checksum, `GET` of the same address leads to the contents.
//!
//! What always holds: nothing gets its name in the cache before it is whole and has the checksum that
//! the hub states; no name from outside leads out of the cache; the token goes to the endpoint alone.

mod attempts;
pub mod cache;
mod checksum;
mod client;
mod control;
mod download;
pub mod error;
pub mod name;
mod progress;
pub mod settings;
mod store;
mod transfer;

pub use cache::{HubCache, Snapshot};
pub(crate) use checksum::hex;
pub use control::DownloadControl;
pub use download::{Download, Wanted, pull};
pub use error::HubError;
pub use name::{FileName, RepoId};
pub use progress::{DownloadEvent, Pause, PlannedFile, Progress};
pub use settings::HubSettings;
pub use store::{Freed, free_space, remove};
