//! All weights of a model: one file, or several with an index that says which tensor is where.
//!
//! Called by [`super::Checkpoint`]. Opening reads tables only; [`super::weights`] reads contents.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Component, Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use serde::Deserialize;

use super::source::FileSource;
use super::tensor_file::{StoredTensor, TensorFile};
use crate::error::{CheckpointError, EngineError};
use crate::manifest::{TensorSpec, VISION_PREFIX};
use crate::model::matrix::PackedMatrix;

/// Weight files, in the order in which Hugging Face looks for them.
pub(crate) const WEIGHT_FILES: [&str; 4] = [
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
];

/// The index of a checkpoint in several files.
#[derive(Debug, Deserialize)]
pub(super) struct IndexFile {
    /// The file of each tensor.
    pub(super) weight_map: HashMap<String, String>,
}

/// Named tensors in one or more files.
#[derive(Debug)]
pub(super) struct TensorSet {
    directory: PathBuf,
    files: Vec<TensorFile>,
    /// The file that each tensor is in.
    places: HashMap<String, usize>,
    /// The file that each tensor should be in.
    promised: HashMap<String, PathBuf>,
}

impl TensorSet {
    /// Finds and opens the weight files of a directory.
    ///
    /// # Errors
    /// There are none, one of them is missing, or one is damaged.
    pub(super) fn open(source: &FileSource) -> Result<Self, CheckpointError> {
        let (set, failures) = Self::open_what_is_good(source)?;
        failures.into_iter().next().map_or(Ok(set), Err)
    }

    /// The same without the files that are missing or damaged, and what is wrong with those.
    ///
    /// # Errors
    /// There are no weight files, or their index is damaged.
    pub(super) fn open_what_is_good(
        source: &FileSource,
    ) -> Result<(Self, Vec<CheckpointError>), CheckpointError> {
        if let FileSource::OneFile { directory, .. } = source {
            return Self::open_one_file(source, !directory.is_empty()).map(|set| (set, Vec::new()));
        }
        let found = WEIGHT_FILES.into_iter().find(|name| source.has(name));
        let main = found.ok_or_else(|| CheckpointError::MissingFile {
            directory: source.directory(),
            file: WEIGHT_FILES.join(" or "),
            hint: "download the weights into this directory".to_owned(),
        })?;
        let index = main.ends_with(".index.json").then(|| read_index(source, main)).transpose()?;
        let weight_map = index.map(|index| index.weight_map).unwrap_or_default();
        let mut names: BTreeSet<&str> = weight_map.values().map(String::as_str).collect();
        if names.is_empty() {
            names.insert(main);
        }
        let (mut files, mut failures) = (Vec::with_capacity(names.len()), Vec::new());
        for name in names {
            let opened = if source.has(name) {
                TensorFile::open(source, name)
            } else {
                Err(CheckpointError::MissingFile {
                    directory: source.directory(),
                    file: name.to_owned(),
                    hint: format!("{main} lists it; download it into this directory"),
                })
            };
            match opened {
                Ok(file) => files.push(file),
                Err(error) => failures.push(error),
            }
        }
        let mut places = HashMap::new();
        for (index, file) in files.iter().enumerate() {
            places.extend(file.table.tensors.keys().map(|name| (name.clone(), index)));
        }
        let promised: HashMap<_, _> =
            weight_map.iter().map(|(name, file)| (name.clone(), source.path(file))).collect();
        for (name, path) in &promised {
            let meant =
                files.iter().position(|file| &file.path == path && file.table.tensors.contains_key(name));
            places.extend(meant.map(|index| (name.clone(), index)));
        }
        Ok((Self { directory: source.directory(), files, places, promised }, failures))
    }

    /// Whether matrices are used where they lie in the file.
    pub(super) fn is_mapped(&self) -> bool {
        self.files.iter().all(TensorFile::is_mapped)
    }

