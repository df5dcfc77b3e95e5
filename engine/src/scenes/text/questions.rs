//! Questions with short answers: what, which colour, how many, where, yes or no.

use super::dice::Dice;
use super::expression::{self, Expression, anchor};
use super::nouns::{indefinite, noun, noun_of, number, place, pronoun, to_be};
use super::passage::{Passage, capitalised};
use super::region::{self, drawn_box, is_clear};
use super::wordings::{
    COLOR, COUNT, EXISTS, IS_COLOR, IS_RELATED, PLACE, REGION, WHAT_BOX, WHAT_RELATED, WHERE, Wording,
};
use super::{SceneTurn, Truth, absent_look, is_unlike};
use crate::scenes::graph::{Graph, Relation, Verdict};
use crate::scenes::{Color, Kind};

/// Asks one sort of question; `None` where the scene has no clear answer to any.
type Sort = fn(&Graph, Wording, &mut Dice) -> Option<SceneTurn>;

/// A question of the sort that is due at this place of the plan, or else of any sort.
pub(super) fn question(graph: &Graph, at: usize, wording: Wording, dice: &mut Dice) -> Option<SceneTurn> {
    let sorts: [Sort; 2] = match at % 5 {
        0 => [color, color_of_box],
        1 => [count, count],
        2 => [exists, exists],
        3 => [is_color, is_related],
        _ => [what_related, location],
    };
    let first = dice.below(2);
    let others: [Sort; 4] = [what_is_in_box, background, location, count];
    let fallback = dice.below(others.len());
    // Now and then something else, so that every sort comes up.
    let order = if dice.chance(0.15) {
        [others[fallback], sorts[first], sorts[1 - first]]
    } else {
        [sorts[first], sorts[1 - first], others[fallback]]
    };
    order.into_iter().find_map(|sort| sort(graph, wording, dice))
}

/// The caption of a box; another object's for the next place of the plan.
pub(super) fn region(graph: &Graph, at: usize, wording: Wording, dice: &mut Dice) -> Option<SceneTurn> {
    let clear = clear_objects(graph);
    let first = graph.scene().seed as usize;
    let object = *clear.get((first + at) % clear.len().max(1))?;
    let user = REGION.pick(wording, dice).to_owned();
    let reply = Passage::plain(format!("{}.", capitalised(&region::caption(graph, object, dice))));
    Some(SceneTurn::new(user, &reply, look(graph, object)).with_boxes(vec![drawn_box(graph, object, dice)]))
}

/// "It is a red house."
pub(super) fn what_is_in_box(graph: &Graph, wording: Wording, dice: &mut Dice) -> Option<SceneTurn> {
    let object = clear_object(graph, dice)?;
    Some(what_is_object(graph, object, wording, dice))
}

/// The same, about a given object.
pub(super) fn what_is_object(graph: &Graph, object: usize, wording: Wording, dice: &mut Dice) -> SceneTurn {
    let user = WHAT_BOX.pick(wording, dice).to_owned();
    let boxes = vec![drawn_box(graph, object, dice)];
    SceneTurn::new(user, &Passage::plain(it_is(graph, object)), look(graph, object)).with_boxes(boxes)
}

/// An object that a box can stand for; `None` if there is none.
pub(super) fn clear_object(graph: &Graph, dice: &mut Dice) -> Option<usize> {
    dice.pick(&clear_objects(graph)).copied()
}

fn clear_objects(graph: &Graph) -> Vec<usize> {
    (0..graph.scene().objects.len()).filter(|&object| is_clear(graph, object)).collect()
}

fn look(graph: &Graph, object: usize) -> Truth {
    let it = &graph.scene().objects[object];
    Truth::Object(it.kind, it.color)
}

fn it_is(graph: &Graph, object: usize) -> String {
    format!("It is {}.", indefinite(&noun_of(&graph.scene().objects[object], false)))
}

fn any_object(graph: &Graph, dice: &mut Dice) -> Option<usize> {
    let count = graph.scene().objects.len();
    (count > 0).then(|| dice.below(count))
}

/// A description that does not give the colour away, and what the answer calls the object. A
/// person's colour is that of the shirt, so the shirt is asked for.
fn colorless(graph: &Graph, dice: &mut Dice) -> Option<(usize, String, &'static str)> {
    (0..8).find_map(|_| {
        let object = any_object(graph, dice)?;
        let kind = graph.scene().objects[object].kind;
        let all = expression::unambiguous(graph, object);
        let fit: Vec<Expression> = all.into_iter().filter(|it| it.color.is_none()).collect();
        let words = dice.pick(&fit)?.definite(graph);
        Some(match kind {
            Kind::Person => (object, format!("the shirt of {words}"), "shirt"),
            _ => (object, words, kind.name()),
        })
    })
}

