//! Values of a file's entries.

/// The kinds of values that files of GLaMM have, and those that others may have beside.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Unsigned whole number, of any width in the file; written in 32 bits where it fits.
    Unsigned(u64),
    /// Signed whole number, of any width in the file; written in 64 bits.
    Signed(i64),
    /// Number, of either width in the file; written in 32 bits.
    Float(f64),
    /// True or false.
    Bool(bool),
    /// Text.
    Text(String),
    /// Texts.
    Texts(Vec<String>),
    /// Bytes.
    Bytes(Vec<u8>),
    /// Some other array, skipped.
    Other,
}

/// Numbers of types in the file.
pub(super) mod kind {
    pub(in crate::gguf) const UINT8: u32 = 0;
    pub(in crate::gguf) const INT8: u32 = 1;
    pub(in crate::gguf) const UINT16: u32 = 2;
    pub(in crate::gguf) const INT16: u32 = 3;
    pub(in crate::gguf) const UINT32: u32 = 4;
    pub(in crate::gguf) const INT32: u32 = 5;
    pub(in crate::gguf) const FLOAT32: u32 = 6;
    pub(in crate::gguf) const BOOL: u32 = 7;
    pub(in crate::gguf) const STRING: u32 = 8;
    pub(in crate::gguf) const ARRAY: u32 = 9;
    pub(in crate::gguf) const UINT64: u32 = 10;
    pub(in crate::gguf) const INT64: u32 = 11;
    pub(in crate::gguf) const FLOAT64: u32 = 12;
}

impl Value {
    /// Appends type and value as they stand in the file.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let mut number = |kind: u32, bytes: &[u8]| {
            out.extend_from_slice(&kind.to_le_bytes());
            out.extend_from_slice(bytes);
        };
        match self {
            Self::Unsigned(n) => match u32::try_from(*n) {
                Ok(n) => number(kind::UINT32, &n.to_le_bytes()),
                Err(_) => number(kind::UINT64, &n.to_le_bytes()),
            },
            Self::Signed(n) => number(kind::INT64, &n.to_le_bytes()),
            Self::Float(x) => number(kind::FLOAT32, &(*x as f32).to_le_bytes()),
            Self::Bool(yes) => number(kind::BOOL, &[u8::from(*yes)]),
            Self::Text(text) => {
                number(kind::STRING, &[]);
                write_text(text, out);
            }
            Self::Texts(texts) => {
                number(kind::ARRAY, &kind::STRING.to_le_bytes());
                out.extend_from_slice(&(texts.len() as u64).to_le_bytes());
                for text in texts {
                    write_text(text, out);
                }
            }
            Self::Bytes(bytes) => {
                number(kind::ARRAY, &kind::UINT8.to_le_bytes());
                write_bytes(bytes, out);
            }
            // Nobody writes what was skipped; an empty array stands for it.
            Self::Other => {
                number(kind::ARRAY, &kind::UINT8.to_le_bytes());
                write_bytes(&[], out);
            }
        }
    }
}

pub(super) fn write_text(text: &str, out: &mut Vec<u8>) {
    write_bytes(text.as_bytes(), out);
}

fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
    out.extend_from_slice(bytes);
}
