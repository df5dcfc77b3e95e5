//! The whole model of a golden set, built by the engine's own loader.

use candle_core::{DType, Device};
use glamm_engine::model::glamm::Glamm;
use glamm_engine::precision::Precision;
use glamm_engine::protocol::{DeviceChoice, ModelSpec};
use glamm_engine::text::tokenizer::Tokenizer;

use crate::golden::Golden;
use crate::table::Failed;

/// A checkpoint, built by the engine's own loader.
#[derive(Debug)]
pub struct Model {
    /// The network.
    pub glamm: Glamm,
    /// Its tokenizer.
    pub tokenizer: Tokenizer,
}

impl Golden {
    /// The set's model on the CPU.
    ///
    /// # Errors
    /// The checkpoint cannot be loaded.
    pub fn model(&self) -> Result<Model, Failed> {
        let weights = self.checkpoint.weights(&Device::Cpu, (DType::F32, Some(Precision::F32)), |_| true);
        let glamm = Glamm::new(self.config(), &weights.glamm, &weights.clip)
            .map_err(|error| weights.explain(error))?;
        Ok(Model { glamm, tokenizer: self.checkpoint.tokenizer()? })
    }

    /// What to load to get the set's model.
    pub fn spec(&self) -> ModelSpec {
        ModelSpec { source: self.source.clone(), device: DeviceChoice::Cpu, precision: None }
    }
}
