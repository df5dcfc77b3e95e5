//! The table of tensors in a `.bin` file as `torch.save` writes it since PyTorch 1.6: a zip archive
//! of uncompressed entries, `NAME/data.pkl` with the table and `NAME/data/KEY` with the elements of
//! each storage. Called by [`super::tensor_file`].
//!
//! Since entries are not compressed, tensors are read straight from the mapped file.

use std::collections::HashMap;
use std::io::Cursor;
use std::ops::Range;
use std::rc::Rc;
use std::sync::atomic::AtomicBool;

use zip::{CompressionMethod, ZipArchive};

use super::pickle::{NamedTensor, PickledTensor, read_state_dict};
use super::tensor_file::{Storage, StoredTensor, TensorTable};

/// Start of a zip entry.
const LOCAL_HEADER: &[u8; 4] = b"PK\x03\x04";
/// Length of a zip entry's header without name and extra fields.
const LOCAL_HEADER_LENGTH: usize = 30;
/// Start of a pickle of protocol 2, with which files before PyTorch 1.6 begin.
const BARE_PICKLE: &[u8; 2] = b"\x80\x02";

/// Reads the archive's directory and its pickle.
///
/// # Errors
/// What is wrong with the file, with the tensor's name where there is one.
pub(super) fn read_table(bytes: &[u8]) -> Result<TensorTable, String> {
    if bytes.starts_with(BARE_PICKLE) {
        return Err("it was written before PyTorch 1.6: load and save it again with a newer one".to_owned());
    }
    if !bytes.starts_with(LOCAL_HEADER) {
        return Err("it does not begin like a file of torch.save".to_owned());
    }
    let entries = read_directory(bytes).map_err(|reason| cut_off(bytes).unwrap_or(reason))?;
    let pickle = entries.iter().find_map(|(name, entry)| Some((name.strip_suffix("/data.pkl")?, entry)));
    let (root, pickle) = pickle.ok_or_else(|| "it has no data.pkl inside".to_owned())?;
    let order = entries.get(&format!("{root}/byteorder")).and_then(|entry| bytes.get(entry.range.clone()));
    if order.is_some_and(|order| order != b"little") {
        return Err("it was written on a big-endian machine".to_owned());
    }

    let mut table = TensorTable::default();
    let mut known: HashMap<Rc<str>, usize> = HashMap::new();
    for (name, tensor) in read_state_dict(bytes.get(pickle.range.clone()).unwrap_or_default())? {
        let key = &tensor.storage.key;
        let next = table.storages.len();
        let storage = *known.entry(key.clone()).or_insert(next);
        if storage == next {
            let entry = entries.get(&format!("{root}/data/{key}"));
            let entry = entry.ok_or_else(|| format!("tensor {name} has no data in it"))?;
            let (range, crc) = (entry.range.clone(), entry.crc);
            table.storages.push(Storage { range, crc, verified: AtomicBool::new(false) });
        }
        let stored = place(&tensor, storage, &table.storages[storage].range);
        table.tensors.insert(name.to_string(), stored.map_err(|reason| format!("tensor {name} {reason}"))?);
    }
    Ok(table)
}

struct Entry {
    range: Range<usize>,
    crc: Option<u32>,
}

fn read_directory(bytes: &[u8]) -> Result<HashMap<String, Entry>, String> {
    let broken = |error: zip::result::ZipError| format!("its directory cannot be read ({error})");
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(broken)?;
    let mut entries = HashMap::new();
    for index in 0..archive.len() {
        let file = archive.by_index_raw(index).map_err(broken)?;
        let name = file.name().map_err(broken)?.into_owned();
        if file.compression() != CompressionMethod::Stored || file.encrypted() {
            return Err(format!("its entry {name} is compressed or encrypted, which torch.save never does"));
        }
        let start = file.data_start().and_then(|start| usize::try_from(start).ok());
        let size = usize::try_from(file.compressed_size()).ok();
        let range = start.zip(size).and_then(|(start, size)| Some(start..start.checked_add(size)?));
        let range = range.filter(|range| range.end <= bytes.len());
        let range = range.ok_or_else(|| format!("its entry {name} lies outside the file"))?;
        // A writer that was told not to compute checksums leaves 0.
        entries.insert(name, Entry { range, crc: Some(file.crc32()).filter(|&crc| crc != 0) });
    }
    Ok(entries)
}

