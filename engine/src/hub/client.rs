//! Requests to the hub, and what their failures mean.
//!
//! Redirects are followed here and not by the HTTP library, because three rules hang on them: the
//! token goes to the endpoint's own origin only; plain HTTP is followed within this machine only; and
//! the metadata of a file stand in the headers of the hub's redirect, not in those of the storage
//! that it leads to.

use std::io;
use std::time::{Duration, SystemTime};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use ureq::http::{HeaderMap, Method, Request, Response, StatusCode, Uri, header};
use ureq::tls::TlsConfig;
use ureq::{Agent, Body};

use super::checksum::Checksum;
use super::error::HubError;
use super::name::{FileName, RepoId, is_commit};
use super::settings::{HubSettings, Origin};

/// Hops that one request may take.
const MAX_REDIRECTS: usize = 6;
/// A list of files is far smaller.
const MAX_LISTING: u64 = 32 << 20;
/// Characters of a path that stay as they are.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A failed request.
#[derive(Debug)]
pub(super) enum Failure {
    /// It may succeed the next time, at the earliest after `wait`.
    Passing {
        /// What to say if it does not.
        error: HubError,
        /// What the server asked for.
        wait: Option<Duration>,
    },
    /// It would fail again.
    Lasting(HubError),
}

impl Failure {
    fn passing(error: HubError) -> Self {
        Self::Passing { error, wait: None }
    }
}

impl From<HubError> for Failure {
    fn from(error: HubError) -> Self {
        Self::Lasting(error)
    }
}

/// A version of a repository, as the hub lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listing {
    /// The commit.
    pub(super) commit: String,
    /// All files whose names are safe.
    pub(super) files: Vec<FileName>,
    /// One of the names that are not, where there are any: of files that are never fetched.
    pub(super) unsafe_name: Option<String>,
}

/// What the hub says of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RemoteFile {
    /// Its name.
    pub(super) name: FileName,
    /// Its size in bytes.
    pub(super) size: u64,
    /// Of its contents.
    pub(super) checksum: Checksum,
}

/// The hub, seen through one set of connections.
#[derive(Debug)]
pub(super) struct Client<'a> {
    settings: &'a HubSettings,
    agent: Agent,
}

/// New connections as the settings want them.
pub(super) fn agent(settings: &HubSettings) -> Agent {
    let patience = settings.patience;
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_connect(Some(patience.connect))
        .timeout_per_read(Some(patience.quiet))
        .timeout_per_write(Some(patience.quiet))
        .timeout_recv_response(Some(patience.quiet))
        .tls_config(TlsConfig::builder().root_certs(settings.authorities.roots()).build())
        .user_agent(concat!("glamm/", env!("CARGO_PKG_VERSION")))
        // Sizes and checksums are those of files as they are.
        .accept_encoding("identity");
    // A hub on this machine is not behind a proxy.
    let config = if settings.endpoint.origin().is_loopback() { config.proxy(None) } else { config };
    config.build().new_agent()
}

impl<'a> Client<'a> {
    /// Asks through `agent`.
    pub(super) fn new(settings: &'a HubSettings, agent: Agent) -> Self {
        Self { settings, agent }
    }

    /// What `revision` of a repository consists of.
    ///
    /// # Errors
    /// Besides those of the network: an answer that is no listing.
    pub(super) fn list(&self, repository: &RepoId, revision: &FileName) -> Result<Listing, Failure> {
        #[derive(Deserialize)]
        struct Answer {
            sha: String,
            siblings: Vec<Sibling>,
        }
        #[derive(Deserialize)]
        struct Sibling {
            rfilename: String,
        }
        let what = format!("{repository} at {revision}");
        let path =
            format!("/api/models/{repository}/revision/{}", utf8_percent_encode(revision.as_str(), PATH));
        let found = self.send(&Method::GET, &path, None, &what)?;
        found.check_status(&what)?;
        let body = found.response.into_body().into_with_config().limit(MAX_LISTING).read_to_vec();
        let body = body.map_err(|error| self.explain(error, &found.origin, &what))?;
        let refuse = |reason: String| HubError::Answer { what: what.clone(), reason };
        let answer: Answer = serde_json::from_slice(&body).map_err(|error| refuse(error.to_string()))?;
        if !is_commit(&answer.sha) {
            return Err(refuse(format!("{:?} is no commit", answer.sha)).into());
        }
        let (mut files, mut unsafe_name) = (Vec::new(), None);
        for Sibling { rfilename } in answer.siblings {
            match FileName::parse(&rfilename) {
                Some(name) => files.push(name),
                None => unsafe_name = Some(rfilename),
            }
        }
        Ok(Listing { commit: answer.sha, files, unsafe_name })
    }

