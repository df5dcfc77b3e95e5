//! One file of weights: a table of named tensors over stretches of bytes, whatever the format.
//!
//! [`super::safetensors_file`] and [`super::torch_file`] fill the table; every range in it lies
//! within the bytes, so that reading a tensor cannot go wrong but for damaged contents. A tensor of
//! a `.safetensors` file is mapped while it is read, one of a `.bin` file is read: in both cases
//! nothing of the file stays in memory afterwards.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use candle_core::{CpuStorage, DType, Device, Tensor};
use sha2::{Digest, Sha256};

use super::source::{Contents, FileSource, Window};
use super::{safetensors_file, torch_file};
use crate::error::{CheckpointError, EngineError};
use crate::gguf::{Gguf, GgufTensor};
use crate::hub::hex;
use crate::model::format::Format;
use crate::model::matrix::{PackedMatrix, unpack};

/// A tensor is looked at in blocks of this length: whole elements of every type.
const BLOCK_BYTES: usize = 8 << 20;
/// This many bytes show whether a file is something else than weights.
const FOREIGN_LENGTH: usize = 64;
/// How a GGUF file begins.
pub(super) const GGUF_MAGIC: &[u8] = b"GGUF";
/// Characters of a message about a file's contents.
const MAX_MESSAGE: usize = 500;

/// Type of a stored tensor's elements.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Element {
    /// One that the tensor library reads.
    Known(DType),
    /// Blocks of bits, whose elements are numbers once they are unpacked.
    Blocks(Format),
    /// Its name in the file.
    Unknown(Arc<str>),
}

impl Element {
    /// From `torch.FloatStorage` and the like.
    pub(super) fn from_torch_storage(class: &Arc<str>) -> Self {
        match &**class {
            "torch.FloatStorage" => Self::Known(DType::F32),
            "torch.HalfStorage" => Self::Known(DType::F16),
            "torch.BFloat16Storage" => Self::Known(DType::BF16),
            "torch.DoubleStorage" => Self::Known(DType::F64),
            "torch.LongStorage" => Self::Known(DType::I64),
            "torch.IntStorage" => Self::Known(DType::I32),
            "torch.ByteStorage" => Self::Known(DType::U8),
            _ => Self::Unknown(Arc::clone(class)),
        }
    }

    /// From the `dtype` of a safetensors header.
    pub(super) fn from_safetensors(dtype: safetensors::Dtype) -> Self {
        use safetensors::Dtype as Stored;
        match dtype {
            Stored::F32 => Self::Known(DType::F32),
            Stored::F16 => Self::Known(DType::F16),
            Stored::BF16 => Self::Known(DType::BF16),
            Stored::F64 => Self::Known(DType::F64),
            Stored::I64 => Self::Known(DType::I64),
            Stored::I32 => Self::Known(DType::I32),
            Stored::U8 => Self::Known(DType::U8),
            other => Self::Unknown(format!("{other:?}").into()),
        }
    }

    /// For people.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Known(dtype) => dtype.as_str(),
            Self::Blocks(format) => format.name(),
            Self::Unknown(name) => name,
        }
    }

    /// Whether weights may be of this type.
    pub(super) fn is_usual(&self) -> bool {
        matches!(self, Self::Known(DType::F32 | DType::F16 | DType::BF16) | Self::Blocks(_))
    }

    /// Bytes of one element; 1 where the type is unknown (such a tensor cannot be read).
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Known(dtype) => dtype.size_in_bytes(),
            Self::Blocks(_) | Self::Unknown(_) => 1,
        }
    }
}

/// A stretch of the file that holds the elements of one or more tensors.
#[derive(Debug)]
pub(super) struct Storage {
    /// Its bytes in the file.
    pub(super) range: Range<usize>,
    /// CRC-32 of the bytes, where the format has one.
    pub(super) crc: Option<u32>,
    /// Whether the bytes have that sum, once it was looked.
    pub(super) is_right: OnceLock<bool>,
}

/// Where a tensor lies.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct StoredTensor {
    pub(super) element: Element,
    pub(super) shape: Vec<usize>,
    /// Elements between neighbours along each dimension; `None` for row-major order.
    pub(super) strides: Option<Vec<usize>>,
    /// Its bytes in the file, from the first to the last element.
    pub(super) range: Range<usize>,
    /// Index of the storage that holds it.
    pub(super) storage: usize,
}

impl StoredTensor {
    pub(super) fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// Bytes of its elements.
    pub(super) fn bytes(&self) -> usize {
        match self.element {
            Element::Blocks(format) => format.bytes(self.elements()),
            _ => self.elements() * self.element.size(),
        }
    }

