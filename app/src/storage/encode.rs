//! From the document to the schema. The other way is `decode`.

use std::collections::HashMap;
use std::path::{Component, Path};
use std::sync::Arc;
use std::time::Duration;

use glamm_engine::protocol::{
    FinishReason, Grounding, ImageId, JobStats, Reply, Sampling, TokenChoice, TokenRecord,
};
use glamm_engine::vision::{Click, MaskLogits, MaskPrompt, PixelBox, Rle};

use super::schema::{
    ClickFile, ConversationFile, EditedQuestionFile, ExchangeFile, FORMAT, FinishReasonFile, GoingOnFile,
    GroundingFile, LogitsFile, MaskFile, OriginFile, PictureFile, PromptFile, RegionFile, RunFile, SCHEMA,
    SamplingFile, SessionFile, StatsFile, TokenFile,
};
use super::snapshot::{EditedQuestion, GoingOn, Snapshot};
use crate::document::{
    Conversation, EditedMask, Exchange, GroundedMask, MaskSource, Origin, Picture, Question, Region, Settings,
};

/// Names of the parts that hold masks, and runs of painted ones: the same mask has the same for as long
/// as this lives, and is looked through once.
#[derive(Debug, Default)]
pub(super) struct MaskNames {
    // By address; the masks are held, so that no other can come to lie where one has been.
    names: HashMap<usize, (String, Arc<MaskLogits>)>,
    runs: HashMap<usize, (Arc<Rle>, Arc<EditedMask>)>,
    given: usize,
}

impl MaskNames {
    /// The name, without an ending, of the part that holds the mask.
    fn name(&mut self, mask: &Arc<MaskLogits>) -> String {
        let given = &mut self.given;
        let new = || {
            *given += 1;
            (format!("masks/{given:04}"), Arc::clone(mask))
        };
        self.names.entry(Arc::as_ptr(mask).addr()).or_insert_with(new).0.clone()
    }

    /// The run lengths of a painted mask: every pixel of the picture is looked at for them.
    fn runs(&mut self, mask: &Arc<EditedMask>) -> Arc<Rle> {
        let new = || (Arc::new(mask.to_binary().to_rle()), Arc::clone(mask));
        Arc::clone(&self.runs.entry(Arc::as_ptr(mask).addr()).or_insert_with(new).0)
    }

    /// Lets go of masks that nothing else holds.
    pub(super) fn forget_unused(&mut self) {
        self.names.retain(|_, (_, mask)| Arc::strong_count(mask) > 1);
        self.runs.retain(|_, (_, mask)| Arc::strong_count(mask) > 1);
    }
}

/// Folder of a picture.
pub(super) fn folder(image: ImageId) -> String {
    format!("pictures/{}", image.0)
}

/// `session.json`.
pub(super) fn session(snapshot: &Snapshot) -> SessionFile {
    let pictures = snapshot.document.pictures();
    SessionFile {
        format: FORMAT.to_owned(),
        schema: SCHEMA,
        program: concat!("GLaMM Desktop ", env!("CARGO_PKG_VERSION")).to_owned(),
        pictures: pictures.iter().map(|picture| folder(picture.id)).collect(),
        current: pictures.iter().position(|picture| Some(picture.id) == snapshot.current),
        saved_as: None,
        saved_stamp: None,
        going_on: going_on(&snapshot.going_on),
    }
}

/// What the user is at.
fn going_on(what: &GoingOn<ImageId>) -> Option<GoingOnFile> {
    if what.is_nothing() {
        return None;
    }
    let GoingOn { edited, question_for_all, run } = what;
    let edited = edited.as_ref().map(|EditedQuestion { picture, conversation, exchange, text }| {
        let (picture, text) = (folder(*picture), text.clone());
        EditedQuestionFile { picture, conversation: conversation.0, exchange: exchange.0, text }
    });
    let run = run.as_ref().map(|(question, pictures)| {
        let pictures = pictures.iter().map(|picture| folder(*picture)).collect();
        RunFile { question: question.clone(), pictures }
    });
    Some(GoingOnFile { edited, question_for_all: question_for_all.clone(), run })
}

/// A picture as a file, and what it names.
pub(super) struct EncodedPicture {
    /// `picture.json`, without the image.
    pub(super) file: PictureFile,
    /// Logits, by the names of their parts below the picture's folder.
    pub(super) logits: Vec<(String, Arc<MaskLogits>)>,
    /// Masks as they are seen, by the names of their parts below the picture's folder.
    pub(super) seen: Vec<(String, GroundedMask)>,
}