/// The bytes of a tensor within its storage, which is at `storage_range`.
fn place(
    tensor: &PickledTensor,
    storage: usize,
    storage_range: &Range<usize>,
) -> Result<StoredTensor, String> {
    let size = tensor.storage.element.size();
    let too_large = || "is larger than its data".to_owned();
    let count = tensor.shape.iter().try_fold(1_usize, |product, &n| product.checked_mul(n));
    let count = count.ok_or_else(too_large)?;
    // Index of the last element, counted from the first.
    let reach = tensor.shape.iter().zip(&tensor.strides).try_fold(0_usize, |reach, (&n, &stride)| {
        n.saturating_sub(1).checked_mul(stride).and_then(|step| reach.checked_add(step))
    });
    let extent = if count == 0 { Some(0) } else { reach.and_then(|reach| reach.checked_add(1)) };
    let end = extent.and_then(|extent| extent.checked_add(tensor.offset)?.checked_mul(size));
    let end = end.filter(|&end| end <= storage_range.len()).ok_or_else(too_large)?;
    // A tensor spread over repeated elements could ask for any amount of memory; weights never are.
    if count.checked_mul(size).is_none_or(|bytes| bytes > storage_range.len()) {
        return Err(too_large());
    }
    let start = (tensor.offset * size).min(end);
    Ok(StoredTensor {
        element: tensor.storage.element.clone(),
        shape: tensor.shape.clone(),
        strides: (!row_major(&tensor.shape, &tensor.strides)).then(|| tensor.strides.clone()),
        range: storage_range.start + start..storage_range.start + end,
        storage,
    })
}

fn row_major(shape: &[usize], strides: &[usize]) -> bool {
    let mut step = 1_usize;
    shape.iter().zip(strides).rev().all(|(&n, &stride)| {
        let fits = n <= 1 || stride == step;
        step = step.saturating_mul(n.max(1));
        fits
    })
}

/// Says in which tensor an archive ends that has lost its directory. The table is the first entry,
/// and entries of tensors follow in the order in which it first names them.
fn cut_off(bytes: &[u8]) -> Option<String> {
    let whole = |tensor: &PickledTensor| tensor.storage.elements.checked_mul(tensor.storage.element.size());
    let (_, table) = local_entry(bytes, 0)?;
    let Ok(tensors) = read_state_dict(bytes.get(table..)?) else {
        return Some("it is truncated within its table of tensors".to_owned());
    };
    let last = bytes.windows(LOCAL_HEADER.len()).enumerate().rev().find_map(|(at, window)| {
        let (name, start) = (window == LOCAL_HEADER).then(|| local_entry(bytes, at)).flatten()?;
        Some((name.rsplit_once("/data/")?.1, start))
    });
    let lost = match last {
        None => tensors.first()?,
        Some((key, start)) => {
            let at = tensors.iter().position(|(_, tensor)| &*tensor.storage.key == key)?;
            let complete = start.checked_add(whole(&tensors[at].1)?)? <= bytes.len();
            let after = |named: &&NamedTensor| &*named.1.storage.key != key;
            match tensors[at..].iter().find(after).filter(|_| complete) {
                Some(next) => next,
                None if complete => return Some("it is truncated: its directory is lost".to_owned()),
                None => &tensors[at],
            }
        }
    };
    Some(format!("it is truncated: it ends before the end of tensor {}", lost.0))
}

/// Name and start of the data of the entry whose header is at `at`.
fn local_entry(bytes: &[u8], at: usize) -> Option<(&str, usize)> {
    let header = bytes.get(at..at + LOCAL_HEADER_LENGTH)?;
    let length = |i: usize| usize::from(u16::from_le_bytes([header[i], header[i + 1]]));
    let name = at + LOCAL_HEADER_LENGTH;
    let data = name + length(26);
    Some((std::str::from_utf8(bytes.get(name..data)?).ok()?, data + length(28)))
}
