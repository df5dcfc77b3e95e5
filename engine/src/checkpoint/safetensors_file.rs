//! The table of tensors in a `.safetensors` file. Called by [`super::tensor_file`].

use std::sync::OnceLock;

use safetensors::SafeTensors;

use super::tensor_file::{Element, Storage, StoredTensor, TensorTable};

/// The header of a model of many thousand tensors is shorter, and takes many times its length to read.
const MAX_HEADER: u64 = 16 << 20;
/// Length of the number before the header.
const PREFIX: usize = 8;

/// Reads the header; the library checks that ranges fit shapes, one another and the file.
///
/// # Errors
/// What is wrong with the file, with the tensor's name where it is cut off.
pub(super) fn read_table(bytes: &[u8]) -> Result<TensorTable, String> {
    let promised = bytes.first_chunk::<PREFIX>().map_or(0, |length| u64::from_le_bytes(*length));
    // A longer one than the file is another fault.
    if promised > MAX_HEADER && promised < bytes.len() as u64 {
        return Err(format!("its header is longer than {} MB", MAX_HEADER >> 20));
    }
    let (header, metadata) = SafeTensors::read_metadata(bytes)
        .map_err(|error| cut_off(bytes).unwrap_or_else(|| format!("its header cannot be read ({error})")))?;
    let data = PREFIX + header;
    let mut table = TensorTable::default();
    for (name, info) in metadata.tensors() {
        let (start, end) = info.data_offsets;
        table.tensors.insert(
            name,
            StoredTensor {
                element: Element::from_safetensors(info.dtype),
                shape: info.shape.clone(),
                strides: None,
                range: data + start..data + end,
                storage: 0,
            },
        );
    }
    table.storages.push(Storage { range: data..bytes.len(), crc: None, is_right: OnceLock::new() });
    Ok(table)
}

/// Says in which tensor a file ends whose header promises more than there is.
fn cut_off(bytes: &[u8]) -> Option<String> {
    let header = u64::from_le_bytes(*bytes.first_chunk::<PREFIX>()?);
    let header = usize::try_from(header).ok()?;
    let Some(text) = bytes.get(PREFIX..PREFIX.checked_add(header)?) else {
        return (header < 100 << 20).then(|| "it is truncated within its table of tensors".to_owned());
    };
    let entries: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(text).ok()?;
    let present = (bytes.len() - PREFIX - header) as u64;
    let lost = |value: &serde_json::Value| {
        let offsets = value.get("data_offsets")?;
        (offsets.get(1)?.as_u64()? > present).then(|| offsets.get(0)?.as_u64()).flatten()
    };
    let first = entries.iter().filter_map(|(name, value)| Some((lost(value)?, name))).min()?;
    Some(format!("it is truncated: it ends inside tensor {}", first.1))
}