/// `picture.json`, and the masks it needs.
pub(super) fn picture(picture: &Picture, snapshot: &Snapshot, names: &mut MaskNames) -> EncodedPicture {
    let mut masks = MaskWriter { names, logits: Vec::new(), seen: Vec::new() };
    // No field is left out unseen: a new one does not compile before it is kept.
    let Picture { id, name, origin, size, regions, conversations, masks: own } = picture;
    let unfinished = snapshot.unfinished(*id);
    let conversation = |conversation: &Arc<Conversation>| {
        let unfinished = unfinished.filter(|unfinished| unfinished.conversation == conversation.id);
        encode_conversation(conversation, unfinished.map(|unfinished| &*unfinished.exchange), &mut masks)
    };
    let conversations = conversations.iter().map(conversation).collect();
    let file = PictureFile {
        name: name.clone(),
        origin: encode_origin(origin),
        width: size.0,
        height: size.1,
        image: None,
        stored_in: None,
        regions: regions.iter().map(region).collect(),
        conversations,
        shown_conversation: snapshot.conversations.get(id).map(|conversation| conversation.0),
        masks: own.iter().map(|mask| masks.encode(mask)).collect(),
        draft: snapshot.draft(*id).to_owned(),
    };
    let MaskWriter { logits, seen, .. } = masks;
    EncodedPicture { file, logits, seen }
}

/// Gathers masks on the way.
struct MaskWriter<'a> {
    names: &'a mut MaskNames,
    logits: Vec<(String, Arc<MaskLogits>)>,
    seen: Vec<(String, GroundedMask)>,
}

impl MaskWriter<'_> {
    fn encode(&mut self, mask: &GroundedMask) -> MaskFile {
        let GroundedMask {
            id: _,
            source,
            candidates,
            chosen,
            threshold,
            edited,
            name,
            hue,
            hidden,
            coverage: _,
        } = mask;
        let png = self.names.name(mask.logits()) + ".png";
        self.seen.push((png.clone(), mask.clone()));
        MaskFile {
            candidates: candidates.all().iter().map(|logits| self.logits(logits)).collect(),
            used: candidates.used_index(),
            chosen: *chosen,
            threshold: if threshold.is_finite() { *threshold } else { 0.0 },
            file: match source {
                MaskSource::File(pixels) => Some(Rle::clone(&self.names.runs(pixels))),
                MaskSource::Decoder => None,
            },
            edited: edited.as_ref().map(|edited| Rle::clone(&self.names.runs(edited))),
            name: name.as_ref().map(ToString::to_string),
            hue: *hue,
            hidden: *hidden,
            prompt: candidates.prompt.as_ref().map(prompt),
            png: Some(png),
        }
    }

    fn logits(&mut self, mask: &Arc<MaskLogits>) -> LogitsFile {
        let part = self.names.name(mask) + ".f16z";
        self.logits.push((part.clone(), Arc::clone(mask)));
        let MaskLogits { side, logits: _, frame, content: (across, down), image_size: _, predicted_iou } =
            &**mask;
        let predicted_iou = if predicted_iou.is_finite() { *predicted_iou } else { 0.0 };
        LogitsFile { logits: part, side: *side, frame: *frame, content: [*across, *down], predicted_iou }
    }
}

fn prompt(prompt: &MaskPrompt) -> PromptFile {
    match prompt {
        MaskPrompt::Seg(state) => PromptFile::Seg { state: state.to_vec() },
        MaskPrompt::Places { points, region } => PromptFile::Places {
            points: points.iter().map(|&Click { x, y, positive }| ClickFile { x, y, positive }).collect(),
            region: region.map(|PixelBox { x0, y0, x1, y1 }| [x0, y0, x1, y1]),
        },
    }
}

fn encode_token(token: &TokenRecord) -> TokenFile {
    let TokenRecord { id, text, probability, likeliest, predicted_at, grounding } = token;
    let choice = |TokenChoice { id, text, probability }: &TokenChoice| (*id, text.clone(), *probability);
    TokenFile {
        id: *id,
        text: text.clone(),
        probability: *probability,
        likeliest: likeliest.iter().map(choice).collect(),
        predicted_at: *predicted_at,
        grounding: *grounding,
    }
}

/// Whether a path can be written into JSON, and found again by what stands there.
pub(super) fn is_nameable(path: &Path) -> bool {
    path.to_str().is_some()
}

fn encode_origin(origin: &Origin) -> OriginFile {
    match origin {
        Origin::File(path) => {
            let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            OriginFile::File { path: path.to_string_lossy().into_owned(), relative: None }
        }
        Origin::Scene { seed } => OriginFile::Scene { seed: *seed },
        Origin::Clipboard => OriginFile::Clipboard,
    }
}

/// Where a picture came from, for a session file that will lie there.
pub(super) fn origin_beside(origin: &Origin, session: &Path) -> OriginFile {
    let mut file = encode_origin(origin);
    if let OriginFile::File { path, relative } = &mut file {
        let session = std::path::absolute(session).unwrap_or_else(|_| session.to_owned());
        *relative = session.parent().and_then(|folder| way_to(Path::new(path), folder));
    }
    file
}

