//! Makes torch files for tests, well formed or not, with the writer that makes good ones.

use candle_core::Device;

use super::FileSource;
use super::tensor_file::Element;
use super::tensor_set::TensorSet;
use super::torch_writer::{PickledEntry, TorchArchive};

/// Row-major float32 under `name`, in the storage `key`.
pub(super) fn floats(name: &str, key: &str, shape: &[i64]) -> PickledEntry {
    PickledEntry::row_major(name, "FloatStorage", key, shape)
}

/// An archive of a pickle and of storages by their keys.
pub(super) fn torch_file(pickle: &[u8], storages: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = TorchArchive::new(Vec::new(), "archive");
    archive.entry("data.pkl", [pickle]).unwrap();
    archive.entry("byteorder", [b"little"]).unwrap();
    for (key, bytes) in storages {
        archive.entry(&format!("data/{key}"), [bytes]).unwrap();
    }
    archive.finish().unwrap()
}

/// 0, 1, 2, … as float32.
pub(super) fn counting(elements: usize) -> Vec<u8> {
    (0..elements).flat_map(|i| (i as f32).to_le_bytes()).collect()
}

/// Name, type, shape and CRC-32 of the elements of every tensor in a directory, as they are read.
pub(crate) fn tensor_sums(source: &FileSource) -> Vec<(String, &'static str, Vec<usize>, u32)> {
    let set = TensorSet::open(source).unwrap();
    let sum = |name: &str| {
        let (stored, _) = set.find(name).unwrap();
        let Element::Known(dtype) = stored.element else { panic!("{name} is of an unknown type") };
        let tensor = set.read(name, dtype, &Device::Cpu).unwrap();
        let mut bytes = Vec::new();
        tensor.flatten_all().unwrap().write_bytes(&mut bytes).unwrap();
        (name.to_owned(), dtype.as_str(), stored.shape.clone(), crc32fast::hash(&bytes))
    };
    set.names().map(sum).collect()
}
