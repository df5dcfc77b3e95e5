//! Reads the entries and the table of tensors of a file, wherever it comes from: whatever the bytes
//! are, the result is a table whose ranges lie in the file, or an error. Memory stays within a small
//! multiple of the bytes read.

use std::collections::BTreeMap;
use std::io::Read;
use std::ops::Range;

use super::value::{Value, kind};
use super::{ALIGNMENT, ALIGNMENT_KEY, MAGIC, format_of_number};
use crate::model::format::Format;

/// More entries or tensors than any model has.
const MAX_COUNT: u64 = 200_000;
/// More texts than any vocabulary has.
const MAX_TEXTS: u64 = 2_000_000;
/// Longer than any name or key.
const MAX_NAME: u64 = 4096;
/// Bytes that all entries and the table may have together.
const MAX_HEADER: u64 = 256 << 20;
const MAX_DIMENSIONS: u32 = 4;
/// Arrays may lie in one another this deep.
const MAX_DEPTH: usize = 8;

/// Entries and tensors of a file.
#[derive(Debug)]
pub struct Gguf {
    /// By their keys.
    pub entries: BTreeMap<String, Value>,
    /// By their names.
    pub tensors: BTreeMap<String, GgufTensor>,
}

/// Where a tensor lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GgufTensor {
    /// Slowest dimension first, as everywhere else.
    pub shape: Vec<usize>,
    /// How its elements are stored.
    pub format: Format,
    /// Its bytes in the file.
    pub range: Range<usize>,
}

