//! Recorded conversations as the engine's types: the whole model of a golden set, the turns of a
//! case, and what stands at every position of the sequence that was fed.

use candle_core::{DType, Device};
use glamm_engine::model::glamm::{Glamm, Slot};
use glamm_engine::precision::Precision;
use glamm_engine::protocol::{DeviceChoice, ModelSource, ModelSpec, Turn};
use glamm_engine::text::tokenizer::Tokenizer;
use glamm_engine::vision::PixelBox;

use crate::golden::{Case, Golden};
use crate::table::Failed;

/// A checkpoint, built by the engine's own loader.
#[derive(Debug)]
pub struct Model {
    /// The network.
    pub glamm: Glamm,
    /// Its tokenizer.
    pub tokenizer: Tokenizer,
}

impl Case {
    /// Ids of prompt and answer but the last, which is never fed.
    pub fn fed_ids(&self) -> Vec<i64> {
        let answer = self.answer_ids.iter().map(|&id| i64::from(id));
        let mut ids: Vec<i64> = self.input_ids.iter().copied().chain(answer).collect();
        ids.pop();
        ids
    }
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
        ModelSpec {
            source: ModelSource::Path(self.checkpoint_directory.clone()),
            device: DeviceChoice::Cpu,
            precision: None,
        }
    }

    /// Cases in which the model chose the answer itself.
    pub fn greedy_cases(&self) -> impl Iterator<Item = &Case> {
        self.manifest.cases.iter().filter(|case| case.mode == "greedy")
    }

    /// The case that a case follows up.
    ///
    /// # Errors
    /// It is not there.
    pub fn parent(&self, case: &Case) -> Result<Option<&Case>, Failed> {
        let Some(id) = &case.follow_up_of else { return Ok(None) };
        let parent = self.manifest.cases.iter().find(|other| other.id == *id);
        parent.map(Some).ok_or_else(|| format!("{} follows up {id}, which is missing", case.id).into())
    }

    /// The conversation up to and with the question of a case.
    ///
    /// # Errors
    /// The case follows up one that is not there.
    pub fn turns(&self, case: &Case) -> Result<Vec<Turn>, Failed> {
        let mut turns = Vec::new();
        if let Some(parent) = self.parent(case)? {
            turns = self.turns(parent)?;
            if let Some(question) = turns.last_mut() {
                question.reply = Some(parent.text_output.clone());
            }
        }
        let boxes = case.boxes_xyxy_pixels.iter();
        let regions = boxes.map(|&[x0, y0, x1, y1]| PixelBox { x0, y0, x1, y1 }).collect();
        turns.push(Turn { user: case.user_text.clone(), regions, reply: None });
        Ok(turns)
    }

    /// What is fed for a case: prompt and answer but the last token. `<bbox>` become regions as the
    /// set's README says: in order, surplus boxes dropped, a single box for all, none for none.
    ///
    /// # Errors
    /// The manifest does not say which id is the image's or a region's.
    pub fn slots(&self, case: &Case) -> Result<Vec<Slot>, Failed> {
        let id_of = |name: &str| self.manifest.tokens.get(name).ok_or_else(|| format!("no id of {name}"));
        let (placeholder, bbox) = (*id_of("image_placeholder")?, *id_of("bbox_token_idx")?);
        let patches = self.config().global_encoder.patches() as u32;
        let mut boxes = case.boxes_normalised.iter();
        let mut slots = Vec::new();
        for id in case.fed_ids() {
            let region = match &case.boxes_normalised[..] {
                _ if id != bbox => None,
                [single] => Some(single),
                _ => boxes.next(),
            };
            match region {
                Some(&sides) => slots.push(Slot::Region(sides)),
                None if id == placeholder => slots.extend((0..patches).map(Slot::Image)),
                None => slots.push(Slot::Token(id as u32)),
            }
        }
        Ok(slots)
    }
}
