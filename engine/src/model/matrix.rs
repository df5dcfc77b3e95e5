//! Weight matrices in the formats of GGML.
//!
//! Nine tenths of a model are matrices that are only ever multiplied with. A [`PackedMatrix`] keeps
//! one as it is stored (blocks of a few bits, or half precision), possibly mapped from its file, and
//! multiplies without unpacking it: no second copy in another layout is ever made, so that a model
//! takes the memory of its file. `candle_core::quantized::QMatMul` would keep both layouts on the CPU.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use candle_core::quantized::k_quants::{self, GgmlType};
use candle_core::quantized::{QMatMul, QStorage, QTensor};
use candle_core::{CpuStorage, DType, Device, InplaceOp1, Layout, Result, Storage, Tensor};
use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};

use super::backend::Backend;
use super::elementwise::Finish;
use super::format::Format;
use super::quantized;
use super::scattered::Scattered;
use super::threads;

/// Enough for every kind of block.
const ALIGNMENT: usize = 8;
/// Rows of a matrix that are widened at a time, at most.
const WIDENED_ROWS: usize = 384;
/// Elements that are widened at a time, at most, unless a single row has more: 16 MiB.
const WIDENED_ELEMENTS: usize = 4 << 20;
/// Elements that one core packs at a time: about a millisecond's work.
const PACKED_AT_ONCE: usize = 1 << 14;

/// Bytes that somebody else owns: a mapped file.
pub type SharedBytes = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// `[rows, columns]` on the CPU, as stored.
pub struct PackedMatrix {
    format: Format,
    rows: usize,
    columns: usize,
    blocks: Blocks,
}

enum Blocks {
    Owned(AlignedBytes),
    Mapped { bytes: SharedBytes, range: Range<usize> },
}

/// Bytes at an address that suits every kind of block.
struct AlignedBytes {
    words: Vec<u64>,
    length: usize,
}

impl AlignedBytes {
    fn zeros(length: usize) -> Self {
        Self { words: vec![0; length.div_ceil(ALIGNMENT)], length }
    }

    fn copy(bytes: &[u8]) -> Self {
        let mut copy = Self::zeros(bytes.len());
        copy.bytes_mut().copy_from_slice(bytes);
        copy
    }

    fn bytes(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.words)[..self.length]
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut bytemuck::cast_slice_mut(&mut self.words)[..self.length]
    }
}

impl PackedMatrix {
    /// Stores a matrix `[rows, columns]` in `format`, whose blocks must fit its rows.
    ///
    /// # Errors
    /// They do not, or the tensor library's.
    pub fn pack(matrix: &Tensor, format: Format) -> Result<Self> {
        let matrix = matrix.to_device(&Device::Cpu)?.to_dtype(DType::F32)?;
        let (rows, columns) = matrix.dims2()?;
        if !columns.is_multiple_of(format.block()) {
            candle_core::bail!("rows of {columns} elements do not divide into blocks of {format:?}");
        }
        let mut blocks = AlignedBytes::zeros(format.bytes(rows * columns));
        let mut room = blocks.bytes_mut();
        pack(&matrix, format, |packed| {
            let (place, rest) = std::mem::take(&mut room).split_at_mut(packed.len());
            place.copy_from_slice(packed);
            room = rest;
            Ok::<_, candle_core::Error>(())
        })?;
        Ok(Self { format, rows, columns, blocks: Blocks::Owned(blocks) })
    }

    /// A matrix that lies in `range` of `bytes` in `format`. Where the bytes are not aligned for it,
    /// they are copied.
    ///
    /// # Errors
    /// The range does not hold such a matrix.
    pub fn map(
        bytes: SharedBytes,
        range: Range<usize>,
        (rows, columns): (usize, usize),
        format: Format,
    ) -> Result<Self> {
        let elements = rows.checked_mul(columns).filter(|_| columns.is_multiple_of(format.block()));
        let stored = (*bytes).as_ref().get(range.clone());
        let whole = |stored: &&[u8]| elements.is_some_and(|elements| format.bytes(elements) == stored.len());
        let Some(stored) = stored.filter(whole) else {
            candle_core::bail!("no matrix of {rows} × {columns} in {format:?} lies there");
        };
        let blocks = if stored.as_ptr().align_offset(ALIGNMENT) == 0 {
            Blocks::Mapped { bytes, range }
        } else {
            Blocks::Owned(AlignedBytes::copy(stored))
        };
        Ok(Self { format, rows, columns, blocks })
    }

