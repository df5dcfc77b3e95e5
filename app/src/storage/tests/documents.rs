//! Documents with something of everything in them, drawn by lot.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use glamm_engine::protocol::{
    FinishReason, Grounding, ImageId, JobStats, Reply, Sampling, TokenChoice, TokenRecord,
};
use glamm_engine::vision::{BinaryMask, Click, MaskCandidates, MaskLogits, MaskPrompt, PixelBox};
use image::{Rgb, RgbImage};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::document::{
    Conversation, ConversationId, Document, EditedMask, Exchange, ExchangeId, GroundedMask, MaskEdit, MaskId,
    Origin, Picture, Question, Region, RegionTag, Settings,
};
use crate::pictures::pixels::Pixels;
use crate::storage::{Opened, Snapshot, Unfinished};

pub(super) const SIZE: (u32, u32) = (60, 40);

fn a_box(rng: &mut StdRng) -> PixelBox {
    let (x0, y0) = (rng.random_range(0.0..50.0), rng.random_range(0.0..30.0));
    PixelBox { x0, y0, x1: x0 + rng.random_range(1.0..10.0), y1: y0 + rng.random_range(1.0..10.0) }
}

fn region(rng: &mut StdRng, tag: u32) -> Region {
    Region {
        tag: RegionTag(tag),
        bounds: a_box(rng),
        name: text(rng),
        color: rng.random_range(0..2).eq(&0).then(|| rng.random_range(0..30)),
        hidden: rng.random_range(0..2) == 0,
    }
}

fn mask(rng: &mut StdRng) -> GroundedMask {
    let logits = |rng: &mut StdRng| {
        // Eighths of small numbers are exact in sixteen bits.
        let logits = (0..64).map(|_| rng.random_range(-80_i32..80) as f32 / 8.0).collect();
        let (content, predicted_iou) = ((32, 21), rng.random_range(0.0..1.0));
        Arc::new(MaskLogits { side: 8, logits, frame: 32, content, image_size: SIZE, predicted_iou })
    };
    let count = rng.random_range(1..4);
    let all = (0..count).map(|_| logits(rng)).collect();
    let prompt = if rng.random_range(0..2) == 0 {
        MaskPrompt::Seg((0..5).map(|_| rng.random_range(-1.0..1.0)).collect())
    } else {
        let click = Click { x: rng.random_range(0.0..60.0), y: 3.5, positive: rng.random_range(0..2) == 0 };
        MaskPrompt::Places { points: vec![click], region: (count > 1).then(|| a_box(rng)) }
    };
    let mut candidates = MaskCandidates::new(all, rng.random_range(0..count), prompt).unwrap();
    if rng.random_range(0..4) == 0 {
        candidates.prompt = None;
    }
    let id = MaskId(rng.random_range(0..1000));
    let painted = BinaryMask::from_fn(SIZE.0, SIZE.1, |x, y| (x * y + x) % 7 < 3);
    let mut mask = if rng.random_range(0..4) == 0 {
        let of_file = BinaryMask::from_fn(SIZE.0, SIZE.1, |x, y| (x + 2 * y) % 5 == 1);
        GroundedMask::from_file(id, candidates, Arc::new(EditedMask::from(&of_file))).unwrap()
    } else {
        let mut mask = GroundedMask::new(id, candidates);
        for edit in
            [MaskEdit::Choose(rng.random_range(0..count)), MaskEdit::Threshold(rng.random_range(-4.0..4.0))]
        {
            if rng.random_range(0..3) == 0 {
                mask.apply(&edit).unwrap();
            }
        }
        mask
    };
    let edits = [
        MaskEdit::Paint { pixels: Arc::new(EditedMask::from(&painted)), label: "brush" },
        MaskEdit::Rename(text(rng)),
        MaskEdit::Recolor(Some(rng.random_range(0..30))),
        MaskEdit::Hide(true),
    ];
    for edit in edits {
        if rng.random_range(0..3) == 0 {
            mask.apply(&edit).unwrap();
        }
    }
    mask
}

fn token(rng: &mut StdRng) -> TokenRecord {
    let choice = |rng: &mut StdRng| TokenChoice {
        id: rng.random_range(0..32_000),
        text: text(rng),
        probability: rng.random_range(0.0..1.0),
    };
    TokenRecord {
        id: rng.random_range(0..32_000),
        text: text(rng),
        probability: rng.random_range(0.0..1.0),
        likeliest: (0..rng.random_range(0..3)).map(|_| choice(rng)).collect(),
        predicted_at: rng.random_range(0..2000),
        grounding: None,
    }
}

fn text(rng: &mut StdRng) -> String {
    let words = ["größe", "\"quoted\"", "<bbox>", "日本語", "a\nline", "\u{0}", "🎈", "plain words"];
    (0..rng.random_range(0..6)).map(|_| words[rng.random_range(0..words.len())]).collect()
}

