//! A whole checkpoint in one GGUF file: which entries hold what were files, and writing such a file.
//! `GGUF.md` beside the crate's manifest describes it for others. Called by [`super::Checkpoint`].

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use candle_core::{DType, Device};
use sha2::{Digest, Sha256};

use super::source::Contents;
use super::tensor_file::GGUF_MAGIC;
use super::tensor_set::TensorSet;
use super::{ADDED_FILE, Checkpoint, FileSource, MODEL_FILE};
use crate::error::{CheckpointError, EngineError, without_backtrace};
use crate::files;
use crate::gguf::{Gguf, GgufLayout, GgufWriter, Value};
use crate::hub::{free_space, hex};
use crate::manifest::TensorSpec;
use crate::model::format::Format;
use crate::model::matrix::pack;
use crate::precision::{KeptAs, Precision};

/// Of the entries described here.
const FORMAT_VERSION: u64 = 1;
const VERSION_KEY: &str = "glamm.format_version";
const PRECISION_KEY: &str = "glamm.precision";
const ARCHITECTURE_KEY: &str = "general.architecture";
const ARCHITECTURE: &str = "glamm";
/// Files of a checkpoint directory, and the entries that hold them. CLIP's lie in `clip/`.
const ENTRIES: [(&str, &str); 5] = [
    ("config.json", "glamm.config"),
    (MODEL_FILE, "glamm.tokenizer.model"),
    (ADDED_FILE, "glamm.tokenizer.added_tokens"),
    ("clip/config.json", "glamm.clip.config"),
    ("clip/preprocessor_config.json", "glamm.clip.preprocessor_config"),
];

/// The small files of a checkpoint in one file.
#[derive(Debug)]
pub(crate) struct OneFile {
    path: PathBuf,
    files: BTreeMap<&'static str, Vec<u8>>,
    precision: KeptAs,
}

impl OneFile {
    /// Reads the entries of the GGUF file at `path`.
    ///
    /// # Errors
    /// It cannot be read, is damaged, or is a GGUF file of another kind of model.
    pub(super) fn open(path: &Path) -> Result<Self, CheckpointError> {
        let malformed = |reason| CheckpointError::Malformed { path: path.to_owned(), reason };
        let unreadable = |source| CheckpointError::Read { path: path.to_owned(), source };
        let contents = files::open(path).and_then(Contents::from_file).map_err(unreadable)?;
        let start = contents.read(0..contents.len().min(GGUF_MAGIC.len())).map_err(unreadable)?;
        if !start.starts_with(GGUF_MAGIC) {
            return Err(CheckpointError::NoModelFile { path: path.to_owned() });
        }
        drop(start);
        let bytes = contents.map(0..contents.len()).map_err(unreadable)?;
        let gguf = Gguf::read(&bytes[..], bytes.len()).map_err(malformed)?;
        match gguf.text(ARCHITECTURE_KEY) {
            Some(ARCHITECTURE) => {}
            other => {
                let other = other.unwrap_or("an unnamed kind");
                let reason = format!("it holds a model of {other}; GLaMM comes from `glamm models convert`");
                return Err(malformed(reason));
            }
        }
        match gguf.entries.get(VERSION_KEY) {
            Some(Value::Unsigned(FORMAT_VERSION)) => {}
            other => return Err(malformed(format!("its {VERSION_KEY} is {other:?}, not {FORMAT_VERSION}"))),
        }
        let precision = KeptAs::from(gguf.text(PRECISION_KEY).and_then(|text| text.parse().ok()));
        let mut entries = gguf.entries;
        let files = ENTRIES.into_iter().filter_map(|(file, key)| match entries.remove(key)? {
            Value::Text(text) => Some((file, text.into_bytes())),
            Value::Bytes(bytes) => Some((file, bytes)),
            _ => None,
        });
        Ok(Self { path: path.to_owned(), files: files.collect(), precision })
    }

    /// The GGUF file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// How precisely its matrices are kept.
    pub(super) fn precision(&self) -> KeptAs {
        self.precision
    }

    /// Contents of a small file, by its path in a checkpoint directory.
    pub(super) fn file(&self, name: &str) -> Option<&[u8]> {
        self.files.get(name).map(Vec::as_slice)
    }
}

/// What a conversion wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Converted {
    /// Tensors in the file.
    pub tensors: usize,
    /// Bytes of the file.
    pub bytes: u64,
}