    /// The same blocks on another processor.
    ///
    /// # Errors
    /// The tensor library's.
    pub fn on(&self, device: &Device) -> Result<QMatMul> {
        let blocks = QStorage::from_data(self.stored().into(), device, self.format.ggml())?;
        QMatMul::from_qtensor(QTensor::new(blocks, (self.rows, self.columns))?)
    }

    /// Rows `ids`, unpacked: `[ids, columns]` in f32.
    ///
    /// # Errors
    /// There is no such row.
    pub fn rows(&self, ids: &[u32]) -> Result<Tensor> {
        let length = self.format.bytes(self.columns);
        let mut picked = Vec::with_capacity(ids.len() * length);
        for &id in ids {
            let start = id as usize * length;
            let Some(row) = self.stored().get(start..start + length) else {
                candle_core::bail!("there is no row {id} of {}", self.rows)
            };
            picked.extend_from_slice(row);
        }
        let rows = unpack(&picked, self.format, ids.len() * self.columns)?;
        match rows {
            CpuStorage::F32(rows) => Tensor::from_vec(rows, (ids.len(), self.columns), &Device::Cpu),
            other => candle_core::bail!(
                "rows were unpacked to {:?}",
                candle_core::backend::BackendStorage::dtype(&other)
            ),
        }
    }

    /// `x` `[…, columns]` times the transpose: `[…, rows]`, in f32.
    ///
    /// # Errors
    /// `x` is not on the CPU, or of another width.
    pub fn multiply(&self, x: &Tensor) -> Result<Tensor> {
        self.multiply_and_finish(x, Finish::default())
    }

    pub(super) fn multiply_and_finish(&self, x: &Tensor, finish: Finish<'_>) -> Result<Tensor> {
        let x = x.to_dtype(DType::F32)?.contiguous()?;
        let mut shape = x.dims().to_vec();
        if shape.pop() != Some(self.columns) {
            candle_core::bail!("{:?} cannot be multiplied with rows of {}", x.dims(), self.columns);
        }
        let count: usize = shape.iter().product();
        shape.push(self.rows);
        if count > Backend::rows_as_stored(self.format, quantized::is_available()) {
            let product = self.multiply_widened(&x.reshape((count, self.columns))?)?;
            return finish.of(product)?.reshape(shape);
        }
        let (storage, layout) = x.storage_and_layout();
        let Storage::Cpu(CpuStorage::F32(values)) = &*storage else {
            candle_core::bail!("a packed matrix multiplies on the CPU only")
        };
        let start = layout.start_offset();
        let values = &values[start..start + count * self.columns];
        let mut product = vec![0f32; count * self.rows];
        self.matmul((count, self.columns, self.rows), values, (finish, &mut product))?;
        Tensor::from_vec(product, shape, &Device::Cpu)
    }

    /// Many rows at once: stretches of the matrix are widened to f32 in passing,
    /// which costs little when shared by many rows, and multiplied by the fast routine for that.
    fn multiply_widened(&self, x: &Tensor) -> Result<Tensor> {
        let together = rows_widened(self.columns);
        let room = Tensor::zeros((together.min(self.rows), self.columns), DType::F32, &Device::Cpu)?;
        let mut products = Vec::with_capacity(self.rows.div_ceil(together));
        for first in (0..self.rows).step_by(together) {
            let stretch = room.narrow(0, 0, together.min(self.rows - first))?;
            stretch.inplace_op1(&Widen { matrix: self, first })?;
            products.push(x.matmul(&stretch.t()?)?);
        }
        Tensor::cat(&products, 1)
    }

    /// How it is stored.
    pub(super) fn format(&self) -> Format {
        self.format
    }

