//! Reading the parts of a session: a zip file, a damaged one, or the folder that is kept for recovery.
//!
//! A session may come from a stranger. Names of parts are never paths outside: in a folder they are
//! looked up only if plain. No part is larger than its caller allows, and all parts together are
//! bounded by the size of the file, so that a small file cannot unfold into a large one. A file that
//! has lost its end is looked through from its start.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use flate2::read::DeflateDecoder;

use super::error::StorageError;

/// Parts of a session; more is no session.
const MAX_PARTS: usize = 200_000;
/// `pictures/7/masks` has as many.
const FOLDERS: usize = 4;
/// What a file unfolds to at most, for each of its bytes; logits of masks reach about ten.
const MAX_EXPANSION: u64 = 64;
/// What even the smallest file may unfold to.
const ALWAYS_ALLOWED: u64 = 64 << 20;
/// Pixels of painted masks, for each byte of the file; each lies beside its PNG, which takes more.
const MAX_PAINTED: u64 = 2048;
/// Pixels of painted masks in even the smallest file: a matter of seconds.
const ALWAYS_PAINTED: u64 = 1 << 32;

/// What a session file is read from.
pub(super) trait Bytes: Read + Seek + Send {}
impl<T: Read + Seek + Send> Bytes for T {}

/// Why a part could not be had, for a list of what is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PartError {
    /// There is none of this name.
    Missing,
    /// It is not what it was, or too large, or cannot be read; why.
    Damaged(String),
}

impl std::fmt::Display for PartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing => f.write_str("it is not there"),
            Self::Damaged(reason) => f.write_str(reason),
        }
    }
}

/// Where a part lies in a zip file.
#[derive(Debug, Clone, Copy)]
struct Place {
    start: u64,
    packed: u64,
    size: u64,
    crc: u32,
    deflated: bool,
}

enum Kind {
    Zip { file: Box<dyn Bytes>, places: HashMap<String, Place> },
    Folder(PathBuf),
}

/// The parts of one session.
pub(super) struct Container {
    kind: Kind,
    /// What may still be unfolded, in bytes.
    budget: u64,
    /// Pixels of painted masks that may still be looked through.
    painted: u64,
    /// Whether the directory of the zip file was lost, and parts were looked for.
    pub(super) is_torn: bool,
}

impl Container {
    /// Opens a session file or recovery folder.
    ///
    /// # Errors
    /// [`StorageError::Read`], or [`StorageError::NoSession`] where there is no part in it.
    pub(super) fn open(path: &Path) -> Result<Self, StorageError> {
        if path.is_dir() {
            // It was written by this program, in the user's own data.
            let kind = Kind::Folder(path.to_owned());
            return Ok(Self { kind, budget: u64::MAX, painted: u64::MAX, is_torn: false });
        }
        let file = File::open(path).map_err(StorageError::read(path))?;
        Self::of_zip(Box::new(file), path)
    }

