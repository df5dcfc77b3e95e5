//! Panels: 32 rows of a matrix in blocks, unpacked to bytes.
//!
//! Bytes are unpacked eight at a time in a whole number: written one at a time, they stay so. A square of 16
//! rows and 64 columns is then [turned](turn) in registers.

#![expect(clippy::inline_always, reason = "compiled for each kernel's instructions, with all that it calls")]

use half::f16;

use super::turn;
use crate::model::format::Format;
use crate::model::quantized::stored::{StoredMatrix, part};

/// Rows of the matrix in a panel.
pub(super) const WIDTH: usize = 32;
/// Rows that are unpacked together, half a panel.
pub(super) const LANES: usize = 16;
/// Columns that are unpacked of each of them in turn: their bytes stay in the processor's first cache
/// until they are turned.
const STRETCH: usize = 512;
/// Of 64 columns each.
const SQUARES: usize = STRETCH / (4 * LANES);

/// Four bytes of each of 16 rows of the matrix, the first in the lowest bits: what the processor
/// multiplies at once.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(in crate::model::quantized) struct Lane(pub(super) [u32; 16]);

/// One number for each of 16 rows.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(in crate::model::quantized) struct Numbers(pub(super) [f32; 16]);

/// All columns of 32 rows. An element is its byte times the scale of its block, less an offset: either that
/// of the block, or the same number of scales for all blocks, see [`common_offset`].
#[derive(Debug)]
pub(in crate::model::quantized) struct Panel {
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
}

/// Defines how panels are unpacked with some of the processor's instructions. A macro, so that each is
/// compiled for these as a whole.
macro_rules! unpacking {
    ($unpack:ident, $fill:ident, $features:tt, $turn:path) => {
        impl Panel {
            /// Unpacks rows `first..first + WIDTH`, all columns. Rows beyond the last are 0.
            #[target_feature(enable = $features)]
            pub(super) fn $unpack(&mut self, matrix: &StoredMatrix<'_>, first: usize) {
                let blocks = matrix.columns / block(matrix.format);
                let zeros = [Numbers([0.0; 16]); 2];
                self.bytes.resize(matrix.columns / 4, [Lane([0; 16]); 2]);
                self.scales.resize(blocks, zeros);
                self.offsets.resize(blocks, zeros);
                for half in 0..2 {
                    let place = (half, first + half * LANES);
                    match matrix.format {
                        Format::Q8_0 => self.$fill(matrix, place, q8_0),
                        Format::Q5_0 => self.$fill(matrix, place, q5_0),
                        Format::Q4_0 => self.$fill(matrix, place, q4_0),
                        Format::Q6K => self.$fill(matrix, place, q6k),
                        Format::Q5K => self.$fill(matrix, place, q5k),
                        Format::Q4K => self.$fill(matrix, place, q4k),
                        Format::F32 | Format::F16 | Format::BF16 => {}
                    }
                }
            }

            /// Unpacks half a panel, from the row `first` of the matrix on, whose stored blocks have `SIZE`
            /// bytes and hold `BLOCKS` scales over `VALUES` values.
            #[target_feature(enable = $features)]
            fn $fill<const SIZE: usize, const VALUES: usize, const BLOCKS: usize>(
                &mut self,
                matrix: &StoredMatrix<'_>,
                (half, first): (usize, usize),
                read: impl Fn(&[u8; SIZE]) -> Unpacked<VALUES, BLOCKS>,
            ) {
                let of_row = matrix.columns / VALUES;
                let (stored, _) = matrix.stored.as_chunks::<SIZE>();
                let rows: [&[[u8; SIZE]]; LANES] = std::array::from_fn(|lane| match first + lane {
                    row if row < matrix.rows => &stored[row * of_row..][..of_row],
                    _ => &[],
                });
                let own_offsets = common_offset(matrix.format).is_none();
                let at_once = STRETCH / VALUES;
                let bytes = self.bytes.chunks_mut(STRETCH / 4);
                let scales = self.scales.chunks_mut(at_once * BLOCKS);
                let offsets = self.offsets.chunks_mut(at_once * BLOCKS);
                for (index, (bytes, (scales, offsets))) in bytes.zip(scales.zip(offsets)).enumerate() {
                    let mut squares = [[Lane([0; LANES]); LANES]; SQUARES];
                    for (lane, row) in rows.iter().enumerate() {
                        let numbers = scales.chunks_exact_mut(BLOCKS).zip(offsets.chunks_exact_mut(BLOCKS));
                        for (i, (scales, offsets)) in numbers.enumerate() {
                            let stored = row.get(index * at_once + i);
                            // (By `map_or` this would be a call, and all of it go through memory.)
                            let unpacked = match stored {
                                Some(stored) => read(stored),
                                None => const { Unpacked::nothing() },
                            };
                            for (bytes, place) in
                                unpacked.bytes.as_chunks::<32>().0.iter().zip(i * VALUES / 32..)
                            {
                                let of_lane: &mut [[u8; 32]; 2] =
                                    bytemuck::cast_mut(&mut squares[place / 2][lane].0);
                                of_lane[place % 2] = *bytes;
                            }
                            for (place, scale) in scales.iter_mut().zip(unpacked.scales) {
                                place[half].0[lane] = scale;
                            }
                            if own_offsets {
                                for (place, offset) in offsets.iter_mut().zip(unpacked.offsets) {
                                    place[half].0[lane] = offset;
                                }
                            }
                        }
                    }
                    for (square, lanes) in squares.iter().zip(bytes.chunks_mut(LANES)) {
                        $turn(square, half, lanes);
                    }
                }
            }
        }
    };
}
unpacking!(unpack_avx512, fill_avx512, "avx512f", turn::turn);
unpacking!(unpack_avx2, fill_avx2, "avx2", turn::turn_plainly);

