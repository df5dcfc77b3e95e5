//! Files → tensors: opens a checkpoint in the Hugging Face layout and builds the model's weights.
//!
//! ```text
//! config.json  tokenizer.model  added_tokens.json
//! model.safetensors | pytorch_model.bin | either in several files with an index
//! CLIP in a directory of its own: inside as `clip`, or beside under the name in config.json
//! ```
//!
//! or all of that in one GGUF file, see `one_file`.
//!
//! Called by the engine thread with a directory, or with files that are part of the binary; both
//! take the same way through `source::FileSource`. Files come from strangers: whatever is in them,
//! the result is weights of the right shapes or an error that names the file and the tensor.

pub mod check;
#[cfg(test)]
pub(crate) mod forge;
#[cfg(test)]
mod hostile;
pub(crate) mod one_file;
mod pickle;
pub(crate) mod presence;
pub mod probe;
mod safetensors_file;
mod source;
mod tensor_file;
mod tensor_set;
#[cfg(test)]
mod tests;
mod torch_file;
pub(crate) mod torch_writer;
mod tower;
mod weights;
mod zip_directory;

use std::path::Path;
use std::sync::Arc;

use candle_core::{DType, Device};

use crate::error::{CheckpointError, DeviceError};
use crate::hub::HubCache;
use crate::manifest::{Manifest, TensorSpec, VISION_PREFIX};
use crate::memory::{self, Machine, MemoryPlan, Stored};
use crate::model::backend::Backend;
use crate::model::config::GlammConfig;
use crate::model::format::Format;
use crate::model::part::LoadProgress;
use crate::precision::{KeptAs, Precision};
use crate::protocol::{Held, ModelSource};
use crate::text::tokenizer::Tokenizer;
pub use one_file::Converted;
pub(crate) use source::FileSource;
use tensor_set::TensorSet;
pub(crate) use tensor_set::WEIGHT_FILES;
pub use weights::Weights;

const MODEL_FILE: &str = "tokenizer.model";
const ADDED_FILE: &str = "added_tokens.json";

/// A checkpoint whose configuration and tables of tensors have been read; weights have not.
#[derive(Debug)]
pub struct Checkpoint {
    source: FileSource,
    /// CLIP's directory.
    tower: FileSource,
    config: GlammConfig,
    /// What the model asks for.
    manifest: Manifest,
    glamm: Arc<TensorSet>,
    clip: Arc<TensorSet>,
    /// Of the tensors that the model is built from; none of them is read.
    unread: LoadProgress,
}

impl Checkpoint {
    /// Opens a checkpoint directory, or one GGUF file. Tensors are listed and held against the
    /// configuration, but not read.
    ///
    /// # Errors
    /// A file is missing, damaged or truncated; sizes do not fit each other; a tensor that the model
    /// needs is missing or of another shape.
    pub fn open(path: &Path) -> Result<Self, CheckpointError> {
        Self::from_source(FileSource::at(path)?)
    }

