//! Hands a checkpoint's tensors to the model as it asks for them.
//!
//! The model is built from `candle_nn::VarBuilder`s; behind them stands [`Reader`], which reads one
//! tensor at a time, so that no more than the model itself is ever in memory. The tensor library's
//! errors cannot carry ours: the first failure is kept beside them, see [`Weights::explain`].

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use candle_core::quantized::{QMatMul, QTensor};
use candle_core::{DType, Device, Shape, Tensor};
use candle_nn::var_builder::{SimpleBackend, VarBuilder};

use super::tensor_set::TensorSet;
use crate::error::EngineError;
use crate::model::format::Format;
use crate::model::matrix::{Matrix, PackedMatrix};
use crate::model::part::LoadProgress;
use crate::model::source::{MatrixSource, Source};
use crate::precision::Precision;

/// Builders for the two parts of GLaMM that are stored apart.
pub struct Weights<'p> {
    /// At the root of GLaMM's own checkpoint.
    pub glamm: Source<'p>,
    /// At `vision_model` of CLIP's checkpoint.
    pub clip: Source<'p>,
    shared: Arc<Mutex<Shared<'p>>>,
}

impl<'p> Weights<'p> {
    pub(super) fn new(
        (glamm, clip): (Arc<TensorSet>, Arc<TensorSet>),
        unread: LoadProgress,
        (device, dtype, precision): (&Device, DType, Option<Precision>),
        report: impl FnMut(&LoadProgress) -> bool + Send + 'p,
    ) -> Self {
        let shared = Shared {
            report: Box::new(report),
            progress: unread,
            parameters: 0,
            read: HashSet::new(),
            failure: None,
        };
        let shared = Arc::new(Mutex::new(shared));
        let source = |set| {
            let reader = Reader { set, shared: shared.clone(), precision, device: device.clone() };
            let tensors = VarBuilder::from_backend(Box::new(reader.clone()), dtype, device.clone());
            Source::new(tensors, Arc::new(reader))
        };
        Self { glamm: source(glamm), clip: source(clip).pp("vision_model"), shared }
    }

    /// Numbers in all tensors read so far.
    pub fn parameters(&self) -> usize {
        lock(&self.shared).parameters
    }

    /// What really went wrong when building the model from these weights failed with `error`: the
    /// tensor and its file where one was missing, misshapen or damaged.
    pub fn explain(&self, error: candle_core::Error) -> EngineError {
        lock(&self.shared).failure.take().unwrap_or(EngineError::Compute(error))
    }
}

/// What both builders report to.
struct Shared<'p> {
    report: Box<dyn FnMut(&LoadProgress) -> bool + Send + 'p>,
    progress: LoadProgress,
    parameters: usize,
    /// Tensors that count in `progress` already.
    read: HashSet<String>,
    failure: Option<EngineError>,
}

impl Shared<'_> {
    /// Whether to go on after `bytes` more, which hold `parameters` numbers.
    fn advance(&mut self, name: &str, bytes: usize, parameters: usize) -> bool {
        if self.read.insert(name.to_owned()) {
            self.progress.advance(name, bytes as u64);
            self.parameters += parameters;
        }
        (self.report)(&self.progress)
    }
}

/// Reads tensors by name.
#[derive(Clone)]
struct Reader<'p> {
    set: Arc<TensorSet>,
    shared: Arc<Mutex<Shared<'p>>>,
    /// Of matrices; `None` where they are kept as they are stored.
    precision: Option<Precision>,
    device: Device,
}

impl Reader<'_> {
    fn read(&self, name: &str, dtype: DType, device: &Device) -> Result<Tensor, EngineError> {
        let tensor = self.set.read(name, dtype, device)?;
        self.advance(name)?;
        Ok(tensor)
    }

    fn advance(&self, name: &str) -> Result<(), EngineError> {
        let stored = self.set.find(name).map(|(stored, _)| (stored.bytes(), stored.elements()));
        let (bytes, elements) = stored.unwrap_or_default();
        let go_on = lock(&self.shared).advance(name, bytes, elements);
        if go_on { Ok(()) } else { Err(EngineError::Cancelled) }
    }

    /// The matrix in the format that it is to be kept in; `None` where that is as a tensor.
    fn keep(&self, name: &str, shape: (usize, usize)) -> Result<Option<Matrix>, EngineError> {
        self.set.check(name, &[shape.0, shape.1])?;
        let Some(stored) = self.set.find(name).and_then(|(stored, _)| stored.format()) else {
            return Ok(None);
        };
        let format = Precision::kept_as(self.precision, (name, shape.1), stored);
        if format == Format::F32 || format.is_float() && !self.device.is_cpu() {
            return Ok(None);
        }
        let as_stored = if format == stored { self.set.matrix(name)? } else { None };
        let matrix = match (as_stored, &self.device) {
            (Some(packed), Device::Cpu) => Matrix::Packed(Arc::new(packed)),
            (None, Device::Cpu) => {
                let tensor = self.set.read(name, DType::F32, &Device::Cpu)?;
                Matrix::Packed(Arc::new(PackedMatrix::pack(&tensor, format)?))
            }
            (Some(packed), device) => Matrix::Device(packed.on(device)?),
            (None, device) => {
                let tensor = self.set.read(name, DType::F32, &Device::Cpu)?;
                let blocks = QTensor::quantize_onto(&tensor, format.ggml(), device)?;
                Matrix::Device(QMatMul::from_qtensor(blocks)?)
            }
        };
        self.advance(name)?;
        Ok(Some(matrix))
    }

    fn note(&self, error: EngineError) -> candle_core::Error {
        let message = error.to_string();
        lock(&self.shared).failure.get_or_insert(error);
        candle_core::Error::Msg(message)
    }
}

impl SimpleBackend for Reader<'_> {
    fn get(
        &self,
        shape: Shape,
        name: &str,
        _: candle_nn::Init,
        dtype: DType,
        device: &Device,
    ) -> candle_core::Result<Tensor> {
        let checked = self.set.check(name, shape.dims()).map_err(EngineError::from);
        checked.and_then(|()| self.read(name, dtype, device)).map_err(|error| self.note(error))
    }

    fn get_unchecked(&self, name: &str, dtype: DType, device: &Device) -> candle_core::Result<Tensor> {
        self.read(name, dtype, device).map_err(|error| self.note(error))
    }

    fn contains_tensor(&self, name: &str) -> bool {
        self.set.find(name).is_some()
    }
}

impl MatrixSource for Reader<'_> {
    fn matrix(&self, name: &str, shape: (usize, usize)) -> candle_core::Result<Option<Matrix>> {
        self.keep(name, shape).map_err(|error| self.note(error))
    }
}

/// A panic in the progress callback leaves nothing half done here.
fn lock<'a, 'p>(shared: &'a Mutex<Shared<'p>>) -> MutexGuard<'a, Shared<'p>> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
