//! From the schema to the document. What does not fit is left out and said.
//!
//! Nothing in a file is believed: boxes are cut to their picture, phrases to their text, counts are
//! bounded, masks must fit their picture.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use glamm_engine::protocol::{
    FinishReason, Grounding, ImageId, JobStats, Reply, Sampling, TokenChoice, TokenRecord,
};
use glamm_engine::vision::{BinaryMask, Click, MaskCandidates, MaskLogits, MaskPrompt, PixelBox, Rle};

use super::masks;
use super::schema::{
    ClickFile, ConversationFile, ExchangeFile, FinishReasonFile, LogitsFile, MaskFile, OriginFile,
    PictureFile, PromptFile, RegionFile, SamplingFile, StatsFile, TokenFile,
};
use crate::document::{
    Conversation, ConversationId, EditedMask, Exchange, ExchangeId, GroundedMask, MaskEdit, MaskId, Origin,
    Picture, Question, Region, RegionTag, Settings,
};

/// More regions than anyone draws on a picture.
const MAX_REGIONS: usize = 10_000;
/// Numbers of conversations and questions are below this: there are others after each.
const MAX_NUMBER: u32 = 1 << 31;
/// Far beyond what replies reach in a picture's conversation; colours repeat after twelve.
const MAX_HUE: usize = 1 << 32;
/// Longer no reply is cut.
const MAX_TOKENS: usize = 1 << 20;
/// More candidates than any pixel decoder gives.
const MAX_CANDIDATES: usize = 16;
/// Pixels a side that no picture has.
const MAX_SIDE: u32 = 1 << 20;

/// The parts below a picture's folder, and what may be unfolded of them.
pub(super) trait Parts {
    /// The bytes of a part, or why there are none; in memory it takes `unfolded` of them.
    fn fetch(&mut self, name: &str, unfolded: u64) -> Result<Vec<u8>, String>;

    /// Notes that so many pixels of a painted mask are about to be looked through.
    ///
    /// # Errors
    /// Where that is more than a file of this size may ask for.
    fn look_through(&mut self, pixels: u64) -> Result<(), String>;

    /// Notes that so many bytes are in memory now.
    ///
    /// # Errors
    /// As above.
    fn hold(&mut self, bytes: u64) -> Result<(), String>;
}

/// Reads a picture. Names are provisional: all of them are 0 or count masks from 0.
///
/// # Errors
/// Where it can be no picture at all; why.
pub(super) fn picture(
    file: &PictureFile,
    parts: &mut dyn Parts,
    missing: &mut Vec<String>,
) -> Result<Picture, String> {
    let size @ (width, height) = (file.width, file.height);
    let limit = u64::from(glamm_engine::vision::load::LIMIT_MEGAPIXELS) * 1_000_000;
    let pixels = u64::from(width) * u64::from(height);
    if pixels == 0 || pixels > limit || width.max(height) > MAX_SIDE {
        return Err(format!("it cannot be {width} × {height} pixels"));
    }
    let mut picture = Picture::new(ImageId(0), file.name.clone(), origin(&file.origin), size);
    picture.regions = regions(&file.regions, size);
    let dropped = file.regions.len() - picture.regions.len();
    if dropped > 0 {
        missing.push(format!("{}: {dropped} regions that lie outside the picture or twice", file.name));
    }
    let mut masks = MaskReader { parts, size, count: 0, lost: Vec::new() };
    let mut dropped = 0;
    let conversations: Vec<_> = file
        .conversations
        .iter()
        .map(|file| decode_conversation(file, size, &mut masks, &mut dropped))
        .collect();
    if dropped > 0 {
        missing.push(format!("{}: {dropped} questions that follow what is not there", file.name));
    }
    let mut seen = HashSet::new();
    let count = conversations.len();
    let mut is_own = |id: ConversationId| id.0 < MAX_NUMBER && seen.insert(id);
    let conversations = conversations.into_iter().filter(|conversation| is_own(conversation.id));
    let conversations: Vec<_> = conversations.map(Arc::new).collect();
    if conversations.len() < count {
        let lost = count - conversations.len();
        missing.push(format!("{}: {lost} conversations without a number of their own", file.name));
    }
    if !conversations.is_empty() {
        picture.conversations = conversations;
    }
    picture.masks = file.masks.iter().filter_map(|mask| masks.read(mask)).collect();
    if let Some(first) = masks.lost.first() {
        missing.push(format!("{}: {} of its masks ({first})", file.name, masks.lost.len()));
    }
    Ok(picture)
}

fn origin(origin: &OriginFile) -> Origin {
    match origin {
        OriginFile::File { path, relative: _ } => Origin::File(PathBuf::from(path)),
        OriginFile::Scene { seed } => Origin::Scene { seed: *seed },
        OriginFile::Clipboard => Origin::Clipboard,
    }
}

