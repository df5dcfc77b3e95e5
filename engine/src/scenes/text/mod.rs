//! English about a scene: conversations in which every word is true and every mask is known.
//!
//! [`training`] gives what the demo model learns from, [`evaluation`] what it is examined with; both
//! depend on nothing but the scene and the seed. The files beside this one each know one kind of
//! talk. What is said rests on [`super::graph`]: nothing is stated that is not clearly so, and
//! nothing is asked for by a description that might fit two objects.

mod caption;
mod dialogue;
mod dice;
mod expression;
mod judge;
mod nouns;
mod passage;
mod questions;
mod referring;
mod region;
mod wordings;

use std::ops::Range;

pub use judge::{Truth, TruthRecord, judge};
pub use passage::{Ref, Target};
pub use wordings::Wording;

use super::graph::Graph;
use super::{Color, Kind, Scene};
use crate::vision::{BinaryMask, PixelBox};
use dice::Dice;
use passage::Passage;

/// What a conversation is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Task {
    /// Grounded conversation generation: a caption with a mask for every phrase.
    Gcg,
    /// A caption without masks.
    Caption,
    /// What is in a box.
    Region,
    /// Referring segmentation, also of what is not there.
    Refseg,
    /// A question with a short answer.
    Qa,
    /// Several turns that refer to one another.
    Dialogue,
}

impl Task {
    /// As it stands in exported conversations.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gcg => "gcg",
            Self::Caption => "caption",
            Self::Region => "region",
            Self::Refseg => "refseg",
            Self::Qa => "qa",
            Self::Dialogue => "dialogue",
        }
    }
}

/// A question about a scene and the right reply.
#[derive(Debug, Clone, PartialEq)]
pub struct SceneTurn {
    /// What the user says, with a `<bbox>` for each of `boxes`.
    pub user: String,
    /// In image pixels.
    pub boxes: Vec<PixelBox>,
    /// In GLaMM's notation: `<p> a red house </p> [SEG]`.
    pub reply: String,
    /// What each `[SEG]` of the reply stands for.
    pub targets: Vec<Target>,
    /// The reply without markers.
    pub visible: String,
    /// Each `<p>` phrase of the reply: its place in `visible`, in characters, and what it names.
    pub phrases: Vec<(Range<usize>, Target)>,
    /// What any right reply must say.
    pub truth: Truth,
}

impl SceneTurn {
    fn new(user: String, reply: &Passage, truth: Truth) -> Self {
        let (visible, phrases) = reply.visible_with_spans();
        let (reply, targets) = (reply.marked(), reply.targets());
        Self { user, boxes: Vec::new(), reply, targets, visible, phrases, truth }
    }

    /// One for each `<bbox>` of the question.
    fn with_boxes(self, boxes: Vec<PixelBox>) -> Self {
        Self { boxes, ..self }
    }
}

/// Turns that belong together.
#[derive(Debug, Clone, PartialEq)]
pub struct Conversation {
    /// What it is for.
    pub task: Task,
    /// How its questions are worded.
    pub wording: Wording,
    /// At least one.
    pub turns: Vec<SceneTurn>,
}

/// The mask of a target: the union of what it refers to.
pub fn target_mask(scene: &Scene, target: &Target) -> BinaryMask {
    let masks: Vec<&BinaryMask> = target
        .iter()
        .filter_map(|reference| match *reference {
            Ref::Object(object) => scene.objects.get(object).map(|it| &it.mask),
            Ref::Part { object, part } => {
                scene.objects.get(object).and_then(|it| it.parts.get(part)).map(|it| &it.mask)
            }
        })
        .collect();
    BinaryMask::from_fn(scene.image.width(), scene.image.height(), |x, y| {
        masks.iter().any(|mask| mask.contains(x, y))
    })
}

/// One conversation of each kind and a few more questions, in training wordings.
pub fn training(scene: &Scene, seed: u64) -> Vec<Conversation> {
    use Task::{Caption, Dialogue, Gcg, Qa, Refseg, Region};
    let plan = [Gcg, Caption, Region, Region, Refseg, Refseg, Refseg, Qa, Qa, Qa, Qa, Qa, Dialogue];
    let graph = Graph::new(scene);
    let mut dice = Dice::new(seed, 1);
    let mut found: Vec<Conversation> = Vec::new();
    for (place, task) in plan.into_iter().enumerate() {
        let Some(conversation) = converse(&graph, task, place, Wording::Training, &mut dice) else {
            continue;
        };
        if !found.contains(&conversation) {
            found.push(conversation);
        }
    }
    dice.shuffle(&mut found);
    found
}

