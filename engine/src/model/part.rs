//! The parts of GLaMM by name, and how far each is on its way into memory.

/// A part of the network, as the paper names it. In the order in which they are loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ModelPart {
    /// CLIP.
    GlobalEncoder,
    /// From CLIP to the language model.
    Projector,
    /// From CLIP and boxes to the language model.
    RegionEncoder,
    /// SAM's image encoder.
    GroundingEncoder,
    /// SAM's prompt encoder and mask decoder.
    PixelDecoder,
    /// LLaMA.
    LanguageModel,
    /// From the language model to the pixel decoder.
    TextProjection,
}

impl ModelPart {
    /// All of them, in the order of loading.
    pub const ALL: [Self; 7] = [
        Self::GlobalEncoder,
        Self::Projector,
        Self::RegionEncoder,
        Self::GroundingEncoder,
        Self::PixelDecoder,
        Self::LanguageModel,
        Self::TextProjection,
    ];

    /// Whether it is computed in 32 bits whatever the rest is computed in: as it was published. Masks
    /// show a logit's error at their edges.
    pub fn is_in_single_precision(self) -> bool {
        matches!(self, Self::GroundingEncoder | Self::PixelDecoder | Self::TextProjection)
    }

    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::GlobalEncoder => "Global image encoder",
            Self::Projector => "Vision-language projection",
            Self::RegionEncoder => "Region encoder",
            Self::GroundingEncoder => "Grounding image encoder",
            Self::PixelDecoder => "Pixel decoder",
            Self::LanguageModel => "Language model",
            Self::TextProjection => "Language-prompt projection",
        }
    }

    /// The part that a tensor belongs to, by its key in the checkpoint, CLIP's keys included.
    pub fn of(key: &str) -> Self {
        const PREFIXES: [(&str, ModelPart); 6] = [
            ("vision_model.", ModelPart::GlobalEncoder),
            ("model.mm_projector.", ModelPart::Projector),
            ("model.region_encoder.", ModelPart::RegionEncoder),
            ("model.grounding_encoder.image_encoder.", ModelPart::GroundingEncoder),
            ("model.grounding_encoder.", ModelPart::PixelDecoder),
            ("model.text_hidden_fcs.", ModelPart::TextProjection),
        ];
        let known = PREFIXES.into_iter().find(|(prefix, _)| key.starts_with(prefix));
        known.map_or(Self::LanguageModel, |(_, part)| part)
    }
}

/// How far a model is on its way into memory, in bytes as they are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LoadProgress {
    parts: [PartProgress; ModelPart::ALL.len()],
}

/// How far a part is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PartProgress {
    /// Read so far.
    pub done_bytes: u64,
    /// All of it.
    pub total_bytes: u64,
}

impl LoadProgress {
    /// Of one part.
    pub fn part(&self, part: ModelPart) -> PartProgress {
        self.parts[part as usize]
    }

    /// Read so far, of all parts.
    pub fn done_bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.done_bytes).sum()
    }

    /// All there is to read; 0 while this is not known yet.
    pub fn total_bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.total_bytes).sum()
    }

    /// The first part that is not whole; `None` once all are.
    pub fn current(&self) -> Option<ModelPart> {
        ModelPart::ALL.into_iter().find(|&part| {
            let PartProgress { done_bytes, total_bytes } = self.part(part);
            done_bytes < total_bytes
        })
    }

    /// The tensor `key` will have to be read.
    pub fn expect(&mut self, key: &str, bytes: u64) {
        self.parts[ModelPart::of(key) as usize].total_bytes += bytes;
    }

    /// The tensor `key` was read. What was not expected does not count beyond the whole.
    pub fn advance(&mut self, key: &str, bytes: u64) {
        let part = &mut self.parts[ModelPart::of(key) as usize];
        part.done_bytes = (part.done_bytes + bytes).min(part.total_bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_belong_to_parts() {
        for (key, part) in [
            ("vision_model.embeddings.patch_embedding.weight", ModelPart::GlobalEncoder),
            ("model.mm_projector.0.weight", ModelPart::Projector),
            ("model.region_encoder.pconvs.0.weight", ModelPart::RegionEncoder),
            ("model.grounding_encoder.image_encoder.blocks.0.attn.qkv.weight", ModelPart::GroundingEncoder),
            ("model.grounding_encoder.mask_decoder.iou_token.weight", ModelPart::PixelDecoder),
            ("model.grounding_encoder.prompt_encoder.no_mask_embed.weight", ModelPart::PixelDecoder),
            ("model.text_hidden_fcs.0.0.weight", ModelPart::TextProjection),
            ("model.layers.0.mlp.up_proj.weight", ModelPart::LanguageModel),
            ("model.embed_tokens.weight", ModelPart::LanguageModel),
            ("lm_head.weight", ModelPart::LanguageModel),
        ] {
            assert_eq!(ModelPart::of(key), part, "{key}");
        }
    }

    #[test]
    fn parts_add_up() {
        let mut progress = LoadProgress::default();
        assert_eq!((progress.total_bytes(), progress.current()), (0, None));
        progress.expect("vision_model.a", 10);
        progress.expect("lm_head.weight", 30);
        assert_eq!(progress.current(), Some(ModelPart::GlobalEncoder));
        progress.advance("vision_model.a", 10);
        progress.advance("vision_model.surprise", 5);
        assert_eq!((progress.done_bytes(), progress.total_bytes()), (10, 40));
        assert_eq!(progress.current(), Some(ModelPart::LanguageModel));
        progress.advance("lm_head.weight", 30);
        assert_eq!(progress.current(), None);
    }
}