    /// As a format of matrices, where it is one.
    pub(super) fn format(&self) -> Option<Format> {
        match self.element {
            Element::Known(DType::F32) => Some(Format::F32),
            Element::Known(DType::F16) => Some(Format::F16),
            Element::Known(DType::BF16) => Some(Format::BF16),
            Element::Blocks(format) => Some(format),
            _ => None,
        }
    }
}

/// What a format's reader finds in a file.
#[derive(Debug, Default)]
pub(super) struct TensorTable {
    pub(super) tensors: BTreeMap<String, StoredTensor>,
    pub(super) storages: Vec<Storage>,
}

/// A file of weights.
#[derive(Debug)]
pub(super) struct TensorFile {
    /// For messages.
    pub(super) path: PathBuf,
    pub(super) table: TensorTable,
    contents: Contents,
    container: Container,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Container {
    Safetensors,
    Gguf,
    Torch,
}

impl Container {
    /// By how the file begins.
    fn of(contents: &Contents) -> Self {
        let start = contents.read(0..contents.len().min(GGUF_MAGIC.len()));
        if start.is_ok_and(|start| start.starts_with(GGUF_MAGIC)) { Self::Gguf } else { Self::Torch }
    }
}

/// The tensor library multiplies sides from the last to the first: what comes to nothing by a side of 0 may have
/// gone beyond all numbers before.
fn with_measurable_sides(table: TensorTable) -> Result<TensorTable, String> {
    for (name, tensor) in &table.tensors {
        if tensor.shape.iter().try_fold(1_usize, |product, &side| product.checked_mul(side.max(1))).is_none()
        {
            return Err(format!("tensor {name} has sides that are no sizes: {:?}", tensor.shape));
        }
    }
    Ok(table)
}

fn gguf_table(bytes: &[u8]) -> Result<TensorTable, String> {
    let tensors = Gguf::read(bytes, bytes.len())?.tensors.into_iter().map(|(name, tensor)| {
        let element = match tensor.format {
            Format::F32 => Element::Known(DType::F32),
            Format::F16 => Element::Known(DType::F16),
            Format::BF16 => Element::Known(DType::BF16),
            blocks => Element::Blocks(blocks),
        };
        // No storage: the format has no checksums.
        let GgufTensor { shape, range, .. } = tensor;
        (name, StoredTensor { element, shape, strides: None, range, storage: usize::MAX })
    });
    Ok(TensorTable { tensors: tensors.collect(), storages: Vec::new() })
}

impl TensorFile {
    /// Reads the table of tensors; contents are read later.
    ///
    /// # Errors
    /// The file cannot be read, or it is damaged, truncated or of another format.
    pub(super) fn open(source: &FileSource, name: &str) -> Result<Self, CheckpointError> {
        Self::new(source.path(name), source.open(name)?)
    }

    /// The same for a file that is open. `.safetensors` have no beginning of their own and are told by their
    /// name, all others by how they begin.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub(super) fn new(path: PathBuf, contents: Contents) -> Result<Self, CheckpointError> {
        let container = match path.extension().and_then(|extension| extension.to_str()) {
            Some("safetensors") => Container::Safetensors,
            _ => Container::of(&contents),
        };
        let unreadable = |error: std::io::Error| format!("it cannot be read ({error})");
        let table = || {
            let start = contents.read(0..contents.len().min(FOREIGN_LENGTH)).map_err(unreadable)?;
            if let Some(reason) = foreign(&start) {
                return Err(reason.to_owned());
            }
            let mapped = || contents.map(0..contents.len()).map_err(unreadable);
            match container {
                Container::Safetensors => safetensors_file::read_table(&mapped()?),
                Container::Gguf => gguf_table(&mapped()?),
                Container::Torch => torch_file::read_table(&contents),
            }
        };
        match table().and_then(with_measurable_sides) {
            Ok(table) => Ok(Self { path, table, contents, container }),
            Err(reason) => Err(CheckpointError::Malformed { path, reason: one_line(&reason) }),
        }
    }

    /// Reads one tensor onto `device` as `dtype`; `None` where the file does not have it.
    ///
    /// # Errors
    /// The contents are damaged, or the tensor library refuses.
    pub(super) fn read(
        &self,
        name: &str,
        dtype: DType,
        device: &Device,
    ) -> Result<Option<Tensor>, EngineError> {
        let Some(stored) = self.table.tensors.get(name) else { return Ok(None) };
        let malformed = |reason: String| self.malformed(name, &reason);
        let from = match &stored.element {
            Element::Known(from) => *from,
            Element::Blocks(format) => return self.read_blocks(stored, *format, (dtype, device)).map(Some),
            Element::Unknown(class) => Err(malformed(format!("has elements of unknown type {class}")))?,
        };
        let bytes = self.window(stored.range.clone()).map_err(malformed)?;
        self.verify(stored, || crc32fast::hash(&bytes)).map_err(malformed)?;
        let gathered;
        let elements = match &stored.strides {
            None => &bytes[..],
            Some(strides) => {
                let outside = || malformed("lies outside the file".to_owned());
                gathered =
                    gather(&bytes, &stored.shape, strides, from.size_in_bytes()).ok_or_else(outside)?;
                &gathered[..]
            }
        };
        // Not every device knows the types that no checkpoint of this model should have. And what a GPU
        // itself converts lies in its memory twice, and with Metal in a buffer of up to twice the size.
        let first = if stored.element.is_usual() && from == dtype { device } else { &Device::Cpu };
        let tensor = Tensor::from_raw_buffer(elements, from, &stored.shape, first)?;
        // Before the elements are converted: not three copies at once.
        drop(bytes);
        Ok(Some(tensor.to_dtype(dtype)?.to_device(device)?))
    }

