//! The model hub of Hugging Face: its cache on this machine, and downloads into it.
//!
//! ```text
//! name::RepoId ─▶ cache::HubCache ─▶ cache::Repository   what is here, and where
//! ```
//!
//! The cache has the layout of the `huggingface_hub` package, so that what a Python tool fetched is
//! found here and is not fetched again, and the other way round. Called by [`crate::checkpoint`],
//! which looks for CLIP in it, and by [`crate::models`]. Nothing in this module knows GLaMM.

pub mod cache;
pub mod name;

pub use cache::HubCache;
pub use name::RepoId;
