//! What must hold of every conversation, checked on scenes built by hand.

use super::expression::{Qualifier, unambiguous};
use super::*;
use crate::scenes::graph::{Relation, Verdict};
use crate::scenes::{Background, Object, Part, PartKind, Size};

const SIDE: u32 = 256;

fn rectangle(bounds: [u32; 4]) -> BinaryMask {
    let [x0, y0, x1, y1] = bounds;
    BinaryMask::from_fn(SIDE, SIDE, |x, y| (x0..x1).contains(&x) && (y0..y1).contains(&y))
}

fn object(kind: Kind, color: Color, bounds: [u32; 4]) -> Object {
    let mask = rectangle(bounds);
    let bounds = mask.bounding_box().unwrap_or_default();
    Object {
        kind,
        color,
        size: Size::Medium,
        mask,
        bounds,
        visible: 1.0,
        parts: Vec::new(),
        supported_by: None,
    }
}

/// A red house with a brown roof, two trees on either side, a cloud over it, a cat on a chair, two
/// red cars and a person before one of them.
fn village() -> Scene {
    let mut house = object(Kind::House, Color::Red, [100, 90, 150, 160]);
    house.parts.push(Part {
        kind: PartKind::Roof,
        color: Color::Brown,
        mask: rectangle([100, 90, 150, 110]),
    });
    let mut cat = object(Kind::Cat, Color::Black, [70, 180, 90, 200]);
    cat.supported_by = Some(3);
    let mut objects = vec![
        house,
        object(Kind::Tree, Color::Green, [50, 90, 80, 160]),
        object(Kind::Tree, Color::Orange, [170, 80, 200, 160]),
        object(Kind::Chair, Color::White, [66, 200, 94, 240]),
        cat,
        object(Kind::Car, Color::Red, [110, 200, 150, 225]),
        object(Kind::Car, Color::Red, [190, 200, 240, 230]),
        object(Kind::Person, Color::Blue, [140, 190, 152, 235]),
        object(Kind::Cloud, Color::White, [90, 10, 160, 40]),
    ];
    objects[5].visible = 0.8;
    let hidden = objects[7].mask.clone();
    objects[5].mask = BinaryMask::from_fn(SIDE, SIDE, |x, y| {
        (110..150).contains(&x) && (200..225).contains(&y) && !hidden.contains(x, y)
    });
    Scene { seed: 5, background: Background::Meadow, objects, image: image::RgbImage::new(SIDE, SIDE) }
}

fn lonely() -> Scene {
    let objects = vec![object(Kind::Boat, Color::Blue, [20, 100, 90, 180])];
    Scene { seed: 6, background: Background::Sea, objects, image: image::RgbImage::new(SIDE, SIDE) }
}

fn empty() -> Scene {
    Scene { objects: Vec::new(), ..lonely() }
}

/// Conversations about the scenes above and about generated ones.
fn many() -> impl Iterator<Item = (Scene, Conversation)> {
    let built = (0..40).flat_map(|seed| [village(), lonely(), empty()].map(|scene| (scene, seed)));
    let generated = (0..40).map(|seed| (crate::scenes::generate(seed), seed));
    built.chain(generated).flat_map(|(scene, seed)| {
        let all: Vec<_> = training(&scene, seed).into_iter().chain(evaluation(&scene, seed)).collect();
        all.into_iter().map(move |it| (scene.clone(), it))
    })
}

#[test]
fn relations_are_those_a_person_sees() {
    let scene = village();
    let graph = Graph::new(&scene);
    let holds = |a, relation, b| graph.verdict(a, relation, b);
    assert_eq!(holds(1, Relation::LeftOf, 0), Verdict::Yes);
    assert_eq!(holds(2, Relation::LeftOf, 0), Verdict::No);
    assert_eq!(holds(0, Relation::RightOf, 1), Verdict::Yes);
    assert_eq!(holds(8, Relation::Above, 0), Verdict::Yes);
    assert_eq!(holds(0, Relation::Below, 8), Verdict::Yes);
    assert_eq!(holds(4, Relation::On, 3), Verdict::Yes);
    assert_eq!(holds(3, Relation::On, 4), Verdict::Unclear);
    assert_eq!(holds(7, Relation::InFrontOf, 5), Verdict::Yes);
    assert_eq!(holds(5, Relation::Behind, 7), Verdict::Yes);
    // Perspective: what is further up the picture is further away, not above.
    assert_eq!(holds(1, Relation::Above, 3), Verdict::Unclear);
}

#[test]
fn the_same_seed_gives_the_same_conversations() {
    let scene = village();
    assert_eq!(training(&scene, 9), training(&scene, 9));
    assert_ne!(training(&scene, 9), training(&scene, 10));
    assert_eq!(evaluation(&scene, 9), evaluation(&scene, 9));
}

