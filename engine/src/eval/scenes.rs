//! Examines a model on scenes of the procedural picture world. Called by `glamm eval scenes`.
//!
//! Every scene is drawn from its seed, encoded once, and asked the questions of
//! [`crate::scenes::text::evaluation`], greedily and free-running: in a conversation of several
//! turns the model reads its own earlier replies. What each question counts for:
//!
//! | question | judged by | figure |
//! |---|---|---|
//! | grounded caption | masks and phrases, see [`super::gcg`] | `gcg` |
//! | segment a thing | mask, see [`super::overlap`]; a refusal is an empty mask | `refseg` |
//! | segment what is not there | says no, and gives no mask | `absent` |
//! | what is in a box | first kind and first colour named | `region` |
//! | colour, number, yes or no | first such word | `qa` |
//! | other short answers | first such word | `qa_other` |
//! | clicks on a thing, a box around it | masks, see [`super::places`]; not a question in words | `places` |
//! | turns of a conversation | as above; a mask is right from IoU 0.5, a caption if it names every thing | `dialogue` |
//!
//! The truth of a grounded caption is the things that the scene's own caption mentions. Parts ("with
//! a brown roof") are mentioned now and then only, so none is demanded of a reply.
//!
//! Results do not depend on the number of threads: scenes are judged in the order of their seeds.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam::channel::{self, Receiver, Sender};

use super::EvalError;
use super::gcg::{GcgJudge, GcgScores, Prediction};
use super::overlap::OverlapJudge;
use super::places::PlaceScores;
use super::tally::Tally;
use crate::engine::Engine;
use crate::engine::encoding::EncodedImage;
use crate::error::EngineError;
use crate::job::{Increment, Question};
use crate::protocol::{Reply, Turn};
use crate::scenes::text::{
    Conversation, Ref, SceneTurn, Target, Task, Truth, Wording, evaluation, judge, target_mask,
};
use crate::scenes::{Scene, generate};
use crate::vision::{BinaryMask, MaskLogits};

/// Longer than any right reply.
const MAX_NEW_TOKENS: usize = 256;
/// Judged scenes that may wait, for each thread.
const WAITING: usize = 2;
/// Overlap from which the mask of a turn in a conversation is right.
const RIGHT_IOU: f64 = 0.5;

/// What to examine on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Examination {
    /// Seed of the first scene; the others follow it.
    pub first_seed: u64,
    /// Number of scenes.
    pub count: usize,
    /// Scenes that are worked on at the same time.
    pub threads: usize,
}

/// The figures.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Report {
    /// Grounded captions.
    pub gcg: GcgScores,
    /// Referring segmentation of things that are there.
    pub refseg: OverlapJudge,
    /// Masks of clicks and boxes.
    pub places: PlaceScores,
    /// Referring segmentation of things that are not there.
    pub absent: Tally,
    /// Kind and colour of what is in a box.
    pub region: Tally,
    /// Questions for a colour.
    pub qa_color: Tally,
    /// Questions for a number.
    pub qa_count: Tally,
    /// Questions for a yes or no.
    pub qa_yes_no: Tally,
    /// Where, what kind of place, which object stands so to another.
    pub qa_other: Tally,
    /// Turns of conversations.
    pub dialogue: Tally,
    /// All answers in words to questions worded as in training.
    pub known_wording: Tally,
    /// All answers in words to questions worded as training never does.
    pub new_wording: Tally,
}

impl Report {
    /// Colour, number, yes or no.
    pub fn qa(&self) -> Tally {
        let mut sum = self.qa_color;
        sum += self.qa_count;
        sum += self.qa_yes_no;
        sum
    }
}