fn exchange(rng: &mut StdRng, id: u32, parent: Option<u32>) -> Exchange {
    let said = text(rng);
    let length = said.chars().count();
    let count = rng.random_range(0..4);
    let groundings = (0..count).map(|_| {
        let start = rng.random_range(0..=length);
        Grounding { span: start..rng.random_range(start..=length) }
    });
    let groundings: Vec<_> = groundings.collect();
    let masks = (0..count).map(|_| (rng.random_range(0..4) > 0).then(|| mask(rng))).collect();
    let mut tokens: Vec<TokenRecord> = (0..rng.random_range(0..4)).map(|_| token(rng)).collect();
    if let Some(token) = tokens.first_mut().filter(|_| count > 0) {
        token.grounding = Some(count - 1);
    }
    let regions = (0..rng.random_range(0..3)).map(|tag| region(rng, tag + 1)).collect();
    let reasons = [
        FinishReason::EndOfSequence,
        FinishReason::TokenLimit,
        FinishReason::ContextFull,
        FinishReason::Cancelled,
    ];
    let mut time = || Duration::from_micros(rng.random_range(0..10_000_000));
    let stats = JobStats {
        prompt_tokens: 120,
        cached_tokens: 7,
        new_tokens: 31,
        time_to_first_token: time(),
        decode_time: time(),
        mask_time: time(),
    };
    Exchange {
        id: ExchangeId(id),
        parent: parent.map(ExchangeId),
        sampling: sampling(rng),
        question: Question { text: text(rng), regions },
        reply: Reply { raw: text(rng), text: said, groundings },
        tokens: tokens.into(),
        masks,
        first_hue: rng.random_range(0..40),
        reason: reasons[rng.random_range(0..4)],
        stats,
    }
}

fn sampling(rng: &mut StdRng) -> Sampling {
    match rng.random_range(0..3) {
        0 => Sampling::Greedy,
        kind => Sampling::Random {
            temperature: rng.random_range(0.1..2.0),
            top_p: (kind == 1).then(|| rng.random_range(0.1..1.0)),
            seed: rng.random_range(0..u64::MAX),
        },
    }
}

fn conversation(rng: &mut StdRng, id: u32) -> Arc<Conversation> {
    let system = (rng.random_range(0..2) == 0).then(|| text(rng));
    let settings = Settings { system, sampling: sampling(rng), max_new_tokens: rng.random_range(1..999) };
    let mut conversation = Conversation::new(ConversationId(id), settings);
    conversation.title = text(rng).trim().to_owned();
    let exchanges: Vec<_> = (0..rng.random_range(0..4_u32))
        .map(|place| {
            // Numbers with gaps, and branches.
            let parent = rng.random_range(0..=place).checked_sub(1).map(|place| place * 2 + 1);
            Arc::new(exchange(rng, place * 2 + 1, parent))
        })
        .collect();
    let head = exchanges.first().map(|exchange| exchange.id).filter(|_| rng.random_range(0..2) == 0);
    Arc::new(conversation.with_exchanges(exchanges, head).unwrap())
}

/// A reply on its way about a picture, and how many there are in its conversation already.
pub(in crate::storage) fn unfinished(snapshot: &Snapshot, image: ImageId) -> (Unfinished, usize) {
    let conversation = &snapshot.document.picture(image).unwrap().conversations[0];
    let id = conversation.free_exchange().0;
    let parent = conversation.head().map(|id| id.0);
    let exchange = Arc::new(exchange(&mut StdRng::seed_from_u64(99), id, parent));
    (Unfinished { image, conversation: conversation.id, exchange }, conversation.exchanges().len())
}

/// A document in which everything occurs.
fn document(rng: &mut StdRng) -> Document {
    let mut document = Document::default();
    for id in 1..=3 {
        let origin = match id {
            1 => Origin::File(PathBuf::from("/pictures/größe.jpg")),
            2 => Origin::Scene { seed: rng.random_range(0..u64::MAX) },
            _ => Origin::Clipboard,
        };
        let mut picture = Picture::new(ImageId(id), text(rng), origin, SIZE);
        let tags = 0..rng.random_range(0..5);
        picture.regions = tags.map(|tag| region(rng, tag * 3 + 1)).collect();
        picture.masks = (0..rng.random_range(0..3)).map(|_| mask(rng)).collect();
        picture.conversations = (1..rng.random_range(2..4)).map(|id| conversation(rng, id)).collect();
        document = document.with_picture(Arc::new(picture));
    }
    document
}

pub(super) fn pixels(id: u64) -> Arc<Pixels> {
    let image = RgbImage::from_fn(SIZE.0, SIZE.1, |x, y| Rgb([x as u8 * 4, y as u8 * 6, id as u8 * 60]));
    Arc::new(Pixels::new(Arc::new(image)))
}

pub(in crate::storage) fn snapshot(seed: u64) -> Snapshot {
    let mut rng = StdRng::seed_from_u64(seed);
    let document = document(&mut rng);
    Snapshot {
        document,
        current: Some(ImageId(2)),
        conversations: HashMap::from([(ImageId(3), ConversationId(2))]),
        drafts: HashMap::from([(ImageId(1), "What is [1]".to_owned())]),
        pixels: (1..=3).map(|id| (ImageId(id), pixels(id))).collect(),
        ..Snapshot::default()
    }
}

/// The document that was read, with the names of the one that was written, if there are as many.
pub(in crate::storage) fn document_of(opened: &Opened, like: &Document) -> Option<Document> {
    let mut opened = opened.clone();
    let mut names = Vec::new();
    for picture in like.pictures() {
        names.push(picture.id.0);
        Picture::clone(picture).for_each_mask(|mask| names.push(mask.id.0));
    }
    let mut count = 0;
    opened.name(&mut || {
        count += 1;
        0
    });
    if count != names.len() || opened.pictures.len() != like.pictures().len() {
        return None;
    }
    let mut names = names.into_iter();
    opened.name(&mut || names.next().unwrap());
    let document = opened
        .pictures
        .into_iter()
        .fold(Document::default(), |document, opened| document.with_picture(Arc::new(opened.picture)));
    Some(document)
}