    fn read_blocks(
        &self,
        stored: &StoredTensor,
        format: Format,
        (dtype, device): (DType, &Device),
    ) -> Result<Tensor, EngineError> {
        let read = |source| CheckpointError::Read { path: self.path.clone(), source };
        let bytes = self.contents.map(stored.range.clone()).map_err(read)?;
        let CpuStorage::F32(elements) = unpack(&bytes, format, stored.elements())? else {
            return Err(candle_core::Error::Msg(format!("{format:?} was not unpacked to numbers")).into());
        };
        // As above: a GPU is given what it keeps.
        Ok(Tensor::from_vec(elements, &stored.shape[..], &Device::Cpu)?.to_dtype(dtype)?.to_device(device)?)
    }

    /// The matrix as it lies in the file, mapped; `None` where it is not there, lies otherwise than
    /// matrices are used, or in a container that is not mapped.
    ///
    /// # Errors
    /// The system says no, or the tensor library.
    pub(super) fn matrix(&self, name: &str) -> Result<Option<PackedMatrix>, EngineError> {
        let stored = self.table.tensors.get(name);
        let plain = stored.filter(|stored| self.is_mapped() && stored.strides.is_none());
        let Some((stored, format)) = plain.and_then(|stored| Some((stored, stored.format()?))) else {
            return Ok(None);
        };
        let &[rows, columns] = &stored.shape[..] else { return Ok(None) };
        let read = |source| CheckpointError::Read { path: self.path.clone(), source };
        let Some(bytes) = self.contents.share(stored.range.clone()).map_err(read)? else { return Ok(None) };
        Ok(Some(PackedMatrix::map(bytes, 0..stored.range.len(), (rows, columns), format)?))
    }

    /// Whether matrices are used where they lie in it.
    pub(super) fn is_mapped(&self) -> bool {
        self.container != Container::Torch
    }

    /// Bytes of the whole file.
    pub(super) fn file_bytes(&self) -> u64 {
        self.contents.len() as u64
    }

    /// SHA-256 over the whole file, in hexadecimal digits. `progress` is told bytes as they are done,
    /// and returns whether to go on.
    ///
    /// # Errors
    /// It cannot be read, or [`EngineError::Cancelled`].
    pub(super) fn checksum(&self, progress: &mut dyn FnMut(u64) -> bool) -> Result<String, EngineError> {
        let mut sum = Sha256::new();
        for start in (0..self.contents.len()).step_by(BLOCK_BYTES) {
            let block = self.contents.read(start..self.contents.len().min(start + BLOCK_BYTES));
            let block = block.map_err(|source| CheckpointError::Read { path: self.path.clone(), source })?;
            sum.update(&*block);
            if !progress(block.len() as u64) {
                return Err(EngineError::Cancelled);
            }
        }
        Ok(hex(&sum.finalize()))
    }

    /// Looks at every element of a tensor without keeping any: how many are not finite numbers.
    /// `None` where the file does not have the tensor.
    ///
    /// # Errors
    /// The contents are damaged or cannot be read.
    pub(super) fn count_non_finite(&self, name: &str) -> Result<Option<u64>, CheckpointError> {
        let Some(stored) = self.table.tensors.get(name) else { return Ok(None) };
        let malformed = |reason: String| self.malformed(name, &reason);
        let mut count = 0;
        let mut sum = crc32fast::Hasher::new();
        let step = match stored.element {
            Element::Blocks(format) => BLOCK_BYTES - BLOCK_BYTES % format.bytes(format.block()),
            _ => BLOCK_BYTES,
        };
        for start in stored.range.clone().step_by(step) {
            let end = stored.range.end.min(start + step);
            let block = self.window(start..end).map_err(malformed)?;
            sum.update(&block);
            count += non_finite(&block, &stored.element);
        }
        self.verify(stored, || sum.finalize()).map_err(malformed)?;
        Ok(Some(count))
    }

    fn malformed(&self, tensor: &str, reason: &str) -> CheckpointError {
        let reason = one_line(&format!("tensor {tensor} {reason}"));
        CheckpointError::Malformed { path: self.path.clone(), reason }
    }

