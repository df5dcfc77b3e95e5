//! Writes a file from front to back: first all entries and the table, whose sizes are known
//! beforehand, then the contents of one tensor after the other. No more than one is ever in memory.

use std::io::{self, Write};

use super::value::{Value, write_text};
use super::{ALIGNMENT, MAGIC, VERSION, type_number};
use crate::model::format::Format;

/// What a file will hold.
#[derive(Debug, Clone, Default)]
pub struct GgufLayout {
    /// Keys and values, in the order of the file.
    pub entries: Vec<(String, Value)>,
    /// Names, shapes (slowest dimension first) and formats, in the order of the file.
    pub tensors: Vec<(String, Vec<usize>, Format)>,
}

impl GgufLayout {
    /// Bytes of the whole file.
    pub fn file_bytes(&self) -> u64 {
        let contents: u64 =
            self.tensors.iter().map(|(_, shape, format)| padded(size_of(shape, *format))).sum();
        padded(self.front().len() as u64) + contents
    }

    fn front(&self) -> Vec<u8> {
        let mut front = Vec::new();
        front.extend_from_slice(MAGIC);
        front.extend_from_slice(&VERSION.to_le_bytes());
        front.extend_from_slice(&(self.tensors.len() as u64).to_le_bytes());
        front.extend_from_slice(&(self.entries.len() as u64).to_le_bytes());
        for (key, value) in &self.entries {
            write_text(key, &mut front);
            value.write(&mut front);
        }
        let mut offset = 0;
        for (name, shape, format) in &self.tensors {
            write_text(name, &mut front);
            front.extend_from_slice(&(shape.len() as u32).to_le_bytes());
            shape.iter().rev().for_each(|&side| front.extend_from_slice(&(side as u64).to_le_bytes()));
            front.extend_from_slice(&type_number(*format).to_le_bytes());
            front.extend_from_slice(&u64::to_le_bytes(offset));
            offset += padded(size_of(shape, *format));
        }
        front
    }
}

fn size_of(shape: &[usize], format: Format) -> u64 {
    format.bytes(shape.iter().product()) as u64
}

fn padded(length: u64) -> u64 {
    length.next_multiple_of(ALIGNMENT)
}

/// Writes the tensors of a layout, in its order.
pub struct GgufWriter<W> {
    file: W,
    /// Bytes of the tensors that are still to come, the next one last.
    waiting: Vec<u64>,
    /// Bytes of the tensors so far, padding included.
    written: u64,
}

impl<W: Write> GgufWriter<W> {
    /// Writes everything before the tensors.
    ///
    /// # Errors
    /// The system's.
    pub fn new(mut file: W, layout: &GgufLayout) -> io::Result<Self> {
        let mut front = layout.front();
        front.resize(padded(front.len() as u64) as usize, 0);
        file.write_all(&front)?;
        let sizes = layout.tensors.iter().rev().map(|(_, shape, format)| size_of(shape, *format));
        // Nothing is written for what has no numbers.
        Ok(Self { file, waiting: sizes.filter(|&size| size > 0).collect(), written: 0 })
    }

    /// Writes the next bytes of the next tensor, which ends when all that were announced are there.
    ///
    /// # Errors
    /// The system's; or these are more bytes than the layout said.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let length = bytes.len() as u64;
        let Some(left) = self.waiting.last_mut().filter(|left| length <= **left) else {
            return Err(io::Error::other(format!("{length} bytes are more than what was announced")));
        };
        self.file.write_all(bytes)?;
        self.written += length;
        *left -= length;
        if *left > 0 {
            return Ok(());
        }
        self.waiting.pop();
        let padding = padded(self.written) - self.written;
        self.written += padding;
        self.file.write_all(&[0; ALIGNMENT as usize][..padding as usize])
    }

    /// Hands the file back once everything is written.
    ///
    /// # Errors
    /// The system's; or tensors are missing.
    pub fn finish(mut self) -> io::Result<W> {
        if !self.waiting.is_empty() {
            return Err(io::Error::other(format!("{} tensors are missing", self.waiting.len())));
        }
        self.file.flush()?;
        Ok(self.file)
    }
}