    fn stored(&self) -> &[u8] {
        match &self.blocks {
            Blocks::Owned(bytes) => bytes.bytes(),
            Blocks::Mapped { bytes, range } => &(**bytes).as_ref()[range.clone()],
        }
    }

    fn matmul(
        &self,
        sizes: (usize, usize, usize),
        x: &[f32],
        (finish, product): (Finish<'_>, &mut [f32]),
    ) -> Result<()> {
        let stored = self.stored();
        if quantized::multiply((self.format, stored), sizes, x, (finish, product)) {
            return Ok(());
        }
        match self.format {
            Format::F32 => k_quants::matmul(sizes, x, as_blocks::<f32>(stored), product),
            Format::F16 => k_quants::matmul(sizes, x, as_blocks::<f16>(stored), product),
            Format::BF16 => k_quants::matmul(sizes, x, as_blocks::<bf16>(stored), product),
            Format::Q8_0 => k_quants::matmul(sizes, x, as_blocks::<k_quants::BlockQ8_0>(stored), product),
            Format::Q5_0 => k_quants::matmul(sizes, x, as_blocks::<k_quants::BlockQ5_0>(stored), product),
            Format::Q4_0 => k_quants::matmul(sizes, x, as_blocks::<k_quants::BlockQ4_0>(stored), product),
            Format::Q6K => k_quants::matmul(sizes, x, as_blocks::<k_quants::BlockQ6K>(stored), product),
            Format::Q5K => k_quants::matmul(sizes, x, as_blocks::<k_quants::BlockQ5K>(stored), product),
            Format::Q4K => k_quants::matmul(sizes, x, as_blocks::<k_quants::BlockQ4K>(stored), product),
        }?;
        finish.apply_to_rows(product, self.rows);
        Ok(())
    }
}

/// Rows of so many columns that are widened at a time.
fn rows_widened(columns: usize) -> usize {
    (WIDENED_ELEMENTS / columns.max(1)).clamp(1, WIDENED_ROWS)
}

/// Fills `[rows, columns]` in f32 with the rows of a matrix from `first` on. All processor cores work at it.
struct Widen<'a> {
    matrix: &'a PackedMatrix,
    first: usize,
}

impl InplaceOp1 for Widen<'_> {
    fn name(&self) -> &'static str {
        "widen"
    }

    #[expect(unsafe_code, reason = "threads write one result, each its own rows")]
    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let (CpuStorage::F32(numbers), Some((start, end))) = (storage, layout.contiguous_offsets()) else {
            candle_core::bail!("rows are widened into contiguous numbers of 32 bits")
        };
        let Some(numbers) = numbers.get_mut(start..end) else {
            candle_core::bail!("there is no room for the rows")
        };
        let PackedMatrix { format, columns, .. } = *self.matrix;
        let row = format.bytes(columns);
        let stored = self.matrix.stored();
        let rows = numbers.len() / columns.max(1);
        let places = Scattered::new(numbers);
        threads::divide(rows, |range| {
            // SAFETY: each row is written once.
            let place = unsafe { places.part(range.start * columns..range.end * columns) };
            let stored = &stored[(self.first + range.start) * row..(self.first + range.end) * row];
            widen(format, stored, place);
        });
        Ok(())
    }
}

/// All elements of stored rows, in f32.
fn widen(format: Format, stored: &[u8], place: &mut [f32]) {
    fn blocks<T: GgmlType>(stored: &[u8], place: &mut [f32]) {
        T::to_float(as_blocks::<T>(stored), place);
    }
    match format {
        Format::F32 => place.copy_from_slice(as_blocks(stored)),
        Format::F16 => as_blocks::<f16>(stored).convert_to_f32_slice(place),
        Format::BF16 => as_blocks::<bf16>(stored).convert_to_f32_slice(place),
        Format::Q8_0 => blocks::<k_quants::BlockQ8_0>(stored, place),
        Format::Q5_0 => blocks::<k_quants::BlockQ5_0>(stored, place),
        Format::Q4_0 => blocks::<k_quants::BlockQ4_0>(stored, place),
        Format::Q6K => blocks::<k_quants::BlockQ6K>(stored, place),
        Format::Q5K => blocks::<k_quants::BlockQ5K>(stored, place),
        Format::Q4K => blocks::<k_quants::BlockQ4K>(stored, place),
    }
}

