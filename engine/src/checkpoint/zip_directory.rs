//! The directory of a zip archive, read as strictly as `torch.save` writes it. Called by
//! [`super::torch_file`].
//!
//! Archives come from strangers, and nothing in one is ever unpacked. Entries are stored, not
//! compressed; none has the name of another, leaves the archive's own folder or shares bytes with
//! another; every one lies before the directory. Memory and time are bounded by
//! [`MAX_DIRECTORY_BYTES`], whatever the archive says of itself.
//!
//! Format: APPNOTE.TXT of PKWARE, sections 4.3 and 4.5.3.

use std::collections::HashSet;
use std::ops::Range;

use super::source::{Contents, Window};

/// Start of an entry.
pub(super) const LOCAL_HEADER: &[u8; 4] = b"PK\x03\x04";
/// Length of an entry's header without name and extra fields.
const LOCAL_HEADER_LENGTH: usize = 30;
/// Start of an entry of the directory, and its length without name, extra fields and comment.
const CENTRAL_HEADER: &[u8; 4] = b"PK\x01\x02";
const CENTRAL_HEADER_LENGTH: usize = 46;
/// Start of the record at the end, and its length without the comment.
const END: &[u8; 4] = b"PK\x05\x06";
const END_LENGTH: usize = 22;
const MAX_COMMENT_LENGTH: usize = 0xffff;
/// The record that says where the 64-bit record is.
const END64_LOCATOR: &[u8; 4] = b"PK\x06\x07";
const END64_LOCATOR_LENGTH: usize = 20;
/// The 64-bit record.
const END64: &[u8; 4] = b"PK\x06\x06";
const END64_LENGTH: usize = 56;
/// An entry of the directory takes about 100 bytes, and a checkpoint has some thousand entries.
const MAX_DIRECTORY_BYTES: usize = 16 << 20;

/// A file in the archive.
#[derive(Debug)]
pub(super) struct ZipEntry {
    /// With `/` between folders.
    pub(super) name: String,
    /// Its bytes in the archive.
    pub(super) range: Range<usize>,
    /// CRC-32 of the bytes, where the writer computed one.
    pub(super) crc: Option<u32>,
    /// Start of its header.
    header: usize,
}

/// Lists the archive's entries; `None` where it has lost its end, and the directory with it.
///
/// # Errors
/// What is wrong with the archive.
pub(super) fn read_directory(archive: &Contents) -> Result<Option<Vec<ZipEntry>>, String> {
    let Some((count, range)) = locate(archive)? else { return Ok(None) };
    if range.len() > MAX_DIRECTORY_BYTES {
        return Err(format!("its directory has more than {} MB", MAX_DIRECTORY_BYTES >> 20));
    }
    let bytes = fetch(archive, range.clone())?;
    let mut rest = Fields(&bytes);
    let mut entries: Vec<ZipEntry> = Vec::new();
    while !rest.0.is_empty() {
        let (entry, length) = read_entry(rest, archive, range.start)?;
        entries.push(entry);
        rest = Fields(rest.0.get(length..).unwrap_or_default());
    }
    if entries.len() as u64 != count {
        return Err(format!("its directory lists {} entries instead of {count}", entries.len()));
    }
    check_names(&entries)?;
    check_overlaps(&entries)?;
    Ok(Some(entries))
}

/// Name and start of the data of the entry whose header is at `at`.
pub(super) fn local_entry(archive: &Contents, at: usize) -> Option<(String, usize)> {
    let header = archive.read(at..at.checked_add(LOCAL_HEADER_LENGTH)?).ok()?;
    let fields = Fields(&header);
    if !header.starts_with(LOCAL_HEADER) {
        return None;
    }
    let name_start = at + LOCAL_HEADER_LENGTH;
    let name_end = name_start + usize::from(fields.u16(26)?);
    let name = String::from_utf8(archive.read(name_start..name_end).ok()?.to_vec()).ok()?;
    Some((name, name_end + usize::from(fields.u16(28)?)))
}

/// Little-endian numbers at fixed places.
#[derive(Clone, Copy)]
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn array<const N: usize>(self, at: usize) -> Option<[u8; N]> {
        self.0.get(at..)?.first_chunk().copied()
    }

    fn u16(self, at: usize) -> Option<u16> {
        self.array(at).map(u16::from_le_bytes)
    }

    fn u32(self, at: usize) -> Option<u32> {
        self.array(at).map(u32::from_le_bytes)
    }

    fn u64(self, at: usize) -> Option<u64> {
        self.array(at).map(u64::from_le_bytes)
    }
}

fn fetch(archive: &Contents, range: Range<usize>) -> Result<Window<'_>, String> {
    archive.read(range).map_err(|error| format!("it cannot be read ({error})"))
}

fn damaged() -> String {
    "its directory is damaged".to_owned()
}

/// Number of entries, and where the directory lies.
fn locate(archive: &Contents) -> Result<Option<(u64, Range<usize>)>, String> {
    let length = archive.len();
    let tail_start = length.saturating_sub(END_LENGTH + MAX_COMMENT_LENGTH);
    let tail = fetch(archive, tail_start..length)?;
    let ends_file = |&at: &usize| {
        let comment = Fields(&tail).u16(at + 20).map(usize::from);
        tail[at..].starts_with(END) && comment.is_some_and(|comment| at + END_LENGTH + comment == tail.len())
    };
    let Some(last) = tail.len().checked_sub(END_LENGTH) else { return Ok(None) };
    let Some(at) = (0..=last).rev().find(ends_file) else { return Ok(None) };
    let end = Fields(&tail[at..]);
    let narrow = || Some((end.u16(10)?.into(), end.u32(12)?.into(), end.u32(16)?.into()));
    let found = match locate64(archive, tail_start + at)? {
        Some(wide) => Some(wide),
        None => narrow(),
    };
    let (count, size, offset): (u64, u64, u64) = found.ok_or_else(damaged)?;
    let start = usize::try_from(offset).ok();
    let end = start.zip(usize::try_from(size).ok()).and_then(|(start, size)| start.checked_add(size));
    match (start, end) {
        (Some(start), Some(end)) if end <= tail_start + at => Ok(Some((count, start..end))),
        _ => Err("its directory lies outside the file".to_owned()),
    }
}

