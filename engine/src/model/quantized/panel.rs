//! Panels: 32 rows of a matrix in blocks, unpacked to bytes.

use std::ops::Range;

use half::f16;

use crate::model::matrix::Format;

/// Rows of the matrix in a panel.
pub(super) const WIDTH: usize = 32;
/// Columns that are unpacked of each row in turn: their bytes stay in the processor's first cache
/// while all rows are written between each other.
const STRETCH: usize = 512;

/// A matrix in blocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct StoredMatrix<'a> {
    pub(super) format: Format,
    pub(super) stored: &'a [u8],
    pub(super) rows: usize,
    pub(super) columns: usize,
}

/// Four bytes of each of 16 rows of the matrix, the first in the lowest bits: what the processor
/// multiplies at once.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(super) struct Lane(pub(super) [u32; 16]);

/// One number for each of 16 rows.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(super) struct Numbers(pub(super) [f32; 16]);

/// All columns of 32 rows. An element is its byte times the scale of its block, less an offset: either that of the block,
/// or the same number of scales for all blocks, see [`common_offset`].
#[derive(Debug)]
pub(super) struct Panel {
    /// For each four columns, the two halves of the panel.
    pub(super) bytes: Vec<[Lane; 2]>,
    /// For each block.
    pub(super) scales: Vec<[Numbers; 2]>,
    /// For each block, where blocks have offsets of their own.
    pub(super) offsets: Vec<[Numbers; 2]>,
}

/// Scales to be taken off every element; `None` where each block says for itself.
pub(super) fn common_offset(format: Format) -> Option<i32> {
    match format {
        Format::Q8_0 => Some(128),
        Format::Q6K => Some(32),
        Format::Q5_0 => Some(16),
        Format::Q4_0 => Some(8),
        _ => None,
    }
}

/// Columns that share a scale.
pub(super) fn block(format: Format) -> usize {
    if format == Format::Q6K { 16 } else { 32 }
}

impl Panel {
    /// Room for panels of any matrix.
    pub(super) fn new() -> Self {
        Self { bytes: Vec::new(), scales: Vec::new(), offsets: Vec::new() }
    }

    /// Unpacks rows `first..first + WIDTH`, all columns. Rows beyond the last are 0.
    pub(super) fn unpack(&mut self, matrix: &StoredMatrix<'_>, first: usize) {
        let blocks = matrix.columns / block(matrix.format);
        let zeros = [Numbers([0.0; 16]); 2];
        self.bytes.resize(matrix.columns / 4, [Lane([0; 16]); 2]);
        self.scales.resize(blocks, zeros);
        self.offsets.resize(blocks, zeros);
        for start in (0..matrix.columns).step_by(STRETCH) {
            let columns = start..matrix.columns.min(start + STRETCH);
            for lane in 0..WIDTH {
                if first + lane < matrix.rows {
                    self.unpack_row(matrix, (lane, first + lane), columns.clone());
                }
            }
        }
        for lane in matrix.rows.saturating_sub(first)..WIDTH {
            self.clear(lane);
        }
    }

    /// Some columns of one row, whole blocks of the format.
    fn unpack_row(&mut self, matrix: &StoredMatrix<'_>, (lane, row): (usize, usize), columns: Range<usize>) {
        let format = matrix.format;
        let (from, to) = (format.bytes(columns.start), format.bytes(columns.end));
        let stored = &matrix.stored[row * format.bytes(matrix.columns)..][from..to];
        let place = (lane, columns);
        match format {
            Format::Q8_0 => self.fill(place, stored.as_chunks().0, q8_0),
            Format::Q5_0 => self.fill(place, stored.as_chunks().0, q5_0),
            Format::Q4_0 => self.fill(place, stored.as_chunks().0, q4_0),
            Format::Q6K => self.fill(place, stored.as_chunks().0, q6k),
            Format::Q5K => self.fill(place, stored.as_chunks().0, q5k),
            Format::Q4K => self.fill(place, stored.as_chunks().0, q4k),
            Format::F32 | Format::F16 | Format::BF16 => {}
        }
    }

    fn clear(&mut self, lane: usize) {
        let (half, lane) = (lane / 16, lane % 16);
        self.scales.iter_mut().for_each(|block| block[half].0[lane] = 0.0);
        self.offsets.iter_mut().for_each(|block| block[half].0[lane] = 0.0);
    }

    /// Writes columns of one row, whose blocks have `SIZE` bytes and hold `BLOCKS` scales over
    /// `VALUES` values.
    fn fill<const SIZE: usize, const VALUES: usize, const BLOCKS: usize>(
        &mut self,
        (lane, columns): (usize, Range<usize>),
        stored: &[[u8; SIZE]],
        read: impl Fn(&[u8; SIZE]) -> Unpacked<VALUES, BLOCKS>,
    ) {
        let (half, lane) = (lane / 16, lane % 16);
        let of_block = VALUES / BLOCKS;
        let blocks = columns.start / of_block..columns.end / of_block;
        let bytes = self.bytes[columns.start / 4..columns.end / 4].chunks_exact_mut(VALUES / 4);
        let scales = self.scales[blocks.clone()].chunks_exact_mut(BLOCKS);
        let numbers = scales.zip(self.offsets[blocks].chunks_exact_mut(BLOCKS));
        for (stored, (bytes, (scales, offsets))) in stored.iter().zip(bytes.zip(numbers)) {
            let unpacked = read(stored);
            for (place, four) in bytes.iter_mut().zip(unpacked.bytes.as_chunks().0) {
                place[half].0[lane] = u32::from_le_bytes(*four);
            }
            for (place, scale) in scales.iter_mut().zip(unpacked.scales) {
                place[half].0[lane] = scale;
            }
            for (place, offset) in offsets.iter_mut().zip(unpacked.offsets) {
                place[half].0[lane] = offset;
            }
        }
    }
}

