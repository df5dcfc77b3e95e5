//! Vision-to-language projector (`mlp2x_gelu` of LLaVA 1.5): patch features of the global encoder
//! become input embeddings of the language model. Called once for every image.

use candle_core::{Module, Result, Tensor};

use super::elementwise;
use super::projection::Projection;
use super::source::Source;

/// Two linear layers with the exact GELU between them.
#[derive(Debug, Clone)]
pub struct Projector {
    first: Projection,
    second: Projection,
}

impl Projector {
    /// `source` is at `model.mm_projector`; `vision` and `language` are the widths on both sides.
    ///
    /// # Errors
    /// A tensor is missing or of another shape.
    pub fn new(vision: usize, language: usize, source: &Source) -> Result<Self> {
        Ok(Self {
            first: source.pp(0).linear(vision, language)?,
            second: source.pp(2).linear(language, language)?,
        })
    }

    /// `[batch, patches, vision]` → `[batch, patches, language]`.
    ///
    /// # Errors
    /// The tensor library's.
    pub fn forward(&self, patches: &Tensor) -> Result<Tensor> {
        self.second.forward(&elementwise::gelu(self.first.forward(patches)?)?)
    }
}
