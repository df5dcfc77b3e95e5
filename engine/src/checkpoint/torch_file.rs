//! The table of tensors in a `.bin` file as `torch.save` writes it since PyTorch 1.6: a zip archive
//! of uncompressed entries, `NAME/data.pkl` with the table and `NAME/data/KEY` with the elements of
//! each storage. Called by [`super::tensor_file`].
//!
//! Nothing but the table is read here, and nothing in a file is ever executed or unpacked.

use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;
use std::sync::OnceLock;

use super::pickle::{NamedTensor, PickledTensor, read_state_dict};
use super::source::Contents;
use super::tensor_file::{Element, Storage, StoredTensor, TensorTable};
use super::zip_directory::{LOCAL_HEADER, ZipEntry, local_entry, read_directory};

/// Start of a pickle of protocol 2, with which files before PyTorch 1.6 begin.
const BARE_PICKLE: &[u8; 2] = b"\x80\x02";
/// The table of the full-size model takes a quarter of a megabyte.
const MAX_PICKLE_BYTES: usize = 8 << 20;
/// Between the data of two entries lie a checksum, a header and a name.
const MAX_GAP: usize = 1 << 10;
/// More entries than any checkpoint has.
const MAX_ENTRIES: usize = 1 << 17;

/// Reads the archive's directory and its pickle.
///
/// # Errors
/// What is wrong with the file, with the tensor's name where there is one.
pub(super) fn read_table(file: &Contents) -> Result<TensorTable, String> {
    let unreadable = |error: std::io::Error| format!("it cannot be read ({error})");
    let start = file.read(0..file.len().min(LOCAL_HEADER.len())).map_err(unreadable)?;
    if start.starts_with(BARE_PICKLE) {
        return Err("it was written before PyTorch 1.6: load and save it again with a newer one".to_owned());
    }
    if *start != *LOCAL_HEADER {
        return Err("it does not begin like a file of torch.save".to_owned());
    }
    let Some(entries) = read_directory(file)? else {
        return Err(cut_off(file).unwrap_or_else(|| "it is truncated: its directory is lost".to_owned()));
    };
    let pickle = entries.iter().find_map(|entry| Some((entry.name.strip_suffix("/data.pkl")?, entry)));
    let (root, pickle) = pickle.ok_or_else(|| "it has no data.pkl inside".to_owned())?;
    let entries: HashMap<&str, &ZipEntry> =
        entries.iter().map(|entry| (entry.name.as_str(), entry)).collect();
    if let Some(order) = entries.get(&*format!("{root}/byteorder")) {
        let shown = order.range.start..order.range.end.min(order.range.start + 8);
        if *file.read(shown).map_err(unreadable)? != *b"little" {
            return Err("it was written on a big-endian machine".to_owned());
        }
    }
    if pickle.range.len() > MAX_PICKLE_BYTES {
        return Err(format!("its table of tensors has more than {} MB", MAX_PICKLE_BYTES >> 20));
    }
    let pickled = file.read(pickle.range.clone()).map_err(unreadable)?;
    if pickle.crc.is_some_and(|crc| crc32fast::hash(&pickled) != crc) {
        return Err("its table of tensors does not match its checksum".to_owned());
    }
    fill_table(read_state_dict(&pickled)?, |key| entries.get(&*format!("{root}/data/{key}")).copied())
}

/// Finds the data of every tensor.
fn fill_table<'e>(
    tensors: Vec<NamedTensor>,
    entry_of: impl Fn(&str) -> Option<&'e ZipEntry>,
) -> Result<TensorTable, String> {
    let mut table = TensorTable::default();
    let mut known: HashMap<Rc<str>, usize> = HashMap::new();
    for (name, tensor) in tensors {
        let key = &tensor.storage.key;
        let next = table.storages.len();
        let storage = *known.entry(key.clone()).or_insert(next);
        if storage == next {
            let entry = entry_of(key).ok_or_else(|| format!("tensor {name} has no data in it"))?;
            let (range, crc) = (entry.range.clone(), entry.crc);
            table.storages.push(Storage { range, crc, is_right: OnceLock::new() });
        }
        let stored = place(&tensor, storage, &table.storages[storage].range)
            .map_err(|reason| format!("tensor {name} {reason}"))?;
        if table.tensors.insert(name.to_string(), stored).is_some() {
            return Err(format!("it has two tensors {name}"));
        }
    }
    Ok(table)
}

/// The bytes of a tensor within its storage, which is at `storage_range`.
fn place(
    tensor: &PickledTensor,
    storage: usize,
    storage_range: &Range<usize>,
) -> Result<StoredTensor, String> {
    let (element, elements) = (&tensor.storage.element, tensor.storage.elements);
    let size = element.size();
    // The size of an element of unknown type is not known either; such a tensor is never read.
    let whole = elements.checked_mul(size) == Some(storage_range.len());
    if !whole && matches!(element, Element::Known(_)) {
        return Err(format!("should have {elements} elements in {} bytes", storage_range.len()));
    }
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

/// Says in which tensor an archive ends that has lost its directory. The table of tensors is the
/// first entry; behind it the headers of the other entries are followed from one to the next.
fn cut_off(file: &Contents) -> Option<String> {
    let (_, pickle) = local_entry(file, 0)?;
    let head = file.read(pickle..file.len().min(pickle.checked_add(MAX_PICKLE_BYTES)?)).ok()?;
    let Ok(tensors) = read_state_dict(&head) else {
        return Some("it is truncated within its table of tensors".to_owned());
    };
    let mut sizes = HashMap::new();
    for (name, tensor) in &tensors {
        let bytes = tensor.storage.elements.checked_mul(tensor.storage.element.size())?;
        sizes.entry(&*tensor.storage.key).or_insert((bytes, name));
    }
    let mut last = None;
    let mut next = pickle + next_header(&head)?;
    for _ in 0..MAX_ENTRIES {
        let Some((name, data)) = local_entry(file, next) else { break };
        let stored = name.rsplit_once("/data/").and_then(|(_, key)| sizes.get(key));
        let mut end = data;
        if let Some((bytes, tensor)) = stored {
            end = data.checked_add(*bytes)?;
            if end > file.len() {
                return Some(format!("it is truncated: it ends inside tensor {tensor}"));
            }
            last = Some(tensor);
        }
        let gap = file.read(end..file.len().min(end.checked_add(MAX_GAP)?)).ok()?;
        let Some(distance) = next_header(&gap) else { break };
        next = end + distance;
    }
    match (last, tensors.first()) {
        (Some(tensor), _) => Some(format!("it is truncated: its directory is lost behind tensor {tensor}")),
        (None, Some((tensor, _))) => Some(format!("it is truncated: it ends before tensor {tensor}")),
        (None, None) => Some("it is truncated: its directory is lost".to_owned()),
    }
}

fn next_header(bytes: &[u8]) -> Option<usize> {
    bytes.windows(LOCAL_HEADER.len()).position(|window| window == LOCAL_HEADER)
}