    fn window(&self, range: Range<usize>) -> Result<Window<'_>, String> {
        let window = match self.container {
            Container::Safetensors | Container::Gguf => self.contents.map(range),
            Container::Torch => self.contents.read(range),
        };
        window.map_err(|error| format!("cannot be read ({error})"))
    }

    /// Checks the sum over a tensor's storage, unless that was done; `own_sum` is that of the tensor's
    /// own bytes.
    fn verify(&self, tensor: &StoredTensor, own_sum: impl FnOnce() -> u32) -> Result<(), String> {
        let Some(storage) = self.table.storages.get(tensor.storage) else { return Ok(()) };
        let Some(expected) = storage.crc else { return Ok(()) };
        let is_right = match storage.is_right.get() {
            Some(&known) => known,
            None if storage.range == tensor.range => own_sum() == expected,
            None => self.sum(storage.range.clone())? == expected,
        };
        // Another thread found out the same.
        let _ = storage.is_right.set(is_right);
        if is_right { Ok(()) } else { Err("does not match its checksum".to_owned()) }
    }

    fn sum(&self, range: Range<usize>) -> Result<u32, String> {
        let mut sum = crc32fast::Hasher::new();
        for start in range.clone().step_by(BLOCK_BYTES) {
            sum.update(&self.window(start..range.end.min(start + BLOCK_BYTES))?);
        }
        Ok(sum.finalize())
    }
}

/// How many elements are infinite or no numbers: in 16 bits, those whose exponent is all ones.
fn non_finite(bytes: &[u8], element: &Element) -> u64 {
    let halves = |mask: u16| {
        let (pairs, _) = bytes.as_chunks::<2>();
        pairs.iter().filter(|&&pair| u16::from_le_bytes(pair) & mask == mask).count()
    };
    let count = match element {
        Element::Known(DType::BF16) => halves(0x7f80),
        Element::Known(DType::F16) => halves(0x7c00),
        Element::Known(DType::F32) => {
            let (quads, _) = bytes.as_chunks::<4>();
            quads.iter().filter(|&&quad| !f32::from_le_bytes(quad).is_finite()).count()
        }
        Element::Known(DType::F64) => {
            let (octets, _) = bytes.as_chunks::<8>();
            octets.iter().filter(|&&octet| !f64::from_le_bytes(octet).is_finite()).count()
        }
        Element::Blocks(format) => {
            let elements = bytes.len() / format.bytes(format.block()) * format.block();
            match unpack(bytes, *format, elements) {
                Ok(CpuStorage::F32(values)) => values.iter().filter(|value| !value.is_finite()).count(),
                // No whole blocks: every one of them is wrong.
                _ => elements,
            }
        }
        // Whole numbers, and what nobody reads.
        _ => 0,
    };
    count as u64
}

/// Names in a file are anything; a message is one line of moderate length.
fn one_line(text: &str) -> String {
    text.chars().take(MAX_MESSAGE).map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect()
}

/// Elements in row-major order out of strided ones. `None` where an element lies outside.
fn gather(bytes: &[u8], shape: &[usize], strides: &[usize], size: usize) -> Option<Vec<u8>> {
    let count: usize = shape.iter().product();
    let mut out = Vec::with_capacity(count * size);
    let mut index = vec![0; shape.len()];
    for _ in 0..count {
        let at: usize = index.iter().zip(strides).map(|(&i, &stride)| i * stride).sum::<usize>() * size;
        out.extend_from_slice(bytes.get(at..at + size)?);
        for (i, &length) in index.iter_mut().zip(shape).rev() {
            *i += 1;
            if *i < length {
                break;
            }
            *i = 0;
        }
    }
    Some(out)
}

/// Why a file is something else than weights, where that can be told from how it begins.
fn foreign(bytes: &[u8]) -> Option<&'static str> {
    if bytes.is_empty() {
        Some("it is empty")
    } else if bytes.starts_with(b"version https://git-lfs") {
        Some("it is only a Git LFS pointer; fetch the file itself with `git lfs pull`")
    } else if bytes.starts_with(b"<!DOCTYPE") || bytes.starts_with(b"<html") {
        Some("it is a web page; download the file itself")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::forge::{counting, floats, torch_file};
    use super::super::torch_writer::pickle_state_dict;
    use super::*;

    #[test]
    fn a_wrong_checksum_is_found_once() {
        let pickle = pickle_state_dict(&[floats("a", "0", &[4, 3])]);
        let bytes = torch_file(&pickle, &[("0", &counting(12))]);
        let file = TensorFile::new("x.bin".into(), Contents::from_bytes(bytes)).unwrap();
        let stored = &file.table.tensors["a"];
        assert!(file.verify(stored, || 0).is_err());
        assert!(file.verify(stored, || panic!("it is summed up again")).is_err());
    }
}
