//! Writes `.bin` files as `torch.save` does: the reader's counterpart. Used by [`crate::fabricate`],
//! and by the tests, which also write what `torch.save` never would.
//!
//! Data goes straight to the sink: checksums follow the data, as PyTorch's own writer has them, so
//! that neither a whole entry nor a way back is needed.
//!
//! Format: `caffe2/serialize/inline_container.cc` of PyTorch, `pickletools.py` of CPython.

use std::collections::HashMap;
use std::io::{self, Write};

/// Storages begin at multiples of this, so that they can be mapped.
const ALIGNMENT: u64 = 64;
/// Entries carry their sums behind them; names are UTF-8.
const FLAGS: u16 = 1 << 3 | 1 << 11;
/// Picklers store dictionaries in stretches of this many entries.
const BATCH: usize = 1000;
/// For offsets that do not fit 32 bits.
const WIDE: u32 = u32::MAX;

/// One tensor of a state dict. Numbers are written as they are, sensible or not.
#[derive(Debug, Clone)]
pub(crate) struct PickledEntry {
    /// Its key in the state dict.
    pub(crate) name: String,
    /// Of its storage, without `torch.`: `FloatStorage`.
    pub(crate) class: &'static str,
    /// Its storage is the archive's entry `data/KEY`.
    pub(crate) key: String,
    /// Of the storage.
    pub(crate) elements: i64,
    /// Of the first element.
    pub(crate) offset: i64,
    pub(crate) shape: Vec<i64>,
    pub(crate) strides: Vec<i64>,
}

impl PickledEntry {
    /// A tensor that fills its storage, in row-major order.
    pub(crate) fn row_major(name: &str, class: &'static str, key: &str, shape: &[i64]) -> Self {
        let mut strides = vec![1; shape.len()];
        for i in (1..shape.len()).rev() {
            strides[i - 1] = strides[i] * shape[i];
        }
        let elements = shape.iter().product();
        let (name, key) = (name.to_owned(), key.to_owned());
        Self { name, class, key, elements, offset: 0, shape: shape.to_vec(), strides }
    }
}

/// The pickle (protocol 2) of a dictionary of tensors, instruction by instruction as Python writes it.
pub(crate) fn pickle_state_dict(entries: &[PickledEntry]) -> Vec<u8> {
    let mut pickler = Pickler::default();
    pickler.out.extend(b"\x80\x02}");
    pickler.remember();
    for batch in entries.chunks(BATCH) {
        if batch.len() > 1 {
            pickler.out.push(b'(');
        }
        for entry in batch {
            pickler.tensor(entry);
        }
        pickler.out.push(if batch.len() > 1 { b'u' } else { b's' });
    }
    pickler.out.push(b'.');
    pickler.out
}

#[derive(Default)]
struct Pickler {
    out: Vec<u8>,
    /// Values in the memory.
    remembered: u32,
    /// Where constants are in the memory: instructions that make each, and its slot.
    constants: HashMap<Vec<u8>, u32>,
}

impl Pickler {
    fn tensor(&mut self, entry: &PickledEntry) {
        self.text(&entry.name);
        self.constant(b"ctorch._utils\n_rebuild_tensor_v2\n");
        self.out.extend(b"((");
        self.constant(&text(b"storage"));
        self.constant(format!("ctorch\n{}\n", entry.class).as_bytes());
        self.text(&entry.key);
        self.constant(&text(b"cpu"));
        self.number(entry.elements);
        self.out.push(b't');
        self.remember();
        self.out.push(b'Q');
        self.number(entry.offset);
        self.tuple(&entry.shape);
        self.tuple(&entry.strides);
        // Gradients are not wanted, and there are no hooks.
        self.out.push(0x89);
        self.constant(b"ccollections\nOrderedDict\n");
        for instruction in [b")R", b"t\0", b"R\0"] {
            self.out.extend(instruction.iter().filter(|&&byte| byte != 0));
            self.remember();
        }
    }