/// Examines a model. `progress` is told the number of scenes done so far.
///
/// # Errors
/// What the engine says of the first scene that it cannot do; see [`EvalError`] for the rest.
pub fn examine(
    engine: &Engine,
    examination: Examination,
    mut progress: impl FnMut(usize),
) -> Result<Report, EvalError> {
    let threads = examination.threads.clamp(1, examination.count.max(1));
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // One channel a thread, read in turn, keeps the order of the seeds.
        let mut papers: Vec<Receiver<Result<Paper, EngineError>>> = Vec::new();
        for thread in 0..threads {
            let (sender, receiver) = channel::bounded(WAITING);
            papers.push(receiver);
            let seeds = (thread..examination.count)
                .step_by(threads)
                .map(move |index| examination.first_seed + index as u64);
            let stop = &stop;
            std::thread::Builder::new()
                .name(format!("glamm-eval-{thread}"))
                .spawn_scoped(scope, move || sit(engine, seeds, &sender, stop))
                .map_err(EvalError::Thread)?;
        }
        let mut board = Board::default();
        let result = (0..examination.count).try_for_each(|index| {
            // A thread that is gone without a word has panicked; the scope passes that on.
            let Ok(paper) = papers[index % threads].recv() else { return Err(EvalError::Interrupted) };
            board.add(&paper?);
            progress(index + 1);
            Ok(())
        });
        // Threads that wait for room in their channel, or are at work, end.
        stop.store(true, Ordering::Relaxed);
        papers.clear();
        result.and_then(|()| board.report())
    })
}

/// One thread's work: asks about its scenes until they are done, one fails, or nobody listens.
fn sit(
    engine: &Engine,
    seeds: impl Iterator<Item = u64>,
    papers: &Sender<Result<Paper, EngineError>>,
    stop: &AtomicBool,
) {
    for seed in seeds {
        let paper = Paper::write(engine, seed, stop);
        let failed = paper.is_err();
        if papers.send(paper).is_err() || failed {
            return;
        }
    }
}

/// A model's answers about one scene, beside the truth.
struct Paper {
    captions: Vec<Caption>,
    places: PlaceScores,
    answers: Vec<Answered>,
}