/// Regions with area on the picture, each number once.
fn regions(files: &[RegionFile], size: (u32, u32)) -> Vec<Region> {
    let mut seen = HashSet::new();
    let good = files.iter().filter_map(|file| region(file, size));
    good.filter(|region| seen.insert(region.tag)).take(MAX_REGIONS).collect()
}

fn region(file: &RegionFile, (width, height): (u32, u32)) -> Option<Region> {
    let [x0, y0, x1, y1] = file.bounds;
    let finite = file.bounds.iter().all(|number| number.is_finite());
    let bounds = PixelBox { x0, y0, x1, y1 }.clipped(width, height);
    let ok = finite && bounds.width() > 0.0 && bounds.height() > 0.0 && file.tag > 0;
    ok.then(|| Region {
        tag: RegionTag(file.tag),
        bounds,
        name: file.name.clone(),
        color: file.color.map(|color| color.min(MAX_HUE)),
        hidden: file.hidden,
    })
}

/// A conversation; counts the exchanges that do not belong into its tree.
fn decode_conversation(
    file: &ConversationFile,
    size: (u32, u32),
    masks: &mut MaskReader<'_>,
    dropped: &mut usize,
) -> Conversation {
    let settings = Settings {
        system: file.system.clone(),
        sampling: decode_sampling(file.sampling),
        max_new_tokens: file.max_new_tokens.clamp(1, MAX_TOKENS),
    };
    let mut files: Vec<&ExchangeFile> = file.exchanges.iter().collect();
    files.sort_by_key(|exchange| exchange.id);
    let mut ids = HashSet::new();
    let mut exchanges = Vec::new();
    for file in files {
        let follows = file.parent.is_none_or(|parent| ids.contains(&parent));
        if follows && file.id < MAX_NUMBER && ids.insert(file.id) {
            exchanges.push(Arc::new(decode_exchange(file, size, masks)));
        } else {
            *dropped += 1;
        }
    }
    let mut conversation = Conversation::new(ConversationId(file.id), settings);
    conversation.title.clone_from(&file.title);
    let empty = conversation.clone();
    // What does not belong into the tree was left out already.
    conversation.with_exchanges(exchanges, file.head.map(ExchangeId)).unwrap_or(empty)
}

fn decode_sampling(file: SamplingFile) -> Sampling {
    match file {
        SamplingFile::Random { temperature, top_p, seed } if temperature.is_finite() && temperature > 0.0 => {
            let top_p = top_p.filter(|share| (0.0..=1.0).contains(share));
            Sampling::Random { temperature, top_p, seed }
        }
        SamplingFile::Random { .. } | SamplingFile::Greedy => Sampling::Greedy,
    }
}

fn decode_exchange(file: &ExchangeFile, size: (u32, u32), masks: &mut MaskReader<'_>) -> Exchange {
    // Each region here stands for a marker of the question, and one may come more than once.
    let referred = file.regions.iter().filter_map(|region_file| region(region_file, size));
    let question = Question { text: file.question.clone(), regions: referred.take(MAX_REGIONS).collect() };
    let length = file.text.chars().count();
    let mut groundings = Vec::new();
    let mut decoded = Vec::new();
    for grounding in &file.groundings {
        let [start, end] = grounding.span.map(|place| place.min(length));
        groundings.push(Grounding { span: start..end.max(start) });
        decoded.push(grounding.mask.as_ref().and_then(|mask| masks.read(mask)));
    }
    Exchange {
        id: ExchangeId(file.id),
        parent: file.parent.map(ExchangeId),
        sampling: decode_sampling(file.sampling),
        question,
        reply: Reply { raw: file.raw.clone(), text: file.text.clone(), groundings },
        tokens: file.tokens.iter().map(|token| decode_token(token, decoded.len())).collect(),
        masks: decoded,
        first_hue: file.first_hue.min(MAX_HUE),
        reason: match file.finish_reason {
            FinishReasonFile::EndOfSequence => FinishReason::EndOfSequence,
            FinishReasonFile::TokenLimit => FinishReason::TokenLimit,
            FinishReasonFile::ContextFull => FinishReason::ContextFull,
            FinishReasonFile::Cancelled => FinishReason::Cancelled,
        },
        stats: decode_stats(&file.stats),
    }
}

fn decode_stats(file: &StatsFile) -> JobStats {
    JobStats {
        prompt_tokens: file.prompt_tokens,
        cached_tokens: file.cached_tokens,
        new_tokens: file.new_tokens,
        time_to_first_token: Duration::from_micros(file.time_to_first_token_us),
        decode_time: Duration::from_micros(file.decode_us),
        mask_time: Duration::from_micros(file.mask_us),
    }
}

