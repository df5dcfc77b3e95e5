//! Reference data: `tests/golden/public`, recorded from the official implementation, and
//! `tests/golden/demo`, recorded from the demo model with the PyTorch code that trained it; or any
//! other directory of the same layout that the environment variable `GLAMM_GOLDEN_DIR` names. The
//! layout is described in the first one's README, the reader is the engine's own.

use std::ops::Deref;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device};
use glamm_engine::error::EngineError;
use glamm_engine::model::source::Source;
use glamm_engine::precision::Precision;
use glamm_engine::protocol::ModelSource;
pub use glamm_engine::selftest::golden::Recorded;
pub use glamm_engine::selftest::manifest::{Case, ImageEntry, Manifest, Mode, Prepared, SegEntry};

use crate::table::Failed;

/// Which reference data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Set {
    /// `tests/golden/public`: every stage, from the official implementation.
    Public,
    /// `tests/golden/demo`: the demo model, from the code that trained it.
    Demo,
    /// What `GLAMM_GOLDEN_DIR` names.
    Elsewhere,
}

impl Set {
    /// Those that tests go through.
    pub fn all() -> Vec<Self> {
        match std::env::var_os(ELSEWHERE) {
            Some(_) => vec![Self::Elsewhere],
            None => vec![Self::Public, Self::Demo],
        }
    }

    /// What follows the names of its tests.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Demo => "_demo",
            Self::Public | Self::Elsewhere => "",
        }
    }

    /// Opens it.
    ///
    /// # Errors
    /// A file is missing or of another form.
    pub fn open(self) -> Result<Golden, Failed> {
        let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
        let dir = match self {
            Self::Public => own.join("public"),
            Self::Demo => own.join("demo"),
            Self::Elsewhere => std::env::var_os(ELSEWHERE).map(PathBuf::from).unwrap_or_default(),
        };
        Ok(Golden { set: self, recorded: glamm_engine::selftest::golden::Golden::open(&dir)? })
    }
}

/// Environment variable that names another set.
const ELSEWHERE: &str = "GLAMM_GOLDEN_DIR";

/// A set of reference data.
#[derive(Debug)]
pub struct Golden {
    /// Which one it is.
    pub set: Set,
    recorded: glamm_engine::selftest::golden::Golden,
}

impl Deref for Golden {
    type Target = glamm_engine::selftest::golden::Golden;

    fn deref(&self) -> &Self::Target {
        &self.recorded
    }
}

impl Golden {
    /// Cases in which the model chose the answer itself.
    pub fn greedy_cases(&self) -> impl Iterator<Item = &Case> {
        self.manifest.cases.iter().filter(|case| case.mode == Mode::Greedy)
    }

    /// Tensors of a file that not every set has.
    ///
    /// # Errors
    /// The file is there but cannot be read.
    pub fn tensors_if_any(&self, file: &str) -> Result<Option<Recorded>, EngineError> {
        if self.path(file).exists() { self.tensors(file).map(Some) } else { Ok(None) }
    }

    /// Where the set's model is.
    pub fn checkpoint_directory(&self) -> &Path {
        match &self.source {
            ModelSource::Path(path) => path,
            ModelSource::Demo => Path::new(""),
        }
    }

    /// Weights of GLaMM, widened to f32, at the root of the checkpoint.
    pub fn weights(&self) -> Source<'static> {
        self.checkpoint.weights(&Device::Cpu, (DType::F32, Some(Precision::F32)), |_| true).glamm
    }

    /// Weights of CLIP, widened to f32, at `vision_model`.
    pub fn clip_weights(&self) -> Source<'static> {
        self.checkpoint.weights(&Device::Cpu, (DType::F32, Some(Precision::F32)), |_| true).clip
    }

    /// Fails a test that found nothing to compare in the public set, which has all stages; another
    /// set may lack some.
    ///
    /// # Errors
    /// See above.
    pub fn check_compared(&self, comparisons: usize, what: &str) -> Result<(), Failed> {
        if comparisons == 0 && self.set == Set::Public {
            return Err(format!("nothing was compared: the golden set holds no {what}").into());
        }
        Ok(())
    }
}
