//! What the environment says about the hub: its address, the user's token, whether to ask it at all.

use std::fmt;
use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use ureq::http::Uri;
use ureq::http::uri::Scheme;
use ureq::tls::{PemItem, RootCerts, parse_pem};

use super::cache::{Home, HubCache};
use super::error::HubError;

const DEFAULT_ENDPOINT: &str = "https://huggingface.co";

/// How the hub is asked, and where what it gives is kept.
#[derive(Debug, Clone)]
pub struct HubSettings {
    /// Its address.
    pub endpoint: Endpoint,
    /// The cache.
    pub cache: HubCache,
    /// Who is asking.
    pub token: Option<Token>,
    /// Whether it must not be asked.
    pub offline: bool,
    /// What to do when the network fails.
    pub patience: Patience,
    /// Whose certificates are believed.
    pub authorities: Authorities,
}

/// What to do when the network fails.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// How long a connection may take to come about.
    pub connect: Duration,
    /// How long nothing may come before a connection counts as broken.
    pub quiet: Duration,
    /// Failures in a row, without a byte in between, after which to give up.
    pub attempts: u32,
    /// Pause after the first failure; it doubles with each, up to a minute.
    pub first_pause: Duration,
    /// The longest pause that the hub may ask for; where it asks for more, give up.
    pub longest_wait: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(15),
            quiet: Duration::from_secs(30),
            attempts: 6,
            first_pause: Duration::from_secs(1),
            longest_wait: Duration::from_mins(5),
        }
    }
}

impl HubSettings {
    /// Of a hub at `endpoint`, asked by nobody in particular.
    pub fn new(endpoint: Endpoint, cache: HubCache) -> Self {
        let (patience, authorities) = (Patience::default(), Authorities::default());
        Self { endpoint, cache, token: None, offline: false, patience, authorities }
    }

    /// Reads `HF_ENDPOINT`, `HF_HOME`, `HF_HUB_CACHE`, `HF_TOKEN` (or the file with the token),
    /// `HF_HUB_OFFLINE` and `SSL_CERT_FILE` (before its version 1.0: `REQUESTS_CA_BUNDLE`) as the
    /// `huggingface_hub` package does.
    ///
    /// # Errors
    /// No home for the cache; an address, a token or a file of certificates that cannot be used.
    pub fn from_env() -> Result<Self, HubError> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        let home = Home::from_env().ok_or(HubError::NoCache)?;
        let endpoint = variable("HF_ENDPOINT").unwrap_or_else(|| DEFAULT_ENDPOINT.to_owned());
        let from_variable = ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"]
            .into_iter()
            .find_map(|name| Some((variable(name)?, name.to_owned())));
        let from_file = || {
            let text = fs::read_to_string(&home.token).ok().filter(|text| !text.trim().is_empty())?;
            Some((text, home.token.display().to_string()))
        };
        let token = from_variable.or_else(from_file);
        let authorities = ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"]
            .into_iter()
            .find_map(|name| Some((name, variable(name)?)))
            .map(|(name, path)| Authorities::read(name, Path::new(&path)))
            .transpose()?;
        let offline = variable("HF_HUB_OFFLINE").or_else(|| variable("TRANSFORMERS_OFFLINE"));
        Ok(Self {
            token: token
                .map(|(text, place)| Token::parse(&text).ok_or(HubError::Token { place }))
                .transpose()?,
            offline: offline.is_some_and(|value| is_true(&value)),
            authorities: authorities.unwrap_or_default(),
            ..Self::new(Endpoint::parse(&endpoint)?, HubCache::at(home.cache))
        })
    }
}

/// Those whose certificates are believed: by default Mozilla's list, as it was when the program was built.
#[derive(Debug, Clone)]
pub struct Authorities(RootCerts);

impl Default for Authorities {
    fn default() -> Self {
        Self(RootCerts::WebPki)
    }
}

impl Authorities {
    /// Reads a file of certificates in the PEM format (RFC 7468), which `variable` names: those of a
    /// network that opens and signs connections anew. Nobody else is believed then, as in OpenSSL.
    ///
    /// # Errors
    /// [`HubError::Authorities`]: it cannot be read, or holds no certificate.
    pub fn read(variable: &'static str, path: &Path) -> Result<Self, HubError> {
        let refuse = |reason: String| HubError::Authorities { variable, path: path.to_owned(), reason };
        let text = fs::read(path).map_err(|error| refuse(error.to_string()))?;
        let mut certificates = Vec::new();
        for item in parse_pem(&text) {
            if let PemItem::Certificate(certificate) = item.map_err(|error| refuse(error.to_string()))? {
                certificates.push(certificate);
            }
        }
        if certificates.is_empty() {
            return Err(refuse("it holds no certificate".to_owned()));
        }
        Ok(Self(RootCerts::from(certificates)))
    }

    /// As the HTTP library wants them.
    pub(super) fn roots(&self) -> RootCerts {
        self.0.clone()
    }
}

fn is_true(value: &str) -> bool {
    ["1", "on", "yes", "true"].iter().any(|word| value.trim().eq_ignore_ascii_case(word))
}