/// What a stored block holds.
struct Unpacked<const VALUES: usize, const BLOCKS: usize> {
    bytes: [u8; VALUES],
    scales: [f32; BLOCKS],
    /// 0 where the format has a [`common_offset`].
    offsets: [f32; BLOCKS],
}

impl<const VALUES: usize, const BLOCKS: usize> Unpacked<VALUES, BLOCKS> {
    const fn nothing() -> Self {
        Self { bytes: [0; VALUES], scales: [0.0; BLOCKS], offsets: [0.0; BLOCKS] }
    }
}

fn half(bytes: &[u8], at: usize) -> f32 {
    f16::from_le_bytes([bytes[at], bytes[at + 1]]).to_f32()
}

/// `d: f16`, 32 signed bytes.
#[inline(always)]
fn q8_0(block: &[u8; 34]) -> Unpacked<32, 1> {
    let bytes = std::array::from_fn(|i| block[2 + i] ^ 0x80);
    Unpacked { bytes, scales: [half(block, 0)], offsets: [0.0] }
}

/// The same byte eight times. Bytes are unpacked eight at a time: one at a time, the compiler does just that.
const fn every(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// Bytes from `8 * index` on.
fn eight(bytes: &[u8], index: usize) -> u64 {
    u64::from_le_bytes(*part(bytes, 8 * index))
}

/// Writes eight bytes: the lower halves of `low`, and `high` over them.
fn put(bytes: &mut [u8], index: usize, low: u64, high: u64) {
    bytes[8 * index..][..8].copy_from_slice(&(low & every(15) | high).to_le_bytes());
}

/// `d: f16`, 32 half bytes: the low halves, then the high ones.
#[inline(always)]
fn q4_0(block: &[u8; 18]) -> Unpacked<32, 1> {
    let mut bytes = [0; 32];
    for i in 0..2 {
        let packed = eight(&block[2..], i);
        put(&mut bytes, i, packed, 0);
        put(&mut bytes, 2 + i, packed >> 4, 0);
    }
    Unpacked { bytes, scales: [half(block, 0)], offsets: [0.0] }
}

/// `d: f16`, 32 fifth bits, 32 half bytes.
#[inline(always)]
fn q5_0(block: &[u8; 22]) -> Unpacked<32, 1> {
    /// In byte `i` only bit `i`.
    const ONE_EACH: u64 = 0x8040_2010_0804_0201;
    let fifths = |i: usize| {
        let bits = (u64::from(block[2 + i]) * every(1)) & ONE_EACH;
        // Any bit in a byte carries into its highest.
        ((bits + every(127)) >> 7 & every(1)) << 4
    };
    let mut bytes = [0; 32];
    for i in 0..2 {
        let packed = eight(&block[6..], i);
        put(&mut bytes, i, packed, fifths(i));
        put(&mut bytes, 2 + i, packed >> 4, fifths(2 + i));
    }
    Unpacked { bytes, scales: [half(block, 0)], offsets: [0.0] }
}

/// Scales and offsets of eight blocks of 32, six bits each, in units of `d` and `dmin`.
#[inline(always)]
fn k_scales(d: f32, dmin: f32, packed: &[u8; 12]) -> ([f32; 8], [f32; 8]) {
    const SIX: u32 = 0x3f3f_3f3f;
    const LOW_FOUR: u32 = 0x0f0f_0f0f;
    const HIGH_TWO: u32 = 0x3030_3030;
    // Four bytes at a time. Of the later scales and offsets the upper two bits lie above the earlier ones.
    let [a, b, c] = std::array::from_fn(|i| u32::from_le_bytes(packed.as_chunks().0[i]));
    let all = |unit: f32, first: u32, second: u32| {
        let bytes = (u64::from(second) << 32 | u64::from(first)).to_le_bytes();
        bytes.map(|byte| unit * f32::from(byte))
    };
    let scales = all(d, a & SIX, c & LOW_FOUR | a >> 2 & HIGH_TWO);
    (scales, all(dmin, b & SIX, c >> 4 & LOW_FOUR | b >> 2 & HIGH_TWO))
}

/// `d, dmin: f16`, 12 bytes of scales, 256 half bytes: of each 32 bytes first the low halves.
#[inline(always)]
fn q4k(block: &[u8; 144]) -> Unpacked<256, 8> {
    let (scales, offsets) = k_scales(half(block, 0), half(block, 2), part(block, 4));
    let mut bytes = [0; 256];
    for (bytes, packed) in bytes.as_chunks_mut::<64>().0.iter_mut().zip(block[16..].as_chunks::<32>().0) {
        for i in 0..4 {
            let packed = eight(packed, i);
            put(bytes, i, packed, 0);
            put(bytes, 4 + i, packed >> 4, 0);
        }
    }
    Unpacked { bytes, scales, offsets }
}

/// As [`q4k`], with fifth bits: byte `i` of 32 holds those of elements `i`, `32 + i` …
#[inline(always)]
fn q5k(block: &[u8; 176]) -> Unpacked<256, 8> {
    let (scales, offsets) = k_scales(half(block, 0), half(block, 2), part(block, 4));
    let mut bytes = [0; 256];
    let fifth = &block[16..48];
    let parts = bytes.as_chunks_mut::<64>().0.iter_mut().zip(block[48..].as_chunks::<32>().0);
    for (part, (bytes, packed)) in parts.enumerate() {
        for i in 0..4 {
            let (packed, fifth) = (eight(packed, i), eight(fifth, i) >> (2 * part));
            put(bytes, i, packed, (fifth & every(1)) << 4);
            put(bytes, 4 + i, packed >> 4, (fifth >> 1 & every(1)) << 4);
        }
    }
    Unpacked { bytes, scales, offsets }
}

/// 256 half bytes, 256 upper pairs of bits, scales of 16 blocks of 16, `d: f16`.
#[inline(always)]
fn q6k(block: &[u8; 210]) -> Unpacked<256, 16> {
    let d = half(block, 208);
    let mut bytes = [0; 256];
    let parts = block[..128].as_chunks::<64>().0.iter().zip(block[128..192].as_chunks::<32>().0);
    for (bytes, (low, high)) in bytes.as_chunks_mut::<128>().0.iter_mut().zip(parts) {
        for i in 0..4 {
            let (a, b, high) = (eight(low, i), eight(low, 4 + i), eight(high, i));
            put(bytes, i, a, (high & every(3)) << 4);
            put(bytes, 4 + i, b, (high >> 2 & every(3)) << 4);
            put(bytes, 8 + i, a >> 4, (high >> 4 & every(3)) << 4);
            put(bytes, 12 + i, b >> 4, (high >> 6 & every(3)) << 4);
        }
    }
    let scales = std::array::from_fn(|i| d * f32::from(block[192 + i].cast_signed()));
    Unpacked { bytes, scales, offsets: [0.0; 16] }
}