impl fmt::Debug for PackedMatrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PackedMatrix[{}, {}; {:?}]", self.rows, self.columns, self.format)
    }
}

/// Elements of stored blocks, in f32.
///
/// # Errors
/// The bytes are not so many elements.
pub fn unpack(stored: &[u8], format: Format, elements: usize) -> Result<CpuStorage> {
    if !elements.is_multiple_of(format.block()) || stored.len() != format.bytes(elements) {
        candle_core::bail!("{} bytes are not {elements} elements in {format:?}", stored.len());
    }
    // The library takes aligned bytes only, and panics at others.
    let aligned = AlignedBytes::copy(stored);
    format.ggml().from_data(aligned.bytes().into()).dequantize(elements)
}

/// Elements that are packed before any is handed over: one stretch for each core. Then whoever else computes has
/// a turn.
pub(crate) fn packed_together() -> usize {
    PACKED_AT_ONCE * threads::count()
}

/// Elements of a tensor in f32, stored in `format`, handed over in stretches from the first to the
/// last. All processor cores work at it, but for a moment only: computing, as for a reply, can go on beside it.
///
/// # Errors
/// Elements do not divide into blocks, what `write` says, or the tensor library's.
pub fn pack<E: From<candle_core::Error>>(
    tensor: &Tensor,
    format: Format,
    mut write: impl FnMut(&[u8]) -> std::result::Result<(), E>,
) -> std::result::Result<(), E> {
    let flat = tensor.flatten_all()?;
    let elements = flat.elem_count();
    let stretches = elements.div_ceil(PACKED_AT_ONCE);
    let pack_one = |index: usize| {
        let start = index * PACKED_AT_ONCE;
        // The library packs all that lies behind a tensor, so it gets one of its own.
        let stretch = flat.narrow(0, start, PACKED_AT_ONCE.min(elements - start))?.force_contiguous()?;
        Ok(QTensor::quantize(&stretch, format.ggml())?.data()?.into_owned())
    };
    let together = threads::count();
    for first in (0..stretches).step_by(together) {
        let packed: Vec<OnceLock<Result<Vec<u8>>>> =
            (first..stretches.min(first + together)).map(|_| OnceLock::new()).collect();
        threads::divide(packed.len(), |range| {
            for index in range {
                packed[index].get_or_init(|| pack_one(first + index));
            }
        });
        for packed in packed {
            write(&packed.into_inner().unwrap_or_else(|| Ok(Vec::new()))?)?;
        }
    }
    Ok(())
}

/// Stored bytes as what they are. They are aligned and of the right number: see [`PackedMatrix::map`].
#[expect(unsafe_code, reason = "weights of many gigabytes are used where they are mapped")]
fn as_blocks<T: GgmlType>(stored: &[u8]) -> &[T] {
    // SAFETY: called with `T` a plain float or one of GGML's block types only: `repr(C)`, made of
    // integers and half floats, without padding, so that any bytes are valid. The middle slice is
    // aligned by definition of `align_to`.
    let (before, blocks, after) = unsafe { stored.align_to::<T>() };
    debug_assert!(before.is_empty() && after.is_empty());
    blocks
}

/// A weight matrix `[outputs, inputs]`, wherever it is.
#[derive(Debug, Clone)]
pub enum Matrix {
    /// In the number format that the model computes in.
    Dense(Tensor),
    /// On the CPU, as stored.
    Packed(Arc<PackedMatrix>),
    /// On another processor, in blocks.
    Device(QMatMul),
}

#[cfg(test)]
mod tests {
    use candle_core::Module;

    use super::*;
    use crate::model::testing::noise;

    /// A matrix in `format` in memory and the same mapped, at an offset in its bytes.
    fn pair(format: Format, offset: usize) -> (PackedMatrix, PackedMatrix) {
        let matrix = noise("matrix", (24, 512));
        let packed = candle_core::quantized::QTensor::quantize(&matrix, format.ggml()).unwrap();
        let data = packed.data().unwrap();
        let bytes: Vec<u8> = std::iter::repeat_n(7, offset).chain(data.iter().copied()).collect();
        let range = offset..bytes.len();
        let mapped = PackedMatrix::map(Arc::new(bytes), range, (24, 512), format).unwrap();
        (PackedMatrix::pack(&matrix, format).unwrap(), mapped)
    }

