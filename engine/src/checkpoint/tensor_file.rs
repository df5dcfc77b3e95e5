//! One file of weights: a table of named tensors over mapped bytes, whatever the format.
//!
//! [`super::safetensors_file`] and [`super::torch_file`] fill the table; every range in it lies
//! within the bytes, so that reading a tensor cannot go wrong but for damaged contents.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use candle_core::{DType, Device, Tensor};

use super::source::{Bytes, FileSource};
use super::{safetensors_file, torch_file};
use crate::error::{CheckpointError, EngineError};

/// Type of a stored tensor's elements.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Element {
    /// One that the tensor library reads.
    Known(DType),
    /// Its name in the file.
    Unknown(String),
}

impl Element {
    /// From `torch.FloatStorage` and the like.
    pub(super) fn from_torch_storage(class: &str) -> Self {
        match class {
            "torch.FloatStorage" => Self::Known(DType::F32),
            "torch.HalfStorage" => Self::Known(DType::F16),
            "torch.BFloat16Storage" => Self::Known(DType::BF16),
            "torch.DoubleStorage" => Self::Known(DType::F64),
            "torch.LongStorage" => Self::Known(DType::I64),
            "torch.IntStorage" => Self::Known(DType::I32),
            "torch.ByteStorage" => Self::Known(DType::U8),
            other => Self::Unknown(other.to_owned()),
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
            other => Self::Unknown(format!("{other:?}")),
        }
    }

    /// Bytes of one element; 1 where the type is unknown (such a tensor cannot be read).
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Known(dtype) => dtype.size_in_bytes(),
            Self::Unknown(_) => 1,
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
    /// Whether the sum was found right.
    pub(super) verified: AtomicBool,
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
    fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// Bytes of its elements.
    pub(super) fn bytes(&self) -> usize {
        self.elements() * self.element.size()
    }
}

/// What a format's reader finds in a file.
#[derive(Debug, Default)]
pub(super) struct TensorTable {
    pub(super) tensors: BTreeMap<String, StoredTensor>,
    pub(super) storages: Vec<Storage>,
}

/// A file of weights, mapped.
#[derive(Debug)]
pub(super) struct TensorFile {
    /// For messages.
    pub(super) path: PathBuf,
    pub(super) table: TensorTable,
    bytes: Bytes,
}

impl TensorFile {
    /// Reads the table of tensors; contents are read later.
    ///
    /// # Errors
    /// The file cannot be read, or it is damaged, truncated or of another format.
    pub(super) fn open(source: &FileSource, name: &str) -> Result<Self, CheckpointError> {
        let path = source.path(name);
        let bytes = source.open(name)?;
        let table = match foreign(&bytes) {
            Some(reason) => Err(reason.to_owned()),
            None if name.ends_with(".safetensors") => safetensors_file::read_table(&bytes),
            None => torch_file::read_table(&bytes),
        };
        match table {
            Ok(table) => Ok(Self { path, table, bytes }),
            Err(reason) => Err(CheckpointError::Malformed { path, reason }),
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
        let malformed = |reason: String| CheckpointError::Malformed {
            path: self.path.clone(),
            reason: format!("tensor {name} {reason}"),
        };
        let from = match &stored.element {
            Element::Known(from) => *from,
            Element::Unknown(class) => Err(malformed(format!("has elements of unknown type {class}")))?,
        };
        self.verify(stored.storage).map_err(malformed)?;
        let outside = || malformed("lies outside the file".to_owned());
        let bytes = self.bytes.get(stored.range.clone()).ok_or_else(outside)?;
        let gathered;
        let bytes = match &stored.strides {
            None => bytes,
            Some(strides) => {
                gathered = gather(bytes, &stored.shape, strides, from.size_in_bytes()).ok_or_else(outside)?;
                &gathered[..]
            }
        };
        // Not every device knows the types that no checkpoint of this model should have.
        let usual = matches!(from, DType::F32 | DType::F16 | DType::BF16);
        let first = if usual { device } else { &Device::Cpu };
        let tensor = Tensor::from_raw_buffer(bytes, from, &stored.shape, first)?;
        Ok(Some(tensor.to_dtype(dtype)?.to_device(device)?))
    }

    fn verify(&self, storage: usize) -> Result<(), String> {
        let Some(storage) = self.table.storages.get(storage) else { return Ok(()) };
        let Some(expected) = storage.crc else { return Ok(()) };
        if storage.verified.load(Ordering::Relaxed) {
            return Ok(());
        }
        let bytes = self.bytes.get(storage.range.clone()).unwrap_or_default();
        if crc32fast::hash(bytes) != expected {
            return Err("does not match its checksum".to_owned());
        }
        storage.verified.store(true, Ordering::Relaxed);
        Ok(())
    }
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
