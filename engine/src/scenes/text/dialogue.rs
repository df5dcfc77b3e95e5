//! Conversations of two or three turns, in which the later ones refer to the earlier ones.

use super::dice::Dice;
use super::expression::anchor;
use super::nouns::{indefinite, noun, pronoun};
use super::passage::{Passage, Ref, capitalised};
use super::questions::{clear_object, count_sentence, exists_sentence, location_words, what_is_object};
use super::referring::{Request, granted_again, one_object, refused};
use super::wordings::{
    COUNT, EXISTS, ITS_COLOR, ITS_PART_COLOR, SEGMENT_IT, SEGMENT_THEM, SEGMENT_TOO, WHERE_IT, Wording,
};
use super::{SceneTurn, Truth, absent_look, captioned};
use crate::scenes::Kind;
use crate::scenes::graph::Graph;

/// A conversation of one of several sorts; `None` if the scene has nothing to talk about.
pub(super) fn dialogue(graph: &Graph, wording: Wording, dice: &mut Dice) -> Option<Vec<SceneTurn>> {
    let sorts = [about_box, about_existing, about_several, one_and_another, after_caption];
    let first = dice.below(sorts.len());
    (0..sorts.len()).find_map(|step| sorts[(first + step) % sorts.len()](graph, wording, dice))
}

/// "What is in <bbox>?", then its colour or place, then its mask.
fn about_box(graph: &Graph, wording: Wording, dice: &mut Dice) -> Option<Vec<SceneTurn>> {
    let object = clear_object(graph, dice)?;
    let mut turns = vec![what_is_object(graph, object, wording, dice)];
    turns.extend(more_about(graph, object, wording, dice, true));
    turns.push(segment_it(graph, object, wording, dice));
    Some(turns)
}

/// "Is there a cat?", then where, then its mask; or a refusal, then something that is there.
fn about_existing(graph: &Graph, wording: Wording, dice: &mut Dice) -> Option<Vec<SceneTurn>> {
    let scene = graph.scene();
    if dice.chance(0.3) {
        let (kind, color) = absent_look(scene, dice)?;
        let missing = noun(kind, color, None, false);
        let user = EXISTS.pick(wording, dice).replace("{a}", &indefinite(&missing));
        let no = Passage::plain(exists_sentence(0, kind, color));
        let first = SceneTurn::new(user, &no, Truth::YesNo(false));
        return Some(vec![first, segment_too(graph, None, wording, dice)?]);
    }
    let single: Vec<usize> =
        (0..scene.objects.len()).filter(|&it| scene.count(scene.objects[it].kind) == 1).collect();
    let object = *dice.pick(&single)?;
    let kind = scene.objects[object].kind;
    let user = EXISTS.pick(wording, dice).replace("{a}", &indefinite(kind.name()));
    let yes = Passage::plain(exists_sentence(1, kind, None));
    let mut turns = vec![SceneTurn::new(user, &yes, Truth::YesNo(true))];
    turns.extend(more_about(graph, object, wording, dice, false));
    turns.push(segment_it(graph, object, wording, dice));
    Some(turns)
}

/// "How many cars are there?", then their masks as one.
fn about_several(graph: &Graph, wording: Wording, dice: &mut Dice) -> Option<Vec<SceneTurn>> {
    let scene = graph.scene();
    let several: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| scene.count(*kind) > 1).collect();
    let kind = *dice.pick(&several)?;
    let count = scene.count(kind);
    let user = COUNT.pick(wording, dice).replace("{n}", kind.plural());
    let reply = Passage::plain(count_sentence(count, kind, None));
    let members = (0..scene.objects.len()).filter(|&it| scene.objects[it].kind == kind);
    let target = members.map(Ref::Object).collect();
    let them = SEGMENT_THEM.pick(wording, dice).to_owned();
    Some(vec![
        SceneTurn::new(user, &reply, Truth::Count(count)),
        SceneTurn::new(them, &granted_again(target, true), Truth::Segment),
    ])
}

