//! The records of a scene data set, field by field as they stand in its JSON files.

use serde::Serialize;

use crate::scenes::text::{self, Conversation, Ref, SceneTurn, Target, TruthRecord, Wording};
use crate::scenes::{Kind, PartKind, Scene, Size};
use crate::vision::{BinaryMask, PixelBox, Rle};

/// `info` of `annotations.json`.
#[derive(Debug, Serialize)]
pub(super) struct InfoRecord {
    pub(super) description: &'static str,
    pub(super) version: &'static str,
}

/// An element of `images`.
#[derive(Debug, Serialize)]
pub(super) struct ImageRecord {
    pub(super) id: u64,
    pub(super) file_name: String,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) seed: u64,
    pub(super) background: &'static str,
}

/// An element of `categories`: a kind of object, or a kind of part with `supercategory` "part".
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CategoryRecord {
    /// From 1.
    pub id: u64,
    /// "house", "roof".
    pub name: &'static str,
    /// "object" or "part".
    pub supercategory: &'static str,
}

/// What COCO has no field for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AttributesRecord {
    /// "red".
    pub color: &'static str,
    /// "small", "medium" or "large" among its kind; absent for parts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<&'static str>,
    /// The annotation id of the object that this is a part of; absent for objects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part_of: Option<u64>,
}

/// An element of `annotations`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AnnotationRecord {
    /// From 1.
    pub id: u64,
    /// An id in `images`.
    pub image_id: u64,
    /// An id in `categories`.
    pub category_id: u64,
    /// Left, top, width, height in pixels.
    pub bbox: [f32; 4],
    /// Pixels.
    pub area: usize,
    /// Visible pixels.
    pub segmentation: Rle,
    /// Always 0.
    pub iscrowd: u8,
    /// The rest.
    pub attributes: AttributesRecord,
}

/// A `<p>` phrase of a reply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PhraseRecord {
    /// First character and the one behind the last, in the visible text.
    pub span: [usize; 2],
    /// What it names.
    pub annotation_ids: Vec<u64>,
}

/// One question and its reply.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TurnRecord {
    /// With a `<bbox>` for each of `boxes`.
    pub user: String,
    /// Left, top, right, bottom in pixels.
    pub boxes: Vec<[f32; 4]>,
    /// With `<p>`, `</p>` and `[SEG]`.
    pub reply: String,
    /// The reply without them.
    pub visible: String,
    /// For each `[SEG]` the annotations whose masks together are its mask.
    pub targets: Vec<Vec<u64>>,
    /// The phrases in the visible text.
    pub phrases: Vec<PhraseRecord>,
    /// What any right reply says.
    pub truth: TruthRecord,
}

/// A line of `conversations.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConversationRecord {
    /// An id in `images`.
    pub image_id: u64,
    /// In `images/`.
    pub file_name: String,
    /// [`text::Task::name`].
    pub task: &'static str,
    /// "training" or "held_out": which wordings the questions have.
    pub wording: &'static str,
    /// At least one.
    pub turns: Vec<TurnRecord>,
}

impl ConversationRecord {
    /// Makes annotation ids that count from 0 within a scene count from `first`.
    pub(super) fn shift_ids(&mut self, first: u64) {
        for turn in &mut self.turns {
            let phrases = turn.phrases.iter_mut().map(|phrase| &mut phrase.annotation_ids);
            for id in turn.targets.iter_mut().chain(phrases).flatten() {
                *id += first;
            }
        }
    }
}

/// All that is written of one scene. Annotation ids count from 0.
#[derive(Debug)]
pub(super) struct SceneRecord {
    pub(super) image: ImageRecord,
    pub(super) annotations: Vec<AnnotationRecord>,
    pub(super) conversations: Vec<ConversationRecord>,
}

impl SceneRecord {
    /// The records of image `id`, with questions for examination or for training.
    pub(super) fn new(scene: &Scene, id: u64, examination: bool) -> Self {
        let file_name = format!("{id:06}.png");
        let ids = Ids::of(scene);
        let talk =
            if examination { text::evaluation(scene, scene.seed) } else { text::training(scene, scene.seed) };
        let conversations =
            talk.iter().map(|conversation| conversation_record(conversation, id, &file_name, &ids)).collect();
        let image = ImageRecord {
            id,
            file_name,
            width: scene.image.width(),
            height: scene.image.height(),
            seed: scene.seed,
            background: scene.background.name(),
        };
        Self { image, annotations: annotations(scene, id, &ids), conversations }
    }
}

