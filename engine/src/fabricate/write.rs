//! Fabricated weights on their way to the disk, in either format, tensor by tensor.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use candle_core::DType;
use safetensors::Dtype;
use safetensors::tensor::View;

use super::plan::PlannedTensor;
use super::{FabricateError, Recipe, WeightFormat, fill, put};
use crate::checkpoint::torch_writer::{PickledEntry, TorchArchive, pickle_state_dict};

/// Writes the files of one checkpoint.
pub(super) struct WeightWriter<'a> {
    seed: u64,
    format: WeightFormat,
    done_bytes: Cell<u64>,
    total_bytes: u64,
    progress: &'a dyn Fn(u64, u64),
}

impl<'a> WeightWriter<'a> {
    pub(super) fn new(recipe: &Recipe, total_bytes: u64, progress: &'a dyn Fn(u64, u64)) -> Self {
        let (seed, format) = (recipe.seed, recipe.format);
        Self { seed, format, done_bytes: Cell::new(0), total_bytes, progress }
    }

    /// Several files, and the index that says which tensor is where.
    ///
    /// # Errors
    /// A file cannot be written.
    pub(super) fn sharded(
        &self,
        directory: &Path,
        shards: Vec<Vec<PlannedTensor>>,
    ) -> Result<(), FabricateError> {
        let (stem, ending) = self.name();
        let count = shards.len();
        let (mut weight_map, mut total_size) = (BTreeMap::new(), 0);
        for (index, tensors) in shards.into_iter().enumerate() {
            let file = format!("{stem}-{:05}-of-{count:05}.{ending}", index + 1);
            self.file(&directory.join(&file), &tensors)?;
            for tensor in tensors {
                total_size += tensor.bytes();
                weight_map.insert(tensor.name, file.clone());
            }
        }
        let index = serde_json::json!({ "metadata": { "total_size": total_size }, "weight_map": weight_map });
        put(&directory.join(format!("{stem}.{ending}.index.json")), format!("{index:#}\n").as_bytes())
    }

    /// One file.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn single(&self, directory: &Path, tensors: &[PlannedTensor]) -> Result<(), FabricateError> {
        let (stem, ending) = self.name();
        self.file(&directory.join(format!("{stem}.{ending}")), tensors)
    }

    fn name(&self) -> (&'static str, &'static str) {
        match self.format {
            WeightFormat::Torch => ("pytorch_model", "bin"),
            WeightFormat::Safetensors => ("model", "safetensors"),
        }
    }

    fn file(&self, path: &Path, tensors: &[PlannedTensor]) -> Result<(), FabricateError> {
        let written = match self.format {
            WeightFormat::Torch => self.torch(path, tensors),
            WeightFormat::Safetensors => self.safetensors(path, tensors),
        };
        written.map_err(|source| FabricateError::Write { path: path.to_owned(), source })
    }

    /// As PyTorch 1.13 does, which the released files were written with: no byte order is stated, and
    /// storages go by their keys as text.
    fn torch(&self, path: &Path, tensors: &[PlannedTensor]) -> io::Result<()> {
        let root = path.file_stem().unwrap_or_default().to_string_lossy();
        let out = BufWriter::with_capacity(1 << 20, File::create_new(path)?);
        let mut archive = TorchArchive::new(out, &root);
        let mut keyed: Vec<(String, &PlannedTensor)> =
            tensors.iter().enumerate().map(|(index, tensor)| (index.to_string(), tensor)).collect();
        let entries = keyed.iter().map(|(key, tensor)| {
            let shape: Vec<i64> = tensor.shape.iter().map(|&n| n as i64).collect();
            PickledEntry::row_major(&tensor.name, storage_class(tensor.dtype), key, &shape)
        });
        let pickle = pickle_state_dict(&entries.collect::<Vec<_>>());
        archive.entry("data.pkl", [pickle])?;
        keyed.sort_by(|(a, _), (b, _)| a.cmp(b));
        for (key, tensor) in keyed {
            archive.entry(&format!("data/{key}"), self.blocks(tensor))?;
        }
        archive.entry("version", [b"3\n"])?;
        archive.finish()?.flush()
    }

    fn safetensors(&self, path: &Path, tensors: &[PlannedTensor]) -> io::Result<()> {
        let views = tensors.iter().map(|tensor| (&*tensor.name, Lazy { tensor, writer: self }));
        let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
        safetensors::serialize_to_file(views, Some(metadata), path).map_err(io::Error::other)
    }

    /// The bytes of a tensor; each block counts as written once it is asked for.
    fn blocks(&self, tensor: &PlannedTensor) -> impl Iterator<Item = Vec<u8>> {
        fill::blocks(tensor, self.seed).inspect(|block| {
            self.done_bytes.set(self.done_bytes.get() + block.len() as u64);
            (self.progress)(self.done_bytes.get(), self.total_bytes);
        })
    }
}

fn storage_class(dtype: DType) -> &'static str {
    match dtype {
        DType::BF16 => "BFloat16Storage",
        DType::I64 => "LongStorage",
        _ => "FloatStorage",
    }
}

/// A tensor that is made when the library writes it.
struct Lazy<'a> {
    tensor: &'a PlannedTensor,
    writer: &'a WeightWriter<'a>,
}

impl View for Lazy<'_> {
    fn dtype(&self) -> Dtype {
        match self.tensor.dtype {
            DType::BF16 => Dtype::BF16,
            DType::I64 => Dtype::I64,
            _ => Dtype::F32,
        }
    }

    fn shape(&self) -> &[usize] {
        &self.tensor.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let mut bytes = Vec::with_capacity(self.data_len());
        self.writer.blocks(self.tensor).for_each(|block| bytes.extend(block));
        bytes.into()
    }

    fn data_len(&self) -> usize {
        self.tensor.bytes() as usize
    }
}