/// The way from a folder to a file; `None` where there is none, or it has no name in text.
fn way_to(path: &Path, folder: &Path) -> Option<String> {
    let (to, from): (Vec<_>, Vec<_>) = (path.components().collect(), folder.components().collect());
    let shared = to.iter().zip(&from).take_while(|(one, other)| one == other).count();
    let above = from.get(shared..)?;
    if shared == 0 || above.contains(&Component::ParentDir) {
        return None;
    }
    let up = above.iter().map(|_| Some(".."));
    let down = to.get(shared..)?.iter().map(|part| part.as_os_str().to_str());
    up.chain(down).collect::<Option<Vec<_>>>().map(|parts| parts.join("/"))
}

fn region(region: &Region) -> RegionFile {
    let Region { tag, bounds: PixelBox { x0, y0, x1, y1 }, name, color, hidden } = region;
    let bounds = [*x0, *y0, *x1, *y1];
    RegionFile { tag: tag.0, bounds, name: name.clone(), color: *color, hidden: *hidden }
}

fn encode_conversation(
    conversation: &Conversation,
    unfinished: Option<&Exchange>,
    masks: &mut MaskWriter<'_>,
) -> ConversationFile {
    let Settings { system, sampling, max_new_tokens } = &conversation.settings;
    // A reply that goes on stands in the place of what there was of it.
    let others = conversation.exchanges().iter().map(|exchange| &**exchange);
    let others = others.filter(|exchange| unfinished.is_none_or(|unfinished| unfinished.id != exchange.id));
    let exchanges = others.chain(unfinished).map(|exchange| encode_exchange(exchange, masks)).collect();
    let head = unfinished.map(|exchange| exchange.id).or(conversation.head());
    ConversationFile {
        id: conversation.id.0,
        title: conversation.title.clone(),
        system: system.clone(),
        sampling: encode_sampling(sampling),
        max_new_tokens: *max_new_tokens,
        exchanges,
        head: head.map(|id| id.0),
    }
}

fn encode_sampling(sampling: &Sampling) -> SamplingFile {
    match sampling {
        Sampling::Greedy => SamplingFile::Greedy,
        Sampling::Random { temperature, top_p, seed } => {
            SamplingFile::Random { temperature: *temperature, top_p: *top_p, seed: *seed }
        }
    }
}

fn encode_exchange(exchange: &Exchange, writer: &mut MaskWriter<'_>) -> ExchangeFile {
    let Exchange { id, parent, question, reply, tokens, masks, first_hue, sampling, reason, stats } =
        exchange;
    let Question { text: asked, regions } = question;
    let Reply { raw, text, groundings } = reply;
    let groundings = groundings.iter().enumerate().map(|(index, Grounding { span })| GroundingFile {
        span: [span.start, span.end],
        mask: masks.get(index).and_then(Option::as_ref).map(|mask| writer.encode(mask)),
    });
    ExchangeFile {
        id: id.0,
        parent: parent.map(|parent| parent.0),
        sampling: encode_sampling(sampling),
        question: asked.clone(),
        regions: regions.iter().map(region).collect(),
        text: text.clone(),
        raw: raw.clone(),
        groundings: groundings.collect(),
        tokens: tokens.iter().map(encode_token).collect(),
        first_hue: *first_hue,
        finish_reason: match reason {
            FinishReason::EndOfSequence => FinishReasonFile::EndOfSequence,
            FinishReason::TokenLimit => FinishReasonFile::TokenLimit,
            FinishReason::ContextFull => FinishReasonFile::ContextFull,
            FinishReason::Cancelled => FinishReasonFile::Cancelled,
        },
        stats: encode_stats(stats),
    }
}

fn encode_stats(stats: &JobStats) -> StatsFile {
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let JobStats { prompt_tokens, cached_tokens, new_tokens, time_to_first_token, decode_time, mask_time } =
        *stats;
    StatsFile {
        prompt_tokens,
        cached_tokens,
        new_tokens,
        time_to_first_token_us: micros(time_to_first_token),
        decode_us: micros(decode_time),
        mask_us: micros(mask_time),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use glamm_engine::vision::BinaryMask;

    #[test]
    fn a_painted_mask_is_looked_through_once() {
        let painted = |from: u32| {
            let mask = BinaryMask::from_fn(9, 7, |x, y| x > from && y > 2);
            Arc::new(EditedMask::from(&mask))
        };
        let (first, second) = (painted(1), painted(4));
        let mut names = MaskNames::default();
        let runs = names.runs(&first);
        assert!(Arc::ptr_eq(&runs, &names.runs(&first)));
        assert_eq!(*runs, first.to_binary().to_rle());
        assert_eq!(*names.runs(&second), second.to_binary().to_rle());
        drop(second);
        names.forget_unused();
        assert_eq!(names.runs.len(), 1);
    }
}