    /// Inputs are rounded, to eight bits where the matrix is in blocks, to its own format where it is in floats.
    fn assert_close(format: Format, got: &Tensor, want: &Tensor) {
        let norm = |of: &Tensor| of.sqr().unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap().sqrt();
        let off = norm(&(want - got).unwrap()) / norm(want);
        let allowed = if format == Format::F32 { 1e-6 } else { 2e-2 };
        assert!(off < allowed, "{format:?}: {off}");
    }

    fn values(tensor: &Tensor) -> Vec<f32> {
        tensor.flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn products_are_those_of_the_unpacked_rows() {
        for format in Format::ALL {
            let (owned, mapped) = pair(format, 0);
            let all: Vec<u32> = (0..24).collect();
            let dense = owned.rows(&all).unwrap();
            assert_eq!(values(&dense), values(&mapped.rows(&all).unwrap()), "{format:?}");
            for count in [1, 3, 40] {
                let x = noise("input", (2, count, 512));
                let want = candle_nn::Linear::new(dense.clone(), None).forward(&x).unwrap();
                let got = owned.multiply(&x).unwrap();
                assert_eq!(got.dims(), [2, count, 24]);
                assert_eq!(values(&got), values(&mapped.multiply(&x).unwrap()), "{format:?}");
                assert_close(format, &got, &want);
            }
        }
    }

    #[test]
    fn rows_widened_are_rows_as_stored() {
        for format in Format::ALL {
            let (owned, _) = pair(format, 0);
            let x = noise("input", (40, 512));
            let mut as_stored = vec![0f32; 40 * 24];
            owned.matmul((40, 512, 24), &values(&x), (Finish::default(), &mut as_stored)).unwrap();
            let as_stored = Tensor::from_vec(as_stored, (40, 24), &Device::Cpu).unwrap();
            assert_close(format, &as_stored, &owned.multiply_widened(&x).unwrap());
        }
    }

    #[test]
    fn what_is_widened_at_a_time_is_bounded() {
        assert_eq!([4096, 200_704, usize::MAX, 0].map(rows_widened), [384, 20, 1, 384]);
    }

    #[test]
    fn packing_in_stretches_is_packing_at_once() {
        // Two turns, the second with one stretch that is not full.
        let matrix = noise("matrix", (packed_together() / 1024 + 3, 1024));
        for format in Format::ALL {
            let mut stretches = Vec::new();
            pack(&matrix, format, |packed| {
                stretches.push(packed.to_vec());
                Ok::<_, candle_core::Error>(())
            })
            .unwrap();
            assert_eq!(stretches.len(), threads::count() + 1);
            let whole = QTensor::quantize(&matrix, format.ggml()).unwrap();
            assert!(stretches.concat() == *whole.data().unwrap(), "{format:?}");
        }
    }

    #[test]
    fn bytes_need_not_be_aligned() {
        for format in [Format::F32, Format::Q4K] {
            let (owned, mapped) = pair(format, 1);
            assert_eq!(values(&owned.rows(&[3]).unwrap()), values(&mapped.rows(&[3]).unwrap()));
        }
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let (owned, mapped) = pair(Format::Q4K, 0);
        for matrix in [&owned, &mapped] {
            assert!(matrix.rows(&[24]).is_err());
            assert!(matrix.multiply(&noise("input", (1, 511))).is_err());
        }
        assert!(PackedMatrix::pack(&noise("matrix", (2, 100)), Format::Q4K).is_err());
        let bytes: SharedBytes = Arc::new(vec![0u8; 1000]);
        for (range, shape) in [(0..1000, (1, 256)), (900..1100, (1, 256)), (0..144, (usize::MAX, 256))] {
            assert!(PackedMatrix::map(bytes.clone(), range, shape, Format::Q4K).is_err());
        }
    }
}
