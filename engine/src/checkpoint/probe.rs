//! Files of weights that are held in memory, through their whole reader. Called by the fuzz targets
//! in `engine/fuzz` and by tests; loading a model goes another way, see [`super::Checkpoint`].

use candle_core::{DType, Device};

use super::source::Contents;
use super::tensor_file::TensorFile;
use super::tensor_set::parse_index;
use super::torch_writer::TorchArchive;
use crate::error::EngineError;

/// Reads every tensor of a file, and tells how many there are. `name` decides the format, as for
/// files on the disk: `.safetensors`, or anything else for what `torch.save` writes.
///
/// # Errors
/// The first thing that is wrong with the file.
pub fn weights(name: &str, bytes: Vec<u8>) -> Result<usize, EngineError> {
    let file = TensorFile::new(name.into(), Contents::from_bytes(bytes))?;
    for tensor in file.table.tensors.keys() {
        file.count_non_finite(tensor)?;
        file.read(tensor, DType::F32, &Device::Cpu)?;
    }
    Ok(file.table.tensors.len())
}

/// Reads an index of weight files, and tells how many tensors it places.
///
/// # Errors
/// What is wrong with it.
pub fn index(text: &str) -> Result<usize, String> {
    Ok(parse_index(text)?.weight_map.len())
}

/// A well-formed archive around a pickle, with two storages of 64 bytes.
pub fn torch_archive(pickle: &[u8]) -> Vec<u8> {
    let mut archive = TorchArchive::new(Vec::new(), "archive");
    let storage = [0_u8; 64];
    for (name, data) in [("data.pkl", pickle), ("data/0", &storage), ("data/1", &storage)] {
        // Memory takes all that is written to it.
        drop(archive.entry(name, [data]));
    }
    archive.finish().unwrap_or_default()
}
