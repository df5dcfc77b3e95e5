//! The tensors that a checkpoint of given sizes should hold.
//!
//! The list is not written down anywhere: the real model is built over weights that only note what
//! is asked for, so it cannot disagree with the model. Nothing is allocated but a single zero.
//! [`super::Checkpoint::open`] holds the files against it before anything is read; the parity tests
//! hold it against the official model's own list.

use std::sync::{Arc, Mutex, PoisonError};

use candle_core::{DType, Device, Result, Shape, Tensor};
use candle_nn::var_builder::{SimpleBackend, VarBuilder};

use super::VISION_PREFIX;
use crate::model::config::GlammConfig;
use crate::model::glamm::Glamm;
use crate::model::matrix::Matrix;
use crate::model::source::{MatrixSource, Source};

/// More tensors than any model of this kind has; a configuration that asks for more is damaged.
const MAX_TENSORS: usize = 100_000;

/// A tensor of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorSpec {
    /// Its key.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Whether it is learnt.
    pub kind: TensorKind,
    /// Whether the model is built from it; others may be missing.
    pub used: bool,
    /// Whether it is a large matrix that products or lookups alone use, which may be kept in blocks.
    pub matrix: bool,
}

/// What PyTorch calls a tensor of a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TensorKind {
    /// Learnt.
    Parameter,
    /// Set by the code, and stored.
    Buffer,
}

/// All tensors of the two checkpoints that GLaMM consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Of GLaMM's own.
    pub glamm: Vec<TensorSpec>,
    /// Of CLIP's vision tower; its text tower does not matter here.
    pub clip: Vec<TensorSpec>,
}

/// Lists the tensors of a model with the sizes of `config`, in the order in which it asks for them,
/// and behind them those that the official code stores and does not use.
///
/// # Errors
/// The model cannot be built with these sizes.
pub fn expected_tensors(config: &GlammConfig) -> Result<Manifest> {
    let (glamm, clip) = (Recorder::default(), Recorder::default());
    let tower = VISION_PREFIX.trim_end_matches('.');
    Glamm::new(config, &glamm.source(), &clip.source().pp(tower))?;
    let (mut glamm, mut clip) = (glamm.into_specs(), clip.into_specs());
    let heads = config.llm.head_dim();
    glamm.extend((0..config.llm.num_hidden_layers).map(|layer| TensorSpec {
        // Frequencies of the rotary embedding, rounded to the checkpoint's type: no longer exact.
        name: format!("model.layers.{layer}.self_attn.rotary_emb.inv_freq"),
        shape: vec![heads / 2],
        kind: TensorKind::Buffer,
        used: false,
        matrix: false,
    }));
    clip.extend(unused_of_clip(config, &clip));
    Ok(Manifest { glamm, clip })
}

/// Blocks above the deepest hidden state in use, the norm behind the last one, and the numbers of the
/// positions.
fn unused_of_clip(config: &GlammConfig, used: &[TensorSpec]) -> Vec<TensorSpec> {
    let width = config.global_encoder.hidden_size;
    let spec = |name: String, shape, kind| TensorSpec { name, shape, kind, used: false, matrix: false };
    let block = |layer: usize| format!("{VISION_PREFIX}encoder.layers.{layer}.");
    let (first, mut unused) = (block(0), Vec::new());
    for layer in 0..config.global_encoder.num_hidden_layers {
        let prefix = block(layer);
        if !used.iter().any(|spec| spec.name.starts_with(&prefix)) {
            let like = used.iter().filter_map(|spec| Some((spec.name.strip_prefix(&first)?, &spec.shape)));
            let copies = like
                .map(|(rest, shape)| spec(format!("{prefix}{rest}"), shape.clone(), TensorKind::Parameter));
            unused.extend(copies);
        }
    }
    for part in ["weight", "bias"] {
        let name = format!("{VISION_PREFIX}post_layernorm.{part}");
        unused.push(spec(name, vec![width], TensorKind::Parameter));
    }
    let positions = vec![1, config.global_encoder.patches() + 1];
    let name = format!("{VISION_PREFIX}embeddings.position_ids");
    unused.push(spec(name, positions, TensorKind::Buffer));
    unused
}

/// Weights that note what they are asked for. Clones share the notes.
#[derive(Debug, Clone, Default)]
struct Recorder(Arc<Mutex<Vec<TensorSpec>>>);

impl Recorder {
    fn source(&self) -> Source<'static> {
        let tensors = VarBuilder::from_backend(Box::new(self.clone()), DType::F32, Device::Cpu);
        Source::new(tensors, Arc::new(self.clone()))
    }

    fn note(&self, spec: TensorSpec) -> Result<()> {
        let mut specs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if specs.len() >= MAX_TENSORS {
            candle_core::bail!("the configuration asks for more than {MAX_TENSORS} tensors");
        }
        specs.push(spec);
        Ok(())
    }

    fn into_specs(self) -> Vec<TensorSpec> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl SimpleBackend for Recorder {
    fn get(
        &self,
        shape: Shape,
        name: &str,
        _: candle_nn::Init,
        dtype: DType,
        device: &Device,
    ) -> Result<Tensor> {
        // The one buffer that the model reads.
        let buffer = name.ends_with("positional_encoding_gaussian_matrix");
        self.note(TensorSpec {
            name: name.to_owned(),
            shape: shape.dims().to_vec(),
            kind: if buffer { TensorKind::Buffer } else { TensorKind::Parameter },
            used: true,
            matrix: false,
        })?;
        Tensor::zeros(1, dtype, device)?.broadcast_as(shape)
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> Result<Tensor> {
        candle_core::bail!("the model asks for {name} without saying its shape")
    }

    fn contains_tensor(&self, _: &str) -> bool {
        true
    }
}

impl MatrixSource for Recorder {
    fn matrix(&self, name: &str, (rows, columns): (usize, usize)) -> Result<Option<Matrix>> {
        self.note(TensorSpec {
            name: name.to_owned(),
            shape: vec![rows, columns],
            kind: TensorKind::Parameter,
            used: true,
            matrix: true,
        })?;
        let nothing = Tensor::zeros(1, DType::F32, &Device::Cpu)?;
        Ok(Some(Matrix::Dense(nothing.broadcast_as((rows, columns))?)))
    }
}
