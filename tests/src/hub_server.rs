//! A hub on this machine, for tests: it speaks as much of the protocol of Hugging Face's as downloads
//! need, with a storage of its own at another port, and breaks down on demand.
//!
//! Large files (those whose name ends in `.bin`, `.safetensors` or `.model`) are answered with a
//! redirect to the storage, whose address is signed; small ones with a redirect within the hub, as the
//! real one does.

#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test may fail this way")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sha1::Sha1;
use sha2::{Digest, Sha256};

/// The commit that every branch is at.
pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// The token that a private hub wants.
pub const TOKEN: &str = "hf_secret";

/// A request, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// What it was for.
    pub stage: Stage,
    /// File or repository.
    pub what: String,
    /// The `Authorization` header.
    pub authorization: Option<String>,
    /// Where the range begins that was asked for.
    pub offset: Option<u64>,
}

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The files of a version.
    List,
    /// `HEAD` of a file.
    Describe,
    /// `GET` of a file at the hub.
    Fetch,
    /// `GET` of a file at the storage, or where the hub keeps small ones.
    Contents,
}

/// What goes wrong.
#[derive(Clone)]
pub enum Fault {
    /// This status, with these headers.
    Status(u16, &'static str),
    /// The connection is closed without a word.
    Hangup,
    /// It is closed in the middle of the headers.
    HalfHeaders,
    /// It is closed after so many bytes of the contents.
    CutAfter(u64),
    /// Nothing more comes after so many bytes of the contents, for a long time.
    StallAfter(u64),
    /// The size is told as this.
    Announce(u64),
    /// So many bytes come besides, and are announced.
    Longer(u64),
    /// The first byte is another one.
    WrongBytes,
    /// All of the file comes, whatever range was asked for; cut after so many bytes.
    WholeFile(u64),
    /// A redirect to there.
    Elsewhere(String),
    /// This text instead of the answer.
    Says(String),
    /// This is called after so many bytes of the contents; then the rest comes.
    Then(u64, Arc<dyn Fn() + Send + Sync>),
}

struct Planned {
    stage: Stage,
    what: String,
    times: usize,
    fault: Fault,
}

#[derive(Default)]
struct State {
    repositories: Mutex<BTreeMap<String, BTreeMap<String, Vec<u8>>>>,
    faults: Mutex<Vec<Planned>>,
    seen: Mutex<Vec<Seen>>,
    storage: Mutex<String>,
    is_private: Mutex<bool>,
}

/// A running hub. Its threads end with the process.
pub struct Hub {
    state: Arc<State>,
    address: String,
}

impl Hub {
    /// Starts one with nothing in it.
    pub fn start() -> Self {
        let state = Arc::new(State::default());
        let storage = listen(&state, Host::Storage);
        *state.storage.lock().unwrap() = storage;
        Self { address: listen(&state, Host::Hub), state }
    }

    /// The same hub and storage behind others: `front` is told an address and says what stands before it.
    #[must_use]
    pub fn behind(mut self, mut front: impl FnMut(&str) -> String) -> Self {
        self.address = front(&self.address);
        let mut storage = self.state.storage.lock().unwrap();
        *storage = front(&storage);
        drop(storage);
        self
    }

    /// For `HF_ENDPOINT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Puts a file into a repository.
    pub fn put(&self, repository: &str, name: &str, contents: impl Into<Vec<u8>>) {
        let mut repositories = self.state.repositories.lock().unwrap();
        repositories.entry(repository.to_owned()).or_default().insert(name.to_owned(), contents.into());
    }

    /// From now on only those with the token are answered.
    pub fn make_private(&self) {
        *self.state.is_private.lock().unwrap() = true;
    }

    /// The next `times` requests of this kind about this file or repository go wrong.
    pub fn plan(&self, stage: Stage, what: &str, times: usize, fault: Fault) {
        self.state.faults.lock().unwrap().push(Planned { stage, what: what.to_owned(), times, fault });
    }

    /// Nothing goes wrong any more.
    pub fn heal(&self) {
        self.state.faults.lock().unwrap().clear();
    }

    /// The requests so far; they are forgotten.
    pub fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.state.seen.lock().unwrap())
    }

    /// Those of a kind, about a file.
    pub fn seen_of(&self, stage: Stage, what: &str) -> Vec<Seen> {
        self.seen().into_iter().filter(|seen| seen.stage == stage && seen.what == what).collect()
    }
}

/// The checksum under which the hub knows a file, which is the name of its blob.
pub fn etag(name: &str, contents: &[u8]) -> String {
    let mut text = String::new();
    let bytes: Vec<u8> = if is_large(name) {
        Sha256::digest(contents).to_vec()
    } else {
        Sha1::new()
            .chain_update(format!("blob {}\0", contents.len()))
            .chain_update(contents)
            .finalize()
            .to_vec()
    };
    for byte in bytes {
        write!(text, "{byte:02x}").unwrap();
    }
    text
}