impl Gguf {
    /// Reads the front of a file of `length` bytes.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(file: impl Read, length: usize) -> Result<Self, String> {
        let mut reader = Reader { file, at: 0 };
        if reader.array::<4>()? != *MAGIC {
            return Err("it is no GGUF file".to_owned());
        }
        let version = reader.u32()?;
        if !(2..=3).contains(&version) {
            return Err(format!("it is a GGUF file of version {version}; versions 2 and 3 can be read"));
        }
        let (tensors, entries) = (reader.count("tensors")?, reader.count("entries")?);
        let entries = reader.entries(entries)?;
        let alignment = match entries.get(ALIGNMENT_KEY) {
            None => ALIGNMENT,
            Some(Value::Unsigned(n)) if n.is_power_of_two() && *n <= 1 << 20 => *n,
            Some(other) => return Err(format!("its alignment is {other:?}")),
        };
        let places = reader.places(tensors)?;
        let start = reader.at.next_multiple_of(alignment);
        let mut tensors = BTreeMap::new();
        for (name, shape, format, offset) in places {
            let range = range_of(&shape, format, start.checked_add(offset), length);
            let range = range
                .ok_or_else(|| format!("tensor {name} lies outside the file, which may be truncated"))?;
            if tensors.insert(name.clone(), GgufTensor { shape, format, range }).is_some() {
                return Err(format!("it has two tensors {name}"));
            }
        }
        Ok(Self { entries, tensors })
    }

    /// The text under `key`.
    pub fn text(&self, key: &str) -> Option<&str> {
        match self.entries.get(key)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

fn range_of(shape: &[usize], format: Format, start: Option<u64>, length: usize) -> Option<Range<usize>> {
    let start = usize::try_from(start?).ok()?;
    let elements = shape.iter().try_fold(1usize, |n, &side| n.checked_mul(side))?;
    let row = shape.last().copied().unwrap_or(1);
    // Rows are whole blocks; and no more elements than bits, before sizes are multiplied.
    if !row.is_multiple_of(format.block()) || elements / 8 > length {
        return None;
    }
    let end = start.checked_add(format.bytes(elements))?;
    (end <= length).then_some(start..end)
}

type Place = (String, Vec<usize>, Format, u64);

struct Reader<R> {
    file: R,
    at: u64,
}

impl<R: Read> Reader<R> {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), String> {
        self.at += bytes.len() as u64;
        if self.at > MAX_HEADER {
            return Err(format!("its entries have more than {} MB", MAX_HEADER >> 20));
        }
        self.file.read_exact(bytes).map_err(|_| "it ends in the middle of its table".to_owned())
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn u32(&mut self) -> Result<u32, String> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, String> {
        self.array().map(u64::from_le_bytes)
    }

    fn count(&mut self, what: &str) -> Result<u64, String> {
        match self.u64()? {
            n if n <= MAX_COUNT => Ok(n),
            n => Err(format!("it announces {n} {what}")),
        }
    }

    /// Bytes are taken as they come, so that a false length takes no memory.
    fn bytes(&mut self, length: u64) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        let got = (&mut self.file).take(length.min(MAX_HEADER)).read_to_end(&mut bytes);
        self.at += bytes.len() as u64;
        match got {
            Ok(n) if n as u64 == length && self.at <= MAX_HEADER => Ok(bytes),
            _ => Err("it ends in the middle of its table".to_owned()),
        }
    }

    fn text(&mut self, limit: u64) -> Result<String, String> {
        let length = self.u64()?;
        if length > limit {
            return Err(format!("it has a text of {length} bytes where {limit} are the most"));
        }
        String::from_utf8(self.bytes(length)?).map_err(|_| "a text in it is not UTF-8".to_owned())
    }

    fn entries(&mut self, count: u64) -> Result<BTreeMap<String, Value>, String> {
        let mut entries = BTreeMap::new();
        for _ in 0..count {
            let key = self.text(MAX_NAME)?;
            let kind = self.u32()?;
            let value = self.value(kind).map_err(|reason| format!("entry {key}: {reason}"))?;
            if entries.insert(key.clone(), value).is_some() {
                return Err(format!("it has two entries {key}"));
            }
        }
        Ok(entries)
    }

    fn value(&mut self, kind: u32) -> Result<Value, String> {
        Ok(match kind {
            kind::UINT8 => Value::Unsigned(u64::from(self.array::<1>()?[0])),
            kind::INT8 => Value::Signed(i64::from(i8::from_le_bytes(self.array()?))),
            kind::UINT16 => Value::Unsigned(u64::from(u16::from_le_bytes(self.array()?))),
            kind::INT16 => Value::Signed(i64::from(i16::from_le_bytes(self.array()?))),
            kind::UINT32 => Value::Unsigned(u64::from(self.u32()?)),
            kind::INT32 => Value::Signed(i64::from(i32::from_le_bytes(self.array()?))),
            kind::FLOAT32 => Value::Float(f64::from(f32::from_le_bytes(self.array()?))),
            kind::BOOL => Value::Bool(self.array::<1>()?[0] != 0),
            kind::STRING => Value::Text(self.text(MAX_HEADER)?),
            kind::ARRAY => self.array_value(0)?,
            kind::UINT64 => Value::Unsigned(self.u64()?),
            kind::INT64 => Value::Signed(i64::from_le_bytes(self.array()?)),
            kind::FLOAT64 => Value::Float(f64::from_le_bytes(self.array()?)),
            other => return Err(format!("values of type {other} are not known")),
        })
    }

    /// An array inside `depth` others.
    fn array_value(&mut self, depth: usize) -> Result<Value, String> {
        let (of, count) = (self.u32()?, self.u64()?);
        let size = match of {
            kind::STRING => {
                if count > MAX_TEXTS {
                    return Err(format!("its array announces {count} texts"));
                }
                let mut texts = Vec::new();
                for _ in 0..count {
                    texts.push(self.text(MAX_HEADER)?);
                }
                return Ok(Value::Texts(texts));
            }
            kind::ARRAY if depth < MAX_DEPTH => {
                // Each takes some bytes of the file, so that these end in time.
                for _ in 0..count {
                    self.array_value(depth + 1)?;
                }
                return Ok(Value::Other);
            }
            kind::ARRAY => return Err("its arrays lie too deep in one another".to_owned()),
            kind::UINT8 => return self.bytes(count).map(Value::Bytes),
            kind::INT8 | kind::BOOL => 1,
            kind::UINT16 | kind::INT16 => 2,
            kind::UINT32 | kind::INT32 | kind::FLOAT32 => 4,
            kind::UINT64 | kind::INT64 | kind::FLOAT64 => 8,
            other => return Err(format!("arrays of type {other} are not known")),
        };
        let length = count.checked_mul(size).ok_or("its array has no end")?;
        self.bytes(length).map(|_| Value::Other)
    }

    fn places(&mut self, count: u64) -> Result<Vec<Place>, String> {
        let mut places = Vec::new();
        for _ in 0..count {
            let name = self.text(MAX_NAME)?;
            let dimensions = self.u32()?;
            if dimensions > MAX_DIMENSIONS {
                return Err(format!("tensor {name} has {dimensions} dimensions"));
            }
            let mut shape = Vec::new();
            for _ in 0..dimensions {
                let side = usize::try_from(self.u64()?);
                shape.push(side.map_err(|_| format!("tensor {name} is too large for this machine"))?);
            }
            shape.reverse();
            let kind = self.u32()?;
            let format = format_of_number(kind).ok_or_else(|| {
                format!("tensor {name} is in GGML's format number {kind}, which is not known")
            })?;
            places.push((name, shape, format, self.u64()?));
        }
        Ok(places)
    }
}