    /// What the hub says of a file, without fetching it.
    ///
    /// # Errors
    /// Besides those of the network: an answer without size or checksum, or about another commit.
    pub(super) fn describe(
        &self,
        repository: &RepoId,
        commit: &str,
        name: &FileName,
    ) -> Result<RemoteFile, Failure> {
        let what = name.to_string();
        let found = self.send(&Method::HEAD, &file_path(repository, commit, name), None, &what)?;
        found.check_status(&what)?;
        let refuse = |reason: &str| HubError::Answer { what: what.clone(), reason: reason.to_owned() };
        if found.commit.as_deref().is_some_and(|answered| answered != commit) {
            return Err(refuse("it is about another version").into());
        }
        let headers = found.response.headers();
        let own = |header| text(headers, header).map(str::to_owned);
        let etag = found.linked_etag.or_else(|| own("etag")).ok_or_else(|| refuse("it has no checksum"))?;
        // The length of a redirect is that of the redirect.
        let length = || (!found.response.status().is_redirection()).then(|| own("content-length")).flatten();
        let size = found.linked_size.or_else(length).and_then(|size| size.parse().ok());
        Ok(RemoteFile {
            name: name.clone(),
            size: size.ok_or_else(|| refuse("it has no size"))?,
            checksum: Checksum::from_etag(&etag)
                .ok_or_else(|| refuse("its checksum is of an unknown kind"))?,
        })
    }

    /// Begins to fetch a file from byte `offset` on. The answer may also hold all of it.
    ///
    /// # Errors
    /// Those of the network. A status that is neither 200, 206 nor 416 is one.
    pub(super) fn open(
        &self,
        repository: &RepoId,
        commit: &str,
        name: &FileName,
        offset: u64,
    ) -> Result<(Response<Body>, Origin), Failure> {
        let what = name.as_str();
        let range = (offset > 0).then(|| format!("bytes={offset}-"));
        let found = self.send(&Method::GET, &file_path(repository, commit, name), range.as_deref(), what)?;
        if found.response.status() != StatusCode::RANGE_NOT_SATISFIABLE {
            found.check_status(what)?;
        }
        Ok((found.response, found.origin))
    }

