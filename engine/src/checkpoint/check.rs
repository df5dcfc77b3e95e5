//! Holds every tensor that a model needs against every tensor that a checkpoint has, and looks at
//! every number. Called by `glamm models check`; loading a model checks names and shapes only, and
//! stops at the first fault.

use std::path::PathBuf;

use super::tensor_set::TensorSet;
use super::{ConfigFiles, FileSource, manifest_of, read_tokenizer};
use crate::error::{CheckpointError, EngineError};
use crate::manifest::{TensorSpec, VISION_PREFIX};
use crate::protocol::ModelSource;

/// What was found out about a tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// There, of the right shape and type, with finite numbers.
    Good,
    /// The model needs it, and no file has it.
    Missing,
    /// A file has it, and the model does not know it. No fault: some releases have more.
    Unexpected,
    /// Its shape is not what the configuration asks for.
    WrongShape,
    /// Its numbers are not of 32 or 16 bits with a point.
    WrongType,
    /// So many of its numbers are infinite or no numbers.
    NotFinite(u64),
    /// Its bytes are not those that were written, or cannot be read; why.
    Damaged(String),
}

impl Verdict {
    /// Whether the model cannot be used.
    pub fn is_fault(&self) -> bool {
        !matches!(self, Self::Good | Self::Unexpected)
    }
}

/// Which of the two checkpoints a tensor belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// GLaMM's own.
    Glamm,
    /// CLIP's vision tower.
    Clip,
}

/// A tensor as a file has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundTensor {
    /// Its sizes.
    pub shape: Vec<usize>,
    /// Of its numbers: `f32`, `bf16`.
    pub dtype: String,
    /// The file.
    pub path: PathBuf,
}

/// A tensor that should be there, or is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedTensor {
    /// Its key.
    pub name: String,
    /// Where it belongs.
    pub part: Part,
    /// The shape that the configuration asks for.
    pub expected: Option<Vec<usize>>,
    /// What there is.
    pub found: Option<FoundTensor>,
    /// How they go together.
    pub verdict: Verdict,
}

/// All that was found out about a checkpoint.
#[derive(Debug)]
pub struct Report {
    /// Every tensor, GLaMM's first, in the order in which the model asks for them; unexpected ones
    /// behind them, by name.
    pub tensors: Vec<CheckedTensor>,
    /// Files that are missing or cannot be used at all; their tensors count as missing.
    pub bad_files: Vec<CheckpointError>,
}

impl Report {
    /// Whether the model can be used.
    pub fn is_good(&self) -> bool {
        self.bad_files.is_empty() && self.tensors.iter().all(|tensor| !tensor.verdict.is_fault())
    }
}

/// Reads all weights of a model to their end, one block at a time. `progress` is told bytes looked at and in
/// all, and returns whether to go on.
///
/// # Errors
/// The configuration cannot be used, there are no weights at all, or it was cancelled.
pub fn check(model: &ModelSource, progress: &mut dyn FnMut(u64, u64) -> bool) -> Result<Report, EngineError> {
    let source = FileSource::of(model)?;
    let files = ConfigFiles::read(&source, "config.json")?;
    let manifest = manifest_of(&files.config, &source)?;
    let (glamm, mut bad_files) = TensorSet::open_what_is_good(&source)?;
    let (clip, bad) = TensorSet::open_what_is_good(&files.tower)?;
    bad_files.extend(bad);
    bad_files.extend(read_tokenizer(&source, &files.config).err());

    let mut tensors = compare(&glamm, &manifest.glamm, Part::Glamm);
    tensors.extend(compare(&clip, &manifest.clip, Part::Clip));
    let bytes = |tensor: &CheckedTensor| {
        let set = if tensor.part == Part::Glamm { &glamm } else { &clip };
        set.find(&tensor.name).map_or(0, |(stored, _)| stored.bytes() as u64)
    };
    let good = |tensor: &&CheckedTensor| tensor.verdict == Verdict::Good;
    let (mut done, total) = (0, tensors.iter().filter(good).map(bytes).sum());
    for tensor in tensors.iter_mut().filter(|tensor| tensor.verdict == Verdict::Good) {
        let set = if tensor.part == Part::Glamm { &glamm } else { &clip };
        tensor.verdict = match set.count_non_finite(&tensor.name) {
            Ok(0) => Verdict::Good,
            Ok(count) => Verdict::NotFinite(count),
            Err(error) => Verdict::Damaged(error.to_string()),
        };
        done += bytes(tensor);
        if !progress(done, total) {
            return Err(EngineError::Cancelled);
        }
    }
    Ok(Report { tensors, bad_files })
}

/// Names, shapes and types; [`Verdict::Good`] so far for what fits. Tensors that the model has no use
/// for need not be there.
fn compare(set: &TensorSet, expected: &[TensorSpec], part: Part) -> Vec<CheckedTensor> {
    let found = |name: &str| {
        set.find(name).map(|(stored, path)| FoundTensor {
            shape: stored.shape.clone(),
            dtype: stored.element.name().to_owned(),
            path: path.to_owned(),
        })
    };
    let mut tensors = Vec::with_capacity(expected.len());
    for spec in expected {
        let usual = set.find(&spec.name).is_some_and(|(stored, _)| stored.element.is_usual());
        let found = found(&spec.name);
        let verdict = match &found {
            None if spec.is_read() => Verdict::Missing,
            None => continue,
            Some(found) if found.shape != spec.shape => Verdict::WrongShape,
            Some(_) if spec.is_read() && !usual => Verdict::WrongType,
            Some(_) => Verdict::Good,
        };
        let (name, expected) = (spec.name.clone(), Some(spec.shape.clone()));
        tensors.push(CheckedTensor { name, part, expected, found, verdict });
    }
    // CLIP's text tower is no business of this program.
    let prefix = if part == Part::Clip { VISION_PREFIX } else { "" };
    tensors.extend(set.unknown(expected, prefix).into_iter().map(|name| CheckedTensor {
        name: name.to_owned(),
        part,
        expected: None,
        found: found(name),
        verdict: Verdict::Unexpected,
    }));
    tensors
}