/// A grounded caption, ready to be judged.
struct Caption {
    predictions: Vec<Prediction>,
    truths: Vec<(BinaryMask, [&'static str; 2])>,
}

/// Another answer.
struct Answered {
    task: Task,
    wording: Wording,
    truth: Truth,
    is_right: bool,
    /// Masks of the reply and the true one, where one was asked for.
    masks: Option<(Vec<BinaryMask>, BinaryMask)>,
}

impl Paper {
    fn write(engine: &Engine, seed: u64, stop: &AtomicBool) -> Result<Self, EngineError> {
        let scene = generate(seed);
        let stop = || stop.load(Ordering::Relaxed);
        let (mut image, _) = engine.encode(&scene.image, &stop)?;
        let places = PlaceScores::measure(engine, &image, &scene)?;
        let mut paper = Self { captions: Vec::new(), places, answers: Vec::new() };
        for conversation in evaluation(&scene, seed) {
            paper.converse(engine, &mut image, &scene, &conversation, &stop)?;
        }
        Ok(paper)
    }

    fn converse(
        &mut self,
        engine: &Engine,
        image: &mut EncodedImage,
        scene: &Scene,
        conversation: &Conversation,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<(), EngineError> {
        let mut turns: Vec<Turn> = Vec::new();
        for asked in &conversation.turns {
            turns.push(Turn { user: asked.user.clone(), regions: asked.boxes.clone(), reply: None });
            let mut masks: Vec<Arc<MaskLogits>> = Vec::new();
            let question = Question::greedy(&turns, MAX_NEW_TOKENS);
            let answer = engine.converse(image, question, stop, &mut |piece| {
                if let Increment::Mask { masks: found, .. } = piece {
                    masks.push(Arc::clone(found.used()));
                }
            })?;
            let masks = masks.iter().map(|logits| (logits.threshold(0.0), logits.predicted_iou)).collect();
            self.note(scene, conversation, asked, &answer.reply, masks);
            if let Some(turn) = turns.last_mut() {
                turn.reply = Some(answer.reply.raw);
            }
        }
        Ok(())
    }

    /// Judges what needs nothing but the two texts, and keeps the masks for later.
    fn note(
        &mut self,
        scene: &Scene,
        conversation: &Conversation,
        asked: &SceneTurn,
        reply: &Reply,
        masks: Vec<(BinaryMask, f32)>,
    ) {
        if conversation.task == Task::Gcg {
            self.captions.push(Caption::new(scene, asked, reply, masks));
            return;
        }
        let truth = asked.targets.first().map(|target| target_mask(scene, target));
        self.answers.push(Answered {
            task: conversation.task,
            wording: conversation.wording,
            truth: asked.truth.clone(),
            is_right: judge(&reply.raw, &asked.truth),
            masks: truth
                .filter(|_| asked.truth == Truth::Segment)
                .map(|truth| (masks.into_iter().map(|(mask, _)| mask).collect(), truth)),
        });
    }
}

impl Caption {
    fn new(scene: &Scene, asked: &SceneTurn, reply: &Reply, masks: Vec<(BinaryMask, f32)>) -> Self {
        let predictions =
            masks.into_iter().zip(&reply.groundings).map(|((mask, predicted_iou), grounding)| {
                let phrase =
                    reply.text.chars().skip(grounding.span.start).take(grounding.span.len()).collect();
                Prediction { mask, predicted_iou, phrase }
            });
        let truths = asked.targets.iter().filter_map(|target| {
            let names = object_names(scene, target)?;
            Some((target_mask(scene, target), names))
        });
        Self { predictions: predictions.collect(), truths: truths.collect() }
    }
}

/// The singular and the plural of what a target consists of; `None` for a part of an object.
fn object_names(scene: &Scene, target: &Target) -> Option<[&'static str; 2]> {
    match target.first()? {
        Ref::Object(object) => scene.objects.get(*object).map(|it| [it.kind.name(), it.kind.plural()]),
        Ref::Part { .. } => None,
    }
}

/// Whether one of the names is among the words of a phrase.
fn names_one_of(phrase: &str, names: [&str; 2]) -> bool {
    phrase.split(|c: char| !c.is_alphanumeric()).any(|word| {
        let word = word.to_lowercase();
        names.contains(&word.as_str())
    })
}

/// Where the papers are marked.
#[derive(Debug, Default)]
struct Board {
    gcg: GcgJudge,
    report: Report,
}

impl Board {
    fn add(&mut self, paper: &Paper) {
        for caption in &paper.captions {
            let truths: Vec<&BinaryMask> = caption.truths.iter().map(|(mask, _)| mask).collect();
            self.gcg.add(&caption.predictions, &truths, |phrase, truth| {
                names_one_of(phrase, caption.truths[truth].1)
            });
        }
        self.report.places += paper.places;
        for answer in &paper.answers {
            self.answer(answer);
        }
    }

    fn answer(&mut self, answer: &Answered) {
        let report = &mut self.report;
        let is_right = match &answer.masks {
            Some((masks, truth)) => {
                let mut overlap = OverlapJudge::default();
                overlap.add(&masks.iter().collect::<Vec<_>>(), truth);
                overlap.giou() >= RIGHT_IOU
            }
            None => answer.is_right,
        };
        if answer.masks.is_none() {
            let by_wording = match answer.wording {
                Wording::Training => &mut report.known_wording,
                Wording::HeldOut => &mut report.new_wording,
            };
            by_wording.add(is_right);
        }
        match (answer.task, &answer.truth, &answer.masks) {
            (Task::Dialogue, ..) => report.dialogue.add(is_right),
            (_, Truth::Segment, Some((masks, truth))) => {
                report.refseg.add(&masks.iter().collect::<Vec<_>>(), truth);
            }
            (_, Truth::Absent, _) => report.absent.add(is_right),
            (Task::Region, ..) => report.region.add(is_right),
            (_, Truth::Color(_), _) => report.qa_color.add(is_right),
            (_, Truth::Count(_), _) => report.qa_count.add(is_right),
            (_, Truth::YesNo(_), _) => report.qa_yes_no.add(is_right),
            _ => report.qa_other.add(is_right),
        }
    }

    fn report(self) -> Result<Report, EvalError> {
        Ok(Report { gcg: self.gcg.scores()?, ..self.report })
    }
}