    /// Opens a zip file; `name` is for messages.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub(super) fn of_zip(mut file: Box<dyn Bytes>, name: &Path) -> Result<Self, StorageError> {
        let no_session = |reason: &str| {
            let reason = reason.to_owned();
            StorageError::NoSession { path: name.to_owned(), reason }
        };
        let length = file.seek(SeekFrom::End(0)).map_err(StorageError::read(name))?;
        let mut start = [0; 4];
        file.rewind().and_then(|()| file.read_exact(&mut start)).map_err(|_| no_session("it is empty"))?;
        if &start != b"PK\x03\x04" {
            return Err(no_session("it is no zip file"));
        }
        let listed = listed(&mut file);
        let is_torn = listed.is_none();
        let places = match listed {
            Some(places) => places,
            None => found(&mut file).map_err(StorageError::read(name))?,
        };
        if places.is_empty() {
            return Err(no_session("nothing in it can be read"));
        }
        let budget = length.saturating_mul(MAX_EXPANSION).saturating_add(ALWAYS_ALLOWED);
        let painted = length.saturating_mul(MAX_PAINTED).saturating_add(ALWAYS_PAINTED);
        Ok(Self { kind: Kind::Zip { file, places }, budget, painted, is_torn })
    }

    /// Whether it is a recovery folder.
    pub(super) fn is_folder(&self) -> bool {
        matches!(self.kind, Kind::Folder(_))
    }

    /// Names of all parts whose name ends so.
    pub(super) fn names_ending(&self, ending: &str) -> Vec<String> {
        match &self.kind {
            Kind::Zip { places, .. } => {
                let mut names: Vec<String> = places.keys().filter(|n| n.ends_with(ending)).cloned().collect();
                names.sort();
                names
            }
            Kind::Folder(folder) => {
                let mut names = Vec::new();
                list(folder, "", FOLDERS, &mut names);
                names.retain(|name| name.ends_with(ending));
                names.sort();
                names
            }
        }
    }

    /// The checksum of a part, as a zip file says it.
    pub(super) fn checksum(&self, name: &str) -> Option<u32> {
        match &self.kind {
            Kind::Zip { places, .. } => places.get(name).map(|place| place.crc),
            Kind::Folder(_) => None,
        }
    }

    /// Notes that a part unfolds to so many bytes in memory.
    ///
    /// # Errors
    /// Where that is more than a file of this size may.
    pub(super) fn spend(&mut self, bytes: u64) -> Result<(), String> {
        let left = self.budget.checked_sub(bytes);
        self.budget = left.ok_or_else(|| "the file unfolds to more than its size allows".to_owned())?;
        Ok(())
    }

    /// Notes that so many pixels of painted masks are looked through.
    ///
    /// # Errors
    /// Where that is more than a file of this size may ask for.
    pub(super) fn look_through(&mut self, pixels: u64) -> Result<(), String> {
        let left = self.painted.checked_sub(pixels);
        self.painted =
            left.ok_or_else(|| "the file has more painted masks than its size allows".to_owned())?;
        Ok(())
    }

    /// The bytes of a part, at most `limit` of them.
    ///
    /// # Errors
    /// Why it cannot be had.
    pub(super) fn read(&mut self, name: &str, limit: u64) -> Result<Vec<u8>, PartError> {
        if !is_plain(name) {
            return Err(PartError::Damaged(format!("{name:?} is no name of a part")));
        }
        match &mut self.kind {
            Kind::Folder(folder) => read_file(&folder.join(name), limit),
            Kind::Zip { file, places } => {
                let place = places.get(name).copied().ok_or(PartError::Missing)?;
                if place.size > limit.min(self.budget) {
                    return Err(PartError::Damaged(format!("it claims to have {} bytes", place.size)));
                }
                let bytes = unpack(file, place).map_err(PartError::Damaged)?;
                self.budget -= place.size;
                Ok(bytes)
            }
        }
    }
}

/// Gathers the names of the files in a folder and in those below it, `depth` of them deep. Links are not
/// followed.
fn list(folder: &Path, prefix: &str, depth: usize, names: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let (Ok(kind), Ok(name)) = (entry.file_type(), entry.file_name().into_string()) else { continue };
        let name = format!("{prefix}{name}");
        if kind.is_file() && names.len() < MAX_PARTS {
            names.push(name);
        } else if kind.is_dir() && depth > 1 {
            list(&entry.path(), &format!("{name}/"), depth - 1, names);
        }
    }
}

/// Whether a name leads nowhere but into the session.
fn is_plain(name: &str) -> bool {
    let plain = |part: &str| {
        let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        !part.is_empty() && !part.starts_with('.') && part.chars().all(known)
    };
    name.len() <= 200 && name.split('/').all(plain)
}