    /// Opens the files of a model, which may be part of the binary.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn of(model: &ModelSource) -> Result<Self, CheckpointError> {
        Self::from_source(FileSource::of(model)?)
    }

    fn from_source(source: FileSource) -> Result<Self, CheckpointError> {
        let ConfigFiles { config, tower, .. } = ConfigFiles::read(&source, "config.json")?;
        let (glamm, clip) = (TensorSet::open(&source)?, TensorSet::open(&tower)?);
        let manifest = Manifest::of(&config, || source.path("config.json"))?;
        let mut unread = LoadProgress::default();
        check(&glamm, &manifest.glamm, "", &mut unread)?;
        check(&clip, &manifest.clip, VISION_PREFIX, &mut unread)?;
        let (glamm, clip) = (Arc::new(glamm), Arc::new(clip));
        Ok(Self { source, tower, config, manifest, glamm, clip, unread })
    }

    /// Every size of the model.
    pub fn config(&self) -> &GlammConfig {
        &self.config
    }

    /// The tokenizer.
    ///
    /// # Errors
    /// Its files are missing or damaged, or have more tokens than the model.
    pub fn tokenizer(&self) -> Result<Tokenizer, CheckpointError> {
        read_tokenizer(&self.source, &self.config)
    }

    /// What people call it: the name of its repository on the hub, else of its directory or file, or of the link to
    /// that which was opened.
    pub fn name(&self) -> String {
        let path = self.source.directory();
        let whole = path.canonicalize().unwrap_or_else(|_| path.clone());
        if let Some((_, id)) = HubCache::around(&whole) {
            return id.name().to_owned();
        }
        let stem = if path.is_file() { path.file_stem() } else { path.file_name() };
        // `.` and `..` have no name of their own.
        let name = stem.or_else(|| whole.file_name());
        name.map_or_else(|| path.display().to_string(), |name| name.display().to_string())
    }

    /// How precisely matrices are stored.
    pub fn stored_precision(&self) -> KeptAs {
        match &self.source {
            FileSource::OneFile { file, .. } => file.precision(),
            _ => KeptAs::AsStored,
        }
    }

    /// How precisely matrices had best be kept where nobody says: as they are stored in one file; else what
    /// the free memory of the processor allows. A GPU that has enough of it keeps sixteen bits as they are
    /// stored.
    pub(crate) fn choose_precision(&self, device: &Device) -> Option<Precision> {
        if matches!(self.source, FileSource::OneFile { .. }) {
            return None;
        }
        let backend = Backend::of(device);
        let peak_of = |precision| self.memory_plan(Some(precision), backend).peak_bytes();
        let free = Machine::look().and_then(|machine| machine.free_bytes(backend));
        let chosen = Precision::fitting(backend, peak_of, free);
        tracing::info!(precision = %chosen, "chosen by the free memory");
        (backend == Backend::Cpu || chosen.is_quantised()).then_some(chosen)
    }

    /// The memory that the model takes with its matrices in `precision`, or as they are stored, on such a
    /// processor.
    pub fn memory_plan(&self, precision: Option<Precision>, backend: Backend) -> MemoryPlan {
        let stored = |spec: &TensorSpec| {
            let mut sets = [&self.glamm, &self.clip].into_iter();
            let found = sets.find_map(|set| Some((set.find(&spec.name)?.0.format()?, set.is_mapped())));
            let (format, mapped) = found.unwrap_or((Format::F32, false));
            Stored { format, mapped }
        };
        MemoryPlan::new(&self.config, &self.manifest, (precision, backend), stored)
    }

    /// Makes sure that the memory is there to load and use the model in `precision`, before any of it is
    /// read: a system that runs out of it ends programs, and not always the one that asked for too much.
    ///
    /// # Errors
    /// [`DeviceError::NoMemory`].
    pub(crate) fn check_memory(
        &self,
        device: &Device,
        precision: Option<Precision>,
    ) -> Result<(), DeviceError> {
        let backend = Backend::of(device);
        let Some(machine) = Machine::look() else { return Ok(()) };
        if matches!(self.source, FileSource::Embedded { .. }) {
            return Ok(());
        }
        let fits = |plan: &MemoryPlan| shortage(plan, backend, machine).is_none();
        match shortage(&self.memory_plan(precision, backend), backend, machine) {
            None => Ok(()),
            Some((needed, free)) => Err(DeviceError::NoMemory {
                precision: self.kept_as(precision),
                needed,
                free,
                smaller: self.smaller(fits, backend),
            }),
        }
    }

    /// The next smaller way to keep the weights than in `precision`, and what the model then takes. `None`
    /// where there is none.
    pub(crate) fn next_smaller(
        &self,
        precision: Option<Precision>,
        backend: Backend,
    ) -> Option<(Precision, u64)> {
        let present = self.memory_plan(precision, backend).peak_bytes();
        self.smaller(|plan| plan.peak_bytes() < present, backend)
    }

    /// The most precise way to keep the weights with a plan that is good, and what the model then takes; none where
    /// they are used as they are stored in one file.
    fn smaller(&self, is_good: impl Fn(&MemoryPlan) -> bool, backend: Backend) -> Option<(Precision, u64)> {
        if matches!(self.source, FileSource::OneFile { .. }) {
            return None;
        }
        let mut plans = memory::COUNTED.into_iter().map(|one| (one, self.memory_plan(Some(one), backend)));
        plans.find(|(_, plan)| is_good(plan)).map(|(one, plan)| (one, plan.peak_bytes()))
    }

    /// How matrices are kept where they are loaded in `precision`, or as they are stored: what is in blocks in
    /// one file stays so.
    pub(crate) fn kept_as(&self, precision: Option<Precision>) -> KeptAs {
        match self.stored_precision() {
            KeptAs::Precision(stored) if stored.is_quantised() => KeptAs::Precision(stored),
            stored => precision.map_or(stored, KeptAs::Precision),
        }
    }

    /// Whose memory the weights are in on such a processor, and how many bytes of it.
    pub(crate) fn held(&self, precision: Option<Precision>, backend: Backend) -> Held {
        let plan = self.memory_plan(precision, backend);
        match backend {
            Backend::Cuda => Held::Card(plan.owned_bytes()),
            Backend::Cpu | Backend::Metal => Held::Ram(plan.owned_bytes()),
        }
    }

    /// Bytes of the tensors that the model is built from, as they are stored.
    pub fn total_bytes(&self) -> u64 {
        self.unread.total_bytes()
    }

    /// Weights for building the model on `device` in `dtype`; nothing is read yet. Matrices are kept
    /// as `precision` says, or as they are stored where it is `None`. `progress` is
    /// told how far it is after every tensor, and returns whether to go on; if not, building fails,
    /// and [`Weights::explain`] says cancelled.
    pub fn weights<'p>(
        &self,
        device: &Device,
        (dtype, precision): (DType, Option<Precision>),
        progress: impl FnMut(&LoadProgress) -> bool + Send + 'p,
    ) -> Weights<'p> {
        let sets = (self.glamm.clone(), self.clip.clone());
        Weights::new(sets, self.unread, (device, dtype, precision), progress)
    }
}