    fn text(&mut self, value: &str) {
        self.out.extend(text(value.as_bytes()));
        self.remember();
    }

    /// A value that occurs often: made once, then taken from the memory.
    fn constant(&mut self, make: &[u8]) {
        if let Some(&slot) = self.constants.get(make) {
            return self.memory(*b"hj", slot);
        }
        self.constants.insert(make.to_vec(), self.remembered);
        self.out.extend(make);
        self.remember();
    }

    fn remember(&mut self) {
        self.memory(*b"qr", self.remembered);
        self.remembered += 1;
    }

    fn memory(&mut self, [short, long]: [u8; 2], slot: u32) {
        if let Ok(slot) = u8::try_from(slot) {
            self.out.extend([short, slot]);
        } else {
            self.out.push(long);
            self.out.extend(slot.to_le_bytes());
        }
    }

    fn number(&mut self, number: i64) {
        match (u8::try_from(number), u16::try_from(number), i32::try_from(number)) {
            (Ok(number), ..) => self.out.extend([b'K', number]),
            (_, Ok(number), _) => {
                self.out.push(b'M');
                self.out.extend(number.to_le_bytes());
            }
            (.., Ok(number)) => {
                self.out.push(b'J');
                self.out.extend(number.to_le_bytes());
            }
            _ => {
                self.out.extend([0x8a, 8]);
                self.out.extend(number.to_le_bytes());
            }
        }
    }

    fn tuple(&mut self, numbers: &[i64]) {
        if numbers.is_empty() {
            return self.out.push(b')');
        }
        let short = numbers.len() <= 3;
        if !short {
            self.out.push(b'(');
        }
        for &number in numbers {
            self.number(number);
        }
        self.out.push(if short { 0x84 + numbers.len() as u8 } else { b't' });
        self.remember();
    }
}

fn text(value: &[u8]) -> Vec<u8> {
    [b"X", &(value.len() as u32).to_le_bytes()[..], value].concat()
}

/// A zip archive under construction.
#[derive(Debug)]
pub(crate) struct TorchArchive<W> {
    out: W,
    /// Every entry lies in this folder.
    root: String,
    /// Bytes written.
    at: u64,
    directory: Vec<u8>,
    entries: u64,
}

impl<W: Write> TorchArchive<W> {
    /// An archive whose entries lie in the folder `root`.
    pub(crate) fn new(out: W, root: &str) -> Self {
        Self { out, root: root.to_owned(), at: 0, directory: Vec::new(), entries: 0 }
    }

    /// Writes one entry, its data in pieces.
    ///
    /// # Errors
    /// The sink's, and where the data has 4 GB or more.
    pub(crate) fn entry<P: AsRef<[u8]>>(
        &mut self,
        name: &str,
        pieces: impl IntoIterator<Item = P>,
    ) -> io::Result<()> {
        let name = format!("{}/{name}", self.root);
        let header = self.at;
        self.local_header(&name)?;
        let mut sum = crc32fast::Hasher::new();
        let data = self.at;
        for piece in pieces {
            sum.update(piece.as_ref());
            self.put(piece.as_ref())?;
        }
        let size = u32::try_from(self.at - data).map_err(io::Error::other)?;
        let sums = [sum.finalize(), size, size].map(u32::to_le_bytes).concat();
        self.put(b"PK\x07\x08")?;
        self.put(&sums)?;
        self.list(&name, header, &sums);
        Ok(())
    }

    /// Data begins at a multiple of [`ALIGNMENT`]: an extra field of the right length goes before it.
    fn local_header(&mut self, name: &str) -> io::Result<()> {
        let unpadded = self.at + 30 + name.len() as u64 + 4;
        let padding = (ALIGNMENT - unpadded % ALIGNMENT) as u16;
        let mut header = b"PK\x03\x04\0\0".to_vec();
        header.extend(FLAGS.to_le_bytes());
        // Method, time, date, sum and sizes.
        header.extend([0; 18]);
        header.extend((name.len() as u16).to_le_bytes());
        header.extend((padding + 4).to_le_bytes());
        header.extend(name.as_bytes());
        header.extend(b"FB");
        header.extend(padding.to_le_bytes());
        header.extend(vec![b'Z'; padding.into()]);
        self.put(&header)
    }

