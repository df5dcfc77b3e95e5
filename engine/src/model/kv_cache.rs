//! Keys and values of positions already seen: the memory of the language model.
//!
//! Grows in blocks up to the model's context, so that a short conversation takes little memory
//! and a long one is not copied at every step. What lies behind [`KvCache::len`] is never read:
//! a forward pass that fails half-way leaves the cache as it was.

use candle_core::{CpuStorage, DType, Device, InplaceOp1, Layout, Result, Tensor};
use half::slice::HalfFloatSliceExt;

use super::config::LlmConfig;

/// Positions added when the cache is full.
const BLOCK: usize = 256;

/// Keys and values of one sequence, for every block of the model. Not `Clone`: the tensors are
/// written in place.
#[derive(Debug)]
pub struct KvCache {
    /// One entry for each block of the model; none before the first position.
    blocks: Vec<KeysValues>,
    len: usize,
    limit: usize,
    model_blocks: usize,
    heads: usize,
    head_dim: usize,
    dtype: DType,
    device: Device,
}

/// `[kv heads, capacity, head width]` each.
#[derive(Debug)]
struct KeysValues {
    keys: Tensor,
    values: Tensor,
}

impl KvCache {
    /// An empty cache; memory is taken when positions come.
    pub fn new(config: &LlmConfig, dtype: DType, device: &Device) -> Self {
        Self {
            blocks: Vec::new(),
            len: 0,
            limit: config.max_position_embeddings,
            model_blocks: config.num_hidden_layers,
            heads: config.kv_heads(),
            head_dim: config.head_dim(),
            dtype,
            device: device.clone(),
        }
    }

    /// Positions it holds.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Positions it can ever hold: the model's context.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Memory taken, in bytes.
    pub fn bytes(&self) -> usize {
        let of = |tensor: &Tensor| tensor.elem_count() * tensor.dtype().size_in_bytes();
        self.blocks.iter().map(|block| of(&block.keys) + of(&block.values)).sum()
    }

    /// Forgets all but the first `len` positions; their memory is kept for what comes next.
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// Forgets everything and frees its memory.
    pub fn clear(&mut self) {
        self.blocks.clear();
        self.len = 0;
    }

    /// Makes room for `more` positions behind the present ones.
    pub(super) fn reserve(&mut self, more: usize) -> Result<()> {
        let wanted = self.len + more;
        if wanted > self.limit {
            candle_core::bail!("{wanted} positions do not fit a context of {}", self.limit);
        }
        let capacity = wanted.next_multiple_of(BLOCK).min(self.limit);
        while self.blocks.len() < self.model_blocks {
            let keys = self.room(capacity)?;
            let values = self.room(capacity)?;
            self.blocks.push(KeysValues { keys, values });
        }
        for index in 0..self.blocks.len() {
            let KeysValues { keys, values } = &self.blocks[index];
            let present = keys.dim(1)?;
            if present < wanted {
                let room = self.room(capacity - present)?;
                let (keys, values) = (Tensor::cat(&[keys, &room], 1)?, Tensor::cat(&[values, &room], 1)?);
                self.blocks[index] = KeysValues { keys, values };
            }
        }
        Ok(())
    }

    fn room(&self, positions: usize) -> Result<Tensor> {
        Tensor::zeros((self.heads, positions, self.head_dim), self.dtype, &self.device)
    }

    /// Writes keys and values `[kv heads, n, head width]` of block `index` behind the present
    /// positions, for which [`Self::reserve`] has made room, and returns all of that block up to
    /// the new ones. They count once [`Self::advance`] is called.
    pub(super) fn write(&self, index: usize, keys: &Tensor, values: &Tensor) -> Result<(Tensor, Tensor)> {
        let Some(block) = self.blocks.get(index) else {
            candle_core::bail!("the cache has no block {index}")
        };
        block.keys.slice_set(&keys.to_dtype(self.dtype)?, 1, self.len)?;
        block.values.slice_set(&values.to_dtype(self.dtype)?, 1, self.len)?;
        let end = self.len + keys.dim(1)?;
        Ok((block.keys.narrow(1, 0, end)?, block.values.narrow(1, 0, end)?))
    }

    /// As [`Self::write`], of `[n, kv heads, width]` in single precision, on the CPU.
    pub(super) fn write_rows(&self, index: usize, keys: &[f32], values: &[f32]) -> Result<(Tensor, Tensor)> {
        let Some(block) = self.blocks.get(index) else {
            candle_core::bail!("the cache has no block {index}")
        };
        let (heads, width, at) = (self.heads, self.head_dim, self.len);
        block.keys.inplace_op1(&WriteRows { rows: keys, heads, width, at })?;
        block.values.inplace_op1(&WriteRows { rows: values, heads, width, at })?;
        let end = at + keys.len() / (heads * width);
        Ok((block.keys.narrow(1, 0, end)?, block.values.narrow(1, 0, end)?))
    }

    /// The `n` positions written last are complete in every block.
    pub(super) fn advance(&mut self, n: usize) {
        self.len += n;
    }
}

/// Writes `rows` `[n, heads, width]` to positions `at..` of `[heads, capacity, width]`.
struct WriteRows<'a> {
    rows: &'a [f32],
    heads: usize,
    width: usize,
    at: usize,
}

impl InplaceOp1 for WriteRows<'_> {
    fn name(&self) -> &'static str {
        "write-rows"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let (Some((start, end)), &[heads, capacity, width]) = (layout.contiguous_offsets(), layout.dims())
        else {
            candle_core::bail!("keys and values lie one after the other")
        };
        let Self { rows, at, .. } = self;
        if (heads, width) != (self.heads, self.width) || at + rows.len() / (heads * width) > capacity {
            candle_core::bail!("no room for {} numbers at {at} in {:?}", rows.len(), layout.dims());
        }
        let of_head = |row: usize| (row % heads * capacity + at + row / heads) * width;
        let rows = rows.chunks_exact(width).enumerate().map(|(row, new)| (start + of_head(row), new));
        match storage {
            CpuStorage::F32(all) => {
                let all = &mut all[..end];
                rows.for_each(|(place, new)| all[place..place + width].copy_from_slice(new));
            }
            CpuStorage::F16(all) => {
                let all = &mut all[..end];
                rows.for_each(|(place, new)| all[place..place + width].convert_from_f32_slice(new));
            }
            _ => candle_core::bail!("keys and values in single or half precision"),
        }
        Ok(())
    }
}