/// What a model of this plan needs and what there is of it, where that is less. What is mapped from a file need not
/// be free, and makes room for what is allocated.
fn shortage(plan: &MemoryPlan, backend: Backend, machine: Machine) -> Option<(u64, u64)> {
    let (all, free) = (machine.ram_bytes, machine.free_bytes(backend).unwrap_or(u64::MAX));
    let demands = match backend {
        Backend::Cpu => [(plan.owned_peak_bytes(), free), (plan.peak_bytes(), all)],
        Backend::Cuda | Backend::Metal => [(plan.peak_bytes(), free); 2],
    };
    demands.into_iter().find(|(needed, there)| needed > there)
}

/// The texts of a checkpoint's configuration, and what they say.
#[derive(Debug)]
pub(crate) struct ConfigFiles {
    /// GLaMM's `config.json`.
    pub(crate) glamm: String,
    /// CLIP's `config.json`.
    pub(crate) clip: String,
    /// CLIP's `preprocessor_config.json`, which need not be there.
    pub(crate) preprocessor: Option<String>,
    /// All of them.
    pub(crate) config: GlammConfig,
    /// Where CLIP's files are.
    tower: FileSource,
}

impl ConfigFiles {
    /// Reads GLaMM's configuration, which is called `name`, and CLIP's, wherever it is found.
    ///
    /// # Errors
    /// A file is missing, or sizes do not fit each other.
    pub(crate) fn read(source: &FileSource, name: &str) -> Result<Self, CheckpointError> {
        require(source, name, "it is not a checkpoint directory, or not a complete one")?;
        let glamm = source.read_text(name)?;
        let tower = GlammConfig::vision_tower_name(&glamm)
            .map_err(|reason| CheckpointError::Config { path: source.path(name), reason })?;
        let tower = tower::find(source, &tower)?;
        let clip = tower.read_text("config.json")?;
        let preprocessor = tower
            .has("preprocessor_config.json")
            .then(|| tower.read_text("preprocessor_config.json"))
            .transpose()?;
        let config =
            GlammConfig::from_json(&glamm, &clip, preprocessor.as_deref()).map_err(|(file, reason)| {
                CheckpointError::Config {
                    path: match file {
                        "CLIP config.json" => tower.path("config.json"),
                        "preprocessor_config.json" => tower.path(file),
                        _ => source.path(name),
                    },
                    reason,
                }
            })?;
        Ok(Self { glamm, clip, preprocessor, config, tower })
    }
}