struct MaskReader<'a> {
    parts: &'a mut dyn Parts,
    size: (u32, u32),
    count: u64,
    lost: Vec<String>,
}

impl MaskReader<'_> {
    /// The mask, as far as it can be read: a candidate that is neither the mask nor the model's choice
    /// may be missing, and all of them where its pixels are known without.
    fn read(&mut self, file: &MaskFile) -> Option<GroundedMask> {
        let mut all = Vec::new();
        let (mut used, mut chosen) = (None, None);
        for (place, candidate) in file.candidates.iter().take(MAX_CANDIDATES).enumerate() {
            match self.logits(candidate) {
                Ok(logits) => {
                    used = if place == file.used { Some(all.len()) } else { used };
                    chosen = if place == file.chosen { Some(all.len()) } else { chosen };
                    all.push(Arc::new(logits));
                }
                Err(reason) => self.lost.push(reason),
            }
        }
        let edited = file.edited.as_ref().and_then(|runs| self.edited(runs));
        // Without its pixels nothing is left of a mask from a file.
        let of_file = match &file.file {
            Some(runs) => Some(self.edited(runs)?),
            None => None,
        };
        // What was painted over logits that are lost is all that is known of the mask.
        let of_file = of_file.or_else(|| edited.clone().filter(|_| all.is_empty()));
        if let Some(pixels) = of_file.as_ref().filter(|_| all.is_empty()) {
            all.push(self.stand_in(pixels)?);
        }
        let is_painted = edited.is_some() || of_file.is_some();
        let chosen = chosen.or(is_painted.then_some(0))?;
        let nowhere = MaskPrompt::Places { points: Vec::new(), region: None };
        let mut candidates = MaskCandidates::new(all, used.unwrap_or(chosen), nowhere)?;
        candidates.prompt = file.prompt.as_ref().and_then(prompt);
        let id = MaskId(self.count);
        self.count += 1;
        let (mut mask, has_logits) = match of_file {
            Some(pixels) => (GroundedMask::from_file(id, candidates, pixels)?, false),
            None => (GroundedMask::new(id, candidates), true),
        };
        let paint = |pixels| MaskEdit::Paint { pixels, label: "" };
        let state = [
            has_logits.then_some(MaskEdit::Choose(chosen)),
            has_logits.then_some(MaskEdit::Threshold(file.threshold)),
            edited.map(paint),
            file.name.clone().map(MaskEdit::Rename),
            Some(MaskEdit::Recolor(file.hue.map(|hue| hue.min(MAX_HUE)))),
            Some(MaskEdit::Hide(file.hidden)),
        ];
        for edit in state.into_iter().flatten() {
            mask.apply(&edit).ok()?;
        }
        Some(mask)
    }

    fn logits(&mut self, file: &LogitsFile) -> Result<MaskLogits, String> {
        masks::check(file)?;
        let bytes = self.parts.fetch(&file.logits, masks::memory(file))?;
        masks::read(file, &bytes, self.size)
    }

    fn stand_in(&mut self, pixels: &EditedMask) -> Option<Arc<MaskLogits>> {
        let logits = pixels.stand_in();
        match self.parts.hold(size_of_val(logits.logits.as_slice()) as u64) {
            Ok(()) => Some(Arc::new(logits)),
            Err(reason) => {
                self.lost.push(reason);
                None
            }
        }
    }

    fn edited(&mut self, runs: &Rle) -> Option<Arc<EditedMask>> {
        match self.painted(runs) {
            Ok(mask) => Some(Arc::new(mask)),
            Err(reason) => {
                self.lost.push(reason);
                None
            }
        }
    }

    fn painted(&mut self, runs: &Rle) -> Result<EditedMask, String> {
        let (width, height) = self.size;
        if runs.size != [height, width] {
            return Err("its painted pixels are of another picture".to_owned());
        }
        // A few bytes can stand for all pixels of the largest picture.
        self.parts.look_through(u64::from(width) * u64::from(height))?;
        let mask = EditedMask::from(&BinaryMask::from_rle(runs).map_err(|error| error.to_string())?);
        self.parts.hold(mask.memory())?;
        Ok(mask)
    }
}

fn prompt(file: &PromptFile) -> Option<MaskPrompt> {
    match file {
        PromptFile::Seg { state } => {
            let finite = state.iter().all(|number| number.is_finite());
            finite.then(|| MaskPrompt::Seg(state.as_slice().into()))
        }
        PromptFile::Places { points, region } => {
            let finite = points.iter().all(|point| point.x.is_finite() && point.y.is_finite())
                && region.iter().flatten().all(|number| number.is_finite());
            finite.then(|| MaskPrompt::Places {
                points: points.iter().map(|&ClickFile { x, y, positive }| Click { x, y, positive }).collect(),
                region: region.map(|[x0, y0, x1, y1]| PixelBox { x0, y0, x1, y1 }),
            })
        }
    }
}