    /// Adds an entry to the directory; `sums` are its CRC and its sizes.
    fn list(&mut self, name: &str, header: u64, sums: &[u8]) {
        let narrow = u32::try_from(header).ok().filter(|&header| header != WIDE);
        let extra = match narrow {
            Some(_) => Vec::new(),
            None => [&[1, 0, 8, 0][..], &header.to_le_bytes()].concat(),
        };
        let out = &mut self.directory;
        out.extend(b"PK\x01\x02\0\0\0\0");
        out.extend(FLAGS.to_le_bytes());
        out.extend([0; 6]);
        out.extend(sums);
        out.extend((name.len() as u16).to_le_bytes());
        out.extend((extra.len() as u16).to_le_bytes());
        out.extend([0; 10]);
        out.extend(narrow.unwrap_or(WIDE).to_le_bytes());
        out.extend(name.as_bytes());
        out.extend(extra);
        self.entries += 1;
    }

    /// Writes the directory, and gives the sink back.
    ///
    /// # Errors
    /// The sink's.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        let (start, directory) = (self.at, std::mem::take(&mut self.directory));
        self.put(&directory)?;
        let end = self.at;
        let (size, count) = (directory.len() as u64, self.entries);
        // The 64-bit record, always; where it is; and the record of old, with numbers that fit it.
        self.put(b"PK\x06\x06\x2c\0\0\0\0\0\0\0\x1e\x03\x2d\0\0\0\0\0\0\0\0\0")?;
        self.put(&[count, count, size, start].map(u64::to_le_bytes).concat())?;
        self.put(b"PK\x06\x07\0\0\0\0")?;
        self.put(&end.to_le_bytes())?;
        self.put(b"\x01\0\0\0PK\x05\x06\0\0\0\0")?;
        let count = u16::try_from(count).unwrap_or(u16::MAX).to_le_bytes();
        self.put(&[count, count].concat())?;
        self.put(&[size, start].map(|n| u32::try_from(n).unwrap_or(WIDE).to_le_bytes()).concat())?;
        self.put(&[0, 0])?;
        Ok(self.out)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.at += bytes.len() as u64;
        self.out.write_all(bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::super::pickle::read_state_dict;
    use super::super::source::Contents;
    use super::super::tensor_file::Element;
    use super::super::zip_directory::read_directory;
    use super::*;

    #[test]
    fn writes_a_file_of_torch_save_again_byte_for_byte() {
        let stem = "pytorch_model-00001-of-00002";
        let path = format!("../tests/golden/public/glamm-tiny/{stem}.bin");
        let whole = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
        let listed = read_directory(&Contents::from_bytes(whole.clone())).unwrap().unwrap();

        let table = &whole[listed[0].range.clone()];
        let tensors = read_state_dict(table).unwrap();
        let entries: Vec<PickledEntry> = tensors
            .iter()
            .map(|(name, tensor)| {
                let shape: Vec<i64> = tensor.shape.iter().map(|&n| n as i64).collect();
                let element = &tensor.storage.element;
                let half = *element == Element::Known(candle_core::DType::BF16);
                let class = if half { "BFloat16Storage" } else { "FloatStorage" };
                PickledEntry::row_major(name, class, &tensor.storage.key, &shape)
            })
            .collect();
        assert_eq!(pickle_state_dict(&entries), table);

        let mut archive = TorchArchive::new(Vec::new(), stem);
        for entry in &listed {
            let name = entry.name.strip_prefix(&format!("{stem}/")).unwrap();
            archive.entry(name, whole[entry.range.clone()].chunks(1000)).unwrap();
        }
        assert!(archive.finish().unwrap() == whole);
    }
}
