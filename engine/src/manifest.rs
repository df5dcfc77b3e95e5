//! The tensors that a checkpoint of given sizes should hold.
//!
//! The list is not written down anywhere: the real model is built over weights that only note what
//! is asked for, so it cannot disagree with the model. Nothing is allocated but a single zero.
//! [`crate::checkpoint::Checkpoint::open`] holds the files against it before anything is read; the parity
//! tests hold it against the official model's own list.

use std::sync::{Arc, Mutex, PoisonError};

use candle_core::{DType, Device, Result, Shape, Tensor};
use candle_nn::var_builder::{SimpleBackend, VarBuilder};

use crate::model::config::GlammConfig;
use crate::model::glamm::Glamm;
use crate::model::matrix::Matrix;
use crate::model::source::{MatrixSource, Source};

/// Tensors of CLIP's vision tower begin with this; its file holds the text tower too.
pub(crate) const VISION_PREFIX: &str = "vision_model.";

/// More tensors, and more numbers in them, than any model of this kind has; a configuration that asks for
/// more is damaged.
const MAX_TENSORS: usize = 100_000;
const MAX_NUMBERS: u64 = 1 << 37;

/// A tensor of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorSpec {
    /// Its key.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// What the model does with it.
    pub usage: Usage,
}

impl TensorSpec {
    /// Whether the model is built from it; others may be missing.
    pub fn is_read(&self) -> bool {
        self.usage != Usage::Unread
    }

    /// Whether it may be kept in blocks.
    pub fn is_matrix(&self) -> bool {
        self.usage == Usage::Matrix
    }
}

/// What a model does with a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usage {
    /// A large matrix that products or lookups alone use, which may be kept in blocks.
    Matrix,
    /// Anything else that the model is built from.
    Plain,
    /// The official code stores it, and nothing reads it.
    Unread,
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
    // Frequencies of the rotary embedding, rounded to the checkpoint's type: no longer exact.
    glamm.extend(
        (0..config.llm.num_hidden_layers).map(|layer| {
            unread(format!("model.layers.{layer}.self_attn.rotary_emb.inv_freq"), vec![heads / 2])
        }),
    );
    clip.extend(unused_of_clip(config, &clip));
    Ok(Manifest { glamm, clip })
}

fn unread(name: String, shape: Vec<usize>) -> TensorSpec {
    TensorSpec { name, shape, usage: Usage::Unread }
}

/// Blocks above the deepest hidden state in use, the norm behind the last one, and the numbers of the
/// positions.
fn unused_of_clip(config: &GlammConfig, used: &[TensorSpec]) -> Vec<TensorSpec> {
    let width = config.global_encoder.hidden_size;
    let block = |layer: usize| format!("{VISION_PREFIX}encoder.layers.{layer}.");
    let first = block(0);
    let like: Vec<(&str, &Vec<usize>)> =
        used.iter().filter_map(|spec| Some((spec.name.strip_prefix(&first)?, &spec.shape))).collect();
    let mut unused = Vec::new();
    for layer in config.blocks_in_use()..config.global_encoder.num_hidden_layers {
        let prefix = block(layer);
        unused.extend(like.iter().map(|&(rest, shape)| unread(format!("{prefix}{rest}"), shape.clone())));
    }
    for part in ["weight", "bias"] {
        unused.push(unread(format!("{VISION_PREFIX}post_layernorm.{part}"), vec![width]));
    }
    let positions = vec![1, config.global_encoder.patches() + 1];
    unused.push(unread(format!("{VISION_PREFIX}embeddings.position_ids"), positions));
    unused
}

/// Weights that note what they are asked for. Clones share the notes.
#[derive(Debug, Clone, Default)]
struct Recorder(Arc<Mutex<Notes>>);

#[derive(Debug, Default)]
struct Notes {
    specs: Vec<TensorSpec>,
    numbers: u64,
}

impl Recorder {
    fn source(&self) -> Source<'static> {
        let tensors = VarBuilder::from_backend(Box::new(self.clone()), DType::F32, Device::Cpu);
        Source::new(tensors, Arc::new(self.clone()))
    }

    fn note(&self, name: &str, shape: &[usize], usage: Usage) -> Result<()> {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if notes.specs.len() >= MAX_TENSORS {
            candle_core::bail!("the configuration asks for more than {MAX_TENSORS} tensors");
        }
        let sides = shape.iter().map(|&side| side as u64);
        let numbers = sides.fold(1, u64::saturating_mul).saturating_add(notes.numbers);
        if numbers > MAX_NUMBERS {
            candle_core::bail!("the configuration asks for more than {MAX_NUMBERS} numbers, up to {name}");
        }
        notes.numbers = numbers;
        notes.specs.push(TensorSpec { name: name.to_owned(), shape: shape.to_vec(), usage });
        Ok(())
    }

    fn into_specs(self) -> Vec<TensorSpec> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).specs)
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
        self.note(name, shape.dims(), Usage::Plain)?;
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
        self.note(name, &[rows, columns], Usage::Matrix)?;
        let nothing = Tensor::zeros(1, DType::F32, &Device::Cpu)?;
        Ok(Some(Matrix::Dense(nothing.broadcast_as((rows, columns))?)))
    }
}