/// A secret; it is not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Reads a token, blanks around it left out. `None` for text that cannot be one.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic())).then(|| Self(text.to_owned()))
    }

    /// The value of the header that carries it.
    pub(super) fn header(&self) -> String {
        format!("Bearer {}", self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Where the hub is: HTTPS, or plain HTTP on this very machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    origin: Origin,
    /// Path before everything else, without a `/` at its end; mirrors have one.
    prefix: String,
}

impl Endpoint {
    /// Reads an address.
    ///
    /// # Errors
    /// [`HubError::Endpoint`].
    pub fn parse(text: &str) -> Result<Self, HubError> {
        let text = text.trim();
        let refuse = |reason| HubError::Endpoint { endpoint: text.to_owned(), reason };
        let uri: Uri = text.parse().map_err(|_| refuse("it is not an address"))?;
        let origin = Origin::of(&uri).ok_or_else(|| refuse("it is not an address of the web"))?;
        if uri.query().is_some() {
            return Err(refuse("it has a query"));
        }
        if !origin.is_safe_beside(&origin) {
            return Err(refuse("it is not HTTPS, and not on this machine"));
        }
        Ok(Self { prefix: uri.path().trim_end_matches('/').to_owned(), origin })
    }

    /// Scheme, host and port.
    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The address of `path`, which begins with `/`.
    pub(super) fn address(&self, path: &str) -> String {
        format!("{}{}{path}", self.origin, self.prefix)
    }
}

/// Scheme, host and port: what a secret may be told to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    is_https: bool,
    host: String,
    port: u16,
}

impl Origin {
    /// Of an absolute address; `None` for other schemes, and for addresses with a user name.
    pub(super) fn of(uri: &Uri) -> Option<Self> {
        let is_https = match uri.scheme()? {
            scheme if *scheme == Scheme::HTTPS => true,
            scheme if *scheme == Scheme::HTTP => false,
            _ => return None,
        };
        if uri.authority()?.as_str().contains('@') {
            return None;
        }
        let port = uri.port_u16().unwrap_or(if is_https { 443 } else { 80 });
        Some(Self { is_https, host: uri.host()?.to_ascii_lowercase(), port })
    }

    /// The host, for messages.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Whether it is this machine.
    pub(super) fn is_loopback(&self) -> bool {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
    }

    /// Whether a hub at `endpoint` may send us here: always by HTTPS, and by HTTP only within this
    /// machine.
    pub(super) fn is_safe_beside(&self, endpoint: &Self) -> bool {
        self.is_https || (!endpoint.is_https && endpoint.is_loopback() && self.is_loopback())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_https { "https" } else { "http" };
        let usual = if self.is_https { 443 } else { 80 };
        write!(f, "{scheme}://{}", self.host)?;
        if self.port == usual { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_https_or_here() {
        let address = |text: &str| Endpoint::parse(text).map(|endpoint| endpoint.address("/api"));
        assert_eq!(address("https://huggingface.co/").unwrap(), "https://huggingface.co/api");
        assert_eq!(
            address(" https://Mirror.example:8443/hf/ ").unwrap(),
            "https://mirror.example:8443/hf/api"
        );
        assert_eq!(address("http://127.0.0.1:8080").unwrap(), "http://127.0.0.1:8080/api");
        assert_eq!(address("http://[::1]:8080").unwrap(), "http://[::1]:8080/api");
        for wrong in [
            "",
            "huggingface.co",
            "/x",
            "ftp://a.b",
            "http://mirror.example",
            "http://localhost.evil",
            "https://u:p@a.b",
            "https://a.b/?q",
        ] {
            assert!(matches!(address(wrong), Err(HubError::Endpoint { .. })), "{wrong:?}");
        }
    }

    #[test]
    fn only_a_hub_on_this_machine_sends_to_plain_http() {
        let origin = |text: &str| Origin::of(&text.parse().unwrap()).unwrap();
        let (hub, here) = (origin("https://huggingface.co"), origin("http://localhost:1"));
        assert!(origin("https://cdn.example/x?y").is_safe_beside(&hub));
        assert!(!origin("http://cdn.example/x").is_safe_beside(&hub));
        assert!(!origin("http://127.0.0.1:1/x").is_safe_beside(&hub));
        assert!(origin("http://127.0.0.1:2/x").is_safe_beside(&here));
        assert!(!origin("http://cdn.example/x").is_safe_beside(&here));
        assert_eq!(origin("https://A.b/x"), origin("https://a.b:443/y"));
        assert_ne!(origin("https://a.b"), origin("http://a.b"));
    }

    #[test]
    fn a_token_is_never_shown() {
        let token = Token::parse(" hf_secret\n").unwrap();
        assert_eq!(token.header(), "Bearer hf_secret");
        assert!(!format!("{token:?}").contains("secret"));
        assert!(["", " ", "hf x", "hf\nx", "hf\u{e4}"].iter().all(|text| Token::parse(text).is_none()));
        assert!(["1", "TRUE", " on ", "Yes"].iter().all(|text| is_true(text)));
        assert!(["0", "false", "no", "2"].iter().all(|text| !is_true(text)));
    }
}