fn read_file(path: &Path, limit: u64) -> Result<Vec<u8>, PartError> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => PartError::Missing,
        _ => PartError::Damaged(error.to_string()),
    };
    let file = File::open(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    if size > limit {
        return Err(PartError::Damaged(format!("it has {size} bytes")));
    }
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// The parts by the zip file's own directory, where it has one.
fn listed(file: &mut Box<dyn Bytes>) -> Option<HashMap<String, Place>> {
    let mut archive = zip::ZipArchive::new(file).ok()?;
    if archive.len() > MAX_PARTS {
        return None;
    }
    let mut places = HashMap::new();
    for index in 0..archive.len() {
        let Ok(entry) = archive.by_index_raw(index) else { continue };
        let method = entry.compression();
        let deflated = method == zip::CompressionMethod::DEFLATE;
        if !deflated && method != zip::CompressionMethod::Stored {
            continue;
        }
        let Some(start) = entry.data_start().filter(|_| !entry.encrypted()) else { continue };
        let (packed, size, crc) = (entry.compressed_size(), entry.size(), entry.crc32());
        let Ok(name) = entry.name() else { continue };
        places.insert(name.into_owned(), Place { start, packed, size, crc, deflated });
    }
    Some(places)
}

/// The parts by the headers before them, up to where the file ends or makes no sense.
fn found(file: &mut Box<dyn Bytes>) -> io::Result<HashMap<String, Place>> {
    const HEADER: usize = 30;
    let mut places = HashMap::new();
    let mut at = 0_u64;
    while places.len() < MAX_PARTS {
        file.seek(SeekFrom::Start(at))?;
        let mut header = [0; HEADER];
        if file.read_exact(&mut header).is_err() || !header.starts_with(b"PK\x03\x04") {
            break;
        }
        let short = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
        let long =
            |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let (packed, size) = (u64::from(long(18)), u64::from(long(22)));
        let mut name = vec![0; usize::from(short(26))];
        // Without its length here (bit 3), nobody knows where the part ends.
        if file.read_exact(&mut name).is_err() || short(6) & 0b1001 != 0 || packed >= u64::from(u32::MAX) {
            break;
        }
        let start = at + HEADER as u64 + u64::from(short(26)) + u64::from(short(28));
        if let (Ok(name), method @ (0 | 8)) = (String::from_utf8(name), short(8)) {
            places.insert(name, Place { start, packed, size, crc: long(14), deflated: method == 8 });
        }
        at = start + packed;
    }
    Ok(places)
}

/// The bytes at a place, if they are what was written there.
fn unpack(file: &mut Box<dyn Bytes>, place: Place) -> Result<Vec<u8>, String> {
    file.seek(SeekFrom::Start(place.start)).map_err(|error| error.to_string())?;
    let packed = file.by_ref().take(place.packed);
    let mut bytes = Vec::new();
    let read = if place.deflated {
        DeflateDecoder::new(packed).take(place.size + 1).read_to_end(&mut bytes)
    } else {
        packed.take(place.size + 1).read_to_end(&mut bytes)
    };
    read.map_err(|error| format!("it is damaged ({error})"))?;
    if bytes.len() as u64 != place.size {
        return Err(format!("it ends after {} of {} bytes", bytes.len(), place.size));
    }
    if crc32fast::hash(&bytes) != place.crc {
        return Err("it is not what was written: its checksum is wrong".to_owned());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use super::*;

    /// With compressed parts, as other programs write them.
    fn zip(parts: &[(&str, &[u8])]) -> Vec<u8> {
        let (mut bytes, mut directory) = (Vec::new(), Vec::new());
        for (name, content) in parts {
            let mut packer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
            packer.write_all(content).unwrap();
            let packed = packer.finish().unwrap();
            let mut fields = vec![20, 0, 0, 0, 8, 0, 0, 0, 0, 0];
            for number in [crc32fast::hash(content), packed.len() as u32, content.len() as u32] {
                fields.extend(number.to_le_bytes());
            }
            fields.extend((name.len() as u16).to_le_bytes());
            fields.extend([0, 0]);
            let at = (bytes.len() as u32).to_le_bytes();
            bytes.extend([b"PK\x03\x04", &fields[..], name.as_bytes(), &packed].concat());
            let more = [&[0; 10][..], &at].concat();
            directory.extend([b"PK\x01\x02\x14\0", &fields[..], &more, name.as_bytes()].concat());
        }
        let count = (parts.len() as u16).to_le_bytes();
        let (size, start) = ((directory.len() as u32).to_le_bytes(), (bytes.len() as u32).to_le_bytes());
        bytes.extend(directory);
        bytes.extend([b"PK\x05\x06\0\0\0\0", &count[..], &count, &size, &start, &[0, 0]].concat());
        bytes
    }

    fn open(bytes: Vec<u8>) -> Result<Container, StorageError> {
        Container::of_zip(Box::new(Cursor::new(bytes)), Path::new("x.glamm"))
    }

    #[test]
    fn parts_come_back() {
        let mut container = open(zip(&[("a/b.json", b"one"), ("c", &[7; 9999])])).unwrap();
        assert_eq!(container.read("a/b.json", 100).unwrap(), b"one");
        assert_eq!(container.read("c", 10_000).unwrap(), [7; 9999]);
        assert!(matches!(container.read("c", 9998), Err(PartError::Damaged(_))));
        assert_eq!(container.read("d", 100), Err(PartError::Missing));
        assert_eq!(container.names_ending("b.json"), ["a/b.json"]);
    }

    #[test]
    fn a_file_without_its_end_gives_what_is_before() {
        let whole = zip(&[("a", b"one"), ("b", &[1, 2, 3]), ("c", b"three")]);
        let mut container = open(whole[..whole.len() - 30].to_vec()).unwrap();
        assert!(container.is_torn);
        assert_eq!(container.read("a", 100).unwrap(), b"one");
        assert_eq!(container.read("c", 100).unwrap(), b"three");
        for end in 0..whole.len() {
            if let Ok(mut container) = open(whole[..end].to_vec()) {
                let found = container.read("c", 100);
                assert!(found.is_err() || found == Ok(b"three".to_vec()), "{end}");
            }
        }
    }

    #[test]
    fn every_flipped_byte_is_found_out() {
        let whole = zip(&[("a", b"one one one one"), ("b", &[5; 400])]);
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x10;
            let Ok(mut container) = open(bytes) else { continue };
            for (name, content) in [("a", &b"one one one one"[..]), ("b", &[5; 400])] {
                let found = container.read(name, 1000);
                assert!(found.is_err() || found.as_deref() == Ok(content), "{at}");
            }
        }
    }

    #[test]
    fn small_files_do_not_unfold_into_large_ones() {
        let zeros = vec![0; 48 << 20];
        let bytes = zip(&[("a", &zeros), ("b", &zeros), ("c", &zeros)]);
        assert!(bytes.len() < 1 << 20);
        let mut container = open(bytes).unwrap();
        assert!(container.read("a", u64::MAX).is_ok());
        let found = ["b", "c"].map(|name| container.read(name, u64::MAX).is_ok());
        assert_eq!(found, [true, false], "64 MB and 64 for each byte");
    }

    #[test]
    fn painted_masks_have_a_budget() {
        let mut container = open(zip(&[("a", b"x")])).unwrap();
        assert!(container.look_through(ALWAYS_PAINTED).is_ok());
        let one_picture = 200_000_000;
        assert!(container.look_through(one_picture).is_err());
    }

    #[test]
    fn names_lead_nowhere_else() {
        for bad in
            ["", "/etc/passwd", "../x", "a/../b", "a//b", "a\\b", "C:x", ".hidden", "a/./b", "ä", "a\0"]
        {
            assert!(!is_plain(bad), "{bad:?}");
        }
        assert!(is_plain("pictures/7/masks/12.f16"));
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("x"), b"secret").unwrap();
        std::fs::create_dir_all(folder.path().join("in/a/b")).unwrap();
        std::fs::write(folder.path().join("in/a/b/y"), b"").unwrap();
        let mut container = Container::open(&folder.path().join("in")).unwrap();
        assert!(matches!(container.read("../x", 100), Err(PartError::Damaged(_))));
        assert_eq!(container.read("x", 100), Err(PartError::Missing));
        assert_eq!(container.names_ending("/y"), ["a/b/y"]);
    }

    #[test]
    fn what_is_no_zip_is_said() {
        for bad in [&b""[..], b"PK", b"{}", b"PK\x03\x04", b"\x89PNG\r\n\x1a\n"] {
            assert!(matches!(open(bad.to_vec()), Err(StorageError::NoSession { .. })), "{bad:?}");
        }
    }
}