fn decode_token(file: &TokenFile, masks: usize) -> TokenRecord {
    let choice = |(id, text, probability): &(u32, String, f32)| TokenChoice {
        id: *id,
        text: text.clone(),
        probability: *probability,
    };
    TokenRecord {
        id: file.id,
        text: file.text.clone(),
        probability: file.probability,
        likeliest: file.likeliest.iter().map(choice).collect(),
        predicted_at: file.predicted_at,
        grounding: file.grounding.filter(|place| *place < masks),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Allows so many pixels and bytes.
    struct Allowance {
        pixels: u64,
        bytes: u64,
    }

    fn take(from: &mut u64, taken: u64) -> Result<(), String> {
        *from = from.checked_sub(taken).ok_or("too much")?;
        Ok(())
    }

    impl Parts for Allowance {
        fn fetch(&mut self, _: &str, unfolded: u64) -> Result<Vec<u8>, String> {
            self.hold(unfolded)?;
            super::super::masks::bytes(&MaskLogits {
                side: 2,
                logits: vec![1.0; 4],
                frame: 60,
                content: (60, 40),
                image_size: (60, 40),
                predicted_iou: 0.5,
            })
            .map_err(|error| error.to_string())
        }

        fn look_through(&mut self, pixels: u64) -> Result<(), String> {
            take(&mut self.pixels, pixels)
        }

        fn hold(&mut self, bytes: u64) -> Result<(), String> {
            take(&mut self.bytes, bytes)
        }
    }

    #[test]
    fn painted_masks_cost_what_they_unfold_to() {
        let runs = BinaryMask::from_fn(60, 40, |x, _| x % 2 == 0).to_rle();
        let runs = serde_json::to_string(&runs).unwrap();
        let logits = r#"{"logits":"m","side":2,"frame":60,"content":[60,40],"predicted_iou":0.5}"#;
        let masks = format!(r#"{{"candidates":[{logits}],"edited":{runs}}},"#).repeat(5);
        let json = format!(
            r#"{{"name":"x","origin":{{"kind":"clipboard"}},"width":60,"height":40,"masks":[{}]}}"#,
            masks.trim_end_matches(',')
        );
        let file: PictureFile = serde_json::from_str(&json).unwrap();
        let painted = |pixels, bytes| {
            let mut missing = Vec::new();
            let picture = picture(&file, &mut Allowance { pixels, bytes }, &mut missing).unwrap();
            (picture.masks.iter().filter(|mask| mask.edited.is_some()).count(), missing.len())
        };
        assert_eq!(painted(1 << 30, 1 << 30), (5, 0));
        assert_eq!(painted(60 * 40 * 3, 1 << 30), (3, 1), "the time that they take");
        // Of each, four cells of logits and a change at every pixel.
        assert_eq!(painted(1 << 30, 2 * (16 + 4 * 60 * 40) + 100), (2, 1), "the memory that they take");
    }

    /// All parts are lost.
    struct Nothing;

    impl Parts for Nothing {
        fn fetch(&mut self, _: &str, _: u64) -> Result<Vec<u8>, String> {
            Err("it is not there".to_owned())
        }

        fn look_through(&mut self, _: u64) -> Result<(), String> {
            Ok(())
        }

        fn hold(&mut self, _: u64) -> Result<(), String> {
            Ok(())
        }
    }

    #[test]
    fn painted_and_imported_masks_outlive_their_logits() {
        let pixels = BinaryMask::from_fn(60, 40, |x, y| x > 20 && y > 10);
        let runs = serde_json::to_string(&pixels.to_rle()).unwrap();
        let logits = r#"{"logits":"m","side":2,"frame":60,"content":[60,40],"predicted_iou":0.5}"#;
        let masks = ["edited", "file", "other"]
            .map(|kind| format!(r#"{{"candidates":[{logits}],"{kind}":{runs},"name":"door"}}"#));
        let json = format!(
            r#"{{"name":"x","origin":{{"kind":"clipboard"}},"width":60,"height":40,"masks":[{}]}}"#,
            masks.join(",")
        );
        let file: PictureFile = serde_json::from_str(&json).unwrap();
        let mut missing = Vec::new();
        let picture = picture(&file, &mut Nothing, &mut missing).unwrap();
        assert_eq!(picture.masks.len(), 2, "of the third nothing is known");
        for mask in &picture.masks {
            assert_eq!((mask.pixels(), mask.name.as_deref()), (pixels.clone(), Some("door")));
            assert!(mask.is_from_file() && mask.holds(30, 20) && !mask.holds(3, 3));
        }
        assert_eq!(missing, ["x: 3 of its masks (it is not there)"]);
    }
}