/// "What color is the house next to the tree?" – "The house is red."
fn color(graph: &Graph, wording: Wording, dice: &mut Dice) -> Option<SceneTurn> {
    if dice.chance(0.25)
        && let Some(turn) = color_of_part(graph, wording, dice)
    {
        return Some(turn);
    }
    let (object, words, name) = colorless(graph, dice)?;
    let color = graph.scene().objects[object].color;
    let user = COLOR.pick(wording, dice).replace("{x}", &words);
    let reply = Passage::plain(format!("The {name} is {}.", color.name()));
    Some(SceneTurn::new(user, &reply, Truth::Color(color)))
}

fn color_of_part(graph: &Graph, wording: Wording, dice: &mut Dice) -> Option<SceneTurn> {
    let (object, part) = (0..8).find_map(|_| {
        let object = any_object(graph, dice)?;
        let parts = &graph.scene().objects[object].parts;
        let single: Vec<_> = parts.iter().filter(|part| !part.kind.is_plural()).collect();
        Some((object, *dice.pick(&single)?))
    })?;
    let owner = expression::describe(graph, object, dice)?;
    let own_color = part.color == graph.scene().objects[object].color;
    if own_color && owner.color.is_some() {
        return None;
    }
    let words = format!("the {} of {}", part.kind.name(), owner.definite(graph));
    let user = COLOR.pick(wording, dice).replace("{x}", &words);
    let reply = Passage::plain(format!("The {} is {}.", part.kind.name(), part.color.name()));
    Some(SceneTurn::new(user, &reply, Truth::Color(part.color)))
}

/// "What color is the object in <bbox>?" – "It is red."
fn color_of_box(graph: &Graph, wording: Wording, dice: &mut Dice) -> Option<SceneTurn> {
    let object = clear_object(graph, dice)?;
    let color = graph.scene().objects[object].color;
    let user = COLOR.pick(wording, dice).replace("{x}", "the object in <bbox>");
    let reply = Passage::plain(format!("It is {}.", color.name()));
    Some(SceneTurn::new(user, &reply, Truth::Color(color)).with_boxes(vec![drawn_box(graph, object, dice)]))
}

/// "There are two red cars."
pub(super) fn count_sentence(count: usize, kind: Kind, color: Option<Color>) -> String {
    let plural = count != 1;
    format!("There {} {} {}.", to_be(plural), number(count), noun(kind, color, None, plural))
}

fn count(graph: &Graph, wording: Wording, dice: &mut Dice) -> Option<SceneTurn> {
    let objects = &graph.scene().objects;
    let (kind, color) = if dice.chance(0.2) {
        absent_look(graph.scene(), dice)?
    } else {
        // By kind rather than by object, but several of a kind twice as often.
        let several: Vec<Kind> =
            Kind::ALL.into_iter().filter(|kind| graph.scene().count(*kind) > 1).collect();
        let it = &objects[any_object(graph, dice)?];
        let kind = dice.pick(&several).copied().filter(|_| dice.chance(0.5)).unwrap_or(it.kind);
        let worn = objects.iter().find(|it| it.kind == kind)?.color;
        let distinct = objects
            .iter()
            .filter(|it| it.kind == kind)
            .all(|it| it.color == worn || is_unlike(it.color, worn));
        (kind, (distinct && dice.chance(0.25)).then_some(worn))
    };
    let found = objects.iter().filter(|it| it.kind == kind && color.is_none_or(|color| it.color == color));
    let found = found.count();
    let user = COUNT.pick(wording, dice).replace("{n}", &noun(kind, color, None, true));
    Some(SceneTurn::new(user, &Passage::plain(count_sentence(found, kind, color)), Truth::Count(found)))
}

/// "Yes, there are two red cars." or "No, there is no cat."
pub(super) fn exists_sentence(count: usize, kind: Kind, color: Option<Color>) -> String {
    match count {
        0 => format!("No, there is no {}.", noun(kind, color, None, false)),
        1 => format!("Yes, there is {}.", indefinite(&noun(kind, color, None, false))),
        _ => format!("Yes, there are {} {}.", number(count), noun(kind, color, None, true)),
    }
}

fn exists(graph: &Graph, wording: Wording, dice: &mut Dice) -> Option<SceneTurn> {
    let objects = &graph.scene().objects;
    let (kind, color) = if dice.chance(0.5) {
        absent_look(graph.scene(), dice)?
    } else {
        let it = &objects[any_object(graph, dice)?];
        (it.kind, dice.chance(0.5).then_some(it.color))
    };
    let found = objects.iter().filter(|it| it.kind == kind && color.is_none_or(|color| it.color == color));
    let found = found.count();
    let user = EXISTS.pick(wording, dice).replace("{a}", &indefinite(&noun(kind, color, None, false)));
    let reply = Passage::plain(exists_sentence(found, kind, color));
    Some(SceneTurn::new(user, &reply, Truth::YesNo(found > 0)))
}

/// "Is the house blue?" – "No, it is red."
fn is_color(graph: &Graph, wording: Wording, dice: &mut Dice) -> Option<SceneTurn> {
    let (object, words, _) = colorless(graph, dice)?;
    let truth = graph.scene().objects[object].color;
    let yes = dice.chance(0.5);
    let unlike: Vec<Color> = Color::ALL.into_iter().filter(|it| is_unlike(*it, truth)).collect();
    let asked = if yes { truth } else { *dice.pick(&unlike)? };
    let user = IS_COLOR.pick(wording, dice).replace("{x}", &words).replace("{c}", asked.name());
    let answer = if yes { "Yes" } else { "No" };
    let reply = Passage::plain(format!("{answer}, it is {}.", truth.name()));
    Some(SceneTurn::new(user, &reply, Truth::YesNo(yes)))
}