fn is_large(name: &str) -> bool {
    [".bin", ".safetensors", ".model"].iter().any(|ending| name.ends_with(ending))
}

/// Which of the two is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Host {
    /// The hub, which may be private.
    Hub,
    /// Its storage, which answers whoever has a signed address.
    Storage,
}

fn listen(state: &Arc<State>, host: Host) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let state = Arc::clone(state);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let state = Arc::clone(&state);
            std::thread::spawn(move || while serve(&state, &stream, host).is_some() {});
        }
    });
    address
}

/// A request line with the headers that matter.
struct Request {
    method: String,
    path: String,
    authorization: Option<String>,
    offset: Option<u64>,
}

impl Request {
    fn is_head(&self) -> bool {
        self.method == "HEAD"
    }
}

fn read_request(stream: &TcpStream) -> Option<Request> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next()?.ok()?;
    let mut words = first.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (mut authorization, mut offset) = (None, None);
    loop {
        let line = lines.next()?.ok()?;
        let Some((name, value)) = line.split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "authorization" => authorization = Some(value.to_owned()),
            "range" => offset = value.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok(),
            _ => {}
        }
    }
    Some(Request { method, path, authorization, offset })
}

/// What a request asks for.
struct Asked {
    stage: Stage,
    repository: String,
    /// The file; none where all are to be listed.
    file: String,
    /// Whether the list is to be as the `huggingface_hub` package wants it.
    as_tree: bool,
}

impl Asked {
    /// `None` where there is nothing of the kind.
    fn of(request: &Request) -> Option<Self> {
        let path = request.path.split('?').next()?;
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let (stage, owner, name, file) = match parts.as_slice() {
            ["api", "models", owner, name, "revision" | "tree", _] => {
                (Stage::List, owner, name, [].as_slice())
            }
            ["contents", owner, name, file @ ..] => (Stage::Contents, owner, name, file),
            [owner, name, "resolve", _, file @ ..] => {
                let stage = if request.is_head() { Stage::Describe } else { Stage::Fetch };
                (stage, owner, name, file)
            }
            _ => return None,
        };
        let as_tree = stage == Stage::List && parts.get(4) == Some(&"tree");
        Some(Self { stage, repository: format!("{owner}/{name}"), file: file.join("/"), as_tree })
    }

    /// File or repository.
    fn what(&self) -> &str {
        if self.stage == Stage::List { &self.repository } else { &self.file }
    }
}

/// Answers one request; `None` where the connection is to be closed.
fn serve(state: &State, stream: &TcpStream, host: Host) -> Option<()> {
    let request = read_request(stream)?;
    let Some(asked) = Asked::of(&request) else { return answer(stream, 404, "", b"") };
    // The last step of describing a small file is no fetching of its contents.
    let counts = !(asked.stage == Stage::Contents && request.is_head());
    let fault = counts.then(|| note(state, &request, &asked)).flatten();
    let wanted = format!("Bearer {TOKEN}");
    let is_known = request.authorization.as_deref() == Some(wanted.as_str());
    if host == Host::Hub && !is_known && *state.is_private.lock().unwrap() {
        return answer(stream, 401, "X-Error-Code: RepoNotFound\r\n", b"");
    }
    match &fault {
        Some(Fault::Hangup) => return None,
        Some(Fault::HalfHeaders) => {
            let mut out = stream;
            out.write_all(b"HTTP/1.1 200 OK\r\nContent-Le").ok()?;
            return None;
        }
        Some(Fault::Status(status, headers)) => return answer(stream, *status, headers, b""),
        Some(Fault::Elsewhere(target)) => {
            return answer(stream, 302, &format!("Location: {target}\r\n{}", linked("x", b"")), b"");
        }
        Some(Fault::Says(text)) => return answer(stream, 200, "", text.as_bytes()),
        _ => {}
    }
    let files = state.repositories.lock().unwrap().get(&asked.repository).cloned();
    let Some(files) = files else { return answer(stream, 404, "X-Error-Code: RepoNotFound\r\n", b"") };
    if asked.stage == Stage::List {
        let text = if asked.as_tree { tree(&files) } else { listing(&asked.repository, &files) };
        return answer(stream, 200, "Content-Type: application/json\r\n", text.as_bytes());
    }
    let Some(contents) = files.get(&asked.file) else {
        return answer(stream, 404, "X-Error-Code: EntryNotFound\r\n", b"");
    };
    match asked.stage {
        Stage::Contents => send_contents(stream, &request, &asked.file, contents, fault.as_ref()),
        _ => redirect(state, stream, &asked, contents, fault.as_ref()),
    }
}

/// Notes a request; what goes wrong with it.
fn note(state: &State, request: &Request, asked: &Asked) -> Option<Fault> {
    let (stage, what) = (asked.stage, asked.what().to_owned());
    let (authorization, offset) = (request.authorization.clone(), request.offset);
    state.seen.lock().unwrap().push(Seen { stage, what, authorization, offset });
    next_fault(state, stage, asked.what())
}

