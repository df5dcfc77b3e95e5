//! Referring expressions: descriptions that fit exactly one object of the scene.
//!
//! An [`Expression`] is kept as data, so that it can be checked against the scene graph, and put
//! into words at the end. It counts as unambiguous only if it clearly fits one object and clearly
//! fits no other ([`Expression::resolve`]).

use super::dice::Dice;
use super::nouns::{indefinite_part, is_telling, noun};
use crate::scenes::graph::{Graph, Relation, Side, Verdict};
use crate::scenes::{Color, Kind, PartKind, Size};

/// What is said beyond kind, colour and size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Qualifier {
    /// Nothing.
    None,
    /// "on the left".
    Side(Side),
    /// "the leftmost".
    Extreme(Extreme),
    /// "next to the red house": the other object goes by kind and colour.
    Related(Relation, usize),
    /// "with the brown roof".
    With(PartKind, Color),
}

/// What an object can be the most of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extreme {
    /// Nearest to the left edge.
    Leftmost,
    /// Nearest to the right edge.
    Rightmost,
    /// Covers most pixels.
    Largest,
    /// Covers fewest pixels.
    Smallest,
}

impl Extreme {
    const ALL: [Self; 4] = [Self::Leftmost, Self::Rightmost, Self::Largest, Self::Smallest];

    fn words(self) -> &'static str {
        match self {
            Self::Leftmost => "leftmost",
            Self::Rightmost => "rightmost",
            Self::Largest => "largest",
            Self::Smallest => "smallest",
        }
    }

    /// Whether `a` beats `b`. A tie within the margin is no clear case.
    fn beats(self, graph: &Graph, a: usize, b: usize) -> Verdict {
        let (x, y) = (graph.horizontal(a), graph.horizontal(b));
        let (m, n) = (graph.area(a) as f32, graph.area(b) as f32);
        let lead = match self {
            Self::Leftmost => y - x - 0.05,
            Self::Rightmost => x - y - 0.05,
            Self::Largest => m - 1.5 * n,
            Self::Smallest => n - 1.5 * m,
        };
        let whole = |index: usize| graph.scene().objects[index].visible > 0.8;
        // What is half hidden has no size that all would agree on.
        let fair = matches!(self, Self::Leftmost | Self::Rightmost) || (whole(a) && whole(b));
        if lead >= 0.0 && fair { Verdict::Yes } else { Verdict::Unclear }
    }
}

/// A description of one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Expression {
    pub(super) kind: Kind,
    pub(super) color: Option<Color>,
    pub(super) size: Option<Size>,
    pub(super) qualifier: Qualifier,
}

impl Expression {
    /// By kind alone.
    pub(super) fn of(kind: Kind) -> Self {
        Self { kind, color: None, size: None, qualifier: Qualifier::None }
    }

    fn fits_head(&self, graph: &Graph, index: usize) -> bool {
        let object = &graph.scene().objects[index];
        object.kind == self.kind
            && self.color.is_none_or(|color| object.color == color)
            && self.size.is_none_or(|size| object.size == size)
    }

    /// Whether it fits this object.
    pub(super) fn verdict(&self, graph: &Graph, index: usize) -> Verdict {
        if !self.fits_head(graph, index) {
            return Verdict::No;
        }
        let object = &graph.scene().objects[index];
        let yes_if = |holds: bool| if holds { Verdict::Yes } else { Verdict::No };
        match self.qualifier {
            Qualifier::None => Verdict::Yes,
            Qualifier::Side(side) => {
                graph.side(index).map_or(Verdict::Unclear, |found| yes_if(found == side))
            }
            Qualifier::Extreme(extreme) => self.extreme_verdict(graph, extreme, index),
            Qualifier::Related(relation, other) => graph.verdict(index, relation, other),
            Qualifier::With(kind, color) => object
                .parts
                .iter()
                .find(|part| part.kind == kind)
                .map_or(Verdict::Unclear, |part| yes_if(part.color == color)),
        }
    }