/// Annotation ids within a scene: each object is followed by its parts.
struct Ids(Vec<u64>);

impl Ids {
    fn of(scene: &Scene) -> Self {
        let next = |next: &mut u64, parts: usize| {
            let this = *next;
            *next += 1 + parts as u64;
            Some(this)
        };
        Self(scene.objects.iter().scan(0, |id, object| next(id, object.parts.len())).collect())
    }

    fn get(&self, reference: Ref) -> u64 {
        match reference {
            Ref::Object(object) => self.0[object],
            Ref::Part { object, part } => self.0[object] + 1 + part as u64,
        }
    }

    fn all(&self, target: &Target) -> Vec<u64> {
        target.iter().map(|&reference| self.get(reference)).collect()
    }
}

/// Kinds of objects, then kinds of parts.
pub(super) fn categories() -> Vec<CategoryRecord> {
    let kinds = Kind::ALL.iter().map(|kind| (kind.name(), "object"));
    let parts = PartKind::ALL.iter().map(|kind| (kind.name(), "part"));
    let named = kinds.chain(parts).zip(1..);
    named.map(|((name, supercategory), id)| CategoryRecord { id, name, supercategory }).collect()
}

fn kind_id(kind: Kind) -> u64 {
    1 + Kind::ALL.iter().position(|it| *it == kind).unwrap_or_default() as u64
}

fn part_id(kind: PartKind) -> u64 {
    let place = PartKind::ALL.iter().position(|it| *it == kind).unwrap_or_default();
    (1 + Kind::ALL.len() + place) as u64
}

fn annotations(scene: &Scene, image_id: u64, ids: &Ids) -> Vec<AnnotationRecord> {
    let mut records = Vec::new();
    let record = |id, category_id, mask: &BinaryMask, attributes| {
        let PixelBox { x0, y0, x1, y1 } = mask.bounding_box().unwrap_or_default();
        AnnotationRecord {
            id,
            image_id,
            category_id,
            bbox: [x0, y0, x1 - x0, y1 - y0],
            area: mask.area(),
            segmentation: mask.to_rle(),
            iscrowd: 0,
            attributes,
        }
    };
    for (index, object) in scene.objects.iter().enumerate() {
        let id = ids.get(Ref::Object(index));
        let size = Some(Size::name(object.size));
        let attributes = AttributesRecord { color: object.color.name(), size, part_of: None };
        records.push(record(id, kind_id(object.kind), &object.mask, attributes));
        for (place, part) in object.parts.iter().enumerate() {
            let attributes = AttributesRecord { color: part.color.name(), size: None, part_of: Some(id) };
            let part_ref = Ref::Part { object: index, part: place };
            records.push(record(ids.get(part_ref), part_id(part.kind), &part.mask, attributes));
        }
    }
    records
}

fn conversation_record(
    conversation: &Conversation,
    image_id: u64,
    file_name: &str,
    ids: &Ids,
) -> ConversationRecord {
    ConversationRecord {
        image_id,
        file_name: file_name.to_owned(),
        task: conversation.task.name(),
        wording: match conversation.wording {
            Wording::Training => "training",
            Wording::HeldOut => "held_out",
        },
        turns: conversation.turns.iter().map(|turn| turn_record(turn, ids)).collect(),
    }
}

fn turn_record(turn: &SceneTurn, ids: &Ids) -> TurnRecord {
    let phrase = |(span, target): &(std::ops::Range<usize>, Target)| PhraseRecord {
        span: [span.start, span.end],
        annotation_ids: ids.all(target),
    };
    TurnRecord {
        user: turn.user.clone(),
        boxes: turn.boxes.iter().map(|it| [it.x0, it.y0, it.x1, it.y1]).collect(),
        reply: turn.reply.clone(),
        visible: turn.visible.clone(),
        targets: turn.targets.iter().map(|target| ids.all(target)).collect(),
        phrases: turn.phrases.iter().map(phrase).collect(),
        truth: turn.truth.record(),
    }
}