    /// Sends a request for `path` of the endpoint, and follows where it leads.
    fn send(&self, method: &Method, path: &str, range: Option<&str>, what: &str) -> Result<Found, Failure> {
        let endpoint = self.settings.endpoint.origin();
        let refuse = |reason: &str| HubError::Answer { what: what.to_owned(), reason: reason.to_owned() };
        let mut address = self.settings.endpoint.address(path);
        let (mut linked_etag, mut linked_size, mut commit) = (None, None, None);
        for _ in 0..=MAX_REDIRECTS {
            let uri: Uri = address.parse().map_err(|_| refuse("it leads to something that is no address"))?;
            let origin =
                Origin::of(&uri).ok_or_else(|| refuse("it leads to something that is no web address"))?;
            if !origin.is_safe_beside(endpoint) {
                let target = format!("{origin}{}", uri.path());
                return Err(HubError::InsecureRedirect { what: what.to_owned(), target }.into());
            }
            let mut request = Request::builder().method(method).uri(uri);
            if let Some(range) = range {
                request = request.header(header::RANGE, range);
            }
            if let Some(token) = self.settings.token.as_ref().filter(|_| origin == *endpoint) {
                request = request.header(header::AUTHORIZATION, token.header());
            }
            let request = request.body(()).map_err(|error| refuse(&error.to_string()))?;
            let response = self.agent.run(request).map_err(|error| self.explain(error, &origin, what))?;
            if origin == *endpoint {
                let note = |seen: Option<String>, name| {
                    seen.or_else(|| text(response.headers(), name).map(str::to_owned))
                };
                linked_etag = note(linked_etag, "x-linked-etag");
                linked_size = note(linked_size, "x-linked-size");
                commit = note(commit, "x-repo-commit");
            }
            let target = text(response.headers(), "location").filter(|_| response.status().is_redirection());
            let next =
                target.map(|target| resolve(&origin, target).ok_or_else(|| refuse("it leads nowhere")));
            let next = next.transpose()?;
            // Of a file that lies elsewhere, the hub itself says all there is to know.
            let leaves = next.as_ref().is_some_and(|(_, target)| target != endpoint);
            match next {
                Some((next, _)) if !(leaves && *method == Method::HEAD) => address = next,
                _ => {
                    return Ok(Found { response, origin, linked_etag, linked_size, commit, is_hub: !leaves });
                }
            }
        }
        Err(refuse("it leads round in circles").into())
    }

    /// What an error of the HTTP library means.
    pub(super) fn explain(&self, error: ureq::Error, origin: &Origin, what: &str) -> Failure {
        use io::ErrorKind as Kind;
        use ureq::{Error, Timeout};
        let (what, host) = (what.to_owned(), origin.host().to_owned());
        match error {
            Error::Timeout(Timeout::Connect | Timeout::Resolve) => {
                let reason = "no answer came in time".to_owned();
                Failure::passing(HubError::Unreachable { host, reason })
            }
            Error::Timeout(_) => {
                Failure::passing(HubError::Stalled { what, quiet: self.settings.patience.quiet })
            }
            Error::Io(error) => {
                // A certificate that is not believed now will not be believed in a minute.
                if let Some(reason) = distrust(&error) {
                    return Failure::Lasting(HubError::Certificate { host, reason });
                }
                let reason = error.to_string();
                let unreached = matches!(
                    error.kind(),
                    Kind::ConnectionRefused
                        | Kind::HostUnreachable
                        | Kind::NetworkUnreachable
                        | Kind::NetworkDown
                        | Kind::AddrNotAvailable
                );
                Failure::passing(if unreached {
                    HubError::Unreachable { host, reason }
                } else {
                    HubError::Interrupted { what, reason }
                })
            }
            Error::HostNotFound => {
                let reason = "its name is unknown".to_owned();
                Failure::passing(HubError::Unreachable { host, reason })
            }
            Error::ConnectionFailed | Error::ConnectProxyFailed(_) => {
                Failure::passing(HubError::Unreachable { host, reason: error.to_string() })
            }
            Error::Tls(_) | Error::Rustls(_) | Error::InvalidProxyUrl => {
                Failure::Lasting(HubError::Unreachable { host, reason: error.to_string() })
            }
            Error::BodyExceedsLimit(_) => {
                Failure::Lasting(HubError::Answer { what, reason: "it is far too long".to_owned() })
            }
            // Also what is cut in the middle of a header comes as this.
            other => Failure::passing(HubError::Interrupted { what, reason: other.to_string() }),
        }
    }
}

/// What is wrong with the certificate of the other side, where that is the reason of an error.
fn distrust(error: &io::Error) -> Option<String> {
    match error.get_ref()?.downcast_ref()? {
        rustls::Error::InvalidCertificate(reason) => Some(reason.to_string()),
        _ => None,
    }
}

/// The answer at the end of all redirects, and what the hub said on the way.
#[derive(Debug)]
struct Found {
    response: Response<Body>,
    origin: Origin,
    linked_etag: Option<String>,
    linked_size: Option<String>,
    commit: Option<String>,
    /// Whether nothing lies between the hub and the answer.
    is_hub: bool,
}

