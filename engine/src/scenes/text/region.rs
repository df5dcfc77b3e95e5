//! Speaking of boxes: which objects a box can stand for without doubt, and what is said of them.

use super::dice::Dice;
use super::nouns::{indefinite, indefinite_part, noun_of, telling_part};
use crate::scenes::graph::{Graph, Relation};
use crate::vision::PixelBox;

/// Overlap of two boxes, intersection over union, from which a box might mean either object.
const CONFUSABLE: f32 = 0.45;

/// A box as a person would draw it around the object: its edges are off by a few pixels.
pub(super) fn drawn_box(graph: &Graph, object: usize, dice: &mut Dice) -> PixelBox {
    let image = &graph.scene().image;
    let bounds = graph.scene().objects[object].bounds;
    let (dx, dy) = (0.05 * bounds.width(), 0.05 * bounds.height());
    let mut off = |edge: f32, by: f32| (edge + by * dice.signed()).round();
    PixelBox {
        x0: off(bounds.x0, dx),
        y0: off(bounds.y0, dy),
        x1: off(bounds.x1, dx),
        y1: off(bounds.y1, dy),
    }
    .clipped(image.width(), image.height())
}

/// Whether a box around the object can mean nothing else: it fills a fair part of the box, and
/// no other object does or has about the same box.
pub(super) fn is_clear(graph: &Graph, object: usize) -> bool {
    let bounds = graph.scene().objects[object].bounds;
    let objects = graph.scene().objects.iter().enumerate();
    let covered = graph.area(object) as f32;
    covered > 0.2 * bounds.area()
        && objects.filter(|(other, _)| *other != object).all(|(other, rival)| {
            let width = bounds.x1.min(rival.bounds.x1) - bounds.x0.max(rival.bounds.x0);
            let height = bounds.y1.min(rival.bounds.y1) - bounds.y0.max(rival.bounds.y0);
            let shared = width.max(0.0) * height.max(0.0);
            let iou = shared / (bounds.area() + rival.bounds.area() - shared).max(1.0);
            // A rival that lies wholly inside must be small beside the object.
            let inside = shared / rival.bounds.area().max(1.0) * graph.area(other) as f32;
            iou < CONFUSABLE && inside < 0.7 * covered
        })
}

/// "a small red house with a brown roof".
pub(super) fn caption(graph: &Graph, object: usize, dice: &mut Dice) -> String {
    let it = &graph.scene().objects[object];
    let noun = indefinite(&noun_of(it, true));
    if let Some(part) = telling_part(it).map(|index| &it.parts[index]) {
        return format!("{noun} with {}", indefinite_part(part.kind, part.color));
    }
    if dice.chance(0.5)
        && let Some(beside) = beside(graph, object)
    {
        return format!("{noun} {beside}");
    }
    noun
}

/// "on a chair", "behind a red car": what the object touches, for what it stands on or is hidden by.
fn beside(graph: &Graph, object: usize) -> Option<String> {
    let close = [Relation::On, Relation::InFrontOf, Relation::Behind];
    let others = 0..graph.scene().objects.len();
    let found = others.into_iter().find_map(|other| {
        let relation = graph.best_relation(object, other)?;
        close.contains(&relation).then_some((relation, other))
    });
    let (relation, other) = found?;
    let noun = indefinite(&noun_of(&graph.scene().objects[other], false));
    Some(format!("{} {noun}", relation.words()))
}