impl Checkpoint {
    /// Writes the whole checkpoint into one GGUF file at `out`, its matrices as `precision` says. A
    /// tensor at a time is in memory; all cores pack it. `progress` is told bytes done and in all, those
    /// of the checkpoint's files, whose sums are taken, and of its tensors, and returns whether to go on.
    ///
    /// The file appears under its name only when it is complete, in place of any that is there; until then it
    /// is `out` with `.part` behind, which is removed on every error.
    ///
    /// # Errors
    /// Before anything is written: the tokenizer is missing, matrices are in other blocks than these, `out` is a
    /// directory, or there is not enough room. Later: a tensor is damaged, the disk is full, or
    /// [`EngineError::Cancelled`].
    pub fn convert(
        &self,
        precision: Precision,
        out: &Path,
        progress: &mut dyn FnMut(u64, u64) -> bool,
    ) -> Result<Converted, EngineError> {
        // A file without it would be of no use.
        self.tokenizer()?;
        let plan = self.plan(precision)?;
        has_room(least_bytes(&plan), out)?;
        let part = unfinished(out);
        let written = |source| CheckpointError::Write { path: out.to_owned(), source };
        let file = File::options().create(true).write(true).truncate(false).open(&part).map_err(written)?;
        // Until the lock is had, the file may be another conversion's; and one that has just ended has
        // removed or renamed it.
        let is_ours = files::try_lock(&file).and_then(|had| Ok(had && is_same_file(&file, &part)?));
        if !is_ours.map_err(written)? {
            return Err(written(io::Error::other("another conversion is writing it")).into());
        }
        // Holds the lock until the file has its name or is gone: whoever gets it later sees that.
        let _held = file.try_clone().map_err(written)?;
        let result = (|| {
            file.set_len(0).map_err(written)?;
            let sources: u64 = self.sources().map(|(_, set)| set.file_bytes()).sum();
            let total = sources + self.total_bytes();
            let mut done = 0;
            let mut progress = |bytes| {
                done += bytes;
                progress(done, total)
            };
            let layout = self.layout(&plan, precision, &mut progress)?;
            let mut writer = GgufWriter::new(BufWriter::new(file), &layout).map_err(written)?;
            self.write_tensors(&plan, &mut writer, (out, &mut progress))?;
            let file =
                writer.finish().and_then(|file| file.into_inner().map_err(Into::into)).map_err(written)?;
            file.sync_all().map_err(written)?;
            fs::rename(&part, out).map_err(written)?;
            Ok(Converted { tensors: plan.len(), bytes: layout.file_bytes() })
        })();
        if result.is_err() {
            // Whatever went wrong matters more than a file that cannot be removed.
            drop(fs::remove_file(&part));
        }
        result
    }

    /// The files of weights, and what stands before their names: those of GLaMM and of CLIP, which are often
    /// called the same, or the one file that holds both.
    fn sources(&self) -> impl Iterator<Item = (&'static str, &TensorSet)> {
        let is_one = matches!(self.source, FileSource::OneFile { .. });
        let clip = (!is_one).then_some(("clip/", &*self.clip));
        [("", &*self.glamm)].into_iter().chain(clip)
    }

