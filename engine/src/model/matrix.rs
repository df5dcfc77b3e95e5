//! Weight matrices in the formats of GGML, and the linear layers over them.
//!
//! Nine tenths of a model are matrices that are only ever multiplied with. A [`PackedMatrix`] keeps
//! one as it is stored (blocks of a few bits, or half precision), possibly mapped from its file, and
//! multiplies without unpacking it: no second copy in another layout is ever made, so that a model
//! takes the memory of its file. `candle_core::quantized::QMatMul` would keep both layouts on the CPU.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use candle_core::quantized::k_quants::{self, GgmlType};
use candle_core::quantized::{GgmlDType, QMatMul, QStorage, QTensor};
use candle_core::utils::barrier_pool;
use candle_core::{CpuStorage, DType, Device, Module, Result, Storage, Tensor};
use half::{bf16, f16};

use super::backend::Backend;
use super::elementwise::{self, Activation, Finish};
use super::quantized;

/// Enough for every kind of block.
const ALIGNMENT: usize = 8;
/// Up to so many rows of input, products with floating-point matrices go element by element.
const FEW_ROWS: usize = 4;
/// Rows of a matrix that are unpacked at a time: 16 MiB for the widest.
const UNPACKED_ROWS: usize = 384;
/// Elements that one core packs at a time.
const PACKED_AT_ONCE: usize = 1 << 18;
/// Stretches of them that are packed before any is handed over.
const PACKED_TOGETHER: usize = 64;

