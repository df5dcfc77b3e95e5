//! Referring segmentation: requests for one object, a part, several objects, the object in a box,
//! and for things that are not there.

use super::dice::Dice;
use super::expression::{self, Expression};
use super::nouns::{noun, number};
use super::passage::{Passage, Ref, Target};
use super::region::{drawn_box, is_clear};
use super::wordings::{SEGMENT, Wording};
use super::{SceneTurn, Truth, absent_look};
use crate::scenes::graph::Graph;
use crate::vision::PixelBox;

/// What is asked for, in words and as a mask.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Request {
    /// Definite: "the roof of the red house".
    pub(super) words: String,
    pub(super) target: Target,
    pub(super) plural: bool,
    /// One for each `<bbox>` in the words.
    pub(super) boxes: Vec<PixelBox>,
}

impl Request {
    /// One object by a description that fits it alone; `None` if there is none.
    pub(super) fn object(graph: &Graph, object: usize, dice: &mut Dice) -> Option<Self> {
        let words = expression::describe(graph, object, dice)?.definite(graph);
        Some(Self { words, target: vec![Ref::Object(object)], plural: false, boxes: Vec::new() })
    }

    /// A part of an object that can be described.
    fn part(graph: &Graph, object: usize, dice: &mut Dice) -> Option<Self> {
        let parts = &graph.scene().objects[object].parts;
        if parts.is_empty() {
            return None;
        }
        let part = dice.below(parts.len());
        let owner = expression::describe(graph, object, dice)?.definite(graph);
        Some(Self {
            words: format!("the {} of {owner}", parts[part].kind.name()),
            target: vec![Ref::Part { object, part }],
            plural: parts[part].kind.is_plural(),
            boxes: Vec::new(),
        })
    }

    /// All objects of a kind, or of a kind and colour, if there are several.
    fn group(graph: &Graph, object: usize, dice: &mut Dice) -> Option<Self> {
        let it = &graph.scene().objects[object];
        let color = dice.chance(0.4).then_some(it.color);
        let objects = graph.scene().objects.iter().enumerate();
        let members: Vec<usize> = objects
            .filter(|(_, other)| other.kind == it.kind && color.is_none_or(|color| other.color == color))
            .map(|(index, _)| index)
            .collect();
        if members.len() < 2 {
            return None;
        }
        let noun = noun(it.kind, color, None, true);
        let words = match dice.below(3) {
            0 => format!("the {noun}"),
            1 => format!("all {noun}"),
            _ => format!("the {} {noun}", number(members.len())),
        };
        let target = members.into_iter().map(Ref::Object).collect();
        Some(Self { words, target, plural: true, boxes: Vec::new() })
    }

    /// The object in a box.
    fn boxed(graph: &Graph, object: usize, dice: &mut Dice) -> Option<Self> {
        is_clear(graph, object).then(|| Self {
            words: if dice.chance(0.5) { "the object in <bbox>" } else { "what is in <bbox>" }.into(),
            target: vec![Ref::Object(object)],
            plural: false,
            boxes: vec![drawn_box(graph, object, dice)],
        })
    }

    /// Any of these about an object.
    fn any(graph: &Graph, object: usize, dice: &mut Dice) -> Option<Self> {
        let found = match dice.below(10) {
            0 | 1 => Self::part(graph, object, dice),
            2 | 3 => Self::group(graph, object, dice),
            4 => Self::boxed(graph, object, dice),
            _ => None,
        };
        found.or_else(|| Self::object(graph, object, dice))
    }
}

/// The reply to a first request: "Sure, it is [SEG]."
fn granted(request: &Request) -> Passage {
    let words = if request.plural { "Sure, they are" } else { "Sure, it is" };
    Passage::plain(words).seg(request.target.clone()).say(".")
}

/// The reply to a later one: "It is [SEG]."
pub(super) fn granted_again(target: Target, plural: bool) -> Passage {
    Passage::plain(if plural { "They are" } else { "It is" }).seg(target).say(".")
}

/// "There is no black cat in this image."
pub(super) fn refused(noun: &str) -> Passage {
    Passage::plain(format!("There is no {noun} in this image."))
}

/// Asks for the mask of something in the picture.
pub(super) fn present(graph: &Graph, wording: Wording, dice: &mut Dice) -> Option<SceneTurn> {
    let request = any_request(graph, dice)?;
    let user = SEGMENT.pick(wording, dice).replace("{x}", &request.words);
    Some(SceneTurn::new(user, &granted(&request), Truth::Segment).with_boxes(request.boxes))
}

fn any_request(graph: &Graph, dice: &mut Dice) -> Option<Request> {
    let count = graph.scene().objects.len();
    (0..8).find_map(|_| if count == 0 { None } else { Request::any(graph, dice.below(count), dice) })
}

/// Asks for one object by a description, and says which it is.
pub(super) fn one_object(graph: &Graph, wording: Wording, dice: &mut Dice) -> Option<(usize, SceneTurn)> {
    let count = graph.scene().objects.len();
    let (object, request) = (0..8).find_map(|_| {
        let object = (count > 0).then(|| dice.below(count))?;
        Some((object, Request::object(graph, object, dice)?))
    })?;
    let user = SEGMENT.pick(wording, dice).replace("{x}", &request.words);
    Some((object, SceneTurn::new(user, &granted(&request), Truth::Segment)))
}

/// Asks for the mask of something that is not there.
pub(super) fn absent(graph: &Graph, wording: Wording, dice: &mut Dice) -> Option<SceneTurn> {
    let (kind, color) = absent_look(graph.scene(), dice)?;
    let expression = Expression { color, ..Expression::of(kind) };
    let user = SEGMENT.pick(wording, dice).replace("{x}", &expression.definite(graph));
    Some(SceneTurn::new(user, &refused(&noun(kind, color, None, false)), Truth::Absent))
}