    /// Every tensor that the model is built from, with the format it will have.
    ///
    /// # Errors
    /// One is in blocks of another format.
    fn plan(&self, precision: Precision) -> Result<Vec<Planned<'_>>, CheckpointError> {
        let glamm = self.manifest.glamm.iter().map(|spec| (&*self.glamm, spec));
        let clip = self.manifest.clip.iter().map(|spec| (&*self.clip, spec));
        // Some are asked for twice.
        let mut seen = HashSet::new();
        let used = glamm.chain(clip).filter(|(_, spec)| spec.is_read() && seen.insert(&spec.name));
        let plan: Vec<Planned<'_>> = used.map(|(set, spec)| Planned::new(set, spec, precision)).collect();
        if plan.iter().any(Planned::is_made_from_blocks) {
            let (path, stored) = (self.source.directory(), self.stored_precision());
            return Err(CheckpointError::Requantised { path, stored, wanted: precision });
        }
        Ok(plan)
    }

    fn layout(
        &self,
        plan: &[Planned<'_>],
        precision: Precision,
        progress: &mut dyn FnMut(u64) -> bool,
    ) -> Result<GgufLayout, EngineError> {
        let text = |text: &str| Value::Text(text.to_owned());
        let mut entries = vec![
            (ARCHITECTURE_KEY.to_owned(), text(ARCHITECTURE)),
            ("general.name".to_owned(), text(&self.name())),
            ("general.quantization_version".to_owned(), Value::Unsigned(2)),
            (VERSION_KEY.to_owned(), Value::Unsigned(FORMAT_VERSION)),
            (PRECISION_KEY.to_owned(), text(precision.name())),
        ];
        let (mut names, mut sums) = (Vec::new(), Vec::new());
        for (file, key) in ENTRIES {
            let Some(bytes) = self.small_file(file)? else { continue };
            names.push(file.to_owned());
            sums.push(hex(&Sha256::digest(&bytes)));
            let value = match String::from_utf8(bytes) {
                Ok(text) if file != MODEL_FILE => Value::Text(text),
                Ok(text) => Value::Bytes(text.into_bytes()),
                Err(error) => Value::Bytes(error.into_bytes()),
            };
            entries.push((key.to_owned(), value));
        }
        for (folder, set) in self.sources() {
            for (name, sum) in set.checksums(progress)? {
                names.push(format!("{folder}{name}"));
                sums.push(sum);
            }
        }
        entries.push(("glamm.source.files".to_owned(), Value::Texts(names)));
        entries.push(("glamm.source.sha256".to_owned(), Value::Texts(sums)));
        Ok(GgufLayout { entries, tensors: plan.iter().map(Planned::in_layout).collect() })
    }

    /// A file of the directory, or `clip/…` of CLIP's.
    fn small_file(&self, name: &str) -> Result<Option<Vec<u8>>, CheckpointError> {
        let (source, name) = match name.strip_prefix("clip/") {
            Some(name) => (&self.tower, name),
            None => (&self.source, name),
        };
        source.has(name).then(|| source.read(name)).transpose()
    }

    fn write_tensors(
        &self,
        plan: &[Planned<'_>],
        writer: &mut GgufWriter<impl Write>,
        (out, progress): (&Path, &mut dyn FnMut(u64) -> bool),
    ) -> Result<(), EngineError> {
        let written = |source| EngineError::from(CheckpointError::Write { path: out.to_owned(), source });
        for planned in plan {
            let name = &planned.spec.name;
            let tensor = planned.set.read(name, DType::F32, &Device::Cpu)?;
            // Tensors of gigabytes take long: whether to go on is asked more often than once in each.
            let write = |packed: &[u8]| {
                writer.write(packed).map_err(written)?;
                if progress(0) { Ok(()) } else { Err(EngineError::Cancelled) }
            };
            pack(&tensor, planned.format, write).map_err(|error| match error {
                EngineError::Compute(error) => {
                    let reason = format!("tensor {name} cannot be packed ({})", without_backtrace(&error));
                    CheckpointError::Malformed { path: self.source.directory(), reason }.into()
                }
                other => other,
            })?;
            if !progress(planned.set.find(name).map_or(0, |(stored, _)| stored.bytes() as u64)) {
                return Err(EngineError::Cancelled);
            }
        }
        Ok(())
    }
}

/// Bytes of a file with these tensors and nothing else, so that it can be told before the sums of gigabytes
/// are taken.
fn least_bytes(plan: &[Planned<'_>]) -> u64 {
    let tensors = plan.iter().map(Planned::in_layout).collect();
    GgufLayout { entries: Vec::new(), tensors }.file_bytes()
}

/// Makes sure that a file of so many bytes can be put at `out`.
pub(super) fn has_room(needed: u64, out: &Path) -> Result<(), CheckpointError> {
    if out.is_dir() {
        let source = io::Error::from(io::ErrorKind::IsADirectory);
        return Err(CheckpointError::Write { path: out.to_owned(), source });
    }
    let parent = out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match free_space(parent) {
        Some(free) if free < needed => {
            Err(CheckpointError::NoSpace { needed, free, directory: parent.to_owned() })
        }
        _ => Ok(()),
    }
}

/// What stands behind a file's name until it is complete.
pub(crate) const PART: &str = ".part";

/// What a file is called until it is complete.
pub(crate) fn unfinished(path: &Path) -> PathBuf {
    let mut part = path.as_os_str().to_owned();
    part.push(PART);
    part.into()
}

/// Whether `path` still leads to the open file.
#[cfg(unix)]
fn is_same_file(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    let (open, there) = (file.metadata()?, fs::metadata(path));
    Ok(there.is_ok_and(|there| (there.dev(), there.ino()) == (open.dev(), open.ino())))
}

/// Elsewhere nobody renames or removes a file that is open.
#[cfg(not(unix))]
fn is_same_file(_: &File, path: &Path) -> io::Result<bool> {
    path.try_exists()
}

/// A tensor on its way into the file.
struct Planned<'a> {
    set: &'a TensorSet,
    spec: &'a TensorSpec,
    format: Format,
}

impl<'a> Planned<'a> {
    fn new(set: &'a TensorSet, spec: &'a TensorSpec, precision: Precision) -> Self {
        let format = match spec.shape[..] {
            [_, columns] if spec.is_matrix() => precision.format_of(&spec.name, columns),
            // Norms, biases, positions: too small to matter. Kernels of convolutions stay in sixteen
            // bits where they came in sixteen bits.
            _ if spec.shape.len() > 1 && set.is_half(&spec.name) && precision != Precision::F32 => {
                Format::F16
            }
            _ => Format::F32,
        };
        Self { set, spec, format }
    }

    fn in_layout(&self) -> (String, Vec<usize>, Format) {
        (self.spec.name.clone(), self.spec.shape.clone(), self.format)
    }

    /// Whether it is in blocks already, and would be put into others.
    fn is_made_from_blocks(&self) -> bool {
        let stored = self.set.find(&self.spec.name).and_then(|(stored, _)| stored.format());
        stored.is_some_and(|stored| !stored.is_float() && stored != self.format)
    }
}
