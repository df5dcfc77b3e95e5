//! Makes torch files for tests, well formed or not, with the writer that makes good ones.
#![expect(clippy::unwrap_used, reason = "tests")]

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