/// What the model is examined with on a held-out scene: each kind of question that has a
/// checkable answer. Every fourth conversation is asked in held-out wording.
pub fn evaluation(scene: &Scene, seed: u64) -> Vec<Conversation> {
    use Task::{Dialogue, Gcg, Qa, Refseg, Region};
    let plan = [Gcg, Region, Region, Refseg, Refseg, Refseg, Qa, Qa, Qa, Qa, Qa, Dialogue];
    let graph = Graph::new(scene);
    let mut dice = Dice::new(seed, 2);
    let converse_at = |(place, task): (usize, Task)| {
        let held_out = (seed.wrapping_mul(7) + place as u64).is_multiple_of(4);
        let wording = if held_out { Wording::HeldOut } else { Wording::Training };
        converse(&graph, task, place, wording, &mut dice)
    };
    plan.into_iter().enumerate().filter_map(converse_at).collect()
}

/// One conversation; `place` in the plan lets the kinds of a task take turns. `None` where the
/// scene has nothing to offer for it.
fn converse(
    graph: &Graph,
    task: Task,
    place: usize,
    wording: Wording,
    dice: &mut Dice,
) -> Option<Conversation> {
    let turns = match task {
        Task::Gcg => vec![captioned(graph, true, wording, dice)],
        Task::Caption => vec![captioned(graph, false, wording, dice)],
        Task::Region => vec![questions::region(graph, place, wording, dice)?],
        // A third of the requests is for something that is not there.
        Task::Refseg if place % 3 == 1 => vec![referring::absent(graph, wording, dice)?],
        Task::Refseg => vec![referring::present(graph, wording, dice)?],
        Task::Qa => vec![questions::question(graph, place, wording, dice)?],
        Task::Dialogue => dialogue::dialogue(graph, wording, dice)?,
    };
    Some(Conversation { task, wording, turns })
}

/// A caption of the whole picture.
fn captioned(graph: &Graph, grounded: bool, wording: Wording, dice: &mut Dice) -> SceneTurn {
    let wordings = if grounded { &wordings::GROUNDED } else { &wordings::CAPTION };
    let user = wordings.pick(wording, dice).to_owned();
    let passage = caption::compose(graph, if grounded { 7 } else { 4 }, dice);
    let (text, spans) = passage.visible_with_spans();
    let phrase = |span: Range<usize>| text.chars().skip(span.start).take(span.len()).collect();
    let phrases = spans.into_iter().map(|(span, _)| phrase(span)).collect();
    let truth = Truth::Caption { phrases, grounded };
    let reply = if grounded { passage } else { Passage::plain(text.clone()) };
    SceneTurn::new(user, &reply, truth)
}

/// One of the [`absent_looks`]; `None` if there are none.
fn absent_look(scene: &Scene, dice: &mut Dice) -> Option<(Kind, Option<Color>)> {
    let looks = absent_looks(scene, dice);
    dice.pick(&looks).copied()
}

/// Things that are clearly not in the scene, by kind, or by kind and colour where the kind is there
/// in other colours. Half of the list is of the second sort, if the scene allows.
fn absent_looks(scene: &Scene, dice: &mut Dice) -> Vec<(Kind, Option<Color>)> {
    let present: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| scene.count(*kind) > 0).collect();
    let mut missing: Vec<_> =
        Kind::ALL.into_iter().filter(|kind| !present.contains(kind)).map(|kind| (kind, None)).collect();
    let mut recoloured = Vec::new();
    // A green sun would be too easily seen to be absent.
    let colorful = |kind: &&Kind| !matches!(kind, Kind::Sun | Kind::Moon | Kind::Cloud);
    for &kind in present.iter().filter(colorful) {
        let worn: Vec<Color> = scene.objects.iter().filter(|it| it.kind == kind).map(|it| it.color).collect();
        let free = Color::ALL.into_iter().filter(|color| worn.iter().all(|it| is_unlike(*it, *color)));
        recoloured.extend(free.map(|color| (kind, Some(color))));
    }
    dice.shuffle(&mut missing);
    dice.shuffle(&mut recoloured);
    let each = missing.len().min(recoloured.len()).max(1);
    missing.truncate(each);
    recoloured.truncate(each);
    missing.into_iter().chain(recoloured).collect()
}

/// Whether nobody would take one colour for the other.
fn is_unlike(a: Color, b: Color) -> bool {
    use Color::{Black, Blue, Brown, Orange, Pink, Purple, Red, White, Yellow};
    let alike = [
        (Red, Orange),
        (Orange, Yellow),
        (Orange, Brown),
        (Red, Pink),
        (Pink, Purple),
        (Purple, Blue),
        (Brown, Black),
        (Red, Brown),
        (White, Yellow),
        (White, Pink),
    ];
    a != b && !alike.contains(&(a, b)) && !alike.contains(&(b, a))
}

#[cfg(test)]
mod tests;