/// Says where the contents are: large ones at the storage, small ones elsewhere at the hub.
fn redirect(
    state: &State,
    stream: &TcpStream,
    Asked { repository, file, .. }: &Asked,
    contents: &[u8],
    fault: Option<&Fault>,
) -> Option<()> {
    if !is_large(file) {
        let headers =
            format!("Location: /contents/{repository}/{file}?etag=%22x%22\r\nX-Repo-Commit: {COMMIT}\r\n");
        return answer(stream, 307, &headers, b"redirecting");
    }
    let storage = state.storage.lock().unwrap().clone();
    let location = format!("{storage}/contents/{repository}/{file}?signature=%2Bx");
    let mut headers = format!("Location: {location}\r\n{}", linked(file, contents));
    if let Some(Fault::Announce(size)) = fault {
        let told = format!("X-Linked-Size: {}\r\n", contents.len());
        headers = headers.replace(&told, &format!("X-Linked-Size: {size}\r\n"));
    }
    answer(stream, 302, &headers, b"redirecting")
}

fn next_fault(state: &State, stage: Stage, what: &str) -> Option<Fault> {
    let mut faults = state.faults.lock().unwrap();
    let planned = faults
        .iter_mut()
        .find(|planned| planned.stage == stage && planned.what == what && planned.times > 0)?;
    planned.times -= 1;
    Some(planned.fault.clone())
}

/// What the hub says of a large file beside the redirect.
fn linked(name: &str, contents: &[u8]) -> String {
    format!(
        "X-Repo-Commit: {COMMIT}\r\nX-Linked-Size: {}\r\nX-Linked-Etag: \"{}\"\r\n",
        contents.len(),
        etag(name, contents)
    )
}

fn listing(repository: &str, files: &BTreeMap<String, Vec<u8>>) -> String {
    let siblings: Vec<String> =
        files.keys().map(|name| format!("{{\"rfilename\":{}}}", quoted(name))).collect();
    format!("{{\"id\":\"{repository}\",\"sha\":\"{COMMIT}\",\"siblings\":[{}]}}", siblings.join(","))
}

/// The same as the `huggingface_hub` package asks for it.
fn tree(files: &BTreeMap<String, Vec<u8>>) -> String {
    let entries = files.iter().map(|(name, contents)| {
        let (size, etag) = (contents.len(), etag(name, contents));
        let lfs = if is_large(name) {
            format!(",\"lfs\":{{\"oid\":\"{etag}\",\"size\":{size},\"pointerSize\":130}}")
        } else {
            String::new()
        };
        let oid = &etag[..40];
        format!("{{\"type\":\"file\",\"path\":{},\"size\":{size},\"oid\":\"{oid}\"{lfs}}}", quoted(name))
    });
    format!("[{}]", entries.collect::<Vec<_>>().join(","))
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn answer(mut stream: &TcpStream, status: u16, headers: &str, body: &[u8]) -> Option<()> {
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status} Status\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body).ok()?;
    None
}

fn send_contents(
    mut stream: &TcpStream,
    request: &Request,
    name: &str,
    contents: &[u8],
    fault: Option<&Fault>,
) -> Option<()> {
    let mut bytes = contents.to_vec();
    let total = bytes.len();
    match fault {
        Some(Fault::WrongBytes) => bytes[0] ^= 1,
        Some(Fault::Longer(more)) => bytes.resize(total + *more as usize, b'+'),
        _ => {}
    }
    let offset = match fault {
        Some(Fault::WholeFile(_)) => 0,
        _ => request.offset.unwrap_or(0) as usize,
    };
    if offset >= bytes.len() && offset > 0 {
        return answer(stream, 416, &format!("Content-Range: bytes */{total}\r\n"), b"");
    }
    let body = &bytes[offset..];
    let (status, range) = match offset {
        0 => (200, String::new()),
        _ => (206, format!("Content-Range: bytes {offset}-{}/{}\r\n", bytes.len() - 1, bytes.len())),
    };
    let head = format!(
        "HTTP/1.1 {status} Status\r\n{range}ETag: \"{}\"\r\nX-Repo-Commit: {COMMIT}\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        etag(name, contents),
        body.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    if request.is_head() {
        return None;
    }
    let until = |bytes: u64| body.split_at((bytes as usize).min(body.len()));
    match fault {
        Some(Fault::CutAfter(bytes) | Fault::WholeFile(bytes)) => {
            stream.write_all(until(*bytes).0).ok()?;
        }
        Some(Fault::StallAfter(bytes)) => {
            stream.write_all(until(*bytes).0).ok()?;
            std::thread::sleep(Duration::from_secs(20));
        }
        Some(Fault::Then(bytes, action)) => {
            let (before, after) = until(*bytes);
            stream.write_all(before).ok()?;
            stream.flush().ok()?;
            action();
            stream.write_all(after).ok()?;
        }
        _ => stream.write_all(body).ok()?,
    }
    None
}
