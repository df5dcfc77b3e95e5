//! The stages of the model, each from the recorded input of that stage, so that an error shows where it
//! arises; then the whole way from a picture. Runs on any processor, in any number format.

use candle_core::{D, Device, IndexOp, Tensor};

use super::golden::{Golden, Recorded};
use super::manifest::{Case, Mode};
use super::{Kind, Report};
use crate::device;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::job::{Increment, Question};
use crate::model::glamm::Glamm;
use crate::model::layers::uninterrupted;
use crate::vision::BinaryMask;

/// What is compared, and where results go.
pub(super) struct Stages<'a> {
    pub(super) golden: &'a Golden,
    pub(super) engine: &'a Engine,
    pub(super) report: &'a mut Report,
}

impl Stages<'_> {
    /// Every stage of every picture and case.
    pub(super) fn run(&mut self) -> Result<(), EngineError> {
        let golden = self.golden;
        for (name, entry) in &golden.manifest.images {
            let recorded = golden.tensors(&entry.tensor_file)?;
            self.encoders(name, &recorded)?;
        }
        for case in &golden.manifest.cases {
            let recorded = golden.tensors(&case.tensor_file)?;
            self.regions(case, &recorded)?;
            self.language_model(case, &recorded)?;
            self.masks(case, &recorded)?;
            self.whole_way(case, &recorded)?;
        }
        Ok(())
    }

    fn model(&self) -> &Glamm {
        &self.engine.model
    }

    /// A recorded tensor as an input of parts that are computed in the number format of most.
    fn input(&self, tensor: &Tensor) -> Result<Tensor, EngineError> {
        Ok(self.frame(tensor)?.to_dtype(self.engine.dtype)?)
    }

    /// A recorded tensor as an input of parts that are computed in single precision.
    fn frame(&self, tensor: &Tensor) -> Result<Tensor, EngineError> {
        Ok(tensor.to_device(&self.engine.device)?)
    }

    /// Runs a pass as the engine does, and notes how far its result is from `want`.
    fn compare(
        &mut self,
        (stage, at): (&str, &str),
        kind: Kind,
        want: &Tensor,
        pass: impl FnOnce(&Glamm) -> Result<Tensor, EngineError> + Send,
    ) -> Result<(), EngineError> {
        let model = self.model();
        let got = device::compute(&self.engine.device, || pass(model))?;
        let error = self.report.tolerance(kind).error(&got, want)?;
        self.report.note((stage, at), kind, error);
        Ok(())
    }

    fn encoders(&mut self, at: &str, recorded: &Recorded) -> Result<(), EngineError> {
        let crop = self.input(recorded.need("clip_pixel_values")?)?;
        let want = recorded.need("clip_selected_patch_features")?;
        self.compare(("global encoder", at), Kind::Floats, want, |model| {
            Ok(model.global_encoder.forward(&crop, &mut uninterrupted)?.patches)
        })?;
        let features = self.input(want)?;
        let want = recorded.need("mm_projector_out")?;
        self.compare(("projector", at), Kind::Floats, want, |model| {
            Ok(model.projector.forward(&features)?)
        })?;

        let frame = self.frame(recorded.need("sam_input")?)?;
        let want = recorded.need("sam_patch_embed")?;
        self.compare(("grounding encoder, patches", at), Kind::Single, want, |model| {
            Ok(model.grounding_encoder.patch_embed(&frame)?)
        })?;
        let want = recorded.need("sam_image_embedding")?;
        self.compare(("grounding encoder", at), Kind::Single, want, |model| {
            Ok(model.grounding_encoder.forward(&frame, &mut uninterrupted)?)
        })
    }

    /// The recorded hidden states of the case's picture that feed the region encoder, shallow first.
    fn levels(&self, case: &Case) -> Result<Vec<Tensor>, EngineError> {
        let image = self.golden.tensors(&self.golden.image(case)?.tensor_file)?;
        let indices = &self.golden.manifest.region_level_hidden_state_indices;
        let level = |index: &usize| {
            let state = self.input(image.need(&format!("clip_hidden_{index}"))?)?;
            Ok(self.model().global_encoder.feature_map(&state)?)
        };
        indices.iter().map(level).collect()
    }

    fn regions(&mut self, case: &Case, recorded: &Recorded) -> Result<(), EngineError> {
        let boxes = &case.boxes_normalised;
        let Some(want) = recorded.get("region_embeddings").filter(|_| !boxes.is_empty()) else {
            return Ok(());
        };
        let levels = self.levels(case)?;
        self.compare(("region encoder", &case.id), Kind::Floats, want, |model| {
            let maps = model.region_encoder.feature_maps(&levels, &mut uninterrupted)?;
            Ok(model.region_encoder.forward(&maps, boxes)?)
        })
    }

    fn language_model(&mut self, case: &Case, recorded: &Recorded) -> Result<(), EngineError> {
        let at = case.id.as_str();
        let image = self.golden.tensors(&self.golden.image(case)?.tensor_file)?;
        let tokens = self.input(&image.need("mm_projector_out")?.squeeze(0)?)?;
        let (levels, slots) = (self.levels(case)?, self.golden.slots(case)?);
        let want = recorded.need("inputs_embeds")?;
        self.compare(("language model, input", at), Kind::Floats, want, |model| {
            let maps = model.region_encoder.feature_maps(&levels, &mut uninterrupted)?;
            Ok(model.embed(&slots, &tokens, Some(&maps))?)
        })?;

        let embeddings = self.input(want)?;
        let want = recorded.need("llm_layer0_out")?;
        self.compare(("language model, first block", at), Kind::Floats, want, |model| {
            Ok(model.llm.block(0, &embeddings)?)
        })?;
        let want = recorded.need("last_hidden_state")?;
        self.compare(("language model, hidden states", at), Kind::Floats, want, |model| {
            Ok(model.llm.forward(&embeddings, &mut model.llm.new_cache(), &mut uninterrupted)?)
        })?;
        // As it is used: the prompt in one pass, then token after token out of the cache.
        let prompt = embeddings.dim(0)? + 1 - case.answer_ids.len();
        self.compare(("language model, token by token", at), Kind::Floats, want, |model| {
            let mut cache = model.llm.new_cache();
            let rows = (prompt..embeddings.dim(0)?).map(|row| embeddings.narrow(0, row, 1));
            let mut hidden = Vec::new();
            for step in std::iter::once(embeddings.narrow(0, 0, prompt)).chain(rows) {
                hidden.push(model.llm.forward(&step?, &mut cache, &mut uninterrupted)?);
            }
            Ok(Tensor::cat(&hidden, 0)?)
        })?;

        let last = prompt - 1;
        let hidden = self.input(want)?;
        if let Some(want) = recorded.get("logits_last_prompt_position") {
            self.compare(("language model, logits", at), Kind::Floats, want, |model| {
                Ok(model.llm.logits(&hidden.narrow(0, last, 1)?)?.i(0)?)
            })?;
        }
        // What the model would say after each recorded token.
        let forced = &case.argmax_ids_along_the_forced_tokens;
        let said = if forced.is_empty() { &case.answer_ids } else { forced };
        let model = self.model();
        let ids: Vec<u32> = device::compute(&self.engine.device, || {
            model.llm.logits(&hidden.narrow(0, last, said.len())?)?.argmax(D::Minus1)?.to_vec1()
        })?;
        let differing = ids.iter().zip(said).filter(|(one, other)| one != other).count();
        let share = differing as f64 / said.len().max(1) as f64;
        self.report.note(("tokens, along the recorded reply", at), Kind::Tokens, share);
        Ok(())
    }

    fn masks(&mut self, case: &Case, recorded: &Recorded) -> Result<(), EngineError> {
        let Some(logits) = recorded.get("sam_mask_tokens_low_res_logits") else { return Ok(()) };
        let at = case.id.as_str();
        let image = self.golden.tensors(&self.golden.image(case)?.tensor_file)?;
        let embedding = self.frame(image.need("sam_image_embedding")?)?;
        let hidden = self.input(recorded.need("seg_hidden")?)?;
        let want = recorded.need("seg_pred_embedding")?;
        self.compare(("[SEG] to prompt", at), Kind::Floats, want, |model| {
            Ok(model.text_projection.forward(&hidden)?)
        })?;
        let states = self.frame(want)?;
        self.compare(("pixel decoder, mask logits", at), Kind::Logits, logits, |model| {
            Ok(model.pixel_decoder.forward(&embedding, &states)?.logits)
        })?;
        let want = recorded.need("sam_iou_predictions")?;
        self.compare(("pixel decoder, predicted IoU", at), Kind::Single, want, |model| {
            Ok(model.pixel_decoder.forward(&embedding, &states)?.iou)
        })
    }

    /// The engine's own way: a picture and a question to a reply and masks. Replies are compared where
    /// numbers are exact enough for them not to hang on close calls, masks where replies agree.
    fn whole_way(&mut self, case: &Case, recorded: &Recorded) -> Result<(), EngineError> {
        let (true, Some(limit)) = (case.mode == Mode::Greedy, case.max_new_tokens) else { return Ok(()) };
        let pixels = self.golden.picture(&self.golden.image(case)?.file)?;
        let mut image = self.engine.encode(&pixels, &|| false)?.0;
        let turns = self.golden.turns(case)?;
        let mut masks = Vec::new();
        let question = Question::greedy(&turns, limit);
        let answer = self.engine.converse(&mut image, question, &|| false, &mut |increment| {
            if let Increment::Mask { masks: found, .. } = increment {
                masks.push(found.used().threshold(0.0));
            }
        })?;
        let same = answer.token_ids() == case.answer_ids;
        self.report.note(("reply, from the picture", &case.id), Kind::Reply, f64::from(u8::from(!same)));
        let (true, Some(want)) = (same, recorded.get("mask_logits")) else { return Ok(()) };
        let earlier = case.seg.iter().filter(|seg| seg.in_prompt).count();
        for (index, mask) in masks.iter().enumerate() {
            let want = want.i(earlier + index)?;
            let (height, width) = want.dims2()?;
            let logits: Vec<f32> = want.to_device(&Device::Cpu)?.flatten_all()?.to_vec1()?;
            let inside = |x: u32, y: u32| logits[y as usize * width + x as usize] > 0.0;
            let want = BinaryMask::from_fn(width as u32, height as u32, inside);
            let overlap = if *mask == want { 1.0 } else { mask.iou(&want) };
            self.report.note(("masks, from the picture", &case.id), Kind::Masks, 1.0 - overlap);
        }
        Ok(())
    }
}