/// What small files and tables say of a checkpoint.
#[derive(Debug)]
pub struct Outline {
    /// Every size of the model.
    pub config: GlammConfig,
    /// How its matrices are stored, where they were stored on purpose: in one GGUF file.
    pub precision: Option<Precision>,
}

/// What a checkpoint directory or GGUF file holds; no tensor is looked at.
///
/// # Errors
/// A file is missing or damaged, or sizes do not fit each other.
pub fn outline(path: &Path) -> Result<Outline, CheckpointError> {
    let source = FileSource::at(path)?;
    let precision = match &source {
        FileSource::OneFile { file, .. } => file.precision().precision(),
        FileSource::Directory(_) | FileSource::Embedded { .. } => None,
    };
    Ok(Outline { config: ConfigFiles::read(&source, "config.json")?.config, precision })
}

/// Notes in `unread` the tensors that the model is built from. Tensors under `prefix` that nobody
/// knows are reported.
///
/// # Errors
/// One of them is missing, of another shape, or of a type that no weights have.
fn check(
    set: &TensorSet,
    expected: &[TensorSpec],
    prefix: &str,
    unread: &mut LoadProgress,
) -> Result<(), CheckpointError> {
    for spec in expected.iter().filter(|spec| spec.is_read()) {
        set.check(&spec.name, &spec.shape)?;
        set.check_type(&spec.name)?;
        unread.expect(&spec.name, set.find(&spec.name).map_or(0, |(stored, _)| stored.bytes() as u64));
    }
    let unknown = set.unknown(expected, prefix);
    if let Some(first) = unknown.first() {
        tracing::warn!(
            count = unknown.len(),
            first,
            "the checkpoint has tensors that the model does not know"
        );
    }
    Ok(())
}

fn read_tokenizer(source: &FileSource, config: &GlammConfig) -> Result<Tokenizer, CheckpointError> {
    for file in [MODEL_FILE, ADDED_FILE] {
        require(source, file, "it belongs to the checkpoint; download it into this directory")?;
    }
    let tokenizer = Tokenizer::new(&source.read(MODEL_FILE)?, &source.read_text(ADDED_FILE)?)
        .map_err(|(file, reason)| CheckpointError::Malformed { path: source.path(file), reason })?;
    let (tokens, rows) = (tokenizer.id_limit(), config.llm.vocab_size);
    if tokens > rows {
        return Err(CheckpointError::Config {
            path: source.path("config.json"),
            reason: format!("vocab_size is {rows}, but the tokenizer has {tokens} tokens"),
        });
    }
    Ok(tokenizer)
}

fn require(source: &FileSource, file: &str, hint: &str) -> Result<(), CheckpointError> {
    if source.has(file) {
        return Ok(());
    }
    Err(CheckpointError::MissingFile {
        directory: source.directory(),
        file: file.to_owned(),
        hint: hint.to_owned(),
    })
}