#[test]
fn descriptions_fit_exactly_one_object() {
    let mut qualified = 0;
    for scene in (0..40).map(crate::scenes::generate).chain([village()]) {
        qualified += check_descriptions(&scene);
    }
    assert!(qualified > 300, "{qualified}");
    // Neither car can be told from the other by its look.
    let scene = village();
    let graph = Graph::new(&scene);
    let words: Vec<String> = unambiguous(&graph, 6).iter().map(|it| it.definite(&graph)).collect();
    assert!(!words.contains(&"the red car".into()) && !words.contains(&"the car".into()), "{words:?}");
    assert!(words.contains(&"the rightmost car".into()), "{words:?}");
}

/// Counts the descriptions with a qualifier.
fn check_descriptions(scene: &Scene) -> usize {
    let graph = Graph::new(scene);
    let mut qualified = 0;
    for index in 0..scene.objects.len() {
        for expression in unambiguous(&graph, index) {
            qualified += usize::from(expression.qualifier != Qualifier::None);
            for other in 0..scene.objects.len() {
                let expected = if other == index { Verdict::Yes } else { Verdict::No };
                let words = expression.definite(&graph);
                assert_eq!(expression.verdict(&graph, other), expected, "{words} and object {other}");
            }
        }
    }
    qualified
}

#[test]
fn each_seg_has_its_target_and_each_bbox_its_box() {
    let mut tasks = std::collections::HashSet::new();
    for (scene, conversation) in many() {
        tasks.insert(conversation.task);
        for turn in &conversation.turns {
            assert_eq!(turn.reply.matches("[SEG]").count(), turn.targets.len(), "{turn:?}");
            assert_eq!(turn.user.matches("<bbox>").count(), turn.boxes.len(), "{turn:?}");
            assert!(!turn.user.contains(['{', '}']), "{turn:?}");
            for target in &turn.targets {
                assert!(target_mask(&scene, target).area() > 0, "{turn:?}");
            }
        }
    }
    assert_eq!(tasks.len(), 6);
}

#[test]
fn spans_are_the_phrases_of_the_reply() {
    for (_, conversation) in many() {
        for turn in conversation.turns {
            let marked: Vec<&str> = turn
                .reply
                .split("<p> ")
                .skip(1)
                .filter_map(|rest| rest.split_once(" </p> [SEG]").map(|(phrase, _)| phrase))
                .collect();
            let spans: Vec<&str> = turn.phrases.iter().map(|(span, _)| &turn.visible[span.clone()]).collect();
            assert_eq!(spans, marked);
            assert!(!turn.visible.contains(['<', '[']) && !turn.visible.contains("  "), "{}", turn.visible);
            assert!(!turn.visible.contains(" ."), "{}", turn.visible);
            assert!(turn.visible.ends_with('.'), "{}", turn.visible);
        }
    }
}

#[test]
fn reference_replies_are_judged_right() {
    for (_, conversation) in many() {
        for turn in conversation.turns {
            assert!(judge(&turn.reply, &turn.truth), "{turn:?}");
        }
    }
}

#[test]
fn a_fifth_of_the_examination_is_worded_anew() {
    let scene = village();
    let asked: Vec<Wording> =
        (0..40).flat_map(|seed| evaluation(&scene, seed)).map(|it| it.wording).collect();
    let held_out = asked.iter().filter(|wording| **wording == Wording::HeldOut).count();
    assert!(held_out * 5 >= asked.len(), "{held_out} of {}", asked.len());
    assert!((0..40).flat_map(|seed| training(&scene, seed)).all(|it| it.wording == Wording::Training));
}

#[test]
fn what_is_asked_for_as_absent_is_absent() {
    let scene = village();
    for seed in 0..50 {
        for (kind, color) in absent_looks(&scene, &mut Dice::new(seed, 3)) {
            let there = |it: &Object| it.kind == kind && color.is_none_or(|color| it.color == color);
            assert!(!scene.objects.iter().any(there));
        }
    }
}

#[test]
fn yes_and_no_are_balanced() {
    let scene = village();
    let answers: Vec<bool> = (0..300)
        .flat_map(|seed| training(&scene, seed))
        .filter(|it| it.task == Task::Qa)
        .flat_map(|it| it.turns)
        .filter_map(|turn| if let Truth::YesNo(yes) = turn.truth { Some(yes) } else { None })
        .collect();
    let yes = answers.iter().filter(|yes| **yes).count() as f64 / answers.len() as f64;
    assert!((0.4..0.6).contains(&yes), "{yes}");
}