/// Two objects, each with its shortest description, that stand in some clear relation.
fn related_pair(graph: &Graph, dice: &mut Dice) -> Option<(Expression, Relation, Expression)> {
    let count = graph.scene().objects.len();
    let mut pairs = Vec::new();
    for a in 0..count {
        for b in (0..count).filter(|&b| b != a) {
            if let (Some(x), Some(y)) = (anchor(graph, a), anchor(graph, b)) {
                let holds = |relation: &Relation| graph.verdict(a, *relation, b) == Verdict::Yes;
                pairs.extend(Relation::ALL.into_iter().filter(holds).map(|relation| (x, relation, y)));
            }
        }
    }
    dice.pick(&pairs).copied()
}

/// "Is the tree left of the house?" – "No, it is right of the house."
fn is_related(graph: &Graph, wording: Wording, dice: &mut Dice) -> Option<SceneTurn> {
    let (x, relation, y) = related_pair(graph, dice)?;
    // What is next to something is on either side of it, so its contrary is left to the others.
    let contrary = relation.converse().filter(|it| *it != relation);
    let yes = contrary.is_none() || dice.chance(0.5);
    let asked = if yes { relation } else { contrary? };
    let user = IS_RELATED
        .pick(wording, dice)
        .replace("{x}", &x.definite(graph))
        .replace("{r}", asked.words())
        .replace("{y}", &y.definite(graph));
    let answer = if yes { "Yes" } else { "No" };
    let reply = format!("{answer}, {} is {} {}.", pronoun(x.kind), relation.words(), y.definite(graph));
    Some(SceneTurn::new(user, &Passage::plain(reply), Truth::YesNo(yes)))
}

/// "What is on the chair?" – "It is a black cat." Only where nothing else would be an answer.
fn what_related(graph: &Graph, wording: Wording, dice: &mut Dice) -> Option<SceneTurn> {
    let count = graph.scene().objects.len();
    let mut found = Vec::new();
    for other in 0..count {
        let Some(anchor) = anchor(graph, other) else { continue };
        for relation in Relation::ALL {
            let verdicts: Vec<Verdict> =
                (0..count).map(|object| graph.verdict(object, relation, other)).collect();
            let yes: Vec<usize> = (0..count).filter(|&it| verdicts[it] == Verdict::Yes).collect();
            if let ([only], false) = (&yes[..], verdicts.contains(&Verdict::Unclear)) {
                found.push((*only, relation, anchor));
            }
        }
    }
    let (object, relation, anchor) = *dice.pick(&found)?;
    let user = WHAT_RELATED
        .pick(wording, dice)
        .replace("{r}", relation.words())
        .replace("{y}", &anchor.definite(graph));
    let reply = Passage::plain(it_is(graph, object));
    Some(SceneTurn::new(user, &reply, look(graph, object)))
}

/// "on the left, next to the red house"; `None` if the object is between two thirds.
pub(super) fn location_words(graph: &Graph, object: usize) -> Option<(String, Truth)> {
    let side = graph.side(object)?;
    let close = [Relation::On, Relation::InFrontOf, Relation::Behind, Relation::NextTo];
    let beside = close.into_iter().find_map(|relation| {
        let other = (0..graph.scene().objects.len())
            .find(|&other| graph.verdict(object, relation, other) == Verdict::Yes)?;
        Some(format!(", {} {}", relation.words(), anchor(graph, other)?.definite(graph)))
    });
    Some((format!("{}{}", side.words(), beside.unwrap_or_default()), Truth::Where(side)))
}

fn location(graph: &Graph, wording: Wording, dice: &mut Dice) -> Option<SceneTurn> {
    let placed: Vec<(usize, Expression)> = (0..graph.scene().objects.len())
        .filter(|&object| graph.side(object).is_some())
        .filter_map(|object| Some((object, anchor(graph, object)?)))
        .collect();
    let (object, expression) = *dice.pick(&placed)?;
    let (words, truth) = location_words(graph, object)?;
    let user = WHERE.pick(wording, dice).replace("{x}", &expression.definite(graph));
    let reply = Passage::plain(format!("{} is {words}.", capitalised(&expression.definite(graph))));
    Some(SceneTurn::new(user, &reply, truth))
}

#[expect(clippy::unnecessary_wraps, reason = "one of several sorts of question, most of which may fail")]
fn background(graph: &Graph, wording: Wording, dice: &mut Dice) -> Option<SceneTurn> {
    let found = graph.scene().background;
    let user = PLACE.pick(wording, dice).to_owned();
    let reply = Passage::plain(format!("It is {}.", place(found)));
    Some(SceneTurn::new(user, &reply, Truth::Place(found)))
}