    fn extreme_verdict(&self, graph: &Graph, extreme: Extreme, index: usize) -> Verdict {
        let rivals: Vec<usize> = (0..graph.scene().objects.len())
            .filter(|&other| other != index && self.fits_head(graph, other))
            .collect();
        if rivals.is_empty() {
            return Verdict::Unclear;
        }
        if rivals.iter().any(|&other| extreme.beats(graph, other, index) == Verdict::Yes) {
            return Verdict::No;
        }
        rivals.iter().map(|&other| extreme.beats(graph, index, other)).min().unwrap_or(Verdict::Unclear)
    }

    /// The one object it clearly means; `None` if there is none, or any doubt.
    pub(super) fn resolve(&self, graph: &Graph) -> Option<usize> {
        let mut found = None;
        for index in 0..graph.scene().objects.len() {
            match self.verdict(graph, index) {
                Verdict::No => {}
                Verdict::Unclear => return None,
                Verdict::Yes if found.is_some() => return None,
                Verdict::Yes => found = Some(index),
            }
        }
        found
    }

    /// Without article: "red house next to the tree".
    fn words(&self, graph: &Graph) -> String {
        let head = noun(self.kind, self.color, self.size, false);
        match self.qualifier {
            Qualifier::None => head,
            Qualifier::Side(side) => format!("{head} {}", side.words()),
            Qualifier::Extreme(extreme) => format!("{} {head}", extreme.words()),
            Qualifier::Related(relation, other) => {
                let anchor = anchor(graph, other).map_or_else(String::new, |it| it.definite(graph));
                format!("{head} {} {anchor}", relation.words())
            }
            Qualifier::With(kind, color) => format!("{head} with {}", indefinite_part(kind, color)),
        }
    }

    /// "the red house next to the tree".
    pub(super) fn definite(&self, graph: &Graph) -> String {
        format!("the {}", self.words(graph))
    }
}

/// The shortest description by kind and colour that means this object alone.
pub(super) fn anchor(graph: &Graph, index: usize) -> Option<Expression> {
    let object = &graph.scene().objects[index];
    let by_kind = Expression::of(object.kind);
    let by_color = Expression { color: Some(object.color), ..by_kind };
    [by_kind, by_color].into_iter().find(|expression| expression.resolve(graph) == Some(index))
}

/// Every description of the object that is unambiguous, from plain to elaborate.
pub(super) fn unambiguous(graph: &Graph, index: usize) -> Vec<Expression> {
    let object = &graph.scene().objects[index];
    let mut heads = vec![Expression::of(object.kind)];
    heads.push(Expression { color: Some(object.color), ..heads[0] });
    // A lone house may be small for a house, but nobody would look for "the small house".
    if object.size != Size::Medium && graph.scene().count(object.kind) > 1 {
        heads.push(Expression { size: Some(object.size), ..heads[0] });
        heads.push(Expression { size: Some(object.size), ..heads[1] });
    }
    let others = (0..graph.scene().objects.len()).filter(|&other| anchor(graph, other).is_some());
    let mut qualifiers = vec![Qualifier::None];
    qualifiers.extend(Side::ALL.map(Qualifier::Side));
    qualifiers.extend(Extreme::ALL.map(Qualifier::Extreme));
    for other in others {
        qualifiers.extend(Relation::ALL.map(|relation| Qualifier::Related(relation, other)));
    }
    let telling = object.parts.iter().filter(|part| is_telling(part.kind));
    qualifiers.extend(telling.map(|part| Qualifier::With(part.kind, part.color)));
    let mut found = Vec::new();
    for qualifier in qualifiers {
        for &head in &heads {
            let expression = Expression { qualifier, ..head };
            // "small" beside "largest" would be puzzling.
            let puzzling = head.size.is_some() && qualifier != Qualifier::None;
            if !puzzling && expression.resolve(graph) == Some(index) {
                found.push(expression);
            }
        }
    }
    found
}

/// One of the object's unambiguous descriptions, the plain ones more often; `None` if it has none.
pub(super) fn describe(graph: &Graph, index: usize, dice: &mut Dice) -> Option<Expression> {
    let all = unambiguous(graph, index);
    let plain: Vec<Expression> =
        all.iter().copied().filter(|expression| expression.qualifier == Qualifier::None).collect();
    if !plain.is_empty() && dice.chance(0.65) {
        return dice.pick(&plain).copied();
    }
    dice.pick(&all).copied()
}