/// The same from the 64-bit record, if there is one before the record at `end`.
fn locate64(archive: &Contents, end: usize) -> Result<Option<(u64, u64, u64)>, String> {
    let Some(locator_start) = end.checked_sub(END64_LOCATOR_LENGTH) else { return Ok(None) };
    let locator = fetch(archive, locator_start..end)?;
    if !locator.starts_with(END64_LOCATOR) {
        return Ok(None);
    }
    let start = Fields(&locator).u64(8).and_then(|start| usize::try_from(start).ok());
    let stop = start.and_then(|start| start.checked_add(END64_LENGTH)).filter(|&stop| stop <= locator_start);
    let (Some(start), Some(stop)) = (start, stop) else { return Err(damaged()) };
    let record = fetch(archive, start..stop)?;
    let fields = Fields(&record);
    let found = fields.u64(32).zip(fields.u64(40)).zip(fields.u64(48));
    let ((count, size), offset) = found.filter(|_| record.starts_with(END64)).ok_or_else(damaged)?;
    Ok(Some((count, size, offset)))
}

/// The entry at the start of `fields`, and its length in the directory, which begins at `limit`.
fn read_entry(fields: Fields<'_>, archive: &Contents, limit: usize) -> Result<(ZipEntry, usize), String> {
    if !fields.0.starts_with(CENTRAL_HEADER) {
        return Err(damaged());
    }
    let part = |at: usize| fields.u16(at).map(usize::from).ok_or_else(damaged);
    let (name, extra, comment) = (part(28)?, part(30)?, part(32)?);
    let name_end = CENTRAL_HEADER_LENGTH + name;
    let name = fields.0.get(CENTRAL_HEADER_LENGTH..name_end).ok_or_else(damaged)?;
    let name = String::from_utf8(name.to_vec()).map_err(|_| "an entry's name is not UTF-8".to_owned())?;
    let extra = fields.0.get(name_end..name_end + extra).ok_or_else(damaged)?;
    let (flags, method) = (part(8)?, part(10)?);
    if method != 0 || flags & 1 != 0 {
        return Err(format!("its entry {name} is compressed or encrypted, which torch.save never does"));
    }
    let numbers = [24, 20, 42].map(|at| fields.u32(at));
    let [Some(size), Some(stored_size), Some(header)] = numbers else { return Err(damaged()) };
    let wide = widen(Fields(extra), [size, stored_size, header]).ok_or_else(damaged)?;
    let outside = || format!("its entry {name} lies outside the file");
    let [size, stored_size, header] = wide.map(|number| usize::try_from(number).unwrap_or(usize::MAX));
    if size != stored_size {
        return Err(format!("its entry {name} is compressed or encrypted, which torch.save never does"));
    }
    let (local_name, start) = local_entry(archive, header).ok_or_else(outside)?;
    if local_name != name {
        return Err(format!("its entry {name} is called {local_name} where it lies"));
    }
    let end = start.checked_add(size).filter(|&end| end <= limit).ok_or_else(outside)?;
    let crc = fields.u32(16).filter(|&crc| crc != 0);
    let length = name_end + extra.len() + comment;
    if length > fields.0.len() {
        return Err(damaged());
    }
    Ok((ZipEntry { name, range: start..end, crc, header }, length))
}

/// Numbers that do not fit 32 bits are all ones, and stand in the extra field 1 in this order.
fn widen(extra: Fields<'_>, narrow: [u32; 3]) -> Option<[u64; 3]> {
    let mut wide = narrow.map(u64::from);
    if narrow.iter().all(|&number| number != u32::MAX) {
        return Some(wide);
    }
    let mut at = 0;
    while extra.u16(at)? != 1 {
        at += 4 + usize::from(extra.u16(at + 2)?);
    }
    at += 4;
    for (wide, _) in wide.iter_mut().zip(narrow).filter(|(_, narrow)| *narrow == u32::MAX) {
        *wide = extra.u64(at)?;
        at += 8;
    }
    Some(wide)
}

/// `ROOT/data.pkl` gives the root; whatever lies elsewhere was not put there by `torch.save`.
fn check_names(entries: &[ZipEntry]) -> Result<(), String> {
    let mut seen = HashSet::new();
    let root = entries.first().and_then(|entry| entry.name.split('/').next()).unwrap_or_default();
    for ZipEntry { name, .. } in entries {
        if !seen.insert(name.as_str()) {
            return Err(format!("it has two entries {name}"));
        }
        let plain = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(['\\', ':', '\0']);
        let below = name.strip_prefix(root).is_some_and(|rest| rest.starts_with('/'));
        if !(below && name.split('/').all(plain)) {
            return Err(format!("its entry {name:?} leads out of its folder"));
        }
    }
    Ok(())
}

fn check_overlaps(entries: &[ZipEntry]) -> Result<(), String> {
    let mut sorted: Vec<&ZipEntry> = entries.iter().collect();
    sorted.sort_by_key(|entry| entry.header);
    for pair in sorted.windows(2) {
        if let [first, second] = pair
            && second.header < first.range.end
        {
            return Err(format!("its entries {} and {} overlap", first.name, second.name));
        }
    }
    Ok(())
}
