//! Captions of the whole picture: what is mentioned, in which order, and the sentences around it.
//!
//! A caption is composed once as a [`Passage`] and read with markers (grounded caption) or without
//! (plain caption).

use super::dice::Dice;
use super::nouns::{indefinite, indefinite_part, noun, noun_of, number, place, telling_part, to_be};
use super::passage::{Passage, Ref};
use crate::scenes::graph::Graph;
use crate::scenes::{Color, Kind};

/// What one phrase of a caption is about: an object, or several that look alike.
#[derive(Debug, Clone, PartialEq)]
struct Mention {
    /// Indefinite: "two red cars".
    words: String,
    /// In the scene's order; never empty.
    members: Vec<usize>,
    /// Mean horizontal place, 0 to 1.
    horizontal: f32,
    /// Visible pixels.
    area: usize,
    in_sky: bool,
}

impl Mention {
    fn is_plural(&self) -> bool {
        self.members.len() > 1
    }

    fn passage(&self) -> Passage {
        let target = self.members.iter().map(|&object| Ref::Object(object)).collect();
        Passage::default().phrase(self.words.clone(), target)
    }
}

/// Composes a caption of at most `limit` phrases about objects, the largest ones if there are more.
pub(super) fn compose(graph: &Graph, limit: usize, dice: &mut Dice) -> Passage {
    let sized = dice.chance(0.3);
    let mut mentions = mentions(graph, limit, sized);
    if mentions.is_empty() {
        return Passage::plain(format!("The image shows {}.", place(graph.scene().background)));
    }
    let in_sky = mentions.iter().filter(|mention| mention.in_sky).count();
    let split = in_sky > 0 && in_sky < mentions.len();
    mentions.sort_by(|a, b| a.horizontal.total_cmp(&b.horizontal));
    let scene = place(graph.scene().background);
    match dice.below(6) {
        0 => {
            mentions.sort_by_key(|mention| std::cmp::Reverse(mention.area));
            Passage::plain(format!("The image shows {scene} with"))
                .then(list(graph, &mentions, dice))
                .say(".")
        }
        1 => Passage::plain(format!("The picture shows {scene}.")).then(there_is(graph, &mentions, dice)),
        2 | 3 => related(graph, mentions, dice),
        4 if split => {
            let (sky, ground): (Vec<_>, Vec<_>) = mentions.into_iter().partition(|it| it.in_sky);
            let verb = to_be(sky[0].is_plural());
            Passage::plain(format!("In the sky, there {verb}"))
                .then(list(graph, &sky, dice))
                .say(".")
                .then(Passage::plain(format!("Below, there {}", to_be(ground[0].is_plural()))))
                .then(list(graph, &ground, dice))
                .say(".")
        }
        _ => there_is(graph, &mentions, dice),
    }
}

/// Objects of one kind and colour make one mention.
fn mentions(graph: &Graph, limit: usize, sized: bool) -> Vec<Mention> {
    let mut groups: Vec<((Kind, Color), Vec<usize>)> = Vec::new();
    for (index, object) in graph.scene().objects.iter().enumerate() {
        let look = (object.kind, object.color);
        match groups.iter_mut().find(|(known, _)| *known == look) {
            Some((_, members)) => members.push(index),
            None => groups.push((look, vec![index])),
        }
    }
    let mut mentions: Vec<Mention> = groups
        .into_iter()
        .map(|((kind, color), members)| Mention {
            words: match members[..] {
                [only] => indefinite(&noun_of(&graph.scene().objects[only], sized)),
                _ => format!("{} {}", number(members.len()), noun(kind, Some(color), None, true)),
            },
            horizontal: members.iter().map(|&it| graph.horizontal(it)).sum::<f32>() / members.len() as f32,
            area: members.iter().map(|&it| graph.area(it)).sum(),
            in_sky: members.iter().all(|&it| graph.in_sky(it)),
            members,
        })
        .collect();
    mentions.sort_by_key(|mention| std::cmp::Reverse(mention.area));
    mentions.truncate(limit);
    mentions
}

/// "There is A, B and C."
fn there_is(graph: &Graph, mentions: &[Mention], dice: &mut Dice) -> Passage {
    let verb = to_be(mentions.first().is_some_and(Mention::is_plural));
    Passage::plain(format!("There {verb}")).then(list(graph, mentions, dice)).say(".")
}

/// "A, B and C", and now and then a part of one: "a red house with a brown roof".
fn list(graph: &Graph, mentions: &[Mention], dice: &mut Dice) -> Passage {
    let mut passage = Passage::default();
    let with_parts = mentions.len() < 5 && dice.chance(0.25);
    let last = mentions.len().saturating_sub(1);
    for (place, mention) in mentions.iter().enumerate() {
        if place > 0 {
            passage = passage.say(if place == last { "and" } else { "," });
        }
        passage = passage.then(mention.passage());
        // At the end of the list only, where "with" can belong to nothing else.
        if with_parts && place == last {
            passage = passage.then(part_of(graph, mention));
        }
    }
    passage
}

/// "with a brown roof", for a single object that has such a part.
fn part_of(graph: &Graph, mention: &Mention) -> Passage {
    let [only] = mention.members[..] else { return Passage::default() };
    let object = &graph.scene().objects[only];
    let Some(index) = telling_part(object) else { return Passage::default() };
    let words = indefinite_part(object.parts[index].kind, object.parts[index].color);
    Passage::plain("with").phrase(words, vec![Ref::Part { object: only, part: index }])
}

/// "A is next to B. C is left of D. There is also E."
fn related(graph: &Graph, mut mentions: Vec<Mention>, dice: &mut Dice) -> Passage {
    let mut passage = Passage::default();
    let mut alone = Vec::new();
    while !mentions.is_empty() {
        let first = mentions.remove(0);
        let relation = |other: &Mention| match (&first.members[..], &other.members[..]) {
            ([a], [b]) => graph.best_relation(*a, *b),
            _ => None,
        };
        let found = mentions.iter().enumerate().find_map(|(at, other)| Some((at, relation(other)?)));
        let Some((at, relation)) = found else {
            alone.push(first);
            continue;
        };
        let second = mentions.remove(at);
        passage = passage
            .then(first.passage().capitalised())
            .say(format!("is {}", relation.words()))
            .then(second.passage())
            .say(".");
    }
    if alone.is_empty() {
        return passage;
    }
    if passage == Passage::default() {
        return there_is(graph, &alone, dice);
    }
    let verb = to_be(alone[0].is_plural());
    passage.then(Passage::plain(format!("There {verb} also"))).then(list(graph, &alone, dice)).say(".")
}