/// How the elements of a matrix are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Single precision.
    F32,
    /// Half precision.
    F16,
    /// The upper half of single precision.
    BF16,
    /// Blocks of 32: 8 bits an element and one scale.
    Q8_0,
    /// Blocks of 32: 5 bits and one scale.
    Q5_0,
    /// Blocks of 32: 4 bits and one scale.
    Q4_0,
    /// Blocks of 256: 6 bits and 16 scales.
    Q6K,
    /// Blocks of 256: 5 bits, 8 scales and 8 offsets.
    Q5K,
    /// Blocks of 256: 4 bits, 8 scales and 8 offsets.
    Q4K,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 9] = [
        Self::F32,
        Self::F16,
        Self::BF16,
        Self::Q8_0,
        Self::Q5_0,
        Self::Q4_0,
        Self::Q6K,
        Self::Q5K,
        Self::Q4K,
    ];

    /// The tensor library's name for it.
    pub fn ggml(self) -> GgmlDType {
        match self {
            Self::F32 => GgmlDType::F32,
            Self::F16 => GgmlDType::F16,
            Self::BF16 => GgmlDType::BF16,
            Self::Q8_0 => GgmlDType::Q8_0,
            Self::Q5_0 => GgmlDType::Q5_0,
            Self::Q4_0 => GgmlDType::Q4_0,
            Self::Q6K => GgmlDType::Q6K,
            Self::Q5K => GgmlDType::Q5K,
            Self::Q4K => GgmlDType::Q4K,
        }
    }

    /// Its name, as GGML's.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::BF16 => "bf16",
            Self::Q8_0 => "q8_0",
            Self::Q5_0 => "q5_0",
            Self::Q4_0 => "q4_0",
            Self::Q6K => "q6_k",
            Self::Q5K => "q5_k",
            Self::Q4K => "q4_k",
        }
    }

    /// Elements of a row that are stored together; rows are multiples of it.
    pub fn block(self) -> usize {
        self.ggml().block_size()
    }

    /// Bytes of so many elements, a multiple of [`Self::block`].
    pub fn bytes(self, elements: usize) -> usize {
        elements / self.block() * self.ggml().type_size()
    }

    /// Whether elements are plain numbers rather than blocks.
    pub fn is_float(self) -> bool {
        matches!(self, Self::F32 | Self::F16 | Self::BF16)
    }

    /// This format, or the next finer one whose blocks fit rows of `columns` elements.
    #[must_use]
    pub fn fitting(self, columns: usize) -> Self {
        if columns.is_multiple_of(self.block()) {
            return self;
        }
        let finer = match self {
            Self::Q4K => Self::Q5_0,
            Self::Q5K | Self::Q6K => Self::Q8_0,
            _ => Self::F16,
        };
        finer.fitting(columns)
    }
}

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

    fn multiply_and_finish(&self, x: &Tensor, finish: Finish<'_>) -> Result<Tensor> {
        let x = x.to_dtype(DType::F32)?.contiguous()?;
        let mut shape = x.dims().to_vec();
        if shape.pop() != Some(self.columns) {
            candle_core::bail!("{:?} cannot be multiplied with rows of {}", x.dims(), self.columns);
        }
        let count: usize = shape.iter().product();
        shape.push(self.rows);
        if self.format.is_float() && count > FEW_ROWS {
            let product = self.multiply_unpacked(&x.reshape((count, self.columns))?)?;
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

    /// Many rows at once: stretches of the matrix are turned into f32 in passing, which costs little
    /// when shared by many rows, and multiplied by the fast routine for that.
    fn multiply_unpacked(&self, x: &Tensor) -> Result<Tensor> {
        let all = (0..self.rows as u32).collect::<Vec<_>>();
        let parts = all.chunks(UNPACKED_ROWS).map(|ids| x.matmul(&self.rows(ids)?.t()?));
        Tensor::cat(&parts.collect::<Result<Vec<_>>>()?, 1)
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

/// Elements of a tensor in f32, stored in `format`, handed over in stretches from the first to the
/// last. All processor cores work at it.
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
    for first in (0..stretches).step_by(PACKED_TOGETHER) {
        let packed: Vec<OnceLock<Result<Vec<u8>>>> =
            (first..stretches.min(first + PACKED_TOGETHER)).map(|_| OnceLock::new()).collect();
        barrier_pool().execute_chunked(packed.len(), |range| {
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

/// A linear layer: a matrix, and a bias where it has one.
#[derive(Debug, Clone)]
pub struct Projection {
    weight: Matrix,
    bias: Option<Tensor>,
}

impl Projection {
    /// `bias` is `[outputs]`.
    pub fn new(weight: Matrix, bias: Option<Tensor>) -> Self {
        Self { weight, bias }
    }

    /// `[outputs]`, where there is one.
    pub(super) fn bias(&self) -> Option<&Tensor> {
        self.bias.as_ref()
    }

    /// Whether the matrix is kept as stored: in fewer bits than single precision, on the CPU.
    pub(super) fn is_packed(&self) -> bool {
        matches!(self.weight, Matrix::Packed(_))
    }

    /// Whether the matrix is in blocks of few bits.
    pub(super) fn is_in_blocks(&self) -> bool {
        match &self.weight {
            Matrix::Packed(matrix) => !matrix.format.is_float(),
            Matrix::Dense(_) | Matrix::Device(_) => false,
        }
    }

    /// `x` `[…, inputs]` times the transpose of the matrix, plus the bias, then `activation` of it:
    /// `[…, outputs]`, in the number format of `x`.
    pub(super) fn forward_then(&self, x: &Tensor, activation: Option<Activation>) -> Result<Tensor> {
        match &self.weight {
            Matrix::Dense(weight) => {
                let product = candle_nn::Linear::new(weight.clone(), None).forward(x)?;
                if elementwise::is_ours(&product) {
                    return self.finished(activation, |finish| finish.of(product));
                }
                self.finish_by_library(product, activation)
            }
            Matrix::Packed(matrix) => {
                self.finished(activation, |finish| matrix.multiply_and_finish(x, finish))?.to_dtype(x.dtype())
            }
            Matrix::Device(matrix) => {
                let product = Backend::of(x.device()).multiply_blocks(matrix, x)?.to_dtype(x.dtype())?;
                self.finish_by_library(product, activation)
            }
        }
    }

    /// What `multiply` does, told how to finish the product.
    fn finished(
        &self,
        activation: Option<Activation>,
        multiply: impl FnOnce(Finish<'_>) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let Some(bias) = &self.bias else { return multiply(Finish { bias: None, activation }) };
        let bias = bias.to_dtype(DType::F32)?.contiguous()?;
        multiply(Finish { bias: Some(&*elementwise::numbers(&bias)?), activation })
    }

    fn finish_by_library(&self, product: Tensor, activation: Option<Activation>) -> Result<Tensor> {
        let product = match &self.bias {
            Some(bias) => product.broadcast_add(bias)?,
            None => product,
        };
        match activation {
            Some(activation) => activation.of(product),
            None => Ok(product),
        }
    }
}

impl Module for Projection {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.forward_then(x, None)
    }
}

/// A table of vectors `[rows, width]`, looked up by row.
#[derive(Debug, Clone)]
pub struct Table(Matrix);

impl Table {
    /// The rows of `matrix`.
    pub fn new(matrix: Matrix) -> Self {
        Self(matrix)
    }

    /// Rows `ids`, `[ids, width]`, on `device` in `dtype`.
    ///
    /// # Errors
    /// There is no such row; else the tensor library's.
    pub fn rows(&self, ids: &[u32], dtype: DType, device: &Device) -> Result<Tensor> {
        let rows = match &self.0 {
            Matrix::Dense(table) => table.index_select(&Tensor::new(ids, device)?, 0)?,
            Matrix::Packed(table) => table.rows(ids)?.to_device(device)?,
            Matrix::Device(table) => table.embedding(&Tensor::new(ids, device)?)?,
        };
        rows.to_dtype(dtype)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

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
                let scale = want.sqr().unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap().sqrt();
                let off = (want - got)
                    .unwrap()
                    .sqr()
                    .unwrap()
                    .sum_all()
                    .unwrap()
                    .to_scalar::<f32>()
                    .unwrap()
                    .sqrt();
                // Inputs are rounded to eight bits where the matrix is in blocks.
                let allowed = if format == Format::F32 { 1e-6 } else { 2e-2 };
                assert!(off / scale < allowed, "{format:?}: {}", off / scale);
            }
        }
    }

    #[test]
    fn tables_in_blocks_give_their_rows() {
        for format in [Format::Q8_0, Format::Q6K] {
            let packed = pair(format, 0).0;
            let there = Table::new(Matrix::Device(packed.on(&Device::Cpu).unwrap()));
            let rows = there.rows(&[3, 0, 23], DType::F32, &Device::Cpu).unwrap();
            assert_eq!(values(&rows), values(&packed.rows(&[3, 0, 23]).unwrap()), "{format:?}");
        }
    }

    #[test]
    fn packing_in_stretches_is_packing_at_once() {
        let matrix = noise("matrix", (PACKED_AT_ONCE / 1024 + 3, 1024));
        for format in Format::ALL {
            let mut stretches = Vec::new();
            pack(&matrix, format, |packed| {
                stretches.push(packed.to_vec());
                Ok::<_, candle_core::Error>(())
            })
            .unwrap();
            assert_eq!(stretches.len(), 2);
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

    #[test]
    fn formats_give_way_to_finer_ones() {
        assert_eq!(Format::Q4K.fitting(512), Format::Q4K);
        assert_eq!(Format::Q4K.fitting(192), Format::Q5_0);
        assert_eq!(Format::Q6K.fitting(192), Format::Q8_0);
        assert_eq!(Format::Q4K.fitting(40), Format::F16);
        assert_eq!(Format::Q4K.bytes(512), 288);
    }
}