    /// Names of all tensors, in no order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.places.keys().map(String::as_str)
    }

    /// Names under `prefix` that are not among the expected ones, sorted.
    pub(super) fn unknown(&self, expected: &[TensorSpec], prefix: &str) -> Vec<&str> {
        let known: HashSet<&str> = expected.iter().map(|spec| spec.name.as_str()).collect();
        let unknown = self.names().filter(|name| name.starts_with(prefix) && !known.contains(name));
        let mut unknown: Vec<&str> = unknown.collect();
        unknown.sort_unstable();
        unknown
    }

    /// Where a tensor lies, and in which file.
    pub(super) fn find(&self, name: &str) -> Option<(&StoredTensor, &Path)> {
        let file = &self.files[*self.places.get(name)?];
        Some((file.table.tensors.get(name)?, &file.path))
    }

    /// Checks that a tensor is there, in the wanted shape.
    ///
    /// # Errors
    /// It is not.
    pub(super) fn check(&self, name: &str, shape: &[usize]) -> Result<(), CheckpointError> {
        let (stored, path) = self.find(name).ok_or_else(|| self.missing(name))?;
        if stored.shape == shape {
            return Ok(());
        }
        Err(CheckpointError::Shape {
            name: name.to_owned(),
            path: path.to_owned(),
            expected: shape.to_vec(),
            found: stored.shape.clone(),
        })
    }

    /// The tensors of GLaMM or of CLIP in the one file that holds both.
    fn open_one_file(source: &FileSource, of_clip: bool) -> Result<Self, CheckpointError> {
        let file = TensorFile::open(source, "")?;
        let names = file.table.tensors.keys().filter(|name| name.starts_with(VISION_PREFIX) == of_clip);
        let places = names.map(|name| (name.clone(), 0)).collect();
        Ok(Self { directory: source.directory(), files: vec![file], places, promised: HashMap::new() })
    }

    /// The matrix as it lies in its file, mapped; see [`TensorFile::matrix`].
    ///
    /// # Errors
    /// The system says no, or the tensor library.
    pub(super) fn matrix(&self, name: &str) -> Result<Option<PackedMatrix>, EngineError> {
        match self.places.get(name) {
            Some(&index) => self.files[index].matrix(name),
            None => Ok(None),
        }
    }

    /// Whether a tensor's elements have sixteen bits or fewer.
    pub(super) fn is_half(&self, name: &str) -> bool {
        let stored = self.find(name);
        stored.is_some_and(|(stored, _)| stored.bytes() <= 2 * stored.elements())
    }

    /// Bytes of all files.
    pub(super) fn file_bytes(&self) -> u64 {
        self.files.iter().map(TensorFile::file_bytes).sum()
    }

    /// Name and SHA-256 of each file. `progress` is told bytes as they are done, and returns whether
    /// to go on.
    ///
    /// # Errors
    /// One cannot be read, or [`EngineError::Cancelled`].
    pub(super) fn checksums(
        &self,
        progress: &mut dyn FnMut(u64) -> bool,
    ) -> Result<Vec<(String, String)>, EngineError> {
        let name =
            |file: &TensorFile| file.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.files.iter().map(|file| Ok((name(file), file.checksum(progress)?))).collect()
    }

    /// Reads a tensor onto `device` as `dtype`.
    ///
    /// # Errors
    /// It is missing or its contents are damaged, or the tensor library refuses.
    pub(super) fn read(&self, name: &str, dtype: DType, device: &Device) -> Result<Tensor, EngineError> {
        let file = self.places.get(name).map(|&index| &self.files[index]);
        let tensor = file.map(|file| file.read(name, dtype, device)).transpose()?.flatten();
        Ok(tensor.ok_or_else(|| self.missing(name))?)
    }

    /// Looks at every element of a tensor, and counts those that are not finite numbers.
    ///
    /// # Errors
    /// It is missing or its contents are damaged.
    pub(super) fn count_non_finite(&self, name: &str) -> Result<u64, CheckpointError> {
        let file = self.places.get(name).map(|&index| &self.files[index]);
        let count = file.map(|file| file.count_non_finite(name)).transpose()?.flatten();
        count.ok_or_else(|| self.missing(name))
    }

    fn missing(&self, name: &str) -> CheckpointError {
        let promised = self.promised.get(name).cloned();
        let only = || match &self.files[..] {
            [file] => file.path.clone(),
            _ => self.directory.clone(),
        };
        CheckpointError::MissingTensor { name: name.to_owned(), path: promised.unwrap_or_else(only) }
    }
}

fn read_index(source: &FileSource, name: &str) -> Result<IndexFile, CheckpointError> {
    let malformed = |reason: String| CheckpointError::Malformed { path: source.path(name), reason };
    parse_index(&source.read_text(name)?).map_err(malformed)
}

/// What an index says, and why it cannot be used.
pub(super) fn parse_index(text: &str) -> Result<IndexFile, String> {
    let index: IndexFile = serde_json::from_str(text)
        .map_err(|error| format!("it is not an index of weight files ({error})"))?;
    if index.weight_map.is_empty() {
        return Err("it lists no tensors".to_owned());
    }
    for (tensor, file) in &index.weight_map {
        let extension = Path::new(file).extension().and_then(|extension| extension.to_str());
        let weights = matches!(extension, Some("safetensors" | "bin"));
        let mut components = Path::new(file).components();
        let plain = matches!((components.next(), components.next()), (Some(Component::Normal(_)), None));
        // A backslash separates directories on some systems only; names of shards have none.
        if !(plain && weights) || file.contains(['\\', '/']) {
            return Err(format!("it places tensor {tensor} in {file:?}, which is no weight file"));
        }
    }
    Ok(index)
}
