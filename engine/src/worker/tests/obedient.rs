//! A model that does as it is told, for the tests of the loop around it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use image::RgbImage;

use crate::error::EngineError;
use crate::images::ImageCache;
use crate::job::{Answer, Increment, Question, StopCheck};
use crate::loaded_model::{LoadedModel, ReportLoading, Variant};
use crate::precision::{KeptAs, Precision};
use crate::protocol::{
    EncodeTimings, EncoderSides, FinishReason, Held, JobStats, LoadProgress, ModelInfo, ModelSource,
    ModelSpec, Reply,
};
use crate::vision::{Click, FeatureMap, FeatureMaps, MaskCandidates, MaskLogits, MaskPrompt, PixelBox};

/// A picture of this brightness does not fit into memory.
pub(super) const EXHAUSTING: u8 = 99;
/// A picture of this brightness is not through the grounding encoder before it was interrupted once.
pub(super) const LARGE: u8 = 50;

/// A model that does what the question says: `panic`, `fail`, `exhaust`, `forever`, or `words N`; of `exhaust once`
/// only the first runs out of memory, and of `exhaust late` one word comes before.
pub(super) struct Obedient {
    info: ModelInfo,
    variant: Variant,
    was_exhausted: AtomicBool,
}

/// As candle says it.
fn out_of_memory() -> EngineError {
    candle_core::Error::Cuda("DriverError(CUDA_ERROR_OUT_OF_MEMORY, \"out of memory\")".into()).bt().into()
}

#[derive(Default)]
pub(super) struct Context {
    turns: usize,
    blocks_left: usize,
    is_complete: bool,
}

impl ImageCache for Context {
    fn bytes(&self) -> usize {
        1
    }

    fn is_complete(&self) -> bool {
        self.is_complete
    }

    fn drop_context(&mut self) {
        self.turns = 0;
    }
}

impl LoadedModel for Obedient {
    type Image = Context;

    fn load(spec: &ModelSpec, mut progress: ReportLoading) -> Result<Self, EngineError> {
        if !(0..1000).all(|done| progress(&halfway(done, 1000))) {
            return Err(EngineError::Cancelled);
        }
        let ModelSource::Path(path) = &spec.source else { return Err(EngineError::NoModel) };
        assert_ne!(path.to_str(), Some("broken"), "a broken loader");
        while path.to_str() == Some("slow") {
            if !progress(&halfway(1, 2)) {
                return Err(EngineError::Cancelled);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        let smaller = Some((Precision::Q4K, 5 << 30));
        Ok(Self {
            was_exhausted: AtomicBool::new(false),
            variant: Variant {
                device: "CUDA 0".to_owned(),
                precision: KeptAs::Precision(Precision::F16),
                smaller,
            },
            info: ModelInfo {
                name: path.display().to_string(),
                device: "test".to_owned(),
                source: spec.source.clone(),
                parameters: 1,
                has_random_weights: false,
                precision: KeptAs::Precision(Precision::F32),
                held: Held::Ram(1),
                context_length: 1,
                encoder_sides: EncoderSides { global: 1, grounding: 1 },
                load_time: Duration::ZERO,
            },
        })
    }

    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn variant(&self) -> &Variant {
        &self.variant
    }

    fn cache_budget(&self) -> usize {
        1 << 10
    }

    /// A black image takes for ever, a white one cannot be encoded.
    fn begin_encoding(&self, pixels: &RgbImage, stop: StopCheck<'_>) -> Result<Context, EngineError> {
        let first = pixels.get_pixel(0, 0).0[0];
        assert_ne!(first, 255, "too bright");
        if first == EXHAUSTING {
            return Err(out_of_memory());
        }
        if first == 0 {
            while !stop() {
                std::thread::sleep(Duration::from_millis(1));
            }
            return Err(EngineError::Cancelled);
        }
        Ok(Context { blocks_left: usize::from(first == LARGE), ..Context::default() })
    }

    fn finish_encoding(
        &self,
        image: &mut Context,
        stop: StopCheck<'_>,
    ) -> Result<EncodeTimings, EngineError> {
        if image.blocks_left > 0 {
            image.blocks_left -= 1;
            while !stop() {
                std::thread::sleep(Duration::from_millis(1));
            }
            return Err(EngineError::Cancelled);
        }
        image.is_complete = true;
        Ok(EncodeTimings::default())
    }

    fn converse(
        &self,
        image: &mut Context,
        question: Question<'_>,
        stop: StopCheck<'_>,
        report: &mut dyn FnMut(Increment),
    ) -> Result<Answer, EngineError> {
        image.turns += 1;
        let order = question.turns.last().unwrap().user.as_str();
        let stats = JobStats { cached_tokens: image.turns - 1, ..JobStats::default() };
        let end = |reason| Ok(Answer { reason, reply: Reply::default(), tokens: Arc::default(), stats });
        match order.split_once(' ') {
            None if order == "panic" => panic!("as told"),
            None if order == "exhaust" => Err(out_of_memory()),
            None if order == "fail" => Err(candle_core::Error::Msg("as told".to_owned()).into()),
            None => {
                while !stop() {
                    std::thread::sleep(Duration::from_millis(1));
                }
                end(FinishReason::Cancelled)
            }
            Some(("exhaust", "late")) => {
                report(Increment::Text("word ".into()));
                Err(out_of_memory())
            }
            Some(("exhaust", _)) if !self.was_exhausted.swap(true, Ordering::Relaxed) => Err(out_of_memory()),
            Some(("exhaust", _)) => end(FinishReason::EndOfSequence),
            Some((_, count)) => {
                (0..count.parse::<usize>().unwrap()).for_each(|_| report(Increment::Text("word ".into())));
                end(FinishReason::EndOfSequence)
            }
        }
    }

    /// Panics where there is a box.
    fn segment(
        &self,
        _: &Context,
        points: &[Click],
        region: Option<PixelBox>,
    ) -> Result<MaskCandidates, EngineError> {
        assert!(region.is_none(), "as told");
        let mask = MaskLogits {
            side: 1,
            logits: vec![points.len() as f32],
            frame: 1,
            content: (1, 1),
            image_size: (2, 2),
            predicted_iou: 0.5,
        };
        Ok(MaskCandidates::from(Arc::new(mask)))
    }

    fn feature_maps(
        &self,
        _: &Context,
        mask: Option<(&MaskPrompt, usize)>,
    ) -> Result<FeatureMaps, EngineError> {
        let map = FeatureMap {
            columns: 1,
            rows: 1,
            rgb: vec![[mask.map_or(0, |(_, index)| index as u8); 3]],
            explained: [1.0, 0.0, 0.0],
            covers: PixelBox::default(),
        };
        Ok(FeatureMaps { global: map.clone(), grounding: map, attention: None })
    }
}

/// Somewhere on the way.
fn halfway(done: u64, total: u64) -> LoadProgress {
    let mut progress = LoadProgress::default();
    progress.expect("lm_head.weight", total);
    progress.advance("lm_head.weight", done);
    progress
}