/// What a stored block holds.
struct Unpacked<const VALUES: usize, const BLOCKS: usize> {
    bytes: [u8; VALUES],
    scales: [f32; BLOCKS],
    /// 0 where the format has a [`common_offset`].
    offsets: [f32; BLOCKS],
}

fn half(bytes: &[u8], at: usize) -> f32 {
    f16::from_le_bytes([bytes[at], bytes[at + 1]]).to_f32()
}

/// `d: f16`, 32 signed bytes.
fn q8_0(block: &[u8; 34]) -> Unpacked<32, 1> {
    let bytes = std::array::from_fn(|i| block[2 + i] ^ 0x80);
    Unpacked { bytes, scales: [half(block, 0)], offsets: [0.0] }
}

/// The low half bytes, then the high ones.
fn nibbles(packed: &[u8; 16]) -> [u8; 32] {
    std::array::from_fn(|i| if i < 16 { packed[i] & 15 } else { packed[i - 16] >> 4 })
}

/// `d: f16`, 32 half bytes.
fn q4_0(block: &[u8; 18]) -> Unpacked<32, 1> {
    let packed = std::array::from_fn(|i| block[2 + i]);
    Unpacked { bytes: nibbles(&packed), scales: [half(block, 0)], offsets: [0.0] }
}

/// `d: f16`, 32 fifth bits, 32 half bytes.
fn q5_0(block: &[u8; 22]) -> Unpacked<32, 1> {
    let fifth = u32::from_le_bytes([block[2], block[3], block[4], block[5]]);
    let low = nibbles(&std::array::from_fn(|i| block[6 + i]));
    let bytes = std::array::from_fn(|i| low[i] | ((fifth >> i & 1) as u8) << 4);
    Unpacked { bytes, scales: [half(block, 0)], offsets: [0.0] }
}

/// Scales and offsets of eight blocks of 32, six bits each, in units of `d` and `dmin`.
fn k_scales(d: f32, dmin: f32, packed: &[u8]) -> ([f32; 8], [f32; 8]) {
    let scale = |i: usize| match i {
        0..4 => packed[i] & 63,
        _ => packed[i + 4] & 15 | packed[i - 4] >> 6 << 4,
    };
    let offset = |i: usize| match i {
        0..4 => packed[i + 4] & 63,
        _ => packed[i + 4] >> 4 | packed[i] >> 6 << 4,
    };
    let scales = std::array::from_fn(|i| d * f32::from(scale(i)));
    (scales, std::array::from_fn(|i| dmin * f32::from(offset(i))))
}

/// `d, dmin: f16`, 12 bytes of scales, 256 half bytes: of each 32 bytes first the low halves.
fn q4k(block: &[u8; 144]) -> Unpacked<256, 8> {
    let (scales, offsets) = k_scales(half(block, 0), half(block, 2), &block[4..16]);
    let mut bytes = [0; 256];
    for (bytes, packed) in bytes.as_chunks_mut::<64>().0.iter_mut().zip(block[16..].as_chunks::<32>().0) {
        for i in 0..32 {
            bytes[i] = packed[i] & 15;
            bytes[32 + i] = packed[i] >> 4;
        }
    }
    Unpacked { bytes, scales, offsets }
}

/// As [`q4k`], with fifth bits: byte `i` of 32 holds those of elements `i`, `32 + i` …
fn q5k(block: &[u8; 176]) -> Unpacked<256, 8> {
    let (scales, offsets) = k_scales(half(block, 0), half(block, 2), &block[4..16]);
    let mut bytes = [0; 256];
    let fifth = &block[16..48];
    let parts = bytes.as_chunks_mut::<64>().0.iter_mut().zip(block[48..].as_chunks::<32>().0);
    for (part, (bytes, packed)) in parts.enumerate() {
        for i in 0..32 {
            bytes[i] = packed[i] & 15 | (fifth[i] >> (2 * part) & 1) << 4;
            bytes[32 + i] = packed[i] >> 4 | (fifth[i] >> (2 * part + 1) & 1) << 4;
        }
    }
    Unpacked { bytes, scales, offsets }
}

/// 256 half bytes, 256 upper pairs of bits, scales of 16 blocks of 16, `d: f16`.
fn q6k(block: &[u8; 210]) -> Unpacked<256, 16> {
    let d = half(block, 208);
    let mut bytes = [0; 256];
    let parts = block[..128].as_chunks::<64>().0.iter().zip(block[128..192].as_chunks::<32>().0);
    for (bytes, (low, high)) in bytes.as_chunks_mut::<128>().0.iter_mut().zip(parts) {
        for i in 0..32 {
            bytes[i] = low[i] & 15 | (high[i] & 3) << 4;
            bytes[32 + i] = low[32 + i] & 15 | (high[i] >> 2 & 3) << 4;
            bytes[64 + i] = low[i] >> 4 | (high[i] >> 4 & 3) << 4;
            bytes[96 + i] = low[32 + i] >> 4 | (high[i] >> 6) << 4;
        }
    }
    let scales = std::array::from_fn(|i| d * f32::from(block[192 + i].cast_signed()));
    Unpacked { bytes, scales, offsets: [0.0; 16] }
}