impl Found {
    /// # Errors
    /// The status says that what was asked for does not come.
    fn check_status(&self, what: &str) -> Result<(), Failure> {
        let status = self.response.status();
        if status.is_success() || (status.is_redirection() && !self.is_hub) {
            return Ok(());
        }
        let what = what.to_owned();
        let number = status.as_u16();
        let other = |what| HubError::Status { host: self.origin.host().to_owned(), status: number, what };
        let is_gated = text(self.response.headers(), "x-error-code") == Some("GatedRepo");
        Err(match number {
            401 | 403 if is_gated => HubError::Gated { what }.into(),
            401 => HubError::Unauthorized { what }.into(),
            // The signature of a link to the storage has run out: the next one will be fresh.
            403 if self.linked_etag.is_some() => Failure::passing(other(what)),
            403 => HubError::Forbidden { what }.into(),
            404 | 410 => HubError::NotFound { what }.into(),
            429 => {
                let wait = self.retry_after();
                Failure::Passing { error: HubError::TooManyRequests { what, wait }, wait }
            }
            408 | 500..=599 => Failure::Passing { error: other(what), wait: self.retry_after() },
            _ => other(what).into(),
        })
    }

    /// How long the answer asks to wait before the next request.
    fn retry_after(&self) -> Option<Duration> {
        waiting_time(text(self.response.headers(), "retry-after")?, SystemTime::now())
    }
}

/// Seconds, or a date (RFC 9110, 10.2.3): how long to wait from `now` on.
fn waiting_time(asked: &str, now: SystemTime) -> Option<Duration> {
    let asked = asked.trim();
    if let Ok(seconds) = asked.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(asked).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

fn file_path(repository: &RepoId, commit: &str, name: &FileName) -> String {
    let parts: Vec<String> =
        name.as_str().split('/').map(|part| utf8_percent_encode(part, PATH).to_string()).collect();
    format!("/{repository}/resolve/{commit}/{}", parts.join("/"))
}

/// The address that a `Location` header names, seen from `origin`.
fn resolve(origin: &Origin, location: &str) -> Option<(String, Origin)> {
    let address = match location {
        path if path.starts_with('/') && !path.starts_with("//") => format!("{origin}{path}"),
        absolute => absolute.to_owned(),
    };
    let target = Origin::of(&address.parse().ok()?)?;
    Some((address, target))
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_times_are_seconds_or_dates() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777 - 90);
        let wait = |asked| waiting_time(asked, now).map(|wait| wait.as_secs());
        assert_eq!(wait(" 120 "), Some(120));
        assert_eq!(wait("Sun, 06 Nov 1994 08:49:37 GMT"), Some(90));
        assert_eq!(wait("Sun, 06 Nov 1983 08:49:37 GMT"), Some(0), "it is over");
        assert_eq!(["", "soon", "-1"].map(wait), [None; 3]);
    }

    #[test]
    fn locations_are_read_as_the_hub_writes_them() {
        let origin = Origin::of(&"https://huggingface.co/x".parse().unwrap()).unwrap();
        let resolved = |location| resolve(&origin, location).map(|(address, _)| address);
        assert_eq!(
            resolved("/api/resolve-cache/x?y=%2F").unwrap(),
            "https://huggingface.co/api/resolve-cache/x?y=%2F"
        );
        assert_eq!(resolved("https://cdn.example/a?s=1").unwrap(), "https://cdn.example/a?s=1");
        for nowhere in ["", "//cdn.example/a", "relative", "file:///etc/passwd", "https://u:p@cdn.example/"] {
            assert_eq!(resolved(nowhere), None, "{nowhere:?}");
        }
    }

    #[test]
    fn names_are_written_into_addresses() {
        let (id, name) = (
            RepoId::parse("a/b").unwrap(),
            FileName::parse("c d/e#f%?.bin").unwrap_or_else(|| FileName::parse("c d/e#f%.bin").unwrap()),
        );
        assert_eq!(file_path(&id, "0", &name), "/a/b/resolve/0/c%20d/e%23f%25.bin");
    }
}
