//! Why something could not be fetched, kept or removed: what happened, to which file, what to do.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::size::ByteSize;

/// A failure of the hub, of the way to it, or of the cache. `Display` is one line.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// The environment names no home.
    #[error("there is no place for the cache of Hugging Face: set HF_HOME to a directory")]
    NoCache,
    /// `HF_ENDPOINT` cannot be used.
    #[error(
        "HF_ENDPOINT is {endpoint}, which cannot be used ({reason}): set it to an address like https://huggingface.co"
    )]
    Endpoint {
        /// What it says.
        endpoint: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The token is no token.
    #[error("the token in {place} has characters that no token has: write it again, alone in its line")]
    Token {
        /// The variable or the file.
        place: String,
    },
    /// The certificates that the environment names cannot be used.
    #[error("{variable} names {path}, which cannot be used ({reason}): correct it, or unset it", path = path.display())]
    Authorities {
        /// The variable.
        variable: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Who answers cannot prove to be the one that was asked.
    #[error(
        "{host} showed a certificate that is not believed ({reason}): check the clock; where your network signs connections anew, set SSL_CERT_FILE to a file of its certificates"
    )]
    Certificate {
        /// Which host.
        host: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The environment forbids what was asked for.
    #[error(
        "{what} is not on this machine, and HF_HUB_OFFLINE forbids fetching it: unset HF_HUB_OFFLINE, or copy it here"
    )]
    Offline {
        /// The repository.
        what: String,
    },
    /// No connection came about.
    #[error("{host} cannot be reached ({reason}): check the network, then run it again")]
    Unreachable {
        /// Which host.
        host: String,
        /// What the system said.
        reason: String,
    },
    /// A connection broke again and again.
    #[error(
        "the connection broke while {what} was fetched ({reason}): what is here is kept, run it again to go on"
    )]
    Interrupted {
        /// The file or the list of files.
        what: String,
        /// What the system said.
        reason: String,
    },
    /// Nothing came for too long, again and again.
    #[error(
        "nothing came for {} while {what} was fetched: what is here is kept, run it again to go on",
        seconds(*.quiet)
    )]
    Stalled {
        /// The file or the list of files.
        what: String,
        /// How long.
        quiet: Duration,
    },
    /// 401.
    #[error(
        "the hub does not show {what} to you (401): it does not exist, or it is private; in the second case set HF_TOKEN to a token that may read it"
    )]
    Unauthorized {
        /// The repository or the file.
        what: String,
    },
    /// 401 or 403 of a model whose terms must be accepted.
    #[error(
        "{what} is given to those who accept its terms: accept them on the page of the model, and set HF_TOKEN to a token of that account"
    )]
    Gated {
        /// The repository or the file.
        what: String,
    },
    /// 403.
    #[error(
        "the hub forbids {what} (403): accept its terms on the page of the model, and set HF_TOKEN to a token that may read it"
    )]
    Forbidden {
        /// The repository or the file.
        what: String,
    },
    /// 404.
    #[error("the hub has no {what} (404): check the name and the revision")]
    NotFound {
        /// The repository or the file.
        what: String,
    },
    /// 429, again and again or for very long.
    #[error(
        "the hub wants fewer requests (429): wait {} before {what} is fetched again; what is here is kept",
        .wait.map_or_else(|| "a while".to_owned(), seconds)
    )]
    TooManyRequests {
        /// The repository or the file.
        what: String,
        /// How long, where it says.
        wait: Option<Duration>,
    },
    /// Another status.
    #[error("{host} answered {status} when {what} was asked for: try again later; what is here is kept")]
    Status {
        /// Which host.
        host: String,
        /// Its answer.
        status: u16,
        /// The repository or the file.
        what: String,
    },
    /// The hub said something that makes no sense.
    #[error(
        "the hub's answer about {what} cannot be used: {reason}; if HF_ENDPOINT names a mirror, try without it"
    )]
    Answer {
        /// The repository or the file.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file would be written elsewhere.
    #[error("{repository} has a file called {name:?}, which is not a safe name: nothing was fetched")]
    UnsafeName {
        /// The repository.
        repository: String,
        /// The name.
        name: String,
    },
    /// The hub sent us where no secrets are kept.
    #[error("{what} was to be fetched from {target}, which is not an HTTPS address: it was not")]
    InsecureRedirect {
        /// The file.
        what: String,
        /// Where to, without the query, which may hold a signature.
        target: String,
    },
    /// The file does not have the size that the hub says.
    #[error(
        "{file} should have {expected} bytes, but {found} came: the damaged part was removed, run it again"
    )]
    Size {
        /// The file.
        file: String,
        /// What the hub said.
        expected: u64,
        /// What came, or what was announced.
        found: u64,
    },
    /// The file does not have the checksum that the hub says.
    #[error(
        "{file} came damaged (its checksum is {found} instead of {expected}): it was removed, run it again"
    )]
    Checksum {
        /// The file.
        file: String,
        /// What the hub said.
        expected: String,
        /// What came.
        found: String,
    },
    /// Not enough room to begin.
    #[error(
        "{} are needed in {}, but only {} are free: make room, or set HF_HOME to another disk",
        ByteSize(*needed), directory.display(), ByteSize(*free)
    )]
    NoSpace {
        /// What is still to be fetched.
        needed: u64,
        /// What the disk has.
        free: u64,
        /// Where.
        directory: PathBuf,
    },
    /// The disk ran full on the way.
    #[error(
        "the disk is full: {} could not be written ({source}); what is here is kept, make room and run it again",
        path.display()
    )]
    DiskFull {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file of the cache could not be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    File {
        /// `read`, `write`, `remove` …
        action: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file that is to be removed is being fetched.
    #[error("{repository} is being fetched by another program: wait for it, or end it first")]
    Busy {
        /// The repository.
        repository: String,
    },
    /// There is nothing to remove.
    #[error("nothing of {what} is on this machine")]
    NotHere {
        /// The repository or the version.
        what: String,
    },
    /// A part of this program panicked.
    #[error("the download broke off; what is here is kept: run it again, and please report this")]
    BrokeOff,
    /// The user stopped it.
    #[error("stopped; what is here is kept, run it again to go on")]
    Cancelled,
}

impl HubError {
    /// For `map_err` on what does `action` to `path`. A full disk is told from other troubles.
    pub(crate) fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { path, source },
            _ => Self::File { action, path, source },
        }
    }
}

/// For people.
fn seconds(time: Duration) -> String {
    match time.as_secs_f64() {
        few if few < 1.5 => format!("{few:.1} seconds"),
        more => format!("{more:.0} seconds"),
    }
}
