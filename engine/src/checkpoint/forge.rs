//! Makes torch files for tests, well formed or not.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::{Cursor, Write as _};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// One tensor of a pickled state dict; numbers may be nonsense.
#[derive(Debug, Clone)]
pub(super) struct Forged {
    pub(super) name: &'static str,
    pub(super) class: &'static str,
    pub(super) key: &'static str,
    pub(super) elements: i64,
    pub(super) offset: i64,
    pub(super) shape: Vec<i64>,
    pub(super) strides: Vec<i64>,
}

impl Forged {
    /// Row-major float32.
    pub(super) fn floats(name: &'static str, key: &'static str, shape: &[i64]) -> Self {
        let strides = (0..shape.len()).map(|i| shape[i + 1..].iter().product()).collect();
        let elements = shape.iter().product();
        Self { name, class: "FloatStorage", key, elements, offset: 0, shape: shape.to_vec(), strides }
    }
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.push(b'X');
    out.extend((text.len() as u32).to_le_bytes());
    out.extend(text.as_bytes());
}

fn number(out: &mut Vec<u8>, number: i64) {
    out.extend([0x8a, 8]);
    out.extend(number.to_le_bytes());
}

fn numbers(out: &mut Vec<u8>, numbers: &[i64]) {
    out.push(b'(');
    for &n in numbers {
        number(out, n);
    }
    out.push(b't');
}

/// As `torch.save` writes an `OrderedDict` of tensors.
pub(super) fn pickle(tensors: &[Forged]) -> Vec<u8> {
    let mut out = b"\x80\x02ccollections\nOrderedDict\n)R(".to_vec();
    for tensor in tensors {
        text(&mut out, tensor.name);
        out.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
        text(&mut out, "storage");
        out.extend(format!("ctorch\n{}\n", tensor.class).as_bytes());
        text(&mut out, tensor.key);
        text(&mut out, "cpu");
        number(&mut out, tensor.elements);
        out.extend(b"tQ");
        number(&mut out, tensor.offset);
        numbers(&mut out, &tensor.shape);
        numbers(&mut out, &tensor.strides);
        out.extend(b"\x89ccollections\nOrderedDict\n)RtR");
    }
    out.extend(b"u}");
    text(&mut out, "_metadata");
    out.extend(b"}sb.");
    out
}

/// An archive of a pickle and of storages by their keys.
pub(super) fn torch_file(pickle: &[u8], storages: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let mut entry = |name: &str, bytes: &[u8]| {
        archive.start_file(format!("archive/{name}"), options).unwrap();
        archive.write_all(bytes).unwrap();
    };
    entry("data.pkl", pickle);
    entry("byteorder", b"little");
    for (key, bytes) in storages {
        entry(&format!("data/{key}"), bytes);
    }
    archive.finish().unwrap().into_inner()
}

/// 0, 1, 2, … as float32.
pub(super) fn counting(elements: usize) -> Vec<u8> {
    (0..elements).flat_map(|i| (i as f32).to_le_bytes()).collect()
}