/// One object's mask, then another's (or a refusal), then something about the last one.
fn one_and_another(graph: &Graph, wording: Wording, dice: &mut Dice) -> Option<Vec<SceneTurn>> {
    let (object, first) = one_object(graph, wording, dice)?;
    if dice.chance(0.3) {
        let more = more_about(graph, object, wording, dice, false)?;
        return Some(vec![first, more]);
    }
    let second = segment_too(graph, Some(object), wording, dice)?;
    Some(vec![first, second])
}

/// A grounded caption, then one of the things in it by name.
fn after_caption(graph: &Graph, wording: Wording, dice: &mut Dice) -> Option<Vec<SceneTurn>> {
    let first = captioned(graph, true, wording, dice);
    let second = segment_too(graph, None, wording, dice)?;
    Some(vec![first, second])
}

/// The colour or the place of "it"; `None` if neither can be asked. With `colored`, the colour was
/// said before, so that only a part's may be asked.
fn more_about(
    graph: &Graph,
    object: usize,
    wording: Wording,
    dice: &mut Dice,
    colored: bool,
) -> Option<SceneTurn> {
    let it = &graph.scene().objects[object];
    let parts: Vec<_> = it.parts.iter().filter(|part| !part.kind.is_plural()).collect();
    if let (Some(part), true) = (dice.pick(&parts), dice.chance(0.5)) {
        let name = part.kind.name();
        let user = spoken_of(it.kind, ITS_PART_COLOR.pick(wording, dice)).replace("{part}", name);
        let reply = Passage::plain(format!("The {name} is {}.", part.color.name()));
        return Some(SceneTurn::new(user, &reply, Truth::Color(part.color)));
    }
    if !colored && it.kind != Kind::Person && dice.chance(0.6) {
        let user = ITS_COLOR.pick(wording, dice).to_owned();
        let reply = Passage::plain(format!("It is {}.", it.color.name()));
        return Some(SceneTurn::new(user, &reply, Truth::Color(it.color)));
    }
    let (words, truth) = location_words(graph, object)?;
    let user = spoken_of(it.kind, WHERE_IT.pick(wording, dice));
    let reply = format!("{} is {words}.", capitalised(pronoun(it.kind)));
    Some(SceneTurn::new(user, &Passage::plain(reply), truth))
}

/// A question about "it", as it is put about this kind: a person is no "it".
fn spoken_of(kind: Kind, wording: &str) -> String {
    if kind == Kind::Person {
        wording.replace(" its ", " the person's ").replace(" it", " the person")
    } else {
        wording.to_owned()
    }
}

fn segment_it(graph: &Graph, object: usize, wording: Wording, dice: &mut Dice) -> SceneTurn {
    let kind = graph.scene().objects[object].kind;
    let user = spoken_of(kind, SEGMENT_IT.pick(wording, dice));
    SceneTurn::new(user, &granted_again(vec![Ref::Object(object)], false), Truth::Segment)
}

/// "Now segment the tree as well", sometimes of what is not there.
fn segment_too(graph: &Graph, but: Option<usize>, wording: Wording, dice: &mut Dice) -> Option<SceneTurn> {
    let ask = SEGMENT_TOO.pick(wording, dice);
    if dice.chance(0.2) {
        let (kind, color) = absent_look(graph.scene(), dice)?;
        let missing = noun(kind, color, None, false);
        let user = ask.replace("{x}", &format!("the {missing}"));
        return Some(SceneTurn::new(user, &refused(&missing), Truth::Absent));
    }
    let others: Vec<usize> = (0..graph.scene().objects.len())
        .filter(|&object| Some(object) != but && anchor(graph, object).is_some())
        .collect();
    let request = Request::object(graph, *dice.pick(&others)?, dice)?;
    let user = ask.replace("{x}", &request.words);
    Some(SceneTurn::new(user, &granted_again(request.target, false), Truth::Segment))
}
